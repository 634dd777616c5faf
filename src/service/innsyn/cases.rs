//! A person's requests for erasure, as they are told to the person.

use super::super::Service;
use super::super::open::Open;
use super::Leaves;
use crate::rights::cases::{Case, CaseStep, Scope};
use crate::rights::report;

impl Service {
    /// The cases about a person, the newest first.
    pub(super) fn cases_told(&self, open: &Open, found: &[Leaves]) -> Vec<report::Case> {
        let is_about = |case: &Case| {
            let whom = case.whom();
            found
                .iter()
                .filter(|one| one.partition == whom.partition)
                .any(|one| one.persons.iter().any(|person| whom.persons.contains(&person.number())))
        };
        let cases = open.cases.all(is_about);
        cases.iter().map(|case| self.case_told(case)).collect()
    }

    fn case_told(&self, case: &Case) -> report::Case {
        let opened = case.history().changes().first().map(|change| change.at.to_string());
        let decided = [CaseStep::Grant, CaseStep::Refuse];
        let decided = decided.into_iter().find_map(|step| case.history().last(step));
        let asked = scope_told(&case.request().asked);
        let granted = case.decision().and_then(|decision| decision.granted.as_ref());
        let text = match granted.map(scope_told) {
            Some(granted) if granted != asked => format!("{asked}; innvilget: {granted}"),
            _ => asked,
        };
        report::Case {
            register: self.register_named(case.register().to_string()),
            kind: "erasure".to_owned(),
            state: case.state().to_string(),
            opened: opened.unwrap_or_default(),
            decided: decided.map(|change| change.at.to_string()).unwrap_or_default(),
            text,
        }
    }
}

/// A scope in bokmål.
fn scope_told(scope: &Scope) -> String {
    match scope {
        Scope::Period { up_to } => format!("opplysninger til og med {up_to}"),
        Scope::Records { records } => format!("{} navngitte opplysninger", records.len()),
        Scope::Whole => "alle opplysninger".to_owned(),
    }
}
