//! What is Gitea's own: its token, its place, and the labels that a new issue needs.
//!
//! Invariant: nothing is written before every label of it is known.

use std::sync::Arc;

use mosaic::providers::http::HttpClient;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use crate::upstream::cells::cells;
use crate::upstream::{self, Canned, INSTANCE, TOKEN, Upstream, ask, connection, connection_by, driver};

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let invalid = Kind::InvalidInput;
    for (operation, input, becomes, field) in [
        ("git.repo.get", json!({"repo": "acme"}), invalid, "repo"),
        ("git.repo.list", json!({"owner": "a/b"}), invalid, "owner"),
        ("projects.issue.get", json!({"issue": "acme/api#x"}), invalid, "issue"),
        ("git.pr.get", json!({"pr": "acme/api"}), invalid, "pr"),
        ("git.pr.merge", json!({"pr": "acme/api#0"}), invalid, "pr"),
        ("git.hook.delete", json!({"hook": "acme#1"}), invalid, "hook"),
        (
            "git.pr.create",
            json!({"repo": "a/b", "title": "t", "head": "h", "base": "m", "head_repo": "x"}),
            invalid,
            "head_repo",
        ),
        (
            "git.repo.create",
            json!({"name": "n", "visibility": "internal"}),
            Kind::Unsupported,
            "visibility",
        ),
        (
            "git.status.set",
            json!({"repo": "a/b", "commit": "c", "state": "running", "context": "ci"}),
            Kind::Unsupported,
            "state",
        ),
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

#[tokio::test]
async fn gt11_statuses_are_read_to_their_end_or_to_a_bound() {
    let status = |number: usize| json!({"context": format!("ci/{number}"), "status": "success"});
    let page = |total: &str| {
        let rows: Vec<Value> = (0..50).map(status).collect();
        Canned::json(200, json!({"sha": "c1", "state": "success", "statuses": rows})).header("x-total-count", total)
    };
    for (total, asked, incomplete) in [("50", 1, false), ("120", 3, false), ("99999", 20, true)] {
        let provider = Upstream::answering(vec![page(total); 40]).await;
        let input = json!({"repo": "a/b", "commit": "main"});
        let combined = ask("gitea", &connection(&provider.url), "git.status.get", input).await;
        assert_eq!(combined.expect("statuses")["incomplete"], incomplete, "{total}");
        assert_eq!(provider.seen().len(), asked, "{total}");
    }
}

/// A server that gives 20 rows at most says nothing of it; where its count was taken away on the way, the end is an empty
/// page.
#[tokio::test]
async fn gt22_statuses_that_are_not_counted_end_with_an_empty_page() {
    let page = |rows: usize| {
        let row = |number: usize| json!({"context": format!("ci/{number}"), "status": "success"});
        let rows: Vec<Value> = (0..rows).map(row).collect();
        Canned::json(200, json!({"sha": "c1", "statuses": rows}))
    };
    let provider = Upstream::answering([20, 20, 5, 0].map(page)).await;
    let input = json!({"repo": "a/b", "commit": "main"});
    let combined = ask("gitea", &connection(&provider.url), "git.status.get", input).await;
    let combined = combined.expect("statuses");
    assert_eq!(
        (combined["statuses"].as_array().map(Vec::len), &combined["incomplete"]),
        (Some(45), &json!(false))
    );
    assert_eq!(provider.seen().len(), 4);
}

#[tokio::test]
async fn gt33_the_version_is_asked_once_and_a_server_that_hides_it_works() {
    let said = || Canned::json(201, json!({"context": "ci", "status": "skipped"}));
    for (version, of_two) in [
        (Canned::json(200, json!({"version": "1.26.0+dev-12-gabc"})), 3),
        (Canned::json(403, json!({"message": "no"})), 3),
        (Canned::text(200, "<html>"), 3),
        // It may tell the next time.
        (Canned::text(502, ""), 4),
    ] {
        let again = (of_two == 4).then(|| version.clone());
        let answers = [Some(version), Some(said()), again, Some(said())];
        let provider = Upstream::answering(answers.into_iter().flatten()).await;
        let driver = driver("gitea", &connection(&provider.url)).expect("connected");
        for _ in 0..2 {
            let input = json!({"repo": "a/b", "commit": "c".repeat(40), "state": "skipped", "context": "ci"});
            let call = upstream::call("git.status.set", input, false).expect("a sound input");
            driver.clone().call(Arc::new(call)).await.expect("said");
        }
        assert_eq!(provider.seen().len(), of_two);
    }
}

/// What can become of an answer on its way, or at a server that is not quite Gitea.
fn changed(answer: &Canned) -> Vec<Canned> {
    let with = |body: Value| Canned {
        body: Some(body),
        ..answer.clone()
    };
    let body = answer.body.clone().unwrap_or_default();
    let text = body.to_string();
    let half: String = text.chars().take(text.chars().count() / 2).collect();
    let odd = [
        json!(null),
        json!(-1),
        json!(1e300),
        json!(""),
        json!([[]]),
        json!({"a": {}}),
    ];
    let mut all: Vec<Canned> = odd.iter().map(|odd| with(replaced(&body, odd))).collect();
    all.extend([json!(null), json!([]), json!({}), json!([null, 7])].map(with));
    all.extend(["", &half, "<html></html>", "\u{fffd}"].map(|text| Canned {
        body: None,
        text: Some(text.to_owned()),
        ..answer.clone()
    }));
    all
}

/// The same with another value wherever there was none but a list or an object.
fn replaced(value: &Value, odd: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| replaced(item, odd)).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), replaced(value, odd)));
            Value::Object(fields.collect())
        }
        _ => odd.clone(),
    }
}

#[tokio::test]
async fn however_answers_are_changed_no_call_panics_or_goes_on_for_ever() {
    /// As many pages of statuses are read, and something before and behind.
    const MOST: usize = 25;
    let client = HttpClient::from_env().expect("a client");
    let cells = cells()
        .into_iter()
        .filter(|cell| cell.kind == "gitea" && cell.operation.starts_with("git."));
    for cell in cells {
        let input = cell.read("input.json");
        if input.get("include_raw").is_some() || input.get("cursor").is_some() {
            continue;
        }
        for (at, answer) in cell.answers.iter().enumerate() {
            for changed in changed(answer) {
                let before = cell.answers[..at].iter().cloned();
                let endless = std::iter::repeat_n(changed, MOST + 10);
                let provider = Upstream::answering(before.chain(endless)).await;
                let connection = connection_by(&client, &provider.url);
                // Whether it is understood does not matter here.
                let _outcome = ask("gitea", &connection, &cell.operation, input.clone()).await;
                assert!(provider.seen().len() <= MOST, "{} at {at}", cell.name());
            }
        }
    }
}
