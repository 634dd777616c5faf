//! Reads a Parquet file row group by row group, in blocks of bounded size.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use zeroize::Zeroizing;

use super::cells::{Cells, can_identify, can_name, cells};
use super::groups::Groups;
use super::metadata::KeyValues;
use super::{ROWS_MAX, watch};
use crate::files::delimited::refuse_taken;
use crate::files::guard::{Guard, own_number};
use crate::files::{
    Asked, Block, ContactColumn, ContactKind, ContactTexts, Error, IdColumn, Place, Reader, Values,
};

/// Rows that wait for their answer. Holds identifiers: no `Debug`.
pub struct GroupBlock {
    pub(super) batch: RecordBatch,
    pub(super) columns: Arc<[IdColumn]>,
    pub(super) places: Arc<[usize]>,
    pub(super) contacts: Arc<[ContactPlace]>,
    first_row: u64,
    is_boundary: bool,
}

/// A column of names or addresses, and where it is in the file.
pub(super) struct ContactPlace {
    kind: ContactKind,
    pub(super) place: usize,
}

impl Block for GroupBlock {
    fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn first_row(&self) -> u64 {
        self.first_row
    }

    fn asked(&self, column: usize) -> Asked {
        let declared = self.columns.get(column);
        let array = self.places.get(column).and_then(|place| self.batch.columns().get(*place));
        let found = array.and_then(|array| cells(array.as_ref()));
        let rows = self.rows();
        match (declared, found) {
            (Some(declared), Some(Cells::Numbers(number))) => {
                Asked::numbers(declared, (0..rows).map(number).collect())
            }
            (Some(declared), Some(Cells::Text(text))) => {
                Asked::text(declared, rows, (0..rows).map(|row| text(row).unwrap_or_default()))
            }
            _ => Asked { values: Values::Text(Vec::new()), rows: None },
        }
    }

    fn contacts(&self) -> Vec<ContactTexts> {
        let texts = |one: &ContactPlace| {
            let found = self.batch.columns().get(one.place);
            let found = found.and_then(|array| cells(array.as_ref()));
            let cell = |row| match &found {
                Some(Cells::Text(text)) => text(row).unwrap_or_default(),
                _ => &[],
            };
            // Text is UTF-8 by its type.
            let text = |row| Zeroizing::new(String::from_utf8_lossy(cell(row)).into_owned());
            ContactTexts { kind: one.kind, texts: (0..self.rows()).map(text).collect() }
        };
        self.contacts.iter().map(texts).collect()
    }

    fn end(&self) -> Place {
        Place { rows: self.first_row - 1 + self.rows() as u64, bytes: 0, lines: 0 }
    }

    fn is_boundary(&self) -> bool {
        self.is_boundary
    }
}

/// What becomes of a column of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// It stays as it is.
    Kept,
    /// It is not in the output: names or addresses.
    LeftOut,
    /// IDs stand in its place, in a column of this name.
    Replaced(&'a str),
}

/// Reads a Parquet file block by block.
pub struct GroupReader {
    groups: Groups,
    columns: Arc<[IdColumn]>,
    places: Arc<[usize]>,
    contacts: Arc<[ContactPlace]>,
    /// Rows handed out since the last boundary.
    rows_since_boundary: u64,
}

impl GroupReader {
    /// Reads the footer, finds columns, and has the others watched.
    ///
    /// # Errors
    ///
    /// Not Parquet, or cut off; no such column, or one of a type that holds no identifier, or no name.
    pub fn open(
        file: File,
        name: &Path,
        (columns, contacts): (Vec<IdColumn>, Vec<ContactColumn>),
        rows_max: usize,
        guard: &mut Guard,
    ) -> Result<Self, Error> {
        let mut groups = Groups::open(file, name, ArrowReaderOptions::new())?;
        groups.limit(rows_max);
        let schema = groups.metadata().schema();
        let places = columns
            .iter()
            .map(|column| find_column(schema, &column.name, &IDENTIFIERS))
            .collect::<Result<Vec<_>, Error>>()?;
        let find = |column: &ContactColumn| {
            let place = find_column(schema, &column.name, &CONTACTS)?;
            Ok(ContactPlace { kind: column.kind, place })
        };
        let contacts = contacts.iter().map(find).collect::<Result<Vec<_>, Error>>()?;
        let is_gone = |place: usize| contacts.iter().any(|one| one.place == place);
        let is_kept = |place: &usize| !places.contains(place) && !is_gone(*place);
        let kept = schema.fields().iter().enumerate().filter(|(place, _)| is_kept(place));
        refuse_taken(&columns, kept.map(|(_, field)| field.name().as_str()))?;
        let mut leaves = Vec::new();
        for (place, field) in schema.fields().iter().enumerate() {
            if is_kept(&place) {
                watch::leaves(field, field.name(), &mut leaves);
            } else {
                leaves.push(None);
            }
        }
        guard.watch(&leaves)?;
        KeyValues::of(groups.metadata()).refuse_identifiers(guard)?;
        let (columns, places, contacts) = (columns.into(), places.into(), contacts.into());
        Ok(Self { groups, columns, places, contacts, rows_since_boundary: 0 })
    }

    /// How many rows there are.
    #[must_use]
    pub fn row_count(&self) -> u64 {
        self.groups.row_count()
    }

    /// What the file is like, for its writer.
    pub(super) fn metadata(&self) -> &ArrowReaderMetadata {
        self.groups.metadata()
    }

    /// The columns of identifiers.
    pub(super) fn columns(&self) -> &[IdColumn] {
        &self.columns
    }

    /// What becomes of a column of the file.
    pub(super) fn fate(&self, place: usize) -> Fate<'_> {
        if self.contacts.iter().any(|one| one.place == place) {
            return Fate::LeftOut;
        }
        let column = self.places.iter().position(|found| *found == place);
        let column = column.and_then(|column| self.columns.get(column));
        column.map_or(Fate::Kept, |column| Fate::Replaced(&column.output))
    }

    /// Goes to where a checkpoint was.
    ///
    /// # Errors
    ///
    /// There are fewer rows.
    pub fn go_to(&mut self, place: Place) -> Result<(), Error> {
        self.groups.go_to(place.rows)
    }

    fn show(&self, batch: &RecordBatch, guard: &mut Guard) {
        let own: Vec<Vec<u64>> =
            self.places.iter().map(|place| identifiers(batch, *place)).collect();
        for number in own.iter().flatten().filter(|number| **number != 0) {
            guard.identifier(*number);
        }
        let mut leaf = 0;
        for (place, array) in batch.columns().iter().enumerate() {
            if self.fate(place) == Fate::Kept {
                leaf = watch::show(array, leaf, Some(&own), guard);
            } else {
                leaf += 1;
            }
        }
    }
}

impl Reader for GroupReader {
    type Block = GroupBlock;

    fn limit(&mut self, rows_max: usize) {
        self.groups.limit(rows_max);
    }

    fn read(&mut self, guard: &mut Guard) -> Result<GroupBlock, Error> {
        let first_row = self.groups.rows() + 1;
        let batch = match self.groups.next_batch()? {
            Some(batch) => batch,
            None => RecordBatch::new_empty(Arc::clone(self.groups.metadata().schema())),
        };
        self.show(&batch, guard);
        self.rows_since_boundary += batch.num_rows() as u64;
        let is_boundary = self.groups.is_at_end_of_group() || self.rows_since_boundary >= ROWS_MAX;
        if is_boundary {
            self.rows_since_boundary = 0;
        }
        let (columns, places) = (Arc::clone(&self.columns), Arc::clone(&self.places));
        let contacts = Arc::clone(&self.contacts);
        Ok(GroupBlock { batch, columns, places, contacts, first_row, is_boundary })
    }
}

/// A column's identifiers as numbers, 0 for none, to be recognised in other columns.
fn identifiers(batch: &RecordBatch, place: usize) -> Vec<u64> {
    let array = batch.columns().get(place);
    let rows = 0..batch.num_rows();
    match array.and_then(|array| cells(array.as_ref())) {
        Some(Cells::Numbers(number)) => {
            let is_long = |number: &u64| (1_000_000_000..1_000_000_000_000).contains(number);
            rows.map(|row| number(row).filter(is_long).unwrap_or_default()).collect()
        }
        Some(Cells::Text(text)) => rows.map(|row| text(row).map_or(0, own_number)).collect(),
        None => Vec::new(),
    }
}

/// What a column is wanted for.
struct Wanted {
    can_hold: fn(&DataType) -> bool,
    what: &'static str,
    advice: &'static str,
}

const IDENTIFIERS: Wanted = Wanted {
    can_hold: can_identify,
    what: "identifiers",
    advice: "Identifiers are text, 64-bit integers, decimals or doubles, and not nested.",
};

const CONTACTS: Wanted = Wanted {
    can_hold: can_name,
    what: "names or addresses",
    advice: "Names and addresses are text, and not nested.",
};

fn find_column(schema: &Schema, name: &str, wanted: &Wanted) -> Result<usize, Error> {
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let places: Vec<(usize, &Field)> = schema
        .fields()
        .iter()
        .map(AsRef::as_ref)
        .enumerate()
        .filter(|(_, field)| field.name() == name)
        .collect();
    match places.as_slice() {
        [(place, field)] if (wanted.can_hold)(field.data_type()) => Ok(*place),
        [(_, field)] => Err(Error::input(format!(
            "column {name} is of type {}, which holds no {}",
            field.data_type(),
            wanted.what
        ))
        .advise(wanted.advice)),
        [] => Err(crate::files::delimited::no_such_column(name, &names)),
        _ => Err(Error::input(format!("the file has the column {name} more than once"))
            .advise("Rename one of them.")),
    }
}
