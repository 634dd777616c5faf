//! A disclosure without a server, and files to make extracts of.

pub(super) mod sealing;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use jiff::civil::date;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::{
    Error, Input, Issued, Issuer, IssuerError, Observer, Output, Plan, Refusal, RefusedRows,
    Report, run,
};
use crate::crypto::sha256;
use crate::files::delimited::Layout;
use crate::files::guard::Exception;
use crate::files::{Format, Source};
use crate::ident::{KeyEpochDigit, RegisterId};

/// Persons of whom there are none in any register.
pub(super) const UNKNOWN: u64 = 500_000;

/// The registers, by how much their IDs are apart.
const REGISTERS: [(&str, u64); 2] = [("KPR", 7_000_000_000_000), ("NPR", 3_000_000_000_000)];

/// The ID of a person in a register.
pub(super) fn id(register: &str, person: u64) -> u64 {
    let base = REGISTERS.iter().find(|(code, _)| *code == register).unwrap().1;
    RegisterId::from_parts(KeyEpochDigit::new(1).unwrap(), base + person).unwrap().as_u64()
}

/// The serial of a person, in no order.
pub(super) fn serial(person: u64) -> u64 {
    100_000_000 + person * 7919 % 1_000_003
}

/// Answers as a server would, and remembers what it was asked.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) left_out: BTreeSet<u64>,
    pub(super) labels: bool,
    /// The person, if any, who is named in the other way.
    pub(super) mixed: Option<u64>,
    pub(super) ids_asked: usize,
    pub(super) ids: HashSet<u64>,
    pub(super) values_asked: usize,
    pub(super) fails: bool,
}

impl Issuer for Fake {
    fn serials(&mut self, register: &str, ids: &[u64]) -> Result<Vec<Issued>, IssuerError> {
        if self.fails {
            return Err("the server is gone".into());
        }
        self.ids_asked += ids.len();
        self.ids.extend(ids);
        let base = REGISTERS.iter().find(|(code, _)| *code == register).unwrap().1;
        let issued = |id: &u64| {
            let person = (id / 10 % 10_000_000_000_000).wrapping_sub(base);
            match person {
                person if person > 1_000_000 => Issued::Refused(Refusal::OtherRegister),
                UNKNOWN.. => Issued::Refused(Refusal::Unknown),
                person if self.left_out.contains(&person) => Issued::LeftOut,
                person if self.labels != (self.mixed == Some(person)) => {
                    Issued::Label(format!("P-{person:04}"))
                }
                person => Issued::Serial(serial(person)),
            }
        };
        Ok(ids.iter().map(issued).collect())
    }

    fn surrogates(
        &mut self,
        key_space: &str,
        values: &[(&[u8], &[u8])],
    ) -> Result<Vec<[u8; 16]>, IssuerError> {
        self.values_asked += values.len();
        let one = |(institution, value): &(&[u8], &[u8])| surrogate(key_space, institution, value);
        Ok(values.iter().map(one).collect())
    }
}

/// The surrogate that the fake gives.
pub(super) fn surrogate(key_space: &str, institution: &[u8], value: &[u8]) -> [u8; 16] {
    let digest = sha256(&[key_space.as_bytes(), b"|", institution, b"|", value].concat());
    *digest.first_chunk().unwrap()
}

/// A plan for terms in TOML.
pub(super) fn plan(terms: &str) -> Plan {
    Plan {
        terms: toml::from_str(terms).unwrap(),
        memory_bytes: 64 * 1024 * 1024,
        temporary: std::env::temp_dir(),
        refused_rows: RefusedRows::Fail,
        today: date(2026, 3, 1),
    }
}

/// A file of a register, with these bytes.
pub(super) fn input(register: &str, bytes: &[u8]) -> Input {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    Input {
        register: register.to_owned(),
        id_column: None,
        name: PathBuf::from("in"),
        source: Source::File(file),
        layout: Layout::default(),
        exceptions: Vec::new(),
    }
}

/// Nobody looks.
struct Nobody;

impl Observer for Nobody {
    fn row(&mut self, _file: usize, _person: &[u8], _cells: &[Option<&[u8]>]) {}
}

/// Makes an extract of one file.
pub(super) fn made(
    plan: &Plan,
    input: Input,
    issuer: &mut Fake,
    format: Format,
) -> Result<(Report, Vec<u8>), Error> {
    let mut bytes = Vec::new();
    let output = Output { format, sink: &mut bytes };
    let report = run(plan, vec![input], issuer, vec![output], &mut Nobody)?;
    Ok((report, bytes))
}

/// Makes CSV of CSV.
pub(super) fn csv(plan: &Plan, text: &str) -> Result<(Report, String), Error> {
    let made = made(plan, input("NPR", text.as_bytes()), &mut Fake::default(), Format::Csv);
    made.map(|(report, bytes)| (report, String::from_utf8(bytes).unwrap()))
}

/// The error of an extract that cannot be made, and all its words.
pub(super) fn refused(plan: &Plan, input: Input) -> String {
    let error = made(plan, input, &mut Fake::default(), Format::Csv).map(|_| ()).unwrap_err();
    format!("{error}\n{}", error.advice().join("\n"))
}

/// A Parquet file of columns, in row groups of so many rows.
pub(super) fn parquet(columns: &[(&str, ArrayRef)], group_rows: usize) -> Vec<u8> {
    let fields =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// An exception of the guard.
pub(super) fn exception(column: &str, reason: &str) -> Exception {
    Exception { column: column.to_owned(), reason: reason.to_owned() }
}

/// The names in a directory.
pub(super) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
