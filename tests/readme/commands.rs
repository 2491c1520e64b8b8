//! README's commands, run by a shell as they stand there, in a scratch folder that holds README's own configuration.
//!
//! Invariant: what a command needs beside README's text comes by environment; what is put in the place of README's text is
//! in [`Stage::filled`], and is where the servers are, what stands for the reader's own, or a consent that a terminal asks for.

use std::process::Command;

use mosaic::Mosaic;
use mosaic::config::Config;
use mosaic::sandbox::{Sandbox, SandboxConfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::block;
use crate::harness::http::Client;
use crate::harness::process::{Ended, Program};
use crate::text::{README, commands, spans};

/// A scratch folder, and a sandbox for README's providers.
struct Stage {
    folder: TempDir,
    sandbox: Sandbox,
    env: Vec<(String, String)>,
    page: String,
}

impl Stage {
    async fn open() -> Stage {
        let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox");
        let folder = tempfile::tempdir().expect("a scratch folder");
        let routes = block("[[routes]]").text;
        let mirror = "[providers.mirror]\nkind = \"github\"\n";
        let text = format!("{}\n{mirror}\n{routes}\n", block("[providers.forge]").text);
        std::fs::write(folder.path().join("my.toml"), text).expect("it is ours");
        std::fs::write(folder.path().join("report.pdf"), "%PDF-1.7 a report").expect("it is ours");
        let mut env = vec![
            ("GITHUB_TOKEN".to_owned(), "sandbox-github-a".to_owned()),
            ("MOSAIC__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("MOSAIC__ADMIN__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("MOSAIC__STATE__PATH".to_owned(), "state.db".to_owned()),
            ("MOSAIC__LOG__FORMAT".to_owned(), "json".to_owned()),
            ("MOSAIC__PROVIDERS__WIKI__KIND".to_owned(), "bookstack".to_owned()),
        ];
        for (provider, server) in [
            ("FORGE", "github-a"),
            ("MIRROR", "github-b"),
            ("MODEL", "openai-a"),
            ("WIKI", "bookstack-a"),
        ] {
            let server = sandbox.server(server).expect("one of the pairs");
            env.push((
                format!("MOSAIC__PROVIDERS__{provider}__BASE_URL"),
                server.base_url().to_owned(),
            ));
            // README's are the reader's: of the forge it is the variable that README names.
            if provider != "FORGE" {
                env.push((format!("{provider}_TOKEN"), server.token().to_owned()));
                env.push((
                    format!("MOSAIC__PROVIDERS__{provider}__TOKEN"),
                    format!("env:{provider}_TOKEN"),
                ));
            }
        }
        Stage {
            folder,
            sandbox,
            env,
            page: String::new(),
        }
    }

    /// Starts a command line in the folder.
    fn start(&self, line: &str) -> Program {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_mosaic"));
        let folder = program.parent().expect("it is in a folder").display();
        let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("exec {line}")])
            .current_dir(self.folder.path());
        Program::run(command.envs(self.env.iter().cloned()).env("PATH", path))
    }

    fn run(&self, line: &str) -> Ended {
        self.start(line).ended()
    }

    fn url(&self, server: &str) -> &str {
        self.sandbox.server(server).expect("one of the pairs").base_url()
    }

    /// README's line with what stands for the reader's own.
    fn filled(&self, line: &str) -> String {
        let added = format!(
            "second --kind github --base-url {} --token-ref env:MIRROR_TOKEN --reason more",
            self.url("github-b")
        );
        line.replace("NAME …", &added)
            .replace("upload 1 ", &format!("upload {} ", self.page))
    }
}

/// The addresses that a gateway's log tells.
fn served(line: &str) -> Option<(String, String)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let at = |name: &str| Some(format!("http://{}", event["fields"][name].as_str()?));
    (event["msg"] == "serving").then(|| at("public").zip(at("admin")))?
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_do_what_readme_says() {
    let mut stage = Stage::open().await;
    let mut lines = commands(&block("mosaic check --config my.toml"));
    let place = |lines: &[String], what: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(what))
            .expect("README has it")
    };
    // The gateway runs from its line to the end, but for the restoring.
    let check = lines.remove(place(&lines, "mosaic check"));
    stage.run(&check).ok();
    let serve = lines.remove(place(&lines, "mosaic serve"));
    let gateway = stage.start(&serve);
    let (public, admin) = gateway.line("where it serves", served);
    stage.env.extend([
        ("MOSAIC_URL".to_owned(), public.clone()),
        ("MOSAIC_ADMIN_URL".to_owned(), admin.clone()),
    ]);
    let wiki = [("authorization", "Token sandbox-bookstack-a")];
    let pages = Client::new()
        .get_with(&format!("{}/pages", stage.url("bookstack-a")), &wiki)
        .await;
    stage.page = pages.json()["data"][0]["id"].to_string();

    let restore = lines.remove(place(&lines, "mosaic state restore"));
    let watch = lines.remove(place(&lines, "mosaic tree --watch"));
    let watching = stage.start(&watch);
    watching.line("the root", |line| line.starts_with("root").then_some(()));
    watching.signal("INT");
    watching.ended();
    for line in &lines {
        let ended = stage.run(&stage.filled(line));
        // There is no such key: that is what it says.
        let expected = if line.contains("keys release") { 3 } else { 0 };
        assert_eq!(ended.code, Some(expected), "{line}: {ended:#?}");
    }
    for line in commands(&block("mosaic git repo list --json")) {
        stage.run(&line).ok();
    }
    for line in commands(&block("mosaic route")) {
        stage.run(&line).ok();
    }
    let [asked, made] = &commands(&block("curl http://127.0.0.1:8080/graphql"))[..] else {
        panic!("two commands")
    };
    let answer = stage.run(&made.replace("http://127.0.0.1:8080", &public)).json();
    let title = &answer["data"]["projectsIssueCreate"]["title"];
    assert_eq!(title, "Mend the gate", "{answer}");
    let answer = stage.run(&asked.replace("http://127.0.0.1:8080", &public)).json();
    assert!(
        answer["data"]["gitRepoList"]["nodes"][0]["path"].is_string(),
        "{answer}"
    );
    assert!(answer.get("errors").is_none(), "{answer}");
    events_are_there(&public).await;
    pages_are_there(&public, &admin).await;
    gateway.signal("TERM");
    gateway.ended().ok();
    assert!(stage.folder.path().join("copy.db").exists());
    stage.run(&restore).ok();
    stage.sandbox.shutdown().await;
}

/// The feed that README listens to.
async fn events_are_there(public: &str) {
    let text = block("curl -N").text;
    let path = text
        .split_once("8080")
        .and_then(|(_, rest)| rest.split_once('\''))
        .expect("an address")
        .0;
    let answer = Client::new()
        .0
        .get(format!("{public}{path}"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().expect("a value"))
    );
}

/// What README says can be got is there, at one of the two listeners.
async fn pages_are_there(public: &str, admin: &str) {
    let client = Client::new();
    // Things are below these, and at the last where an issuer is configured.
    let folders = [
        "/",
        "/v1",
        "/admin/v1",
        "/proxy",
        "/.well-known/oauth-protected-resource",
    ];
    let paths = spans().into_iter().filter_map(|span| {
        let path = span.strip_prefix("GET ").unwrap_or(span);
        (path.starts_with('/') && !folders.contains(&path)).then_some(path)
    });
    let paths: Vec<&str> = paths.collect();
    assert!(paths.len() >= 6, "{paths:?}");
    for path in paths {
        let mut found = false;
        for listener in [public, admin] {
            // Some want another method, or a head of their own, and say so.
            found |= [200, 400, 405, 406].contains(&client.get(&format!("{listener}{path}")).await.status);
        }
        assert!(found, "README tells of {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_passed_through_as_readme_says() {
    let mut stage = Stage::open().await;
    stage.env.extend([
        ("MOSAIC_KEY".to_owned(), "a-key-of-the-reader-1".to_owned()),
        ("MOSAIC__KEYS__READER__KEY".to_owned(), "env:MOSAIC_KEY".to_owned()),
        ("MOSAIC__KEYS__READER__TENANT".to_owned(), "default".to_owned()),
        ("NO_PROXY".to_owned(), "127.0.0.1".to_owned()),
    ]);
    let gateway = stage.start("mosaic serve --config my.toml");
    let (public, _) = gateway.line("where it serves", served);
    let [read, write] = &commands(&block("curl -H"))[..] else {
        panic!("two commands")
    };
    let asked = |line: &str| stage.run(&line.replace("http://127.0.0.1:8080", &public)).json();
    assert_eq!(asked(read)["resources"]["core"]["limit"], 5000);
    assert_eq!(asked(write)["full_name"], "sandbox-user/travel");
    let [batch] = &commands(&block("curl -X"))[..] else {
        panic!("one command")
    };
    let results = asked(batch)["results"].clone();
    assert_eq!(results[0]["body"]["path"], "acme/api");
    assert_eq!(
        (&results[0]["status"], &results[1]["status"]),
        (&200.into(), &200.into())
    );
    let [unchanged] = &commands(&block("curl --silent"))[..] else {
        panic!("one command")
    };
    let ended = stage.run(&unchanged.replace("http://127.0.0.1:8080", &public));
    assert!(ended.ok().starts_with("HTTP/1.1 304"), "{ended:?}");
    let [chat] = &commands(&block("curl -s -X POST"))[..] else {
        panic!("one command")
    };
    assert_eq!(asked(chat)["choices"][0]["finish_reason"], "stop");
    gateway.signal("TERM");
    gateway.ended().ok();
    stage.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_rehearsed_as_readme_says() {
    let stage = Stage::open().await;
    let [sandbox, fault] = &commands(&block("mosaic sandbox"))[..] else {
        panic!("two commands")
    };
    // The same servers on free ports: those of README may be another test's.
    let mut config: toml::Table = include_str!("../../config/sandbox.toml").parse().expect("TOML");
    for server in config["server"].as_array_mut().expect("servers") {
        server.as_table_mut().expect("a table").remove("bind");
    }
    std::fs::write(stage.folder.path().join("free.toml"), config.to_string()).expect("it is ours");
    let running = stage.start(&format!("{sandbox} --config free.toml"));
    let url = running.line("its forge", |line| {
        line.starts_with("github-a ")
            .then(|| line.split_whitespace().nth(2).map(str::to_owned))?
    });
    let (before, rest) = fault.split_once("http://").expect("an address");
    let (_, path) = rest.split_once('/').expect("a path");
    stage
        .run(&format!("{before} --fail --silent --show-error {url}/{path}"))
        .ok();
    let bearer = [("authorization", "Bearer sandbox-github-a")];
    let reply = Client::new().get_with(&format!("{url}/repos/acme/api"), &bearer).await;
    assert_eq!(reply.status, 503);
    running.signal("TERM");
    running.ended().ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_one_process_takes_its_settings_from_the_environment() {
    let mut stage = Stage::open().await;
    // All that it needs stands in the line.
    stage.env.clear();
    let all = commands(&block("npm install"));
    let line = all
        .last()
        .filter(|line| line.starts_with("MOSAIC__PROVIDERS__FORGE__KIND"))
        .expect("the call is last");
    // Prism listens there when a reader has started it; a server of the sandbox knows no such repository, and says so.
    let line = line.replace("http://127.0.0.1:4010", stage.url("github-a"));
    let before = stage
        .sandbox
        .server("github-a")
        .expect("one of the pairs")
        .requests()
        .total;
    let ended = stage.run(&format!("env {line}"));
    assert!(matches!(ended.code, Some(3 | 4)), "{ended:#?}");
    assert!(
        stage
            .sandbox
            .server("github-a")
            .expect("one of the pairs")
            .requests()
            .total
            > before,
        "{ended:#?}"
    );
}

#[test]
fn the_configurations_are_valid() {
    let small = block("[providers.forge]").text;
    let read =
        |text: &str| Config::parse(text, "README.md", std::iter::empty(), &Mosaic::known()).map(|loaded| loaded.config);
    let config = read(&small).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.providers.len(), 2);
    let routes = block("[[routes]]").text;
    let config = read(&format!("{small}\n[providers.mirror]\nkind = \"github\"\n{routes}"))
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.routes.len(), 1);
    assert!(README.contains("(config/mosaic.toml)"));
}
