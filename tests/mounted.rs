//! Both surfaces below paths of a host's own: the documented example runs, and every link that it gives leads somewhere.
//!
//! Invariant: nothing is asked of the example but over its socket.

mod harness;

use std::path::PathBuf;
use std::process::Command;

use harness::http::Client;
use harness::process::Program;
use harness::tools::tool;
use reqwest::Url;
use serde_json::{Value, json};

/// Names the folder of Node's programs; where they are, Node is.
const NODE_TOOLS: &str = "MOSAIC_NODE_TOOLS";

struct Example {
    program: Program,
    at: Url,
    client: Client,
}

impl Example {
    fn start() -> Self {
        // Where no single test is chosen, `cargo test` builds the examples beside the tests.
        let here = std::env::current_exe().expect("this program has a path");
        let folder: PathBuf = here.ancestors().nth(2).expect("target/PROFILE").join("examples");
        let built = folder.join("service");
        assert!(
            built.is_file(),
            "{} is missing: cargo build --example service",
            built.display()
        );
        let program = Program::run(Command::new(built).arg("127.0.0.1:0"));
        let at = program.line("where it listens", |line| {
            Url::parse(line.strip_prefix("listening on ")?).ok()
        });
        Example {
            program,
            at,
            client: Client::new(),
        }
    }

    async fn get(&self, url: &Url) -> (u16, String) {
        let reply = self.client.0.get(url.clone()).send().await.expect("an answer");
        (reply.status().as_u16(), reply.text().await.expect("a text"))
    }

    async fn page(&self, path: &str) -> (u16, String) {
        self.get(&self.at.join(path).expect("a path")).await
    }

    /// What a page links to, as a browser finds it.
    fn links(&self, path: &str, page: &str) -> Vec<Url> {
        let after = |text: &str, mark: &str| -> Vec<String> {
            let parts = text.split(mark).skip(1);
            parts
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned)
                .collect()
        };
        let own = self.at.join(path).expect("a path");
        let base = own.join(&after(page, "<base href=\"")[0]).expect("a base");
        let links = after(page, "<a href=\"").into_iter().chain(after(page, "src=\""));
        links.map(|link| base.join(&link).expect("a link")).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_serves_everything_below_its_paths_and_ends_in_order() {
    let example = Example::start();
    let (status, note) = example.page("/gateway/v1/wall/notes/door").await;
    assert_eq!((status, &*note), (200, r#"{"text":"door: stay calm"}"#));
    let (status, ready) = example.page("/ops/readyz").await;
    assert_eq!(status, 200, "{ready}");
    let (status, plugins) = example.page("/ops/admin/v1/plugins").await;
    assert!(status == 200 && plugins.contains("north"), "{plugins}");
    let (status, metrics) = example.page("/metrics").await;
    assert!(status == 200 && metrics.contains("service_events_total "), "{metrics}");
    assert!(metrics.contains("mosaic_"), "{metrics}");
    example.program.signal("TERM");
    assert!(example.program.ended().ok().ends_with("ended in order\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_somewhere() {
    let example = Example::start();
    let mut followed = 0;
    for path in [
        "/gateway/docs",
        "/gateway/docs/errors/not_found",
        "/ops",
        "/ops/docs",
        "/ops/docs/errors/not_found",
    ] {
        let (status, page) = example.page(path).await;
        assert_eq!(status, 200, "{path}");
        for link in example.links(path, &page) {
            // The stream of events has no end.
            if link.path().ends_with("/events") {
                continue;
            }
            let (status, text) = example.get(&link).await;
            assert_eq!(status, 200, "{path}: {link}: {text}");
            followed += 1;
        }
    }
    assert!(followed > 40, "{followed}");

    for (path, mount) in [
        ("/gateway/v1/git/repos/nobody~none", "/gateway"),
        ("/gateway/v1/none", "/gateway"),
        ("/gateway/none", "/gateway"),
        ("/ops/admin/v1/plugins/none", "/ops"),
        ("/ops/admin/v1/none", "/ops"),
        ("/ops/none", "/ops"),
    ] {
        let (status, problem) = example.page(path).await;
        assert!(status >= 400, "{path}");
        let problem: Value = serde_json::from_str(&problem).expect("a problem");
        let link = problem["type"].as_str().expect("a link");
        assert!(link.starts_with(&format!("{mount}/docs/errors/")), "{path}: {link}");
        assert_eq!(example.page(link).await.0, 200, "{path}: {link}");
    }

    for (document, path) in [
        ("/gateway/v1/openapi.json", "/v1/operations"),
        ("/ops/admin/v1/openapi.json", "/admin/v1/status"),
    ] {
        let (_, text) = example.page(document).await;
        let read: Value = serde_json::from_str(&text).expect("a document");
        assert!(read["paths"][path].is_object(), "{document}");
        let server = read["servers"][0]["url"].as_str().expect("a server");
        assert_eq!(example.page(&format!("{server}{path}")).await.0, 200, "{server}{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_docs_show_each_call_whole_and_a_strict_policy() {
    let example = Example::start();
    for (path, shown) in [
        (
            "/gateway/docs",
            [
                r#"<form data-method="GET" data-path="v1/wall/notes/{note}">"#,
                r#"name="note" data-in="path" required"#,
                r#"data-method="POST" data-path="v1/ai/chat/complete""#,
                r#"type="file" data-in="body" data-type="application/octet-stream""#,
                "public | internal | private",
            ],
        ),
        (
            "/ops/docs",
            [
                r#"data-method="POST" data-path="admin/v1/plugins""#,
                r#"name="dry_run" data-in="query""#,
                r#"data-in="body" data-type="application/json""#,
                "&quot;reason&quot;: &quot;&quot;",
                r#"id="token" type="password""#,
            ],
        ),
    ] {
        let reply = example
            .client
            .0
            .get(example.at.join(path).expect("a path"))
            .send()
            .await;
        let reply = reply.expect("an answer");
        let policy = reply.headers()["content-security-policy"]
            .to_str()
            .expect("text")
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("script-src 'unsafe"),
            "{policy}"
        );
        let page = reply.text().await.expect("a page");
        for part in shown {
            assert!(page.contains(part), "{path}: {part}");
        }
        assert!(
            !page.contains("onsubmit") && page.matches("<script").count() == 1,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_asks_for_what_the_form_says() {
    if tool(NODE_TOOLS).is_none() {
        return;
    }
    let example = Example::start();
    let (status, script) = example.page("/gateway/docs/try.js").await;
    assert_eq!(status, 200);
    let field = |place: &str, name: &str, value: &str| json!({"place": place, "name": name, "value": value});
    let made = |method: &str, path: &str, fields: Value, token: &str| -> Value {
        let call = format!(
            "{script};console.log(JSON.stringify(requestOf({}, {}, {fields}, {})))",
            json!(method),
            json!(path),
            json!(token)
        );
        let ran = Command::new("node").args(["-e", &call]).output().expect("Node runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice(&ran.stdout).expect("JSON")
    };
    let fields = json!([
        field("path", "repo", "acme/a {path}?#"),
        field("path", "path", "src/$&.rs"),
        field("query", "ref", "a&b=c"),
        field("query", "limit", ""),
        field("header", "Idempotency-Key", "k-1")
    ]);
    assert_eq!(
        made("GET", "v1/git/repos/{repo}/files/{path}", fields, ""),
        json!([
            "v1/git/repos/acme%2Fa%20%7Bpath%7D%3F%23/files/src%2F%24%26.rs?ref=a%26b%3Dc",
            {"method": "GET", "headers": {"Idempotency-Key": "k-1"}}
        ])
    );
    let body = json!([{"place": "body", "type": "application/json", "value": "{}"}]);
    assert_eq!(
        made("POST", "v1/x", body, "secret"),
        json!(["v1/x", {
            "method": "POST",
            "headers": {"Content-Type": "application/json", "Authorization": "Bearer secret"},
            "body": "{}"
        }])
    );
}
