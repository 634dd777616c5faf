//! What every kind of table has in common: blocks of rows, columns of identifiers, answers.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::Error;
use super::guard::Guard;

/// Longest cell that is sent. Nothing longer can be an identifier.
const CELL_BYTES_MAX: usize = 64;

/// Sent for a number that cannot be an identifier: it is answered `format`.
pub(super) const NO_IDENTIFIER: u64 = u64::MAX;

/// Whether a cell may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It may: then the row has no ID in this column, and that is no fault.
    Optional,
    /// A row with an empty cell has a fault.
    Required,
}

/// What became of the zeros that identifiers begin with, in columns of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeadingZeros {
    /// They are there: ten digits are a fault.
    Kept,
    /// A program took the column for numbers: ten digits are eleven, the first of them 0.
    Lost,
}

/// A column of identifiers that is replaced by one of register IDs.
#[derive(Clone, Debug)]
pub struct IdColumn {
    /// What it is called in the input.
    pub name: String,
    /// What the column of IDs is called.
    pub output: String,
    /// Whether it may be empty.
    pub presence: Presence,
    /// Digits of an identifier, where all have as many: 11, or 12 for DUF-numbers and local ones.
    pub digits: usize,
    /// Whether ten digits are eleven.
    pub leading_zeros: LeadingZeros,
}

/// What a column says of the person of a row besides the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactKind {
    /// Where the person lives.
    Address,
    /// What the person is called.
    Name,
}

/// A column of names or addresses, which is read and left out of the output.
#[derive(Clone, Debug)]
pub struct ContactColumn {
    /// What it is called in the input.
    pub name: String,
    /// What it says.
    pub kind: ContactKind,
}

/// What the rows of a block say in one column of names or addresses. No `Debug`.
pub struct ContactTexts {
    /// What the column says.
    pub kind: ContactKind,
    /// One text a row; empty where the row says nothing.
    pub texts: Vec<Zeroizing<String>>,
}

/// Identifiers of one column, in the shortest form that holds them. No `Debug`.
pub enum Values {
    /// ASCII digits without separators, [`IdColumn::digits`] a row.
    Ascii(Vec<u8>),
    /// Numbers, whose leading zeros are implied.
    Integers(Vec<u64>),
    /// Anything else.
    Text(Vec<String>),
}

/// What is asked about one column of a block.
pub struct Asked {
    /// The identifiers.
    pub values: Values,
    /// Which rows they are of, ascending, from 0; `None`: all rows.
    pub rows: Option<Vec<u32>>,
}

impl Asked {
    /// The identifiers of cells of text; empty cells are left out where they may be empty.
    pub(super) fn text<'a>(
        column: &IdColumn,
        rows: usize,
        cells: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Self {
        let has_empty = || cells.clone().any(<[u8]>::is_empty);
        if column.presence == Presence::Optional && has_empty() {
            let filled = (0..).zip(cells.clone()).filter(|(_, cell)| !cell.is_empty());
            let places = filled.map(|(row, _)| row).collect();
            let filled = cells.filter(|cell| !cell.is_empty());
            return Self { values: values_of_text(column, rows, filled), rows: Some(places) };
        }
        Self { values: values_of_text(column, rows, cells), rows: None }
    }

    /// The identifiers of numbers; `None` is an empty cell.
    pub(super) fn numbers(column: &IdColumn, cells: Vec<Option<u64>>) -> Self {
        if column.presence == Presence::Optional && cells.contains(&None) {
            let places = (0..).zip(&cells).filter(|(_, cell)| cell.is_some());
            let places = places.map(|(row, _)| row).collect();
            let filled = cells.into_iter().flatten().collect();
            return Self { values: Values::Integers(filled), rows: Some(places) };
        }
        let all = cells.into_iter().map(|cell| cell.unwrap_or(NO_IDENTIFIER)).collect();
        Self { values: Values::Integers(all), rows: None }
    }

    /// How many identifiers there are.
    #[must_use]
    pub fn count(&self, digits: usize) -> usize {
        match &self.values {
            Values::Ascii(bytes) => bytes.len() / digits.max(1),
            Values::Integers(numbers) => numbers.len(),
            Values::Text(texts) => texts.len(),
        }
    }
}

fn values_of_text<'a>(
    column: &IdColumn,
    rows: usize,
    cells: impl Iterator<Item = &'a [u8]> + Clone,
) -> Values {
    let mut packed = Vec::with_capacity(rows * column.digits);
    for cell in cells.clone() {
        if cell.len() == 10 && column.digits == 11 && column.leading_zeros == LeadingZeros::Lost {
            packed.push(b'0');
        } else if cell.len() != column.digits {
            packed.zeroize();
            return Values::Text(texts(column, cells));
        }
        packed.extend_from_slice(cell);
    }
    if packed.iter().all(u8::is_ascii_digit) {
        return Values::Ascii(packed);
    }
    packed.zeroize();
    Values::Text(texts(column, cells))
}

/// The cells as text. What cannot be an identifier is sent empty: it is answered `format` too.
fn texts<'a>(column: &IdColumn, cells: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let has_lost_zeros = column.digits == 11 && column.leading_zeros == LeadingZeros::Lost;
    let is_short = |cell: &str| cell.len() == 10 && cell.bytes().all(|byte| byte.is_ascii_digit());
    let text = |cell: &[u8]| match std::str::from_utf8(cell) {
        Ok(cell) if has_lost_zeros && is_short(cell) => {
            format!("0{cell}")
        }
        Ok(cell) if cell.len() <= CELL_BYTES_MAX => cell.to_owned(),
        _ => String::new(),
    };
    cells.map(text).collect()
}

/// What is put in the place of a block's identifiers.
pub struct Answers {
    /// A register ID for each row of each column, in the order of the columns; 0 for none.
    pub ids: Vec<Vec<u64>>,
    /// Rows that are left out of the output, ascending, from 0.
    pub left_out: Vec<u32>,
}

/// Where a reader is in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Rows before it.
    pub rows: u64,
    /// Bytes before it; 0 where bytes mean nothing (Parquet).
    pub bytes: u64,
    /// Lines before it; 0 where there are none.
    pub lines: u64,
}

/// Rows that wait for their answer. Holds identifiers: no `Debug`.
pub trait Block: Send {
    /// How many rows; none at the end of the file.
    fn rows(&self) -> usize;

    /// Number of the first row, from 1.
    fn first_row(&self) -> u64;

    /// The identifiers of a column, by its place among the columns of identifiers.
    fn asked(&self, column: usize) -> Asked;

    /// What the rows say in the columns of names and addresses, if there are any.
    fn contacts(&self) -> Vec<ContactTexts> {
        Vec::new()
    }

    /// Where the reader was after it.
    fn end(&self) -> Place;

    /// Whether a checkpoint may stand after it.
    fn is_boundary(&self) -> bool;
}

/// Reads a table block by block.
pub trait Reader: Send {
    /// Its blocks.
    type Block: Block;

    /// Makes blocks at most so large from now on.
    fn limit(&mut self, rows_max: usize);

    /// Reads the next block and shows the guard every cell that is not an identifier's.
    ///
    /// # Errors
    ///
    /// Damage, by row.
    fn read(&mut self, guard: &mut Guard) -> Result<Self::Block, Error>;
}

/// How far an output is durable: what is needed to go on with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Names of the files beside the output, in order.
    pub parts: Vec<String>,
    /// Bytes of the last of them; anything after is thrown away.
    pub bytes: u64,
}

/// Writes a table block by block.
pub trait Writer: Send {
    /// The blocks of its reader.
    type Block: Block;

    /// Writes a block with its answers.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    fn write(&mut self, block: &Self::Block, answers: &Answers) -> Result<(), Error>;

    /// Makes what is written durable, to be gone on with by another process.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    fn checkpoint(&mut self) -> Result<Written, Error>;

    /// Says that what is durable is of no use any more.
    fn forget(&mut self);

    /// Writes what belongs to the end and makes all durable, still aside.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    fn finish(&mut self, last: &Self::Block) -> Result<(), Error>;

    /// Gives the output its name.
    ///
    /// # Errors
    ///
    /// The name was taken meanwhile, or the disk fails.
    fn publish(self) -> Result<(), Error>;
}
