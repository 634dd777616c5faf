//! Cases as text and as JSON.

use serde_json::{Value, json};

use crate::cli::output::day;
use crate::rpc::proto::{DataScope, ErasureCase};

/// A scope in a few words.
pub(in crate::cli) fn scope_text(scope: Option<&DataScope>) -> String {
    let Some(scope) = scope else { return "nothing".to_owned() };
    match scope.kind.as_str() {
        "period" => format!("data up to {}", day(scope.up_to)),
        "records" if scope.records.is_empty() => "named records".to_owned(),
        "records" => format!("records {}", scope.records.join(", ")),
        _ => "all data".to_owned(),
    }
}

/// A scope with its parts.
pub(in crate::cli) fn scope_json(scope: &DataScope) -> Value {
    let mut value = json!({ "kind": scope.kind });
    if scope.up_to.is_some() {
        value["up_to"] = day(scope.up_to).into();
    }
    if !scope.records.is_empty() {
        value["records"] = scope.records.clone().into();
    }
    value
}

pub(super) fn heading() -> String {
    let [number, register, state] = ["case", "register", "state"];
    format!("{number:<12} {register:<10} {state:<10} asks for")
}

pub(super) fn line(case: &ErasureCase) -> String {
    let ErasureCase { number, register, state, asked, .. } = case;
    format!("{number:<12} {register:<10} {state:<10} {}", scope_text(asked.as_ref()))
}

/// What to know before a grant about a person with several identifiers.
pub(super) fn identifiers(case: &ErasureCase) -> Option<String> {
    (case.identifiers > 1).then(|| {
        format!(
            "the person has {} identifiers, and an erasure is of all of them: if two of them may be two \
             persons, have that settled first; what is deleted does not come back with a split",
            case.identifiers
        )
    })
}

/// A case of a list: what is told of it there.
pub(super) fn listed_json(case: &ErasureCase) -> Value {
    let mut value = json!({
        "case": case.number,
        "register": case.register,
        "state": case.state,
        "asked_on": day(case.requested_on),
        "asked": case.asked.as_ref().map(scope_json),
    });
    if case.order != 0 {
        value["order"] = case.order.into();
    }
    value
}

pub(super) fn as_text(case: &ErasureCase) -> Vec<String> {
    let mut lines = vec![
        format!("case {} in {}: {}", case.number, case.register, case.state),
        format!("asked on {} through {}", day(case.requested_on), case.channel),
        format!("asks for: {}", scope_text(case.asked.as_ref())),
        format!("because: {}", case.reason),
    ];
    lines.extend(identifiers(case));
    if !case.burden.is_empty() {
        lines.push(format!("burden: {}; public interest: {}", case.burden, case.public_interest));
    }
    if case.died.is_some() {
        lines.push(format!("died: {}", day(case.died)));
    }
    if !case.outcome.is_empty() {
        let granted = scope_text(case.granted.as_ref());
        lines.push(format!("decided: {}; erased: {granted}", case.outcome));
    }
    if case.order != 0 {
        lines.push(format!("order: {} to {}", case.order, case.register));
    }
    lines.extend(case.history.iter().map(|step| {
        let reason = if step.reason.is_empty() { "" } else { ": " };
        format!("  {}  {} by {}{reason}{}", step.at, step.step, step.by, step.reason)
    }));
    lines
}

pub(super) fn as_json(case: &ErasureCase) -> Value {
    let history = case.history.iter().map(|step| {
        let mut value = json!({ "step": step.step, "by": step.by, "at": step.at });
        if !step.reason.is_empty() {
            value["reason"] = step.reason.clone().into();
        }
        value
    });
    let mut value = json!({
        "case": case.number,
        "register": case.register,
        "state": case.state,
        "channel": case.channel,
        "asked_on": day(case.requested_on),
        "asked": case.asked.as_ref().map(scope_json),
        "reason": case.reason,
        "history": history.collect::<Vec<_>>(),
    });
    if case.identifiers > 1 {
        value["identifiers"] = case.identifiers.into();
    }
    for (name, text) in [
        ("burden", &case.burden),
        ("public_interest", &case.public_interest),
        ("outcome", &case.outcome),
    ] {
        if !text.is_empty() {
            value[name] = text.clone().into();
        }
    }
    if case.died.is_some() {
        value["died"] = day(case.died).into();
    }
    if let Some(granted) = &case.granted {
        value["granted"] = scope_json(granted);
    }
    if case.order != 0 {
        value["order"] = case.order.into();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::{CalendarDate, CaseStep};

    #[test]
    fn a_case_is_shown_with_what_is_known_of_it() {
        let date = |day| Some(CalendarDate { year: 2026, month: 1, day });
        let whole = DataScope { kind: "whole".into(), ..DataScope::default() };
        let period = DataScope { kind: "period".into(), up_to: date(9), ..DataScope::default() };
        let received = ErasureCase {
            number: "E-2026-0001".into(),
            register: "KPR".into(),
            state: "received".into(),
            channel: "letter".into(),
            requested_on: date(2),
            asked: Some(whole),
            reason: "Nok er nok.".into(),
            ..ErasureCase::default()
        };
        assert_eq!(line(&received), "E-2026-0001  KPR        received   all data");
        assert_eq!(as_text(&received).len(), 4);
        assert_eq!(listed_json(&received).as_object().unwrap().len(), 5);
        assert!(as_json(&received).get("outcome").is_none());
        let step = CaseStep { step: "grant".into(), reason: "Yes.".into(), ..CaseStep::default() };
        let decided = ErasureCase {
            outcome: "granted_in_part".into(),
            granted: Some(period),
            order: 4,
            identifiers: 2,
            history: vec![step],
            ..received
        };
        let text = as_text(&decided).join("\n");
        assert!(text.contains("decided: granted_in_part; erased: data up to 2026-01-09"));
        assert!(text.contains("order: 4 to KPR") && text.ends_with("grant by : Yes."));
        assert_eq!(as_json(&decided)["granted"]["up_to"], "2026-01-09");
        assert!(
            text.contains("the person has 2 identifiers") && as_json(&decided)["identifiers"] == 2
        );
    }
}
