//! The gateway of these tests, and what is behind it.

use std::fmt::Write as _;

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig, ServerHandle};
use reqwest::Method;
use serde_json::Value;

use crate::harness::Gateway;
use crate::harness::http::{Reply, send};

/// The key of the tenant that reaches everything.
pub const KEY: &str = "mos-key-of-acme-0001";

/// That of another, where these tables have it.
pub const OTHERS_KEY: &str = "mos-key-of-beta-0002";
pub const OTHERS: &str = "[keys.beta]\nkey = \"env:OTHERS_KEY\"\ntenant = \"beta\"\n[tenants.beta]\n";

/// The gateway, and a sandbox of each vendor.
pub struct Place {
    pub sandbox: Sandbox,
    pub gateway: Gateway,
}

impl Place {
    pub async fn open() -> Place {
        Place::with("").await
    }

    /// With these further tables.
    pub async fn with(tables: &str) -> Place {
        let own = if tables.contains("[tenants.acme]") {
            ""
        } else {
            "[tenants.acme]\n"
        };
        Place::with_last(&format!("{own}{tables}")).await
    }

    /// With this behind the table of the last instance.
    pub async fn with_last(tables: &str) -> Place {
        let servers = [("openai-a", "openai"), ("anthropic-a", "anthropic")];
        let servers = servers.map(|(name, vendor)| ServerConfig::new(name, vendor, format!("sandbox-token-{name}")));
        let config = SandboxConfig {
            servers: servers.into(),
        };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let mut text = "[server]\nlisten = \"127.0.0.1:0\"\nmax_body = \"64KiB\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [log]\nformat = \"json\"\n[keys.acme]\nkey = \"env:KEY\"\ntenant = \"acme\"\n"
            .to_owned();
        let mut env = vec![
            ("KEY".to_owned(), KEY.to_owned()),
            ("OTHERS_KEY".to_owned(), OTHERS_KEY.to_owned()),
        ];
        for (at, server) in sandbox.servers().iter().enumerate() {
            let (name, kind, url) = (server.name(), server.vendor(), server.base_url());
            let table = format!("[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{url}\"\nhealth_check = false");
            let breaker = "breaker = { failures_to_open = 1000 }";
            writeln!(text, "{table}\ntoken = \"env:TOKEN_{at}\"\n{breaker}").unwrap();
            env.push((format!("TOKEN_{at}"), server.token().to_owned()));
        }
        let gateway = Gateway::serve(&(text + tables), env).await;
        Place { sandbox, gateway }
    }

    pub fn server(&self, name: &str) -> &ServerHandle {
        self.sandbox.server(name).expect("it is there")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.public)
    }

    /// A request with the key.
    pub fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.gateway.client.0.request(method, self.url(path)).bearer_auth(KEY)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.ask(Method::POST, path).json(body), &[]).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        send(self.ask(Method::GET, path), &[]).await
    }

    pub async fn close(self) {
        self.gateway.program.signal("TERM");
        let ended = self.gateway.program.ended();
        self.sandbox.shutdown().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}
