//! The settings of an instance.
//!
//! Invariant: what says how a server is asked is set here under the names that the table of known servers has.

use serde::Deserialize;

use super::profile::{Api, Asker, Choice, Known, Thinking, TokenLimit};
use crate::providers::Setting;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The organisation that pays, where the key belongs to several.
    pub organization: Option<String>,
    /// The project that pays.
    pub project: Option<String>,
    /// Which known server it is; by its host where left out.
    pub profile: Option<String>,
    token_limit: Option<TokenLimit>,
    stream_options: Option<bool>,
    developer: Option<bool>,
    tool_choice: Option<Vec<Choice>>,
    required: Option<String>,
    parallel_tool_calls: Option<bool>,
    json_object: Option<bool>,
    json_schema: Option<bool>,
    reasoning: Option<Thinking>,
    top_k: Option<bool>,
    user: Option<Asker>,
    refusal: Option<bool>,
    stops: Option<usize>,
    prices: Option<String>,
    responses: Option<bool>,
    api: Option<Api>,
    files: Option<bool>,
    batches: Option<bool>,
    finishes: Option<bool>,
    /// How long an account that is spent is left alone, in seconds; 300 where left out.
    pub spent_pause_s: Option<u64>,
}

impl Settings {
    /// What is set of how it is asked.
    pub fn known(self) -> Known {
        Known {
            token_limit: self.token_limit,
            stream_options: self.stream_options,
            developer: self.developer,
            tool_choice: self.tool_choice,
            required: self.required,
            parallel_tool_calls: self.parallel_tool_calls,
            json_object: self.json_object,
            json_schema: self.json_schema,
            reasoning: self.reasoning,
            top_k: self.top_k,
            user: self.user,
            refusal: self.refusal,
            stops: self.stops,
            prices: self.prices,
            responses: self.responses,
            api: self.api,
            files: self.files,
            batches: self.batches,
            finishes: self.finishes,
            ..Known::default()
        }
    }
}

/// One that the server's profile has where it is left out.
const fn profiled(name: &'static str, unit: &'static str, meaning: &'static str) -> Setting {
    Setting {
        name,
        default: "by its profile",
        unit,
        meaning,
    }
}

const YES: &str = "true or false";

pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "organization",
        default: "the key's own",
        unit: "id",
        meaning: "The organisation that pays, where the key belongs to several",
    },
    Setting {
        name: "project",
        default: "the key's own",
        unit: "id",
        meaning: "The project that pays",
    },
    Setting {
        name: "profile",
        default: "by its host",
        unit: "azure, deepseek, gemini, groq, litellm, llama_cpp, mistral, ollama, openai, openrouter, together, vllm or xai",
        meaning: "Which known server it is, where its host does not tell",
    },
    profiled(
        "token_limit",
        "max_tokens or max_completion_tokens",
        "The name of the parameter that limits an answer's tokens",
    ),
    profiled(
        "stream_options",
        YES,
        "Whether it is asked to count the tokens of streams",
    ),
    profiled(
        "developer",
        YES,
        "Whether instructions are of the role developer instead of system",
    ),
    profiled(
        "tool_choice",
        "list of auto, none, required and named",
        "The choices among tools that it honours",
    ),
    profiled(
        "required",
        "text",
        "Its word for the choice that some tool must be called",
    ),
    profiled(
        "parallel_tool_calls",
        YES,
        "Whether it can be told not to call several tools at once",
    ),
    profiled(
        "json_object",
        YES,
        "Whether it can be told to answer with a JSON object",
    ),
    profiled("json_schema", YES, "Whether it can be told a schema to answer by"),
    profiled(
        "reasoning",
        "effort, object or none",
        "How it is told how much to think",
    ),
    profiled("top_k", YES, "Whether it knows the parameter"),
    profiled(
        "user",
        "user, safety_identifier or none",
        "The name of the parameter that stands for the person who asks",
    ),
    profiled(
        "refusal",
        YES,
        "Whether it takes refusals back as such, and not as text",
    ),
    profiled("stops", "number", "The most stop texts"),
    profiled(
        "prices",
        "anthropic, azure, deepseek, gemini, groq, mistral, openai, together or xai; empty: none",
        "Which list says what its models can and cost",
    ),
    profiled("responses", YES, "Whether it has the Responses API"),
    profiled(
        "api",
        "chat or responses",
        "The one of its APIs that conversations go by",
    ),
    profiled("files", YES, "Whether it keeps files"),
    profiled("batches", YES, "Whether it does batches, which are kept in files"),
    profiled(
        "finishes",
        YES,
        "Whether it says why an answer is over; one that ends without a word for that is cut",
    ),
    Setting {
        name: "spent_pause_s",
        default: "300",
        unit: "seconds, 0 to 86400",
        meaning: "How long an account without money is left alone",
    },
];
