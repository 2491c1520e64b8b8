//! The driver of GitLab against the sandbox: what is refused, and what comes of odd places and tokens.
//!
//! Invariant: a refusal leaves nothing behind.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mosaic::providers::http::credential::{Claim, Given, Grant, Keep};
use mosaic_actors::error::{Failure, Kind};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::through_gitlab::{Through, branch};
use crate::upstream::{ask, driver};

#[tokio::test]
async fn what_cannot_be_done_is_refused_by_its_kind_and_field() {
    use Kind::{Conflict, Forbidden, NotFound, PreconditionFailed};
    let gitlab = Through::start().await;
    let mut wrong = Vec::new();
    let file = |path: &str, branch: &str, seen: Value| json!({"repo": "acme/api", "path": path, "content": "x", "encoding": "utf-8", "branch": branch, "if_match": seen});
    let gone = |path: &str| json!({"repo": "acme/api", "path": path, "branch": "develop"});
    let pull = |head: &str, base: &str| json!({"repo": "acme/api", "title": "t", "head": head, "base": base});
    for (operation, input, kind, field) in [
        ("git.repo.get", json!({"repo": "acme/none"}), NotFound, None),
        ("git.repo.list", json!({"owner": "nobody"}), NotFound, None),
        (
            "git.repo.create",
            json!({"name": "api", "owner": "acme"}),
            Conflict,
            Some("name"),
        ),
        (
            "git.repo.create",
            json!({"name": "x", "owner": "none"}),
            NotFound,
            Some("owner"),
        ),
        (
            "git.repo.fork",
            json!({"repo": "acme/api", "owner": "acme"}),
            Conflict,
            Some("name"),
        ),
        ("git.repo.delete", json!({"repo": "sandbox-guest/api"}), Forbidden, None),
        (
            "git.branch.create",
            json!({"repo": "acme/api", "branch": "develop", "from": "main"}),
            Conflict,
            Some("branch"),
        ),
        (
            "git.branch.create",
            json!({"repo": "acme/api", "branch": "x", "from": "none"}),
            NotFound,
            Some("from"),
        ),
        (
            "git.branch.create",
            json!({"repo": "quirks/archived", "branch": "x", "from": "main"}),
            Forbidden,
            None,
        ),
        (
            "git.branch.delete",
            json!({"repo": "acme/api", "branch": "none"}),
            NotFound,
            Some("branch"),
        ),
        (
            "git.branch.delete",
            json!({"repo": "acme/api", "branch": "main"}),
            Forbidden,
            Some("branch"),
        ),
        (
            "git.branch.delete",
            json!({"repo": "acme/api", "branch": "release/1.4"}),
            Forbidden,
            Some("branch"),
        ),
        (
            "git.branch.delete",
            json!({"repo": "sandbox-guest/api", "branch": "develop"}),
            Forbidden,
            None,
        ),
        (
            "git.commit.get",
            json!({"repo": "acme/api", "commit": "none"}),
            NotFound,
            Some("commit"),
        ),
        (
            "git.compare",
            json!({"repo": "acme/api", "base": "main", "head": "none"}),
            NotFound,
            Some("head"),
        ),
        (
            "git.tree.list",
            json!({"repo": "acme/api", "path": "none"}),
            NotFound,
            Some("path"),
        ),
        (
            "git.file.get",
            json!({"repo": "acme/api", "path": "none"}),
            NotFound,
            Some("path"),
        ),
        ("git.file.put", file("x", "none", Value::Null), NotFound, Some("branch")),
        (
            "git.file.put",
            file("x", "main", Value::Null),
            Forbidden,
            Some("branch"),
        ),
        (
            "git.file.put",
            file("README.md", "develop", json!("0".repeat(40))),
            PreconditionFailed,
            Some("if_match"),
        ),
        (
            "git.file.put",
            file("none", "develop", json!("0".repeat(40))),
            PreconditionFailed,
            Some("if_match"),
        ),
        ("git.file.delete", gone("none"), NotFound, Some("path")),
        (
            "git.tag.create",
            json!({"repo": "acme/api", "tag": "x", "target": "none"}),
            NotFound,
            Some("target"),
        ),
        (
            "git.release.create",
            json!({"repo": "acme/api", "tag": "x", "target": "none"}),
            NotFound,
            Some("target"),
        ),
        ("git.pr.get", json!({"pr": "acme/api#1"}), NotFound, None),
        ("git.pr.create", pull("none", "main"), NotFound, Some("head")),
        ("git.pr.create", pull("develop", "none"), NotFound, Some("base")),
        ("git.pr.merge", json!({"pr": "acme/api#5"}), Conflict, None),
        ("git.hook.delete", json!({"hook": "acme/api#9"}), NotFound, None),
        ("git.hook.list", json!({"repo": "sandbox-guest/api"}), Forbidden, None),
    ] {
        match gitlab.tried(operation, input.clone()).await {
            Err(failure) if (failure.kind, failure.field.as_deref()) == (kind, field) => {}
            other => wrong.push(format!("{operation} {input}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(gitlab.created(), 0);
}

#[tokio::test]
async fn a_merge_request_is_refused_by_what_stands_there() {
    use Kind::{Conflict, Forbidden, PreconditionFailed};
    let gitlab = Through::start().await;
    for (name, text) in [("one", "1"), ("two", "2")] {
        branch(&gitlab, "acme/api", name, "same.txt", text).await;
    }
    let open = |head: &str| json!({"repo": "acme/api", "title": "t", "head": head, "base": "main"});
    for (head, number) in [("one", 7), ("two", 8)] {
        assert_eq!(gitlab.ask("git.pr.create", open(head)).await["number"], number);
    }
    assert_eq!(
        gitlab.refused("git.pr.create", open("one")).await,
        (Conflict, Some("head".to_owned()))
    );
    let (one, two) = (json!({"pr": "acme/api#7"}), json!({"pr": "acme/api#8"}));
    let stale = json!({"pr": "acme/api#7", "if_match": "0".repeat(40)});
    let moved = (PreconditionFailed, Some("if_match".to_owned()));
    assert_eq!(gitlab.refused("git.pr.merge", stale).await, moved);
    let own = json!({"pr": "acme/api#7", "event": "approve"});
    assert_eq!(gitlab.refused("git.pr.review", own).await.0, Forbidden);
    let unseen = json!({"pr": "acme/api#3", "event": "approve", "if_match": "0".repeat(40)});
    assert_eq!(gitlab.refused("git.pr.review", unseen).await, moved);
    assert_eq!(gitlab.ask("git.pr.merge", one.clone()).await["outcome"], "merged");
    assert_eq!(
        gitlab.refused("git.pr.merge", one).await,
        (Conflict, None),
        "it is merged"
    );
    assert_eq!(
        gitlab.refused("git.pr.merge", two.clone()).await,
        (Conflict, None),
        "both changed one file"
    );
    let seen = gitlab.ask("git.pr.get", two).await;
    assert_eq!(seen["mergeable"], "conflict");
}

#[tokio::test]
async fn a_file_that_changes_between_look_and_removal_is_kept() {
    let gitlab = Through::start().await;
    branch(&gitlab, "acme/api", "work", "a.txt", "1").await;
    let file = json!({"repo": "acme/api", "path": "a.txt", "ref": "work"});
    let seen = gitlab.ask("git.file.get", file.clone()).await["sha"].clone();
    let put = json!({"repo": "acme/api", "path": "a.txt", "content": "2", "encoding": "utf-8", "branch": "work"});
    gitlab.ask("git.file.put", put).await;
    let removal = json!({"repo": "acme/api", "path": "a.txt", "branch": "work", "if_match": seen});
    let refused = gitlab.refused("git.file.delete", removal).await;
    assert_eq!(refused, (Kind::PreconditionFailed, Some("if_match".to_owned())));
    assert_ne!(gitlab.ask("git.file.get", file).await["sha"], seen);
}

#[tokio::test]
async fn a_moved_repository_is_read_and_not_written() {
    let gitlab = Through::start().await;
    let read = gitlab.ask("git.repo.get", json!({"repo": "quirks/former"})).await;
    assert_eq!(read["path"], "quirks/renamed");
    let file = json!({"repo": "quirks/former", "path": "x", "content": "", "encoding": "utf-8", "branch": "main"});
    let refused = gitlab.tried("git.file.put", file).await.expect_err("moved");
    assert_eq!(
        (refused.kind, refused.retryable),
        (Kind::Conflict, false),
        "{refused:?}"
    );
    assert_eq!(gitlab.created(), 0);
}

#[tokio::test]
async fn a_fork_is_ready_when_it_says_so_and_its_branch_is_merged() {
    let gitlab = Through::start().await;
    let fork = gitlab.ask("git.repo.fork", json!({"repo": "acme/web"})).await;
    assert_eq!(
        (&fork["repo"]["path"], &fork["ready"]),
        (&json!("sandbox-user/web"), &json!(false))
    );
    branch(&gitlab, "sandbox-user/web", "mine", "new.txt", "x").await;
    let new = json!({"repo": "acme/web", "title": "From a fork", "head": "mine", "head_repo": "sandbox-user/web"});
    let made = gitlab.ask("git.pr.create", new).await;
    assert_eq!(
        (&made["base"]["branch"], &made["head"]["branch"]),
        (&json!("main"), &json!("mine"))
    );
    let number = &made["number"];
    let merged = gitlab
        .ask("git.pr.merge", json!({"pr": format!("acme/web#{number}")}))
        .await;
    assert_eq!(merged["outcome"], "merged");
}

/// Where a pair is kept: in memory, for this test.
#[derive(Debug, Default)]
struct Kept(Mutex<Option<SecretString>>);

#[tokio::test]
async fn each_kind_of_credential_is_shown_in_its_way() {
    let gitlab = Through::start().await;
    let secret = |text: &str| SecretString::from(text.to_owned());
    let with = |given: Given| {
        let mut connection = gitlab.connection();
        connection.credential = Some(given);
        connection
    };
    let repo = json!({"repo": "acme/api"});
    for (given, becomes) in [
        (Given::Token(secret("sandbox-one")), None),
        (Given::Bearer(secret("sandbox-one")), None),
        (Given::Token(secret("another")), Some(Kind::UpstreamAuth)),
        (Given::Token(secret("sandbox-one.expired")), Some(Kind::UpstreamAuth)),
        (Given::Job(secret("another")), Some(Kind::UpstreamAuth)),
    ] {
        let outcome = ask("gitlab", &with(given), "git.repo.get", repo.clone()).await;
        assert_eq!(outcome.err().map(|failure| failure.kind), becomes);
    }
    let job = with(Given::Job(secret("sandbox-one.job")));
    assert_eq!(
        ask("gitlab", &job, "git.release.list", repo.clone())
            .await
            .expect("read")["items"],
        json!([])
    );
    let new = json!({"repo": "acme/api", "branch": "x", "from": "main"});
    let refused = ask("gitlab", &job, "git.branch.create", new.clone())
        .await
        .expect_err("no job's");
    assert_eq!(refused.kind, Kind::UpstreamAuth);
    let reader = with(Given::Token(secret("sandbox-one.read")));
    let refused = ask("gitlab", &reader, "git.branch.create", new)
        .await
        .expect_err("reads only");
    assert_eq!(refused.kind, Kind::Forbidden);
    assert!(driver("gitlab", &reader).expect("connected").health().await.is_ok());
    assert_eq!(gitlab.created(), 0);
}

impl Keep for Kept {
    fn load(&self) -> BoxFuture<'_, Result<Option<SecretString>, Failure>> {
        std::future::ready(Ok(self.0.lock().expect("no panic while held").clone())).boxed()
    }

    fn save(&self, kept: SecretString) -> BoxFuture<'_, Result<(), Failure>> {
        *self.0.lock().expect("no panic while held") = Some(kept);
        std::future::ready(Ok(())).boxed()
    }

    fn claim(&self, _lease: Duration) -> BoxFuture<'_, Result<Option<Claim>, Failure>> {
        std::future::ready(Ok(Some(Claim(1)))).boxed()
    }

    fn release(&self, _claim: Claim) -> BoxFuture<'_, Result<(), Failure>> {
        std::future::ready(Ok(())).boxed()
    }
}

#[tokio::test]
async fn a_pair_of_tokens_is_renewed_when_its_requests_are_used_up() {
    let gitlab = Through::start().await;
    let kept = Arc::new(Kept::default());
    let mut connection = gitlab.connection();
    connection.clock = crate::hurried();
    connection.credential = Some(Given::OAuth(Grant {
        client_id: "sandbox-app".to_owned(),
        client_secret: Some(SecretString::from("sandbox-one")),
        refresh_token: SecretString::from("sandbox-one.refresh"),
        access_token: None,
        redirect_uri: None,
        keep: Some(kept.clone()),
    }));
    let driver = driver("gitlab", &connection).expect("connected");
    // More than one access token is good for, and fewer than two are.
    for number in 0..150 {
        let call = crate::upstream::call("git.repo.get", json!({"repo": "acme/api"}), false).expect("a sound input");
        let answer = driver.clone().call(Arc::new(call)).await;
        answer.unwrap_or_else(|failure| panic!("call {number}: {failure:?}"));
    }
    let kept = kept.load().await.expect("kept").expect("a pair");
    assert!(kept.expose_secret().contains("sandbox-one.refresh-2"), "renewed twice");
}
