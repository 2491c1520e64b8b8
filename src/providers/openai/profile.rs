//! Which optional parameters a server takes, and by which names.
//!
//! Invariant: what is set wins over what is known of a vendor, and nothing is sent that the caller did not ask for but the
//! counting of a stream's tokens.

use serde::Deserialize;
use url::Url;

/// The name of the parameter that limits an answer's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// Known to all servers but the vendor's own newer models.
    MaxTokens,
    /// Counts what a model thinks, too.
    MaxCompletionTokens,
}

/// What a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    pub token_limit: TokenLimit,
    /// Whether it is asked to count the tokens of streams.
    pub stream_options: bool,
}

/// Of a server that nothing is known of.
const PLAIN: Profile = Profile {
    token_limit: TokenLimit::MaxTokens,
    stream_options: true,
};

/// The vendor's own.
const VENDOR: Profile = Profile {
    token_limit: TokenLimit::MaxCompletionTokens,
    stream_options: true,
};

/// Known by how their hosts' names end.
const KNOWN: &[(&str, Profile)] = &[
    ("api.openai.com", VENDOR),
    (".openai.azure.com", VENDOR),
    ("api.groq.com", VENDOR),
    // It counts without being asked.
    (
        "api.mistral.ai",
        Profile {
            stream_options: false,
            ..PLAIN
        },
    ),
];

impl Profile {
    /// What is known of the server at `base`; none is the vendor's cloud.
    pub fn of(base: Option<&Url>) -> Self {
        let Some(base) = base else {
            return VENDOR;
        };
        let host = base.host_str().unwrap_or_default();
        let known = KNOWN.iter().find(|(end, _)| host.ends_with(end));
        known.map_or(PLAIN, |(_, profile)| *profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_hosts_are_asked_by_the_newer_name() {
        let of = |url: &str| Profile::of(Some(&Url::parse(url).expect("a URL")));
        assert_eq!(Profile::of(None), VENDOR);
        assert_eq!(of("https://api.openai.com/v1"), VENDOR);
        assert_eq!(of("https://acme.openai.azure.com/openai/v1"), VENDOR);
        assert_eq!(of("http://localhost:11434/v1"), PLAIN);
        assert!(!of("https://api.mistral.ai/v1").stream_options);
    }
}
