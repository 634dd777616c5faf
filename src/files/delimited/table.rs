//! A CSV file as a header and raw rows, in constant memory.
//!
//! Row numbers count data rows from 1; line numbers count the lines of the file. Lines without any
//! character are no rows; they are kept where they are.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::Encoding;
use super::record::{Fault, Scan, Tail, scan_record, without_quotes};
use crate::files::{Error, ErrorKind, Place};

/// How much is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Longest record. With an unclosed quote the rest of the file would be one record.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// What separates fields when nobody says, most common in Norwegian exports first.
const DELIMITERS: [u8; 3] = [b';', b',', b'\t'];

/// How a file is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// What separates the columns; `None`: what the header shows.
    pub delimiter: Option<u8>,
    /// How the text is encoded.
    pub encoding: Encoding,
}

/// One data row within a block of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Where the row starts.
    pub start: usize,
    /// Where the row ends, line end included.
    pub end: usize,
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
pub struct Table<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    tail: Tail,
    delimiter: u8,
    encoding: Encoding,
    columns: usize,
    /// The columns asked for, by their place in the file, in the order they were asked for.
    places: Vec<usize>,
    header: Vec<u8>,
    fields: Vec<Range<usize>>,
    place: Place,
}

impl<R: Read> Table<R> {
    /// Reads the header and finds columns. Without a delimiter the header says which it is.
    ///
    /// # Errors
    ///
    /// An empty file, no header, no such column, or it twice; a file that is not 8-bit text.
    pub fn open(input: R, columns: &[&str], layout: Layout) -> Result<Self, Error> {
        let mut table = Self {
            input,
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            tail: Tail::MoreToRead,
            delimiter: layout.delimiter.unwrap_or(b','),
            encoding: layout.encoding,
            columns: 0,
            places: Vec::new(),
            header: Vec::new(),
            fields: Vec::new(),
            place: Place::default(),
        };
        table.read_header(columns, layout.delimiter)?;
        Ok(table)
    }

    /// The header as it is, byte order mark and line end included.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// How the text is encoded.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The columns asked for, by their place in the file, in the order they were asked for.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }

    /// The names of all columns.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let fields = self.header_fields();
        fields.iter().map(|field| self.header_text(field)).collect()
    }

    /// Where the file is read to.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// The spans of the fields of the row that was appended last, quotes included, from its start.
    pub(super) fn fields(&self) -> &[Range<usize>] {
        &self.fields
    }

    /// The field of a column asked for, of the row that was appended last, without its quotes.
    #[must_use]
    pub fn cell<'a>(&self, column: usize, block: &'a [u8], row: Row) -> &'a [u8] {
        let field = self.places.get(column).and_then(|place| self.fields.get(*place));
        let span = field.map(|field| row.start + field.start..row.start + field.end);
        without_quotes(span.and_then(|span| block.get(span)).unwrap_or_default())
    }

    /// Appends the next row, with the empty lines before it, to `block`.
    ///
    /// # Errors
    ///
    /// A damaged or ragged row, by number and line; an unreadable file.
    pub fn append_row(&mut self, block: &mut Vec<u8>) -> Result<Option<Row>, Error> {
        loop {
            let Next::Record(length) = self.next_record()? else { return Ok(None) };
            let record = self.buffer.get(self.start..self.start + length).unwrap_or_default();
            let start = block.len();
            block.extend_from_slice(record);
            self.start += length;
            self.place.bytes += length as u64;
            let line = self.place.lines + 1;
            self.place.lines += line_ends(record);
            if record == b"\n" || record == b"\r\n" {
                continue;
            }
            self.place.rows += 1;
            let (row, columns, found) = (self.place.rows, self.columns, self.fields.len());
            if found != columns {
                return Err(Error::input(format!(
                    "row {row} (line {line}) has {found} fields, the header has {columns}"
                ))
                .advise("Repair the row, or quote a field that holds the delimiter."));
            }
            return Ok(Some(Row { start, end: block.len() }));
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
        Error::input(format!("{} {fault}", self.whereabouts()))
            .advise("Look for the quote in that line or shortly after it.")
    }

    fn too_long(&self) -> Error {
        Error::input(format!("{} is longer than {RECORD_BYTES_MAX} bytes", self.whereabouts()))
            .advise("A quote in that line is probably never closed.")
    }

    /// Where the record is that is being looked for.
    fn whereabouts(&self) -> String {
        if self.columns == 0 {
            "the header".to_owned()
        } else {
            format!("row {} (line {})", self.place.rows + 1, self.place.lines + 1)
        }
    }

    fn read_header(&mut self, columns: &[&str], delimiter: Option<u8>) -> Result<(), Error> {
        while self.end < 4 && self.tail == Tail::MoreToRead {
            self.fill()?;
        }
        let bytes = self.buffer.get(..self.end).unwrap_or_default();
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
            return Err(Error::input("the file is UTF-16, or not text at all")
                .advise("Save it as CSV in UTF-8, or in ISO-8859-1 with --encoding iso-8859-1."));
        }
        self.start = if bytes.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
        if self.start > 0 && self.encoding == Encoding::Latin1 {
            return Err(Error::input("the file begins with the mark of UTF-8, not ISO-8859-1")
                .advise("Leave out --encoding."));
        }
        self.header = bytes.get(..self.start).unwrap_or_default().to_vec();
        if self.start == self.end && self.tail == Tail::EndOfFile {
            return Err(
                Error::input("the file is empty").advise("It must begin with a header row.")
            );
        }
        let candidates = delimiter.map_or_else(|| DELIMITERS.to_vec(), |given| vec![given]);
        let (delimiter, length) = loop {
            match self.choose_delimiter(columns, &candidates)? {
                Some(choice) => break choice,
                None if self.end - self.start <= RECORD_BYTES_MAX => self.fill()?,
                None => return Err(self.too_long()),
            }
        };
        let record = self.buffer.get(self.start..self.start + length).unwrap_or_default();
        self.header.extend_from_slice(record);
        self.place = Place { rows: 0, bytes: self.header.len() as u64, lines: line_ends(record) };
        self.start += length;
        self.delimiter = delimiter;
        let places: Result<Vec<usize>, Error> =
            columns.iter().map(|name| self.find_column(name)).collect();
        // A name that is not found in a header of another encoding may be there.
        self.places = places.or_else(|missing| self.refuse_encoding().and(Err(missing)))?;
        self.columns = self.header_fields().len();
        Ok(())
    }

    /// The delimiter under which the first row has most of the columns, then most fields, and the
    /// length of that row; `None` when more must be read to know.
    fn choose_delimiter(
        &mut self,
        columns: &[&str],
        candidates: &[u8],
    ) -> Result<Option<(u8, usize)>, Error> {
        let bytes = self.buffer.get(self.start..self.end).unwrap_or_default();
        let wanted: Vec<Vec<u8>> =
            columns.iter().filter_map(|name| self.encoding.encode(name)).collect();
        let mut best = None;
        let mut fault = None;
        for &candidate in candidates {
            match scan_record(bytes, candidate, self.tail, &mut self.fields) {
                Ok(Scan::Incomplete) => return Ok(None),
                Ok(Scan::Record(length)) => {
                    let is_named = |field: &&Range<usize>| {
                        let name = bytes.get((*field).clone()).unwrap_or_default();
                        wanted.iter().any(|wanted| without_quotes(name) == wanted.as_slice())
                    };
                    let named = self.fields.iter().filter(is_named).count();
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
                .advise("Give --delimiter if it is none of , ; and tab.")),
            (None, None) => Err(Error::new(ErrorKind::Internal, "no delimiter to try")),
        }
    }

    /// Refuses a header that is not in the encoding it is said to be in.
    pub(crate) fn refuse_encoding(&self) -> Result<(), Error> {
        match self.encoding.fault(&self.header) {
            Some(_) => Err(wrongly_encoded("the header")),
            None => Ok(()),
        }
    }

    /// Finds a column in the header.
    fn find_column(&self, column: &str) -> Result<usize, Error> {
        let names = self.names();
        let mut places = (0..).zip(&names).filter(|(_, name)| *name == column);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (None, _) => Err(no_such_column(column, &names)),
            _ => Err(Error::input(format!("the header has the column {column} more than once"))
                .advise("Rename one of them.")),
        }
    }

    /// The fields of the header, as spans of it.
    pub(super) fn header_fields(&self) -> Vec<Range<usize>> {
        let mark = if self.header.starts_with(UTF8_BOM) { UTF8_BOM.len() } else { 0 };
        let mut fields = Vec::new();
        let text = self.header.get(mark..).unwrap_or_default();
        // It was scanned when it was read.
        let _ = scan_record(text, self.delimiter, Tail::EndOfFile, &mut fields);
        fields.into_iter().map(|field| field.start + mark..field.end + mark).collect()
    }

    fn header_text(&self, field: &Range<usize>) -> String {
        let name = without_quotes(self.header.get(field.clone()).unwrap_or_default());
        self.encoding.decode(name).into_owned()
    }
}

impl<R: Read + Seek> Table<R> {
    /// Goes to where a checkpoint was.
    ///
    /// # Errors
    ///
    /// The input cannot be read from its middle.
    pub fn go_to(&mut self, place: Place) -> Result<(), Error> {
        self.input
            .seek(SeekFrom::Start(place.bytes))
            .map_err(|cause| Error::input(format!("cannot go on in the input: {cause}")))?;
        self.start = 0;
        self.end = 0;
        self.tail = Tail::MoreToRead;
        self.place = place;
        Ok(())
    }
}

/// Something is not in the encoding it is said to be in.
pub(crate) fn wrongly_encoded(place: &str) -> Error {
    Error::input(format!("{place} is not UTF-8"))
        .advise("Repair it, or give --encoding iso-8859-1 if that is what the file is in.")
}

/// Lists the columns, unless the first row may be data: then it is not shown at all.
pub(crate) fn no_such_column(column: &str, names: &[String]) -> Error {
    if !names.iter().all(|name| is_column_name(name)) {
        return Error::input(format!("there is no column {column}, and perhaps no header"))
            .advise("The first row looks like data, so it is not shown. A header is required.");
    }
    Error::input(format!("there is no column {column}"))
        .advise(format!("The columns are: {}.", names.join(", ")))
}

/// Whether a name may be shown: it begins with a letter and has no long run of digits.
fn is_column_name(name: &str) -> bool {
    let begins = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    let long_run = name.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() >= 6);
    begins && !long_run && name.len() <= 64
}

fn line_ends(record: &[u8]) -> u64 {
    record.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}
