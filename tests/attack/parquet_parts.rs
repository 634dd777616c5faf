//! What a Parquet file holds besides its rows: dictionaries, row groups, metadata.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use parquet::basic::Type;
use parquet::column::page::Page;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor as _;

use super::chance::{Joined, real};
use super::joins::{of_persons, of_shuffled};
use super::released::{Row, Table};

/// The columns of an extract: the serial, four variables, the surrogate.
const COLUMNS: usize = 6;
const SURROGATE: usize = 5;

/// What a file holds besides its rows.
pub(crate) struct Parts {
    /// What its metadata say, but for names, types and sizes.
    pub(crate) said: Vec<String>,
    /// How long its row groups are.
    pub(crate) group_rows: Vec<usize>,
    /// The entries of each column's dictionary, row group by row group.
    dictionaries: Vec<Vec<Vec<String>>>,
    /// Whose rows begin and end the row groups.
    edges: Vec<usize>,
    /// Whose is the first row of a row group with a cell, by column and row group.
    firsts: Vec<Vec<HashMap<String, usize>>>,
    /// Whose the rows are.
    owners: Vec<usize>,
    /// How many persons share each cell of a column, in the whole file.
    sharing: Vec<HashMap<String, usize>>,
}

impl Parts {
    /// What is beside the rows of any file.
    pub(crate) fn read(file: &Path) -> Self {
        let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
        let metadata = reader.metadata();
        let groups = metadata.row_groups().iter();
        Self {
            said: said(&reader),
            group_rows: groups.map(|group| usize::try_from(group.num_rows()).unwrap()).collect(),
            dictionaries: dictionaries(&reader),
            edges: Vec::new(),
            firsts: Vec::new(),
            owners: Vec::new(),
            sharing: Vec::new(),
        }
    }

    /// As [`Self::read`], of an extract, with whose rows these are.
    pub(crate) fn of(file: &Path, table: &Table) -> Self {
        let mut parts = Self::read(file);
        parts.owners = table.rows.iter().map(|row| row.person).collect();
        let mut firsts = vec![Vec::new(); COLUMNS];
        let mut rest = table.rows.as_slice();
        for rows in &parts.group_rows {
            let (group, after) = rest.split_at(*rows);
            parts.edges.extend([group[0].person, group[rows - 1].person]);
            for (column, firsts) in firsts.iter_mut().enumerate() {
                let mut first = HashMap::new();
                for row in group {
                    first.entry(cell(row, column)).or_insert(row.person);
                }
                firsts.push(first);
            }
            rest = after;
        }
        assert!(rest.is_empty());
        parts.firsts = firsts;
        parts.sharing = (0..COLUMNS).map(|column| sharing(table, column)).collect();
        parts
    }

    /// The joins of two extracts.
    pub(crate) fn joins(&self, other: &Self) -> [(&'static str, Joined); 4] {
        let edges = self.edges.iter().zip(&other.edges).map(|(a, b)| (*a, Some(*b)));
        let edges = of_persons(edges, self.at_random(other) * real(self.edges.len()));
        [
            ("dictionary of serials", self.by_places(other, 0)),
            ("dictionaries of variables", self.by_entries(other)),
            ("dictionary of surrogates", self.by_places(other, SURROGATE)),
            ("first and last rows of row groups", edges),
        ]
    }

    /// How likely a row of each is the same person's.
    fn at_random(&self, other: &Self) -> f64 {
        of_shuffled(&self.owners, &other.owners)
    }

    /// Entries at the same place in the dictionaries of serials or surrogates.
    fn by_places(&self, other: &Self, column: usize) -> Joined {
        let owners = |parts: &Self, group: usize| -> Vec<usize> {
            let entries = parts.dictionaries[column][group].iter();
            entries.map(|entry| parts.firsts[column][group][entry]).collect()
        };
        let mut pairs = Vec::new();
        for group in 0..self.group_rows.len() {
            let (ours, theirs) = (owners(self, group), owners(other, group));
            pairs.extend(ours.into_iter().zip(theirs.into_iter().map(Some)));
        }
        // Whoever stands there is anybody of the file.
        let mean = self.at_random(other) * real(pairs.len());
        of_persons(pairs.into_iter(), mean)
    }

    /// Equal entries of the dictionaries of variables: that their first rows are the same person's
    /// is as likely as chance makes it among all who have such a row.
    fn by_entries(&self, other: &Self) -> Joined {
        let mut pairs = Vec::new();
        let mut mean = 0.0;
        for column in 1..SURROGATE {
            for (group, entries) in self.dictionaries[column].iter().enumerate() {
                for entry in entries {
                    let theirs = other.firsts[column][group].get(entry).copied();
                    pairs.push((self.firsts[column][group][entry], theirs));
                    mean += 1.0 / real(self.sharing[column][entry]);
                }
            }
        }
        of_persons(pairs.into_iter(), mean)
    }
}

/// The rows of an extract, with whose serials these are.
pub(crate) fn rows(file: &Path, persons: &HashMap<u64, usize>) -> Table {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        let number = u64::try_from(row.get_long(0).unwrap()).unwrap();
        let text = |column: usize| row.get_string(column).unwrap().clone();
        let variables = [text(1), text(2), text(3), text(4)];
        Row { person: persons[&number], number, value: text(SURROGATE), variables }
    });
    Table { rows: rows.collect() }
}

fn cell(row: &Row, column: usize) -> String {
    match column {
        0 => row.number.to_string(),
        SURROGATE => row.value.clone(),
        variable => row.variables[variable - 1].clone(),
    }
}

fn sharing(table: &Table, column: usize) -> HashMap<String, usize> {
    let mut persons: BTreeMap<(String, usize), ()> = BTreeMap::new();
    for row in &table.rows {
        persons.insert((cell(row, column), row.person), ());
    }
    let mut sharing = HashMap::new();
    for (cell, _) in persons.into_keys() {
        *sharing.entry(cell).or_default() += 1;
    }
    sharing
}

/// Everything in the metadata that could differ by who is in the file.
fn said(reader: &SerializedFileReader<File>) -> Vec<String> {
    let metadata = reader.metadata();
    let file = metadata.file_metadata();
    let mut said: Vec<String> =
        file.created_by().map(|name| format!("created by {name}")).into_iter().collect();
    for one in file.key_value_metadata().into_iter().flatten() {
        said.push(format!("{} = {:?}", one.key, one.value));
    }
    for group in metadata.row_groups() {
        for column in group.columns() {
            let name = column.column_path().string();
            said.extend(column.statistics().map(|told| format!("{name}: {told:?}")));
            for (what, offset) in [
                ("offset index", column.offset_index_offset()),
                ("column index", column.column_index_offset()),
                ("bloom filter", column.bloom_filter_offset()),
            ] {
                said.extend(offset.map(|_| format!("{name}: {what}")));
            }
        }
        said.extend(group.sorting_columns().map(|_| "sorting columns".to_owned()));
    }
    said
}

/// The dictionaries of whole numbers and texts; of other columns, none.
fn dictionaries(reader: &SerializedFileReader<File>) -> Vec<Vec<Vec<String>>> {
    let columns = reader.metadata().file_metadata().schema_descr().num_columns();
    let of_column = |column: usize| {
        let groups = 0..reader.num_row_groups();
        let entries = groups.map(|group| {
            let group = reader.get_row_group(group).unwrap();
            let kind = group.metadata().column(column).column_type();
            let mut pages = group.get_column_page_reader(column).unwrap();
            match pages.get_next_page().unwrap() {
                Some(Page::DictionaryPage { buf, .. }) => entries(kind, &buf),
                _ => Vec::new(),
            }
        });
        entries.collect()
    };
    (0..columns).map(of_column).collect()
}

fn entries(kind: Type, mut bytes: &[u8]) -> Vec<String> {
    let mut entries = Vec::new();
    match kind {
        Type::INT64 => {
            let (numbers, _) = bytes.as_chunks::<8>();
            entries.extend(numbers.iter().map(|one| i64::from_le_bytes(*one).to_string()));
        }
        Type::BYTE_ARRAY => {
            while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
                let length = usize::try_from(u32::from_le_bytes(*length)).unwrap();
                let (entry, rest) = rest.split_at(length);
                entries.push(String::from_utf8_lossy(entry).into_owned());
                bytes = rest;
            }
        }
        _ => {}
    }
    entries
}
