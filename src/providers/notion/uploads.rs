//! Files on their way into a page: sent, in parts where they are large, and put at the page's end.
//!
//! Invariant: no more of a file is held in memory than one part of it; of one whose length nobody tells, no more than is sent
//! whole.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{UPLOAD_FIELD, Upload};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::attachments::attachment;
use super::ids::uuid;
use super::unanswered::in_doubt;
use super::{Notion, wire};
use crate::catalogue::docs::{Attachment, AttachmentUpload};
use crate::providers::http::{Form, Received};
use crate::providers::{Reply, Request};
use crate::wire::file;

/// The largest file that is sent whole: Notion's own bound.
const WHOLE: u64 = 20 << 20;
/// The size of a part of a larger one.
const PART: usize = 10 << 20;

pub async fn upload(notion: Arc<Notion>, request: Request<AttachmentUpload>) -> Result<Reply<Attachment>, Failure> {
    let id = uuid(&request.native, "page")?;
    let (upload, name) = request.file(request.input.name.as_deref())?;
    if !file::sound(&name) {
        let sentence = "name must be one that a file can have, without a path";
        return Err(Failure::invalid("name", sentence).never_sent());
    }
    let media_type = upload.media_type.clone();
    let sent = match upload.length {
        Some(length) if length <= WHOLE => notion.send_whole(&name, upload).await?,
        Some(length) => notion.send_parts(&name, upload, length, request.deadline).await?,
        None => notion.send_unmeasured(&name, upload).await?,
    };
    let block = block(&media_type, &name, &sent);
    let body = json!({"children": [block]});
    let outgoing = || notion.endpoint.patch(&["blocks", &id, "children"], &body);
    let received = notion.patient(request.deadline, outgoing).await.map_err(|failure| {
        let became = match in_doubt(&failure) {
            true => "the file was sent, and may stand in the page",
            false => "the file was sent, and is in no page",
        };
        unput(failure, became)
    })?;
    let stands = |failure| unput(failure, "the file was sent, and should stand in the page");
    let made: wire::Made = received.json().map_err(stands)?;
    let told = made
        .results
        .first()
        .and_then(|json| attachment(&request.instance, &id, json, request.include_raw));
    let untold = || stands(received.unusable("the answer does not tell the block that was made"));
    let mut attachment = told.ok_or_else(untold)?;
    attachment.name = name;
    Ok(received.reply(attachment))
}

/// A failure behind the sending of a file, which is not to be sent again for it.
fn unput(failure: Failure, became: &str) -> Failure {
    let mut failure = failure.also(became);
    (failure.retryable, failure.unsent) = (false, false);
    failure
}

/// The block that shows a file; Notion has one for each sort of them.
fn block(media_type: &str, name: &str, upload: &str) -> Value {
    let kind = match media_type.split('/').next().unwrap_or_default() {
        "image" => "image",
        "video" => "video",
        "audio" => "audio",
        _ if media_type.starts_with("application/pdf") => "pdf",
        _ => "file",
    };
    let mut content = json!({"type": "file_upload", "file_upload": {"id": upload}});
    if kind == "file" {
        content["name"] = name.into();
    }
    json!({"object": "block", "type": kind, kind: content})
}

impl Notion {
    async fn announced(&self, body: Value) -> Result<wire::FileUpload, Failure> {
        let received = self
            .endpoint
            .send(self.endpoint.post(&["file_uploads"], &body)?)
            .await?;
        received.json()
    }

    /// Sends a file as it comes.
    async fn send_whole(&self, name: &str, upload: Arc<Upload>) -> Result<String, Failure> {
        let media_type = &*upload.media_type;
        let announced = self
            .announced(json!({"mode": "single_part", "filename": name, "content_type": media_type}))
            .await?;
        let form = Form::new("file", name, upload)?;
        let outgoing = self
            .endpoint
            .post_form(&["file_uploads", &announced.id, "send"], form)?;
        sent(&self.endpoint.send(outgoing).await?)
    }

    /// A file whose length nobody tells is held until its end is seen.
    async fn send_unmeasured(&self, name: &str, upload: Arc<Upload>) -> Result<String, Failure> {
        let media_type = upload.media_type.clone();
        let mut bytes = upload.take()?.bytes;
        let mut held = BytesMut::new();
        while let Some(piece) = bytes.next().await {
            held.extend_from_slice(&piece?);
            if held.len() as u64 > WHOLE {
                let sentence = format!(
                    "a file of more than {} MiB must tell its length at this provider",
                    WHOLE >> 20
                );
                return Err(Failure::unsupported_field(UPLOAD_FIELD, sentence).never_sent());
            }
        }
        self.send_whole(name, Arc::new(Upload::replayable(media_type, None, held.freeze())))
            .await
    }

    async fn send_parts(
        &self,
        name: &str,
        upload: Arc<Upload>,
        length: u64,
        deadline: Instant,
    ) -> Result<String, Failure> {
        let media_type = upload.media_type.clone();
        let count = length.div_ceil(PART as u64);
        let announced = self
            .announced(
                json!({"mode": "multi_part", "filename": name, "content_type": &*media_type,
                "number_of_parts": count}),
            )
            .await?;
        let mut bytes = upload.take()?.bytes;
        let mut held = BytesMut::new();
        let mut number = 0;
        loop {
            let piece = bytes.next().await.transpose()?;
            let ended = piece.is_none();
            held.extend_from_slice(&piece.unwrap_or_default());
            while held.len() >= PART || (ended && !held.is_empty()) {
                number += 1;
                let part = held.split_to(held.len().min(PART)).freeze();
                self.send_part(&announced.id, name, &media_type, (number, part), deadline)
                    .await?;
            }
            if ended {
                break;
            }
        }
        let outgoing = || {
            self.endpoint
                .post(&["file_uploads", &announced.id, "complete"], &json!({}))
        };
        sent(&self.patient(deadline, outgoing).await?)
    }

    async fn send_part(
        &self,
        id: &str,
        name: &str,
        media_type: &Arc<str>,
        (number, part): (u64, Bytes),
        deadline: Instant,
    ) -> Result<(), Failure> {
        let outgoing = || {
            let upload = Upload::replayable(media_type.clone(), None, part.clone());
            let form = Form::new("file", name, Arc::new(upload))?.field("part_number", number.to_string());
            self.endpoint.post_form(&["file_uploads", id, "send"], form)
        };
        self.patient(deadline, outgoing).await.map(drop)
    }
}

/// A file that has arrived.
fn sent(received: &Received) -> Result<String, Failure> {
    let upload: wire::FileUpload = received.json()?;
    match &*upload.status {
        "uploaded" => Ok(upload.id),
        _ => Err(received.failure(
            Kind::UpstreamFailed,
            "the file was sent, and the provider says that it is not there",
        )),
    }
}
