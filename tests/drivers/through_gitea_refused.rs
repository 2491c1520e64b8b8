//! What Gitea's stand-in refuses, as its driver tells it.
//!
//! Invariant: each refusal has the kind that tells the caller what to do next.

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::through_gitea::{Gitea, REPO};

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let gitea = Gitea::with_work().await;
    for (operation, input) in [
        ("git.repo.get", json!({"repo": "acme/none"})),
        ("git.branch.delete", json!({"repo": REPO, "branch": "none"})),
        (
            "git.branch.create",
            json!({"repo": REPO, "branch": "x", "from": "none"}),
        ),
        ("git.commit.get", json!({"repo": REPO, "commit": "none"})),
        ("git.compare", json!({"repo": REPO, "base": "main", "head": "none"})),
        ("git.tree.list", json!({"repo": REPO, "ref": "none"})),
        ("git.file.get", json!({"repo": REPO, "path": "none"})),
        (
            "git.file.delete",
            json!({"repo": REPO, "path": "none", "branch": "work"}),
        ),
        ("git.tag.create", json!({"repo": REPO, "tag": "x", "target": "none"})),
        ("git.pr.get", json!({"pr": format!("{REPO}#9")})),
        (
            "git.pr.create",
            json!({"repo": REPO, "title": "x", "head": "none", "base": "main"}),
        ),
        ("git.status.get", json!({"repo": REPO, "commit": "none"})),
        (
            "git.status.set",
            json!({"repo": REPO, "commit": "0".repeat(40), "state": "success", "context": "x"}),
        ),
        ("git.hook.delete", json!({"hook": format!("{REPO}#9")})),
        ("projects.issue.get", json!({"issue": format!("{REPO}#9")})),
    ] {
        assert_eq!(
            gitea.refuses(operation, input.clone()).await.0,
            Kind::NotFound,
            "{operation} {input}"
        );
    }
}

#[tokio::test]
async fn what_is_there_already_conflicts() {
    let gitea = Gitea::with_work().await;
    gitea.opened("Add it").await;
    gitea
        .does("git.release.create", json!({"repo": REPO, "tag": "v1"}))
        .await;
    gitea.does("git.repo.fork", json!({"repo": "acme/web"})).await;
    for (operation, input, field) in [
        ("git.repo.create", json!({"name": "tool"}), "name"),
        ("git.repo.fork", json!({"repo": "acme/web"}), "name"),
        // Oneself.
        ("git.repo.fork", json!({"repo": REPO}), "name"),
        ("git.branch.create", json!({"repo": REPO, "branch": "work"}), "branch"),
        ("git.tag.create", json!({"repo": REPO, "tag": "v1"}), "tag"),
        ("git.release.create", json!({"repo": REPO, "tag": "v1"}), "tag"),
        (
            "git.pr.create",
            json!({"repo": REPO, "title": "x", "head": "work", "base": "main"}),
            "head",
        ),
        // There is nothing new in it.
        (
            "git.pr.create",
            json!({"repo": REPO, "title": "x", "head": "main", "base": "main"}),
            "head",
        ),
    ] {
        assert_eq!(
            gitea.refuses(operation, input.clone()).await,
            (Kind::Conflict, Some(field.to_owned())),
            "{operation} {input}"
        );
    }
}

#[tokio::test]
async fn what_is_protected_archived_or_somebody_elses_is_forbidden() {
    let gitea = Gitea::with_work().await;
    let file = |repo: &str| json!({"repo": repo, "path": "new.txt", "content": "x"});
    for (operation, input) in [
        ("git.file.put", file("acme/api")),
        (
            "git.branch.delete",
            json!({"repo": "acme/api", "branch": "release/1.4"}),
        ),
        ("git.branch.delete", json!({"repo": REPO, "branch": "main"})),
        ("git.file.put", file("sandbox-guest/api")),
        ("git.hook.list", json!({"repo": "sandbox-guest/api"})),
        ("git.repo.delete", json!({"repo": "sandbox-guest/api"})),
    ] {
        assert_eq!(
            gitea.refuses(operation, input.clone()).await.0,
            Kind::Forbidden,
            "{operation} {input}"
        );
    }
    for (operation, input) in [
        ("git.file.put", file("quirks/archived")),
        ("git.branch.create", json!({"repo": "quirks/archived", "branch": "x"})),
        ("git.tag.create", json!({"repo": "quirks/archived", "tag": "x"})),
        (
            "projects.issue.create",
            json!({"project": "quirks/archived", "title": "x"}),
        ),
    ] {
        assert_eq!(
            gitea.refuses(operation, input.clone()).await.0,
            Kind::Forbidden,
            "{operation} {input}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_no_more_what_was_named() {
    let gitea = Gitea::with_work().await;
    let file = |more: Value| {
        let version = "0123456789abcdef0123456789abcdef01234567";
        let mut input = json!({"repo": REPO, "path": "none", "branch": "work", "if_match": version});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (operation, input) in [
        ("git.file.put", file(json!({"content": "x"}))),
        ("git.file.delete", file(json!({}))),
    ] {
        assert_eq!(
            gitea.refuses(operation, input).await,
            (Kind::PreconditionFailed, Some("if_match".to_owned())),
            "{operation}"
        );
    }
    let elsewhere = file(json!({"branch": "none"}));
    assert_eq!(
        gitea.refuses("git.file.delete", elsewhere).await,
        (Kind::NotFound, Some("branch".to_owned()))
    );
}

#[tokio::test]
async fn an_empty_repository_has_nothing_and_begins_with_a_file() {
    let gitea = Gitea::start().await;
    let empty = |more: Value| {
        let mut input = json!({"repo": "quirks/empty"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for operation in ["git.branch.list", "git.commit.list", "git.tag.list", "git.release.list"] {
        assert_eq!(
            gitea.does(operation, empty(json!({}))).await["items"],
            json!([]),
            "{operation}"
        );
    }
    gitea.refuses("git.branch.create", empty(json!({"branch": "x"}))).await;
    gitea.refuses("git.release.create", empty(json!({"tag": "v1"}))).await;
    gitea
        .does(
            "git.file.put",
            empty(json!({"path": "README.md", "content": "Hello\n"})),
        )
        .await;
    let branches = gitea.does("git.branch.list", empty(json!({}))).await;
    assert_eq!(branches["items"][0]["name"], "main");
}

#[tokio::test]
async fn a_merge_is_refused_for_what_keeps_it_from_being_done() {
    let gitea = Gitea::with_work().await;
    let pr = gitea.opened("WIP: Add it").await;
    let merge = |more: Value| {
        let mut input = json!({"pr": pr});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    assert_eq!(
        gitea.refuses("git.pr.merge", merge(json!({}))).await.0,
        Kind::Conflict,
        "a draft"
    );
    let own = gitea.refuses("git.pr.review", merge(json!({"event": "approve"}))).await;
    assert!(
        matches!(own.0, Kind::Conflict | Kind::Forbidden | Kind::InvalidInput),
        "{own:?}"
    );
    let pull = gitea.does("git.pr.update", merge(json!({"draft": false}))).await;
    gitea.put("work", "more.txt", "x").await;
    let moved = gitea
        .refuses("git.pr.merge", merge(json!({"if_match": pull["head"]["sha"]})))
        .await;
    assert_eq!(moved, (Kind::PreconditionFailed, Some("if_match".to_owned())));
    gitea.put("main", "more.txt", "y").await;
    gitea.does("git.pr.get", merge(json!({}))).await;
    assert_eq!(
        gitea.refuses("git.pr.merge", merge(json!({}))).await.0,
        Kind::Conflict,
        "both sides changed it"
    );
    gitea.does("git.pr.update", merge(json!({"state": "closed"}))).await;
    assert_eq!(
        gitea.refuses("git.pr.merge", merge(json!({}))).await.0,
        Kind::Conflict,
        "closed"
    );
    gitea.does("git.pr.update", merge(json!({"state": "open"}))).await;
}

#[tokio::test]
async fn a_guests_pull_request_is_judged_merged_and_stays_merged() {
    let gitea = Gitea::start().await;
    let pr = json!({"pr": "acme/api#3"});
    let review = gitea
        .does("git.pr.review", json!({"pr": "acme/api#3", "event": "approve"}))
        .await;
    assert_eq!(review["verdict"], "approved");
    let merged = gitea
        .does("git.pr.merge", json!({"pr": "acme/api#3", "method": "rebase"}))
        .await;
    assert_eq!(merged["outcome"], "merged");
    assert_eq!(gitea.refuses("git.pr.merge", pr.clone()).await.0, Kind::Conflict);
    let again = gitea
        .refuses("git.pr.update", json!({"pr": "acme/api#3", "state": "open"}))
        .await;
    assert!(
        matches!(again.0, Kind::Conflict | Kind::PreconditionFailed),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_former_name_leads_a_read_to_the_present_one() {
    let gitea = Gitea::start().await;
    let repo = gitea.does("git.repo.get", json!({"repo": "quirks/former"})).await;
    assert_eq!(repo["path"], "quirks/renamed");
}
