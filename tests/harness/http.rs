//! A plain HTTP client.

use std::time::Duration;

use mosaic::providers::http::http_client;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// Asks URLs, and keeps nothing.
#[derive(Clone)]
pub struct Client(pub reqwest::Client);

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Its JSON, after it went well.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }

    /// Its problem's code, after it went wrong with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.json()["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no problem: {self:?}"))
            .to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub fn provider(&self) -> &str {
        self.header("x-mosaic-provider")
    }
}

impl Client {
    pub fn new() -> Client {
        Client(http_client().expect("a client"))
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.get_with(url, &[]).await
    }

    pub async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Reply {
        send(self.0.get(url), headers).await
    }

    pub async fn post(&self, url: &str, body: &Value, headers: &[(&str, &str)]) -> Reply {
        send(self.0.post(url).json(body), headers).await
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(mut request: reqwest::RequestBuilder, headers: &[(&str, &str)]) -> Reply {
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = request
        .timeout(Duration::from_secs(30))
        .send()
        .await
        .expect("an answer");
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    let text = reply.text().await.expect("a whole answer");
    Reply { status, headers, text }
}
