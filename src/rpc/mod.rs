//! The gRPC edge: transport, who calls, statuses, and one thin file per service.
//!
//! ```text
//! TCP ─► tls::accept ─► auth::layer ─► handler ─► service ─► status / reply
//!         TLS 1.3, cap    method table   Caller → TryFrom → one call → Into
//! TCP ─► scrape: metrics, over plain HTTP on an address of its own
//! ```
//!
//! INVARIANT: no storage, crypto or policy is decided here; a handler reads its caller, parses its
//! request, makes one call and converts the answer.

use tokio::task::JoinHandle;
use tonic::{Response, Status};

use self::auth::Caller;
use crate::memory::stack::wiped;
use crate::service::Error;

mod alias;
mod approval;
mod audit;
pub mod auth;
pub(crate) mod calendar;
pub mod catalogue;
pub mod certificates;
pub mod client;
pub mod control;
mod conversion;
mod counted;
mod disclosure;
#[cfg(test)]
mod harness;
mod health;
pub mod http2;
mod identity;
pub mod inbound;
pub mod ingest;
pub mod innsyn;
pub mod limits;
mod operator;
pub mod proto;
mod reveal;
mod rights;
mod scrape;
pub mod server;
mod serving;
mod status;
pub mod tls;
pub(crate) mod whole_body;

/// Does blocking work off the async threads, and answers with its result.
async fn blocking<T: Send + 'static>(
    caller: &Caller,
    work: impl FnOnce(Caller) -> Result<T, Error> + Send + 'static,
) -> Result<Response<T>, Status> {
    off_thread(caller, work).await.map(Response::new)
}

/// Begins blocking work off the async threads.  The thread is used again, so that what the work leaves
/// on its stack is wiped.
fn begin_off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(|| wiped(work))
}

/// Does blocking work off the async threads.  A panic there is our bug, and the caller is told so.
async fn off_thread<T: Send + 'static>(
    caller: &Caller,
    work: impl FnOnce(Caller) -> Result<T, Error> + Send + 'static,
) -> Result<T, Status> {
    let working = caller.clone();
    let span = tracing::Span::current();
    let result = begin_off_thread(move || span.in_scope(|| work(working))).await;
    let result = match result {
        Ok(result) => result,
        // The panic's message is dropped: it may hold anything.
        Err(_) => Err(Error::internal("a task ended without a result")),
    };
    result.map_err(|error| caller.status(&error))
}
