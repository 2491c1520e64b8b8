//! `/batches`: requests of a file, done later, whoever does them.
//!
//! Invariant: the requests are read here and asked for as any batch, so that they may be of any provider's models; a batch
//! whose provider keeps its results in no file has the id of one all the same, by which they can be had.

use axum::response::Response;
use futures_util::StreamExt;
use mosaic_actors::call::{Body as AnswerBody, Resource};
use mosaic_actors::error::{Failure, Kind};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::bodies::Whole;
use super::super::dialect::desk::{Visit, value};
use super::super::dialect::fields::{must, read, unsupported};
use super::super::dialect::pages::{Rows, Wanted, walk};
use super::super::dialect::query::Query;
use super::super::dialect::refused::{Refused, renamed};
use super::super::dialect::served::Asking;
use super::super::dialect::time;
use super::batch_lines::{self, CHAT, EMBEDDINGS};
use super::chat_said::Usage;
use super::files;
use crate::catalogue::ai::{
    Batch, BatchCancel, BatchCancelInput, BatchCreate, BatchCreateInput, BatchGet, BatchGetInput, BatchList,
    BatchListInput, BatchState, BatchWork, FileContent, FileContentInput,
};
use crate::catalogue::cursor::ALL;
use crate::catalogue::fields::{BatchRef, FileRef, PageSize};
use crate::leisure::at_leisure;

/// `Batch`
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    object: &'static str,
    endpoint: &'static str,
    errors: Option<Value>,
    input_file_id: &'a str,
    completion_window: &'static str,
    status: &'static str,
    output_file_id: Option<String>,
    error_file_id: Option<&'a str>,
    created_at: i64,
    in_progress_at: Option<i64>,
    expires_at: Option<i64>,
    completed_at: Option<i64>,
    failed_at: Option<i64>,
    expired_at: Option<i64>,
    cancelling_at: Option<i64>,
    cancelled_at: Option<i64>,
    request_counts: Option<Value>,
    usage: Option<Usage>,
    metadata: Option<Value>,
}

fn told<'a>(batch: &'a Batch, input_file: Option<&'a str>) -> Told<'a> {
    let files = batch.files.as_ref();
    let ended = |state| time::seconds(batch.ended_at.as_deref()).filter(|_| batch.state == state);
    let own = files.and_then(|files| files.results.clone());
    let made = (batch.has_results && files.is_none()).then(|| format!("{}{}", files::RESULTS, batch.id));
    Told {
        id: &batch.id,
        object: "batch",
        endpoint: match batch.work {
            Some(BatchWork::Embeddings) => EMBEDDINGS,
            _ => CHAT,
        },
        errors: (!batch.errors.is_empty()).then(|| errors(batch)),
        input_file_id: input_file
            .or(files.and_then(|files| files.requests.as_deref()))
            .unwrap_or_default(),
        completion_window: "24h",
        status: status(batch.state),
        output_file_id: own.or(made),
        error_file_id: files.and_then(|files| files.errors.as_deref()),
        created_at: time::seconds(batch.created_at.as_deref()).unwrap_or(0),
        in_progress_at: time::seconds(batch.started_at.as_deref()),
        expires_at: time::seconds(batch.expires_at.as_deref()),
        completed_at: ended(BatchState::Completed),
        failed_at: ended(BatchState::Failed),
        expired_at: ended(BatchState::Expired),
        cancelling_at: time::seconds(batch.cancel_asked_at.as_deref()),
        cancelled_at: ended(BatchState::Cancelled),
        request_counts: batch
            .counts
            .map(|counts| json!({"total": counts.total, "completed": counts.succeeded, "failed": counts.failed})),
        usage: batch.usage.map(Usage::from),
        metadata: None,
    }
}

fn errors(batch: &Batch) -> Value {
    let rows = batch.errors.iter();
    let rows: Vec<Value> = rows
        .map(|error| json!({"code": error.code, "message": error.message, "param": null, "line": error.line}))
        .collect();
    json!({"object": "list", "data": rows})
}

fn status(state: BatchState) -> &'static str {
    match state {
        BatchState::Validating => "validating",
        BatchState::Running | BatchState::Other => "in_progress",
        BatchState::Finalizing => "finalizing",
        BatchState::Cancelling => "cancelling",
        BatchState::Completed => "completed",
        BatchState::Failed => "failed",
        BatchState::Cancelled => "cancelled",
        BatchState::Expired => "expired",
    }
}

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, body } = asking;
    let mut fields = visit.body(&parts.headers, body).await?;
    let (file, endpoint) = (fields.required("input_file_id")?, fields.required("endpoint")?);
    if !matches!(endpoint.as_str(), CHAT | EMBEDDINGS) {
        return Err(unsupported(
            "endpoint",
            &format!("is not taken here: batches are of {CHAT} or {EMBEDDINGS}"),
        )
        .into());
    }
    if fields.required("completion_window")? != "24h" {
        return Err(must("completion_window", "be 24h").into());
    }
    fields.leave_where("metadata", |value| {
        value.as_object().is_some_and(serde_json::Map::is_empty)
    });
    fields.refuse(&["metadata", "output_expires_after"], "is not kept here")?;
    fields.end()?;
    let lines = file_of(&visit, &file).await?;
    let requests = at_leisure(lines.bytes().len(), || batch_lines::requests(lines.bytes(), &endpoint))?;
    drop(lines);
    // Who has the file does the work, unless the models say who does.
    let pinned = requests.iter().any(|request| {
        let model = request.model();
        model.is_some_and(|model| model.resource().instance().is_some())
    });
    let resource = Resource::parse(&file);
    visit.prefer(resource.instance().map(|instance| &**instance).filter(|_| !pinned));
    let created = visit.call::<BatchCreate>(BatchCreateInput { requests }).await;
    let answer = created.map_err(|failure| renamed(failure, |_| Some("input_file_id".to_owned())))?;
    let batch = value::<Batch>(&answer)?;
    visit.json(&answer, &batch.warnings, &told(&batch, Some(&file)))
}

/// The requests, as they were uploaded, in the room for bodies: no less is held of them than of one that comes as a body.
async fn file_of(visit: &Visit, file: &str) -> Result<Whole, Failure> {
    let most = visit.config.max_body;
    let file = read::<FileRef>("input_file_id", &Value::String(file.to_owned()))?;
    let answer = visit.call::<FileContent>(FileContentInput { file }).await;
    let answer = answer.map_err(|failure| renamed(failure, |_| Some("input_file_id".to_owned())))?;
    let AnswerBody::Raw(mut stream) = answer.body else {
        return Err(Failure::new(Kind::Internal, "a file came as something else"));
    };
    let mut whole = visit.config.bodies.nothing(&visit.caller.tenant);
    while let Some(piece) = stream.bytes.next().await {
        let piece = piece?;
        if whole.bytes().len() + piece.len() > most {
            let what = format!("be a file of at most {most} bytes (server.max_body)");
            return Err(must("input_file_id", &what));
        }
        whole.push(&piece, most)?;
    }
    Ok(whole)
}

pub(super) async fn list(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, .. } = asking;
    visit.prefer(Some(ALL));
    let mut query = Query::of(&parts.uri);
    let (limit, after) = (query.limit(20, 100)?, query.take("after"));
    query.end()?;
    let wanted = Wanted {
        after: after.as_deref().map(|after| ("after", after)),
        limit,
    };
    let input = |cursor| BatchListInput {
        cursor,
        limit: Some(PageSize::from(PageSize::MOST)),
    };
    let Rows {
        rows,
        has_more,
        warnings,
        answer,
    } = walk::<BatchList, Batch>(&visit, wanted, input, |batch| batch.id.clone()).await?;
    let data: Vec<_> = rows.iter().map(|batch| told(batch, None)).collect();
    let (first, last) = (rows.first().map(|row| &row.id), rows.last().map(|row| &row.id));
    let list = json!({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": has_more});
    visit.json(&answer, &warnings, &list)
}

pub(super) async fn show(asking: Asking) -> Result<Response, Refused> {
    one(asking, false).await
}

pub(super) async fn cancel(asking: Asking) -> Result<Response, Refused> {
    one(asking, true).await
}

async fn one(mut asking: Asking, ends: bool) -> Result<Response, Refused> {
    let batch = asking.named().await?;
    let visit = asking.visit;
    let batch = read::<BatchRef>("batch_id", &Value::String(batch))?;
    let answer = match ends {
        false => visit.call::<BatchGet>(BatchGetInput { batch }).await,
        true => visit.call::<BatchCancel>(BatchCancelInput { batch }).await,
    };
    let answer =
        answer.map_err(|failure| renamed(failure, |field| (field == "batch").then(|| "batch_id".to_owned())))?;
    let batch = value::<Batch>(&answer)?;
    visit.json(&answer, &[], &told(&batch, None))
}
