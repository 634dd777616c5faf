//! Rows of a disclosure or of a register, as an attacker sees them, with the truth beside them.

use std::collections::{BTreeMap, HashSet};

/// Rows, in the order of their file.
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The truth: whose it is.
    pub(crate) person: usize,
    /// The serial, or the register ID.
    pub(crate) number: u64,
    /// The surrogate, or what it stands for.
    pub(crate) value: String,
    /// The variables, as coarse as they come out.
    pub(crate) variables: [String; 4],
}

impl Table {
    pub(crate) fn persons(&self) -> usize {
        self.by_appearance().len()
    }

    /// Persons in the order of their first rows.
    pub(crate) fn by_appearance(&self) -> Vec<usize> {
        let mut seen = HashSet::new();
        self.rows.iter().map(|row| row.person).filter(|person| seen.insert(*person)).collect()
    }

    /// Persons in the order of their numbers.
    pub(crate) fn by_number(&self) -> Vec<usize> {
        self.numbers().into_values().collect()
    }

    /// Persons by their numbers.
    pub(crate) fn numbers(&self) -> BTreeMap<u64, usize> {
        self.rows.iter().map(|row| (row.number, row.person)).collect()
    }

    /// Whose the rows are, in the order of their values.
    pub(crate) fn by_value(&self) -> Vec<usize> {
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| &row.value);
        rows.into_iter().map(|row| row.person).collect()
    }
}

/// The cells of a line of CSV.
pub(crate) fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            other => cell.push(other),
        }
    }
    cells.push(cell);
    cells
}
