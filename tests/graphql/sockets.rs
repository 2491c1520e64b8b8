//! WebSockets by hand: what the protocol says of each message, and of those that are none.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::harness::soon;
use super::{KEY, stage};

const PATIENCE: Duration = Duration::from_secs(30);

/// A frame that came.
#[derive(Debug, PartialEq)]
pub enum Frame {
    Text(Value),
    Ping,
    Closed(u16),
    /// The connection ended without a word.
    Gone,
}

/// A client that says what a test wants.
pub struct Socket(TcpStream);

impl Socket {
    pub async fn open(address: SocketAddr, protocol: &str, headers: &str) -> Socket {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let head = format!(
            "GET /graphql HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: {protocol}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("it is taken");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("an answer"));
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        Socket(stream)
    }

    /// One that was let in.
    pub async fn introduced(address: SocketAddr) -> Socket {
        let mut socket = Socket::open(address, "graphql-transport-ws", "").await;
        let payload = json!({ "authorization": format!("Bearer {KEY}") });
        socket
            .say(&json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(socket.text().await, json!({ "type": "connection_ack" }));
        socket
    }

    pub async fn say(&mut self, message: &Value) {
        self.frame(1, message.to_string().as_bytes()).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } }))
            .await;
    }

    /// Sends a frame, masked with nothing.
    pub async fn frame(&mut self, code: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | code];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | u8::try_from(length).expect("it is short")),
            length @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(length).expect("it fits").to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        // Whoever has closed takes no more, which the next read tells.
        let _ = self.0.write_all(&frame).await;
    }

    pub async fn next(&mut self) -> Frame {
        timeout(PATIENCE, self.read()).await.expect("it comes in time")
    }

    async fn read(&mut self) -> Frame {
        let Ok(first) = self.0.read_u8().await else {
            return Frame::Gone;
        };
        let Ok(second) = self.0.read_u8().await else {
            return Frame::Gone;
        };
        let length = match second & 0x7f {
            126 => u64::from(self.0.read_u16().await.expect("a length")),
            127 => self.0.read_u64().await.expect("a length"),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        self.0.read_exact(&mut payload).await.expect("a payload");
        match first & 0x0f {
            1 => Frame::Text(serde_json::from_slice(&payload).expect("JSON")),
            8 => Frame::Closed(payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code))),
            9 => Frame::Ping,
            other => panic!("an odd frame: {other}"),
        }
    }

    /// The next message; pings are answered.
    pub async fn text(&mut self) -> Value {
        loop {
            match self.next().await {
                Frame::Text(message) => return message,
                Frame::Ping => self.frame(10, &[]).await,
                other => panic!("no message: {other:?}"),
            }
        }
    }

    /// The code that it is closed with.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Frame::Closed(code) => return code,
                Frame::Text(_) | Frame::Ping => {}
                Frame::Gone => panic!("it went without a word"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_is_closed_with_its_code() {
    let stage = stage("init_timeout = \"3s\"").await;
    let address = stage.gateway.public;
    let init = json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {KEY}") } });

    let mut other = Socket::open(address, "graphql-ws", "").await;
    assert_eq!(other.closed().await, 4406);
    let mut silent = Socket::open(address, "graphql-transport-ws", "").await;
    assert_eq!(silent.closed().await, 4408);
    for (said, code) in [
        (
            json!({ "type": "connection_init", "payload": { "authorization": "Bearer nobody" } }),
            4403,
        ),
        (json!({ "type": "connection_init" }), 4403),
        (
            json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ __typename }" } }),
            4401,
        ),
        (json!({ "type": "start" }), 4400),
        (json!([1]), 4400),
    ] {
        let mut socket = Socket::open(address, "graphql-transport-ws", "").await;
        socket.say(&said).await;
        assert_eq!(socket.closed().await, code, "{said}");
    }
    for (said, code) in [
        (init.clone(), 4429),
        (
            json!({ "type": "subscribe", "payload": { "query": "{ __typename }" } }),
            4400,
        ),
        (
            json!({ "id": "x".repeat(500), "type": "subscribe", "payload": {} }),
            4400,
        ),
        (json!({ "type": "complete" }), 4400),
        (json!(7), 4400),
    ] {
        let mut socket = Socket::introduced(address).await;
        socket.say(&said).await;
        assert_eq!(socket.closed().await, code, "{said}");
    }
    for (code, payload) in [
        (1, &b"{"[..]),
        (2, b"\x00"),
        (1, b"{\"type\": \"ping\", \"type\": \"pong\"}"),
    ] {
        let mut socket = Socket::introduced(address).await;
        socket.frame(code, payload).await;
        assert_eq!(socket.closed().await, 4400);
    }
    // The same name for two at a time.
    let mut socket = Socket::introduced(address).await;
    socket
        .subscribe("1", "subscription { events { ... on Event { id } } }")
        .await;
    socket
        .subscribe("1", "subscription { events { ... on Event { id } } }")
        .await;
    assert_eq!(socket.closed().await, 4409);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_come_in_the_head_and_pings_are_answered() {
    let stage = stage("").await;
    let head = format!("x-api-key: {KEY}\r\n");
    let mut socket = Socket::open(stage.gateway.public, "graphql-transport-ws", &head).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.text().await, json!({ "type": "pong" }));
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.text().await, json!({ "type": "connection_ack" }));
    socket.say(&json!({ "type": "ping", "payload": { "odd": 1 } })).await;
    assert_eq!(socket.text().await, json!({ "type": "pong" }));
    // Queries and mutations, too.
    socket
        .subscribe("q", "{ gitRepoGet(repo: \"acme/api\") { path } }")
        .await;
    let next = socket.text().await;
    assert_eq!(
        next,
        json!({ "id": "q", "type": "next", "payload": { "data": { "gitRepoGet": { "path": "acme/api" } } } })
    );
    assert_eq!(socket.text().await, json!({ "id": "q", "type": "complete" }));
    // What cannot be executed is an error, and the socket goes on.
    socket.subscribe("w", "{ nothing }").await;
    let refused = socket.text().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("w"), &json!("error")));
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "invalid_input",
        "{refused}"
    );
    socket.subscribe("w", "{ __typename }").await;
    assert_eq!(socket.text().await["payload"]["data"]["__typename"], "Query");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_bounded_and_a_silent_socket_is_closed() {
    let stage = stage("max_subscriptions = 2\nping_interval = \"200ms\"").await;
    let mut socket = Socket::introduced(stage.gateway.public).await;
    let events = "subscription { events { ... on Event { id } } }";
    for id in ["1", "2", "3"] {
        socket.subscribe(id, events).await;
    }
    let refused = socket.text().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("3"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "overloaded");
    socket.say(&json!({ "id": "1", "type": "complete" })).await;
    socket.subscribe("3", "{ __typename }").await;
    assert_eq!(socket.text().await["type"], "next");
    // It answers no ping from now on.
    assert_eq!(socket.closed().await, 1008);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_takes_its_stream_along_and_a_drain_says_good_bye() {
    let stage = stage("[events]\nmax_listeners = 1").await;
    let listens = async || {
        let url = format!("http://{}/v1/events", stage.gateway.public);
        let answer = stage.gateway.client.0.get(url).bearer_auth(KEY).send().await.ok()?;
        (answer.status() == 200).then_some(())
    };
    let events = "subscription { events { __typename } }";
    let mut gone = Socket::introduced(stage.gateway.public).await;
    for id in ["1", "2"] {
        gone.subscribe(id, events).await;
    }
    // There is one seat, which one of the two has.
    let refused = gone.text().await;
    assert_eq!(refused["type"], "error", "{refused}");
    assert!(listens().await.is_none());
    drop(gone);
    soon("the seat of a client that went is free", listens).await;

    let mut left = Socket::introduced(stage.gateway.public).await;
    soon("the listener before has left", listens).await;
    left.subscribe("1", events).await;
    left.say(&json!({ "id": "1", "type": "complete" })).await;
    soon("the seat of an operation that was left is free", listens).await;

    stage.gateway.program.signal("TERM");
    assert_eq!(left.closed().await, 1001);
    drop(left);
    let ended = stage.gateway.program.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    stage.sandbox.shutdown().await;
}
