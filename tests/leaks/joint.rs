//! What two persons open besides bridges out: bridges in, windows of joint disclosures, identities.

use hvelv::crypto::sha256;
use hvelv::rpc::proto::conversion_service_client::ConversionServiceClient;
use hvelv::rpc::proto::load_bridge_request::Message;
use hvelv::rpc::proto::reveal_service_client::RevealServiceClient;
use hvelv::rpc::proto::*;

use super::calls::Calls;
use super::disclosures::{Client, described};

const PARTY: &str = "382199359";

/// Calls a method and keeps what came of it.
macro_rules! call {
    ($calls:expr, $client:expr, $method:ident, $name:literal, $request:expr) => {{
        let came = $client.$method($request).await;
        $calls.note(concat!("hvelv.v1.DisclosureService/", $name), came)
    }};
}

impl Calls<'_> {
    /// A disclosure with another party's IDs and a joint one.
    pub(crate) async fn joint(&mut self, client: &mut Client) {
        let (request, mut decision, key) = described();
        decision.bridge_out = None;
        decision.reidentification = false;
        let mut joint = (request.clone(), decision.clone());
        let name = "Koblingsenheten".to_owned();
        let from = Some(LinkingParty { number: PARTY.to_owned(), name });
        decision.bridge_in = Some(BridgeIn { from });
        let labelled = self.opened(client, request, decision, &key).await;
        self.load(client, &labelled).await;
        joint.0.registers = vec!["IPLOS".into(), "KPR".into()];
        let terms = joint.1.terms.as_mut().unwrap();
        terms.registers[0].register = "IPLOS".into();
        let joint = self.opened(client, joint.0, joint.1, &key).await;
        self.window(client, &joint).await;
    }

    async fn opened(
        &mut self,
        client: &mut Client,
        request: ApplicationRequest,
        decision: Decision,
        recipient_key: &str,
    ) -> String {
        let nobody = || "0".repeat(32);
        let asked = ReceiveApplicationRequest { request: Some(request) };
        let came = call!(self, client, receive_application, "ReceiveApplication", asked);
        let Some(application) = came.and_then(|came| came.application) else { return nobody() };
        let application = application.id;
        let asked = RecordDecisionRequest { application, decision: Some(decision) };
        let application = asked.application.clone();
        call!(self, client, record_decision, "RecordDecision", asked);
        let recipient_key = recipient_key.to_owned();
        let asked =
            OpenDisclosureRequest { application, decision: 1, recipient_key, expires: None };
        let came = call!(self, client, open_disclosure, "OpenDisclosure", asked);
        came.and_then(|came| came.disclosure).map_or_else(nobody, |one| one.id)
    }

    /// Files with canaries as identifiers and as IDs; one is approved.
    async fn load(&mut self, client: &mut Client, disclosure: &str) {
        let rows = self.canaries.numbers[..200].iter().enumerate();
        let rows = rows.map(|(place, number)| format!("{number:011},P-{place}\n"));
        let good: String = std::iter::once("identifier,label\n".into()).chain(rows).collect();
        let canary = self.canaries.digits(21);
        let named = format!("identifier,label\n{canary},{canary}\n");
        for text in [&good, &named] {
            let digest: String =
                sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            let parameters = [("party", PARTY), ("file", digest.as_str())];
            self.approve_as("officer", ApprovalAct::BridgeIn, disclosure, &parameters).await;
        }
        for (party, text) in [
            (canary.as_str(), &good),
            (PARTY, &canary),
            (PARTY, &format!("{good}{canary}\n")),
            (PARTY, &named),
            (PARTY, &good),
            (PARTY, &good),
        ] {
            let open = LoadBridgeHeader {
                disclosure: disclosure.to_owned(),
                party: party.to_owned(),
                bytes: text.len() as u64,
            };
            let messages = [Message::Open(open), Message::Chunk(text.as_bytes().to_vec())];
            let messages = messages.map(|message| LoadBridgeRequest { message: Some(message) });
            let asked = tokio_stream::iter(messages);
            let came = call!(self, client, load_bridge, "LoadBridge", asked);
            if let Some(loaded) = came {
                let told = format!("{:?} {:?}", loaded.refused, loaded.known);
                self.world.capture("loaded.txt", told.as_bytes());
            }
        }
    }

    async fn window(&mut self, client: &mut Client, disclosure: &str) {
        let canary = self.canaries.digits(22);
        let parameters = [("minutes", "5")];
        self.approve_as("officer", ApprovalAct::OpenWindow, disclosure, &parameters).await;
        for disclosure in [canary.as_str(), disclosure, disclosure] {
            let asked = OpenWindowRequest { disclosure: disclosure.to_owned(), minutes: 5 };
            call!(self, client, open_window, "OpenWindow", asked);
        }
        for disclosure in [canary.as_str(), disclosure, disclosure] {
            let asked = CloseWindowRequest { disclosure: disclosure.to_owned() };
            call!(self, client, close_window, "CloseWindow", asked);
        }
    }

    /// Identities of register IDs, one of them approved.
    pub(crate) async fn reveal(&mut self, caller: &str) {
        let canary = self.canaries.digits(23);
        let ids: Vec<String> = self.ids.iter().take(15).map(ToString::to_string).collect();
        let mut client = RevealServiceClient::new(self.channel(Some(caller)).await);
        // Which of them is NPR's nobody knows here.
        for id in &ids {
            let parameters = [("id", id.as_str()), ("purpose", "p"), ("provision", "q")];
            self.approve_as("custodian", ApprovalAct::RevealIdentity, "NPR", &parameters).await;
        }
        let ids = ids.iter().map(String::as_str).chain([canary.as_str()]);
        for (id, purpose) in ids.map(|id| (id, "p")).chain([("1", canary.as_str())]) {
            for register in ["NPR", "IPLOS"] {
                let asked = RevealIdentityRequest {
                    register: register.to_owned(),
                    id: id.to_owned(),
                    purpose: purpose.to_owned(),
                    provision: "q".to_owned(),
                };
                let came = client.reveal_identity(asked).await;
                self.note("hvelv.v1.RevealService/RevealIdentity", came);
            }
        }
    }
}

impl Calls<'_> {
    /// IDs of everybody converted, and canaries wherever else a sender can put text.
    pub(crate) async fn conversions(&mut self, caller: &str) {
        let canary = self.canaries.digits(24);
        let mut client = ConversionServiceClient::new(self.channel(Some(caller)).await);
        let parameters = [("minutes", "5"), ("purpose", "p"), ("provision", "q")];
        self.approve_as("officer", ApprovalAct::OpenConversion, "IPLOS:KPR", &parameters).await;
        for (from, purpose) in
            [("IPLOS", &*canary), (&*canary, "p"), ("IPLOS", "p"), ("IPLOS", "p")]
        {
            let asked = OpenConversionRequest {
                from: from.to_owned(),
                into: "KPR".to_owned(),
                minutes: 5,
                purpose: purpose.to_owned(),
                provision: "q".to_owned(),
            };
            let came = client.open_conversion(asked).await;
            self.note("hvelv.v1.ConversionService/OpenConversion", came);
        }
        let ids: Vec<u64> = self.ids.iter().copied().take(4_000).chain([7]).collect();
        for converter in [caller, "quality"] {
            let mut client = ConversionServiceClient::new(self.channel(Some(converter)).await);
            for (from, into) in [("IPLOS", "KPR"), ("KPR", "IPLOS"), (&*canary, "KPR")] {
                let (from, into) = (from.to_owned(), into.to_owned());
                let asked = ConvertOneWayIdsRequest { from, into, ids: ids.clone() };
                let came = client.convert_one_way_ids(asked).await;
                self.note("hvelv.v1.ConversionService/ConvertOneWayIds", came);
            }
        }
        for from in ["IPLOS", "IPLOS", &*canary] {
            let asked = CloseConversionRequest { from: from.to_owned(), into: "KPR".to_owned() };
            let came = client.close_conversion(asked).await;
            self.note("hvelv.v1.ConversionService/CloseConversion", came);
        }
    }
}
