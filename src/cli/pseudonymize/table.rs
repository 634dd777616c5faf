//! A CSV file as a header and raw rows, in constant memory.
//!
//! Row numbers count data rows from 1; line numbers count the lines of the file. Lines without any
//! character are no rows; they are kept where they are.

use std::io::Read;
use std::ops::Range;

use super::record::{Fault, Scan, Tail, scan_record, without_quotes};
use crate::cli::error::Error;

/// How much is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Longest record. With an unclosed quote the rest of the file would be one record.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// What separates fields when nobody says, most common in Norwegian exports first.
const DELIMITERS: [u8; 3] = [b';', b',', b'\t'];

/// One data row within a block of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Row {
    /// Where the row starts.
    pub(in crate::cli) start: usize,
    /// Where the identifier's field starts, quotes included.
    pub(in crate::cli) cell_start: usize,
    /// Where the identifier's field ends, quotes included.
    pub(in crate::cli) cell_end: usize,
    /// Where the row ends, line end included.
    pub(in crate::cli) end: usize,
}

impl Row {
    /// The identifier's field without its quotes. `block` is what the row was appended to.
    pub(in crate::cli) fn cell<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        without_quotes(block.get(self.cell_start..self.cell_end).unwrap_or_default())
    }
}

/// What came next in the file.
enum Next {
    /// A record with this many bytes.
    Record(usize),
    /// The end.
    End,
}

/// A CSV file being read.
///
/// INVARIANT: `start <= end <= buffer.len()`; the bytes between are read and not yet handed out.
pub(in crate::cli) struct Table<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    tail: Tail,
    delimiter: u8,
    columns: usize,
    id_column: usize,
    header: Vec<u8>,
    header_cell: Range<usize>,
    fields: Vec<Range<usize>>,
    rows: u64,
    lines: u64,
}

impl<R: Read> Table<R> {
    /// Reads the header and finds the column. Without a delimiter the header says which it is.
    ///
    /// # Errors
    ///
    /// An empty file, no header, no such column, or it twice; a file that is not 8-bit text.
    pub(in crate::cli) fn open(
        input: R,
        column: &str,
        delimiter: Option<u8>,
    ) -> Result<Self, Error> {
        let mut table = Self {
            input,
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            tail: Tail::MoreToRead,
            delimiter: delimiter.unwrap_or(b','),
            columns: 0,
            id_column: 0,
            header: Vec::new(),
            header_cell: 0..0,
            fields: Vec::new(),
            rows: 0,
            lines: 0,
        };
        table.read_header(column, delimiter)?;
        Ok(table)
    }

    /// The header as it is, byte order mark and line end included.
    pub(in crate::cli) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Where in the header the identifier's column is named, quotes included.
    pub(in crate::cli) fn header_cell(&self) -> Range<usize> {
        self.header_cell.clone()
    }

    /// Whether the header has a column of this name.
    pub(in crate::cli) fn has_column(&self, name: &str) -> bool {
        self.header_fields(self.delimiter).is_ok_and(|fields| {
            fields.iter().any(|field| self.header_name(field) == name.as_bytes())
        })
    }

    /// Data rows handed out so far.
    pub(in crate::cli) fn rows(&self) -> u64 {
        self.rows
    }

    /// Appends the next row, with the empty lines before it, to `block`.
    ///
    /// # Errors
    ///
    /// A damaged or ragged row, by number and line; an unreadable file.
    pub(in crate::cli) fn append_row(&mut self, block: &mut Vec<u8>) -> Result<Option<Row>, Error> {
        loop {
            let Next::Record(length) = self.next_record()? else { return Ok(None) };
            let record = self.buffer.get(self.start..self.start + length).unwrap_or_default();
            let start = block.len();
            block.extend_from_slice(record);
            self.start += length;
            let line = self.lines + 1;
            self.lines += line_ends(record);
            if record == b"\n" || record == b"\r\n" {
                continue;
            }
            self.rows += 1;
            let (row, columns, found) = (self.rows, self.columns, self.fields.len());
            if found != columns {
                return Err(Error::input(format!(
                    "row {row} (line {line}) has {found} fields, the header has {columns}"
                ))
                .advise("Nothing was written. Repair the row, or quote a field that holds the delimiter."));
            }
            let cell = self.fields.get(self.id_column).cloned().unwrap_or_default();
            return Ok(Some(Row {
                start,
                cell_start: start + cell.start,
                cell_end: start + cell.end,
                end: block.len(),
            }));
        }
    }

    /// Finds the next record, reading as needed.
    fn next_record(&mut self) -> Result<Next, Error> {
        loop {
            let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
            if bytes.is_empty() && self.tail == Tail::EndOfFile {
                return Ok(Next::End);
            }
            match scan_record(bytes, self.delimiter, self.tail, &mut self.fields) {
                Ok(Scan::Record(length)) if length <= RECORD_BYTES_MAX => {
                    return Ok(Next::Record(length));
                }
                Ok(Scan::Incomplete) if bytes.len() <= RECORD_BYTES_MAX => self.fill()?,
                Ok(_) => return Err(self.too_long()),
                Err(fault) => return Err(self.damaged(fault)),
            }
        }
    }

    /// Moves what is left to the front and reads more behind it.
    fn fill(&mut self) -> Result<(), Error> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.input.read(free) {
                Ok(0) => self.tail = Tail::EndOfFile,
                Ok(count) => self.end += count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(Error::input(format!("cannot read the input: {cause}"))),
            }
            return Ok(());
        }
    }

    fn damaged(&self, fault: Fault) -> Error {
        Error::input(format!("{} {fault}", self.place()))
            .advise("Nothing was written. Look for the quote in that line or shortly after it.")
    }

    fn too_long(&self) -> Error {
        Error::input(format!("{} is longer than {RECORD_BYTES_MAX} bytes", self.place()))
            .advise("Nothing was written. A quote in that line is probably never closed.")
    }

    /// Where the record is that is being looked for.
    fn place(&self) -> String {
        if self.columns == 0 {
            "the header".to_owned()
        } else {
            format!("row {} (line {})", self.rows + 1, self.lines + 1)
        }
    }

    fn read_header(&mut self, column: &str, delimiter: Option<u8>) -> Result<(), Error> {
        while self.end < 4 && self.tail == Tail::MoreToRead {
            self.fill()?;
        }
        let bytes = self.buffer.get(..self.end).unwrap_or_default();
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
            return Err(Error::input("the file is UTF-16, or not text at all")
                .advise("Save it as CSV in UTF-8 or Latin-1."));
        }
        self.start = if bytes.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
        self.header = bytes.get(..self.start).unwrap_or_default().to_vec();
        if self.start == self.end && self.tail == Tail::EndOfFile {
            return Err(
                Error::input("the file is empty").advise("It must begin with a header row.")
            );
        }
        let candidates = delimiter.map_or_else(|| DELIMITERS.to_vec(), |given| vec![given]);
        let (delimiter, length) = loop {
            match self.choose_delimiter(column, &candidates)? {
                Some(choice) => break choice,
                None if self.end - self.start <= RECORD_BYTES_MAX => self.fill()?,
                None => return Err(self.too_long()),
            }
        };
        let record = self.buffer.get(self.start..self.start + length).unwrap_or_default();
        self.header.extend_from_slice(record);
        self.lines = line_ends(record);
        self.start += length;
        self.delimiter = delimiter;
        self.find_column(column)
    }

    /// The delimiter under which the first row has the column, else the one with most fields, and
    /// the length of that row; `None` when more must be read to know.
    fn choose_delimiter(
        &mut self,
        column: &str,
        candidates: &[u8],
    ) -> Result<Option<(u8, usize)>, Error> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let mut best = None;
        let mut fault = None;
        for &candidate in candidates {
            match scan_record(bytes, candidate, self.tail, &mut self.fields) {
                Ok(Scan::Incomplete) => return Ok(None),
                Ok(Scan::Record(length)) => {
                    let named = self.fields.iter().any(|field| {
                        let name = bytes.get(field.clone()).unwrap_or_default();
                        without_quotes(name) == column.as_bytes()
                    });
                    let rank = (named, self.fields.len());
                    if best.is_none_or(|(chosen, _, _)| rank > chosen) {
                        best = Some((rank, candidate, length));
                    }
                }
                Err(found) => fault = Some(found),
            }
        }
        match (best, fault) {
            // None of them is there: then a stray comma in a row below is noticed.
            (Some(((_, 1), _, length)), _) if candidates.len() > 1 => Ok(Some((b',', length))),
            (Some((_, delimiter, length)), _) => Ok(Some((delimiter, length))),
            (None, Some(fault)) => Err(Error::input(format!("the header {fault}"))
                .advise("Nothing was written. Give --delimiter if it is none of , ; and tab.")),
            (None, None) => Err(Error::internal("no delimiter to try")),
        }
    }

    /// Finds the column in the header.
    fn find_column(&mut self, column: &str) -> Result<(), Error> {
        let fields = self.header_fields(self.delimiter).unwrap_or_default();
        let is_named = |at: &usize| {
            fields.get(*at).is_some_and(|field| self.header_name(field) == column.as_bytes())
        };
        let places: Vec<usize> = (0..fields.len()).filter(is_named).collect();
        match places.as_slice() {
            &[place] => {
                self.columns = fields.len();
                self.id_column = place;
                self.header_cell = fields.get(place).cloned().unwrap_or_default();
                Ok(())
            }
            [] => Err(self.no_such_column(column, &fields)),
            _ => Err(Error::input(format!("the header has the column {column} more than once"))
                .advise("Rename one of them.")),
        }
    }

    /// The fields of the header, as spans of `self.header`, under a delimiter.
    fn header_fields(&self, delimiter: u8) -> Result<Vec<Range<usize>>, Fault> {
        let mark = if self.header.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
        let mut fields = Vec::new();
        let text = self.header.get(mark..).unwrap_or_default();
        scan_record(text, delimiter, Tail::EndOfFile, &mut fields)?;
        Ok(fields.into_iter().map(|field| field.start + mark..field.end + mark).collect())
    }

    fn header_name(&self, field: &Range<usize>) -> &[u8] {
        without_quotes(self.header.get(field.clone()).unwrap_or_default())
    }

    /// Lists the columns, unless the first row may be data: then it is not shown at all.
    fn no_such_column(&self, column: &str, fields: &[Range<usize>]) -> Error {
        let names: Vec<&[u8]> = fields.iter().map(|field| self.header_name(field)).collect();
        if !names.iter().all(|name| is_column_name(name)) {
            return Error::input(format!("there is no column {column}, and perhaps no header"))
                .advise(
                    "The first row looks like data, so it is not shown. A header is required.",
                );
        }
        let listed: Vec<String> =
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Error::input(format!("there is no column {column}"))
            .advise(format!("The columns are: {}.", listed.join(", ")))
            .advise("Give one of them as --id-column.")
    }
}

/// Whether a name may be shown: it begins with a letter and has no long run of digits.
fn is_column_name(name: &[u8]) -> bool {
    let begins = name.first().is_some_and(|&b| b.is_ascii_alphabetic() || b == b'_' || b >= 0x80);
    let long_run = name.split(|byte| !byte.is_ascii_digit()).any(|run| run.len() >= 6);
    begins && !long_run && name.len() <= 64
}

fn line_ends(record: &[u8]) -> u64 {
    record.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}
