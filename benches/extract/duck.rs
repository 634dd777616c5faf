//! DuckDB's side.

use std::path::Path;

use hvelv::clock::{Clock, SystemClock};

use super::duckdb::{Duck, Measured, measured, text};
use super::{SECONDARY, VARIABLES, Work, seal};

impl Duck {
    /// Writes the CSV file as Parquet, with types.
    pub(crate) fn to_parquet(&self, csv: &Path, parquet: &Path) {
        let types = "{'patient_no': 'VARCHAR', 'municipality': 'VARCHAR', 'unit_orgnr': 'VARCHAR'}";
        self.run(&[format!(
            "COPY (SELECT * FROM read_csv('{}', header = true, types = {types})) TO '{}'",
            text(csv),
            text(parquet)
        )]);
    }

    /// The same extract.
    pub(crate) fn extract(
        &self,
        input: &Path,
        output: &Path,
        serials: &Path,
        work: Work,
    ) -> Measured {
        let is_parquet = output.extension().is_some_and(|ending| ending == "parquet");
        let (table, options) = if is_parquet {
            (format!("read_parquet('{}')", text(input)), "FORMAT parquet")
        } else {
            let table = format!("read_csv('{}', header = true, all_varchar = true)", text(input));
            (table, "FORMAT csv, HEADER")
        };
        let id = if is_parquet { "BIGINT" } else { "VARCHAR" };
        let serials = format!(
            "read_csv('{}', header = true, columns = {{'npr_id': '{id}', 'lopenr': 'BIGINT'}})",
            text(serials)
        );
        let mut columns: Vec<String> = VARIABLES.iter().map(|&name| name.to_owned()).collect();
        if work == Work::Equal {
            columns
                .extend(SECONDARY.iter().map(|name| format!("md5('{name}' || {name}) AS {name}")));
        }
        let mut statements = vec![format!(
            "COPY (SELECT lopenr, {} FROM {table} JOIN {serials} USING (npr_id) ORDER BY ALL) \
             TO '{}' ({options})",
            columns.join(", "),
            text(output)
        )];
        if work == Work::Plain {
            return measured(&self.run(&statements));
        }
        let made = if is_parquet { "read_parquet" } else { "read_csv" };
        statements.push(format!(
            "SELECT count(*) FROM (SELECT count(DISTINCT lopenr) AS persons FROM {made}('{}') \
             GROUP BY sex, birth_year, municipality) WHERE persons < 5",
            text(output)
        ));
        let mut measured = measured(&self.run(&statements));
        let clock = SystemClock::new();
        let begun = clock.monotonic();
        seal::seal(output, &output.with_extension("age"));
        measured.seconds += clock.monotonic().saturating_sub(begun).as_secs_f64();
        std::fs::remove_file(output.with_extension("age")).unwrap();
        measured
    }

    /// Ends unless both made the same rows in the same order.
    pub(crate) fn compare(&self, ours: &Path, theirs: &Path, rows: u64) {
        let is_parquet = ours.extension().is_some_and(|ending| ending == "parquet");
        let table = |path: &Path| match is_parquet {
            true => format!("read_parquet('{}')", text(path)),
            false => format!("read_csv('{}', header = true, all_varchar = true)", text(path)),
        };
        let columns: Vec<String> = std::iter::once("lopenr")
            .chain(VARIABLES)
            .map(|name| format!("a.{name} IS NOT DISTINCT FROM b.{name}"))
            .collect();
        let statement = format!(
            "SELECT count(*) FROM {} AS a POSITIONAL JOIN {} AS b WHERE {}",
            table(ours),
            table(theirs),
            columns.join(" AND ")
        );
        let printed = self.run(&[statement]);
        let same: u64 = printed.lines().next().unwrap().parse().unwrap();
        assert_eq!(same, rows, "rows that are the same in both, in the same place");
    }
}
