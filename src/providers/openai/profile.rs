//! Which optional parameters a server takes, and by which names.
//!
//! Invariant: what is set wins over what is known of a server, and nothing is sent that the caller did not ask for but the
//! counting of a stream's tokens.

use std::collections::BTreeMap;

use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use url::Url;

use crate::providers::http::none_of;

/// What is known of servers.
const KNOWN: &str = include_str!("profiles.toml");
/// The vendor's own.
const VENDOR: &str = "openai";

/// The name of the parameter that limits an answer's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// Known to all servers but the vendor's own newer models.
    MaxTokens,
    /// Counts what a model thinks, too.
    MaxCompletionTokens,
}

/// A choice among tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Auto,
    None,
    Required,
    /// One by its name.
    Named,
}

/// How a server is told how much its model shall think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// In a word: `reasoning_effort`.
    Effort,
    /// In a word or in tokens: `reasoning`.
    Object,
    None,
}

/// The name of the parameter that stands for the person who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    User,
    SafetyIdentifier,
    None,
}

/// The API that conversations go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Chat completions, which every server has.
    Chat,
    /// The vendor's newer one.
    Responses,
}

/// Makes a profile, and what is known or set of one.
macro_rules! profile {
    ($($(#[$attribute:meta])* $name:ident: $type:ty,)*) => {
        /// What a server takes.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Profile {
            $($(#[$attribute])* pub $name: $type,)*
        }

        /// What is known of one server, or set for it.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Known {
            /// How the names of its hosts end.
            #[serde(default)]
            pub hosts: Vec<String>,
            $(pub $name: Option<$type>,)*
        }

        impl Profile {
            /// This one, but for what is known better.
            #[must_use]
            pub fn but(self, known: Known) -> Self {
                Profile { $($name: known.$name.unwrap_or(self.$name),)* }
            }
        }
    };
}

profile! {
    token_limit: TokenLimit,
    /// Whether it is asked to count the tokens of streams.
    stream_options: bool,
    /// Whether instructions are of the role `developer`.
    developer: bool,
    /// The choices among tools that it honours.
    tool_choice: Vec<Choice>,
    /// Its word for `required`.
    required: String,
    parallel_tool_calls: bool,
    json_object: bool,
    json_schema: bool,
    reasoning: Thinking,
    top_k: bool,
    user: Asker,
    /// Whether it takes refusals back as such.
    refusal: bool,
    /// The most stop texts.
    stops: usize,
    /// The list of models that says what is known of its own, and what they cost; empty: none.
    prices: String,
    /// Whether it has the Responses API.
    responses: bool,
    /// The API that conversations go by.
    api: Api,
    /// Whether it keeps files.
    files: bool,
    /// Whether it does batches, which are kept in files.
    batches: bool,
    /// Whether it says why an answer is over.
    finishes: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    plain: Profile,
    server: BTreeMap<String, Known>,
}

impl Profile {
    /// What is known of the server called `name`, else of the one at `base`; without a base it is the vendor's cloud.
    ///
    /// # Errors
    /// `invalid_input` on `settings.profile` where no server is called so.
    pub fn of(name: Option<&str>, base: Option<&Url>) -> Result<Self, Failure> {
        let Table { plain, mut server } = toml::from_str(KNOWN)
            .map_err(|error| Failure::new(Kind::Internal, "the table of known servers is wrong").because(error))?;
        let by_host = || {
            let Some(base) = base else {
                return Some(VENDOR.to_owned());
            };
            let host = base.host_str().unwrap_or_default();
            let known = server
                .iter()
                .find(|(_, known)| known.hosts.iter().any(|end| is_at(host, end)));
            known.map(|(name, _)| name.clone())
        };
        match name.map(str::to_owned).or_else(by_host) {
            None => Ok(plain),
            Some(name) => match server.remove(&name) {
                Some(known) => Ok(plain.but(known)),
                None => {
                    let names: Vec<_> = server.keys().map(String::as_str).collect();
                    Err(none_of("profile", &name, &names))
                }
            },
        }
    }
}

/// Whether a host is this one, or one below it where a dot says so.
fn is_at(host: &str, end: &str) -> bool {
    host == end || end.starts_with('.') && host.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Profile {
        Profile::of(None, Some(&Url::parse(url).expect("a URL"))).expect("a profile")
    }

    fn named(name: &str) -> Profile {
        Profile::of(Some(name), None).expect("a profile")
    }

    #[test]
    fn servers_are_known_by_host_or_by_name() {
        let vendor = Profile::of(None, None).expect("a profile");
        assert_eq!(vendor.token_limit, TokenLimit::MaxCompletionTokens);
        assert_eq!(at("https://api.openai.com/v1"), vendor);
        assert_eq!(at("https://acme.openai.azure.com/openai/v1"), named("azure"));
        assert!(!at("https://api.mistral.ai/v1").stream_options);
        let plain = at("http://localhost:11434/v1");
        assert_eq!(plain.token_limit, TokenLimit::MaxTokens);
        // Of another's host, whose name ends alike, nothing is known.
        assert_eq!(at("https://notapi.openai.com/v1"), plain);
        assert_eq!(named("ollama").tool_choice, [Choice::Auto]);
        let refused = Profile::of(Some("none"), None).expect_err("not known");
        assert_eq!(refused.field.as_deref(), Some("settings.profile"));
        assert!(refused.message().contains("vllm"), "{refused}");
    }

    #[test]
    fn a_server_has_the_responses_api_where_somebody_says_so() {
        for (name, has) in [
            ("openai", true),
            ("vllm", true),
            ("ollama", true),
            ("mistral", false),
            ("groq", false),
        ] {
            let profile = named(name);
            assert_eq!((profile.responses, profile.api), (has, Api::Chat), "{name}");
        }
    }

    #[test]
    fn what_is_set_wins() {
        let set = Known {
            stream_options: Some(true),
            ..Known::default()
        };
        let profile = named("mistral").but(set);
        assert!(profile.stream_options && profile.required == "any");
    }
}
