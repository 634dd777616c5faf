//! `hvelv extract open`: the recipient's side of a disclosure.

use std::path::PathBuf;

use jiff::civil::Date;

use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::clock::{Clock as _, SystemClock};
use crate::crypto::note::VerifierKey;
use crate::extract::manifest::{Manifest, Trust};
use crate::extract::open::{open, read_key_file};

/// Examples for the help text.
pub(super) const EXAMPLES: &str = "\
Examples:
  hvelv extract open --identity researcher.key --verifier-key 'hvelv.example/audit+1a2b3c4d+AY…' \\
    npr.csv.age kpr.csv.age D-42.manifest.age opened/

Give all files of the extract, the manifest among them. They are decrypted, held against the signed
manifest, and written when all are right: nothing is left behind otherwise. Get the verifier key
from those who made the extract, by another way than the files.

`age --decrypt --identity researcher.key npr.csv.age` opens a file as well, and verifies neither who
made it nor that the others belong to it. Exit code 7 when something does not verify.";

/// Decrypts and verifies an extract, and says what it is, until when and whom to ask.
#[derive(Debug, clap::Args)]
pub(super) struct OpenOptions {
    /// File with your secret key.
    #[arg(long, value_name = "KEYFILE")]
    identity: PathBuf,

    /// The key that the manifest must be signed by: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    verifier_key: Option<String>,

    /// The files of the extract, the manifest among them.
    #[arg(required = true, value_name = "IN.age")]
    inputs: Vec<PathBuf>,

    /// Directory to write to; made if it is not there.
    #[arg(value_name = "OUT_DIR")]
    directory: PathBuf,
}

/// Runs the command.
///
/// # Errors
///
/// What is missing, does not open or does not verify.
pub(super) fn run(options: &OpenOptions) -> Result<Exit, Error> {
    let expected = match &options.verifier_key {
        Some(text) => Some(text.trim().parse::<VerifierKey>().map_err(|cause| {
            Error::usage(format!("--verifier-key: {cause}"))
                .advise("Give it whole, as those who made the extract publish it: name+hash+key.")
        })?),
        None => None,
    };
    let directory = &options.directory;
    let identities = read_key_file(&options.identity)?;
    let opened = open(&options.inputs, &identities, expected.as_ref(), directory)?;
    output::result(&opened.manifest.summary());
    output::note(&format!("verified and written: {}", directory.display()));
    if opened.trust == Trust::ManifestItself {
        output::note(
            "the key was taken from the manifest itself: give --verifier-key to know whose extract \
             it is",
        );
    }
    if let Some(warning) = expiry(&opened.manifest, SystemClock::new().today()) {
        output::note(&warning);
    }
    Ok(Exit::Success)
}

/// What is due after the last day.
fn expiry(manifest: &Manifest, today: Date) -> Option<String> {
    (manifest.expires < today).then(|| {
        format!(
            "WARNING: expired on {}: delete the files and all copies, and confirm it to {}",
            manifest.expires, manifest.contact
        )
    })
}
