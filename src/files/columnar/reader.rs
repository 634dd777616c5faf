//! Reads a Parquet file row group by row group, in blocks of bounded size.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::cells::{Cells, can_identify, cells};
use super::groups::Groups;
use super::metadata::KeyValues;
use super::{ROWS_MAX, watch};
use crate::files::delimited::refuse_taken;
use crate::files::guard::{Guard, own_number};
use crate::files::{Asked, Block, Error, IdColumn, Place, Reader, Values};

/// Rows that wait for their answer. Holds identifiers: no `Debug`.
pub struct GroupBlock {
    pub(super) batch: RecordBatch,
    pub(super) columns: Arc<[IdColumn]>,
    pub(super) places: Arc<[usize]>,
    first_row: u64,
    is_boundary: bool,
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

    fn end(&self) -> Place {
        Place { rows: self.first_row - 1 + self.rows() as u64, bytes: 0, lines: 0 }
    }

    fn is_boundary(&self) -> bool {
        self.is_boundary
    }
}

/// Reads a Parquet file block by block.
pub struct GroupReader {
    groups: Groups,
    columns: Arc<[IdColumn]>,
    places: Arc<[usize]>,
    /// Rows handed out since the last boundary.
    rows_since_boundary: u64,
}

impl GroupReader {
    /// Reads the footer, finds columns, and has the others watched.
    ///
    /// # Errors
    ///
    /// Not Parquet, or cut off; no such column, or one of a type that holds no identifier.
    pub fn open(
        file: File,
        name: &Path,
        columns: Vec<IdColumn>,
        rows_max: usize,
        guard: &mut Guard,
    ) -> Result<Self, Error> {
        let mut groups = Groups::open(file, name, ArrowReaderOptions::new())?;
        groups.limit(rows_max);
        let schema = groups.metadata().schema();
        let places = columns
            .iter()
            .map(|column| find_column(schema, &column.name))
            .collect::<Result<Vec<_>, Error>>()?;
        let is_kept = |place: &usize| !places.contains(place);
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
        Ok(Self { groups, columns: columns.into(), places: places.into(), rows_since_boundary: 0 })
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

    /// The columns of identifiers, and where they are in the file.
    pub(super) fn columns(&self) -> (&[IdColumn], &[usize]) {
        (&self.columns, &self.places)
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
            if self.places.contains(&place) {
                leaf += 1;
            } else {
                leaf = watch::show(array, leaf, Some(&own), guard);
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
        Ok(GroupBlock { batch, columns, places, first_row, is_boundary })
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

fn find_column(schema: &Schema, name: &str) -> Result<usize, Error> {
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let places: Vec<(usize, &Field)> = schema
        .fields()
        .iter()
        .map(AsRef::as_ref)
        .enumerate()
        .filter(|(_, field)| field.name() == name)
        .collect();
    match places.as_slice() {
        [(place, field)] if can_identify(field.data_type()) => Ok(*place),
        [(_, field)] => Err(Error::input(format!(
            "column {name} is of type {}, which holds no identifiers",
            field.data_type()
        ))
        .advise("Identifiers are text, 64-bit integers, decimals or doubles, and not nested.")),
        [] => Err(crate::files::delimited::no_such_column(name, &names)),
        _ => Err(Error::input(format!("the file has the column {name} more than once"))
            .advise("Rename one of them.")),
    }
}
