//! A small world for the tests of the transport: an authority, a clock, an access file, a server with
//! a stub behind it, and clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::auth::{AccessWatch, Caller, StandingPermit};
use super::certificates::{CertificateValidity, DevelopmentAuthority};
use super::client::{ClientError, ClientIdentity, ClientOptions, connect};
use super::control::{Control, ServerHandle};
use super::inbound::Inbound;
use super::proto::ingest_service_client::IngestServiceClient;
use super::proto::ingest_service_server::{IngestService, IngestServiceServer};
use super::proto::{
    DeliveryOpened, PseudonymizeRequest, PseudonymizeResponse, PseudonymizeStreamRequest,
    PseudonymizeStreamResponse, pseudonymize_stream_response as outbound,
};
use super::serving::{Host, ServeError, Served, run};
use crate::clock::{Clock, MockClock};
use crate::config::access::difference;
use crate::config::server::Limits;
use crate::config::{Access, Config};
use crate::policy::Right;
use crate::policy::tests::Directory;
use crate::service::{AccessNow, State};

/// How long a test waits for anything.
pub(super) const BOUND: Duration = Duration::from_secs(30);

/// Waits for a state, with a bound.
pub(super) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(BOUND, wait).await.is_ok(), "waited in vain: {what}");
}

/// Waits for a result, with a bound.
pub(super) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.expect("the result comes within the bound")
}

/// What the stub does with a request, by its batch's assigner.
pub(super) const WAIT: &str = "wait";

/// Answers a request at once, or when it is released.
pub(super) struct Stub {
    limits: Limits,
    entered: AtomicU64,
    release: watch::Sender<bool>,
}

impl Stub {
    fn right() -> Right {
        Right::Ingest { register: "NPR".parse().unwrap(), source: "HF".parse().unwrap() }
    }
}

type Replies = Pin<Box<dyn Stream<Item = Result<PseudonymizeStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for Arc<Stub> {
    async fn pseudonymize(
        &self,
        request: Request<PseudonymizeRequest>,
    ) -> Result<Response<PseudonymizeResponse>, Status> {
        let caller = Caller::of(&request)?;
        let permit = caller.permit(Stub::right()).map_err(|error| caller.status(&error))?;
        self.entered.fetch_add(1, Ordering::SeqCst);
        if request.get_ref().batch.as_ref().is_some_and(|batch| batch.assigner == WAIT) {
            drop(self.release.subscribe().wait_for(|released| *released).await);
        }
        let delivery_id = permit.principal().to_string();
        Ok(Response::new(PseudonymizeResponse { delivery_id, result: None }))
    }

    type PseudonymizeStreamStream = Replies;

    async fn pseudonymize_stream(
        &self,
        request: Request<Streaming<PseudonymizeStreamRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let caller = Caller::of(&request)?;
        let standing = StandingPermit::new(caller.clone(), Stub::right());
        let mut standing = standing.map_err(|error| caller.status(&error))?;
        let mut inbound = Inbound::new(request.into_inner(), &self.limits);
        let (sender, replies) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let next = inbound.next().await;
                let reply = match next.and_then(|message| standing.permit().map(|_| message)) {
                    Ok(None) => return,
                    Ok(Some(_)) => Ok(DeliveryOpened::default()),
                    Err(error) => Err(caller.status(&error)),
                };
                let is_last = reply.is_err();
                let message = outbound::Message::Opened;
                let reply = reply
                    .map(|opened| PseudonymizeStreamResponse { message: Some(message(opened)) });
                if sender.send(reply).await.is_err() || is_last {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(replies))))
    }
}

/// What serving asked of its host.
pub(super) struct Recorder {
    pub(super) loads: Mutex<Vec<String>>,
    pub(super) file: Mutex<Arc<Access>>,
    pub(super) is_down: AtomicBool,
    pub(super) state: watch::Sender<State>,
}

impl Host for Recorder {
    fn load_access(&self, file: Arc<Access>, now: AccessNow) {
        let mut last = self.file.lock().unwrap();
        let changes = difference(&last, &file);
        self.loads.lock().unwrap().extend(changes.iter().map(ToString::to_string));
        *last = Arc::clone(&file);
        now.store(file);
    }

    fn shutdown(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }

    fn watch_state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }
}

/// Files, clock and authority of one test.
pub(super) struct World {
    directory: tempfile::TempDir,
    pub(super) authority: DevelopmentAuthority,
    pub(super) clock: MockClock,
    pub(super) config: Config,
}

pub(super) fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The year in which everything is valid.
pub(super) fn year() -> CertificateValidity {
    CertificateValidity { from: moment("2026-01-01T00:00:00Z"), to: moment("2026-12-31T23:59:59Z") }
}

impl World {
    /// It is noon on 1 June 2026; `sender` may ingest into NPR from HF, `auditor` may audit.
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = DevelopmentAuthority::generate(year()).unwrap();
        let clock = MockClock::new(moment("2026-06-01T12:00:00Z"));
        let mut config = Config::default().resolved(directory.path());
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.tls.reload_enabled = false;
        authority.write(&config.tls.client_ca_file).unwrap();
        let server = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        server.write(&config.tls.certificate_file, &config.tls.key_file).unwrap();
        let world = Self { directory, authority, clock, config };
        world.grant(&[("sender", "'ingest:NPR:HF'"), ("auditor", "'auditor'")]);
        world
    }

    /// Writes the access file anew: principals and their roles.
    pub(super) fn grant(&self, principals: &[(&str, &str)]) {
        let text: String = principals
            .iter()
            .map(|(name, roles)| {
                format!(
                    "[[principal]]\nname = '{name}'\nkind = 'system'\n\
                     organisation = '983744516'\n\
                     certificates = ['uri:spiffe://hvelv.dev/{name}']\nroles = [{roles}]\n"
                )
            })
            .collect();
        self.write_access(&text);
    }

    pub(super) fn write_access(&self, text: &str) {
        std::fs::write(&self.config.access_file, text).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    pub(super) fn access(&self) -> Arc<AccessWatch> {
        let registers = Arc::new(Directory::new());
        AccessWatch::open(&self.config.access_file, registers, self.shared_clock()).unwrap()
    }

    /// A client's identity by this world's authority.
    pub(super) fn identity(&self, name: &str) -> ClientIdentity {
        self.identity_of(&self.authority, name, year())
    }

    pub(super) fn identity_of(
        &self,
        authority: &DevelopmentAuthority,
        name: &str,
        validity: CertificateValidity,
    ) -> ClientIdentity {
        let serial = std::fs::read_dir(self.directory.path()).unwrap().count();
        let identity = ClientIdentity {
            certificate_file: self.path(&format!("{name}-{serial}.pem")),
            key_file: self.path(&format!("{name}-{serial}-key.pem")),
        };
        let client = authority.client_valid(name, validity).unwrap();
        client.write(&identity.certificate_file, &identity.key_file).unwrap();
        identity
    }

    /// Starts a server with the stub behind it.
    pub(super) async fn serve(&self) -> Running {
        let config = self.config.clone();
        let limits = config.limits.clone();
        let bytes_max = limits.message_bytes_max;
        let stub =
            Arc::new(Stub { limits, entered: AtomicU64::new(0), release: watch::channel(false).0 });
        let ingest =
            IngestServiceServer::new(Arc::clone(&stub)).max_decoding_message_size(bytes_max);
        let (reporter, health) = tonic_health::server::health_reporter();
        let host = Arc::new(Recorder {
            loads: Mutex::default(),
            file: Mutex::default(),
            is_down: AtomicBool::new(false),
            state: watch::channel(State::Sealed).0,
        });
        let routes = Routes::new(ingest).add_service(health);
        let served = Served {
            host: Arc::clone(&host) as _,
            routes,
            health: reporter,
            metrics: Arc::default(),
            scrape: Arc::new(|| Ok("# EOF\n".to_owned())),
        };
        let (control, handle, bound) = Control::new();
        let access = self.access();
        let task = tokio::spawn(async move { run(&config, served, access, control).await });
        let address = bounded(bound).await.unwrap();
        Running { address, handle, host, stub, task }
    }

    /// Connects, with the identity or without.
    pub(super) async fn connect(
        &self,
        server: &Running,
        identity: Option<ClientIdentity>,
    ) -> Result<Channel, ClientError> {
        let options = ClientOptions {
            address: server.address.to_string(),
            server_name: Some("localhost".to_owned()),
            ca_file: self.config.tls.client_ca_file.clone(),
            identity,
        };
        bounded(connect(&options, &self.shared_clock())).await
    }

    /// An ingest client, as the principal of that name.
    pub(super) async fn client(&self, server: &Running, name: &str) -> Client {
        let identity = self.identity(name);
        Client::new(self.connect(server, Some(identity)).await.unwrap())
    }
}

pub(super) type Client = IngestServiceClient<Channel>;

/// A server that runs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) handle: ServerHandle,
    pub(super) host: Arc<Recorder>,
    stub: Arc<Stub>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    /// How many requests have reached the stub.
    pub(super) fn entered(&self) -> u64 {
        self.stub.entered.load(Ordering::SeqCst)
    }

    /// Lets the requests go that wait.
    pub(super) fn release(&self) {
        self.stub.release.send_replace(true);
    }

    /// Stops the server and waits for its end.
    pub(super) async fn stop(self) -> Result<(), ServeError> {
        self.handle.stop().await;
        self.ended().await
    }

    /// Waits for the server's end.
    pub(super) async fn ended(self) -> Result<(), ServeError> {
        let result = bounded(self.task).await.unwrap();
        assert!(self.host.is_down.load(Ordering::SeqCst), "the host was not shut down");
        result
    }
}

/// A delivery: sends when told to, and reads the answers.
pub(super) struct Delivery {
    requests: mpsc::Sender<PseudonymizeStreamRequest>,
    replies: Streaming<PseudonymizeStreamResponse>,
}

impl Delivery {
    pub(super) async fn open(client: &mut Client) -> Result<Self, Status> {
        let (requests, receiver) = mpsc::channel(1);
        let stream = ReceiverStream::new(receiver);
        let replies = bounded(client.pseudonymize_stream(stream)).await?.into_inner();
        Ok(Self { requests, replies })
    }

    /// Sends a message and reads the answer to it.
    pub(super) async fn exchange(
        &mut self,
        message: PseudonymizeStreamRequest,
    ) -> Result<(), Status> {
        // A stream that the server has ended takes no message; its status says why.
        drop(self.requests.send(message).await);
        self.reply().await
    }

    pub(super) async fn reply(&mut self) -> Result<(), Status> {
        bounded(self.replies.next()).await.expect("the stream answers").map(drop)
    }
}
