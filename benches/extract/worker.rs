//! Our side, in a process of its own: the engine with an issuer that knows all serials.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use hvelv::clock::{Clock, SystemClock};
use hvelv::crypto::Sha256;
use hvelv::extract::recipient::{NewKey, Recipients};
use hvelv::extract::seal::SealedFile;
use hvelv::extract::{
    Input, Issued, Issuer, IssuerError, Output, Plan, Refusal, RefusedRows, Screen, run as make,
};
use hvelv::files::delimited::Layout;
use hvelv::files::destination::Existing;
use hvelv::files::{Format, Source};

use super::duckdb::{Measured, measured, output_of, text};
use super::{MEMORY_BYTES, SECONDARY, VARIABLES, Work};

/// Starts this program again for one extract.
pub(crate) fn start(input: &Path, output: &Path, serials: &Path, work: Work) -> Measured {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let word = if work == Work::Equal { "equal" } else { "plain" };
    command.args(["--worker", text(input), text(output), text(serials), word]);
    measured(&output_of(&mut command))
}

/// Makes one extract and prints how long it took and how much memory.
pub(crate) fn run(arguments: &[String]) {
    let [input, output, serials, word]: &[String; 4] = arguments.try_into().unwrap();
    let (input, output) = (PathBuf::from(input), PathBuf::from(output));
    let is_equal = word == "equal";
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    let mut issuer = Known::read(Path::new(serials));
    let is_parquet = output.extension().is_some_and(|ending| ending == "parquet");
    let format = if is_parquet { Format::Parquet } else { Format::Csv };
    let plan = plan(is_equal, output.parent().unwrap().to_owned());
    let input = Input {
        register: "NPR".to_owned(),
        id_column: None,
        source: Source::open(&input).unwrap(),
        name: input,
        layout: Layout::default(),
        exceptions: Vec::new(),
    };
    let mut screen = Screen::new(plan.terms.small_cells.as_ref());
    if is_equal {
        let key = NewKey::generate().public;
        let to = Recipients::parse(&[key]).unwrap();
        let name = output.with_extension("age");
        let mut sink = SealedFile::create(&name, Existing::Replace, &to).unwrap();
        let outputs = vec![Output { format, sink: &mut sink }];
        make(&plan, vec![input], &mut issuer, outputs, &mut screen).unwrap();
        // It is durable now, and goes when it is dropped.
        let _ = sink.finish().unwrap();
    } else {
        let mut sink = File::create(&output).unwrap();
        let outputs = vec![Output { format, sink: &mut sink }];
        make(&plan, vec![input], &mut issuer, outputs, &mut screen).unwrap();
        sink.sync_all().unwrap();
    }
    let seen = screen.finish().unwrap();
    let took = clock.monotonic().saturating_sub(begun);
    println!("{} persons", seen.persons);
    seen.cells.iter().for_each(|cells| println!("{cells}"));
    println!("{} {}", took.as_secs_f64(), peak_kib());
}

fn plan(is_equal: bool, temporary: PathBuf) -> Plan {
    let variables: Vec<String> =
        VARIABLES.iter().map(|name| format!("{{ name = \"{name}\" }}")).collect();
    let secondary: Vec<String> = SECONDARY
        .iter()
        .map(|name| format!("{{ column = \"{name}\", key_space = \"{name}\" }}"))
        .collect();
    let mut terms = format!(
        "[[registers]]\nregister = \"NPR\"\nvariables = [{}]\nsecondary = [{}]\n",
        variables.join(", "),
        if is_equal { secondary.join(", ") } else { String::new() }
    );
    if is_equal {
        terms.push_str("[small_cells]\npersons_min = 5\n");
        terms.push_str("columns = [\"sex\", \"birth_year\", \"municipality\"]\n");
    }
    Plan {
        terms: toml::from_str(&terms).unwrap(),
        memory_bytes: MEMORY_BYTES,
        temporary,
        refused_rows: RefusedRows::Fail,
        today: SystemClock::new().today(),
    }
}

/// Knows the serials of all persons.
struct Known(HashMap<u64, u64>);

impl Known {
    fn read(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let pair = |record: csv::StringRecord| {
            (record[0].parse::<u64>().unwrap(), record[1].parse::<u64>().unwrap())
        };
        Self(reader.records().map(|record| pair(record.unwrap())).collect())
    }
}

impl Issuer for Known {
    fn serials(&mut self, _register: &str, ids: &[u64]) -> Result<Vec<Issued>, IssuerError> {
        let issued = |id: &u64| match self.0.get(id) {
            Some(serial) => Issued::Serial(*serial),
            None => Issued::Refused(Refusal::Unknown),
        };
        Ok(ids.iter().map(issued).collect())
    }

    fn surrogates(
        &mut self,
        key_space: &str,
        values: &[(&[u8], &[u8])],
    ) -> Result<Vec<[u8; 16]>, IssuerError> {
        let surrogate = |(institution, value): &(&[u8], &[u8])| {
            let mut hash = Sha256::new();
            [key_space.as_bytes(), institution, value].iter().for_each(|part| hash.update(part));
            *hash.finish().first_chunk().unwrap()
        };
        Ok(values.iter().map(surrogate).collect())
    }
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.split_whitespace().next().unwrap().parse().unwrap()
}
