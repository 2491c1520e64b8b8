//! `/v1/messages/batches`: requests that are done later, whoever does them.
//!
//! Invariant: a request of a batch is read as the same request would be by itself; where results are to be had is an address
//! of ours.

use axum::response::Response;
use mosaic_actors::call::Answer;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::super::access::Unremarkable;
use super::super::dialect::desk::{Visit, frames, value};
use super::super::dialect::fields::{Fields, must, read, unsupported};
use super::super::dialect::head::describe;
use super::super::dialect::lines;
use super::super::dialect::pages::{Rows, Wanted, walk};
use super::super::dialect::query::Query;
use super::super::dialect::refused::{Refused, renamed};
use super::super::dialect::served::{Asking, of_model};
use super::super::dialect::time::NEVER;
use super::error::{self, Anthropic};
use super::input;
use super::said::message;
use crate::catalogue::ai::{
    Batch, BatchCancel, BatchCancelInput, BatchCreate, BatchCreateInput, BatchFailure, BatchGet, BatchGetInput,
    BatchList, BatchListInput, BatchRequest, BatchResult, BatchResults, BatchResultsInput, BatchState,
};
use crate::catalogue::cursor::ALL;
use crate::catalogue::fields::{BatchRef, Name, PageSize};

/// `MessageBatch`
fn told(batch: &Batch, visit: &Visit) -> Value {
    let counts = batch.counts.unwrap_or_default();
    let ended = [
        Some(counts.succeeded),
        Some(counts.failed),
        counts.cancelled,
        counts.expired,
    ];
    // They are a provider's numbers.
    let done = ended.into_iter().flatten().fold(0, u64::saturating_add);
    let over = batch.state.is_over();
    let status = match batch.state {
        BatchState::Cancelling => "canceling",
        _ if over => "ended",
        _ => "in_progress",
    };
    let results = format!("/anthropic/v1/messages/batches/{}/results", batch.id);
    json!({
        "id": batch.id, "type": "message_batch", "processing_status": status,
        "request_counts": {
            "processing": if over { 0 } else { counts.waiting.unwrap_or_else(|| counts.total.saturating_sub(done)) },
            "succeeded": counts.succeeded, "errored": counts.failed,
            "canceled": counts.cancelled.unwrap_or(0), "expired": counts.expired.unwrap_or(0),
        },
        "created_at": batch.created_at.as_deref().unwrap_or(NEVER), "expires_at": batch.expires_at.as_deref().unwrap_or(NEVER),
        "ended_at": batch.ended_at, "cancel_initiated_at": batch.cancel_asked_at, "archived_at": batch.archived_at,
        "results_url": batch.has_results.then(|| visit.url(&results)),
    })
}

fn told_answer(visit: &Visit, answer: &Answer) -> Result<Response, Refused> {
    let batch = value::<Batch>(answer)?;
    visit.json(answer, &batch.warnings, &told(&batch, visit))
}

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let Asking { visit, parts, body } = asking;
    let mut fields = visit.body(&parts.headers, body).await?;
    let (mut requests, mut places) = (Vec::new(), Vec::new());
    for (at, value) in fields.list("requests")?.into_iter().enumerate() {
        let (request, its) = read_request(Fields::of(format!("requests[{at}]"), value)?)?;
        requests.push(request);
        places.push(its);
    }
    fields.end()?;
    let called = visit.call::<BatchCreate>(BatchCreateInput { requests }).await;
    let answer = called.map_err(|failure| of_model::<Anthropic>(failure, |field| named(&places, field)))?;
    told_answer(&visit, &answer)
}

/// One request, and where its messages stood.
fn read_request(mut fields: Fields) -> Result<(BatchRequest, Vec<String>), Failure> {
    let place = fields.place("params");
    let custom_id = read::<Name>(
        &fields.place("custom_id"),
        &Value::String(fields.required("custom_id")?),
    )?;
    let params = fields.object("params")?.ok_or_else(|| fields.missing("params"))?;
    fields.end()?;
    let within = |failure: Failure| renamed(failure, |field| Some(format!("{place}.{field}")));
    let asked = input::asked(Fields::whole(params.rest()), true).map_err(within)?;
    if asked.stream {
        return Err(must(&format!("{place}.stream"), "not be true in a batch"));
    }
    if asked.home.instance().is_some() {
        return Err(unsupported(
            &place,
            "names a file by its provider: give the file's own id",
        ));
    }
    let request = BatchRequest {
        custom_id,
        chat: Some(asked.input),
        embeddings: None,
    };
    Ok((request, asked.places))
}

/// `requests[0].chat.stop` by its name in this API.
fn named(places: &[Vec<String>], field: &str) -> Option<String> {
    let (at, rest) = field.strip_prefix("requests[")?.split_once(']')?;
    let its = places.get(at.parse::<usize>().ok()?)?;
    let own = rest.strip_prefix(".chat.")?;
    let own = input::renamed(its, own).unwrap_or_else(|| own.to_owned());
    Some(format!("requests[{at}].params.{own}"))
}

pub(super) async fn list(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, .. } = asking;
    visit.prefer(Some(ALL));
    let mut query = Query::of(&parts.uri);
    query.take("beta");
    let (limit, after) = (query.limit(20, 1000)?, query.take("after_id"));
    if query.take("before_id").is_some() {
        return Err(unsupported("before_id", "is not taken here: the list is walked forwards").into());
    }
    query.end()?;
    let wanted = Wanted {
        after: after.as_deref().map(|after| ("after_id", after)),
        limit,
    };
    let input = |cursor| BatchListInput {
        cursor,
        limit: Some(PageSize::from(PageSize::MOST)),
    };
    let Rows {
        rows, has_more, answer, ..
    } = walk::<BatchList, Batch>(&visit, wanted, input, |batch| batch.id.clone()).await?;
    let data: Vec<Value> = rows.iter().map(|batch| told(batch, &visit)).collect();
    let (first, last) = (rows.first().map(|row| &row.id), rows.last().map(|row| &row.id));
    visit.json(
        &answer,
        &[],
        &json!({"data": data, "has_more": has_more, "first_id": first, "last_id": last}),
    )
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
    let batch = read::<BatchRef>("message_batch_id", &Value::String(batch))?;
    let answer = match ends {
        false => visit.call::<BatchGet>(BatchGetInput { batch }).await?,
        true => visit.call::<BatchCancel>(BatchCancelInput { batch }).await?,
    };
    told_answer(&visit, &answer)
}

pub(super) async fn results(mut asking: Asking) -> Result<Response, Refused> {
    let batch = asking.named().await?;
    let visit = asking.visit;
    let batch = read::<BatchRef>("message_batch_id", &Value::String(batch))?;
    let answer = visit.call::<BatchResults>(BatchResultsInput { batch }).await?;
    let (head, frames) = frames(answer)?;
    let mut response = lines::response(frames, result, "application/x-jsonl");
    describe(&head, &visit, &[], response.headers_mut());
    Ok(Unremarkable::mark(response))
}

/// Writes one result; the end of them has no line.
fn result(result: BatchResult, out: &mut Vec<u8>) -> Result<(), Failure> {
    let (custom_id, result) = match result {
        BatchResult::Chat { custom_id, chat } => {
            let own: String = custom_id.chars().filter(char::is_ascii_alphanumeric).collect();
            match message(&format!("msg_{own}"), &chat) {
                Ok((message, _)) => (custom_id, json!({"type": "succeeded", "message": message})),
                Err(failure) => (custom_id, errored(&failure)),
            }
        }
        BatchResult::Failed { custom_id, failure } => (custom_id, errored(&failed(&failure))),
        BatchResult::Embeddings { custom_id, .. } => {
            let failure = Failure::new(Kind::Unsupported, "this request made vectors, which are no message");
            (custom_id, errored(&failure))
        }
        BatchResult::Cancelled { custom_id } => (custom_id, json!({"type": "canceled"})),
        BatchResult::Expired { custom_id } => (custom_id, json!({"type": "expired"})),
        BatchResult::Unread { line, message } => {
            let sentence = format!("line {line} of the provider's results cannot be read: {message}");
            return Err(Failure::new(Kind::UpstreamFailed, sentence));
        }
        BatchResult::End { .. } => return Ok(()),
    };
    lines::write(&json!({"custom_id": custom_id, "result": result}), out)
}

fn failed(failure: &BatchFailure) -> Failure {
    let kind = Kind::ALL.into_iter().find(|kind| kind.code() == failure.code);
    Failure::new(kind.unwrap_or(Kind::UpstreamFailed), &failure.message)
}

fn errored(failure: &Failure) -> Value {
    let problem = failure.clone().into();
    json!({"type": "errored", "error": {"type": "error", "error": error::told(&problem)}})
}
