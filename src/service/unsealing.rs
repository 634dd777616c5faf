//! Opening the server: by passphrase at once, or share by share from different persons.
//!
//! ```text
//!  sealed ── share ──► registers 1 of 2 ── share ──► registers open ── … ──► both open ──► open
//!    ▲                     │ seal.shares_kept_minutes, or seal
//!    └───── forgotten ─────┘
//! ```
//!
//! Why the server waits and not the holders: they need not be in one place, nor see each other's
//! shares.
//!
//! Who gave what, and what was refused or forgotten meanwhile, is recorded when the server opens: until
//! then there is no log to write to.  The operational log has it at once.
//!
//! INVARIANT: a root is opened by shares of as many different natural persons as its threshold.
//!
//! What it does *not* protect: whoever controls the host while shares are given has them; and a
//! process that ends before the server opens takes the list of who gave what with it.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::ingest::register_error;
use super::open::{Open, OpenKeys, key_file_error};
use super::state::{RootState, Unsealed};
use super::{Current, Error, ErrorCode, Service, State, actor, allow};
use crate::audit::{Action, Actor, Entry};
use crate::config::codes::PrincipalName;
use crate::crypto::{Passphrase, Share};
use crate::keyring::{Plane, RootProgress, Unsealing};
use crate::policy::{Denied, Permit, Right};

/// Refusals that wait for the server to open; of more only the number is recorded.
const REFUSALS_MAX: usize = 256;
/// Other entries that wait.  Those that count towards opening it are the newest, and fewer than 100:
/// the oldest give way.
const ACTS_MAX: usize = 1024;

/// What was given towards opening the server.
#[derive(Default)]
pub(super) struct Collected {
    unsealing: Option<Unsealing>,
    givers: Vec<Giver>,
    /// When something was last given.
    last: Duration,
    waiting: Vec<Entry>,
    left_out: u64,
}

/// Who gave a share.
struct Giver {
    plane: Plane,
    index: u8,
    principal: PrincipalName,
    person: PrincipalName,
}

/// A share was taken.
#[derive(Clone, Debug)]
pub struct GivenShare {
    /// Its root.
    pub plane: &'static str,
    /// Its number.
    pub index: u8,
    /// Whether that opened the server.
    pub outcome: Unsealed,
}

impl Collected {
    /// Forgets what was given; the secrets are wiped.
    fn forget(&mut self) {
        self.unsealing = None;
        self.givers.clear();
    }

    fn wait(&mut self, entry: Entry) {
        let is_refusal = |entry: &Entry| entry.action == Action::Refused;
        let kind = is_refusal(&entry);
        let same = self.waiting.iter().filter(|waiting| is_refusal(waiting) == kind).count();
        if kind && same >= REFUSALS_MAX {
            self.left_out += 1;
            return;
        }
        if !kind && same >= ACTS_MAX {
            let oldest = self.waiting.iter().position(|waiting| !is_refusal(waiting));
            if let Some(oldest) = oldest {
                self.waiting.remove(oldest);
            }
            self.left_out += 1;
        }
        self.waiting.push(entry);
    }

    /// Forgets what was given, and leaves an entry that says so; says whether there was anything.
    fn forget_by(&mut self, entry: &Entry) -> bool {
        let had = self.unsealing.as_ref().is_some_and(|given| !given.is_empty());
        self.forget();
        if had {
            let mut entry = entry.clone();
            entry.changes.insert(0, "what was given towards opening is forgotten".to_owned());
            self.wait(entry);
        }
        had
    }

    /// Whether a person, or their principal, gave a share of a root that still counts.
    fn has_given(&self, plane: Plane, principal: &PrincipalName, person: &PrincipalName) -> bool {
        let is_same = |giver: &Giver| giver.principal == *principal || giver.person == *person;
        self.givers.iter().any(|giver| giver.plane == plane && is_same(giver))
    }

    /// How far each root is; a giver whose share no longer counts is forgotten.
    fn progress(&mut self) -> Result<Vec<RootProgress>, Error> {
        let Some(unsealing) = &mut self.unsealing else { return Ok(Vec::new()) };
        let progress = unsealing.progress().map_err(key_file_error)?;
        self.givers.retain(|giver| {
            let mut roots = progress.iter().filter(|root| root.facts.plane == giver.plane);
            roots.any(|root| root.given.contains(&giver.index))
        });
        Ok(progress)
    }

    fn states(&mut self) -> Result<Vec<RootState>, Error> {
        let progress = self.progress()?;
        let given_by = |root: &RootProgress| {
            let giver = |index: &u8| {
                let is_it =
                    |giver: &&Giver| (giver.plane, giver.index) == (root.facts.plane, *index);
                let giver = self.givers.iter().find(is_it);
                giver.map_or(String::new(), |giver| giver.principal.as_str().to_owned())
            };
            root.given.iter().map(giver).collect()
        };
        Ok(progress.iter().map(|root| RootState::new(root, given_by(root))).collect())
    }
}

impl Service {
    /// Takes a passphrase: opens the roots that have it and, when both are open, the stores, the index
    /// and the columns, and starts to serve.
    ///
    /// # Errors
    ///
    /// `already_unsealed`, `passphrase_wrong`, `passphrase_not_in_use`, `key_file_unusable`,
    /// `development_keys`, `store_unusable`; the log has the cause.
    pub fn unseal(&self, permit: &Permit, passphrase: Passphrase) -> Result<Unsealed, Error> {
        allow(permit, &Right::Operate)?;
        let _transition = self.begin_unsealing()?;
        let mut collected = self.collected();
        let outcome = self.take_passphrase(&mut collected, permit, passphrase);
        let outcome = outcome.and_then(|()| self.open_if_complete(&mut collected, permit));
        self.end_unsealing(&mut collected, permit, Action::Unsealed, outcome)
    }

    /// Takes a share; when both roots are open, opens the server as [`Self::unseal`] does.
    ///
    /// # Errors
    ///
    /// `share_wrong`, `share_same_person`, `share_given_already`, `share_not_in_use`, `root_open`,
    /// `not_allowed` for who is no natural person; as [`Self::unseal`].
    pub fn give_share(&self, permit: &Permit, share: Share) -> Result<GivenShare, Error> {
        allow(permit, &Right::GiveShares)?;
        let _transition = self.begin_unsealing()?;
        let mut collected = self.collected();
        let taken = self.take_share(&mut collected, permit, share);
        let given = taken.as_ref().ok().copied();
        let outcome = taken.and_then(|_| self.open_if_complete(&mut collected, permit));
        let outcome = self.end_unsealing(&mut collected, permit, Action::ShareGiven, outcome)?;
        let (plane, index) = given.ok_or_else(|| Error::internal("a share was taken"))?;
        Ok(GivenShare { plane: plane.text(), index, outcome })
    }

    /// How far each root is; nothing when the server is open.
    pub fn root_states(&self, permit: &Permit) -> Vec<RootState> {
        if allow(permit, &Right::GiveShares).is_err() || *self.state.borrow() != State::Sealed {
            return Vec::new();
        }
        let mut collected = self.collected();
        let begun = self.begin_collecting(&mut collected).is_ok();
        if begun { collected.states().unwrap_or_default() } else { Vec::new() }
    }

    /// Forgets what was given towards opening the server; says whether there was anything. `entry` says
    /// in the log, once it opens, by whom and why.
    pub(super) fn forget_shares(&self, entry: &Entry) -> bool {
        self.collected().forget_by(entry)
    }

    /// Keeps an entry until there is a log to write it to.
    pub(super) fn record_at_opening(&self, entry: Entry) {
        self.collected().wait(entry);
    }

    /// Forgets what was given too long ago.
    pub(super) fn forget_late_shares(&self) {
        drop(self.collected());
    }

    fn begin_unsealing(&self) -> Result<MutexGuard<'_, ()>, Error> {
        let transition = self.begin_transition();
        if *self.state.borrow() != State::Sealed {
            return Err(Error::new(ErrorCode::AlreadyUnsealed));
        }
        self.state.send_replace(State::Unsealing);
        Ok(transition)
    }

    /// Says what the server is now, and remembers for the log what was refused.
    fn end_unsealing<T>(
        &self,
        collected: &mut Collected,
        permit: &Permit,
        attempted: Action,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        let is_open = self.current_open().is_some();
        self.state.send_replace(if is_open { State::Open } else { State::Sealed });
        if let Err(error) = &outcome {
            let mut entry = self.entry(actor(permit), Action::Refused);
            entry.attempted = Some(attempted);
            entry.reason = Some(error.code().as_str().to_owned());
            collected.wait(entry);
        }
        outcome
    }

    /// What was given so far, unless it is too old.
    fn collected(&self) -> MutexGuard<'_, Collected> {
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = u64::from(self.parts.config.seal.shares_kept_minutes) * 60;
        let age = self.parts.clock.monotonic().saturating_sub(collected.last);
        let has_any = collected.unsealing.as_ref().is_some_and(|given| !given.is_empty());
        if has_any && age >= Duration::from_secs(kept) {
            tracing::warn!(
                "the shares given so far are forgotten: the others did not come in time"
            );
            let mut entry = self.entry(Actor::Server, Action::Sealed);
            entry.changes = vec!["the others did not come in time".to_owned()];
            collected.forget_by(&entry);
        }
        collected
    }

    fn begin_collecting<'a>(
        &self,
        collected: &'a mut Collected,
    ) -> Result<&'a mut Unsealing, Error> {
        let file = self.key_file()?;
        let is_same = collected.unsealing.as_ref().is_some_and(|given| given.is_of(&file));
        if !is_same {
            collected.forget();
        }
        Ok(collected.unsealing.get_or_insert_with(|| Unsealing::of(file)))
    }

    fn take_passphrase(
        &self,
        collected: &mut Collected,
        permit: &Permit,
        passphrase: Passphrase,
    ) -> Result<(), Error> {
        let unsealing = self.begin_collecting(collected)?;
        let opened = unsealing.give_passphrase(&passphrase).map_err(key_file_error)?;
        collected.last = self.parts.clock.monotonic();
        // Whoever opens both roots by one passphrase is who the entry of the opening says.
        if let [plane] = opened[..] {
            let mut entry = self.entry(actor(permit), Action::PassphraseGiven);
            entry.changes = vec![format!("{plane} root")];
            collected.wait(entry);
        }
        tracing::info!(roots = opened.len(), "passphrase given");
        Ok(())
    }

    fn take_share(
        &self,
        collected: &mut Collected,
        permit: &Permit,
        share: Share,
    ) -> Result<(Plane, u8), Error> {
        let no_person = || Error::from(Denied).with_text("a share is given by a natural person");
        let person = permit.person().ok_or_else(no_person)?;
        let unsealing = self.begin_collecting(collected)?;
        let taken = unsealing.check_share(&share).map_err(key_file_error)?;
        collected.progress()?;
        let (plane, index) = (taken.plane, taken.index);
        if collected.has_given(plane, permit.principal(), person) {
            return Err(Error::new(ErrorCode::ShareSamePerson));
        }
        let unsealing = self.begin_collecting(collected)?;
        unsealing.give_share(share).map_err(key_file_error)?;
        let (principal, person) = (permit.principal().clone(), person.clone());
        collected.givers.push(Giver { plane, index, principal, person });
        collected.last = self.parts.clock.monotonic();
        let mut entry = self.entry(actor(permit), Action::ShareGiven);
        entry.changes = vec![format!("{plane} root, set {}, share {index}", taken.set)];
        collected.wait(entry);
        tracing::info!(%plane, share = index, "share given");
        Ok((plane, index))
    }

    fn open_if_complete(
        &self,
        collected: &mut Collected,
        permit: &Permit,
    ) -> Result<Unsealed, Error> {
        if !collected.unsealing.as_ref().is_some_and(Unsealing::is_complete) {
            let waiting = collected.states()?;
            return Ok(Unsealed { persons: 0, load: Duration::ZERO, waiting });
        }
        let begun = self.parts.clock.monotonic();
        let unsealing = collected.unsealing.take();
        collected.forget();
        let unsealing = unsealing.ok_or_else(|| Error::internal("both roots are open"))?;
        let keys = OpenKeys::unseal(unsealing)?;
        let opened = Open::with_keys(&self.parts, keys)?;
        let open = &opened.0;
        self.finish_closing(open)?;
        let load = self.parts.clock.monotonic().saturating_sub(begun);
        let persons = open.vault.identifiers_total();
        self.record_opening(open, collected, permit, persons)?;
        tracing::info!(persons, load_ms = load.as_millis(), "unsealed");
        self.touch();
        let current = Current::new(opened);
        let open = Arc::clone(&current.open);
        self.install(Some(current));
        // A file that was loaded meanwhile found nothing open.
        self.apply_access_now(&open);
        Ok(Unsealed { persons, load, waiting: Vec::new() })
    }

    /// Records what happened while there was no log to write to, and that the server opens.
    fn record_opening(
        &self,
        open: &Open,
        collected: &mut Collected,
        permit: &Permit,
        persons: u64,
    ) -> Result<(), Error> {
        let record = |entry: Entry| {
            open.registers.record_act_and_wait(entry).map(drop).map_err(register_error)
        };
        let mut entry = self.entry(actor(permit), Action::Unsealed);
        entry.counts.insert("persons".into(), persons);
        if collected.left_out > 0 {
            entry.counts.insert("left_out".into(), collected.left_out);
        }
        // Each once: what is in the log waits no longer, also when a later one cannot be written.
        while let Some(waiting) = collected.waiting.first().cloned() {
            record(waiting)?;
            collected.waiting.remove(0);
        }
        record(entry)?;
        collected.left_out = 0;
        self.apply_access(open)?;
        self.record_signing_keys(open)
    }
}
