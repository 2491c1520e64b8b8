//! Gateways that share a Redis, in front of one sandbox.

use std::path::PathBuf;
use std::time::Duration;

use mosaic::Mosaic;
use mosaic::catalogue::Op;
use mosaic::catalogue::git::RepoGet;
use mosaic::catalogue::projects::{IssueCreate, IssueList};
use mosaic::config::{BaseUrl, Config, ProviderConfig, RedisUrl};
use mosaic::dispatch::Options;
use mosaic::embed::Typed;
use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig, ServerConfig};
use mosaic::secret::{Secret, SecretRef};
use mosaic_actors::cache::tier::TierSnapshot;
use mosaic_actors::call::Head;
use mosaic_actors::error::Failure;
use serde_json::json;
use tempfile::TempDir;

use super::server::{PASSWORD, RedisServer};

pub const TOKEN: &str = "planted-forge-token-c0ffee";
pub const CLUSTER_KEY: &str = "planted-cluster-key-0123456789abcdef";

/// A Redis, a provider, and the files that hold the secrets.
pub struct Rig {
    pub redis: RedisServer,
    pub sandbox: Sandbox,
    secrets: TempDir,
}

impl Rig {
    /// `None` where there is no Redis.
    pub async fn start() -> Option<Self> {
        let redis = RedisServer::start()?;
        let forge = ServerConfig::new("forge-a", "github", TOKEN);
        let sandbox = Sandbox::start(SandboxConfig { servers: vec![forge] }).await;
        let secrets = TempDir::new().expect("a folder");
        for (name, secret) in [("password", PASSWORD), ("cluster", CLUSTER_KEY)] {
            std::fs::write(secrets.path().join(name), secret).expect("it is written");
        }
        Some(Rig {
            redis,
            sandbox: sandbox.expect("a sandbox"),
            secrets,
        })
    }

    fn secret(&self, name: &str) -> Option<SecretRef> {
        let path: PathBuf = self.secrets.path().join(name);
        Some(SecretRef::parse(&format!("file:{}", path.display())).expect("a reference"))
    }

    /// A gateway with both tiers.
    pub async fn node(&self) -> Node {
        self.node_with(|_| {}).await
    }

    /// A gateway without the memory tier: what it serves from cache comes from Redis.
    pub async fn far_node(&self) -> Node {
        self.node_with(|config| config.cache.l1.enabled = false).await
    }

    pub async fn node_with(&self, change: impl FnOnce(&mut Config)) -> Node {
        let mut config = Config::default();
        config.server.cluster_key = self.secret("cluster");
        config.cache.l2.url = Some(RedisUrl::parse(&self.redis.url()).expect("an address"));
        config.cache.l2.password = self.secret("password");
        // Two cores that build and test at once are slower than any network.
        config.cache.l2.get_timeout = Duration::from_millis(500);
        config.cache.l2.put_timeout = Duration::from_secs(2);
        let forge = self.sandbox.server("forge-a").expect("it runs");
        let provider = ProviderConfig {
            base_url: BaseUrl::parse(forge.base_url()).ok(),
            health_check: false,
            ..ProviderConfig::new("github")
        };
        config.providers.insert("forge-a".to_owned(), provider);
        change(&mut config);
        let builder = Mosaic::builder(config).credential("forge-a", Secret::new(TOKEN));
        Node(builder.start().await.expect("it starts"))
    }

    /// Makes the provider fail from now on.
    pub fn break_provider(&self) {
        let forge = self.sandbox.server("forge-a").expect("it runs");
        forge
            .faults()
            .add(Fault::new(Effect::Error { status: 503 }))
            .expect("a fault");
    }
}

pub struct Node(pub Mosaic);

impl Node {
    async fn call<O: Op>(&self, input: serde_json::Value) -> Result<Typed<O::Output>, Failure> {
        let input = serde_json::from_value(input).expect("an input");
        self.0
            .call_as::<O>(input, Mosaic::local_caller(), Options::default())
            .await
    }

    /// The titles of the issues, and how they were had.
    pub async fn issues(&self) -> (Vec<String>, Head) {
        let page = self.try_issues().await.expect("a list");
        let titles = page.value.items.iter().map(|issue| issue.title.clone()).collect();
        (titles, page.head)
    }

    pub async fn try_issues(&self) -> Result<Typed<<IssueList as Op>::Output>, Failure> {
        self.call::<IssueList>(json!({"project": "acme/api"})).await
    }

    pub async fn repo(&self) -> Head {
        let repo = self.call::<RepoGet>(json!({"repo": "acme/api"})).await;
        repo.expect("a repository").head
    }

    pub async fn open_issue(&self, title: &str) {
        let input = json!({"project": "acme/api", "title": title});
        self.call::<IssueCreate>(input).await.expect("an issue");
    }

    pub fn l2(&self) -> TierSnapshot {
        let mut tiers = self.0.snapshot().tiers;
        assert_eq!(tiers.len(), 1);
        tiers.remove(0)
    }
}
