//! GitLab: the vendor's cloud and servers of one's own, below any path.
//!
//! Invariant: a project goes as one part of a path, however deep its group is, and no text of a caller becomes a command
//! there.

mod asked;
mod branches;
mod commits;
mod convert;
mod credential;
mod files;
mod hooks;
mod ids;
mod merge;
mod pulls;
mod quick;
mod refuse;
mod releases;
mod repos;
mod reviews;
mod sayings;
mod statuses;
mod tags;
mod tracker;
mod webhooks;
mod wire;

use std::sync::Arc;

use mosaic_actors::call::Call;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::directory::{Directory, there};
use super::http::credential::{CredentialStanding, Given};
use super::http::{Accepts, Dialect, Endpoint, settings};
use super::webhooks::Webhooks;
use super::{Beside, Connection, Credential, Handlers, Passing, Provider};
use crate::catalogue::git;

static DIALECT: Dialect = Dialect {
    cloud: Some("https://gitlab.com/api/v4"),
    api_path: "/api/v4",
    refuse: |refusal| refuse::refuse(refusal),
    // GL3: a project that has moved is read where it is now, and not written to.
    follows_writes: false,
    // Most of its answers; one that has not changed counts all the same, and is short.
    validates: true,
    ..Dialect::PLAIN
};

/// It lies beside the REST API, and python-gitlab asks for it there.
const GRAPHQL: [Beside; 1] = [Beside {
    asked: "/api/graphql",
    own: "/api/graphql",
}];

/// The driver.
pub struct GitLab {
    endpoint: Endpoint,
    anonymous: bool,
    of_a_job: bool,
    directory: Arc<Directory>,
}

/// It has none yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

impl Provider for GitLab {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let Settings {} = settings(&connection.settings, Self::settings())?;
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .authenticated(connection, credential::ACCEPTS)?
            .header("accept", "application/json", "accept")?;
        Ok(GitLab {
            endpoint,
            anonymous: connection.credential.is_none(),
            of_a_job: matches!(connection.credential, Some(Given::Job(_))),
            directory: connection.directory.clone(),
        })
    }

    fn accepts() -> &'static [Accepts] {
        credential::ACCEPTS
    }

    fn tokens() -> &'static [(&'static str, &'static str)] {
        credential::TOKENS
    }

    async fn has_account(&self, account: &str) -> Result<bool, Failure> {
        there(tracker::accounts::numbers(self, &[account]).await)
    }

    async fn standing(&self) -> Result<CredentialStanding, Failure> {
        match self.of_a_job {
            true => Ok(credential::of_a_job()),
            false => credential::standing(&self.endpoint, &Self::handlers().names()).await,
        }
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn passing() -> Option<Passing<Self>> {
        Some(Passing::to(|gitlab: &Self| &gitlab.endpoint).beside(&GRAPHQL))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        tracker::handlers(Handlers::new())
            .on::<git::RepoGet, _, _>(repos::get)
            .on::<git::RepoList, _, _>(repos::list)
            .on::<git::RepoCreate, _, _>(repos::create)
            .on::<git::RepoDelete, _, _>(repos::delete)
            .on::<git::RepoFork, _, _>(repos::fork)
            .on::<git::BranchList, _, _>(branches::list)
            .on::<git::BranchCreate, _, _>(branches::create)
            .on::<git::BranchDelete, _, _>(branches::delete)
            .on::<git::CommitList, _, _>(commits::list)
            .on::<git::CommitGet, _, _>(commits::get)
            .on::<git::Compare, _, _>(commits::compare)
            .on::<git::TreeList, _, _>(commits::tree)
            .on::<git::TagList, _, _>(tags::list)
            .on::<git::TagCreate, _, _>(tags::create)
            .on::<git::FileGet, _, _>(files::get)
            .raw::<git::FileDownload, _, _>(files::download)
            .on::<git::FilePut, _, _>(files::put)
            .on::<git::FileUpload, _, _>(files::upload)
            .on::<git::FileDelete, _, _>(files::delete)
            .on::<git::PullList, _, _>(pulls::list)
            .on::<git::PullGet, _, _>(pulls::get)
            .on::<git::PullCreate, _, _>(pulls::create)
            .on::<git::PullUpdate, _, _>(pulls::update)
            .on::<git::PullFiles, _, _>(pulls::files)
            .on::<git::PullMerge, _, _>(merge::merge)
            .on::<git::PullReview, _, _>(reviews::review)
            .on::<git::PullReviews, _, _>(reviews::list)
            .on::<git::PullComment, _, _>(reviews::comment)
            .on::<git::PullComments, _, _>(reviews::comments)
            .on::<git::ReleaseList, _, _>(releases::list)
            .on::<git::ReleaseCreate, _, _>(releases::create)
            .on::<git::StatusSet, _, _>(statuses::set)
            .on::<git::StatusGet, _, _>(statuses::get)
            .on::<git::HookList, _, _>(hooks::list)
            .on::<git::HookCreate, _, _>(hooks::create)
            .on::<git::HookDelete, _, _>(hooks::delete)
    }

    async fn explained(&self, call: &Call, failure: Failure) -> Failure {
        if call.operation.safe || !refuse::is_unexplained(&failure) {
            return failure;
        }
        // The number of what is in a project stands behind its path.
        let native = call.resource.native();
        let path = native.split_once('#').map_or(&**native, |(path, _)| path);
        match self.endpoint.look(self.project(path)).await {
            Some(project) if project.archived => {
                let sentence = "the project is archived and takes no changes";
                asked::means(&failure, Kind::Forbidden, None, sentence)
            }
            _ => failure,
        }
    }

    async fn health(&self) -> Result<Credential, Failure> {
        let outgoing = match self.anonymous || self.of_a_job {
            true => self.get(&["projects"])?.query("per_page", "1"),
            false => self.get(&["user"])?,
        };
        // A job's token opens little more than its own project, and nothing that could be asked here: it is refused, or told
        // that nothing is there.
        if self.of_a_job {
            return match self.endpoint.well(outgoing, true).await {
                Err(failure) if matches!(failure.kind, Kind::UpstreamAuth | Kind::Forbidden) => {
                    Ok(Credential::Unproven)
                }
                other => other,
            };
        }
        match self.endpoint.here(outgoing, !self.anonymous).await {
            // The token's scopes leave out what it tells of its user; but a proxy may say so, too.
            Err(failure) if failure.kind == Kind::Forbidden => Ok(Credential::Unproven),
            other => other,
        }
    }
}
