//! The requests that serve the files that Anthropic keeps.
//!
//! Invariant: each asks for the feature by its name, and a file that may not be got is not asked for.

use std::sync::Arc;

use http::HeaderValue;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::ByteStream;

use super::Anthropic;
use super::batch_wire as wire;
use super::options::FILES;
use crate::catalogue::ai::{FileContent, FileGet, FileMetadata, FilePurpose, FileUpload};
use crate::providers::ai::fits;
use crate::providers::http::text::present;
use crate::providers::http::{Form, Outgoing, Row};
use crate::providers::{Reply, Request};
use crate::wire::file;

/// The largest file, in bytes.
const LARGEST: u64 = 500_000_000;

/// A request of a feature that is not for everybody yet.
fn beta(outgoing: Outgoing) -> Outgoing {
    let feature = HeaderValue::from_static(FILES);
    outgoing.query("beta", "true").header("anthropic-beta", feature)
}

pub async fn upload(anthropic: Arc<Anthropic>, request: Request<FileUpload>) -> Result<Reply<FileMetadata>, Failure> {
    if request.input.purpose.unwrap_or_default() != FilePurpose::Input {
        let sentence = "this provider keeps files to be given to models alone";
        return Err(Failure::unsupported_field("purpose", sentence).never_sent());
    }
    let (upload, name) = request.file(request.input.name.as_deref())?;
    fits(&upload, LARGEST)?;
    let form = Form::new("file", &name, upload)?;
    let outgoing = anthropic.endpoint.post_form(&["v1", "files"], form)?;
    let convert = |instance: &Arc<str>, row| metadata(instance, row);
    anthropic.endpoint.answer(beta(outgoing), &request, convert).await
}

pub async fn get(anthropic: Arc<Anthropic>, request: Request<FileGet>) -> Result<Reply<FileMetadata>, Failure> {
    let one = anthropic.endpoint.get(&["v1", "files", &request.native])?;
    let convert = |instance: &Arc<str>, row| metadata(instance, row);
    anthropic.endpoint.answer(beta(one), &request, convert).await
}

/// Files that were uploaded are given to models alone; those that models made can be got.
pub async fn content(anthropic: Arc<Anthropic>, request: Request<FileContent>) -> Result<Reply<ByteStream>, Failure> {
    let one = anthropic.endpoint.get(&["v1", "files", &request.native])?;
    let received = anthropic.endpoint.send(beta(one)).await?;
    let known: wire::File = received.json()?;
    if known.downloadable == Some(false) {
        let sentence = "the provider does not give this file back: it says that it cannot be downloaded";
        return Err(received.failure(Kind::Unsupported, sentence));
    }
    let content = anthropic.endpoint.get(&["v1", "files", &request.native, "content"])?;
    let opened = anthropic.endpoint.open(beta(content)).await?;
    let mut reply = opened.file("application/octet-stream")?;
    if let Some(name) = present(known.filename).filter(|name| file::sound(name)) {
        reply.value.media_type = file::media_type(&name);
        reply.value.name = Some(Arc::from(name));
    }
    Ok(reply)
}

fn metadata(instance: &str, Row { wire, raw }: Row<wire::File>) -> FileMetadata {
    FileMetadata {
        id: Resource::neutral_id(instance, &wire.id),
        name: present(wire.filename).unwrap_or(wire.id),
        size: wire.size_bytes,
        media_type: present(wire.mime_type),
        purpose: None,
        raw_purpose: None,
        downloadable: wire.downloadable,
        created_at: wire.created_at.in_utc(),
        expires_at: None,
        raw,
    }
}
