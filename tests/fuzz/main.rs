//! Bytes that nobody made: each parser of what comes from outside, against random changes.
//!
//! ```text
//! seeds (seeds.rs) ─┐
//! corpus/<target>/ ─┼→ replayed ─→ changed at random for HVELV_FUZZ_SECONDS (2) ─→ targets
//! ```
//!
//! The same targets run with coverage in `guided/` (`make fuzz`); what it finds goes to `corpus/`
//! and is replayed here for ever.  A target fails by a panic: a check of its own, an overflow, an
//! index.  INVARIANT: bytes from outside are answered by a value or an error, whatever they are.
//!
//! What this does *not* show: that an error is the right one (the tests beside each parser do), or
//! that memory is bounded by the length of the input.

#![expect(clippy::unwrap_used, reason = "a test that cannot run fails")]
#![expect(
    clippy::disallowed_methods,
    reason = "how long it runs is from the environment and a clock"
)]
#![expect(clippy::print_stdout, reason = "how much was tried is told")]
#![expect(clippy::print_stderr, reason = "what failed is told before the panic goes on")]

mod mutate;
#[expect(dead_code, reason = "not all of it is drawn here")]
#[path = "../it/harness/random.rs"]
mod random;
mod seeds;
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::Changes;
use targets::{Run, TARGETS};

/// Asked as the tests run: a build that is kept may be of another clone.
fn here() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    Path::new(&package).join("tests/fuzz")
}

/// How long each target is tried with changed inputs.
fn duration() -> Duration {
    let seconds = std::env::var("HVELV_FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.map_or(2, |text| text.parse().unwrap()))
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let found = fs::read_dir(here().join("corpus").join(name));
    let files = found.into_iter().flatten().map(|file| fs::read(file.unwrap().path()).unwrap());
    seeds::of(name).into_iter().chain(files).collect()
}

/// Runs one input; one that panics is kept first, where the message says.
fn run(name: &str, target: Run, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let kept = std::env::temp_dir().join(format!("hvelv-fuzz-{name}"));
        fs::write(&kept, input).unwrap();
        eprintln!("the input is in {}; keep it in tests/fuzz/corpus/{name}", kept.display());
        resume_unwind(panic);
    }
}

fn fuzz(wanted: &str) {
    let (name, target) = *TARGETS.iter().find(|(name, _)| *name == wanted).unwrap();
    let known = corpus(name);
    assert!(!known.is_empty(), "{name} has seeds");
    for input in &known {
        run(name, target, input);
    }
    let seed = known.iter().flatten().fold(1, |seed: u64, byte| {
        seed.rotate_left(7).wrapping_add(u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    let (mut changes, started, mut tried) = (Changes::new(seed), Instant::now(), 0_u64);
    let mut input = Vec::new();
    while started.elapsed() < duration() {
        for _ in 0..64 {
            changes.of(&known, &mut input);
            run(name, target, &input);
            tried += 1;
        }
    }
    println!("{name}: {} known inputs, {tried} changed ones", known.len());
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_is_a_test() {
            assert_eq!([$(stringify!($name)),*], TARGETS.map(|(name, _)| name));
        }
    };
}

tests! { configuration csv identifiers key_file messages notes packed parquet records }

#[test]
fn every_request_message_is_decoded() {
    use prost::Message;
    let descriptors = hvelv::rpc::proto::FILE_DESCRIPTOR_SET;
    let set = prost_types::FileDescriptorSet::decode(descriptors).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let mut wanted: Vec<String> = services
        .flat_map(|service| &service.method)
        .map(|method| method.input_type().rsplit('.').next().unwrap().to_owned())
        .collect();
    wanted.sort();
    wanted.dedup();
    assert_eq!(targets::messages::names(), wanted);
}

/// For `make fuzz`: the known inputs as files, where libFuzzer looks for them.
#[test]
fn known_inputs_are_written_where_they_are_asked_for() {
    let Some(directory) = std::env::var_os("HVELV_FUZZ_SEEDS") else { return };
    for (name, _) in TARGETS {
        let directory = Path::new(&directory).join(name);
        fs::create_dir_all(&directory).unwrap();
        for (number, input) in corpus(name).into_iter().enumerate() {
            fs::write(directory.join(format!("seed-{number}")), input).unwrap();
        }
    }
}
