//! Gitea's driver through its stand-in: every operation of git that it has, and each way to be refused.
//!
//! Invariant: no operation that the driver declares is left out.

use std::cell::RefCell;
use std::collections::BTreeSet;

use mosaic::providers::http::credential::Given;
use mosaic::providers::{Connection, KINDS};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig, ServerHandle};
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::through::ask_with;
use crate::upstream::{ask, connection};

/// A Gitea, the driver's way to it, and what it was asked.
pub struct Gitea {
    connection: Connection,
    asked: RefCell<BTreeSet<String>>,
    sandbox: Sandbox,
}

impl Gitea {
    pub async fn start() -> Self {
        let server = ServerConfig::new("one", "gitea", "sandbox-one");
        let config = SandboxConfig { servers: vec![server] };
        let sandbox = Sandbox::start(config).await.expect("a free port");
        let mut connection = connection(sandbox.servers()[0].base_url());
        connection.credential = Some(SecretString::from("sandbox-one").into());
        Self {
            connection,
            asked: RefCell::default(),
            sandbox,
        }
    }

    pub fn server(&self) -> &ServerHandle {
        &self.sandbox.servers()[0]
    }

    /// The way to it with another credential.
    pub fn with_credential(&self, given: Given) -> Connection {
        Connection {
            credential: Some(given),
            ..self.connection.clone()
        }
    }

    async fn ask(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        self.asked.borrow_mut().insert(operation.to_owned());
        ask("gitea", &self.connection, operation, input).await
    }

    pub async fn does(&self, operation: &str, input: Value) -> Value {
        let outcome = self.ask(operation, input.clone()).await;
        outcome.unwrap_or_else(|failure| panic!("{operation} {input}: {failure:?}"))
    }

    /// What it is refused with, and the field that is to blame.
    pub async fn refuses(&self, operation: &str, input: Value) -> (Kind, Option<String>) {
        let outcome = self.ask(operation, input.clone()).await;
        let failure = outcome.expect_err(&format!("{operation} {input}"));
        (failure.kind, failure.field.as_deref().map(str::to_owned))
    }

    /// A repository of the user's own with a README on `main`, and a branch `work` with one file more.
    pub async fn with_work() -> Self {
        let gitea = Self::start().await;
        let repo = json!({"name": "tool", "description": "A tool", "init": true, "visibility": "private"});
        gitea.does("git.repo.create", repo).await;
        gitea
            .does(
                "git.branch.create",
                json!({"repo": REPO, "branch": "work", "from": "main"}),
            )
            .await;
        gitea.put("work", "src/new #1.txt", "one\n").await;
        gitea
    }

    pub async fn put(&self, branch: &str, path: &str, content: &str) -> Value {
        let input = json!({"repo": REPO, "path": path, "content": content, "branch": branch, "message": "Write"});
        self.does("git.file.put", input).await
    }

    /// Opens a pull request from `work`; answers how it is named.
    pub async fn opened(&self, title: &str) -> String {
        let input = json!({"repo": REPO, "title": title, "head": "work", "base": "main", "body": "Why."});
        let pull = self.does("git.pr.create", input).await;
        format!("{REPO}#{}", pull["number"])
    }
}

pub const REPO: &str = "sandbox-user/tool";

fn names(page: &Value, field: &str) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|item| item[field].as_str().expect(field).to_owned())
        .collect()
}

#[tokio::test]
async fn every_operation_is_done() {
    let gitea = Gitea::with_work().await;
    repositories(&gitea).await;
    history(&gitea).await;
    files(&gitea).await;
    pulls(&gitea).await;
    around_commits(&gitea).await;
    gitea.does("git.repo.delete", json!({"repo": REPO})).await;
    assert_eq!(
        gitea.refuses("git.repo.get", json!({"repo": REPO})).await.0,
        Kind::NotFound
    );
    let kind = KINDS.iter().find(|kind| kind.name == "gitea").expect("a kind");
    let declared = (kind.operations)().into_iter();
    // Those of Actions and of issues have tests of their own.
    let declared: BTreeSet<String> = declared
        .filter(|name| name.starts_with("git."))
        .map(str::to_owned)
        .collect();
    assert_eq!(declared, *gitea.asked.borrow());
}

async fn repositories(gitea: &Gitea) {
    let repo = gitea.does("git.repo.get", json!({"repo": REPO})).await;
    assert_eq!(
        (&repo["visibility"], &repo["empty"]),
        (&json!("private"), &json!(false))
    );
    let own = gitea.does("git.repo.list", json!({"owner": "sandbox-user"})).await;
    assert_eq!(names(&own, "path"), [REPO]);
    let fork = gitea
        .does("git.repo.fork", json!({"repo": "acme/api", "name": "api-of-mine"}))
        .await;
    assert_eq!(
        (&fork["repo"]["parent"], &fork["ready"]),
        (&json!("acme/api"), &json!(true))
    );
    let branches = gitea.does("git.branch.list", json!({"repo": REPO})).await;
    assert_eq!(names(&branches, "name"), ["main", "work"]);
    gitea
        .does(
            "git.branch.create",
            json!({"repo": REPO, "branch": "feature/ü", "from": "work"}),
        )
        .await;
    gitea
        .does("git.branch.delete", json!({"repo": REPO, "branch": "feature/ü"}))
        .await;
    let tag = gitea
        .does(
            "git.tag.create",
            json!({"repo": REPO, "tag": "v1.0", "target": "main", "message": "First"}),
        )
        .await;
    let tags = gitea.does("git.tag.list", json!({"repo": REPO})).await;
    assert_eq!(
        (&tags["items"][0]["name"], &tags["items"][0]["sha"]),
        (&json!("v1.0"), &tag["sha"])
    );
}

async fn history(gitea: &Gitea) {
    let commits = gitea
        .does("git.commit.list", json!({"repo": REPO, "ref": "work"}))
        .await;
    let messages = names(&commits, "message");
    assert_eq!((messages.len(), messages[0].trim()), (2, "Write"));
    let of_path = gitea
        .does(
            "git.commit.list",
            json!({"repo": REPO, "ref": "work", "path": "README.md"}),
        )
        .await;
    assert_eq!(names(&of_path, "message").len(), 1);
    let commit = gitea
        .does("git.commit.get", json!({"repo": REPO, "commit": "work"}))
        .await;
    assert_eq!(
        (&commit["sha"], &commit["additions"]),
        (&commits["items"][0]["sha"], &json!(1))
    );
    assert_eq!(commit["files"][0]["path"], "src/new #1.txt");
    let between = gitea
        .does("git.compare", json!({"repo": REPO, "base": "main", "head": "work"}))
        .await;
    assert_eq!(
        (&between["ahead_by"], &between["commits"][0]["sha"]),
        (&json!(1), &commit["sha"])
    );
    let tree = gitea
        .does("git.tree.list", json!({"repo": REPO, "ref": "work", "recursive": true}))
        .await;
    assert_eq!(names(&tree, "path"), ["README.md", "src", "src/new #1.txt"]);
}

async fn files(gitea: &Gitea) {
    let file = json!({"repo": REPO, "path": "src/new #1.txt", "ref": "work"});
    let got = gitea.does("git.file.get", file.clone()).await;
    assert_eq!((&got["content"], &got["size"]), (&json!("one\n"), &json!(4)));
    let raw = gitea.does("git.file.download", file).await;
    assert_eq!(raw["text"], "one\n");
    let change = |content: &str, version: &Value| json!({"repo": REPO, "path": "src/new #1.txt", "branch": "work", "content": content, "if_match": version});
    let up = json!({"repo": REPO, "branch": "up", "from": "main"});
    gitea.does("git.branch.create", up).await;
    let input = json!({"repo": REPO, "path": "up/large.txt", "branch": "up"});
    gitea.asked.borrow_mut().insert("git.file.upload".to_owned());
    let made = ask_with("gitea", &gitea.connection, "git.file.upload", input, "Grüße\n").await;
    assert_eq!(
        (&made["created"], &made["path"]),
        (&json!(true), &json!("up/large.txt"))
    );
    let up = json!({"repo": REPO, "path": "up/large.txt", "ref": "up"});
    let up = gitea.does("git.file.get", up).await;
    assert_eq!((&up["content"], &up["sha"]), (&json!("Grüße\n"), &made["sha"]));
    gitea
        .does("git.branch.delete", json!({"repo": REPO, "branch": "up"}))
        .await;
    let changed = gitea.does("git.file.put", change("two\n", &got["sha"])).await;
    assert_eq!(
        (&changed["created"], changed["sha"] == got["sha"]),
        (&json!(false), false)
    );
    let stale = gitea.refuses("git.file.put", change("three\n", &got["sha"])).await;
    assert_eq!(stale, (Kind::PreconditionFailed, Some("if_match".to_owned())));
    gitea.put("work", "gone.txt", "x").await;
    gitea
        .does(
            "git.file.delete",
            json!({"repo": REPO, "path": "gone.txt", "branch": "work"}),
        )
        .await;
}

async fn pulls(gitea: &Gitea) {
    let pr = gitea.opened("Add it").await;
    let of = |more: Value| {
        let mut input = json!({"pr": pr});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let listed = gitea.does("git.pr.list", json!({"repo": REPO})).await;
    assert_eq!(names(&listed, "title"), ["Add it"]);
    let draft = gitea
        .does("git.pr.update", of(json!({"draft": true, "title": "Add more"})))
        .await;
    assert_eq!(draft["draft"], true);
    let ready = gitea.does("git.pr.update", of(json!({"draft": false}))).await;
    assert_eq!((&ready["draft"], &ready["title"]), (&json!(false), &json!("Add more")));
    let files = gitea.does("git.pr.files", of(json!({}))).await;
    assert_eq!(names(&files, "path"), ["src/new #1.txt"]);
    gitea
        .does("git.pr.review", of(json!({"event": "comment", "body": "Well"})))
        .await;
    let reviews = gitea.does("git.pr.reviews", of(json!({}))).await;
    assert_eq!(names(&reviews, "verdict"), ["commented"]);
    gitea.does("git.pr.comment", of(json!({"body": "Thanks"}))).await;
    let comments = gitea.does("git.pr.comments", of(json!({}))).await;
    assert_eq!(names(&comments, "body"), ["Thanks"]);
    let read = gitea.does("git.pr.get", of(json!({}))).await;
    let read_again = gitea.does("git.pr.get", of(json!({}))).await;
    assert_eq!(
        (&read_again["mergeable"], &read["head"]["branch"]),
        (&json!("yes"), &json!("work"))
    );
    let merge = of(json!({"method": "squash", "if_match": read["head"]["sha"], "delete_branch": true}));
    let merged = gitea.does("git.pr.merge", merge).await;
    assert_eq!(merged["outcome"], "merged");
    let after = gitea.does("git.pr.get", of(json!({}))).await;
    assert_eq!(
        (&after["state"], &after["merge_sha"]),
        (&json!("merged"), &merged["sha"])
    );
    let branches = gitea.does("git.branch.list", json!({"repo": REPO})).await;
    assert_eq!(names(&branches, "name"), ["main"], "the head's branch is gone");
}

async fn around_commits(gitea: &Gitea) {
    let head = gitea
        .does("git.commit.get", json!({"repo": REPO, "commit": "main"}))
        .await["sha"]
        .clone();
    let none = gitea
        .does("git.status.get", json!({"repo": REPO, "commit": "main"}))
        .await;
    assert_eq!(none["statuses"], json!([]));
    for (context, state) in [("ci", "pending"), ("lint", "success"), ("ci", "failure")] {
        let input = json!({"repo": REPO, "commit": head, "state": state, "context": context});
        gitea.does("git.status.set", input).await;
    }
    let status = gitea
        .does("git.status.get", json!({"repo": REPO, "commit": "main"}))
        .await;
    assert_eq!(status["state"], "failure");
    assert_eq!(status["statuses"].as_array().map(Vec::len), Some(2));
    let release = json!({"repo": REPO, "tag": "v2", "name": "Two", "body": "text", "prerelease": true});
    gitea.does("git.release.create", release).await;
    // The tag without a release becomes one.
    gitea
        .does("git.release.create", json!({"repo": REPO, "tag": "v1.0"}))
        .await;
    let releases = gitea.does("git.release.list", json!({"repo": REPO})).await;
    assert_eq!(names(&releases, "tag"), ["v1.0", "v2"]);
    let hook = json!({"repo": REPO, "url": "https://h.invalid/", "events": ["push", "pull"], "secret": "s3cr3t"});
    let hook = gitea.does("git.hook.create", hook).await;
    assert_eq!(
        (&hook["active"], &hook["events"]),
        (&json!(true), &json!(["push", "pull"]))
    );
    let hooks = gitea.does("git.hook.list", json!({"repo": REPO})).await;
    assert_eq!(hooks["items"][0]["id"], hook["id"]);
    gitea.does("git.hook.delete", json!({"hook": hook["id"]})).await;
}
