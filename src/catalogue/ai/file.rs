//! Files that a model's provider keeps.
//!
//! Invariant: a file is its sender's bytes as they are; nothing in them is read or made safe here.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::catalogue::fields::{Cursor, FileRef, Name, PageSize};
use crate::catalogue::op::{Declaration, File, Op, Output, Paged};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::owned::Owned;
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;
use crate::catalogue::trail::Trail;

/// One file.
const FILE: Topic = Topic::whole("ai_file");
/// The files of an instance.
pub(super) const FILES: Topic = Topic::all("ai_files");

/// What a file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FilePurpose {
    /// To be given to a model, by its id.
    #[default]
    Input,
    /// The requests of a batch.
    Batch,
    /// To train a model with.
    FineTune,
    /// Pictures to train a model with.
    Vision,
    /// For assistants.
    Assistants,
    /// To judge a model by.
    Evals,
}

/// What is known of a file.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileMetadata {
    /// The neutral id; a file that is given to a model is named by what stands behind `~`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Bytes, where the provider tells.
    pub size: Option<u64>,
    /// What kind of file it is, where the provider tells.
    pub media_type: Option<String>,
    /// What it is for, where that is one of ours.
    pub purpose: Option<FilePurpose>,
    /// The same in the provider's own word, where it has one.
    pub raw_purpose: Option<String>,
    /// Whether its content can be had, where the provider tells.
    pub downloadable: Option<bool>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for FileMetadata {}

/// Input of `ai.file.upload`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileUploadInput {
    /// What it is for; default: `input`.
    pub purpose: Option<FilePurpose>,
    /// What it shall be called; default: the file's name.
    pub name: Option<Name>,
}

/// `ai.file.upload`
pub struct FileUpload;

impl Op for FileUpload {
    type Input = FileUploadInput;
    type Output = FileMetadata;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("ai.file.upload", "/ai/files", "Have a model's provider keep a file")
            .upload()
            .owned(Owned::Named(&["/id"]))
            .invalidates(&[FILES]);
    fn resource(_input: &FileUploadInput) -> Resource {
        Resource::none()
    }
}

/// Input of `ai.file.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileListInput {
    /// Those alone that are for this.
    pub purpose: Option<FilePurpose>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

paged!(FileListInput);

/// `ai.file.list`
pub struct FileList;

impl Op for FileList {
    type Input = FileListInput;
    type Output = Page<FileMetadata>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "ai.file.list",
        "/ai/files",
        "List the files that a model's provider keeps",
    )
    .carries(&[FILES])
    .owned(Owned::Rows(&[]))
    .cached(5, 60, 3);
    fn resource(_input: &FileListInput) -> Resource {
        Resource::none()
    }
}

/// Input of `ai.file.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileGetInput {
    pub file: FileRef,
}

/// `ai.file.get`
pub struct FileGet;

impl Op for FileGet {
    type Input = FileGetInput;
    type Output = FileMetadata;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("ai.file.get", "/ai/files/{file}", "Show what is known of a file").carries(&[FILE]);
    fn resource(input: &FileGetInput) -> Resource {
        input.file.resource()
    }
    fn owned(input: &FileGetInput) -> Vec<Resource> {
        vec![input.file.resource()]
    }
}

/// Input of `ai.file.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileDeleteInput {
    pub file: FileRef,
}

/// `ai.file.delete`
pub struct FileDelete;

impl Op for FileDelete {
    type Input = FileDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration = &Declaration::delete::<Self>(
        "ai.file.delete",
        "/ai/files/{file}",
        "Have a model's provider keep a file no more",
    )
    .owned(Owned::Removed)
    .invalidates(&[FILE, FILES]);
    fn resource(input: &FileDeleteInput) -> Resource {
        input.file.resource()
    }
    fn owned(input: &FileDeleteInput) -> Vec<Resource> {
        vec![input.file.resource()]
    }
}

/// Input of `ai.file.content`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileContentInput {
    pub file: FileRef,
}

/// `ai.file.content`
pub struct FileContent;

impl Op for FileContent {
    type Input = FileContentInput;
    type Output = File;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "ai.file.content",
        "/ai/files/{file}/content",
        "Get a file, where its provider gives it back",
    )
    .bytes();
    fn resource(input: &FileContentInput) -> Resource {
        input.file.resource()
    }
    fn owned(input: &FileContentInput) -> Vec<Resource> {
        vec![input.file.resource()]
    }
}
