//! `hvelv scan`: proves that files hold none of a list of numbers.
//!
//! It looks for every number in five written forms, at every offset of every file. Before it looks,
//! it plants each form in bytes of its own and must find them all.
//!
//! What it does *not* find: numbers inside compressed or encrypted data, and numbers written with
//! separators between the digits.

mod needles;
mod persons;
mod search;
mod selftest;

use std::fs::File;
use std::path::{Path, PathBuf};

use self::needles::Needles;
use self::search::{Form, Search};
use super::error::{Error, Exit};
use super::keys::Opened;
use super::output;
use super::passphrase::PassphraseOptions;
use crate::files::chance::is_chance;

/// Hits that are listed one by one.
const LISTED_MAX: usize = 20;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  Neither store holds any fødselsnummer of the delivery, nor any ID that was given:
    hvelv scan --needles episodes.csv --column fnr data/vault data/registers
    hvelv scan --needles episodes-npr.csv --column npr_id data/vault data/registers
  Nor any person number:
    hvelv scan --person-numbers hvelv.toml data/vault data/registers

Forms: ASCII digits; packed decimal (a digit in each half byte, from either half); integers of 8
bytes, both byte orders; and the shortest integer that holds the number (5 bytes for 11 digits),
both byte orders.

All but ASCII turn up by chance: 200,000 numbers of 11 digits some 90 times as the shortest
integer in 500 MB of encrypted data. What chance gives is measured in the same pass, from places
that begin like one of the numbers, and shown beside the hits. They count as found when chance
gives so many less than once in 100,000 searches. So a store that holds the numbers in such a form
is found, and a single one among many millions of bytes may not be. One hit in ASCII counts as
found always.

Stop the server first, and set no compression for its stores: compressed bytes hide what they hold.
Exit code 0 when nothing is found, 7 otherwise. The numbers themselves are never printed.";

/// Searches files for any of a list of numbers, in every form.
#[derive(Debug, clap::Args)]
pub(super) struct ScanOptions {
    /// CSV file with the numbers to look for.
    #[arg(long, value_name = "FILE", requires = "column")]
    needles: Option<PathBuf>,

    /// Its column that holds them.
    #[arg(long, value_name = "NAME", requires = "needles")]
    column: Option<String>,

    /// Looks for the person numbers of a server instead: its configuration. They are drawn again
    /// from the key file, whose passphrase is asked for.
    #[arg(
        long,
        value_name = "CONFIG",
        conflicts_with = "needles",
        required_unless_present = "needles"
    )]
    person_numbers: Option<PathBuf>,

    /// With --person-numbers: a share of a root, in a file that only its owner may read; may be
    /// repeated. What the shares do not open takes the passphrase.
    #[arg(long, value_name = "FILE", requires = "person_numbers")]
    share_file: Vec<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseOptions,

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
    let mut files = Vec::new();
    for path in &options.paths {
        list_files(path, &mut files)?;
    }
    match (&options.person_numbers, &options.needles, &options.column) {
        (Some(config), ..) => scan_for_persons(config, options, &files),
        (_, Some(needles), Some(column)) => scan_for_needles(needles, column, &files),
        _ => Err(Error::usage("what to look for is missing")),
    }
}

fn scan_for_persons(
    config: &Path,
    options: &ScanOptions,
    files: &[PathBuf],
) -> Result<Exit, Error> {
    let given = Opened::read(config, &options.share_file, &options.passphrase)?;
    if persons::search(&given, files)? {
        return Err(Error::new(Exit::Verification, "person numbers were found"));
    }
    output::result(&format!("nothing found: {} files", files.len()));
    Ok(Exit::Success)
}

fn scan_for_needles(needles: &Path, column: &str, files: &[PathBuf]) -> Result<Exit, Error> {
    let file = File::open(needles).map_err(|cause| Error::file("read", needles, &cause))?;
    let needles = Needles::read(file, column)?;
    let planted = selftest::run(&needles)?;
    output::note(&format!("self-test: {planted} of {planted} planted numbers found"));

    let mut search = Search::new(&needles);
    let mut listed = 0;
    for path in files {
        search_file(&mut search, path, &mut listed)?;
    }
    report(&needles, &search, files.len())
}

fn search_file(search: &mut Search<'_>, path: &Path, listed: &mut usize) -> Result<(), Error> {
    let list = |what: &str, hit: &search::Hit| {
        if *listed < LISTED_MAX && is_listed(hit.form) {
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

/// Whether hits of a form are rare enough to be listed one by one.
fn is_listed(form: Form) -> bool {
    matches!(form, Form::Ascii | Form::Integer8)
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
        let expected = search.expected(form);
        let verdict = if hits == 0 {
            "none"
        } else if !form.is_conclusive() && is_chance(hits, expected) {
            "as many as chance gives"
        } else {
            found = true;
            "FOUND"
        };
        let name = form.to_string();
        output::result(&format!("{name:<36} {hits:>8} hits {expected:>12.6} by chance  {verdict}"));
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
    let by_chance = Form::ALL.iter().any(|form| search.hits(*form) > 0);
    let beyond = if by_chance { " beyond what chance gives" } else { "" };
    output::result(&format!("nothing found{beyond}: {scope}"));
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests;
