//! One pass over bytes that finds every form of every number.
//!
//! Nothing is compared with 200,000 patterns. At each byte the last digits, half bytes and bytes are
//! read as numbers, and each number is looked up: a filter of 512 KiB turns nearly all of them away.
//! Rolling state makes a chunk's border like any other place.

use std::fmt;
use std::io::Read;

use super::needles::{Group, Needles};

const CHUNK_BYTES: usize = 256 * 1024;

/// How a number may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// ASCII digits.
    Ascii,
    /// An integer of 8 bytes, either byte order.
    Integer8,
    /// A digit in each half byte, high half first, beginning with either half.
    PackedDecimal,
    /// The shortest integer that holds it, big-endian.
    ShortBigEndian,
    /// The shortest integer that holds it, little-endian.
    ShortLittleEndian,
}

impl Form {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [
        Self::Ascii,
        Self::Integer8,
        Self::PackedDecimal,
        Self::ShortBigEndian,
        Self::ShortLittleEndian,
    ];

    /// Whether one hit is enough: the form is too long to turn up by chance.
    pub(super) fn is_conclusive(self) -> bool {
        matches!(self, Self::Ascii | Self::Integer8)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ascii => "ASCII digits",
            Self::Integer8 => "integer of 8 bytes",
            Self::PackedDecimal => "packed decimal",
            Self::ShortBigEndian => "shortest integer, big-endian",
            Self::ShortLittleEndian => "shortest integer, little-endian",
        })
    }
}

/// A number that was found. Which one is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// How it is written.
    pub(super) form: Form,
    /// Byte in which it begins.
    pub(super) offset: u64,
}

/// What is remembered from byte to byte for one group.
#[derive(Clone, Copy, Default)]
struct Rolling {
    ascii_run: usize,
    ascii: u64,
    packed_run: usize,
    packed: u64,
}

/// A search that goes on over many files.
pub(super) struct Search<'a> {
    needles: &'a Needles,
    hits: [u64; Form::ALL.len()],
    bytes: u64,
}

impl<'a> Search<'a> {
    /// A search for these numbers.
    pub(super) fn new(needles: &'a Needles) -> Self {
        Self { needles, hits: [0; Form::ALL.len()], bytes: 0 }
    }

    /// Hits of a form so far.
    pub(super) fn hits(&self, form: Form) -> u64 {
        self.hits.get(form as usize).copied().unwrap_or_default()
    }

    /// Bytes searched so far.
    pub(super) fn bytes_searched(&self) -> u64 {
        self.bytes
    }

    /// Searches all that can be read.
    ///
    /// # Errors
    ///
    /// The reader's.
    pub(super) fn reader(
        &mut self,
        input: &mut impl Read,
        found: &mut dyn FnMut(&Hit),
    ) -> std::io::Result<()> {
        let mut states = self.states();
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        loop {
            let count = match input.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            self.chunk(chunk.get(..count).unwrap_or_default(), offset, &mut states, found);
            offset += count as u64;
            self.bytes += count as u64;
        }
    }

    /// Searches bytes at hand, which do not count as searched: names of files.
    pub(super) fn bytes(&mut self, bytes: &[u8], found: &mut dyn FnMut(&Hit)) {
        let mut states = self.states();
        self.chunk(bytes, 0, &mut states, found);
    }

    fn states(&self) -> Vec<(Rolling, u64)> {
        vec![(Rolling::default(), 0); self.needles.groups().len()]
    }

    fn chunk(
        &mut self,
        bytes: &[u8],
        offset: u64,
        states: &mut [(Rolling, u64)],
        found: &mut dyn FnMut(&Hit),
    ) {
        let needles = self.needles;
        let hits = &mut self.hits;
        for (group, (digits, window)) in needles.groups().iter().zip(states) {
            let mut hit = |form: Form, end: u64, length: u64| {
                // A window that begins before the file is filled with zeros, not with the file.
                if let Some(offset) = end.checked_sub(length) {
                    if let Some(count) = hits.get_mut(form as usize) {
                        *count += 1;
                    }
                    found(&Hit { form, offset });
                }
            };
            for (end, &byte) in (offset + 1..).zip(bytes) {
                digits.step(group, byte, end, &mut hit);
                *window = *window << 8 | u64::from(byte);
                integers(group, *window, end, &mut hit);
            }
        }
    }
}

impl Rolling {
    /// Takes one byte in, as a digit and as two half bytes.
    #[inline]
    fn step(&mut self, group: &Group, byte: u8, end: u64, hit: &mut impl FnMut(Form, u64, u64)) {
        let digits = group.digits();
        if byte.is_ascii_digit() {
            self.ascii_run += 1;
            self.ascii = (self.ascii * 10 + u64::from(byte - b'0')) % group.limit;
            if self.ascii_run >= digits && group.has(self.ascii) {
                hit(Form::Ascii, end, digits as u64);
            }
        } else {
            (self.ascii_run, self.ascii) = (0, 0);
        }
        for (half, spare) in [(byte >> 4, 1), (byte & 15, 0)] {
            if half > 9 {
                (self.packed_run, self.packed) = (0, 0);
                continue;
            }
            self.packed_run += 1;
            self.packed = self.packed * 10 + u64::from(half);
            if self.packed >= group.limit {
                self.packed %= group.limit;
            }
            if self.packed_run >= digits && group.has(self.packed) {
                hit(Form::PackedDecimal, end, (digits as u64 + spare).div_ceil(2));
            }
        }
    }
}

/// Reads the last bytes as integers. `window` holds the last eight.
#[inline]
fn integers(group: &Group, window: u64, end: u64, hit: &mut impl FnMut(Form, u64, u64)) {
    let spare_bits = 64 - 8 * group.short_bytes;
    let length = u64::from(group.short_bytes);
    let reversed = window.swap_bytes();
    let short_big = window << spare_bits >> spare_bits;
    if group.has_integer(short_big) {
        hit(Form::ShortBigEndian, end, length);
    }
    // The last bytes of the window are the first of the reversed one.
    if group.has_integer(reversed >> spare_bits) {
        hit(Form::ShortLittleEndian, end, length);
    }
    if group.has_integer(window) || group.has_integer(reversed) {
        hit(Form::Integer8, end, 8);
    }
}
