//! The HTTP/2 settings of both sides, in one place.
//!
//! Why: with HTTP/2's own defaults (64 KiB windows, 16 KiB frames) a stream of batches waits for
//! window updates; both sides must therefore set the same, or the smaller one decides.  The server's
//! windows are options (`limits.http2_…`), with these as the values that clients ask for.

use std::time::Duration;

/// The window of one stream on the client's side: a batch of 65,536 identifiers is 720 KiB packed,
/// so several are on their way while one is worked on.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;

/// The window of one connection on the client's side.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// The largest frame: a usual batch (4,096 identifiers, 45 KiB) fits in one, and a stream that sends
/// large batches does not hold the connection for longer than a mebibyte.
pub const FRAME_BYTES_MAX: u32 = 1 << 20;

/// Headers are short: no method here has metadata of its own.
pub const HEADER_BYTES_MAX: u32 = 16 << 10;

/// How often a silent peer is asked whether it is still there.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// How long it may take to say so.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The protocol that both sides agree on in the handshake.
pub const ALPN: &[u8] = b"h2";
