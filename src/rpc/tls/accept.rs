//! The accept loop: TCP, handshake, and then a connection for tonic.
//!
//! ```text
//! accept ─► a slot free? ─► handshake (timeout) ─► h2? ─► within its allowance? ─► PeerStream
//!              no: close       late, bad: close   no: close     no: lives 5 s to be told
//! ```
//!
//! Handshakes run beside each other, so a slow one holds nobody up.  Refusals are counted, and logged
//! with the count alone at each power of two: a flood of them must not become a flood of lines.
//!
//! INVARIANT: no more than `limits.connections_max` connections are open, those in handshake
//! included.  Callers without a known certificate share a quarter of them, so that anonymous
//! connections never take the place of a register's pipeline.
//!
//! What it does *not* protect: handshakes take slots of the same pool, for as long as the timeout.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;

use super::peer::{Peer, PeerCertificate, Standing};
use super::{ServerTls, http2};
use crate::config::server::Limits;
use crate::rpc::auth::AccessWatch;
use crate::rpc::limits::{Allowances, Holding};

/// How long a connection beyond its allowance lives: long enough to be told why.
const EXCESS_LIFETIME: Duration = Duration::from_secs(5);

/// How long the loop waits when the system has no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// The share of the connections that callers without a known certificate have together: one in
/// four, and at least one.
const ANONYMOUS_SHARE: usize = 4;

/// What happened to connections since the start, for metrics.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that reached gRPC.
    pub accepted: AtomicU64,
    /// Connections closed because `limits.connections_max` were open.
    pub refused: AtomicU64,
    /// Handshakes that failed: wrong version, wrong authority, expired, not HTTP/2.
    pub handshakes_failed: AtomicU64,
    /// Handshakes that took longer than `tls.handshake_timeout_ms`.
    pub handshakes_late: AtomicU64,
    /// Connections that were more than their principal may have.
    pub excess: AtomicU64,
}

impl Counters {
    /// The counts, by what became of a connection.
    pub(in crate::rpc) fn reading(&self) -> Vec<(&'static str, u64)> {
        let counts = [
            ("accepted", &self.accepted),
            ("excess", &self.excess),
            ("handshake_failed", &self.handshakes_failed),
            ("handshake_late", &self.handshakes_late),
            ("refused", &self.refused),
        ];
        counts.map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed))).to_vec()
    }
}

/// Counts, and logs the count when it is a power of two.
fn count(counter: &AtomicU64, what: &'static str) {
    let count = counter.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    if count.is_power_of_two() {
        tracing::warn!(what, count, "connections closed");
    }
}

/// Whose allowance a connection takes from: a principal's, or everybody else's.
type Holder = Option<Arc<str>>;

/// What the loop needs to know.
pub(in crate::rpc) struct Gate {
    tls: Arc<ServerTls>,
    access: Arc<AccessWatch>,
    counters: Arc<Counters>,
    slots: Arc<Semaphore>,
    allowances: Allowances<Holder>,
    connections_max: usize,
    per_principal_max: usize,
    abort: watch::Receiver<bool>,
}

impl Gate {
    /// A gate with all its slots free.  When `abort` becomes true, every connection is closed.
    pub(in crate::rpc) fn new(
        tls: Arc<ServerTls>,
        access: Arc<AccessWatch>,
        limits: &Limits,
        counters: Arc<Counters>,
        abort: watch::Receiver<bool>,
    ) -> Self {
        Self {
            tls,
            access,
            counters,
            slots: Arc::new(Semaphore::new(limits.connections_max)),
            allowances: Allowances::default(),
            connections_max: limits.connections_max,
            per_principal_max: limits.connections_per_principal_max,
            abort,
        }
    }

    /// Accepts connections until the stream is dropped, which also closes the listening socket.
    pub(in crate::rpc) fn accept(
        self,
        listener: TcpListener,
    ) -> ReceiverStream<io::Result<PeerStream>> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(Arc::new(self).run(listener, sender));
        ReceiverStream::new(receiver)
    }

    async fn run(self: Arc<Self>, listener: TcpListener, sender: Connections) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = sender.closed() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => match Arc::clone(&self.slots).try_acquire_owned() {
                    Ok(slot) => {
                        tokio::spawn(Arc::clone(&self).admit(stream, slot, sender.clone()));
                    }
                    Err(_) => count(&self.counters.refused, "limits.connections_max"),
                },
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "no connection can be accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    async fn admit(
        self: Arc<Self>,
        stream: TcpStream,
        slot: OwnedSemaphorePermit,
        to: Connections,
    ) {
        let handshake = self.handshake(stream);
        let Ok(result) = tokio::time::timeout(self.tls.handshake_timeout(), handshake).await else {
            return count(&self.counters.handshakes_late, "tls.handshake_timeout_ms");
        };
        let Some((io, certificate)) = result else {
            return count(&self.counters.handshakes_failed, "handshake");
        };
        let stream = self.peer_stream(io, certificate, slot);
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        // The receiver is gone when the server stops; the connection is then closed.
        drop(to.send(Ok(stream)).await);
    }

    /// The stream and the peer's certificate, or nothing if the handshake failed.  Why it failed is
    /// told to nobody: it may quote what the peer sent.
    async fn handshake(
        &self,
        stream: TcpStream,
    ) -> Option<(TlsStream<TcpStream>, Option<Arc<PeerCertificate>>)> {
        stream.set_nodelay(true).ok()?;
        let io = TlsAcceptor::from(self.tls.current()).accept(stream).await.ok()?;
        let (_, session) = io.get_ref();
        if session.alpn_protocol() != Some(http2::ALPN) {
            return None;
        }
        let certificate = match session.peer_certificates().and_then(<[_]>::first) {
            Some(leaf) => Some(Arc::new(PeerCertificate::from_leaf(leaf).ok()?)),
            None => None,
        };
        Some((io, certificate))
    }

    fn peer_stream(
        &self,
        io: TlsStream<TcpStream>,
        certificate: Option<Arc<PeerCertificate>>,
        slot: OwnedSemaphorePermit,
    ) -> PeerStream {
        let holder = certificate.as_deref().and_then(|leaf| self.access.principal_name(leaf));
        let (option, max) = match holder {
            Some(_) => ("limits.connections_per_principal_max", self.per_principal_max),
            None => ("limits.connections_max", (self.connections_max / ANONYMOUS_SHARE).max(1)),
        };
        let holding = self.allowances.take(holder, max);
        let standing = if holding.is_some() {
            Standing::Within
        } else {
            count(&self.counters.excess, option);
            Standing::Excess { option, max: u64::try_from(max).unwrap_or(u64::MAX) }
        };
        let end = Box::pin(end_of_connection(self.abort.clone(), standing));
        let peer = Peer { certificate, standing };
        PeerStream { io, peer, end: Some(end), _slot: slot, _holding: holding }
    }
}

type Connections = mpsc::Sender<io::Result<PeerStream>>;

/// Ends when the connection must be closed, whatever it is doing.
async fn end_of_connection(mut abort: watch::Receiver<bool>, standing: Standing) {
    // A sender that is gone means that the server is gone.
    let aborted = async { drop(abort.wait_for(|abort| *abort).await) };
    match standing {
        Standing::Within => aborted.await,
        Standing::Excess { .. } => drop(tokio::time::timeout(EXCESS_LIFETIME, aborted).await),
    }
}

/// One connection after its handshake.
pub struct PeerStream {
    io: TlsStream<TcpStream>,
    peer: Peer,
    /// Until it has ended.
    end: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    _slot: OwnedSemaphorePermit,
    _holding: Option<Holding<Holder>>,
}

impl Connected for PeerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // HTTP/2 always has a read waiting, so the end is noticed at once.
        let ended = self.end.as_mut().is_none_or(|end| end.as_mut().poll(context).is_ready());
        if ended {
            self.end = None;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
