//! Notion: pages as Markdown over blocks, and issues as the pages of data sources.
//!
//! Its limits are ours to keep: a text is cut into items, items into blocks, and blocks into requests, in order. It has no
//! list of what there is: `docs.page.list` and `docs.space.list` are searches, which see only what is shared with our
//! connection, are behind by a while, and need not find everything; `docs.search` looks at titles alone.
//!
//! Invariant: what a page holds and we cannot make anew is never taken away but where the caller says so, and a page within
//! a page is not taken away at all.

mod attachments;
mod block;
mod comments;
mod convert;
mod export;
mod ids;
mod lists;
mod making;
mod markdown;
mod pages;
mod parts;
mod patience;
mod refuse;
mod replace;
mod reverted;
mod rich;
mod spaces;
mod text;
mod tracker;
mod tree;
mod unanswered;
mod unfinished;
mod uploads;
mod users;
mod version;
mod webhooks;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde::Deserialize;

use self::version::Version;
use super::directory::{DIRECTORY, Directory, there};
use super::http::credential::Clock;
use super::http::{Dialect, Endpoint, settings};
use super::webhooks::Webhooks;
use super::{Connection, Credential, Handlers, Passing, Provider, Setting};
use crate::catalogue::docs;

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.notion.com/v1"),
    // Where its pages are, and those that are published.
    fronts: &["notion.so", "notion.site"],
    api_path: "/v1",
    stores: &["s3.us-west-2.amazonaws.com"],
    request_id: "x-notion-request-id",
    refuse: refuse::refuse,
    ..Dialect::PLAIN
};

/// The driver.
pub struct Notion {
    endpoint: Endpoint,
    version: Version,
    /// What `docs.space.list` lists; where there is none, it searches.
    roots: Vec<ids::Place>,
    mappings: tracker::Mappings,
    /// What is known of data sources.
    trackers: tracker::Trackers,
    directory: Arc<Directory>,
    clock: Clock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    api_version: Option<String>,
    #[serde(default)]
    roots: Vec<String>,
    #[serde(default)]
    tracker: tracker::Mapping,
    #[serde(default)]
    trackers: BTreeMap<String, tracker::Mapping>,
}

impl Provider for Notion {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings, Self::settings())?;
        let version = Version::read(settings.api_version.as_deref())?;
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .authenticated(connection, Self::accepts())?
            .header("accept", "application/json", "accept")?
            .header(version::HEADER, version.text(), "settings.api_version")?;
        let roots = settings.roots.iter().map(|root| ids::Place::of_setting(root));
        let own = settings.trackers.into_iter().map(|(id, mapping)| {
            let id = ids::of_setting(&id, "settings.trackers")?;
            Ok((id, mapping))
        });
        Ok(Notion {
            endpoint,
            roots: roots.collect::<Result<_, _>>()?,
            mappings: tracker::Mappings {
                all: settings.tracker,
                own: own.collect::<Result<_, Failure>>()?,
            },
            trackers: tracker::Trackers::default(),
            directory: connection.directory.clone(),
            clock: connection.clock.clone(),
            version,
        })
    }

    fn settings() -> &'static [Setting] {
        &[
            Setting {
                name: "api_version",
                default: version::DEFAULT,
                unit: "date",
                meaning: "The version of the API that is asked for; at the earliest the default one",
            },
            Setting {
                name: "roots",
                default: "what a search finds at the top",
                unit: "list of ids",
                meaning: "The spaces: ids of pages, and of data sources behind data_source/",
            },
            Setting {
                name: "tracker",
                default: "the only property of type status, whose last group is of what is closed",
                unit: "table",
                meaning: "Names of the properties that are status, labels, assignee, due and number, the list of words that \
                          are closed, and the words close, not_planned and reopen",
            },
            Setting {
                name: "trackers",
                default: "tracker",
                unit: "table",
                meaning: "The same for one data source, by its id",
            },
        ]
    }

    fn tokens() -> &'static [(&'static str, &'static str)] {
        &[
            ("ntn_", "a token of a connection"),
            ("secret_", "a token of a connection"),
        ]
    }

    /// Accounts are known by their ids here.
    async fn has_account(&self, account: &str) -> Result<bool, Failure> {
        match ids::of_setting(account, DIRECTORY) {
            Ok(id) => there(self.endpoint.send(self.endpoint.get(&["users", &id])?).await),
            Err(_) => Ok(false),
        }
    }

    async fn examined(&self) -> Result<Vec<Failure>, Failure> {
        tracker::examined(self).await
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn passing() -> Option<Passing<Self>> {
        Some(Passing::to(|notion: &Self| &notion.endpoint))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        tracker::handlers(Handlers::new())
            .on::<docs::Search, _, _>(lists::search)
            .on::<docs::SpaceList, _, _>(spaces::list)
            .on::<docs::SpaceCreate, _, _>(spaces::create)
            .on::<docs::PageList, _, _>(lists::pages)
            .on::<docs::PageChildren, _, _>(lists::children)
            .on::<docs::PageGet, _, _>(pages::get)
            .on::<docs::PageCreate, _, _>(pages::create)
            .on::<docs::PageUpdate, _, _>(pages::update)
            .on::<docs::PageAppend, _, _>(pages::append)
            .on::<docs::PageMove, _, _>(pages::put)
            .on::<docs::PageDelete, _, _>(pages::delete)
            .on::<docs::PageRestore, _, _>(pages::restore)
            .raw::<docs::PageExport, _, _>(export::page)
            .raw::<docs::PageExportMarkdown, _, _>(export::markdown)
            .on::<docs::PageCommentList, _, _>(comments::list)
            .on::<docs::PageCommentCreate, _, _>(comments::create)
            .on::<docs::AttachmentList, _, _>(attachments::list)
            .raw::<docs::AttachmentGet, _, _>(attachments::get)
            .on::<docs::AttachmentUpload, _, _>(uploads::upload)
            .on::<docs::UserList, _, _>(users::list)
    }

    async fn health(&self) -> Result<Credential, Failure> {
        self.endpoint.well(self.endpoint.get(&["users", "me"])?, true).await
    }
}
