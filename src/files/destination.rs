//! A file that appears only when it is complete.
//!
//! Written aside as `NAME.part-<random>` (created, never opened; readable by its owner only), then
//! synced, then given its name in one step, then the directory is synced. Dropped before that, it is
//! removed. A process that is killed leaves the `.part-` file and never the name.
//!
//! A part that a checkpoint speaks of stays when it is dropped ([`Destination::checkpoint`]), and
//! another process goes on with it ([`Destination::resume`]). It is locked meanwhile, so that two
//! processes never write to it.

use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufWriter, ErrorKind as Cause, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Error, ErrorKind};

const BUFFER_BYTES: usize = 1024 * 1024;

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
        part.push(format!(".part-{:016x}", RandomState::new().build_hasher().finish()));
        let part = PathBuf::from(part);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)
            .map_err(|cause| Error::system("create a file beside", name, &cause))?;
        lock(&file, &part)?;
        Ok(Self {
            name: name.to_owned(),
            part: Some(part),
            output: BufWriter::with_capacity(BUFFER_BYTES, file),
            bytes: 0,
            existing,
            is_kept: false,
        })
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
        Err(TryLockError::WouldBlock) => Err(Error::new(
            ErrorKind::Exists,
            format!("another process is writing {}", part.display()),
        )
        .advise("Wait until it ends.")),
        // Some file systems have no locks; then nothing but the user keeps two processes apart.
        Err(TryLockError::Error(cause)) if cause.kind() == Cause::Unsupported => Ok(()),
        Err(TryLockError::Error(cause)) => Err(Error::system("lock", part, &cause)),
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
    let directory = match name.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(|cause| Error::system("sync the directory of", name, &cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(directory: &Path) -> Vec<String> {
        let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn an_output_that_exists_is_left_alone_unless_it_is_to_be_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv");
        std::fs::write(&name, "old").unwrap();
        let error = Destination::create(&name, Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);

        let mut replacing = Destination::create(&name, Existing::Replace).unwrap();
        replacing.append(b"new").unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"old", "replaced before it was complete");
        replacing.publish().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"new");
        assert_eq!(files(directory.path()), ["out.csv"]);
    }

    #[test]
    fn an_output_that_appears_meanwhile_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv");
        let mut late = Destination::create(&name, Existing::Keep).unwrap();
        late.append(b"new").unwrap();
        std::fs::write(&name, "old").unwrap();
        assert_eq!(late.publish().unwrap_err().kind(), ErrorKind::Exists);
        assert_eq!(std::fs::read(&name).unwrap(), b"old");
        assert_eq!(files(directory.path()), ["out.csv"]);
    }

    #[test]
    fn an_abandoned_output_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv");
        Destination::create(&name, Existing::Keep).unwrap().append(b"half").unwrap();
        assert!(files(directory.path()).is_empty());
    }

    #[test]
    fn a_part_that_a_checkpoint_speaks_of_is_gone_on_with_from_there() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv");
        let mut first = Destination::create(&name, Existing::Keep).unwrap();
        first.append(b"one,").unwrap();
        let (part, bytes) = first.checkpoint().unwrap();
        first.append(b"lost").unwrap();
        let busy = Destination::resume(&name, Existing::Keep, &part, bytes).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::Exists, "two processes write to one part");
        drop(first);
        assert_eq!(files(directory.path()), [part.as_str()]);

        let mut second = Destination::resume(&name, Existing::Keep, &part, bytes).unwrap();
        second.append(b"two").unwrap();
        second.publish().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"one,two");
        assert_eq!(files(directory.path()), ["out.csv"]);
    }

    #[test]
    fn a_part_that_is_gone_short_or_elsewhere_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv");
        std::fs::write(directory.path().join("out.csv.part-1"), "abc").unwrap();
        std::fs::write(directory.path().join("other"), "abcdef").unwrap();
        for (part, bytes) in
            [("out.csv.part-1", 4), ("out.csv.part-2", 0), ("other", 1), ("../out.csv.part-1", 1)]
        {
            let error = Destination::resume(&name, Existing::Keep, part, bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Stale, "{part}");
        }
    }

    #[test]
    fn a_part_that_is_forgotten_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("out.csv");
        let mut output = Destination::create(&name, Existing::Keep).unwrap();
        output.checkpoint().unwrap();
        output.forget();
        drop(output);
        assert!(files(directory.path()).is_empty());
    }
}
