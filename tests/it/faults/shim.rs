//! The shim, built with `cc`, and what a test tells it while a process runs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::journal::{self, Call};
use crate::harness::PROGRAM;

/// An input/output error, as Linux numbers it.
pub(crate) const EIO: u64 = 5;

/// Calls that write, sync, open, change names, change sizes, and read: `enum kind` of shim.c.
pub(super) const WRITES: u64 = 1;
pub(crate) const EVERYTHING: u64 = 1 | 2 | 4 | 8 | 16;
pub(crate) const READS: u64 = 32;

/// `struct control` of shim.c.
#[derive(Clone, Copy)]
enum Slot {
    Kinds,
    Count,
    FailFrom,
    FailUntil,
    Error,
    CutAt,
    IsBounded,
    Room,
    Refused,
}

/// The shim of one process, over the files of one directory.
pub(crate) struct Shim {
    root: PathBuf,
    directory: tempfile::TempDir,
    control: File,
}

impl Shim {
    /// For a process that has not started.
    pub(crate) fn over(root: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control");
        fs::write(&path, [0; 4096]).unwrap();
        fs::write(directory.path().join("journal"), []).unwrap();
        let control = File::options().read(true).write(true).open(path).unwrap();
        Self { root: root.to_owned(), directory, control }
    }

    /// The program, with the shim loaded.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .env("LD_PRELOAD", library())
            .env("HVELV_FAULTS_ROOT", &self.root)
            .env("HVELV_FAULTS_CONTROL", self.directory.path().join("control"))
            .env("HVELV_FAULTS_JOURNAL", self.directory.path().join("journal"));
        command
    }

    /// Ends the process instead of the n-th call from now, the first being 1.
    pub(super) fn cut_at(&self, number: u64) {
        self.count(EVERYTHING);
        self.set(Slot::CutAt, number);
    }

    /// Fails these calls from now, the first being 1.
    pub(super) fn fail(&self, numbers: Range<u64>, error: u64) {
        self.fail_of(EVERYTHING, numbers, error);
    }

    /// Fails these calls of these kinds.
    pub(crate) fn fail_of(&self, kinds: u64, numbers: Range<u64>, error: u64) {
        self.set(Slot::Error, error);
        self.set(Slot::FailFrom, numbers.start);
        self.set(Slot::FailUntil, numbers.end);
        self.count(kinds);
    }

    /// From now on each write writes half of what it is given.
    pub(super) fn cut_writes_short(&self) {
        self.set(Slot::Error, 0);
        self.set(Slot::FailFrom, 1);
        self.set(Slot::FailUntil, u64::MAX);
        self.count(WRITES);
    }

    /// Fails nothing more.
    pub(crate) fn heal(&self) {
        self.set(Slot::FailUntil, 0);
        self.set(Slot::IsBounded, 0);
    }

    /// So many bytes may be written from now on.
    pub(crate) fn leave_room(&self, bytes: u64) {
        self.set(Slot::Room, bytes);
        self.set(Slot::IsBounded, 1);
    }

    /// How many calls failed, or were cut short, on purpose.
    pub(crate) fn refused(&self) -> u64 {
        self.get(Slot::Refused)
    }

    /// What the process has done.
    pub(super) fn journal(&self) -> Vec<Call> {
        journal::read(&self.directory.path().join("journal"))
    }

    /// How many calls of the kinds that are counted there were.
    pub(crate) fn counted(&self) -> u64 {
        self.get(Slot::Count)
    }

    /// Counts calls from now on.
    pub(crate) fn count(&self, kinds: u64) {
        self.set(Slot::Count, 0);
        self.set(Slot::Kinds, kinds);
    }

    fn set(&self, slot: Slot, value: u64) {
        self.control.write_all_at(&value.to_ne_bytes(), offset(slot)).unwrap();
    }

    fn get(&self, slot: Slot) -> u64 {
        let mut bytes = [0; 8];
        self.control.read_exact_at(&mut bytes, offset(slot)).unwrap();
        u64::from_ne_bytes(bytes)
    }
}

fn offset(slot: Slot) -> u64 {
    let place = match slot {
        Slot::Kinds => 0,
        Slot::Count => 1,
        Slot::FailFrom => 2,
        Slot::FailUntil => 3,
        Slot::Error => 4,
        Slot::CutAt => 5,
        Slot::IsBounded => 6,
        Slot::Room => 7,
        Slot::Refused => 8,
    };
    place * 8
}

/// The library, built once for all tests of this process.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    crate::harness::library(&BUILT, "tests/it/faults/shim.c")
}
