//! The demonstration: a sandbox, a gateway with both listeners, and a story told step by step.
//!
//! Invariant: every step looks at what really happened, over HTTP as any client would, and the story fails with the
//! first step that was not as told.

mod client;
mod story;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::config::{BaseUrl, BreakerOverrides, Config, ProviderConfig, RouteConfig};
use crate::embed::{Mosaic, StartError, serve};
use crate::sandbox::{Sandbox, SandboxConfig, ServerHandle};
use crate::secret::Secret;

use client::Client;

/// What the steps of the story have.
struct Stage {
    sandbox: Sandbox,
    gateway: Mosaic,
    client: Client,
    public: SocketAddr,
    admin: SocketAddr,
}

/// Runs the story; then serves until `stopped`, or ends if it is told `once`.
///
/// # Errors
/// What was not as told.
pub async fn run(once: bool, stopped: impl Future<Output = ()>) -> Result<(), String> {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.map_err(text)?;
    let gateway = gateway(&sandbox).await.map_err(text)?;
    let serving = serve::serve(&gateway).await.map_err(text)?;
    let client = Client::new(serving.public, serving.admin)?;
    let stage = Stage {
        sandbox,
        gateway,
        client,
        public: serving.public,
        admin: serving.admin,
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

/// A gateway in front of every server of the sandbox, on free ports of loopback.
async fn gateway(sandbox: &Sandbox) -> Result<Mosaic, StartError> {
    let mut config = Config::default();
    config.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    config.admin.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
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
            half_open_probes: None,
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
