//! Random courses of what people and registers do, against a simple model.
//!
//! Goal: what holds of each feature alone holds of all of them in any order.  Method: each course has a
//! few persons of its own and a seed; a step is drawn, done by the service, done by the model, and what
//! the service answers must be what the model says.  After each course everything is asked again, also
//! after the server was sealed and opened.  `HVELV_MODEL_COURSES` says how many courses (`make model`
//! runs many), `HVELV_MODEL_SEED` runs one again.

use std::collections::{BTreeMap, BTreeSet};

use super::erasure::LATER;
use super::rights::reserved;
use super::*;
use crate::config::codes::DisclosurePurpose;
use crate::disclosure::DisclosureId;
use crate::registers::Fact;
use crate::rights::cases::Scope;

mod course;
mod expected;

use course::Course;

/// Courses of the short run.
const COURSES: u64 = 2_000;
/// Courses that share a world: opening one takes longer than a course.
const COURSES_A_WORLD: u64 = 100;
/// Persons of a course.
const PERSONS: usize = 6;
const STEPS: usize = 24;

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

    /// Some of the persons, at least one, in any order and perhaps twice.
    fn some(&mut self) -> Vec<usize> {
        let count = 1 + self.below(PERSONS);
        (0..count).map(|_| self.below(PERSONS)).collect()
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
    let (first, count) = match from_environment("HVELV_MODEL_SEED") {
        Some(seed) => (seed, 1),
        None => (0, from_environment("HVELV_MODEL_COURSES").unwrap_or(COURSES)),
    };
    let people = numbers(PERSONS * usize::try_from(COURSES_A_WORLD).unwrap());
    for begin in (first..first + count).step_by(usize::try_from(COURSES_A_WORLD).unwrap()) {
        let world = World::unsealed();
        let end = (first + count).min(begin + COURSES_A_WORLD);
        for (seed, people) in (begin..end).zip(people.chunks(PERSONS)) {
            let _named = Named(seed);
            Course::new(&world, people, seed).run();
        }
    }
}
