//! From the body of `POST /responses` to a neutral conversation whose answer may be kept (API description 2.3.0). Pure.
//!
//! Invariant: each item goes to the one who says it, in its order; what only this dialect knows goes back to it unchanged.

use mosaic_actors::error::Failure;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};

use super::super::super::dialect::fields::{Fields, must, read};
use super::super::super::dialect::home::Home;
use super::super::chat_input::{DIALECT, HINTS};
use super::super::{content, tools};
use super::sealed;
use crate::catalogue::ai::{
    ChatInput, Content, Effort, Extensions, Message, Opaque, Part, Reasoning, ResponseInput, Role, Warning,
};
use crate::catalogue::fields::{ModelRef, ResponseRef};
use crate::catalogue::raw::Raw;

/// What of a request its answer tells again.
const TOLD_AGAIN: [&str; 12] = [
    "instructions",
    "max_output_tokens",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "text",
    "reasoning",
    "parallel_tool_calls",
    "truncation",
    "metadata",
    "user",
];

/// A conversation, and how its answer shall be told.
#[derive(Debug)]
pub struct Asked {
    pub input: ResponseInput,
    pub stream: bool,
    /// What the answer tells again.
    pub again: Map<String, Value>,
    /// For each message, the items that its parts came as; the last stands for all that follow.
    pub items: Vec<Vec<usize>>,
    pub home: Home,
}

/// Reads a body.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the field.
pub fn asked(body: Map<String, Value>) -> Result<Asked, Failure> {
    let mut again = Map::new();
    for name in TOLD_AGAIN {
        again.extend(body.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    let mut fields = Fields::whole(body);
    let mut home = Home::default();
    let model = fields.required("model")?;
    let said = items(&mut fields, &mut home)?;
    let mut own = Map::new();
    let mut chat = ChatInput {
        model: read::<ModelRef>("model", &Value::String(model))?,
        messages: said.messages,
        max_tokens: fields.get("max_output_tokens")?,
        temperature: fields.get("temperature")?,
        top_p: fields.get("top_p")?,
        parallel_tool_calls: fields.get("parallel_tool_calls")?,
        reasoning: reasoning(&mut fields, &mut own)?,
        user: user(&mut fields)?,
        ..ChatInput::default()
    };
    declared(&mut fields, &mut chat, &mut own)?;
    if let Some(mut text) = fields.object("text")? {
        if let Some(form) = text.object("format")? {
            chat.response_format = tools::format(form)?;
        }
        text.leave_where("verbosity", |word| word == "medium");
        put(&mut own, "text", text.rest());
    }
    let input = ResponseInput {
        previous: fields.get::<ResponseRef>("previous_response_id")?,
        instructions: fields.text("instructions")?,
        background: fields.get::<bool>("background")?.filter(|background| *background),
        store: fields.get("store")?,
        chat,
    };
    let stream = fields.get("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        options.leave(&["include_obfuscation"]);
        options.end()?;
    }
    fields.leave_where("include", |list| *list == json!([]));
    fields.leave_where("top_logprobs", |count| *count == 0);
    fields.leave_where("truncation", |word| word == "disabled");
    fields.leave_where("service_tier", |word| *word == "auto" || *word == "default");
    fields.leave_where("metadata", |value| value.as_object().is_some_and(Map::is_empty));
    fields.refuse(
        &["top_logprobs"],
        "cannot be had here: an answer tells no probabilities",
    )?;
    own.extend(fields.rest());
    let mut input = input;
    if !own.is_empty() {
        input.chat.extensions = Extensions([(DIALECT.to_owned(), own)].into());
    }
    Ok(Asked {
        input,
        stream,
        again,
        items: said.items,
        home,
    })
}

impl Asked {
    /// Whether only an answer that its provider keeps will do.
    pub fn must_be_kept(&self) -> bool {
        let ResponseInput {
            previous,
            background,
            store,
            ..
        } = &self.input;
        previous.is_some() || background.is_some() || *store == Some(true)
    }

    /// The same as a conversation whose answer nobody keeps, and what is left out of it.
    pub fn unkept(&self) -> (ChatInput, Vec<Warning>) {
        let mut chat = self.input.chat.clone();
        if let Some(instructions) = self.input.instructions.clone() {
            chat.messages.insert(
                0,
                Message {
                    role: Role::System,
                    content: Content::Text(instructions),
                },
            );
        }
        if let Some(own) = chat.extensions.0.get_mut(DIALECT) {
            // Thoughts come with what they are given back by, and with what is shown of them, whether asked for or not.
            let sealed = own
                .get("include")
                .is_some_and(|list| *list == json!(["reasoning.encrypted_content"]));
            if sealed {
                own.shift_remove("include");
            }
            own.shift_remove("reasoning");
        }
        let warnings = HINTS.drop_from(&mut chat.extensions);
        (chat, warnings)
    }

    /// A field of the neutral input by its name in this API; `before`: how many messages stand before those of the items.
    pub fn renamed(&self, field: &str, before: usize) -> Option<String> {
        if field.starts_with("max_tokens") {
            return Some(field.replacen("max_tokens", "max_output_tokens", 1));
        }
        if let Some(rest) = field.strip_prefix("response_format") {
            return Some(format!("text.format{rest}"));
        }
        if field == "reasoning" || field.starts_with("reasoning.") {
            return Some("reasoning.effort".to_owned());
        }
        if field == "previous" {
            return Some("previous_response_id".to_owned());
        }
        let rest = field.strip_prefix("messages")?;
        let index = |text: &str| {
            text.strip_prefix('[')?
                .split_once(']')
                .map(|(number, rest)| (number.to_owned(), rest.to_owned()))
        };
        let Some((message, rest)) = index(rest) else {
            return Some("input".to_owned());
        };
        let Some(message) = message.parse::<usize>().ok()?.checked_sub(before) else {
            return Some("instructions".to_owned());
        };
        let parts = self.items.get(message)?;
        let part = rest
            .strip_prefix(".content")
            .and_then(index)
            .and_then(|(part, _)| part.parse().ok());
        let item = parts.get(part.unwrap_or(0)).or(parts.last())?;
        Some(format!("input[{item}]"))
    }
}

fn put(own: &mut Map<String, Value>, name: &str, rest: Map<String, Value>) {
    if !rest.is_empty() {
        own.insert(name.to_owned(), Value::Object(rest));
    }
}

fn user(fields: &mut Fields) -> Result<Option<String>, Failure> {
    let (new, old) = (fields.text("safety_identifier")?, fields.text("user")?);
    Ok(new.or(old))
}

fn reasoning(fields: &mut Fields, own: &mut Map<String, Value>) -> Result<Option<Reasoning>, Failure> {
    let Some(mut said) = fields.object("reasoning")? else {
        return Ok(None);
    };
    let effort: Option<Effort> = said.get("effort")?;
    put(own, "reasoning", said.rest());
    Ok(effort.map(|effort| Reasoning {
        effort: Some(effort),
        budget_tokens: None,
    }))
}

/// Functions of the caller's, and tools that a provider has itself.
fn declared(fields: &mut Fields, chat: &mut ChatInput, own: &mut Map<String, Value>) -> Result<(), Failure> {
    let mut builtin = vec![];
    for (at, value) in fields.list("tools")?.into_iter().enumerate() {
        if value["type"] != "function" {
            builtin.push(value);
            continue;
        }
        let mut tool = Fields::of(format!("tools[{at}]"), value)?;
        tool.leave(&["type", "output_schema", "allowed_callers"]);
        tool.leave_where("defer_loading", |value| *value == false);
        chat.tools.push(tools::function(tool)?);
    }
    if !builtin.is_empty() {
        own.insert("tools".to_owned(), Value::Array(builtin));
    }
    if let Some(value) = fields.take("tool_choice") {
        let kind = value["type"].as_str();
        let other = kind.is_some_and(|kind| !matches!(kind, "function" | "allowed_tools"));
        match own.contains_key("tools") && (chat.tools.is_empty() || other) {
            true => drop(own.insert("tool_choice".to_owned(), value)),
            false => tools::choice(value, chat)?,
        }
    }
    if chat.tools.is_empty() {
        chat.parallel_tool_calls = None;
    }
    Ok(())
}

/// What was said, and the items that it came as.
#[derive(Default)]
struct Said {
    messages: Vec<Message>,
    items: Vec<Vec<usize>>,
}

fn items(fields: &mut Fields, home: &mut Home) -> Result<Said, Failure> {
    let mut said = Said::default();
    match fields.take("input") {
        None => {}
        Some(Value::String(text)) => said.push(Role::User, Content::Text(text), 0),
        Some(Value::Array(list)) => {
            for (at, value) in list.into_iter().enumerate() {
                said.item(at, value, home)?;
            }
        }
        Some(_) => return Err(must("input", "be a text or a list of items")),
    }
    Ok(said)
}

impl Said {
    fn push(&mut self, role: Role, content: Content<Part>, at: usize) {
        // What a model says in one turn is one message: its calls belong together.
        let last = self
            .messages
            .last_mut()
            .filter(|last| last.role == role && role == Role::Assistant);
        let Some(last) = last else {
            self.items.push(vec![at; content.parts().len().max(1)]);
            self.messages.push(Message { role, content });
            return;
        };
        let before = std::mem::replace(&mut last.content, Content::Text(String::new()));
        let (mut parts, more) = (before.into_parts(), content.into_parts());
        if let Some(places) = self.items.last_mut() {
            places.resize(parts.len(), at);
            places.extend(more.iter().map(|_| at));
        }
        parts.extend(more);
        last.content = Content::Parts(parts);
    }

    fn item(&mut self, at: usize, value: Value, home: &mut Home) -> Result<(), Failure> {
        let place = format!("input[{at}]");
        let kind = value
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("message")
            .to_owned();
        if !matches!(
            &*kind,
            "message" | "function_call" | "function_call_output" | "reasoning"
        ) {
            return self.own(&value, at);
        }
        let whole = value.clone();
        let mut fields = Fields::of(place, value)?;
        fields.leave(&["type", "status"]);
        let (role, content) = match &*kind {
            "function_call" => {
                fields.leave(&["id", "parsed_arguments", "caller", "namespace"]);
                let call = Part::ToolCall {
                    id: fields.required("call_id")?,
                    name: fields.required("name")?,
                    arguments: fields.text("arguments")?.unwrap_or_default(),
                    cache: None,
                };
                (Role::Assistant, Content::Parts(vec![call]))
            }
            "function_call_output" => {
                fields.leave(&["id", "name", "namespace", "caller"]);
                let tool_call_id = fields.required("call_id")?;
                let output = fields.take("output").ok_or_else(|| fields.missing("output"))?;
                let result = Part::ToolResult {
                    tool_call_id,
                    content: content::result(&fields.place("output"), output, home)?,
                    is_error: false,
                    cache: None,
                };
                (Role::Tool, Content::Parts(vec![result]))
            }
            "reasoning" => {
                self.push(Role::Assistant, Content::Parts(vec![thought(fields, &whole)?]), at);
                return Ok(());
            }
            _ => {
                fields.leave(&["id", "phase"]);
                message(&mut fields, home)?
            }
        };
        fields.end()?;
        self.push(role, content, at);
        Ok(())
    }

    /// An item that this dialect alone knows.
    fn own(&mut self, value: &Value, at: usize) -> Result<(), Failure> {
        let place = format!("input[{at}]");
        let block = to_raw_value(value).map_err(|_| must(&place, "be an item"))?;
        let part = Part::Other {
            dialect: DIALECT.to_owned(),
            block: Raw::from(block),
        };
        self.push(Role::Assistant, Content::Parts(vec![part]), at);
        Ok(())
    }
}

fn message(fields: &mut Fields, home: &mut Home) -> Result<(Role, Content<Part>), Failure> {
    let role = match fields.required("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        _ => return Err(must(&fields.place("role"), "be user, assistant, system or developer")),
    };
    let value = fields.take("content").ok_or_else(|| fields.missing("content"))?;
    let said = content::said(&fields.place("content"), value, home)?;
    let said = match role {
        Role::Assistant => Content::said(said.into_parts()),
        _ => said,
    };
    Ok((role, said))
}

/// A thought, as ours are told or as its dialect's own.
fn thought(mut fields: Fields, whole: &Value) -> Result<Part, Failure> {
    let seal = fields.text("encrypted_content")?;
    if let Some(part) = seal.as_deref().and_then(|seal| sealed::opened(seal, &shown(whole))) {
        return Ok(part);
    }
    let ours = fields.text("id")?.is_some_and(|id| id.starts_with(sealed::OWN));
    Ok(Part::Thinking {
        text: shown(whole),
        signature: (!ours).then(|| Opaque::from(whole.to_string())),
        data: None,
        dialect: (!ours).then(|| DIALECT.to_owned()),
    })
}

fn shown(item: &Value) -> String {
    let parts = item["summary"].as_array().into_iter().flatten();
    let texts: Vec<&str> = parts.filter_map(|part| part["text"].as_str()).collect();
    texts.join("\n\n")
}

#[cfg(test)]
mod tests;
