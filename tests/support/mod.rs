//! What black-box tests share: an engine that does as told, a running server in front of it, and raw sockets.
//!
//! Invariant: every wait here is bounded by [`PATIENCE`].
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod fake;
pub mod memory_store;
pub mod operations;
pub mod raw;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mosaic::catalogue::cursor::CursorKey;
use mosaic::dispatch::{Ceilings, DispatchConfig, Dispatcher, IdempotencyStore, Unsent};
use mosaic::server::{Listener, ServerLimits};
use mosaic::surfaces::auth::Authenticator;
use mosaic::surfaces::bodies::{Bodies, BodyBounds};
use mosaic::surfaces::decisions::Decisions;
use mosaic::surfaces::rest::{self, BatchBounds, InstanceCapabilities, RestConfig, UploadBounds};
use mosaic_actors::call::{Caller, Priority};
use mosaic_actors::decision::Explained;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::limit::Allowance;
use serde_json::{Value, json};

use fake::FakeCalls;

/// How long one may take that brings a file.
pub const TRANSFER: Duration = Duration::from_secs(600);
/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The only key that the server knows; planted to be found wherever it leaks.
pub const KEY: &str = "planted-key-d41d8cd98f00b204";
/// A tenant whose calls are never urgent.
pub const BATCHES: &str = "batches";
/// The most bytes that a request's body may have.
pub const MAX_BODY: usize = 16 * 1024;

/// The REST surface on a socket of its own.
pub struct Server {
    pub listener: Listener,
    pub calls: Arc<FakeCalls>,
    pub http: reqwest::Client,
    pub cursors: CursorKey,
}

impl Server {
    pub async fn start(calls: FakeCalls) -> Self {
        Self::with(calls, None, ServerLimits::default()).await
    }

    /// One whose callers have a rate, of which so much is left.
    pub async fn with_allowance(calls: FakeCalls, left: Allowance) -> Self {
        Self::of(calls, None, ServerLimits::default(), Some(left)).await
    }

    pub async fn with(calls: FakeCalls, idempotency: Option<Arc<dyn IdempotencyStore>>, limits: ServerLimits) -> Self {
        Self::of(calls, idempotency, limits, None).await
    }

    async fn of(
        calls: FakeCalls,
        idempotency: Option<Arc<dyn IdempotencyStore>>,
        mut limits: ServerLimits,
        left: Option<Allowance>,
    ) -> Self {
        limits.max_body = MAX_BODY;
        let calls = Arc::new(calls);
        let cursors = CursorKey::random();
        let dispatcher = dispatcher(calls.clone(), cursors.clone(), idempotency);
        let mut config = rest_config(Arc::new(dispatcher));
        config.allowance = Arc::new(move |_| left);
        let router = rest::router(config).fallback(rest::not_found);
        Server {
            listener: listen(limits, router).await,
            calls,
            http: client(),
            cursors,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.listener.local_addr())
    }

    /// A GET with the good key.
    pub async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.http.get(self.url(path)).bearer_auth(KEY);
        request.send().await.expect("an answer")
    }
}

pub fn dispatcher(
    calls: Arc<FakeCalls>,
    cursors: CursorKey,
    idempotency: Option<Arc<dyn IdempotencyStore>>,
) -> Dispatcher {
    Dispatcher::new(
        calls,
        DispatchConfig {
            owners: None,
            default_timeout: Duration::from_secs(5),
            ai_timeout: Duration::from_secs(50),
            max_timeout: Duration::from_secs(60),
            max_transfer: TRANSFER,
            catalogue: mosaic::catalogue::Catalogue::built_in(),
            cursors,
            idempotency,
            ceilings: Ceilings::new(Priority::High, [(Arc::from(BATCHES), Priority::Low)]),
        },
    )
}

pub async fn listen(limits: ServerLimits, router: Router) -> Listener {
    Listener::bind(([127, 0, 0, 1], 0).into(), limits, router)
        .await
        .expect("a free port")
}

pub fn caller() -> Caller {
    Caller::new("acme", "tester")
}

fn rest_config(dispatcher: Arc<Dispatcher>) -> RestConfig {
    RestConfig {
        dispatcher,
        authenticator: Authenticator::new(Arc::new(|key| (key == KEY).then(caller)), None),
        matrix: Arc::new(|_| serde_json::Value::Null),
        capabilities: Arc::new(|_| {
            vec![InstanceCapabilities {
                instance: Arc::from("forge-a"),
                kind: Arc::from("fake"),
                operations: vec!["git.repo.get"],
                proxy: vec![],
            }]
        }),
        offered: Arc::new(|_, _| true),
        decisions: Arc::new(Untold),
        max_body: MAX_BODY,
        bodies: Bodies::new(BodyBounds {
            all: 64 * MAX_BODY,
            share: 64 * MAX_BODY,
            named: "server.max_bodies",
            idle: Duration::from_secs(30),
            time: Duration::from_secs(30),
        }),
        uploads: UploadBounds {
            bytes: MAX_BODY,
            idle: Duration::from_secs(30),
        },
        allowance: Arc::new(|_| None),
        batches: BatchBounds {
            operations: 5,
            at_a_time: 3,
            answers: 1024,
        },
        heartbeat: Duration::from_secs(15),
    }
}

/// Nothing is recorded here, and no call is explained that is not made.
struct Untold;

impl Decisions for Untold {
    fn told(&self, decision: &Explained) -> Value {
        json!(decision)
    }

    fn of(&self, _id: &str, _caller: &Caller) -> Result<Vec<Value>, Failure> {
        Ok(vec![])
    }

    fn dry_run(&self, _unsent: Unsent) -> BoxFuture<Result<Value, Failure>> {
        Box::pin(std::future::ready(Err(Failure::new(Kind::Unsupported, "as told"))))
    }
}

/// A client that needs no process-wide TLS provider and follows nothing by itself.
pub fn client() -> reqwest::Client {
    client_builder().build().expect("a client")
}

pub fn client_builder() -> reqwest::ClientBuilder {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(PATIENCE)
}

/// Waits until `condition` holds, looking again whenever the runtime is idle.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"));
}
