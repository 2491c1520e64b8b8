//! `POST /chat/completions`.
//!
//! Invariant: the id of an answer is made of its request's, by which it is found in the logs and among the decisions.

use axum::response::Response;
use mosaic_actors::error::Failure;

use super::super::access::Unremarkable;
use super::super::dialect::desk::{Visit, frames, value};
use super::super::dialect::head::describe;
use super::super::dialect::refused::Refused;
use super::super::dialect::served::{Asking, of_model};
use super::super::dialect::{sse, time};
use super::super::request_id::RequestId;
use super::chat_input::{Asked, HINTS, asked};
use super::chat_said::completion;
use super::chat_stream::Chunks;
use super::error::OpenAi;
use super::tools;
use crate::catalogue::ai::{Chat, ChatComplete, ChatStream};

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, body } = asking;
    let asked = asked(visit.body(&parts.headers, body).await?)?;
    visit.prefer(asked.home.instance());
    match asked.stream {
        false => whole(&visit, asked).await,
        true => streamed(&visit, asked).await,
    }
}

/// The id of an answer that nobody keeps.
pub fn own_id(id: &RequestId) -> String {
    format!("chatcmpl-{}", id.text().replace('-', ""))
}

fn named(failure: Failure) -> Failure {
    of_model::<OpenAi>(failure, tools::renamed)
}

async fn whole(visit: &Visit, asked: Asked) -> Result<Response, Refused> {
    let called = HINTS
        .call::<ChatComplete>(visit, asked.input, |input| &mut input.extensions)
        .await;
    let (answer, left_out) = called.map_err(named)?;
    let chat = value::<Chat>(&answer)?;
    let id = own_id(&visit.id);
    let (completion, mut warnings) = completion(&id, time::now(), &chat, asked.old_calls);
    warnings.extend(left_out);
    visit.json(&answer, &warnings, &completion)
}

async fn streamed(visit: &Visit, asked: Asked) -> Result<Response, Refused> {
    let model = asked.input.model.to_string();
    let (include_usage, old) = (asked.include_usage, asked.old_calls);
    let called = HINTS
        .call::<ChatStream>(visit, asked.input, |input| &mut input.extensions)
        .await;
    let (answer, left_out) = called.map_err(named)?;
    let (head, frames) = frames(answer)?;
    let chunks = Chunks::new(own_id(&visit.id), time::now(), model, include_usage, old);
    let mut response = sse::response(frames, chunks, visit.id.clone(), visit.config.heartbeat);
    describe(&head, visit, &left_out, response.headers_mut());
    Ok(Unremarkable::mark(response))
}
