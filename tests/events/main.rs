//! What providers tell: deliveries over sockets, the feed, the polls, and what outlives a kill.
//!
//! Invariant: a delivery that is answered with a success is in the feed once, and any other is not in it.

#[path = "../harness/mod.rs"]
mod harness;

mod durable;
mod feed;
mod notion;
mod polls;
mod receive;
mod strangers;

use futures_util::StreamExt as _;
use ring::hmac;
use serde_json::{Value, json};

use harness::http::Reply;
use harness::{Gateway, SOON, Setup, Stage};

/// The secret of the hooks; planted to be found wherever it leaks.
pub const SECRET: &str = "planted-hook-secret-8f2a";
/// The secret path of what signs nothing.
pub const PATH: &str = "planted-path-secret-77c1";

/// A stage whose GitHubs and BookStacks may send.
pub fn setup(more: &str) -> Setup {
    Setup {
        tables: format!(
            "[providers.github-a.webhook]\nsecret = \"env:HOOK\"\n\
             [providers.bookstack-a.webhook]\npath_secret = \"env:HOOK_PATH\"\n{more}"
        ),
        env: vec![
            ("HOOK".to_owned(), SECRET.to_owned()),
            ("HOOK_PATH".to_owned(), PATH.to_owned()),
        ],
        ..Setup::default()
    }
}

pub async fn stage() -> Stage {
    Stage::open(setup("")).await
}

/// GitHub's signature.
pub fn signed(body: &str, secret: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// An issue of `acme/api`, as GitHub tells of it.
pub fn issue(number: u64, action: &str) -> String {
    json!({"action": action, "issue": {"number": number, "updated_at": "2026-03-01T10:00:00Z"},
        "repository": {"full_name": "acme/api"}, "sender": {"login": "kim"}})
    .to_string()
}

/// Sends one, signed.
pub async fn deliver(gateway: &Gateway, id: &str, event: &str, body: &str) -> Reply {
    send(
        gateway,
        "github-a",
        &[
            ("x-github-delivery", id),
            ("x-github-event", event),
            ("x-hub-signature-256", &signed(body, SECRET)),
        ],
        body,
    )
    .await
}

/// Sends anything.
pub async fn send(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let url = format!("http://{}/webhooks/{path}", gateway.public);
    let request = gateway
        .client
        .0
        .post(url)
        .header("content-type", "application/json")
        .body(body.to_owned());
    harness::http::send(request, headers).await
}

/// Reads the feed.
pub struct Listener {
    lines: std::pin::Pin<Box<dyn futures_util::Stream<Item = String> + Send>>,
}

/// A line's fields: id, event, data.
#[derive(Debug, Default)]
pub struct Line {
    pub id: Option<i64>,
    pub event: String,
    pub data: Value,
}

impl Listener {
    pub async fn open(gateway: &Gateway, query: &str, headers: &[(&str, &str)]) -> Self {
        let url = format!("http://{}/v1/events?{query}", gateway.public);
        let mut request = gateway.client.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        let mut rest = String::new();
        let lines = response.bytes_stream().flat_map(move |piece| {
            rest += &String::from_utf8_lossy(&piece.unwrap_or_default());
            let mut blocks: Vec<String> = vec![];
            while let Some((block, left)) = rest.split_once("\n\n") {
                blocks.push(block.to_owned());
                rest = left.to_owned();
            }
            futures_util::stream::iter(blocks)
        });
        Listener { lines: Box::pin(lines) }
    }

    /// The next event; none where the feed has ended.
    pub async fn next(&mut self) -> Option<Line> {
        loop {
            let block = tokio::time::timeout(SOON, self.lines.next())
                .await
                .expect("an event in time")?;
            let mut line = Line::default();
            for field in block.lines() {
                match field.split_once(": ") {
                    Some(("id", id)) => line.id = id.parse().ok(),
                    Some(("event", event)) => line.event = event.to_owned(),
                    Some(("data", data)) => line.data = serde_json::from_str(data).expect("JSON"),
                    _ => {}
                }
            }
            if line.data != Value::Null {
                return Some(line);
            }
        }
    }

    /// The resource of the next event.
    pub async fn resource(&mut self) -> String {
        let line = self.next().await.expect("an event");
        line.data["resource"].as_str().unwrap_or_default().to_owned()
    }
}
