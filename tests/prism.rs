//! The GitHub driver through the whole program against Prism, a mock server that checks every request against GitHub's
//! own description and answers with GitHub's own examples.

mod harness;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::Gateway;
use harness::http::Client;
use harness::process::Program;
use harness::tools::tool;
use serde_json::{Value, json};

/// Reading a description of thirteen megabytes takes ten seconds, and minutes on a busy machine.
const PRISM_STARTS_WITHIN: Duration = Duration::from_secs(300);
/// What Prism says was wrong with a request or with its own answer.
const VIOLATIONS: &str = "sl-violations";

struct Prism {
    /// Runs as long as this lives.
    _program: Program,
    origin: String,
}

impl Prism {
    async fn start(binary: &Path, description: &Path) -> Prism {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        let mut command = Command::new(binary);
        command
            .args([
                "mock",
                "-h",
                "127.0.0.1",
                "--cors=false",
                "-v",
                "warn",
                "-p",
                &port.to_string(),
            ])
            .arg(description);
        let program = Program::run(&mut command);
        let origin = format!("http://127.0.0.1:{port}");
        let (client, deadline) = (Client::new(), Instant::now() + PRISM_STARTS_WITHIN);
        while client.0.get(&origin).send().await.is_err() {
            assert!(Instant::now() < deadline, "Prism does not answer: {}", program.stderr());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Prism {
            _program: program,
            origin,
        }
    }
}

/// Passes requests on as they are, and writes down what came and what Prism held against it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Recorded>>>);

#[derive(Clone, Debug)]
struct Recorded {
    line: String,
    violations: Vec<Value>,
}

impl Recorder {
    /// Serves in front of `origin`; the address.
    async fn serve(&self, origin: String) -> String {
        let (recorder, client) = (self.clone(), Client::new().0);
        let app = Router::new().fallback(move |request: Request| {
            let (recorder, client, origin) = (recorder.clone(), client.clone(), origin.clone());
            async move { recorder.pass(&client, &origin, request).await }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    async fn pass(&self, client: &reqwest::Client, origin: &str, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let line = format!("{} {target}", parts.method);
        let mut headers = parts.headers;
        headers.remove("host");
        let body = to_bytes(body, 1 << 20).await.expect("a request of ours is small");
        let passed = client
            .request(parts.method, format!("{origin}{target}"))
            .headers(headers)
            .body(body);
        let reply = passed.send().await.expect("Prism answers");
        let told = reply
            .headers()
            .get(VIOLATIONS)
            .map_or("[]", |told| told.to_str().expect("ASCII"));
        let violations = serde_json::from_str(told).expect("a list");
        self.0.lock().unwrap().push(Recorded { line, violations });
        let mut response = Response::builder().status(reply.status());
        let kept = reply
            .headers()
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "transfer-encoding" | "connection"));
        response
            .headers_mut()
            .expect("it is new")
            .extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        response
            .body(Body::from(reply.bytes().await.expect("a whole answer")))
            .expect("its parts were sound")
    }

    fn seen(&self) -> Vec<Recorded> {
        self.0.lock().unwrap().clone()
    }
}

/// The first example that the description has for an answer: the one that Prism serves.
fn example<'d>(description: &'d Value, method: &str, path: &str, status: &str) -> &'d Value {
    let answer = &description["paths"][path][method]["responses"][status]["content"]["application/json"]["examples"];
    let first = answer
        .as_object()
        .and_then(|examples| examples.values().next())
        .expect("an example");
    let reference = first["$ref"].as_str().expect("a reference");
    &description
        .pointer(reference.trim_start_matches('#'))
        .expect("the reference leads somewhere")["value"]
}

/// Compares `ours` with GitHub's `theirs`, field by field; a field that GitHub leaves empty is absent.
#[track_caller]
fn same(ours: &Value, theirs: &Value, fields: &[(&str, &str)]) {
    for (our, their) in fields {
        let expected = theirs.pointer(their).filter(|value| !value.is_null());
        assert_eq!(ours.get(our), expected, "{our} of {ours}");
    }
}

fn same_repo(ours: &Value, theirs: &Value) {
    let id = format!("prism~{}", theirs["full_name"].as_str().unwrap());
    assert_eq!(ours["id"], id);
    same(
        ours,
        theirs,
        &[
            ("name", "/name"),
            ("path", "/full_name"),
            ("owner", "/owner/login"),
            ("description", "/description"),
            ("visibility", "/visibility"),
            ("default_branch", "/default_branch"),
            ("archived", "/archived"),
            ("fork", "/fork"),
            ("web_url", "/html_url"),
            ("clone_url", "/clone_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
}

fn same_issue(ours: &Value, theirs: &Value) {
    let names = |list: &str, name: &str| -> Vec<Value> {
        theirs[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[name].clone())
            .collect()
    };
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#{}", theirs["number"]));
    assert_eq!(ours["labels"], json!(names("labels", "name")));
    assert_eq!(ours["assignees"], json!(names("assignees", "login")));
    same(
        ours,
        theirs,
        &[
            ("number", "/number"),
            ("title", "/title"),
            ("body", "/body"),
            ("state", "/state"),
            ("author", "/user/login"),
            ("comments", "/comments"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
            ("closed_at", "/closed_at"),
        ],
    );
}

fn same_file(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("name", "/name"),
            ("path", "/path"),
            ("sha", "/sha"),
            ("web_url", "/html_url"),
        ],
    );
    // The published example has the line breaks of its base64 escaped twice.
    let encoded = theirs["content"].as_str().unwrap().replace("\\n", "");
    let bytes = STANDARD.decode(encoded).expect("GitHub's example is base64");
    let expected = match String::from_utf8(bytes) {
        Ok(text) => (json!("utf8"), json!(text)),
        Err(error) => (json!("base64"), json!(STANDARD.encode(error.as_bytes()))),
    };
    assert_eq!((ours["encoding"].clone(), ours["content"].clone()), expected);
}

fn same_branch(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[("name", "/name"), ("sha", "/commit/sha"), ("protected", "/protected")],
    );
}

/// What becomes of one call: the command, the address, and where GitHub's own answer stands.
struct Case {
    line: &'static str,
    address: &'static str,
    /// For a write.
    body: Option<Value>,
    example: (&'static str, &'static str, &'static str),
    compare: fn(&Value, &Value),
}

fn cases() -> Vec<Case> {
    let read = |line, address, path, compare| Case {
        line,
        address,
        body: None,
        example: ("get", path, "200"),
        compare,
    };
    vec![
        read(
            "git repo get octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World",
            "/repos/{owner}/{repo}",
            same_repo,
        ),
        read(
            "git repo list --limit 2",
            "/v1/git/repos?limit=2",
            "/user/repos",
            same_repo,
        ),
        read(
            "git repo list --owner octocat",
            "/v1/git/repos?owner=octocat",
            "/orgs/{org}/repos",
            same_repo,
        ),
        read(
            "git branch list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/branches",
            "/repos/{owner}/{repo}/branches",
            same_branch,
        ),
        read(
            "git file get octocat/Hello-World README.md",
            "/v1/git/repos/octocat/Hello-World/files/README.md",
            "/repos/{owner}/{repo}/contents/{path}",
            same_file,
        ),
        read(
            "projects issue list octocat/Hello-World --labels bug --state all",
            "/v1/projects/issues?project=octocat/Hello-World&labels=bug&state=all",
            "/repos/{owner}/{repo}/issues",
            same_issue,
        ),
        read(
            "projects issue get octocat/Hello-World#1347",
            "/v1/projects/issues/octocat%2FHello-World%231347",
            "/repos/{owner}/{repo}/issues/{issue_number}",
            same_issue,
        ),
        Case {
            line: "projects issue create octocat/Hello-World --title T --body B --labels bug",
            address: "/v1/projects/issues",
            body: Some(json!({"project": "octocat/Hello-World", "title": "T", "body": "B", "labels": ["bug"]})),
            example: ("post", "/repos/{owner}/{repo}/issues", "201"),
            compare: same_issue,
        },
    ]
}

/// A page's rows with the examples' rows, or the one with the one.
fn compare(case: &Case, ours: &Value, theirs: &Value) {
    let Some(rows) = theirs.as_array() else {
        return (case.compare)(ours, theirs);
    };
    let items = ours["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{}: {ours}", case.line));
    assert_eq!(items.len(), rows.len(), "{}", case.line);
    items
        .iter()
        .zip(rows)
        .for_each(|(ours, theirs)| (case.compare)(ours, theirs));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_as_github_describes_it() {
    let (Some(binary), Some(file)) = (tool("MOSAIC_PRISM"), tool("MOSAIC_GITHUB_SPEC")) else {
        return;
    };
    let description: Value = serde_json::from_slice(&std::fs::read(&file).expect("the description")).expect("JSON");
    let prism = Prism::start(&binary, &file).await;
    let recorder = Recorder::default();
    let origin = recorder.serve(prism.origin.clone()).await;
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [cache.l1]\nenabled = false\n[providers.prism]\nkind = \"github\"\nbase_url = \"{origin}\"\ntoken = \"env:TOKEN\"\n"
    );
    let gateway = Gateway::serve(&config, vec![("TOKEN".to_owned(), "a-token-of-the-test".to_owned())]).await;

    for case in cases() {
        let (method, path, status) = case.example;
        let theirs = example(&description, method, path, status);
        let by_rest = match &case.body {
            None => gateway.get(case.address).await,
            Some(body) => gateway.post(case.address, body).await,
        };
        compare(&case, &by_rest.ok(), theirs);
        let words: Vec<&str> = case.line.split(' ').chain(["--json"]).collect();
        compare(&case, &gateway.cli(&words).json(), theirs);
    }

    // GitHub's example links to its next page at an address of its own. Only the query of it may be used.
    let first = gateway.get("/v1/git/repos?limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().expect("the example has a next page");
    gateway.get(&format!("/v1/git/repos?cursor={cursor}")).await.ok();
    let seen = recorder.seen();
    assert_eq!(
        seen.last().expect("requests").line,
        "GET /user/repos?page=2",
        "asked here, as GitHub's link says"
    );

    assert_eq!(
        seen.len(),
        cases().len() * 2 + 2,
        "one request for each call: {seen:#?}"
    );
    for Recorded { line, violations } in &seen {
        // Examples that break GitHub's own schema are GitHub's affair.
        let ours: Vec<&Value> = violations
            .iter()
            .filter(|violation| violation["location"][0] != "response")
            .collect();
        assert!(ours.is_empty(), "{line}: {ours:#?}");
    }
    // A request that is wrong is seen as wrong; else the check above could not fail.
    Client::new()
        .post(
            &format!("{origin}/repos/octocat/Hello-World/issues"),
            &json!({"body": "no title"}),
            &[],
        )
        .await;
    let wrong = recorder.seen().pop().expect("requests");
    assert_eq!(wrong.violations[0]["location"][0], "request", "{wrong:?}");

    gateway.program.signal("TERM");
    gateway.program.ended().ok();
}
