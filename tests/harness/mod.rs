//! The built program, a sandbox behind it and clients before it, for tests that look from outside.
//!
//! Invariant: every wait has a bound, and whatever a test starts ends with it.
#![allow(dead_code, reason = "each test binary uses its own part of it")]

pub mod http;
pub mod process;
pub mod tools;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerHandle};
use serde_json::Value;
use tempfile::TempDir;

use http::{Client, Reply};
use process::{Ended, Program};

/// Services, and the vendor that serves each of them.
pub const SERVICES: [(&str, &str); 5] = [
    ("git", "github"),
    ("projects", "github"),
    ("cicd", "woodpecker"),
    ("docs", "bookstack"),
    ("ai", "openai"),
];

/// How long anything may take that comes by itself. Ample, because test machines are busy.
pub const SOON: Duration = Duration::from_secs(30);

/// What a gateway's configuration says beside its providers and routes.
#[derive(Default)]
pub struct Setup {
    /// Lines of `[server]`, beside `listen`.
    pub server: String,
    /// Whole tables.
    pub tables: String,
    /// `[log]`; JSON at `info` where empty.
    pub log: String,
    /// Variables for the program.
    pub env: Vec<(String, String)>,
}

/// A sandbox with two servers for each service, and the program serving in front of them.
pub struct Stage {
    pub sandbox: Sandbox,
    pub gateway: Gateway,
}

impl Stage {
    pub async fn open(setup: Setup) -> Stage {
        let sandbox = sandbox().await;
        let gateway = Gateway::serve(&configuration(&sandbox, &setup), credentials(&sandbox, &setup)).await;
        Stage { sandbox, gateway }
    }

    pub fn server(&self, name: &str) -> &ServerHandle {
        self.sandbox.server(name).expect("one of the default pair")
    }

    /// Requests that reached the servers of `vendor`.
    pub fn asked(&self, vendor: &str) -> u64 {
        let servers = self.sandbox.servers().iter().filter(|server| server.vendor() == vendor);
        servers.map(|server| server.requests().total).sum()
    }

    /// Asks the program to end, and says how it did.
    pub async fn close(self) -> Ended {
        self.gateway.program.signal("TERM");
        let ended = self.gateway.program.ended();
        self.sandbox.shutdown().await;
        ended
    }
}

/// Two servers of one vendor for each service.
pub async fn sandbox() -> Sandbox {
    let mut config = SandboxConfig::default_pair();
    config
        .servers
        .retain(|server| SERVICES.iter().any(|(_, vendor)| *vendor == server.vendor));
    Sandbox::start(config).await.expect("a sandbox")
}

/// A configuration file's text: free ports, every server of `sandbox` a provider, equals of one vendor behind a route.
pub fn configuration(sandbox: &Sandbox, setup: &Setup) -> String {
    let log = if setup.log.is_empty() {
        "format = \"json\""
    } else {
        &setup.log
    };
    let mut text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n{}\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\n{log}\n",
        setup.server
    );
    for server in sandbox.servers() {
        let (name, kind, url) = (server.name(), server.vendor(), server.base_url());
        let token = format!("env:{}", variable(name));
        // Health is not asked, so that every request that arrives is a test's own.
        let table = format!("[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{url}\"");
        writeln!(text, "{table}\ntoken = \"{token}\"\nhealth_check = false").unwrap();
    }
    for (service, vendor) in SERVICES {
        let names = sandbox.servers().iter().filter(|server| server.vendor() == vendor);
        let names: Vec<&str> = names.map(ServerHandle::name).collect();
        if !names.is_empty() {
            writeln!(text, "[[routes]]\nservice = \"{service}\"\nproviders = {names:?}").unwrap();
        }
    }
    text + &setup.tables
}

/// The variables that a configuration of [`configuration`] refers to.
pub fn credentials(sandbox: &Sandbox, setup: &Setup) -> Vec<(String, String)> {
    let tokens = sandbox
        .servers()
        .iter()
        .map(|server| (variable(server.name()), server.token().to_owned()));
    tokens.chain(setup.env.iter().cloned()).collect()
}

fn variable(name: &str) -> String {
    format!("TOKEN_{}", name.to_uppercase().replace('-', "_"))
}

/// The program, serving.
pub struct Gateway {
    pub program: Program,
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub client: Client,
    /// Its configuration's folder, which ends with it.
    pub folder: TempDir,
    env: Vec<(String, String)>,
}

impl Gateway {
    /// Serves the configuration `text`, which asks for free ports and a JSON log.
    pub async fn serve(text: &str, env: Vec<(String, String)>) -> Gateway {
        Self::of(text, env, Program::start)
    }

    /// As [`Gateway::serve`], with what the shell's `ulimit` allows.
    pub async fn serve_within(ulimit: &str, text: &str) -> Gateway {
        let shell = format!("ulimit {ulimit}; exec \"$0\" \"$@\"");
        Self::of(text, vec![], |args, _| {
            let mut command = Command::new("sh");
            Program::run(command.args(["-c", &shell, env!("CARGO_BIN_EXE_mosaic")]).args(args))
        })
    }

    fn of(
        text: &str,
        env: Vec<(String, String)>,
        start: impl FnOnce(&[&str], &[(String, String)]) -> Program,
    ) -> Gateway {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let file = folder.path().join("mosaic.toml");
        std::fs::write(&file, text).expect("the scratch folder is ours");
        let program = start(&["serve", "--config", file.to_str().expect("a plain path")], &env);
        let (public, admin) = program.line("where it serves", addresses);
        Gateway {
            program,
            public,
            admin,
            client: Client::new(),
            folder,
            env,
        }
    }

    pub fn config(&self) -> String {
        self.folder.path().join("mosaic.toml").display().to_string()
    }

    /// The variables that its configuration refers to.
    pub fn env(&self) -> &[(String, String)] {
        &self.env
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.client.get(&format!("http://{}{path}", self.public)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.client
            .post(&format!("http://{}{path}", self.public), body, &[])
            .await
    }

    /// A request of any method; without a body, its input stands in the address.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let method = method.parse().expect("a method");
        let request = self.client.0.request(method, format!("http://{}{path}", self.public));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        http::send(request, &[]).await
    }

    /// From the admin listener.
    pub async fn admin(&self, path: &str) -> Reply {
        self.client.get(&format!("http://{}{path}", self.admin)).await
    }

    pub async fn administer(&self, path: &str, body: &Value) -> Reply {
        self.client
            .post(&format!("http://{}{path}", self.admin), body, &[])
            .await
    }

    /// Runs the command line against this gateway: calls against the public listener, `tree` and `status` against the
    /// admin one.
    pub fn cli(&self, args: &[&str]) -> Ended {
        let at = [
            ("MOSAIC_URL".to_owned(), format!("http://{}", self.public)),
            ("MOSAIC_ADMIN_URL".to_owned(), format!("http://{}", self.admin)),
        ];
        process::run(args, &[&self.env[..], &at[..]].concat())
    }
}

/// The addresses in the log line `serving`, of a JSON log and of one for people.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    if let Ok(event) = serde_json::from_str::<Value>(line) {
        let field = |name| event["fields"][name].as_str()?.parse().ok();
        return (event["msg"] == "serving").then(|| field("public").zip(field("admin")))?;
    }
    let field = |name| {
        let value = line.split_once(&format!("{name}="))?.1;
        value.split_whitespace().next()?.parse().ok()
    };
    line.contains(" serving ")
        .then(|| field("public").zip(field("admin")))?
}

/// Looks until it sees it: for what other processes do, where there is nothing to wait on but time.
pub async fn soon<T>(what: &str, mut see: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(seen) = see().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not seen in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
