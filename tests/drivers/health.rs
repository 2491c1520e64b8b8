//! What a health check proves, and what it does not.

use std::time::Duration;

use mosaic_actors::driver::Credential;
use mosaic_actors::error::Kind;
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
        ("github", true, &[404], Unproven),
        ("jenkins", true, &[200], Serves),
        ("jenkins", false, &[200], Unproven),
        ("notion", true, &[200], Serves),
        ("woodpecker", true, &[200], Serves),
        ("woodpecker", true, &[405], Unproven),
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
        for _ in statuses {
            health = driver.clone().health().await.ok();
        }
        assert_eq!(health, Some(proves), "{kind} {given} {statuses:?}");
    }
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
