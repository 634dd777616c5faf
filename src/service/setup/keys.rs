//! Changing what opens the roots, on the server's host, with the server sealed or stopped.
//!
//! ```text
//!  given: passphrase, shares ──► both roots open ──► stores held until the end
//!     ──► shares made and handed over, durable ──► entry in the log, durable ──► key file, durable
//! ```
//!
//! INVARIANT: no change of a root without its entry: the entry is written first, once nothing is left
//! to do but to replace the file.  A crash between the two leaves an entry of what was not done, with
//! the set that is not in the file; `hvelv keys show` says which is.
//! INVARIANT: a server cannot be unsealed, nor reopen its stores, from before the change until after
//! it: the stores are held.
//! INVARIANT: shares are handed over before they are in force: none is lost with its root.
//!
//! What it does *not* protect: the shares go to whoever runs the command; that each reaches its holder
//! and nobody else is the ceremony's.

use std::os::unix::fs::MetadataExt as _;

use zeroize::Zeroizing;

use super::{Installation, PersonNumbers, SetupError};
use crate::audit::{Action, Actor, Entry};
use crate::clock::{Clock, SystemClock};
use crate::crypto::{Entropy, Passphrase, Share};
pub use crate::keyring::OtherWay as Others;
use crate::keyring::{
    Editor, NewWays, NumberSpace, Plane, RootFacts, SealedKeyring, SharePlan, Unsealing,
};
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
    /// What was given, for the log.
    pub(super) given: Vec<String>,
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
        let opened = self.unsealing.give_passphrase(passphrase)?;
        self.given.extend(opened.iter().map(|plane| format!("{plane} root by passphrase")));
        Ok(())
    }

    /// Takes a share.
    ///
    /// # Errors
    ///
    /// The key file's.
    pub fn share(&mut self, share: Share) -> Result<(), SetupError> {
        let taken = self.unsealing.give_share(share)?;
        let (plane, set, index) = (taken.plane, taken.set, taken.index);
        self.given.push(format!("{plane} root, set {set}, share {index}"));
        Ok(())
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
        Ok(KeysGiven { unsealing: Unsealing::of(self.key_file()?), given: Vec::new() })
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
        // Whatever is wrong with the plan is told before anything is opened.
        let _ = change.plan()?;
        self.while_held(recorded, |open| change_held(open, root, change, given, hand_over))
    }

    /// Gives keys to registers of the catalogue that have none, and to purposes that are newer than the
    /// file. Returns how many keys were made.
    ///
    /// # Errors
    ///
    /// [`SetupError::KeyFile`].
    pub fn add_registers(&self, given: KeysGiven) -> Result<usize, SetupError> {
        let entropy = Entropy::os();
        let now = SystemClock::new().now();
        let mut editor = Editor::open_by(given.unsealing, &entropy, now)?;
        let made = editor.add_registers(&self.plan().registers)?;
        editor.commit()?;
        Ok(made.len())
    }

    /// The person numbers that may have been drawn so far, at most `max`, and as many that never
    /// were, for a search of files. `dangerous_`: they must not leave the process.
    ///
    /// # Errors
    ///
    /// [`SetupError::KeyFile`].
    pub(crate) fn dangerous_person_numbers(
        &self,
        given: KeysGiven,
        max: u64,
    ) -> Result<PersonNumbers, SetupError> {
        let keyring = given.unsealing.open()?;
        let end = keyring.marks().get(NumberSpace::Persons);
        let key = keyring.vault().person_numbers.active();
        let mut numbers = PersonNumbers::default();
        let count = end.min(max);
        key.numbers_at(0..count, &mut numbers.drawn)?;
        key.numbers_at(end..end + count, &mut numbers.never_drawn)?;
        Ok(numbers)
    }

    fn key_file(&self) -> Result<SealedKeyring, SetupError> {
        Ok(SealedKeyring::load(&self.config.key_file, environment(self.config.mode))?)
    }

    /// Opens everything, so that no server does, for a change, and closes it.
    pub(super) fn while_held<T>(
        &self,
        given: KeysGiven,
        change: impl FnOnce(&Open) -> Result<T, SetupError>,
    ) -> Result<T, SetupError> {
        given.unsealing.check_complete()?;
        let keys = OpenKeys::unseal(given.unsealing).map_err(SetupError::Open)?;
        let (open, closed) = Open::with_keys(&self.parts()?, keys).map_err(SetupError::Open)?;
        let done = change(&open);
        drop(open);
        // Ends when everything is closed.
        let _ = closed.recv();
        done
    }
}

/// The change, while the stores are held.
fn change_held<E>(
    open: &Open,
    root: Root,
    change: &KeyChange,
    given: KeysGiven,
    hand_over: impl FnOnce(&[MadeShare]) -> Result<(), E>,
) -> Result<Result<(), E>, SetupError> {
    let plane = root.plane();
    let planned = change.plan()?;
    let clock = SystemClock::new();
    let entropy = Entropy::os();
    let by = given.given;
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
    let mut entry = change.entry(root, &clock);
    entry.changes.extend(shares.first().map(|share| format!("set {}", share.set_text())));
    Ok(Ok(record_and_commit(open, editor, entry, by)?))
}

/// The entry, with who did it; then the file.
pub(super) fn record_and_commit(
    open: &Open,
    editor: Editor<'_>,
    mut entry: Entry,
    by: Vec<String>,
) -> Result<(), SetupError> {
    let (action, time) = (entry.action, entry.time);
    entry.changes.extend(by.into_iter().map(|line| format!("opened by {line}")));
    entry.changes.extend(user().map(|user| format!("by user {user} of the host")));
    record(open, entry)?;
    let done = editor.commit();
    if done.is_err() {
        let mut entry = Entry::new(time, Actor::Server, Action::Refused);
        entry.attempted = Some(action);
        entry.reason = Some(ErrorCode::KeyFileUnusable.as_str().to_owned());
        record(open, entry)?;
    }
    Ok(done?)
}

fn record(open: &Open, entry: Entry) -> Result<(), SetupError> {
    let recorded = open.registers.record_act_and_wait(entry);
    recorded
        .map(drop)
        .map_err(|error| SetupError::Open(Error::new(ErrorCode::StoreUnusable).with_source(error)))
}

/// The number of the user who runs this, as the system has it.
pub(super) fn user() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|process| process.uid())
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

    fn entry(&self, root: Root, clock: &SystemClock) -> Entry {
        let (action, text) = match self {
            Self::Replace(wanted) => (Action::RootReplaced, wanted.text()),
            Self::Ways { wanted, others } => {
                let action = match wanted.shares {
                    Some(_) => Action::SharesMade,
                    None => Action::PassphraseChanged,
                };
                let alone = match others {
                    Others::Keep => "",
                    Others::Remove => ", and nothing else",
                };
                (action, wanted.text() + alone)
            }
        };
        let mut entry = Entry::new(clock.now(), Actor::Server, action);
        entry.changes = vec![format!("{} root", root.name()), text];
        entry
    }
}

impl std::fmt::Debug for MadeShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeShare({}, ..)", self.index)
    }
}
