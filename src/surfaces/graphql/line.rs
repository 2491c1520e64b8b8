//! A WebSocket that speaks `graphql-transport-ws`: messages in JSON, and the numbers with which it is closed.
//!
//! Invariant: nothing is waited for without a bound, neither a reader who takes nothing nor the other's word of good-bye.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use serde_json::Value;
use tokio::time::timeout;

use super::super::strict;

/// Why a socket is closed, by the protocol's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed(u16, &'static str);

pub(super) const GOING: Closed = Closed(1001, "the gateway is going");
pub(super) const UNREAD: Closed = Closed(1008, "nothing was read, or nothing said, for too long");
pub(super) const INVALID: Closed = Closed(
    4400,
    "this is no message of graphql-transport-ws, or too long a one (graphql.max_message)",
);
pub(super) const UNAUTHORIZED: Closed = Closed(4401, "Unauthorized");
pub(super) const FORBIDDEN: Closed = Closed(4403, "Forbidden");
pub(super) const NO_PROTOCOL: Closed = Closed(4406, "Subprotocol not acceptable");
pub(super) const LATE: Closed = Closed(4408, "Connection initialisation timeout");
pub(super) const TWICE: Closed = Closed(4409, "Subscriber already exists");
pub(super) const INITIALISED: Closed = Closed(4429, "Too many initialisation requests");

/// How long the other may take to answer a good-bye.
const GOOD_BYE: Duration = Duration::from_secs(2);
/// Bytes that a reader takes in a millisecond, at least: a long message may take longer.
const SLOWEST: usize = 64;

/// What came.
pub(super) enum Came {
    Message(Value),
    /// The socket's own: a ping, or the answer to one.
    Sign,
    /// The client goes, or has gone.
    End,
}

/// The socket, whose reader has so long to take what is sent.
pub(super) struct Line {
    socket: WebSocket,
    write: Duration,
}

impl Line {
    pub(super) fn new(socket: WebSocket, write: Duration) -> Self {
        Line { socket, write }
    }

    /// Whether it speaks the protocol.
    pub(super) fn is_spoken(&self) -> bool {
        self.socket.protocol().is_some()
    }

    /// What comes next. Nothing is lost where it is not waited for to the end.
    pub(super) async fn hear(&mut self) -> Result<Came, Closed> {
        match self.socket.recv().await {
            Some(Ok(Message::Text(text))) => {
                let read = strict::parse(text.as_bytes());
                read.map(Came::Message).map_err(|_| INVALID)
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Came::Sign),
            Some(Ok(Message::Close(_))) | None => Ok(Came::End),
            // It broke, or what it sent is too long.
            Some(Ok(Message::Binary(_)) | Err(_)) => Err(INVALID),
        }
    }

    pub(super) async fn send(&mut self, message: Message) -> Result<(), Closed> {
        let bytes = match &message {
            Message::Text(text) => text.len(),
            _ => 0,
        };
        let longer = Duration::from_millis(u64::try_from(bytes / SLOWEST).unwrap_or(u64::MAX));
        match timeout(self.write.saturating_add(longer), self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(UNREAD),
        }
    }

    pub(super) async fn say(&mut self, message: impl Into<Utf8Bytes>) -> Result<(), Closed> {
        self.send(Message::Text(message.into())).await
    }

    /// Says why it is closed, and lets go.
    pub(super) async fn close(mut self, Closed(code, reason): Closed) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if self.send(Message::Close(Some(frame))).await.is_ok() {
            self.leave().await;
        }
    }

    /// Answers a good-bye, or waits for the answer to ours. What the client still sends would otherwise take the reason from
    /// it; whoever does not answer in time is left.
    pub(super) async fn leave(mut self) {
        let left = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(GOOD_BYE, left).await;
    }
}
