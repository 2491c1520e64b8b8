//! Woodpecker CI.
//!
//! Invariant: callers name projects by their path; the numeric ids that the API wants never leave this driver.

mod control;
mod convert;
mod ids;
mod logs;
mod names;
mod projects;
mod runs;
mod stored;
mod wire;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::http::credential::{CredentialStanding, account};
use super::http::{Dialect, Endpoint, Opened, Outgoing, Received, by_status, settings};
use super::{Connection, Credential, Handlers, Passing, Provider};
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
        let Settings {} = settings(&connection.settings, Self::settings())?;
        Ok(Woodpecker {
            endpoint: Endpoint::new(connection, &DIALECT)?.authenticated(connection, Self::accepts())?,
            ids: ids::RepoIds::default(),
        })
    }

    fn passing() -> Option<Passing<Self>> {
        Some(Passing::to(|woodpecker: &Self| &woodpecker.endpoint))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<cicd::PipelineList, _, _>(projects::pipeline_list)
            .on::<cicd::RunList, _, _>(runs::run_list)
            .on::<cicd::RunGet, _, _>(runs::run_get)
            .on::<cicd::RunJobs, _, _>(runs::run_jobs)
            .on::<cicd::RunTrigger, _, _>(runs::run_trigger)
            .on::<cicd::RunWait, _, _>(runs::run_wait)
            .emulates::<cicd::RunWait>()
            .on::<cicd::RunCancel, _, _>(control::cancel)
            .on::<cicd::RunRerun, _, _>(control::rerun)
            .on::<cicd::RunApprove, _, _>(control::approve)
            .on::<cicd::RunDelete, _, _>(control::delete)
            .on::<cicd::LogGet, _, _>(logs::log_get)
            .stream::<cicd::LogFollow, _, _, _>(logs::log_follow)
            .on::<cicd::LogDelete, _, _>(control::log_delete)
            .on::<cicd::SecretPut, _, _>(projects::secret_put)
            .on::<cicd::QueueList, _, _>(projects::queue_list)
    }

    fn tokens() -> &'static [(&'static str, &'static str)] {
        &[("eyJ", "a user's personal token")]
    }

    async fn standing(&self) -> Result<CredentialStanding, Failure> {
        let received = self.endpoint.send(self.endpoint.get(&["user"])?).await?;
        let user: wire::User = received.json()?;
        Ok(CredentialStanding {
            user: account(&user.login),
            note: Some("what it may do is its user's right at each repository, which only a call shows"),
            ..CredentialStanding::default()
        })
    }

    async fn health(&self) -> Result<Credential, Failure> {
        self.endpoint.here(self.endpoint.get(&["user"])?, true).await
    }
}

/// A refusal as wrong (400, 422) of a request in which only `field` can be.
fn blaming(failure: Failure, field: &str, sentence: &str) -> Failure {
    if failure.kind != Kind::InvalidInput || failure.unsent {
        return failure;
    }
    let mut refusal = failure.saying(sentence);
    refusal.field = Some(Arc::from(field));
    refusal
}

impl Woodpecker {
    /// Asks Woodpecker for a repository.
    async fn repo(&self, project: &str) -> Result<Received, Failure> {
        let mut parts = vec!["repos", "lookup"];
        parts.extend(project.split('/'));
        self.endpoint.send(self.endpoint.get(&parts)?).await
    }

    /// The same, and remembers its id.
    async fn look_up(&self, project: &str) -> Result<wire::Repo, Failure> {
        let repo: wire::Repo = self.repo(project).await?.json()?;
        self.ids.remember(project, repo.id);
        Ok(repo)
    }

    /// A repository's id.
    async fn id(&self, project: &str) -> Result<u64, Failure> {
        match self.ids.get(project) {
            Some(id) => Ok(id),
            None => Ok(self.look_up(project).await?.id),
        }
    }

    /// Sends what `request` makes of a repository's id.
    async fn in_repo(
        &self,
        project: &str,
        request: impl Fn(&str) -> Result<Outgoing, Failure>,
    ) -> Result<Received, Failure> {
        self.asked(project, request, |endpoint, outgoing| endpoint.send(outgoing).boxed())
            .await
    }

    /// As [`Woodpecker::in_repo`], of an answer that is not received whole.
    async fn open_in_repo(
        &self,
        project: &str,
        request: impl Fn(&str) -> Result<Outgoing, Failure>,
    ) -> Result<Opened, Failure> {
        self.asked(project, request, |endpoint, outgoing| endpoint.open(outgoing).boxed())
            .await
    }

    async fn asked<T>(
        &self,
        project: &str,
        request: impl Fn(&str) -> Result<Outgoing, Failure>,
        send: Sending<T>,
    ) -> Result<T, Failure> {
        let known = self.ids.get(project);
        let missing = match known {
            None => None,
            Some(id) => match send(&self.endpoint, request(&id.to_string())?).await {
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
            _ => send(&self.endpoint, request(&id.to_string())?).await,
        }
    }
}

/// How a request is sent.
type Sending<T> = for<'e> fn(&'e Endpoint, Outgoing) -> BoxFuture<'e, Result<T, Failure>>;
