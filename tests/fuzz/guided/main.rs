//! A target of `tests/fuzz` under libFuzzer: the one that `HVELV_FUZZ_TARGET` names.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

#[path = "../targets/mod.rs"]
mod targets;

fn target() -> targets::Run {
    static TARGET: OnceLock<targets::Run> = OnceLock::new();
    *TARGET.get_or_init(|| {
        let wanted = std::env::var("HVELV_FUZZ_TARGET").expect("HVELV_FUZZ_TARGET names a target");
        let found = targets::TARGETS.iter().find(|(name, _)| *name == wanted);
        found.expect("tests/fuzz has a target of this name").1
    })
}

fuzz_target!(|data: &[u8]| target()(data));
