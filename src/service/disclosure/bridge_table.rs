//! The file of a bridge in, as its bytes: which rows there are, and what each says.
//!
//! ```text
//! FORMAT: CSV in UTF-8, without quotes, comma or semicolon, LF or CR LF, perhaps a byte order mark
//!   identifier,label                     what kind it is, the number says
//!   type,number,assigner,label           as in a bridge out; type: any, dnr, duf, felles, fnr, hnr
//! ```
//!
//! Pure.  INVARIANT: no error holds anything of the file but the number of a row.

use std::ops::Range;

use super::super::{Error, Violation};
use crate::ident::{Assigner, Declared, IdKind, NationalId, Reject, RulesAt, parse_text};

/// More rows than 128 MiB have that say something: the shortest has 14 bytes.
const ROWS_MAX: usize = 10_000_000;

/// A file that has the form of a bridge in.
pub(super) struct BridgeTable<'a> {
    file: &'a [u8],
    delimiter: u8,
    has_types: bool,
    rows: Vec<Range<u32>>,
}

/// What a row says.
pub(super) struct TableRow<'a> {
    pub(super) identifier: Result<NationalId, Reject>,
    pub(super) label: &'a [u8],
}

impl<'a> BridgeTable<'a> {
    /// Finds the rows of a file.
    ///
    /// # Errors
    ///
    /// `request_invalid` for what has not the form, with the number of the row.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, Error> {
        let begin = if file.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let header = line(file, begin);
        let (delimiter, has_types) = match file.get(header.clone()).unwrap_or_default() {
            b"identifier,label" => (b',', false),
            b"identifier;label" => (b';', false),
            b"type,number,assigner,label" => (b',', true),
            b"type;number;assigner;label" => (b';', true),
            _ => {
                let text = "must begin with the line `identifier,label` or \
                            `type,number,assigner,label`";
                return Err(invalid(text.to_owned()));
            }
        };
        let (columns, mut at) = (if has_types { 4 } else { 2 }, next(file, header.end));
        let mut rows = Vec::new();
        while at < file.len() {
            let row = line(file, at);
            let found = file.get(row.clone()).unwrap_or_default();
            let delimiters = found.iter().filter(|byte| **byte == delimiter).count();
            let is_row = delimiters + 1 == columns && !found.contains(&b'"');
            if !is_row {
                let place = rows.len() + 1;
                let text = format!("row {place} is not of {columns} cells without quotes");
                return Err(invalid(text));
            }
            if rows.len() == ROWS_MAX {
                let text = format!("has more than {ROWS_MAX} rows; leave out who is not needed");
                return Err(invalid(text));
            }
            // A file has at most so many bytes.
            let position = |at: usize| u32::try_from(at).map_err(Error::internal);
            rows.push(position(row.start)?..position(row.end)?);
            at = next(file, row.end);
        }
        Ok(Self { file, delimiter, has_types, rows })
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What a row says.
    pub(super) fn row(&self, place: usize, rules: &RulesAt<'_>) -> TableRow<'a> {
        let row = self.rows.get(place).cloned().unwrap_or_default();
        let row = self.file.get(row.start as usize..row.end as usize).unwrap_or_default();
        let mut cells = row.split(|byte| *byte == self.delimiter);
        let mut cell = || cells.next().unwrap_or_default();
        if !self.has_types {
            let identifier = parse_text(rules, Declared::Any, None, cell());
            return TableRow { identifier, label: cell() };
        }
        let (kind, number, assigner, label) = (cell(), cell(), cell(), cell());
        let declared = match kind {
            b"any" => Some(Declared::Any),
            b"dnr" => Some(Declared::Kind(IdKind::Dnr)),
            b"duf" => Some(Declared::Kind(IdKind::Duf)),
            b"felles" => Some(Declared::Kind(IdKind::Felles)),
            b"fnr" => Some(Declared::Kind(IdKind::Fnr)),
            b"hnr" => Some(Declared::Kind(IdKind::Hnr)),
            b"local" => Some(Declared::Kind(IdKind::Local)),
            _ => None,
        };
        let parsed = Assigner::parse(assigner);
        let identifier = match declared {
            Some(declared) if assigner.is_empty() || parsed.is_some() => {
                parse_text(rules, declared, parsed, number)
            }
            _ => Err(Reject::Format),
        };
        TableRow { identifier, label }
    }
}

/// The line from a position on, without its end.
fn line(file: &[u8], from: usize) -> Range<usize> {
    let rest = file.get(from..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let is_crlf = end > 0 && rest.get(end - 1) == Some(&b'\r');
    from..from + end - usize::from(is_crlf)
}

/// Where the line after one that ends there begins.
fn next(file: &[u8], end: usize) -> usize {
    let rest = file.get(end..).unwrap_or_default();
    end + match rest {
        [b'\r', b'\n', ..] => 2,
        [_, ..] => 1,
        [] => 0,
    }
}

pub(super) fn invalid(text: String) -> Error {
    Error::invalid(vec![Violation { field: "file".into(), text: text.into() }])
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn read(text: &str) -> Result<Vec<(Option<IdKind>, String)>, Error> {
        let rules = crate::testing::rules();
        let rules = rules.at(date(2026, 1, 1));
        let table = BridgeTable::read(text.as_bytes())?;
        let row = |place| {
            let row = table.row(place, &rules);
            let kind = row.identifier.ok().map(|id| id.kind());
            (kind, String::from_utf8(row.label.to_vec()).unwrap())
        };
        Ok((0..table.len()).map(row).collect())
    }

    #[test]
    fn a_table_is_read_in_each_form_that_it_may_have() {
        let dnr = Some(IdKind::Dnr);
        let two = vec![(dnr, "P-1".to_owned()), (None, "P-2".to_owned())];
        for text in [
            "identifier,label\n41814061033,P-1\n1,P-2\n",
            "identifier,label\r\n41814061033,P-1\r\n1,P-2\r\n",
            "\u{feff}identifier;label\n41814061033;P-1\n;P-2",
            "type,number,assigner,label\ndnr,41814061033,,P-1\nfnr,41814061033,,P-2\n",
            "type;number;assigner;label\nany;41814061033;;P-1\nnone;41814061033;;P-2\n",
            "type,number,assigner,label\ndnr,41814061033,,P-1\ndnr,41814061033,1,P-2\n",
        ] {
            assert_eq!(read(text).unwrap(), two, "{text}");
        }
        assert_eq!(read("identifier,label").unwrap(), []);
        assert_eq!(read("identifier,label\n").unwrap(), []);
    }

    #[test]
    fn what_is_no_table_is_refused_by_row_and_without_its_content() {
        for (bad, said) in [
            ("", "must begin"),
            ("41814061033,P-1\n", "must begin"),
            ("identifier\tlabel\n", "must begin"),
            ("identifier,label\n41814061033\n", "row 1"),
            ("identifier,label\n41814061033,P-1\n41814061033,a,b\n", "row 2"),
            ("identifier,label\n41814061033,\"P-1\"\n", "row 1"),
            ("identifier,label\n\n", "row 1"),
        ] {
            let error = read(bad).err().unwrap();
            let text = &error.violations()[0].text;
            assert!(text.contains(said) && !format!("{error:?}").contains("4181"), "{text}");
        }
    }
}
