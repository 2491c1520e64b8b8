//! Files: announced, sent whole or in parts, and given to who has their address.
//!
//! Invariant: a file that did not come whole is not uploaded.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{StatusCode, Uri, header};

use super::input::{json_of, uuid};
use super::objects;
use super::problem::Problem;
use super::state::{MAX_FILES, State as Store, Upload};
use super::{Answer, Notion};
use crate::sandbox::kit::query::Params;

/// The largest file that comes whole, and the largest part.
const WHOLE: usize = 20 << 20;
/// The least that a part holds which is not the last.
const PART: usize = 5 << 20;

pub(crate) async fn create(State(notion): State<Arc<Notion>>, body: Bytes) -> Answer {
    let body = json_of(&body)?;
    let parts = match body["mode"].as_str().unwrap_or("single_part") {
        "single_part" => None,
        "multi_part" => match body["number_of_parts"].as_u64() {
            Some(count) if (1..=1000).contains(&count) => Some(count as usize),
            _ => return Err(Problem::body("number_of_parts", "between 1 and 1000")),
        },
        _ => return Err(Problem::body("mode", "`\"single_part\"` or `\"multi_part\"`")),
    };
    let mut store = notion.state();
    store.room(1)?;
    let id = store.id();
    let upload = Upload {
        id: id.clone(),
        name: body["filename"].as_str().unwrap_or("file").to_owned(),
        media_type: body["content_type"]
            .as_str()
            .unwrap_or("application/octet-stream")
            .to_owned(),
        parts,
        sent: std::collections::BTreeMap::new(),
        uploaded: false,
        created: store.now(),
    };
    let json = objects::upload(&upload);
    store.uploads.insert(id, upload);
    Ok(Json(json).into_response())
}

fn found<'a>(store: &'a mut Store, id: &str) -> Result<&'a mut Upload, Problem> {
    store
        .uploads
        .get_mut(id)
        .ok_or_else(|| Problem::not_found("file upload", id))
}

pub(crate) async fn get(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "file_upload_id")?;
    let mut store = notion.state();
    Ok(Json(objects::upload(found(&mut store, &id)?)).into_response())
}

pub(crate) async fn send(State(notion): State<Arc<Notion>>, Path(id): Path<String>, request: Request) -> Answer {
    let id = uuid(&id, "file_upload_id")?;
    let (file, part) = form(request).await?;
    let mut store = notion.state();
    let held: usize = store
        .uploads
        .values()
        .flat_map(|upload| upload.sent.values())
        .map(Bytes::len)
        .sum();
    if held + file.len() > MAX_FILES {
        return Err(Problem::invalid(format!(
            "This sandbox holds at most {MAX_FILES} bytes of files."
        )));
    }
    let upload = found(&mut store, &id)?;
    if upload.uploaded {
        return Err(Problem::invalid("The file upload is not pending."));
    }
    let number = match (upload.parts, part) {
        (None, None) => 1,
        (Some(parts), Some(number)) if (1..=parts).contains(&number) => {
            if number < parts && file.len() < PART {
                return Err(Problem::invalid("A part is too small."));
            }
            number
        }
        _ => return Err(Problem::body("part_number", "defined for a file in parts alone")),
    };
    if file.len() > WHOLE {
        return Err(Problem::invalid("The file is too large."));
    }
    upload.sent.insert(number, file);
    upload.uploaded = upload.parts.is_none();
    let json = objects::upload(upload);
    store.created += 1;
    Ok(Json(json).into_response())
}

async fn form(request: Request) -> Result<(Bytes, Option<usize>), Problem> {
    let odd = |_| Problem::of_code("invalid_request", "The form could not be read.");
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| Problem::of_code("invalid_request", "The form has no boundary."))?;
    let (mut file, mut part) = (None, None);
    while let Some(field) = form.next_field().await.map_err(odd)? {
        match field.name().unwrap_or_default() {
            "file" => file = Some(field.bytes().await.map_err(odd)?),
            "part_number" => {
                let text = field.text().await.map_err(odd)?;
                part = Some(text.parse().map_err(|_| Problem::body("part_number", "a number"))?);
            }
            _ => {}
        }
    }
    let file = file.ok_or_else(|| Problem::body("file", "defined, instead was `undefined`"))?;
    Ok((file, part))
}

pub(crate) async fn complete(State(notion): State<Arc<Notion>>, Path(id): Path<String>) -> Answer {
    let id = uuid(&id, "file_upload_id")?;
    let mut store = notion.state();
    let upload = found(&mut store, &id)?;
    match upload.parts {
        Some(parts) if parts == upload.sent.len() => upload.uploaded = true,
        _ => return Err(Problem::invalid("Not all parts of the file have been sent.")),
    }
    Ok(Json(objects::upload(upload)).into_response())
}

/// A file, for an hour from when its address was told.
pub(crate) async fn file(
    State(notion): State<Arc<Notion>>,
    Path((id, _name)): Path<(String, String)>,
    uri: Uri,
) -> http::Response<axum::body::Body> {
    let until = Params::of(&uri)
        .get("signature")
        .and_then(|text| text.parse::<i64>().ok());
    if until.is_none_or(|until| until < jiff::Timestamp::now().as_second()) {
        return (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response();
    }
    let store = notion.state();
    let Some(upload) = store.uploads.get(&id).filter(|upload| upload.uploaded) else {
        return (StatusCode::NOT_FOUND, "<Error><Code>NoSuchKey</Code></Error>").into_response();
    };
    let bytes: Vec<u8> = upload.sent.values().flat_map(|part| part.iter().copied()).collect();
    ([(header::CONTENT_TYPE, upload.media_type.clone())], bytes).into_response()
}
