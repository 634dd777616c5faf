//! One pass over bytes that finds every form of every number.
//!
//! Nothing is compared with 200,000 patterns. At each byte the last digits, half bytes and bytes are
//! read as numbers, and each number is looked up: a filter of 512 KiB turns nearly all of them away.
//! Rolling state makes a chunk's border like any other place.
//!
//! What chance gives is measured in the same pass, not assumed: files are not random bytes. A header
//! of zeros before a random nonce looks like the beginning of an integer at every record. So at each
//! place where a number could stand, the numbers that begin alike are counted: were the rest of the
//! place random, each would be hit with a known small probability. The sum is the expectation.

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

    /// Whether one hit is enough, whatever chance gives.
    pub(super) fn is_conclusive(self) -> bool {
        self == Self::Ascii
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
    expected: [f64; Form::ALL.len()],
    bytes: u64,
}

impl<'a> Search<'a> {
    /// A search for these numbers.
    pub(super) fn new(needles: &'a Needles) -> Self {
        Self { needles, hits: [0; Form::ALL.len()], expected: [0.0; Form::ALL.len()], bytes: 0 }
    }

    /// Hits of a form so far.
    pub(super) fn hits(&self, form: Form) -> u64 {
        self.hits.get(form as usize).copied().unwrap_or_default()
    }

    /// Hits of a form that chance gives on average in bytes like those so far.
    pub(super) fn expected(&self, form: Form) -> f64 {
        self.expected.get(form as usize).copied().unwrap_or_default()
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
        for (group, (digits, window)) in self.needles.groups().iter().zip(states) {
            let mut tally = Tally { hits: &mut self.hits, near: [0; Form::ALL.len()], found };
            for (end, &byte) in (offset + 1..).zip(bytes) {
                digits.step(group, byte, end, &mut tally);
                *window = *window << 8 | u64::from(byte);
                integers(group, *window, end, &mut tally);
            }
            for (form, (expected, near)) in
                Form::ALL.iter().zip(self.expected.iter_mut().zip(tally.near))
            {
                let tails = match form {
                    Form::Ascii | Form::PackedDecimal => group.digit_tails(),
                    _ => group.integer_tails(),
                };
                *expected += count_f64(near) / tails;
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "an expectation")]
fn count_f64(count: u64) -> f64 {
    count as f64
}

/// What a chunk holds for one group.
struct Tally<'a> {
    hits: &'a mut [u64; Form::ALL.len()],
    near: [u64; Form::ALL.len()],
    found: &'a mut dyn FnMut(&Hit),
}

impl Tally<'_> {
    fn hit(&mut self, form: Form, end: u64, length: u64) {
        // A window that begins before the file is filled with zeros, not with the file.
        if let Some(offset) = end.checked_sub(length) {
            if let Some(count) = self.hits.get_mut(form as usize) {
                *count += 1;
            }
            (self.found)(&Hit { form, offset });
        }
    }

    #[inline]
    fn near(&mut self, form: Form, count: u64) {
        if let Some(near) = self.near.get_mut(form as usize) {
            *near += count;
        }
    }

    /// Takes an integer that stands in the last `length` bytes.
    #[inline]
    fn integer(&mut self, group: &Group, number: u64, (form, length): (Form, u64), end: u64) {
        if group.is_candidate(number) {
            self.near(form, group.near_integer(number));
            if group.has(number) {
                self.hit(form, end, length);
            }
        }
    }
}

impl Rolling {
    /// Takes one byte in, as a digit and as two half bytes.
    #[inline]
    fn step(&mut self, group: &Group, byte: u8, end: u64, tally: &mut Tally<'_>) {
        let digits = group.digits();
        if byte.is_ascii_digit() {
            self.ascii_run += 1;
            self.ascii = (self.ascii * 10 + u64::from(byte - b'0')) % group.limit;
            if self.ascii_run >= digits {
                tally.near(Form::Ascii, group.near_digits(self.ascii));
                if group.has(self.ascii) {
                    tally.hit(Form::Ascii, end, digits as u64);
                }
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
            if self.packed_run >= digits {
                tally.near(Form::PackedDecimal, group.near_digits(self.packed));
                if group.has(self.packed) {
                    tally.hit(Form::PackedDecimal, end, (digits as u64 + spare).div_ceil(2));
                }
            }
        }
    }
}

/// Reads the last bytes as integers. `window` holds the last eight.
#[inline]
fn integers(group: &Group, window: u64, end: u64, tally: &mut Tally<'_>) {
    let spare_bits = 64 - 8 * group.short_bytes;
    let length = u64::from(group.short_bytes);
    let reversed = window.swap_bytes();
    let short = window << spare_bits >> spare_bits;
    tally.integer(group, short, (Form::ShortBigEndian, length), end);
    // The last bytes of the window are the first of the reversed one.
    tally.integer(group, reversed >> spare_bits, (Form::ShortLittleEndian, length), end);
    tally.integer(group, window, (Form::Integer8, 8), end);
    tally.integer(group, reversed, (Form::Integer8, 8), end);
}
