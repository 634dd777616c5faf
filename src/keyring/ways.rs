//! The ways in which a root is sealed: by passphrase, by shares, or by both beside each other.
//!
//! ```text
//!  passphrase ──argon2id──────────────► KEK ──► root          one sealed copy for each way
//!  k of n shares ──► secret ──HKDF────► KEK ──► the same root
//!
//! FORMAT:  KEK of shares = HKDF-Expand(secret, frame("hvelv/v1/derive/share-kek", store id (16),
//!                                                    plane, set (8)), 32)
//! ```
//!
//! Each root has ways of its own: another passphrase, other holders, another threshold.  A new set of
//! shares takes the place of the old one, which then opens nothing; the root stays.
//!
//! INVARIANT: a root has at least one way, and each way at most once.
//!
//! Why the digests of shares may stand in the clear: a share is 256 random bits, also for whoever has
//! all shares below the threshold, so that a digest confirms a share and helps to find none.
//!
//! What it does *not* protect: an older copy of the file keeps the older ways.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;
use super::document::hex;
use super::kinds::{Plane, StoreId};
use crate::crypto::{Argon2Params, Entropy, KeyId, KeyedDigest, SecretBytes, WrapKey};
use crate::crypto::{Share, ShareHead, shamir};

/// Fewest shares that open a root: one alone would be a passphrase that nobody can remember.
pub const THRESHOLD_MIN: u8 = 2;
/// Most shares of a set.
pub const SHARES_MAX: u8 = 32;

/// One way in which a root is sealed.
pub(super) struct RootEntry {
    pub(super) plane: Plane,
    pub(super) way: Way,
}

/// How, with the copy of the root that it opens.
pub(super) enum Way {
    Passphrase { params: Argon2Params, salt: [u8; 16], sealed: Vec<u8> },
    Shares(ShareSet),
}

/// A set of shares, as the file knows it.
pub(super) struct ShareSet {
    /// Random, so that shares of different sets are told apart.
    pub(super) id: [u8; 8],
    /// INVARIANT: [`THRESHOLD_MIN`] at least, and no more than there are shares.
    pub(super) threshold: u8,
    /// INVARIANT: one for each share, [`SHARES_MAX`] at most.
    pub(super) tags: Vec<KeyedDigest>,
    pub(super) sealed: Vec<u8>,
}

/// How many shares to make, and how many of them open the root.
///
/// INVARIANT: 2 ≤ threshold ≤ total ≤ 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharePlan {
    threshold: u8,
    total: u8,
}

impl SharePlan {
    /// So many of so many.
    ///
    /// # Errors
    /// [`Error::SharePlan`].
    pub fn new(threshold: u8, total: u8) -> Result<Self, Error> {
        let fits = THRESHOLD_MIN <= threshold && threshold <= total && total <= SHARES_MAX;
        if fits { Ok(Self { threshold, total }) } else { Err(Error::SharePlan) }
    }
}

/// What is in the clear about the ways of a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootFacts {
    /// The root.
    pub plane: Plane,
    /// Whether a passphrase opens it.
    pub passphrase: bool,
    /// The shares that open it, if there are any.
    pub shares: Option<SetFacts>,
}

/// What is in the clear about a set of shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFacts {
    /// Its id, in hexadecimal.
    pub id: String,
    /// How many open the root.
    pub threshold: u8,
    /// How many there are.
    pub total: u8,
}

impl RootFacts {
    pub(super) fn of(roots: &[RootEntry], plane: Plane) -> Self {
        let mut facts = Self { plane, passphrase: false, shares: None };
        for root in roots.iter().filter(|root| root.plane == plane) {
            match &root.way {
                Way::Passphrase { .. } => facts.passphrase = true,
                Way::Shares(set) => facts.shares = Some(set.facts()),
            }
        }
        facts
    }
}

impl Way {
    /// The lines of the file after the plane's.
    pub(super) fn render(&self, out: &mut String) -> std::fmt::Result {
        match self {
            Self::Passphrase { params, salt, sealed } => {
                writeln!(out, "method = \"passphrase\"")?;
                writeln!(out, "memory_kib = {}", params.memory_kib())?;
                writeln!(out, "passes = {}", params.passes())?;
                writeln!(out, "lanes = {}", params.lanes())?;
                writeln!(out, "salt = \"{}\"", hex(salt))?;
                writeln!(out, "sealed = \"{}\"", STANDARD.encode(sealed))
            }
            Self::Shares(set) => {
                writeln!(out, "method = \"shares\"")?;
                writeln!(out, "set = \"{}\"", hex(&set.id))?;
                writeln!(out, "threshold = {}", set.threshold)?;
                writeln!(out, "tags = [")?;
                for tag in &set.tags {
                    writeln!(out, "    \"{}\",", hex(tag.as_bytes()))?;
                }
                writeln!(out, "]")?;
                writeln!(out, "sealed = \"{}\"", STANDARD.encode(&set.sealed))
            }
        }
    }

    /// The copy of the root that it opens.
    pub(super) fn sealed(&self) -> &[u8] {
        match self {
            Self::Passphrase { sealed, .. } => sealed,
            Self::Shares(set) => &set.sealed,
        }
    }

    /// Where it stands among the ways of a root.
    const fn rank(&self) -> u8 {
        match self {
            Self::Passphrase { .. } => 0,
            Self::Shares(_) => 1,
        }
    }
}

/// What must hold between the entries of roots.
pub(super) fn check(roots: &[RootEntry]) -> Result<(), &'static str> {
    if Plane::ALL.iter().any(|plane| !roots.iter().any(|root| root.plane == *plane)) {
        return Err("a root is missing");
    }
    let place = |root: &RootEntry| (root.plane, root.way.rank());
    if !roots.is_sorted_by(|one, next| place(one) < place(next)) {
        return Err("a root is sealed twice in one way, or out of order");
    }
    for root in roots {
        if let Way::Shares(set) = &root.way
            && SharePlan::new(set.threshold, set.total()).is_err()
        {
            return Err("a set of shares has an impossible threshold");
        }
    }
    Ok(())
}

/// Puts a way in the place of the one of its kind, or beside the other.
pub(super) fn put(roots: &mut Vec<RootEntry>, entry: RootEntry) {
    let is_same =
        |root: &RootEntry| root.plane == entry.plane && root.way.rank() == entry.way.rank();
    roots.retain(|root| !is_same(root));
    roots.push(entry);
    roots.sort_by_key(|root| (root.plane, root.way.rank()));
}

impl ShareSet {
    /// How many shares there are.
    ///
    /// PANIC: never saturates in a file that was checked; one with more than 255 is refused as any
    /// other above [`SHARES_MAX`].
    pub(super) fn total(&self) -> u8 {
        u8::try_from(self.tags.len()).unwrap_or(u8::MAX)
    }

    pub(super) fn facts(&self) -> SetFacts {
        SetFacts { id: hex(&self.id), threshold: self.threshold, total: self.total() }
    }

    /// Whether a share is one of this set, by its digest.  TIMING: compared in constant time.
    pub(super) fn knows(&self, share: &Share) -> bool {
        let at = usize::from(share.head().index).checked_sub(1);
        let tag = at.and_then(|at| self.tags.get(at));
        tag.is_some_and(|tag| tag.ct_eq(&share.tag()))
    }

    /// The key that the set's copy of the root is sealed under.
    pub(super) fn kek(&self, shares: &[&Share], plane: Plane, store_id: &StoreId) -> WrapKey {
        kek(&Share::join(shares, &context(&self.id, plane, store_id)))
    }

    /// Makes shares of a fresh secret; `seal` seals the root under the key that they give.
    pub(super) fn make(
        plan: SharePlan,
        plane: Plane,
        store_id: &StoreId,
        entropy: &Entropy,
        seal: impl FnOnce(&WrapKey) -> Result<Vec<u8>, Error>,
    ) -> Result<(Self, Vec<Share>), Error> {
        let id = entropy.draw()?;
        let secret = SecretBytes::generate(entropy)?;
        let sealed = seal(&kek(&Share::kek(&secret, &context(&id, plane, store_id))))?;
        let parts = shamir::split(&secret, plan.threshold, plan.total, entropy)?;
        // What opens nothing must never be handed out: the first of them and the last are tried.
        for skipped in [0, plan.total - plan.threshold] {
            let chosen = (1..).zip(&parts).skip(skipped.into()).take(plan.threshold.into());
            let joined = shamir::join(&chosen.collect::<Vec<_>>());
            assert!(joined.ct_eq(&secret), "shares give back what they were made of");
        }
        let store = store_of(store_id);
        let shares: Vec<Share> = (1..=plan.total)
            .zip(parts)
            .map(|(index, part)| {
                let plane = number_of(plane);
                let threshold = plan.threshold;
                Share::new(ShareHead { plane, store, set: id, threshold, index }, part)
            })
            .collect();
        let tags = shares.iter().map(Share::tag).collect();
        Ok((Self { id, threshold: plan.threshold, tags, sealed }, shares))
    }
}

fn kek(secret: &SecretBytes<32>) -> WrapKey {
    WrapKey::new(KeyId::UNNUMBERED, secret)
}

fn context<'a>(set: &'a [u8; 8], plane: Plane, store_id: &'a StoreId) -> [&'a [u8]; 3] {
    [store_id.as_bytes(), plane.text().as_bytes(), set]
}

/// FORMAT: the number of a root in a share.
pub(super) const fn number_of(plane: Plane) -> u8 {
    match plane {
        Plane::Registers => 1,
        Plane::Vault => 2,
    }
}

/// The root that a share says it is for.
pub(super) fn plane_of(head: &ShareHead) -> Option<Plane> {
    Plane::ALL.iter().copied().find(|plane| number_of(*plane) == head.plane)
}

/// FORMAT: how a share names its store.
pub(super) fn store_of(store_id: &StoreId) -> [u8; 4] {
    let mut beginning = [0; 4];
    beginning.copy_from_slice(&store_id.as_bytes()[..4]);
    beginning
}
