//! What GitLab is shown: a token of its own kinds, a job's token, or tokens that are renewed by OAuth.
//!
//! Invariant: what a token may do is told by GitLab itself, and no part of the token is shown.

use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use crate::catalogue;
use crate::providers::http::credential::{CredentialStanding, OAuth, scopes};
use crate::providers::http::{Accepts, Endpoint, Header, Time};

pub const ACCEPTS: &[Accepts] = &[
    Accepts::Token(Header::bare("private-token")),
    Accepts::Bearer,
    Accepts::Job(Header::bare("job-token")),
    Accepts::OAuth(&OAuth {
        token: &["oauth", "token"],
    }),
];

/// How tokens begin.
pub const TOKENS: &[(&str, &str)] = &[
    ("glpat-", "a personal, project or group access token"),
    ("gloas-", "an OAuth application's secret, which is no token"),
    ("gldt-", "a deploy token, which opens no API"),
    (
        "glcbt-",
        "the token of a CI job, for which token_kind = \"job\" is meant",
    ),
];

/// A token, as it tells of itself.
#[derive(Deserialize)]
struct Itself {
    #[serde(default)]
    scopes: Vec<String>,
    #[serde(default)]
    expires_at: Time,
}

/// What the token tells of itself. One that is no access token, or whose scopes leave that out, tells nothing.
///
/// # Errors
/// As [`Endpoint::send`].
pub async fn standing(endpoint: &Endpoint, operations: &[&'static str]) -> Result<CredentialStanding, Failure> {
    let asked = endpoint.get(&["personal_access_tokens", "self"])?;
    let itself: Itself = match endpoint.send(asked).await {
        Ok(received) => received.json()?,
        Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::Forbidden | Kind::InvalidInput) => {
            return Ok(CredentialStanding::default());
        }
        Err(failure) => return Err(failure),
    };
    let had = scopes(&itself.scopes.join(","));
    Ok(CredentialStanding {
        cannot: beyond(&had, operations),
        scopes: Some(had),
        expires_at: itself.expires_at.at(),
        ..CredentialStanding::default()
    })
}

/// What is known of a job's token, of which GitLab tells nothing.
pub fn of_a_job() -> CredentialStanding {
    CredentialStanding {
        note: Some(
            "a job's token opens a short list of GitLab's API, and ends with its job: most operations are refused with it",
        ),
        ..CredentialStanding::default()
    }
}

/// What scopes rule out: nothing but `api` opens what changes something.
fn beyond(had: &[String], operations: &[&'static str]) -> Vec<&'static str> {
    let has = |name: &str| had.iter().any(|scope| scope == name);
    let writes = |name: &str| catalogue::find(name).is_some_and(|entry| !entry.declaration.facts.safe);
    let cannot = |name: &str| !has("api") && (writes(name) || !has("read_api") && !has("read_repository"));
    operations.iter().copied().filter(|name| cannot(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_rule_out_what_they_do_not_open() {
        let operations = ["git.repo.get", "projects.issue.create"];
        let cannot = |text: &str| beyond(&scopes(text), &operations);
        assert_eq!(cannot("api"), Vec::<&str>::new());
        assert_eq!(cannot("read_api"), ["projects.issue.create"]);
        assert_eq!(cannot("read_user"), operations);
    }

    #[test]
    fn a_token_tells_of_itself_in_part_or_whole() {
        let whole: Itself = serde_json::from_str(r#"{"id":1,"scopes":["api"],"expires_at":"2026-12-24"}"#).unwrap();
        assert_eq!(whole.scopes, ["api"]);
        assert_eq!(
            whole.expires_at.at().map(|at| at.to_string()).as_deref(),
            Some("2026-12-24T00:00:00Z")
        );
        let part: Itself = serde_json::from_str(r#"{"expires_at":null}"#).unwrap();
        assert!(part.scopes.is_empty() && part.expires_at.at().is_none());
    }
}
