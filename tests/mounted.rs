//! Both surfaces below paths of a host's own: the documented example runs, and every link that it gives leads somewhere.
//!
//! Invariant: nothing is asked of the example but over its socket.

mod harness;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use harness::SOON;
use harness::http::Client;
use harness::process::Program;
use harness::tools::tool;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Names the folder of Node's programs; where they are, Node is.
const NODE_TOOLS: &str = "MOSAIC_NODE_TOOLS";

struct Example {
    program: Program,
    at: Url,
    client: Client,
}

/// The example's program. Where no single test is chosen, `cargo test` builds the examples beside the tests; where one is,
/// it may be that of older sources.
#[track_caller]
fn built() -> PathBuf {
    let here = std::env::current_exe().expect("this program has a path");
    let folder: PathBuf = here.ancestors().nth(2).expect("target/PROFILE").join("examples");
    let program = folder.join("service");
    if let Some(why) = outdated(&program, &program.with_extension("d")) {
        panic!(
            "{}: {why}: cargo build --workspace --example service",
            program.display()
        );
    }
    program
}

/// What is wrong with a program, by Cargo's list of all that it was made of.
fn outdated(program: &Path, list: &Path) -> Option<String> {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let (Some(built), Ok(list)) = (written(program), fs::read_to_string(list)) else {
        return Some("it is not built".to_owned());
    };
    // `PROGRAM: SOURCE SOURCE`, where a space of a name is `\\ `.
    let (_, sources) = list.split_once(": ").unwrap_or_default();
    let sources = sources.replace("\\ ", "\0");
    let mut sources = sources.split_whitespace().map(|source| source.replace('\0', " "));
    let newer = sources.find(|source| written(Path::new(source)).is_none_or(|written| written > built))?;
    Some(format!("it is older than {newer}"))
}

impl Example {
    fn start() -> Self {
        let program = Program::run(Command::new(built()).arg("127.0.0.1:0"));
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

    /// What a page links to, as a browser finds it behind a proxy that takes a path away; as seen without that.
    fn links(&self, path: &str, page: &str) -> Vec<Url> {
        let after = |text: &str, mark: &str| -> Vec<String> {
            let parts = text.split(mark).skip(1);
            parts
                .filter_map(|rest| rest.split('"').next())
                .map(str::to_owned)
                .collect()
        };
        const PROXY: &str = "/a/proxy's";
        let own = self.at.join(&format!("{PROXY}{path}")).expect("a path");
        let links = after(page, "<a href=\"").into_iter().chain(after(page, "src=\""));
        let base = after(page, "<base href=\"").into_iter().next().unwrap_or_default();
        let base = own.join(&base).expect("a base");
        let seen = links.map(|link| base.join(&link).expect("a link"));
        seen.map(|link| {
            let left = link.path().strip_prefix(PROXY);
            let left = left.unwrap_or_else(|| panic!("{path}: {link} leads out"));
            self.at.join(left).expect("a path")
        })
        .collect()
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
    let (_, gateways) = example.page("/ops/metrics").await;
    assert!(
        gateways.contains("mosaic_") && !gateways.contains("service_"),
        "{gateways}"
    );
    // Somebody watches, and would for ever.
    let watching = example.at.join("/ops/admin/v1/events").expect("a path");
    let watched = example.client.0.get(watching).send().await.expect("a head");
    assert_eq!(watched.status(), 200);
    example.program.signal("TERM");
    let told = timeout(SOON, watched.text())
        .await
        .expect("they end")
        .expect("events, whole");
    assert!(told.ends_with("event: done\ndata: {}\n\n"), "{told}");
    assert!(example.program.ended().ok().ends_with("ended in order\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_told_twice_ends_at_once() {
    let example = Example::start();
    // A call that is under way: it has been asked for its body, and sends none.
    let at = example.at.socket_addrs(|| None).expect("an address")[0];
    let mut caller = TcpStream::connect(at).await.expect("a connection");
    let head = "POST /gateway/v1/ai/chat/complete?timeout_ms=600000 HTTP/1.1\r\nhost: service\r\n\
                content-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n";
    caller.write_all(head.as_bytes()).await.expect("written");
    let mut asked = [0; 12];
    caller.read_exact(&mut asked).await.expect("an answer");
    assert_eq!(&asked, b"HTTP/1.1 100");
    example.program.signal("TERM");
    example
        .program
        .line("that it ends", |line| (line == "ending").then_some(()));
    example.program.signal("TERM");
    let ended = example.program.ended();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        !ended.stdout.contains("in order") && ended.stderr.contains("cut"),
        "{ended:?}"
    );
}

#[test]
fn a_program_of_older_sources_is_told_from_one_of_these() {
    let folder = tempfile::tempdir().expect("a folder");
    let [program, source, list] = ["program", "a source", "list"].map(|name| folder.path().join(name));
    assert!(outdated(&program, &list).expect("missing").contains("not built"));
    let at = |path: &Path, seconds| {
        let file = fs::File::create(path).expect("a file");
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        file.set_modified(time).expect("a time");
    };
    let written = source.display().to_string().replace(' ', "\\ ");
    fs::write(&list, format!("{}: {written}\n", program.display())).expect("written");
    at(&program, 20);
    for (written, old) in [(10, false), (20, false), (30, true)] {
        at(&source, written);
        assert_eq!(outdated(&program, &list).is_some(), old, "{written}");
    }
    fs::remove_file(&source).expect("removed");
    assert!(
        outdated(&program, &list)
            .expect("a source is gone")
            .contains("a source")
    );
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
                "&quot;reason&quot;: &quot;reason&quot;",
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_does_not_go_past_the_gateways_cache() {
    if tool(NODE_TOOLS).is_none() {
        return;
    }
    let example = Example::start();
    let (_, script) = example.page("/gateway/docs/try.js").await;
    // Node says no-cache and no-store where browsers do.
    let call = format!(
        "{script};
        const form = {{dataset: {{method: 'GET'}}, querySelector: () => ({{}}), querySelectorAll: () => []}};
        const seen = require('http').createServer((asked, answer) => {{
          console.log(JSON.stringify([asked.url, asked.headers['cache-control'] ?? null]));
          answer.end(() => seen.close());
        }});
        seen.listen(0, '127.0.0.1', () => {{
          form.dataset.path = `http://127.0.0.1:${{seen.address().port}}/v1/x`;
          send(form, '');
        }});"
    );
    let ran = Command::new("node").args(["-e", &call]).output().expect("Node runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let asked: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!(asked, json!(["/v1/x", null]));
}
