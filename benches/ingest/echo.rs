//! What Hvelv is measured against: a tonic server that answers the same messages without any work.
//!
//! The same interface, so the same bytes; the same TLS version, provider, ALPN, windows and frames;
//! the same runtime and client.  It neither looks at its caller nor at a value.  It records nothing
//! about a stream; a single request is answered when a small record of it is in a file and synced, with
//! those of all that wait at the same time, since no answer may precede its record.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use hvelv::config::Config;
use hvelv::rpc::http2;
use hvelv::rpc::proto::identifier_batch::Column;
use hvelv::rpc::proto::ingest_service_server::{IngestService, IngestServiceServer};
use hvelv::rpc::proto::pseudonymize_stream_request::Message as Inner;
use hvelv::rpc::proto::pseudonymize_stream_response::Message as Outer;
use hvelv::rpc::proto::{
    DeliveryOpened, IdentifierBatch, PseudonymizeRequest, PseudonymizeResponse,
    PseudonymizeStreamRequest, PseudonymizeStreamResponse, RegisterIds,
};

/// What is answered for a row of a packed column, which has no integer to send back.
const ANSWER: u64 = 1_234_567_890_123_456;

/// Bytes that are recorded of a single request.
const RECORD: [u8; 64] = [b'r'; 64];

/// Who waits for the record of its request.
type Waiting = std::sync::mpsc::Sender<oneshot::Sender<()>>;

struct Echo {
    log: Waiting,
}

/// Appends and syncs, one group after the other; ends with the last who could ask.
fn log_to(path: &Path) -> Waiting {
    let (sender, waiting) = std::sync::mpsc::channel::<oneshot::Sender<()>>();
    let mut file = std::fs::File::create(path).unwrap();
    std::thread::spawn(move || {
        while let Ok(first) = waiting.recv() {
            let group: Vec<_> = std::iter::once(first).chain(waiting.try_iter()).collect();
            file.write_all(&RECORD.repeat(group.len())).unwrap();
            file.sync_data().unwrap();
            // Who asked may have gone.
            for one in group {
                let _ = one.send(());
            }
        }
    });
    sender
}

type Replies = Pin<Box<dyn Stream<Item = Result<PseudonymizeStreamResponse, Status>> + Send>>;

#[tonic::async_trait]
impl IngestService for Echo {
    async fn pseudonymize(
        &self,
        request: Request<PseudonymizeRequest>,
    ) -> Result<Response<PseudonymizeResponse>, Status> {
        let (sender, recorded) = oneshot::channel();
        self.log.send(sender).map_err(|_| Status::internal("the log has ended"))?;
        recorded.await.map_err(|_| Status::internal("the log has ended"))?;
        let result = request.into_inner().batch.map(ids);
        Ok(Response::new(PseudonymizeResponse { result, ..PseudonymizeResponse::default() }))
    }

    type PseudonymizeStreamStream = Replies;

    async fn pseudonymize_stream(
        &self,
        request: Request<Streaming<PseudonymizeStreamRequest>>,
    ) -> Result<Response<Replies>, Status> {
        Ok(Response::new(Box::pin(request.into_inner().map(|message| message.map(reply)))))
    }
}

fn reply(request: PseudonymizeStreamRequest) -> PseudonymizeStreamResponse {
    let message = request.message.map(|message| match message {
        Inner::Open(_) => Outer::Opened(DeliveryOpened::default()),
        Inner::Batch(batch) => Outer::Result(ids(batch)),
    });
    PseudonymizeStreamResponse { message }
}

fn ids(batch: IdentifierBatch) -> RegisterIds {
    let ids = match batch.column {
        Some(Column::Integers(column)) => column.values,
        Some(Column::PackedAscii(bytes)) => vec![ANSWER; bytes.len() / 11],
        Some(Column::Text(column)) => vec![ANSWER; column.values.len()],
        None => Vec::new(),
    };
    RegisterIds { ids, ..RegisterIds::default() }
}

/// Starts an echo server with the files and limits of a Hvelv server, and a log of its own; it ends with
/// the runtime.
pub(crate) async fn start(config: &Config, log: &Path) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls(config)));
    let (sender, connections) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            if sender.send(Ok::<_, io::Error>(Connection(stream))).await.is_err() {
                return;
            }
        }
    });
    let limits = &config.limits;
    let echo = IngestServiceServer::new(Echo { log: log_to(log) })
        .max_decoding_message_size(limits.message_bytes_max);
    let serving = Server::builder()
        .initial_stream_window_size(limits.http2_stream_window_bytes)
        .initial_connection_window_size(limits.http2_connection_window_bytes)
        .max_frame_size(http2::FRAME_BYTES_MAX)
        .add_service(echo)
        .serve_with_incoming(ReceiverStream::new(connections));
    tokio::spawn(serving);
    address
}

fn tls(config: &Config) -> ServerConfig {
    let read = |path: &Path| std::fs::read(path).unwrap();
    let files = &config.tls;
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&read(&files.client_ca_file)) {
        roots.add(authority.unwrap()).unwrap();
    }
    let chain = CertificateDer::pem_slice_iter(&read(&files.certificate_file))
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key_file)).unwrap();
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()
        .unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![http2::ALPN.to_vec()];
    config.send_tls13_tickets = 0;
    config
}

/// A TLS connection as tonic takes it.
struct Connection(TlsStream<TcpStream>);

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
