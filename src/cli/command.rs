//! The commands: one for each operation of the catalogue, and the operational ones.
//!
//! Invariant: operations and their fields are read from the catalogue; none is named here.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, ColorChoice, Command, value_parser};

use crate::catalogue::entry::{Field, Shape};
use crate::catalogue::{Entry, OPERATIONS, find};
use crate::dispatch::options::{CallOption, OPTIONS};

use super::connection::CA_FILE;
use super::download::OUTPUT;
use super::flags::{connection_args, flag, input_arg, option_arg, outputs, switch, upload_args};
use super::jq::JQ;
use super::profiles::PROFILE;
use super::repeat::{self, INTERVAL, WATCH};
use super::screen::QUIET;
use super::select::JSON;
use super::upload::{CONTENT_TYPE, FILE};
use super::{examples, exit, operate, wait};

/// The flag of lists that asks for all pages, and of what comes in parts for all of them.
pub const ALL: &str = "all";

/// The flag of removals that has nobody asked.
pub const YES: &str = "yes";

/// Flags that operations have beside the call options; an input field of the same name takes the prefix `input-`.
const COMMON: [&str; 20] = [
    ALL,
    YES,
    CA_FILE,
    INTERVAL,
    JQ,
    PROFILE,
    QUIET,
    WATCH,
    "input",
    OUTPUT,
    FILE,
    CONTENT_TYPE,
    "server",
    "key-file",
    "local",
    "config",
    JSON,
    "no-color",
    "help",
    "version",
];

/// The whole command line. With `--input` on it, which may hold all that is required, no field is.
pub fn root(colour: ColorChoice, by_input: bool) -> Command {
    let root = Command::new("mosaic")
        .about("One supervised gateway in front of Git forges, CI servers, documentation, trackers and AI models")
        .version(env!("CARGO_PKG_VERSION"))
        .color(colour)
        .arg_required_else_help(true)
        .subcommand_required(true)
        .args(outputs().map(|flag| flag.global(true).help_heading("Output")))
        .after_long_help(exit::table())
        .subcommands(operate::commands());
    let root = OPERATIONS.iter().fold(root, |root, entry| {
        let path: Vec<&'static str> = entry.name().split('.').collect();
        graft(root, &path, 0, &|verb| leaf(verb, entry, by_input))
    });
    examples::beside(root)
}

/// The same with the names of provider instances, so that completions know them.
pub fn knowing(command: Command, instances: &[String]) -> Command {
    // A new instance has a name of its own.
    let is_new = command.get_name() == "add";
    command
        .mut_args(|arg| match arg.get_id().as_str() {
            "provider" => arg.value_parser(PossibleValuesParser::new(all_or(instances))),
            "name" if !is_new => arg.value_parser(PossibleValuesParser::new(instances.to_vec())),
            _ => arg,
        })
        .mut_subcommands(|below| knowing(below, instances))
}

fn all_or(instances: &[String]) -> Vec<String> {
    instances.iter().cloned().chain(["all".to_owned()]).collect()
}

/// The operation that the command line names, and its flags.
pub fn operation(matches: &ArgMatches) -> Option<(&'static Entry, &ArgMatches)> {
    let mut path = Vec::new();
    let mut leaf = matches;
    while let Some((name, below)) = leaf.subcommand() {
        path.push(name);
        leaf = below;
    }
    find(&path.join(".")).map(|entry| (entry, leaf))
}

/// The flags of the command that a line names, however deep it is.
pub fn leaf_of(flags: &ArgMatches) -> &ArgMatches {
    let mut leaf = flags;
    while let Some((_, below)) = leaf.subcommand() {
        leaf = below;
    }
    leaf
}

/// The id of a field's argument; the prefix keeps it apart from every common flag's.
pub fn field_id(field: &Field) -> String {
    format!("field:{}", field.name)
}

/// The id of the flag that gives a field by name which is mostly given by its place.
pub fn named_id(field: &Field) -> String {
    format!("named:{}", field.name)
}

/// The field that may be read from a file, where an operation has one that holds more than a line, or a secret.
pub fn from_file(entry: &Entry) -> Option<&Field> {
    let fields = || entry.fields.iter().filter(|_| !entry.declaration.upload);
    let named = |name: &str| fields().find(|field| field.name == name && field.shape == Shape::Text);
    fields()
        .find(|field| field.secret)
        .or_else(|| named(CONTENT))
        .or_else(|| named(BODY))
}

/// The field that holds a file's content; beside it stands how that is written.
pub const CONTENT: &str = "content";
/// The field that holds the text of what is written.
const BODY: &str = "body";

/// What is free text where it stands last and may be left out. What names a resource is one word.
const FREE_TEXT: [&str; 2] = ["prompt", "column"];

/// Whether the field takes the rest of the line, its words joined by spaces.
pub fn takes_words(entry: &Entry, field: &Field) -> bool {
    entry.positionals.last() == Some(&field.name.as_str())
        && FREE_TEXT.contains(&field.name.as_str())
        && !field.required
        && field.shape == Shape::Text
        && field.choices.is_empty()
}

/// What is to be known of a wait.
const WAITING: &str = "\n\nRUN may be what a trigger has answered as `pending`, too. Exits with 10 where the run ended \
                       otherwise than well: it failed, was cancelled, was skipped, or could not be run.";

/// Puts a command below the groups that `path` names, from the `depth`th word on.
fn graft(parent: Command, path: &[&'static str], depth: usize, leaf: &dyn Fn(&'static str) -> Command) -> Command {
    match &path[depth..] {
        [] => parent,
        [verb] => parent.subcommand(leaf(verb)),
        [first, ..] if parent.find_subcommand(first).is_some() => {
            parent.mut_subcommand(first, |group| graft(group, path, depth + 1, leaf))
        }
        [first, ..] => {
            let group = Command::new(*first)
                .about(below(&path[..=depth].join(".")))
                .subcommand_required(true)
                .arg_required_else_help(true);
            parent.subcommand(graft(group, path, depth + 1, leaf))
        }
    }
}

/// What a group is for: the words below it, `branch (list), repo (get, list)`.
fn below(group: &str) -> String {
    let mut words: Vec<(&str, Vec<&str>)> = Vec::new();
    for entry in OPERATIONS.iter() {
        let Some(rest) = entry.name().strip_prefix(group).and_then(|rest| rest.strip_prefix('.')) else {
            continue;
        };
        let (word, further) = rest
            .split_once('.')
            .map_or((rest, None), |(word, rest)| (word, Some(rest)));
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, verbs)) => verbs.extend(further),
            None => words.push((word, further.into_iter().collect())),
        }
    }
    let shown = words.into_iter().map(|(word, verbs)| match verbs[..] {
        [] => word.to_owned(),
        _ => format!("{word} ({})", verbs.join(", ")),
    });
    format!("Call: {}", shown.collect::<Vec<_>>().join(", "))
}

fn leaf(verb: &'static str, entry: &'static Entry, by_input: bool) -> Command {
    let declaration = entry.declaration;
    let long = format!(
        "{}\n\n{}: {} /v1{}",
        declaration.summary,
        entry.name(),
        declaration.method.as_str(),
        declaration.path
    );
    // As the words of addresses and flags are written.
    let hyphened = verb.contains('_').then(|| verb.replace('_', "-"));
    let command = Command::new(verb)
        .visible_aliases(hyphened)
        .override_usage(usage(entry))
        .after_long_help(examples::told(&examples::of(entry)))
        .about(declaration.summary)
        .long_about(if wait::is_of(entry) { long + WAITING } else { long })
        .args(entry.fields.iter().map(|field| field_arg(entry, field, by_input)))
        .args(positionals(entry).map(named_arg))
        .next_help_heading("Call options")
        .arg(input_arg())
        .args(CallOption::of(entry).map(option_arg))
        .args(connection_args());
    let command = match (declaration.facts.list, declaration.parts) {
        (true, _) => command.arg(switch(
            ALL,
            "Ask for page after page until the last, and show them as one",
        )),
        (false, true) => command.arg(switch(
            ALL,
            "Ask for part after part until the last, and show each as it comes; each reads what is before it once more, which `log follow` does not",
        )),
        (false, false) => command,
    };
    let command = match declaration.facts.destructive {
        true => command.arg(switch(YES, "Do not ask first, as it does at a terminal").short('y')),
        false => command,
    };
    let command = match declaration.bytes {
        true => command.arg(flag(
            OUTPUT,
            "FILE",
            "Write the file there; `-` is stdout [default: stdout]",
        )),
        false => command,
    };
    let command = match from_file(entry) {
        Some(field) => command.arg(file_arg(field)),
        None => command,
    };
    let command = match repeat::is_for(entry) {
        true => command.args(repeat::flags()),
        false => command,
    };
    match declaration.upload {
        true => command.args(upload_args()),
        false => command,
    }
}

/// The fields that are given by their place.
pub fn positionals(entry: &Entry) -> impl Iterator<Item = &Field> {
    entry.positionals.iter().filter_map(|name| entry.field(name))
}

/// The same field by its name, for scripts that name all that they say.
fn named_arg(field: &Field) -> Arg {
    let arg = Arg::new(named_id(field))
        .long(long(field))
        .value_name(value_name(field))
        .help(field.description.clone())
        .hide_short_help(true)
        .help_heading("By name instead of by place");
    match &field.choices[..] {
        [] => arg,
        choices => arg.value_parser(PossibleValuesParser::new(choices.to_vec())),
    }
}

/// Secrets stand on no command line, which everybody on the machine can read; and files are longer than one.
fn file_arg(field: &Field) -> Arg {
    let help = format!("Read --{} from this file; `-` is stdin", long(field));
    Arg::new(FILE)
        .long(FILE)
        .value_name("FILE")
        .help(help)
        .conflicts_with(field_id(field))
}

/// The call in one line. Written here because clap puts every optional flag into it.
fn usage(entry: &Entry) -> String {
    let mut words = format!("mosaic {}", entry.name().replace('.', " "));
    let positional = &entry.positionals;
    let from_file = from_file(entry).map(|field| field.name.as_str());
    for field in positional.iter().filter_map(|name| entry.field(name)) {
        let name = field.name.to_uppercase();
        words += &match (field.required, takes_words(entry, field)) {
            (true, _) if from_file == Some(&*field.name) => format!(" <{name} | --{FILE} <FILE>>"),
            (true, _) => format!(" <{name}>"),
            (false, true) => format!(" [{name}]..."),
            (false, false) => format!(" [{name}]"),
        };
    }
    let flags = entry
        .fields
        .iter()
        .filter(|field| !positional.contains(&field.name.as_str()));
    for field in flags.filter(|field| field.required) {
        let flag = format!("--{} <{}>", long(field), value_name(field));
        words += &match from_file == Some(&*field.name) {
            true => format!(" <{flag} | --{FILE} <FILE>>"),
            false => format!(" {flag}"),
        };
    }
    if entry.declaration.upload {
        words += &format!(" --{FILE} <FILE>");
    }
    words + " [OPTIONS]"
}

fn field_arg(entry: &Entry, field: &Field, by_input: bool) -> Arg {
    let arg = Arg::new(field_id(field))
        .help(field.description.clone())
        .allow_negative_numbers(true)
        .action(match field.shape {
            Shape::TextList => ArgAction::Append,
            _ => ArgAction::Set,
        });
    let arg = match (&field.choices[..], field.shape) {
        ([], Shape::Boolean) => arg.value_parser(["true", "false"]),
        ([], _) => arg.value_parser(value_parser!(String)),
        (choices, _) => arg.value_parser(PossibleValuesParser::new(choices.to_vec())),
    };
    // `--input` may hold what is required; the server checks the whole.
    let required = field.required && !by_input;
    let arg = match from_file(entry).filter(|from| from.name == field.name) {
        Some(_) if required => arg.required_unless_present(FILE),
        _ => arg.required(required),
    };
    let position = entry.positionals.iter().position(|name| *name == field.name);
    match position {
        Some(position) if takes_words(entry, field) => arg
            .index(position + 1)
            .value_name(field.name.to_uppercase())
            .action(ArgAction::Append)
            .num_args(1..),
        Some(position) => arg.index(position + 1).value_name(field.name.to_uppercase()),
        None => as_flag(arg, field),
    }
}

fn as_flag(arg: Arg, field: &Field) -> Arg {
    let arg = arg.long(long(field)).value_name(value_name(field));
    match field.shape {
        Shape::TextList => {
            let said = &field.description;
            arg.long_help(format!(
                "{said} Give the flag once for each, and alone with '' for none."
            ))
        }
        Shape::Boolean => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Shape::Text | Shape::Integer | Shape::Number | Shape::Json => arg,
    }
}

/// The flag of a field.
pub fn long(field: &Field) -> String {
    let plain = field.name.replace('_', "-");
    if is_common(&plain) {
        format!("input-{plain}")
    } else {
        plain
    }
}

fn is_common(flag: &str) -> bool {
    COMMON.contains(&flag) || OPTIONS.iter().any(|option| option.flag == flag)
}

const fn value_name(field: &Field) -> &'static str {
    match field.shape {
        Shape::Text | Shape::TextList => "TEXT",
        Shape::Integer | Shape::Number => "NUMBER",
        Shape::Boolean => "BOOL",
        Shape::Json => "JSON",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_sound() {
        // clap checks names, indices and relations of every subcommand here.
        root(ColorChoice::Never, false).debug_assert();
        knowing(root(ColorChoice::Never, true), &["forge-a".to_owned()]).debug_assert();
    }

    #[test]
    fn a_field_with_a_common_flags_name_steps_aside() {
        let long = |name: &str| {
            long(&Field {
                name: name.to_owned(),
                shape: Shape::Text,
                required: false,
                description: String::new(),
                choices: vec![],
                bare: vec![],
                wanted: "JSON".to_owned(),
                secret: false,
            })
        };
        assert_eq!(long("max_tokens"), "max-tokens");
        assert_eq!(long("timeout"), "input-timeout");
    }

    #[test]
    fn the_common_flags_are_those_that_exist() {
        let existing = [input_arg()]
            .into_iter()
            .chain(connection_args())
            .chain(repeat::flags())
            .chain(outputs())
            .filter_map(|arg| arg.get_long().map(str::to_owned));
        for long in existing {
            assert!(COMMON.contains(&long.as_str()), "{long}");
        }
    }
}
