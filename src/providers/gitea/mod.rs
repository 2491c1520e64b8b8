//! Gitea, self-hosted: its `base_url` ends in `/api/v1`.
//!
//! Invariant: what one release does otherwise than another is told by the answers, and by the version only where no
//! answer tells it: a server may hide that, and Forgejo counts by numbers of its own.

mod actions;
mod branches;
mod commits;
mod convert;
mod credential;
mod files;
mod hooks;
mod lookup;
mod merge;
mod pages;
mod pulls;
mod refusal;
mod releases;
mod repos;
mod reviews;
mod scopes;
mod statuses;
mod tracker;
mod trees;
mod version;
mod webhooks;
mod wire;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::ci::actions::Dispatches;
use super::directory::{Directory, there};
use super::http::credential::CredentialStanding;
use super::http::{Accepts, Dialect, Endpoint, settings};
use super::webhooks::Webhooks;
use super::{Connection, Credential, Handlers, Passing, Provider};
use crate::catalogue::git;

static DIALECT: Dialect = Dialect {
    cloud: None,
    api_path: "/api/v1",
    // Gitea sends none itself; proxies in front of it do.
    request_id: "x-request-id",
    refuse: |refusal| actions::lost(refusal).unwrap_or_else(|| refusal::refuse(refusal)),
    // Of files as they are; its other answers have no validator.
    validates: true,
    ..Dialect::PLAIN
};

/// The driver.
pub struct Gitea {
    endpoint: Endpoint,
    anonymous: bool,
    max_response: usize,
    server: OnceCell<version::Server>,
    dispatches: Dispatches,
    directory: Arc<Directory>,
}

/// It has none yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

/// How long a start waits for a server's version: it is up, or the start is not to hang on it.
const TELLS_ITS_VERSION: Duration = Duration::from_secs(2);

impl Provider for Gitea {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let Settings {} = settings(&connection.settings, Self::settings())?;
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .authenticated(connection, credential::ACCEPTS)?
            .header("accept", "application/json", "accept")?;
        Ok(Gitea {
            endpoint,
            anonymous: connection.credential.is_none(),
            max_response: connection.max_response,
            server: OnceCell::new(),
            dispatches: Dispatches::default(),
            directory: connection.directory.clone(),
        })
    }

    fn accepts() -> &'static [Accepts] {
        credential::ACCEPTS
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn passing() -> Option<Passing<Self>> {
        Some(Passing::to(|gitea: &Self| &gitea.endpoint))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        let handlers = tracker::handlers(pulls(contents(repos(actions::handlers(Handlers::new())))));
        handlers
            .on::<git::StatusSet, _, _>(statuses::set)
            .on::<git::StatusGet, _, _>(statuses::get)
            .on::<git::HookList, _, _>(hooks::list)
            .on::<git::HookCreate, _, _>(hooks::create)
            .on::<git::HookDelete, _, _>(hooks::delete)
    }

    async fn begin(self) -> Result<Self, Failure> {
        // A server that does not tell in time is taken for one that can do everything, and asked again by who must know.
        let _unknown = tokio::time::timeout(TELLS_ITS_VERSION, self.server()).await;
        Ok(self)
    }

    fn lacks(&self) -> Vec<&'static str> {
        self.server.get().copied().map(actions::lacks).unwrap_or_default()
    }

    async fn has_account(&self, account: &str) -> Result<bool, Failure> {
        there(self.endpoint.send(self.endpoint.get(&["users", account])?).await)
    }

    async fn standing(&self) -> Result<CredentialStanding, Failure> {
        credential::standing(&self.endpoint, &Self::handlers().names()).await
    }

    async fn health(&self) -> Result<Credential, Failure> {
        let path = if self.anonymous { "version" } else { "user" };
        match self.endpoint.here(self.endpoint.get(&[path])?, !self.anonymous).await {
            // The token's scopes leave out what it tells of its user; but a proxy may say so, too.
            Err(failure) if failure.kind == Kind::Forbidden => Ok(Credential::Unproven),
            other => other,
        }
    }
}

fn repos(handlers: Handlers<Gitea>) -> Handlers<Gitea> {
    handlers
        .on::<git::RepoGet, _, _>(repos::get)
        .on::<git::RepoList, _, _>(repos::list)
        .on::<git::RepoCreate, _, _>(repos::create)
        .on::<git::RepoDelete, _, _>(repos::delete)
        .on::<git::RepoFork, _, _>(repos::fork)
        .on::<git::BranchList, _, _>(branches::list)
        .on::<git::BranchCreate, _, _>(branches::create)
        .on::<git::BranchDelete, _, _>(branches::delete)
        .on::<git::TagList, _, _>(branches::tag_list)
        .on::<git::TagCreate, _, _>(branches::tag_create)
        .on::<git::ReleaseList, _, _>(releases::list)
        .on::<git::ReleaseCreate, _, _>(releases::create)
}

fn contents(handlers: Handlers<Gitea>) -> Handlers<Gitea> {
    handlers
        .on::<git::CommitList, _, _>(commits::list)
        .on::<git::CommitGet, _, _>(commits::get)
        .on::<git::Compare, _, _>(commits::compare)
        .on::<git::TreeList, _, _>(trees::list)
        .on::<git::FileGet, _, _>(files::get)
        .raw::<git::FileDownload, _, _>(files::download)
        .on::<git::FilePut, _, _>(writes::put)
        .on::<git::FileUpload, _, _>(writes::upload)
        .on::<git::FileDelete, _, _>(writes::delete)
}

fn pulls(handlers: Handlers<Gitea>) -> Handlers<Gitea> {
    handlers
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
}
