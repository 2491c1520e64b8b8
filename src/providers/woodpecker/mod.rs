//! Woodpecker CI.
//!
//! Invariant: callers name projects by their path; the numeric ids that the API wants never leave this driver.

mod convert;
mod ids;
mod requests;
mod wire;

use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::http::{Dialect, Endpoint, Outgoing, Received, by_status, settings};
use super::{Connection, Credential, Handlers, Provider};
use crate::catalogue::cicd;

static DIALECT: Dialect = Dialect {
    cloud: None,
    api_path: "/api",
    request_id: "x-request-id",
    // A refusal's body is plain text, or empty: its status is all there is to read.
    refuse: |refusal| by_status(refusal),
    ..Dialect::PLAIN
};

/// The driver.
pub struct Woodpecker {
    endpoint: Endpoint,
    ids: ids::RepoIds,
}

/// There are none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

impl Provider for Woodpecker {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let Settings {} = settings(&connection.settings)?;
        Ok(Woodpecker {
            endpoint: Endpoint::new(connection, &DIALECT)?.bearer(connection)?,
            ids: ids::RepoIds::default(),
        })
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<cicd::RunList, _, _>(requests::run_list)
            .on::<cicd::RunGet, _, _>(requests::run_get)
            .on::<cicd::RunTrigger, _, _>(requests::run_trigger)
            .on::<cicd::LogGet, _, _>(requests::log_get)
    }

    async fn health(&self) -> Result<Credential, Failure> {
        self.endpoint.well(self.endpoint.get(&["user"])?, true).await
    }
}

impl Woodpecker {
    /// Asks Woodpecker for a repository, and remembers its id.
    async fn look_up(&self, project: &str) -> Result<wire::Repo, Failure> {
        let mut parts = vec!["repos", "lookup"];
        parts.extend(project.split('/'));
        let received = self.endpoint.send(self.endpoint.get(&parts)?).await?;
        let repo: wire::Repo = received.json()?;
        self.ids.remember(project, repo.id);
        Ok(repo)
    }

    /// Sends what `request` makes of a repository's id.
    async fn in_repo(
        &self,
        project: &str,
        request: impl Fn(&str) -> Result<Outgoing, Failure>,
    ) -> Result<Received, Failure> {
        let known = self.ids.get(project);
        let missing = match known {
            None => None,
            Some(id) => match self.endpoint.send(request(&id.to_string())?).await {
                Err(failure) if failure.kind == Kind::NotFound => Some(failure),
                other => return other,
            },
        };
        // A repository that was removed and made anew has another id. What was not found was not done either, so
        // asking once more with the new id repeats nothing.
        self.ids.forget(project);
        let id = self.look_up(project).await?.id;
        match missing {
            Some(failure) if known == Some(id) => Err(failure),
            _ => self.endpoint.send(request(&id.to_string())?).await,
        }
    }
}
