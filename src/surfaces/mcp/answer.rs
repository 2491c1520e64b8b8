//! Answers as tools' results: structured where they are JSON, and no longer than a model can read.
//!
//! Invariant: what is left out is told, with the way to it; what was not asked for whole is not read whole.

use bytes::Bytes;
use futures_util::StreamExt;
use mosaic_actors::call::{Answer, Body, Head};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream, Frame};
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, MetaObject, Resource};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::super::cache_status;
use super::super::decisions::{Decisions, MEMBER};
use super::portion::Portion;
use super::progress::Progress;
use super::trim::{self, Cut};
use super::uri;
use super::visit::PREFIX;
use crate::catalogue::Entry;

/// What was asked, as far as its answer depends on it.
pub(super) struct Question<'q> {
    pub(super) entry: &'static Entry,
    /// The address of the same as a resource, where it is one.
    pub(super) uri: Option<String>,
    /// Behind which row a part was asked for.
    pub(super) after: Option<u64>,
    /// The most bytes of the answer.
    pub(super) most: usize,
    /// When a stream has been listened to for long enough.
    pub(super) deadline: Instant,
    /// The id of the request, by which its decisions are explained.
    pub(super) id: &'q str,
    /// Who tells what was decided, where that was asked for.
    pub(super) explained: Option<&'q dyn Decisions>,
}

/// The result that an answer is.
///
/// # Errors
/// What a file or a stream breaks off with.
pub(super) async fn result(
    answer: Answer,
    question: &Question<'_>,
    progress: &mut Progress,
) -> Result<CallToolResult, Failure> {
    let Answer { head, body, .. } = answer;
    let mut result = match body {
        Body::Bytes(bytes) => whole(&bytes, &head, question)?,
        Body::Stream(frames) => streamed(frames, question, progress).await?,
        Body::Raw(stream) => progress.meanwhile(file(stream, question)).await?,
    };
    result.meta = Some(facts(&head, question.id));
    Ok(result)
}

/// What is known of an answer beside it.
fn facts(head: &Head, id: &str) -> MetaObject {
    let mut meta = JsonObject::new();
    let mut tell = |name: &str, value: Value| meta.insert(format!("{PREFIX}{name}"), value);
    tell("request_id", json!(id));
    if !head.provider.is_empty() {
        tell("provider", json!(head.provider));
    }
    tell("cache", json!(cache_status::text(head.cache, head.cached_by)));
    tell("attempts", json!(head.attempts));
    if head.emulated {
        tell("emulated", json!(true));
    }
    if head.skipped > 0 {
        tell("skipped_rows", json!(head.skipped));
    }
    MetaObject(meta)
}

fn whole(bytes: &Bytes, head: &Head, question: &Question<'_>) -> Result<CallToolResult, Failure> {
    let mut answer: Value = serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(Kind::Internal, "an answer is not JSON").because(error))?;
    let cut = cut(&mut answer, question);
    let decision = question
        .explained
        .and_then(|told| Some(told.told(head.decision.as_deref()?)));
    if let (Some(fields), Some(decision)) = (answer.as_object_mut(), decision) {
        fields.insert(MEMBER.to_owned(), decision);
    }
    let mut content = vec![ContentBlock::text(answer.to_string())];
    if cut.is_any() {
        content.extend(way_on(cut, question));
    }
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(answer);
    Ok(result)
}

/// Cuts an answer, and has what is left of it lead on.
fn cut(answer: &mut Value, question: &Question<'_>) -> Cut {
    let declaration = question.entry.declaration;
    let is_list = |(name, value): (&String, &Value)| Some((name.clone(), value.as_array()?.len()));
    let rows = answer.as_object().and_then(|fields| fields.iter().find_map(is_list));
    let mut cut = trim::fit(answer, question.most);
    let leads = declaration.facts.list || declaration.parts;
    if let (true, Some((rows, before)), Some(fields)) = (leads && cut.rows > 0, rows, answer.as_object_mut()) {
        cut.kept = trim::lead_on(fields, &rows, before, question.after);
    }
    cut
}

/// What was left out, and how to get it.
fn way_on(cut: Cut, question: &Question<'_>) -> Vec<ContentBlock> {
    let mut sentence = format!(
        "Cut to what can be read at once: {} long texts were shortened, {} rows left out.",
        cut.texts, cut.rows
    );
    match cut.kept {
        Some(kept) if question.entry.declaration.facts.list => {
            sentence += &format!(" Ask again with limit {kept} for a page that leads to the next.");
        }
        Some(_) => sentence += " `next_after` leads on.",
        None => {}
    }
    let mut content = vec![];
    match &question.uri {
        Some(uri) => {
            content.push(ContentBlock::text(
                sentence + " The whole can be read, part by part, as this resource.",
            ));
            content.push(ContentBlock::resource_link(linked(uri.clone(), question.entry)));
        }
        None => content.push(ContentBlock::text(sentence)),
    }
    content
}

fn linked(uri: String, entry: &Entry) -> Resource {
    Resource::new(uri, entry.name()).with_title(entry.declaration.summary)
}

/// The events that come in time and find room.
async fn streamed(
    mut frames: BodyStream<Frame>,
    question: &Question<'_>,
    progress: &mut Progress,
) -> Result<CallToolResult, Failure> {
    let (mut events, mut taken, mut complete) = (Vec::new(), 0, false);
    while let Ok(frame) = progress.meanwhile(timeout_at(question.deadline, frames.next())).await {
        let Some(frame) = frame.transpose()? else {
            complete = true;
            break;
        };
        let json = frame.json()?;
        if !events.is_empty() && taken + json.len() > question.most {
            break;
        }
        taken += json.len();
        let event: Value = serde_json::from_slice(&json)
            .map_err(|error| Failure::new(Kind::Internal, "an event is not JSON").because(error))?;
        events.push(event);
        progress.step(|| format!("{} events", events.len())).await;
    }
    let mut answer = json!({ "events": events, "complete": complete });
    let cut = trim::fit(&mut answer, question.most);
    let mut content = vec![ContentBlock::text(answer.to_string())];
    if cut.is_any() {
        content.extend(way_on(cut, question));
    }
    if !complete {
        let sentence = "The stream goes on behind the last of these events; ask again to hear more.";
        content.push(ContentBlock::text(sentence));
    }
    let mut result = CallToolResult::success(content);
    result.structured_content = Some(answer);
    Ok(result)
}

/// A file: its beginning where it is text, all of it where it is small, and where to read it in any case.
async fn file(stream: ByteStream, question: &Question<'_>) -> Result<CallToolResult, Failure> {
    let (media_type, name, length) = (stream.media_type.to_string(), stream.name.clone(), stream.length);
    let portion = Portion::of(stream.bytes, 0, question.most).await?;
    let told = question.uri.clone().unwrap_or_else(|| format!("{}/file", uri::BASE));
    let shown = portion.shown(&told, &media_type);
    let (what, from) = match shown {
        Some(_) => ("This is its beginning", portion.bytes.len()),
        None => ("The file is not text, and too large to be shown", 0),
    };
    let mut content: Vec<ContentBlock> = shown.map(ContentBlock::resource).into_iter().collect();
    match &question.uri {
        Some(uri) if portion.more => {
            let rest = uri::part(uri, u64::try_from(from).unwrap_or(u64::MAX));
            let mut link = linked(rest, question.entry).with_mime_type(media_type);
            link.size = length;
            content.push(ContentBlock::text(format!("{what}; the rest of it is this resource.")));
            content.push(ContentBlock::resource_link(link));
        }
        None if portion.more => {
            content.push(ContentBlock::text(format!(
                "{what}; the rest is to be had by REST alone."
            )));
        }
        _ => {}
    }
    if let Some(name) = name {
        content.push(ContentBlock::text(format!("It is called {name}.")));
    }
    Ok(CallToolResult::success(content))
}
