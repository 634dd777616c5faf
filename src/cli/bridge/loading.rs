//! `hvelv bridge in` and `hvelv bridge digest`: another party's IDs, by identifier.
//!
//! The file is read here, whole, and goes to the server through TLS alone; nothing of it is shown.

use std::path::PathBuf;

use serde_json::json;
use tokio_stream::iter;
use zeroize::Zeroizing;

use super::{as_json, line};
use crate::cli::disclosure::client::{Asking, told};
use crate::cli::error::{Error, Exit};
use crate::cli::output;
use crate::crypto::sha256;
use crate::extract::bridge_in::read;
use crate::extract::open::read_key_file;
use crate::rpc::proto::load_bridge_request::Message;
use crate::rpc::proto::{LoadBridgeHeader, LoadBridgeRequest, LoadBridgeResponse};
use crate::service::LOAD_BYTES_MAX;

pub(super) const IN_EXAMPLES: &str = "\
Examples:
  hvelv bridge digest from-party.csv.age --identity officer.key
  hvelv approval request --connect keys/dev/officer.toml --act bridge_in \\
    --subject 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a --reason 'linkage' --basis 'case 26/1234' \\
    --parameter party=382199359 --parameter file=5891b5b5…be03
  hvelv bridge in 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a from-party.csv.age --identity officer.key \\
    --party 382199359 --connect keys/dev/officer.toml

The file is CSV in UTF-8, comma or semicolon, without quotes, with the columns identifier,label, or
type,number,assigner,label as a bridge out has them. A label is the project ID that the party gave:
1 to 64 letters a to z, digits and - _ . : / # + = @. One that may be a national identifier or a
register ID is refused, and so are all rows of a person with several labels and of a label of
several persons: by count and number of row, never by value. Another person approves the file in
between, by its digest. Loaded again, it takes the place of what was loaded before, until the first
label was given out.";

pub(super) const DIGEST_EXAMPLES: &str = "\
Examples:
  hvelv bridge digest from-party.csv
  hvelv bridge digest from-party.csv.age --identity officer.key

The SHA-256 of the file, decrypted: what another person approves. Of a plain file, that of
sha256sum.";

/// The file, and what opens it.
#[derive(Debug, clap::Args)]
pub(super) struct FileOptions {
    /// The party's file.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File with the secret key that FILE is sealed to, if it is.
    #[arg(long, value_name = "KEYFILE")]
    identity: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct InOptions {
    /// The disclosure's id, 32 hexadecimal digits.
    #[arg(value_name = "ID")]
    disclosure: String,

    #[command(flatten)]
    file: FileOptions,

    /// The party's organisation number, as the decision names it.
    #[arg(long, value_name = "NUMBER")]
    party: String,

    #[command(flatten)]
    asking: Asking,
}

impl FileOptions {
    fn read(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let identities = self.identity.as_deref().map(read_key_file).transpose()?;
        Ok(read(&self.file, identities.as_ref(), LOAD_BYTES_MAX)?)
    }
}

/// Says what is approved.
pub(super) fn digest(options: &FileOptions) -> Result<Exit, Error> {
    let digest = sha256(&options.read()?);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    output::result(&format!("file={digest}"));
    Ok(Exit::Success)
}

/// Loads a bridge.
pub(super) fn load(options: &InOptions) -> Result<Exit, Error> {
    /// Bytes of one message.
    const CHUNK_BYTES: usize = 256 * 1024;
    let file = options.file.read()?;
    let open = LoadBridgeHeader {
        disclosure: options.disclosure.clone(),
        party: options.party.clone(),
        bytes: file.len() as u64,
    };
    let loaded = options.asking.ask(async |client| {
        // Made one by one as they are sent.
        let chunks = (0..file.len()).step_by(CHUNK_BYTES).collect::<Vec<_>>();
        let file = file.clone();
        let chunks = chunks.into_iter().map(move |from| {
            Message::Chunk(file[from..file.len().min(from + CHUNK_BYTES)].to_vec())
        });
        let messages = std::iter::once(Message::Open(open)).chain(chunks);
        let messages = messages.map(|message| LoadBridgeRequest { message: Some(message) });
        Ok(client.load_bridge(iter(messages)).await?.into_inner())
    })?;
    tell(&options.asking, &loaded)?;
    output::note(&format!("loaded: entry {} of the audit log", loaded.audit_entry));
    Ok(Exit::Success)
}

fn tell(asking: &Asking, loaded: &LoadBridgeResponse) -> Result<(), Error> {
    let bridge = told(loaded.bridge.as_ref())?;
    let counts = [
        ("rows", loaded.rows),
        ("known", loaded.known),
        ("repeated_rows", loaded.repeated_rows),
        ("unknown", loaded.unknown),
        ("rejected", loaded.rejected),
        ("duplicates", loaded.duplicates),
        ("left_out", loaded.left_out),
    ];
    if asking.json {
        let refused = loaded.refused.iter();
        let refused: Vec<_> =
            refused.map(|one| json!({ "row": one.row, "code": one.code })).collect();
        let counts: serde_json::Map<_, _> =
            counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        output::json(&json!({
            "bridge": as_json(bridge),
            "counts": counts,
            "refused": refused,
        }));
        return Ok(());
    }
    output::result(&line(bridge));
    let counts = counts.map(|(name, count)| format!("{} {count}", name.replace('_', " ")));
    output::result(&counts.join(", "));
    for one in &loaded.refused {
        output::result(&format!("row {}: {}", one.row, one.code));
    }
    Ok(())
}
