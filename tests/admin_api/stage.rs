//! A gateway that listens, a provider that answers or hangs, and a client for administrators.
//!
//! Invariant: nothing here reaches beyond this machine.

use std::path::Path;

use axum::Router;
use axum::extract::Request;
use mosaic::Mosaic;
use mosaic::config::Config;
use mosaic::embed::serve::{Serving, serve};
use mosaic::server::{Listener, ServerLimits};
use serde_json::{Value, json};

use crate::support::{client, listen};

/// A gateway on stage.
pub struct Stage {
    pub gateway: Mosaic,
    pub serving: Serving,
    http: reqwest::Client,
}

/// A configuration, sound by its own checks.
pub fn config(text: &str) -> Config {
    let loaded = Config::parse(text, "test.toml", std::iter::empty(), &Mosaic::known());
    loaded.unwrap_or_else(|errors| panic!("{errors}")).config
}

/// Two instances at `upstream`, and both listeners on free ports.
pub fn two_at(upstream: &str) -> String {
    format!(
        r#"
        [server]
        listen = "127.0.0.1:0"
        drain_timeout = "1s"
        [admin]
        listen = "127.0.0.1:0"
        [providers.a]
        kind = "github"
        base_url = "{upstream}"
        health_check = false
        [providers.b]
        kind = "github"
        base_url = "{upstream}"
        health_check = false
        "#
    )
}

/// The same, with its state in a file.
pub fn with_state(text: &str, path: &Path) -> String {
    format!(
        "{text}\n[state]\npath = \"{}\"\nacquire_timeout = \"1s\"\n",
        path.display()
    )
}

/// A provider that answers 404 to everything, and never to what has `slow` in its path.
pub async fn upstream() -> (Listener, String) {
    let answer = async |request: Request| {
        if request.uri().path().contains("slow") {
            std::future::pending::<()>().await;
        }
        http::StatusCode::NOT_FOUND
    };
    let listener = listen(ServerLimits::default(), Router::new().fallback(answer)).await;
    let url = format!("http://{}", listener.local_addr());
    (listener, url)
}

impl Stage {
    pub async fn of(text: &str) -> Stage {
        Stage::on(Mosaic::start(config(text)).await.expect("it starts")).await
    }

    pub async fn on(gateway: Mosaic) -> Stage {
        let serving = serve(&gateway).await.expect("free ports");
        Stage {
            gateway,
            serving,
            http: client(),
        }
    }

    pub async fn stop(self) {
        self.serving.stop(&self.gateway).await;
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().expect("a method");
        // Bound to every address, it is reached on loopback.
        let url = format!("http://127.0.0.1:{}{path}", self.serving.admin.port());
        self.http.request(method, url)
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        told(self.request("GET", &format!("/admin/v1{path}"))).await
    }

    /// A view that must be there.
    pub async fn view(&self, path: &str) -> Value {
        let (status, view) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {view}");
        view
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        told(self.request("POST", &format!("/admin/v1{path}")).json(&body)).await
    }

    /// An order that must be obeyed.
    pub async fn order(&self, path: &str, mut body: Value) -> Value {
        body["reason"] = json!("a rehearsal");
        let (status, done) = self.post(path, body).await;
        assert_eq!(status, 200, "{path}: {done}");
        assert_eq!(done["audited"], true, "{path}");
        done
    }

    pub async fn plugin(&self, name: &str) -> Value {
        self.view(&format!("/plugins/{name}")).await
    }

    /// Asks the public listener.
    pub fn ask(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("http://{}{path}", self.serving.public))
    }

    /// Begins a call that its provider never answers.
    pub fn slow_call(&self) -> tokio::task::JoinHandle<()> {
        let url = format!("http://{}/v1/git/repos/a~acme%2Fslow", self.serving.public);
        let request = self.http.get(url);
        tokio::spawn(async move {
            // Cut at the end of the test, or answered by its deadline.
            let _outcome = request.send().await;
        })
    }

    /// Waits until `view` of `path` satisfies a condition.
    pub async fn until(&self, what: &str, path: &str, condition: impl Fn(&Value) -> bool) -> Value {
        let waited = tokio::time::timeout(crate::support::PATIENCE, async {
            loop {
                let view = self.view(path).await;
                if condition(&view) {
                    return view;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("not in time: {what}"))
    }
}

pub async fn told(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("JSON"))
}

/// Every order: its path, and its body without the reason.
pub fn orders() -> Vec<(&'static str, Value)> {
    let table = json!({"kind": "github", "base_url": "http://127.0.0.1:9", "health_check": false});
    let actor = json!({"path": "/root/plugins/instances/a/provider"});
    vec![
        ("/actors/restart", actor.clone()),
        ("/actors/stop", actor.clone()),
        ("/actors/start", actor),
        ("/plugins", json!({"name": "c", "provider": table})),
        ("/plugins/a/update", json!({"provider": table})),
        ("/plugins/a/stop", json!({})),
        ("/plugins/a/start", json!({})),
        ("/plugins/a/drain", json!({})),
        ("/plugins/a/remove", json!({})),
        ("/breakers/a/force-open", json!({})),
        ("/breakers/a/reset", json!({})),
        ("/caches/purge", json!({"tier": "l1"})),
        ("/gateway/drain", json!({})),
        ("/log", json!({"filter": "debug", "for_ms": 1000})),
    ]
}
