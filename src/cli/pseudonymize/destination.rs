//! A file that appears only when it is complete.
//!
//! Written aside as `NAME.part-<random>` (created, never opened; readable by its owner only), then
//! synced, then given its name in one step, then the directory is synced. Dropped before that, it is
//! removed. A process that is killed leaves the `.part-` file and never the name.

use std::ffi::OsString;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::cli::error::{Error, Exit};

const BUFFER_BYTES: usize = 1024 * 1024;

/// Whether a file that exists may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Existing {
    /// It is left alone and the command refused.
    Keep,
    /// It is replaced when the new one is complete.
    Replace,
}

/// A file being written.
pub(in crate::cli) struct Destination {
    name: PathBuf,
    part: Option<PathBuf>,
    output: BufWriter<File>,
    existing: Existing,
}

impl Destination {
    /// Starts to write a file aside.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub(in crate::cli) fn create(name: &Path, existing: Existing) -> Result<Self, Error> {
        refuse_existing(name, existing)?;
        let mut part = OsString::from(name);
        part.push(format!(".part-{:016x}", RandomState::new().build_hasher().finish()));
        let part = PathBuf::from(part);
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|cause| Error::file("create a file beside", name, &cause))?;
        Ok(Self {
            name: name.to_owned(),
            part: Some(part),
            output: BufWriter::with_capacity(BUFFER_BYTES, file),
            existing,
        })
    }

    /// Writes more.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(in crate::cli) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.output.write_all(bytes).map_err(|cause| Error::file("write", &self.name, &cause))
    }

    /// Makes everything written durable, still aside.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub(in crate::cli) fn sync(&mut self) -> Result<(), Error> {
        self.output
            .flush()
            .and_then(|()| self.output.get_ref().sync_all())
            .map_err(|cause| Error::file("write", &self.name, &cause))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// The name was taken meanwhile, or the disk fails.
    pub(in crate::cli) fn publish(mut self) -> Result<(), Error> {
        self.sync()?;
        let Some(part) = self.part.clone() else { return Ok(()) };
        match self.existing {
            Existing::Replace => std::fs::rename(&part, &self.name),
            // A rename would replace a file that came meanwhile; a link never does.
            Existing::Keep => {
                std::fs::hard_link(&part, &self.name).and_then(|()| std::fs::remove_file(&part))
            }
        }
        .map_err(|cause| match cause.kind() {
            ErrorKind::AlreadyExists => already_exists(&self.name),
            _ => Error::file("give its name to", &self.name, &cause),
        })?;
        self.part = None;
        sync_directory(&self.name)
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.output.flush()
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if let Some(part) = self.part.take() {
            let _ = std::fs::remove_file(part);
        }
    }
}

/// Refuses a name that is taken, so that this is known before the work and not after.
///
/// # Errors
///
/// The name is taken and to be kept.
pub(in crate::cli) fn refuse_existing(name: &Path, existing: Existing) -> Result<(), Error> {
    match (existing, std::fs::symlink_metadata(name)) {
        (Existing::Keep, Ok(_)) => Err(already_exists(name)),
        (Existing::Replace, Ok(found)) if !found.is_file() => {
            Err(Error::usage(format!("{} is not an ordinary file", name.display())))
        }
        _ => Ok(()),
    }
}

fn already_exists(name: &Path) -> Error {
    Error::new(Exit::Precondition, format!("{} exists already", name.display()))
        .advise("It was not touched. Choose another name, or give --overwrite.")
}

/// Makes a change of names durable.
///
/// # Errors
///
/// The directory cannot be opened or synced.
pub(in crate::cli) fn sync_directory(name: &Path) -> Result<(), Error> {
    let directory = match name.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|cause| Error::file("sync the directory of", name, &cause))
}
