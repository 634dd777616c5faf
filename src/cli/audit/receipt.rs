//! Receipts and proofs as files: fetched, and checked offline with public keys.

use std::path::{Path, PathBuf};

use tonic::Code;

use super::live;
use crate::audit::{
    Hash, KeptLeaf, Leaf, Receipt, Salt, VerifiedReceipt, VerifierKey, WitnessKey, WitnessRequest,
};
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

    /// The key that the checkpoint must be signed by: `name+hash+key`. Repeat it while one key of the
    /// log follows another.
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,

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

    /// The key that checkpoints must be signed by: `name+hash+key`. Repeat it for the key before, if
    /// the log's key was replaced.
    #[arg(long, value_name = "KEY")]
    verifier_key: Vec<String>,

    #[command(flatten)]
    connection: ConnectOptions,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyReceiptOptions {
    /// The receipt.
    #[arg(value_name = "FILE")]
    receipt: PathBuf,

    /// The log's key: `name+hash+key`. Repeat it for the key before, if it was replaced.
    #[arg(long, value_name = "KEY", required = true)]
    verifier_key: Vec<String>,

    /// The key of a witness that must have cosigned the checkpoint: `name+hash+key`.
    #[arg(long, value_name = "KEY")]
    witness_key: Option<String>,
}

/// Fetches a receipt for an entry of one's own.
pub(super) fn receipt(options: &ReceiptOptions) -> Result<Exit, Error> {
    let expected = live::expected_keys(&options.verifier_key)?;
    let (receipt, keys) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut client =
            AuditServiceClient::new(channel).max_decoding_message_size(live::MESSAGE_BYTES_MAX);
        let request = GetReceiptRequest { index: options.entry };
        let answer = client.get_receipt(request).await.map_err(|status| {
            let is_denied = status.code() == Code::PermissionDenied;
            let error = live::refused(status);
            if is_denied {
                error.advise("There is no such entry, or it is another's, or was pruned.")
            } else {
                error
            }
        })?;
        let answer = answer.into_inner();
        let keys = match &expected[..] {
            [] => vec![said_key(&answer.verifier_key)?],
            expected => expected.to_vec(),
        };
        Ok((of_answer(answer)?, keys))
    })?;
    write(&receipt, &keys, options)
}

/// Fetches the proof of any entry, with the rights of an auditor, in the form of a receipt.
pub(super) fn prove(options: &ReceiptOptions) -> Result<Exit, Error> {
    let expected = live::expected_keys(&options.verifier_key)?;
    let (receipt, key) = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let mut entries = live::list(channel.clone(), options.entry, 1).await?;
        let entry = entries
            .message()
            .await
            .map_err(live::refused)?
            .ok_or_else(|| Error::usage(format!("there is no entry {}", options.entry)))?;
        let entry = live::kept_leaf(entry, options.entry)?;
        let signed = live::signed(channel.clone(), &expected).await?;
        let request = GetInclusionProofRequest {
            index: options.entry,
            tree_size: signed.checkpoint.tree.size,
        };
        let proof = AuditServiceClient::new(channel).get_inclusion_proof(request).await;
        let proof = proof.map_err(live::refused)?;
        let path = hashes(&proof.into_inner().path)?;
        let receipt = Receipt { index: options.entry, entry, path, note: signed.note };
        Ok((receipt, signed.key))
    })?;
    write(&receipt, &[key], options)
}

/// Fetches a checkpoint with the proof that it continues an earlier one.
pub(super) fn consistency(options: &ConsistencyOptions) -> Result<Exit, Error> {
    let earlier = options.earlier.as_deref().map(read).transpose()?;
    let expected = live::expected_keys(&options.verifier_key)?;
    let request = block_on(async {
        let channel = options.connection.channel(Caller::Known).await?;
        let signed = live::signed(channel.clone(), &expected).await?;
        let old = match &earlier {
            Some(note) => Some(live::parse(note, &signed.keys, "earlier")?.0.tree),
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
    let answer = AuditServiceClient::new(channel).get_consistency_proof(request).await;
    let answer = answer.map_err(live::refused)?;
    Ok(WitnessRequest { old_size, proof: hashes(&answer.into_inner().path)?, note })
}

/// Checks a receipt offline.
pub(super) fn verify(options: &VerifyReceiptOptions) -> Result<Exit, Error> {
    let keys = live::expected_keys(&options.verifier_key)?;
    let witness: Option<WitnessKey> = match &options.witness_key {
        Some(text) => Some(text.trim().parse().map_err(|_| {
            Error::usage("the witness key is malformed").advise("It has the form name+hash+key.")
        })?),
        None => None,
    };
    let receipt = Receipt::parse(&read(&options.receipt)?)
        .map_err(|cause| live::wrong(with_sources(&cause)).about(&shown(&options.receipt)))?;
    let verified = verified(&receipt, &keys, witness.as_ref())
        .map_err(|error| error.about(&shown(&options.receipt)))?;
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

/// Checks a receipt with the keys of a log, one of which has signed it.
fn verified(
    receipt: &Receipt,
    keys: &[VerifierKey],
    witness: Option<&WitnessKey>,
) -> Result<VerifiedReceipt, Error> {
    let mut refusal = "no key is known".to_owned();
    for key in keys {
        match receipt.verify(key, witness) {
            Ok(verified) => return Ok(verified),
            Err(cause) => refusal = with_sources(&cause),
        }
    }
    Err(live::wrong(refusal))
}

/// Writes a receipt that verifies, and no other.
fn write(receipt: &Receipt, keys: &[VerifierKey], options: &ReceiptOptions) -> Result<Exit, Error> {
    let is_asked_for = receipt.index == options.entry;
    let verified = verified(receipt, keys, None)?;
    if !is_asked_for {
        return Err(live::wrong("the server has sent another entry".to_owned()));
    }
    publish(&options.output, &receipt.encode(), Existing::Keep)?;
    let size = verified.checkpoint.tree.size;
    output::note(&format!("verified: entry {} is in the log of {size} entries", receipt.index));
    output::note(&format!("written: {}", options.output.display()));
    super::trust(!options.verifier_key.is_empty(), "the server");
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

fn said_key(said: &str) -> Result<VerifierKey, Error> {
    said.parse().map_err(|_| live::wrong("the verifier key is malformed".to_owned()))
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
