//! A tool's call: from arguments to an invocation, and from its answer to a result.
//!
//! Invariant: who cancels, or goes away, ends the call; whatever comes of it is a result, and no error of the protocol.

use mosaic_actors::error::{Failure, Kind};
use rmcp::model::{CallToolResult, JsonObject};
use serde_json::Value;

use super::super::problem::Problem;
use super::answer::{Question, result};
use super::argument;
use super::ground::Ground;
use super::refusal;
use super::tools::Shaped;
use super::uri;
use super::visit::Visit;
use crate::dispatch::Invocation;

/// Calls a tool that the visitor is shown.
pub(super) async fn call(ground: &Ground, shaped: &Shaped, arguments: JsonObject, visit: &mut Visit) -> CallToolResult {
    let cancelled = visit.cancelled.clone();
    let id = visit.id.clone();
    let done = tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(Failure::new(Kind::Cancelled, "the client has cancelled the call")),
        done = carried(ground, shaped, arguments, visit) => done,
    };
    match done {
        Ok(result) => result,
        Err(mut failure) => {
            let decision = failure
                .decision
                .take()
                .map(|decision| ground.offer.decisions.told(&decision));
            refusal::result(&Problem::from(failure).explained(decision), &id)
        }
    }
}

async fn carried(
    ground: &Ground,
    shaped: &Shaped,
    mut input: JsonObject,
    visit: &mut Visit,
) -> Result<CallToolResult, Failure> {
    let entry = shaped.entry;
    let beside = argument::taken(entry, &mut input)?;
    let mut options = visit.options()?;
    options.provider = beside.provider.or(options.provider);
    let dispatcher = &ground.offer.dispatcher;
    let (cost, uploads) = (entry.declaration.facts.cost, entry.declaration.upload);
    let question = Question {
        entry,
        uri: uri::of(entry, &input, options.provider.as_deref()),
        after: input.get("after").and_then(Value::as_u64),
        most: ground.offer.max_answer,
        deadline: dispatcher.deadline(cost, uploads, &options)?,
        id: visit.id.text(),
        explained: options.explain.then_some(&*ground.offer.decisions),
    };
    let invocation = Invocation {
        entry,
        input: Value::Object(input),
        caller: visit.visitor.caller.clone(),
        options,
        upload: beside.upload,
    };
    let answer = visit.progress.meanwhile(dispatcher.invoke(invocation)).await?;
    result(answer, &question, &mut visit.progress).await
}
