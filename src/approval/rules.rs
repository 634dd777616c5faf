//! Who may ask for an approval, decide about it, take it back and use it: pure decisions.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Approval, Party, State, Wanted};
use crate::config::access::{Access, Role};

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It was decided, withdrawn or used, it has expired, or somebody else is moving it.
    Closed,
    /// Not allowed, or no such approval.
    NotAllowed,
    /// Nobody has approved this, with exactly these parameters.
    Required,
    /// Who would approve is who asked.
    SamePerson,
    /// Too many are open that the same principal asked for.
    TooManyOpen,
    /// The same principal asked for too many within a day.
    TooManyToday,
    /// Who asked for it, or who gave it, no longer has the role for it.
    Void,
}

/// What is decided about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Refuse,
}

/// What a decision is held against.
#[derive(Clone, Copy, Debug)]
pub struct Today<'a> {
    /// The access file of now.
    pub access: &'a Access,
    /// The day.
    pub day: Date,
    /// The moment.
    pub now: Timestamp,
}

impl Today<'_> {
    /// Whether a party may ask for what is wanted, and do it.
    fn may(&self, party: &Party, wanted: &Wanted) -> bool {
        wanted.roles().iter().any(|role| self.has(party, role))
    }

    /// Whether a party is still the natural person that it was, and has the role today.
    fn has(&self, party: &Party, role: &Role) -> bool {
        self.access.by_name(&party.principal).is_some_and(|principal| {
            principal.person() == Some(&party.person) && principal.may(role, self.day)
        })
    }
}

fn need(is_so: bool, refusal: Refusal) -> Result<(), Refusal> {
    if is_so { Ok(()) } else { Err(refusal) }
}

/// Whether somebody may ask for an act.
///
/// # Errors
///
/// [`Refusal::NotAllowed`].
pub fn request(wanted: &Wanted, by: &Party, today: &Today<'_>) -> Result<(), Refusal> {
    need(today.may(by, wanted), Refusal::NotAllowed)
}

/// Whether somebody may decide about a request.
///
/// # Errors
///
/// The [`Refusal`].
pub fn decide(
    approval: &Approval,
    verdict: Verdict,
    by: &Party,
    today: &Today<'_>,
) -> Result<(), Refusal> {
    need(today.has(by, &Role::Approver), Refusal::NotAllowed)?;
    need(approval.state(today.now) == State::Requested, Refusal::Closed)?;
    need(by.is_another_than(&approval.requester), Refusal::SamePerson)?;
    let is_meant = today.may(&approval.requester, &approval.wanted);
    need(verdict == Verdict::Refuse || is_meant, Refusal::Void)
}

/// Whether somebody may take a request back, approved or not.
///
/// # Errors
///
/// The [`Refusal`].
pub fn withdraw(approval: &Approval, by: &Party, now: Timestamp) -> Result<(), Refusal> {
    need(by.principal == approval.requester.principal, Refusal::NotAllowed)?;
    need(approval.state(now).is_open(), Refusal::Closed)
}

/// Whether somebody may do now what was approved: who asked, while both have their roles still.
///
/// # Errors
///
/// The [`Refusal`].
pub fn use_up(approval: &Approval, by: &Party, today: &Today<'_>) -> Result<(), Refusal> {
    let Approval { requester, wanted, .. } = approval;
    need(by.principal == requester.principal, Refusal::NotAllowed)?;
    need(approval.state(today.now) == State::Approved, Refusal::Closed)?;
    let is_valid = approval.approver().is_some_and(|approver| {
        today.has(approver, &Role::Approver) && approver.is_another_than(requester)
    });
    need(is_valid && by == requester && today.may(requester, wanted), Refusal::Void)
}

#[cfg(test)]
mod tests;
