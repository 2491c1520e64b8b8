//! The requests that serve batches. Anthropic takes the requests as they are.
//!
//! Invariant: no batch is sent with a request in it that the driver cannot say.

use std::collections::HashMap;
use std::sync::Arc;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;

use super::batch_wire::{self as wire, BatchRequest, Individual};
use super::models::{abilities, is_wanted};
use super::options::Abilities;
use super::request::{Asked, request as asked};
use super::{Anthropic, refuse};
use crate::catalogue::Page;
use crate::catalogue::ai::{
    Batch, BatchCancel, BatchCounts, BatchCreate, BatchCreateInput, BatchGet, BatchList, BatchState, BatchWork,
    ChatInput, Warning,
};
use crate::leisure::at_leisure;
use crate::providers::ai::results::of_requests;
use crate::providers::http::{Fault, Outgoing, Received, Row};
use crate::providers::{Reply, Request};

/// The path of batches.
pub const PATH: [&str; 3] = ["v1", "messages", "batches"];
/// The largest request that makes a batch, in bytes.
const LARGEST: usize = 256_000_000;
/// The longest id of a request.
const LONGEST_ID: usize = 64;

pub async fn create(anthropic: Arc<Anthropic>, request: Request<BatchCreate>) -> Result<Reply<Batch>, Failure> {
    let input = &request.input;
    let natives = natives(input)?;
    let known = known(&anthropic, input, &natives).await?;
    let (outgoing, warnings) = at_leisure(usize::MAX, || written(&anthropic, input, &natives, &known))?;
    let received = anthropic.endpoint.send(outgoing).await.map_err(of_requests)?;
    let row = received.row(request.include_raw)?;
    Ok(received.reply(batch(&request.instance, row, warnings)))
}

/// The request for a batch, and what of its requests is not in it.
fn written(
    anthropic: &Anthropic,
    input: &BatchCreateInput,
    natives: &[Arc<str>],
    known: &HashMap<&Arc<str>, Abilities>,
) -> Result<(Outgoing, Vec<Warning>), Failure> {
    let (mut requests, mut betas, mut warnings) = (vec![], vec![], vec![]);
    for (at, (one, native)) in input.requests.iter().zip(natives).enumerate() {
        let chat = conversation(at, input)?;
        let abilities = known.get(native).copied().unwrap_or_default();
        let Asked {
            body,
            betas: its,
            warnings: left,
        } = asked(&anthropic.options, abilities, native, chat, false).map_err(|failure| input.fault(at, failure))?;
        betas.extend(its);
        warnings.extend(left.into_iter().map(|warning| Warning {
            field: input.place(at, &warning.field),
            ..warning
        }));
        requests.push(Individual {
            custom_id: &one.custom_id,
            params: body,
        });
    }
    betas.sort_unstable();
    betas.dedup();
    let outgoing = anthropic.post(&PATH, &BatchRequest { requests }, &betas)?;
    fits(outgoing.length(), LARGEST)?;
    Ok((outgoing, warnings))
}

/// The models that are asked, as the provider knows them.
fn natives(input: &BatchCreateInput) -> Result<Vec<Arc<str>>, Failure> {
    let mut natives = Vec::with_capacity(input.requests.len());
    for (at, one) in input.requests.iter().enumerate() {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if one.custom_id.len() > LONGEST_ID || !one.custom_id.bytes().all(plain) {
            let field = format!("requests[{at}].custom_id");
            let sentence = format!("{field}: this provider takes at most {LONGEST_ID} letters, digits, '_' and '-'");
            return Err(Failure::unsupported_field(field, sentence).never_sent());
        }
        natives.push(conversation(at, input)?.model.resource().native().clone());
    }
    Ok(natives)
}

/// What one request asks.
fn conversation(at: usize, input: &BatchCreateInput) -> Result<&ChatInput, Failure> {
    input.requests[at].chat.as_ref().ok_or_else(|| {
        let field = format!("requests[{at}].embeddings");
        Failure::unsupported_field(field, "this provider makes no vectors of texts").never_sent()
    })
}

/// What must be known of the models: each is asked for once.
async fn known<'a>(
    anthropic: &Anthropic,
    input: &BatchCreateInput,
    natives: &'a [Arc<str>],
) -> Result<HashMap<&'a Arc<str>, Abilities>, Failure> {
    let mut known = HashMap::new();
    for (at, native) in natives.iter().enumerate() {
        let chat = conversation(at, input)?;
        if known.contains_key(native) || !is_wanted(&anthropic.options, chat, true) {
            continue;
        }
        let about = (&**native, chat, true);
        let its = abilities(&anthropic.endpoint, &anthropic.options, &anthropic.known, about).await;
        known.insert(native, its.map_err(|failure| input.fault(at, failure))?);
    }
    Ok(known)
}

/// Holds a batch to what the provider takes.
fn fits(length: usize, largest: usize) -> Result<(), Failure> {
    match length > largest {
        true => {
            let sentence = format!("this provider takes at most {largest} bytes of requests in a batch");
            Err(Failure::unsupported_field("requests", sentence).never_sent())
        }
        false => Ok(()),
    }
}

pub async fn list(anthropic: Arc<Anthropic>, request: Request<BatchList>) -> Result<Reply<Page<Batch>>, Failure> {
    let outgoing = anthropic.endpoint.get(&PATH)?;
    let outgoing = outgoing.query_if("limit", request.limit());
    let received = anthropic
        .endpoint
        .send(outgoing.query_if("after_id", request.cursor()))
        .await?;
    let (rows, next) = listed(&received, request.include_raw)?;
    let items = rows.into_iter().map(|row| batch(&request.instance, row, vec![]));
    Ok(received.reply(Page::new(items.collect(), next)))
}

/// The rows of a page, and where the next one begins.
pub fn listed<T: DeserializeOwned>(
    received: &Received,
    with_raw: bool,
) -> Result<(Vec<Row<T>>, Option<String>), Failure> {
    let list: super::wire::Rows = received.json()?;
    let Some(data) = list.data else {
        return Err(match received.json().ok().as_ref().and_then(Fault::within) {
            Some(fault) => received.blame(refuse::within(&fault)),
            None => received.unusable("the answer is not as expected at data"),
        });
    };
    let rows = received.rows_of(&data, with_raw)?;
    let more = list.has_more == Some(true) && !data.is_empty();
    Ok((rows, list.last_id.filter(|_| more)))
}

pub async fn get(anthropic: Arc<Anthropic>, request: Request<BatchGet>) -> Result<Reply<Batch>, Failure> {
    let one = anthropic.endpoint.get(&[&PATH[..], &[&request.native]].concat())?;
    let convert = |instance: &Arc<str>, row| batch(instance, row, vec![]);
    anthropic.endpoint.answer(one, &request, convert).await
}

pub async fn cancel(anthropic: Arc<Anthropic>, request: Request<BatchCancel>) -> Result<Reply<Batch>, Failure> {
    let path = [&PATH[..], &[&request.native, "cancel"]].concat();
    let order = anthropic.endpoint.bare(http::Method::POST, &path)?;
    let convert = |instance: &Arc<str>, row| batch(instance, row, vec![]);
    anthropic.endpoint.answer(order, &request, convert).await
}

/// Where a batch stands. How it ended, its counts tell.
pub fn state(word: &str, counts: Option<wire::Counts>) -> BatchState {
    match (word, counts) {
        ("in_progress", _) => BatchState::Running,
        ("canceling", _) => BatchState::Cancelling,
        ("ended", Some(counts)) if counts.canceled > 0 => BatchState::Cancelled,
        ("ended", Some(counts)) if counts.expired > 0 => BatchState::Expired,
        ("ended", _) => BatchState::Completed,
        _ => BatchState::Other,
    }
}

fn batch(instance: &str, Row { wire, raw }: Row<wire::Batch>, warnings: Vec<Warning>) -> Batch {
    let raw_state = wire.processing_status.unwrap_or_default();
    let state = state(&raw_state, wire.request_counts);
    let archived_at = wire.archived_at.in_utc();
    let has_results = state.is_over() && wire.results_url.is_some() && archived_at.is_none();
    Batch {
        id: Resource::neutral_id(instance, &wire.id),
        state,
        raw_state,
        work: Some(BatchWork::Chat),
        counts: wire.request_counts.map(counts),
        has_results,
        errors: vec![],
        files: None,
        usage: None,
        created_at: wire.created_at.in_utc(),
        started_at: None,
        cancel_asked_at: wire.cancel_initiated_at.in_utc(),
        ended_at: wire.ended_at.in_utc(),
        expires_at: wire.expires_at.in_utc(),
        archived_at,
        warnings,
        raw,
    }
}

/// How far a batch is.
pub fn counts(counts: wire::Counts) -> BatchCounts {
    let wire::Counts {
        processing,
        succeeded,
        errored,
        canceled,
        expired,
    } = counts;
    BatchCounts {
        total: [processing, succeeded, errored, canceled, expired]
            .into_iter()
            .fold(0, u64::saturating_add),
        succeeded,
        failed: errored,
        waiting: Some(processing),
        cancelled: Some(canceled),
        expired: Some(expired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a30_a_batch_that_is_too_large_is_refused_before_it_is_sent() {
        assert!(fits(9, 9).is_ok());
        let refused = fits(10, 9).expect_err("too large");
        assert_eq!((refused.field.as_deref(), refused.unsent), (Some("requests"), true));
    }

    #[test]
    fn how_a_batch_ended_its_counts_tell() {
        let counts = |canceled, expired| {
            Some(wire::Counts {
                processing: 0,
                succeeded: 1,
                errored: 1,
                canceled,
                expired,
            })
        };
        for (word, counts, stands) in [
            ("in_progress", counts(0, 0), BatchState::Running),
            ("canceling", None, BatchState::Cancelling),
            ("ended", counts(0, 0), BatchState::Completed),
            ("ended", counts(2, 1), BatchState::Cancelled),
            ("ended", counts(0, 1), BatchState::Expired),
            ("ended", None, BatchState::Completed),
            ("paused", counts(0, 0), BatchState::Other),
        ] {
            assert_eq!(state(word, counts), stands, "{word} {counts:?}");
        }
    }
}
