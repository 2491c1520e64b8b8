//! `/responses`: answers that their provider keeps, where it can, and that nobody keeps, where that will do.
//!
//! Invariant: an answer that is asked to be kept is kept or refused; one that nobody said it of is made by whoever can answer,
//! and says whether it is kept.

mod input;
mod items;
mod sealed;
mod stream;

use axum::response::Response;
use mosaic_actors::call::Answer;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::super::access::Unremarkable;
use super::super::dialect::desk::{Visit, frames, value};
use super::super::dialect::fields::{must, read};
use super::super::dialect::head::describe;
use super::super::dialect::refused::{Refused, renamed};
use super::super::dialect::served::{Asking, of_model};
use super::super::dialect::{sse, time};
use super::error::OpenAi;
use crate::catalogue::ai::{
    self, Chat, ChatComplete, ChatStream, ResponseCancel, ResponseCreate, ResponseError, ResponseGet, ResponseGetInput,
    ResponseStream, Warning,
};
use crate::catalogue::fields::ResponseRef;
use input::{Asked, asked};
use items::{Frame, Ids};
use stream::Events;

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, body } = asking;
    let asked = asked(visit.body(&parts.headers, body).await?.rest())?;
    if asked.stream && asked.input.background.is_some() {
        return Err(must("background", "not be true where the answer streams").into());
    }
    visit.prefer(asked.home.instance());
    match asked.stream {
        false => whole(&visit, &asked).await,
        true => streamed(&visit, asked).await,
    }
}

/// The frame of an answer that is being made.
fn frame(visit: &Visit, asked: &Asked, kept: bool) -> Frame {
    Frame {
        id: format!("resp_{}", visit.id.text().replace('-', "")),
        created_at: time::now(),
        model: asked.input.chat.model.to_string(),
        previous: asked.input.previous.as_ref().map(ToString::to_string),
        background: asked.input.background.is_some(),
        store: kept && asked.input.store != Some(false),
        again: asked.again.clone(),
        completed_at: None,
    }
}

/// Whether nobody was there who keeps answers, and an answer that nobody keeps will do.
fn can_be_unkept(failure: &Failure, asked: &Asked) -> bool {
    let nobody =
        failure.unsent && failure.field.is_none() && matches!(failure.kind, Kind::Unsupported | Kind::NotFound);
    nobody && !asked.must_be_kept()
}

fn named(asked: &Asked, before: usize) -> impl Fn(Failure) -> Failure + '_ {
    move |failure| match asked.input.previous {
        // It may be the answer before that is not there.
        Some(_) if failure.field.is_none() => failure,
        _ => of_model::<OpenAi>(failure, |field| asked.renamed(field, before)),
    }
}

async fn whole(visit: &Visit, asked: &Asked) -> Result<Response, Refused> {
    match visit.call::<ResponseCreate>(asked.input.clone()).await {
        Ok(answer) => {
            let response = value::<ai::Response>(&answer)?;
            let told = kept(visit, &response, frame(visit, asked, true));
            visit.json(&answer, &response.warnings, &told)
        }
        Err(failure) if can_be_unkept(&failure, asked) => {
            let (chat, mut warnings) = asked.unkept();
            let before = usize::from(asked.input.instructions.is_some());
            let answer = visit.call::<ChatComplete>(chat).await.map_err(named(asked, before))?;
            let chat = value::<Chat>(&answer)?;
            warnings.extend(chat.warnings.iter().cloned());
            visit.json(&answer, &warnings, &unkept(visit, &chat, frame(visit, asked, false)))
        }
        Err(failure) => Err(named(asked, 0)(failure).into()),
    }
}

async fn streamed(visit: &Visit, asked: Asked) -> Result<Response, Refused> {
    let (answer, kept, warnings): (Answer, bool, Vec<Warning>) =
        match visit.call::<ResponseStream>(asked.input.clone()).await {
            Ok(answer) => (answer, true, vec![]),
            Err(failure) if can_be_unkept(&failure, &asked) => {
                let (chat, warnings) = asked.unkept();
                let before = usize::from(asked.input.instructions.is_some());
                let answer = visit.call::<ChatStream>(chat).await.map_err(named(&asked, before))?;
                (answer, false, warnings)
            }
            Err(failure) => return Err(named(&asked, 0)(failure).into()),
        };
    let (head, frames) = frames(answer)?;
    let events = Events::new(frame(visit, &asked, kept), kept, Ids::of(visit.id.text()));
    let mut response = sse::response(frames, events, visit.id.clone(), visit.config.heartbeat);
    describe(&head, visit, &warnings, response.headers_mut());
    Ok(Unremarkable::mark(response))
}

/// An answer that its provider keeps, as it stands.
fn kept(visit: &Visit, response: &ai::Response, mut frame: Frame) -> Value {
    if let Some(id) = &response.id {
        frame.id.clone_from(id);
    }
    if let Some(model) = &response.model {
        frame.model.clone_from(model);
    }
    frame.previous = response.previous.clone().or(frame.previous);
    frame.background = response.background.unwrap_or(frame.background);
    frame.created_at = time::seconds(response.created_at.as_deref()).unwrap_or(frame.created_at);
    frame.completed_at = time::seconds(response.completed_at.as_deref());
    let parts = response
        .message
        .as_ref()
        .map(|message| message.content.clone().into_parts());
    let output = items::of(
        &parts.unwrap_or_default(),
        response.reasoning.as_deref(),
        &mut Ids::of(visit.id.text()),
    );
    let mut told = items::response(&frame, items::status(response.state), output);
    if response.state == ai::ResponseState::Incomplete {
        let reason = items::incomplete(response.finish).or(response.raw_finish.as_deref());
        told["incomplete_details"] = json!({ "reason": reason });
    }
    told["error"] = response.error.as_ref().map_or(Value::Null, failed);
    told["usage"] = response.usage.as_ref().map_or(Value::Null, items::usage);
    told
}

fn failed(error: &ResponseError) -> Value {
    let code = match error.code.as_str() {
        "upstream_rate_limited" => "rate_limit_exceeded",
        "invalid_input" => "invalid_prompt",
        _ => "server_error",
    };
    json!({"code": code, "message": error.message})
}

fn unkept(visit: &Visit, chat: &Chat, mut frame: Frame) -> Value {
    frame.model.clone_from(&chat.model);
    frame.completed_at = Some(time::now());
    let parts = chat.message.content.clone().into_parts();
    let output = items::of(&parts, chat.reasoning.as_deref(), &mut Ids::of(visit.id.text()));
    let why = items::incomplete(chat.finish);
    let status = if why.is_some() { "incomplete" } else { "completed" };
    let mut told = items::response(&frame, status, output);
    if let Some(reason) = why {
        told["incomplete_details"] = json!({ "reason": reason });
    }
    told["usage"] = chat.usage.as_ref().map_or(Value::Null, items::usage);
    told
}

pub(super) async fn show(asking: Asking) -> Result<Response, Refused> {
    one(asking, false).await
}

pub(super) async fn cancel(asking: Asking) -> Result<Response, Refused> {
    one(asking, true).await
}

async fn one(mut asking: Asking, ends: bool) -> Result<Response, Refused> {
    let response = asking.named().await?;
    let visit = asking.visit;
    let frame = Frame {
        id: response.clone(),
        store: true,
        again: Map::new(),
        ..Frame::default()
    };
    let input = ResponseGetInput {
        response: read::<ResponseRef>("response_id", &Value::String(response))?,
    };
    let answer = match ends {
        false => visit.call::<ResponseGet>(input).await,
        true => visit.call::<ResponseCancel>(input).await,
    };
    let answer =
        answer.map_err(|failure| renamed(failure, |field| (field == "response").then(|| "response_id".to_owned())))?;
    let response = value::<ai::Response>(&answer)?;
    visit.json(&answer, &response.warnings, &kept(&visit, &response, frame))
}
