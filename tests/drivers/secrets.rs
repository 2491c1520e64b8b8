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
async fn what_a_server_echoes_of_our_credential_is_hidden_and_no_address_lets_anybody_in() {
    let planted = "planted-5551212";
    let hidden = "*".repeat(TOKEN.len());
    let there = |rest: &str| format!("https://ci:{planted}@git.example.com/{rest}");
    for kind in ["gitea", "github", "gitlab"] {
        let body = json!({
            "id": 1, "name": "api", "path": "api", "full_name": "acme/api", "path_with_namespace": "acme/api",
            "owner": {"id": 1, "login": "acme"}, "namespace": {"full_path": "acme"}, "visibility": "public",
            "description": format!("says {TOKEN}, and https://user:word@host/ as somebody wrote it"),
            "clone_url": there("a.git"), "http_url_to_repo": there("a.git"), "html_url": there("a"), "web_url": there("a"),
            "ssh_url": format!("ssh://git:{planted}@git.example.com/a"),
            "ssh_url_to_repo": format!("ssh://git:{planted}@git.example.com/a"),
        });
        let provider = Upstream::answering([Canned::json(200, body)]).await;
        let call = upstream::call("git.repo.get", json!({"repo": "acme/api"}), true).expect("sound");
        let driver = upstream::driver(kind, &connection(&provider.url)).expect("connected");
        let (told, failure) = upstream::whole(driver.call(call.into()).await.expect("answered")).await;
        assert!(failure.is_none(), "{kind}");
        assert_eq!(told["clone_url"], "https://git.example.com/a.git", "{kind}");
        assert_eq!(told["web_url"], "https://git.example.com/a", "{kind}");
        assert_eq!(told["ssh_url"], "ssh://git@git.example.com/a", "{kind}");
        let said = format!("says {hidden}, and https://user:word@host/ as somebody wrote it");
        assert_eq!(told["description"], said.as_str(), "{kind}");
        assert_eq!(told["raw"]["description"], said.as_str(), "{kind}");
        let text = told.to_string();
        assert!(!text.contains(TOKEN) && !text.contains(planted), "{kind} {text}");
    }
}

#[tokio::test]
async fn a_stream_hides_our_credential_wherever_it_is_cut() {
    let text = format!(
        "data: {}\n\n",
        json!({"id": "c", "model": "m",
        "choices": [{"index": 0, "delta": {"content": format!("it is {TOKEN}.")}, "finish_reason": "stop"}]})
    );
    let events = Canned::text(200, &(text + "data: [DONE]\n\n")).header("content-type", "text/event-stream");
    let provider = Upstream::answering([events]).await;
    let input = json!({"model": "m", "prompt": "Hello"});
    let told = ask("openai", &connection(&provider.url), "ai.chat.stream", input)
        .await
        .expect("a stream");
    let text = told.to_string();
    assert!(
        text.contains(&format!("it is {}.", "*".repeat(TOKEN.len()))) && !text.contains(TOKEN),
        "{text}"
    );
}

#[tokio::test]
async fn a_redirect_out_of_the_api_takes_the_credential_nowhere() {
    for beside in ["/admin", "/api/v3/../../admin", "/api/v3/..%2f..%2fadmin", "/api/v33/x"] {
        let provider = Upstream::answering([
            Canned::text(307, "").header("location", beside),
            Canned::text(200, "{}"),
        ])
        .await;
        let base = format!("{}/api/v3", provider.url);
        let failure = any("github", &base).await.expect_err("not followed");
        assert_eq!(
            (failure.kind, failure.retryable),
            (Kind::UpstreamFailed, false),
            "{beside}"
        );
        assert_eq!(provider.seen().len(), 1, "{beside}");
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
