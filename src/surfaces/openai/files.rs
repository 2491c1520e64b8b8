//! `/files`: what a provider keeps, by ids that say which one does.
//!
//! Invariant: a file goes to its provider as it came; one that is in a form is read whole first, since what it is for may
//! stand behind it.

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use mosaic_actors::call::CostClass;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Upload;
use serde::Serialize;
use serde_json::Value;

use super::super::access::Unremarkable;
use super::super::dialect::desk::{Visit, frames, value};
use super::super::dialect::fields::{must, read, unsupported};
use super::super::dialect::head::describe;
use super::super::dialect::refused::{Refused, renamed};
use super::super::dialect::served::Asking;
use super::super::dialect::{lines, time};
use super::super::rest::reply::{self, Wanted};
use super::{batch_lines, form};
use crate::catalogue::ai::{
    BatchResults, BatchResultsInput, FileContent, FileContentInput, FileGet, FileGetInput, FileMetadata, FilePurpose,
    FileUpload, FileUploadInput,
};
use crate::catalogue::fields::{BatchRef, FileRef, Name};

/// Before the id of a batch, this names what came of it, where its provider keeps that in no file.
pub const RESULTS: &str = "results.";

/// This dialect's words for what a file is for.
const PURPOSES: [(&str, FilePurpose); 6] = [
    ("user_data", FilePurpose::Input),
    ("batch", FilePurpose::Batch),
    ("fine-tune", FilePurpose::FineTune),
    ("vision", FilePurpose::Vision),
    ("assistants", FilePurpose::Assistants),
    ("evals", FilePurpose::Evals),
];

/// `OpenAIFile`
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    object: &'static str,
    bytes: u64,
    created_at: i64,
    expires_at: Option<i64>,
    filename: &'a str,
    purpose: &'a str,
    status: &'static str,
}

fn told(file: &FileMetadata) -> Told<'_> {
    let own = PURPOSES.iter().find(|(_, ours)| Some(*ours) == file.purpose);
    Told {
        id: &file.id,
        object: "file",
        bytes: file.size.unwrap_or(0),
        created_at: time::seconds(file.created_at.as_deref()).unwrap_or(0),
        expires_at: time::seconds(file.expires_at.as_deref()),
        filename: &file.name,
        purpose: file
            .raw_purpose
            .as_deref()
            .or(own.map(|(word, _)| *word))
            .unwrap_or("user_data"),
        status: "processed",
    }
}

fn named(failure: Failure) -> Failure {
    renamed(failure, |field| (field == "file").then(|| "file_id".to_owned()))
}

pub(super) async fn upload(asking: Asking) -> Result<Response, Refused> {
    let Asking { visit, parts, body } = asking;
    let boundary = form::boundary(&parts.headers)?;
    let deadline = visit
        .config
        .dispatcher
        .deadline(CostClass::Write, true, &visit.options)?;
    let whole = visit
        .config
        .bodies
        .read(&visit.caller.tenant, body, visit.config.max_body, deadline)
        .await?;
    let (input, upload) = asked(&whole.into_bytes(), &boundary)?;
    let answer = visit.call_with::<FileUpload>(input, Some(Arc::new(upload))).await?;
    let file = value::<FileMetadata>(&answer)?;
    visit.json(&answer, &[], &told(&file))
}

/// The file's bytes are those of the form: they keep its room until they are sent.
fn asked(form: &Bytes, boundary: &str) -> Result<(FileUploadInput, Upload), Failure> {
    let (mut input, mut upload) = (FileUploadInput::default(), None);
    for field in form::fields(form, boundary)? {
        match field.name.as_str() {
            "file" => {
                let name = field.file.unwrap_or_else(|| "file".to_owned());
                let media_type = field.media_type.as_deref().unwrap_or("application/octet-stream");
                let bytes = form.slice_ref(field.bytes);
                upload = Some(Upload::replayable(
                    Arc::from(media_type),
                    Some(Arc::from(&*name)),
                    bytes,
                ));
                input.name = Some(read::<Name>("file", &Value::String(name))?);
            }
            "purpose" => {
                let purpose = PURPOSES.iter().find(|(word, _)| word.as_bytes() == field.bytes);
                let purpose = purpose
                    .ok_or_else(|| must("purpose", "be batch, user_data, vision, fine-tune, assistants or evals"))?;
                input.purpose = Some(purpose.1);
            }
            other => return Err(unsupported(other, "is not taken here: give purpose and file")),
        }
    }
    if input.purpose.is_none() {
        return Err(Failure::invalid("purpose", "purpose is missing"));
    }
    upload
        .map(|upload| (input, upload))
        .ok_or_else(|| Failure::invalid("file", "file is missing"))
}

pub(super) async fn show(mut asking: Asking) -> Result<Response, Refused> {
    let file = asking.named().await?;
    let visit = asking.visit;
    let file = read::<FileRef>("file_id", &Value::String(file))?;
    let answer = visit.call::<FileGet>(FileGetInput { file }).await.map_err(named)?;
    let file = value::<FileMetadata>(&answer)?;
    visit.json(&answer, &[], &told(&file))
}

pub(super) async fn content(mut asking: Asking) -> Result<Response, Refused> {
    let file = asking.named().await?;
    let Asking { visit, parts, .. } = asking;
    if let Some(batch) = file.strip_prefix(RESULTS) {
        return results(&visit, batch).await;
    }
    let file = read::<FileRef>("file_id", &Value::String(file))?;
    let deadline = visit
        .config
        .dispatcher
        .deadline(CostClass::Read, false, &visit.options)?;
    let answer = visit
        .call::<FileContent>(FileContentInput { file })
        .await
        .map_err(named)?;
    let asks_for_head = parts.method == http::Method::HEAD;
    Ok(reply::response(answer, &Wanted::of_file(&visit.id, deadline, asks_for_head)).await?)
}

async fn results(visit: &Visit, batch: &str) -> Result<Response, Refused> {
    let batch = read::<BatchRef>("file_id", &Value::String(batch.to_owned()))?;
    let answer = visit
        .call::<BatchResults>(BatchResultsInput { batch })
        .await
        .map_err(named)?;
    let (head, frames) = frames(answer)?;
    let mut response = lines::response(frames, batch_lines::result, "application/jsonl");
    describe(&head, visit, &[], response.headers_mut());
    Ok(Unremarkable::mark(response))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_forms_own_bytes() {
        let form = Bytes::from_static(
            b"--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n\
              Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n{}\r\n--x--\r\n",
        );
        let form = Bytes::copy_from_slice(&form);
        let (input, upload) = asked(&form, "x").expect("whole");
        assert_eq!((input.purpose, upload.length), (Some(FilePurpose::Batch), Some(2)));
        assert!(!form.is_unique(), "the upload holds it");
        drop(upload);
        assert!(form.is_unique());
    }
}
