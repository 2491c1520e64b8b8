//! What is Gitea's own: its token, its place, and the labels that a new issue needs.
//!
//! Invariant: nothing is written before every label of it is known.

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use crate::upstream::{Canned, INSTANCE, TOKEN, Upstream, ask, connection, driver};

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let invalid = Kind::InvalidInput;
    for (operation, input, becomes, field) in [
        ("git.repo.get", json!({"repo": "acme"}), invalid, "repo"),
        ("git.repo.list", json!({"owner": "a/b"}), invalid, "owner"),
        ("projects.issue.get", json!({"issue": "acme/api#x"}), invalid, "issue"),
        (
            "projects.issue.create",
            json!({"project": "a", "title": "t", "labels": ["bug"]}),
            invalid,
            "project",
        ),
        (
            "projects.issue.list",
            json!({"project": "a/b", "labels": ["x,y"]}),
            Kind::Unsupported,
            "labels",
        ),
    ] {
        let provider = Upstream::answering([]).await;
        let outcome = ask("gitea", &connection(&provider.url), operation, input).await;
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
async fn health_asks_who_the_token_is_or_else_for_the_version() {
    for (token, status, path, becomes) in [
        (true, 200, "/user", None),
        // A token that may not see its own user: good all the same.
        (true, 403, "/user", None),
        (true, 401, "/user", Some(Kind::UpstreamAuth)),
        (false, 200, "/version", None),
        (false, 502, "/version", Some(Kind::UpstreamFailed)),
    ] {
        let provider = Upstream::answering([Canned::json(status, json!({}))]).await;
        let mut connection = connection(&provider.url);
        if !token {
            connection.credential = None;
        }
        let health = driver("gitea", &connection).expect("connected").health().await;
        assert_eq!(health.err().map(|failure| failure.kind), becomes, "{path} {status}");
        let seen = &provider.seen()[0];
        let sent = seen
            .headers
            .get("authorization")
            .map(|value| value.to_str().expect("text"));
        assert_eq!(seen.path, path);
        assert_eq!(sent, token.then_some(format!("token {TOKEN}").as_str()));
    }
}

#[test]
fn without_a_place_it_is_nowhere() {
    let mut connection = connection("http://localhost:1");
    connection.base_url = None;
    let failure = driver("gitea", &connection).err().expect("refused");
    assert_eq!(failure.field.as_deref(), Some("base_url"));
}

fn labels(names: &[&str], total: usize) -> Canned {
    let label = |(id, name): (usize, &&str)| json!({"id": id + 1, "name": name});
    let labels: Vec<Value> = names.iter().enumerate().map(label).collect();
    Canned::json(200, labels.into()).header("x-total-count", &total.to_string())
}

/// How a new issue with one label fails, and what was asked for on the way.
async fn create(answers: Vec<Canned>) -> (Failure, usize) {
    let provider = Upstream::answering(answers).await;
    let input = json!({"project": "acme/api", "title": "t", "labels": ["bug"]});
    let outcome = ask("gitea", &connection(&provider.url), "projects.issue.create", input).await;
    (outcome.expect_err("refused"), provider.seen().len())
}

#[tokio::test]
async fn what_fails_before_a_new_issue_is_written_may_be_repeated() {
    let broken = || Canned::text(503, "");
    for (answers, unsent) in [
        (vec![broken()], true),
        (vec![labels(&["other"], 1), broken()], true),
        (vec![labels(&["bug"], 1), broken()], false),
    ] {
        let (failure, _) = create(answers).await;
        assert_eq!((failure.kind, failure.unsent), (Kind::UpstreamFailed, unsent));
        assert_eq!(failure.provider.as_deref(), Some(INSTANCE));
    }
}

#[tokio::test]
async fn an_organisation_that_is_closed_to_the_token_has_no_labels_for_it() {
    let (failure, asked) = create(vec![labels(&[], 0), Canned::text(403, "")]).await;
    assert_eq!(
        (failure.kind, failure.field.as_deref()),
        (Kind::InvalidInput, Some("labels"))
    );
    assert_eq!(asked, 2);
}

#[tokio::test]
async fn the_search_for_a_label_ends_whatever_the_server_counts() {
    let (failure, asked) = create(vec![labels(&["other"], usize::MAX); 50]).await;
    assert_eq!(
        (failure.kind, failure.field.as_deref()),
        (Kind::Unsupported, Some("labels"))
    );
    assert_eq!((asked, failure.unsent), (40, true));
}
