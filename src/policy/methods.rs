//! The authorization table: every gRPC method, who may call it, and how long it may take.
//!
//! Why a table in code: it is read in one glance, reviewed like code, and complete, since a test
//! walks the descriptors and fails on a method without a row and on a row without a method.  What
//! is not in the table is not called.
//!
//! What it does *not* decide: rights that depend on the request's content, such as the register; the
//! handler asks [`super::authorize`] for those.

use jiff::civil::Date;

use crate::config::access::{Principal, Role};

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Everybody, also without a certificate.
    Anyone,
    /// Everybody whom `access.toml` names.
    Certificate,
    /// Who has at least one of the roles, for any register.
    Roles(&'static [RoleKind]),
}

/// A role without its register and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleKind {
    /// [`Role::Approver`].
    Approver,
    /// [`Role::Auditor`].
    Auditor,
    /// [`Role::Consents`].
    Consents,
    /// [`Role::Convert`].
    Convert,
    /// [`Role::Custodian`].
    Custodian,
    /// [`Role::Identity`].
    Identity,
    /// [`Role::Import`].
    Import,
    /// [`Role::Ingest`].
    Ingest,
    /// [`Role::Keyholder`].
    Keyholder,
    /// [`Role::Link`].
    Link,
    /// [`Role::Officer`].
    Officer,
    /// [`Role::Operator`].
    Operator,
    /// [`Role::Resolve`].
    Resolve,
    /// [`Role::Rights`].
    Rights,
}

impl RoleKind {
    /// The kind of a role.
    #[must_use]
    pub const fn of(role: &Role) -> Self {
        match role {
            Role::Approver => Self::Approver,
            Role::Auditor => Self::Auditor,
            Role::Consents { .. } => Self::Consents,
            Role::Convert { .. } => Self::Convert,
            Role::Custodian => Self::Custodian,
            Role::Identity => Self::Identity,
            Role::Import { .. } => Self::Import,
            Role::Ingest { .. } => Self::Ingest,
            Role::Keyholder => Self::Keyholder,
            Role::Link { .. } => Self::Link,
            Role::Officer => Self::Officer,
            Role::Operator => Self::Operator,
            Role::Resolve { .. } => Self::Resolve,
            Role::Rights => Self::Rights,
        }
    }
}

/// How long a method may take until its answer begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// As long as it needs: what is under way is bounded elsewhere, or must not be cut.
    None,
    /// `limits.request_timeout_ms`.
    Request,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// The path: `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub rule: Rule,
    /// How long it may take.
    pub deadline: Deadline,
}

const fn row(path: &'static str, rule: Rule, deadline: Deadline) -> Method {
    Method { path, rule, deadline }
}

const APPROVER: Rule = Rule::Roles(&[RoleKind::Approver]);
/// A register's own system.
const FOLLOWER: Rule = Rule::Roles(&[RoleKind::Ingest, RoleKind::Resolve]);
const HOLDER: Rule = Rule::Roles(&[RoleKind::Keyholder, RoleKind::Operator]);
/// Who loads what a register had before; that it is this register's the handler asks for.
const IMPORTER: Rule = Rule::Roles(&[RoleKind::Import]);
/// Who gives effect to a role that takes two persons; the approval is of one such role.
const GRANTER: Rule = Rule::Roles(&[RoleKind::Approver, RoleKind::Custodian, RoleKind::Officer]);
const IDENTITY: Rule = Rule::Roles(&[RoleKind::Identity]);
/// From and into which register, the handler asks for.
const CONVERTER: Rule = Rule::Roles(&[RoleKind::Convert]);
const AUDITOR: Rule = Rule::Roles(&[RoleKind::Auditor]);
/// Systems that deliver to a register; which one, the handler asks for.
const DELIVERER: Rule = Rule::Roles(&[RoleKind::Ingest]);
const CUSTODIAN: Rule = Rule::Roles(&[RoleKind::Custodian]);
/// Who states which identifiers are one person's; for which source, the handler asks.
const LINKER: Rule = Rule::Roles(&[RoleKind::Link]);
const OFFICER: Rule = Rule::Roles(&[RoleKind::Officer]);
const OPERATOR: Rule = Rule::Roles(&[RoleKind::Operator]);
const READER: Rule = Rule::Roles(&[RoleKind::Auditor, RoleKind::Officer]);
/// Who may ask for an approval.
const REQUESTER: Rule =
    Rule::Roles(&[RoleKind::Approver, RoleKind::Custodian, RoleKind::Officer, RoleKind::Operator]);
/// Who may see approvals: all of them, or those that they asked for.
const SEER: Rule = Rule::Roles(&[
    RoleKind::Approver,
    RoleKind::Auditor,
    RoleKind::Custodian,
    RoleKind::Officer,
    RoleKind::Operator,
]);
/// Systems of registers; that it is this register's, and all of its sources, the handler asks for.
const REGISTER: Rule = Rule::Roles(&[RoleKind::Ingest, RoleKind::Resolve]);
/// Systems of quality registers; that it is this one's, the handler asks for.
const QUALITY: Rule = Rule::Roles(&[RoleKind::Consents]);
/// Who states what persons have said to a quality register.
const QUALITY_OR_RIGHTS: Rule = Rule::Roles(&[RoleKind::Consents, RoleKind::Rights]);
const RIGHTS: Rule = Rule::Roles(&[RoleKind::Rights]);
const SENDER: Rule = Rule::Roles(&[RoleKind::Import, RoleKind::Ingest, RoleKind::Resolve]);

/// The table.  Health answers everybody, as load balancers have no certificate; reflection is
/// registered in development mode only.
pub const METHODS: &[Method] = &[
    row("/grpc.health.v1.Health/Check", Rule::Anyone, Deadline::Request),
    row("/grpc.health.v1.Health/Watch", Rule::Anyone, Deadline::None),
    row("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Rule::Anyone, Deadline::None),
    row("/hvelv.v1.AliasService/ConvertIds", FOLLOWER, Deadline::None),
    row("/hvelv.v1.AliasService/ListAliases", FOLLOWER, Deadline::None),
    row("/hvelv.v1.AliasService/LoadAliases", IMPORTER, Deadline::None),
    row("/hvelv.v1.ApprovalService/DecideApproval", APPROVER, Deadline::None),
    row("/hvelv.v1.ApprovalService/GetAccess", SEER, Deadline::Request),
    row("/hvelv.v1.ApprovalService/GetApproval", SEER, Deadline::Request),
    row("/hvelv.v1.ApprovalService/GrantRole", GRANTER, Deadline::None),
    row("/hvelv.v1.ApprovalService/ListApprovals", SEER, Deadline::Request),
    row("/hvelv.v1.ApprovalService/RequestApproval", REQUESTER, Deadline::None),
    row("/hvelv.v1.ApprovalService/WithdrawApproval", REQUESTER, Deadline::None),
    row("/hvelv.v1.AuditService/GetCheckpoint", AUDITOR, Deadline::None),
    row("/hvelv.v1.AuditService/GetConsistencyProof", AUDITOR, Deadline::Request),
    row("/hvelv.v1.AuditService/GetInclusionProof", AUDITOR, Deadline::Request),
    row("/hvelv.v1.AuditService/GetReceipt", Rule::Certificate, Deadline::None),
    row("/hvelv.v1.AuditService/ListEntries", AUDITOR, Deadline::Request),
    row("/hvelv.v1.AuditService/PruneEntries", OPERATOR, Deadline::None),
    row("/hvelv.v1.CatalogueService/GetRegister", Rule::Anyone, Deadline::Request),
    row("/hvelv.v1.CatalogueService/ListRegisters", Rule::Anyone, Deadline::Request),
    row("/hvelv.v1.ConversionService/CloseConversion", OFFICER, Deadline::None),
    row("/hvelv.v1.ConversionService/ConvertOneWayIds", CONVERTER, Deadline::None),
    row("/hvelv.v1.ConversionService/OpenConversion", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/CloseDisclosure", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/CloseWindow", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/CompleteDisclosure", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/ConfirmBridgeDeletion", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/ConfirmDeletion", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/GetApplication", READER, Deadline::Request),
    row("/hvelv.v1.DisclosureService/GetDisclosure", READER, Deadline::Request),
    row("/hvelv.v1.DisclosureService/IdentifySerial", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/IssueBridge", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/IssueSerials", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/IssueSurrogates", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/ListApplications", READER, Deadline::Request),
    row("/hvelv.v1.DisclosureService/ListBridges", READER, Deadline::Request),
    row("/hvelv.v1.DisclosureService/ListDisclosures", READER, Deadline::Request),
    row("/hvelv.v1.DisclosureService/LoadBridge", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/OpenDisclosure", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/OpenWindow", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/ReceiveApplication", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/RecordDecision", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/RecordDelivery", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/RefuseApplication", OFFICER, Deadline::None),
    row("/hvelv.v1.DisclosureService/RouteApplication", OFFICER, Deadline::Request),
    row("/hvelv.v1.DisclosureService/WithdrawApplication", OFFICER, Deadline::None),
    row("/hvelv.v1.IdentityService/ApplyEvents", IDENTITY, Deadline::None),
    row("/hvelv.v1.IdentityService/LinkIdentifiers", LINKER, Deadline::None),
    row("/hvelv.v1.IdentityService/ListIdChanges", FOLLOWER, Deadline::None),
    row("/hvelv.v1.IdentityService/ListProtectedLinks", CUSTODIAN, Deadline::None),
    row("/hvelv.v1.IdentityService/ListReissues", CUSTODIAN, Deadline::None),
    row("/hvelv.v1.IdentityService/ReissueIds", CUSTODIAN, Deadline::None),
    row("/hvelv.v1.IdentityService/UnlinkIdentifiers", LINKER, Deadline::None),
    row("/hvelv.v1.IngestService/Pseudonymize", SENDER, Deadline::Request),
    row("/hvelv.v1.IngestService/PseudonymizeStream", SENDER, Deadline::None),
    row("/hvelv.v1.OperatorService/AcceptRestore", OPERATOR, Deadline::None),
    row("/hvelv.v1.OperatorService/Backup", OPERATOR, Deadline::None),
    row("/hvelv.v1.OperatorService/GetRestore", OPERATOR, Deadline::Request),
    row("/hvelv.v1.OperatorService/GiveShare", HOLDER, Deadline::None),
    row("/hvelv.v1.OperatorService/GrantBudget", OPERATOR, Deadline::None),
    row("/hvelv.v1.OperatorService/ListBudgets", OPERATOR, Deadline::Request),
    row("/hvelv.v1.OperatorService/Seal", OPERATOR, Deadline::None),
    row("/hvelv.v1.OperatorService/Status", Rule::Anyone, Deadline::Request),
    row("/hvelv.v1.OperatorService/Unseal", OPERATOR, Deadline::None),
    row("/hvelv.v1.RevealService/RevealIdentity", CUSTODIAN, Deadline::None),
    row("/hvelv.v1.RightsService/AssessCase", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/CheckQualityConsents", QUALITY, Deadline::None),
    row("/hvelv.v1.RightsService/ConfirmOrder", DELIVERER, Deadline::None),
    row("/hvelv.v1.RightsService/DecideCase", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/GetCase", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/GetInnsyn", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/GetRights", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/GiveConsent", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/LiftReservation", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/ListCases", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/ListOrders", REGISTER, Deadline::None),
    row("/hvelv.v1.RightsService/PlanRetention", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/ReceiveCase", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/RecordQualityConsent", QUALITY_OR_RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/RunRetention", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/SetReservation", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/WithdrawCase", RIGHTS, Deadline::None),
    row("/hvelv.v1.RightsService/WithdrawConsent", RIGHTS, Deadline::None),
];

/// The row of a path, if there is one.
#[must_use]
pub fn find(path: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.path == path)
}

/// What a caller has shown of itself.
#[derive(Clone, Copy, Debug)]
pub enum Shown<'a> {
    /// No certificate.
    Nothing,
    /// A certificate of a principal.
    Principal(&'a Principal),
    /// A certificate that belongs to nobody, or to two.
    Stranger,
}

/// Why a method may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It needs a certificate, and none was shown.
    CertificateRequired,
    /// The certificate is nobody's, or its owner has not the role: the same answer.
    NotAllowed,
}

impl Rule {
    /// Whether who has shown that may call, on a day.
    ///
    /// # Errors
    ///
    /// The [`Refusal`].
    pub fn check(self, shown: Shown<'_>, today: Date) -> Result<(), Refusal> {
        let principal = match (self, shown) {
            (Self::Anyone, _) => return Ok(()),
            (_, Shown::Nothing) => return Err(Refusal::CertificateRequired),
            (_, Shown::Stranger) => return Err(Refusal::NotAllowed),
            (_, Shown::Principal(principal)) => principal,
        };
        let is_valid = principal.validity().contains(today);
        let has_role = match self {
            Self::Anyone | Self::Certificate => true,
            Self::Roles(kinds) => {
                principal.roles().iter().any(|role| kinds.contains(&RoleKind::of(role)))
            }
        };
        if is_valid && has_role { Ok(()) } else { Err(Refusal::NotAllowed) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::policy::tests::access_with;

    fn check(rule: Rule, roles: &str, today: Date) -> Result<(), Refusal> {
        let access = access_with(roles);
        rule.check(Shown::Principal(access.iter().next().unwrap()), today)
    }

    #[test]
    fn rows_are_unique_and_in_order() {
        assert!(METHODS.windows(2).all(|pair| pair[0].path < pair[1].path));
        assert_eq!(find("/hvelv.v1.OperatorService/Seal").map(|row| row.rule), Some(OPERATOR));
        assert_eq!(find("/hvelv.v1.OperatorService/Seal/"), None);
    }

    #[test]
    fn an_open_method_answers_everybody() {
        for shown in [Shown::Nothing, Shown::Stranger] {
            assert_eq!(Rule::Anyone.check(shown, date(2026, 6, 1)), Ok(()));
        }
    }

    #[test]
    fn without_a_certificate_the_answer_says_so_and_otherwise_it_says_nothing() {
        for rule in [Rule::Certificate, OPERATOR] {
            let day = date(2026, 6, 1);
            assert_eq!(rule.check(Shown::Nothing, day), Err(Refusal::CertificateRequired));
            assert_eq!(rule.check(Shown::Stranger, day), Err(Refusal::NotAllowed));
        }
        assert_eq!(check(OPERATOR, "'auditor'", date(2026, 6, 1)), Err(Refusal::NotAllowed));
    }

    #[test]
    fn one_of_the_roles_is_enough_on_a_day_when_it_holds() {
        for roles in ["'ingest:NPR:HF'", "'resolve:NPR:*'", "'import:KPR:KUHR', 'auditor'"] {
            assert_eq!(check(SENDER, roles, date(2026, 6, 1)), Ok(()));
            assert_eq!(check(SENDER, roles, date(2027, 6, 1)), Err(Refusal::NotAllowed));
        }
        assert_eq!(check(Rule::Certificate, "", date(2026, 6, 1)), Ok(()));
    }
}
