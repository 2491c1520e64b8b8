//! A gateway with both listeners in front of a sandbox: a fresh one for each row and surface.
//!
//! Invariant: a server is asked only because a call of the row was made, and who is asked first is settled by a rule.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use mosaic::catalogue::find;
use mosaic::config::Config;
use mosaic::dispatch::{Invocation, Options};
use mosaic::embed::serve::{Serving, serve};
use mosaic::sandbox::{Fault, Sandbox, SandboxConfig, ServerConfig};
use mosaic::{Mosaic, Secret};
use mosaic_actors::call::Caller;
use mosaic_actors::policy::scopes::Scope;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::harness::http::Client;
use crate::harness::soon;
use crate::row::{Key, Row};

/// The tenant, and what its key is called.
pub const TENANT: &str = "acme";
/// Its key.
const KEY: &str = "key-of-acme-0123456789";
/// Nobody's.
const STRANGE: &str = "key-of-nobody-0123456789";

/// The services that a vendor serves here.
const SERVICES: [(&str, &str); 5] = [
    ("git", "github"),
    ("projects", "github"),
    ("cicd", "woodpecker"),
    ("docs", "bookstack"),
    ("ai", "openai"),
];

/// A gateway on stage.
pub struct Stage {
    pub sandbox: Sandbox,
    pub gateway: Mosaic,
    pub client: Client,
    /// For whatever a surface writes.
    pub folder: TempDir,
    pub caller: Caller,
    /// What a surface has learned of the gateway, and need not ask again.
    pub learned: OnceCell<Value>,
    serving: Option<Serving>,
    /// What each server was asked before the row.
    before: BTreeMap<String, u64>,
    held: Option<JoinHandle<()>>,
}

impl Stage {
    /// Opens the row's stage; with its listeners where `listens`.
    pub async fn open(row: &Row, client: &Client, listens: bool) -> Stage {
        let sandbox = Sandbox::start(servers(row)).await.expect("a sandbox");
        let folder = tempfile::tempdir().expect("a scratch folder");
        let key = folder.path().join("key");
        std::fs::write(&key, KEY).expect("the folder is ours");
        let text = configuration(row, &sandbox, &key.display().to_string());
        let loaded = Config::parse(&text, "test.toml", std::iter::empty(), &Mosaic::known());
        let config = loaded.unwrap_or_else(|errors| panic!("{errors}\n{text}")).config;
        let builder = sandbox
            .servers()
            .iter()
            .fold(Mosaic::builder(config), |builder, server| {
                builder.credential(server.name(), Secret::new(server.token()))
            });
        let gateway = builder.start().await.expect("it starts");
        let serving = match listens {
            true => Some(serve(&gateway).await.expect("free ports")),
            false => None,
        };
        let scopes = row.scopes.map(|scopes| {
            let scopes = scopes.iter().map(|scope| Scope::parse(scope).expect("a scope"));
            Arc::new(scopes.collect())
        });
        let mut stage = Stage {
            before: BTreeMap::new(),
            held: None,
            caller: Caller::new(TENANT, TENANT).granted(scopes),
            client: client.clone(),
            learned: OnceCell::new(),
            sandbox,
            gateway,
            folder,
            serving,
        };
        stage.prepare(row).await;
        stage.before = stage.asked();
        stage
    }

    async fn prepare(&mut self, row: &Row) {
        for (name, effect, times) in &row.faults {
            let server = self.sandbox.server(name).expect("a server of the row");
            let mut fault = Fault::new(effect.clone());
            fault.times = *times;
            server.faults().add(fault).expect("a sound fault");
        }
        if let Some(name) = row.forced_open {
            let instance = self.gateway.system().instance(name).expect("a provider of the row");
            instance
                .breaker
                .force_open("a rehearsal", None)
                .await
                .expect("it obeys");
        }
        if let Some(name) = row.held {
            let (gateway, caller) = (self.gateway.clone(), self.caller.clone());
            let asking = async move {
                let options = Options {
                    provider: Some(name.to_owned()),
                    timeout: Some(Duration::from_secs(60)),
                    ..Options::default()
                };
                // Cut at the end of the row.
                let _cut = ask(&gateway, caller, "acme/web", options).await;
            };
            self.held = Some(tokio::spawn(asking));
            let server = self.sandbox.server(name).expect("a server of the row");
            soon("the call hangs", async || (server.requests().total > 0).then_some(())).await;
        }
    }

    /// Makes a call that the tenant's rate is charged for.
    pub async fn spend(&self) {
        // It is refused where nothing is left already.
        let _either = ask(&self.gateway, self.caller.clone(), "acme/web", Options::default()).await;
    }

    /// An address of the public listener.
    pub fn url(&self, path: &str) -> String {
        let serving = self
            .serving
            .as_ref()
            .expect("it listens for those who come by an address");
        format!("http://{}{path}", serving.public)
    }

    /// Requests that each server was sent since the stage was opened.
    pub fn asked(&self) -> BTreeMap<String, u64> {
        let servers = self.sandbox.servers().iter();
        let asked = servers.map(|server| {
            let before = self.before.get(server.name()).copied().unwrap_or_default();
            (server.name().to_owned(), server.requests().total - before)
        });
        asked.collect()
    }

    /// What was charged since the stage was opened.
    pub fn charged(&self) -> Value {
        let quotas = self.gateway.system().quotas();
        let quota = quotas.iter().find(|quota| *quota.tenant == *TENANT);
        let credits = self.gateway.system().credits();
        let spent = credits.iter().map(|row| (row.provider.to_string(), json!(row.spent)));
        let mut asked = self.asked();
        asked.retain(|_, count| *count > 0);
        json!({
            "let_through": quota.map_or(0, |quota| quota.admitted),
            "refused": quota.map_or(0, |quota| quota.refused),
            "asked": asked,
            "credits": spent.collect::<Map<_, _>>(),
        })
    }

    /// The records of the tenant's calls that have ended, the oldest first; none is of a call under way.
    pub async fn decided(&self) -> Vec<Value> {
        let all_ended = async || {
            let mut records = self.gateway.system().gateway().decisions(64, Some(TENANT));
            records.reverse();
            records.iter().all(|record| record.outcome.is_some()).then_some(records)
        };
        let records = soon("every call has ended", all_ended).await;
        records.into_iter().map(|record| json!(record)).collect()
    }

    pub async fn close(self) {
        if let Some(held) = self.held {
            held.abort();
        }
        match self.serving {
            Some(serving) => drop(serving.stop(&self.gateway).await),
            None => drop(self.gateway.shutdown().await),
        }
        self.sandbox.shutdown().await;
    }
}

impl Key {
    /// What is shown of it.
    pub fn shown(self) -> Option<&'static str> {
        match self {
            Key::Own => Some(KEY),
            Key::Wrong => Some(STRANGE),
            Key::Missing => None,
        }
    }
}

async fn ask(gateway: &Mosaic, caller: Caller, repo: &str, options: Options) -> Result<(), mosaic::Failure> {
    let invocation = Invocation {
        entry: find("git.repo.get").expect("declared"),
        input: json!({ "repo": repo }),
        caller,
        options,
        upload: None,
    };
    gateway.dispatcher().invoke(invocation).await.map(drop)
}

fn servers(row: &Row) -> SandboxConfig {
    let named = row
        .vendors
        .iter()
        .flat_map(|vendor| ["a", "b"].map(|which| (vendor, which)));
    let servers = named.map(|(vendor, which)| {
        let name = format!("{vendor}-{which}");
        let mut server = ServerConfig::new(&name, *vendor, format!("token-of-{name}"));
        server.chunk_pace = Duration::ZERO;
        server
    });
    SandboxConfig {
        servers: servers.collect(),
    }
}

fn configuration(row: &Row, sandbox: &Sandbox, key: &str) -> String {
    // Wide enough for all fields of an answer to be asked for, and for no answer to be cut.
    let mut text = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
                    [mcp]\ndestructive = true\nmax_answer = \"16MiB\"\n\
                    [graphql]\nmax_depth = 60\nmax_complexity = 1000000\nmax_aliases = 1000\nmax_document = \"1MiB\"\n"
        .to_owned();
    for server in sandbox.servers() {
        let (name, kind, url) = (server.name(), server.vendor(), server.base_url());
        let table = format!("[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{url}\"\nhealth_check = false");
        writeln!(text, "{table}").expect("a text takes all");
    }
    let scopes = row
        .scopes
        .map_or(String::new(), |scopes| format!("scopes = {scopes:?}\n"));
    let tenant = row.tenant;
    let access =
        format!("[keys.{TENANT}]\nkey = \"file:{key}\"\ntenant = \"{TENANT}\"\n{scopes}[tenants.{TENANT}]\n{tenant}");
    writeln!(text, "{access}\n{}", row.tables).expect("a text takes all");
    for (service, vendor) in SERVICES.iter().filter(|(_, vendor)| row.vendors.contains(vendor)) {
        let (a, b) = (format!("{vendor}-a"), format!("{vendor}-b"));
        let route = format!(
            "[[routes]]\nname = \"{service} at both\"\nservice = \"{service}\"\nproviders = [\"{a}\", \"{b}\"]\n\
             prefer = [{{ providers = [\"{a}\"] }}]"
        );
        writeln!(text, "{route}").expect("a text takes all");
    }
    text
}
