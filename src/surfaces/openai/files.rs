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
use serde_json::{Value, json};

use super::super::access::Unremarkable;
use super::super::dialect::desk::{Visit, frames, value};
use super::super::dialect::fields::{must, read, unsupported};
use super::super::dialect::head::describe;
use super::super::dialect::pages::{Rows, Wanted as Asked, walk};
use super::super::dialect::query::Query;
use super::super::dialect::refused::{Refused, renamed};
use super::super::dialect::served::Asking;
use super::super::dialect::{lines, time};
use super::super::rest::reply::{self, Wanted};
use super::{batch_lines, form};
use crate::catalogue::ai::{
    BatchResults, BatchResultsInput, FileContent, FileContentInput, FileDelete, FileDeleteInput, FileGet, FileGetInput,
    FileList, FileListInput, FileMetadata, FilePurpose, FileUpload, FileUploadInput,
};
use crate::catalogue::cursor::ALL;
use crate::catalogue::fields::{BatchRef, FileRef, Name, PageSize};

/// Before the id of a batch, this names what came of it, where its provider keeps that in no file.
pub const RESULTS: &str = "results.";

/// The files of a page where nobody says how many, and at most.
const USUAL_PAGE: usize = 1_000;
const LARGEST_PAGE: usize = 10_000;

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

/// One of ours.
fn purpose(word: &[u8]) -> Result<FilePurpose, Failure> {
    let known = PURPOSES.iter().find(|(known, _)| known.as_bytes() == word);
    known
        .map(|(_, purpose)| *purpose)
        .ok_or_else(|| must("purpose", "be batch, user_data, vision, fine-tune, assistants or evals"))
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
                input.purpose = Some(purpose(field.bytes)?);
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

pub(super) async fn list(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, .. } = asking;
    visit.prefer(Some(ALL));
    let mut query = Query::of(&parts.uri);
    let (limit, after) = (query.limit(USUAL_PAGE, LARGEST_PAGE)?, query.take("after"));
    let word = query.take("purpose");
    let purpose = word.map(|word| purpose(word.as_bytes())).transpose()?;
    if query.take("order").is_some_and(|order| order != "desc") {
        return Err(unsupported("order", "is taken as desc alone").into());
    }
    query.end()?;
    let wanted = Asked {
        after: after.as_deref().map(|after| ("after", after)),
        limit,
    };
    let input = |cursor| FileListInput {
        purpose,
        cursor,
        limit: Some(PageSize::from(PageSize::MOST)),
    };
    let Rows {
        rows,
        has_more,
        warnings,
        answer,
    } = walk::<FileList, FileMetadata>(&visit, wanted, input, |file| file.id.clone()).await?;
    let data: Vec<_> = rows.iter().map(told).collect();
    let (first, last) = (rows.first().map(|row| &row.id), rows.last().map(|row| &row.id));
    let list = json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more});
    visit.json(&answer, &warnings, &list)
}

pub(super) async fn delete(mut asking: Asking) -> Result<Response, Refused> {
    let file = asking.named().await?;
    let visit = asking.visit;
    if file.starts_with(RESULTS) {
        let sentence = "is what came of a batch, whose provider keeps it with the batch: it cannot be deleted";
        return Err(unsupported("file_id", sentence).into());
    }
    let named_so = json!({"id": file, "object": "file", "deleted": true});
    let file = read::<FileRef>("file_id", &Value::String(file))?;
    let answer = visit
        .call::<FileDelete>(FileDeleteInput { file })
        .await
        .map_err(named)?;
    visit.json(&answer, &[], &named_so)
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
