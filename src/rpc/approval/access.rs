//! Who holds the roles that take two persons to grant: messages and the service's types.

use super::violation;
use crate::approval::holders::Proposal;
use crate::config::access::Role;
use crate::config::codes::PrincipalName;
use crate::rpc::proto::{GetAccessResponse, GrantRoleRequest, RoleHolder, WaitingRole};
use crate::service::{AccessStatus, Error, Holder};

/// What is granted, or everything that is wrong with it.
pub(super) fn granted(request: &GrantRoleRequest) -> Result<(PrincipalName, Role), Error> {
    let principal = request.principal.parse();
    let principal = principal.map_err(|_| violation("principal", "is not a principal's name"));
    let role = request.role.parse().map_err(|_| violation("role", "is not a role"));
    match (principal, role) {
        (Ok(principal), Ok(role)) => Ok((principal, role)),
        (principal, role) => {
            Err(Error::invalid(principal.err().into_iter().chain(role.err()).collect()))
        }
    }
}

impl From<AccessStatus> for GetAccessResponse {
    fn from(AccessStatus { holders, waiting }: AccessStatus) -> Self {
        Self {
            holders: holders.into_iter().map(Into::into).collect(),
            waiting: waiting.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Holder> for RoleHolder {
    fn from(Holder { principal, person, role }: Holder) -> Self {
        Self { principal, person, role }
    }
}

impl From<Proposal> for WaitingRole {
    fn from(proposal: Proposal) -> Self {
        let subject = proposal.subject();
        let Proposal { principal, role, terms, is_held } = proposal;
        let (principal, role) = (principal.to_string(), role.to_string());
        Self {
            holder: Some(RoleHolder { principal, person: terms.person.to_string(), role }),
            held: is_held,
            subject,
            certificates: terms.certificates.iter().map(ToString::to_string).collect(),
            validity: terms.validity.to_string(),
        }
    }
}
