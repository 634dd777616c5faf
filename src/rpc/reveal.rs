//! `RevealService`: who a person of a register is.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::auth::Caller;
use super::blocking;
use super::proto::reveal_service_server::RevealService;
use super::proto::{RevealIdentityRequest, RevealIdentityResponse, RevealedContact};
use crate::policy::Right;
use crate::service::{Error, KeptContact, LogLine, RevealIdentity, Service, Violation};

/// The handler.
pub(super) struct RevealHandler {
    service: Arc<Service>,
}

impl RevealHandler {
    pub(super) const fn new(service: Arc<Service>) -> Self {
        Self { service }
    }
}

#[tonic::async_trait]
impl RevealService for RevealHandler {
    async fn reveal_identity(
        &self,
        request: Request<RevealIdentityRequest>,
    ) -> Result<Response<RevealIdentityResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = asked(request.into_inner()).map_err(|error| caller.status(&error))?;
        let service = Arc::clone(&self.service);
        blocking(&caller, move |caller| {
            let recorded = service.reveal_identity(&caller.permit(Right::Reveal)?, &asked)?;
            let (revealed, audit_entry) = recorded.into_answer();
            let identifiers = revealed.identifiers.iter().map(Into::into).collect();
            let contacts = revealed.contacts.iter().map(Into::into).collect();
            Ok(RevealIdentityResponse { identifiers, audit_entry, contacts })
        })
        .await
    }
}

impl From<&KeptContact> for RevealedContact {
    fn from(kept: &KeptContact) -> Self {
        // EXPOSE: two persons have allowed this answer to say who the person is.
        Self {
            name: kept.contact.expose_name().to_owned(),
            address: kept.contact.expose_address().to_owned(),
            since: moment(kept.since),
            said: moment(kept.said),
        }
    }
}

/// A moment of a record, RFC 3339.
fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Whom to reveal, or everything that is wrong with the request.
fn asked(wire: RevealIdentityRequest) -> Result<RevealIdentity, Error> {
    const LINE: &str = "must be one line of 1 to 200 characters, without ten digits in a row";
    let RevealIdentityRequest { register, id, purpose, provision } = wire;
    let id = Zeroizing::new(id);
    let mut violations = Vec::new();
    let mut add = |field: &'static str, text: &'static str| {
        violations.push(Violation { field: field.into(), text: text.into() });
    };
    let register = register.parse().ok();
    let (purpose, provision) = (LogLine::parse(&purpose), LogLine::parse(&provision));
    let problems = [
        (register.is_none(), "register", "is not a register code"),
        (purpose.is_none(), "purpose", LINE),
        (provision.is_none(), "provision", LINE),
    ];
    for (_, field, text) in problems.into_iter().filter(|(is_wrong, ..)| *is_wrong) {
        add(field, text);
    }
    match (register, purpose, provision) {
        (Some(register), Some(purpose), Some(provision)) => {
            Ok(RevealIdentity { register, id, purpose, provision })
        }
        _ => Err(Error::invalid(violations)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purpose_and_provision_are_mandatory_and_hold_nobodys_number() {
        let fields = |purpose: &str, provision: &str| {
            let wire = RevealIdentityRequest {
                register: "NPR".into(),
                id: "1".into(),
                purpose: purpose.into(),
                provision: provision.into(),
            };
            let Err(error) = asked(wire) else { return Vec::new() };
            assert!(!format!("{error:?}").contains("4181"));
            error.violations().iter().map(|one| one.field.to_string()).collect()
        };
        assert_eq!(fields("wrong merge", "§ 2-3"), [""; 0]);
        assert_eq!(fields("", "41814061033"), ["purpose", "provision"]);
        let error = asked(RevealIdentityRequest::default()).err().unwrap();
        assert_eq!(error.violations().len(), 3);
    }
}
