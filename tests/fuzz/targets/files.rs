//! Headers and rows of CSV and Parquet.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;

use hvelv::files::columnar::GroupReader;
use hvelv::files::delimited::{Encoding, Layout, Table};
use hvelv::files::guard::Guard;
use hvelv::files::{IdColumn, LeadingZeros, Presence};
use jiff::civil::date;

/// Rows that are looked at.
const ROWS_MAX: usize = 1_000;

/// A CSV file: its rows, put one behind the other, are in the file.
pub(super) fn csv(data: &[u8]) {
    for encoding in [Encoding::Utf8, Encoding::Latin1] {
        for delimiter in [None, Some(b';')] {
            let Ok(mut table) = Table::open(data, &["id"], Layout { delimiter, encoding }) else {
                continue;
            };
            let (mut block, mut bytes) = (Vec::new(), 0);
            while let Ok(Some(row)) = table.append_row(&mut block) {
                let cell = table.cell(0, &block, row);
                assert!(cell.len() <= row.end - row.start);
                bytes += row.end - row.start;
            }
            assert!(bytes <= data.len());
            assert!(table.names().iter().filter(|name| *name == "id").count() == 1);
        }
    }
}

/// The footer of a Parquet file.
pub(super) fn parquet(data: &[u8]) {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(data).unwrap();
    file.rewind().unwrap();
    let column = IdColumn {
        name: "id".to_owned(),
        output: "npr_id".to_owned(),
        presence: Presence::Required,
        digits: 11,
        leading_zeros: LeadingZeros::Kept,
    };
    let columns = (vec![column], Vec::new());
    let mut guard = Guard::new(date(2026, 1, 1), Vec::new()).unwrap();
    let opened = GroupReader::open(file, Path::new("in.parquet"), columns, ROWS_MAX, &mut guard);
    if let Ok(reader) = opened {
        let _ = reader.row_count();
    }
}
