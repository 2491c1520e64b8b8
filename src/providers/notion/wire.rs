//! Notion's JSON, as far as it is used; blocks and properties are read as they are, since their form depends on their type.
//!
//! Invariant: a page or comment may come with nothing but its id, where our connection may not read it.

use mosaic_actors::error::{Failure, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::providers::http::Time;

/// A list's answer. One that has more and does not say where is none: what it leaves out would be taken for not there.
#[derive(Debug, Deserialize)]
#[serde(try_from = "AsCame")]
pub struct List {
    pub results: Vec<Box<RawValue>>,
    next: Option<String>,
    request_status: Option<RequestStatus>,
}

#[derive(Deserialize)]
struct AsCame {
    #[serde(default)]
    results: Vec<Box<RawValue>>,
    #[serde(default)]
    has_more: bool,
    next_cursor: Option<String>,
    request_status: Option<RequestStatus>,
}

impl TryFrom<AsCame> for List {
    type Error = &'static str;

    fn try_from(came: AsCame) -> Result<Self, Self::Error> {
        let next = came.next_cursor.filter(|cursor| came.has_more && !cursor.is_empty());
        let list = List {
            results: came.results,
            request_status: came.request_status,
            next,
        };
        match came.has_more && list.next.is_none() && !list.is_cut() {
            true => Err("a list has more, and does not say where it goes on"),
            false => Ok(list),
        }
    }
}

impl List {
    /// Where the list goes on.
    pub fn next(&self) -> Option<String> {
        self.next.clone()
    }

    /// Where it goes on behind what was asked for by `cursor`.
    ///
    /// # Errors
    /// `upstream_failed` where that leads to the same place again.
    pub fn behind(&self, cursor: Option<&String>) -> Result<Option<String>, Failure> {
        match &self.next {
            Some(next) if Some(next) == cursor => {
                let sentence = "a list leads from one place to the same again";
                Err(Failure::new(Kind::UpstreamFailed, sentence).not_usable())
            }
            next => Ok(next.clone()),
        }
    }

    /// Whether it ended before its last row.
    pub fn is_cut(&self) -> bool {
        self.request_status
            .as_ref()
            .is_some_and(|status| status.kind == "incomplete")
    }
}

/// Whether a query came to its end.
#[derive(Debug, Deserialize)]
pub struct RequestStatus {
    #[serde(rename = "type", default)]
    pub kind: String,
}

/// A page, and what else a search finds.
#[derive(Debug, Deserialize)]
pub struct Page {
    #[serde(default)]
    pub object: String,
    pub id: String,
    #[serde(default)]
    pub parent: Value,
    #[serde(default)]
    pub properties: Map<String, Value>,
    /// Of a data source or database.
    #[serde(default)]
    pub title: Value,
    /// Of a data source or database.
    #[serde(default)]
    pub description: Value,
    #[serde(default)]
    pub in_trash: bool,
    #[serde(default)]
    pub archived: bool,
    pub url: Option<String>,
    pub created_time: Time,
    pub last_edited_time: Time,
    pub created_by: Option<User>,
}

/// Somebody, or only their id.
#[derive(Debug, Deserialize)]
pub struct User {
    pub id: String,
    pub name: Option<String>,
    pub person: Option<Contact>,
}

/// What is told of a human.
#[derive(Debug, Deserialize)]
pub struct Contact {
    pub email: Option<String>,
}

/// A comment.
#[derive(Debug, Deserialize)]
pub struct Comment {
    pub id: String,
    #[serde(default)]
    pub parent: Value,
    pub discussion_id: Option<String>,
    #[serde(default)]
    pub rich_text: Value,
    pub created_time: Time,
    pub last_edited_time: Time,
    pub created_by: Option<User>,
}

/// A block as far as lists of children and files need it.
#[derive(Debug, Deserialize)]
pub struct Child {
    pub id: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub child_page: Option<Titled>,
    pub child_database: Option<Titled>,
    pub created_time: Time,
    pub last_edited_time: Time,
}

/// What has a title.
#[derive(Debug, Deserialize)]
pub struct Titled {
    #[serde(default)]
    pub title: String,
}

/// A database: what its data sources are.
#[derive(Debug, Deserialize)]
pub struct Database {
    #[serde(default)]
    pub data_sources: Vec<Source>,
}

/// A data source of a database.
#[derive(Debug, Deserialize)]
pub struct Source {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

/// A file that is on its way.
#[derive(Debug, Deserialize)]
pub struct FileUpload {
    pub id: String,
    #[serde(default)]
    pub status: String,
}

/// A page as Notion's Markdown.
#[derive(Debug, Deserialize)]
pub struct Markdown {
    pub markdown: String,
    #[serde(default)]
    pub truncated: bool,
    #[serde(default)]
    pub unknown_block_ids: Vec<String>,
}

/// The answer to children that were added.
#[derive(Debug, Deserialize)]
pub struct Made {
    #[serde(default)]
    pub results: Vec<Value>,
}

/// The body of a search.
#[derive(Debug, Serialize)]
pub struct Search<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_cursor: Option<&'a str>,
    pub page_size: u32,
}
