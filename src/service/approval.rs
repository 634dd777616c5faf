//! Approvals at the service: who asks, decides, looks and takes back, and how an act uses one.

use std::fmt;
use std::sync::Arc;

use super::ingest::register_error;
use super::open::Open;
use super::{Error, ErrorCode, Limit, Service, Violation, allow};
use crate::approval::{Act, Approval, ApprovalId, Party, Refusal, State, Today, Verdict, Wanted};
use crate::audit::Recorded;
use crate::config::access::Access;
use crate::crypto::DigestKey;
use crate::policy::{Denied, Permit, Right};
use crate::registers::approvals::{Approved, Moving, NewRequest};

mod texts;

use texts::{unfit, unfit_line, unfit_subject};

/// Parameters of one act, and the longest value of one in bytes.
const PARAMETERS_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 4096;
const NAME_CHARS_MAX: usize = 64;
/// Approvals that one listing has, if nothing is said, and at most.
const LISTED: usize = 100;
const LISTED_MAX: usize = 500;

/// Parameters of an act: names, and values that may be about a person.
///
/// It shows no value: what is kept of them is a keyed digest.
#[derive(Clone, Default)]
pub struct Parameters(pub Vec<(String, String)>);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// What is to be done.
    pub act: Act,
    /// About what.
    pub subject: String,
    /// With what exactly.
    pub parameters: Parameters,
    /// Why.
    pub reason: String,
    /// By which law or decision.
    pub basis: String,
}

/// What is decided about a request.
#[derive(Clone, Debug)]
pub struct ApprovalDecision {
    /// Which request.
    pub id: ApprovalId,
    /// Yes or no.
    pub verdict: Verdict,
    /// What is said to it, if anything.
    pub note: Option<String>,
}

/// Which approvals are listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApprovalFilter {
    /// Those in a state; all that are open if none is given.
    pub state: Option<State>,
    /// At most so many; 100 if it is 0.
    pub count: usize,
}

/// An approval, and what it is now.
#[derive(Clone, Debug)]
pub struct ApprovalStatus {
    /// The approval.
    pub approval: Approval,
    /// Its state when it was looked at.
    pub state: State,
}

impl Service {
    /// Asks for an approval: durable and recorded when this returns.
    ///
    /// # Errors
    ///
    /// `not_allowed`, also to systems; `request_invalid` with every violation, or for a subject that
    /// is no disclosure where the act is about one;
    /// `too_many_approvals`, `server_sealed`.
    pub fn request_approval(
        &self,
        permit: &Permit,
        request: ApprovalRequest,
    ) -> Result<(ApprovalStatus, Recorded<()>), Error> {
        allow(permit, &Right::RequestApprovals)?;
        let party = party(permit)?;
        let violations = violations(&request);
        if !violations.is_empty() {
            return Err(Error::invalid(violations));
        }
        let open = self.open_restored()?;
        let ApprovalRequest { act, subject, parameters, reason, basis } = request;
        let text = "must be the id of a disclosure that is not closed";
        let no_disclosure = || Error::invalid(vec![violation("subject", text)]);
        let wanted = self.wanted(&open, (act, &subject), &parameters)?;
        let wanted = wanted.ok_or_else(no_disclosure)?;
        let id = ApprovalId(self.parts.entropy.draw().map_err(Error::internal)?);
        let new = NewRequest { id, wanted, reason, basis };
        let limits = self.parts.config.approvals;
        let asked = self
            .with_today(|today| open.registers.approvals().request(new, &party, today, &limits));
        self.commit_move(&open, asked.map_err(|refusal| self.refused(refusal))?)
    }

    /// Approves or refuses what another asked for: durable and recorded when this returns.
    ///
    /// # Errors
    ///
    /// `not_allowed`, also when there is no such approval; `same_person`, `approval_closed`,
    /// `approval_void`, `request_invalid`, `server_sealed`.
    pub fn decide_approval(
        &self,
        permit: &Permit,
        decision: ApprovalDecision,
    ) -> Result<(ApprovalStatus, Recorded<()>), Error> {
        allow(permit, &Right::Approve)?;
        let party = party(permit)?;
        let ApprovalDecision { id, verdict, note } = decision;
        let open = self.open_restored()?;
        let asked = open.registers.approvals().find(&id);
        let unfit = |note: &str| match &asked {
            Some(asked) => unfit(asked.wanted.act, note),
            None => unfit_line(note),
        };
        if let Some(text) = note.as_deref().and_then(unfit) {
            return Err(Error::invalid(vec![violation("note", text)]));
        }
        let decided = self.with_today(|today| {
            open.registers.approvals().decide(&id, (verdict, note), &party, today)
        });
        self.commit_move(&open, decided.map_err(|refusal| self.refused(refusal))?)
    }

    /// Takes a request back, approved or not: durable and recorded when this returns.
    ///
    /// # Errors
    ///
    /// `not_allowed`, also when there is no such approval; `approval_closed`, `server_sealed`.
    pub fn withdraw_approval(
        &self,
        permit: &Permit,
        id: &ApprovalId,
    ) -> Result<(ApprovalStatus, Recorded<()>), Error> {
        allow(permit, &Right::RequestApprovals)?;
        let party = party(permit)?;
        let open = self.open_restored()?;
        let now = self.parts.clock.now();
        let withdrawn = open.registers.approvals().withdraw(id, &party, now);
        self.commit_move(&open, withdrawn.map_err(|refusal| self.refused(refusal))?)
    }

    /// Approvals, the newest first: everybody's, or those that the caller asked for.
    ///
    /// # Errors
    ///
    /// `not_allowed`, `server_sealed`.
    pub fn approvals(
        &self,
        permit: &Permit,
        filter: ApprovalFilter,
    ) -> Result<Vec<ApprovalStatus>, Error> {
        allow_sight(permit)?;
        let now = self.parts.clock.now();
        let max = if filter.count == 0 { LISTED } else { filter.count.min(LISTED_MAX) };
        let is_wanted = |approval: &Approval| {
            let state = approval.state(now);
            may_see(permit, approval)
                && filter.state.map_or_else(|| state.is_open(), |wanted| wanted == state)
        };
        let found = self.open_restored()?.registers.approvals().list(max, is_wanted);
        Ok(found.into_iter().map(|approval| status(approval, now)).collect())
    }

    /// One approval.
    ///
    /// # Errors
    ///
    /// `not_allowed`, also when there is no such approval; `server_sealed`.
    pub fn approval(&self, permit: &Permit, id: &ApprovalId) -> Result<ApprovalStatus, Error> {
        allow_sight(permit)?;
        let found = self.open_restored()?.registers.approvals().find(id);
        let found = found.filter(|approval| may_see(permit, approval)).ok_or(Denied)?;
        Ok(status(found, self.parts.clock.now()))
    }

    /// The approval that the holder of a permit has for exactly this act.  What is returned goes into
    /// the commit of the act: `Registers::record_approved_act_and_wait`.
    ///
    /// # Errors
    ///
    /// `approval_required` when there is none that is approved and open; `approval_void`;
    /// `not_allowed` to a system.
    pub(super) fn take_approval(
        &self,
        open: &Open,
        permit: &Permit,
        (act, subject): (Act, &str),
        parameters: &Parameters,
    ) -> Result<Approved, Error> {
        let party = party(permit)?;
        let wanted = self.wanted(open, (act, subject), parameters)?;
        let wanted = wanted.ok_or_else(|| self.refused(Refusal::Required))?;
        let taken =
            self.with_today(|today| open.registers.approvals().take(&wanted, &party, today));
        taken.map_err(|refusal| self.refused(refusal))
    }

    fn with_today<T>(&self, work: impl FnOnce(&Today<'_>) -> T) -> T {
        let access: Arc<Access> = self.access();
        let clock = &self.parts.clock;
        work(&Today { access: &access, day: clock.today(), now: clock.now() })
    }

    fn commit_move(
        &self,
        open: &Open,
        moving: Moving,
    ) -> Result<(ApprovalStatus, Recorded<()>), Error> {
        let approval = moving.approval().clone();
        let recorded = open.registers.record_move_and_wait(moving).map_err(register_error)?;
        let Approval { id, wanted, .. } = &approval;
        tracing::info!(approval = %id, act = %wanted.act, state = %approval.moved_to(),
            "an approval was moved");
        Ok((status(approval, self.parts.clock.now()), recorded))
    }

    /// What a refusal says to the caller.
    fn refused(&self, refusal: Refusal) -> Error {
        let limits = self.parts.config.approvals;
        let too_many = |option, max: u16| {
            Error::limit(ErrorCode::TooManyApprovals, Limit { option, max: u64::from(max) })
        };
        match refusal {
            Refusal::Closed => Error::new(ErrorCode::ApprovalClosed),
            Refusal::NotAllowed => Denied.into(),
            Refusal::Required => Error::new(ErrorCode::ApprovalRequired),
            Refusal::SamePerson => Error::new(ErrorCode::SamePerson),
            Refusal::TooManyOpen => too_many("approvals.open_max", limits.open_max),
            Refusal::TooManyToday => {
                too_many("approvals.requests_per_day_max", limits.requests_per_day_max)
            }
            Refusal::Void => Error::new(ErrorCode::ApprovalVoid),
        }
    }
}

impl Parameters {
    /// What is wanted, with the keyed digest of act, subject and parameters, by name.
    pub(super) fn wanted(&self, key: &DigestKey, act: Act, subject: &str) -> Wanted {
        let mut sorted: Vec<&(String, String)> = self.0.iter().collect();
        sorted.sort();
        let texts = sorted.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
        let parts: Vec<&[u8]> =
            [act.as_str().as_bytes(), subject.as_bytes()].into_iter().chain(texts).collect();
        Wanted { act, subject: subject.to_owned(), digest: key.digest_parts(&parts) }
    }

    fn violation(&self) -> Option<&'static str> {
        let is_name = |name: &str| {
            (1..=NAME_CHARS_MAX).contains(&name.len())
                && name.starts_with(|c: char| c.is_ascii_lowercase())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if self.0.len() > PARAMETERS_MAX {
            Some("must be at most 32")
        } else if !names.iter().all(|name| is_name(name)) {
            Some("must have names of 1 to 64 small letters, digits and underscores")
        } else if names.windows(2).any(|pair| pair[0] == pair[1]) {
            Some("must have each name once")
        } else if self.0.iter().any(|(_, value)| value.len() > VALUE_BYTES_MAX) {
            Some("must have values of at most 4096 bytes")
        } else {
            None
        }
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameters").field("count", &self.0.len()).finish_non_exhaustive()
    }
}

fn violation(field: &'static str, text: &'static str) -> Violation {
    Violation { field: field.into(), text: text.into() }
}

/// Everything that is wrong with a request.
fn violations(request: &ApprovalRequest) -> Vec<Violation> {
    let lines = [
        ("subject", unfit_subject(&request.subject)),
        ("reason", unfit(request.act, &request.reason)),
        ("legal_basis", unfit(request.act, &request.basis)),
    ];
    let unfit = lines.into_iter().filter_map(|(field, text)| Some(violation(field, text?)));
    let mut violations: Vec<Violation> = unfit.collect();
    violations.extend(request.parameters.violation().map(|text| violation("parameters", text)));
    violations
}

/// The natural person who holds a permit.
fn party(permit: &Permit) -> Result<Party, Error> {
    let person = permit.person().cloned().ok_or(Denied)?;
    let (principal, organisation) = (permit.principal().clone(), permit.organisation());
    Ok(Party { principal, person, organisation })
}

fn allow_sight(permit: &Permit) -> Result<(), Error> {
    allow(permit, &Right::SeeApprovals).or_else(|_| allow(permit, &Right::RequestApprovals))
}

/// Everybody's, or one's own.
fn may_see(permit: &Permit, approval: &Approval) -> bool {
    *permit.right() == Right::SeeApprovals || approval.requester.principal == *permit.principal()
}

fn status(approval: Approval, now: jiff::Timestamp) -> ApprovalStatus {
    let state = approval.state(now);
    ApprovalStatus { approval, state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SecretBytes;

    /// Goal: what is approved is what is done.  Method: every difference gives another digest.
    #[test]
    fn the_digest_is_of_act_subject_and_each_parameter_in_any_order() {
        let key = DigestKey::new(&SecretBytes::filled(|bytes| bytes.fill(7)));
        let wanted = |act, subject: &str, parameters: &[(&str, &str)]| {
            let pairs = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            Parameters(pairs.collect()).wanted(&key, act, subject)
        };
        let one = wanted(Act::BridgeOut, "s", &[("party", "ssb"), ("until", "2026")]);
        assert!(one.is(&wanted(Act::BridgeOut, "s", &[("until", "2026"), ("party", "ssb")])));
        for other in [
            wanted(Act::BridgeIn, "s", &[("party", "ssb"), ("until", "2026")]),
            wanted(Act::BridgeOut, "t", &[("party", "ssb"), ("until", "2026")]),
            wanted(Act::BridgeOut, "s", &[("party", "ssb"), ("until", "2027")]),
            wanted(Act::BridgeOut, "s", &[("party", "ssb")]),
            wanted(Act::BridgeOut, "s", &[("party", "ssb"), ("until2026", "")]),
            wanted(Act::BridgeOut, "s", &[("party", "ssbuntil"), ("", "2026")]),
            wanted(Act::BridgeOut, "s", &[]),
        ] {
            assert!(!one.is(&other) && one.digest != other.digest, "{other:?}");
        }
    }

    #[test]
    fn parameters_are_bounded_and_never_shown() {
        let one = |name: &str, value: &str| Parameters(vec![(name.into(), value.into())]);
        assert_eq!(one("serial", "41814061033").violation(), None);
        assert_eq!(format!("{:?}", one("serial", "41814061033")), "Parameters { count: 1, .. }");
        let many = Parameters((0..33).map(|n| (format!("a{n}"), String::new())).collect());
        let twice = Parameters(vec![("a".into(), String::new()), ("a".into(), "b".into())]);
        let long = one("a", &"x".repeat(4097));
        let bad = ["", "A", "1a", "a-b", &"a".repeat(65)].map(|name| one(name, ""));
        for parameters in [many, twice, long].iter().chain(&bad) {
            assert!(parameters.violation().is_some(), "{parameters:?}");
        }
    }
}
