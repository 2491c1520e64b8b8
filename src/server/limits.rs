//! The bounds of one listener.
//!
//! Invariant: whatever a client sends or holds back, a connection's memory and time are bounded by these numbers.

use std::time::Duration;

/// The bounds of one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections open at once; one more is answered `overloaded`, and closed.
    pub max_connections: usize,
    /// From a connection's start, or the first byte of a later head, to a complete request head. With HTTP/1.1 this is
    /// also how long an idle connection is kept.
    pub header_timeout: Duration,
    /// How long an HTTP/2 connection without requests is kept.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what waits for it.
    pub write_timeout: Duration,
    /// Header lines of one request; over it the answer is 431.
    pub max_headers: usize,
    /// Bytes of one request head; over it the answer is 431. At least 8 KiB.
    pub max_header_bytes: usize,
    /// Bytes of one request body; over it the answer is 413.
    pub max_body: usize,
    /// Bytes of one that is a file, where that may be larger: whoever reads a body that is none bounds it by `max_body`.
    pub max_upload: usize,
    /// From a complete request head to the head of the answer; over it the answer is 504. A safety net above the calls' own deadlines; the body
    /// of a streamed answer is outside it.
    pub request_timeout: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: u32,
    /// Bytes of answers that one connection may leave unread before its further requests are refused.
    pub max_unread: usize,
    /// The same for all connections: over it, those that have taken nothing for a second are ended.
    pub max_unread_total: usize,
    /// How long an upload that was refused is read on, so that its client gets to the refusal.
    pub linger: Duration,
}

/// The smallest buffer that hyper reads a request head with.
pub(super) const LEAST_HEADER_BYTES: usize = 8 * 1024;

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            max_connections: 1024,
            header_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            max_headers: 100,
            max_header_bytes: 32 * 1024,
            max_body: 4 * 1024 * 1024,
            max_upload: 0,
            request_timeout: Duration::from_secs(330),
            max_streams: 128,
            max_unread: 64 << 20,
            max_unread_total: 256 << 20,
            linger: Duration::from_secs(5),
        }
    }
}
