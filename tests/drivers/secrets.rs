//! Credentials and payloads: where they must not turn up.
//!
//! Invariant: neither a failure, nor its causes, nor another origin sees them.

use std::error::Error;

use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use crate::any;
use crate::upstream::raw::{RawUpstream, Then};
use crate::upstream::{self, Canned, TOKEN, Upstream, ask, connection};

#[tokio::test]
async fn secrets_in_an_answer_reach_no_failure() {
    let planted = "sk-planted-5551212";
    let echo = |status: u16, kind: &str| {
        let text = format!("bad key {TOKEN} {planted}");
        let body = match kind {
            "gitea" => json!({"message": text, "url": text}),
            "gitlab" => json!({"message": {text.clone(): [text]}, "error": text, "error_description": text}),
            "github" => json!({"message": text, "documentation_url": text,
                "errors": [{"field": text, "code": text, "value": text, "message": text}]}),
            _ => json!({"error": {"message": text, "type": text, "param": text, "code": text}}),
        };
        Canned::json(status, body).header("x-request-id", planted)
    };
    let mut checked = 0;
    for kind in ["anthropic", "gitea", "github", "gitlab", "openai"] {
        for status in [200, 301, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503] {
            let provider =
                Upstream::answering([echo(status, kind).header("location", &format!("http://{planted}/"))]).await;
            let failure = any(kind, &provider.url).await.expect_err("refused");
            assert_silent(&failure, &[TOKEN, planted]);
            checked += 1;
        }
    }
    assert_eq!(checked, 60);
}

#[tokio::test]
async fn secrets_in_a_request_reach_no_failure() {
    // The query and the path hold what the input held; the client's own errors quote them.
    let provider = RawUpstream::new("", Then::Reset).await;
    let input = json!({"repo": "acme/5551212", "path": "5551212", "ref": "5551212"});
    let failure = ask("github", &connection(&provider.url), "git.file.get", input)
        .await
        .expect_err("reset");
    assert_silent(&failure, &[TOKEN, "5551212"]);
}

/// Looks at all that a failure can show, its causes included.
fn assert_silent(failure: &Failure, secrets: &[&str]) {
    let mut shown = format!("{failure:?} {failure} {}", upstream::failure_json(failure));
    let mut cause = Error::source(failure);
    while let Some(error) = cause {
        shown += &format!(" {error:?} {error}");
        cause = error.source();
    }
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_redirect_takes_the_credential_nowhere_else() {
    let elsewhere = Upstream::answering([]).await;
    let there = format!("{}/repos/acme/api", elsewhere.url);
    let provider = Upstream::answering([Canned::text(301, "").header("location", &there)]).await;
    let failure = any("github", &provider.url).await.expect_err("not followed");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_is_followed_once() {
    let round = Canned::text(307, "").header("location", "/repos/acme/api");
    let provider = Upstream::answering([round.clone(), round.clone(), round]).await;
    let failure = any("github", &provider.url).await.expect_err("a loop");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
    assert_eq!(provider.seen().len(), 2);
}

#[tokio::test]
async fn a_write_is_not_redirected_to_itself() {
    for to in [
        "/repos/acme/api/issues",
        "",
        "#top",
        "/repos/acme/%61pi/./issues?again=1",
    ] {
        let round = Canned::text(307, "").header("location", to);
        let provider = Upstream::answering([round.clone(), round]).await;
        let input = json!({"project": "acme/api", "title": "T"});
        let failure = ask("github", &connection(&provider.url), "projects.issue.create", input)
            .await
            .expect_err("a loop");
        assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false), "{to}");
        assert_eq!(provider.seen().len(), 1, "{to}");
    }
}
