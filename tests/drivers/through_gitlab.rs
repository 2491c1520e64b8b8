//! The driver of GitLab against the sandbox: all that it can be asked, and what comes of it.
//!
//! Invariant: no operation that the driver has is left out.

use std::collections::BTreeSet;
use std::sync::Mutex;

use mosaic::providers::{Connection, KINDS};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::through::ask_with;
use crate::upstream::{ask, connection, cursors};

/// A GitLab, and what it was asked.
pub(crate) struct Through {
    sandbox: Sandbox,
    asked: Mutex<BTreeSet<String>>,
}

impl Through {
    pub(crate) async fn start() -> Self {
        let server = ServerConfig::new("one", "gitlab", "sandbox-one");
        let config = SandboxConfig { servers: vec![server] };
        Self {
            sandbox: Sandbox::start(config).await.expect("a free port"),
            asked: Mutex::default(),
        }
    }

    pub(crate) fn connection(&self) -> Connection {
        let mut connection = connection(self.sandbox.servers()[0].base_url());
        connection.credential = Some(SecretString::from("sandbox-one").into());
        connection
    }

    /// How many items were made.
    pub(crate) fn created(&self) -> usize {
        self.sandbox.servers()[0].created()
    }

    pub(crate) async fn tried(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        let name = operation.to_owned();
        self.asked.lock().expect("no panic while held").insert(name);
        ask("gitlab", &self.connection(), operation, input).await
    }

    pub(crate) async fn ask(&self, operation: &str, input: Value) -> Value {
        let outcome = self.tried(operation, input.clone()).await;
        outcome.unwrap_or_else(|failure| panic!("{operation} {input}: {failure:?}"))
    }

    /// How it is refused: the kind, and the field that it is about.
    pub(crate) async fn refused(&self, operation: &str, input: Value) -> (Kind, Option<String>) {
        let outcome = self.tried(operation, input.clone()).await;
        let failure = outcome.expect_err(&format!("{operation} {input}"));
        (failure.kind, failure.field.as_deref().map(str::to_owned))
    }

    /// All items of a list, whose pages are of this size.
    async fn walk(&self, operation: &str, mut input: Value, limit: usize) -> (Vec<Value>, usize) {
        let (mut items, mut pages) = (Vec::new(), 0);
        input["limit"] = limit.into();
        loop {
            let page = self.ask(operation, input.clone()).await;
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(next) => input["cursor"] = next.into(),
                None => return (items, pages),
            }
        }
    }
}

#[tokio::test]
async fn all_that_the_driver_can_be_asked_is_done() {
    let gitlab = Through::start().await;
    repositories(&gitlab).await;
    refs(&gitlab).await;
    files(&gitlab).await;
    pulls(&gitlab).await;
    beside(&gitlab).await;
    let kind = KINDS.iter().find(|kind| kind.name == "gitlab").expect("a kind");
    let asked = gitlab.asked.lock().expect("no panic while held").clone();
    let left: Vec<_> = (kind.operations)()
        .into_iter()
        // Issues have tests of their own.
        .filter(|name| !name.starts_with("projects.") && !asked.contains(*name))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

async fn repositories(gitlab: &Through) {
    let tools = gitlab.ask("git.repo.get", json!({"repo": "acme/platform/tools"})).await;
    assert_eq!(
        (&tools["owner"], &tools["name"]),
        (&json!("acme/platform"), &json!("tools"))
    );
    let (own, pages) = gitlab.walk("git.repo.list", json!({"owner": "many"}), 50).await;
    assert_eq!((own.len(), pages), (120, 3));
    let (deep, _) = gitlab
        .walk("git.repo.list", json!({"owner": "acme/platform"}), 50)
        .await;
    assert_eq!(deep.len(), 1);
    let (users, _) = gitlab
        .walk("git.repo.list", json!({"owner": "sandbox-guest"}), 50)
        .await;
    assert_eq!(users.len(), 2, "a user has projects, too");
    let (all, _) = gitlab.walk("git.repo.list", json!({}), 100).await;
    assert_eq!(all.len(), 127, "the guest's are not among them");
    let new = json!({"name": "new", "owner": "acme/platform", "init": true, "visibility": "public"});
    let made = gitlab.ask("git.repo.create", new).await;
    assert_eq!(
        (&made["path"], &made["visibility"]),
        (&json!("acme/platform/new"), &json!("public"))
    );
    let own = gitlab.ask("git.repo.create", json!({"name": "own"})).await;
    assert_eq!((&own["visibility"], &own["empty"]), (&json!("private"), &json!(true)));
    let fork = gitlab
        .ask("git.repo.fork", json!({"repo": "acme/api", "owner": "acme/platform"}))
        .await;
    assert_eq!(
        (&fork["repo"]["path"], &fork["ready"]),
        (&json!("acme/platform/api"), &json!(false))
    );
    let gone = gitlab
        .ask("git.repo.delete", json!({"repo": "acme/platform/new"}))
        .await;
    assert_eq!(gone["outcome"], "scheduled");
}

async fn refs(gitlab: &Through) {
    let repo = json!({"repo": "acme/api"});
    let (branches, _) = gitlab.walk("git.branch.list", repo.clone(), 2).await;
    assert_eq!(branches.len(), 3);
    let (crowd, pages) = gitlab
        .walk("git.branch.list", json!({"repo": "quirks/crowded"}), 100)
        .await;
    assert_eq!((crowd.len(), pages), (10_001, 101));
    let made = gitlab
        .ask(
            "git.branch.create",
            json!({"repo": "acme/api", "branch": "feature/a#b&c+d", "from": "main"}),
        )
        .await;
    assert_eq!(made["name"], "feature/a#b&c+d");
    let gone = gitlab
        .ask(
            "git.branch.delete",
            json!({"repo": "acme/api", "branch": "feature/a#b&c+d"}),
        )
        .await;
    assert_eq!(gone["outcome"], "deleted");
    let (commits, pages) = gitlab.walk("git.commit.list", repo.clone(), 1).await;
    assert_eq!((commits.len(), pages), (2, 2));
    let commit = gitlab
        .ask("git.commit.get", json!({"repo": "acme/api", "commit": "release/1.4"}))
        .await;
    assert!(
        commit["files"].as_array().is_some_and(|files| files.len() > 3),
        "{commit}"
    );
    let compared = gitlab
        .ask(
            "git.compare",
            json!({"repo": "acme/api", "base": "main", "head": "develop"}),
        )
        .await;
    assert_eq!(compared["commits"].as_array().expect("commits").len(), 1);
    let (tree, pages) = gitlab
        .walk("git.tree.list", json!({"repo": "acme/api", "recursive": true}), 5)
        .await;
    assert!(tree.len() > 8 && pages == tree.len().div_ceil(5), "{}", tree.len());
    let tag = gitlab
        .ask(
            "git.tag.create",
            json!({"repo": "acme/api", "tag": "v1", "message": "First"}),
        )
        .await;
    assert_eq!(tag["name"], "v1");
    assert_eq!(gitlab.walk("git.tag.list", repo.clone(), 10).await.0.len(), 1);
    let release = gitlab
        .ask(
            "git.release.create",
            json!({"repo": "acme/api", "tag": "v2", "target": "develop", "body": "b"}),
        )
        .await;
    assert_eq!(release["tag"], "v2");
    assert_eq!(gitlab.walk("git.release.list", repo, 10).await.0.len(), 1);
    // What is empty has none of them.
    for operation in ["git.branch.list", "git.commit.list", "git.tree.list", "git.tag.list"] {
        let page = gitlab.ask(operation, json!({"repo": "quirks/empty"})).await;
        assert_eq!(page["items"], json!([]), "{operation}");
    }
}

async fn files(gitlab: &Through) {
    let at = |path: &str| json!({"repo": "acme/api", "path": path, "ref": "develop"});
    let readme = gitlab.ask("git.file.get", at("docs/a file with spaces.md")).await;
    assert_eq!(readme["content"], "Paths may hold spaces and ünïcödé.\n");
    let logo = gitlab.ask("git.file.get", at("assets/logo.bin")).await;
    assert_eq!((&logo["encoding"], &logo["size"]), (&json!("base64"), &json!(1_000)));
    let large = gitlab.ask("git.file.download", at("data/large.txt")).await;
    assert!(large["text"].as_str().is_some_and(|text| text.len() > 1_000_000));
    gitlab
        .asked
        .lock()
        .expect("no panic while held")
        .insert("git.file.upload".to_owned());
    for (text, created) in [("Grüße\n", true), ("anew\n", false)] {
        let up = json!({"repo": "acme/api", "path": "up/large.txt", "branch": "develop"});
        let made = ask_with("gitlab", &gitlab.connection(), "git.file.upload", up, text).await;
        assert_eq!(made["created"], created, "{made}");
        assert_eq!(gitlab.ask("git.file.get", at("up/large.txt")).await["content"], text);
    }
    let put = |content: &str, seen: Value| {
        json!({"repo": "acme/api", "path": "a.b/c.txt", "content": content, "encoding": "utf-8", "branch": "develop",
            "if_match": seen})
    };
    let made = gitlab.ask("git.file.put", put("one", Value::Null)).await;
    assert_eq!(made["created"], true);
    let next = gitlab.ask("git.file.put", put("/close", made["sha"].clone())).await;
    assert_eq!(next["created"], false);
    let read = gitlab.ask("git.file.get", at("a.b/c.txt")).await;
    assert_eq!((&read["content"], &read["sha"]), (&json!("/close"), &next["sha"]));
    let removal = json!({"repo": "acme/api", "path": "a.b/c.txt", "branch": "develop", "if_match": next["sha"]});
    assert_eq!(gitlab.ask("git.file.delete", removal).await["outcome"], "deleted");
    // The first file of all; nothing begins before, and a server that does not tell its branch is told one.
    for (operation, input) in [
        ("git.branch.create", json!({"repo": "quirks/empty", "branch": "x"})),
        ("git.tag.create", json!({"repo": "quirks/empty", "tag": "x"})),
        ("git.release.create", json!({"repo": "quirks/empty", "tag": "x"})),
        (
            "git.branch.create",
            json!({"repo": "quirks/empty", "branch": "x", "from": "main"}),
        ),
    ] {
        let failure = gitlab.tried(operation, input).await.expect_err(operation);
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::Conflict, None),
            "{operation}"
        );
        assert_eq!(
            failure.message(),
            "the repository is empty: write its first file",
            "{operation}"
        );
    }
    let none = json!({"repo": "quirks/empty", "path": "a"});
    let failure = gitlab.tried("git.file.delete", none).await.expect_err("empty");
    assert_eq!((failure.kind, failure.field.as_deref()), (Kind::NotFound, Some("path")));
    let unnamed = json!({"repo": "quirks/empty", "path": "a", "content": ""});
    let failure = gitlab.tried("git.file.put", unnamed).await.expect_err("which branch?");
    assert_eq!(
        (failure.kind, failure.field.as_deref()),
        (Kind::Conflict, Some("branch"))
    );
    let first = json!({"repo": "quirks/empty", "path": "a", "content": "", "encoding": "utf-8", "branch": "main"});
    assert_eq!(gitlab.ask("git.file.put", first).await["created"], true);
}

/// A new branch of a repository with one more file.
pub(crate) async fn branch(gitlab: &Through, repo: &str, branch: &str, path: &str, text: &str) {
    gitlab
        .ask(
            "git.branch.create",
            json!({"repo": repo, "branch": branch, "from": "main"}),
        )
        .await;
    let file = json!({"repo": repo, "path": path, "content": text, "encoding": "utf-8", "branch": branch});
    gitlab.ask("git.file.put", file).await;
}

async fn pulls(gitlab: &Through) {
    branch(gitlab, "acme/api", "work", "work.txt", "x").await;
    let new = json!({"repo": "acme/api", "title": "Work", "head": "work", "body": "Text\n/close", "draft": true});
    let made = gitlab.ask("git.pr.create", new).await;
    let pr = made["id"]
        .as_str()
        .and_then(|id| id.split_once(':'))
        .map_or(made["id"].clone(), |(_, id)| id.into());
    assert_eq!(
        (&made["state"], &made["draft"], &made["base"]["branch"]),
        (&json!("open"), &json!(true), &json!("main"))
    );
    assert!(
        made["body"].as_str().is_some_and(|body| body.contains("/close")),
        "a text is no command"
    );
    let said = gitlab.ask("git.pr.comment", json!({"pr": pr, "body": "/merge"})).await;
    assert!(said["body"].as_str().is_some_and(|body| body.ends_with("/merge")));
    let ready = gitlab
        .ask("git.pr.update", json!({"pr": pr, "draft": false, "title": "Done"}))
        .await;
    assert_eq!((&ready["title"], &ready["draft"]), (&json!("Done"), &json!(false)));
    // GL5: the first reading sets it looking, and is waited for.
    let then = gitlab.ask("git.pr.get", json!({"pr": pr})).await;
    assert_eq!((&then["mergeable"], &then["changed_files"]), (&json!("yes"), &json!(1)));
    let (files, _) = gitlab.walk("git.pr.files", json!({"pr": pr}), 10).await;
    assert_eq!((files.len(), &files[0]["path"]), (1, &json!("work.txt")));
    let merge =
        json!({"pr": pr, "method": "squash", "title": "All", "if_match": then["head"]["sha"], "delete_branch": true});
    let merged = gitlab.ask("git.pr.merge", merge).await;
    assert_eq!(merged["outcome"], "merged");
    let after = gitlab.ask("git.pr.get", json!({"pr": pr})).await;
    assert_eq!(
        (&after["state"], &after["merge_sha"]),
        (&json!("merged"), &merged["sha"])
    );
    // The guest's, from a fork.
    let guests = json!({"pr": "acme/api#3"});
    let review = json!({"pr": "acme/api#3", "event": "approve", "body": "Good"});
    assert_eq!(gitlab.ask("git.pr.review", review.clone()).await["verdict"], "approved");
    assert_eq!(
        gitlab.ask("git.pr.review", review).await["verdict"],
        "approved",
        "once more is as good"
    );
    let (reviews, _) = gitlab.walk("git.pr.reviews", guests.clone(), 10).await;
    assert_eq!(reviews.len(), 1);
    let (comments, _) = gitlab.walk("git.pr.comments", guests, 10).await;
    assert_eq!(comments.len(), 2, "what GitLab says itself is no comment");
    let (all, _) = gitlab
        .walk("git.pr.list", json!({"repo": "acme/api", "state": "all"}), 2)
        .await;
    assert_eq!(all.len(), 3);
    let (open, _) = gitlab.walk("git.pr.list", json!({"repo": "acme/api"}), 2).await;
    assert_eq!((open.len(), &open[0]["number"]), (1, &json!(3)));
}

async fn beside(gitlab: &Through) {
    for state in ["pending", "pending", "running", "success"] {
        let status = json!({"repo": "acme/api", "commit": "develop", "state": state, "context": "ci"});
        assert_eq!(
            gitlab.ask("git.status.set", status).await["state"],
            state,
            "said again, it is said"
        );
    }
    let combined = gitlab
        .ask("git.status.get", json!({"repo": "acme/api", "commit": "develop"}))
        .await;
    assert_eq!(
        (&combined["state"], combined["statuses"].as_array().map(Vec::len)),
        (&json!("success"), Some(1))
    );
    let hook = json!({"repo": "acme/api", "url": "https://example.com/hook", "events": ["push"], "secret": "s"});
    let hook = gitlab.ask("git.hook.create", hook).await;
    let (hooks, _) = gitlab.walk("git.hook.list", json!({"repo": "acme/api"}), 10).await;
    assert_eq!((hooks.len(), &hooks[0]["id"]), (1, &hook["id"]));
    let native = hook["id"].as_str().expect("an id");
    let native = native.split_once(':').map_or(native, |(_, native)| native);
    let gone = gitlab.ask("git.hook.delete", json!({"hook": native})).await;
    assert_eq!(gone["outcome"], "deleted");
}

#[tokio::test]
async fn a_cursor_of_each_kind_of_page_is_sealed() {
    let gitlab = Through::start().await;
    for (operation, input) in [
        ("git.branch.list", json!({"repo": "quirks/crowded", "limit": 1})),
        ("git.tree.list", json!({"repo": "acme/api", "limit": 1})),
        ("git.commit.list", json!({"repo": "acme/api", "limit": 1})),
    ] {
        let page = gitlab.ask(operation, input.clone()).await;
        let sealed = page["next_cursor"].as_str().expect(operation);
        let query = crate::upstream::query(operation, &input);
        assert!(cursors().open(&query, sealed).is_ok(), "{operation}");
    }
}
