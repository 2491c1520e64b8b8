//! Files that are attached to pages of documentation.
//!
//! Invariant: a file is its sender's bytes as they are; nothing in them is read or made safe here.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{ATTACHMENTS, PAGES};
use crate::catalogue::Page;
use crate::catalogue::fields::{AttachmentRef, Cursor, Name, PageRef, PageSize};
use crate::catalogue::op::{Declaration, File, Op, Output, Paged};
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// What is attached to a page.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Attachment {
    /// The neutral id, e.g. `docs-a~7`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The neutral id of its page.
    pub page: String,
    /// A link to another place, and no file that could be got here.
    pub external: bool,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Attachment {}

/// Input of `docs.attachment.upload`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentUploadInput {
    pub page: PageRef,
    /// What it shall be called; default: the file's name.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `docs.attachment.upload`
pub struct AttachmentUpload;

impl Op for AttachmentUpload {
    type Input = AttachmentUploadInput;
    type Output = Attachment;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "docs.attachment.upload",
        "/docs/pages/{page}/attachments",
        "Attach a file to a page",
    )
    .upload()
    .invalidates(&[ATTACHMENTS]);
    fn resource(input: &AttachmentUploadInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.attachment.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentListInput {
    pub page: PageRef,
    #[serde(default)]
    pub limit: Option<PageSize>,
    #[serde(default)]
    pub cursor: Option<Cursor>,
}

paged!(AttachmentListInput);

/// `docs.attachment.list`
pub struct AttachmentList;

impl Op for AttachmentList {
    type Input = AttachmentListInput;
    type Output = Page<Attachment>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "docs.attachment.list",
        "/docs/pages/{page}/attachments",
        "List what is attached to a page",
    )
    .carries(&[ATTACHMENTS])
    .absent(&[PAGES]);
    fn resource(input: &AttachmentListInput) -> Resource {
        input.page.resource()
    }
}

/// Input of `docs.attachment.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentGetInput {
    pub attachment: AttachmentRef,
}

/// `docs.attachment.get`
pub struct AttachmentGet;

impl Op for AttachmentGet {
    type Input = AttachmentGetInput;
    type Output = File;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "docs.attachment.get",
        "/docs/attachments/{attachment}",
        "Get an attached file; at most 20 MiB where its provider packs it into JSON",
    )
    .bytes();
    fn resource(input: &AttachmentGetInput) -> Resource {
        input.attachment.resource()
    }
}
