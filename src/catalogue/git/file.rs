//! Files.
//!
//! Invariant: the content of a file is whole, in one of two encodings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{FILES, REF_MOVES, REPO};
use crate::catalogue::fields::{BranchName, FilePath, GitRef, Markdown, RepoRef, Version};
use crate::catalogue::link::Link;
use crate::catalogue::op::{self, Declaration, Op, Output};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;

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
    /// The blob's hash, which `if_match` of a write takes.
    pub sha: String,
    /// How `content` is written.
    pub encoding: Encoding,
    /// The content: text where the bytes are UTF-8, else base64.
    pub content: String,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// How a file's content is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As it is.
    #[default]
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
            .carries(&[FILES, REPO])
            .common();
    fn resource(input: &FileGetInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.file.download`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDownloadInput {
    pub repo: RepoRef,
    pub path: FilePath,
    #[serde(rename = "ref")]
    pub reference: Option<GitRef>,
}

/// `git.file.download`
pub struct FileDownload;

impl Op for FileDownload {
    type Input = FileDownloadInput;
    type Output = op::File;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.file.download",
        "/git/repos/{repo}/raw/{path}",
        "Get a file's bytes, however large it is",
    )
    .bytes();
    fn resource(input: &FileDownloadInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.file.put`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilePutInput {
    pub repo: RepoRef,
    pub path: FilePath,
    /// The whole new content, written as `encoding` says.
    pub content: String,
    /// How `content` is written; default: utf-8, as it is.
    #[serde(default)]
    pub encoding: Encoding,
    /// The commit's message; default: one that names the path.
    pub message: Option<Markdown>,
    /// The branch that it is committed to; default: the default branch.
    pub branch: Option<BranchName>,
    /// The `sha` of the file that shall be replaced; with another one there, or none, `precondition_failed`.
    pub if_match: Option<Version>,
}

impl FilePutInput {
    /// The bytes that `content` stands for; none where it is not what `encoding` says.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self.encoding {
            Encoding::Utf8 => Some(self.content.as_bytes().to_vec()),
            Encoding::Base64 => STANDARD.decode(self.content.as_bytes()).ok(),
        }
    }
}

/// What became of a file that was written.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The path within the repository.
    pub path: String,
    /// The new blob's hash.
    pub sha: Option<String>,
    /// The commit that wrote it.
    pub commit: Option<String>,
    /// The branch that it was written to, where the provider tells or the caller said.
    pub branch: Option<String>,
    /// Whether there was no such file before.
    pub created: Option<bool>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Written {}

/// `git.file.put`
pub struct FilePut;

impl Op for FilePut {
    type Input = FilePutInput;
    type Output = Written;
    // Not to be repeated unasked: a second one makes a commit of its own, or does not match any more.
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "git.file.put",
        "/git/repos/{repo}/files/{path}",
        "Write a file, in a commit",
    )
    .once()
    .invalidates(REF_MOVES)
    .common();
    fn resource(input: &FilePutInput) -> Resource {
        input.repo.resource()
    }
    fn check(input: &FilePutInput) -> Result<(), Failure> {
        match input.bytes() {
            Some(_) => Ok(()),
            None => Err(Failure::invalid(
                "content",
                "content must be base64 (RFC 4648, padded), as encoding says",
            )),
        }
    }
}

/// Input of `git.file.upload`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileUploadInput {
    pub repo: RepoRef,
    pub path: FilePath,
    /// The commit's message; default: one that names the path.
    pub message: Option<Markdown>,
    /// The branch that it is committed to; default: the default branch.
    pub branch: Option<BranchName>,
    /// The `sha` of the file that shall be replaced; with another one there, or none, `precondition_failed`.
    pub if_match: Option<Version>,
}

/// `git.file.upload`
pub struct FileUpload;

impl Op for FileUpload {
    type Input = FileUploadInput;
    type Output = Written;
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "git.file.upload",
        "/git/repos/{repo}/raw/{path}",
        "Write a file's bytes, however large it is, in a commit",
    )
    .upload()
    .may_be_empty()
    .once()
    .invalidates(REF_MOVES);
    fn resource(input: &FileUploadInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.file.delete`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDeleteInput {
    pub repo: RepoRef,
    pub path: FilePath,
    /// The commit's message; default: one that names the path.
    pub message: Option<Markdown>,
    /// The branch that it is taken from; default: the default branch.
    pub branch: Option<BranchName>,
    /// The `sha` of the file that shall go; with another one there, `precondition_failed`.
    pub if_match: Option<Version>,
}

/// `git.file.delete`
pub struct FileDelete;

impl Op for FileDelete {
    type Input = FileDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration = &Declaration::delete::<Self>(
        "git.file.delete",
        "/git/repos/{repo}/files/{path}",
        "Delete a file, in a commit",
    )
    .once()
    .invalidates(REF_MOVES);
    fn resource(input: &FileDeleteInput) -> Resource {
        input.repo.resource()
    }
}
