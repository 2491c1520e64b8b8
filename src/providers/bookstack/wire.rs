//! BookStack's JSON, as far as it is used (version 24.10, and comments from 25.11).
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

/// A page as it is read, as lists show it, and as writing it answers; in a book's contents also a chapter.
#[derive(Debug, Deserialize)]
pub struct Page {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    /// In a book's contents: page or chapter.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub book_id: Option<u64>,
    pub chapter_id: Option<u64>,
    /// As it is shown: what it includes of other pages stands in it, and scripts do not.
    #[serde(default)]
    pub html: String,
    /// As it is stored; earlier releases do not tell.
    pub raw_html: Option<String>,
    /// Empty where the page was written in the WYSIWYG editor.
    pub markdown: Option<String>,
    #[serde(default)]
    pub draft: bool,
    /// How often its text was changed.
    pub revision_count: Option<u64>,
    pub url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub created_by: Option<By>,
}

/// A book or a shelf.
#[derive(Debug, Deserialize)]
pub struct Space {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    pub description: Option<String>,
    pub url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// What a book or a chapter holds.
#[derive(Debug, Deserialize)]
pub struct Contents {
    /// Of a book: its chapters and pages.
    #[serde(default)]
    pub contents: Vec<Box<RawValue>>,
    /// Of a chapter.
    #[serde(default)]
    pub pages: Vec<Box<RawValue>>,
}

/// What is in the recycle bin.
#[derive(Debug, Deserialize)]
pub struct Deletion {
    pub id: u64,
    pub deletable_type: String,
    pub deletable_id: u64,
    pub deletable: Option<Box<RawValue>>,
}

/// What a restoration answers.
#[derive(Debug, Deserialize)]
pub struct Restored {
    pub restore_count: u64,
}

/// A comment; its text only where it is read alone.
#[derive(Debug, Deserialize)]
pub struct Comment {
    pub id: u64,
    pub commentable_id: u64,
    pub html: Option<String>,
    /// The number among its page's of the comment that it replies to.
    pub parent_id: Option<u64>,
    /// Its number among its page's.
    pub local_id: Option<u64>,
    pub created_at: Time,
    pub updated_at: Time,
    pub created_by: Option<By>,
}

/// What a server tells of itself, from version 25.05 on.
#[derive(Debug, Deserialize)]
pub struct System {
    #[serde(default)]
    pub version: String,
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

/// Who did something: lists tell the number alone.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum By {
    Number(u64),
    User(User),
}

/// An account.
#[derive(Debug, Deserialize)]
pub struct User {
    pub id: Option<u64>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub profile_url: Option<String>,
}

/// The body of `POST /pages`, and of `PUT /pages/{id}`: what is left out stays as it is, tags too.
#[derive(Debug, Default, Serialize)]
pub struct NewPage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chapter_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub markdown: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<&'a str>,
}

/// The body of `POST /books`.
#[derive(Debug, Serialize)]
pub struct NewBook<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description_html: Option<&'a str>,
}

/// The body of `POST /comments`.
#[derive(Debug, Serialize)]
pub struct NewComment<'a> {
    pub page_id: u64,
    pub html: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
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
