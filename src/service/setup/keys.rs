//! Changing what opens the roots, on the server's host, with the server sealed or stopped.
//!
//! ```text
//!  given: passphrase, shares ──► both roots open ──► entry in the log, durable
//!     ──► shares made and handed over, durable ──► key file, durable
//! ```
//!
//! INVARIANT: no change of a root without its entry: the entry is written first.  A crash between the
//! two leaves an entry of what was not done, and `hvelv keys show` says what is.
//! INVARIANT: shares are handed over before they are in force: none is lost with its root.
//!
//! What it does *not* protect: the shares go to whoever runs the command; that each reaches its holder
//! and nobody else is the ceremony's.

use zeroize::Zeroizing;

use super::{Installation, SetupError};
use crate::audit::{Action, Actor, Entry};
use crate::clock::{Clock, SystemClock};
use crate::crypto::{Entropy, Passphrase, Share};
pub use crate::keyring::OtherWay as Others;
use crate::keyring::{Editor, NewWays, Plane, RootFacts, SealedKeyring, SharePlan, Unsealing};
use crate::service::open::{Open, OpenKeys, environment};
use crate::service::{Error, ErrorCode};

/// A root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// That of the register plane.
    Registers,
    /// That of the vault.
    Vault,
}

impl Root {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.plane().text()
    }

    const fn plane(self) -> Plane {
        match self {
            Self::Registers => Plane::Registers,
            Self::Vault => Plane::Vault,
        }
    }
}

/// What opens a root, as the key file says in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootWays {
    /// `registers` or `vault`.
    pub root: &'static str,
    /// Whether a passphrase opens it.
    pub passphrase: bool,
    /// Set, threshold and total of its shares, if it has any.
    pub shares: Option<(String, u8, u8)>,
}

/// What opens the roots as they are.
#[derive(Debug)]
pub struct KeysGiven {
    pub(super) unsealing: Unsealing,
}

/// What is to open a root from now on.
#[derive(Debug)]
pub struct WaysWanted {
    /// A passphrase.
    pub passphrase: Option<Passphrase>,
    /// How many shares to make, and how many of them open the root: threshold, then total.
    pub shares: Option<(u8, u8)>,
}

/// A change of a root.
#[derive(Debug)]
pub enum KeyChange {
    /// New ways, in the place of those of their kind.
    Ways {
        /// What is new.
        wanted: WaysWanted,
        /// Whether ways of the other kind stay.
        others: Others,
    },
    /// A new root, with new ways.
    Replace(WaysWanted),
}

/// A share that was made, for its holder.
pub struct MadeShare {
    /// Its number, from 1.
    pub index: u8,
    /// The text.
    pub text: Zeroizing<String>,
}

impl KeysGiven {
    /// Takes a passphrase.
    ///
    /// # Errors
    ///
    /// The key file's.
    pub fn passphrase(&mut self, passphrase: &Passphrase) -> Result<(), SetupError> {
        Ok(self.unsealing.give_passphrase(passphrase)?)
    }

    /// Takes a share.
    ///
    /// # Errors
    ///
    /// The key file's.
    pub fn share(&mut self, share: Share) -> Result<(), SetupError> {
        Ok(self.unsealing.give_share(share).map(drop)?)
    }

    /// Whether both roots are open.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unsealing.is_complete()
    }
}

impl Installation {
    /// What opens each root; nothing is authenticated.
    ///
    /// # Errors
    ///
    /// The key file's.
    pub fn root_ways(&self) -> Result<Vec<RootWays>, SetupError> {
        let ways = |root: &RootFacts| RootWays {
            root: root.plane.text(),
            passphrase: root.passphrase,
            shares: root.shares.as_ref().map(|set| (set.id.clone(), set.threshold, set.total)),
        };
        Ok(self.key_file()?.roots().iter().map(ways).collect())
    }

    /// To be given what opens the roots.
    ///
    /// # Errors
    ///
    /// The key file's.
    pub fn open_roots(&self) -> Result<KeysGiven, SetupError> {
        Ok(KeysGiven { unsealing: Unsealing::of(self.key_file()?) })
    }

    /// Changes a root: `recorded` was given for the entry, `given` for the change itself, since each
    /// opening uses up what it was given.  Shares that were asked for are given to `hand_over`, which
    /// makes them durable; if it fails nothing is changed.
    ///
    /// # Errors
    ///
    /// The key file's; that a store is in use, when the server is open. Within, what `hand_over` says.
    pub fn change_root<E>(
        &self,
        root: Root,
        change: &KeyChange,
        [recorded, given]: [KeysGiven; 2],
        hand_over: impl FnOnce(&[MadeShare]) -> Result<(), E>,
    ) -> Result<Result<(), E>, SetupError> {
        let plane = root.plane();
        let planned = change.plan()?;
        recorded.unsealing.check_complete()?;
        let clock = SystemClock::new();
        let entropy = Entropy::os();
        self.record_change(change.entries(root, &clock), recorded)?;
        let mut editor = Editor::open_by(given.unsealing, &entropy, clock.now())?;
        let shares = match change {
            KeyChange::Replace(wanted) => {
                let passphrase = wanted.passphrase.as_ref();
                editor.replace_root(plane, &NewWays { passphrase, shares: planned })?
            }
            KeyChange::Ways { wanted, others } => {
                let mut others = *others;
                if let Some(passphrase) = &wanted.passphrase {
                    editor.set_passphrase(plane, passphrase, others)?;
                    // What was made here stays.
                    others = Others::Keep;
                }
                planned.map_or(Ok(Vec::new()), |plan| editor.split_root(plane, plan, others))?
            }
        };
        let made = |share: &Share| MadeShare { index: share.head().index, text: share.to_text() };
        let made: Vec<MadeShare> = shares.iter().map(made).collect();
        if let Err(error) = hand_over(&made) {
            return Ok(Err(error));
        }
        editor.commit()?;
        Ok(Ok(()))
    }

    fn key_file(&self) -> Result<SealedKeyring, SetupError> {
        Ok(SealedKeyring::load(&self.config.key_file, environment(self.config.mode))?)
    }

    /// Writes the entries, with everything open for as long as that takes.
    fn record_change(&self, entries: Vec<Entry>, given: KeysGiven) -> Result<(), SetupError> {
        let keys = OpenKeys::unseal(given.unsealing).map_err(SetupError::Open)?;
        let (open, closed) = Open::with_keys(&self.parts()?, keys).map_err(SetupError::Open)?;
        for entry in entries {
            let recorded = open.registers.record_act_and_wait(entry);
            let _ = recorded.map_err(|error| {
                let code = ErrorCode::StoreUnusable;
                SetupError::Open(Error::new(code).with_source(error))
            })?;
        }
        drop(open);
        // Ends when everything is closed.
        let _ = closed.recv();
        Ok(())
    }
}

impl WaysWanted {
    fn plan(&self) -> Result<Option<SharePlan>, SetupError> {
        let plan = |(threshold, total)| SharePlan::new(threshold, total);
        Ok(self.shares.map(plan).transpose()?)
    }

    fn text(&self) -> String {
        let passphrase = self.passphrase.as_ref().map(|_| "passphrase".to_owned());
        let shares = self.shares.map(|(threshold, total)| format!("{threshold} of {total} shares"));
        passphrase.into_iter().chain(shares).collect::<Vec<_>>().join(" or ")
    }
}

impl KeyChange {
    fn plan(&self) -> Result<Option<SharePlan>, SetupError> {
        match self {
            Self::Replace(wanted) | Self::Ways { wanted, .. } => wanted.plan(),
        }
    }

    fn entries(&self, root: Root, clock: &SystemClock) -> Vec<Entry> {
        let entry = |action, text: String| {
            let mut entry = Entry::new(clock.now(), Actor::Server, action);
            entry.changes = vec![format!("{} root", root.name()), text];
            entry
        };
        let alone = |others: &Others| match others {
            Others::Keep => "",
            Others::Remove => ", and nothing else",
        };
        match self {
            Self::Replace(wanted) => vec![entry(Action::RootReplaced, wanted.text())],
            Self::Ways { wanted, others } => {
                let action = match wanted.shares {
                    Some(_) => Action::SharesMade,
                    None => Action::PassphraseChanged,
                };
                vec![entry(action, wanted.text() + alone(others))]
            }
        }
    }
}

impl std::fmt::Debug for MadeShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeShare({}, ..)", self.index)
    }
}
