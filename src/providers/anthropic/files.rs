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
use super::batches::listed;
use super::options::FILES;
use crate::catalogue::Page;
use crate::catalogue::ai::{FileContent, FileDelete, FileGet, FileList, FileMetadata, FilePurpose, FileUpload};
use crate::catalogue::outcome::Deleted;
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
    for_models(request.input.purpose)?;
    let (upload, name) = request.file(request.input.name.as_deref())?;
    fits(&upload, LARGEST)?;
    let form = Form::new("file", &name, upload)?;
    let outgoing = anthropic.endpoint.post_form(&["v1", "files"], form)?;
    let convert = |instance: &Arc<str>, row| metadata(instance, row);
    anthropic.endpoint.answer(beta(outgoing), &request, convert).await
}

/// That nothing else is asked of a file than what all are for.
fn for_models(purpose: Option<FilePurpose>) -> Result<(), Failure> {
    if purpose.unwrap_or_default() == FilePurpose::Input {
        return Ok(());
    }
    let sentence = "this provider keeps files to be given to models alone";
    Err(Failure::unsupported_field("purpose", sentence).never_sent())
}

pub async fn list(anthropic: Arc<Anthropic>, request: Request<FileList>) -> Result<Reply<Page<FileMetadata>>, Failure> {
    for_models(request.input.purpose)?;
    let outgoing = anthropic.endpoint.get(&["v1", "files"])?;
    let outgoing = outgoing
        .query_if("limit", request.limit())
        .query_if("after_id", request.cursor());
    let received = anthropic.endpoint.send(beta(outgoing)).await?;
    let (rows, next) = listed(&received, request.include_raw)?;
    let items = rows.into_iter().map(|row| metadata(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), next)))
}

pub async fn delete(anthropic: Arc<Anthropic>, request: Request<FileDelete>) -> Result<Reply<Deleted>, Failure> {
    let outgoing = anthropic.endpoint.delete(&["v1", "files", &request.native])?;
    let received = anthropic.endpoint.send(beta(outgoing)).await?;
    Ok(received.reply(Deleted::done()))
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
