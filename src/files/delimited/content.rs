//! What a field says: without its quotes, in UTF-8.

use std::io::Read;

use super::Encoding;
use super::record::without_quotes;
use super::table::Table;

impl<R: Read> Table<R> {
    /// Appends what a column asked for says in the row that was appended last; `record` begins where
    /// that row does.
    pub(crate) fn append_content(&self, column: usize, record: &[u8], out: &mut Vec<u8>) {
        let field = self.places().get(column).and_then(|place| self.fields().get(*place));
        let field = field.and_then(|field| record.get(field.clone())).unwrap_or_default();
        let inner = without_quotes(field);
        let is_quoted = inner.len() != field.len();
        let start = out.len();
        if is_quoted && inner.contains(&b'"') {
            // Between quotes a quote is always doubled.
            let mut parts = inner.split(|byte| *byte == b'"');
            out.extend_from_slice(parts.next().unwrap_or_default());
            while let (Some(_), Some(part)) = (parts.next(), parts.next()) {
                out.push(b'"');
                out.extend_from_slice(part);
            }
        } else {
            out.extend_from_slice(inner);
        }
        let said = out.get(start..).unwrap_or_default();
        if self.encoding() == Encoding::Latin1 && !said.is_ascii() {
            let decoded = self.encoding().decode(said).into_owned();
            out.truncate(start);
            out.extend_from_slice(decoded.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encoding, Layout, Table};

    fn said(text: &[u8], encoding: Encoding) -> Vec<String> {
        let layout = Layout { delimiter: Some(b','), encoding };
        let mut table = Table::open(text, &["b", "a"], layout).unwrap();
        let mut said = Vec::new();
        loop {
            let mut record = Vec::new();
            if table.append_row(&mut record).unwrap().is_none() {
                return said;
            }
            for column in [0, 1] {
                let mut out = Vec::new();
                table.append_content(column, &record, &mut out);
                said.push(String::from_utf8(out).unwrap());
            }
        }
    }

    #[test]
    fn quotes_are_taken_off_and_doubled_ones_halved_only_where_there_are_any() {
        let text = b"a,b\n\"x\"\"y\"\"\",5\"\" tube\n\"\"\"\"\"\",\"\"\n";
        assert_eq!(said(text, Encoding::Utf8), ["5\"\" tube", "x\"y\"", "", "\"\""]);
    }

    #[test]
    fn latin_1_comes_out_as_utf_8() {
        assert_eq!(said(b"a,b\n\xe5,\"\xf8\"\n", Encoding::Latin1), ["ø", "å"]);
    }
}
