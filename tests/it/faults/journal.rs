//! The shim's journal, read.  The layout is `struct record` of shim.c.

use std::fs;
use std::path::Path;

/// What a call did.
#[derive(Debug)]
pub(super) enum Call {
    Opened {
        file: i32,
        name: String,
        how: Opened,
    },
    Written {
        file: i32,
        at: u64,
        bytes: Vec<u8>,
    },
    Resized {
        file: i32,
        size: u64,
    },
    /// Makes durable what the first `records` records did to the file.
    Synced {
        file: i32,
        records: u64,
    },
    Closed {
        file: i32,
    },
    Renamed {
        from: String,
        to: String,
    },
    Linked {
        from: String,
        to: String,
    },
    Removed {
        name: String,
    },
    MadeDirectory {
        name: String,
    },
}

/// How a file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    AsItIs,
    Created,
    Emptied,
    Directory,
}

/// Reads a journal to its end.
pub(super) fn read(path: &Path) -> Vec<Call> {
    let bytes = fs::read(path).unwrap();
    let mut rest = Bytes(&bytes);
    let mut calls = Vec::new();
    while !rest.0.is_empty() {
        calls.push(rest.call());
    }
    calls
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.take(4).try_into().unwrap())
    }

    fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.take(8).try_into().unwrap())
    }

    fn name(&mut self, bytes: u32) -> String {
        let bytes = self.take(usize::try_from(bytes).unwrap());
        // The engine doubles a slash here and there, or ends a directory with one.
        let name = String::from_utf8(bytes.to_vec()).unwrap();
        name.replace("//", "/").trim_end_matches('/').to_owned()
    }

    fn call(&mut self) -> Call {
        let what = char::from_u32(self.u32()).unwrap();
        let file = i32::from_ne_bytes(self.take(4).try_into().unwrap());
        let at = self.u64();
        let data_bytes = usize::try_from(self.u64()).unwrap();
        let (name_bytes, other_bytes) = (self.u32(), self.u32());
        let (name, to) = (self.name(name_bytes), self.name(other_bytes));
        let bytes = self.take(data_bytes).to_vec();
        match what {
            'o' => Call::Opened { file, name, how: opened(at) },
            'w' => Call::Written { file, at, bytes },
            't' => Call::Resized { file, size: at },
            's' => Call::Synced { file, records: at },
            'c' => Call::Closed { file },
            'r' => Call::Renamed { from: name, to },
            'l' => Call::Linked { from: name, to },
            'u' => Call::Removed { name },
            'm' => Call::MadeDirectory { name },
            _ => panic!("the shim writes a record {what:?} that is not known here"),
        }
    }
}

fn opened(flags: u64) -> Opened {
    match flags {
        0 => Opened::AsItIs,
        1 => Opened::Created,
        2 => Opened::Emptied,
        4 => Opened::Directory,
        _ => panic!("the shim opens in a way {flags} that is not known here"),
    }
}
