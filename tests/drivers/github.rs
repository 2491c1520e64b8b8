//! What is GitHub's own: what it cannot be asked, files of any size, and answers that never end.
//!
//! Invariant: what GitHub has no word for is refused by its field, before anything is sent.

use std::sync::Arc;

use futures_util::StreamExt;
use mosaic_actors::call::Body;
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::upstream::raw::{RawUpstream, Then};
use crate::upstream::{self, Canned, Upstream, ask, connection, driver};

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let (invalid, unsupported) = (Kind::InvalidInput, Kind::Unsupported);
    let status = |state: &str| json!({"repo": "a/b", "commit": "c", "context": "ci", "state": state});
    let rows = [
        (
            "git.repo.create",
            json!({"name": "x", "default_branch": "trunk"}),
            unsupported,
            "default_branch",
        ),
        (
            "git.repo.create",
            json!({"name": "x", "visibility": "internal"}),
            unsupported,
            "visibility",
        ),
        (
            "git.branch.create",
            json!({"repo": "a/b", "branch": "x//y", "from": "z"}),
            invalid,
            "branch",
        ),
        (
            "git.branch.delete",
            json!({"repo": "a/b", "branch": "../../x"}),
            invalid,
            "branch",
        ),
        (
            "git.tag.create",
            json!({"repo": "a/b", "tag": "x/..", "target": "z"}),
            invalid,
            "tag",
        ),
        (
            "git.tree.list",
            json!({"repo": "a/b", "ref": "x", "path": vec!["d"; 33].join("/")}),
            unsupported,
            "path",
        ),
        ("git.pr.get", json!({"pr": "a/b"}), invalid, "pr"),
        ("git.pr.get", json!({"pr": "a/b/c#1"}), invalid, "pr"),
        (
            "git.pr.create",
            json!({"repo": "a/b", "title": "t", "head": "h", "head_repo": "b"}),
            invalid,
            "head_repo",
        ),
        (
            "git.pr.update",
            json!({"pr": "a/b#1", "title": "t", "draft": true}),
            unsupported,
            "draft",
        ),
        ("git.hook.delete", json!({"hook": "a/b#x"}), invalid, "hook"),
        ("git.status.set", status("running"), unsupported, "state"),
        ("git.status.set", status("warning"), unsupported, "state"),
        ("git.status.set", status("cancelled"), unsupported, "state"),
        ("git.status.set", status("skipped"), unsupported, "state"),
    ];
    for (operation, input, becomes, field) in rows {
        let provider = Upstream::answering([]).await;
        let outcome = ask("github", &connection(&provider.url), operation, input.clone()).await;
        let failure = outcome.expect_err(operation);
        assert_eq!(
            (failure.kind, failure.field.as_deref(), failure.unsent),
            (becomes, Some(field), true),
            "{operation} {input}"
        );
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    for cursor in [
        "page=2&size=1",
        "tree=../../x&page=2&size=1",
        "tree=9fb037999f264ba9a7fc6274d15fa3ae2ab98312&page=0&size=1",
    ] {
        let operation = "git.tree.list";
        let tree = json!({"sha": "9fb037999f264ba9a7fc6274d15fa3ae2ab98312", "tree": []});
        let provider = Upstream::answering([Canned::json(200, tree)]).await;
        let mut input = json!({"repo": "a/b"});
        let query = upstream::query(operation, &input);
        input["cursor"] = upstream::cursors().seal(upstream::INSTANCE, &query, cursor).into();
        let failure = ask("github", &connection(&provider.url), operation, input)
            .await
            .expect_err(cursor);
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some("cursor")),
            "{operation} {cursor}"
        );
    }
}

/// Pages without an end: GitHub's lists end at known places, and what is put together of pages ends there at the latest.
#[tokio::test]
async fn pages_without_an_end_are_given_up() {
    let link = "<https://api.github.com/x?page=2>; rel=\"next\"";
    let commit = json!({"sha": "c", "files": [{"filename": "f"}]});
    let statuses = json!({"sha": "c", "state": "success", "statuses": [{"context": "a", "state": "success"}]});
    for (operation, answer, incomplete) in [
        ("git.commit.get", commit, "/files_incomplete"),
        ("git.status.get", statuses, "/sha"),
    ] {
        let endless = (0..50).map(|_| Canned::json(200, answer.clone()).header("link", link));
        let provider = Upstream::answering(endless).await;
        let input = json!({"repo": "a/b", "commit": "c"});
        let output = ask("github", &connection(&provider.url), operation, input).await;
        let output = output.expect(operation);
        assert_eq!(provider.seen().len(), 10, "{operation}");
        assert!(
            output.pointer(incomplete).is_some_and(|value| *value != Value::Null),
            "{output}"
        );
    }
}

/// The bytes pass through as they come: the first are here while the last are not sent yet.
#[tokio::test]
async fn a_file_is_streamed() {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.github.raw+json\r\ncontent-length: 104857600\r\n\r\nfirst";
    let provider = RawUpstream::new(head, Then::Hang).await;
    let input = json!({"repo": "a/b", "path": "big/disk.iso"});
    let call = upstream::call("git.file.download", input, false).expect("a sound input");
    let answer = driver("github", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call))
        .await;
    let Body::Raw(mut file) = answer.expect("answered").body else {
        panic!("no bytes");
    };
    assert_eq!(
        (file.length, file.name.as_deref()),
        (Some(104_857_600), Some("disk.iso"))
    );
    let first = file.bytes.next().await;
    assert!(first.is_some(), "it waits for the end");
    drop(file);
    provider.over().await;
}

/// The same words for a fork that was made and for one that was there.
#[tokio::test]
async fn h27_a_fork_that_was_there_is_none_that_was_made() {
    let fork = |name: &str, made: Value| {
        let fork = json!({"name": name, "full_name": format!("me/{name}"), "owner": {"login": "me"}, "fork": true, "created_at": made});
        Canned::json(202, fork).header("date", "Fri, 01 Mar 2024 12:00:00 GMT")
    };
    for (asked, name, made, sound) in [
        (None, "b", json!("2024-03-01T11:59:58Z"), true),
        // Whoever asks again because no answer came gets the one that was made.
        (Some("B"), "b", json!("2024-03-01T11:59:01Z"), true),
        // A clock of theirs that runs ahead.
        (None, "b", json!("2024-03-01T12:00:05Z"), true),
        (None, "b", json!(null), true),
        (None, "b", json!("2024-03-01T11:58:59Z"), false),
        (Some("b"), "b", json!("2019-03-01T11:58:59Z"), false),
        (Some("c"), "b", json!("2024-03-01T11:59:58Z"), false),
    ] {
        let provider = Upstream::answering([fork(name, made.clone()), Canned::json(200, json!([]))]).await;
        let input = match asked {
            Some(asked) => json!({"repo": "a/b", "name": asked}),
            None => json!({"repo": "a/b"}),
        };
        let outcome = ask("github", &connection(&provider.url), "git.repo.fork", input).await;
        let refused = outcome
            .err()
            .map(|failure| (failure.kind, failure.field.as_deref().map(str::to_owned)));
        let there = (Kind::Conflict, Some("name".to_owned()));
        assert_eq!(refused, (!sound).then_some(there), "{asked:?} {made}");
    }
}

/// A file of JSON is a file, and no description of one.
#[tokio::test]
async fn a_file_of_json_is_sent_as_it_is() {
    let answer = Canned::text(200, "[1, 2]").header("content-type", "application/vnd.github.raw+json; charset=utf-8");
    let provider = Upstream::answering([answer]).await;
    let call = upstream::call("git.file.download", json!({"repo": "a/b", "path": "x.json"}), false).expect("sound");
    let answer = driver("github", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call))
        .await;
    let (file, failure) = upstream::whole(answer.expect("answered")).await;
    assert!(failure.is_none());
    assert_eq!(
        (&file["text"], &file["media_type"]),
        (&json!("[1, 2]"), &json!("application/json"))
    );
}

#[tokio::test]
async fn a_hook_s_secret_is_sent_and_told_nowhere() {
    let secret = "hush-5ecret";
    let refused = json!({"message": format!("secret {secret} is weak"), "errors": [{"field": "secret", "code": "invalid",
        "value": secret}]});
    let provider = Upstream::answering([Canned::json(422, refused)]).await;
    let input = json!({"repo": "a/b", "url": "https://example.com/x", "events": ["push"], "secret": secret});
    let failure = ask("github", &connection(&provider.url), "git.hook.create", input)
        .await
        .expect_err("refused");
    assert_eq!(failure.field.as_deref(), Some("secret"));
    assert!(!format!("{failure} {failure:?}").contains(secret));
    let sent: Value = serde_json::from_slice(&provider.seen()[0].body).expect("JSON");
    assert_eq!(sent["config"]["secret"], secret);
}
