//! The requests that serve the files that OpenAI keeps.
//!
//! Invariant: an upload is passed on as it comes, and one that is too large is refused before any of it is.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use mosaic_actors::stream::ByteStream;

use super::OpenAi;
use super::batch_convert::{file, purpose};
use super::batch_wire as wire;
use super::batches::listed;
use crate::catalogue::Page;
use crate::catalogue::ai::{FileContent, FileDelete, FileGet, FileList, FileMetadata, FilePurpose, FileUpload};
use crate::catalogue::outcome::Deleted;
use crate::providers::ai::fits;
use crate::providers::http::Form;
use crate::providers::{Reply, Request};

/// The largest file, in bytes.
const LARGEST: u64 = 512_000_000;
/// The largest file of a batch's requests.
const LARGEST_BATCH: u64 = 200_000_000;
/// The files of a page where nobody says how many: the provider would tell ten thousand.
const A_PAGE: u32 = 100;

pub async fn upload(openai: Arc<OpenAi>, request: Request<FileUpload>) -> Result<Reply<FileMetadata>, Failure> {
    let (upload, name) = request.file(request.input.name.as_deref())?;
    let its = request.input.purpose.unwrap_or_default();
    fits(&upload, largest(its))?;
    let form = Form::new("file", &name, upload)?.field("purpose", purpose(its));
    let outgoing = openai.endpoint.post_form(&["files"], form)?;
    let received = openai.endpoint.send(outgoing).await?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(file(&request.instance, row)))
}

fn largest(purpose: FilePurpose) -> u64 {
    match purpose {
        FilePurpose::Batch => LARGEST_BATCH,
        _ => LARGEST,
    }
}

pub async fn get(openai: Arc<OpenAi>, request: Request<FileGet>) -> Result<Reply<FileMetadata>, Failure> {
    let one = openai.endpoint.get(&["files", &request.native])?;
    openai
        .endpoint
        .answer(one, &request, |instance, row| file(instance, row))
        .await
}

pub async fn content(openai: Arc<OpenAi>, request: Request<FileContent>) -> Result<Reply<ByteStream>, Failure> {
    let content = openai.endpoint.get(&["files", &request.native, "content"])?;
    openai
        .endpoint
        .open_stored(content)
        .await?
        .file("application/octet-stream")
}

pub async fn list(openai: Arc<OpenAi>, request: Request<FileList>) -> Result<Reply<Page<FileMetadata>>, Failure> {
    let outgoing = openai.endpoint.get(&["files"])?;
    let outgoing = outgoing
        .query_if("purpose", request.input.purpose.map(purpose))
        .query_if("limit", request.limit().or(Some(A_PAGE)))
        .query_if("after", request.cursor());
    let received = openai.endpoint.send(outgoing).await?;
    let (rows, next) = listed(&received, request.include_raw, |file: &wire::File| &file.id)?;
    let items = rows.into_iter().map(|row| file(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), next)))
}

pub async fn delete(openai: Arc<OpenAi>, request: Request<FileDelete>) -> Result<Reply<Deleted>, Failure> {
    let received = openai
        .endpoint
        .send(openai.endpoint.delete(&["files", &request.native])?)
        .await?;
    let removed: wire::Removed = received.json()?;
    match removed.deleted {
        Some(true) => Ok(received.reply(Deleted::done())),
        _ => Err(received.unusable("the answer is not as expected at deleted: it does not say that the file is gone")),
    }
}
