//! What was said to quality registers, between the wire's messages and the service's types.

use super::convert::Violations;
use crate::audit::Recorded;
use crate::config::codes::{RegisterCode, SourceCode};
use crate::policy::Right;
use crate::registers::{Channel, QualityAnswer, QualityFact};
use crate::rpc::calendar::read_date;
use crate::rpc::ingest::convert::batch;
use crate::rpc::proto::{
    CheckQualityConsentsRequest, CheckQualityConsentsResponse, QualityConsent,
    RecordQualityConsentRequest,
};
use crate::service::{Error, QualityQuestion, QualityRows, RightsSubject, RowAnswer};

impl Violations {
    fn quality_register(&mut self, text: &str) -> Option<SourceCode> {
        let is_not = "is not the code of a quality register";
        self.need(text.parse().ok(), "quality_register", is_not)
    }
}

/// What was said.
pub(super) fn record(
    wire: RecordQualityConsentRequest,
) -> Result<(Right, (RightsSubject, Channel, QualityFact)), Error> {
    let mut violations = Violations::default();
    let subject = violations.subject(wire.subject);
    let quality_register = violations.quality_register(&wire.quality_register);
    let known = "must be given, withdrawn, reserved or reservation_lifted";
    let said = violations.need(wire.said.parse().ok(), "said", known);
    let on = wire.on.as_ref().and_then(read_date);
    let on = violations.need(on, "on", "must be a day that exists");
    let channel = violations.channel(&wire.channel);
    let fact = quality_register.zip(said).zip(on);
    let fact = fact.map(|((register, said), on)| QualityFact { register, said, on });
    let asked = subject.zip(channel).zip(fact).map(|((subject, channel), fact)| {
        let (register, quality_register) = (subject.register.clone(), fact.register.clone());
        let right = Right::RecordQualityConsents { register, quality_register };
        (right, (subject, channel, fact))
    });
    violations.finish(asked)
}

/// Who is asked about.
pub(super) fn check(wire: CheckQualityConsentsRequest) -> Result<(Right, QualityQuestion), Error> {
    let mut violations = Violations::default();
    let register: Option<RegisterCode> = wire.register.parse().ok();
    let register = violations.need(register, "register", "is not a register code");
    let quality_register = violations.quality_register(&wire.quality_register);
    let rows = match (wire.identifiers, wire.ids.is_empty()) {
        (Some(identifiers), true) => Some(QualityRows::Identifiers(batch(identifiers)?)),
        (None, false) => Some(QualityRows::Ids(wire.ids)),
        _ => None,
    };
    let rows = violations.need(rows, "identifiers", "must be given, or ids in their place");
    let asked = register.zip(quality_register).zip(rows);
    violations.finish(asked.map(|((register, quality_register), rows)| {
        let right = Right::CheckQualityConsents {
            register: register.clone(),
            quality_register: quality_register.clone(),
        };
        (right, QualityQuestion { register, quality_register, rows })
    }))
}

/// What is answered, which exists only recorded.
pub(super) fn answer(recorded: Recorded<Vec<RowAnswer>>) -> CheckQualityConsentsResponse {
    let (answers, audit_entry) = recorded.into_answer();
    let answers = answers.into_iter().map(|answer| match answer {
        RowAnswer::Consent(QualityAnswer::No) => QualityConsent::No.into(),
        RowAnswer::Consent(QualityAnswer::Unknown) => QualityConsent::Unknown.into(),
        RowAnswer::Consent(QualityAnswer::Yes) => QualityConsent::Yes.into(),
        RowAnswer::Invalid => QualityConsent::Invalid.into(),
    });
    CheckQualityConsentsResponse { answers: answers.collect(), audit_entry }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<T>(result: Result<T, Error>) -> Vec<String> {
        let error = result.err().expect("it is refused");
        error.violations().iter().map(|one| one.field.to_string()).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let all = ["subject", "quality_register", "said", "on", "channel"];
        assert_eq!(fields(record(RecordQualityConsentRequest::default())), all);
        let all = ["register", "quality_register", "identifiers"];
        assert_eq!(fields(check(CheckQualityConsentsRequest::default())), all);
    }
}
