//! The metrics endpoint: `GET /metrics` over plain HTTP/1.1, on an address of its own.
//!
//! ```text
//! accept ─► a place free? ─► one request ─► GET? /metrics? ─► render, off the async threads ─► close
//!             no: close       late: close    no: 405, 404
//! ```
//!
//! Why plain: what scrapes is on the host, or behind something that authenticates.  The endpoint is
//! off unless configured, and then on loopback unless told otherwise; it also answers while the
//! server is sealed, and says so.
//!
//! INVARIANT: a connection takes one request and lives no longer than
//! `metrics.connection_timeout_ms`; no more than `metrics.connections_max` are open.  So whoever is
//! slow, silent or many holds nothing but these places.
//!
//! What it does *not* protect: whoever reaches the address can read the metrics, and can take all
//! its places from other scrapers.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tower::Service;

use super::serving::ServeError;
use crate::config::server::MetricsEndpoint;

/// The one path.
const PATH: &str = "/metrics";
/// OpenMetrics 1.0, which Prometheus reads since version 2.5.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
/// Bytes that the head of a request may have, the least that hyper takes; a scraper sends some 300.
const HEAD_BYTES_MAX: usize = 8 << 10;
const HEADERS_MAX: usize = 32;
/// How long the loop waits when the system has no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Gives the metrics of this moment.  Blocks for as long as counting takes.
pub(super) type Scrape = Arc<dyn Fn() -> Result<String, fmt::Error> + Send + Sync>;

/// The endpoint, bound and not yet serving.
pub(super) struct Endpoint {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    connections_max: usize,
    lifetime: Duration,
}

/// The endpoint at work.
pub(super) struct Scraping {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Endpoint {
    /// Binds the address of the configuration, if there is to be an endpoint.
    pub(super) async fn bind(config: &MetricsEndpoint) -> Result<Option<Self>, ServeError> {
        if !config.enabled {
            return Ok(None);
        }
        let bind = |source| ServeError::Bind { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        Ok(Some(Self {
            listener,
            address,
            connections_max: config.connections_max,
            lifetime: Duration::from_millis(config.connection_timeout_ms),
        }))
    }

    /// Serves until it is stopped.
    pub(super) fn serve(self, scrape: Scrape) -> Scraping {
        let address = self.address;
        tracing::info!(%address, "metrics are served");
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "metrics are readable beyond this host, without authentication");
        }
        let (stop, stopped) = oneshot::channel();
        Scraping { stop, task: tokio::spawn(self.run(scrape, stopped)) }
    }

    async fn run(self, scrape: Scrape, mut stopped: oneshot::Receiver<()>) {
        let places = Arc::new(Semaphore::new(self.connections_max));
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut stopped => break,
                // Those that have ended are forgotten.
                Some(_) = connections.join_next() => continue,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    // Without a place it is closed here, and the scraper comes again.
                    if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
                        let (scrape, lifetime) = (Arc::clone(&scrape), self.lifetime);
                        connections.spawn(async move {
                            // Why a connection failed concerns its scraper alone.
                            drop(tokio::time::timeout(lifetime, answer(stream, scrape)).await);
                            drop(place);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "no connection to metrics can be accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
        drop(self.listener);
        connections.shutdown().await;
    }
}

impl Scraping {
    /// Stops listening and closes what is open; who was being answered comes again.
    pub(super) async fn stop(self) {
        // A task that has ended needs no order.
        let _ = self.stop.send(());
        if self.task.await.is_err() {
            tracing::error!("the metrics endpoint did not stop in order");
        }
    }
}

/// One connection: one request and its answer.
async fn answer(stream: TcpStream, scrape: Scrape) {
    let mut http = Builder::new(TokioExecutor::new()).http1_only();
    http.http1()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let service = TowerToHyperService::new(Answer { scrape });
    drop(http.serve_connection(TokioIo::new(stream), service).await);
}

/// Answers a request by its head; a body is never read.
#[derive(Clone)]
struct Answer {
    scrape: Scrape,
}

type Answered = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for Answer {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Answered;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answered {
        if request.uri().path() != PATH {
            return Box::pin(refused(StatusCode::NOT_FOUND));
        }
        if request.method() != Method::GET {
            return Box::pin(refused(StatusCode::METHOD_NOT_ALLOWED));
        }
        let scrape = Arc::clone(&self.scrape);
        Box::pin(async move {
            let text = crate::rpc::begin_off_thread(move || scrape()).await;
            Ok(match text {
                Ok(Ok(text)) => {
                    let mut response = Response::new(text);
                    response.headers_mut().insert(header::CONTENT_TYPE, OPEN_METRICS);
                    response
                }
                Ok(Err(_)) | Err(_) => {
                    tracing::error!("the metrics could not be written");
                    empty(StatusCode::INTERNAL_SERVER_ERROR)
                }
            })
        })
    }
}

fn refused(status: StatusCode) -> Ready<Result<Response<String>, Infallible>> {
    ready(Ok(empty(status)))
}

/// An answer without a text: nothing that was asked is repeated.
fn empty(status: StatusCode) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = status;
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

#[cfg(test)]
mod tests;
