//! Asks what stands in the place of a block's identifiers, and counts what does not come out.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::block::Block;
use super::columns::{Columns, Person};
use super::error::Error;
use super::issuer::{Issued, Issuer};
use super::report::FileReport;
use super::row;
use super::secondary::Surrogates;
use super::standing::Standings;

/// Longest ID of another party.
const LABEL_BYTES_MAX: usize = 64;

/// What is known of all files so far.
#[derive(Default)]
pub(super) struct Known {
    /// How persons are named; nobody knows before the first of them.
    pub(super) person: Option<Person>,
    /// Whom each register's files leave out, by register ID.
    left_out: BTreeMap<String, HashSet<u64>>,
}

impl Known {
    /// How many persons are left out of the register that most are left out of.  Who is left out of
    /// two registers cannot be told, so that a sum would count some twice.
    pub(super) fn persons_left_out(&self) -> u64 {
        self.left_out.values().map(|persons| persons.len() as u64).max().unwrap_or_default()
    }
}

/// Asks for the blocks of one file.
pub(super) struct Asker<'a> {
    columns: &'a Columns,
    report: &'a mut FileReport,
    all: &'a mut Known,
    standings: Standings,
    surrogates: Vec<Surrogates>,
    left_out: HashSet<u64>,
    outside: HashSet<u64>,
}

/// A block, and what stands in the place of its identifiers. Holds values of the file: no `Debug`.
pub(super) struct Answered {
    pub(super) block: Block,
    pub(super) persons: Keys,
    /// Of each column that is replaced, each row's; nothing where there is nothing to replace.
    pub(super) surrogates: Vec<Vec<Option<[u8; 16]>>>,
}

/// What the rows of a block begin with: the key of the person.
pub(super) struct Keys {
    bytes: Vec<u8>,
    /// Where each row's ends; they lie one after the other.
    ends: Vec<usize>,
}

impl Keys {
    /// A row's; `None` where the row does not come out.
    pub(super) fn of(&self, row: usize) -> Option<&[u8]> {
        let start = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let key = self.bytes.get(start..*self.ends.get(row)?)?;
        (!key.is_empty()).then_some(key)
    }
}

impl<'a> Asker<'a> {
    /// One that keeps answers of the issuer in about so much memory.
    pub(super) fn new(
        columns: &'a Columns,
        report: &'a mut FileReport,
        all: &'a mut Known,
        memory_bytes: usize,
    ) -> Self {
        let share = memory_bytes / (columns.replaced.len() + 1);
        Self {
            columns,
            report,
            all,
            standings: Standings::new(share),
            surrogates: columns.replaced.iter().map(|_| Surrogates::new(share)).collect(),
            left_out: HashSet::new(),
            outside: HashSet::new(),
        }
    }

    /// Asks for a block.
    ///
    /// # Errors
    ///
    /// The issuer's, or it answers something else than was asked.
    pub(super) fn ask(&mut self, block: Block, issuer: &mut dyn Issuer) -> Result<Answered, Error> {
        let standings = self.standings.ask(&self.report.register, &block, issuer)?;
        let persons = self.name(&block, &standings)?;
        let mut surrogates = Vec::with_capacity(self.surrogates.len());
        for (column, known) in self.columns.replaced.iter().zip(&mut self.surrogates) {
            surrogates.push(known.ask(column, self.columns, (&block, &persons), issuer)?);
        }
        Ok(Answered { block, persons, surrogates })
    }

    /// Names the persons of rows that come out, and counts the others.
    fn name(&mut self, block: &Block, standings: &[u32]) -> Result<Keys, Error> {
        self.report.rows_in += block.rows as u64;
        let bytes = Vec::with_capacity(block.rows * row::SERIAL_BYTES);
        let mut keys = Keys { bytes, ends: Vec::with_capacity(block.rows) };
        for (row, standing) in (block.first_row..).zip(standings) {
            let known = self.standings.known(*standing);
            let known = known.ok_or_else(|| Error::internal("a row has no person"))?;
            match &known.issued {
                Issued::Label(label) if (1..=LABEL_BYTES_MAX).contains(&label.len()) => {
                    only(&mut self.all.person, Person::Label)?;
                    row::append_text(label.as_bytes(), &mut keys.bytes).ok_or_else(unfit)?;
                    self.report.rows_out += 1;
                }
                Issued::Label(_) => return Err(unfit()),
                Issued::LeftOut => {
                    self.report.rows_left_out += 1;
                    if self.left_out.insert(known.register_id) {
                        self.report.persons_left_out += 1;
                        let register = self.report.register.clone();
                        self.all.left_out.entry(register).or_default().insert(known.register_id);
                    }
                }
                Issued::Outside => {
                    self.report.rows_outside += 1;
                    if self.outside.insert(known.register_id) {
                        self.report.persons_outside += 1;
                    }
                }
                Issued::Refused(refusal) => self.report.refuse(row, *refusal),
                Issued::Serial(serial) => {
                    only(&mut self.all.person, Person::Serial)?;
                    row::append_serial(*serial, &mut keys.bytes).ok_or_else(unfit)?;
                    self.report.rows_out += 1;
                }
            }
            keys.ends.push(keys.bytes.len());
        }
        Ok(keys)
    }
}

/// All persons of a disclosure are named in one way.
fn only(person: &mut Option<Person>, kind: Person) -> Result<(), Error> {
    if *person.get_or_insert(kind) == kind {
        return Ok(());
    }
    Err(Error::internal("the issuer gave both serials and IDs of another party"))
}

fn unfit() -> Error {
    Error::internal("the issuer gave an ID that no extract can hold")
}

/// An empty report of a file.
pub(super) fn begun(register: &str, input: PathBuf) -> FileReport {
    FileReport {
        input,
        register: register.to_owned(),
        columns: Vec::new(),
        dropped: Vec::new(),
        findings: Vec::new(),
        rows_in: 0,
        rows_out: 0,
        rows_left_out: 0,
        persons_left_out: 0,
        rows_outside: 0,
        persons_outside: 0,
        refused: BTreeMap::default(),
        refused_rows: Vec::new(),
    }
}
