//! Roots and wrapped keys: from the document's bytes to secrets and back.
//!
//! ```text
//! FORMAT:  root     = wrap(KEK, id 0, context = "root", plane, store_id (16))
//! FORMAT:  wrapped  = wrap(W, id of W, context = "key", store_id (16), plane, id u32 BE, purpose,
//!                          scope (empty, or u16 BE), epoch u32 BE)
//!   W = HKDF-Expand(root, frame("hvelv/v1/derive/root-wrap", plane), 32)      id 0
//!     = HKDF-Expand(erasure key, frame("hvelv/v1/derive/erasure-wrap"), 32)   id of the erasure key
//! ```
//!
//! Each secret is 32 bytes.  A mortal purpose is under the plane's erasure key, any other under its
//! root; the id in the envelope's head says which erasure key.

use super::Error;
use super::document::{Document, KeyEntry};
use super::kinds::{KeyFacts, Plane, StoreId};
use super::ways::{RootEntry, SharePlan, ShareSet, Way};
use crate::crypto::aead::sealed_under;
use crate::crypto::{
    Argon2Params, DigestKey, Entropy, KeyId, Label, Passphrase, SecretBytes, Share, WrapKey,
    derive_secret,
};

/// A root that is open: what it wraps with, and the root itself for sealing it anew.
pub(super) struct Root {
    plane: Plane,
    secret: SecretBytes<32>,
    wrap: WrapKey,
}

impl Root {
    pub(super) fn generate(plane: Plane, entropy: &Entropy) -> Result<Self, Error> {
        Ok(Self::from_secret(plane, SecretBytes::generate(entropy)?))
    }

    /// Opens a root's entry by passphrase.
    pub(super) fn open(
        entry: &RootEntry,
        store_id: &StoreId,
        passphrase: &Passphrase,
    ) -> Result<Self, Error> {
        let Way::Passphrase { params, salt, sealed } = &entry.way else {
            return Err(Error::NoPassphrase);
        };
        let kek = kek(*params, salt, passphrase)?;
        Self::open_under(&kek, entry.plane, store_id, sealed)
            .map_err(|_| Error::WrongPassphrase { plane: entry.plane })
    }

    /// Opens a copy of a root under a key that is known.
    pub(super) fn open_under(
        kek: &WrapKey,
        plane: Plane,
        store_id: &StoreId,
        sealed: &[u8],
    ) -> Result<Self, crate::crypto::Error> {
        let secret = kek.open(&root_context(plane, store_id), sealed)?;
        Ok(Self::from_secret(plane, secret))
    }

    /// The plane whose root it is.
    pub(super) fn plane(&self) -> Plane {
        self.plane
    }

    /// Makes the root's entry under a passphrase, with a fresh salt.
    pub(super) fn seal(
        &self,
        store_id: &StoreId,
        params: Argon2Params,
        passphrase: &Passphrase,
        entropy: &Entropy,
    ) -> Result<RootEntry, Error> {
        let salt = entropy.draw()?;
        let kek = kek(params, &salt, passphrase)?;
        let sealed = kek.seal(entropy, &root_context(self.plane, store_id), &self.secret)?;
        Ok(RootEntry { plane: self.plane, way: Way::Passphrase { params, salt, sealed } })
    }

    /// Makes the root's entry under a fresh set of shares, and the shares.
    pub(super) fn seal_in_shares(
        &self,
        store_id: &StoreId,
        plan: SharePlan,
        entropy: &Entropy,
    ) -> Result<(RootEntry, Vec<Share>), Error> {
        let seal = |kek: &WrapKey| {
            Ok(kek.seal(entropy, &root_context(self.plane, store_id), &self.secret)?)
        };
        let (set, shares) = ShareSet::make(plan, self.plane, store_id, entropy, seal)?;
        Ok((RootEntry { plane: self.plane, way: Way::Shares(set) }, shares))
    }

    /// The key of the file's last line; asked of the registers root.
    pub(super) fn mac_key(&self, store_id: &StoreId) -> DigestKey {
        debug_assert_eq!(self.plane, Plane::Registers);
        let context: [&[u8]; 1] = [store_id.as_bytes()];
        DigestKey::new(&derive_secret(&self.secret, Label::KeyFileMac, &context))
    }

    /// The secret of a live key of this root's plane.
    pub(super) fn open_key(
        &self,
        document: &Document,
        entry: &KeyEntry,
    ) -> Result<SecretBytes<32>, Error> {
        let facts = &entry.facts;
        let wrapped = entry.wrapped.as_ref().ok_or(Error::NoSuchKey { id: facts.id })?;
        with_context(facts, &document.store_id, |context| {
            let opened = if facts.purpose.is_mortal() {
                let id = sealed_under(wrapped).ok_or(Error::Damaged { reason: "no envelope" })?;
                self.erasure_key(document, id)?.open(context, wrapped)
            } else {
                self.wrap.open(context, wrapped)
            };
            opened.map_err(|_| Error::Damaged { reason: "a key does not open" })
        })
    }

    /// Wraps the secret of a key of this root's plane; a mortal one under the active erasure key.
    pub(super) fn wrap_key(
        &self,
        document: &Document,
        facts: &KeyFacts,
        secret: &SecretBytes<32>,
        entropy: &Entropy,
    ) -> Result<Vec<u8>, Error> {
        debug_assert_eq!(facts.purpose.plane(), self.plane);
        with_context(facts, &document.store_id, |context| {
            let wrapped = if facts.purpose.is_mortal() {
                let erasure = document.active(self.plane.erasure(), None)?.facts.id;
                self.erasure_key(document, erasure)?.seal(entropy, context, secret)
            } else {
                self.wrap.seal(entropy, context, secret)
            };
            Ok(wrapped?)
        })
    }

    /// The wrapping key of the erasure key `id`, which must be of this plane.
    fn erasure_key(&self, document: &Document, id: KeyId) -> Result<WrapKey, Error> {
        let entry = document.key(id)?;
        if entry.facts.purpose != self.plane.erasure() {
            return Err(Error::Damaged { reason: "a key is under the wrong erasure key" });
        }
        Ok(erasure_wrap(id, &self.open_key(document, entry)?))
    }

    fn from_secret(plane: Plane, secret: SecretBytes<32>) -> Self {
        let wrap = derive_secret(&secret, Label::RootWrapKey, &[plane.text().as_bytes()]);
        Self { plane, wrap: WrapKey::new(KeyId::UNNUMBERED, &wrap), secret }
    }
}

fn kek(params: Argon2Params, salt: &[u8; 16], passphrase: &Passphrase) -> Result<WrapKey, Error> {
    Ok(WrapKey::new(KeyId::UNNUMBERED, &params.derive_kek(passphrase, salt)?))
}

fn root_context(plane: Plane, store_id: &StoreId) -> [&[u8]; 3] {
    [b"root", plane.text().as_bytes(), store_id.as_bytes()]
}

/// Both roots, open.  Reads and makes wrapped keys.
pub(super) struct Roots {
    registers: Root,
    vault: Root,
}

impl Roots {
    pub(super) fn generate(entropy: &Entropy) -> Result<Self, Error> {
        let registers = Root::generate(Plane::Registers, entropy)?;
        Ok(Self { registers, vault: Root::generate(Plane::Vault, entropy)? })
    }

    pub(super) fn new(registers: Root, vault: Root) -> Self {
        Self { registers, vault }
    }

    pub(super) fn of(&self, plane: Plane) -> &Root {
        match plane {
            Plane::Registers => &self.registers,
            Plane::Vault => &self.vault,
        }
    }

    /// Puts a root in the place of its plane's, which is wiped.
    pub(super) fn replace(&mut self, root: Root) {
        match root.plane {
            Plane::Registers => self.registers = root,
            Plane::Vault => self.vault = root,
        }
    }

    /// Both roots sealed, in the order of [`Plane::ALL`].
    pub(super) fn seal(
        &self,
        store_id: &StoreId,
        params: Argon2Params,
        passphrase: &Passphrase,
        entropy: &Entropy,
    ) -> Result<Vec<RootEntry>, Error> {
        let seal = |plane: &Plane| self.of(*plane).seal(store_id, params, passphrase, entropy);
        Plane::ALL.iter().map(seal).collect()
    }

    /// The secret of a live key.
    pub(super) fn open_key(
        &self,
        document: &Document,
        entry: &KeyEntry,
    ) -> Result<SecretBytes<32>, Error> {
        self.of(entry.facts.purpose.plane()).open_key(document, entry)
    }

    /// The registers root alone, for changes while the server runs; the other is wiped.
    pub(super) fn into_registers(self) -> Root {
        self.registers
    }
}

/// What an erasure key wraps with.
pub(super) fn erasure_wrap(id: KeyId, secret: &SecretBytes<32>) -> WrapKey {
    WrapKey::new(id, &derive_secret(secret, Label::ErasureWrapKey, &[]))
}

fn with_context<T>(
    facts: &KeyFacts,
    store_id: &StoreId,
    then: impl FnOnce(&[&[u8]]) -> Result<T, Error>,
) -> Result<T, Error> {
    let scope = facts.scope.map(u16::to_be_bytes);
    then(&[
        b"key",
        store_id.as_bytes(),
        facts.purpose.plane().text().as_bytes(),
        &facts.id.number().to_be_bytes(),
        facts.purpose.text().as_bytes(),
        scope.as_ref().map_or(&[][..], |scope| scope.as_slice()),
        &facts.epoch.to_be_bytes(),
    ])
}
