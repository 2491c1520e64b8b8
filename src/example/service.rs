//! An example: a service of its own that has the gateway inside, with a kind of provider that only it knows.
//!
//!     cargo run --example service
//!     curl http://127.0.0.1:8088/gateway/v1/wall/notes/door
//!
//! Invariant: it has one listener, which serves its own pages, the gateway below `/gateway`, administration below `/ops`,
//! and `/metrics`, where its own numbers stand beside the gateway's (`/ops/metrics` has the gateway's alone). Told to end,
//! it ends what it has begun, whoever still reads, and exits with 0; told again, it ends at once.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use axum::Router;
use axum::routing::get;
use mosaic::catalogue::{Declaration, Op, Output};
use mosaic::config::{Config, ProviderConfig};
use mosaic::engine::call::Resource;
use mosaic::providers::{Connection, Credential, Handlers, Provider, Reply, Request};
use mosaic::{Failure, Mosaic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What is asked: the input of the operation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteGetInput {
    /// Which note.
    note: String,
}

/// What is answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Note {
    /// What it says.
    text: String,
}

impl<I> Output<I> for Note {}

/// The operation: it is in the catalogue, in REST and in the OpenAPI document beside those that are built in.
struct NoteGet;

impl Op for NoteGet {
    type Input = NoteGetInput;
    type Output = Note;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("wall.note.get", "/wall/notes/{note}", "Read a note on the wall").uncached();

    fn resource(input: &NoteGetInput) -> Resource {
        Resource::parse(&input.note)
    }
}

/// The driver: a wall with notes. One that is asked over a network would keep an HTTP client here.
struct Wall;

impl Provider for Wall {
    fn connect(_connection: &Connection) -> Result<Self, Failure> {
        Ok(Wall)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new().on::<NoteGet, _, _>(|_wall: Arc<Self>, request: Request<NoteGet>| async move {
            let text = format!("{}: stay calm", request.native);
            Ok(Reply::of(Note { text }))
        })
    }

    async fn health(&self) -> Result<Credential, Failure> {
        // The wall asks for none.
        Ok(Credential::Unproven)
    }
}

/// Counts what the gateway tells while it runs: restarts, breakers, health, orders.
async fn count_events(gateway: Mosaic, told: Arc<AtomicU64>) {
    let mut events = gateway.events();
    // A slow reader would miss some, and go on; the end of the gateway ends it.
    while !matches!(
        events.recv().await,
        Err(tokio::sync::broadcast::error::RecvError::Closed)
    ) {
        told.fetch_add(1, Ordering::Relaxed);
    }
}

/// The service's own pages, and the gateway's below theirs.
fn pages(gateway: &Mosaic, address: SocketAddr, stopping: &Arc<AtomicBool>, told: &Arc<AtomicU64>) -> Router {
    let (measured, told) = (gateway.clone(), told.clone());
    let metrics = move || async move {
        let own = told.load(Ordering::Relaxed);
        // All in one for whoever scrapes: the gateway's metrics, and ours.
        format!(
            "{}# TYPE service_events_total counter\nservice_events_total {own}\n",
            measured.metrics()
        )
    };
    Router::new()
        .route("/", get(|| async { "A service with a gateway inside\n" }))
        .route("/metrics", get(metrics))
        .nest("/gateway", gateway.router())
        .nest("/ops", gateway.admin_router(address, stopping.clone()))
}

/// Ends the gateway and the server, in no more than twice the configured time.
async fn end(gateway: &Mosaic, served: JoinHandle<std::io::Result<()>>) {
    // Calls have their time; then they, and streams such as that of events, get their end. Without it the server would
    // wait for their readers for ever.
    gateway.shutdown().await;
    // Who does not take what there is for him is not waited for any longer.
    let _cut = timeout(gateway.config().server.drain_timeout, served).await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let at = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8088".to_owned());
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut told_to_end = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut config = Config::default();
    config.providers.insert("north".to_owned(), ProviderConfig::new("wall"));
    let gateway = Mosaic::builder(config)
        .kind::<Wall>("wall")
        .operation::<NoteGet>()
        .start()
        .await?;
    let (stopping, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let events = tokio::spawn(count_events(gateway.clone(), told.clone()));

    let listener = TcpListener::bind(&at).await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    let close = Arc::new(Notify::new());
    let closing = close.clone();
    let server = axum::serve(listener, pages(&gateway, address, &stopping, &told))
        .with_graceful_shutdown(async move { closing.notified().await });
    let served = tokio::spawn(server.into_future());

    told_to_end().await;
    println!("ending");
    // Whoever balances load in front of us looks at `/ops/readyz`.
    stopping.store(true, Ordering::Release);
    close.notify_one();
    tokio::select! {
        () = end(&gateway, served) => {}
        () = told_to_end() => return Err("told to end again: what was left is cut".into()),
    }
    events.abort();
    println!("ended in order");
    Ok(())
}
