//! Requests as metrics count them: each once, when it has ended, with its method, code and time.
//!
//! Why a body: the code of a gRPC answer comes after its last message, in the trailers.  So what
//! counts a request travels with the body of its answer, and counts when that is dropped, whichever
//! way the request ended.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::clock::Clock;
use crate::metrics::Metrics;

/// The method of a path that is in no table: the path itself is the sender's text.
const UNKNOWN: &str = "unknown";

/// A request that has not ended yet.
pub(super) struct Counted {
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    method: &'static str,
    begun: Duration,
    /// Nothing until the answer has ended: a sender that goes away before has cancelled.
    code: Option<Code>,
}

impl Counted {
    /// A request for a method of the table, or for none of them, that begins now.
    pub(super) fn begin(
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
        method: Option<&'static str>,
    ) -> Self {
        Self {
            metrics: Arc::clone(metrics),
            clock: Arc::clone(clock),
            method: method.unwrap_or(UNKNOWN),
            begun: clock.monotonic(),
            code: None,
        }
    }

    /// The answer, whose end ends the request.
    pub(super) fn answer(mut self, response: Response<Body>) -> Response<Body> {
        // An answer without messages has its code at its head.
        self.read_code(response.headers());
        response.map(|inner| Body::new(CountedBody { inner, request: self }))
    }

    fn read_code(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = Some(status.code());
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let took = self.clock.monotonic().saturating_sub(self.begun);
        let code = self.code.unwrap_or(Code::Cancelled);
        self.metrics.request_ended(self.method, name(code), took);
    }
}

struct CountedBody {
    inner: Body,
    request: Counted,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.request.read_code(trailers);
                }
            }
            Some(Err(status)) => self.request.code = Some(status.code()),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The name of a code, as the gRPC specification writes it.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::clock::MockClock;
    use crate::metrics::{Reading, TransportReading};

    /// Messages, and trailers at the end if there are some.
    struct Answer(Vec<Frame<Bytes>>);

    impl HttpBody for Answer {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            let is_empty = self.0.is_empty();
            Poll::Ready((!is_empty).then(|| Ok(self.0.remove(0))))
        }
    }

    struct World {
        metrics: Arc<Metrics>,
        clock: MockClock,
    }

    impl World {
        fn new() -> Self {
            let clock = MockClock::new("2026-06-01T12:00:00Z".parse().unwrap());
            Self { metrics: Arc::new(Metrics::new()), clock }
        }

        fn begin(&self, method: Option<&'static str>) -> Counted {
            let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
            Counted::begin(&self.metrics, &clock, method)
        }

        /// The count of requests, by labels; nothing if there were none.
        fn count(&self, labels: &str) -> Option<String> {
            let reading = Reading {
                state: "open",
                states: &[],
                started_s: 0,
                deliveries: 0,
                open: None,
                transport: TransportReading::default(),
            };
            let text = self.metrics.render(reading).unwrap();
            let begin = format!("hvelv_requests_total{{{labels}}} ");
            text.lines().find_map(|line| line.strip_prefix(&begin)).map(ToOwned::to_owned)
        }
    }

    async fn read(response: Response<Body>) {
        let mut body = response.into_body();
        while poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.is_some() {}
    }

    fn with_status(code: Code) -> HeaderMap {
        Status::new(code, "").into_http::<()>().headers().clone()
    }

    #[tokio::test]
    async fn a_stream_is_counted_at_its_end_with_the_code_of_its_trailers() {
        let world = World::new();
        let frames = vec![
            Frame::data(Bytes::from_static(b"a")),
            Frame::trailers(with_status(Code::FailedPrecondition)),
        ];
        let response = world.begin(Some("/a.B/C")).answer(Response::new(Body::new(Answer(frames))));
        let labels = "method=\"/a.B/C\",code=\"FAILED_PRECONDITION\"";
        assert_eq!(world.count(labels), None, "it has not ended");
        read(response).await;
        assert_eq!(world.count(labels).as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_refusal_is_counted_with_the_code_of_its_head() {
        let world = World::new();
        drop(world.begin(None).answer(Status::new(Code::Unimplemented, "").into_http()));
        let labels = "method=\"unknown\",code=\"UNIMPLEMENTED\"";
        assert_eq!(world.count(labels).as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn a_request_whose_sender_goes_away_is_cancelled() {
        let world = World::new();
        let frames = vec![Frame::data(Bytes::from_static(b"a"))];
        drop(world.begin(Some("/a.B/C")).answer(Response::new(Body::new(Answer(frames)))));
        drop(world.begin(Some("/a.B/C")));
        let labels = "method=\"/a.B/C\",code=\"CANCELLED\"";
        assert_eq!(world.count(labels).as_deref(), Some("2"));
    }

    #[test]
    fn every_code_has_the_name_of_the_specification() {
        let screaming = |code: Code| {
            let mut text = String::new();
            for letter in format!("{code:?}").chars() {
                if letter.is_ascii_uppercase() && !text.is_empty() {
                    text.push('_');
                }
                text.push(letter.to_ascii_uppercase());
            }
            text
        };
        for number in 0..17 {
            let code = Code::from_i32(number);
            assert_eq!(name(code), screaming(code));
        }
    }
}
