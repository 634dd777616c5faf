//! Rows gathered into blocks: the bytes to keep, and where in them the identifiers are.

use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Encoding;
use super::record::without_quotes;
use super::table::{Row, Table, wrongly_encoded};
use crate::files::guard::{Guard, own_number};
use crate::files::{Asked, Block, ContactColumn, ContactTexts, Error, IdColumn, Place, Reader};

/// Most bytes of rows in a block, so that wide rows do not make it large.
const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Rows that wait for their answer. Holds identifiers: no `Debug`.
pub struct RowBlock {
    /// The bytes of the rows, with the empty lines between them.
    pub(super) bytes: Vec<u8>,
    /// The rows.
    pub(super) rows: Vec<Row>,
    /// Where the identifiers are, quotes included, and after them names and addresses: one span for each
    /// column of each row.
    pub(super) cells: Vec<Range<usize>>,
    columns: Arc<[IdColumn]>,
    contacts: Arc<[ContactColumn]>,
    encoding: Encoding,
    first_row: u64,
    end: Place,
}

impl RowBlock {
    /// How many columns are not kept as they are.
    fn width(&self) -> usize {
        self.columns.len() + self.contacts.len()
    }

    /// How many columns are replaced; those after them are left out.
    pub(super) fn replaced(&self) -> usize {
        self.columns.len()
    }

    /// The spans of a row's identifiers, in the order of the columns, then of what is left out.
    pub(super) fn cells_of(&self, row: usize) -> &[Range<usize>] {
        let count = self.width();
        self.cells.get(row * count..(row + 1) * count).unwrap_or_default()
    }

    /// Bytes of the block.
    pub(super) fn part(&self, span: Range<usize>) -> &[u8] {
        self.bytes.get(span).unwrap_or_default()
    }
}

impl Block for RowBlock {
    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn first_row(&self) -> u64 {
        self.first_row
    }

    fn asked(&self, column: usize) -> Asked {
        let Some(declared) = self.columns.get(column) else {
            return Asked { values: crate::files::Values::Text(Vec::new()), rows: None };
        };
        let spans = self.cells.iter().skip(column).step_by(self.width());
        let cells = spans.map(|span| without_quotes(self.part(span.clone())));
        Asked::text(declared, self.rows.len(), cells)
    }

    fn contacts(&self) -> Vec<ContactTexts> {
        let text = |span: &Range<usize>| {
            let field = self.part(span.clone());
            let inner = without_quotes(field);
            let text = Zeroizing::new(self.encoding.decode(inner).into_owned());
            // Between quotes a quote is always doubled.
            let is_doubled = inner.len() != field.len() && text.contains('"');
            if is_doubled { Zeroizing::new(text.replace("\"\"", "\"")) } else { text }
        };
        let places = (self.columns.len()..).zip(self.contacts.iter());
        let texts = places.map(|(place, column)| ContactTexts {
            kind: column.kind,
            texts: self.cells.iter().skip(place).step_by(self.width()).map(text).collect(),
        });
        texts.collect()
    }

    fn end(&self) -> Place {
        self.end
    }

    fn is_boundary(&self) -> bool {
        true
    }
}

/// Reads a CSV file block by block.
pub struct RowReader<R> {
    table: Table<R>,
    columns: Arc<[IdColumn]>,
    contacts: Arc<[ContactColumn]>,
    /// For each column of the file, whether it is one of identifiers, names or addresses.
    is_identifier: Vec<bool>,
    rows_max: usize,
    /// The identifiers of a row, reused.
    own: Vec<u64>,
    /// Bytes of the block before.
    bytes_before: usize,
}

impl<R: Read> RowReader<R> {
    /// Reads a table in blocks of at most so many rows, and has its other columns watched.  The table was
    /// asked for the columns of identifiers and then for those of names and addresses.
    ///
    /// # Errors
    ///
    /// As the guard's over names; a header in another encoding; a column of the name that one of the IDs' shall have.
    pub fn new(
        table: Table<R>,
        (columns, contacts): (Vec<IdColumn>, Vec<ContactColumn>),
        rows_max: usize,
        guard: &mut Guard,
    ) -> Result<Self, Error> {
        table.refuse_encoding()?;
        let names = table.names();
        let is_identifier: Vec<bool> =
            (0..names.len()).map(|place| table.places().contains(&place)).collect();
        let kept = names.into_iter().zip(&is_identifier);
        let watched: Vec<Option<String>> =
            kept.map(|(name, is_identifier)| (!is_identifier).then_some(name)).collect();
        refuse_taken(&columns, watched.iter().flatten().map(String::as_str))?;
        guard.watch(&watched)?;
        Ok(Self {
            table,
            columns: columns.into(),
            contacts: contacts.into(),
            is_identifier,
            rows_max,
            own: Vec::new(),
            bytes_before: 0,
        })
    }

    /// The table.
    pub fn table_mut(&mut self) -> &mut Table<R> {
        &mut self.table
    }

    /// The header with the columns of identifiers renamed and those of names and addresses left out,
    /// everything else as it is.
    ///
    /// # Errors
    ///
    /// A name cannot be written in the file's encoding.
    pub fn renamed_header(&self) -> Result<Vec<u8>, Error> {
        let (header, fields) = (self.table.header(), self.table.header_fields());
        let mut renamed = Vec::with_capacity(header.len());
        let mut at = 0;
        for (place, field) in fields.iter().enumerate() {
            let column = self.table.places().iter().position(|found| *found == place);
            let Some(column) = column else { continue };
            let Some(column) = self.columns.get(column) else {
                at = leave_out(
                    header.get(at..field.start).unwrap_or_default(),
                    field,
                    header,
                    &mut renamed,
                );
                continue;
            };
            let name = self.table.encoding().encode(&column.output).ok_or_else(|| {
                Error::input(format!("the name {} cannot be written in the file", column.output))
                    .advise("Give another name for the column of IDs.")
            })?;
            let is_quoted = header.get(field.start) == Some(&b'"');
            let quote: &[u8] = if is_quoted { b"\"" } else { b"" };
            renamed.extend_from_slice(header.get(at..field.start).unwrap_or_default());
            renamed.extend_from_slice(&[quote, &name, quote].concat());
            at = field.end;
        }
        renamed.extend_from_slice(header.get(at..).unwrap_or_default());
        Ok(renamed)
    }

    /// Shows the guard the row that was read last.
    fn show(&mut self, row: Row, bytes: &[u8], guard: &mut Guard) {
        self.own.clear();
        for column in 0..self.columns.len() {
            let number = own_number(self.table.cell(column, bytes, row));
            if number != 0 {
                guard.identifier(number);
                self.own.push(number);
            }
        }
        let record = bytes.get(row.start..row.end).unwrap_or_default();
        let fields = self.table.fields().iter().zip(&self.is_identifier).enumerate();
        for (column, (field, is_identifier)) in fields {
            // Nothing shorter is an identifier, quoted or not.
            if !is_identifier && field.len() >= 10 {
                let cell = without_quotes(record.get(field.clone()).unwrap_or_default());
                guard.text(column, cell, &self.own);
            }
        }
    }
}

/// Writes what stands before a field that is left out, without one delimiter beside it; gives where to go
/// on.
pub(super) fn leave_out(
    before: &[u8],
    field: &Range<usize>,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> usize {
    out.extend_from_slice(before);
    match bytes.get(field.end) {
        // The field is the last of its row: the delimiter before it goes.
        None | Some(b'\r' | b'\n') => {
            out.pop();
            field.end
        }
        Some(_) => field.end + 1,
    }
}

/// Refuses a name for IDs that another column has.
pub(in crate::files) fn refuse_taken<'a>(
    columns: &[IdColumn],
    mut others: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    let is_taken = |name: &str| columns.iter().any(|column| column.output == name);
    match others.find(|name| is_taken(name)) {
        Some(name) => Err(Error::input(format!("the file has a column {name} already")).advise(
            "That is what the IDs' column is called. Rename the one there is, or name the IDs' \
             column with --id-column NAME:TYPE:OUTPUT.",
        )),
        None => Ok(()),
    }
}

impl<R: Read + Send> Reader for RowReader<R> {
    type Block = RowBlock;

    fn limit(&mut self, rows_max: usize) {
        self.rows_max = self.rows_max.min(rows_max).max(1);
    }

    /// Reads at most so many rows, or bytes; no rows at the end of the file.
    fn read(&mut self, guard: &mut Guard) -> Result<RowBlock, Error> {
        let first_row = self.table.place().rows + 1;
        let mut bytes = Vec::with_capacity(self.bytes_before);
        let mut rows = Vec::with_capacity(self.rows_max);
        let mut cells = Vec::with_capacity(self.rows_max * self.table.places().len());
        while rows.len() < self.rows_max && bytes.len() < BLOCK_BYTES_MAX {
            let Some(row) = self.table.append_row(&mut bytes)? else { break };
            for &place in self.table.places() {
                let field = self.table.fields().get(place).cloned().unwrap_or_default();
                cells.push(row.start + field.start..row.start + field.end);
            }
            self.show(row, &bytes, guard);
            rows.push(row);
        }
        if let Some(at) = self.table.encoding().fault(&bytes) {
            let before = rows.iter().filter(|row| row.end <= at).count() as u64;
            return Err(wrongly_encoded(&format!("row {}", first_row + before)));
        }
        self.bytes_before = bytes.len();
        let (columns, contacts) = (Arc::clone(&self.columns), Arc::clone(&self.contacts));
        let (encoding, end) = (self.table.encoding(), self.table.place());
        Ok(RowBlock { bytes, rows, cells, columns, contacts, encoding, first_row, end })
    }
}
