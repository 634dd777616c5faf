//! Rows gathered into batches: the bytes to keep, and the identifiers to send.

use std::io::Read;

use super::table::{Row, Table};
use crate::cli::error::Error;
use crate::rpc::proto::identifier_batch::Column;
use crate::rpc::proto::{IdentifierBatch, IdentifierType, TextColumn};

/// Most bytes of rows in a block, so that wide rows do not make it large.
const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest cell that is sent. Nothing longer can be an identifier.
const CELL_BYTES_MAX: usize = 64;

/// Rows that wait for their answer. Holds identifiers: no `Debug`.
pub(super) struct Block {
    /// The bytes of the rows, with the empty lines between them.
    pub(super) bytes: Vec<u8>,
    /// The rows.
    pub(super) rows: Vec<Row>,
    /// Number of the first row, from 1.
    pub(super) first_row: u64,
}

impl Block {
    /// Reads the next block of at most `rows_max` rows; without rows at the end of the file.
    ///
    /// # Errors
    ///
    /// As [`Table::append_row`].
    pub(super) fn read<R: Read>(table: &mut Table<R>, rows_max: usize) -> Result<Self, Error> {
        let mut block = Self { bytes: Vec::new(), rows: Vec::new(), first_row: table.rows() + 1 };
        while block.rows.len() < rows_max && block.bytes.len() < BLOCK_BYTES_MAX {
            match table.append_row(&mut block.bytes)? {
                Some(row) => block.rows.push(row),
                None => break,
            }
        }
        Ok(block)
    }

    /// The identifiers of the block: packed when every cell is digits of one length, else text.
    pub(super) fn identifiers(&self, declared: IdentifierType, assigner: &str) -> IdentifierBatch {
        let width = if declared == IdentifierType::Duf { 12 } else { 11 };
        let column = match self.packed(width) {
            Some(packed) => Column::PackedAscii(packed.into()),
            None => Column::Text(TextColumn { values: self.texts(), row_types: Vec::new() }),
        };
        IdentifierBatch {
            r#type: declared.into(),
            assigner: assigner.to_owned(),
            column: Some(column),
        }
    }

    fn packed(&self, width: usize) -> Option<Vec<u8>> {
        let mut packed = Vec::with_capacity(self.rows.len() * width);
        for row in &self.rows {
            let cell = self.cell(row);
            if cell.len() != width || !cell.iter().all(u8::is_ascii_digit) {
                return None;
            }
            packed.extend_from_slice(cell);
        }
        Some(packed)
    }

    /// The cells as text. What cannot be an identifier is sent empty: it is answered `format` too.
    fn texts(&self) -> Vec<String> {
        let text = |row: &Row| match std::str::from_utf8(self.cell(row)) {
            Ok(cell) if cell.len() <= CELL_BYTES_MAX => cell.to_owned(),
            _ => String::new(),
        };
        self.rows.iter().map(text).collect()
    }

    fn cell(&self, row: &Row) -> &[u8] {
        row.cell(&self.bytes)
    }
}
