//! The demonstration: a sandbox, a gateway with both listeners, and a story told step by step.
//!
//! Invariant: every step looks at what really happened, over HTTP as any client would, and the story fails with the
//! first step that was not as told.

mod client;
mod story;
mod travel;
mod voice;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::config::{BaseUrl, BreakerOverrides, Config, ProviderConfig, RouteConfig};
use crate::embed::serve::{self, Serving};
use crate::embed::{Mosaic, StartError};
use crate::sandbox::{Sandbox, SandboxConfig, SandboxError, ServerHandle};
use crate::secret::Secret;

use client::Client;
use voice::Voice;

/// What the steps of the story have.
struct Stage {
    sandbox: Sandbox,
    gateway: Mosaic,
    client: Client,
    public: SocketAddr,
    admin: SocketAddr,
    voice: Voice,
}

/// Runs the story; then serves until `stopped`, or ends if it is told `once`. With `json` it is told in JSON lines.
///
/// # Errors
/// What was not as told.
pub async fn run(once: bool, json: bool, stopped: impl Future<Output = ()>) -> Result<(), String> {
    let sandbox = sandbox().await.map_err(text)?;
    let (gateway, serving) = serving(&sandbox).await.map_err(text)?;
    let client = Client::new(serving.public, serving.admin)?;
    let stage = Stage {
        sandbox,
        gateway,
        client,
        public: serving.public,
        admin: serving.admin,
        voice: Voice { json },
    };
    tokio::pin!(stopped);
    let told = tokio::select! {
        told = story::tell(&stage) => told,
        () = &mut stopped => Ok(()),
    };
    if told.is_ok() && !once {
        story::look_around(&stage);
        stopped.await;
    }
    serving.stop(&stage.gateway).await;
    stage.sandbox.shutdown().await;
    told
}

/// The servers of `mosaic sandbox`, on their ports; on free ones where those are taken.
async fn sandbox() -> Result<Sandbox, SandboxError> {
    let fixed = SandboxConfig::from_toml(include_str!("../../config/sandbox.toml"))?;
    match Sandbox::start(fixed).await {
        Err(SandboxError::Bind { .. }) => Sandbox::start(SandboxConfig::default_pair()).await,
        started => started,
    }
}

/// A gateway that listens where commands look for one; a listener whose address is taken, on a free port.
async fn serving(sandbox: &Sandbox) -> Result<(Mosaic, Serving), StartError> {
    let mut config = Config::default();
    loop {
        let gateway = gateway(sandbox, config.clone()).await?;
        let taken = match serve::serve(&gateway).await {
            Ok(serving) => return Ok((gateway, serving)),
            Err(StartError::Bind {
                listener,
                address,
                error,
            }) if error.kind() == ErrorKind::AddrInUse && address.port() != 0 => listener,
            Err(error) => return Err(error),
        };
        gateway.shutdown().await;
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        match taken {
            "admin" => config.admin.listen = free,
            _ => config.server.listen = free,
        }
    }
}

/// A gateway in front of every server of the sandbox.
async fn gateway(sandbox: &Sandbox, mut config: Config) -> Result<Mosaic, StartError> {
    config.providers = sandbox
        .servers()
        .iter()
        .map(|server| (server.name().to_owned(), provider(server)))
        .collect();
    config.routes = routes(sandbox);
    let mut builder = Mosaic::builder(config);
    for server in sandbox.servers() {
        builder = builder.credential(server.name(), Secret::new(server.token()));
    }
    builder.start().await
}

fn provider(server: &ServerHandle) -> ProviderConfig {
    ProviderConfig {
        base_url: BaseUrl::parse(server.base_url()).ok(),
        attempt_timeout: Some(Duration::from_secs(2)),
        // Short, so that nobody waits for the circuit to close again.
        breaker: BreakerOverrides {
            failures_to_open: Some(3),
            open_for: Some(Duration::from_secs(1)),
            ..BreakerOverrides::default()
        },
        ..ProviderConfig::new(server.vendor())
    }
}

/// Servers of one vendor stand in for each other.
fn routes(sandbox: &Sandbox) -> Vec<RouteConfig> {
    let mut by_vendor: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for server in sandbox.servers() {
        by_vendor
            .entry(server.vendor())
            .or_default()
            .push(server.name().to_owned());
    }
    let service = |service: &str, vendor: &str| RouteConfig {
        service: Some(service.to_owned()),
        providers: by_vendor.get(vendor).cloned().unwrap_or_default(),
        ..RouteConfig::default()
    };
    vec![
        service("git", "github"),
        service("projects", "github"),
        service("cicd", "woodpecker"),
        service("docs", "bookstack"),
        service("ai", "openai"),
    ]
}

/// Prints a line for people. A reader that went away misses it, and ends nothing: `println` would panic.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
