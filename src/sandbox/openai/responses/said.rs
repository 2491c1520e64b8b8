//! What the model says, as the items of a response, and as the events that they come as.
//!
//! Invariant: the events of an answer, put together, are its items; they are numbered without a gap.

use bytes::Bytes;
use serde_json::{Value, json};

use super::request::ResponseRequest;
use super::seal;
use crate::sandbox::model::{Finish, Spoken, text};

/// The items of an answer.
pub(super) fn items(request: &ResponseRequest, spoken: &Spoken, answer: &str) -> Vec<Value> {
    let mut items = vec![];
    if let Some(thought) = &spoken.thought {
        let id = format!("rs_{answer}");
        let shown = request.shown && !thought.hidden;
        let summary = shown.then(|| json!({ "type": "summary_text", "text": thought.text }));
        let mut item = json!({ "id": id, "type": "reasoning", "summary": summary.into_iter().collect::<Vec<_>>() });
        if request.sealed {
            item["encrypted_content"] = seal::sealed(&request.asked.instance, &id).into();
        }
        items.push(item);
    }
    if request.searches {
        let query = &request.asked.prompt;
        items.push(json!({
            "id": format!("ws_{answer}"), "type": "web_search_call", "status": "completed",
            "action": { "type": "search", "query": query },
        }));
    }
    let status = match spoken.finish {
        Finish::Length => "incomplete",
        _ => "completed",
    };
    let part = match &spoken.refusal {
        Some(refusal) => Some(json!({ "type": "refusal", "refusal": refusal })),
        None if spoken.text.is_empty() && !spoken.calls.is_empty() => None,
        None => Some(json!({ "type": "output_text", "text": spoken.text, "annotations": [], "logprobs": [] })),
    };
    items.extend(part.map(|part| {
        json!({
            "id": format!("msg_{answer}"), "type": "message", "status": status, "role": "assistant", "content": [part],
        })
    }));
    items.extend(spoken.calls.iter().enumerate().map(|(at, call)| {
        json!({
            "id": format!("fc_{answer}_{at}"), "type": "function_call", "status": "completed",
            "call_id": format!("call_{answer}_{at}"), "name": call.name, "arguments": call.arguments,
        })
    }));
    items
}

/// The frames of a stream: those of the beginning, of each item, and of the end.
pub(super) fn frames(begun: &Value, whole: &Value, queued: bool) -> Vec<Bytes> {
    let mut told = Told::default();
    told.tell("response.created", json!({ "response": begun }));
    if queued {
        let mut waiting = begun.clone();
        waiting["status"] = "queued".into();
        told.tell("response.queued", json!({ "response": waiting }));
    }
    told.tell("response.in_progress", json!({ "response": begun }));
    for (at, item) in whole["output"].as_array().into_iter().flatten().enumerate() {
        told.item(at, item);
    }
    let end = match whole["status"].as_str() {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        _ => "response.completed",
    };
    told.tell(end, json!({ "response": whole }));
    told.frames
}

/// The frames so far.
#[derive(Default)]
struct Told {
    frames: Vec<Bytes>,
}

impl Told {
    fn tell(&mut self, kind: &str, mut event: Value) {
        event["type"] = kind.into();
        event["sequence_number"] = self.frames.len().into();
        self.frames
            .push(Bytes::from(format!("event: {kind}\ndata: {event}\n\n")));
    }

    fn item(&mut self, at: usize, item: &Value) {
        let mut begun = item.clone();
        if begun["status"].is_string() {
            begun["status"] = "in_progress".into();
        }
        match item["type"].as_str() {
            Some("message") => begun["content"] = json!([]),
            Some("function_call") => begun["arguments"] = "".into(),
            Some("reasoning") => begun["summary"] = json!([]),
            _ => {}
        }
        self.tell(
            "response.output_item.added",
            json!({ "output_index": at, "item": begun }),
        );
        match item["type"].as_str() {
            Some("message") => self.message(at, item),
            Some("function_call") => self.call(at, item),
            Some("reasoning") => self.thought(at, item),
            _ => {}
        }
        self.tell("response.output_item.done", json!({ "output_index": at, "item": item }));
    }

    fn message(&mut self, at: usize, item: &Value) {
        for (index, part) in item["content"].as_array().into_iter().flatten().enumerate() {
            let place = |more: Value| {
                let mut event = json!({ "item_id": item["id"], "output_index": at, "content_index": index });
                event.as_object_mut().into_iter().for_each(|event| {
                    event.extend(more.as_object().cloned().unwrap_or_default());
                });
                event
            };
            let (field, name) = match part["type"].as_str() {
                Some("refusal") => ("refusal", "refusal"),
                _ => ("text", "output_text"),
            };
            let mut begun = part.clone();
            begun[field] = "".into();
            self.tell("response.content_part.added", place(json!({ "part": begun })));
            let said = part[field].as_str().unwrap_or_default();
            // Only of texts it is told how likely they were.
            let likely = |mut event: Value| {
                if field == "text" {
                    event["logprobs"] = json!([]);
                }
                event
            };
            for piece in text::tokens(said) {
                self.tell(
                    &format!("response.{name}.delta"),
                    place(likely(json!({ "delta": piece }))),
                );
            }
            self.tell(&format!("response.{name}.done"), place(likely(json!({ field: said }))));
            self.tell("response.content_part.done", place(json!({ "part": part })));
        }
    }

    fn call(&mut self, at: usize, item: &Value) {
        let said = item["arguments"].as_str().unwrap_or_default();
        for piece in text::tokens(said) {
            let event = json!({ "item_id": item["id"], "output_index": at, "delta": piece });
            self.tell("response.function_call_arguments.delta", event);
        }
        let whole = json!({ "item_id": item["id"], "output_index": at, "name": item["name"], "arguments": said });
        self.tell("response.function_call_arguments.done", whole);
    }

    fn thought(&mut self, at: usize, item: &Value) {
        for (index, part) in item["summary"].as_array().into_iter().flatten().enumerate() {
            let place = |name: &str, value: Value| json!({ "item_id": item["id"], "output_index": at, "summary_index": index, name: value });
            let begun = json!({ "type": "summary_text", "text": "" });
            self.tell("response.reasoning_summary_part.added", place("part", begun));
            let said = part["text"].as_str().unwrap_or_default();
            for piece in text::tokens(said) {
                self.tell("response.reasoning_summary_text.delta", place("delta", piece.into()));
            }
            self.tell("response.reasoning_summary_text.done", place("text", said.into()));
            self.tell("response.reasoning_summary_part.done", place("part", part.clone()));
        }
    }
}
