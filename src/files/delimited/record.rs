//! Finds where one CSV record ends and where its fields are. Pure.
//!
//! Why not the `csv` crate: it is lenient. An unclosed quote swallows the rest of the file into one
//! record, in memory; text after a closing quote is joined to it. And it hands out fields, so the
//! quoting of the columns we must not touch would be lost. Here a row is copied as the bytes it is,
//! around the one field that changes. The `csv` crate is the oracle in the tests.
//!
//! The rules (RFC 4180, read strictly where leniency would hide damage):
//!
//! - A field that begins with `"` ends at the next `"` that is not doubled; after it comes a
//!   delimiter, a line end or the end of the file, and nothing else.
//! - A `"` inside a field that does not begin with one is an ordinary character.
//! - A line ends with LF or CRLF. A CR on its own outside quotes is refused: other programs would
//!   read it as a line end.
//! - The file ends outside quotes.

use std::ops::Range;

/// Whether more bytes may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// The bytes go on to the end of the file.
    EndOfFile,
    /// More can be read.
    MoreToRead,
}

/// What a scan came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// A record of this many bytes, line end included.
    Record(usize),
    /// The record may go on past the bytes at hand.
    Incomplete,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// A CR without LF.
    #[error("has a carriage return that does not end a line")]
    LoneCarriageReturn,
    /// Something between a closing quote and the next delimiter.
    #[error("has text after a closing quote, or a quote before it was never closed")]
    TextAfterQuote,
    /// The file ends inside quotes.
    #[error("has a quote that is never closed")]
    UnclosedQuote,
}

/// Finds the record at the start of `bytes`; `fields` gets the span of each field, quotes included.
pub(super) fn scan_record(
    bytes: &[u8],
    delimiter: u8,
    tail: Tail,
    fields: &mut Vec<Range<usize>>,
) -> Result<Scan, Fault> {
    fields.clear();
    let mut start = 0;
    loop {
        let Some(end) = field_end(bytes, start, delimiter, tail)? else {
            return Ok(Scan::Incomplete);
        };
        fields.push(start..end);
        match (bytes.get(end), bytes.get(end + 1)) {
            (None, _) => return Ok(Scan::Record(end)),
            (Some(&byte), _) if byte == delimiter => start = end + 1,
            (Some(b'\n'), _) => return Ok(Scan::Record(end + 1)),
            (Some(b'\r'), Some(b'\n')) => return Ok(Scan::Record(end + 2)),
            (Some(b'\r'), None) if tail == Tail::MoreToRead => return Ok(Scan::Incomplete),
            (Some(b'\r'), _) => return Err(Fault::LoneCarriageReturn),
            _ => return Err(Fault::TextAfterQuote),
        }
    }
}

/// Where the field that begins at `start` ends; `None` when that cannot be known yet.
fn field_end(
    bytes: &[u8],
    start: usize,
    delimiter: u8,
    tail: Tail,
) -> Result<Option<usize>, Fault> {
    let rest = bytes.get(start..).unwrap_or_default();
    let end = if rest.first() == Some(&b'"') {
        match quoted_length(rest) {
            Some(length) => start + length,
            None if tail == Tail::EndOfFile => return Err(Fault::UnclosedQuote),
            None => return Ok(None),
        }
    } else {
        let length = rest
            .iter()
            .position(|&byte| byte == delimiter || byte == b'\n' || byte == b'\r')
            .unwrap_or(rest.len());
        start + length
    };
    // At the end of the bytes at hand a field may go on, and a quote may turn out doubled.
    Ok(if end == bytes.len() && tail == Tail::MoreToRead { None } else { Some(end) })
}

/// Length of a quoted field, both quotes included; `None` when it is not closed.
fn quoted_length(field: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += field.get(at..)?.iter().position(|&byte| byte == b'"')? + 1;
        if field.get(at) != Some(&b'"') {
            return Some(at);
        }
        at += 1;
    }
}

/// The content of a field without its quotes; doubled quotes stay doubled.
pub(super) fn without_quotes(field: &[u8]) -> &[u8] {
    field.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields_of(text: &str) -> Result<Vec<&str>, Fault> {
        let mut spans = Vec::new();
        scan_record(text.as_bytes(), b',', Tail::EndOfFile, &mut spans)?;
        Ok(spans.into_iter().map(|span| &text[span]).collect())
    }

    #[test]
    fn fields_are_found_with_their_quotes() {
        assert_eq!(fields_of("a,\"b,\"\"c\"\"\n\",\r\nx").unwrap(), ["a", "\"b,\"\"c\"\"\n\"", ""]);
        assert_eq!(fields_of("5\" tube,b").unwrap(), ["5\" tube", "b"]);
        assert_eq!(fields_of("").unwrap(), [""]);
        assert_eq!(without_quotes(b"\"x\""), b"x");
        assert_eq!(without_quotes(b"\""), b"\"");
    }

    #[test]
    fn damage_is_refused() {
        assert_eq!(fields_of("a,\"b\nc,d\n"), Err(Fault::UnclosedQuote));
        assert_eq!(fields_of("a,\"b\nc,\"d\n"), Err(Fault::TextAfterQuote));
        assert_eq!(fields_of("a,\"b\"c\n"), Err(Fault::TextAfterQuote));
        assert_eq!(fields_of("a\rb,c\n"), Err(Fault::LoneCarriageReturn));
        assert_eq!(fields_of("a,\"b\"\r"), Err(Fault::LoneCarriageReturn));
    }

    #[test]
    fn every_cut_asks_for_more_and_never_answers_wrongly() {
        let whole = b"a,\"b\"\"\r\n,c\",d\r\n";
        let mut fields = Vec::new();
        for cut in 0..whole.len() {
            let scan = scan_record(&whole[..cut], b',', Tail::MoreToRead, &mut fields);
            assert_eq!(scan, Ok(Scan::Incomplete), "cut at {cut}");
        }
        let scan = scan_record(whole, b',', Tail::MoreToRead, &mut fields);
        assert_eq!(scan, Ok(Scan::Record(whole.len())));
    }

    proptest! {
        // Goal: what a careful writer writes, we read as the oracle does.
        #[test]
        fn agrees_with_the_csv_crate(
            records in prop::collection::vec(prop::collection::vec("[a-c\",;\n\r ]{0,6}", 2..5), 1..6)
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for record in &records {
                writer.write_record(record).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let (mut at, mut read, mut spans) = (0, Vec::new(), Vec::new());
            while at < bytes.len() {
                let rest = &bytes[at..];
                let Ok(Scan::Record(length)) =
                    scan_record(rest, b',', Tail::EndOfFile, &mut spans) else { panic!("refused") };
                let unquoted = |span: &Range<usize>| {
                    String::from_utf8_lossy(without_quotes(&rest[span.clone()])).replace("\"\"", "\"")
                };
                read.push(spans.iter().map(unquoted).collect::<Vec<_>>());
                at += length;
            }
            prop_assert_eq!(read, records);
        }
    }
}
