//! From a neutral conversation to a request for its next message. Pure.
//!
//! Invariant: what cannot be said here is refused by its name before anything is sent, and what may be left out is told.

use mosaic_actors::error::Failure;

use super::asked::{
    ChatRequest, Declared, Named, OWN, Reasoning, ResponseFormat, Schema, StreamOptions, Tool, ToolChoice,
};
use super::messages::{messages, uncached};
use super::profile::{Asker, Choice, Profile, Thinking, TokenLimit};
use crate::catalogue::ai::{self, ChatInput, Effort, ToolMode, Warning};

/// The dialect, as extensions and parts name it.
pub const DIALECT: &str = "openai";
/// The name of a schema that has none.
pub const UNNAMED: &str = "output";

/// A request, and what of the input is not in it.
pub struct Asked<'a> {
    pub body: ChatRequest<'a>,
    pub warnings: Vec<Warning>,
}

/// The request for one answer, whole or streamed.
///
/// # Errors
/// `unsupported` naming the field that the server does not take.
pub fn request<'a>(
    profile: &'a Profile,
    model: &'a str,
    input: &'a ChatInput,
    streamed: bool,
) -> Result<Asked<'a>, Failure> {
    let mut warnings = vec![];
    let limit = |name| input.max_tokens.filter(|_| profile.token_limit == name);
    let (reasoning_effort, reasoning) = reasoning(profile, input, &mut warnings)?;
    let (user, safety_identifier) = asker(profile, input.user.as_deref())?;
    if input.stop.len() > profile.stops {
        let sentence = format!("this provider takes at most {} stop texts", profile.stops);
        return Err(Failure::unsupported_field("stop", sentence).never_sent());
    }
    if input.top_k.is_some() && !profile.top_k {
        return Err(unsupported("top_k"));
    }
    if input.parallel_tool_calls.is_some() && !profile.parallel_tool_calls {
        return Err(unsupported("parallel_tool_calls"));
    }
    let options = streamed && profile.stream_options;
    let body = ChatRequest {
        model,
        messages: messages(profile, input, &mut warnings)?,
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
        temperature: input.temperature,
        top_p: input.top_p,
        top_k: input.top_k,
        stop: &input.stop,
        tools: tools(input, &mut warnings),
        tool_choice: input
            .tool_choice
            .as_ref()
            .map(|choice| tool_choice(profile, choice))
            .transpose()?,
        parallel_tool_calls: input.parallel_tool_calls,
        response_format: response_format(profile, input)?,
        reasoning_effort,
        reasoning,
        user,
        safety_identifier,
        stream: streamed.then_some(true),
        stream_options: options.then_some(StreamOptions { include_usage: true }),
        extensions: input.extensions.of(DIALECT, OWN)?,
    };
    Ok(Asked { body, warnings })
}

/// Who asks, as `user` or as `safety_identifier`.
///
/// # Errors
/// `unsupported` where the server knows neither.
pub fn asker<'a>(profile: &Profile, user: Option<&'a str>) -> Result<(Option<&'a str>, Option<&'a str>), Failure> {
    match (user, profile.user) {
        (None, _) => Ok((None, None)),
        (user, Asker::User) => Ok((user, None)),
        (user, Asker::SafetyIdentifier) => Ok((None, user)),
        (Some(_), Asker::None) => Err(unsupported("user")),
    }
}

/// What this server does not take.
pub fn unsupported(field: &str) -> Failure {
    Failure::unsupported_field(field, format!("this provider takes no {field}")).never_sent()
}

fn tools<'a>(input: &'a ChatInput, warnings: &mut Vec<Warning>) -> Vec<Tool<'a>> {
    let tools = input.tools.iter().enumerate().map(|(at, tool)| {
        warnings.extend(tool.cache.map(|_| uncached(&format!("tools[{at}]"))));
        Tool {
            kind: "function",
            function: Declared {
                name: &tool.name,
                description: tool.description.as_deref(),
                parameters: tool.parameters.as_ref(),
                strict: tool.strict,
            },
        }
    });
    tools.collect()
}

fn tool_choice<'a>(profile: &'a Profile, choice: &'a ai::ToolChoice) -> Result<ToolChoice<'a>, Failure> {
    heeded(profile, choice)?;
    Ok(match choice {
        ai::ToolChoice::Mode(ToolMode::Auto) => ToolChoice::Word("auto"),
        ai::ToolChoice::Mode(ToolMode::None) => ToolChoice::Word("none"),
        ai::ToolChoice::Mode(ToolMode::Required) => ToolChoice::Word(&profile.required),
        ai::ToolChoice::Tool(tool) => ToolChoice::Named {
            r#type: "function",
            function: Named { name: &tool.name },
        },
    })
}

/// Such a choice among tools is heeded.
///
/// # Errors
/// `unsupported` where it is not.
pub fn heeded(profile: &Profile, choice: &ai::ToolChoice) -> Result<(), Failure> {
    let needs = match choice {
        ai::ToolChoice::Mode(ToolMode::Auto) => Choice::Auto,
        ai::ToolChoice::Mode(ToolMode::None) => Choice::None,
        ai::ToolChoice::Mode(ToolMode::Required) => Choice::Required,
        ai::ToolChoice::Tool(_) => Choice::Named,
    };
    match profile.tool_choice.contains(&needs) {
        true => Ok(()),
        false => {
            let sentence = "this provider does not heed such a choice among tools";
            Err(Failure::unsupported_field("tool_choice", sentence).never_sent())
        }
    }
}

fn response_format<'a>(profile: &Profile, input: &'a ChatInput) -> Result<Option<ResponseFormat<'a>>, Failure> {
    let Some(form) = &input.response_format else {
        return Ok(None);
    };
    formed(profile, form)?;
    Ok(Some(match form {
        ai::ResponseFormat::JsonObject {} => ResponseFormat::JsonObject,
        ai::ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => ResponseFormat::JsonSchema {
            json_schema: Schema {
                name: name.as_deref().unwrap_or(UNNAMED),
                description: description.as_deref(),
                schema,
                strict: *strict,
            },
        },
    }))
}

/// An answer can be told to have such a form.
///
/// # Errors
/// `unsupported` where it cannot.
pub fn formed(profile: &Profile, form: &ai::ResponseFormat) -> Result<(), Failure> {
    let known = match form {
        ai::ResponseFormat::JsonObject {} => profile.json_object,
        ai::ResponseFormat::JsonSchema { .. } => profile.json_schema,
    };
    match known {
        true => Ok(()),
        false => {
            let sentence = "this provider cannot be told such a form of its answer";
            Err(Failure::unsupported_field("response_format", sentence).never_sent())
        }
    }
}

/// How much is thought: as a word, or as an object.
fn reasoning(
    profile: &Profile,
    input: &ChatInput,
    warnings: &mut Vec<Warning>,
) -> Result<(Option<&'static str>, Option<Reasoning>), Failure> {
    let Some(ai::Reasoning { effort, budget_tokens }) = input.reasoning else {
        return Ok((None, None));
    };
    match profile.reasoning {
        Thinking::None => Err(unsupported("reasoning")),
        Thinking::Object => {
            let effort = effort.map(Effort::word);
            Ok((
                None,
                Some(Reasoning {
                    effort,
                    max_tokens: budget_tokens,
                }),
            ))
        }
        Thinking::Effort => Ok((word(effort, budget_tokens, warnings), None)),
    }
}

/// A budget is told by the word that is nearest to it, where the caller has none.
pub fn word(effort: Option<Effort>, budget: Option<u32>, warnings: &mut Vec<Warning>) -> Option<&'static str> {
    let near = budget.map(|tokens| match tokens {
        ..4_000 => Effort::Low,
        4_000..16_000 => Effort::Medium,
        _ => Effort::High,
    });
    let said = effort.or(near)?.word();
    warnings.extend(budget.map(|_| {
        let sentence = format!("not in tokens: this provider is told the effort {said}");
        Warning::new("reasoning.budget_tokens", sentence)
    }));
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosaic_actors::error::Kind;
    use serde_json::{Value, json};

    fn asked(profile: &str, fields: Value) -> Result<(Value, Vec<Warning>), Failure> {
        let mut input = json!({"model": "m", "prompt": "p"});
        input
            .as_object_mut()
            .expect("an object")
            .extend(fields.as_object().expect("an object").clone());
        let input: ChatInput = serde_json::from_value(input).expect("an input");
        let profile = Profile::of(Some(profile), None).expect("a profile");
        let asked = request(&profile, "m", &input, false)?;
        Ok((serde_json::to_value(&asked.body).expect("JSON"), asked.warnings))
    }

    #[test]
    fn what_a_server_does_not_take_is_refused_by_its_name() {
        let tools = json!([{"name": "look"}]);
        let choose = |choice: Value| json!({"tools": tools, "tool_choice": choice});
        for (profile, fields, field) in [
            ("openai", json!({"top_k": 4}), "top_k"),
            ("openai", json!({"stop": ["a", "b", "c", "d", "e"]}), "stop"),
            (
                "openai",
                json!({"extensions": {"other": {"a": 1}}}),
                "extensions.other.a",
            ),
            (
                "deepseek",
                json!({"response_format": {"type": "json_schema", "schema": {}}}),
                "response_format",
            ),
            ("together", choose(json!("required")), "tool_choice"),
            ("together", choose(json!("none")), "tool_choice"),
            ("ollama", choose(json!({"name": "look"})), "tool_choice"),
            ("ollama", json!({"user": "u"}), "user"),
            ("ollama", json!({"parallel_tool_calls": false}), "parallel_tool_calls"),
        ] {
            let failure = asked(profile, fields.clone()).expect_err(field);
            assert_eq!(
                (failure.kind, failure.field.as_deref()),
                (Kind::Unsupported, Some(field)),
                "{fields}"
            );
            assert!(failure.unsent, "{fields}");
        }
        for own in OWN {
            let failure = asked("openai", json!({"extensions": {"openai": {*own: 1}}})).expect_err(own);
            assert_eq!((failure.kind, failure.unsent), (Kind::InvalidInput, true), "{own}");
        }
    }

    #[test]
    fn each_server_is_asked_in_its_own_words() {
        let tools = json!([{"name": "look"}]);
        for (profile, fields, place, said) in [
            (
                "mistral",
                json!({"tools": tools, "tool_choice": "required"}),
                "/tool_choice",
                json!("any"),
            ),
            (
                "xai",
                json!({"tools": tools, "tool_choice": "required"}),
                "/tool_choice",
                json!("required"),
            ),
            ("openai", json!({"user": "u"}), "/safety_identifier", json!("u")),
            ("vllm", json!({"user": "u"}), "/user", json!("u")),
            (
                "openai",
                json!({"reasoning": {"effort": "xhigh"}}),
                "/reasoning_effort",
                json!("xhigh"),
            ),
            (
                "openrouter",
                json!({"reasoning": {"budget_tokens": 9}}),
                "/reasoning",
                json!({"max_tokens": 9}),
            ),
            (
                "openai",
                json!({"extensions": {"openai": {"seed": 7}}}),
                "/seed",
                json!(7),
            ),
            (
                "deepseek",
                json!({"response_format": {"type": "json_object"}}),
                "/response_format/type",
                json!("json_object"),
            ),
            (
                "openai",
                json!({"response_format": {"type": "json_schema", "schema": {"type": "object"}}}),
                "/response_format/json_schema",
                json!({"name": "output", "schema": {"type": "object"}}),
            ),
        ] {
            let (body, warnings) = asked(profile, fields.clone()).expect("asked");
            assert_eq!(body.pointer(place), Some(&said), "{profile} {fields}: {body}");
            assert!(warnings.is_empty(), "{warnings:?}");
        }
        for (tokens, said) in [(3_999, "low"), (4_000, "medium"), (16_000, "high")] {
            let (body, warnings) = asked("openai", json!({"reasoning": {"budget_tokens": tokens}})).expect("asked");
            assert_eq!(
                (&body["reasoning_effort"], &*warnings[0].field),
                (&json!(said), "reasoning.budget_tokens")
            );
        }
    }
}
