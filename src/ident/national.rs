//! A national identifier of a person, and who assigned it.
//!
//! # Why it exists
//!
//! The one type that holds a fødselsnummer. Whoever has a `NationalId` knows that it was checked,
//! and cannot print, compare, hash or store it by accident.
//!
//! # Format
//!
//! FORMAT: the identifier tag is computed over [`NationalId::tag_input`], for ever:
//!
//! ```text
//! kind code (1) ‖ assigner length (1) ‖ assigner, ASCII (0 or 9)
//!   ‖ number length (1) ‖ number, ASCII (11 or 12; 1 to 12 of a local number)
//! ```
//!
//! # Invariants
//!
//! See [`NationalId`]. The only ways in are [`parse`](super::parse_text) and
//! [`NationalId::decode`].
//!
//! # What it does *not* protect
//!
//! Drop wipes the value where it lies last; copies that moves left on the stack are not reached.

use std::fmt;
use std::num::NonZeroU32;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::check::{self, Parts};
use super::digits::{self, Digits};
use super::local;

#[cfg(test)]
mod tests;

/// The kinds of person identifier that the service takes.
///
/// FORMAT: the codes are stored inside tags and sealed identities and never change or get reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IdKind {
    /// D-number: 11 digits, day + 40 (DOMAIN B2).
    Dnr = 2,
    /// DUF-number of the immigration authorities: 12 digits (DOMAIN B5, UDI).
    Duf = 5,
    /// Felles hjelpenummer, FHN: 11 digits, first 8 or 9, unique in Norway (DOMAIN B4, NHN).
    Felles = 4,
    /// Fødselsnummer: 11 digits (DOMAIN B1, Skatteetaten).
    Fnr = 1,
    /// H-number: 11 digits, month + 40, unique only together with its assigner (DOMAIN B4).
    Hnr = 3,
    /// A patient's number in one institution: 1 to 12 characters of `0–9 A–Z - . /`, unique only
    /// together with its assigner; the sender says that it is one, no value does (DOMAIN part C,
    /// `pasientNr`).
    Local = 6,
}

impl IdKind {
    /// The stored code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this stored code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Fnr),
            2 => Some(Self::Dnr),
            3 => Some(Self::Hnr),
            4 => Some(Self::Felles),
            5 => Some(Self::Duf),
            6 => Some(Self::Local),
            _ => None,
        }
    }

    /// How many digits a number of this kind has; of a local number, the most characters.
    #[must_use]
    pub const fn digit_count(self) -> usize {
        match self {
            Self::Duf => 12,
            Self::Dnr | Self::Felles | Self::Fnr | Self::Hnr => 11,
            Self::Local => local::CHARACTERS_MAX,
        }
    }
}

/// Which rule for the first check digit a number needs (DOMAIN B3, Skatteetaten nyttfnr2032).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckRule {
    /// The rule since 1964: the rest is 0. DUF-numbers, which have one rule only, are here too.
    Rule1964,
    /// Only the rule from 2032 passes it: the rest is 1, 2 or 3.
    Rule2032,
}

/// The synthetic marker that is added to the month (DOMAIN B6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Month + 40: an H-number, or synthetic by NAV; the digits cannot tell which.
    Nav40,
    /// Month digits 61–65: synthetic by NAV (+60). NAV's months 66–72 read as [`Marker::Nhn65`].
    Nav60,
    /// Month digits 66–77: synthetic by Norsk helsenett (+65). 66–72 overlap NAV's +60.
    Nhn65,
    /// No marker: a real number, or a kind that cannot carry one.
    None,
    /// Month digits 81–92: synthetic by Skatteetaten, Test-Norge/Tenor (+80).
    Tenor80,
}

/// A Norwegian organisation number: who gave out an H-number or a local number.
///
/// Public information about an organisation, not about a person.
///
/// INVARIANT: nine digits, the first not 0, with a correct mod-11 check digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assigner(NonZeroU32);

impl Assigner {
    /// How many digits an organisation number has.
    pub const DIGIT_COUNT: usize = 9;

    /// Parses nine ASCII digits; weights 3 2 7 6 5 4 3 2 and mod 11 (Brønnøysundregistrene).
    ///
    /// Real numbers begin with 8 or 9, those of the test register with 2 or 3; which of them may
    /// assign here is configuration, so any first digit but 0 is taken.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits: &[u8; Self::DIGIT_COUNT] = text.try_into().ok()?;
        Self::from_number(u32::try_from(digits::number_of(digits)?).ok()?)
    }

    /// The organisation number with this value.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        // The check digit counts once, so the whole sum must divide by 11.
        const WEIGHTS: [u32; Assigner::DIGIT_COUNT] = [3, 2, 7, 6, 5, 4, 3, 2, 1];
        if !(100_000_000..1_000_000_000).contains(&number) {
            return None;
        }
        let mut rest = number;
        let mut sum = 0;
        for weight in WEIGHTS.iter().rev() {
            sum += weight * (rest % 10);
            rest /= 10;
        }
        if sum % 11 == 0 { NonZeroU32::new(number).map(Self) } else { None }
    }

    /// The organisation number as a number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The nine ASCII digits.
    #[must_use]
    pub fn digits(self) -> [u8; Self::DIGIT_COUNT] {
        let [_, _, _, _, _, _, _, digits @ ..] = digits::ascii_16(u64::from(self.0.get()));
        digits
    }
}

impl fmt::Display for Assigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A checked national identifier of a person.
///
/// INVARIANT: `number` has exactly [`IdKind::digit_count`] digits (leading zeros counted), is of
/// `kind` by its value, has a date that exists where its kind has one, and passes the check digits
/// of the 1964 or the 2032 rule; that of a local number is its packed text, which is no number of
/// another kind. `assigner` is set for every local number and for H-numbers alone of the others;
/// without it an H-number exists only outside production. The kinds that are unique in Norway never
/// carry one, so that a person has one tag whoever sent the number.
///
/// Personal data: no `Display`, `Hash`, `Ord`, `PartialEq` or `Serialize`, a `Debug` that says
/// nothing, and the number is wiped on drop. It does not implement `Zeroize`, because a wiped but
/// living value would break the invariant. 16 bytes, also inside a `Result` with a
/// [`Reject`](super::Reject).
#[derive(Clone)]
pub struct NationalId {
    number: u64,
    assigner: Option<Assigner>,
    kind: IdKind,
}

impl NationalId {
    /// The caller has checked the invariant.
    #[inline]
    pub(super) const fn from_checked(
        kind: IdKind,
        assigner: Option<Assigner>,
        number: u64,
    ) -> Self {
        let assigner = if matches!(kind, IdKind::Hnr | IdKind::Local) { assigner } else { None };
        Self { number, assigner, kind }
    }

    /// What kind of identifier it is, by its value.
    #[must_use]
    pub const fn kind(&self) -> IdKind {
        self.kind
    }

    /// Who assigned it; only H-numbers and local numbers have an assigner.
    #[must_use]
    pub const fn assigner(&self) -> Option<Assigner> {
        self.assigner
    }

    /// The digits in clear, or the characters of a local number, in a buffer that is wiped on drop.
    ///
    /// Each call needs an `EXPOSE:` reason in a comment.
    #[must_use]
    pub fn expose_digits(&self) -> Digits {
        match self.kind {
            IdKind::Duf => Digits::of::<12>(self.number),
            IdKind::Dnr | IdKind::Felles | IdKind::Fnr | IdKind::Hnr => {
                Digits::of::<11>(self.number)
            }
            IdKind::Local => {
                let (text, count) = local::unpack(self.number);
                Digits::of_text(text.get(text.len() - count..).unwrap_or_default())
            }
        }
    }

    /// The synthetic marker in its month (DOMAIN B6).
    #[must_use]
    pub fn marker(&self) -> Marker {
        match self.kind {
            IdKind::Duf | IdKind::Felles | IdKind::Local => Marker::None,
            IdKind::Dnr | IdKind::Fnr | IdKind::Hnr => self.parts().marker(),
        }
    }

    /// The check-digit rule that it needs (DOMAIN B3).
    #[must_use]
    pub fn passed_rule(&self) -> CheckRule {
        match self.kind {
            IdKind::Dnr | IdKind::Felles | IdKind::Fnr | IdKind::Hnr
                if self.parts().rest_1() != 0 =>
            {
                CheckRule::Rule2032
            }
            _ => CheckRule::Rule1964,
        }
    }

    /// True when both are the same identifier: kind, assigner and number.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind && self.assigner == other.assigner && self.number == other.number
    }

    /// The parts of an eleven-digit number; without meaning for a DUF-number or a local one.
    pub(super) fn parts(&self) -> Parts {
        Parts::of(self.number)
    }

    /// Writes the encoding that the identifier tag is computed over, and returns its length.
    ///
    /// `kind ‖ len(assigner) ‖ assigner ‖ len(number) ‖ number`; 14 bytes for a fødselsnummer,
    /// D-number or felles hjelpenummer, 15 for a DUF-number, 23 for an H-number, 13 to 24 for a local
    /// number. It is injective over (kind, assigner, number), and [`NationalId::decode`] undoes it.
    /// Bytes of `out` after the length stay as they were.
    ///
    /// EXPOSE: the tag is a keyed function of the digits. The caller wipes `out`.
    #[inline]
    pub fn tag_input(&self, out: &mut [u8; 32]) -> usize {
        if let Some((word, length)) = self.tag_input_word() {
            // Constants below 32, as are all ranges here.
            out[..length].copy_from_slice(&word.to_le_bytes()[..length]);
            return length;
        }
        let number = self.expose_digits();
        let number = number.as_bytes();
        // At most 12 characters, so that all of it fits.
        let end = 12 + number.len();
        out[0] = self.kind.code();
        out[1] = 9;
        out[2..11].copy_from_slice(&self.assigner.map(Assigner::digits).unwrap_or_default());
        [out[11], ..] = number.len().to_le_bytes();
        out[12..end].copy_from_slice(number);
        end
    }

    /// What [`NationalId::tag_input`] writes, in one word: the first byte lowest, zeros above the
    /// length. `None` for what has an assigner, which is longer.
    ///
    /// Made by shifts alone, for the mapping path: bytes that are written one by one and read back
    /// in one piece wait for each other. EXPOSE: as there.
    #[inline]
    pub fn tag_input_word(&self) -> Option<(u128, usize)> {
        let digits = u128::from_le_bytes(digits::ascii_16(self.number));
        let head = u128::from(self.kind.code());
        match (self.kind, self.assigner) {
            (IdKind::Duf, _) => Some((head | (12 << 16) | (digits >> 32 << 24), 15)),
            (_, None) => Some((head | (11 << 16) | (digits >> 40 << 24), 14)),
            (_, Some(_)) => None,
        }
    }

    /// Reads what [`NationalId::tag_input`] wrote; nothing else decodes.
    ///
    /// For our own sealed bytes, not for input: it checks the whole invariant, under the 2032 rule,
    /// but not whether this environment takes the number.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[kind, assigner_length], rest) = bytes.split_first_chunk()?;
        let kind = IdKind::from_code(kind)?;
        let (assigner, rest) = rest.split_at_checked(usize::from(assigner_length))?;
        let assigner = match (kind, assigner) {
            (IdKind::Dnr | IdKind::Duf | IdKind::Felles | IdKind::Fnr | IdKind::Hnr, []) => None,
            (IdKind::Hnr | IdKind::Local, assigner) => Some(Assigner::parse(assigner)?),
            _ => return None,
        };
        let (&number_length, text) = rest.split_first()?;
        if usize::from(number_length) != text.len() {
            return None;
        }
        let number = match kind {
            IdKind::Local => local::pack(text)?,
            _ if text.len() != kind.digit_count() => return None,
            _ => digits::number_of(text)?,
        };
        let is_sound = match kind {
            IdKind::Local => !check::is_sound_by_any_rule(text),
            IdKind::Duf => {
                check::duf_year_is_plausible(number) && check::duf_check_digits_match(number)
            }
            IdKind::Dnr | IdKind::Felles | IdKind::Fnr | IdKind::Hnr => {
                let parts = Parts::of(number);
                let digits_match = parts.rest_1() <= 3 && parts.rest_2() == 0;
                parts.kind() == kind && parts.has_date() && digits_match
            }
        };
        is_sound.then(|| Self::from_checked(kind, assigner, number))
    }
}

impl fmt::Debug for NationalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NationalId(..)")
    }
}

impl Drop for NationalId {
    fn drop(&mut self) {
        self.number.zeroize();
    }
}

impl ZeroizeOnDrop for NationalId {}
