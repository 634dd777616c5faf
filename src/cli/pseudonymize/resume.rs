//! The checkpoint of a file that is pseudonymized.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::answers::{Judge, Tally};
use super::rejected::RejectCounts;
use crate::cli::error::{Error, Exit};
use crate::files::checkpoint::{self, Fingerprint, checkpoint_name};
use crate::files::{Place, Writer, Written};

/// The version of the format that is written.
const VERSION: u32 = 2;

/// The version of a checkpoint that has [`Checkpoint::leaf_ids`].
const VERSION_WITH_LEAF_IDS: u32 = 3;

/// The version before: without [`Checkpoint::rejected`].
const VERSION_WITHOUT_CODES: u32 = 1;

/// Fewest rows between two checkpoints. Below, the digest of a short file could be guessed.
pub(super) const ROWS_MIN: u64 = 1000;

/// Most segments that a Parquet file is written in.
const SEGMENTS_MAX: u64 = 32;

/// Options that decide what the output is like, by their name.
pub(super) type Choices = BTreeMap<String, String>;

/// How far a file is. FORMAT: docs/FORMATS.md.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    v: u32,
    input: Fingerprint,
    options: Choices,
    /// Where the input was read to.
    pub(super) place: Place,
    /// How far the output is durable.
    pub(super) output: Written,
    /// How far the list of rejects is, if there is one.
    pub(super) rejects: Option<Written>,
    /// How far the list of own IDs is, if there is one; not before version 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) leaf_ids: Option<Written>,
    /// What was written.
    pub(super) tally: Tally,
    /// Rejects by code; not in version 1.
    rejected: Option<RejectCounts>,
    /// What the guard had counted.
    pub(super) guard: Vec<Vec<u64>>,
    /// The deliveries that the file has come in so far.
    pub(super) deliveries: Vec<String>,
}

/// Where the reader was and what the guard had counted, when a checkpoint was due.
pub(super) struct Mark {
    /// Where the reader was.
    pub(super) place: Place,
    /// What the guard had counted.
    pub(super) guard: Vec<Vec<u64>>,
}

/// Writes the checkpoints of one file.
pub(super) struct Checkpoints {
    name: PathBuf,
    input: Fingerprint,
    options: Choices,
    deliveries: Vec<String>,
    /// Rows between two of them.
    rows: u64,
    saved_rows: Option<u64>,
}

impl Checkpoints {
    /// Checkpoints beside an output, and the one that is there, if it is of this work.
    ///
    /// # Errors
    ///
    /// There is one of another input, or of other options.
    pub(super) fn open(
        output: &Path,
        input: Fingerprint,
        options: Choices,
        rows: u64,
    ) -> Result<(Self, Option<Checkpoint>), Error> {
        let name = checkpoint_name(output);
        let found: Option<Checkpoint> = checkpoint::load(&name)?;
        if let Some(found) = &found {
            found.refuse_other(&name, &input, &options)?;
        }
        let deliveries = found.as_ref().map(|found| found.deliveries.clone()).unwrap_or_default();
        let saved_rows = found.as_ref().map(|found| found.place.rows);
        Ok((Self { name, input, options, deliveries, rows, saved_rows }, found))
    }

    /// Rows between two of them.
    pub(super) fn rows_between(&self) -> u64 {
        self.rows
    }

    /// Makes at most [`SEGMENTS_MAX`] of them over so many rows: each is a file until the end.
    pub(super) fn spread_over(&mut self, rows: u64) {
        self.rows = self.rows.max(rows / SEGMENTS_MAX);
    }

    /// The file comes in another delivery.
    pub(super) fn add_delivery(&mut self, id: &str) {
        self.deliveries.push(id.to_owned());
    }

    /// The deliveries that the file came in.
    pub(super) fn deliveries(&self) -> &[String] {
        &self.deliveries
    }

    /// Makes all durable that was written, then says so.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(super) fn save(
        &mut self,
        mark: Mark,
        writer: &mut impl Writer,
        judge: &mut Judge,
    ) -> Result<(), Error> {
        let output = writer.checkpoint()?;
        let rejects = judge.lists().rejects.checkpoint()?;
        let leaf_ids = judge.lists().leaf_ids.checkpoint()?;
        let checkpoint = Checkpoint {
            v: leaf_ids.as_ref().map_or(VERSION, |_| VERSION_WITH_LEAF_IDS),
            input: self.input.clone(),
            options: self.options.clone(),
            place: mark.place,
            output,
            rejects,
            leaf_ids,
            tally: *judge.tally(),
            rejected: Some(judge.counts().clone()),
            guard: mark.guard,
            deliveries: self.deliveries.clone(),
        };
        checkpoint::save(&self.name, &checkpoint)?;
        self.saved_rows = Some(mark.place.rows);
        Ok(())
    }

    /// How many rows need not be sent again.
    pub(super) fn saved_rows(&self) -> Option<u64> {
        self.saved_rows
    }

    /// The work is done, or can never be gone on with.
    ///
    /// # Errors
    ///
    /// The directory cannot be written.
    pub(super) fn remove(&self) -> Result<(), Error> {
        Ok(checkpoint::remove(&self.name)?)
    }
}

impl Checkpoint {
    /// Rejects by code so far.
    pub(super) fn rejected(&self) -> RejectCounts {
        self.rejected.clone().unwrap_or_else(|| RejectCounts::not_counted(self.tally.rejected))
    }

    fn refuse_other(
        &self,
        name: &Path,
        input: &Fingerprint,
        options: &Choices,
    ) -> Result<(), Error> {
        let refuse = |what: String| {
            Error::new(Exit::Precondition, what)
                .advise("Give the file and options that it was begun with, or --restart.")
        };
        let name = name.display();
        let version = match (&self.leaf_ids, &self.rejected) {
            (Some(_), _) => VERSION_WITH_LEAF_IDS,
            (None, Some(_)) => VERSION,
            (None, None) => VERSION_WITHOUT_CODES,
        };
        if self.v != version {
            return Err(refuse(format!("{name} is a checkpoint of another version")));
        }
        if self.input != *input {
            return Err(refuse(format!(
                "{name} is of another file, or the file was changed since"
            )));
        }
        let all = self.options.keys().chain(options.keys());
        let mut other: Vec<&str> = all
            .filter(|option| self.options.get(*option) != options.get(*option))
            .map(String::as_str)
            .collect();
        other.sort_unstable();
        other.dedup();
        if other.is_empty() {
            return Ok(());
        }
        Err(refuse(format!("{name} was begun with other options: {}", other.join(", "))))
    }
}

/// Throws away what an earlier run left of an output.
///
/// # Errors
///
/// The directory cannot be written.
pub(super) fn discard(output: &Path, (rejects, leaf_ids): (&Path, &Path)) -> Result<(), Error> {
    let name = checkpoint_name(output);
    // One that cannot be read names no parts; they stay, as after a kill.
    if let Ok(Some(found)) = checkpoint::load::<Checkpoint>(&name) {
        for part in &found.output.parts {
            checkpoint::remove_part(output, part)?;
        }
        for part in found.rejects.iter().flat_map(|rejects| &rejects.parts) {
            checkpoint::remove_part(rejects, part)?;
        }
        for part in found.leaf_ids.iter().flat_map(|list| &list.parts) {
            checkpoint::remove_part(leaf_ids, part)?;
        }
    }
    Ok(checkpoint::remove(&name)?)
}
