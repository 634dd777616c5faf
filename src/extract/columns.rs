//! Which columns are read, which come out, and what their cells are.

use std::path::Path;

use super::cell::Kind;
use super::coarser::kind_after;
use super::error::Error;
use super::report::ReleasedColumn;
use super::row::Form;
use crate::disclosure::terms::{Generalisation, RegisterTerms};
use crate::files;

/// What the person's column is called.
pub(super) const PERSON_COLUMN: &str = "lopenr";

/// The columns that are read: each once, the register IDs' first.
pub(super) struct Wanted {
    /// Their names.
    pub(super) names: Vec<String>,
    /// Whether a column comes out other than as surrogates, so that the guard looks at it.
    pub(super) is_kept: Vec<bool>,
}

impl Wanted {
    /// What must be read for the terms of a register.
    ///
    /// # Errors
    ///
    /// The register ID itself is named, or a column that is called as the person's will be.
    pub(super) fn of(terms: &RegisterTerms, id_column: &str) -> Result<Self, Error> {
        let mut wanted = Self { names: vec![id_column.to_owned()], is_kept: vec![false] };
        for variable in &terms.variables {
            wanted.add(&variable.name, true);
        }
        for secondary in &terms.secondary {
            wanted.add(&secondary.column, false);
            if let Some(institution) = &secondary.institution {
                wanted.add(institution, false);
            }
        }
        let comes_out = released_names(terms);
        if comes_out.clone().any(|name| name == id_column) {
            let what = format!("the terms let out {id_column}, the column of register IDs");
            return Err(files::Error::input(what)
                .advise("A register ID never comes out: løpenummer stand for it.")
                .into());
        }
        if comes_out.clone().any(|name| name == PERSON_COLUMN) {
            let what = format!("the terms let out a column {PERSON_COLUMN}");
            return Err(files::Error::input(what)
                .advise("That is what the column of løpenummer is called. Rename the one there is.")
                .into());
        }
        Ok(wanted)
    }

    fn add(&mut self, name: &str, is_kept: bool) {
        match self.place(name).and_then(|place| self.is_kept.get_mut(place)) {
            Some(kept) => *kept |= is_kept,
            None => {
                self.names.push(name.to_owned());
                self.is_kept.push(is_kept);
            }
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|wanted| wanted == name)
    }
}

fn released_names(terms: &RegisterTerms) -> impl Iterator<Item = &str> + Clone {
    let variables = terms.variables.iter().map(|variable| variable.name.as_str());
    variables.chain(terms.secondary.iter().map(|secondary| secondary.column.as_str()))
}

/// A column that is kept.
pub(super) struct Kept {
    pub(super) name: String,
    /// Its place among the columns that are read.
    pub(super) place: usize,
    pub(super) generalisation: Option<Generalisation>,
    /// What its cells are when they are read, and when they are released.
    pub(super) read: Kind,
    pub(super) released: Kind,
    /// How they stand in rows.
    pub(super) form: Form,
}

/// A column of identifiers that are replaced.
pub(super) struct Replaced {
    pub(super) name: String,
    pub(super) key_space: String,
    /// The places of the values, and of where they are unique, among the columns that are read.
    pub(super) value: usize,
    pub(super) institution: Option<usize>,
}

/// The columns that come out.
pub(super) struct Columns {
    pub(super) kept: Vec<Kept>,
    pub(super) replaced: Vec<Replaced>,
    /// What the cells of the columns that are read are.
    pub(super) read: Vec<Kind>,
}

impl Columns {
    /// The columns that the terms let out, of a file whose wanted columns are of these kinds.
    ///
    /// # Errors
    ///
    /// A column cannot be made coarser as the terms ask.
    pub(super) fn of(
        terms: &RegisterTerms,
        wanted: &Wanted,
        read: Vec<Kind>,
        file: &Path,
    ) -> Result<Self, Error> {
        let place = |name: &str| {
            wanted.place(name).ok_or_else(|| Error::internal("a wanted column is not read"))
        };
        let mut kept = Vec::new();
        for variable in &terms.variables {
            let place = place(&variable.name)?;
            let kind = read.get(place).cloned().unwrap_or(Kind::Text);
            let generalisation = variable.generalisation.clone();
            let released = kind_after(generalisation.as_ref(), &kind).ok_or_else(|| {
                files::Error::input(format!(
                    "column {} of {} is of type {}, which cannot be made coarser as the terms ask",
                    variable.name,
                    file.display(),
                    kind.name()
                ))
                .advise("Write it as text or as another type, or have the decision changed.")
            })?;
            let name = variable.name.clone();
            let form = Form::of(&released);
            kept.push(Kept { name, place, generalisation, read: kind, released, form });
        }
        let mut replaced = Vec::new();
        for secondary in &terms.secondary {
            replaced.push(Replaced {
                name: secondary.column.clone(),
                key_space: secondary.key_space.clone(),
                value: place(&secondary.column)?,
                institution: secondary.institution.as_deref().map(place).transpose()?,
            });
        }
        Ok(Self { kept, replaced, read })
    }

    /// Names and kinds of what comes out, without the person's column.
    pub(super) fn released(&self) -> Vec<(String, Kind)> {
        let kept = self.kept.iter().map(|kept| (kept.name.clone(), kept.released.clone()));
        kept.chain(self.replaced.iter().map(|one| (one.name.clone(), Kind::Text))).collect()
    }
}

/// What the rows of an output are.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) person: Person,
    /// The columns after the person's.
    pub(super) columns: Vec<(String, Kind)>,
}

/// How persons are named in an extract: by serials, or by the IDs of another party.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Person {
    Label,
    #[default]
    Serial,
}

impl Shape {
    /// For the report.
    pub(super) fn described(&self) -> Vec<ReleasedColumn> {
        let person = match self.person {
            Person::Label => "text",
            Person::Serial => "Int64",
        };
        let mut all =
            vec![ReleasedColumn { name: PERSON_COLUMN.to_owned(), kind: person.to_owned() }];
        let others = self.columns.iter();
        all.extend(
            others.map(|(name, kind)| ReleasedColumn { name: name.clone(), kind: kind.name() }),
        );
        all
    }
}
