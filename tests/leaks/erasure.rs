//! Erasure and retention, with canaries as persons and wherever else a sender can put text.

use prost::Message as _;

use hvelv::rpc::proto::rights_service_client::RightsServiceClient;
use hvelv::rpc::proto::*;

use super::calls::Calls;
use super::canaries::Canaries;
use super::rights::write_private;
use super::world::World;

/// What is asked for in a case that is taken back.
const TAKEN_BACK: &str = "episode 8";

fn day() -> Option<CalendarDate> {
    Some(CalendarDate { year: 2026, month: 1, day: 2 })
}

fn records(name: &str) -> DataScope {
    DataScope { kind: "records".into(), records: vec![name.to_owned()], ..DataScope::default() }
}

impl Calls<'_> {
    /// Whoever may, and whoever may not.
    pub(crate) async fn erasure(&mut self) {
        for caller in ["rights", "pipeline"] {
            let mut client = RightsServiceClient::new(self.channel(Some(caller)).await);
            let canary = self.canaries.digits(9);
            for (identifier, text) in [
                (canary.clone(), "episode 7".to_owned()),
                (canary.clone(), TAKEN_BACK.to_owned()),
                (canary.clone(), canary.clone()),
                (self.canaries.malformed[0].clone(), "episode 7".to_owned()),
            ] {
                let request = ReceiveCaseRequest {
                    subject: Some(RightsSubject {
                        register: "KPR".into(),
                        r#type: IdentifierType::Any.into(),
                        identifier,
                        assigner: String::new(),
                    }),
                    channel: "letter".into(),
                    requested_on: day(),
                    asked: Some(records(&text)),
                    reason: text.clone(),
                };
                let came = client.receive_case(request).await;
                let came = self.note("hvelv.v1.RightsService/ReceiveCase", came);
                let case = came.and_then(|came| came.case);
                let case = case.map_or_else(|| canary.clone(), |case| case.number);
                self.case(&mut client, &case, &text).await;
            }
            self.retention(&mut client, &canary).await;
        }
    }

    async fn case(
        &mut self,
        client: &mut RightsServiceClient<tonic::transport::Channel>,
        case: &str,
        text: &str,
    ) {
        let request = AssessCaseRequest {
            case: case.to_owned(),
            burden: "strong".into(),
            public_interest: "ordinary".into(),
            died: None,
            note: text.to_owned(),
        };
        let came = client.assess_case(request).await;
        self.note("hvelv.v1.RightsService/AssessCase", came);
        let came = client.get_case(GetCaseRequest { case: case.to_owned() }).await;
        if let Some(shown) = self.note("hvelv.v1.RightsService/GetCase", came) {
            self.world.capture("cases.bin", &shown.encode_to_vec());
        }
        let request = DecideCaseRequest {
            case: case.to_owned(),
            decision: Some(decide_case_request::Decision::Grant(records(text))),
            reason: text.to_owned(),
        };
        if text != TAKEN_BACK {
            let came = client.decide_case(request).await;
            self.note("hvelv.v1.RightsService/DecideCase", came);
        }
        let came = client.list_cases(ListCasesRequest::default()).await;
        if let Some(shown) = self.note("hvelv.v1.RightsService/ListCases", came) {
            self.world.capture("cases.bin", &shown.encode_to_vec());
        }
        let request = WithdrawCaseRequest { case: case.to_owned(), reason: text.to_owned() };
        let came = client.withdraw_case(request).await;
        self.note("hvelv.v1.RightsService/WithdrawCase", came);
    }

    async fn retention(
        &mut self,
        client: &mut RightsServiceClient<tonic::transport::Channel>,
        canary: &str,
    ) {
        for register in ["KPR", canary] {
            let register = register.to_owned();
            let request = ListOrdersRequest { register: register.clone(), after: 0, limit: 0 };
            let came = client.list_orders(request).await;
            self.note("hvelv.v1.RightsService/ListOrders", came);
            for _ in 0..2 {
                let request = ConfirmOrderRequest { register: register.clone(), number: 1 };
                let came = client.confirm_order(request).await;
                self.note("hvelv.v1.RightsService/ConfirmOrder", came);
            }
        }
        let came = client.plan_retention(PlanRetentionRequest {}).await;
        let plan = self.note("hvelv.v1.RightsService/PlanRetention", came);
        for digest in [canary.to_owned(), plan.map(|plan| plan.digest).unwrap_or_default()] {
            let came = client.run_retention(RunRetentionRequest { digest }).await;
            self.note("hvelv.v1.RightsService/RunRetention", came);
        }
    }
}

/// A case of a canary, and its order.
pub(crate) fn commands(world: &mut World, canaries: &Canaries) {
    let three = canaries.digits(2);
    write_private(world, "person", &format!("{three}\n"));
    write_private(world, "reason", "Nok.\n");
    write_private(world, "bad-reason", &format!("Jeg er {three}.\n"));
    let person = "--identifier-file secret/person @rights";
    let receive = format!(
        "case receive --register KPR --channel letter --asked-on 2026-01-02 \
         --reason-file secret/reason {person}"
    );
    let mut cases = Vec::new();
    for _ in 0..2 {
        cases.push(world.run(&receive, 0).lines().next().unwrap().to_owned());
    }
    world.run(&receive.replace("secret/reason", "secret/bad-reason"), 2);
    world.run(&receive.replace("@rights", "@stranger"), 4);
    let [first, second] = &cases[..] else { panic!("two cases") };
    let weights = "--burden strong --public-interest ordinary --note seen @rights";
    world.run(&format!("case assess {first} {weights}"), 0);
    world.run(&format!("case decide {first} --grant records --record a --reason x @rights"), 0);
    world.run(&format!("case decide {first} --grant whole --reason x @rights"), 5);
    world.run(&format!("case withdraw {second} --reason x @rights"), 0);
    world.run(&format!("case show {first} @rights"), 0);
    world.run(&format!("case show {second} --json @rights"), 0);
    world.run("case list @rights", 0);
    world.run("case list --open --json @rights", 0);
    // The register's own IDs are what an order says: none of them is among what is searched.
    world.run("order list --register KPR --after 999 @pipeline", 0);
    world.run("order list --register KPR @rights", 4);
    world.run("order confirm --register KPR --number 999 @pipeline", 2);
    world.run("retention plan @rights", 0);
    world.run(&format!("retention run --digest {} @rights", "0".repeat(64)), 5);
}
