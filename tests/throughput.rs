//! Known persons over TLS are answered at no less than a quarter of the rate of a raw tonic echo.
//!
//! Goal: the mapping path stays batched.  Method: both servers in this process, in alternating
//! rounds; the best round of each is compared, since noise only ever slows a round.  It is a ratio,
//! not a time, so it says the same on a slow machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the figures are printed whatever comes of them")]

#[path = "../benches/ingest/compare.rs"]
mod compare;
#[path = "../benches/ingest/echo.rs"]
mod echo;
#[path = "../benches/ingest/world.rs"]
mod world;

use compare::{Comparison, FLOOR, line};
use world::{Form, Load, World};

/// Rounds of each, always all of them: stopping at the first that passes would wait for a round in
/// which another process slows the echo down.
const ROUNDS: usize = 9;

#[test]
fn known_persons_are_answered_at_a_quarter_of_the_rate_of_a_raw_echo() {
    let world = World::start(50_000);
    let first_sight = world.deliver_everybody(Form::PackedAscii);
    println!("first sight: {:.2} M ids/s", first_sight / 1e6);
    if let Ok(n) = std::env::var("HACK") {
        for _ in 0..3 {
            let r = world.round(
                world::Server::Hvelv,
                Load { form: Form::PackedAscii, streams: 1, messages: n.parse().unwrap() },
            );
            println!("hack {:.2}", r / 1e6);
        }
        world.stop();
        return;
    }
    let found = [Form::Integers, Form::PackedAscii].map(|form| {
        let found = Comparison::run(&world, Load { form, streams: 1, messages: 768 }, ROUNDS);
        println!("{}, best over best {:.2}", line(form.name(), &found), found.best_ratio());
        (form, found.best_ratio())
    });
    world.stop();
    for (form, ratio) in found {
        // Without optimisation neither side's rate means anything.
        assert!(cfg!(debug_assertions) || ratio >= FLOOR, "{}: {ratio:.2}", form.name());
    }
}
