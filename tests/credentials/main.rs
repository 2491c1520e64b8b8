//! Credentials that are renewed, against real servers: which one goes with a request, when another is had, and how often.
//!
//! Invariant: every server here is a socket of its own, and what it was sent is what is judged. What time it is, the test
//! says.

#[path = "../upstream/mod.rs"]
mod upstream;

mod apps;
mod gateways;
mod pairs;
mod server;
mod sessions;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

use jiff::{SignedDuration, Timestamp};
use mosaic::catalogue::Catalogue;
use mosaic::catalogue::cursor::CursorKey;
use mosaic::providers::Connection;
use mosaic::providers::http::credential::{Clock, Given};
use mosaic::providers::http::{Accepts, Dialect, Endpoint, Header, HttpClient, by_status};
use mosaic_actors::error::{Failure, Kind};

/// A provider of no vendor.
static DIALECT: Dialect = Dialect {
    api_path: "/api/v4",
    request_id: "x-request-id",
    // Here a 401 to an approval is a lack of rights.
    refuse: |refusal| match refusal.status.as_u16() {
        401 if refusal.path.ends_with("/approve") => Failure::new(Kind::Forbidden, "it may not be approved"),
        _ => by_status(refusal),
    },
    ..Dialect::PLAIN
};

/// A clock that a test sets.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Hands(Arc::new(AtomicI64::new(Timestamp::now().as_second())))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Relaxed)).expect("a time")
    }

    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds, Relaxed);
    }

    /// A time from now on, as providers write it.
    fn in_seconds(&self, seconds: i64) -> String {
        (self.now() + SignedDuration::from_secs(seconds)).to_string()
    }

    fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::new(move || hands.now())
    }
}

fn connection(base_url: &str, given: Given, hands: &Hands) -> Connection {
    Connection {
        instance: Arc::from("forge-a"),
        base_url: Some(base_url.parse().expect("a URL")),
        credential: Some(given),
        settings: serde_json::Map::new(),
        http: HttpClient::from_env().expect("a client"),
        cursors: CursorKey::derived(b"the cursors of the tests"),
        scope: None,
        operations: Catalogue::built_in().operations().clone(),
        max_response: 1 << 20,
        collected: Default::default(),
        quota: Arc::default(),
        directory: Arc::default(),
        models: Arc::new(mosaic::providers::models::Models::load(None).expect("a sound table")),
        clock: hands.clock(),
        prices: Arc::default(),
    }
}

fn endpoint(base_url: &str, given: Given, accepts: &[Accepts], hands: &Hands) -> Result<Endpoint, Failure> {
    let connection = connection(base_url, given, hands);
    Endpoint::new(&connection, &DIALECT)?.authenticated(&connection, accepts)
}

#[tokio::test]
async fn what_does_not_change_is_sent_as_the_provider_wants_it() {
    let hands = Hands::new();
    let accepts = [
        Accepts::Token(Header::bare("private-token")),
        Accepts::Bearer,
        Accepts::Job(Header::bare("job-token")),
        Accepts::UserToken,
    ];
    let text = |text: &str| text.to_owned().into();
    for (given, name, value) in [
        (Given::Token(text("T")), "private-token", "T"),
        (Given::Bearer(text("T")), "authorization", "Bearer T"),
        (Given::Job(text("T")), "job-token", "T"),
        (
            Given::UserToken {
                user: "ann".to_owned(),
                token: text("T"),
            },
            "authorization",
            "Basic YW5uOlQ=",
        ),
    ] {
        let server = server::Server::start(|_| server::Answer::json(200, "{}")).await;
        let endpoint = endpoint(&server.api(), given, &accepts, &hands).expect("it is taken");
        endpoint
            .send(endpoint.get(&["x"]).expect("a path"))
            .await
            .expect("an answer");
        let seen = server.seen();
        assert_eq!(seen[0].header(name), Some(value));
        let sent = ["private-token", "authorization", "job-token"].map(|name| seen[0].header(name));
        assert_eq!(sent.iter().flatten().count(), 1, "{name}");
    }
    let refused = endpoint(
        "http://localhost:1",
        Given::Password {
            user: "ann".to_owned(),
            password: text("P"),
        },
        &accepts,
        &hands,
    );
    let refused = refused.err().expect("it is not taken");
    assert_eq!(refused.field.as_deref(), Some("password"));
}
