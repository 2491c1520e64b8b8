//! The client that requests to providers go out by.
//!
//! Invariant: it decides nothing: it follows no redirect, sends nothing again that has left, and what a provider compressed
//! unasked it hands on unpacked.

use std::time::Duration;

use http::header::{ACCEPT, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use mosaic_actors::error::Failure;
use reqwest::{Body, RequestBuilder, Response};
use tower_http::decompression::Decompression;
use tower_service::Service as _;

use super::client::{self, Ways};
use super::connect::{Connector, shown};
use super::near;
use super::proxies::Proxies;

/// How long connections may take, and how many are kept.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Until one stands, TLS included.
    pub connect: Duration,
    /// How long one is kept that nobody uses.
    pub idle: Duration,
    /// How many such are kept for each host.
    pub idle_per_host: usize,
}

/// A client. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Sender {
    /// Makes requests, and sends none.
    maker: reqwest::Client,
    client: Decompression<Client<Connector, Body>>,
    proxies: Proxies,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It could not be made.
    #[error("a request could not be built")]
    Unmade(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It could not be sent, or nothing came that is an answer.
    #[error(transparent)]
    Unsent(Error),
}

impl Sender {
    /// One that goes these ways; `abroad`: it resolves no name that leads to this machine or its neighbours.
    ///
    /// # Errors
    /// `internal` where it cannot be built.
    pub fn new(ways: &Ways, pool: Pool, abroad: bool) -> Result<Self, Failure> {
        let abroad = abroad.then(|| near::abroad(ways.proxies.addresses()));
        let connector = Connector::new(ways.tls.clone(), ways.proxies.clone(), pool.connect, abroad);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            // At zero the pool would not look for idle connections at all.
            .pool_idle_timeout(pool.idle.max(Duration::from_millis(1)))
            .pool_max_idle_per_host(pool.idle_per_host)
            .build(connector);
        Ok(Sender {
            maker: client::build(ways.builder())?,
            client: Decompression::new(client),
            proxies: ways.proxies.clone(),
        })
    }

    /// Begins a request.
    pub fn request(&self, method: http::Method, url: url::Url) -> RequestBuilder {
        self.maker.request(method, url)
    }

    /// Sends a request; resolves when the head of its answer has come.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Unanswered> {
        let unmade = |error: reqwest::Error| Unanswered::Unmade(error.without_url().into());
        let request = request.build().map_err(unmade)?;
        let proxy = match request.url().scheme() {
            // To others it is shown when the tunnel is dug.
            "http" => self.proxies.of(request.url()).and_then(shown),
            _ => None,
        };
        let mut request: http::Request<Body> = request.try_into().map_err(unmade)?;
        let headers = request.headers_mut();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers
            .entry(USER_AGENT)
            .or_insert(HeaderValue::from_static(client::NAME));
        if let Some(shown) = proxy {
            headers.entry(PROXY_AUTHORIZATION).or_insert(shown);
        }
        let answered = self.client.clone().call(request).await;
        Ok(answered.map_err(Unanswered::Unsent)?.map(Body::wrap).into())
    }
}
