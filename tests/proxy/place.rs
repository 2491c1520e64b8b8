//! The gateway of these tests, and what is behind it.

use std::fmt::Write as _;

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use reqwest::Method;

use crate::harness::Gateway;
use crate::harness::http::{Reply, send};
use crate::mirror::{Mirror, SECRET};

/// The key of the tenant that reaches everything.
pub const KEY: &str = "mos-key-of-acme-0001";
/// The key of one that reaches `github-b` alone.
pub const STRANGER: &str = "mos-key-of-strangers-2";

/// The gateway, the sandboxes, and a provider that shows what it was sent.
pub struct Place {
    pub sandbox: Sandbox,
    pub mirror: Mirror,
    pub gateway: Gateway,
}

impl Place {
    pub async fn open() -> Place {
        Place::set("", "").await
    }

    /// With these further tables.
    pub async fn with(tables: &str) -> Place {
        Place::set("", tables).await
    }

    /// With these lines of `[server]` and these further tables.
    pub async fn set(server: &str, tables: &str) -> Place {
        let servers = [
            ("github-a", "github"),
            ("github-b", "github"),
            ("gitlab-a", "gitlab"),
            ("openai-a", "openai"),
            ("anthropic-a", "anthropic"),
            ("notion-a", "notion"),
        ];
        let servers = servers.map(|(name, vendor)| ServerConfig::new(name, vendor, format!("sandbox-token-{name}")));
        let config = SandboxConfig {
            servers: servers.into(),
        };
        let sandbox = Sandbox::start(config).await.expect("a sandbox");
        let mirror = Mirror::open().await;
        let mut text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n{server}\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [gateway]\nmax_transfer_size = \"64MiB\"\nstream_idle_timeout = \"8s\"\n[log]\nformat = \"json\"\nfilter = \"trace\"\n\
             [keys.acme]\nkey = \"env:KEY\"\ntenant = \"acme\"\n\
             [keys.stranger]\nkey = \"env:STRANGER\"\ntenant = \"strangers\"\n\
             [tenants.strangers]\nproviders = [\"github-b\"]\n"
        );
        let mut env = vec![
            ("KEY".to_owned(), KEY.to_owned()),
            ("STRANGER".to_owned(), STRANGER.to_owned()),
            ("MIRROR".to_owned(), SECRET.to_owned()),
        ];
        for (at, server) in sandbox.servers().iter().enumerate() {
            let (name, kind, url) = (server.name(), server.vendor(), server.base_url());
            let table = format!("[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{url}\"\nhealth_check = false");
            writeln!(text, "{table}\ntoken = \"env:TOKEN_{at}\"").unwrap();
            env.push((format!("TOKEN_{at}"), server.token().to_owned()));
        }
        let (base, host) = (&mirror.base, mirror.host());
        for (name, kind, base) in [
            ("mirror", "github", base.clone()),
            ("mirror-openai", "openai", format!("{host}/v1")),
            ("mirror-anthropic", "anthropic", host.to_owned()),
        ] {
            let table = format!("[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{base}\"\nhealth_check = false");
            let rest = "models = [\"*\"]\ntoken = \"env:MIRROR\"\nbreaker = { failures_to_open = 1000 }";
            writeln!(text, "{table}\n{rest}").unwrap();
        }
        if !tables.contains("[tenants.acme]") {
            text.push_str("[tenants.acme]\n");
        }
        let gateway = Gateway::serve(&(text + tables), env).await;
        Place {
            sandbox,
            mirror,
            gateway,
        }
    }

    /// Where an instance is found by clients.
    pub fn base(&self, instance: &str) -> String {
        format!("http://{}/proxy/{instance}", self.gateway.public)
    }

    /// A request to an instance, with the key.
    pub fn ask(&self, method: Method, instance: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.base(instance));
        self.gateway.client.0.request(method, url).bearer_auth(KEY)
    }

    pub async fn get(&self, instance: &str, path: &str) -> Reply {
        send(self.ask(Method::GET, instance, path), &[]).await
    }

    /// A read of the typed surface.
    pub async fn typed(&self, path: &str) -> Reply {
        let url = format!("http://{}{path}", self.gateway.public);
        send(self.gateway.client.0.get(url).bearer_auth(KEY), &[]).await
    }

    pub async fn close(self) -> String {
        self.gateway.program.signal("TERM");
        let ended = self.gateway.program.ended();
        self.sandbox.shutdown().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout + &ended.stderr
    }
}
