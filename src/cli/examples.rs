//! The examples of the help: those of operations made of the catalogue, the others written here.
//!
//! Invariant: each is a line that the program takes; a test reads them all.

use clap::Command;

use super::command::{from_file, long, positionals, takes_words};
use super::repeat;
use super::show::quoted;
use super::upload::FILE;
use crate::catalogue::entry::{Field, Shape};
use crate::catalogue::sample::{SPEAKING, word};
use crate::catalogue::{Entry, Method};

/// The examples of an operation: the shortest call, and what it can do beside that.
pub fn of(entry: &Entry) -> Vec<String> {
    let call = call(entry);
    let mut lines = vec![call.clone()];
    let facts = &entry.declaration.facts;
    let names = first_names(entry);
    match (facts.list, entry.declaration.bytes) {
        (true, _) => {
            lines.push(format!("{call} --all --json"));
            if let [name, ..] = &names[..] {
                lines.push(format!("{call} --jq '.items[].{name}'"));
            }
        }
        (false, true) => lines.push(format!("{call} --output file.bin")),
        (false, false) if !facts.streaming && !names.is_empty() => {
            lines.push(format!("{call} --json {}", names.join(",")));
        }
        (false, false) => lines.push(format!("{call} --json")),
    }
    if facts.list && repeat::is_for(entry) {
        lines.push(format!("{call} --watch --interval 10s"));
    }
    lines
}

/// The two first names of an answer, or of its rows.
fn first_names(entry: &Entry) -> Vec<&str> {
    let schema = entry.output_schema.as_value();
    let row = match entry.declaration.facts.list {
        true => schema.pointer("/properties/items/items"),
        false => Some(schema),
    };
    let names = row.and_then(|row| row.get("properties")?.as_object());
    names
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .take(2)
        .collect()
}

/// The shortest call.
fn call(entry: &Entry) -> String {
    let mut line = format!("mosaic {}", entry.name().replace('.', " "));
    let by_file = from_file(entry).filter(|field| field.required);
    let is_by_file = |field: &Field| by_file.is_some_and(|file| file.name == field.name);
    for field in positionals(entry).filter(|field| (field.required || takes_words(entry, field)) && !is_by_file(field))
    {
        line += &format!(" {}", quoted(&sample(field)));
    }
    let flags = entry.fields.iter().filter(|field| field.required && !is_by_file(field));
    for field in flags.filter(|field| !entry.positionals.contains(&field.name.as_str())) {
        line += &match field.shape {
            // It takes its value behind `=` alone.
            Shape::Boolean => format!(" --{}", long(field)),
            _ => format!(" --{} {}", long(field), quoted(&sample(field))),
        };
    }
    if by_file.is_some() || entry.declaration.upload {
        line += &format!(" --{FILE} ./file");
    }
    if let Some(field) = changed(entry) {
        line += &format!(" --{} {}", long(field), quoted(&sample(field)));
    }
    line
}

/// What an example says though nothing of it is required: what a write is not much without, or of a partial change what it
/// changes.
fn changed(entry: &Entry) -> Option<&Field> {
    let mut free = entry
        .fields
        .iter()
        .filter(|field| !entry.positionals.contains(&field.name.as_str()));
    let method = entry.declaration.method;
    if method == Method::Get || free.clone().any(|field| field.required) {
        return None;
    }
    let is_text = |field: &&Field| matches!(field.shape, Shape::Text | Shape::TextList);
    let mut texts = free.clone().filter(is_text);
    let speaking = texts.find(|field| SPEAKING.contains(&field.name.as_str()));
    speaking.or_else(|| free.find(|field| method == Method::Patch && field.shape == Shape::Text))
}

/// A value as one looks like of its name, else of its shape.
fn sample(field: &Field) -> String {
    let named = word(&field.name);
    match (field.choices.first(), named, field.shape) {
        (Some(choice), ..) => choice.clone(),
        (None, Some(word), Shape::Text | Shape::TextList) => word.to_owned(),
        (None, Some(word), Shape::Json) if word.starts_with('[') => word.to_owned(),
        (None, Some(word), Shape::Integer) if word.parse::<i64>().is_ok() => word.to_owned(),
        (None, _, Shape::Text | Shape::TextList) => field.name.to_uppercase(),
        (None, _, Shape::Integer | Shape::Number) => "1".to_owned(),
        (None, _, Shape::Boolean) => "true".to_owned(),
        (None, _, Shape::Json) if field.wanted.contains("list") || field.wanted.contains("array") => "[]".to_owned(),
        (None, _, Shape::Json) => "{}".to_owned(),
    }
}

/// What the help says of them.
pub fn told(lines: &[String]) -> String {
    format!("Examples:\n  {}", lines.join("\n  "))
}

/// The lines of the commands that call no operation, by their words.
const LINES: &[(&str, &[&str])] = &[
    ("serve", &["mosaic serve --config mosaic.toml"]),
    ("check", &["mosaic check --config mosaic.toml"]),
    (
        "doctor",
        &["mosaic doctor", "mosaic doctor --config mosaic.toml --json"],
    ),
    ("state backup", &["mosaic state backup copy.db --config mosaic.toml"]),
    ("state restore", &["mosaic state restore copy.db --config mosaic.toml"]),
    (
        "config show",
        &["mosaic config show", "mosaic config show --config mosaic.toml"],
    ),
    (
        "config reference",
        &["mosaic config reference", "mosaic config reference --json"],
    ),
    ("demo", &["mosaic demo --once"]),
    ("sandbox", &["mosaic sandbox"]),
    (
        "operations",
        &["mosaic operations --service git", "mosaic operations --matrix"],
    ),
    ("providers", &["mosaic providers", "mosaic providers github"]),
    (
        "explain",
        &[
            "mosaic explain circuit_open",
            "mosaic explain 01a22ee7-75c5-73e3-b1c9-266ea1d38029",
        ],
    ),
    (
        "route",
        &[
            "mosaic route git repo get acme/api",
            "mosaic route --against mosaic.toml",
        ],
    ),
    (
        "api",
        &[
            "mosaic api GET '/v1/git/repos?limit=5' --jq '.items[].name'",
            "mosaic api POST /v1/ai/chat/complete --input chat.json --header 'X-Mosaic-Labels: team=web'",
            "mosaic api POST /v1/projects/issues --field project=acme/api --field title='Mend the gate'",
            "mosaic api GET /admin/v1/status --profile work",
        ],
    ),
    (
        "graphql",
        &[
            "mosaic graphql '{ __typename }'",
            "mosaic graphql @query.graphql --variables '{\"repo\": \"acme/api\"}' --jq keys",
        ],
    ),
    (
        "mcp",
        &[
            "mosaic mcp --server https://gateway.example --key-file KEY",
            "mosaic mcp --config mosaic.toml --toolsets core,cicd",
        ],
    ),
    ("top", &["mosaic top", "mosaic top --interval 500ms --profile work"]),
    ("man", &["mosaic man ~/.local/share/man/man1"]),
    ("exit-codes", &["mosaic exit-codes --json"]),
    (
        "completions",
        &[
            "source <(mosaic completions bash --live)",
            "mosaic completions fish --live > ~/.config/fish/completions/mosaic.fish",
        ],
    ),
    ("version", &["mosaic version --json"]),
    (
        "login",
        &[
            "mosaic login --server https://mosaic.example.com",
            "pass show mosaic | mosaic login --profile work --server https://mosaic.example.com",
        ],
    ),
    ("logout", &["mosaic logout --profile work"]),
    ("profiles list", &["mosaic profiles list"]),
    ("profiles use", &["mosaic profiles use work"]),
    ("profiles show", &["mosaic profiles show work --json"]),
    ("tree", &["mosaic tree --watch", "mosaic tree /root/plugins --wide"]),
    ("events", &["mosaic events --json --jq .event"]),
    (
        "status",
        &["mosaic status --watch", "mosaic status --jq '.providers[].name'"],
    ),
    ("ledger", &["mosaic ledger --limit 20"]),
    ("caches", &["mosaic caches", "mosaic caches --watch"]),
    (
        "caches purge",
        &["mosaic caches purge --tag repo:acme/api --reason moved"],
    ),
    ("quotas", &["mosaic quotas --watch"]),
    ("credits", &["mosaic credits"]),
    ("shadows", &["mosaic shadows"]),
    ("calls", &["mosaic calls --watch --interval 500ms"]),
    (
        "calls cancel",
        &["mosaic calls cancel 01a22ee7-75c5-73e3-b1c9-266ea1d38029 --reason stuck"],
    ),
    ("audit", &["mosaic audit --limit 20"]),
    ("plugins list", &["mosaic plugins list --wide"]),
    ("plugins show", &["mosaic plugins show forge-a"]),
    (
        "plugins add",
        &["mosaic plugins add forge-a --kind github --token-ref file:/run/token --reason new"],
    ),
    ("plugins start", &["mosaic plugins start forge-a --reason mended"]),
    ("plugins stop", &["mosaic plugins stop forge-a --reason maintenance"]),
    ("plugins drain", &["mosaic plugins drain forge-a --reason maintenance"]),
    ("plugins remove", &["mosaic plugins remove forge-a --reason retired"]),
    (
        "plugins webhook-token",
        &["mosaic plugins webhook-token forge-a --reason 'to be given'"],
    ),
    (
        "plugins update",
        &["mosaic plugins update forge-a --reason 'a new token'"],
    ),
    ("breakers list", &["mosaic breakers list"]),
    (
        "breakers force-open",
        &["mosaic breakers force-open forge-a --for 10m --reason maintenance"],
    ),
    ("breakers reset", &["mosaic breakers reset forge-a --reason mended"]),
    (
        "actors restart",
        &["mosaic actors restart /root/plugins/instances/forge-a --reason stuck"],
    ),
    (
        "actors start",
        &["mosaic actors start /root/plugins/instances/forge-a --reason mended"],
    ),
    ("drain", &["mosaic drain --reason 'a new version' --force"]),
    (
        "actors stop",
        &["mosaic actors stop /root/plugins/instances/forge-a --reason stuck"],
    ),
    ("keys list", &["mosaic keys list --in-doubt"]),
    (
        "keys release",
        &["mosaic keys release KEY --tenant local --operation git.repo.create --reason 'it was not done'"],
    ),
    ("log", &["mosaic log"]),
];

/// The same commands, each with its examples below its long help.
pub fn beside(root: Command) -> Command {
    LINES.iter().fold(root, |root, (words, lines)| {
        let words: Vec<&str> = words.split(' ').collect();
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        added(root, &words, &told(&lines))
    })
}

fn added(command: Command, words: &[&str], examples: &str) -> Command {
    let Some((word, below)) = words.split_first() else {
        let said = command
            .get_after_long_help()
            .or(command.get_after_help())
            .map(ToString::to_string);
        let whole = said.map_or(examples.to_owned(), |said| format!("{}\n\n{examples}", said.trim_end()));
        return command.after_long_help(whole);
    };
    match command.find_subcommand(word).is_some() {
        true => command.mut_subcommand(word, |command| added(command, below, examples)),
        false => command,
    }
}

#[cfg(test)]
mod tests {
    use clap::ColorChoice;

    use super::*;
    use crate::catalogue::OPERATIONS;
    use crate::catalogue::cursor::CursorKey;
    use crate::cli::{command, input, select};
    use crate::dispatch::options::OPTIONS;

    /// The words of a line, as a shell splits it.
    fn words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut is_quoted = false;
        for c in line.chars() {
            match c {
                '\'' => is_quoted = !is_quoted,
                ' ' if !is_quoted => words.push(String::new()),
                c => words.last_mut().expect("one").push(c),
            }
        }
        words
    }

    fn leaves(command: &Command, path: &str, all: &mut Vec<(String, Command)>) {
        let path = format!("{path} {}", command.get_name());
        match command.has_subcommands() {
            true => command.get_subcommands().for_each(|below| leaves(below, &path, all)),
            false => all.push((path, command.clone())),
        }
    }

    #[test]
    fn every_command_has_examples_that_the_program_takes() {
        let root = command::root(ColorChoice::Never, false);
        let mut all = Vec::new();
        leaves(&root, "", &mut all);
        assert!(all.len() > OPERATIONS.iter().count());
        let mut wrong = Vec::new();
        for (path, command) in all {
            let help = command
                .get_after_long_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let Some((_, lines)) = help.split_once("Examples:\n") else {
                wrong.push(format!("{path} has none"));
                continue;
            };
            for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let own = line.split(" | ").last().unwrap_or(line);
                let own = own.trim_start_matches("source <(").trim_end_matches(')');
                let own = own.split(" > ").next().unwrap_or(own);
                let args = select::joined(words(own).into_iter().map(Into::into).collect());
                if let Err(error) = root.clone().try_get_matches_from(args) {
                    wrong.push(format!("{line}: {error}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The lines of a command's help.
    fn lines(command: &Command) -> Vec<String> {
        let help = command.get_after_long_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let lines = help.split_once("Examples:\n").map_or("", |(_, lines)| lines);
        lines.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn an_operations_examples_are_inputs_that_it_takes() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "some text").expect("it is ours");
        let root = command::root(ColorChoice::Never, false);
        let cursors = CursorKey::random();
        let mut wrong = Vec::new();
        for line in OPERATIONS.iter().flat_map(of) {
            let line = line.replace("./file", &file.path().display().to_string());
            let args = select::joined(words(&line).into_iter().map(Into::into).collect());
            let matches = root.clone().try_get_matches_from(args).expect("checked elsewhere");
            let (entry, flags) = command::operation(&matches).expect("an operation");
            let prepared = input::input(entry, flags).and_then(|input| entry.prepare(input.into(), false, &cursors));
            if let Err(failure) = prepared {
                wrong.push(format!("{line}: {}", failure.message()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn paths_headers_and_actors_in_examples_are_those_that_there_are() {
        let root = command::root(ColorChoice::Never, false);
        let mut all = Vec::new();
        leaves(&root, "", &mut all);
        let headers: Vec<&str> = OPTIONS.iter().filter_map(|option| option.header).collect();
        let mut seen = 0;
        for line in all.iter().flat_map(|(_, command)| lines(command)) {
            let words = words(&line);
            if let [_, api, method, path, ..] = &words[..]
                && api == "api"
            {
                seen += 1;
                let path = path.split('?').next().unwrap_or_default();
                let mut known = OPERATIONS.iter().map(|entry| entry.declaration);
                let is_known = known.any(|one| one.method.as_str() == method && format!("/v1{}", one.path) == path);
                assert!(is_known || path.starts_with("/admin/v1/"), "{line}");
            }
            for pair in words.windows(2).filter(|pair| pair[0] == "--header") {
                seen += 1;
                let (name, _) = pair[1].split_once(": ").expect("NAME: VALUE");
                assert!(headers.contains(&name), "{line}");
            }
            for path in words.iter().filter(|word| word.starts_with("/root/plugins/")) {
                seen += 1;
                assert!(path.starts_with("/root/plugins/instances/"), "{line}");
            }
        }
        assert!(seen >= 6, "{seen}");
    }
}
