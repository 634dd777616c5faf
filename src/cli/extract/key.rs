//! `hvelv extract key`: a key pair for who is to receive extracts.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::extract::recipient::NewKey;
use crate::files::destination::sync_directory;

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv extract key researcher.key

The public key goes to standard output: give it to who makes the extract. The file holds the secret
key: nobody but you can open what is sealed to it, and without it nobody can. Keep a copy where only
you get at it. `age-keygen` makes the same kind of key.";

/// Makes a key pair: the secret key into a file, the public key to standard output.
#[derive(Debug, clap::Args)]
pub(super) struct KeyOptions {
    /// File to write, readable by you alone. It must not exist.
    #[arg(value_name = "KEYFILE")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Errors
///
/// The file exists, or cannot be written.
pub(super) fn run(options: &KeyOptions) -> Result<Exit, Error> {
    let path = &options.output;
    let key = NewKey::generate();
    // Not aside: a key file that exists is never replaced, and half of one is no key.
    let mut file =
        File::options().write(true).create_new(true).mode(0o600).open(path).map_err(|cause| {
            match cause.kind() {
            ErrorKind::AlreadyExists => Error::new(
                Exit::Precondition,
                format!("{} exists already", path.display()),
            )
            .advise(
                "A key is never replaced: what is sealed to it would be lost. Choose another name.",
            ),
            _ => Error::file("make", path, &cause),
        }
        })?;
    if let Err(cause) = file.write_all(key.file.as_bytes()).and_then(|()| file.sync_all()) {
        return Err(unwritten(path, &cause));
    }
    sync_directory(path)?;
    output::result(&key.public);
    output::note(&format!("secret key: {}", path.display()));
    Ok(Exit::Success)
}

fn unwritten(path: &Path, cause: &std::io::Error) -> Error {
    // What is half written is of no use.
    let _ = std::fs::remove_file(path);
    Error::file("write", path, cause)
}
