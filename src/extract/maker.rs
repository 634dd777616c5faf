//! Makes rows to be released out of a block, and hands them to the sorter.

use std::collections::HashSet;
use std::path::PathBuf;

use super::block::Block;
use super::coarser::{Misfit, coarser};
use super::columns::{Columns, Kept, Person};
use super::error::Error;
use super::issuer::{Issued, Issuer};
use super::report::FileReport;
use super::row;
use super::secondary::Surrogates;
use super::sort::Sorter;
use super::standing::Standings;
use super::surrogate;
use crate::files;

/// Longest ID of another party.
const LABEL_BYTES_MAX: usize = 64;

/// Makes the rows of one file.
pub(super) struct Maker<'a> {
    pub(super) columns: &'a Columns,
    pub(super) report: &'a mut FileReport,
    /// How persons are named; nobody knows before the first of them.
    pub(super) person: &'a mut Option<Person>,
    standings: Standings,
    surrogates: Vec<Surrogates>,
    left_out: HashSet<u64>,
    outside: HashSet<u64>,
    row: Vec<u8>,
    /// What a cell becomes, for a moment.
    buffer: Vec<u8>,
}

impl<'a> Maker<'a> {
    /// A maker that keeps answers of the issuer in about so much memory.
    pub(super) fn new(
        columns: &'a Columns,
        report: &'a mut FileReport,
        person: &'a mut Option<Person>,
        memory_bytes: usize,
    ) -> Self {
        let share = memory_bytes / (columns.replaced.len() + 1);
        Self {
            columns,
            report,
            person,
            standings: Standings::new(share),
            surrogates: columns.replaced.iter().map(|_| Surrogates::new(share)).collect(),
            left_out: HashSet::new(),
            outside: HashSet::new(),
            row: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Makes the rows of a block.
    ///
    /// # Errors
    ///
    /// The issuer's; a cell that cannot be made coarser; the sorter's.
    pub(super) fn take(
        &mut self,
        block: &Block,
        issuer: &mut dyn Issuer,
        sorter: &mut Sorter,
    ) -> Result<(), Error> {
        let persons = self.standings.ask(&self.report.register, block, issuer)?;
        let comes_out = self.count(block, &persons);
        let mut surrogates = Vec::new();
        for (column, known) in self.columns.replaced.iter().zip(&mut self.surrogates) {
            surrogates.push(known.ask(column, self.columns, (block, &comes_out), issuer)?);
        }
        for (place, person) in persons.iter().enumerate() {
            if comes_out.get(place).copied().unwrap_or_default() {
                self.row.clear();
                self.append_person(*person)?;
                for kept in &self.columns.kept {
                    append_kept(kept, (block, place), &mut self.row, &mut self.buffer).map_err(
                        |misfit| unfit(block.first_row + place as u64, &kept.name, misfit),
                    )?;
                }
                self.append_surrogates(place, &surrogates);
                sorter.push(&self.row)?;
            }
        }
        Ok(())
    }

    /// Counts what does not come out, and says which rows do.
    fn count(&mut self, block: &Block, persons: &[u32]) -> Vec<bool> {
        self.report.rows_in += block.rows as u64;
        let mut comes_out = Vec::with_capacity(block.rows);
        for (row, person) in (block.first_row..).zip(persons) {
            let Some(known) = self.standings.known(*person) else { continue };
            match known.issued {
                Issued::Label(_) | Issued::Serial(_) => self.report.rows_out += 1,
                Issued::LeftOut => {
                    self.report.rows_left_out += 1;
                    if self.left_out.insert(known.register_id) {
                        self.report.persons_left_out += 1;
                    }
                }
                Issued::Outside => {
                    self.report.rows_outside += 1;
                    if self.outside.insert(known.register_id) {
                        self.report.persons_outside += 1;
                    }
                }
                Issued::Refused(refusal) => self.report.refuse(row, refusal),
            }
            comes_out.push(matches!(known.issued, Issued::Label(_) | Issued::Serial(_)));
        }
        comes_out
    }

    fn append_person(&mut self, person: u32) -> Result<(), Error> {
        let issued = self.standings.known(person).map(|known| &known.issued);
        let (kind, appended) = match issued {
            Some(Issued::Serial(serial)) => {
                (Person::Serial, row::append_serial(*serial, &mut self.row))
            }
            Some(Issued::Label(label)) if (1..=LABEL_BYTES_MAX).contains(&label.len()) => {
                (Person::Label, row::append_text(label.as_bytes(), &mut self.row))
            }
            _ => return Err(Error::internal("the issuer gave an ID that is empty or too long")),
        };
        if appended.is_none() {
            return Err(Error::internal("the issuer gave an ID that no extract can hold"));
        }
        if *self.person.get_or_insert(kind) != kind {
            return Err(Error::internal("the issuer gave both serials and IDs of another party"));
        }
        Ok(())
    }

    fn append_surrogates(&mut self, place: usize, surrogates: &[Vec<u32>]) {
        for (known, rows) in self.surrogates.iter().zip(surrogates) {
            let surrogate = rows.get(place).and_then(|number| known.known(*number));
            if let Some(surrogate) = surrogate {
                self.row.extend_from_slice(&surrogate::written(surrogate));
            }
            self.row.push(0);
        }
    }
}

fn append_kept(
    kept: &Kept,
    (block, place): (&Block, usize),
    row: &mut Vec<u8>,
    buffer: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let mut cell = block.cell(kept.place, place);
    if let Some(generalisation) = &kept.generalisation {
        buffer.clear();
        cell = coarser(generalisation, &kept.read, cell, buffer)?;
    }
    // Kinds are settled when the file is opened, so that nothing but a 00 does not fit.
    row::append_cell(&kept.released, cell, row).ok_or(Misfit::CodeZero)
}

fn unfit(row: u64, column: &str, misfit: Misfit) -> Error {
    files::Error::input(format!("row {row}, column {column}: the cell {misfit}"))
        .advise("Correct it at the source, or have the decision changed. It is not shown here.")
        .into()
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
        refused: std::collections::BTreeMap::default(),
        refused_rows: Vec::new(),
    }
}
