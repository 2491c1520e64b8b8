//! A planted key, looked for wherever it could leak.
//!
//! Alone in its process: tracing caches for the whole process what a thread without a subscriber does not want.

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use mosaic::catalogue::OPERATIONS;
use mosaic_actors::error::{Failure, Kind};

use support::fake::FakeCalls;
use support::operations::{path, sample};
use support::{KEY, Server};

/// Everything that the process logs on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_planted_key_comes_out_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let server = Server::start(FakeCalls::failing(Failure::new(Kind::Internal, "as told"))).await;
    let mut seen = String::new();
    for entry in OPERATIONS.iter() {
        for (name, value) in [
            ("authorization", format!("Bearer {KEY}")),
            ("x-api-key", KEY.to_owned()),
        ] {
            let wrong = format!("{value}x");
            for value in [value, wrong] {
                let url = server.url(&path(entry, &sample(entry)));
                let method: reqwest::Method = entry.declaration.method.as_str().parse().expect("a method");
                let sent = server.http.request(method, url).header(name, &value);
                let response = sent.json(&sample(entry)).send().await.expect("an answer");
                seen += &format!("{:?} {:?}", response.status(), response.headers());
                seen += &response.text().await.expect("a body");
            }
        }
    }
    // What was decided, and what would be. Of a gateway that keeps records, `rest/explain.rs` looks.
    let unmade = serde_json::json!({ "operation": "git.repo.get", "input": { "repo": "acme/api" } });
    for key in [KEY.to_owned(), format!("{KEY}x")] {
        for request in [
            server.http.get(server.url("/v1/explain/an-id")),
            server.http.post(server.url("/v1/route")).json(&unmade),
        ] {
            let response = request.bearer_auth(&key).send().await.expect("an answer");
            seen += &format!("{:?} {:?}", response.status(), response.headers());
            seen += &response.text().await.expect("a body");
        }
    }
    assert!(!server.calls.seen().is_empty(), "the good key opens the door");
    for call in server.calls.seen() {
        seen += &format!("{call:?}");
    }
    seen += &format!("{:?}", server.listener);
    let logged = String::from_utf8(log.0.lock().expect("no writer panics").clone()).expect("text");
    assert!(logged.contains("mosaic::access"), "the log is the one that is written");
    for (place, text) in [("log", &logged), ("answers", &seen)] {
        assert!(!text.contains(KEY), "the key is in the {place}");
    }
}
