//! What two persons open: bridges and serials that are identified, to success and to failure.

use hvelv::rpc::proto::approval_service_client::ApprovalServiceClient;
use hvelv::rpc::proto::issue_serials_request::Message as SerialsIn;
use hvelv::rpc::proto::issue_serials_response::Message as SerialsOut;
use hvelv::rpc::proto::*;

use super::calls::Calls;
use super::disclosures::Client;

const PARTY: &str = "382199359";
/// Of a key that nobody has.
const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

/// Calls a method and keeps what came of it.
macro_rules! call {
    ($calls:expr, $client:expr, $method:ident, $name:literal, $request:expr) => {{
        let came = $client.$method($request).await;
        $calls.note(concat!("hvelv.v1.DisclosureService/", $name), came)
    }};
}

impl Calls<'_> {
    /// Everything that takes two persons in a disclosure; canaries are texts, and a serial is real.
    pub(crate) async fn bridges(&mut self, client: &mut Client, disclosure: &str) {
        let canary = self.canaries.digits(19);
        let serial = self.serial(client, disclosure).await.unwrap_or_else(|| canary.clone());
        self.approve(ApprovalAct::IdentifySerial, disclosure, &[("serial", &serial)]).await;
        for serial in [canary.clone(), serial.clone(), serial] {
            let disclosure = disclosure.to_owned();
            let asked = IdentifySerialRequest { disclosure, serial };
            call!(self, client, identify_serial, "IdentifySerial", asked);
        }
        let parameters = [("party", PARTY), ("key", KEY)];
        self.approve(ApprovalAct::BridgeOut, disclosure, &parameters).await;
        for (party, key) in [(canary.as_str(), KEY), (PARTY, &*canary), (PARTY, KEY), (PARTY, KEY)]
        {
            let [disclosure, party, key] = [disclosure, party, key].map(str::to_owned);
            let asked = IssueBridgeRequest { disclosure, party, key };
            let came = call!(self, client, issue_bridge, "IssueBridge", asked);
            let Some(mut replies) = came else { continue };
            while let Ok(Some(reply)) = replies.message().await {
                self.world.capture("bridge.age", &reply.chunk);
            }
        }
        let asked = ListBridgesRequest { overdue_only: false };
        call!(self, client, list_bridges, "ListBridges", asked);
        for disclosure in [canary.as_str(), disclosure, disclosure] {
            let disclosure = disclosure.to_owned();
            let asked = ConfirmBridgeDeletionRequest { disclosure, number: 1 };
            call!(self, client, confirm_bridge_deletion, "ConfirmBridgeDeletion", asked);
        }
    }

    async fn approve(&mut self, act: ApprovalAct, subject: &str, parameters: &[(&str, &str)]) {
        self.approve_as("officer", act, subject, parameters).await;
    }

    pub(crate) async fn approve_as(
        &mut self,
        who: &str,
        act: ApprovalAct,
        subject: &str,
        parameters: &[(&str, &str)],
    ) {
        let parameter = |(name, value): &(&str, &str)| ApprovalParameter {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let request = RequestApprovalRequest {
            act: act.into(),
            subject: subject.to_owned(),
            parameters: parameters.iter().map(parameter).collect(),
            reason: "linkage".to_owned(),
            legal_basis: "helseregisterloven § 19 e".to_owned(),
        };
        let mut officer = ApprovalServiceClient::new(self.channel(Some(who)).await);
        let Ok(asked) = officer.request_approval(request).await else { return };
        let id = asked.into_inner().approval.unwrap().id;
        let (verdict, note) = (ApprovalVerdict::Approve.into(), String::new());
        let mut approver = ApprovalServiceClient::new(self.channel(Some("approver")).await);
        let decided = approver.decide_approval(DecideApprovalRequest { id, verdict, note }).await;
        assert!(decided.is_ok(), "an approver approves");
    }

    /// A serial of the disclosure.
    async fn serial(&mut self, client: &mut Client, disclosure: &str) -> Option<String> {
        let (register, ids) = ("NPR".to_owned(), self.ids.iter().copied().take(4_000).collect());
        let messages = [
            SerialsIn::Open(SerialsHeader { disclosure: disclosure.to_owned() }),
            SerialsIn::Batch(RegisterIdBatch { register, ids, ..RegisterIdBatch::default() }),
        ];
        let messages = messages.map(|one| IssueSerialsRequest { message: Some(one) });
        let mut replies =
            client.issue_serials(tokio_stream::iter(messages)).await.ok()?.into_inner();
        let mut found = None;
        while let Ok(Some(reply)) = replies.message().await {
            if let Some(SerialsOut::Result(result)) = reply.message {
                found = result.serials.into_iter().find(|serial| *serial != 0);
            }
        }
        found.map(|serial| serial.to_string())
    }
}
