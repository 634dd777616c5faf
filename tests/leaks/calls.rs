//! Every method of the interface, with canaries wherever a sender can put text, to success and to
//! failure.

use std::collections::BTreeSet;
use std::sync::Arc;

use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use hvelv::clock::{Clock, SystemClock};
use hvelv::rpc::client::{ClientIdentity, ClientOptions, connect};
use hvelv::rpc::proto::catalogue_service_client::CatalogueServiceClient;
use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::ingest_service_client::IngestServiceClient;
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Inner;
use hvelv::rpc::proto::pseudonymize_stream_response::Message as Outer;
use hvelv::rpc::proto::*;

use super::canaries::{ADDRESS, Canaries, NAME, PASSPHRASE, WRONG_PASSPHRASE};
use super::world::World;

mod approvals;
mod audit;
mod backups;

/// Rows in one message.
const ROWS: usize = 4096;

/// The calls of one run, and what came of them.
pub(crate) struct Calls<'a> {
    pub(crate) world: &'a World,
    pub(crate) canaries: &'a Canaries,
    /// Methods that answered.
    pub(crate) answered: BTreeSet<&'static str>,
    /// Methods that refused.
    pub(crate) refused: BTreeSet<&'static str>,
    /// Register IDs that were answered.
    pub(crate) ids: BTreeSet<u64>,
    /// How many serials were answered.
    pub(crate) serials: usize,
    /// How long the surrogates are that were answered.
    pub(crate) surrogate_bytes: usize,
}

const PSEUDONYMIZE: &str = "hvelv.v1.IngestService/Pseudonymize";
const STREAM: &str = "hvelv.v1.IngestService/PseudonymizeStream";

impl<'a> Calls<'a> {
    pub(crate) fn new(world: &'a World, canaries: &'a Canaries) -> Self {
        let (answered, refused) = (BTreeSet::new(), BTreeSet::new());
        let ids = BTreeSet::new();
        Self { world, canaries, answered, refused, ids, serials: 0, surrogate_bytes: 0 }
    }

    pub(crate) async fn channel(&self, name: Option<&str>) -> Channel {
        let file = |name: String| self.world.path("dev").join(name);
        let identity = name.map(|name| ClientIdentity {
            certificate_file: file(format!("{name}.pem")),
            key_file: file(format!("{name}-key.pem")),
        });
        let options = ClientOptions {
            address: self.world.address.clone(),
            server_name: Some("localhost".to_owned()),
            ca_file: file("ca.pem".to_owned()),
            identity,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        connect(&options, &clock).await.unwrap()
    }

    /// Keeps what a call came to: everything of a status is searched.
    pub(crate) fn note<T>(
        &mut self,
        method: &'static str,
        came: Result<Response<T>, Status>,
    ) -> Option<T> {
        match came {
            Ok(response) => {
                self.answered.insert(method);
                let told = format!("{method} {:?}\n", response.metadata());
                self.world.capture("replies.txt", told.as_bytes());
                Some(response.into_inner())
            }
            Err(status) => {
                self.refused.insert(method);
                let told = format!("{method} {status:?} {status}\n");
                self.world.capture("statuses.txt", told.as_bytes());
                self.world.capture("statuses.bin", status.details());
                None
            }
        }
    }

    fn rows(&self, from: usize, count: usize) -> &'a [u64] {
        &self.canaries.numbers[from..from + count]
    }

    fn batch(&self, column: Column) -> IdentifierBatch {
        let kind = IdentifierType::Any.into();
        IdentifierBatch { r#type: kind, column: Some(column), ..IdentifierBatch::default() }
    }

    /// A batch with a name and an address, for a register that keeps none.
    fn with_contacts(&self, batch: IdentifierBatch) -> IdentifierBatch {
        let (names, addresses) = (vec![NAME.to_owned()], vec![ADDRESS.to_owned()]);
        IdentifierBatch { contacts: Some(Contacts { names, addresses }), ..batch }
    }

    /// The three forms of a column, each of some canaries, the text with malformed ones between.
    fn columns(&self, from: usize, count: usize) -> [Column; 3] {
        let digits: Vec<String> =
            (from..from + count).map(|place| self.canaries.digits(place)).collect();
        let packed = digits.concat().into_bytes().into();
        let values = digits.into_iter().chain(self.canaries.malformed.iter().cloned()).collect();
        [
            Column::Text(TextColumn { values, row_types: Vec::new() }),
            Column::PackedAscii(packed),
            Column::Integers(IntegerColumn { values: self.rows(from, count).to_vec() }),
        ]
    }

    /// Everything a pipeline can do rightly.
    pub(crate) async fn ingest(&mut self) {
        let mut client = IngestServiceClient::new(self.channel(Some("pipeline")).await);
        for (header, columns) in [
            (header("NPR", "HF"), self.columns(0, 300)),
            (resolve_only("KPR", "KUHR"), self.columns(300, 300)),
            (import("IPLOS", "KOMMUNE"), self.columns(600, 300)),
        ] {
            for column in columns {
                let (delivery, batch) = (Some(header.clone()), Some(self.batch(column)));
                let mut request = Request::new(PseudonymizeRequest { delivery, batch });
                let canary = self.canaries.digits(1).parse().unwrap();
                request.metadata_mut().insert("x-request-id", canary);
                let came = client.pseudonymize(request).await;
                let reply = self.note(PSEUDONYMIZE, came).expect("a right request is answered");
                self.keep(&reply.result.unwrap());
            }
        }
        for (register, source) in [("NPR", "HF"), ("KPR", "KUHR")] {
            let places = (0..self.canaries.numbers.len()).step_by(ROWS);
            let batches: Vec<Inner> = places
                .map(|from| {
                    let count = ROWS.min(self.canaries.numbers.len() - from);
                    let [_, packed, integers] = self.columns(from, count);
                    let column = if register == "NPR" { packed } else { integers };
                    Inner::Batch(self.batch(column))
                })
                .collect();
            let open = Inner::Open(header(register, source));
            self.stream("pipeline", std::iter::once(open).chain(batches).collect()).await;
        }
    }

    fn keep(&mut self, result: &RegisterIds) {
        self.ids.extend(result.ids.iter().copied().filter(|id| *id != 0));
    }

    /// One delivery; reads what is answered to its end or to its error.
    async fn stream(&mut self, caller: &str, messages: Vec<Inner>) {
        let mut client = IngestServiceClient::new(self.channel(Some(caller)).await);
        let requests =
            messages.into_iter().map(|one| PseudonymizeStreamRequest { message: Some(one) });
        let came = client.pseudonymize_stream(tokio_stream::iter(requests)).await;
        let Some(mut replies) = self.note(STREAM, came) else { return };
        loop {
            match replies.message().await {
                Ok(Some(PseudonymizeStreamResponse { message: Some(Outer::Result(result)) })) => {
                    self.keep(&result);
                }
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(status) => {
                    self.note::<()>(STREAM, Err(status));
                    return;
                }
            }
        }
    }

    /// Requests that are refused, with canaries where they do not belong.
    pub(crate) async fn misuse_ingest(&mut self) {
        let canary = self.canaries.digits(2);
        let good = header("NPR", "HF");
        let [text, packed, integers] = self.columns(0, 50);
        let batch = |column: &Column| self.batch(column.clone());
        let torn = Column::PackedAscii(canary.as_bytes()[..7].to_vec().into());
        let many =
            Column::Integers(IntegerColumn { values: vec![self.canaries.numbers[3]; 70_000] });
        let typed = Column::Text(TextColumn {
            values: vec![canary.clone()],
            row_types: vec![RowType { row: 7, r#type: 1, assigner: canary.clone() }],
        });
        let elsewhere = DeliveryHeader { source: canary.clone(), ..good.clone() };
        let requests = [
            (Some(header(&canary, "HF")), Some(batch(&text))),
            (Some(elsewhere), Some(batch(&integers))),
            (Some(header("MFR", "FODEINSTITUSJON")), Some(batch(&packed))),
            (Some(header("IPLOS", "KOMMUNE")), Some(batch(&packed))),
            (Some(good.clone()), Some(batch(&torn))),
            (Some(good.clone()), Some(batch(&many))),
            (Some(good.clone()), Some(batch(&typed))),
            (Some(good.clone()), Some(IdentifierBatch { assigner: canary, ..batch(&text) })),
            (Some(good.clone()), Some(self.with_contacts(batch(&packed)))),
            (Some(excepting(&self.canaries.digits(4))), Some(batch(&text))),
            (None, Some(batch(&text))),
            (Some(good.clone()), None),
        ];
        let message = Inner::Batch(batch(&text));
        let open = Inner::Open(good.clone());
        let streams = [
            vec![message.clone()],
            vec![open.clone(), message.clone(), open.clone()],
            vec![Inner::Open(excepting(&self.canaries.digits(5))), message.clone()],
            vec![open.clone(), Inner::Batch(batch(&many))],
            vec![open.clone(), Inner::Batch(batch(&torn))],
            vec![open.clone(), Inner::Batch(batch(&oversized(self.canaries)))],
        ];
        for caller in [Some("pipeline"), Some("stranger"), None] {
            let mut client = IngestServiceClient::new(self.channel(caller).await);
            for (delivery, batch) in requests.clone() {
                let came = client.pseudonymize(PseudonymizeRequest { delivery, batch }).await;
                assert!(self.note(PSEUDONYMIZE, came).is_none(), "{caller:?} is refused");
            }
        }
        for messages in streams {
            self.stream("pipeline", messages).await;
        }
        self.stream("stranger", vec![open, message]).await;
        self.unknown_method().await;
    }

    /// A method that is not there, named after a person; and bytes that are no message.
    async fn unknown_method(&mut self) {
        for path in [
            format!("/hvelv.v1.IngestService/{}", self.canaries.digits(4)),
            format!("/{PSEUDONYMIZE}"),
        ] {
            let mut grpc = tonic::client::Grpc::new(self.channel(Some("pipeline")).await);
            grpc.ready().await.unwrap();
            // A text where a message is expected: field 1, then digits that are no header.
            let request = GetRegisterRequest { code: self.canaries.digits(5) };
            let codec =
                tonic_prost::ProstCodec::<GetRegisterRequest, PseudonymizeResponse>::default();
            let came = grpc.unary(Request::new(request), path.parse().unwrap(), codec).await;
            assert!(self.note(PSEUDONYMIZE, came).is_none());
        }
    }

    /// The other services, rightly and wrongly.
    pub(crate) async fn others(&mut self) {
        let canary = self.canaries.digits(6);
        let mut catalogue = CatalogueServiceClient::new(self.channel(None).await);
        let came = catalogue.list_registers(ListRegistersRequest {}).await;
        self.note("hvelv.v1.CatalogueService/ListRegisters", came).unwrap();
        for code in ["NPR".to_owned(), canary.clone()] {
            let came = catalogue.get_register(GetRegisterRequest { code }).await;
            self.note("hvelv.v1.CatalogueService/GetRegister", came);
        }
        for caller in [None, Some("operator")] {
            let mut operator = OperatorServiceClient::new(self.channel(caller).await);
            let came = operator.status(StatusRequest {}).await;
            self.note("hvelv.v1.OperatorService/Status", came).unwrap();
        }
        for caller in ["auditor", "pipeline"] {
            self.audit(caller).await;
        }
        for caller in ["operator", "pipeline"] {
            self.budgets(caller).await;
            self.backups(caller).await;
        }
        self.approvals().await;
        let channel = self.channel(None).await;
        let mut health = tonic_health::pb::health_client::HealthClient::new(channel.clone());
        for service in [String::new(), canary] {
            let came = health.check(tonic_health::pb::HealthCheckRequest { service }).await;
            self.note("grpc.health.v1.Health/Check", came);
        }
        use tonic_reflection::pb::v1 as reflection;
        let mut client = reflection::server_reflection_client::ServerReflectionClient::new(channel);
        let list =
            reflection::server_reflection_request::MessageRequest::ListServices(String::new());
        let request = reflection::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(list),
        };
        let came = client.server_reflection_info(tokio_stream::iter([request])).await;
        self.note("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", came);
    }

    /// Budgets, with canaries where a sender can put text.
    async fn budgets(&mut self, caller: &str) {
        let mut client = OperatorServiceClient::new(self.channel(Some(caller)).await);
        let canary = self.canaries.digits(8);
        for principal in [String::new(), canary.clone()] {
            let request = ListBudgetsRequest { principal, register: String::new() };
            let came = client.list_budgets(request).await;
            if let Some(listed) = self.note("hvelv.v1.OperatorService/ListBudgets", came) {
                self.world.capture("budgets.txt", format!("{listed:?}").as_bytes());
            }
        }
        let soon = SystemClock::new().today();
        let part = |number: i8| u32::try_from(number).unwrap();
        let year = u32::try_from(soon.year()).unwrap();
        let until = CalendarDate { year, month: part(soon.month()), day: part(soon.day()) };
        for (principal, register, reason) in [
            ("pipeline", "NPR", "first load"),
            ("pipeline", "NPR", canary.as_str()),
            (canary.as_str(), "NPR", "first load"),
            ("pipeline", canary.as_str(), canary.as_str()),
        ] {
            let request = GrantBudgetRequest {
                principal: principal.to_owned(),
                register: register.to_owned(),
                budget: Budget::Persons.into(),
                amount: 1,
                until: Some(until),
                reason: reason.to_owned(),
            };
            let came = client.grant_budget(request).await;
            self.note("hvelv.v1.OperatorService/GrantBudget", came);
        }
    }

    /// Gives a share of the registers root to a sealed server: not enough to open it.
    pub(crate) async fn give_a_share(&mut self) {
        let mut client = OperatorServiceClient::new(self.channel(Some("approver")).await);
        let share = self.world.share(1).into_bytes();
        let came = client.give_share(GiveShareRequest { share }).await;
        let given = self.note("hvelv.v1.OperatorService/GiveShare", came).unwrap();
        assert_eq!((given.plane.as_str(), given.index, given.persons), ("registers", 1, 0));
    }

    /// Passphrases and shares that open nothing, and callers who may not open.
    pub(crate) async fn fail_to_unseal(&mut self) {
        for (caller, passphrase) in
            [("operator", WRONG_PASSPHRASE), ("pipeline", PASSPHRASE), ("operator", "")]
        {
            let mut client = OperatorServiceClient::new(self.channel(Some(caller)).await);
            let passphrase = passphrase.as_bytes().to_vec();
            let came = client.unseal(UnsealRequest { passphrase }).await;
            assert!(self.note("hvelv.v1.OperatorService/Unseal", came).is_none());
            let share = self.canaries.digits(13).into_bytes();
            let came = client.give_share(GiveShareRequest { share }).await;
            assert!(self.note("hvelv.v1.OperatorService/GiveShare", came).is_none());
        }
    }

    /// Closes and opens the server again.
    pub(crate) async fn seal_and_unseal(&mut self) {
        let mut stranger = OperatorServiceClient::new(self.channel(Some("stranger")).await);
        let came = stranger.seal(SealRequest {}).await;
        assert!(self.note("hvelv.v1.OperatorService/Seal", came).is_none());
        let mut client = OperatorServiceClient::new(self.channel(Some("operator")).await);
        let came = client.seal(SealRequest {}).await;
        self.note("hvelv.v1.OperatorService/Seal", came).unwrap();
        let request = UnsealRequest { passphrase: PASSPHRASE.as_bytes().to_vec() };
        let came = client.unseal(request).await;
        self.note("hvelv.v1.OperatorService/Unseal", came).unwrap();
    }
}

/// A column beyond the limit of a message.
fn oversized(canaries: &Canaries) -> Column {
    let values = (0..400_000).map(|place| canaries.digits(place % canaries.numbers.len()));
    Column::Text(TextColumn { values: values.collect(), row_types: Vec::new() })
}

fn header(register: &str, source: &str) -> DeliveryHeader {
    let day = |day| Some(CalendarDate { year: 2026, month: 1, day });
    DeliveryHeader {
        register: register.to_owned(),
        source: source.to_owned(),
        purpose: IngestPurpose::Reporting.into(),
        mode: Mode::ResolveOrAssign.into(),
        period: Some(ReportingPeriod { from: day(1), to: day(31) }),
        identifier_exceptions: Vec::new(),
    }
}

/// A header with somebody's number in all that a sender may say of an exception.
fn excepting(canary: &str) -> DeliveryHeader {
    let [column, kind, reason] = [0; 3].map(|_| canary.to_owned());
    let identifier_exceptions = vec![IdentifierException { column, kind, reason }];
    DeliveryHeader { identifier_exceptions, ..header("NPR", "HF") }
}

fn resolve_only(register: &str, source: &str) -> DeliveryHeader {
    DeliveryHeader { mode: Mode::ResolveOnly.into(), ..header(register, source) }
}

fn import(register: &str, source: &str) -> DeliveryHeader {
    DeliveryHeader { purpose: IngestPurpose::HistoricalImport.into(), ..header(register, source) }
}
