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
use mosaic::providers::KINDS;
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

/// The first example that the description has for an answer: the one that Prism serves; null for one without a body.
fn example<'d>(description: &'d Value, method: &str, path: &str, status: &str) -> &'d Value {
    let answer = &description["paths"][path][method]["responses"][status]["content"]["application/json"]["examples"];
    if answer.is_null() {
        return answer;
    }
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

fn same_fork(ours: &Value, theirs: &Value) {
    same_repo(&ours["repo"], theirs);
    assert_eq!(ours["ready"], true, "its branches are in the example, too");
}

fn same_new_branch(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("sha", "/object/sha")]);
    assert_eq!(ours["name"], "featureA");
}

fn same_tag(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("name", "/name"), ("sha", "/commit/sha")]);
}

/// A tag is what was asked for, once its reference is made.
fn same_new_tag(ours: &Value, _theirs: &Value) {
    let expected = json!({"name": "v1", "sha": HASH, "message": "M"});
    assert_eq!(*ours, expected);
}

fn same_commit(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("sha", "/sha"),
            ("message", "/commit/message"),
            ("authored_at", "/commit/author/date"),
            ("committed_at", "/commit/committer/date"),
            ("additions", "/stats/additions"),
            ("deletions", "/stats/deletions"),
            ("web_url", "/html_url"),
        ],
    );
    same(
        &ours["author"],
        theirs,
        &[
            ("login", "/author/login"),
            ("name", "/commit/author/name"),
            ("email", "/commit/author/email"),
        ],
    );
}

fn same_change(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("path", "/filename"),
            ("raw_change", "/status"),
            ("additions", "/additions"),
            ("deletions", "/deletions"),
            ("patch", "/patch"),
        ],
    );
}

fn same_comparison(ours: &Value, theirs: &Value) {
    let fields = [
        ("merge_base", "/merge_base_commit/sha"),
        ("ahead_by", "/ahead_by"),
        ("behind_by", "/behind_by"),
        ("web_url", "/html_url"),
    ];
    same(ours, theirs, &fields);
    same_commit(&ours["commits"][0], &theirs["commits"][0]);
    same_change(&ours["files"][0], &theirs["files"][0]);
}

/// A tree is no list, but a page is made of it.
fn same_tree(ours: &Value, theirs: &Value) {
    let (ours, theirs) = (ours["items"].as_array().unwrap(), theirs["tree"].as_array().unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        same(
            ours,
            theirs,
            &[("path", "/path"), ("mode", "/mode"), ("sha", "/sha"), ("size", "/size")],
        );
    }
}

fn same_written(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("path", "/content/path"),
            ("sha", "/content/sha"),
            ("commit", "/commit/sha"),
            ("web_url", "/content/html_url"),
        ],
    );
    assert_eq!(ours["created"], false, "there is a file in the example");
}

fn same_removal(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("commit", "/commit/sha")]);
    same_nothing(ours, theirs);
}

/// Nothing comes of a removal.
fn same_nothing(ours: &Value, _theirs: &Value) {
    assert_eq!(ours["outcome"], "deleted");
}

fn same_release(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("tag", "/tag_name"),
            ("name", "/name"),
            ("body", "/body"),
            ("draft", "/draft"),
            ("prerelease", "/prerelease"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("published_at", "/published_at"),
        ],
    );
    same(&ours["author"], theirs, &[("login", "/author/login")]);
    same(
        &ours["assets"][0],
        theirs,
        &[("name", "/assets/0/name"), ("size", "/assets/0/size")],
    );
}

fn same_pull(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#{}", theirs["number"]));
    same(
        ours,
        theirs,
        &[
            ("number", "/number"),
            ("title", "/title"),
            ("body", "/body"),
            ("raw_state", "/state"),
            ("draft", "/draft"),
            ("raw_mergeable", "/mergeable_state"),
            ("commits", "/commits"),
            ("changed_files", "/changed_files"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
    same(
        &ours["author"],
        theirs,
        &[("login", "/user/login"), ("web_url", "/user/html_url")],
    );
    for end in ["head", "base"] {
        let (ours, theirs) = (&ours[end], &theirs[end]);
        same(
            ours,
            theirs,
            &[("repo", "/repo/full_name"), ("branch", "/ref"), ("sha", "/sha")],
        );
    }
}

fn same_merge(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("sha", "/sha")]);
    assert_eq!(ours["outcome"], "merged");
}

fn same_review(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("raw_verdict", "/state"),
            ("body", "/body"),
            ("commit", "/commit_id"),
            ("web_url", "/html_url"),
            ("submitted_at", "/submitted_at"),
        ],
    );
    same(&ours["author"], theirs, &[("login", "/user/login")]);
}

fn same_comment(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], theirs["id"].to_string());
    let fields = [
        ("body", "/body"),
        ("web_url", "/html_url"),
        ("created_at", "/created_at"),
        ("updated_at", "/updated_at"),
    ];
    same(ours, theirs, &fields);
}

fn same_status(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("context", "/context"),
            ("raw_state", "/state"),
            ("state", "/state"),
            ("description", "/description"),
            ("target_url", "/target_url"),
            ("created_at", "/created_at"),
        ],
    );
}

fn same_statuses(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("sha", "/sha"), ("state", "/state")]);
    for at in 0..2 {
        same_status(&ours["statuses"][at], &theirs["statuses"][at]);
    }
}

fn same_hook(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#{}", theirs["id"]));
    same(
        ours,
        theirs,
        &[
            ("url", "/config/url"),
            ("raw_events", "/events"),
            ("active", "/active"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
}

/// What becomes of one call: the command, the method and the address, the requests that it needs, and where GitHub's own
/// answer to the one that counts stands.
struct Case {
    line: &'static str,
    method: &'static str,
    address: &'static str,
    /// For a write.
    body: Option<Value>,
    requests: usize,
    example: (&'static str, &'static str, &'static str),
    compare: fn(&Value, &Value),
}

impl Case {
    /// It takes more than one request.
    fn asks(self, requests: usize) -> Case {
        Case { requests, ..self }
    }
}

/// Some commit, named whole.
const HASH: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";

const REPO: &str = "/v1/git/repos/octocat/Hello-World";

fn read(line: &'static str, address: &'static str, path: &'static str, compare: fn(&Value, &Value)) -> Case {
    Case {
        line,
        method: "GET",
        address,
        body: None,
        requests: 1,
        example: ("get", path, "200"),
        compare,
    }
}

fn write(
    line: &'static str,
    (method, address): (&'static str, &'static str),
    body: Value,
    example: (&'static str, &'static str, &'static str),
    compare: fn(&Value, &Value),
) -> Case {
    Case {
        line,
        method,
        address,
        body: (method != "DELETE").then_some(body),
        requests: 1,
        example,
        compare,
    }
}

fn cases() -> Vec<Case> {
    [
        repos(),
        refs(),
        contents(),
        pulls(),
        releases_statuses_and_hooks(),
        issues(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn repos() -> Vec<Case> {
    vec![
        read(
            "git repo get octocat/Hello-World",
            REPO,
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
        write(
            "git repo create Hello-World --visibility public",
            ("POST", "/v1/git/repos"),
            json!({"name": "Hello-World", "visibility": "public"}),
            ("post", "/user/repos", "201"),
            same_repo,
        ),
        write(
            "git repo create Hello-World --owner github",
            ("POST", "/v1/git/repos"),
            json!({"name": "Hello-World", "owner": "github"}),
            ("post", "/orgs/{org}/repos", "201"),
            same_repo,
        ),
        write(
            "git repo fork octocat/Hello-World",
            ("POST", "/v1/git/repos/octocat/Hello-World/forks"),
            json!({}),
            ("post", "/repos/{owner}/{repo}/forks", "202"),
            same_fork,
        )
        .asks(2),
        write(
            "git repo delete octocat/Hello-World",
            ("DELETE", REPO),
            Value::Null,
            ("delete", "/repos/{owner}/{repo}", "204"),
            same_nothing,
        ),
    ]
}

fn refs() -> Vec<Case> {
    vec![
        read(
            "git branch list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/branches",
            "/repos/{owner}/{repo}/branches",
            same_branch,
        ),
        write(
            "git branch create octocat/Hello-World featureA --from main",
            ("POST", "/v1/git/repos/octocat/Hello-World/branches"),
            json!({"branch": "featureA", "from": "main"}),
            ("post", "/repos/{owner}/{repo}/git/refs", "201"),
            same_new_branch,
        )
        .asks(2),
        write(
            "git branch delete octocat/Hello-World featureA",
            ("DELETE", "/v1/git/repos/octocat/Hello-World/branches/featureA"),
            Value::Null,
            ("delete", "/repos/{owner}/{repo}/git/refs/{ref}", "204"),
            same_nothing,
        ),
        read(
            "git tag list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/tags",
            "/repos/{owner}/{repo}/tags",
            same_tag,
        ),
        write(
            "git tag create octocat/Hello-World v1 --message M --target 6dcb09b5b57875f334f61aebed695e2e4193db5e",
            ("POST", "/v1/git/repos/octocat/Hello-World/tags"),
            json!({"tag": "v1", "message": "M", "target": HASH}),
            ("post", "/repos/{owner}/{repo}/git/refs", "201"),
            same_new_tag,
        )
        .asks(2),
        read(
            "git commit list octocat/Hello-World --ref main --path README.md --since 2011-01-01T00:00:00Z",
            "/v1/git/repos/octocat/Hello-World/commits?ref=main&path=README.md&since=2011-01-01T00:00:00Z",
            "/repos/{owner}/{repo}/commits",
            same_commit,
        ),
        read(
            "git commit get octocat/Hello-World main",
            "/v1/git/repos/octocat/Hello-World/commits/main",
            "/repos/{owner}/{repo}/commits/{ref}",
            same_commit,
        ),
        read(
            "git compare octocat/Hello-World main topic",
            "/v1/git/repos/octocat/Hello-World/compare?base=main&head=topic",
            "/repos/{owner}/{repo}/compare/{basehead}",
            same_comparison,
        ),
    ]
}

fn contents() -> Vec<Case> {
    const CONTENTS: &str = "/repos/{owner}/{repo}/contents/{path}";
    vec![
        read(
            "git tree list octocat/Hello-World --ref main",
            "/v1/git/repos/octocat/Hello-World/tree?ref=main",
            "/repos/{owner}/{repo}/git/trees/{tree_sha}",
            same_tree,
        ),
        read(
            "git file get octocat/Hello-World README.md",
            "/v1/git/repos/octocat/Hello-World/files/README.md",
            CONTENTS,
            same_file,
        ),
        write(
            "git file put octocat/Hello-World README.md --content hello --branch main",
            ("PUT", "/v1/git/repos/octocat/Hello-World/files/README.md"),
            json!({"content": "hello", "branch": "main"}),
            ("put", CONTENTS, "200"),
            same_written,
        )
        .asks(2),
        write(
            "git file delete octocat/Hello-World README.md",
            ("DELETE", "/v1/git/repos/octocat/Hello-World/files/README.md"),
            Value::Null,
            ("delete", CONTENTS, "200"),
            same_removal,
        )
        .asks(2),
    ]
}

fn pulls() -> Vec<Case> {
    const PULL: &str = "/repos/{owner}/{repo}/pulls/{pull_number}";
    vec![
        read(
            "git pr list octocat/Hello-World --head topic --state all",
            "/v1/git/repos/octocat/Hello-World/prs?head=topic&state=all",
            "/repos/{owner}/{repo}/pulls",
            same_pull,
        ),
        read(
            "git pr get octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347",
            PULL,
            same_pull,
        ),
        write(
            "git pr create octocat/Hello-World T topic --base main --head-repo alice/Hello-World --body B --draft true",
            ("POST", "/v1/git/repos/octocat/Hello-World/prs"),
            json!({"title": "T", "head": "topic", "base": "main", "head_repo": "alice/Hello-World", "body": "B",
                "draft": true}),
            ("post", "/repos/{owner}/{repo}/pulls", "201"),
            same_pull,
        ),
        write(
            "git pr update octocat/Hello-World#1347 --title T --state closed",
            ("PATCH", "/v1/git/prs/octocat%2FHello-World%231347"),
            json!({"title": "T", "state": "closed"}),
            ("patch", PULL, "200"),
            same_pull,
        ),
        write(
            "git pr merge octocat/Hello-World#1347 --method squash --title T",
            ("POST", "/v1/git/prs/octocat%2FHello-World%231347/merge"),
            json!({"method": "squash", "title": "T"}),
            ("put", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "200"),
            same_merge,
        ),
        read(
            "git pr files octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347/files",
            "/repos/{owner}/{repo}/pulls/{pull_number}/files",
            same_change,
        ),
        write(
            "git pr review octocat/Hello-World#1347 comment --body B",
            ("POST", "/v1/git/prs/octocat%2FHello-World%231347/reviews"),
            json!({"event": "comment", "body": "B"}),
            ("post", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "200"),
            same_review,
        ),
        read(
            "git pr reviews octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347/reviews",
            "/repos/{owner}/{repo}/pulls/{pull_number}/reviews",
            same_review,
        ),
        write(
            "git pr comment octocat/Hello-World#1347 B",
            ("POST", "/v1/git/prs/octocat%2FHello-World%231347/comments"),
            json!({"body": "B"}),
            ("post", "/repos/{owner}/{repo}/issues/{issue_number}/comments", "201"),
            same_comment,
        ),
        read(
            "git pr comments octocat/Hello-World#1347",
            "/v1/git/prs/octocat%2FHello-World%231347/comments",
            "/repos/{owner}/{repo}/issues/{issue_number}/comments",
            same_comment,
        ),
    ]
}

fn releases_statuses_and_hooks() -> Vec<Case> {
    const STATUSES: &str = "/v1/git/repos/octocat/Hello-World/statuses/6dcb09b5b57875f334f61aebed695e2e4193db5e";
    vec![
        read(
            "git release list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/releases",
            "/repos/{owner}/{repo}/releases",
            same_release,
        ),
        write(
            "git release create octocat/Hello-World v1.0.0 --body B",
            ("POST", "/v1/git/repos/octocat/Hello-World/releases"),
            json!({"tag": "v1.0.0", "body": "B"}),
            ("post", "/repos/{owner}/{repo}/releases", "201"),
            same_release,
        )
        .asks(2),
        write(
            "git status set octocat/Hello-World 6dcb09b5b57875f334f61aebed695e2e4193db5e success ci/build",
            ("POST", STATUSES),
            json!({"state": "success", "context": "ci/build"}),
            ("post", "/repos/{owner}/{repo}/statuses/{sha}", "201"),
            same_status,
        ),
        read(
            "git status get octocat/Hello-World 6dcb09b5b57875f334f61aebed695e2e4193db5e",
            STATUSES,
            "/repos/{owner}/{repo}/commits/{ref}/status",
            same_statuses,
        ),
        read(
            "git hook list octocat/Hello-World",
            "/v1/git/repos/octocat/Hello-World/hooks",
            "/repos/{owner}/{repo}/hooks",
            same_hook,
        ),
        write(
            "git hook create octocat/Hello-World https://example.com/webhook --events push",
            ("POST", "/v1/git/repos/octocat/Hello-World/hooks"),
            json!({"url": "https://example.com/webhook", "events": ["push"]}),
            ("post", "/repos/{owner}/{repo}/hooks", "201"),
            same_hook,
        ),
        write(
            "git hook delete octocat/Hello-World#12345678",
            ("DELETE", "/v1/git/hooks/octocat%2FHello-World%2312345678"),
            Value::Null,
            ("delete", "/repos/{owner}/{repo}/hooks/{hook_id}", "204"),
            same_nothing,
        ),
    ]
}

fn issues() -> Vec<Case> {
    vec![
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
        write(
            "projects issue create octocat/Hello-World --title T --body B --labels bug",
            ("POST", "/v1/projects/issues"),
            json!({"project": "octocat/Hello-World", "title": "T", "body": "B", "labels": ["bug"]}),
            ("post", "/repos/{owner}/{repo}/issues", "201"),
            same_issue,
        ),
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

/// GitHub's description has no form of an answer for a file's bytes, so that Prism cannot send any.
const NOT_DESCRIBED: &[&str] = &["git.file.download"];

/// The table has a row for each operation that the kind can do.
fn every_operation_is_called() {
    let github = KINDS.iter().find(|kind| kind.name == "github").expect("the kind");
    for name in (github.operations)() {
        let line = format!("{} ", name.replace('.', " "));
        let is_called = cases().iter().any(|case| case.line.starts_with(&line));
        assert_ne!(is_called, NOT_DESCRIBED.contains(&name), "{name}");
    }
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
         [cache.l1]\nenabled = false\n[providers.prism]\nkind = \"github\"\nbase_url = \"{origin}\"\ntoken = \"env:TOKEN\"\nhealth_check = false\n"
    );
    let gateway = Gateway::serve(&config, vec![("TOKEN".to_owned(), "a-token-of-the-test".to_owned())]).await;

    for case in cases() {
        let (method, path, status) = case.example;
        let theirs = example(&description, method, path, status);
        let by_rest = gateway.send(case.method, case.address, case.body.as_ref()).await;
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

    let needed: usize = cases().iter().map(|case| case.requests).sum();
    assert_eq!(seen.len(), needed * 2 + 2, "no request too many: {seen:#?}");
    every_operation_is_called();
    for Recorded { line, violations } in &seen {
        // Examples that break GitHub's own schema are GitHub's affair.
        let ours: Vec<&Value> = violations
            .iter()
            .filter(|violation| violation["location"][0] != "response")
            .collect();
        assert!(ours.is_empty(), "{line}: {ours:#?}");
    }
    // A request that is wrong is seen as wrong; else the check above could not fail. Prism looks at addresses and queries
    // alone; the body of a write is held against the description by the drivers' own tests.
    Client::new()
        .get(&format!("{origin}/repos/octocat/Hello-World/issues?state=sleepy"))
        .await;
    let wrong = recorder.seen().pop().expect("requests");
    let wrong = wrong
        .violations
        .first()
        .unwrap_or_else(|| panic!("Prism found nothing wrong: {wrong:?}"));
    assert_eq!(wrong["location"], json!(["request", "query", "state"]));

    gateway.program.signal("TERM");
    gateway.program.ended().ok();
}
