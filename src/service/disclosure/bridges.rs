//! Bridges out: a file of identifiers and serials, sealed to the linking party of a decision.
//!
//! ```text
//! grant to that party ─► approval ─► identities, one pass ─► age file, in memory
//!                                                              │ record, use of the approval, entry:
//!                                                              ▼ durable
//!                                                            the file
//! ```
//!
//! Invariants: the party is the decision's and nobody else's; nobody but the party can read the file,
//! neither who asks nor who carries it; what was given, to whom and until when outlives the
//! disclosure.
//!
//! What it does *not* protect: that the key is the party's.  The officer gets it by a way that is not
//! the e-mail of the application, and so does who approves.  A file that is lost on its way is issued
//! again, with another approval.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::civil::Date;

use super::super::ingest::register_error;
use super::super::{Error, ErrorCode, Parameters, Service, Violation, actor};
use super::bridge_rows::{Sealed, Whom, decide};
use super::changing::{Change, Changed, about};
use super::disclosures::allow_reading;
use super::screening::{IssuingRegister, SeenRights, count_overridden};
use super::serials::Using;
use crate::approval;
use crate::audit::{Action, Recorded};
use crate::config::codes::OrganisationNumber;
use crate::disclosure::bridge::NewBridge;
use crate::disclosure::decision::BridgeOut;
use crate::disclosure::lifecycle::DisclosureUse;
use crate::disclosure::recipient_key::RecipientKey;
use crate::disclosure::{self, Act, Application, Bridge, Disclosure, DisclosureId, Refusal};
use crate::extract::recipient::Recipients;
use crate::policy::Permit;
use crate::registers::approvals::Approved;
use crate::registers::{PersonSet, Write};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct IssueBridge {
    /// Of which disclosure.
    pub disclosure: DisclosureId,
    /// To whom.
    pub party: OrganisationNumber,
    /// The age key that it is sealed to.
    pub key: RecipientKey,
}

/// A bridge that was issued, with its file.
pub struct SealedBridge {
    /// It.
    pub bridge: BridgeView,
    /// The age file.
    pub file: Vec<u8>,
}

/// A bridge as it is shown.
#[derive(Clone, Debug)]
pub struct BridgeView {
    /// It.
    pub bridge: Bridge,
    /// Whether the party should have deleted it before today, and has not said so.
    pub is_overdue: bool,
}

impl fmt::Debug for SealedBridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedBridge").field("bytes", &self.file.len()).finish_non_exhaustive()
    }
}

impl Service {
    /// Seals identifiers and serials of all persons of a disclosure to the linking party.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `disclosure_unknown`, `rule_refuses` when the decision does not name the party,
    /// its last day is over, or nobody is in the disclosure; `step_out_of_order`,
    /// `approval_required`, `approval_void`, `request_invalid`, `server_sealed`, `commit_uncertain`.
    pub fn issue_bridge(
        &self,
        permit: &Permit,
        request: &IssueBridge,
    ) -> Result<Recorded<SealedBridge>, Error> {
        let IssueBridge { disclosure: id, party, key } = request;
        let recipients = Recipients::parse(&[key.as_str()]).map_err(|error| {
            let text = error.to_string().into();
            Error::invalid(vec![Violation { field: "key".into(), text }])
        })?;
        let action = Action::BridgeIssued;
        let granting = |disclosure: &Disclosure, application: &Application, day: Date| {
            grant(disclosure, application, *party, day).map(|_| ())
        };
        let using = self.use_granted(permit, *id, action, granting)?;
        let (open, entry) = (&using.open, &using.entry);
        let nobody = using.in_use.members.count() == 0;
        let text = "nobody is in the disclosure yet; make its extract first";
        let outcome = if nobody { Err(Error::rule(text.to_owned())) } else { Ok(()) };
        self.or_record(open, entry, outcome)?;
        let pairs = [("party", party.to_string()), ("key", key.to_string())];
        let parameters = Parameters(pairs.map(|(name, value)| (name.to_owned(), value)).into());
        let act = (approval::Act::BridgeOut, &*id.to_string());
        let approved = self.take_approval(open, permit, act, &parameters);
        let approved = self.or_record(open, entry, approved)?;
        let registers =
            self.registers_of(&using.application, &using.decided, IssuingRegister::of_bridge)?;
        let seen = SeenRights::look(open, registers)?;
        let sealed = self.seal_bridge(&using, &approved, (&recipients, &seen.registers))?;
        self.record_bridge(permit, request, using, (sealed, seen, approved))
    }

    /// The file, whole in memory, of which nothing has left.
    fn seal_bridge(
        &self,
        using: &Using,
        approved: &Approved,
        (to, registers): (&Recipients, &[IssuingRegister]),
    ) -> Result<Sealed, Error> {
        let Using { open, decided, in_use, .. } = using;
        let reveal = approved.reveal();
        let reveal = reveal.ok_or_else(|| Error::internal("the act opens no identity"))?;
        let (members, keys) = (&in_use.members, in_use.keys()?);
        let known = members.own.count();
        let seen = RefCell::new((0, BTreeMap::new(), PersonSet::default()));
        let linked = RefCell::new(HashMap::new());
        let whom = Whom {
            open,
            partition: self.partition_of(decided)?,
            width: decided.serial_width,
            members,
        };
        let sealed = whom.seal(to, &keys, &reveal, |leaf| {
            let Some(member) = whom.member(leaf) else { return false };
            let (left_out, overridden, given) = &mut *seen.borrow_mut();
            // A person of several leaves is decided on once.
            let before = linked.borrow().get(&member).copied();
            let goes = before.unwrap_or_else(|| {
                let goes = decide(open, registers, member, overridden);
                if whom.is_linked(member) {
                    linked.borrow_mut().insert(member, goes);
                }
                goes
            });
            *left_out += u64::from(leaf == member && !goes);
            if goes {
                given.extend(&[leaf]);
            }
            goes
        })?;
        let (left_out, overridden, whom) = seen.into_inner();
        if sealed.persons + left_out < known {
            return Err(Error::internal("the vault lacks persons of the disclosure"));
        }
        Ok(Sealed { left_out, overridden, whom, ..sealed })
    }

    /// Records a bridge with the use of its approval; then the file may leave.
    fn record_bridge(
        &self,
        permit: &Permit,
        request: &IssueBridge,
        using: Using,
        (sealed, seen, approved): (Sealed, SeenRights, Approved),
    ) -> Result<Recorded<SealedBridge>, Error> {
        let Using { open, mut entry, in_use, .. } = using;
        let IssueBridge { disclosure: id, party, key } = request;
        let mut entries = open.book.entries();
        // A disclosure is closed, and a number given, by whoever holds the entries.
        let _ = in_use.keys()?;
        let (disclosure, application) = entries.with_application(*id)?;
        let today = self.parts.clock.today();
        let granted = grant(disclosure, application, *party, today);
        let BridgeOut { to, delete_by } = self.or_record_refusal(&open, entry.clone(), granted)?;
        // Held until it is recorded: a reservation stands in the log after the bridge, or keeps its
        // person out of it.
        let _rights = self.or_record(&open, &entry, seen.hold(&open))?;
        let last = entries.bridges.range((*id, 0)..=(*id, u32::MAX)).next_back();
        let number = last.map_or(1, |((_, last), _)| last + 1);
        let (key, persons) = (key.clone(), sealed.persons);
        let new = NewBridge { disclosure: *id, number, to, key, persons, delete_by };
        let now = Act { by: permit.principal().clone(), at: self.parts.clock.now() };
        let bridge = Bridge::issue(new, &now);
        entry.digest = Some(open.registers.keys().digest().digest(&sealed.file));
        entry.changes = vec![format!("bridge {number} to {party}, to be deleted by {delete_by}")];
        let bytes = sealed.file.len() as u64;
        let counts = [("bytes", bytes), ("persons", persons), ("rows", sealed.rows)];
        for (name, count) in counts.into_iter().chain([("left_out", sealed.left_out)]) {
            entry.counts.insert(name.into(), count);
        }
        count_overridden(&mut entry, &sealed.overridden);
        let changed = Changed::Bridge(bridge.clone());
        let writes = vec![changed.write(&open)?, Write::Concerns(sealed.whom)];
        let answer = SealedBridge { bridge: view(bridge, today), file: sealed.file };
        let recorded = open.registers.record_approved_act_and_wait(entry, writes, approved, answer);
        let recorded = recorded.map_err(|error| {
            self.reopen_if_failed(&open);
            register_error(error)
        })?;
        changed.publish(&mut entries);
        Ok(recorded)
    }

    /// All bridges, the newest first.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn bridges(&self, permit: &Permit) -> Result<Vec<BridgeView>, Error> {
        allow_reading(permit)?;
        let open = self.open_now()?;
        let today = self.parts.clock.today();
        let all = open.book.entries().bridges.values().cloned().collect::<Vec<_>>();
        let mut all: Vec<BridgeView> = all.into_iter().map(|one| view(one, today)).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.bridge.issued.at));
        Ok(all)
    }

    /// Records that the party has deleted a bridge; also after the disclosure is closed.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `bridge_unknown`, `rule_refuses` when it was confirmed before, `server_sealed`,
    /// `commit_uncertain`.
    pub fn confirm_bridge_deletion(
        &self,
        permit: &Permit,
        (id, number): (DisclosureId, u32),
    ) -> Result<(BridgeView, Recorded<()>), Error> {
        let (open, act) = self.begin_act(permit)?;
        let mut entries = open.book.entries();
        let unknown = || Error::new(ErrorCode::BridgeUnknown);
        let mut bridge = entries.bridges.get(&(id, number)).cloned().ok_or_else(unknown)?;
        let (disclosure, application) = entries.with_application(id)?;
        let decided = application.decision(disclosure.decision())?;
        let entry = self.entry(actor(permit), Action::BridgeDeleted);
        let mut entry = about(entry, disclosure, application, decided);
        let confirmed = bridge.confirm_deletion(&act).map_err(disclosure::Error::from);
        self.or_record_refusal(&open, entry.clone(), confirmed)?;
        entry.changes = vec![format!("bridge {number} to {}", bridge.to.number)];
        let changed = vec![Changed::Bridge(bridge.clone())];
        let change = Change { entry, changed, writes: Vec::new() };
        let recorded = self.commit(&open, &mut entries, change)?;
        Ok((view(bridge, self.parts.clock.today()), recorded))
    }
}

/// What the decision says of the bridge to a party, if it may be issued that day.
fn grant(
    disclosure: &Disclosure,
    application: &Application,
    party: OrganisationNumber,
    day: Date,
) -> Result<BridgeOut, disclosure::Error> {
    let granted = disclosure.grant_bridge(DisclosureUse::BridgeOut, party, application, day)?;
    let out = granted.decision().bridge_out.clone();
    let out = out.ok_or(Refusal::NotPermitted(DisclosureUse::BridgeOut))?;
    if out.delete_by < day {
        let text =
            "the bridge was to be deleted before today; a new decision must give a later day";
        return Err(Refusal::Dates(text).into());
    }
    Ok(out)
}

fn view(bridge: Bridge, today: Date) -> BridgeView {
    let is_overdue = bridge.is_overdue(today);
    BridgeView { bridge, is_overdue }
}
