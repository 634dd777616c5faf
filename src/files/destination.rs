//! A file that appears only when it is complete.
//!
//! Written aside as `NAME.part-<random>` (created, never opened; readable by its owner only), then
//! synced, then given its name in one step, then the directory is synced. Dropped before that, it is
//! removed. A process that is killed leaves the `.part-` file and never the name; whoever begins the
//! same file anew removes what nobody holds a lock on ([`Destination::create_anew`]).
//!
//! A part that a checkpoint speaks of stays when it is dropped ([`Destination::checkpoint`]), and
//! another process goes on with it ([`Destination::resume`]). It is locked meanwhile, so that two
//! processes never write to it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufWriter, ErrorKind as Cause, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Error, ErrorKind};

const BUFFER_BYTES: usize = 1024 * 1024;

/// What stands between a file's name and the random end of its part's.
const PART: &str = ".part-";

/// Whether a file that exists may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is left alone and the command refused.
    Keep,
    /// It is replaced when the new one is complete.
    Replace,
}

/// A file being written.
#[derive(Debug)]
pub struct Destination {
    name: PathBuf,
    part: Option<PathBuf>,
    output: BufWriter<File>,
    bytes: u64,
    existing: Existing,
    /// Whether a checkpoint speaks of the part.
    is_kept: bool,
}

impl Destination {
    /// Starts to write a file aside.
    ///
    /// # Errors
    ///
    /// The name is taken and to be kept, or the directory cannot be written.
    pub fn create(name: &Path, existing: Existing) -> Result<Self, Error> {
        refuse_existing(name, existing)?;
        let mut part = OsString::from(name);
        part.push(format!("{PART}{:016x}", RandomState::new().build_hasher().finish()));
        let part = PathBuf::from(part);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|cause| Error::system("create a file beside", name, &cause))?;
        lock(&file, &part)?;
        if !part.exists() {
            // Another process began the same and took it for abandoned before it was locked.
            return Err(is_being_written(&part));
        }
        Ok(Self {
            name: name.to_owned(),
            part: Some(part),
            output: BufWriter::with_capacity(BUFFER_BYTES, file),
            bytes: 0,
            existing,
            is_kept: false,
        })
    }

    /// As [`Destination::create`], after the parts are removed that killed processes have left. Not
    /// for files with checkpoints, whose parts are gone on with.
    ///
    /// # Errors
    ///
    /// As [`Destination::create`].
    pub fn create_anew(name: &Path, existing: Existing) -> Result<Self, Error> {
        refuse_existing(name, existing)?;
        remove_abandoned(name);
        Self::create(name, existing)
    }

    /// Goes on with a part of so many bytes; what lies after them is thrown away.
    ///
    /// # Errors
    ///
    /// The part is not there, or shorter; another process is at work on it.
    pub fn resume(name: &Path, existing: Existing, part: &str, bytes: u64) -> Result<Self, Error> {
        let part = beside(name, part).ok_or_else(|| part_is_gone(name))?;
        let mut file =
            File::options().read(true).write(true).open(&part).map_err(|_| part_is_gone(name))?;
        lock(&file, &part)?;
        let has = file.metadata().map_err(|cause| Error::system("read", &part, &cause))?.len();
        if has < bytes {
            return Err(part_is_gone(name));
        }
        file.set_len(bytes)
            .and_then(|()| file.seek(SeekFrom::Start(bytes)))
            .map_err(|cause| Error::system("go on with", &part, &cause))?;
        Ok(Self {
            name: name.to_owned(),
            part: Some(part),
            output: BufWriter::with_capacity(BUFFER_BYTES, file),
            bytes,
            existing,
            is_kept: true,
        })
    }

    /// Writes more.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.write_all(bytes).map_err(|cause| Error::system("write", &self.name, &cause))
    }

    /// Makes everything written durable, still aside.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub fn sync(&mut self) -> Result<(), Error> {
        self.output
            .flush()
            .and_then(|()| self.output.get_ref().sync_all())
            .map_err(|cause| Error::system("write", &self.name, &cause))
    }

    /// Makes everything written durable, and the part stay when this is dropped: its name, and how
    /// long it is.
    ///
    /// # Errors
    ///
    /// The disk is full, or fails.
    pub fn checkpoint(&mut self) -> Result<(String, u64), Error> {
        self.sync()?;
        if !self.is_kept {
            sync_directory(&self.name)?;
            self.is_kept = true;
        }
        let part = self.part.as_deref().and_then(Path::file_name).and_then(OsStr::to_str);
        let part = part.ok_or_else(|| {
            Error::new(ErrorKind::System, "a checkpoint needs a file name in UTF-8")
                .advise("Choose another name, or give --checkpoint-rows 0.")
        })?;
        Ok((part.to_owned(), self.bytes))
    }

    /// Lets the part go when this is dropped.
    pub fn forget(&mut self) {
        self.is_kept = false;
    }

    /// The file that is written to, for reading it back.
    pub(super) fn part(&self) -> Option<&Path> {
        self.part.as_deref()
    }

    /// The name that it gets.
    #[must_use]
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Removes the file that it replaces, if there is one.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub fn remove_replaced(&self) -> Result<(), Error> {
        if self.existing == Existing::Keep {
            return Ok(());
        }
        match std::fs::remove_file(&self.name) {
            Err(cause) if cause.kind() == Cause::NotFound => return Ok(()),
            removed => removed.map_err(|cause| Error::system("remove", &self.name, &cause))?,
        }
        sync_directory(&self.name)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// The name was taken meanwhile, or the disk fails.
    pub fn publish(mut self) -> Result<(), Error> {
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
            Cause::AlreadyExists => already_exists(&self.name),
            _ => Error::system("give its name to", &self.name, &cause),
        })?;
        self.part = None;
        sync_directory(&self.name)
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.output.flush()
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        match self.part.take() {
            Some(part) if !self.is_kept => {
                let _ = std::fs::remove_file(part);
            }
            _ => {}
        }
    }
}

/// A file beside another, by its bare name: a checkpoint does not lead to other directories.
pub(super) fn beside(name: &Path, part: &str) -> Option<PathBuf> {
    let is_bare = Path::new(part).file_name() == Some(OsStr::new(part));
    let own = name.file_name().and_then(OsStr::to_str)?;
    (is_bare && part.starts_with(own)).then(|| name.with_file_name(part))
}

fn lock(file: &File, part: &Path) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(is_being_written(part)),
        // Some file systems have no locks; then nothing but the user keeps two processes apart.
        Err(TryLockError::Error(cause)) if cause.kind() == Cause::Unsupported => Ok(()),
        Err(TryLockError::Error(cause)) => Err(Error::system("lock", part, &cause)),
    }
}

fn is_being_written(part: &Path) -> Error {
    let what = format!("another process is writing {}", part.display());
    Error::new(ErrorKind::Exists, what).advise("Wait until it ends.")
}

/// Removes parts of a file that nobody holds a lock on. What cannot be removed is in nobody's way.
fn remove_abandoned(name: &Path) {
    let Some(own) = name.file_name().map(OsStr::as_bytes) else { return };
    let Ok(entries) = std::fs::read_dir(directory_of(name)) else { return };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let rest = file_name.as_bytes().strip_prefix(own);
        let random = rest.and_then(|rest| rest.strip_prefix(PART.as_bytes()));
        let is_part = random
            .is_some_and(|random| random.len() == 16 && random.iter().all(u8::is_ascii_hexdigit));
        if is_part && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // It stays locked until its name is gone, so that whoever has just made it finds out.
            let part = File::open(entry.path()).ok().filter(|part| part.try_lock().is_ok());
            if part.is_some() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn part_is_gone(name: &Path) -> Error {
    let what = format!("what the checkpoint of {} speaks of is gone or damaged", name.display());
    Error::new(ErrorKind::Stale, what).advise("Begin anew with --restart.")
}

/// Refuses a name that is taken, so that this is known before the work and not after.
///
/// # Errors
///
/// The name is taken and to be kept.
pub fn refuse_existing(name: &Path, existing: Existing) -> Result<(), Error> {
    match (existing, std::fs::symlink_metadata(name)) {
        (Existing::Keep, Ok(_)) => Err(already_exists(name)),
        (Existing::Replace, Ok(found)) if !found.is_file() => Err(Error::new(
            ErrorKind::System,
            format!("{} is not an ordinary file", name.display()),
        )),
        _ => Ok(()),
    }
}

fn already_exists(name: &Path) -> Error {
    Error::new(ErrorKind::Exists, format!("{} exists already", name.display()))
        .advise("It was not touched. Choose another name, or give --overwrite.")
}

/// Makes a change of names durable.
///
/// # Errors
///
/// The directory cannot be opened or synced.
pub fn sync_directory(name: &Path) -> Result<(), Error> {
    File::open(directory_of(name))
        .and_then(|directory| directory.sync_all())
        .map_err(|cause| Error::system("sync the directory of", name, &cause))
}

fn directory_of(name: &Path) -> &Path {
    match name.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests;
