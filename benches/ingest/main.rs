//! Known persons over TLS beside a raw tonic echo of the same bytes, in alternating rounds.
//!
//! ```text
//! cargo bench --bench ingest                 prints figures, adds them to bench-results.json
//! cargo bench --bench ingest -- --smoke      one tiny round; so does cargo test --benches
//! ```
//!
//! `HVELV_BENCH_PERSONS` is the population (200,000 by default).
//!
//! What it does *not* tell: how fast a machine is. Clients, echo and Hvelv share its processors, so
//! only the ratio can be compared with another machine's.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run ends")]
#![expect(clippy::print_stdout, reason = "the figures are what a benchmark is for")]

use serde_json::{Value, json};

mod compare;
mod echo;
mod in_process;
mod results;
mod world;

use compare::{Comparison, FLOOR, line};
use world::{Form, Load, World};

/// How much is measured.
struct Size {
    persons: usize,
    messages: usize,
    rounds: usize,
}

const SMOKE: Size = Size { persons: 4096, messages: 2, rounds: 1 };

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    if has("--list") {
        // A test runner asks for the names of tests.
        println!("{}", if has("--ignored") { "" } else { "smoke: test" });
        return;
    }
    let is_smoke = has("--smoke") || !has("--bench");
    let size = if is_smoke { SMOKE } else { full() };
    let found = measure(&size);
    if !is_smoke {
        results::write(found);
    }
}

#[expect(clippy::disallowed_methods, reason = "the size of a benchmark is no configuration")]
fn full() -> Size {
    let persons = std::env::var("HVELV_BENCH_PERSONS").ok();
    let persons = persons.map_or(200_000, |text| text.parse().expect("a count of persons"));
    Size { persons, messages: 1024, rounds: 9 }
}

fn measure(size: &Size) -> Vec<Value> {
    let world = World::start(size.persons);
    println!("{} persons, {} rounds of {} messages", size.persons, size.rounds, size.messages);
    let first_sight = world.deliver_everybody(Form::Integers);
    println!("{:<28} hvelv {:.2} M ids/s", "first sight, one stream", first_sight / 1e6);
    let mut results = Vec::new();
    let mut reference = f64::NAN;
    for form in [Form::Integers, Form::PackedAscii, Form::Text] {
        for streams in [1, 2] {
            let what = format!("known, {}, streams: {streams}", form.name());
            let load = Load { form, streams, messages: size.messages };
            let found = Comparison::run(&world, load, size.rounds);
            println!("{}", line(&what, &found));
            if reference.is_nan() {
                reference = found.echo.median;
            }
            results.push(json!({
                "measure": what,
                "value": found.hvelv.median.round(),
                "unit": "ids/s",
                "reference": found.echo.median.round(),
                "ratio": found.ratio.median,
                // Of packed columns; text has none yet.
                "floor": (form != Form::Text).then_some(FLOOR),
                // The target comes in an issue of its own.
                "aim": null,
            }));
        }
    }
    results.push(json!({
        "measure": "first sight, integers, streams: 1",
        "value": first_sight.round(),
        "unit": "ids/s",
        "reference": reference.round(),
        "ratio": first_sight / reference,
        "floor": null,
        "aim": null,
    }));
    for form in [Form::Integers, Form::PackedAscii, Form::Text] {
        let rate = world.in_process(form, size.messages);
        let what = format!("known, {}, in process, one thread", form.name());
        println!("{what:<28} {:.2} M ids/s", rate / 1e6);
        results.push(json!({
            "measure": what,
            "value": rate.round(),
            "unit": "ids/s",
            "reference": null,
            "ratio": null,
            "floor": null,
            "aim": null,
        }));
    }
    world.stop();
    results
}
