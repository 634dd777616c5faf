//! Libraries that a test loads into the program, built with `cc` once for all tests of this process.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::process::PROGRAM;

/// Builds a library of the tests, once: give each source its own cell.
pub(crate) fn library(built: &'static OnceLock<PathBuf>, source: &str) -> &'static Path {
    built.get_or_init(|| {
        let path = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join(source);
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let library = directory.join(format!("hvelv-{name}.so"));
        // Built under a name of its own, so that another run never loads half of it.
        let aside = directory.join(format!("hvelv-{name}-{}.so", std::process::id()));
        let built = Command::new("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"])
            .args(["-pthread", "-o"])
            .args([&aside, &path])
            .output()
            .expect("`cc` is there: tools/prepare installs it");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        fs::rename(aside, &library).unwrap();
        library
    })
}

/// The program, with the time of day so many days ahead.
pub(crate) fn days_ahead<S: AsRef<OsStr>>(days: u32, arguments: &[S]) -> Command {
    static CLOCK: OnceLock<PathBuf> = OnceLock::new();
    let seconds = u64::from(days) * 86_400;
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .env("LD_PRELOAD", library(&CLOCK, "tests/it/harness/clock.c"))
        .env("HVELV_CLOCK_AHEAD_S", seconds.to_string());
    command
}
