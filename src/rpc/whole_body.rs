//! Request bodies that tell their end from being broken off.
//!
//! Why: when a client resets its stream with NO_ERROR, hyper ends the body as if the client had closed
//! its side; tonic does so when a body fails with the code CANCELLED, as it does when a stream is
//! reset with CANCEL. For a delivery that is the difference between complete and broken: half a file
//! must not be taken for a whole one. HTTP/2 tells the two apart (END_STREAM or not), and so does this.

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
        match &frame {
            Some(Ok(_)) => return Poll::Ready(frame),
            Some(Err(_)) => {}
            None if self.inner.is_end_stream() => {
                self.is_over = true;
                return Poll::Ready(None);
            }
            None => {}
        }
        self.is_over = true;
        // Never CANCELLED: tonic would take that for the end.
        Poll::Ready(Some(Err(Status::aborted("the stream was broken off"))))
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

#[cfg(test)]
mod tests {
    use tonic::Streaming;
    use tonic::codec::Codec as _;
    use tonic_prost::ProstCodec;

    use super::*;
    use crate::rpc::proto::ListRegistersRequest as Message;

    /// A stream that its sender has reset.
    struct Reset(Option<Status>);

    impl HttpBody for Reset {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Ready(self.0.take().map(Err))
        }
    }

    async fn read(body: Body) -> Result<Option<Message>, Status> {
        let decoder = ProstCodec::<Message, Message>::default().decoder();
        Streaming::new_request(decoder, body, None, None).message().await
    }

    #[tokio::test]
    async fn a_stream_that_is_reset_has_not_ended() {
        for reset in [None, Some(Status::cancelled("reset")), Some(Status::internal("reset"))] {
            let read_alone = read(Body::new(Reset(reset.clone()))).await;
            let is_taken_for_the_end = matches!(read_alone, Ok(None));
            let code = reset.as_ref().map(Status::code);
            assert_eq!(is_taken_for_the_end, code != Some(tonic::Code::Internal), "{code:?}");
            let refused = read(whole(Body::new(Reset(reset)))).await.unwrap_err();
            assert_eq!(refused.code(), tonic::Code::Aborted);
        }
        assert_eq!(read(whole(Body::empty())).await.unwrap(), None, "an end is an end");
    }
}
