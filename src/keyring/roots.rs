//! Changing what opens the roots, and the roots themselves: offline, with both of them open.
//!
//! ```text
//!  new shares       root stays; a fresh secret, a fresh set; the old set opens the new file no more
//!  new passphrase   root stays; a fresh salt
//!  new root         every key of the plane is wrapped anew; what seals gets a new epoch
//! ```
//!
//! A root that is replaced gets new ways too, so that nothing that opened the old one opens the new.
//! What an older copy of the file holds it holds for ever: the keys of its day, and all that was
//! sealed under them.  Therefore the keys that seal, and the erasure key, get a new epoch with the
//! root: whatever is sealed afterwards is under keys that no older copy has.  The register plane's
//! erasure key is only prepared: keys of disclosures lie in a store under the old one, and the next
//! unsealing finishes as after a crash in a closing (`erasure`): wraps them anew, activates it,
//! destroys the old one.  A crash at any step leaves it pending, and the steps are done again.
//!
//! INVARIANT: no change leaves a root without a way.

use super::Error;
use super::document::KeyEntry;
use super::edit::{Editor, params};
use super::kinds::{KeyState, Plane, Purpose};
use super::open::Root;
use super::ways::{RootEntry, SharePlan, Way, put};
use crate::crypto::{KeyId, Passphrase, SecretBytes, Share};

/// What becomes of the other way of a root when one is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherWay {
    /// It stays: either opens the root.
    Keep,
    /// It goes: only the new one opens the root.
    Remove,
}

/// What is to open a new root.
#[derive(Debug)]
pub struct NewWays<'a> {
    /// A passphrase.
    pub passphrase: Option<&'a Passphrase>,
    /// Shares.
    pub shares: Option<SharePlan>,
}

impl Editor<'_> {
    /// Seals both roots under another passphrase, with fresh salts.  The roots, and so the working
    /// keys, stay: an older copy of the file still opens with the old passphrase.
    ///
    /// # Errors
    /// [`Error::Crypto`] without randomness.
    pub fn change_passphrase(&mut self, to: &Passphrase) -> Result<(), Error> {
        Plane::ALL.iter().try_for_each(|plane| self.set_passphrase(*plane, to, OtherWay::Keep))
    }

    /// Seals one root under a passphrase, in the place of the one it had, if any.
    ///
    /// # Errors
    /// [`Error::Crypto`] without randomness.
    pub fn set_passphrase(
        &mut self,
        plane: Plane,
        to: &Passphrase,
        shares: OtherWay,
    ) -> Result<(), Error> {
        let params = params(self.document.development);
        let root = self.roots.of(plane);
        let entry = root.seal(&self.document.store_id, params, to, self.entropy)?;
        self.put_way(entry, shares);
        Ok(())
    }

    /// Seals one root under a fresh set of shares, in the place of the one it had, if any.  They are in
    /// force with [`Editor::commit`]; the caller hands them out, and nothing keeps them.
    ///
    /// # Errors
    /// [`Error::Crypto`] without randomness.
    pub fn split_root(
        &mut self,
        plane: Plane,
        plan: SharePlan,
        passphrase: OtherWay,
    ) -> Result<Vec<Share>, Error> {
        let root = self.roots.of(plane);
        let (entry, shares) = root.seal_in_shares(&self.document.store_id, plan, self.entropy)?;
        self.put_way(entry, passphrase);
        Ok(shares)
    }

    /// Puts a fresh root in the place of a plane's: wraps the plane's keys under it, gives those that
    /// seal a new epoch, and seals it in new ways.  Returns the shares, if any were asked for.
    ///
    /// The server must be sealed: one that is open goes on under the old root, and can no longer
    /// change the file.
    ///
    /// # Errors
    /// [`Error::RootWithoutWay`]; [`Error::ClosingUnfinished`]; [`Error::EpochsExhausted`];
    /// [`Error::Crypto`] without randomness.
    pub fn replace_root(&mut self, plane: Plane, ways: &NewWays<'_>) -> Result<Vec<Share>, Error> {
        if ways.passphrase.is_none() && ways.shares.is_none() {
            return Err(Error::RootWithoutWay { plane });
        }
        self.check_closed(plane)?;
        let root = Root::generate(plane, self.entropy)?;
        for (id, secret) in self.under_the_root(plane)? {
            let facts = self.document.key(id)?.facts;
            let wrapped = root.wrap_key(&self.document, &facts, &secret, self.entropy)?;
            self.document.key_mut(id)?.wrapped = Some(wrapped);
        }
        if plane == Plane::Registers {
            self.mac_key = root.mac_key(&self.document.store_id);
        }
        self.roots.replace(root);
        self.rotate_what_seals(plane)?;
        self.document.roots.retain(|entry| entry.plane != plane);
        if let Some(passphrase) = ways.passphrase {
            self.set_passphrase(plane, passphrase, OtherWay::Keep)?;
        }
        ways.shares.map_or(Ok(Vec::new()), |plan| self.split_root(plane, plan, OtherWay::Keep))
    }

    /// A new epoch for each key of a plane that seals; what older ones have sealed they still open.
    /// The server must be sealed.
    ///
    /// # Errors
    /// [`Error::ClosingUnfinished`]; [`Error::EpochsExhausted`]; [`Error::Crypto`] without randomness.
    pub fn rotate_sealing(&mut self, plane: Plane) -> Result<(), Error> {
        self.check_closed(plane)?;
        self.rotate_what_seals(plane)
    }

    fn check_closed(&self, plane: Plane) -> Result<(), Error> {
        let has_pending = |key: &KeyEntry| key.facts.state == KeyState::Pending;
        match self.document.live(plane.erasure(), None).any(has_pending) {
            true => Err(Error::ClosingUnfinished),
            false => Ok(()),
        }
    }

    /// The plane's live keys that its root wraps, with their secrets.
    fn under_the_root(&self, plane: Plane) -> Result<Vec<(KeyId, SecretBytes<32>)>, Error> {
        let is_under = |key: &&KeyEntry| {
            let facts = &key.facts;
            facts.purpose.plane() == plane
                && !facts.purpose.is_mortal()
                && facts.state != KeyState::Destroyed
        };
        let open = |key: &KeyEntry| {
            Ok((key.facts.id, self.roots.of(plane).open_key(&self.document, key)?))
        };
        self.document.keys.iter().filter(is_under).map(open).collect()
    }

    /// A new epoch for each key of a plane that seals, the erasure key first.  One that was pending is
    /// in older copies of the file too: it is never used.
    fn rotate_what_seals(&mut self, plane: Plane) -> Result<(), Error> {
        let seals = |purpose: Purpose| {
            matches!(
                purpose,
                Purpose::AuditStorage
                    | Purpose::Identity
                    | Purpose::OnewayTagStorage
                    | Purpose::RegisterStorage
                    | Purpose::TagStorage
            )
        };
        let facts = self.document.facts();
        let of_plane = |purpose: Purpose| purpose.plane() == plane;
        let mut change = self.change(plane);
        for key in facts.iter().filter(|key| key.state == KeyState::Pending) {
            if of_plane(key.purpose) && seals(key.purpose) {
                change.set_state(key.id, KeyState::DecryptOnly)?;
            }
        }
        match plane {
            // Stores have keys under it: the next unsealing wraps them under this one, destroys the
            // older, and only then gives out new ones.
            Plane::Registers => change.prepare(plane.erasure(), None).map(drop)?,
            Plane::Vault => change.rotate(plane.erasure(), None).map(drop)?,
        }
        for key in facts.iter().filter(|key| key.state == KeyState::Active) {
            if of_plane(key.purpose) && seals(key.purpose) {
                change.rotate(key.purpose, key.scope)?;
            }
        }
        Ok(())
    }

    fn put_way(&mut self, entry: RootEntry, other: OtherWay) {
        let plane = entry.plane;
        if other == OtherWay::Remove {
            let is_same =
                |way: &Way| matches!(way, Way::Shares(_)) == matches!(entry.way, Way::Shares(_));
            self.document.roots.retain(|root| root.plane != plane || is_same(&root.way));
        }
        put(&mut self.document.roots, entry);
    }
}
