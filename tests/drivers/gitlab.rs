//! What is GitLab's own: its token, its place, and what it is never asked.
//!
//! Invariant: what GitLab cannot do is refused before anything is sent, by the field that asks for it.

use mosaic_actors::error::Kind;
use serde_json::json;

use crate::upstream::{Canned, TOKEN, Upstream, ask, connection, driver};

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    use Kind::{InvalidInput, Unsupported};
    for (operation, input, becomes, field) in [
        ("git.repo.get", json!({"repo": "acme"}), InvalidInput, "repo"),
        ("git.repo.get", json!({"repo": "acme/../api"}), InvalidInput, "repo"),
        ("git.repo.list", json!({"owner": "a//b"}), InvalidInput, "owner"),
        ("git.pr.get", json!({"pr": "acme/api"}), InvalidInput, "pr"),
        ("git.pr.get", json!({"pr": "acme/api!7"}), InvalidInput, "pr"),
        ("git.hook.delete", json!({"hook": "acme/api#x"}), InvalidInput, "hook"),
        (
            "git.repo.create",
            json!({"name": "api", "default_branch": "main"}),
            Unsupported,
            "default_branch",
        ),
        (
            "git.pr.list",
            json!({"repo": "a/b", "head": "o:x"}),
            Unsupported,
            "head",
        ),
        (
            "git.pr.merge",
            json!({"pr": "a/b#1", "method": "rebase"}),
            Unsupported,
            "method",
        ),
        (
            "git.pr.merge",
            json!({"pr": "a/b#1", "message": "m"}),
            Unsupported,
            "message",
        ),
        (
            "git.pr.create",
            json!({"repo": "a/b", "title": "t", "head": "h", "base": "m", "head_repo": "x"}),
            InvalidInput,
            "head_repo",
        ),
        // GL29: what a release before 19.2 would take for another thing.
        (
            "git.pr.review",
            json!({"pr": "a/b#1", "event": "request_changes", "body": "no"}),
            Unsupported,
            "event",
        ),
        (
            "git.release.create",
            json!({"repo": "a/b", "tag": "v1", "prerelease": true}),
            Unsupported,
            "prerelease",
        ),
        (
            "git.status.set",
            json!({"repo": "a/b", "commit": "x", "state": "error", "context": "ci"}),
            Unsupported,
            "state",
        ),
        (
            "git.status.set",
            json!({"repo": "a/b", "commit": "x", "state": "success", "context": "c".repeat(256)}),
            InvalidInput,
            "context",
        ),
    ] {
        let provider = Upstream::answering([]).await;
        let outcome = ask("gitlab", &connection(&provider.url), operation, input).await;
        let failure = outcome.expect_err(operation);
        assert_eq!(
            (failure.kind, failure.field.as_deref(), failure.unsent),
            (becomes, Some(field), true),
            "{operation}"
        );
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn health_asks_who_the_token_is_or_else_for_a_project() {
    for (token, status, path, becomes) in [
        (true, 200, "/user", None),
        // A token that may not see its own user: good all the same.
        (true, 403, "/user", None),
        (true, 401, "/user", Some(Kind::UpstreamAuth)),
        (false, 200, "/projects", None),
        (false, 502, "/projects", Some(Kind::UpstreamFailed)),
    ] {
        let provider = Upstream::answering([Canned::json(status, json!({}))]).await;
        let mut connection = connection(&provider.url);
        if !token {
            connection.credential = None;
        }
        let health = driver("gitlab", &connection).expect("connected").health().await;
        assert_eq!(health.err().map(|failure| failure.kind), becomes, "{path} {status}");
        let seen = &provider.seen()[0];
        let sent = seen.headers.get("private-token");
        assert_eq!(seen.path, path);
        assert_eq!(sent.map(|value| value.to_str().expect("text")), token.then_some(TOKEN));
    }
}

#[tokio::test]
async fn it_is_at_the_cloud_or_below_any_path() {
    let mut cloud = connection("http://localhost:1");
    cloud.base_url = None;
    assert!(driver("gitlab", &cloud).is_ok());
    let provider = Upstream::answering([Canned::json(404, json!({}))]).await;
    let below = connection(&format!("{}/v1.0/gitlab/api/v4/", provider.url));
    let input = json!({"repo": "acme/platform/api.js", "path": "a/b.c"});
    ask("gitlab", &below, "git.file.get", input)
        .await
        .expect_err("not found");
    // GL1, trap 14: one part each, dots written out, and the base as it was given.
    let path = "/v1.0/gitlab/api/v4/projects/acme%2Fplatform%2Fapi%2Ejs/repository/files/a%2Fb%2Ec";
    assert_eq!(provider.seen()[0].path, path);
}

#[tokio::test]
async fn gl3_a_write_to_a_moved_project_is_refused_and_never_taken_for_a_read() {
    let leads = |status, to: &str| Canned::text(status, "").header("location", to);
    let input = json!({"pr": "acme/api#1", "body": "Hello"});
    let moved = "/projects/7/merge_requests/1/notes";
    let words = json!({"message": "Non GET methods are not allowed for moved projects"});
    for (answer, becomes) in [
        (leads(301, moved), Kind::Conflict),
        (leads(302, moved), Kind::Conflict),
        (leads(307, moved), Kind::Conflict),
        (leads(308, moved), Kind::Conflict),
        (Canned::json(405, words), Kind::Conflict),
        // As a proxy does that wants somebody to sign in: nobody knows what became of the write.
        (leads(302, "/users/sign_in"), Kind::UpstreamFailed),
    ] {
        let provider = Upstream::answering([answer.clone()]).await;
        let asked = ask("gitlab", &connection(&provider.url), "git.pr.comment", input.clone()).await;
        let failure = asked.expect_err("moved");
        assert_eq!((failure.kind, failure.retryable), (becomes, false), "{answer:?}");
        assert!(failure.message().contains("new path"), "{failure}");
        assert_eq!(provider.seen().len(), 1, "{answer:?}");
    }
    // What is only looked at before is looked at where it is.
    let there = Canned::text(200, "")
        .header("x-gitlab-blob-id", "b1")
        .header("x-gitlab-last-commit-id", "c1");
    let head = leads(302, "/projects/7/repository/files/x");
    let provider = Upstream::answering([head, there, leads(301, "/projects/7/repository/files/x")]).await;
    let removal = json!({"repo": "a/b", "path": "x", "branch": "m", "if_match": "b1"});
    let asked = ask("gitlab", &connection(&provider.url), "git.file.delete", removal).await;
    assert_eq!(asked.expect_err("moved").kind, Kind::Conflict);
    let methods: Vec<_> = provider.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "DELETE"]);
}

#[tokio::test]
async fn gl4_what_was_refused_for_a_moment_may_be_written_again() {
    let locked = || Canned::json(409, json!({"message": "409 Conflict: Resource lock"}));
    for (operation, input) in [
        ("git.pr.comment", json!({"pr": "a/b#1", "body": "x"})),
        ("git.branch.create", json!({"repo": "a/b", "branch": "x", "from": "m"})),
    ] {
        let provider = Upstream::answering([locked()]).await;
        let asked = ask("gitlab", &connection(&provider.url), operation, input).await;
        let failure = asked.expect_err(operation);
        let told = (failure.kind, failure.retryable, failure.unsent);
        assert_eq!(told, (Kind::Conflict, true, true), "{operation}");
    }
}

/// GL30: an empty project that tells which its default branch will be has its first file written there, and nothing else
/// begins in it.
#[tokio::test]
async fn an_empty_project_that_tells_its_default_branch_is_written_to() {
    let project = || {
        let told = json!({"id": 7, "path_with_namespace": "a/b", "default_branch": "trunk", "empty_repo": true});
        Canned::json(200, told)
    };
    let there = || {
        Canned::text(200, "")
            .header("x-gitlab-blob-id", "b1")
            .header("x-gitlab-last-commit-id", "c1")
    };
    let provider = Upstream::answering([
        project(),
        Canned::text(404, ""),
        Canned::json(201, json!({"file_path": "x", "branch": "trunk"})),
        there(),
        project(),
        project(),
    ])
    .await;
    let connection = connection(&provider.url);
    let first = json!({"repo": "a/b", "path": "x", "content": ""});
    let written = ask("gitlab", &connection, "git.file.put", first)
        .await
        .expect("written");
    assert_eq!(
        (&written["branch"], &written["created"]),
        (&json!("trunk"), &json!(true))
    );
    let begun = json!({"repo": "a/b", "branch": "y"});
    let failure = ask("gitlab", &connection, "git.branch.create", begun).await;
    let failure = failure.expect_err("nothing to begin at");
    assert_eq!((failure.kind, failure.unsent), (Kind::Conflict, true), "{failure}");
    let gone = json!({"repo": "a/b", "path": "x"});
    let failure = ask("gitlab", &connection, "git.file.delete", gone).await;
    let failure = failure.expect_err("nothing to delete");
    assert_eq!((failure.kind, failure.field.as_deref()), (Kind::NotFound, Some("path")));
    assert_eq!(provider.seen().len(), 6);
}

#[tokio::test]
async fn a_refusal_before_anything_is_written_leaves_nothing_in_doubt() {
    for (operation, input) in [
        ("git.branch.create", json!({"repo": "a/b", "branch": "x"})),
        ("git.tag.create", json!({"repo": "a/b", "tag": "x"})),
        ("git.release.create", json!({"repo": "a/b", "tag": "x"})),
        ("git.repo.create", json!({"name": "x", "owner": "g"})),
        ("git.file.put", json!({"repo": "a/b", "path": "x", "content": ""})),
        (
            "git.file.put",
            json!({"repo": "a/b", "path": "x", "content": "", "branch": "m"}),
        ),
        (
            "git.file.delete",
            json!({"repo": "a/b", "path": "x", "branch": "m", "if_match": "y"}),
        ),
        ("git.pr.create", json!({"repo": "a/b", "title": "t", "head": "h"})),
        ("git.pr.update", json!({"pr": "a/b#1", "draft": true})),
        ("git.pr.review", json!({"pr": "a/b#1", "event": "approve"})),
        (
            "git.pr.review",
            json!({"pr": "a/b#1", "event": "comment", "body": "b", "if_match": "y"}),
        ),
        (
            "git.status.set",
            json!({"repo": "a/b", "commit": "m", "state": "success", "context": "c"}),
        ),
    ] {
        let provider = Upstream::answering([Canned::text(503, "")]).await;
        let asked = ask("gitlab", &connection(&provider.url), operation, input).await;
        let failure = asked.expect_err(operation);
        assert_eq!(
            (failure.kind, failure.unsent),
            (Kind::UpstreamFailed, true),
            "{operation}"
        );
        assert_eq!(provider.seen().len(), 1, "{operation}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_held_is_told_apart_from_one_that_leads_elsewhere() {
    let large = json!({"file_path": "x", "blob_id": "b", "encoding": "base64", "content": "YQ==".repeat(1000)});
    let elsewhere = Canned::text(302, "").header("location", "https://elsewhere.example/x");
    for (answer, becomes, download) in [
        (Canned::json(200, large), Kind::Unsupported, true),
        (elsewhere, Kind::UpstreamFailed, false),
    ] {
        let provider = Upstream::answering([answer]).await;
        let mut connection = connection(&provider.url);
        connection.max_response = 1000;
        let asked = ask(
            "gitlab",
            &connection,
            "git.file.get",
            json!({"repo": "a/b", "path": "x"}),
        )
        .await;
        let failure = asked.expect_err("refused");
        let told = failure.message().contains("git.file.download");
        assert_eq!((failure.kind, told), (becomes, download), "{failure}");
    }
}

#[tokio::test]
async fn a_merge_that_was_given_up_is_not_told_as_one_to_come() {
    for (state, more) in [
        ("opened", json!({"merge_error": "boom"})),
        ("opened", json!({"merge_status": "cannot_be_merged"})),
        ("closed", json!({})),
    ] {
        let mut answer = json!({"id": 1, "iid": 7, "project_id": 3, "state": state});
        answer
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let provider = Upstream::answering([Canned::json(200, answer)]).await;
        let merged = ask(
            "gitlab",
            &connection(&provider.url),
            "git.pr.merge",
            json!({"pr": "acme/api#7"}),
        )
        .await;
        assert_eq!(
            merged.expect_err("it is not merged").kind,
            Kind::Conflict,
            "{state} {more}"
        );
    }
}
