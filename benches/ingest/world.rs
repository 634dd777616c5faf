//! A Hvelv server and an echo server in this process, clients of both, and one round of either.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::civil::date;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use hvelv::clock::{Clock, SystemClock};
use hvelv::ident::{NumberSeries, synthetic};
use hvelv::rpc::auth::AccessWatch;
use hvelv::rpc::client::{ClientIdentity, ClientOptions, connect};
use hvelv::rpc::control::{Control, ServerHandle};
use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::ingest_service_client::IngestServiceClient;
use hvelv::rpc::proto::operator_service_client::OperatorServiceClient;
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Inner;
use hvelv::rpc::proto::pseudonymize_stream_response::Message as Outer;
use hvelv::rpc::proto::{
    CalendarDate, DeliveryHeader, IdentifierBatch, IdentifierType, IngestPurpose, IntegerColumn,
    Mode, PseudonymizeStreamRequest, ReportingPeriod, TextColumn, UnsealRequest,
};
use hvelv::rpc::server;
use hvelv::service::Service;
use hvelv::service::setup::Installation;

use super::{echo, in_process};

/// Identifiers in a message unless something else is measured: DESIGN.md, section 11.
pub(crate) const BATCH: usize = 4096;

/// What is sent on each stream, in turn.
pub(crate) type Messages = Arc<[PseudonymizeStreamRequest]>;

/// How identifiers are written in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Integers of 8 bytes.
    Integers,
    /// 11 ASCII digits.
    PackedAscii,
    /// One string each.
    Text,
}

impl Form {
    /// Its name in results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integers => "integers",
            Self::PackedAscii => "packed ASCII",
            Self::Text => "text",
        }
    }

    fn message(self, numbers: &[u64]) -> PseudonymizeStreamRequest {
        let column = match self {
            Self::Integers => Column::Integers(IntegerColumn { values: numbers.to_vec() }),
            Self::PackedAscii => {
                let digits: String = numbers.iter().map(|number| format!("{number:011}")).collect();
                Column::PackedAscii(digits.into_bytes().into())
            }
            Self::Text => {
                let values = numbers.iter().map(|number| format!("{number:011}")).collect();
                Column::Text(TextColumn { values, row_types: Vec::new() })
            }
        };
        let kind = IdentifierType::Any.into();
        let batch =
            IdentifierBatch { r#type: kind, column: Some(column), ..IdentifierBatch::default() };
        PseudonymizeStreamRequest { message: Some(Inner::Batch(batch)) }
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The reference.
    Echo,
    /// What is measured.
    Hvelv,
}

/// What one round sends: a delivery on each stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How identifiers are written.
    pub(crate) form: Form,
    /// Streams, each on a connection of its own.
    pub(crate) streams: usize,
    /// Messages on each stream.
    pub(crate) count: usize,
    /// Identifiers in a message.
    pub(crate) batch: usize,
}

impl Load {
    /// Messages about as many of some persons as there is room for.
    pub(crate) fn messages(self, numbers: &[u64]) -> Messages {
        let chunks = numbers.chunks(self.batch).take(self.streams * self.count);
        chunks.map(|numbers| self.form.message(numbers)).collect()
    }
}

/// Both servers.
pub(crate) struct World {
    runtime: Runtime,
    directory: tempfile::TempDir,
    clock: Arc<dyn Clock>,
    echo: SocketAddr,
    hvelv: SocketAddr,
    handle: ServerHandle,
    installation: Installation,
    service: Arc<Service>,
}

impl World {
    /// Makes an installation, starts it open, and starts the echo beside it.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = initialise(&directory.path().join("dev"));
        let installation = Installation::load(&config).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let registers = Arc::clone(&installation.catalogue);
        let access =
            AccessWatch::open(&installation.config.access_file, registers, Arc::clone(&clock));
        let (control, handle, bound) = Control::new();
        let runtime = Runtime::new().unwrap();
        let service = installation.service().unwrap();
        let (config, access) = (Arc::clone(&installation.config), access.unwrap());
        let served = Arc::clone(&service);
        runtime.spawn(async move { server::serve(&config, served, access, control).await });
        let hvelv = runtime.block_on(bound).unwrap();
        let echo = runtime.block_on(echo::start(&installation.config));
        let world = Self { runtime, directory, clock, echo, hvelv, handle, installation, service };
        world.unseal();
        world
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("dev").join(name)
    }

    async fn connect(&self, server: Server, name: &str) -> Channel {
        let address = match server {
            Server::Echo => self.echo,
            Server::Hvelv => self.hvelv,
        };
        let identity = ClientIdentity {
            certificate_file: self.file(&format!("{name}.pem")),
            key_file: self.file(&format!("{name}-key.pem")),
        };
        let options = ClientOptions {
            address: address.to_string(),
            server_name: Some("localhost".to_owned()),
            ca_file: self.file("ca.pem"),
            identity: Some(identity),
        };
        connect(&options, &self.clock).await.unwrap()
    }

    fn unseal(&self) {
        let passphrase = std::fs::read(self.file("passphrase")).unwrap();
        self.runtime.block_on(async {
            let channel = self.connect(Server::Hvelv, "operator").await;
            OperatorServiceClient::new(channel).unseal(UnsealRequest { passphrase }).await.unwrap();
        });
    }

    /// Sends every person once, on one stream; gives persons per second, first sight if it is that.
    pub(crate) fn deliver_all(&self, form: Form, numbers: &[u64]) -> f64 {
        let count = numbers.len().div_ceil(BATCH);
        let load = Load { form, streams: 1, count, batch: BATCH };
        self.round(Server::Hvelv, load, &load.messages(numbers))
    }

    /// One round; gives identifiers per second, opening and closing of the delivery included.
    pub(crate) fn round(&self, server: Server, load: Load, messages: &Messages) -> f64 {
        self.runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..load.streams {
                let channel = self.connect(server, "pipeline").await;
                clients.push(IngestServiceClient::new(channel));
            }
            let begun = self.clock.monotonic();
            let streams: Vec<_> = clients
                .into_iter()
                .enumerate()
                .map(|(stream, client)| {
                    // Each stream begins elsewhere in the population.
                    let from = stream * messages.len() / load.streams;
                    tokio::spawn(deliver(client, Arc::clone(messages), from, load.count))
                })
                .collect();
            let mut answered = 0;
            for stream in streams {
                answered += stream.await.unwrap();
            }
            let took = self.clock.monotonic().saturating_sub(begun);
            answered as f64 / took.as_secs_f64()
        })
    }

    /// Identifiers per second of the mapping path without a wire.
    pub(crate) fn in_process(&self, form: Form, numbers: &[u64], count: usize) -> f64 {
        let batches = numbers.chunks(BATCH).cycle().take(count);
        let batches = batches.map(|numbers| (form, numbers.to_vec()));
        in_process::rate(&self.service, &self.installation, &self.clock, batches)
    }

    /// Stops Hvelv in order.
    pub(crate) fn stop(self) {
        self.runtime.block_on(self.handle.stop());
    }
}

/// Makes what a development server needs; gives its configuration.
fn initialise(directory: &Path) -> PathBuf {
    let made = Command::new(env!("CARGO_BIN_EXE_hvelv"))
        .args(["init", "--development", "--listen", "127.0.0.1:0", "--directory"])
        .arg(directory)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success(), "hvelv init makes a development server");
    directory.join("hvelv.toml")
}

/// Different synthetic persons, in no order: a delivery is not sorted by birth.
pub(crate) fn population(persons: usize) -> Vec<u64> {
    let (first, last) = (date(1900, 1, 1), date(2019, 12, 31));
    let of = |series| synthetic::numbers_between(series, first, last);
    let all = of(NumberSeries::Fnr).chain(of(NumberSeries::Dnr));
    let mut numbers: Vec<u64> = all.take(persons).collect();
    assert_eq!(numbers.len(), persons, "there are so many synthetic numbers");
    numbers.sort_unstable_by_key(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    numbers
}

fn header() -> PseudonymizeStreamRequest {
    let day = |day| Some(CalendarDate { year: 2026, month: 1, day });
    let header = DeliveryHeader {
        register: "NPR".to_owned(),
        source: "HF".to_owned(),
        purpose: IngestPurpose::Reporting.into(),
        mode: Mode::ResolveOrAssign.into(),
        period: Some(ReportingPeriod { from: day(1), to: day(31) }),
        identifier_exceptions: Vec::new(),
    };
    PseudonymizeStreamRequest { message: Some(Inner::Open(header)) }
}

/// One delivery; gives how many identifiers were answered with an ID, which must be all.
async fn deliver(
    mut client: IngestServiceClient<Channel>,
    messages: Messages,
    from: usize,
    count: usize,
) -> usize {
    let all = Arc::clone(&messages);
    let batches = (from..from + count).map(move |place| all[place % all.len()].clone());
    let requests = tokio_stream::iter(std::iter::once(header()).chain(batches));
    let mut replies = client.pseudonymize_stream(requests).await.unwrap().into_inner();
    let (mut answered, mut rows) = (0, 0);
    while let Some(reply) = replies.message().await.unwrap() {
        if let Some(Outer::Result(result)) = reply.message {
            rows += result.ids.len();
            answered += result.ids.iter().filter(|id| **id != 0).count();
        }
    }
    assert!(rows > 0 && answered == rows, "{answered} of {rows} rows were answered with an ID");
    answered
}
