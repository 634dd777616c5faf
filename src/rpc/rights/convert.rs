//! Between the wire's messages and the service's types.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::audit::Recorded;
use crate::config::codes::{DisclosurePurpose, TermCode};
use crate::ident::Assigner;
use crate::registers::{Channel, Fact, RightsFact};
use crate::rpc::ingest::convert::declared;
use crate::rpc::proto;
use crate::rpc::proto::{
    GetRightsRequest, GetRightsResponse, GiveConsentRequest, LiftReservationRequest,
    SetReservationRequest, WithdrawConsentRequest,
};
use crate::service::{Error, RightsSubject, RightsView, RowKind, Violation};

/// What is to be recorded about whom.
pub(super) type Said = (RightsSubject, Channel, Fact);

/// Collects what is wrong with a request, without its values.
#[derive(Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violations {
    pub(super) fn need<T>(
        &mut self,
        value: Option<T>,
        field: &'static str,
        text: &'static str,
    ) -> Option<T> {
        if value.is_none() {
            self.0.push(Violation { field: field.into(), text: text.into() });
        }
        value
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Error> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::invalid(self.0)),
        }
    }

    pub(super) fn subject(&mut self, wire: Option<proto::RightsSubject>) -> Option<RightsSubject> {
        let mut wire = self.need(wire, "subject", "is missing")?;
        let identifier = Zeroizing::new(std::mem::take(&mut wire.identifier));
        let register = wire.register.parse().ok();
        let register = self.need(register, "subject.register", "is not a register code");
        let kind = (wire.r#type(), wire.assigner.as_str());
        let kind = self.kind(kind, ["subject.type", "subject.assigner"]);
        Some(RightsSubject { register: register?, kind: kind?, identifier })
    }

    /// What an identifier is, and who assigned it.
    pub(super) fn kind(
        &mut self,
        (kind, assigner): (proto::IdentifierType, &str),
        fields: [&'static str; 2],
    ) -> Option<RowKind> {
        let declared = self.need(declared(kind), fields[0], "must be given");
        let assigner = match assigner {
            "" => Some(None),
            text => {
                let assigner = Assigner::parse(text.as_bytes());
                let text = "is not an organisation number of 9 digits";
                self.need(assigner, fields[1], text).map(Some)
            }
        };
        Some(RowKind { declared: declared?, assigner: assigner? })
    }

    pub(super) fn channel(&mut self, text: &str) -> Option<Channel> {
        let known = "must be helsenorge, institution, letter or register";
        self.need(text.parse().ok(), "channel", known)
    }

    fn reserved_use(&mut self, text: &str) -> Option<TermCode> {
        self.need(text.parse().ok(), "use", "is not a use as registers name them")
    }

    fn purposes(&mut self, texts: &[String]) -> Option<BTreeSet<DisclosurePurpose>> {
        let purposes: Option<_> = texts.iter().map(|text| text.parse().ok()).collect();
        self.need(purposes, "purposes", "has a word that is no purpose")
    }

    /// The whole, if each part is there.
    fn said(
        self,
        subject: Option<RightsSubject>,
        channel: Option<Channel>,
        fact: Option<Fact>,
    ) -> Result<Said, Error> {
        let said = subject.zip(channel).zip(fact);
        self.finish(said.map(|((subject, channel), fact)| (subject, channel, fact)))
    }
}

/// Whose rights are asked for.
pub(super) fn subject(request: GetRightsRequest) -> Result<RightsSubject, Error> {
    let mut violations = Violations::default();
    let subject = violations.subject(request.subject);
    violations.finish(subject)
}

/// A consent that is given.
pub(super) fn give(request: GiveConsentRequest) -> Result<Said, Error> {
    let mut violations = Violations::default();
    let subject = violations.subject(request.subject);
    let purposes = violations.purposes(&request.purposes);
    let channel = violations.channel(&request.channel);
    violations.said(subject, channel, purposes.map(Fact::ConsentGiven))
}

/// A reservation that is lifted.
pub(super) fn lift(request: LiftReservationRequest) -> Result<Said, Error> {
    let mut violations = Violations::default();
    let subject = violations.subject(request.subject);
    let reserved_use = violations.reserved_use(&request.r#use);
    let channel = violations.channel(&request.channel);
    violations.said(subject, channel, reserved_use.map(Fact::ReservationLifted))
}

/// A reservation that is set.
pub(super) fn set(request: SetReservationRequest) -> Result<Said, Error> {
    let mut violations = Violations::default();
    let subject = violations.subject(request.subject);
    let reserved_use = violations.reserved_use(&request.r#use);
    let channel = violations.channel(&request.channel);
    violations.said(subject, channel, reserved_use.map(Fact::ReservationSet))
}

/// A consent that ends.
pub(super) fn withdraw(request: WithdrawConsentRequest) -> Result<Said, Error> {
    let mut violations = Violations::default();
    let subject = violations.subject(request.subject);
    let channel = violations.channel(&request.channel);
    violations.said(subject, channel, Some(Fact::ConsentWithdrawn))
}

/// What is in force, which exists only recorded.
pub(super) fn rights(recorded: Recorded<RightsView>) -> GetRightsResponse {
    let (view, audit_entry) = recorded.into_answer();
    let consented = view.consent.unwrap_or_default();
    GetRightsResponse {
        reservations: view.reservations.iter().map(ToString::to_string).collect(),
        consented: consented.iter().map(ToString::to_string).collect(),
        facts: view.facts.iter().map(wire_fact).collect(),
        audit_entry,
    }
}

fn wire_fact(recorded: &RightsFact) -> proto::RightsFact {
    let (mut reserved_use, mut purposes) = (String::new(), Vec::new());
    let (mut quality_register, mut on) = (String::new(), String::new());
    match &recorded.fact {
        Fact::ConsentGiven(given) => purposes.extend(given.iter().map(ToString::to_string)),
        Fact::ConsentWithdrawn => {}
        Fact::Quality(said) => {
            (quality_register, on) = (said.register.to_string(), said.on.to_string());
        }
        Fact::ReservationLifted(code) | Fact::ReservationSet(code) => {
            reserved_use = code.to_string();
        }
    }
    proto::RightsFact {
        kind: recorded.fact.kind().to_owned(),
        r#use: reserved_use,
        purposes,
        at: recorded.at.to_string(),
        principal: recorded.principal.to_string(),
        channel: recorded.channel.to_string(),
        quality_register,
        on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::IdentifierType;

    fn fields<T>(result: Result<T, Error>) -> Vec<String> {
        let error = result.err().expect("it is refused");
        error.violations().iter().map(|one| one.field.to_string()).collect()
    }

    #[test]
    fn everything_that_is_wrong_with_a_request_is_told_at_once() {
        let canary = || "41814061033".to_owned();
        let subject = Some(proto::RightsSubject {
            register: canary(),
            r#type: 0,
            identifier: canary(),
            assigner: canary(),
        });
        let all = ["subject.register", "subject.type", "subject.assigner"];
        let asked = GetRightsRequest { subject: subject.clone() };
        assert_eq!(fields(super::subject(asked)), all);
        let request = SetReservationRequest { subject, r#use: canary(), channel: canary() };
        let refused = set(request).err().unwrap();
        assert!(!format!("{refused:?}").contains("41814061033"));
        assert_eq!(fields::<()>(Err(refused)), [&all[..], &["use", "channel"]].concat());
        assert_eq!(fields(lift(LiftReservationRequest::default())), ["subject", "use", "channel"]);
        let request =
            GiveConsentRequest { purposes: vec!["war".into()], ..GiveConsentRequest::default() };
        assert_eq!(fields(give(request)), ["subject", "purposes", "channel"]);
        assert_eq!(fields(withdraw(WithdrawConsentRequest::default())), ["subject", "channel"]);
    }

    #[test]
    fn a_right_request_is_read() {
        let subject = proto::RightsSubject {
            register: "KPR".into(),
            r#type: IdentifierType::Any.into(),
            identifier: "1".into(),
            assigner: String::new(),
        };
        let request = GiveConsentRequest {
            subject: Some(subject),
            purposes: vec!["research".into()],
            channel: "letter".into(),
        };
        let (subject, channel, fact) = give(request).unwrap();
        assert_eq!((subject.register.as_str(), channel), ("KPR", Channel::Letter));
        assert_eq!(fact, Fact::ConsentGiven(BTreeSet::from([DisclosurePurpose::Research])));
    }
}
