//! Which files are read, and where each goes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::lists::{leaf_ids_name, rejects_name};
use super::options::PseudonymizeOptions;
use super::words::FormatOption;
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::files::destination::refuse_existing;
use crate::files::{Format, Source};

/// What `-` means for a file.
const STANDARD: &str = "-";

/// One file on its way.
#[derive(Debug)]
pub(super) struct Job {
    /// What is read; `-` for standard input.
    pub(super) input: PathBuf,
    /// What is written.
    pub(super) output: PathBuf,
    /// Whether the output is copied to standard output in the end.
    pub(super) standard_output: Option<Spool>,
}

/// A directory of its own for a table that goes to standard output: what is not complete, or what the
/// guard refuses, must not be seen by the next program of a pipe.
#[derive(Debug)]
pub(super) struct Spool(PathBuf);

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The files of a command, in order.
///
/// # Errors
///
/// Too many names, or two inputs with one name.
pub(super) fn jobs(options: &PseudonymizeOptions) -> Result<Vec<Job>, Error> {
    let Some(directory) = &options.out_dir else {
        let [output] = options.rest.as_slice() else {
            return Err(Error::usage("more than one file to read and one to write")
                .advise("Give --out-dir DIR for many files."));
        };
        return Ok(vec![Job::new(options.input.clone(), output.clone())?]);
    };
    std::fs::create_dir_all(directory)
        .map_err(|cause| Error::file("make the directory", directory, &cause))?;
    let mut names = BTreeSet::new();
    let mut jobs = Vec::new();
    for input in std::iter::once(&options.input).chain(&options.rest) {
        let name =
            input.file_name().filter(|_| input.as_os_str() != STANDARD).ok_or_else(|| {
                Error::usage(format!("{} has no file name for --out-dir", input.display()))
            })?;
        if !names.insert(name.to_owned()) {
            let what = format!("two files are called {}", name.display());
            return Err(Error::usage(what).advise("Give each a directory of its own."));
        }
        jobs.push(Job::new(input.clone(), directory.join(name))?);
    }
    Ok(jobs)
}

impl Job {
    fn new(input: PathBuf, output: PathBuf) -> Result<Self, Error> {
        if output.as_os_str() != STANDARD {
            return Ok(Self { input, output, standard_output: None });
        }
        let spool = spool()?;
        let output = spool.0.join("out");
        Ok(Self { input, output, standard_output: Some(spool) })
    }

    /// Refuses names that cannot be. Opens nothing: a pipe is opened once.
    ///
    /// # Errors
    ///
    /// There is no such input; input and output are one file; an output exists.
    pub(super) fn check(&self, options: &PseudonymizeOptions) -> Result<(), Error> {
        if !is_standard(&self.input) {
            std::fs::metadata(&self.input)
                .map_err(|cause| Error::file("read", &self.input, &cause))?;
        }
        let is_same = self.input.canonicalize().ok() == self.output.canonicalize().ok();
        if is_same && self.output.exists() {
            return Err(Error::usage("input and output are the same file")
                .advise("Write to another name; delete the input when you no longer need it."));
        }
        refuse_existing(&self.output, options.existing())?;
        for list in [self.rejects(options), self.leaf_ids(options)].into_iter().flatten() {
            refuse_existing(&list, options.existing())?;
        }
        Ok(())
    }

    /// Opens the input.
    ///
    /// # Errors
    ///
    /// As [`Job::check`]; it cannot be read, or is Parquet in a pipe.
    pub(super) fn open(&self, options: &PseudonymizeOptions) -> Result<(Source, Format), Error> {
        self.check(options)?;
        let source = if is_standard(&self.input) {
            Source::standard(std::io::stdin())
        } else {
            Source::open(&self.input)?
        };
        let format = match options.format {
            Some(FormatOption::Csv) => Format::Csv,
            Some(FormatOption::Parquet) => Format::Parquet,
            None => source.format(&self.input),
        };
        if format == Format::Parquet && source.file().is_none() {
            return Err(Error::usage("Parquet cannot be read from a pipe")
                .advise("Its footer is at the end. Write it to a file first."));
        }
        Ok((source, format))
    }

    /// Where rows without an ID are listed, if anywhere.
    pub(super) fn rejects(&self, options: &PseudonymizeOptions) -> Option<PathBuf> {
        let beside = || self.standard_output.is_none().then(|| rejects_name(&self.output));
        options.rejects.clone().or_else(beside)
    }

    /// Where own IDs of identifiers that were joined are listed, if anywhere.
    pub(super) fn leaf_ids(&self, options: &PseudonymizeOptions) -> Option<PathBuf> {
        let beside = || self.standard_output.is_none().then(|| leaf_ids_name(&self.output));
        options.leaf_ids.clone().or_else(beside)
    }

    /// Copies the output to where it goes, if that is standard output.
    ///
    /// # Errors
    ///
    /// The next program has gone away.
    pub(super) fn hand_over(&self) -> Result<(), Error> {
        if self.standard_output.is_none() {
            return Ok(());
        }
        File::open(&self.output).and_then(|mut file| output::copy(&mut file)).map_err(|cause| {
            Error::new(Exit::Unavailable, format!("cannot write to standard output: {cause}"))
        })
    }
}

fn spool() -> Result<Spool, Error> {
    use std::hash::{BuildHasher, Hasher, RandomState};
    use std::os::unix::fs::DirBuilderExt;
    let random = RandomState::new().build_hasher().finish();
    let path = std::env::temp_dir().join(format!("hvelv-{random:016x}"));
    let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
    made.map_err(|cause| Error::file("make the directory", &path, &cause))?;
    Ok(Spool(path))
}

/// Whether a path is `-`.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}
