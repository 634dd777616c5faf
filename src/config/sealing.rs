//! Sealing by itself, shares that are waited for, and the memory of the process.

use std::ops::RangeInclusive;

use super::reader::Section;
use super::words::word_enum;

/// At most a week: what is idle for longer is nobody's server.
const IDLE_AFTER_MINUTES: RangeInclusive<u16> = 1..=10_080;
/// At most a day: shares that were given are a secret half told.
const SHARES_KEPT_MINUTES: RangeInclusive<u16> = 1..=1_440;

/// When a server seals itself, and how long it waits for shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Whether a server that nobody uses is sealed.
    pub idle_enabled: bool,
    /// After how many minutes without a request.
    pub idle_after_minutes: u16,
    /// For how many minutes the shares given so far are kept.
    pub shares_kept_minutes: u16,
}

impl Seal {
    /// That of a server whose configuration says nothing: pipelines come at night, when nobody is
    /// there to unseal.
    pub const DEFAULT: Self =
        Self { idle_enabled: false, idle_after_minutes: 60, shares_kept_minutes: 60 };
}

word_enum! {
    /// Whether all memory of the process is kept out of swap.
    pub enum MemoryLock {
        /// Where that is possible; the log says why if it is not.
        IfPossible = "if_possible",
        /// No: there is no swap, or it is encrypted.
        Off = "off",
        /// Yes, or the server does not start.
        Required = "required",
    }
}

/// What is done for the memory of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Whether it is kept out of swap.
    pub lock: MemoryLock,
}

impl Memory {
    /// That of a server whose configuration says nothing.
    pub const DEFAULT: Self = Self { lock: MemoryLock::Required };
}

/// Reads the table `[seal]`.
pub(super) fn read_seal(mut section: Section<'_, '_>) -> Seal {
    let default = Seal::DEFAULT;
    let seal = Seal {
        idle_enabled: section.flag("idle_enabled").unwrap_or(default.idle_enabled),
        idle_after_minutes: section
            .number("idle_after_minutes", IDLE_AFTER_MINUTES)
            .unwrap_or(default.idle_after_minutes),
        shares_kept_minutes: section
            .number("shares_kept_minutes", SHARES_KEPT_MINUTES)
            .unwrap_or(default.shares_kept_minutes),
    };
    section.finish();
    seal
}

/// Reads the table `[memory]`.
pub(super) fn read_memory(mut section: Section<'_, '_>) -> Memory {
    let memory = Memory { lock: section.parsed("lock").unwrap_or(Memory::DEFAULT.lock) };
    section.finish();
    memory
}
