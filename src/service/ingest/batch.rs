//! A batch as it came, and its rows as parsed identifiers.

use bytes::Bytes;
use zeroize::Zeroize;

use crate::ident::{
    Assigner, Declared, NationalId, Reject, RulesAt, parse_packed_ascii, parse_packed_integers,
    parse_text,
};
use crate::service::error::{Error, Violation};

/// The rows of a batch: an identifier, or why it was refused.
pub(super) type Rows = Vec<Result<NationalId, Reject>>;

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
}

impl Batch {
    /// Rows in it; for packed digits, as far as the bytes reach.
    pub(super) fn row_count(&self) -> usize {
        match &self.column {
            Column::Integers(numbers) => numbers.len(),
            Column::PackedAscii(bytes) => bytes.len() / self.kind.declared.row_bytes(),
            Column::Text(values, _) => values.len(),
        }
    }

    /// Parses every row.
    pub(super) fn parse(&self, rules: &RulesAt<'_>) -> Result<Rows, Error> {
        let RowKind { declared, assigner } = self.kind;
        let mut rows = Vec::with_capacity(self.row_count());
        match &self.column {
            Column::Integers(numbers) => {
                parse_packed_integers(rules, declared, assigner, numbers, &mut rows);
            }
            Column::PackedAscii(bytes) => {
                parse_packed_ascii(rules, declared, assigner, bytes, &mut rows).map_err(|_| {
                    Error::invalid(vec![Violation {
                        field: "batch.packed_ascii".into(),
                        text: "its length is not a whole number of rows: 11 bytes a row, \
                               or 12 for DUF-numbers"
                            .into(),
                    }])
                })?;
            }
            Column::Text(values, kinds) => {
                let mut kinds = kinds.iter().peekable();
                for (row, value) in values.iter().enumerate() {
                    let other = kinds.next_if(|(other, _)| *other as usize == row);
                    let kind = other.map_or(self.kind, |(_, kind)| *kind);
                    rows.push(parse_text(rules, kind.declared, kind.assigner, value.as_bytes()));
                }
            }
        }
        Ok(rows)
    }
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
