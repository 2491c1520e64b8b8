//! Gitea, self-hosted: its `base_url` ends in `/api/v1`.
//!
//! Invariant: a refusal is judged by its status alone. Gitea writes its messages for people, and some refusals (409)
//! come without any; it names no field, and knows no rate limit of its own.

mod convert;
mod requests;
mod wire;

use http::header::AUTHORIZATION;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::http::{Dialect, Endpoint, by_status, settings};
use super::{Connection, Credential, Handlers, Provider};
use crate::catalogue::{git, projects};

static DIALECT: Dialect = Dialect {
    cloud: None,
    api_path: "/api/v1",
    // Gitea sends none itself; proxies in front of it do.
    request_id: "x-request-id",
    refuse: |refusal| by_status(refusal),
    // Of files as they are; its other answers have no validator.
    validates: true,
    ..Dialect::PLAIN
};

/// The driver.
pub struct Gitea {
    endpoint: Endpoint,
    anonymous: bool,
    max_response: usize,
}

/// It has none yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

impl Provider for Gitea {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let Settings {} = settings(&connection.settings)?;
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .credential(connection, AUTHORIZATION, "token ")?
            .header("accept", "application/json", "accept")?;
        Ok(Gitea {
            endpoint,
            anonymous: connection.credential.is_none(),
            max_response: connection.max_response,
        })
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
        let path = if self.anonymous { "version" } else { "user" };
        match self.endpoint.well(self.endpoint.get(&[path])?, !self.anonymous).await {
            // The token's scopes leave out what it tells of its user; but a proxy may say so, too.
            Err(failure) if failure.kind == Kind::Forbidden => Ok(Credential::Unproven),
            other => other,
        }
    }
}
