//! A batch as it came, and its rows as parsed identifiers.

use bytes::Bytes;
use zeroize::Zeroize;

use crate::ident::{
    Assigner, Declared, RulesAt, parse_packed_ascii, parse_packed_integers, parse_text,
};
use crate::service::error::{Error, Violation};
use crate::vault::{Contact, Rows};

/// Rows that are parsed at once.
pub(super) const ROWS_AT_ONCE: usize = 64;

/// What the rows of a column are, as the sender says.
#[derive(Clone, Copy, Debug)]
pub struct RowKind {
    /// Declared kind.
    pub declared: Declared,
    /// Who assigned them.
    pub assigner: Option<Assigner>,
}

/// A column of identifiers.
pub enum Column {
    /// 64-bit integers whose leading zeros are implied.
    Integers(Vec<u64>),
    /// ASCII digits without separators.
    PackedAscii(Bytes),
    /// Text, with rows of another kind than the batch's, ascending by row.
    Text(Vec<String>, Vec<(u32, RowKind)>),
}

/// A batch of identifiers. Wiped when it is dropped, as far as its memory is its own.
pub struct Batch {
    /// What the rows are.
    pub kind: RowKind,
    /// The rows.
    pub column: Column,
    /// Names and addresses, one a row or none at all.
    pub contacts: Vec<Contact>,
}

impl Batch {
    /// Rows in it; for packed digits, as far as the bytes reach.
    pub(in crate::service) fn row_count(&self) -> usize {
        match &self.column {
            Column::Integers(numbers) => numbers.len(),
            Column::PackedAscii(bytes) => bytes.len() / self.kind.declared.row_bytes(),
            Column::Text(values, _) => values.len(),
        }
    }

    /// A parser of the rows in order: each call adds the next few, and none at the end.
    ///
    /// # Errors
    ///
    /// `request_invalid` when the column does not end with a row.
    pub(in crate::service) fn parser<'a>(
        &'a self,
        rules: &'a RulesAt<'a>,
    ) -> Result<impl FnMut(&mut Rows) + 'a, Error> {
        let kind = self.kind;
        let row_bytes = kind.declared.row_bytes();
        if let Column::PackedAscii(bytes) = &self.column
            && !bytes.len().is_multiple_of(row_bytes)
        {
            return Err(Error::invalid(vec![Violation {
                field: "batch.packed_ascii".into(),
                text: "its length is not a whole number of rows: 11 bytes a row, or 12 for \
                       DUF-numbers"
                    .into(),
            }]));
        }
        let (mut from, count) = (0, self.row_count());
        Ok(move |rows: &mut Rows| {
            let next = from..count.min(from + ROWS_AT_ONCE);
            from = next.end;
            let RowKind { declared, assigner } = kind;
            match &self.column {
                Column::Integers(numbers) => {
                    parse_packed_integers(rules, declared, assigner, &numbers[next], rows);
                }
                Column::PackedAscii(bytes) => {
                    let bytes = &bytes[next.start * row_bytes..next.end * row_bytes];
                    parse_packed_ascii(rules, declared, assigner, bytes, rows)
                        .expect("it was cut between rows");
                }
                Column::Text(values, kinds) => {
                    parse_texts(rules, (kind, kinds), (next.start, &values[next]), rows);
                }
            }
        })
    }
}

/// Parses rows of a text column, the first of which is row `first`.
fn parse_texts(
    rules: &RulesAt<'_>,
    (kind, others): (RowKind, &[(u32, RowKind)]),
    (first, values): (usize, &[String]),
    rows: &mut Rows,
) {
    rows.extend(values.iter().zip(first..).map(|(value, row)| {
        let other = others.binary_search_by_key(&row, |(other, _)| *other as usize);
        let RowKind { declared, assigner } = other.map_or(kind, |at| others[at].1);
        parse_text(rules, declared, assigner, value.as_bytes())
    }));
}

impl Drop for Batch {
    fn drop(&mut self) {
        match &mut self.column {
            Column::Integers(numbers) => numbers.zeroize(),
            Column::PackedAscii(bytes) => {
                // Bytes that the transport still shares cannot be wiped; SECURITY.md lists them.
                if let Ok(mut own) = std::mem::take(bytes).try_into_mut() {
                    own.as_mut().zeroize();
                }
            }
            Column::Text(values, _) => values.iter_mut().for_each(Zeroize::zeroize),
        }
    }
}
