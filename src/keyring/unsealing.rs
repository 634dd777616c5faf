//! Opening the roots, one piece at a time: a passphrase, or shares of different holders.
//!
//! ```text
//!  a share ──► of this store? ──► of the set in use? ──► its digest? ──► not given yet? ──► kept
//!                                                                                │ k of them
//!  a passphrase ──argon2id──────────────────────────────────────────► root ◄─────┘
//!                                          both roots ──► mac of the file ──► keys
//! ```
//!
//! Why it exists: holders come one after the other, perhaps hours apart, and each is told at once
//! whether the share is right.
//!
//! INVARIANT: a share is kept only while it is of the set in the file, and is wiped as soon as its
//! root is open; a root stays open only while what opened it is in the file.
//! INVARIANT: what is told of a share is its root and its number, never where it is wrong.
//!
//! What it does *not* know: who gave a share.  That holders are different persons is the service's.

use super::document::{Document, Parsed};
use super::kinds::Plane;
use super::open::{Root, Roots};
use super::sealed::Opened;
use super::ways::{RootFacts, ShareSet, Way, plane_of, store_of};
use super::{Error, Keyring, SealedKeyring, file};
use crate::crypto::secret::assert_secret;
use crate::crypto::{Passphrase, Share};

/// The roots that are open so far, and the shares of those that are not.
pub struct Unsealing {
    sealed: SealedKeyring,
    registers: Option<OpenRoot>,
    vault: Option<OpenRoot>,
    shares: Vec<Share>,
}

/// A root that is open, and the copy of it that was opened.
struct OpenRoot {
    root: Root,
    /// INVARIANT: it stands in the file; a way that is changed counts no more, nor does what it opened.
    sealed: Vec<u8>,
}

/// How far a root is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootProgress {
    /// Which root, and what opens it.
    pub facts: RootFacts,
    /// Whether it is open.
    pub is_open: bool,
    /// The numbers of the shares given, ascending; none once it is open.
    pub given: Vec<u8>,
}

/// A share that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenShare {
    /// Its root.
    pub plane: Plane,
    /// Its number.
    pub index: u8,
    /// Its set, in hexadecimal.
    pub set: String,
}

impl Unsealing {
    /// Nothing given yet.
    #[must_use]
    pub fn of(sealed: SealedKeyring) -> Self {
        Self { sealed, registers: None, vault: None, shares: Vec::new() }
    }

    /// Takes a passphrase: opens each root that is sealed by it.  A run of argon2id on this thread for
    /// each root that is not open.  Says which it opened.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`] when it opens none; [`Error::NoPassphrase`] when no root that is
    /// still closed has one; as [`SealedKeyring::load`].
    pub fn give_passphrase(&mut self, passphrase: &Passphrase) -> Result<Vec<Plane>, Error> {
        let document = self.read()?;
        let (mut tried, mut opened) = (None, Vec::new());
        for entry in &document.roots {
            if self.slot(entry.plane).is_some() || !matches!(entry.way, Way::Passphrase { .. }) {
                continue;
            }
            match Root::open(entry, &document.store_id, passphrase) {
                Ok(root) => {
                    self.put(root, entry.way.sealed().to_vec());
                    opened.push(entry.plane);
                }
                Err(Error::WrongPassphrase { plane }) => tried = tried.or(Some(plane)),
                Err(error) => return Err(error),
            }
        }
        match tried {
            _ if !opened.is_empty() => Ok(opened),
            Some(plane) => Err(Error::WrongPassphrase { plane }),
            None => Err(Error::NoPassphrase),
        }
    }

    /// Whether a share would be taken; says which it is.
    ///
    /// # Errors
    /// [`Error::ShareOfAnotherStore`], [`Error::ShareOfAnotherSet`], [`Error::ShareWrong`],
    /// [`Error::ShareTwice`], [`Error::RootOpen`]; as [`SealedKeyring::load`].
    pub fn check_share(&mut self, share: &Share) -> Result<TakenShare, Error> {
        let document = self.read()?;
        let set = self.set_of(&document, share)?;
        let plane = plane_of(share.head()).ok_or(Error::ShareOfAnotherStore)?;
        let index = share.head().index;
        if !set.knows(share) {
            return Err(Error::ShareWrong { plane, index });
        }
        if self.shares.iter().any(|given| given.head() == share.head()) {
            return Err(Error::ShareTwice { plane, index });
        }
        Ok(TakenShare { plane, index, set: set.facts().id })
    }

    /// Takes a share; with as many as the threshold its root opens.
    ///
    /// # Errors
    /// As [`Unsealing::check_share`]; [`Error::SharesDoNotOpen`] when the file was changed by hand, and
    /// then the shares given are wiped.
    pub fn give_share(&mut self, share: Share) -> Result<TakenShare, Error> {
        let taken = self.check_share(&share)?;
        self.shares.push(share);
        let document = self.read()?;
        let (plane, store_id) = (taken.plane, document.store_id);
        let Some(set) = set_in(&document, plane) else { return Ok(taken) };
        let of_plane = |share: &&Share| plane_of(share.head()) == Some(plane);
        let given: Vec<&Share> = self.shares.iter().filter(of_plane).collect();
        if given.len() < usize::from(set.threshold) {
            return Ok(taken);
        }
        let root =
            Root::open_under(&set.kek(&given, plane, &store_id), plane, &store_id, &set.sealed);
        self.shares.retain(|share| plane_of(share.head()) != Some(plane));
        self.put(root.map_err(|_| Error::SharesDoNotOpen { plane })?, set.sealed.clone());
        Ok(taken)
    }

    /// How far each root is.
    ///
    /// # Errors
    /// As [`SealedKeyring::load`].
    pub fn progress(&mut self) -> Result<Vec<RootProgress>, Error> {
        let document = self.read()?;
        let of = |plane: &Plane| {
            let given = self.shares.iter().filter(|share| plane_of(share.head()) == Some(*plane));
            let mut given: Vec<u8> = given.map(|share| share.head().index).collect();
            given.sort_unstable();
            let facts = RootFacts::of(&document.roots, *plane);
            RootProgress { facts, is_open: self.slot(*plane).is_some(), given }
        };
        Ok(Plane::ALL.iter().map(of).collect())
    }

    /// Whether both roots are open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.registers.is_some() && self.vault.is_some()
    }

    /// That both roots are open.
    ///
    /// # Errors
    /// [`Error::RootClosed`], which names the first that is not.
    pub fn check_complete(&self) -> Result<(), Error> {
        let closed = Plane::ALL.iter().copied().find(|plane| self.slot(*plane).is_none());
        closed.map_or(Ok(()), |plane| Err(Error::RootClosed { plane }))
    }

    /// Whether nothing was given yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registers.is_none() && self.vault.is_none() && self.shares.is_empty()
    }

    /// Opens the keys.
    ///
    /// # Errors
    /// [`Error::RootClosed`] unless it is complete, also when a root, or what opened it, was changed
    /// meanwhile; [`Error::ChangedByHand`]; [`Error::NoActiveKey`]; as [`SealedKeyring::load`].
    pub fn open(self) -> Result<Keyring, Error> {
        let path = self.sealed.path().to_owned();
        Keyring::open(path, self.into_opened()?)
    }

    pub(super) fn into_opened(mut self) -> Result<Opened, Error> {
        let parsed = self.parse()?;
        self.forget_changed(&parsed.document);
        let closed = |plane| Error::RootClosed { plane };
        let registers = self.registers.take().ok_or_else(|| closed(Plane::Registers))?.root;
        let mac_key = registers.mac_key(&parsed.document.store_id);
        let document = parsed.authenticate(&mac_key)?;
        let vault = self.vault.take().ok_or_else(|| closed(Plane::Vault))?.root;
        Ok(Opened { document, roots: Roots::new(registers, vault), mac_key })
    }

    /// Whether it is the unsealing of this file, as it stands in the clear.
    #[must_use]
    pub fn is_of(&self, file: &SealedKeyring) -> bool {
        self.sealed.path() == file.path() && self.sealed.store_id() == file.store_id()
    }

    /// The file.
    #[must_use]
    pub fn sealed(&self) -> &SealedKeyring {
        &self.sealed
    }

    /// The file as it is now, and no share or root that is none of it.
    fn read(&mut self) -> Result<Document, Error> {
        let document = self.parse()?.document;
        self.forget_changed(&document);
        Ok(document)
    }

    fn forget_changed(&mut self, document: &Document) {
        for slot in [&mut self.registers, &mut self.vault] {
            let stands = |open: &OpenRoot| {
                let mut ways = document.ways(open.root.plane());
                ways.any(|way| way.sealed() == open.sealed)
            };
            if !slot.as_ref().is_some_and(stands) {
                *slot = None;
            }
        }
        self.shares.retain(|share| {
            let set = plane_of(share.head()).and_then(|plane| set_in(document, plane));
            set.is_some_and(|set| set.id == share.head().set)
        });
    }

    fn parse(&self) -> Result<Parsed, Error> {
        let parsed = Parsed::parse(file::read(self.sealed.path())?)?;
        self.sealed.check_same(&parsed.document)?;
        Ok(parsed)
    }

    /// The set in the file that a share belongs to.
    fn set_of<'a>(&self, document: &'a Document, share: &Share) -> Result<&'a ShareSet, Error> {
        let head = share.head();
        let of_store = head.store == store_of(&document.store_id);
        let plane = plane_of(head).filter(|_| of_store).ok_or(Error::ShareOfAnotherStore)?;
        if self.slot(plane).is_some() {
            return Err(Error::RootOpen { plane });
        }
        let set = set_in(document, plane).filter(|set| set.id == head.set);
        set.ok_or(Error::ShareOfAnotherSet { plane })
    }

    fn slot(&self, plane: Plane) -> Option<&Root> {
        match plane {
            Plane::Registers => self.registers.as_ref().map(|open| &open.root),
            Plane::Vault => self.vault.as_ref().map(|open| &open.root),
        }
    }

    /// Keeps a root that is open; shares of it are needed no longer.
    fn put(&mut self, root: Root, sealed: Vec<u8>) {
        let plane = root.plane();
        self.shares.retain(|share| plane_of(share.head()) != Some(plane));
        match plane {
            Plane::Registers => self.registers = Some(OpenRoot { root, sealed }),
            Plane::Vault => self.vault = Some(OpenRoot { root, sealed }),
        }
    }
}

fn set_in(document: &Document, plane: Plane) -> Option<&ShareSet> {
    document.ways(plane).find_map(|way| match way {
        Way::Passphrase { .. } => None,
        Way::Shares(set) => Some(set),
    })
}

impl std::fmt::Debug for Unsealing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsealing(..)")
    }
}

assert_secret!(Unsealing);
