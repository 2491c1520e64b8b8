//! OpenAI's Responses API: conversations by it, and answers that the provider keeps.
//!
//! Invariant: an answer that failed, or that is none, is a failure of whoever asked for it; of whoever looks at it later it
//! is what there is to see.

mod asked;
mod convert;
pub(super) mod items;
pub(super) mod request;
mod stream;
mod wire;

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind, Source};
use mosaic_actors::stream::Piece;

pub(super) use self::asked::ResponseRequest;
use self::request::Asked;
use super::refuse::{self, Sent};
use super::{OpenAi, disguised};
use crate::catalogue::ai::{
    Chat, ChatComplete, ChatEvent, ChatStream, Response, ResponseCancel, ResponseCreate, ResponseGet, ResponseGetInput,
    ResponseInput, ResponseState, ResponseStream, Warning,
};
use crate::catalogue::op::Op;
use crate::providers::http::{Fault, Outgoing, Received, Row, left_alone};
use crate::providers::{Reply, Request, ai};

/// The pieces of an answer.
type Pieces = futures_util::stream::BoxStream<'static, Result<Piece<ChatEvent>, Failure>>;

/// What of a request is needed when its answer comes.
struct Asking {
    outgoing: Outgoing,
    sent: Sent,
    warnings: Vec<Warning>,
}

/// A conversation's whole answer.
pub async fn complete(openai: &OpenAi, request: &Request<ChatComplete>) -> Result<Reply<Chat>, Failure> {
    let asked = request::chat(&openai.profile, &request.native, &request.input, false)?;
    let asking = asking(openai, asked)?;
    let received = send(openai, asking.outgoing).await;
    let received = received.map_err(|failure| ai::placed(failure, &request.input))?;
    let response = made(openai, &received, request, asking.sent, asking.warnings)?;
    let chat = convert::chat(&request.native, response).map_err(|failure| received.blame(failure))?;
    Ok(received.reply(chat))
}

/// A conversation's answer, piece by piece.
pub async fn spoken(openai: &OpenAi, request: Request<ChatStream>) -> Result<Reply<Pieces>, Failure> {
    let asked = request::chat(&openai.profile, &request.native, &request.input, true)?;
    let asking = asking(openai, asked)?;
    let opened = open(openai, &request, asking).await;
    opened.map_err(|failure| ai::placed(failure, &request.input))
}

/// `ai.response.create`
pub async fn create(openai: Arc<OpenAi>, request: Request<ResponseCreate>) -> Result<Reply<Response>, Failure> {
    let asking = of_response(&openai, &request.native, &request.input, false)?;
    let received = send(&openai, asking.outgoing).await?;
    let response = made(&openai, &received, &request, asking.sent, asking.warnings)?;
    Ok(received.reply(response))
}

/// `ai.response.stream`
pub async fn streamed(
    openai: Arc<OpenAi>,
    request: Request<ResponseStream>,
) -> Result<Reply<impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static>, Failure> {
    let asking = of_response(&openai, &request.native, &request.input, true)?;
    open(&openai, &request, asking).await
}

/// `ai.response.get`
pub async fn get(openai: Arc<OpenAi>, request: Request<ResponseGet>) -> Result<Reply<Response>, Failure> {
    let outgoing = openai.endpoint.get(&["responses", &request.native])?;
    look(&openai, outgoing, &request).await
}

/// `ai.response.cancel`
pub async fn cancel(openai: Arc<OpenAi>, request: Request<ResponseCancel>) -> Result<Reply<Response>, Failure> {
    let nothing = serde_json::Map::new();
    let outgoing = openai
        .endpoint
        .post(&["responses", &request.native, "cancel"], &nothing)?;
    look(&openai, outgoing, &request).await
}

fn of_response(openai: &OpenAi, model: &str, input: &ResponseInput, streamed: bool) -> Result<Asking, Failure> {
    let previous = input.previous.as_ref().map(|previous| previous.resource());
    let previous = previous.as_ref().map(|previous| &**previous.native());
    asking(
        openai,
        request::response(&openai.profile, model, previous, input, streamed)?,
    )
}

fn asking(openai: &OpenAi, Asked { body, warnings }: Asked<'_>) -> Result<Asking, Failure> {
    Ok(Asking {
        outgoing: openai.endpoint.post(&["responses"], &body)?,
        sent: Sent::streaming(body.stream),
        warnings,
    })
}

async fn send(openai: &OpenAi, outgoing: Outgoing) -> Result<Received, Failure> {
    openai.endpoint.send(outgoing).await.map_err(routed)
}

/// A server that has no such route has no such API: nothing that is asked for there can be missing without a name.
pub(super) fn routed(mut failure: Failure) -> Failure {
    if failure.kind == Kind::NotFound && failure.field.is_none() {
        failure = failure.saying("this provider has no such API");
        (failure.kind, failure.source) = (Kind::Unsupported, Source::Provider);
    }
    failure
}

async fn open<O: Op>(openai: &OpenAi, request: &Request<O>, asking: Asking) -> Result<Reply<Pieces>, Failure> {
    let Asking {
        outgoing,
        sent,
        warnings,
    } = asking;
    let opened = openai.endpoint.open(outgoing).await.map_err(routed)?;
    if opened.is_json() {
        // A server that does not stream has answered all the same.
        let received = opened.whole().await?;
        let response = made(openai, &received, request, sent, warnings)?;
        let chat = convert::chat(&request.native, response).map_err(|failure| received.blame(failure))?;
        return Ok(received.reply(ai::whole(chat).boxed()));
    }
    let opened = opened.events();
    let spent = openai.endpoint.spent();
    let (instance, asked) = (request.instance.clone(), request.native.clone());
    let events = stream::chat_events(instance, asked, sent, warnings, opened.value)
        .map(move |piece| piece.map_err(|failure| left_alone(failure, spent)));
    let events = openai
        .book
        .clone()
        .told(O::DECLARATION.facts.name, request.native.clone(), events);
    Ok(Reply {
        value: events.boxed(),
        upstream_request_id: opened.upstream_request_id,
        skipped: 0,
    })
}

/// The answer that was asked for, which may have failed.
fn made<O: Op>(
    openai: &OpenAi,
    received: &Received,
    request: &Request<O>,
    sent: Sent,
    warnings: Vec<Warning>,
) -> Result<Response, Failure> {
    let row = row(received, request.include_raw, sent)?;
    if convert::state(&row.wire) == ResponseState::Failed || row.wire.error.is_some() {
        let failure = convert::failure(row.wire.error.as_ref(), sent);
        return Err(received.blame(left_alone(failure, openai.endpoint.spent())));
    }
    let response = convert::response(&request.instance, Some(&request.native), row, warnings);
    response
        .map(|response| priced::<O>(openai, response, Some(&request.native)))
        .map_err(|failure| received.blame(failure))
}

/// An answer that is there, however it stands.
async fn look<O>(openai: &OpenAi, outgoing: Outgoing, request: &Request<O>) -> Result<Reply<Response>, Failure>
where
    O: Op<Input = ResponseGetInput, Output = Response>,
{
    let received = openai.endpoint.send(outgoing).await?;
    let row = row(&received, request.include_raw, Sent::default())?;
    let response = convert::response(&request.instance, None, row, vec![]);
    let response = response.map(|response| priced::<O>(openai, response, None));
    Ok(received.reply(response.map_err(|failure| received.blame(failure))?))
}

/// An answer, its tokens priced; of the model that was `asked`, where that is known.
fn priced<O: Op>(openai: &OpenAi, mut response: Response, asked: Option<&str>) -> Response {
    let model = response.model.as_deref().unwrap_or_default();
    let price = |usage| {
        openai
            .book
            .priced(usage, O::DECLARATION.facts.name, model, asked.unwrap_or(model))
    };
    response.usage = response.usage.map(price);
    response
}

/// What came as a success, where it is an answer.
fn row(received: &Received, with_raw: bool, sent: Sent) -> Result<Row<wire::Response>, Failure> {
    let row: Row<wire::Response> = received
        .row(with_raw)
        .map_err(|failure| received.blame(disguised(received.bytes(), sent, failure)))?;
    let wire = &row.wire;
    if wire.object.as_deref() == Some("response") || wire.output.is_some() || wire.status.is_some() {
        return Ok(row);
    }
    match Fault::within(&received.json()?) {
        Some(fault) => Err(received.blame(refuse::within(&fault, sent))),
        None => Err(received.unusable("the answer is not as expected at output: it holds none")),
    }
}
