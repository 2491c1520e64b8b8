//! How drivers behave: what they send, what they refuse to send, and what they do when providers misbehave.
//!
//! Invariant: every failure tells the caller what to do next, and none holds a secret.

mod actions;
mod alike;
mod answers;
mod batches;
mod behind;
mod bookstack;
mod broken;
mod deliveries;
mod dispatches;
mod every_tracker;
mod every_wiki;
mod gitea;
mod github;
mod gitlab;
mod health;
mod hostile;
mod jenkins;
mod kept;
mod logs;
mod mutated;
mod notion;
mod notion_markdown;
mod odd;
mod refusals;
mod refused_alike;
mod responses;
mod round_trips;
mod sandbox;
mod secrets;
mod servers;
mod through;
mod through_actions;
mod through_apps;
mod through_batches;
mod through_bookstack;
mod through_gitea;
mod through_gitea_credentials;
mod through_gitea_refused;
mod through_gitlab;
mod through_gitlab_refused;
mod through_jenkins;
mod through_models;
mod through_notion;
mod through_responses;
mod through_trackers;
mod through_woodpecker;
#[path = "../harness/tools.rs"]
mod tools;
mod traps;
#[path = "../upstream/mod.rs"]
mod upstream;
mod woodpecker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;

use jiff::Timestamp;
use mosaic::catalogue;
use mosaic::providers::KINDS;
use mosaic::providers::http::credential::Clock;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use upstream::{Canned, INSTANCE, Upstream, ask, connection, driver};

/// A clock that is a second further whenever it is looked at: what is used up in a moment was had for a while.
pub fn hurried() -> Clock {
    let second = AtomicI64::new(Timestamp::now().as_second());
    Clock::new(move || Timestamp::from_second(second.fetch_add(1, Relaxed)).expect("a time"))
}

/// The input of a cheap read.
pub fn repo() -> Value {
    json!({"repo": "acme/api"})
}

/// The input of a chat.
pub fn hello() -> Value {
    json!({"model": "m", "prompt": "Hello"})
}

/// A cheap request of each kind of provider.
pub async fn any(kind: &str, url: &str) -> Result<Value, Failure> {
    match kind {
        "gitea" | "github" | "gitlab" => ask(kind, &connection(url), "git.repo.get", repo()).await,
        "anthropic" => {
            let hello = json!({"model": "m", "prompt": "Hello", "max_tokens": 100});
            ask(kind, &connection(url), "ai.chat.complete", hello).await
        }
        _ => ask(kind, &connection(url), "ai.chat.complete", hello()).await,
    }
}

#[tokio::test]
async fn a_sub_path_is_kept() {
    let provider = Upstream::answering([Canned::json(404, json!({}))]).await;
    let below = format!("{}/api/v3/", provider.url);
    any("github", &below).await.expect_err("not found");
    assert_eq!(provider.seen()[0].path, "/api/v3/repos/acme/api");
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let rows = [
        (
            "github",
            "git.repo.get",
            json!({"repo": "acme"}),
            Kind::InvalidInput,
            "repo",
        ),
        (
            "github",
            "git.branch.list",
            json!({"repo": "acme/../api"}),
            Kind::InvalidInput,
            "repo",
        ),
        (
            "github",
            "git.repo.list",
            json!({"owner": "acme/api"}),
            Kind::InvalidInput,
            "owner",
        ),
        (
            "github",
            "projects.issue.get",
            json!({"issue": "acme/api"}),
            Kind::InvalidInput,
            "issue",
        ),
        (
            "github",
            "projects.issue.list",
            json!({"project": "a"}),
            Kind::InvalidInput,
            "project",
        ),
        (
            "github",
            "projects.issue.list",
            json!({"project": "a/b", "labels": ["x,y"]}),
            Kind::Unsupported,
            "labels",
        ),
        (
            "openai",
            "ai.models.list",
            json!({"limit": 1}),
            Kind::Unsupported,
            "limit",
        ),
    ];
    for (kind, operation, input, becomes, field) in rows {
        let provider = Upstream::answering([]).await;
        let failure = ask(kind, &connection(&provider.url), operation, input)
            .await
            .expect_err(operation);
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (becomes, Some(field)),
            "{operation}"
        );
        assert!(failure.unsent, "{operation}");
        assert!(provider.seen().is_empty(), "{operation}");
    }
    let failure = ask("openai", &connection("http://localhost:1"), "git.repo.get", repo())
        .await
        .expect_err("not there");
    assert_eq!((failure.kind, failure.unsent), (Kind::Unsupported, true));
}

#[tokio::test]
async fn settings_are_sent_or_refused_by_name() {
    let with = |url: &str, settings: &str| {
        let mut connection = connection(url);
        connection.settings = toml::from_str(settings).expect("TOML");
        connection
    };
    for (kind, settings, field) in [
        ("github", "colour = 1", "settings.colour"),
        ("github", "api_version = \"new\"", "settings.api_version"),
        ("github", "api_version = 2022", "settings.api_version"),
        ("gitea", "api_version = \"1\"", "settings.api_version"),
        ("gitlab", "api_version = \"4\"", "settings.api_version"),
        ("openai", "projekt = \"p\"", "settings.projekt"),
        ("openai", "project = \"line\\nbreak\"", "settings.project"),
        ("openai", "profile = \"none\"", "settings.profile"),
        ("anthropic", "betas = [\"a,b\"]", "settings.betas"),
        ("anthropic", "max_tokens = 0", "settings.max_tokens"),
        ("anthropic", "spent_pause_s = 90000", "settings.spent_pause_s"),
    ] {
        let failure = driver(kind, &with("http://localhost:1", settings))
            .err()
            .expect(settings);
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some(field))
        );
    }
    let provider = Upstream::answering([Canned::text(500, ""), Canned::text(500, "")]).await;
    let github = with(&provider.url, "api_version = \"2026-03-10\"");
    ask("github", &github, "git.repo.get", repo()).await.expect_err("500");
    let openai = with(&provider.url, "organization = \"org-1\"\nproject = \"p-1\"");
    ask("openai", &openai, "ai.chat.complete", hello())
        .await
        .expect_err("500");
    let seen = provider.seen();
    assert_eq!(seen[0].headers["x-github-api-version"], "2026-03-10");
    assert_eq!(seen[1].headers["openai-organization"], "org-1");
    assert_eq!(seen[1].headers["openai-project"], "p-1");
}

#[tokio::test]
async fn without_a_credential_none_is_sent() {
    let provider = Upstream::answering([Canned::text(404, "")]).await;
    let mut connection = connection(&provider.url);
    connection.credential = None;
    ask("github", &connection, "git.repo.get", repo())
        .await
        .expect_err("404");
    assert!(!provider.seen()[0].headers.contains_key("authorization"));
}

#[tokio::test]
async fn health_asks_something_cheap() {
    for (kind, status, path, failure) in [
        ("github", 200, "/rate_limit", None),
        // A server without limits: well.
        ("github", 404, "/rate_limit", None),
        ("github", 401, "/rate_limit", Some(Kind::UpstreamAuth)),
        ("jenkins", 200, "/api/json", None),
        ("jenkins", 401, "/api/json", Some(Kind::UpstreamAuth)),
        ("openai", 200, "/models", None),
        ("openai", 500, "/models", Some(Kind::UpstreamFailed)),
        ("anthropic", 200, "/v1/models", None),
        ("anthropic", 529, "/v1/models", Some(Kind::UpstreamFailed)),
    ] {
        // Whoever asks once more is answered.
        let provider = Upstream::answering([Canned::json(status, json!({})), Canned::json(200, json!({}))]).await;
        let outcome = driver(kind, &connection(&provider.url))
            .expect("connected")
            .health()
            .await;
        assert_eq!(outcome.err().map(|failure| failure.kind), failure, "{kind} {status}");
        assert_eq!(provider.seen()[0].path, path);
    }
}

#[tokio::test]
async fn the_provider_s_request_id_is_passed_on() {
    let body = json!({"id": "c", "model": "m", "choices": [{"message": {"content": "a"}}]});
    let provider = Upstream::answering([Canned::json(200, body).header("x-request-id", "req-7")]).await;
    let call = upstream::call("ai.chat.complete", hello(), false).expect("a sound input");
    let answer = driver("openai", &connection(&provider.url))
        .expect("connected")
        .call(Arc::new(call))
        .await;
    let head = answer.expect("answered").head;
    assert_eq!(head.upstream_request_id.as_deref(), Some("req-7"));
    assert_eq!(&*head.provider, INSTANCE);
}

#[test]
fn every_kind_does_what_it_says_and_only_what_the_catalogue_knows() {
    let mut names = BTreeSet::new();
    for kind in KINDS {
        assert!(names.insert(kind.name), "{} twice", kind.name);
        let driver = driver(kind.name, &connection("http://localhost:1")).expect(kind.name);
        assert!(driver.capabilities().is_none(), "{}: nothing narrows it", kind.name);
        let operations = (kind.operations)();
        let known = operations
            .iter()
            .map(|name| catalogue::find(name).unwrap_or_else(|| panic!("{name}")));
        let services: BTreeSet<_> = known.map(|entry| entry.declaration.facts.service).collect();
        assert_eq!(services, kind.services(), "{}", kind.name);
    }
}
