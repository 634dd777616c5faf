//! The key file on disk: the only place in `keyring` that touches the file system.
//!
//! Writing: `<name>.new` is made with mode 0600, written, synced, renamed over the file, and the
//! directory is synced.  A crash leaves the old file or the new one, whole.  Writers take an
//! exclusive lock on `<name>.lock`, which stays behind empty.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Error;

/// A key file is far smaller: about 330 bytes a key.
const FILE_BYTES_MAX: u64 = 4 << 20;
const OWNER_ONLY: u32 = 0o600;

/// Reads the file, which must be open to its owner alone.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut file = File::open(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        _ => failed("open", path)(source),
    })?;
    // Asked of the open file, so that it cannot be exchanged between the question and the reading.
    let metadata = file.metadata().map_err(failed("examine", path))?;
    if !metadata.is_file() {
        return Err(Error::Damaged { reason: "it is no regular file" });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::OpenToOthers { path: path.to_owned(), mode });
    }
    if metadata.len() > FILE_BYTES_MAX {
        return Err(Error::Damaged { reason: "it is larger than any key file" });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(failed("read", path))?;
    Ok(bytes)
}

/// The right to change the file, until dropped.
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock, or says [`Error::Busy`].
    pub(super) fn try_take(path: &Path) -> Result<Self, Error> {
        let (file, lock_path) = lock_file(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed("lock", &lock_path)(source)),
        }
    }

    /// Takes the lock, waiting while another process has it.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let (file, lock_path) = lock_file(path)?;
        file.lock().map_err(failed("lock", &lock_path))?;
        Ok(Self { path: path.to_owned(), _file: file })
    }

    /// The file that this lock is for.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `bytes` in the place of the file.  Durable when it returns.
    pub(super) fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        let aside = self.write_aside(bytes)?;
        std::fs::rename(&aside, &self.path).map_err(failed("rename", &self.path))?;
        sync_directory(&self.path)
    }

    /// Puts `bytes` where there is no file yet.  Durable when it returns.
    pub(super) fn create(&self, bytes: &[u8]) -> Result<(), Error> {
        let aside = self.write_aside(bytes)?;
        // Unlike a rename, a link never replaces what is there.
        let linked = std::fs::hard_link(&aside, &self.path);
        std::fs::remove_file(&aside).map_err(failed("tidy up beside", &self.path))?;
        linked.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Error::Exists { path: self.path.clone() },
            _ => failed("create", &self.path)(source),
        })?;
        sync_directory(&self.path)
    }

    fn write_aside(&self, bytes: &[u8]) -> Result<PathBuf, Error> {
        let aside = beside(&self.path, ".new");
        // Left by a crash; nobody else writes it while the lock is held.
        match std::fs::remove_file(&aside) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(failed("tidy up beside", &self.path)(source));
            }
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(OWNER_ONLY);
        let written = options.open(&aside).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(failed("write", &aside))?;
        Ok(aside)
    }
}

fn lock_file(path: &Path) -> Result<(File, PathBuf), Error> {
    let lock_path = beside(path, ".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(OWNER_ONLY);
    let file = options.open(&lock_path).map_err(failed("lock", &lock_path))?;
    Ok((file, lock_path))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed("sync the directory of", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}
