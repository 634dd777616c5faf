//! Random courses of what people and registers do, against a simple model.
//!
//! Goal: what holds of each feature alone holds of all of them in any order.  Method: each course has a
//! few identifiers of its own and a seed; a step is drawn, done by the service, done by the model, and
//! what the service answers must be what the model says.  After each course everything is asked again,
//! also after the server was sealed and opened.  `HVELV_MODEL_COURSES` says how many courses (`make
//! model` runs many), `HVELV_MODEL_SEED` runs one again, and with a number of courses that many from it
//! on.
//!
//! ```text
//! course.rs    steps: drawn, done, compared       events.rs    events of the population register
//! telling.rs   innsyn, feeds, everything asked    persons.rs   who is who: identifiers and links
//!                                                 expected.rs  IDs, serials, what was said and erased
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::erasure::{DECEMBER, JANUARY, LATER};
use super::rights::reserved;
use super::*;
use crate::config::codes::DisclosurePurpose;
use crate::disclosure::DisclosureId;
use crate::registers::{Fact, Reach};
use crate::rights::cases::Scope;

mod course;
mod events;
mod expected;
mod persons;
mod telling;

use course::Course;

/// Courses of the short run.
const COURSES: u64 = 2_000;
/// Courses that share a world: opening one takes longer than a course.
const COURSES_A_WORLD: u64 = 100;
/// Identifiers of a course.
const IDENTIFIERS: usize = 6;
const STEPS: usize = 24;
/// Where rows go: register and source.
const REGISTERS: [(&str, &str); 3] = [("NPR", "HF"), ("KPR", "KUHR"), ("REHAB", "LOKAL")];
/// The one on consent.
const REHAB: usize = 2;
/// Registers of the disclosures.
const DISCLOSED: [&str; 2] = ["NPR", "KPR"];

/// A number from the environment of the test run.
fn from_environment(name: &str) -> Option<u64> {
    std::env::var_os(name)?.to_str()?.parse().ok()
}

/// Small, seeded random numbers (SplitMix64): a course is the same everywhere.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// One of several.
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// Some of the identifiers, at least one, in any order and perhaps twice.
    fn some(&mut self) -> Vec<usize> {
        let count = 1 + self.below(IDENTIFIERS);
        (0..count).map(|_| self.below(IDENTIFIERS)).collect()
    }

    /// Two different identifiers.
    fn two(&mut self) -> [usize; 2] {
        let one = self.below(IDENTIFIERS);
        [one, (one + 1 + self.below(IDENTIFIERS - 1)) % IDENTIFIERS]
    }
}

/// Says which course it was when it fails.
struct Named(u64);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "a failed course is run again by its seed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the course that failed: HVELV_MODEL_SEED={}", self.0);
        }
    }
}

#[test]
fn any_course_of_steps_is_answered_as_the_model_says() {
    let seed = from_environment("HVELV_MODEL_SEED");
    let count = from_environment("HVELV_MODEL_COURSES");
    let count = count.unwrap_or_else(|| if seed.is_some() { 1 } else { COURSES });
    let first = seed.unwrap_or(0);
    let numbers = numbers(IDENTIFIERS * usize::try_from(COURSES_A_WORLD).unwrap());
    for begin in (first..first + count).step_by(usize::try_from(COURSES_A_WORLD).unwrap()) {
        let world = World::identities();
        let end = (first + count).min(begin + COURSES_A_WORLD);
        // Up to where the courses of this world have read the feeds of their registers.
        let mut read_to = [0; REGISTERS.len()];
        for (seed, numbers) in (begin..end).zip(numbers.chunks(IDENTIFIERS)) {
            let _named = Named(seed);
            read_to = Course::new(&world, numbers, (seed, read_to)).run();
        }
    }
}
