//! From what a sender sent to a [`NationalId`], one by one or a column at a time.
//!
//! # Why it exists
//!
//! The edge where untrusted input becomes a type that cannot be wrong (DESIGN section 6). A column
//! says once what kind its identifiers are and who assigned them; the value is classified anyway,
//! because labels in the wild are wrong (DOMAIN B7), and a contradiction is an error of that row.
//!
//! ```text
//! format ► date ► check digits ► declared kind ► environment        (the first that fails is told)
//! ```
//!
//! # Invariants
//!
//! - All forms give the same verdict on the same value.
//! - A bad row never fails its batch, and results stand in the order of the rows.
//! - Nothing is guessed: no trimming, no padding, no signs, no digits but ASCII.
//!
//! # What it does *not* protect
//!
//! Old systems made H-numbers that begin with 8 or 9 (DOMAIN B4); by value they are felles
//! hjelpenummer. Check digits that match are no proof that the number was ever given out.

use thiserror::Error;

use super::check::{
    LIMIT_11, LIMIT_12, Parts, duf_check_digits_match, duf_year_is_plausible, is_sound_by_any_rule,
};
use super::digits::{Eleven, number_of_12};
use super::local;
use super::national::{Assigner, IdKind, Marker, NationalId};
use super::reject::Reject;
use super::rules::RulesAt;

#[cfg(test)]
mod tests;

/// What the sender says that a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// Any kind; each value is classified: 12 digits are a DUF-number; of 11 digits, a first
    /// digit 8 or 9 is a felles hjelpenummer, 4–7 a D-number, month + 40 an H-number, the rest a
    /// fødselsnummer.
    Any,
    /// This kind and no other.
    Kind(IdKind),
}

impl Declared {
    const fn allows(self, kind: IdKind) -> bool {
        match self {
            Self::Any => true,
            Self::Kind(declared) => declared as u8 == kind as u8,
        }
    }

    /// How many bytes a row has in a packed column: 12 for DUF-numbers and for local numbers, which
    /// are packed where all have as many characters; otherwise 11.
    #[must_use]
    pub const fn row_bytes(self) -> usize {
        match self {
            Self::Any => 11,
            Self::Kind(kind) => kind.digit_count(),
        }
    }
}

/// A packed column whose length is not a whole number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the packed column has {column_bytes} bytes, not a whole number of rows of {row_bytes}")]
pub struct ColumnLength {
    /// Length of the column.
    pub column_bytes: usize,
    /// Length of a row.
    pub row_bytes: usize,
}

/// Parses one identifier from exactly 11 or 12 ASCII digits.
///
/// `assigner` is who gave out H-numbers in this column; other kinds do not keep it.
///
/// # Errors
///
/// [`Reject`] says what is wrong with the value.
pub fn parse_text(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    text: &[u8],
) -> Result<NationalId, Reject> {
    if matches!(declared, Declared::Kind(IdKind::Local)) {
        return parse_local(rules, assigner, text);
    }
    if let Ok(row) = text.try_into() {
        parse_row_11(rules, declared, assigner, row)
    } else if let Ok(row) = text.try_into() {
        parse_row_12(rules, declared, row)
    } else {
        Err(Reject::Format)
    }
}

/// Parses one identifier from an integer, where leading zeros are implied.
///
/// Numbers below 10^11 are 11 digits, numbers from there to 10^12 are DUF-numbers.
///
/// # Errors
///
/// [`Reject`] says what is wrong with the value.
// Always inlined, as is `parse_row_11`: a result that comes back from a call is stored in parts and
// read in one piece, which waits for the parts.
#[inline(always)]
pub fn parse_number(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    number: u64,
) -> Result<NationalId, Reject> {
    match number {
        ..LIMIT_11 => take_11(rules, declared, assigner, Eleven::of_number(number)),
        LIMIT_11..LIMIT_12 => take_12(rules, declared, number),
        _ => Err(Reject::Format),
    }
}

/// Parses a column of packed rows: 11 ASCII digits each, 12 when DUF-numbers are declared.
///
/// Adds one result per row to `out`.
///
/// # Errors
///
/// [`ColumnLength`] when the column does not end with a row; nothing is added then.
pub fn parse_packed_ascii(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    column: &[u8],
    out: &mut Vec<Result<NationalId, Reject>>,
) -> Result<(), ColumnLength> {
    let row_bytes = declared.row_bytes();
    if !column.len().is_multiple_of(row_bytes) {
        return Err(ColumnLength { column_bytes: column.len(), row_bytes });
    }
    if matches!(declared, Declared::Kind(IdKind::Local)) {
        let rows = column.chunks_exact(row_bytes);
        out.extend(rows.map(|row| parse_local(rules, assigner, row)));
    } else if matches!(declared, Declared::Kind(IdKind::Duf)) {
        let (rows, _) = column.as_chunks();
        out.extend(rows.iter().map(|row| parse_row_12(rules, declared, row)));
    } else {
        let (rows, _) = column.as_chunks();
        out.extend(rows.iter().map(|row| parse_row_11(rules, declared, assigner, row)));
    }
    Ok(())
}

/// Parses a column of integers, where leading zeros are implied.
///
/// Adds one result per row to `out`.
pub fn parse_packed_integers(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    column: &[u64],
    out: &mut Vec<Result<NationalId, Reject>>,
) {
    out.extend(column.iter().map(|&number| parse_number(rules, declared, assigner, number)));
}

#[inline(always)]
fn parse_row_11(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    row: &[u8; 11],
) -> Result<NationalId, Reject> {
    match Eleven::of_ascii(row) {
        Some(digits) => take_11(rules, declared, assigner, digits),
        None => Err(Reject::Format),
    }
}

#[inline]
fn parse_row_12(
    rules: &RulesAt<'_>,
    declared: Declared,
    row: &[u8; 12],
) -> Result<NationalId, Reject> {
    match number_of_12(row) {
        Some(number) => take_12(rules, declared, number),
        None => Err(Reject::Format),
    }
}

/// Judges eleven digits. Always inlined: as a call it costs a fifth of a packed row.
#[inline(always)]
fn take_11(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    digits: Eleven,
) -> Result<NationalId, Reject> {
    // The digits of an integer do not tell the zeros that a local number begins with.
    if matches!(declared, Declared::Kind(IdKind::Duf | IdKind::Local)) {
        return Err(Reject::Format);
    }
    let parts = Parts::of_eleven(digits);
    let place = parts.place();
    let is_sound = parts.has_date() & parts.digits_match(rules.sums_1());
    // Nearly all rows take one branch here, and no column is of H-numbers and others mixed.
    let kind = if is_sound & rules.takes(place) & declared.allows(place.kind()) {
        place.kind()
    } else {
        judge_11(rules, declared, assigner, digits.number)?
    };
    Ok(NationalId::from_checked(kind, assigner, digits.number))
}

/// Judges the eleven digits that are not taken at sight: why not, or by assigner and list.
#[inline(never)]
fn judge_11(
    rules: &RulesAt<'_>,
    declared: Declared,
    assigner: Option<Assigner>,
    number: u64,
) -> Result<IdKind, Reject> {
    let parts = Parts::of(number);
    if !parts.has_date() {
        return Err(Reject::Date);
    }
    if !parts.digits_match(rules.sums_1()) {
        return Err(Reject::CheckDigits);
    }
    let kind = parts.kind();
    if !declared.allows(kind) {
        return Err(Reject::KindMismatch);
    }
    rules.admit(kind, parts.marker(), assigner, number)?;
    Ok(kind)
}

/// A number that one institution has given.  What is a national number, also by the rule from 2032, is
/// none: under that label it would be another person.
#[inline(never)]
fn parse_local(
    rules: &RulesAt<'_>,
    assigner: Option<Assigner>,
    text: &[u8],
) -> Result<NationalId, Reject> {
    let number = local::pack(text).ok_or(Reject::Format)?;
    if is_sound_by_any_rule(text) {
        return Err(Reject::KindMismatch);
    }
    rules.admit(IdKind::Local, Marker::None, assigner, number)?;
    Ok(NationalId::from_checked(IdKind::Local, assigner, number))
}

/// Judges a number below 10^12 that was sent with twelve digits.
#[inline]
fn take_12(rules: &RulesAt<'_>, declared: Declared, number: u64) -> Result<NationalId, Reject> {
    // Twelve digits in a column of elevens is a matter of format, whatever they say.
    if !declared.allows(IdKind::Duf) || !duf_year_is_plausible(number) {
        return Err(Reject::Format);
    }
    if !duf_check_digits_match(number) {
        return Err(Reject::CheckDigits);
    }
    rules.admit(IdKind::Duf, Marker::None, None, number)?;
    Ok(NationalId::from_checked(IdKind::Duf, None, number))
}
