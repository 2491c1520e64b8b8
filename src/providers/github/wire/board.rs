//! Boards, which GitHub calls projects.
//!
//! Invariant: a word is written plain, or as it was written and as HTML; the latter is never read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::providers::http::Time;

/// `projects-v2`.
#[derive(Debug, Deserialize)]
pub struct Board {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    /// Its readme.
    pub description: Option<String>,
    pub short_description: Option<String>,
    pub state: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub closed_at: Time,
}

/// `projects-v2-field`.
#[derive(Debug, Deserialize)]
pub struct BoardField {
    pub id: u64,
    pub name: String,
    pub data_type: Option<String>,
    #[serde(default)]
    pub options: Vec<BoardOption>,
    pub configuration: Option<Iterations>,
}

impl BoardField {
    /// What it may be: ids, and names.
    pub fn choices(&self) -> impl Iterator<Item = (&str, &str)> {
        let iterations = self.configuration.iter().flat_map(|its| &its.iterations);
        let iterations = iterations.map(|its| (&*its.id, its.title.text()));
        self.options
            .iter()
            .map(|its| (&*its.id, its.name.text()))
            .chain(iterations)
    }
}

/// `projects-v2-single-select-options`.
#[derive(Debug, Deserialize)]
pub struct BoardOption {
    pub id: String,
    pub name: Words,
}

/// The `configuration` of a field.
#[derive(Debug, Deserialize)]
pub struct Iterations {
    #[serde(default)]
    pub iterations: Vec<Iteration>,
}

/// `projects-v2-iteration-settings`.
#[derive(Debug, Deserialize)]
pub struct Iteration {
    pub id: String,
    pub title: Words,
}

/// What a thing is called.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Words {
    Plain(String),
    Both { raw: String },
}

impl Words {
    /// As it was written.
    pub fn text(&self) -> &str {
        match self {
            Words::Plain(text) | Words::Both { raw: text } => text,
        }
    }
}

/// `projects-v2-item-with-content`, or the simple one.
#[derive(Debug, Deserialize)]
pub struct BoardItem {
    pub id: u64,
    /// `Issue`, `PullRequest` or `DraftIssue`.
    pub content_type: Option<String>,
    pub content: Option<OnBoard>,
    #[serde(default)]
    pub fields: Vec<FieldValue>,
    pub created_at: Time,
    pub updated_at: Time,
    pub archived_at: Time,
}

/// What an item stands for.
#[derive(Debug, Deserialize)]
pub struct OnBoard {
    pub title: Option<String>,
    pub number: Option<u64>,
    pub state: Option<String>,
    pub url: Option<String>,
    pub html_url: Option<String>,
}

/// A field of an item.
#[derive(Debug, Deserialize)]
pub struct FieldValue {
    pub name: String,
    pub data_type: Option<String>,
    #[serde(default)]
    pub value: Value,
}

/// The body of `POST …/projectsV2/{project_number}/items`.
#[derive(Debug, Serialize)]
pub struct NewItem<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub owner: &'a str,
    pub repo: &'a str,
    pub number: u64,
}

/// The body of `POST …/projectsV2/{project_number}/drafts`.
#[derive(Debug, Serialize)]
pub struct NewDraft<'a> {
    pub title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
}

/// The body of `PATCH …/projectsV2/{project_number}/items/{item_id}`.
#[derive(Debug, Serialize)]
pub struct ItemPatch<'a> {
    pub fields: &'a [FieldChange],
}

/// A field's new value.
#[derive(Debug, Serialize)]
pub struct FieldChange {
    pub id: u64,
    pub value: Value,
}

/// An account, by its number.
#[derive(Debug, Deserialize)]
pub struct Account {
    pub id: u64,
}
