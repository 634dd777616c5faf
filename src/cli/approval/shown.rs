//! Approvals as people and programs read them, and the words of the command line on the wire.

use serde_json::json;

use crate::approval::{Act, State};
use crate::rpc::proto::{Approval, ApprovalAct, ApprovalParty, ApprovalState};

pub(super) fn row([id, state, act, by, expires, subject]: [&str; 6]) -> String {
    format!("{id:<19} {state:<9} {act:<15} {by:<20} {expires:<20} {subject}")
}

pub(super) fn as_row(approval: &Approval) -> String {
    let Approval { id, subject, expires_at, .. } = approval;
    let by = approval.requested_by.as_ref().map_or("", |by| by.principal.as_str());
    row([id, state(approval.state()), act(approval.act()), by, expires_at, subject])
}

/// One approval, a line for each thing that is known of it.
pub(super) fn as_text(approval: &Approval) -> Vec<String> {
    let line = |name: &str, value: &str| format!("{name:<13} {value}");
    let mut lines = vec![
        line("approval", &approval.id),
        line("state", state(approval.state())),
        line("act", act(approval.act())),
        line("subject", &approval.subject),
        line("reason", &approval.reason),
        line("legal basis", &approval.legal_basis),
        line("digest", &approval.digest),
        line("expires", &approval.expires_at),
        line(
            "requested",
            &format!("{} by {}", approval.requested_at, name(&approval.requested_by)),
        ),
    ];
    for one in &approval.moves {
        let colon = if one.note.is_empty() { "" } else { ": " };
        let what = format!("{} by {}{colon}{}", one.at, name(&one.by), one.note);
        lines.push(line(state(one.to()), &what));
    }
    lines
}

/// A principal, and the person behind it where that has another name.
fn name(party: &Option<ApprovalParty>) -> String {
    match party {
        Some(ApprovalParty { principal, person, .. }) if principal != person => {
            format!("{principal} ({person})")
        }
        Some(party) => party.principal.clone(),
        None => String::new(),
    }
}

pub(super) fn party(party: &Option<ApprovalParty>) -> serde_json::Value {
    party.as_ref().map_or(serde_json::Value::Null, |party| {
        json!({
            "principal": party.principal,
            "person": party.person,
            "organisation": party.organisation,
        })
    })
}

pub(super) fn as_json(approval: &Approval) -> serde_json::Value {
    let moves = approval.moves.iter().map(
        |one| json!({"to": state(one.to()), "by": party(&one.by), "at": one.at, "note": one.note}),
    );
    json!({
        "id": approval.id,
        "act": act(approval.act()),
        "subject": approval.subject,
        "state": state(approval.state()),
        "reason": approval.reason,
        "legal_basis": approval.legal_basis,
        "digest": approval.digest,
        "requested_by": party(&approval.requested_by),
        "requested_at": approval.requested_at,
        "expires_at": approval.expires_at,
        "moves": moves.collect::<Vec<_>>(),
    })
}

pub(super) const fn wire_act(act: Act) -> ApprovalAct {
    match act {
        Act::AcceptRestore => ApprovalAct::AcceptRestore,
        Act::BridgeIn => ApprovalAct::BridgeIn,
        Act::BridgeOut => ApprovalAct::BridgeOut,
        Act::GrantRole => ApprovalAct::GrantRole,
        Act::IdentifySerial => ApprovalAct::IdentifySerial,
        Act::OpenConversion => ApprovalAct::OpenConversion,
        Act::OpenWindow => ApprovalAct::OpenWindow,
        Act::PruneAudit => ApprovalAct::PruneAudit,
        Act::ReissueId => ApprovalAct::ReissueId,
        Act::RevealIdentity => ApprovalAct::RevealIdentity,
    }
}

/// The word of an act; a server that is newer than this program may know others.
pub(super) fn act(wire: ApprovalAct) -> &'static str {
    Act::ALL.iter().find(|act| wire_act(**act) == wire).map_or("unknown", |act| act.as_str())
}

pub(super) const fn wire_state(state: State) -> ApprovalState {
    match state {
        State::Approved => ApprovalState::Approved,
        State::Expired => ApprovalState::Expired,
        State::Refused => ApprovalState::Refused,
        State::Requested => ApprovalState::Requested,
        State::Used => ApprovalState::Used,
        State::Withdrawn => ApprovalState::Withdrawn,
    }
}

pub(super) fn state(wire: ApprovalState) -> &'static str {
    State::ALL.iter().find(|one| wire_state(**one) == wire).map_or("unknown", |one| one.as_str())
}
