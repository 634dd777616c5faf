//! Between the wire's messages of IDs issued anew and the service's types.

use zeroize::Zeroizing;

use crate::audit::Recorded;
use crate::registers::{More, ReissueReason, ReissuedIds, Reissues};
use crate::rpc::proto::{
    ListReissuesResponse, Reissue, ReissueIdsRequest, ReissueIdsResponse,
    ReissueReason as WireReason, SupersededId,
};
use crate::service::{Error, LogLine, ReissueIds, Violation};

/// Whose IDs to replace, or everything that is wrong with the request.
pub(super) fn asked(wire: ReissueIdsRequest) -> Result<ReissueIds, Error> {
    const LINE: &str = "must be one line of 1 to 200 characters, without ten digits in a row";
    let reason = match wire.reason() {
        WireReason::Unspecified => None,
        WireReason::Leaked => Some(ReissueReason::Leaked),
        WireReason::Protected => Some(ReissueReason::Protected),
    };
    let ReissueIdsRequest { register, id, purpose, provision, .. } = wire;
    let id = Zeroizing::new(id);
    let register = register.parse().ok();
    let (purpose, provision) = (LogLine::parse(&purpose), LogLine::parse(&provision));
    let problems = [
        (register.is_none(), "register", "is not a register code"),
        (reason.is_none(), "reason", "must be given"),
        (purpose.is_none(), "purpose", LINE),
        (provision.is_none(), "provision", LINE),
    ];
    let violations = problems.into_iter().filter(|(is_wrong, ..)| *is_wrong);
    let violations =
        violations.map(|(_, field, text)| Violation { field: field.into(), text: text.into() });
    let violations: Vec<Violation> = violations.collect();
    match (register, reason, purpose, provision) {
        (Some(register), Some(reason), Some(purpose), Some(provision)) => {
            Ok(ReissueIds { register, id, reason, purpose, provision })
        }
        _ => Err(Error::invalid(violations)),
    }
}

const fn superseded([old_id, new_id]: [u64; 2]) -> SupersededId {
    SupersededId { old_id, new_id }
}

/// The pairs, which exist only recorded.
pub(super) fn replaced(recorded: Recorded<ReissuedIds>) -> ReissueIdsResponse {
    let (ids, audit_entry) = recorded.into_answer();
    let ids = ids.pairs().into_iter().map(superseded).collect();
    ReissueIdsResponse { ids, audit_entry }
}

/// What was issued anew, which exists only recorded.
pub(super) fn listed(recorded: Recorded<Reissues>) -> ListReissuesResponse {
    let (Reissues { reissues, last, more }, audit_entry) = recorded.into_answer();
    let reissues = reissues.into_iter().map(|one| Reissue {
        sequence: one.sequence,
        at: one.at.to_string(),
        reason: match one.reason {
            ReissueReason::Leaked => WireReason::Leaked,
            ReissueReason::Protected => WireReason::Protected,
        }
        .into(),
        ids: Some(superseded(one.ids)),
    });
    ListReissuesResponse {
        reissues: reissues.collect(),
        last,
        more: more == More::Yes,
        audit_entry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_mandatory_and_violations_come_at_once() {
        let Err(error) = asked(ReissueIdsRequest::default()) else { panic!("it has no reason") };
        let fields: Vec<String> =
            error.violations().iter().map(|one| one.field.to_string()).collect();
        assert_eq!(fields, ["register", "reason", "purpose", "provision"]);
    }
}
