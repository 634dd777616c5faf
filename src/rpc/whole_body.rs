//! Request bodies that tell their end from being broken off.
//!
//! Why: when a client resets its stream with CANCEL, hyper ends the body as if the client had closed
//! its side. For a delivery that is the difference between complete and broken: half a file must
//! not be taken for a whole one. HTTP/2 tells the two apart (END_STREAM or not), and so does this.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;

/// A body that ends with an error unless its sender has ended it.
struct WholeBody {
    inner: Body,
    is_over: bool,
}

/// The same body, which ends with an error when it is broken off.
pub(crate) fn whole(body: Body) -> Body {
    Body::new(WholeBody { inner: body, is_over: false })
}

impl HttpBody for WholeBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if frame.is_none() {
            self.is_over = true;
            if !self.inner.is_end_stream() {
                let error = Status::cancelled("the stream was broken off");
                return Poll::Ready(Some(Err(error)));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A layer for test servers that are not behind the guard.
#[cfg(test)]
pub(crate) fn layer() -> tower::util::MapRequestLayer<fn(http::Request<Body>) -> http::Request<Body>>
{
    tower::util::MapRequestLayer::new(|request: http::Request<Body>| request.map(whole))
}
