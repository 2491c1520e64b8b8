//! BookStack's JSON, as far as it is used (version 24.10).
//!
//! Invariant: the published examples are all that there is, so only what an answer is useless without is required here.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::providers::http::Time;

/// A list's answer: `rows` of a page, and how many there are on all pages.
#[derive(Debug, Deserialize)]
pub struct List {
    #[serde(default)]
    pub data: Vec<Box<RawValue>>,
    pub total: Option<u64>,
}

/// A row of a search: a page, chapter, book or shelf.
#[derive(Debug, Deserialize)]
pub struct Found {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub book_id: Option<u64>,
    /// 0, null or absent where the page stands in its book directly.
    pub chapter_id: Option<u64>,
    pub url: Option<String>,
    pub updated_at: Time,
    pub preview_html: Option<Preview>,
}

/// What was found, with `<strong>` around it.
#[derive(Debug, Deserialize)]
pub struct Preview {
    pub content: Option<String>,
}

/// A page as it is read, and as its creation answers.
#[derive(Debug, Deserialize)]
pub struct Page {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    pub book_id: Option<u64>,
    pub chapter_id: Option<u64>,
    #[serde(default)]
    pub html: String,
    /// Empty where the page was written in the WYSIWYG editor.
    pub markdown: Option<String>,
    #[serde(default)]
    pub draft: bool,
    pub url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub created_by: Option<User>,
}

/// What is attached to a page, as lists show it and as its creation answers.
#[derive(Debug, Deserialize)]
pub struct Attachment {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    /// Without its dot; empty for a link.
    #[serde(default)]
    pub extension: String,
    pub uploaded_to: u64,
    /// A link, and no file.
    #[serde(default)]
    pub external: bool,
    pub created_at: Time,
    pub updated_at: Time,
}

/// An attachment as it is read.
#[derive(Debug, Deserialize)]
pub struct AttachedFile {
    #[serde(flatten)]
    pub attachment: Attachment,
    /// A file as base64; of a link, where it leads.
    pub content: String,
}

/// Who did something.
#[derive(Debug, Deserialize)]
pub struct User {
    pub name: Option<String>,
}

/// The body of `POST /pages`.
#[derive(Debug, Serialize)]
pub struct NewPage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chapter_id: Option<u64>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<&'a str>,
}

/// An error's body. Some hold a sentence alone in place of the fault: those say no more than their status.
#[derive(Debug, Deserialize)]
pub struct Error {
    pub error: Fault,
}

/// What an error says.
#[derive(Debug, Deserialize)]
pub struct Fault {
    #[serde(default)]
    pub message: String,
    /// The fields at fault, each with its sentences.
    #[serde(default)]
    pub validation: BTreeMap<String, IgnoredAny>,
}
