//! `POST /v1/messages` and `/v1/messages/count_tokens`.
//!
//! Invariant: the id of a message is made of its request's, by which it is found in the logs and among the decisions.

use axum::response::Response;
use mosaic_actors::error::Failure;
use serde_json::json;

use super::super::access::Unremarkable;
use super::super::dialect::desk::{Visit, frames, value};
use super::super::dialect::head::describe;
use super::super::dialect::refused::Refused;
use super::super::dialect::served::{Asking, of_model};
use super::super::dialect::sse;
use super::super::request_id::RequestId;
use super::error::Anthropic;
use super::input::{Asked, HINTS, asked, renamed};
use super::said::message;
use super::stream::Events;
use crate::catalogue::ai::{Chat, ChatComplete, ChatStream, TokenCount, TokensCount};

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let (visit, asked) = read(asking, true).await?;
    match asked.stream {
        false => whole(&visit, asked).await,
        true => streamed(&visit, asked).await,
    }
}

async fn read(asking: Asking, answered: bool) -> Result<(Visit, Asked), Refused> {
    let Asking { mut visit, parts, body } = asking;
    let asked = asked(visit.body(&parts.headers, body).await?, answered)?.with_betas(&parts.headers);
    visit.prefer(asked.home.instance());
    Ok((visit, asked))
}

/// The id of an answer.
pub fn own_id(id: &RequestId) -> String {
    format!("msg_{}", id.text().replace(['-', '.'], ""))
}

fn named(places: &[String]) -> impl Fn(Failure) -> Failure + '_ {
    move |failure| of_model::<Anthropic>(failure, |field| renamed(places, field))
}

async fn whole(visit: &Visit, asked: Asked) -> Result<Response, Refused> {
    let Asked { input, places, .. } = asked;
    let called = HINTS
        .call::<ChatComplete>(visit, input, |input| &mut input.extensions)
        .await;
    let (answer, left_out) = called.map_err(named(&places))?;
    let chat = value::<Chat>(&answer)?;
    let (message, mut warnings) = message(&own_id(&visit.id), &chat)?;
    warnings.extend(left_out);
    visit.json(&answer, &warnings, &message)
}

async fn streamed(visit: &Visit, asked: Asked) -> Result<Response, Refused> {
    let Asked { input, places, .. } = asked;
    let model = input.model.to_string();
    let called = HINTS
        .call::<ChatStream>(visit, input, |input| &mut input.extensions)
        .await;
    let (answer, left_out) = called.map_err(named(&places))?;
    let (head, frames) = frames(answer)?;
    let events = Events::new(own_id(&visit.id), model);
    let mut response = sse::response(frames, events, visit.id.clone(), visit.config.heartbeat);
    describe(&head, visit, &left_out, response.headers_mut());
    Ok(Unremarkable::mark(response))
}

pub(super) async fn count(asking: Asking) -> Result<Response, Refused> {
    let (visit, Asked { input, places, .. }) = read(asking, false).await?;
    let called = HINTS
        .call::<TokensCount>(&visit, input, |input| &mut input.extensions)
        .await;
    let (answer, mut warnings) = called.map_err(named(&places))?;
    let count = value::<TokenCount>(&answer)?;
    warnings.extend(count.warnings.iter().cloned());
    visit.json(&answer, &warnings, &json!({"input_tokens": count.input_tokens}))
}
