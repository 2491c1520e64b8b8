//! From a neutral answer's events to those of this API. Pure.
//!
//! Invariant: one block is open at a time and their numbers have no gap, for clients address them by position; only a whole
//! answer ends in `message_stop`.

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::super::dialect::kept::keep;
use super::super::dialect::sse::{Teller, write};
use super::super::dialect::thoughts;
use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::blocks::DIALECT;
use super::error;
use super::said::{empty, object, stop_reason, usage};
use crate::catalogue::ai::{ChatEvent, Finish, Usage};

/// A call of a tool.
struct Call {
    index: u32,
    id: String,
    name: String,
    arguments: String,
}

enum Open {
    Text,
    Call(Call),
}

/// Tells one answer.
pub struct Events {
    id: String,
    model: String,
    /// The number of the block that is open, or of the next one.
    at: usize,
    open: Option<Open>,
    /// A thought that may yet be signed; what is not is left out.
    thought: String,
    calls: bool,
    usage: Option<Usage>,
    over: bool,
}

impl Events {
    pub(super) fn new(id: String, model: String) -> Self {
        Events {
            id,
            model,
            at: 0,
            open: None,
            thought: String::new(),
            calls: false,
            usage: None,
            over: false,
        }
    }

    fn begin(&self, block: Value, out: &mut Vec<u8>) -> Result<(), Failure> {
        let event = json!({"type": "content_block_start", "index": self.at, "content_block": block});
        write(Some("content_block_start"), &event, out)
    }

    fn delta(&self, delta: Value, out: &mut Vec<u8>) -> Result<(), Failure> {
        let event = json!({"type": "content_block_delta", "index": self.at, "delta": delta});
        write(Some("content_block_delta"), &event, out)
    }

    fn stop(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let event = json!({"type": "content_block_stop", "index": self.at});
        self.at += 1;
        write(Some("content_block_stop"), &event, out)
    }

    /// Ends the block that is open.
    fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.thought.clear();
        match self.open.take() {
            None => Ok(()),
            Some(Open::Text) => self.stop(out),
            Some(Open::Call(call)) => {
                object(&call.name, &call.arguments)?;
                self.stop(out)
            }
        }
    }

    fn say(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        if !matches!(self.open, Some(Open::Text)) {
            self.close(out)?;
            self.begin(json!({"type": "text", "text": ""}), out)?;
            self.open = Some(Open::Text);
        }
        self.delta(json!({"type": "text_delta", "text": text}), out)
    }

    fn call(&mut self, call: Call, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.calls = true;
        self.close(out)?;
        self.begin(
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}}),
            out,
        )?;
        self.open = Some(Open::Call(call));
        Ok(())
    }

    fn argue(&mut self, index: u32, text: &str, out: &mut Vec<u8>) -> Result<(), Failure> {
        match &mut self.open {
            Some(Open::Call(call)) if call.index == index => keep(&mut call.arguments, text)?,
            _ => {
                return Err(Failure::new(
                    Kind::UpstreamFailed,
                    "the model goes on with a call that had ended",
                ));
            }
        }
        match text {
            "" => Ok(()),
            text => self.delta(json!({"type": "input_json_delta", "partial_json": text}), out),
        }
    }

    /// A thought with what it is known by.
    fn thought(&mut self, signature: &str, dialect: Option<&str>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let text = std::mem::take(&mut self.thought);
        self.close(out)?;
        self.begin(json!({"type": "thinking", "thinking": "", "signature": ""}), out)?;
        if !text.is_empty() {
            self.delta(json!({"type": "thinking_delta", "thinking": text}), out)?;
        }
        let signature = thoughts::written(signature, dialect);
        self.delta(json!({"type": "signature_delta", "signature": signature}), out)?;
        self.stop(out)
    }

    /// A block that comes whole. What a tool is called with is told as a piece all the same: some clients read it there
    /// alone.
    fn whole(&mut self, mut block: Value, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.close(out)?;
        let input = block.get_mut("input").filter(|input| input.is_object());
        let input = input.map(|input| std::mem::replace(input, json!({})));
        self.begin(block, out)?;
        if let Some(input) = input {
            self.delta(
                json!({"type": "input_json_delta", "partial_json": input.to_string()}),
                out,
            )?;
        }
        self.stop(out)
    }

    fn end(&mut self, finish: Option<Finish>, stop: Option<String>, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.close(out)?;
        let reason = stop_reason(finish, stop.as_deref(), self.calls);
        let event = json!({
            "type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": stop},
            "usage": usage(self.usage.as_ref()),
        });
        write(Some("message_delta"), &event, out)?;
        self.over = true;
        write(Some("message_stop"), &json!({"type": "message_stop"}), out)
    }
}

impl Teller for Events {
    const BEAT: &'static str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";

    fn hear(&mut self, event: ChatEvent, out: &mut Vec<u8>) -> Result<(), Failure> {
        match event {
            ChatEvent::Start { model, .. } => {
                self.model = model;
                let message = empty(&self.id, &self.model);
                write(
                    Some("message_start"),
                    &json!({"type": "message_start", "message": message}),
                    out,
                )
            }
            ChatEvent::Reasoning { text } => keep(&mut self.thought, &text),
            ChatEvent::Signature { signature, dialect } => self.thought(&signature, dialect.as_deref(), out),
            ChatEvent::HiddenReasoning { data } => {
                self.whole(json!({"type": "redacted_thinking", "data": &*data}), out)
            }
            ChatEvent::Delta { text } | ChatEvent::Refusal { text } => self.say(&text, out),
            ChatEvent::ToolCall { index, id, name } => {
                let arguments = String::new();
                let call = Call {
                    index,
                    id,
                    name,
                    arguments,
                };
                self.call(call, out)
            }
            ChatEvent::ToolArguments { index, text } => self.argue(index, &text, out),
            ChatEvent::Other { dialect, block } if dialect == DIALECT => self.whole(block.to_value(), out),
            ChatEvent::Other { .. } => Ok(()),
            ChatEvent::Usage { usage } => {
                self.usage = Some(usage);
                Ok(())
            }
            ChatEvent::End {
                finish, stop_sequence, ..
            } => self.end(finish, stop_sequence, out),
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn fail(&mut self, problem: &Problem, id: &RequestId, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: error\ndata: ");
        out.extend_from_slice(&error::json(problem, id));
        out.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::catalogue::raw::Raw;

    fn text(text: &str) -> ChatEvent {
        ChatEvent::Delta { text: text.to_owned() }
    }

    fn call(index: u32) -> ChatEvent {
        ChatEvent::ToolCall {
            index,
            id: format!("c{index}"),
            name: "look".to_owned(),
        }
    }

    fn argue(index: u32, text: &str) -> ChatEvent {
        ChatEvent::ToolArguments {
            index,
            text: text.to_owned(),
        }
    }

    /// The events between the first and the last two, in short; each with its name and its type alike.
    fn told(events: Vec<ChatEvent>, finish: Finish) -> Result<(Vec<String>, Value), Failure> {
        let mut teller = Events::new("msg_1".to_owned(), "asked".to_owned());
        let mut out = Vec::new();
        let start = ChatEvent::Start {
            id: None,
            model: "m".to_owned(),
            warnings: vec![],
        };
        let end = ChatEvent::End {
            finish: Some(finish),
            raw_finish: None,
            stop_sequence: None,
        };
        for event in [start].into_iter().chain(events).chain([end]) {
            teller.hear(event, &mut out)?;
        }
        let out = String::from_utf8(out).expect("text");
        let mut read: Vec<Value> = vec![];
        for event in out.split_terminator("\n\n") {
            let (name, data) = event.split_once('\n').expect("two lines");
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
            read.push(data);
        }
        assert_eq!(read.pop().expect("an end"), json!({"type": "message_stop"}));
        let last = read.pop().expect("a last one");
        let first = read.remove(0);
        assert_eq!(
            (&first["message"]["id"], &first["message"]["model"]),
            (&json!("msg_1"), &json!("m"))
        );
        let short = |event: &Value| match event["type"].as_str() {
            Some("content_block_start") => format!(
                "{}+{}",
                event["index"],
                event["content_block"]["type"].as_str().expect("a type")
            ),
            Some("content_block_stop") => format!("{}.", event["index"]),
            _ => {
                let delta = event["delta"].as_object().expect("a delta");
                let piece = delta.iter().find(|(name, _)| *name != "type").expect("a piece");
                format!("{}:{}", event["index"], piece.1.as_str().expect("text"))
            }
        };
        Ok((read.iter().map(short).collect(), last))
    }

    #[test]
    fn one_block_is_open_at_a_time_and_their_numbers_have_no_gap() {
        let (blocks, last) = told(
            vec![text(""), text("a"), text("b"), call(0), argue(0, "{}"), text("c")],
            Finish::Tool,
        )
        .expect("told");
        assert_eq!(
            blocks,
            [
                "0+text",
                "0:a",
                "0:b",
                "0.",
                "1+tool_use",
                "1:{}",
                "1.",
                "2+text",
                "2:c",
                "2."
            ]
        );
        assert_eq!(last["delta"], json!({"stop_reason": "tool_use", "stop_sequence": null}));
        let broken = told(vec![call(0), argue(0, "{\"a\"")], Finish::Tool);
        assert_eq!(broken.expect_err("no object").kind, Kind::UpstreamFailed);
    }

    #[test]
    fn a_thought_is_told_where_it_is_signed_and_left_out_where_it_is_not() {
        let think = |text: &str| ChatEvent::Reasoning { text: text.to_owned() };
        let sign = ChatEvent::Signature {
            signature: "s".into(),
            dialect: None,
        };
        let (blocks, _) = told(vec![think("h"), think("m"), sign, text("a")], Finish::Stop).expect("told");
        assert_eq!(blocks, ["0+thinking", "0:hm", "0:s", "0.", "1+text", "1:a", "1."]);
        let (blocks, _) = told(vec![think("hm"), text("a")], Finish::Stop).expect("told");
        assert_eq!(blocks, ["0+text", "0:a", "0."]);
        let searched = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}});
        let block = to_raw_value(&searched).expect("JSON");
        let (blocks, _) = told(
            vec![ChatEvent::Other {
                dialect: DIALECT.to_owned(),
                block: Raw::from(block),
            }],
            Finish::Pause,
        )
        .expect("told");
        assert_eq!(blocks, ["0+server_tool_use", "0:{\"query\":\"q\"}", "0."]);
        let hidden = ChatEvent::HiddenReasoning { data: "d".into() };
        let (blocks, _) = told(vec![hidden], Finish::Filter).expect("told");
        assert_eq!(blocks, ["0+redacted_thinking", "0."]);
    }

    #[test]
    fn what_has_to_do_with_a_cache_is_counted_apart() {
        let counted = Usage {
            input_tokens: 100,
            output_tokens: 5,
            cached_input_tokens: Some(60),
            cache_write_tokens: Some(30),
            ..Usage::default()
        };
        let (_, last) = told(vec![text("a"), ChatEvent::Usage { usage: counted }], Finish::Length).expect("told");
        assert_eq!(
            last["usage"],
            json!({"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30})
        );
        assert_eq!(last["delta"]["stop_reason"], "max_tokens");
    }
}
