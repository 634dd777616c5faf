//! `hvelv scan`: proves that files hold none of a list of numbers.
//!
//! It looks for every number in five written forms, at every offset of every file. Before it looks,
//! it plants each form in bytes of its own and must find them all.
//!
//! What it does *not* find: numbers inside compressed or encrypted data, and numbers written with
//! separators between the digits.

mod chance;
mod needles;
mod search;
mod selftest;

use std::fs::File;
use std::path::{Path, PathBuf};

use self::chance::is_chance;
use self::needles::Needles;
use self::search::{Form, Search};
use super::error::{Error, Exit};
use super::output;

/// Hits that are listed one by one.
const LISTED_MAX: usize = 20;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  Neither store holds any fødselsnummer of the delivery, nor any ID that was given:
    hvelv scan --needles episodes.csv --column fnr data/vault data/registers
    hvelv scan --needles episodes-npr.csv --column npr_id data/vault data/registers

Forms: ASCII digits; packed decimal (a digit in each half byte, from either half); integers of 8
bytes, both byte orders; and the shortest integer that holds the number (5 bytes for 11 digits), both
byte orders.

The last form and packed decimal are short: in encrypted data some turn up by chance, as many as can
be computed. They count as found when there are more of them than chance gives (less than one in a
million); the table shows both numbers. Any hit in another form counts as found.

Stop the server first, and set no compression for its stores: compressed bytes hide what they hold.
Exit code 0 when nothing is found, 7 otherwise. The numbers themselves are never printed.";

/// Searches files for any of a list of numbers, in every form.
#[derive(Debug, clap::Args)]
pub(super) struct ScanOptions {
    /// CSV file with the numbers to look for.
    #[arg(long, value_name = "FILE")]
    needles: PathBuf,

    /// Its column that holds them.
    #[arg(long, value_name = "NAME")]
    column: String,

    /// Files and directories to search.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// Unreadable files, no usable number, or something was found.
pub(super) fn run(options: &ScanOptions) -> Result<Exit, Error> {
    let file = File::open(&options.needles)
        .map_err(|cause| Error::file("read", &options.needles, &cause))?;
    let needles = Needles::read(file, &options.column)?;
    let planted = selftest::run(&needles)?;
    output::note(&format!("self-test: {planted} of {planted} planted numbers found"));

    let mut search = Search::new(&needles);
    let mut files = Vec::new();
    for path in &options.paths {
        list_files(path, &mut files)?;
    }
    let mut listed = 0;
    for path in &files {
        search_file(&mut search, path, &mut listed)?;
    }
    report(&needles, &search, files.len())
}

fn search_file(search: &mut Search<'_>, path: &Path, listed: &mut usize) -> Result<(), Error> {
    let list = |what: &str, hit: &search::Hit| {
        if *listed < LISTED_MAX && hit.form.is_conclusive() {
            output::result(&format!(
                "{}{what}: offset {}: {}",
                path.display(),
                hit.offset,
                hit.form
            ));
            *listed += 1;
        }
    };
    let mut list = list;
    let name = path.as_os_str().as_encoded_bytes();
    search.bytes(name, &mut |hit| list(" (its name)", hit));
    let mut file = File::open(path).map_err(|cause| cannot_read(path, &cause))?;
    search.reader(&mut file, &mut |hit| list("", hit)).map_err(|cause| cannot_read(path, &cause))
}

fn cannot_read(path: &Path, cause: &std::io::Error) -> Error {
    Error::file("read", path, cause).advise("Stop the server before its stores are searched.")
}

/// All ordinary files under a path; links are not followed.
fn list_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let found = std::fs::symlink_metadata(path).map_err(|cause| cannot_read(path, &cause))?;
    if found.is_file() {
        files.push(path.to_owned());
    } else if found.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|cause| cannot_read(path, &cause))?;
        for entry in entries {
            list_files(&entry.map_err(|cause| cannot_read(path, &cause))?.path(), files)?;
        }
    }
    Ok(())
}

fn report(needles: &Needles, search: &Search<'_>, files: usize) -> Result<Exit, Error> {
    let bytes = search.bytes_searched();
    let mut found = false;
    for form in Form::ALL {
        let hits = search.hits(form);
        let expected = needles.expected_by_chance(form, bytes);
        let verdict = if hits == 0 {
            "none"
        } else if !form.is_conclusive() && is_chance(hits, expected) {
            "as many as chance gives"
        } else {
            found = true;
            "FOUND"
        };
        let name = form.to_string();
        output::result(&format!("{name:<36} {hits:>8} hits {expected:>10.3} by chance  {verdict}"));
    }
    let scope = format!("{} numbers, {files} files, {bytes} bytes", needles.count());
    if bytes == 0 {
        return Err(Error::usage(format!("nothing was searched: {scope}"))
            .advise("Check the paths: the files are empty, or there are none."));
    }
    if found {
        return Err(Error::new(Exit::Verification, format!("found; searched {scope}")).advise(
            "Each form above that says FOUND is a leak, or a file that should not be there.",
        ));
    }
    output::result(&format!("nothing found: {scope}"));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests;
