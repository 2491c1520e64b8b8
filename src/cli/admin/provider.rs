//! A provider instance by flags or by a file, as the body of a request.
//!
//! Invariant: a credential goes by reference alone; text that is no reference is refused here and never quoted.

use clap::{Arg, ArgMatches, Command};
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use crate::cli::flags::flag;
use crate::cli::input::{open, read_bounded};
use crate::secret::SecretRef;

/// The longest `--file`, in bytes: one table of a configuration.
const LONGEST_FILE: u64 = 64 << 10;

const FLAGS: [&str; 4] = ["kind", "base-url", "token-ref", "settings"];

/// Adds the flags. A new instance needs them; a running one keeps what it has.
pub(super) fn flags(command: Command, required: bool) -> Command {
    let file = flag(
        "file",
        "FILE",
        "Read the provider from a TOML file that holds the keys of one [providers.NAME]",
    )
    .conflicts_with_all(FLAGS);
    let kind = flag("kind", "KIND", "The driver that speaks to it");
    let kind = if required {
        kind.required_unless_present("file")
    } else {
        kind
    };
    // Without a kind the rest says nothing.
    let beside_kind = |arg: Arg| arg.requires("kind");
    command.next_help_heading("Provider").args([
        kind,
        beside_kind(flag("base-url", "URL", "Where its API is [default: the vendor's own]")),
        beside_kind(flag(
            "token-ref",
            "REFERENCE",
            "Where the gateway finds the credential: env:NAME or file:PATH",
        )),
        beside_kind(flag("settings", "JSON", "Settings of its driver alone")),
        file,
    ])
}

/// The provider that the flags describe; none where they describe none.
///
/// # Errors
/// `invalid_input` naming the flag.
pub(super) fn given(flags: &ArgMatches) -> Result<Option<Value>, Failure> {
    let text = |name| flags.get_one::<String>(name);
    if let Some(path) = text("file") {
        return from_toml(&read_bounded("file", open("file", path)?, LONGEST_FILE)?).map(Some);
    }
    let Some(kind) = text("kind") else { return Ok(None) };
    let mut provider = Map::new();
    provider.insert("kind".to_owned(), kind.as_str().into());
    if let Some(url) = text("base-url") {
        provider.insert("base_url".to_owned(), url.as_str().into());
    }
    if let Some(reference) = text("token-ref") {
        SecretRef::parse(reference).map_err(|error| Failure::invalid("token-ref", error.to_string()))?;
        provider.insert("token".to_owned(), reference.as_str().into());
    }
    if let Some(settings) = text("settings") {
        let settings: Map<String, Value> = serde_json::from_str(settings)
            .map_err(|_| Failure::invalid("settings", "--settings must be a JSON object"))?;
        provider.insert("settings".to_owned(), settings.into());
    }
    Ok(Some(provider.into()))
}

fn from_toml(text: &str) -> Result<Value, Failure> {
    // Only the message: the library's full words quote the line, and with it perhaps a secret.
    toml::from_str(text)
        .map_err(|error| Failure::invalid("file", format!("file is not valid TOML: {}", error.message())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(line: &[&str]) -> Result<Option<Value>, Failure> {
        let command = flags(Command::new("add"), true);
        let matches = command
            .try_get_matches_from([&["add"], line].concat())
            .expect("a valid line");
        given(&matches)
    }

    #[test]
    fn flags_become_the_keys_of_the_configuration() {
        let line = [
            "--kind",
            "github",
            "--base-url",
            "http://h",
            "--token-ref",
            "env:T",
            "--settings",
            "{\"a\":1}",
        ];
        let wanted = json!({"kind": "github", "base_url": "http://h", "token": "env:T", "settings": {"a": 1}});
        assert_eq!(parse(&line).unwrap(), Some(wanted));
    }

    #[test]
    fn a_pasted_secret_is_refused_and_not_quoted() {
        let failure = parse(&["--kind", "github", "--token-ref", "ghp_planted"]).unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("token-ref"));
        assert!(!failure.message().contains("planted"), "{failure}");
        let failure = from_toml("token = ghp_planted").unwrap_err();
        assert!(!failure.message().contains("planted"), "{failure}");
        let failure = parse(&["--kind", "x", "--settings", "[]"]).unwrap_err();
        assert_eq!(failure.field.as_deref(), Some("settings"));
    }

    #[test]
    fn a_file_is_one_table() {
        let text = "kind = \"openai\"\nattempt_timeout = \"5s\"\n[settings]\na = true\n";
        let wanted = json!({"kind": "openai", "attempt_timeout": "5s", "settings": {"a": true}});
        assert_eq!(from_toml(text).unwrap(), wanted);
    }
}
