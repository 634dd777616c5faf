//! Receipts and proofs as files: fetched, and checked offline with public keys.

use std::path::{Path, PathBuf};

use tonic::Code;

use super::live;
use crate::audit::{Hash, KeptLeaf, Leaf, Receipt, Salt, VerifierKey, WitnessKey, WitnessRequest};
use crate::cli::connect::{Caller, Channel, ConnectOptions, block_on};
use crate::cli::error::{Error, Exit, with_sources};
use crate::cli::output;
use crate::cli::pseudonymize::destination::{Destination, Existing};
use crate::rpc::proto::audit_service_client::AuditServiceClient;
use crate::rpc::proto::{
    GetConsistencyProofRequest, GetInclusionProofRequest, GetReceiptRequest, GetReceiptResponse,
};

/// Longest file that is read: a longest entry and note, in base64.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

pub(super) const RECEIPT_EXAMPLES: &str = "\
Examples:
  The number of the entry is in the answer to a delivery or disclosure (audit_entry):
    hvelv audit receipt --connect keys/dev/pipeline.toml --entry 4711 entry-4711.tlog-proof
    hvelv audit verify-receipt entry-4711.tlog-proof --verifier-key 'hvelv.example/audit+…'

Needs any role, and gives receipts for one's own entries. For all others: hvelv audit prove.";

#[derive(Debug, clap::Args)]
pub(super) struct ReceiptOptions {
    /// Number of the entry.
    #[arg(long, value_name = "N")]
    entry: u64,

    /// File to write (C2SP tlog-proof). It must not exist.
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// The key that the checkpoint must be signed by: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    verifier_key: Option<String>,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
pub(super) struct ConsistencyOptions {
    /// The checkpoint that the log must continue; without it, the empty log.
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,

    /// File to write: what a C2SP witness is asked with (add-checkpoint). It must not exist.
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// The key that both checkpoints must be signed by: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    verifier_key: Option<String>,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyReceiptOptions {
    /// The receipt.
    #[arg(value_name = "FILE")]
    receipt: PathBuf,

    /// The log's key: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    verifier_key: String,

    /// The key of a witness that must have cosigned the checkpoint: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    witness_key: Option<String>,
}

/// Fetches a receipt for an entry of one's own.
pub(super) fn receipt(options: &ReceiptOptions) -> Result<Exit, Error> {
    let (receipt, key) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut client =
            AuditServiceClient::new(channel).max_decoding_message_size(live::MESSAGE_BYTES_MAX);
        let request = GetReceiptRequest { index: options.entry };
        let answer = client.get_receipt(request).await.map_err(|status| {
            let is_denied = status.code() == Code::PermissionDenied;
            let error = Error::from(status);
            if is_denied {
                error.advise("There is no such entry, or it is another's, or was pruned.")
            } else {
                error
            }
        })?;
        let answer = answer.into_inner();
        let key = key_of(&answer.verifier_key, options.verifier_key.as_deref())?;
        Ok((of_answer(answer)?, key))
    })?;
    write(&receipt, &key, options)
}

/// Fetches the proof of any entry, with the rights of an auditor, in the form of a receipt.
pub(super) fn prove(options: &ReceiptOptions) -> Result<Exit, Error> {
    let (receipt, key) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut entries = live::list(channel.clone(), options.entry, 1).await?;
        let entry = entries
            .message()
            .await?
            .ok_or_else(|| Error::usage(format!("there is no entry {}", options.entry)))?;
        let entry = live::kept_leaf(entry, options.entry)?;
        let signed = live::signed(channel.clone(), options.verifier_key.as_deref()).await?;
        let request = GetInclusionProofRequest {
            index: options.entry,
            tree_size: signed.checkpoint.tree.size,
        };
        let proof = AuditServiceClient::new(channel).get_inclusion_proof(request).await?;
        let path = hashes(&proof.into_inner().path)?;
        let receipt = Receipt { index: options.entry, entry, path, note: signed.note };
        Ok((receipt, signed.key))
    })?;
    write(&receipt, &key, options)
}

/// Fetches a checkpoint with the proof that it continues an earlier one.
pub(super) fn consistency(options: &ConsistencyOptions) -> Result<Exit, Error> {
    let earlier = options.earlier.as_deref().map(read).transpose()?;
    let request = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let key = options.verifier_key.as_deref();
        let signed = live::signed(channel.clone(), key).await?;
        let old = match &earlier {
            Some(note) => Some(live::parse(note, &signed.key, "earlier")?.tree),
            None => None,
        };
        let request = ask(channel, &signed, old.map_or(0, |tree| tree.size)).await?;
        if let Some(old) = old {
            live::consistent(old, &signed, &request.proof)?;
        }
        Ok(request)
    })?;
    publish(&options.output, &request.encode(), Existing::Keep)?;
    output::note(&format!("written: {}", options.output.display()));
    Ok(Exit::Success)
}

/// Asks for the proof from a size to a checkpoint.
///
/// # Errors
///
/// The log is shorter; what the server says.
pub(super) async fn ask(
    channel: Channel,
    signed: &live::Signed,
    old_size: u64,
) -> Result<WitnessRequest, Error> {
    let new_size = signed.checkpoint.tree.size;
    let note = signed.note.clone();
    if old_size >= new_size {
        return Ok(WitnessRequest { old_size, proof: Vec::new(), note });
    }
    let request = GetConsistencyProofRequest { old_size, new_size };
    let answer = AuditServiceClient::new(channel).get_consistency_proof(request).await?;
    Ok(WitnessRequest { old_size, proof: hashes(&answer.into_inner().path)?, note })
}

/// Checks a receipt offline.
pub(super) fn verify(options: &VerifyReceiptOptions) -> Result<Exit, Error> {
    let key = live::expected_key(&options.verifier_key)?;
    let witness: Option<WitnessKey> = match &options.witness_key {
        Some(text) => Some(text.trim().parse().map_err(|_| {
            Error::usage("the witness key is malformed").advise("It has the form name+hash+key.")
        })?),
        None => None,
    };
    let receipt = Receipt::parse(&read(&options.receipt)?)
        .map_err(|cause| live::wrong(with_sources(&cause)).about(&shown(&options.receipt)))?;
    let verified = receipt
        .verify(&key, witness.as_ref())
        .map_err(|cause| live::wrong(with_sources(&cause)).about(&shown(&options.receipt)))?;
    let size = verified.checkpoint.tree.size;
    output::result(&format!(
        "verified: entry {} is in the log {} of {size} entries",
        receipt.index, verified.checkpoint.origin
    ));
    if let Some(seconds) = verified.witnessed {
        let when = jiff::Timestamp::from_second(i64::try_from(seconds).unwrap_or_default());
        let when = when.map(|when| when.to_string()).unwrap_or_default();
        output::result(&format!("the checkpoint was witnessed {when}"));
    }
    match &receipt.entry {
        KeptLeaf::Whole(leaf) => output::result(leaf.body()),
        KeptLeaf::Pruned(_) => output::note("what the entry says is not in the receipt"),
    }
    Ok(Exit::Success)
}

/// Writes a receipt that verifies, and no other.
fn write(receipt: &Receipt, key: &VerifierKey, options: &ReceiptOptions) -> Result<Exit, Error> {
    let is_asked_for = receipt.index == options.entry;
    let verified = receipt.verify(key, None).map_err(|cause| live::wrong(with_sources(&cause)))?;
    if !is_asked_for {
        return Err(live::wrong("the server has sent another entry".to_owned()));
    }
    publish(&options.output, &receipt.encode(), Existing::Keep)?;
    let size = verified.checkpoint.tree.size;
    output::note(&format!("verified: entry {} is in the log of {size} entries", receipt.index));
    output::note(&format!("written: {}", options.output.display()));
    super::trust(options.verifier_key.is_some(), "the server");
    Ok(Exit::Success)
}

fn of_answer(answer: GetReceiptResponse) -> Result<Receipt, Error> {
    let malformed = || live::wrong("the receipt is malformed".to_owned());
    let hash = answer.leaf_hash.as_slice().try_into().map_err(|_| malformed())?;
    let entry = if answer.salt.is_empty() {
        KeptLeaf::Pruned(Hash::from_bytes(hash))
    } else {
        let salt = answer.salt.as_slice().try_into().map_err(|_| malformed())?;
        let body = String::from_utf8(answer.body).map_err(|_| malformed())?;
        let leaf = Leaf::new(Salt::from_bytes(salt), body).map_err(|_| malformed())?;
        KeptLeaf::Whole(leaf)
    };
    Ok(Receipt { index: answer.index, entry, path: hashes(&answer.path)?, note: answer.note })
}

fn key_of(said: &str, expected: Option<&str>) -> Result<VerifierKey, Error> {
    match expected {
        Some(expected) => live::expected_key(expected),
        None => said.parse().map_err(|_| live::wrong("the verifier key is malformed".to_owned())),
    }
}

fn hashes(path: &[Vec<u8>]) -> Result<Vec<Hash>, Error> {
    path.iter()
        .map(|hash| hash.as_slice().try_into().map(Hash::from_bytes))
        .collect::<Result<_, _>>()
        .map_err(|_| live::wrong("a proof of the server is malformed".to_owned()))
}

/// Reads a text file of bounded length.
///
/// # Errors
///
/// It cannot be read, is too long or no text.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let length = std::fs::metadata(path).map_err(|cause| Error::file("read", path, &cause))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Error::usage(format!("{} is too long", path.display())));
    }
    std::fs::read_to_string(path).map_err(|cause| Error::file("read", path, &cause))
}

/// Writes a file that appears only when it is complete and on disk.
///
/// # Errors
///
/// It is there already and to be kept; the disk is full.
pub(super) fn publish(path: &Path, text: &str, existing: Existing) -> Result<(), Error> {
    let mut file = Destination::create(path, existing)?;
    file.append(text.as_bytes())?;
    file.publish()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
