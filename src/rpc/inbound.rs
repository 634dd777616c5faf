//! Messages of an inbound stream, with their bounds.

use std::time::Duration;

use tonic::Streaming;

use super::status;
use crate::config::server::Limits;
use crate::service::{Error, ErrorCode, Limit};

/// An inbound stream whose every message has a bound: its size, its time, and their number.
#[derive(Debug)]
pub struct Inbound<T> {
    stream: Streaming<T>,
    messages: u64,
    idle: Limit,
    message_max: Limit,
    messages_max: Limit,
}

impl<T> Inbound<T> {
    /// The stream of a request.
    #[must_use]
    pub fn new(stream: Streaming<T>, limits: &Limits) -> Self {
        Self {
            stream,
            messages: 0,
            idle: Limit {
                option: "limits.stream_idle_timeout_ms",
                max: limits.stream_idle_timeout_ms,
            },
            message_max: Limit {
                option: "limits.message_bytes_max",
                max: u64::try_from(limits.message_bytes_max).unwrap_or(u64::MAX),
            },
            messages_max: Limit {
                option: "limits.stream_messages_max",
                max: limits.stream_messages_max,
            },
        }
    }

    /// How long the client may keep the stream waiting.
    #[must_use]
    pub fn idle(&self) -> Limit {
        self.idle
    }

    /// The next message, or nothing when the client has closed its side.
    ///
    /// # Errors
    ///
    /// `message_too_large`, `message_malformed`, `stream_idle`, `stream_too_long`, each with the
    /// option that bounds it; `stream_broken` when the client is gone.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        let idle = Duration::from_millis(self.idle.max);
        let message = tokio::time::timeout(idle, self.stream.message())
            .await
            .map_err(|_| Error::limit(ErrorCode::StreamIdle, self.idle))?
            .map_err(|status| {
                status::of_tonic(&status, self.message_max)
                    .unwrap_or_else(|| Error::new(ErrorCode::StreamBroken))
            })?;
        if message.is_some() {
            self.messages = self.messages.saturating_add(1);
            if self.messages > self.messages_max.max {
                return Err(Error::limit(ErrorCode::StreamTooLong, self.messages_max));
            }
        }
        Ok(message)
    }
}
