//! One change at one forge: from a new repository to a release.
//!
//! Invariant: the same calls in the same order at every forge.

use serde_json::{Value, json};

use crate::story::Story;

/// A branch with a slash, and a file whose name has what addresses are made of.
const BRANCH: &str = "feature/one";
const BRANCH_SENT: &str = "feature%2Fone";
const FILE: &str = "docs/a file #1 100%+ü?.md";
const FILE_SENT: &str = "docs%2Fa%20file%20%231%20100%25%2B%C3%BC%3F.md";

/// The addresses of one repository.
struct Places {
    repo: String,
}

impl Places {
    fn of(&self, rest: &str) -> String {
        format!("/v1/git/repos/{}{rest}", self.repo.replace('/', "%2F"))
    }

    fn file(&self, query: &str) -> String {
        self.of(&format!("/files/{FILE_SENT}{query}"))
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}")).to_owned()
}

/// Tells it all.
pub async fn travel(story: &mut Story<'_>) {
    let places = create(story).await;
    let head = write(story, &places).await;
    let pull = propose(story, &places, &head).await;
    discuss(story, &pull).await;
    judge(story, &places, &head).await;
    let merged = merge(story, &pull, &head).await;
    publish(story, &places, &merged).await;
    watch(story, &places).await;
    clear(story, &places).await;
}

async fn create(story: &mut Story<'_>) -> Places {
    let body = json!({ "name": "travel", "description": "Grüße", "visibility": "private", "init": true });
    let repo = story
        .tells(
            "create a repository",
            ("POST", "/v1/git/repos".to_owned()),
            body.clone(),
            &["path", "default_branch", "visibility", "description", "owner"],
        )
        .await;
    let places = Places {
        repo: text(&repo, "/id"),
    };
    story
        .refuses(
            "create it again",
            ("POST", "/v1/git/repos".to_owned()),
            body,
            "conflict",
        )
        .await;
    let says = &["path", "name", "archived", "fork"];
    story.tells("read it", ("GET", places.of("")), Value::Null, says).await;
    places
}

async fn write(story: &mut Story<'_>, places: &Places) -> String {
    let branches = places.of("/branches");
    let body = json!({ "branch": BRANCH });
    story
        .tells("branch", ("POST", branches.clone()), body.clone(), &["name", "sha"])
        .await;
    story
        .refuses("branch again", ("POST", branches.clone()), body, "conflict")
        .await;
    let listed = story
        .tells("list branches", ("GET", branches), Value::Null, &["items"])
        .await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");

    let body = json!({ "content": "first\n", "branch": BRANCH, "message": "Add a file" });
    story
        .tells("write a file", ("PUT", places.file("")), body, &["path", "created"])
        .await;
    let at = format!("?ref={BRANCH_SENT}");
    let says = &["path", "name", "size", "sha", "content"];
    let file = story
        .tells("read the file", ("GET", places.file(&at)), Value::Null, says)
        .await;
    assert_eq!(
        (text(&file, "/path"), text(&file, "/content")),
        (FILE.to_owned(), "first\n".to_owned())
    );
    story
        .refuses(
            "read what is not there",
            ("GET", places.of("/files/none")),
            Value::Null,
            "not_found",
        )
        .await;

    let version = text(&file, "/sha");
    let body = json!({ "content": "second\n", "branch": BRANCH, "message": "Change it", "if_match": version });
    story
        .tells("change the file", ("PUT", places.file("")), body.clone(), &["path"])
        .await;
    story
        .refuses(
            "change it too late",
            ("PUT", places.file("")),
            body,
            "precondition_failed",
        )
        .await;

    let body = json!({ "content": "x", "branch": BRANCH, "message": "Add another" });
    story
        .tells(
            "write another file",
            ("PUT", places.of("/files/gone.txt")),
            body,
            &["path"],
        )
        .await;
    let gone = places.of(&format!("/files/gone.txt?branch={BRANCH_SENT}&message=Remove%20it"));
    story.tells("delete it", ("DELETE", gone), Value::Null, &[]).await;

    let tree = places.of(&format!("/tree{at}&recursive=true"));
    story
        .tells(
            "list the tree",
            ("GET", tree),
            Value::Null,
            &["items/0/path", "items/0/kind"],
        )
        .await;
    let commits = places.of(&format!("/commits{at}"));
    let says = &["items/0/sha", "items/0/message", "items/0/author", "items/0/parents/0"];
    let listed = story.tells("list commits", ("GET", commits), Value::Null, says).await;
    let head = text(&listed, "/items/0/sha");
    let commit = places.of(&format!("/commits/{}", text(&listed, "/items/2/sha")));
    story
        .tells(
            "read a commit",
            ("GET", commit),
            Value::Null,
            &["message", "files/0/path", "files/0/change"],
        )
        .await;
    let compared = places.of(&format!("/compare?base=main&head={BRANCH_SENT}"));
    let says = &["commits/3/sha", "commits/3/message"];
    story.tells("compare", ("GET", compared), Value::Null, says).await;
    head
}

async fn propose(story: &mut Story<'_>, places: &Places, head: &str) -> String {
    let pulls = places.of("/prs");
    let body = json!({ "title": "One", "body": "It *changes*", "head": BRANCH, "base": "main" });
    let says = &[
        "number",
        "title",
        "body",
        "state",
        "head/branch",
        "head/sha",
        "base/branch",
        "author/login",
    ];
    let pull = story
        .tells("open a pull request", ("POST", pulls.clone()), body.clone(), says)
        .await;
    assert_eq!(text(&pull, "/head/sha"), head, "{pull}");
    story
        .refuses("open it again", ("POST", pulls.clone()), body, "conflict")
        .await;
    let same = json!({ "title": "None", "head": "no-such-branch", "base": "main" });
    let refused = story.answer(("POST", pulls.clone()), same).await;
    assert!(refused.get("refused").is_some(), "{refused}");
    story
        .tells("list pull requests", ("GET", pulls), Value::Null, &["items/0/title"])
        .await;
    format!(
        "/v1/git/prs/{}",
        text(&pull, "/id").replace('/', "%2F").replace('#', "%23")
    )
}

async fn discuss(story: &mut Story<'_>, pull: &str) {
    let body = json!({ "title": "One change" });
    story
        .tells("rename it", ("PATCH", pull.to_owned()), body, &["title"])
        .await;
    let files = format!("{pull}/files");
    story
        .tells(
            "list its files",
            ("GET", files),
            Value::Null,
            &["items/0/path", "items/0/change"],
        )
        .await;
    let body = json!({ "event": "comment", "body": "A remark" });
    story
        .tells("review it", ("POST", format!("{pull}/reviews")), body, &["verdict"])
        .await;
    story
        .tells(
            "say a word",
            ("POST", format!("{pull}/comments")),
            json!({ "body": "A word" }),
            &["id", "body"],
        )
        .await;
    // A review's words may be among the comments.
    let words = story.answer(("GET", format!("{pull}/comments")), Value::Null).await;
    let word = words["items"]
        .as_array()
        .and_then(|items| items.last())
        .expect("a comment");
    story.tell(
        "read the words",
        json!({ "body": word["body"], "author": word["author"]["login"] }),
    );
}

async fn judge(story: &mut Story<'_>, places: &Places, head: &str) {
    let statuses = places.of(&format!("/statuses/{head}"));
    let body = json!({ "state": "success", "context": "ci/build", "description": "Green",
        "target_url": "https://ci.example.org/1" });
    story
        .tells("set a status", ("POST", statuses.clone()), body, &["context", "state"])
        .await;
    let says = &[
        "statuses/0/context",
        "statuses/0/state",
        "statuses/0/description",
        "state",
    ];
    story
        .tells("read the statuses", ("GET", statuses), Value::Null, says)
        .await;
}

async fn merge(story: &mut Story<'_>, pull: &str, head: &str) -> String {
    let merge = format!("{pull}/merge");
    let stale = json!({ "method": "merge", "if_match": "0123456789abcdef0123456789abcdef01234567" });
    story
        .refuses(
            "merge what has moved",
            ("POST", merge.clone()),
            stale,
            "precondition_failed",
        )
        .await;
    let body = json!({ "method": "merge", "if_match": head });
    story.tells("merge", ("POST", merge.clone()), body, &["outcome"]).await;
    let again = story.told("merge again", ("POST", merge), json!({})).await;
    assert!(
        again.get("refused").is_some() || again["outcome"] == "already_merged",
        "{again}"
    );
    let says = &["state", "merge_sha", "head/branch"];
    let merged = story
        .tells("read it merged", ("GET", pull.to_owned()), Value::Null, says)
        .await;
    assert_eq!(merged["state"], "merged", "{merged}");
    text(&merged, "/merge_sha")
}

async fn publish(story: &mut Story<'_>, places: &Places, merged: &str) {
    let body = json!({ "tag": "v1.0.0", "target": merged });
    let tag = story
        .tells("tag", ("POST", places.of("/tags")), body, &["name", "sha"])
        .await;
    assert_eq!(text(&tag, "/sha"), merged);
    story
        .tells(
            "list tags",
            ("GET", places.of("/tags")),
            Value::Null,
            &["items/0/name", "items/0/sha"],
        )
        .await;
    let body = json!({ "tag": "v1.0.0", "name": "One", "body": "The *first*" });
    let says = &["tag", "name", "body"];
    story
        .tells("release", ("POST", places.of("/releases")), body.clone(), says)
        .await;
    story
        .refuses("release again", ("POST", places.of("/releases")), body, "conflict")
        .await;
    story
        .tells(
            "list releases",
            ("GET", places.of("/releases")),
            Value::Null,
            &["items/0/tag"],
        )
        .await;
}

async fn watch(story: &mut Story<'_>, places: &Places) {
    let body = json!({ "url": "https://hooks.example.org/x", "events": ["push", "pull"], "secret": "s3cret" });
    let says = &["id", "url", "events/0", "active"];
    let hook = story
        .tells("add a hook", ("POST", places.of("/hooks")), body, says)
        .await;
    assert!(!hook.to_string().contains("s3cret"), "{hook}");
    let events = hook["events"].as_array().expect("events");
    assert!(
        ["push", "pull"].iter().all(|event| events.contains(&json!(event))),
        "{hook}"
    );
    story
        .tells(
            "list hooks",
            ("GET", places.of("/hooks")),
            Value::Null,
            &["items/0/url"],
        )
        .await;
    let hook = format!(
        "/v1/git/hooks/{}",
        text(&hook, "/id").replace('/', "%2F").replace('#', "%23")
    );
    story
        .tells("remove the hook", ("DELETE", hook.clone()), Value::Null, &[])
        .await;
    story
        .refuses("remove it again", ("DELETE", hook), Value::Null, "not_found")
        .await;
}

async fn clear(story: &mut Story<'_>, places: &Places) {
    let branch = places.of(&format!("/branches/{BRANCH_SENT}"));
    story
        .tells("delete the branch", ("DELETE", branch.clone()), Value::Null, &[])
        .await;
    story
        .refuses("delete it again", ("DELETE", branch), Value::Null, "not_found")
        .await;
    let forks = format!("/v1/git/repos/{}~acme%2Fweb/forks", story.provider);
    let fork = story
        .tells("fork another", ("POST", forks), json!({}), &["repo/path", "repo/fork"])
        .await;
    assert_eq!(fork["repo"]["fork"], true, "{fork}");
    let deleted = story.answer(("DELETE", places.of("")), Value::Null).await;
    match deleted["outcome"].as_str() {
        Some("deleted") => {
            story
                .refuses("read it no more", ("GET", places.of("")), Value::Null, "not_found")
                .await
        }
        // It is there until its provider takes it away.
        Some("scheduled") => {
            _ = story.answer(("GET", places.of("")), Value::Null).await["id"]
                .as_str()
                .expect("it is there")
        }
        _ => panic!("{}: {deleted}", story.provider),
    }
}
