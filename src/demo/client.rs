//! A plain HTTP client of the demonstration's own gateway.
//!
//! Invariant: it knows URLs and JSON, like any client out there; no shortcut into the process.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::providers::http::http_client;

/// Longer than any call of the story may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Talks to both listeners.
pub(super) struct Client {
    http: reqwest::Client,
    public: String,
    admin: String,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) provider: String,
    pub(super) cache: String,
    pub(super) attempts: String,
    pub(super) body: String,
}

impl Reply {
    /// The body as JSON; null where it is not.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

impl Client {
    pub(super) fn new(public: SocketAddr, admin: SocketAddr) -> Result<Self, String> {
        let http = http_client().map_err(|failure| failure.to_string())?;
        Ok(Client {
            http,
            public: format!("http://{public}"),
            admin: format!("http://{admin}"),
        })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Reply, String> {
        self.send(self.http.get(format!("{}{path}", self.public))).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, String> {
        self.send(self.http.post(format!("{}{path}", self.public)).json(body))
            .await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Reply, String> {
        self.send(self.http.put(format!("{}{path}", self.public)).json(body))
            .await
    }

    pub(super) async fn admin(&self, path: &str) -> Result<Reply, String> {
        self.send(self.http.get(format!("{}{path}", self.admin))).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Reply, String> {
        let response = request
            .timeout(PATIENCE)
            .send()
            .await
            .map_err(|error| error.to_string())?;
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (provider, cache) = (header("x-mosaic-provider"), header("cache-status"));
        let (attempts, status) = (header("x-mosaic-attempts"), response.status().as_u16());
        let body = response.text().await.map_err(|error| error.to_string())?;
        Ok(Reply {
            status,
            provider,
            cache,
            attempts,
            body,
        })
    }
}
