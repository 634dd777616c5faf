//! Receipts: proof, for who caused an entry, that it is in the log.
//!
//! They exist so that who delivers, or is given serials, need not take this server's word: a receipt is
//! checked offline, with the public key alone.
//!
//! INVARIANT: nobody gets a receipt for another's entry, and what is not theirs is refused as what is
//! not there.
//! INVARIANT: what an entry says is told to who caused it only where its answer said as much, and
//! whether it is told depends on the action alone. Serials may count rows that a reservation would have
//! kept out, and acts on a person refer to one who is known: their receipts have the hash alone, also
//! where nothing of that is in them, since its absence would say as much.

use super::audit::{bytes, log_error, proof_error};
use super::ingest::register_error;
use super::{Error, Service, actor, allow};
use crate::audit::{Action, Entry, KeptLeaf, Leaf, Recorded, inclusion_proof};
use crate::policy::{Denied, Permit, Right};
use crate::store::Step;

/// Proof that an entry is in the log.
#[derive(Clone, Debug)]
pub struct AuditReceipt {
    /// Number of the entry.
    pub index: u64,
    /// Leaf hash.
    pub leaf_hash: [u8; 32],
    /// Salt, 16 bytes; empty when what the entry says is not told.
    pub salt: Vec<u8>,
    /// Body; empty when it is not told.
    pub body: Vec<u8>,
    /// Audit path, from the leaf up.
    pub path: Vec<[u8; 32]>,
    /// Signed note.
    pub note: String,
    /// Verifier key.
    pub verifier_key: String,
}

impl Service {
    /// A receipt for an entry that the caller has caused.
    ///
    /// # Errors
    ///
    /// `server_sealed`; `not_allowed` when there is no such entry, or it is another's, or pruned.
    pub fn audit_receipt(
        &self,
        permit: &Permit,
        index: u64,
    ) -> Result<Recorded<AuditReceipt>, Error> {
        allow(permit, &Right::ReadOwnEntries)?;
        let open = self.open_now()?;
        let audit = open.registers.audit();
        let mut found = None;
        let end = index.saturating_add(1);
        audit
            .entries(index..end, &mut |_, entry| {
                found = Some(entry);
                Ok(Step::Stop)
            })
            .map_err(log_error)?;
        let Some(KeptLeaf::Whole(leaf)) = found else { return Err(Denied.into()) };
        let entry = Entry::decode(leaf.body()).map_err(|_| Denied)?;
        if entry.actor != actor(permit) {
            return Err(Denied.into());
        }
        let signed = match audit.signed().filter(|signed| signed.tree.size > index) {
            Some(signed) => signed,
            None => self.sign_checkpoint(&open)?,
        };
        let path = audit
            .with_leaves(|leaves| inclusion_proof(index, signed.tree.size, leaves))
            .map_err(proof_error)?;
        let (salt, body) = if is_told(entry.action) { told(&leaf) } else { Default::default() };
        let receipt = AuditReceipt {
            index,
            leaf_hash: *leaf.hash().as_bytes(),
            salt,
            body,
            path: bytes(&path),
            note: signed.note,
            verifier_key: signed.verifier.to_string(),
        };
        let mut given = self.entry(actor(permit), Action::ReceiptGiven);
        given.changes = vec![format!("entry {index}")];
        open.registers.record_value_and_wait(given, receipt).map_err(register_error)
    }
}

fn told(leaf: &Leaf) -> (Vec<u8>, Vec<u8>) {
    (leaf.salt().as_bytes().to_vec(), leaf.body().as_bytes().to_vec())
}

/// Whether entries of an action say no more than the answer to who caused them did, whomever they are
/// about.
fn is_told(action: Action) -> bool {
    matches!(
        action,
        Action::DeliveryClosed
            | Action::DeliveryOpened
            | Action::DeliveryStored
            | Action::Ingest
            | Action::Resolve
            | Action::SerialsStored
    )
}
