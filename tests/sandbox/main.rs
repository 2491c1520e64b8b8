//! The sandbox as clients see it: real servers, driven over HTTP.

mod actions;
mod anthropic;
mod bookstack;
mod contract;
mod contract_actions;
mod contract_actions_gitea;
mod contract_batches;
mod contract_ci;
mod contract_gitea;
mod contract_gitea_beside;
mod contract_github;
mod contract_gitlab;
mod contract_gitlab_merges;
mod contract_gitlab_repository;
mod contract_jenkins;
mod contract_models;
mod contract_trackers;
mod faults;
mod gitea;
mod gitea_access;
mod gitea_forge;
mod github;
mod github_apps;
mod github_forge;
mod github_pulls;
mod gitlab;
mod gitlab_auth;
mod gitlab_merges;
mod gitlab_shape;
mod jenkins;
mod lifecycle;
mod notion;
mod openai;
#[allow(dead_code, reason = "the sandbox's tests use a part of it")]
#[path = "../upstream/specs.rs"]
mod specs;
mod woodpecker;
#[path = "../upstream/yaml.rs"]
mod yaml;

use std::sync::Arc;
use std::time::Duration;

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig, ServerHandle};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// A sandbox and a client of it.
struct Rig {
    sandbox: Sandbox,
    client: reqwest::Client,
}

impl Rig {
    async fn start() -> Self {
        Self::with(SandboxConfig::default_pair()).await
    }

    /// One server named `one`, changed before it starts.
    async fn one(vendor: &str, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut server = ServerConfig::new("one", vendor, "sandbox-one");
        server.chunk_pace = Duration::ZERO;
        change(&mut server);
        Self::with(SandboxConfig { servers: vec![server] }).await
    }

    async fn with(config: SandboxConfig) -> Self {
        Self {
            sandbox: Sandbox::start(config).await.unwrap(),
            client: client(),
        }
    }

    fn server(&self, name: &str) -> &ServerHandle {
        self.sandbox.server(name).unwrap()
    }

    /// A request with credential and User-Agent.
    fn request(&self, server: &str, method: Method, path: &str) -> RequestBuilder {
        let server = self.server(server);
        self.bare(server.name(), method, path)
            .bearer_auth(server.token())
            .header("user-agent", "sandbox-test")
            // Only who knows it looks at it.
            .header("anthropic-version", "2023-06-01")
    }

    /// A request with nothing.
    fn bare(&self, server: &str, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.server(server).base_url()))
    }

    async fn get(&self, server: &str, path: &str) -> Response {
        self.request(server, Method::GET, path).send().await.unwrap()
    }

    async fn get_json(&self, server: &str, path: &str) -> Value {
        let response = self.get(server, path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    async fn post(&self, server: &str, path: &str, body: &Value) -> Response {
        self.request(server, Method::POST, path)
            .json(body)
            .send()
            .await
            .unwrap()
    }
}

/// A client for plain HTTP. Its TLS has no roots: it is never used, but the builder wants a provider.
fn client() -> reqwest::Client {
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10));
    builder.build().unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn number(response: &Response, name: &str) -> u64 {
    header(response, name)
        .unwrap_or_else(|| panic!("no header {name}"))
        .parse()
        .unwrap()
}

/// Where the Link header leads for `rel`, as path and query.
fn link(response: &Response, origin: &str, rel: &str) -> Option<String> {
    let wanted = format!("rel=\"{rel}\"");
    let entry = header(response, "link")?
        .split(", ")
        .find(|entry| entry.ends_with(&wanted))?;
    let url = entry.strip_prefix('<')?.split('>').next()?;
    Some(
        url.strip_prefix(origin)
            .expect("links lead to the same server")
            .to_owned(),
    )
}

/// The data of each server-sent event.
fn frames(stream: &str) -> Vec<&str> {
    stream
        .split_terminator("\n\n")
        .map(|frame| frame.strip_prefix("data: ").expect("data-only frames"))
        .collect()
}
