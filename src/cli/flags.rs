//! The flags that many commands have.
//!
//! Invariant: none of them takes a secret, which everybody on the machine could read: they name files.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction};

use super::connection::CA_FILE;
use super::jq::JQ;
use super::profiles::PROFILE;
use super::screen::QUIET;
use super::select::JSON;
use super::upload::{CONTENT_TYPE, FILE};
use crate::dispatch::options::{CallOption, OptionValue};

/// What is printed, and how.
pub fn outputs() -> impl Iterator<Item = Arg> {
    let quiet = "Say nothing beside the data and errors, and draw no bars";
    [
        flag(
            JSON,
            "FIELDS",
            "Print JSON (a stream: one event a line), or of it only these fields, as in --json name,id; errors as JSON lines on stderr",
        )
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value(""),
        flag(
            JQ,
            "EXPRESSION",
            "Print what this expression of the jq language makes of the JSON: texts bare, a line for each result",
        ),
        switch(QUIET, quiet).short('q'),
        switch("no-color", "Never colour the output"),
        profile_flag(),
        ca_flag(),
    ]
    .into_iter()
}

/// Which profile says where the gateway is.
pub fn profile_flag() -> Arg {
    let help = "Ask the gateway of this profile, by its key [default: MOSAIC_PROFILE, else the one that is in use]";
    flag(PROFILE, "NAME", help)
}

/// Whom to trust beside the platform's authorities.
pub fn ca_flag() -> Arg {
    let help = "Trust the authorities in this PEM file, too, as of a gateway with a certificate of one's own [default: MOSAIC_CA_FILE, else the profile's]";
    flag(CA_FILE, "FILE", help)
}

/// A flag without a value.
pub fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

/// A flag with a value.
pub fn flag(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}

/// What an operation takes a file by.
pub fn upload_args() -> [Arg; 2] {
    [
        flag(FILE, "FILE", "Upload this file; `-` is stdin").required(true),
        flag(
            CONTENT_TYPE,
            "TYPE",
            "What kind of file it is [default: as its extension says]",
        ),
    ]
}

/// The whole input at once.
pub fn input_arg() -> Arg {
    let help = "Read the whole input as JSON; `-` reads stdin. Other flags override its fields";
    flag("input", "FILE", help)
}

/// What a call says beside its input.
pub fn option_arg(option: &'static CallOption) -> Arg {
    match option.value {
        OptionValue::Text(value, ..) => flag(option.flag, value, option.help),
        OptionValue::Switch(_) => switch(option.flag, option.help),
        OptionValue::Time(_) => flag(option.flag, "TIME", option.help).value_parser(humantime::parse_duration),
        OptionValue::Word(words, ..) => {
            flag(option.flag, "WORD", option.help).value_parser(PossibleValuesParser::new(words))
        }
        OptionValue::Labelled(_) => flag(option.flag, "NAME=VALUE", option.help).action(ArgAction::Append),
    }
}

/// Where the call is done.
pub fn connection_args() -> [Arg; 4] {
    [
        server_flag().conflicts_with("local"),
        key_flag().conflicts_with("local"),
        switch("local", "Run the gateway in this process, for this one call"),
        flag("config", "FILE", "The configuration of the local gateway").requires("local"),
    ]
}

/// Which gateway is asked.
pub fn server_flag() -> Arg {
    let help = "The gateway's address [default: MOSAIC_URL, else the profile's, else http://127.0.0.1:8080]";
    flag("server", "URL", help)
}

/// By which key.
pub fn key_flag() -> Arg {
    let help = "Read the API key from this file [default: the key in MOSAIC_API_KEY, else the profile's]";
    flag("key-file", "FILE", help)
}
