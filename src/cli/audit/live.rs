//! The log of a running server, entry by entry.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tonic::{Status, Streaming};
use tonic_types::StatusExt as _;

use crate::audit::{
    Checkpoint, CheckpointError, ExportError, ExportWriter, Frontier, Hash, KeptLeaf, Leaf,
    NoteError, PruningCheck, Salt, TreeHead, VerifierKey, verify_consistency,
};
use crate::cli::connect::Channel;
use crate::cli::error::{Error, Exit, with_sources};
use crate::cli::output;
use crate::clock::{Clock as _, SystemClock};
use crate::rpc::proto::audit_service_client::AuditServiceClient;
use crate::rpc::proto::{
    GetCheckpointRequest, GetCheckpointResponse, ListEntriesRequest, ListEntriesResponse,
};
use crate::service::ErrorCode;

/// Largest message: a body of the greatest length fits.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

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
    let answer = client.get_checkpoint(GetCheckpointRequest {}).await.map_err(refused)?;
    Ok(answer.into_inner())
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
    let request = ListEntriesRequest { start, count };
    Ok(client.list_entries(request).await.map_err(refused)?.into_inner())
}

/// What the server says instead of what was asked of its log: that the stored log does not verify is
/// no reason to ask again.
pub(super) fn refused(status: Status) -> Error {
    let is_damaged = status
        .get_error_details()
        .error_info()
        .is_some_and(|info| info.reason == ErrorCode::StoreUnusable.as_str());
    let error = Error::from(status);
    if !is_damaged {
        return error;
    }
    error
        .ending(Exit::Verification)
        .advise("The stored log does not verify, or cannot be read: keep what you have, and tell")
        .advise("those who answer for the data.")
}

/// A checkpoint of the server, verified.
pub(super) struct Signed {
    /// What it says.
    pub(super) checkpoint: Checkpoint,
    /// The note.
    pub(super) note: String,
    /// The key that it was verified with.
    pub(super) key: VerifierKey,
    /// All that an earlier checkpoint may be signed by: the expected ones, or the server's word.
    pub(super) keys: Vec<VerifierKey>,
}

/// Asks for a checkpoint and verifies it: by one of the expected keys, or of those that the server
/// names if none is expected.
///
/// # Errors
///
/// What the server says; a checkpoint that does not verify.
pub(super) async fn signed(channel: Channel, expected: &[VerifierKey]) -> Result<Signed, Error> {
    let GetCheckpointResponse { note, verifier_key, verifier_keys } = checkpoint(channel).await?;
    let keys = if expected.is_empty() {
        let said = std::iter::once(&verifier_key).chain(&verifier_keys).map(|key| key.parse());
        let keys: Result<Vec<VerifierKey>, _> = said.collect();
        keys.map_err(|_| wrong("the server's verifier key is malformed".to_owned()))?
    } else {
        expected.to_vec()
    };
    let (checkpoint, key) = parse(&note, &keys, "server's")?;
    Ok(Signed { checkpoint, note, key, keys })
}

/// What a checkpoint says that one of the keys has signed, and which.
///
/// # Errors
///
/// None of them has.
pub(super) fn parse(
    note: &str,
    keys: &[VerifierKey],
    which: &str,
) -> Result<(Checkpoint, VerifierKey), Error> {
    let mut refusal = "no key is known".to_owned();
    for key in keys {
        match Checkpoint::parse_and_verify(note, key) {
            Ok(checkpoint) => return Ok((checkpoint, key.clone())),
            Err(CheckpointError::Note(NoteError::NotSigned)) => {
                "it is signed by another key than the expected one".clone_into(&mut refusal);
            }
            Err(cause) => refusal = with_sources(&cause),
        }
    }
    Err(wrong(format!("the {which} checkpoint does not verify: {refusal}")).advise(
        "If the log's key was replaced, give the old one and the new: --verifier-key, repeated.",
    ))
}

/// Checks that a checkpoint continues an older tree.
///
/// # Errors
///
/// It does not.
pub(super) fn consistent(old: TreeHead, signed: &Signed, proof: &[Hash]) -> Result<(), Error> {
    verify_consistency(old, signed.checkpoint.tree, proof).map_err(|_| {
        wrong("the log does not continue the one of the earlier checkpoint".to_owned())
    })
}

/// Goes through the whole log of a checkpoint, recomputing every hash and the signed root.
///
/// # Errors
///
/// What the server says; an entry or the whole that does not verify; what `each` says.
pub(super) async fn walk(
    channel: Channel,
    signed: &Signed,
    earlier: Option<&str>,
    each: &mut dyn FnMut(&KeptLeaf) -> Result<(), Error>,
) -> Result<Copied, Error> {
    let checkpoint = signed.checkpoint.clone();
    let earlier = earlier.map(|note| parse(note, &signed.keys, "earlier")).transpose()?;
    let earlier = earlier.map(|(earlier, _)| earlier);
    let mut continuity = Continuity::new(earlier, &checkpoint)?;
    let (mut pruned_count, mut pruning) = (0, PruningCheck::default());
    if checkpoint.tree.size > 0 {
        let mut entries = list(channel, 0, checkpoint.tree.size).await?;
        let mut expected = 0;
        while let Some(entry) = entries.message().await.map_err(refused)? {
            if expected == checkpoint.tree.size {
                return Err(wrong(
                    "the server has sent more entries than it has signed".to_owned(),
                ));
            }
            let leaf = kept_leaf(entry, expected)?;
            match &leaf {
                KeptLeaf::Pruned(_) => {
                    pruned_count += 1;
                    pruning.pruned(expected);
                }
                KeptLeaf::Whole(leaf) => pruning.whole(expected, leaf.body()),
            }
            continuity.take(leaf.hash())?;
            each(&leaf)?;
            expected += 1;
        }
    }
    if continuity.tree.head() != checkpoint.tree {
        return Err(wrong("the entries are not those of the signed checkpoint".to_owned()));
    }
    explained(&pruning)?;
    let earlier_size = continuity.earlier.map(|earlier| earlier.tree.size);
    Ok(Copied { checkpoint, pruned_count, earlier_size })
}

/// Copies the whole log into an export.
///
/// # Errors
///
/// As [`walk`]; a full disk.
pub(super) async fn copy<W: Write>(
    channel: Channel,
    writer: W,
    expected: &[VerifierKey],
    earlier: Option<&str>,
) -> Result<(W, Copied), Error> {
    let signed = signed(channel.clone(), expected).await?;
    let mut export = ExportWriter::begin(writer, &signed.note, &signed.key).map_err(failed)?;
    let mut each = |leaf: &KeptLeaf| export.entry(leaf).map_err(failed);
    let copied = walk(channel, &signed, earlier, &mut each).await?;
    Ok((export.finish().map_err(failed)?, copied))
}

/// Refuses an entry without a body that no entry says was pruned, or may have been by now; says so if
/// the times of the log go back.
///
/// # Errors
///
/// There is one.
pub(super) fn explained(pruning: &PruningCheck) -> Result<(), Error> {
    if let Some(index) = pruning.gone_back() {
        output::note(&format!(
            "entry {index} is dated more than a day before one before it: ask why the clock was set"
        ));
    }
    match pruning.unexplained(SystemClock::new().now()) {
        None => Ok(()),
        Some(index) => Err(wrong(format!(
            "entry {index} has no body, and no later entry says that it was pruned once it was old \
             enough"
        ))
        .advise("If the log was pruned while it was read, read it again.")),
    }
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

/// A verifier key as it was given.
///
/// # Errors
///
/// It is malformed.
pub(super) fn expected_key(text: &str) -> Result<VerifierKey, Error> {
    text.trim().parse().map_err(|_| {
        Error::usage("the verifier key is malformed").advise("It has the form name+hash+key.")
    })
}

/// Verifier keys as they were given.
///
/// # Errors
///
/// One is malformed.
pub(super) fn expected_keys(texts: &[String]) -> Result<Vec<VerifierKey>, Error> {
    texts.iter().map(|text| expected_key(text)).collect()
}

/// An entry as it was sent, if it is what its hash says.
pub(super) fn kept_leaf(entry: ListEntriesResponse, expected: u64) -> Result<KeptLeaf, Error> {
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

pub(super) fn wrong(what: String) -> Error {
    Error::new(Exit::Verification, what)
        .advise("Keep what you have, and tell those who answer for the data.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Origin, TreeHead};
    use crate::crypto::{SecretBytes, SigningKey};

    /// Goal: whoever was given both keys of a log reads checkpoints of before, of between and of after
    /// the rotation, in whichever order the keys are given; whoever was given another reads none.
    #[test]
    fn checkpoints_of_an_old_key_a_new_one_and_both_verify_by_either() {
        let origin: Origin = "hvelv.example/log".parse().unwrap();
        let key = |seed| SigningKey::from_seed(&SecretBytes::filled(|bytes| *bytes = [seed; 32]));
        let [old, new, strange] = [1, 2, 3].map(key);
        let name = |key: &SigningKey| VerifierKey::new(origin.clone(), key.public_key());
        let (known, strange) = ([name(&old), name(&new)], [name(&strange)]);
        let said = Checkpoint {
            origin: origin.clone(),
            tree: TreeHead { size: 1, root: Hash::from_bytes([7; 32]) },
        };
        for (signers, first) in [(&[&old][..], 0), (&[&old, &new], 0), (&[&new], 1)] {
            let note = said.sign_with(signers).unwrap();
            let (read, by) = parse(&note, &known, "test's").unwrap();
            assert_eq!((&read, &by), (&said, &known[first]));
            let turned = [known[1].clone(), known[0].clone()];
            assert_eq!(parse(&note, &turned, "test's").unwrap().0, said);
            let refused = parse(&note, &strange, "test's").unwrap_err().to_string();
            assert!(refused.contains("another key"), "{refused}");
        }
    }
}
