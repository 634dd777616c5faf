//! Random changes of known inputs, the same ones for the same seed.

use super::random::Random;

/// What digits, separators and lengths break on.
const WORDS: [&[u8]; 12] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"\n",
    b"\r\n",
    b"\"",
    b"=",
    b"{",
    b"-1",
    b"18446744073709551616",
    b"9999-99-99",
    b"\xc3\x28",
];

/// Inputs are kept below this, so that one does not take the time of the rest.
const BYTES_MAX: usize = 1 << 16;

/// A source of changed inputs.
pub(crate) struct Changes(Random);

impl Changes {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random(seed))
    }

    /// A known input with some changes.
    pub(crate) fn of(&mut self, known: &[Vec<u8>], input: &mut Vec<u8>) {
        input.clear();
        input.extend_from_slice(&known[self.0.below(known.len())]);
        for _ in 0..=self.0.below(4) {
            self.change(known, input);
        }
        input.truncate(BYTES_MAX);
    }

    fn change(&mut self, known: &[Vec<u8>], input: &mut Vec<u8>) {
        let at = self.0.below(input.len() + 1);
        match self.0.below(8) {
            0 => input.truncate(at),
            1 => input.insert(at, self.0.draw().to_le_bytes()[0]),
            2 => {
                let end = (at + 1 + self.0.below(16)).min(input.len());
                input.drain(at.min(end)..end);
            }
            3 => {
                let word = WORDS[self.0.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            4 => {
                let other = &known[self.0.below(known.len())];
                let from = self.0.below(other.len() + 1);
                let end = (from + self.0.below(64)).min(other.len());
                input.splice(at..at, other[from..end].iter().copied());
            }
            5 => {
                let end = (at + self.0.below(32)).min(input.len());
                let part = input[at..end].to_vec();
                input.splice(at..at, part);
            }
            kind => {
                let bit = 1 << self.0.below(8);
                let value = self.0.draw().to_le_bytes()[0];
                if let Some(byte) = input.get_mut(at) {
                    *byte = if kind == 6 { *byte ^ bit } else { value };
                }
            }
        }
    }
}
