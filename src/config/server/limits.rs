//! How much of everything there may be.
//!
//! A server that holds the identities of a country must not be stopped, or made to answer without
//! its records, by asking it too much at once.  So everything has a limit, and the limit itself has
//! bounds that no configuration exceeds.

use crate::config::reader::Section;

/// The memory that one identifier of a message may take on the wire, in any form: an identifier of
/// 11 to 14 bytes with its protobuf tag and length.
pub(super) const WIRE_BYTES_PER_IDENTIFIER: usize = 16;

/// The limits of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The bytes of one message.
    pub message_bytes_max: usize,
    /// The identifiers of one batch, which is one message.
    pub batch_identifiers_max: usize,
    /// The messages of one stream; a longer delivery opens another stream.
    pub stream_messages_max: u64,
    /// The streams that are open at once, of all callers.
    pub streams_max: usize,
    /// The messages that are worked on or waiting at once, of all callers.
    pub in_flight_messages_max: usize,
    /// The bytes of those messages.
    pub in_flight_bytes_max: usize,
    /// The connections that are open at once, of all callers.
    pub connections_max: usize,
    /// The connections that one principal has open at once.
    pub connections_per_principal_max: usize,
    /// The requests and streams that one connection has open at once.
    pub requests_per_connection_max: u32,
    /// How long a single request may take, in milliseconds; a stream has its idle time instead.
    pub request_timeout_ms: u64,
    /// How long a stream may be silent before it is closed, in milliseconds.
    pub stream_idle_timeout_ms: u64,
    /// How long a server that stops waits for requests in flight, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// The HTTP/2 window of one stream: the bytes that a caller may send ahead.
    pub http2_stream_window_bytes: u32,
    /// The HTTP/2 window of one connection.
    pub http2_connection_window_bytes: u32,
}

impl Limits {
    /// The limits of a server whose configuration says nothing.
    pub const DEFAULT: Self = Self {
        message_bytes_max: 4 << 20,
        batch_identifiers_max: 65_536,
        // 10^8 identifiers take 24,415 messages of 4,096.
        stream_messages_max: 1_000_000,
        streams_max: 64,
        in_flight_messages_max: 256,
        in_flight_bytes_max: 256 << 20,
        connections_max: 256,
        connections_per_principal_max: 16,
        requests_per_connection_max: 32,
        request_timeout_ms: 30_000,
        stream_idle_timeout_ms: 60_000,
        shutdown_timeout_ms: 30_000,
        http2_stream_window_bytes: 4 << 20,
        http2_connection_window_bytes: 16 << 20,
    };

    /// What no configuration goes below: less than this does not work.
    pub const MINIMUM: Self = Self {
        message_bytes_max: 4 << 10,
        batch_identifiers_max: 1,
        stream_messages_max: 1,
        streams_max: 1,
        in_flight_messages_max: 1,
        in_flight_bytes_max: 4 << 10,
        connections_max: 1,
        connections_per_principal_max: 1,
        requests_per_connection_max: 1,
        request_timeout_ms: 100,
        stream_idle_timeout_ms: 100,
        shutdown_timeout_ms: 0,
        // The window every HTTP/2 stream begins with (RFC 9113, section 6.9.2).
        http2_stream_window_bytes: 65_535,
        http2_connection_window_bytes: 65_535,
    };

    /// The hard maximum of each limit.
    pub const MAXIMUM: Self = Self {
        message_bytes_max: 16 << 20,
        // One chunk of a column.
        batch_identifiers_max: 65_536,
        stream_messages_max: 100_000_000,
        streams_max: 4_096,
        in_flight_messages_max: 65_536,
        in_flight_bytes_max: 16 << 30,
        connections_max: 65_536,
        connections_per_principal_max: 4_096,
        requests_per_connection_max: 1_024,
        request_timeout_ms: 600_000,
        stream_idle_timeout_ms: 3_600_000,
        shutdown_timeout_ms: 600_000,
        // The largest window there is (RFC 9113, section 6.9.1).
        http2_stream_window_bytes: (1 << 31) - 1,
        http2_connection_window_bytes: (1 << 31) - 1,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Reads the table `[limits]`.
pub(super) fn read(mut section: Section<'_, '_>) -> Limits {
    let mut limits = Limits::DEFAULT;
    macro_rules! read {
        ($($field:ident),+ $(,)?) => {$(
            let bounds = Limits::MINIMUM.$field..=Limits::MAXIMUM.$field;
            if let Some(number) = section.number(stringify!($field), bounds) {
                limits.$field = number;
            }
        )+};
    }
    read!(
        message_bytes_max,
        batch_identifiers_max,
        stream_messages_max,
        streams_max,
        in_flight_messages_max,
        in_flight_bytes_max,
        connections_max,
        connections_per_principal_max,
        requests_per_connection_max,
        request_timeout_ms,
        stream_idle_timeout_ms,
        shutdown_timeout_ms,
        http2_stream_window_bytes,
        http2_connection_window_bytes,
    );
    check(&limits, &section);
    section.finish();
    limits
}

/// The limits that must fit each other.
fn check(limits: &Limits, section: &Section<'_, '_>) {
    let batch_bytes = limits.batch_identifiers_max.saturating_mul(WIRE_BYTES_PER_IDENTIFIER);
    if limits.message_bytes_max < batch_bytes {
        let text = format!(
            "a batch of batch_identifiers_max takes up to {batch_bytes} bytes; raise this or lower \
             that"
        );
        section.problem("message_bytes_max", text);
    }
    if limits.in_flight_bytes_max < limits.message_bytes_max {
        section.problem("in_flight_bytes_max", "is less than message_bytes_max; raise it");
    }
    if limits.connections_max < limits.connections_per_principal_max {
        let text = "is more than connections_max; lower it";
        section.problem("connections_per_principal_max", text);
    }
    if limits.http2_connection_window_bytes < limits.http2_stream_window_bytes {
        let text = "is less than http2_stream_window_bytes; raise it";
        section.problem("http2_connection_window_bytes", text);
    }
}
