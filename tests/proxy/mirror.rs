//! A provider that remembers what it was sent, and answers as its path says.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// The credential that it is shown.
pub const SECRET: &str = "ghs/PLANTED+mirror.token=1";

/// What it was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The provider.
#[derive(Clone)]
pub struct Mirror {
    pub base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// Lets what waits go on.
    pub go: Arc<Notify>,
    /// The sizes of the pieces of an upload, as they come.
    pieces: mpsc::UnboundedSender<usize>,
    pub came: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<usize>>>,
    /// Somebody left before what was asked for was there.
    pub left: Arc<Notify>,
}

/// Tells when whoever waits for something does so no more.
struct Waiting(Arc<Notify>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Mirror {
    pub async fn open() -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}/api/v3", listener.local_addr().expect("it is bound"));
        let (pieces, came) = mpsc::unbounded_channel();
        let mirror = Mirror {
            base,
            seen: Arc::default(),
            go: Arc::default(),
            pieces,
            came: Arc::new(tokio::sync::Mutex::new(came)),
            left: Arc::default(),
        };
        let app = mirror.clone();
        let app = Router::new().fallback(move |request: Request| {
            let app = app.clone();
            async move { app.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        mirror
    }

    /// Where it is, without its API's path.
    pub fn host(&self) -> &str {
        self.base.trim_end_matches("/api/v3")
    }

    /// What it was sent so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic").clone()
    }

    pub fn last(&self) -> Seen {
        self.seen().pop().expect("something was sent")
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let case = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
        let body = match case.as_str() {
            "pieces" => self.pieces(body).await,
            _ => to_bytes(body, 128 << 20).await.unwrap_or_default(),
        };
        let seen = Seen {
            method: parts.method.to_string(),
            target: parts.uri.to_string(),
            headers: parts.headers.clone(),
            body,
        };
        self.seen.lock().expect("no panic").push(seen.clone());
        match case.as_str() {
            "never" | "variations" => {
                let _waiting = Waiting(self.left.clone());
                std::future::pending().await
            }
            "endless" => self.endless(),
            "files" | "content" => files(&case, &seen),
            _ => self.say(&case, &seen),
        }
    }

    /// Events, as long as somebody reads them.
    fn endless(&self) -> Response {
        let waiting = Waiting(self.left.clone());
        let events = stream::repeat_with(move || {
            let _held = &waiting;
            Ok::<_, Infallible>("data: more\n\n")
        });
        let reply = Response::builder().header("content-type", "text/event-stream");
        reply.body(Body::from_stream(events)).expect("it is sound")
    }

    /// Reads an upload piece by piece, and tells of each.
    async fn pieces(&self, body: Body) -> Bytes {
        let mut whole = Vec::new();
        let mut pieces = body.into_data_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            whole.extend_from_slice(&piece);
            let _over = self.pieces.send(piece.len());
        }
        whole.into()
    }

    fn say(&self, case: &str, seen: &Seen) -> Response {
        let credential = seen
            .headers
            .get("authorization")
            .map_or("", |value| value.to_str().expect("ASCII"));
        let (base, reply) = (&self.base, Response::builder());
        let host = self.host();
        let json = |status: u16, value: serde_json::Value| {
            let reply = Response::builder()
                .status(status)
                .header("content-type", "application/json");
            reply.body(Body::from(value.to_string())).expect("it is sound")
        };
        match case {
            "links" => reply
                .header("link", format!("<{base}/things?page=2>; rel=\"next\", <{base}/things?page=9>; rel=\"last\""))
                .header("location", format!("{base}/things/1"))
                .header("x-next", format!("{base}/next"))
                .header("set-cookie", "session=1")
                .header("strict-transport-security", "max-age=1")
                .header("access-control-allow-origin", "*")
                .header("x-echo", credential)
                .header("cache-control", "public, max-age=60, s-maxage=60")
                .header("etag", "\"one\"")
                .header("content-type", "application/json; charset=utf-8")
                .body(Body::from(format!(
                    r#"{{"url":"{base}/x","escaped":"{}","web":"{host}/x","other":"https://example.org/api/v3","upload_url":"{host}/api/uploads/x{{?name}}","secret":"{credential}"}}"#,
                    format!("{base}/y").replace('/', r"\/"),
                )))
                .expect("it is sound"),
            "moved" => reply
                .status(302)
                .header("location", format!("{base}/there?from=1"))
                .body(Body::empty())
                .expect("it is sound"),
            "moved-with-secret" => reply
                .status(302)
                .header("location", format!("{base}/there?access_token={}", credential.rsplit(' ').next().unwrap()))
                .body(Body::from(credential.to_owned()))
                .expect("it is sound"),
            "moved-away" => reply
                .status(307)
                .header("location", "https://store.example.org/file?sig=1")
                .body(Body::empty())
                .expect("it is sound"),
            "known" => match seen.headers.get("if-none-match") {
                Some(tag) if tag == "\"one\"" => reply.status(304).header("etag", "\"one\"").body(Body::empty()).expect("it is sound"),
                _ => reply.header("etag", "\"one\"").body(Body::from("all of it")).expect("it is sound"),
            },
            "part" => match seen.headers.get("range") {
                Some(_) => reply
                    .status(206)
                    .header("content-range", "bytes 2-4/10")
                    .header("content-type", "application/json")
                    .body(Body::from("234"))
                    .expect("it is sound"),
                None => reply.header("accept-ranges", "bytes").body(Body::from("0123456789")).expect("it is sound"),
            },
            "nothing" => reply.status(204).body(Body::empty()).expect("it is sound"),
            "rows" => {
                // Cut where it hurts: within the addresses that lead back.
                let row = format!("{{\"next\":\"{base}/rows?page=2\",\"padding\":\"{}\"}}\n", "x".repeat(100));
                let text: String = std::iter::repeat_n(row, 2_000).collect();
                let pieces: Vec<_> = text.as_bytes().chunks(777).map(Bytes::copy_from_slice).collect();
                let body = Body::from_stream(stream::iter(pieces).map(Ok::<_, Infallible>));
                reply.header("content-type", "application/x-ndjson").body(body).expect("it is sound")
            }
            "slowly" => {
                let go = self.go.clone();
                let pieces = stream::unfold(0, move |at| {
                    let go = go.clone();
                    async move {
                        if at > 0 {
                            go.notified().await;
                        }
                        (at < 3).then(|| (Ok::<_, Infallible>(format!("data: {at}\n\n")), at + 1))
                    }
                });
                reply
                    .header("content-type", "text/event-stream")
                    .body(Body::from_stream(pieces))
                    .expect("it is sound")
            }
            "cut" => {
                let go = self.go.clone();
                // Not before the first of it was read: a server drops what it has not written.
                let cut = stream::once(async move {
                    go.notified().await;
                    Err(io::Error::other("cut"))
                });
                let begun = stream::iter([Ok(Bytes::from(vec![b'x'; 100_000]))]);
                let reply = reply.header("content-length", "1000000");
                reply.body(Body::from_stream(begun.chain(cut))).expect("it is sound")
            }
            "cut-short" => {
                // Behind what was written: a server writes when there is nothing more yet.
                let cut = stream::once(async {
                    tokio::task::yield_now().await;
                    Err(io::Error::other("cut"))
                });
                let begun = stream::iter([Ok(Bytes::from_static(b"0123456789"))]);
                let reply = reply.header("content-length", "100");
                reply.body(Body::from_stream(begun.chain(cut))).expect("it is sound")
            }
            "refused-cut" => {
                let cut = stream::once(async {
                    tokio::task::yield_now().await;
                    Err(io::Error::other("cut"))
                });
                let begun = stream::iter([Ok(Bytes::from_static(b"{\"message\":"))]);
                let reply = reply.status(422).header("x-its-own", "1").header("content-length", "100");
                let reply = reply.header("content-type", "application/json");
                reply.body(Body::from_stream(begun.chain(cut))).expect("it is sound")
            }
            "refused-longer" | "refused-long" => {
                let size = if case == "refused-long" { 1 << 20 } else { 2 << 20 };
                let reply = reply.status(422).header("x-its-own", "1").header("content-type", "text/plain");
                reply.body(Body::from(vec![b'x'; size])).expect("it is sound")
            }
            "yaml" | "javascript" | "toml" => reply
                .header("content-type", format!("application/{case}"))
                .body(Body::from(format!("said: {credential}\n")))
                .expect("it is sound"),
            "written-out" => {
                let escaped = credential.replace('+', "\\u002B").replace('=', "\\u003d");
                let again = credential.replace('=', "\\u003d");
                let text = format!("{{\"one\":\"{again}\",\"two\":\"{}\"}}", escaped.replace("\\u003d", "="));
                reply.header("content-type", "application/json").body(Body::from(text)).expect("it is sound")
            }
            "every-sign" => {
                let secret = credential.rsplit(' ').next().unwrap_or_default();
                let all: String = secret.chars().map(|sign| format!("\\u{:04x}", u32::from(sign))).collect();
                let mixed: String = secret
                    .chars()
                    .enumerate()
                    .map(|(at, sign)| match at % 4 {
                        0 => format!("\\u{:04X}", u32::from(sign)),
                        1 => format!("%{:02x}", u32::from(sign)),
                        2 if sign == '/' => r"\/".to_owned(),
                        _ => sign.to_string(),
                    })
                    .collect();
                let text = format!("{{\"{all}\":1,\"all\":\"of {all}\",\"mixed\":\"{mixed}\"}}");
                // Cut within what it is to be found by.
                let pieces: Vec<_> = text.as_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
                let body = Body::from_stream(stream::iter(pieces).map(Ok::<_, Infallible>));
                reply.header("content-type", "application/json").body(body).expect("it is sound")
            }
            "absurd" => reply
                .header("retry-after", "99999999999999999999")
                .header("x-ratelimit-reset", "99999999999999999999999")
                .header("x-ratelimit-limit", "-1")
                .header("x-ratelimit-remaining", "7")
                .body(Body::from("x"))
                .expect("it is sound"),
            "private-in-part" => reply
                .header("cache-control", "private=\"set-cookie\", max-age=60")
                .body(Body::from("x"))
                .expect("it is sound"),
            "packed" => {
                // Nobody asked for it so.
                let said = json!({ "url": format!("{base}/x"), "secret": credential }).to_string();
                let reply = reply.header("content-type", "application/json").header("content-encoding", "gzip");
                reply.body(Body::from(packed(said.as_bytes()))).expect("it is sound")
            }
            case if case.ends_with("ompletions") || case.ends_with("essages") => json(200, json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 3 } })),
            "schemes" => json(200, json!({ "url": format!("{base}/x").replacen("http:", "https:", 1) })),
            "pieces" => json(201, json!({ "size": seen.body.len() })),
            "1" => json(200, json!({ "id": 1, "url": format!("{base}/repos/acme/api/releases/1"),
                "upload_url": format!("{host}/api/uploads/repos/acme/api/releases/1/assets{{?name,label}}") })),
            "assets" => json(201, json!({ "id": 5, "name": "a.bin", "size": seen.body.len(), "state": "uploaded",
                "url": format!("{base}/repos/acme/api/releases/assets/5") })),
            "login" => json(200, json!({ "login": credential })),
            case => match case.parse::<u16>().ok().and_then(|status| StatusCode::from_u16(status).ok()) {
                Some(status) => {
                    let reply = Response::builder().status(status).header("x-its-own", "1").header("content-type", "application/json");
                    let said = json!({ "message": format!("{credential} may not"), "url": format!("{base}/x") });
                    reply.body(Body::from(said.to_string())).expect("it is sound")
                }
                None => json(200, json!({ "ok": true })),
            },
        }
    }
}

/// Files as the vendors of models have them, in two pages.
fn files(case: &str, seen: &Seen) -> Response {
    let reply = Response::builder();
    if case == "content" {
        let reply = reply.header("content-type", "application/octet-stream");
        return reply.body(Body::from(vec![b'~'; 1 << 20])).expect("it is sound");
    }
    let file = |id: &str, size: usize| {
        json!({ "id": id, "object": "file", "type": "file", "filename": "a.bin", "bytes": size, "size_bytes": size, "purpose": "batch",
            "status": "processed", "mime_type": "application/octet-stream", "created_at": 1_767_225_600, "downloadable": true })
    };
    let said = match (
        &*seen.method,
        seen.target.contains("after") || seen.target.contains("page="),
    ) {
        ("POST", _) => file("file-1", seen.body.iter().filter(|byte| **byte == b'~').count()),
        (_, false) => {
            json!({ "object": "list", "data": [file("file-1", 1)], "has_more": true, "last_id": "file-1", "next_page": "p2" })
        }
        (_, true) => json!({ "object": "list", "data": [file("file-2", 2)], "has_more": false, "last_id": "file-2" }),
    };
    let reply = reply.header("content-type", "application/json");
    reply.body(Body::from(said.to_string())).expect("it is sound")
}

/// A short text as gzip has it that only stores: one block, the text's checksum and its length.
fn packed(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("it is short");
    let checksum = text.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(sum & 1))
        })
    });
    let head: &[u8] = &[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 1];
    let sizes = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    let foot = [(!checksum).to_le_bytes(), u32::from(length).to_le_bytes()].concat();
    [head, &sizes, text, &foot].concat()
}
