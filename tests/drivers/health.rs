//! What a health check proves, and what it does not.

use std::time::Duration;

use mosaic::providers::KINDS;
use mosaic::providers::http::credential::Given;
use mosaic_actors::driver::Credential;
use mosaic_actors::error::Kind;
use secrecy::SecretString;
use serde_json::json;

use crate::upstream::{Canned, Upstream, connection, driver};

#[tokio::test]
async fn a_health_check_proves_the_credential_where_it_is_known_to_be_looked_at() {
    use Credential::{Serves, Unproven};
    for (kind, given, statuses, proves) in [
        ("bookstack", true, &[200][..], Serves),
        ("gitea", true, &[200], Serves),
        ("gitea", false, &[200], Unproven),
        ("gitea", true, &[403], Unproven),
        ("github", true, &[200], Serves),
        ("gitlab", true, &[200], Serves),
        ("gitlab", false, &[200], Unproven),
        ("gitlab", true, &[403], Unproven),
        ("github", false, &[200], Unproven),
        // Its limits are switched off.
        ("github", true, &[404, 200], Unproven),
        ("jenkins", true, &[200], Serves),
        ("jenkins", false, &[200], Unproven),
        ("notion", true, &[200], Serves),
        ("woodpecker", true, &[200], Serves),
        // Many list their models to everybody; one that has refused a credential does not.
        ("openai", true, &[200], Unproven),
        ("openai", true, &[500, 200], Unproven),
        ("openai", true, &[401, 200], Serves),
        ("openai", true, &[401, 404], Unproven),
        ("anthropic", true, &[200], Unproven),
        ("anthropic", true, &[401, 200], Serves),
    ] {
        let answers = statuses.iter().map(|status| Canned::json(*status, json!({})));
        let provider = Upstream::answering(answers.collect::<Vec<_>>()).await;
        let mut connection = connection(&provider.url);
        connection.credential = connection.credential.filter(|_| given);
        let driver = driver(kind, &connection).expect(kind);
        let mut health = None;
        while provider.seen().len() < statuses.len() {
            health = driver.clone().health().await.ok();
        }
        assert_eq!(health, Some(proves), "{kind} {given} {statuses:?}");
    }
}

#[tokio::test]
async fn a_job_s_token_is_refused_or_shown_nothing_and_that_is_no_fault() {
    for (status, proves) in [
        (200, Credential::Serves),
        (401, Credential::Unproven),
        (403, Credential::Unproven),
        (404, Credential::Unproven),
    ] {
        let provider = Upstream::answering([Canned::json(status, json!({"message": "404 Not Found"}))]).await;
        let mut connection = connection(&provider.url);
        connection.credential = Some(Given::Job(SecretString::from("of-a-job")));
        let health = driver("gitlab", &connection).expect("made").health().await;
        assert_eq!(health.ok(), Some(proves), "{status}");
        // Nothing of it can be asked; what it opens is told all the same.
        let asked = provider.seen().len();
        let kind = KINDS.iter().find(|kind| kind.name == "gitlab").expect("a known kind");
        let standing = (kind.standing)(&connection).await.expect("nothing is sent");
        assert!(standing.note.is_some_and(|note| note.contains("ends with its job")));
        assert_eq!(provider.seen().len(), asked);
    }
}

#[tokio::test]
async fn where_nothing_of_the_api_is_the_address_that_is_meant_is_told() {
    for (kind, below, answers, meant) in [
        ("bookstack", "", 404, "/api"),
        ("gitea", "", 404, "/api/v1"),
        ("gitea", "/git", 404, "/git/api/v1"),
        ("gitea", "/api/v1", 404, ""),
        ("gitlab", "", 404, "/api/v4"),
        ("gitlab", "/api/v3", 404, "/api/v4"),
        ("github", "", 404, "/api/v3"),
        ("github", "/api/v3", 404, ""),
        ("woodpecker", "", 404, "/api"),
        // The page of its own surface, with a success.
        ("woodpecker", "", 200, "/api"),
        ("woodpecker", "", 405, "/api"),
    ] {
        let answer = || match answers {
            200 => Canned::text(200, "<!DOCTYPE html>").header("content-type", "text/html"),
            status => Canned::json(status, json!({"message": "Not Found"})),
        };
        let provider = Upstream::answering([answer(), answer()]).await;
        let driver = driver(kind, &connection(&format!("{}{below}", provider.url))).expect(kind);
        let failure = driver.health().await.expect_err(kind);
        let told = format!("try {}{meant}", provider.url);
        assert!(failure.message().contains(&told), "{kind} {below} {failure}");
        assert!(failure.unreadable && !failure.retryable, "{kind}");
    }
    // Which path it is below nobody can know.
    let provider = Upstream::answering([Canned::text(404, "<html>").header("content-type", "text/html")]).await;
    let driver = driver("jenkins", &connection(&provider.url)).expect("made");
    let failure = driver.health().await.expect_err("it is not there");
    assert!(failure.message().contains("does base_url lack the path"), "{failure}");
}

#[tokio::test]
async fn a_rate_limit_that_a_check_meets_tells_how_long_it_lasts() {
    for (kind, status) in [
        ("github", 429),
        // The second limit.
        ("github", 403),
        ("gitea", 429),
        ("gitlab", 429),
        ("openai", 429),
        ("anthropic", 429),
    ] {
        let limited = Canned::json(status, json!({})).header("retry-after", "3600");
        let provider = Upstream::answering([limited]).await;
        let driver = driver(kind, &connection(&provider.url)).expect(kind);
        let failure = driver.health().await.expect_err(kind);
        assert_eq!(failure.kind, Kind::UpstreamRateLimited, "{kind} {status}");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(3600)), "{kind} {status}");
    }
}

/// Whoever looks at a base without the API's path, or with it twice, is told by a look at where it is meant to be; a server
/// that has nothing there either may lack the route alone.
#[tokio::test]
async fn a_base_of_a_model_or_a_wiki_that_is_no_place_of_the_api_is_told() {
    let gone = || Canned::json(404, json!({"error": {"message": "Not Found"}}));
    let strange = || {
        Canned::json(
            400,
            json!({"object": "error", "code": "invalid_request_url", "message": "no"}),
        )
    };
    let there = || Canned::json(200, json!({"data": []}));
    let closed = || Canned::json(401, json!({"error": {"message": "no key"}}));
    for (kind, below, answers, told, asked) in [
        (
            "openai",
            "",
            [gone(), there()],
            Some("lacks the path of the API"),
            "/v1/models",
        ),
        ("openai", "/v1/v1", [gone(), closed()], Some("twice"), "/v1/models"),
        ("openai", "", [gone(), gone()], None, "/v1/models"),
        (
            "anthropic",
            "/v1",
            [gone(), there()],
            Some("begin with themselves"),
            "/v1/models",
        ),
        (
            "notion",
            "",
            [strange(), there()],
            Some("lacks the path of the API"),
            "/v1/users/me",
        ),
        ("notion", "/v1/v1", [strange(), there()], Some("twice"), "/v1/users/me"),
    ] {
        let provider = Upstream::answering(answers).await;
        let connection = connection(&format!("{}{below}", provider.url));
        let health = driver(kind, &connection).expect(kind).health().await;
        let seen = provider.seen();
        assert!(seen[1].path.starts_with(asked), "{kind} {below}: {}", seen[1].path);
        // Beside its base nobody is shown the credential.
        let shown = |at: usize| {
            ["authorization", "x-api-key"]
                .iter()
                .any(|name| seen[at].headers.contains_key(*name))
        };
        assert!(shown(0) && !shown(1), "{kind} {below}");
        match (health, told) {
            (Ok(proves), None) => assert_eq!(proves, Credential::Unproven, "{kind} {below}"),
            (Err(failure), Some(told)) => {
                assert!(
                    failure.message().contains(told) && failure.unreadable,
                    "{kind} {below}: {failure}"
                );
            }
            (health, told) => panic!("{kind} {below}: {health:?} {told:?}"),
        }
    }
}
