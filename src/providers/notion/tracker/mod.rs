//! Issues: the pages of a data source, by a mapping of its properties.
//!
//! Invariant: a mapping is held against the data source before it is used, and a property that is not there any more is
//! named, never guessed.

mod boards;
mod change;
mod comments;
mod convert;
mod examined;
mod fields;
mod issues;
mod known;
mod labels;
mod query;
mod schema;

use std::collections::BTreeMap;

use mosaic_actors::error::Failure;
use serde::Deserialize;

pub use examined::examined;
pub use known::Trackers;

use super::Notion;
use super::ids::{of_setting, uuid};
use crate::catalogue::fields::PersonRef;
use crate::catalogue::projects;
use crate::providers::Handlers;
use crate::providers::directory::DIRECTORY;

/// Which property is what, by its name, and what its words mean.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// Of type status or select; default: the only one of type status.
    status: Option<String>,
    /// Of type `multi_select`.
    labels: Option<String>,
    /// Of type people.
    assignee: Option<String>,
    /// Of type date.
    due: Option<String>,
    /// Of type `unique_id`; default: the one that there is.
    number: Option<String>,
    /// The words of a closed issue; default: those of the last group.
    #[serde(default)]
    closed: Vec<String>,
    /// The word of one that is closed; default: the first of the closed ones.
    close: Option<String>,
    /// The word of one that nobody will do.
    not_planned: Option<String>,
    /// The word of one that is opened again; default: the first of the first group.
    reopen: Option<String>,
}

/// The mappings of an instance.
#[derive(Debug, Default)]
pub struct Mappings {
    pub all: Mapping,
    /// By the id of the data source.
    pub own: BTreeMap<String, Mapping>,
}

impl Mappings {
    /// The mapping of a data source, and where it stands in the settings.
    fn of(&self, source: &str) -> (&Mapping, String) {
        match self.own.get(source) {
            Some(own) => (own, format!("settings.trackers.{source}")),
            None => (&self.all, "settings.tracker".to_owned()),
        }
    }
}

/// Adds what a tracker can do.
pub fn handlers(handlers: Handlers<Notion>) -> Handlers<Notion> {
    handlers
        .on::<projects::IssueList, _, _>(issues::list)
        .on::<projects::IssueGet, _, _>(issues::get)
        .on::<projects::IssueSearch, _, _>(issues::search)
        .on::<projects::IssueCreate, _, _>(change::create)
        .on::<projects::IssueUpdate, _, _>(change::update)
        .on::<projects::IssueClose, _, _>(change::close)
        .on::<projects::IssueReopen, _, _>(change::reopen)
        .on::<projects::IssueDelete, _, _>(change::delete)
        .on::<projects::IssueAssign, _, _>(change::assign)
        .on::<projects::IssueCommentList, _, _>(comments::list)
        .on::<projects::IssueCommentCreate, _, _>(comments::create)
        .on::<projects::IssueCommentUpdate, _, _>(comments::update)
        .on::<projects::IssueCommentDelete, _, _>(comments::delete)
        .on::<projects::LabelList, _, _>(labels::list)
        .on::<projects::LabelCreate, _, _>(labels::create)
        .on::<projects::LabelSet, _, _>(labels::set)
        .on::<projects::BoardList, _, _>(boards::list)
        .on::<projects::BoardItems, _, _>(boards::items)
        .on::<projects::BoardAddItem, _, _>(boards::add)
        .on::<projects::BoardUpdateItem, _, _>(boards::update)
}

/// The account of somebody, by the directory's name or its own: accounts are known by their ids here.
fn account(notion: &Notion, person: &PersonRef, field: &str) -> Result<String, Failure> {
    match notion.directory.account(person) {
        own if own == &**person => uuid(own, field),
        known => of_setting(known, DIRECTORY).map_err(|_| {
            let sentence = format!("accounts are known by their ids at this provider: {known} is none");
            Failure::invalid(DIRECTORY, sentence).never_sent()
        }),
    }
}

/// The data source and the page of an issue, `DATA_SOURCE#PAGE`.
fn issue_of(native: &str, field: &str) -> Result<(String, String), Failure> {
    let wrong = || {
        let sentence = format!("{field} must be written as the id of a data source, #, and that of a page");
        Failure::invalid(field, sentence).never_sent()
    };
    let (source, page) = native.split_once('#').ok_or_else(wrong)?;
    Ok((uuid(source, field)?, uuid(page, field)?))
}
