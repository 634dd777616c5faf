//! The log of a running server, entry by entry.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tonic::Streaming;

use crate::audit::{
    Checkpoint, ExportError, ExportWriter, Frontier, Hash, KeptLeaf, Leaf, Salt, VerifierKey,
};
use crate::cli::connect::Channel;
use crate::cli::error::{Error, Exit, with_sources};
use crate::rpc::proto::audit_service_client::AuditServiceClient;
use crate::rpc::proto::{
    GetCheckpointRequest, GetCheckpointResponse, ListEntriesRequest, ListEntriesResponse,
};

/// Largest message: a body of the greatest length fits.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What was verified.
pub(super) struct Copied {
    /// The checkpoint that the entries give.
    pub(super) checkpoint: Checkpoint,
    /// Entries whose body is pruned.
    pub(super) pruned_count: u64,
    /// Size of the earlier checkpoint that it continues.
    pub(super) earlier_size: Option<u64>,
}

impl Copied {
    /// One line: which log, how long, its root.
    pub(super) fn summary(&self) -> String {
        let Checkpoint { origin, tree, .. } = &self.checkpoint;
        let pruned = match self.pruned_count {
            0 => String::new(),
            count => format!(", {count} of them pruned"),
        };
        let root = BASE64.encode(tree.root.as_bytes());
        format!("verified: {} entries{pruned} of {origin}, root {root}", tree.size)
    }
}

/// Asks for a checkpoint.
///
/// # Errors
///
/// What the server says.
pub(super) async fn checkpoint(channel: Channel) -> Result<GetCheckpointResponse, Error> {
    let mut client = AuditServiceClient::new(channel);
    Ok(client.get_checkpoint(GetCheckpointRequest {}).await?.into_inner())
}

/// Asks for entries; a count of 0 means all.
///
/// # Errors
///
/// What the server says.
pub(super) async fn list(
    channel: Channel,
    start: u64,
    count: u64,
) -> Result<Streaming<ListEntriesResponse>, Error> {
    let mut client = AuditServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    Ok(client.list_entries(ListEntriesRequest { start, count }).await?.into_inner())
}

/// Copies the whole log into an export, recomputing every hash and the signed root.
///
/// # Errors
///
/// What the server says; an entry or the whole that does not verify; a full disk.
pub(super) async fn copy<W: Write>(
    channel: Channel,
    writer: W,
    expected_key: Option<&str>,
    earlier: Option<&str>,
) -> Result<(W, Copied), Error> {
    let signed = checkpoint(channel.clone()).await?;
    let key = verifier_key(&signed.verifier_key, expected_key)?;
    let parse = |note: &str, which: &str| {
        Checkpoint::parse_and_verify(note, &key).map_err(|cause| {
            wrong(format!("the {which} checkpoint does not verify: {}", with_sources(&cause)))
        })
    };
    let checkpoint = parse(&signed.note, "server's")?;
    let earlier = earlier.map(|note| parse(note, "earlier")).transpose()?;
    let mut continuity = Continuity::new(earlier, &checkpoint)?;
    let mut export = ExportWriter::begin(writer, &signed.note, &key).map_err(failed)?;
    let mut pruned_count = 0;
    if checkpoint.tree.size > 0 {
        let mut entries = list(channel, 0, checkpoint.tree.size).await?;
        let mut expected = 0;
        while let Some(entry) = entries.message().await? {
            let leaf = kept_leaf(entry, expected)?;
            pruned_count += u64::from(matches!(leaf, KeptLeaf::Pruned(_)));
            continuity.take(leaf.hash())?;
            export.entry(&leaf).map_err(failed)?;
            expected += 1;
        }
    }
    let writer = export.finish().map_err(failed)?;
    let earlier_size = continuity.earlier.map(|earlier| earlier.tree.size);
    Ok((writer, Copied { checkpoint, pruned_count, earlier_size }))
}

/// Watches, while the tree grows, that it passes through an earlier root.
struct Continuity {
    earlier: Option<Checkpoint>,
    tree: Frontier,
}

impl Continuity {
    fn new(earlier: Option<Checkpoint>, now: &Checkpoint) -> Result<Self, Error> {
        if let Some(earlier) = &earlier
            && earlier.tree.size > now.tree.size
        {
            return Err(wrong(format!(
                "the log is shorter ({} entries) than the earlier checkpoint says ({})",
                now.tree.size, earlier.tree.size
            )));
        }
        let watched = Self { earlier, tree: Frontier::new() };
        watched.compare()?;
        Ok(watched)
    }

    fn take(&mut self, hash: Hash) -> Result<(), Error> {
        self.tree.append(hash).map_err(|cause| wrong(cause.to_string()))?;
        self.compare()
    }

    fn compare(&self) -> Result<(), Error> {
        match &self.earlier {
            Some(earlier)
                if earlier.tree.size == self.tree.size() && earlier.tree != self.tree.head() =>
            {
                Err(wrong("the log does not continue the one of the earlier checkpoint".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// The expected key, which the server's must be, or the server's.
fn verifier_key(said: &str, expected: Option<&str>) -> Result<VerifierKey, Error> {
    let said: VerifierKey =
        said.parse().map_err(|_| wrong("the server's verifier key is malformed".to_owned()))?;
    let Some(expected) = expected else { return Ok(said) };
    let expected: VerifierKey = expected.parse().map_err(|_| {
        Error::usage("the verifier key is malformed").advise("It has the form name+hash+key.")
    })?;
    if said == expected {
        Ok(expected)
    } else {
        Err(wrong("the log is signed by another key than the expected one".to_owned()))
    }
}

/// An entry as it was sent, if it is what its hash says.
fn kept_leaf(entry: ListEntriesResponse, expected: u64) -> Result<KeptLeaf, Error> {
    let ListEntriesResponse { index, leaf_hash, salt, body } = entry;
    let malformed = || wrong(format!("entry {expected} is malformed"));
    if index != expected {
        return Err(wrong(format!("entry {index} stands in the place of entry {expected}")));
    }
    let hash = Hash::from_bytes(leaf_hash.as_slice().try_into().map_err(|_| malformed())?);
    if salt.is_empty() && body.is_empty() {
        return Ok(KeptLeaf::Pruned(hash));
    }
    let salt = Salt::from_bytes(salt.as_slice().try_into().map_err(|_| malformed())?);
    let body = String::from_utf8(body).map_err(|_| malformed())?;
    let leaf = KeptLeaf::Whole(Leaf::new(salt, body).map_err(|_| malformed())?);
    if leaf.hash() == hash {
        Ok(leaf)
    } else {
        Err(wrong(format!("entry {index} was changed: its salt and body do not give its hash")))
    }
}

fn failed(cause: ExportError) -> Error {
    match cause {
        ExportError::Write(cause) => Error::usage(format!("cannot write the export: {cause}")),
        ExportError::Checkpoint(_) | ExportError::NotTheCheckpoint => wrong(with_sources(&cause)),
    }
}

fn wrong(what: String) -> Error {
    Error::new(Exit::Verification, what)
        .advise("Keep what you have, and tell those who answer for the data.")
}
