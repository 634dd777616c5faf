//! Every method of disclosures, with canaries wherever an officer can put text.

use std::path::Path;

use hvelv::clock::{Clock as _, SystemClock};
use hvelv::disclosure::description::Description;
use hvelv::rpc::proto::disclosure_service_client::DisclosureServiceClient;
use hvelv::rpc::proto::issue_serials_request::Message as SerialsIn;
use hvelv::rpc::proto::issue_serials_response::Message as SerialsOut;
use hvelv::rpc::proto::issue_surrogates_request::Message as SurrogatesIn;
use hvelv::rpc::proto::*;
use jiff::ToSpan as _;
use tonic::transport::Channel;

use super::calls::Calls;
use super::canaries::Canaries;
use super::manifest::manifest;
use super::world::World;

/// The example of a description.
const EXAMPLE: &str = "examples/disclosure/research.toml";
/// An id that no disclosure has.
const NOBODY: &str = "00000000000000000000000000000000";

pub(crate) type Client = DisclosureServiceClient<Channel>;

/// Calls a method and keeps what came of it.
macro_rules! call {
    ($calls:expr, $client:expr, $method:ident, $name:literal, $request:expr) => {{
        let came = $client.$method($request).await;
        $calls.note(concat!("hvelv.v1.DisclosureService/", $name), came)
    }};
}

/// The day so many days from now.
fn day(days: i32) -> jiff::civil::Date {
    SystemClock::new().today().checked_add(days.days()).unwrap()
}

fn wire(day: jiff::civil::Date) -> Option<CalendarDate> {
    let part = |number: i8| u32::try_from(number).unwrap();
    let year = u32::try_from(day.year()).unwrap();
    Some(CalendarDate { year, month: part(day.month()), day: part(day.day()) })
}

/// The example, decided yesterday.
pub(crate) fn described() -> (ApplicationRequest, Decision, String) {
    let description = Description::load(Path::new(EXAMPLE)).unwrap();
    let mut decision = Decision::from(&description.decision);
    (decision.dated, decision.valid_until) = (wire(day(-1)), wire(day(30)));
    decision.reidentification = true;
    let to = LinkingParty { number: "382199359".into(), name: "Koblingsenheten".into() };
    decision.bridge_out = Some(BridgeOut { to: Some(to), delete_by: wire(day(20)) });
    let key = description.recipient_key.to_string();
    ((&description.application).into(), decision, key)
}

impl Calls<'_> {
    /// Disclosures, by who may and by who may not.
    pub(crate) async fn disclosures(&mut self) {
        for caller in ["officer", "pipeline"] {
            let mut client = DisclosureServiceClient::new(self.channel(Some(caller)).await);
            let application = self.applications(&mut client).await;
            self.misuse_disclosures(&mut client, &application).await;
            self.disclosure(&mut client, &application).await;
            self.joint(&mut client).await;
        }
        for caller in ["custodian", "pipeline"] {
            self.reveal(caller).await;
        }
        for caller in ["officer", "pipeline"] {
            self.conversions(caller).await;
        }
    }

    /// An application with its decision, and two that are ended.
    async fn applications(&mut self, client: &mut Client) -> String {
        let (request, decision, _) = described();
        let request = Some(request);
        let mut received = Vec::new();
        for _ in 0..3 {
            let asked = ReceiveApplicationRequest { request: request.clone() };
            let came = call!(self, client, receive_application, "ReceiveApplication", asked);
            let application = came.and_then(|came| came.application);
            received.push(application.map(|one| one.id).unwrap_or_else(|| "A-2026-0001".into()));
        }
        let [decided, refused, withdrawn] = [0, 1, 2].map(|at| received[at].clone());
        let kind = "dispensation".to_owned();
        let asked = RouteApplicationRequest { request, kind, day: None };
        call!(self, client, route_application, "RouteApplication", asked);
        let asked =
            RecordDecisionRequest { application: decided.clone(), decision: Some(decision) };
        call!(self, client, record_decision, "RecordDecision", asked);
        let reason = "sak 26/1".to_owned();
        let asked = RefuseApplicationRequest { application: refused, reason: reason.clone() };
        call!(self, client, refuse_application, "RefuseApplication", asked);
        let asked = WithdrawApplicationRequest { application: withdrawn, reason };
        call!(self, client, withdraw_application, "WithdrawApplication", asked);
        let asked = GetApplicationRequest { application: decided.clone() };
        call!(self, client, get_application, "GetApplication", asked);
        call!(self, client, list_applications, "ListApplications", ListApplicationsRequest {});
        decided
    }

    /// Canaries in every text.
    async fn misuse_disclosures(&mut self, client: &mut Client, application: &str) {
        let canary = self.canaries.digits(13);
        let (mut request, mut decision, _) = described();
        request.applicant = format!("for {canary}");
        request.organisation.clone_from(&canary);
        request.purpose.clone_from(&canary);
        request.registers.push(canary.clone());
        request.delivered_to.clone_from(&canary);
        let asked = ReceiveApplicationRequest { request: Some(request.clone()) };
        call!(self, client, receive_application, "ReceiveApplication", asked);
        let kind = canary.clone();
        let asked = RouteApplicationRequest { request: Some(request), kind, day: None };
        call!(self, client, route_application, "RouteApplication", asked);
        decision.authority.clone_from(&canary);
        decision.reference = format!("{canary}.");
        decision.continues.clone_from(&canary);
        let terms = decision.terms.as_mut().unwrap();
        terms.registers[0].variables[0].name.clone_from(&canary);
        terms.registers[1].register.clone_from(&canary);
        let asked = RecordDecisionRequest { application: canary.clone(), decision: Some(decision) };
        call!(self, client, record_decision, "RecordDecision", asked);
        for application in [canary.as_str(), application] {
            let [application, reason] = [application.to_owned(), format!("for {canary}")];
            let asked = RefuseApplicationRequest {
                application: application.clone(),
                reason: reason.clone(),
            };
            call!(self, client, refuse_application, "RefuseApplication", asked);
            let asked = WithdrawApplicationRequest { application: application.clone(), reason };
            call!(self, client, withdraw_application, "WithdrawApplication", asked);
            let asked = OpenDisclosureRequest {
                application,
                decision: 1,
                recipient_key: canary.clone(),
                expires: None,
            };
            call!(self, client, open_disclosure, "OpenDisclosure", asked);
        }
        let asked = GetApplicationRequest { application: canary.clone() };
        call!(self, client, get_application, "GetApplication", asked);
        self.end(client, &canary).await;
        self.end(client, NOBODY).await;
        self.issue(client, &canary).await;
        self.issue(client, NOBODY).await;
    }

    /// A disclosure from its key to its end.
    async fn disclosure(&mut self, client: &mut Client, application: &str) {
        let (.., recipient_key) = described();
        let application = application.to_owned();
        let asked =
            OpenDisclosureRequest { application, decision: 1, recipient_key, expires: None };
        let came = call!(self, client, open_disclosure, "OpenDisclosure", asked);
        let opened = came.and_then(|came| came.disclosure);
        let id = opened.map_or_else(|| NOBODY.to_owned(), |one| one.id);
        call!(self, client, list_disclosures, "ListDisclosures", ListDisclosuresRequest {});
        self.issue(client, &id).await;
        self.bridges(client, &id).await;
        self.end(client, &id).await;
    }

    /// Delivers and ends a disclosure; an extract's texts with a canary first.
    async fn end(&mut self, client: &mut Client, id: &str) {
        let disclosure = id.to_owned();
        let asked = GetDisclosureRequest { disclosure: disclosure.clone() };
        let found = call!(self, client, get_disclosure, "GetDisclosure", asked);
        let manifest =
            found.and_then(|found| Some(manifest(found.disclosure.as_ref()?, &found.verifier_key)));
        let canary = self.canaries.digits(14);
        for text in [canary.clone(), "sak 26/1".to_owned()] {
            let asked = RecordDeliveryRequest {
                disclosure: disclosure.clone(),
                manifest: manifest.clone().unwrap_or_else(|| canary.clone()),
                files: vec![text.clone()],
                guard_exceptions: vec![text],
                ..RecordDeliveryRequest::default()
            };
            call!(self, client, record_delivery, "RecordDelivery", asked);
        }
        let asked = CompleteDisclosureRequest { disclosure: disclosure.clone() };
        call!(self, client, complete_disclosure, "CompleteDisclosure", asked);
        let asked = ConfirmDeletionRequest { disclosure: disclosure.clone() };
        call!(self, client, confirm_deletion, "ConfirmDeletion", asked);
        let asked = CloseDisclosureRequest { disclosure };
        call!(self, client, close_disclosure, "CloseDisclosure", asked);
    }

    /// Serials of every register ID that was answered, and surrogates of identifiers.
    async fn issue(&mut self, client: &mut Client, id: &str) {
        const SERIALS: &str = "hvelv.v1.DisclosureService/IssueSerials";
        let disclosure = id.to_owned();
        let ids: Vec<u64> = self.ids.iter().copied().take(4_000).collect();
        let strangers = self.canaries.numbers[..50].to_vec();
        let batch = |register: &str, ids: Vec<u64>| {
            SerialsIn::Batch(RegisterIdBatch {
                register: register.to_owned(),
                ids,
                ..RegisterIdBatch::default()
            })
        };
        let messages = [
            SerialsIn::Open(SerialsHeader { disclosure: disclosure.clone() }),
            batch("NPR", ids.clone()),
            batch("KPR", ids),
            batch("NPR", strangers.clone()),
            batch(&self.canaries.digits(15), strangers),
        ];
        let messages = messages.map(|one| IssueSerialsRequest { message: Some(one) });
        let came = client.issue_serials(tokio_stream::iter(messages)).await;
        if let Some(mut replies) = self.note(SERIALS, came) {
            loop {
                match replies.message().await {
                    Ok(Some(IssueSerialsResponse { message: Some(SerialsOut::Result(some)) })) => {
                        self.serials += some.serials.iter().filter(|one| **one != 0).count();
                    }
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(status) => {
                        self.note::<()>(SERIALS, Err(status));
                        break;
                    }
                }
            }
        }
        self.surrogates(client, disclosure).await;
    }

    async fn surrogates(&mut self, client: &mut Client, disclosure: String) {
        const SURROGATES: &str = "hvelv.v1.DisclosureService/IssueSurrogates";
        let values: Vec<_> =
            (0..300).map(|at| self.canaries.digits(at).into_bytes().into()).collect();
        let batch = |key_space: &str| {
            let (key_space, values) = (key_space.to_owned(), values.clone());
            SurrogatesIn::Batch(ValueBatch { key_space, institutions: values.clone(), values })
        };
        let messages = [
            SurrogatesIn::Open(SurrogatesHeader { disclosure }),
            batch("episodes"),
            batch(&self.canaries.digits(16)),
        ];
        let messages = messages.map(|one| IssueSurrogatesRequest { message: Some(one) });
        let came = client.issue_surrogates(tokio_stream::iter(messages)).await;
        let Some(mut replies) = self.note(SURROGATES, came) else { return };
        loop {
            match replies.message().await {
                Ok(Some(some)) => self.surrogate_bytes += some.surrogates.len(),
                Ok(None) => break,
                Err(status) => {
                    self.note::<()>(SURROGATES, Err(status));
                    break;
                }
            }
        }
    }
}

/// What an officer does at the terminal.
pub(crate) fn commands(world: &mut World, canaries: &Canaries) {
    let example = std::fs::read_to_string(EXAMPLE).unwrap();
    let text = example
        .replace("2026-03-02", &day(-1).to_string())
        .replace("2028-12-31", &day(20).to_string())
        .replace("2029-12-31", &day(30).to_string());
    std::fs::write(world.path("input/good.toml"), &text).unwrap();
    let named = text.replace("Prosjekt Hjerte", &canaries.digits(17));
    std::fs::write(world.path("input/named.toml"), named).unwrap();
    let field = |told: &str, name: &str| {
        let told: serde_json::Value = serde_json::from_str(told).unwrap();
        told[name].as_str().or_else(|| told[name]["id"].as_str()).unwrap().to_owned()
    };
    let ran = world.run("disclosure run @officer input/good.toml --json", 0);
    let (application, id) = (field(&ran, "application"), field(&ran, "disclosure"));
    world.run("disclosure run @officer input/named.toml", 2);
    world.run("disclosure run @stranger input/good.toml", 4);
    let received = world.run("application receive @officer --file input/good.toml --json", 0);
    let other = field(&received, "id");
    world.run("application receive @officer --file input/named.toml", 2);
    world.run(&format!("application show @auditor {application}"), 0);
    world.run("application list @auditor", 0);
    world.run(&format!("application route @officer {application} --kind dispensation"), 0);
    let canary = canaries.digits(18);
    world.run(&format!("application refuse @officer {other} --reason x.{canary}"), 2);
    world.run(&format!("application refuse @officer {other} --reason sak-26/1"), 0);
    world.run(&format!("application withdraw @officer {other} --reason sak-26/1"), 5);
    world.run(&format!("decision record @officer {application} --file input/good.toml"), 0);
    world.run(&format!("decision record @officer {other} --file input/good.toml --json"), 5);
    world.run(&format!("decision show @auditor {application} --json"), 0);
    let key = format!("AGE-SECRET-KEY-1{canary}");
    let open = format!("disclosure open @officer {application} --decision 2 --recipient-key {key}");
    world.run(&open, 2);
    world.run(&format!("disclosure show @officer {id}"), 0);
    world.run("disclosure list @officer --json", 0);
    std::fs::write(world.path("input/serial"), format!("serial={canary}")).unwrap();
    world.run(&format!("disclosure identify @officer {id} input/serial"), 5);
    world.run(&format!("disclosure identify @officer {id} input/named.toml"), 2);
    let out = format!("bridge out @officer {id} output/bridge.age --party 382199359");
    world.run(&format!("{out} --recipient {key}"), 2);
    world.run(
        &format!(
            "{out} --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
        ),
        5,
    );
    world.run("bridge list @auditor --overdue", 0);
    let bridge = format!("identifier,label\n{canary},{canary}\n");
    std::fs::write(world.path("input/bridge-in.csv"), bridge).unwrap();
    world.run("bridge digest input/bridge-in.csv", 0);
    world.run(&format!("bridge in @officer {id} input/bridge-in.csv --party 382199359"), 5);
    world.run(&format!("disclosure open-window @officer {id} --minutes 5"), 5);
    world.run(&format!("disclosure close-window @officer {id}"), 5);
    std::fs::write(world.path("input/id"), format!("id={canary}")).unwrap();
    world.run("reveal @custodian --register NPR --purpose p --provision q input/id", 2);
    world.run(&format!("bridge confirm @officer {id} 1"), 2);
    world.run(&format!("disclosure complete @officer {id}"), 5);
    world.run(&format!("disclosure confirm-deletion @officer {id}"), 5);
    world.run(&format!("disclosure close @officer {id}"), 2);
    world.run(&format!("disclosure close @officer {id} --yes"), 0);
    let make = format!("extract make @officer --disclosure {NOBODY} --contact a@b.example");
    world.run(&format!("{make} --register NPR output/npr.csv output/made.csv"), 2);
    world.run("extract key secret/researcher.key", 0);
    world.run("extract open --identity secret/researcher.key input/good.toml output/opened", 6);
}
