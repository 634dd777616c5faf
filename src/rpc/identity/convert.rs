//! Between the wire's messages and the service's types.

use jiff::civil::Date;
use zeroize::Zeroizing;

use crate::audit::Recorded;
use crate::config::codes::{RegisterCode, TermCode};
use crate::registers::{self, AddressProtection, IdChanges, More, Protection};
use crate::rpc::calendar::{read_date, wire_date};
use crate::rpc::proto;
use crate::rpc::proto::id_change::Change;
use crate::rpc::proto::{
    ApplyEventsRequest, ApplyEventsResponse, CalendarDate, IdentityTruth, ListIdChangesResponse,
    ListProtectedLinksResponse, RestoredId, SupersededId,
};
use crate::service::{
    AppliedEvents, Error, Falsehood, IdentityEvent, LinkStanding, ProtectedLinks, Violation,
};

/// How many are asked for at most.
pub(in crate::rpc) fn limit(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// A register code.
pub(in crate::rpc) fn register(text: &str) -> Result<RegisterCode, Error> {
    text.parse().map_err(|_| Error::invalid(vec![violation("register", "is not a register code")]))
}

fn violation(field: &'static str, text: &'static str) -> Violation {
    Violation { field: field.into(), text: text.into() }
}

/// The events of a feed.
pub(super) fn events(request: ApplyEventsRequest) -> Result<(TermCode, Vec<IdentityEvent>), Error> {
    let mut violations = Vec::new();
    let feed: Option<TermCode> = request.feed.parse().ok();
    if feed.is_none() {
        let text = "must be a small letter, then small letters, digits and underscores";
        violations.push(violation("feed", text));
    }
    let dates_before = violations.len();
    let mut events = Vec::with_capacity(request.events.len());
    for wire in request.events {
        match event(wire) {
            Ok(event) => events.push(event),
            // Told once, however many events have it.
            Err(wrong) if violations.len() == dates_before => violations.push(wrong),
            Err(_) => {}
        }
    }
    match feed {
        Some(feed) if violations.is_empty() => Ok((feed, events)),
        _ => Err(Error::invalid(violations)),
    }
}

fn event(wire: proto::IdentityEvent) -> Result<IdentityEvent, Violation> {
    let day = |date: Option<CalendarDate>| -> Result<Option<Date>, Violation> {
        let wrong = || violation("events", "has a date that does not exist");
        date.map(|date| read_date(&date).ok_or_else(wrong)).transpose()
    };
    let address = match wire.address() {
        proto::AddressProtection::Unspecified => None,
        proto::AddressProtection::Ugradert => Some(AddressProtection::Ungraded),
        proto::AddressProtection::Klientadresse => Some(AddressProtection::Client),
        proto::AddressProtection::Fortrolig => Some(AddressProtection::Confidential),
        proto::AddressProtection::StrengtFortrolig => Some(AddressProtection::Strict),
    };
    let falsehood = match wire.truth() {
        IdentityTruth::Unspecified => None,
        IdentityTruth::False => Some(Falsehood::False),
        IdentityTruth::True => Some(Falsehood::True),
    };
    Ok(IdentityEvent {
        sequence: wire.sequence,
        event_type: wire.r#type.parse().ok(),
        effective: day(wire.effective)?,
        died: day(wire.died)?,
        address,
        falsehood,
        protection: if wire.protected { Protection::Protected } else { Protection::Shown },
        identifier: Zeroizing::new(wire.identifier),
        others: wire.others.into_iter().map(Zeroizing::new).collect(),
    })
}

/// What became of events, which exists only recorded.
pub(super) fn applied(recorded: Recorded<AppliedEvents>) -> ApplyEventsResponse {
    let (AppliedEvents { read_to, counts, reports }, audit_entry) = recorded.into_answer();
    let reports = reports.into_iter().map(|report| proto::EventReport {
        sequence: report.sequence,
        code: report.code.to_string(),
    });
    ApplyEventsResponse {
        read_to,
        applied: counts.applied,
        unchanged: counts.unchanged,
        nobody: counts.nobody,
        passed_over: counts.passed_over,
        repeated: counts.repeated,
        reports: reports.collect(),
        audit_entry,
    }
}

/// Changes of IDs, which exist only recorded.
pub(super) fn changes(recorded: Recorded<IdChanges>) -> ListIdChangesResponse {
    let (IdChanges { changes, last, more }, audit_entry) = recorded.into_answer();
    let changes = changes.into_iter().map(|(sequence, change, at)| {
        let change = Some(match change {
            registers::IdChange::Restored { id } => Change::Restored(RestoredId { id }),
            registers::IdChange::Superseded { old_id, new_id } => {
                Change::Superseded(SupersededId { old_id, new_id })
            }
        });
        proto::IdChange { sequence, at: at.to_string(), change }
    });
    ListIdChangesResponse { changes: changes.collect(), last, more: more == More::Yes, audit_entry }
}

/// Links that are shown to no register, which exist only recorded.
pub(super) fn protected(recorded: Recorded<ProtectedLinks>) -> ListProtectedLinksResponse {
    let (ProtectedLinks { links, last, more }, audit_entry) = recorded.into_answer();
    let links = links.into_iter().map(|link| proto::ProtectedLink {
        sequence: link.sequence,
        first_id: link.ids[0],
        second_id: link.ids[1],
        reason: link.reason.to_string(),
        effective: link.effective.map(wire_date),
        at: link.at.to_string(),
        in_force: link.standing == LinkStanding::InForce,
    });
    ListProtectedLinksResponse {
        links: links.collect(),
        last,
        more: more == More::Yes,
        audit_entry,
    }
}
