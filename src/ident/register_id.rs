//! The register ID (NPR-ID, KPR-ID, …): what a register stores in place of the fødselsnummer.
//!
//! # Format
//!
//! FORMAT: 15 decimal digits, for ever (DESIGN section 3).
//!
//! ```text
//! RegisterId = epoch (1 digit, 1–9) ‖ FF1-AES-256(K_register,epoch ; register number) (13) ‖ Damm (1)
//! ```
//!
//! 15 digits are exact in a 64-bit integer, a double, Excel, SAS, Stata and R, and are never
//! mistaken for a fødselsnummer.
//!
//! # Invariants
//!
//! See [`RegisterId`]. Whether an ID is in use is not known here.
//!
//! # What it does *not* protect
//!
//! It is pseudonymous personal data: no `Display`, no `Ord`, and a `Debug` that says nothing. One
//! in ten numbers of 15 digits passes the Damm digit.

use std::fmt;
use std::num::NonZeroU64;

use thiserror::Error;

use super::damm;
use super::digits::{self, Digits};

/// 10^13: one more than the largest cipher part.
const BODY_LIMIT: u64 = 10_000_000_000_000;

/// 10^14 to 10^15: the numbers of 15 digits whose first digit is 1–9.
const RANGE: std::ops::Range<u64> = 10 * BODY_LIMIT..100 * BODY_LIMIT;

/// Which key epoch of its register made an ID.
///
/// INVARIANT: 1–9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpochDigit(u8);

impl KeyEpochDigit {
    /// The epoch, when it is 1–9.
    #[must_use]
    pub const fn new(digit: u8) -> Option<Self> {
        match digit {
            1..=9 => Some(Self(digit)),
            _ => None,
        }
    }

    /// The digit, 1–9.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Why something is not a register ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RegisterIdError {
    /// The check digit does not match.
    #[error("the register id's check digit does not match; correct it at the source")]
    CheckDigit,
    /// Not 15 digits of which the first is 1–9.
    #[error("not a register id; send exactly 15 ascii digits, the first 1 to 9")]
    Format,
}

/// A register ID.
///
/// INVARIANT: 15 decimal digits, the first 1–9, the last the Damm digit of the others. Never 0, so
/// that 0 can mean "no ID" on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RegisterId(NonZeroU64);

impl RegisterId {
    /// How many digits an ID has.
    pub const DIGIT_COUNT: usize = 15;

    /// The ID of a cipher part; `None` when `body` is not below 10^13.
    #[must_use]
    pub fn from_parts(epoch: KeyEpochDigit, body: u64) -> Option<Self> {
        if body >= BODY_LIMIT {
            return None;
        }
        // Below 10^14, so ten times as much and a digit is below 10^15.
        let head = u64::from(epoch.0) * BODY_LIMIT + body;
        NonZeroU64::new(head * 10 + u64::from(damm::check_digit(head))).map(Self)
    }

    /// Parses exactly 15 ASCII digits.
    ///
    /// # Errors
    ///
    /// [`RegisterIdError`] says what is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, RegisterIdError> {
        let row = text.try_into().map_err(|_| RegisterIdError::Format)?;
        Self::try_from_u64(digits::number_of_15(row).ok_or(RegisterIdError::Format)?)
    }

    /// The ID with this value.
    ///
    /// # Errors
    ///
    /// [`RegisterIdError`] says what is wrong.
    pub fn try_from_u64(number: u64) -> Result<Self, RegisterIdError> {
        let number = NonZeroU64::new(number).filter(|number| RANGE.contains(&number.get()));
        let number = number.ok_or(RegisterIdError::Format)?;
        if damm::is_valid(number.get()) {
            Ok(Self(number))
        } else {
            Err(RegisterIdError::CheckDigit)
        }
    }

    /// The key epoch and the cipher part, for decryption.
    #[must_use]
    pub fn parts(self) -> (KeyEpochDigit, u64) {
        let head = self.0.get() / 10;
        // By the invariant the first of 15 digits is 1–9.
        (KeyEpochDigit((head / BODY_LIMIT).to_le_bytes()[0]), head % BODY_LIMIT)
    }

    /// The ID as a number.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0.get()
    }

    /// The 15 ASCII digits, in a buffer that is wiped on drop.
    #[must_use]
    pub fn digits(self) -> Digits {
        Digits::of::<15>(self.0.get())
    }
}

impl fmt::Debug for RegisterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegisterId(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::testing::assert_lacks;
    use proptest::prelude::*;

    assert_lacks!(RegisterId: fmt::Display, Ord, PartialOrd, serde::Serialize);

    fn epoch(digit: u8) -> KeyEpochDigit {
        KeyEpochDigit::new(digit).unwrap()
    }

    #[test]
    fn golden_ids_keep_their_digits() {
        let of = |digit, body| RegisterId::from_parts(epoch(digit), body).unwrap().as_u64();
        assert_eq!(of(1, 0), 100_000_000_000_009);
        assert_eq!(of(1, 1_234_567_890_123), 112_345_678_901_236);
        assert_eq!(of(9, 9_999_999_999_999), 999_999_999_999_999);
    }

    #[test]
    fn parse_rejects_each_wrong_form_by_name() {
        let digits = RegisterId::from_parts(epoch(3), 42).unwrap().digits();
        let text = digits.as_str();
        for (form, name) in [
            (text[..14].to_owned(), "14 digits"),
            (format!("{text}0"), "16 digits"),
            (format!(" {}", &text[1..]), "leading blank"),
            (format!("+{}", &text[1..]), "sign"),
            (format!("0{}", &text[1..]), "epoch 0"),
            (String::new(), "empty"),
        ] {
            let verdict = RegisterId::parse(form.as_bytes());
            assert_eq!(verdict, Err(RegisterIdError::Format), "{name}");
        }
        for number in [0, 1, RANGE.end, u64::MAX] {
            assert_eq!(RegisterId::try_from_u64(number), Err(RegisterIdError::Format));
        }
        assert!(KeyEpochDigit::new(0).is_none() && KeyEpochDigit::new(10).is_none());
        assert!(RegisterId::from_parts(epoch(1), BODY_LIMIT).is_none());
    }

    #[test]
    fn debug_says_nothing_and_the_type_is_eight_bytes_with_a_niche() {
        let id = RegisterId::from_parts(epoch(1), 0).unwrap();
        assert_eq!(format!("{id:?}"), "RegisterId(..)");
        assert_eq!(size_of::<Option<RegisterId>>(), 8);
    }

    proptest! {
        #[test]
        fn parts_and_digits_round_trip(digit in 1..=9u8, body in 0..BODY_LIMIT) {
            let id = RegisterId::from_parts(epoch(digit), body).unwrap();
            prop_assert_eq!(id.parts(), (epoch(digit), body));
            prop_assert_eq!(RegisterId::parse(id.digits().as_bytes()), Ok(id));
            prop_assert_eq!(RegisterId::try_from_u64(id.as_u64()), Ok(id));
            // Exact as a double too.
            prop_assert!(id.as_u64() < 1 << 53);
        }

        #[test]
        fn any_single_changed_digit_is_refused(
            digit in 1..=9u8, body in 0..BODY_LIMIT, place in 0..15usize, shift in 1..10u8,
        ) {
            let id = RegisterId::from_parts(epoch(digit), body).unwrap();
            let mut text = id.digits().as_bytes().to_vec();
            text[place] = b'0' + (text[place] - b'0' + shift) % 10;
            prop_assert!(RegisterId::parse(&text).is_err());
        }
    }
}
