//! Known persons over TLS are answered at no less than a quarter of the rate of a raw tonic echo.
//!
//! Goal: the mapping path stays batched.  Method: both servers in this process, in alternating
//! rounds; each round of ours is divided by the echo's that ran beside it, and the middle one of
//! these ratios counts: a round that another process slowed on either side moves it little.  It is a
//! ratio, not a time, so it says the same on a slow machine.
//!
//! Held for packed integers, 8 bytes in and 8 out.  Packed ASCII, 11 in and 8 out, whose echo hands the
//! bytes through without reading them, lies at the bound (0.26 to 0.29) and is printed beside.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "the figures are printed whatever comes of them")]

#[path = "../benches/ingest/client.rs"]
mod client;
#[path = "../benches/ingest/compare.rs"]
mod compare;
#[path = "../benches/ingest/echo.rs"]
mod echo;
#[path = "../benches/ingest/in_process.rs"]
mod in_process;
#[path = "../benches/ingest/load.rs"]
mod load;
#[path = "../benches/results/spread.rs"]
mod spread;
#[path = "../benches/ingest/world.rs"]
mod world;

use compare::{known, line};
use load::{BATCH, Form, Load, population};
use spread::Spread;
use world::World;

/// Rounds of each, always all of them: stopping at the first that passes would wait for a round in
/// which another process slows the echo down.
const ROUNDS: usize = 15;

/// The least ratio that is allowed.
const FLOOR: f64 = 0.25;

#[test]
fn known_persons_are_answered_at_a_quarter_of_the_rate_of_a_raw_echo() {
    let (world, numbers) = (World::start(), population(50_000));
    let first_sight = world.deliver_all(Form::PackedAscii, &numbers);
    println!("first sight: {:.2} M ids/s", first_sight / 1e6);
    let found = [Form::Integers, Form::PackedAscii].map(|form| {
        let load = Load { form, streams: 1, count: 768, batch: BATCH };
        let found = known(&world, load, &numbers, ROUNDS);
        println!("{}", line(form.name(), &found));
        found.iter().map(|(hvelv, echo)| hvelv / echo).collect::<Spread>().median
    });
    for form in [Form::Integers, Form::PackedAscii, Form::Text] {
        let rate = world.in_process(form, &numbers, 768).0 / 1e6;
        println!("{:<28} in process, one thread: {rate:.2} M ids/s", form.name());
    }
    world.stop();
    let [integers, _] = found;
    // Without optimisation neither side's rate means anything.
    let holds = cfg!(debug_assertions) || integers >= FLOOR;
    assert!(holds, "packed integers: {integers:.2}");
}
