//! One change at one forge: from a new repository to a release, and to its end.
//!
//! Invariant: the same calls in the same order at every forge.

use serde_json::{Value, json};

use crate::story::Story;

/// A branch with a slash, and a file whose name has what addresses are made of.
const BRANCH: &str = "feature/one";
const FILE: &str = "docs/a file #1 100%+ü?.md";

/// An input about one repository.
struct Of(String);

impl Of {
    /// The repository beside these fields.
    fn with(&self, mut fields: Value) -> Value {
        fields["repo"] = self.0.clone().into();
        fields
    }
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}")).to_owned()
}

/// Tells it all.
pub async fn travel(story: &mut Story, name: &str) {
    let of = create(story, name).await;
    write(story, &of).await;
    let head = look(story, &of).await;
    let pull = propose(story, &of, &head).await;
    discuss(story, &pull).await;
    judge(story, &of, &head).await;
    let merged = merge(story, &pull, &head).await;
    publish(story, &of, &merged).await;
    watch(story, &of).await;
    clear(story, &of).await;
}

async fn create(story: &mut Story, name: &str) -> Of {
    let body = json!({ "name": name, "description": "Grüße", "visibility": "private", "init": true });
    let says = &["default_branch", "visibility", "description", "owner"];
    let repo = story.done("create a repository", "git.repo.create", body.clone()).await;
    assert!(says.iter().all(|field| repo[*field].is_string()), "{repo}");
    assert_eq!(
        (&repo["name"], &repo["visibility"]),
        (&json!(name), &json!("private")),
        "{repo}"
    );
    story
        .refuses("create it again", "git.repo.create", body, "conflict")
        .await;
    let of = Of(text(&repo, "/id"));
    let read = story.done("read it", "git.repo.get", of.with(json!({}))).await;
    assert_eq!(
        (&read["path"], &read["archived"]),
        (&repo["path"], &json!(false)),
        "{read}"
    );
    let mut page = json!({ "limit": 50 });
    loop {
        let mine = story.done("list the own ones", "git.repo.list", page.clone()).await;
        let mut items = mine["items"].as_array().expect("a list").iter();
        if items.any(|item| item["id"] == repo["id"]) {
            break;
        }
        assert!(mine["next_cursor"].is_string(), "{}: it is among them", story.provider);
        page["cursor"] = mine["next_cursor"].clone();
    }
    of
}

async fn write(story: &mut Story, of: &Of) {
    let branch = of.with(json!({ "branch": BRANCH }));
    story
        .tells("branch", "git.branch.create", branch.clone(), &["name", "sha"])
        .await;
    story
        .refuses("branch again", "git.branch.create", branch, "conflict")
        .await;
    let listed = story
        .tells(
            "list branches",
            "git.branch.list",
            of.with(json!({})),
            &["items/1/name"],
        )
        .await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed}");

    let put = |fields: Value| {
        let mut input = of.with(fields);
        input["branch"] = BRANCH.into();
        input
    };
    let first = put(json!({ "path": FILE, "content": "first\n", "message": "Add a file" }));
    story
        .tells("write a file", "git.file.put", first, &["path", "created"])
        .await;
    let at = of.with(json!({ "path": FILE, "ref": BRANCH }));
    let says = &["path", "name", "size", "sha", "content"];
    let file = story.tells("read the file", "git.file.get", at.clone(), says).await;
    assert_eq!(
        (text(&file, "/path"), text(&file, "/content")),
        (FILE.to_owned(), "first\n".to_owned())
    );
    let bytes = story.bytes("git.file.download", at).await;
    assert_eq!(bytes, b"first\n", "{}", story.provider);
    let none = of.with(json!({ "path": "none" }));
    story
        .refuses("read what is not there", "git.file.get", none, "not_found")
        .await;

    let version = text(&file, "/sha");
    let second = put(json!({ "path": FILE, "content": "second\n", "message": "Change it", "if_match": version }));
    story
        .tells("change the file", "git.file.put", second.clone(), &["path"])
        .await;
    story
        .refuses("change it too late", "git.file.put", second, "precondition_failed")
        .await;
    let another = put(json!({ "path": "gone.txt", "message": "Add another" }));
    let sent = story.sends("git.file.upload", another, b"\0 bytes").await;
    story.tell("send another file", json!([sent["path"], sent["created"]]));
    let gone = put(json!({ "path": "gone.txt", "message": "Remove it" }));
    story.tells("delete it", "git.file.delete", gone, &["outcome"]).await;
}

async fn look(story: &mut Story, of: &Of) -> String {
    let tree = of.with(json!({ "ref": BRANCH, "recursive": true }));
    story
        .tells(
            "list the tree",
            "git.tree.list",
            tree,
            &["items/0/path", "items/0/kind"],
        )
        .await;
    let says = &["items/0/sha", "items/0/message", "items/0/author", "items/0/parents/0"];
    let listed = story
        .tells(
            "list commits",
            "git.commit.list",
            of.with(json!({ "ref": BRANCH })),
            says,
        )
        .await;
    let commit = of.with(json!({ "commit": listed["items"][2]["sha"] }));
    story
        .tells(
            "read a commit",
            "git.commit.get",
            commit,
            &["message", "files/0/path", "files/0/change"],
        )
        .await;
    let compare = of.with(json!({ "base": "main", "head": BRANCH }));
    story
        .tells(
            "compare",
            "git.compare",
            compare,
            &["commits/3/sha", "commits/3/message"],
        )
        .await;
    text(&listed, "/items/0/sha")
}

async fn propose(story: &mut Story, of: &Of, head: &str) -> String {
    let open = of.with(json!({ "title": "One", "body": "It *changes*", "head": BRANCH, "base": "main" }));
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
    let pull = story.done("open a pull request", "git.pr.create", open.clone()).await;
    assert!(
        says.iter().all(|field| pull.pointer(&format!("/{field}")).is_some()),
        "{pull}"
    );
    assert_eq!(
        (text(&pull, "/head/sha"), &pull["state"]),
        (head.to_owned(), &json!("open")),
        "{pull}"
    );
    story.refuses("open it again", "git.pr.create", open, "conflict").await;
    let nothing = of.with(json!({ "title": "None", "head": "no-such-branch", "base": "main" }));
    let refused = story.answer("git.pr.create", nothing).await;
    assert!(refused.get("refused").is_some(), "{refused}");
    let listed = story
        .done("list pull requests", "git.pr.list", of.with(json!({})))
        .await;
    assert_eq!(listed["items"][0]["id"], pull["id"], "{listed}");
    text(&pull, "/id")
}

async fn discuss(story: &mut Story, pull: &str) {
    let rename = json!({ "pr": pull, "title": "One change" });
    let renamed = story.done("rename it", "git.pr.update", rename).await;
    assert_eq!(renamed["title"], "One change", "{renamed}");
    let of = json!({ "pr": pull });
    story
        .tells(
            "list its files",
            "git.pr.files",
            of.clone(),
            &["items/0/path", "items/0/change"],
        )
        .await;
    let review = json!({ "pr": pull, "event": "comment", "body": "A remark" });
    story.tells("review it", "git.pr.review", review, &["verdict"]).await;
    // Some forges keep no review that has no verdict.
    story.done("read the reviews", "git.pr.reviews", of.clone()).await;
    let word = json!({ "pr": pull, "body": "A word" });
    story.tells("say a word", "git.pr.comment", word, &["id", "body"]).await;
    // A review's words may be among the comments.
    let words = story.done("read the words", "git.pr.comments", of).await;
    let word = words["items"]
        .as_array()
        .and_then(|items| items.last())
        .expect("a comment");
    story.tell(
        "the last word",
        json!({ "body": word["body"], "author": word["author"]["login"] }),
    );
}

async fn judge(story: &mut Story, of: &Of, head: &str) {
    let set = of.with(
        json!({ "commit": head, "state": "success", "context": "ci/build", "description": "Green",
        "target_url": "https://ci.example.org/1" }),
    );
    story
        .tells("set a status", "git.status.set", set, &["context", "state"])
        .await;
    let says = &[
        "statuses/0/context",
        "statuses/0/state",
        "statuses/0/description",
        "state",
    ];
    story
        .tells(
            "read the statuses",
            "git.status.get",
            of.with(json!({ "commit": head })),
            says,
        )
        .await;
}

async fn merge(story: &mut Story, pull: &str, head: &str) -> String {
    let stale = json!({ "pr": pull, "method": "merge", "if_match": "0123456789abcdef0123456789abcdef01234567" });
    story
        .refuses("merge what has moved", "git.pr.merge", stale, "precondition_failed")
        .await;
    let merge = json!({ "pr": pull, "method": "merge", "if_match": head });
    story.tells("merge", "git.pr.merge", merge, &["outcome"]).await;
    let again = story.answer("git.pr.merge", json!({ "pr": pull })).await;
    assert!(
        again.get("refused").is_some() || again["outcome"] == "already_merged",
        "{again}"
    );
    let merged = story.done("read it merged", "git.pr.get", json!({ "pr": pull })).await;
    assert_eq!(merged["state"], "merged", "{merged}");
    text(&merged, "/merge_sha")
}

async fn publish(story: &mut Story, of: &Of, merged: &str) {
    let tag = of.with(json!({ "tag": "v1.0.0", "target": merged }));
    let tag = story.tells("tag", "git.tag.create", tag, &["name", "sha"]).await;
    assert_eq!(text(&tag, "/sha"), merged);
    story
        .tells(
            "list tags",
            "git.tag.list",
            of.with(json!({})),
            &["items/0/name", "items/0/sha"],
        )
        .await;
    let release = of.with(json!({ "tag": "v1.0.0", "name": "One", "body": "The *first*" }));
    story
        .tells(
            "release",
            "git.release.create",
            release.clone(),
            &["tag", "name", "body"],
        )
        .await;
    story
        .refuses("release again", "git.release.create", release, "conflict")
        .await;
    story
        .tells(
            "list releases",
            "git.release.list",
            of.with(json!({})),
            &["items/0/tag"],
        )
        .await;
}

async fn watch(story: &mut Story, of: &Of) {
    let add = of.with(json!({ "url": "https://hooks.example.org/x", "events": ["push", "pull"], "secret": "s3cret" }));
    let hook = story
        .tells(
            "add a hook",
            "git.hook.create",
            add,
            &["id", "url", "events/0", "active"],
        )
        .await;
    assert!(!hook.to_string().contains("s3cret"), "{hook}");
    let events = hook["events"].as_array().expect("events");
    assert!(
        ["push", "pull"].iter().all(|event| events.contains(&json!(event))),
        "{hook}"
    );
    story
        .tells("list hooks", "git.hook.list", of.with(json!({})), &["items/0/url"])
        .await;
    let hook = json!({ "hook": hook["id"] });
    story
        .tells("remove the hook", "git.hook.delete", hook.clone(), &["outcome"])
        .await;
    story
        .refuses("remove it again", "git.hook.delete", hook, "not_found")
        .await;
}

async fn clear(story: &mut Story, of: &Of) {
    let branch = of.with(json!({ "branch": BRANCH }));
    story
        .tells("delete the branch", "git.branch.delete", branch.clone(), &["outcome"])
        .await;
    story
        .refuses("delete it again", "git.branch.delete", branch, "not_found")
        .await;
    let fork = json!({ "repo": story.named("many/repo-007") });
    let fork = story.done("fork another", "git.repo.fork", fork).await;
    assert_eq!(
        (&fork["repo"]["fork"], &fork["repo"]["name"]),
        (&json!(true), &json!("repo-007")),
        "{fork}"
    );
    let gone = story
        .done(
            "delete the fork",
            "git.repo.delete",
            json!({ "repo": fork["repo"]["id"] }),
        )
        .await;
    assert!(gone["outcome"].is_string(), "{gone}");
    let deleted = story
        .done("delete the repository", "git.repo.delete", of.with(json!({})))
        .await;
    let now = story.answer("git.repo.get", of.with(json!({}))).await;
    // What is only marked is there until its provider takes it away.
    match deleted["outcome"].as_str() {
        Some("deleted") => assert_eq!(now["refused"], "not_found", "{now}"),
        Some("scheduled") => assert!(now["id"].is_string(), "{now}"),
        _ => panic!("{}: {deleted}", story.provider),
    }
}
