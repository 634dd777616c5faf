//! The løpenummer of a disclosure: what a recipient gets in place of the register ID.
//!
//! # Format
//!
//! FORMAT: 8, 9 (default), 13 or 14 decimal digits (DESIGN section 3).
//!
//! ```text
//! Serial = FF1 under K_disclosure, cycle-walked until the first digit is not 0 (width − 1) ‖ Damm (1)
//! ```
//!
//! # Invariants
//!
//! See [`Serial`]. The width follows from the value, because the first digit is never 0.
//!
//! # What it does *not* protect
//!
//! One in ten numbers of the right width passes the Damm digit. Whether a serial was issued, and
//! in which disclosure, is not known here.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::Range;

use thiserror::Error;

use super::damm;
use super::digits::{self, Digits};

/// How many digits the serials of a disclosure have, the check digit among them.
///
/// Not 10, 11, 12 or 15: the lengths of a fødselsnummer that lost its zero, a fødselsnummer, a
/// DUF-number and a register ID, for which a serial must never be taken (DESIGN section 3). Not
/// fewer than 8, because FF1 needs a domain of at least 10^6 and a disclosure needs room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SerialWidth {
    /// 8 digits: 9 million serials.
    Eight = 8,
    /// 9 digits: 90 million serials; the default.
    #[default]
    Nine = 9,
    /// 13 digits: 9 · 10^11 serials.
    Thirteen = 13,
    /// 14 digits: 9 · 10^12 serials.
    Fourteen = 14,
}

impl SerialWidth {
    /// All widths.
    pub const ALL: [Self; 4] = [Self::Eight, Self::Nine, Self::Thirteen, Self::Fourteen];

    /// The width with this many digits.
    #[must_use]
    pub const fn from_digit_count(digit_count: usize) -> Option<Self> {
        match digit_count {
            8 => Some(Self::Eight),
            9 => Some(Self::Nine),
            13 => Some(Self::Thirteen),
            14 => Some(Self::Fourteen),
            _ => None,
        }
    }

    /// How many digits a serial has.
    #[must_use]
    pub const fn digit_count(self) -> usize {
        self as usize
    }

    /// How many digits FF1 works on: all but the check digit.
    #[must_use]
    pub const fn body_digit_count(self) -> usize {
        self as usize - 1
    }

    /// The bodies whose first digit is not 0. FF1 works on `0..end` and is walked until it is here.
    #[must_use]
    pub const fn bodies(self) -> Range<u64> {
        let end = match self {
            Self::Eight => 10_000_000,
            Self::Nine => 100_000_000,
            Self::Thirteen => 1_000_000_000_000,
            Self::Fourteen => 10_000_000_000_000,
        };
        end / 10..end
    }
}

/// Why something is not a serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SerialError {
    /// The check digit does not match.
    #[error("the serial's check digit does not match; correct it at the source")]
    CheckDigit,
    /// Not as many digits as the disclosure's serials have, or the first is 0.
    #[error("not a serial of this disclosure; send all its ascii digits, the first is never 0")]
    Format,
}

/// A løpenummer.
///
/// INVARIANT: as many digits as a [`SerialWidth`] says, the first 1–9, the last the Damm digit of
/// the others.
///
/// Pseudonymous personal data: no `Display`, no `Ord`, and a `Debug` that says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Serial(NonZeroU64);

impl Serial {
    /// The serial of a body; `None` when it is not one of [`SerialWidth::bodies`].
    #[must_use]
    pub fn from_body(width: SerialWidth, body: u64) -> Option<Self> {
        if !width.bodies().contains(&body) {
            return None;
        }
        // Below 10^13, so ten times as much and a digit is below 10^14.
        NonZeroU64::new(body * 10 + u64::from(damm::check_digit(body))).map(Self)
    }

    /// Parses exactly as many ASCII digits as the width says.
    ///
    /// # Errors
    ///
    /// [`SerialError`] says what is wrong.
    pub fn parse(width: SerialWidth, text: &[u8]) -> Result<Self, SerialError> {
        if text.len() != width.digit_count() {
            return Err(SerialError::Format);
        }
        Self::try_from_u64(width, digits::number_of(text).ok_or(SerialError::Format)?)
    }

    /// The serial with this value.
    ///
    /// # Errors
    ///
    /// [`SerialError`] says what is wrong.
    pub fn try_from_u64(width: SerialWidth, number: u64) -> Result<Self, SerialError> {
        if !width.bodies().contains(&(number / 10)) {
            return Err(SerialError::Format);
        }
        if !damm::is_valid(number) {
            return Err(SerialError::CheckDigit);
        }
        NonZeroU64::new(number).map(Self).ok_or(SerialError::Format)
    }

    /// The width, as the count of digits tells it.
    #[must_use]
    pub fn width(self) -> SerialWidth {
        let of_body = |width: &SerialWidth| width.bodies().contains(&self.body());
        // INVARIANT: a serial is only made from a body of one of the widths; the default is
        // unreachable and keeps a panic out of this path.
        SerialWidth::ALL.into_iter().find(of_body).unwrap_or_default()
    }

    /// The digits that FF1 made, without the check digit.
    #[must_use]
    pub const fn body(self) -> u64 {
        self.0.get() / 10
    }

    /// The serial as a number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0.get()
    }

    /// The ASCII digits, in a buffer that is wiped on drop.
    #[must_use]
    pub fn digits(self) -> Digits {
        match self.width() {
            SerialWidth::Eight => Digits::of::<8>(self.0.get()),
            SerialWidth::Nine => Digits::of::<9>(self.0.get()),
            SerialWidth::Thirteen => Digits::of::<13>(self.0.get()),
            SerialWidth::Fourteen => Digits::of::<14>(self.0.get()),
        }
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Serial(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::testing::assert_lacks;
    use proptest::prelude::*;

    assert_lacks!(Serial: fmt::Display, Ord, PartialOrd, serde::Serialize);

    #[test]
    fn only_the_four_widths_exist() {
        let allowed: Vec<usize> =
            (0..=20).filter(|count| SerialWidth::from_digit_count(*count).is_some()).collect();
        assert_eq!(allowed, [8, 9, 13, 14]);
        assert_eq!(SerialWidth::default(), SerialWidth::Nine);
        for width in SerialWidth::ALL {
            assert_eq!(SerialWidth::from_digit_count(width.digit_count()), Some(width));
            let body_digits = u32::try_from(width.body_digit_count()).unwrap();
            assert_eq!(width.bodies().end, 10u64.pow(body_digits));
        }
    }

    #[test]
    fn bodies_with_a_leading_zero_or_a_digit_too_many_are_refused() {
        for width in SerialWidth::ALL {
            let bodies = width.bodies();
            assert!(Serial::from_body(width, bodies.start - 1).is_none());
            assert!(Serial::from_body(width, bodies.end).is_none());
            for body in [bodies.start, bodies.end - 1] {
                let serial = Serial::from_body(width, body).unwrap();
                assert_eq!((serial.width(), serial.body()), (width, body));
                assert_eq!(serial.digits().as_bytes().len(), width.digit_count());
            }
        }
    }

    #[test]
    fn parse_rejects_each_wrong_form_by_name() {
        let serial = Serial::from_body(SerialWidth::Nine, 12_345_678).unwrap();
        let digits = serial.digits();
        let text = digits.as_str();
        for (form, name) in [
            (text[..8].to_owned(), "8 digits"),
            (format!("{text}0"), "10 digits"),
            (format!(" {}", &text[1..]), "leading blank"),
            (format!("0{}", &text[1..]), "leading zero"),
            (String::new(), "empty"),
        ] {
            let verdict = Serial::parse(SerialWidth::Nine, form.as_bytes());
            assert_eq!(verdict, Err(SerialError::Format), "{name}");
        }
        assert_eq!(Serial::parse(SerialWidth::Nine, text.as_bytes()), Ok(serial));
        assert!(Serial::parse(SerialWidth::Thirteen, text.as_bytes()).is_err());
        assert_eq!(format!("{serial:?}"), "Serial(..)");
    }

    #[test]
    fn golden_serials_keep_their_digits() {
        let of = |width, body| Serial::from_body(width, body).unwrap().as_u64();
        assert_eq!(of(SerialWidth::Eight, 1_234_567), 12_345_671);
        assert_eq!(of(SerialWidth::Nine, 12_345_678), 123_456_786);
        assert_eq!(of(SerialWidth::Thirteen, 123_456_789_012), 1_234_567_890_123);
        assert_eq!(of(SerialWidth::Fourteen, 1_234_567_890_123), 12_345_678_901_230);
    }

    proptest! {
        #[test]
        fn digits_round_trip_and_any_changed_digit_is_refused(
            width in prop::sample::select(SerialWidth::ALL.to_vec()),
            seed in any::<u64>(), place in any::<prop::sample::Index>(), shift in 1..10u8,
        ) {
            let bodies = width.bodies();
            let body = bodies.start + seed % (bodies.end - bodies.start);
            let serial = Serial::from_body(width, body).unwrap();
            let mut text = serial.digits().as_bytes().to_vec();
            prop_assert_eq!(Serial::parse(width, &text), Ok(serial));
            let place = place.index(text.len());
            text[place] = b'0' + (text[place] - b'0' + shift) % 10;
            prop_assert!(Serial::parse(width, &text).is_err());
        }
    }
}
