//! A row that waits to be released: the person's key and the released cells, in one string of bytes
//! whose order is the order of rows.
//!
//! ```text
//! row     = key ‖ cell of each column
//! key     = serial u48 BE  |  label ‖ 00
//! text    = its bytes ‖ 00                 no text holds a 00
//! fixed   = 00  |  01 ‖ number BE, so that it sorts as it counts
//! ```
//!
//! INVARIANT: comparing two rows of a file as bytes compares the keys, then the cells from left to
//! right: empty ones first, texts by their bytes, the others by what they count.

use arrow_schema::DataType;

use super::cell::{Cell, Kind, width};

/// Bytes of a serial: 14 digits fit.
pub(super) const SERIAL_BYTES: usize = 6;

/// Appends a serial; `None` when it has more than 14 digits.
pub(super) fn append_serial(serial: u64, row: &mut Vec<u8>) -> Option<()> {
    let bytes = serial.to_be_bytes();
    let (head, tail) = bytes.split_at_checked(size_of::<u64>() - SERIAL_BYTES)?;
    if head.iter().any(|byte| *byte != 0) {
        return None;
    }
    row.extend_from_slice(tail);
    Some(())
}

/// Appends a text; `None` when it holds a 00.
pub(super) fn append_text(text: &[u8], row: &mut Vec<u8>) -> Option<()> {
    if text.contains(&0) {
        return None;
    }
    row.extend_from_slice(text);
    row.push(0);
    Some(())
}

/// How the cells of a column stand in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// So many bytes: of a number that may be negative, or of one that never is.
    Signed(usize),
    Text,
    Unsigned(usize),
}

impl Form {
    /// The form of cells of a kind.
    pub(super) fn of(kind: &Kind) -> Self {
        let Kind::Fixed(kind) = kind else { return Self::Text };
        // A type without a width is no kind.
        let width = width(kind).unwrap_or_default();
        let is_unsigned = kind.is_unsigned_integer() || matches!(kind, DataType::Boolean);
        if is_unsigned { Self::Unsigned(width) } else { Self::Signed(width) }
    }
}

/// Appends a cell to a row; `None` when it does not fit its column.
pub(super) fn append_cell(form: Form, cell: Cell<'_>, row: &mut Vec<u8>) -> Option<()> {
    match (form, cell) {
        (_, Cell::Empty) => row.push(0),
        (Form::Text, Cell::Text(text)) => return append_text(text, row),
        (Form::Signed(width), Cell::Number(number)) => {
            append_number(number.cast_unsigned() ^ sign(width), width, row)?;
        }
        (Form::Unsigned(width), Cell::Number(number)) => {
            append_number(number.cast_unsigned(), width, row)?;
        }
        _ => return None,
    }
    Some(())
}

fn append_number(bits: u128, width: usize, row: &mut Vec<u8>) -> Option<()> {
    let bytes = bits.to_be_bytes();
    row.push(1);
    row.extend_from_slice(bytes.get(bytes.len().checked_sub(width)?..)?);
    Some(())
}

/// The bit that is turned so that negative numbers come first.
fn sign(width: usize) -> u128 {
    u32::try_from(width * 8).ok().and_then(|bits| bits.checked_sub(1)).map_or(0, |bit| 1 << bit)
}

/// Takes a row apart, from left to right.
pub(super) struct Cells<'a> {
    rest: &'a [u8],
}

impl<'a> Cells<'a> {
    pub(super) fn of(row: &'a [u8]) -> Self {
        Self { rest: row }
    }

    /// The serial that the row begins with.
    pub(super) fn serial(&mut self) -> u64 {
        let mut bytes = [0; size_of::<u64>()];
        let (serial, rest) = self.rest.split_at_checked(SERIAL_BYTES).unwrap_or_default();
        if let Some(tail) = bytes.get_mut(size_of::<u64>() - SERIAL_BYTES..)
            && tail.len() == serial.len()
        {
            tail.copy_from_slice(serial);
        }
        self.rest = rest;
        u64::from_be_bytes(bytes)
    }

    /// The text that comes next.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| *byte == 0).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        text
    }

    /// The cell of a column of this form.
    pub(super) fn next(&mut self, form: Form) -> Cell<'a> {
        match form {
            Form::Signed(width) => self.fixed(width, |bits| {
                // Brought to the upper end and back, so that the bits above are those of the sign.
                let unused = u32::try_from(128 - 8 * width).unwrap_or_default();
                (bits ^ sign(width)).unbounded_shl(unused).cast_signed().unbounded_shr(unused)
            }),
            Form::Text => match self.text() {
                [] => Cell::Empty,
                text => Cell::Text(text),
            },
            Form::Unsigned(width) => self.fixed(width, u128::cast_signed),
        }
    }

    fn fixed(&mut self, width: usize, number: impl FnOnce(u128) -> i128) -> Cell<'a> {
        let (presence, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        if *presence == 0 {
            return Cell::Empty;
        }
        let (found, rest) = rest.split_at_checked(width).unwrap_or_default();
        self.rest = rest;
        Cell::Number(number(bits_of(found)))
    }
}

/// The bits of a number; most numbers have four bytes or eight.
fn bits_of(bytes: &[u8]) -> u128 {
    match (bytes.try_into(), bytes.try_into()) {
        (Ok(four), _) => u32::from_be_bytes(four).into(),
        (_, Ok(eight)) => u64::from_be_bytes(eight).into(),
        _ => bytes.iter().fold(0, |bits, byte| bits << 8 | u128::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::TimeUnit;
    use proptest::prelude::*;

    fn kinds() -> Vec<Kind> {
        vec![
            Kind::Text,
            Kind::Fixed(DataType::Int16),
            Kind::Fixed(DataType::UInt8),
            Kind::Fixed(DataType::Timestamp(TimeUnit::Microsecond, None)),
            Kind::Fixed(DataType::Decimal128(38, 2)),
        ]
    }

    type Row = (u64, Option<String>, Option<i16>, Option<u8>, Option<i64>, Option<i128>);

    fn encoded(row: &Row) -> Vec<u8> {
        let mut bytes = Vec::new();
        append_serial(row.0, &mut bytes).unwrap();
        let number = |number: Option<i128>| number.map_or(Cell::Empty, Cell::Number);
        let cells = [
            row.1.as_deref().map_or(Cell::Empty, |text| Cell::Text(text.as_bytes())),
            number(row.2.map(Into::into)),
            number(row.3.map(Into::into)),
            number(row.4.map(Into::into)),
            number(row.5),
        ];
        for (kind, cell) in kinds().iter().zip(cells) {
            append_cell(Form::of(kind), cell, &mut bytes).unwrap();
        }
        bytes
    }

    fn row() -> impl Strategy<Value = Row> {
        let text = proptest::option::of("[a-b\u{1}é]{1,3}");
        (
            0_u64..3,
            text,
            any::<Option<i16>>(),
            any::<Option<u8>>(),
            any::<Option<i64>>(),
            any::<Option<i128>>(),
        )
    }

    proptest! {
        // Goal: the order of the bytes is the order of the rows, whatever is in them.
        #[test]
        fn rows_compare_as_their_bytes_and_come_back(one in row(), other in row()) {
            let (left, right) = (encoded(&one), encoded(&other));
            prop_assert_eq!(one.cmp(&other), left.cmp(&right));
            let mut cells = Cells::of(&left);
            prop_assert_eq!(cells.serial(), one.0);
            let mut again = Vec::new();
            append_serial(one.0, &mut again).unwrap();
            for kind in kinds() {
                append_cell(Form::of(&kind), cells.next(Form::of(&kind)), &mut again).unwrap();
            }
            prop_assert_eq!(again, left);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut row = Vec::new();
        assert!(append_serial(1 << 48, &mut row).is_none());
        assert!(append_text(b"a\0b", &mut row).is_none());
        assert!(append_cell(Form::Text, Cell::Number(1), &mut row).is_none());
        assert!(row.is_empty());
    }
}
