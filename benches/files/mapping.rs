//! The same done by a table: DuckDB joins a file with number and ID of each person.

use super::Place;
use super::duckdb::{Duck, measured, text};

/// A table of everybody in a file.
pub(crate) struct Mapping<'a> {
    duck: &'a Duck,
    table: String,
}

impl<'a> Mapping<'a> {
    /// Makes it, as Parquet.
    pub(crate) fn new(duck: &'a Duck, place: &Place<'_>) -> Self {
        let path = place.file("map").with_extension("table");
        duck.run(&[format!(
            "COPY (SELECT fnr, 123456789000000 + row_number() OVER () AS npr_id \
             FROM (SELECT DISTINCT fnr FROM {})) TO '{}' (FORMAT parquet)",
            reading(place),
            text(&path)
        )]);
        Self { duck, table: format!("read_parquet('{}')", text(&path)) }
    }

    /// Joins the file with it; gives seconds.
    pub(crate) fn join(&self, place: &Place<'_>) -> f64 {
        let output = place.file("joined");
        let options = if place.ending == "parquet" { "parquet" } else { "csv, HEADER" };
        let printed = self.duck.run(&[format!(
            "COPY (SELECT * EXCLUDE (fnr) FROM {} LEFT JOIN {} USING (fnr)) \
             TO '{}' (FORMAT {options})",
            reading(place),
            self.table,
            text(&output)
        )]);
        std::fs::remove_file(output).unwrap();
        let took = measured(&printed);
        assert!(took.peak_mib > 0.0, "it ran in a process of its own");
        took.seconds
    }
}

fn reading(place: &Place<'_>) -> String {
    let input = place.file("rows");
    match place.ending {
        "parquet" => format!("read_parquet('{}')", text(&input)),
        _ => format!("read_csv('{}', header = true, all_varchar = true)", text(&input)),
    }
}
