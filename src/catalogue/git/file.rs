//! Files.
//!
//! Invariant: the content of a file is whole, in one of two encodings.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::repo::REPO;
use crate::catalogue::fields::{FilePath, GitRef, RepoRef};
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;

/// The files of a repository.
const FILES: Topic = Topic::whole("files");

/// A file at a commit.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// The path within the repository.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The blob's hash.
    pub sha: String,
    /// How `content` is written.
    pub encoding: Encoding,
    /// The content: text where the bytes are UTF-8, else base64.
    pub content: String,
    /// Its page for people.
    pub web_url: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// How a file's content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As it is.
    #[serde(rename = "utf-8")]
    Utf8,
    /// RFC 4648, standard alphabet, padded.
    Base64,
}

impl<I> Output<I> for File {}

/// Input of `git.file.get`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileGetInput {
    pub repo: RepoRef,
    pub path: FilePath,
    #[serde(rename = "ref")]
    pub reference: Option<GitRef>,
}

/// `git.file.get`
pub struct FileGet;

impl Op for FileGet {
    type Input = FileGetInput;
    type Output = File;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.file.get", "/git/repos/{repo}/files/{path}", "Get a file's content")
            .carries(&[FILES, REPO]);
    fn resource(input: &FileGetInput) -> Resource {
        input.repo.resource()
    }
}
