//! A WebSocket by hand, which says what a test wants.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::KEY;

const PATIENCE: Duration = Duration::from_secs(30);

/// A frame that came.
#[derive(Debug, PartialEq)]
pub enum Frame {
    Text(Value),
    Ping,
    Pong,
    Closed(u16),
    /// The connection ended without a word.
    Gone,
}

/// A client that says what a test wants.
pub struct Socket(TcpStream);

impl Socket {
    pub async fn open(address: SocketAddr, protocol: &str, headers: &str) -> Socket {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let (socket, answer) = Socket::asked(stream, address, protocol, headers).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        socket
    }

    /// Asks for a socket; the head of what is answered.
    pub async fn asked(mut stream: TcpStream, address: SocketAddr, protocol: &str, headers: &str) -> (Socket, String) {
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
        (Socket(stream), answer)
    }

    /// One that was let in.
    pub async fn introduced(address: SocketAddr) -> Socket {
        let stream = TcpStream::connect(address).await.expect("it listens");
        Socket::introduced_on(stream, address).await
    }

    /// The same on a connection that is there.
    pub async fn introduced_on(stream: TcpStream, address: SocketAddr) -> Socket {
        let (mut socket, answer) = Socket::asked(stream, address, "graphql-transport-ws", "").await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
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
        self.part(code, payload, true).await;
    }

    /// Sends a part of a message; the last one.
    pub async fn part(&mut self, code: u8, payload: &[u8], is_last: bool) {
        let mut frame = vec![if is_last { 0x80 | code } else { code }];
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
        self.raw(&frame).await;
    }

    /// Sends bytes.
    pub async fn raw(&mut self, bytes: &[u8]) {
        // Whoever has closed takes no more, which the next read tells.
        let _ = self.0.write_all(bytes).await;
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
            10 => Frame::Pong,
            other => panic!("an odd frame: {other}"),
        }
    }

    /// The next message; pings are answered.
    pub async fn text(&mut self) -> Value {
        loop {
            match self.next().await {
                Frame::Text(message) => return message,
                Frame::Ping => self.frame(10, &[]).await,
                Frame::Pong => {}
                other => panic!("no message: {other:?}"),
            }
        }
    }

    /// The code that it is closed with.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.next().await {
                Frame::Closed(code) => return code,
                Frame::Text(_) | Frame::Ping | Frame::Pong => {}
                Frame::Gone => panic!("it went without a word"),
            }
        }
    }
}
