//! Proves that a search can find before it is believed to have found nothing.
//!
//! Method: some of the very numbers to look for are written in every form into random bytes, at odd
//! offsets and across the borders of what is read at a time, and the same code must find each one
//! where it was put.

use std::io::Read;

use super::needles::{Group, Needles};
use super::search::{Form, Hit, Search};
use crate::cli::error::Error;
use crate::cli::random::SplitMix64;

/// Distance between planted numbers.
const SPACING: usize = 61;

/// Gives few bytes at a time, so that many numbers lie across a border.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(7).min(self.0.len());
        let (now, later) = self.0.split_at(count);
        buffer.iter_mut().zip(now).for_each(|(to, from)| *to = *from);
        self.0 = later;
        Ok(count)
    }
}

/// Plants and searches; gives the count of planted numbers.
///
/// # Errors
///
/// One of them was not found: the search cannot be believed.
pub(super) fn run(needles: &Needles) -> Result<usize, Error> {
    let mut random = SplitMix64::new(1);
    let mut bytes = Vec::new();
    let mut planted = Vec::new();
    for group in needles.groups() {
        for number in group.samples() {
            for (form, written) in written(group, number) {
                let fill = SPACING.saturating_sub(written.len());
                bytes.extend((0..fill).map(|_| random.byte()));
                planted.push(Hit { form, offset: bytes.len() as u64 });
                bytes.extend(written);
            }
        }
    }
    let mut found = Vec::new();
    Search::new(needles)
        .reader(&mut Trickle(&bytes), &mut |hit| found.push(*hit))
        .map_err(|cause| Error::internal(format!("cannot read memory: {cause}")))?;
    let missing = planted.iter().filter(|hit| !found.contains(hit)).count();
    match (planted.len(), missing) {
        (0, _) => Err(Error::input("no number is long enough to be searched for as an integer")),
        (all, 0) => Ok(all),
        (all, missing) => Err(Error::internal(format!(
            "the self-test found {} of {all} planted numbers; nothing was searched",
            all - missing
        ))),
    }
}

/// A number in every form.
pub(super) fn written(group: &Group, number: u64) -> Vec<(Form, Vec<u8>)> {
    let digits = group.digits();
    let text = format!("{number:0digits$}");
    let short = usize::try_from(group.short_bytes).unwrap_or(8);
    let big = number.to_be_bytes();
    let little = number.to_le_bytes();
    vec![
        (Form::Ascii, text.clone().into_bytes()),
        (Form::Integer8, big.to_vec()),
        (Form::Integer8, little.to_vec()),
        (Form::PackedDecimal, packed(&format!("{text}f"))),
        (Form::PackedDecimal, packed(&format!("f{text}"))),
        (Form::ShortBigEndian, big.into_iter().skip(8 - short).collect()),
        (Form::ShortLittleEndian, little.into_iter().take(short).collect()),
    ]
}

/// Half bytes from hexadecimal digits; an odd one is followed by `f`.
fn packed(halves: &str) -> Vec<u8> {
    let value = |half: u8| if half.is_ascii_digit() { half - b'0' } else { 15 };
    halves
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let high = pair.first().map_or(15, |half| value(*half));
            let low = pair.get(1).map_or(15, |half| value(*half));
            high << 4 | low
        })
        .collect()
}
