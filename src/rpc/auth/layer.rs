//! The layer that every request passes: who calls, may they call this method, and in what time.
//!
//! It refuses by the method table before the message is read, and turns the statuses that tonic makes
//! itself (message too large, not decodable) into ours.

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument as _;
use tracing::field::Empty;

use super::{AccessWatch, Caller, RequestId};
use crate::config::server::Limits;
use crate::metrics::Metrics;
use crate::policy::methods::{Deadline, Method, Refusal, find};
use crate::rpc::counted::Counted;
use crate::rpc::status;
use crate::rpc::tls::peer::{Peer, Standing};
use crate::rpc::whole_body::whole;
use crate::service::{Error, ErrorCode, Limit};

/// What the layer knows, shared by all requests.
#[derive(Debug)]
struct Shared {
    access: Arc<AccessWatch>,
    metrics: Arc<Metrics>,
    requests: AtomicU64,
    message_max: Limit,
    timeout_max: Limit,
}

/// Puts [`Guard`] around the routes.
#[derive(Clone, Debug)]
pub struct GuardLayer(Arc<Shared>);

impl GuardLayer {
    /// A layer over the access file.
    #[must_use]
    pub fn new(access: Arc<AccessWatch>, metrics: Arc<Metrics>, limits: &Limits) -> Self {
        // The upper half of a request id tells one start of the server from the next.
        let start = u64::try_from(access.clock().now().as_second()).unwrap_or_default();
        let message_max = Limit {
            option: "limits.message_bytes_max",
            max: u64::try_from(limits.message_bytes_max).unwrap_or(u64::MAX),
        };
        let timeout_max =
            Limit { option: "limits.request_timeout_ms", max: limits.request_timeout_ms };
        Self(Arc::new(Shared {
            access,
            metrics,
            requests: AtomicU64::new(start.wrapping_shl(32)),
            message_max,
            timeout_max,
        }))
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { shared: Arc::clone(&self.0), inner }
    }
}

/// Refuses who may not call, and tells the handler who calls.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    shared: Arc<Shared>,
    inner: S,
}

type Answer<E> = Pin<Box<dyn Future<Output = Result<Response<Body>, E>> + Send>>;

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let id = RequestId(shared.requests.fetch_add(1, Ordering::Relaxed));
        // The path is the sender's text; only a row of the table is logged.
        let method = find(request.uri().path());
        let path = method.map_or("-", |method| method.path);
        let counted = Counted::begin(
            &shared.metrics,
            shared.access.clock(),
            method.map(|method| method.path),
        );
        let span = tracing::info_span!("rpc", method = path, request = %id, principal = Empty);
        let (caller, method) = match span.in_scope(|| shared.admit(&request, method, id)) {
            Ok(admitted) => admitted,
            Err(error) => {
                let refusal = span.in_scope(|| status::from_error(&error, id));
                return Box::pin(ready(Ok(counted.answer(refusal.into_http()))));
            }
        };
        request.extensions_mut().insert(caller);
        let answer = self.inner.call(request.map(whole));
        let answer = async move {
            let response = shared.answer(answer, method, id).await?;
            Ok(counted.answer(response))
        };
        Box::pin(answer.instrument(span))
    }
}

impl Shared {
    fn admit(
        &self,
        request: &Request<Body>,
        method: Option<&'static Method>,
        id: RequestId,
    ) -> Result<(Caller, &'static Method), Error> {
        let missing = || Error::internal("a connection without a peer");
        let peer = request.extensions().get::<Peer>().ok_or_else(missing)?;
        if let Standing::Excess { option, max } = peer.standing {
            return Err(Error::limit(ErrorCode::TooManyConnections, Limit { option, max }));
        }
        let method = method.ok_or_else(|| Error::new(ErrorCode::MethodUnknown))?;
        let caller = Caller::new(&self.access, peer, id);
        caller.check_certificate()?;
        tracing::Span::current().record("principal", caller.shown_name());
        let today = self.access.clock().today();
        method.rule.check(caller.shown(), today).map_err(|refusal| match refusal {
            Refusal::CertificateRequired => Error::new(ErrorCode::CertificateRequired),
            Refusal::NotAllowed if caller.waits_for(method.rule) => super::sealed(),
            Refusal::NotAllowed => Error::new(ErrorCode::NotAllowed),
        })?;
        Ok((caller, method))
    }

    async fn answer<E>(
        &self,
        answer: impl Future<Output = Result<Response<Body>, E>>,
        method: &Method,
        id: RequestId,
    ) -> Result<Response<Body>, E> {
        let response = match method.deadline {
            Deadline::None => answer.await?,
            Deadline::Request => {
                let max = Duration::from_millis(self.timeout_max.max);
                match tokio::time::timeout(max, answer).await {
                    Ok(answer) => answer?,
                    Err(_) => {
                        let error = Error::limit(ErrorCode::DeadlineExceeded, self.timeout_max);
                        return Ok(status::from_error(&error, id).into_http());
                    }
                }
            }
        };
        let made_by_tonic = Status::from_header_map(response.headers())
            .and_then(|status| status::of_tonic(&status, self.message_max));
        match made_by_tonic {
            Some(error) => Ok(status::from_error(&error, id).into_http()),
            None => Ok(response),
        }
    }
}
