//! What is written to a file of a repository: a content that came with the input, or a file that comes while it is sent.
//!
//! Invariant: forges take a file as base64 within JSON. One that comes as an upload is never held whole, and so it is sent
//! once, unless its maker can begin anew.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{UPLOAD_FIELD, Upload};
use serde::Serialize;

use crate::catalogue::git::{FilePut, FileUpload};
use crate::providers::Request;
use crate::providers::http::{Endpoint, Outgoing};

/// The field of a request that is the file, at every forge.
const CONTENT: &str = "content";

/// A file that is to be written.
pub struct FileWrite<'a> {
    /// The path within the repository.
    pub path: &'a str,
    /// The commit's message.
    pub message: Option<&'a str>,
    /// The branch that it is committed to.
    pub branch: Option<&'a str>,
    /// What must stand there.
    pub if_match: Option<&'a str>,
    contents: Contents,
}

enum Contents {
    /// Base64.
    Held(String),
    /// It is made to base64 while it is sent.
    Coming(Arc<Upload>),
}

/// A body with its content.
#[derive(Serialize)]
struct Whole<'a, B> {
    #[serde(flatten)]
    body: &'a B,
    content: &'a str,
}

impl<'a> FileWrite<'a> {
    /// What an input holds.
    ///
    /// # Errors
    /// `invalid_input` on `content` where it is not what its encoding says.
    pub fn held(request: &'a Request<FilePut>) -> Result<Self, Failure> {
        let input = &*request.input;
        let odd = || Failure::invalid(CONTENT, "content is not what encoding says").never_sent();
        Ok(FileWrite {
            path: &input.path,
            message: input.message.as_deref(),
            branch: input.branch.as_deref(),
            if_match: input.if_match.as_deref(),
            contents: Contents::Held(STANDARD.encode(input.bytes().ok_or_else(odd)?)),
        })
    }

    /// What is uploaded.
    ///
    /// # Errors
    /// `invalid_input` where nothing is.
    pub fn coming(request: &'a Request<FileUpload>) -> Result<Self, Failure> {
        let input = &*request.input;
        let upload = request.upload.clone();
        let missing = || Failure::invalid(UPLOAD_FIELD, "a file is to be uploaded").never_sent();
        Ok(FileWrite {
            path: &input.path,
            message: input.message.as_deref(),
            branch: input.branch.as_deref(),
            if_match: input.if_match.as_deref(),
            contents: Contents::Coming(upload.ok_or_else(missing)?),
        })
    }

    /// Whether it can be sent (again).
    pub fn is_there(&self) -> bool {
        match &self.contents {
            Contents::Held(_) => true,
            Contents::Coming(upload) => upload.is_there(),
        }
    }

    /// The request that writes it: `body` is all but the content.
    ///
    /// # Errors
    /// What the endpoint fails with.
    pub fn request(
        &self,
        endpoint: &Endpoint,
        method: Method,
        parts: &[&str],
        body: &impl Serialize,
    ) -> Result<Outgoing, Failure> {
        match &self.contents {
            Contents::Held(content) => endpoint.with_json(method, parts, &Whole { body, content }),
            Contents::Coming(upload) => endpoint.with_upload(method, parts, body, (CONTENT, upload.clone())),
        }
    }
}
