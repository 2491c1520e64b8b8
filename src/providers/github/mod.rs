//! GitHub: its cloud, and GitHub Enterprise Server.
//!
//! Invariant: a refusal for want of quota is a rate limit, however GitHub words it; any other 403 is not.

mod convert;
mod requests;
mod wire;

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind, Source};
use serde::Deserialize;

use super::http::{Dialect, Endpoint, Refusal, by_status, settings, too_large, waits};
use super::{Connection, Credential, Handlers, Provider, Setting};
use crate::catalogue::{git, projects};

/// The API version that the wire types were written for.
const API_VERSION: &str = "2022-11-28";
/// What GitHub recommends, and what its description declares: it lists plain JSON alone as the type of most answers, and
/// what is made of that description (mocks, validating proxies) refuses to answer with another.
const ACCEPT: &str = "application/vnd.github+json, application/json;q=0.9";
/// What GitHub asks clients to wait at least after a secondary limit that names no time.
const SECONDARY_LIMIT: Duration = Duration::from_secs(60);
/// What is waited longer than until a quota is filled again, whatever our clock says.
const CLOCK_SKEW: Duration = Duration::from_secs(1);
/// Of which words one is in the message of every limit; older servers call the second kind by another name.
const LIMITED: [&str; 3] = ["rate limit exceeded", "secondary rate", "abuse detection"];
/// Of which words one is in the message where a permission is lacking.
const LACKING: [&str; 2] = ["not accessible by", "must have"];

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.github.com"),
    api_path: "/api/v3",
    stores: &[
        ".blob.core.windows.net",
        ".actions.githubusercontent.com",
        ".githubusercontent.com",
    ],
    request_id: "x-github-request-id",
    refuse,
    quiet: Some(SECONDARY_LIMIT),
    // What has not changed costs no quota.
    validates: true,
};

/// The driver.
pub struct GitHub {
    endpoint: Endpoint,
    max_response: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The value of `X-GitHub-Api-Version`, a date.
    api_version: Option<String>,
}

impl Provider for GitHub {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings)?;
        let version = settings.api_version.as_deref().unwrap_or(API_VERSION);
        if version.parse::<jiff::civil::Date>().is_err() {
            return Err(Failure::invalid(
                "settings.api_version",
                "settings.api_version must be a date such as 2022-11-28",
            ));
        }
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .bearer(connection)?
            .header("accept", ACCEPT, "accept")?
            .header("x-github-api-version", version, "settings.api_version")?;
        Ok(GitHub {
            endpoint,
            max_response: connection.max_response,
        })
    }

    fn settings() -> &'static [Setting] {
        &[Setting {
            name: "api_version",
            default: API_VERSION,
            unit: "date",
            meaning: "The version of the API that is asked for",
        }]
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<git::RepoGet, _, _>(requests::repo_get)
            .on::<git::RepoList, _, _>(requests::repo_list)
            .on::<git::BranchList, _, _>(requests::branch_list)
            .on::<git::FileGet, _, _>(requests::file_get)
            .on::<projects::IssueList, _, _>(requests::issue_list)
            .on::<projects::IssueGet, _, _>(requests::issue_get)
            .on::<projects::IssueCreate, _, _>(requests::issue_create)
    }

    async fn health(&self) -> Result<Credential, Failure> {
        // Costs no quota. Who comes without a credential is answered, who comes with a wrong one is not. A server whose limits
        // are switched off answers 404, and is well.
        self.endpoint.well(self.endpoint.get(&["rate_limit"])?, true).await
    }
}

fn refuse(refusal: &Refusal<'_>) -> Failure {
    let error: wire::Error = refusal.json().unwrap_or_default();
    match refusal.status.as_u16() {
        // As older servers say that they would answer with more than a megabyte of JSON.
        403 if error.says("too_large") => {
            too_large("the file is larger than the provider gives in JSON", Source::Provider)
        }
        403 | 429 if is_limit(refusal, &error) => {
            let mut failure = Failure::new(Kind::UpstreamRateLimited, "GitHub's rate limit is reached");
            failure.retry_after = told_wait(refusal);
            failure
        }
        422 => invalid(refusal, &error),
        _ => by_status(refusal),
    }
}

/// Whether a refusal is for want of quota. A permission that is lacking is not, though it may be the last request's.
fn is_limit(refusal: &Refusal<'_>, error: &wire::Error) -> bool {
    let sentence = error.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| sentence.contains(words));
    refusal.status.as_u16() == 429
        || waits::retry_after(refusal.headers, refusal.now).is_some()
        || says(&LIMITED)
        || (is_spent(refusal) && !says(&LACKING))
}

/// Whether no request is left.
fn is_spent(refusal: &Refusal<'_>) -> bool {
    refusal.header("x-ratelimit-remaining").map(str::trim) == Some("0")
}

/// How long to wait: as told, else until the quota is filled again. The secondary limits mostly tell nothing.
fn told_wait(refusal: &Refusal<'_>) -> Option<Duration> {
    waits::retry_after(refusal.headers, refusal.now).or_else(|| {
        let reset = refusal.header("x-ratelimit-reset").filter(|_| is_spent(refusal))?;
        // A moment that has passed by our clock may not have by theirs.
        Some(waits::until_epoch(reset, refusal.now)? + CLOCK_SKEW)
    })
}

/// A validation error, with the first field that the caller knows.
fn invalid(refusal: &Refusal<'_>, error: &wire::Error) -> Failure {
    let faults = error.errors.iter().filter_map(|fault| match fault {
        wire::Fault::Object { field, code } => Some((field.as_deref().and_then(neutral_field)?, code.as_deref())),
        wire::Fault::Sentence(_) => None,
    });
    match faults.into_iter().next() {
        Some((field, code)) => Failure::invalid(field, format!("{field} {}", fault_sentence(code))),
        None => by_status(refusal),
    }
}

/// GitHub's name of a field -> ours. Only names from this table are ever passed on.
fn neutral_field(field: &str) -> Option<&'static str> {
    Some(match field {
        "title" => "title",
        "body" => "body",
        "labels" | "label" => "labels",
        "assignees" | "assignee" => "assignees",
        "state" => "state",
        "per_page" => "limit",
        "page" => "cursor",
        "ref" => "ref",
        "path" => "path",
        _ => return None,
    })
}

/// GitHub's codes of validation errors.
fn fault_sentence(code: Option<&str>) -> &'static str {
    match code {
        Some("missing") => "names what does not exist",
        Some("missing_field") => "is required by GitHub",
        Some("already_exists") => "exists already",
        _ => "is not accepted by GitHub",
    }
}
