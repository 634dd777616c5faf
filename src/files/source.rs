//! Where a table is read from.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Stdin};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Error;
use super::columnar::begins_like_parquet;

/// What a table is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CSV.
    Csv,
    /// Parquet.
    Parquet,
}

/// A file, or standard input.
pub enum Source {
    /// An ordinary file: it can be read from its middle.
    File(File),
    /// A pipe, by name or as standard input.
    Pipe(Box<dyn Read + Send>),
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is a directory.
    pub fn open(name: &Path) -> Result<Self, Error> {
        let cannot_read = |cause| Error::system("read", name, &cause);
        let file = File::open(name).map_err(cannot_read)?;
        let found = file.metadata().map_err(cannot_read)?;
        if found.is_dir() {
            let what = format!("{} is a directory", name.display());
            return Err(Error::new(super::ErrorKind::System, what));
        }
        Ok(if found.is_file() { Self::File(file) } else { Self::Pipe(Box::new(file)) })
    }

    /// Standard input.
    #[must_use]
    pub fn standard(input: Stdin) -> Self {
        Self::Pipe(Box::new(input))
    }

    /// The ordinary file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&File> {
        match self {
            Self::File(file) => Some(file),
            Self::Pipe(_) => None,
        }
    }

    /// How many bytes there are, where that is known.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.file().and_then(|file| file.metadata().ok()).map_or(0, |found| found.len())
    }

    /// What the table is written in: by its name, then by its first bytes.
    #[must_use]
    pub fn format(&self, name: &Path) -> Format {
        let extension = name.extension().and_then(|extension| extension.to_str());
        let is_named = extension.is_some_and(|extension| {
            ["parquet", "pq"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        });
        let mut head = [0; 4];
        let begins = self.file().is_some_and(|file| file.read_exact_at(&mut head, 0).is_ok());
        if is_named || begins && begins_like_parquet(&head) { Format::Parquet } else { Format::Csv }
    }
}

impl Read for Source {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::File(file) => file.read(bytes),
            Self::Pipe(pipe) => pipe.read(bytes),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, place: SeekFrom) -> std::io::Result<u64> {
        match self {
            Self::File(file) => file.seek(place),
            Self::Pipe(_) => Err(std::io::ErrorKind::NotSeekable.into()),
        }
    }
}
