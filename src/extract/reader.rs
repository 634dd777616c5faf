//! Reads the wanted columns of a file, block by block, and shows the guard what is kept.

use std::path::Path;

use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ArrowReaderOptions;

use super::block::{Block, Cells, Column};
use super::cell::{Cell, Kind, is_whole, width};
use super::columns::Wanted;
use super::error::Error;
use super::plan::Input;
use super::standing::digits_of;
use crate::files::columnar::Groups;
use crate::files::delimited::{Encoding, Table, no_such_column, wrongly_encoded};
use crate::files::guard::Guard;
use crate::files::{self, ErrorKind, Format, Source};

/// Most rows and, of CSV, most bytes of cells in a block.
const BLOCK_ROWS: usize = 32 * 1024;
const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// Fewest rows in a block of a Parquet file, however wide its rows are.
const BLOCK_ROWS_MIN: usize = 256;

/// A number of fewer digits is no identifier.
const NUMBER_MIN: i128 = 1_000_000_000;

/// A file being read.
pub(super) struct Reader {
    file: File,
    /// What the wanted columns are, the IDs' first.
    kinds: Vec<Kind>,
    is_kept: Vec<bool>,
    /// Names of all columns, in the order of the file.
    names: Vec<String>,
}

enum File {
    Csv(Box<Table<Source>>),
    /// The places of the wanted columns among those that are read.
    Parquet(Box<Groups>, Vec<usize>),
}

impl Reader {
    /// Opens a file and finds the wanted columns.
    ///
    /// # Errors
    ///
    /// Not a table; a column is missing, there twice, or of a type that an extract cannot hold.
    pub(super) fn open(input: Input, wanted: &Wanted) -> Result<Self, Error> {
        let is_kept = wanted.is_kept.clone();
        let reader = match input.source.format(&input.name) {
            Format::Csv => {
                let names: Vec<&str> = wanted.names.iter().map(String::as_str).collect();
                let table = Table::open(input.source, &names, input.layout)?;
                table.refuse_encoding()?;
                let (kinds, names) = (vec![Kind::Text; wanted.names.len()], table.names());
                Self { file: File::Csv(Box::new(table)), kinds, is_kept, names }
            }
            Format::Parquet => open_parquet(input.source, &input.name, wanted)?,
        };
        reader.refuse_id_kind(wanted)?;
        Ok(reader)
    }

    /// What the wanted columns are.
    pub(super) fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// Names of all columns, in the order of the file.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    fn refuse_id_kind(&self, wanted: &Wanted) -> Result<(), Error> {
        match self.kinds.first() {
            Some(Kind::Text | Kind::Fixed(DataType::Int64 | DataType::UInt64)) => Ok(()),
            kind => {
                let name = wanted.names.first().map(String::as_str).unwrap_or_default();
                let kind = kind.map(Kind::name).unwrap_or_default();
                let what = format!("column {name} is of type {kind}, which holds no register IDs");
                Err(files::Error::input(what)
                    .advise("Register IDs are text of 15 digits, or 64-bit integers.")
                    .into())
            }
        }
    }

    /// The next block, shown to the guard; `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// Damage, by row.
    pub(super) fn read(&mut self, guard: &mut Guard) -> Result<Option<Block>, Error> {
        let block = match &mut self.file {
            File::Csv(table) => read_texts(table, self.kinds.len())?,
            File::Parquet(groups, order) => read_arrays(groups, order, &self.kinds)?,
        };
        if block.rows == 0 {
            return Ok(None);
        }
        self.show(&block, guard);
        Ok(Some(block))
    }

    fn show(&self, block: &Block, guard: &mut Guard) {
        let own: Vec<Option<u64>> =
            (0..block.rows).map(|row| digits_of(block.cell(0, row))).collect();
        for own in own.iter().flatten() {
            guard.identifier(*own);
        }
        for (column, (kind, is_kept)) in self.kinds.iter().zip(&self.is_kept).enumerate() {
            if !is_kept || !can_hold_identifiers(kind) {
                continue;
            }
            for (row, own) in own.iter().enumerate() {
                match block.cell(column, row) {
                    Cell::Text(text) if text.len() >= 10 => {
                        guard.text(column, text, own.as_slice());
                    }
                    Cell::Number(number) if number >= NUMBER_MIN => {
                        if let Some(number) = counted(kind, number) {
                            guard.number(column, number, own.as_slice());
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Whether cells of a kind can be numbers as long as identifiers.
fn can_hold_identifiers(kind: &Kind) -> bool {
    match kind {
        Kind::Text => true,
        Kind::Fixed(DataType::Decimal128(..) | DataType::Float32 | DataType::Float64) => true,
        Kind::Fixed(kind) => is_whole(kind) && width(kind).is_some_and(|width| width >= 4),
    }
}

/// The whole number that a cell of fixed size counts.
fn counted(kind: &Kind, number: i128) -> Option<u64> {
    let Kind::Fixed(kind) = kind else { return None };
    match kind {
        DataType::Decimal128(_, scale) => {
            let unit = 10_i128.checked_pow(u32::try_from(*scale).ok()?)?;
            u64::try_from(number / unit).ok()
        }
        DataType::Float32 | DataType::Float64 => {
            // Exact below 2^53; the text of a whole fraction is its digits.
            format!("{}", super::cell::float(number)).parse().ok()
        }
        kind if is_whole(kind) => u64::try_from(number).ok(),
        _ => None,
    }
}

fn read_texts(table: &mut Table<Source>, columns: usize) -> Result<Block, Error> {
    let first_row = table.place().rows + 1;
    let mut bytes = Vec::with_capacity(BLOCK_BYTES / 4);
    let mut ends = Vec::with_capacity(BLOCK_ROWS * columns);
    let mut record = Vec::new();
    let mut rows = 0;
    while rows < BLOCK_ROWS && bytes.len() < BLOCK_BYTES {
        record.clear();
        let Some(row) = table.append_row(&mut record)? else { break };
        let own = record.get(row.start..row.end).unwrap_or_default();
        for column in 0..columns {
            table.append_content(column, own, &mut bytes);
            // At most a block and one record, far below 4 GiB.
            ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        }
        rows += 1;
    }
    if let Some(at) = Encoding::Utf8.fault(&bytes) {
        let whole = ends.chunks(columns).take_while(|row| {
            row.last().is_some_and(|end| usize::try_from(*end).is_ok_and(|end| end <= at))
        });
        let row = first_row + whole.count() as u64;
        return Err(wrongly_encoded(&format!("row {row}")).into());
    }
    Ok(Block { first_row, rows, cells: Cells::Texts { bytes, ends, columns } })
}

fn open_parquet(source: Source, name: &Path, wanted: &Wanted) -> Result<Reader, Error> {
    let Source::File(file) = source else {
        return Err(files::Error::new(ErrorKind::Input, "Parquet cannot be read from a pipe")
            .advise("Name a file.")
            .into());
    };
    // Types are those of Parquet; what the writing library had in memory is of no concern.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let mut groups = Groups::open(file, name, options)?;
    let schema = groups.metadata().schema();
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let (mut places, mut kinds) = (Vec::new(), Vec::new());
    for wanted in &wanted.names {
        let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted);
        let place = match (found.next(), found.next()) {
            (Some((place, _)), None) => place,
            (None, _) => return Err(no_such_column(wanted, &names).into()),
            _ => {
                let what = format!("the file has the column {wanted} more than once");
                return Err(files::Error::input(what).advise("Rename one of them.").into());
            }
        };
        let kind = schema.fields().get(place).map(|field| field.data_type());
        let carried = kind.and_then(Kind::of).ok_or_else(|| {
            let kind = kind.map(ToString::to_string).unwrap_or_default();
            let what = format!("column {wanted} is of type {kind}, which an extract cannot hold");
            files::Error::input(what).advise("Write it as text, a number, a date or a time.")
        })?;
        places.push(place);
        kinds.push(carried);
    }
    let mut sorted = places.clone();
    sorted.sort_unstable();
    groups.select(&sorted);
    groups.limit(rows_of_block(&groups));
    let order = places.iter().filter_map(|place| sorted.binary_search(place).ok()).collect();
    let file = File::Parquet(Box::new(groups), order);
    Ok(Reader { file, kinds, is_kept: wanted.is_kept.clone(), names })
}

/// Fewer rows in a block where rows are wide, so that its bytes are bounded too.
fn rows_of_block(groups: &Groups) -> usize {
    let of_group = |group: &parquet::file::metadata::RowGroupMetaData| {
        group.total_byte_size() / group.num_rows().max(1)
    };
    let widest = groups.metadata().metadata().row_groups().iter().map(of_group).max();
    let widest = usize::try_from(widest.unwrap_or(1)).unwrap_or(1).max(1);
    (BLOCK_BYTES / widest).clamp(BLOCK_ROWS_MIN, BLOCK_ROWS)
}

fn read_arrays(groups: &mut Groups, order: &[usize], kinds: &[Kind]) -> Result<Block, Error> {
    let first_row = groups.rows() + 1;
    let Some(batch) = groups.next_batch()? else {
        return Ok(Block { first_row, rows: 0, cells: Cells::Arrays(Vec::new()) });
    };
    let column = |(place, kind): (&usize, &Kind)| {
        batch.columns().get(*place).and_then(|array| Column::of(array.as_ref(), kind))
    };
    let columns: Option<Vec<Column>> = order.iter().zip(kinds).map(column).collect();
    let columns = columns.ok_or_else(|| Error::internal("a batch is not what its schema says"))?;
    Ok(Block { first_row, rows: batch.num_rows(), cells: Cells::Arrays(columns) })
}
