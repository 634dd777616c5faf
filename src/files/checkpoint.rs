//! How far a long piece of work is, in a small file beside its output.
//!
//! # Why it exists
//!
//! A file of 10^8 rows that fails near its end goes on from its last checkpoint instead of from its
//! first row. The server needs nothing for it: the same identifiers get the same IDs.
//!
//! FORMAT: JSON, `v` 1; docs/FORMATS.md.
//!
//! # Invariants
//!
//! - It is written after what it speaks of is durable, aside and renamed: whenever a process is
//!   killed, there is an old checkpoint, a new one, or none, and what it says is on disk.
//! - It belongs to one input (length, time of change, digest of its beginning) and one set of
//!   options; with any other it is refused.
//! - It holds no identifier: counts, names of columns and files, and a digest over the first
//!   mebibyte, which at that point is at least a thousand rows and cannot be guessed.
//!
//! # What it does *not* protect
//!
//! An input that was changed behind its first mebibyte, with its length and time of change set back,
//! is taken for the same.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::destination::{beside, sync_directory};
use super::{Error, ErrorKind};
use crate::crypto::sha256;

/// How much of the input's beginning is digested.
const HEAD_BYTES: u64 = 1024 * 1024;

/// Largest checkpoint that is read: a column's counts are some hundred bytes.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What tells an input from any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    bytes: u64,
    modified_ns: u64,
    head: String,
}

impl Fingerprint {
    /// The fingerprint of an ordinary file.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn of(file: &File, name: &Path) -> Result<Self, Error> {
        let cannot_read = |cause| Error::system("read", name, &cause);
        let found = file.metadata().map_err(cannot_read)?;
        let modified = found.modified().map_err(cannot_read)?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let length = usize::try_from(found.len().min(HEAD_BYTES)).unwrap_or_default();
        let mut head = vec![0; length];
        file.read_exact_at(&mut head, 0).map_err(cannot_read)?;
        Ok(Self {
            bytes: found.len(),
            modified_ns: u64::try_from(since).unwrap_or(u64::MAX),
            head: sha256(&head).iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

/// The name of the checkpoint of an output: `OUT.checkpoint`.
#[must_use]
pub fn checkpoint_name(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".checkpoint");
    PathBuf::from(name)
}

/// Reads a checkpoint, if there is one.
///
/// # Errors
///
/// It cannot be read, or is none.
pub fn load<T: DeserializeOwned>(name: &Path) -> Result<Option<T>, Error> {
    let file = match File::open(name) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(Error::system("read", name, &cause)),
    };
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|cause| Error::system("read", name, &cause))?;
    // What the parser says may quote the file.
    serde_json::from_slice(&text).map(Some).map_err(|_| {
        Error::new(
            ErrorKind::Stale,
            format!("{} is not a checkpoint of this version", name.display()),
        )
        .advise("Begin anew with --restart.")
    })
}

/// Writes a checkpoint: aside, synced, renamed.
///
/// # Errors
///
/// The disk is full, or fails.
pub fn save<T: Serialize>(name: &Path, checkpoint: &T) -> Result<(), Error> {
    let cannot_write = |cause| Error::system("write", name, &cause);
    let text = serde_json::to_vec(checkpoint)
        .map_err(|_| Error::new(ErrorKind::Internal, "a checkpoint cannot be written as JSON"))?;
    let mut aside = name.as_os_str().to_owned();
    aside.push(".new");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&aside)
        .map_err(cannot_write)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(cannot_write)?;
    std::fs::rename(&aside, name).map_err(cannot_write)?;
    sync_directory(name)
}

/// Removes a checkpoint that is done with.
///
/// # Errors
///
/// The directory cannot be written.
pub fn remove(name: &Path) -> Result<(), Error> {
    match std::fs::remove_file(name) {
        Ok(()) => sync_directory(name),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(cause) => Err(Error::system("remove", name, &cause)),
    }
}

/// Removes a part that a checkpoint speaks of.
///
/// # Errors
///
/// The directory cannot be written.
pub fn remove_part(output: &Path, part: &str) -> Result<(), Error> {
    beside(output, part).map_or(Ok(()), |part| remove(&part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_read_as_it_was_written_and_gone_when_removed() {
        let directory = tempfile::tempdir().unwrap();
        let name = checkpoint_name(&directory.path().join("out.csv"));
        assert_eq!(load::<Vec<u64>>(&name).unwrap(), None);
        save(&name, &vec![1_u64]).unwrap();
        save(&name, &vec![1_u64, 2]).unwrap();
        assert_eq!(load::<Vec<u64>>(&name).unwrap(), Some(vec![1, 2]));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        remove(&name).unwrap();
        remove(&name).unwrap();
        assert_eq!(load::<Vec<u64>>(&name).unwrap(), None);
    }

    #[test]
    fn what_is_no_checkpoint_is_refused_and_not_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv.checkpoint");
        for text in ["", "[\"41814061033\"]", "{\"v\":"] {
            std::fs::write(&name, text).unwrap();
            let error = load::<Vec<u64>>(&name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Stale);
            assert!(!error.to_string().contains("4181"), "{error}");
        }
    }

    #[test]
    fn a_fingerprint_changes_with_length_time_and_beginning() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("in.csv");
        let of = |text: &str, seconds: u64| {
            std::fs::write(&name, text).unwrap();
            let file = File::options().write(true).read(true).open(&name).unwrap();
            file.set_modified(UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
            Fingerprint::of(&file, &name).unwrap()
        };
        let first = of("abc", 1);
        assert_eq!(first, of("abc", 1));
        for other in [of("abd", 1), of("abcd", 1), of("abc", 2)] {
            assert_ne!(first, other);
        }
    }
}
