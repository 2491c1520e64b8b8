//! GitHub: its cloud, and GitHub Enterprise Server.
//!
//! Invariant: each request names the version of the API that its wire types were written for.

mod actions;
mod commits;
mod convert;
mod credential;
mod files;
mod hooks;
mod lookup;
mod merge;
mod pulls;
mod refs;
mod refuse;
mod releases;
mod repos;
mod reviews;
mod sayings;
mod statuses;
mod tracker;
mod trees;
mod webhooks;
mod wire;

use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde::Deserialize;

use super::ci::actions::Dispatches;
use super::directory::{Directory, there};
use super::http::credential::CredentialStanding;
use super::http::{Accepts, Dialect, Endpoint, routeless, settings};
use super::webhooks::Webhooks;
use super::{Beside, Connection, Credential, Handlers, Host, Passing, Provider, Setting};
use crate::catalogue::git;
use credential::ACCEPTS;

/// The API version that the wire types were written for.
const API_VERSION: &str = "2022-11-28";
/// What GitHub recommends, and what its description declares: it lists plain JSON alone as the type of most answers, and
/// what is made of that description (mocks, validating proxies) refuses to answer with another.
const ACCEPT: &str = "application/vnd.github+json, application/json;q=0.9";
/// How GitHub calls the page size.
const SIZE: &str = "per_page";

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.github.com"),
    api_path: "/api/v3",
    stores: &[
        ".blob.core.windows.net",
        ".actions.githubusercontent.com",
        ".githubusercontent.com",
    ],
    request_id: "x-github-request-id",
    refuse: refuse::refuse,
    quiet: Some(refuse::SECONDARY_LIMIT),
    limits_all: refuse::limits_all,
    follows_writes: true,
    // What has not changed costs no quota.
    pages: false,
    validates: true,
    ..Dialect::PLAIN
};

/// Where the files of releases are sent to.
const HOSTS: [Host; 1] = [Host {
    name: "uploads",
    cloud: "https://uploads.github.com",
    own: "/api/uploads",
}];

/// Servers of one's own have it beside their REST API, and octokit asks for it there: at the API's own address it puts
/// `/graphql` behind the base, and `/api/graphql` in the place of `/api/v3`.
const GRAPHQL: [Beside; 2] = [
    Beside {
        asked: "/graphql",
        own: "/api/graphql",
    },
    Beside {
        asked: "/api/graphql",
        own: "/api/graphql",
    },
];

/// The driver.
pub struct GitHub {
    endpoint: Endpoint,
    api_version: jiff::civil::Date,
    max_response: usize,
    dispatches: Dispatches,
    directory: Arc<Directory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The value of `X-GitHub-Api-Version`, a date.
    api_version: Option<String>,
}

impl Provider for GitHub {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings, Self::settings())?;
        let version = settings.api_version.as_deref().unwrap_or(API_VERSION);
        let Ok(api_version) = version.parse() else {
            return Err(Failure::invalid(
                "settings.api_version",
                "settings.api_version must be a date such as 2022-11-28",
            ));
        };
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .authenticated(connection, ACCEPTS)?
            .header("accept", ACCEPT, "accept")?
            .header("x-github-api-version", version, "settings.api_version")?;
        Ok(GitHub {
            endpoint,
            api_version,
            max_response: connection.max_response,
            dispatches: Dispatches::default(),
            directory: connection.directory.clone(),
        })
    }

    fn accepts() -> &'static [Accepts] {
        ACCEPTS
    }

    fn draws_on(operation: &str) -> Option<&'static str> {
        match operation {
            // What is passed through may be anything.
            _ if operation.starts_with("proxy.") => None,
            "projects.issue.search" => Some("search"),
            _ => Some("core"),
        }
    }

    fn settings() -> &'static [Setting] {
        &[Setting {
            name: "api_version",
            default: API_VERSION,
            unit: "date",
            meaning: "The version of the API that is asked for",
        }]
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn passing() -> Option<Passing<Self>> {
        let passing = Passing::to(|github: &Self| &github.endpoint);
        // The key of a cache, and the word by which a package that was deleted comes back.
        Some(passing.and(&HOSTS).beside(&GRAPHQL).plain(&["key", "token"]))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        tracker::handlers(actions::handlers(Handlers::new()))
            .on::<git::RepoGet, _, _>(repos::get)
            .on::<git::RepoList, _, _>(repos::list)
            .on::<git::RepoCreate, _, _>(repos::create)
            .on::<git::RepoDelete, _, _>(repos::delete)
            .on::<git::RepoFork, _, _>(repos::fork)
            .on::<git::BranchList, _, _>(refs::branch_list)
            .on::<git::BranchCreate, _, _>(refs::branch_create)
            .on::<git::BranchDelete, _, _>(refs::branch_delete)
            .on::<git::TagList, _, _>(refs::tag_list)
            .on::<git::TagCreate, _, _>(refs::tag_create)
            .on::<git::CommitList, _, _>(commits::list)
            .on::<git::CommitGet, _, _>(commits::get)
            .on::<git::Compare, _, _>(commits::compare)
            .on::<git::TreeList, _, _>(trees::list)
            .on::<git::FileGet, _, _>(files::get)
            .raw::<git::FileDownload, _, _>(files::download)
            .on::<git::FilePut, _, _>(files::put)
            .on::<git::FileUpload, _, _>(files::upload)
            .on::<git::FileDelete, _, _>(files::delete)
            .on::<git::PullList, _, _>(pulls::list)
            .on::<git::PullGet, _, _>(pulls::get)
            .on::<git::PullCreate, _, _>(pulls::create)
            .on::<git::PullUpdate, _, _>(pulls::update)
            .on::<git::PullMerge, _, _>(merge::merge)
            .on::<git::PullFiles, _, _>(pulls::files)
            .on::<git::PullReview, _, _>(reviews::review)
            .on::<git::PullReviews, _, _>(reviews::reviews)
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

    fn tokens() -> &'static [(&'static str, &'static str)] {
        credential::TOKENS
    }

    async fn has_account(&self, account: &str) -> Result<bool, Failure> {
        there(self.endpoint.send(self.endpoint.get(&["users", account])?).await)
    }

    async fn standing(&self) -> Result<CredentialStanding, Failure> {
        let received = self.endpoint.send(self.endpoint.get(&["rate_limit"])?).await?;
        Ok(credential::standing(&received, &Self::handlers().names()))
    }

    async fn health(&self) -> Result<Credential, Failure> {
        // Costs no quota. Who comes without a credential is answered, who comes with a wrong one is not.
        let limits = self.endpoint.get(&["rate_limit"])?;
        match self.endpoint.send(limits).await {
            // A server whose limits are switched off has none to tell, and all else.
            Err(failure) if routeless(&failure) => {
                let there = self.endpoint.here(self.endpoint.get(&["meta"])?, false).await;
                there.map(|_| Credential::Unproven)
            }
            sent => self.endpoint.found(sent, true),
        }
    }
}
