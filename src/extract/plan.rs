//! What is to be made: the terms, the files, and how much of the machine may be used.

use std::io::Write;
use std::path::PathBuf;

use jiff::civil::Date;

use crate::disclosure::terms::Terms;
use crate::files::delimited::Layout;
use crate::files::guard::Exception;
use crate::files::{Format, Source};

/// Least memory that an extract is made with.
pub const MEMORY_BYTES_MIN: usize = 64 * 1024 * 1024;

/// What is to be made, for all files of a disclosure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the decision lets out.
    pub terms: Terms,
    /// How much memory may be used, at least [`MEMORY_BYTES_MIN`].
    pub memory_bytes: usize,
    /// Where rows are put aside, sealed, when they do not fit into memory.
    pub temporary: PathBuf,
    /// What becomes of rows without a løpenummer.
    pub refused_rows: RefusedRows,
    /// The day that the guard's rules are of.
    pub today: Date,
}

/// What becomes of rows without a løpenummer. Rows of persons with a reservation are none of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusedRows {
    /// Nothing is made while there is one.
    #[default]
    Fail,
    /// They are left out, and counted and listed in the report.
    LeaveOut,
}

/// A file of a register.
pub struct Input {
    /// The register's code.
    pub register: String,
    /// The column of register IDs; by default the code in lower case with `_id`.
    pub id_column: Option<String>,
    /// What it is called, for messages and the report.
    pub name: PathBuf,
    /// Where it is read from.
    pub source: Source,
    /// How it is written, if it is CSV.
    pub layout: Layout,
    /// Columns that may hold what the guard refuses, each with a reason.
    pub exceptions: Vec<Exception>,
}

impl Input {
    /// The column of register IDs.
    pub(super) fn id_column(&self) -> String {
        let default = || format!("{}_id", self.register.to_lowercase());
        self.id_column.clone().unwrap_or_else(default)
    }
}

/// Where an extract goes.
pub struct Output<'a> {
    /// What it is written in.
    pub format: Format,
    /// What takes its bytes. It is not flushed or synced here.
    pub sink: &'a mut (dyn Write + Send),
}

/// Sees the columns that must not single anybody out, in each row that comes out.
pub trait Observer {
    /// A row comes out. `person` is the same for all rows of a person in all files; `cells` are those
    /// of [`SmallCells::columns`](crate::disclosure::terms::SmallCells::columns), in their order, as
    /// the text that CSV has, without quotes; `None` where the file has no such column. Rows of a
    /// person follow each other within a file.
    fn row(&mut self, file: usize, person: &[u8], cells: &[Option<&[u8]>]);
}
