//! The methods of approvals, to success and to failure.

use hvelv::rpc::proto::approval_service_client::ApprovalServiceClient;
use hvelv::rpc::proto::*;
use prost::Message as _;

use super::Calls;

impl Calls<'_> {
    /// Approvals, with canaries where a sender can put text. In a parameter one is right: it is kept
    /// nowhere.
    pub(super) async fn approvals(&mut self) {
        let canary = self.canaries.digits(10);
        let right = RequestApprovalRequest {
            act: ApprovalAct::BridgeOut.into(),
            subject: "disclosure 26-1".to_owned(),
            parameters: vec![ApprovalParameter {
                name: "number".to_owned(),
                value: canary.clone(),
            }],
            reason: "linkage".to_owned(),
            legal_basis: "helseregisterloven § 19 e".to_owned(),
        };
        let mut ids = vec![canary.clone()];
        for caller in ["officer", "stranger"] {
            let mut client = ApprovalServiceClient::new(self.channel(Some(caller)).await);
            for request in [
                right.clone(),
                right.clone(),
                RequestApprovalRequest { subject: canary.clone(), ..right.clone() },
                RequestApprovalRequest { reason: canary.clone(), ..right.clone() },
                RequestApprovalRequest { legal_basis: canary.clone(), ..right.clone() },
            ] {
                let came = client.request_approval(request).await;
                let told = self.note("hvelv.v1.ApprovalService/RequestApproval", came);
                ids.extend(told.and_then(|told| told.approval).map(|approval| approval.id));
            }
        }
        let mut approver = ApprovalServiceClient::new(self.channel(Some("approver")).await);
        let mut officer = ApprovalServiceClient::new(self.channel(Some("officer")).await);
        for id in ids {
            for note in [canary.as_str(), "seen"] {
                let verdict = ApprovalVerdict::Approve.into();
                let (id, note) = (id.clone(), note.to_owned());
                let request = DecideApprovalRequest { id, verdict, note };
                let came = approver.decide_approval(request).await;
                self.note("hvelv.v1.ApprovalService/DecideApproval", came);
            }
            let came = officer.get_approval(GetApprovalRequest { id: id.clone() }).await;
            if let Some(shown) = self.note("hvelv.v1.ApprovalService/GetApproval", came) {
                self.world.capture("approvals.txt", format!("{shown:?}").as_bytes());
            }
            for _ in 0..2 {
                let request = WithdrawApprovalRequest { id: id.clone() };
                let came = officer.withdraw_approval(request).await;
                self.note("hvelv.v1.ApprovalService/WithdrawApproval", came);
            }
        }
        for caller in ["approver", "stranger"] {
            let mut client = ApprovalServiceClient::new(self.channel(Some(caller)).await);
            let came = client.get_access(GetAccessRequest {}).await;
            if let Some(shown) = self.note("hvelv.v1.ApprovalService/GetAccess", came) {
                self.world.capture("access.txt", format!("{shown:?}").as_bytes());
            }
            for (principal, role) in
                [(canary.clone(), "officer".to_owned()), ("officer".to_owned(), canary.clone())]
            {
                let came = client.grant_role(GrantRoleRequest { principal, role }).await;
                self.note("hvelv.v1.ApprovalService/GrantRole", came);
            }
        }
        for state in [0, ApprovalState::Withdrawn as i32, 99] {
            let came = approver.list_approvals(ListApprovalsRequest { state, count: 0 }).await;
            if let Some(listed) = self.note("hvelv.v1.ApprovalService/ListApprovals", came) {
                self.world.capture("approvals.bin", &listed.encode_to_vec());
            }
        }
    }
}
