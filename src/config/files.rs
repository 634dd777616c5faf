//! Files that hold secrets, and files that hold configuration.
//!
//! A secret is only ever named by path (a passphrase handed over as `/dev/fd/3` works too).  The
//! permissions are those of the open file, not of its name, so that nobody can put another file in
//! its place between the check and the reading.  What this does *not* check: the owner of the file,
//! access lists beyond the mode, and what has been copied to a backup.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The longest secret file.  A key file with every wrapped key of a long-lived installation is
/// some ten thousand bytes; a longer file is a mistake, or endless such as `/dev/zero`.
pub const SECRET_BYTES_MAX: usize = 1 << 20;

/// The longest configuration file.
pub const TEXT_BYTES_MAX: usize = 16 << 20;

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is nothing in it.
    #[error("{} is empty", .0.display())]
    Empty(PathBuf),
    /// Others than its owner may read or change it.
    #[error(
        "{0} is open to others (mode {mode:04o}); run `chmod 600 {0}`",
        .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is no such file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// A directory.
    #[error("{} is a directory, not a file", .0.display())]
    NotAFile(PathBuf),
    /// Not text.
    #[error("{} is not UTF-8 text", .0.display())]
    NotText(PathBuf),
    /// Longer than any file of its kind should be.
    #[error("{} is longer than {bytes_max} bytes", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The longest that is read.
        bytes_max: usize,
    },
    /// The system refused to open or read it.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Reads a secret, which is wiped when dropped.
///
/// # Errors
///
/// If the file is missing, unreadable, empty, too long, or open to its group or to the world.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let (file, metadata) = open(path)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(FileError::Exposed { path: path.to_owned(), mode });
    }
    let bytes_max = bytes_max_of(&metadata, SECRET_BYTES_MAX);
    read(file, path, bytes_max, SECRET_BYTES_MAX)
}

/// Reads a configuration file.
///
/// # Errors
///
/// If the file is missing, unreadable, too long or not text.  An empty one is good: it holds only
/// defaults.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    let (file, metadata) = open(path)?;
    let bytes_max = bytes_max_of(&metadata, TEXT_BYTES_MAX);
    let mut bytes = match read(file, path, bytes_max, TEXT_BYTES_MAX) {
        Err(FileError::Empty(_)) => return Ok(String::new()),
        other => other?,
    };
    String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| FileError::NotText(path.to_owned()))
}

fn open(path: &Path) -> Result<(File, std::fs::Metadata), FileError> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::Unreadable { path: path.to_owned(), source },
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    Ok((file, metadata))
}

/// How much to make room for.  A pipe has no length, so it gets the most there may be.
fn bytes_max_of(metadata: &std::fs::Metadata, bytes_max: usize) -> usize {
    if !metadata.is_file() {
        return bytes_max;
    }
    usize::try_from(metadata.len()).map_or(bytes_max, |bytes| bytes.min(bytes_max))
}

fn read(
    file: File,
    path: &Path,
    expected: usize,
    bytes_max: usize,
) -> Result<Zeroizing<Vec<u8>>, FileError> {
    // A vector that grows leaves copies that nobody wipes, and `read_to_end` reads into a buffer of
    // its own when fewer than 32 bytes are left.
    const ROOM_BYTES: usize = 64;
    let mut bytes = Zeroizing::new(Vec::with_capacity(expected.saturating_add(ROOM_BYTES)));
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|source| FileError::Unreadable { path: path.to_owned(), source })?;
    match bytes.len() {
        0 => Err(FileError::Empty(path.to_owned())),
        len if len > bytes_max => Err(FileError::TooLong { path: path.to_owned(), bytes_max }),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn file_with(mode: u32, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (directory, path)
    }

    #[test]
    fn a_secret_of_its_owner_alone_is_read() {
        for mode in [0o600, 0o400] {
            let (_directory, path) = file_with(mode, b"opaque");
            assert_eq!(read_secret(&path).unwrap().as_slice(), b"opaque");
        }
    }

    #[test]
    fn a_secret_open_to_others_is_refused_with_the_command_that_helps() {
        for mode in [0o640, 0o604, 0o620, 0o644, 0o660, 0o601, 0o777] {
            let (_directory, path) = file_with(mode, b"opaque");
            let error = read_secret(&path).unwrap_err();
            assert!(matches!(error, FileError::Exposed { mode: found, .. } if found == mode));
            assert!(error.to_string().ends_with(&format!("run `chmod 600 {}`", path.display())));
            assert!(!error.to_string().contains("opaque"));
        }
    }

    #[test]
    fn missing_empty_long_and_directory_are_told_apart() {
        let (directory, path) = file_with(0o600, b"");
        assert!(matches!(read_secret(&path), Err(FileError::Empty(_))));
        assert_eq!(read_text(&path).unwrap(), "");
        assert!(matches!(read_secret(directory.path()), Err(FileError::NotAFile(_))));
        let absent = directory.path().join("absent");
        assert!(matches!(read_secret(&absent), Err(FileError::Missing(_))));
        let (_directory, path) = file_with(0o600, &vec![b'x'; SECRET_BYTES_MAX + 1]);
        assert!(matches!(read_secret(&path), Err(FileError::TooLong { .. })));
        let (_directory, path) = file_with(0o600, &vec![b'x'; SECRET_BYTES_MAX]);
        assert_eq!(read_secret(&path).unwrap().len(), SECRET_BYTES_MAX);
    }

    #[test]
    fn a_path_through_a_file_is_unreadable_rather_than_missing() {
        let (_directory, path) = file_with(0o600, b"x");
        assert!(matches!(read_secret(&path.join("y")), Err(FileError::Unreadable { .. })));
    }

    #[test]
    fn text_must_be_utf8() {
        let (_directory, path) = file_with(0o644, b"\xff");
        assert!(matches!(read_text(&path), Err(FileError::NotText(_))));
    }
}
