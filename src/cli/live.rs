//! Completion by the gateway's own names: instances, repositories, models, spaces and whatever else lists.
//!
//! Invariant: what cannot be had in a moment is no completion and no message: nobody who types waits for it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgMatches, ColorChoice, Command};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};

use super::admin::connected;
use super::client::Reply;
use super::command::{self, field_id, named_id};
use super::connection::{ADMIN, CALLS, Side, place};
use super::flags::{ca_flag, key_flag, profile_flag, server_flag, switch};
use super::profiles::{PROFILE, Profiles};
use super::screen::clean;
use super::select::{self, JSON};
use super::{exit, show};
use crate::catalogue::entry::{Field, Shape};
use crate::catalogue::{Entry, OPERATIONS};
use crate::dispatch::{ALL, Options};
use crate::failures::codes;

/// The flag of `mosaic completions`.
pub const LIVE: &str = "live";
/// The variable by which a shell asks.
const VARIABLE: &str = "MOSAIC_COMPLETE";
/// How long whoever types waits.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The most rows that are asked for.
const MOST: u32 = 100;
/// The field of a list that says how many.
const LIMIT: &str = "limit";

/// The flag.
pub fn flag() -> Arg {
    switch(
        LIVE,
        "One that asks the gateway as you type: instances, repositories, models (bash, fish, zsh)",
    )
}

/// The script that has a shell ask this program.
///
/// # Errors
/// `unsupported` for a shell that cannot.
pub fn script(shell: Shell) -> Result<Vec<u8>, Failure> {
    let shells = Shells::builtins();
    let able = matches!(shell, Shell::Bash | Shell::Fish | Shell::Zsh);
    let writer = shells.completer(&shell.to_string()).filter(|_| able);
    let writer = writer.ok_or_else(|| {
        Failure::new(
            Kind::Unsupported,
            format!("{shell} cannot ask as you type: leave --{LIVE} out"),
        )
    })?;
    let mut script = Vec::new();
    let written = writer.write_registration(VARIABLE, "mosaic", "mosaic", "mosaic", &mut script);
    written.map_err(|error| Failure::new(Kind::Internal, "the script cannot be written").because(error))?;
    Ok(script)
}

/// The shell that asks for completions in place of a run.
pub fn asked() -> Option<String> {
    std::env::var(VARIABLE).ok().filter(|shell| !shell.is_empty())
}

/// Answers a shell that completes the line behind `--`; silent whatever goes wrong.
pub async fn complete(shell: &str, args: Vec<OsString>) -> u8 {
    let shell = shell.to_owned();
    let line: Vec<OsString> = args.into_iter().skip_while(|arg| arg != "--").skip(1).collect();
    // What it asks for, it waits for on a thread that may.
    let written = tokio::task::spawn_blocking(move || {
        let shells = Shells::builtins();
        let writer = shells.completer(&shell)?;
        let flags = Arc::new(flags(&line)?);
        let names = fields(&line);
        let root = known_here(command::root(ColorChoice::Never, true), names);
        let mut command = with_values(root, &flags);
        command.build();
        let mut text = Vec::new();
        let here = std::env::current_dir().ok();
        writer
            .write_complete(&mut command, line, here.as_deref(), &mut text)
            .ok()?;
        Some(text)
    });
    if let Ok(Some(text)) = written.await {
        use std::io::Write;
        // A shell that is gone wants none.
        let _ = std::io::stdout().lock().write_all(&text);
    }
    exit::OK
}

/// What the line says of where the gateway is, as far as it is written.
fn flags(line: &[OsString]) -> Option<ArgMatches> {
    let known = connected(
        Command::new("mosaic")
            .arg(server_flag())
            .arg(key_flag())
            .arg(profile_flag())
            .arg(ca_flag())
            .arg(provider_flag()),
    );
    let names: Vec<String> = known
        .get_arguments()
        .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
        .collect();
    let mut kept = vec![OsString::from("mosaic")];
    for pair in line.windows(2) {
        let text = pair[0].to_str().unwrap_or_default();
        match text.split_once('=') {
            Some((name, _)) if names.iter().any(|known| known == name) => kept.push(pair[0].clone()),
            None if names.iter().any(|known| known == text) => kept.extend_from_slice(pair),
            _ => {}
        }
    }
    known.ignore_errors(true).try_get_matches_from(kept).ok()
}

/// What the answers of the line's operation may have.
fn fields(line: &[OsString]) -> Vec<&'static str> {
    let words: Vec<&str> = line.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    select::operation(&words).map(select::names).unwrap_or_default()
}

/// The same commands with what is known without asking: profiles, error codes, and the names that an answer may have.
fn known_here(root: Command, names: Vec<&'static str>) -> Command {
    let of = |names: Vec<String>| {
        ArgValueCompleter::new(move |current: &OsStr| {
            // Behind commas, the last of several is meant.
            let current = current.to_str().unwrap_or_default();
            let (before, last) = current.split_at(current.rfind(',').map_or(0, |comma| comma + 1));
            let fitting = names.iter().filter(|name| name.starts_with(last));
            fitting
                .map(|name| CompletionCandidate::new(format!("{before}{name}")))
                .collect::<Vec<_>>()
        })
    };
    let profiles = Profiles::read().map_or(Vec::new(), |profiles| profiles.each.into_keys().collect());
    let codes = codes().map(|row| row.code.to_owned()).collect();
    let names = names.into_iter().map(str::to_owned).collect();
    let (profiles, codes, names) = (of(profiles), of(codes), of(names));
    root.mut_args(|arg| match arg.get_id().as_str() {
        PROFILE => arg.add(profiles.clone()),
        JSON => arg.add(names.clone()),
        _ => arg,
    })
    .mut_subcommand("explain", |explain| {
        explain.mut_arg("what", |arg| arg.add(codes.clone()))
    })
    .mut_subcommand("profiles", |group| {
        group.mut_subcommands(|below| {
            below.mut_args(|arg| match arg.get_id().as_str() {
                "name" => arg.add(profiles.clone()),
                _ => arg,
            })
        })
    })
}

/// The commands with what is asked for where a name is wanted.
fn with_values(root: Command, flags: &Arc<ArgMatches>) -> Command {
    let command = OPERATIONS.iter().fold(root, |root, entry| {
        let words: Vec<&str> = entry.name().split('.').collect();
        at(root, &words, &|leaf| of_operation(leaf, entry, flags))
    });
    of_instances(command, flags)
}

/// Whose names are wanted.
fn provider_flag() -> Arg {
    Arg::new("provider").long("provider")
}

fn at(command: Command, words: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match words {
        [] => change(command),
        [word, below @ ..] => command.mut_subcommand(word, |command| at(command, below, change)),
    }
}

fn of_operation(leaf: Command, entry: &'static Entry, flags: &Arc<ArgMatches>) -> Command {
    entry.fields.iter().fold(leaf, |leaf, field| {
        let Some(list) = list_of(field, entry) else { return leaf };
        let asking = asking(flags, move |flags| Box::pin(rows(list, flags)));
        let ids = [field_id(field), named_id(field)];
        leaf.mut_args(|arg| match ids.iter().any(|id| arg.get_id() == id.as_str()) {
            true => arg.add(asking.clone()),
            false => arg,
        })
    })
}

/// The list that has what a field names: of its own service before others', and one that asks for nothing more.
fn list_of(field: &Field, entry: &Entry) -> Option<&'static Entry> {
    if field.shape != Shape::Text || !field.choices.is_empty() {
        return None;
    }
    let one = &field.name;
    let ends = [format!(".{one}.list"), format!(".{one}s.list")];
    let able = |list: &&Entry| {
        let named = ends.iter().any(|end| list.name().ends_with(end.as_str()));
        named && list.declaration.facts.list && !list.fields.iter().any(|field| field.required)
    };
    let service = entry.declaration.facts.service;
    let own = OPERATIONS
        .iter()
        .filter(able)
        .find(|list| list.declaration.facts.service == service);
    // A project is a repository of its forge.
    let of_forge = || {
        OPERATIONS
            .iter()
            .find(|list| one == "project" && list.name().ends_with(".repo.list"))
    };
    own.or_else(|| OPERATIONS.iter().find(able)).or_else(of_forge)
}

/// The flags and places that take the name of an instance.
fn of_instances(command: Command, flags: &Arc<ArgMatches>) -> Command {
    let of_calls = asking(flags, |flags| {
        Box::pin(instances(&CALLS, "/v1/capabilities", "instances", "instance", flags))
    });
    let of_admin = asking(flags, |flags| {
        Box::pin(instances(&ADMIN, "/admin/v1/plugins", "plugins", "name", flags))
    });
    fn each(command: Command, of_calls: &ArgValueCompleter, of_admin: &ArgValueCompleter) -> Command {
        let is_admin = command.get_arguments().any(|arg| arg.get_id() == "admin");
        // A new instance has a name of its own.
        let is_new = command.get_name() == "add";
        command
            .mut_args(|arg| match arg.get_id().as_str() {
                "provider" => arg.add(of_calls.clone()),
                "name" if is_admin && !is_new => arg.add(of_admin.clone()),
                _ => arg,
            })
            .mut_subcommands(|below| each(below, of_calls, of_admin))
    }
    each(command, &of_calls, &of_admin)
}

type Named = Vec<(String, Option<String>)>;
type Asking<'a> = std::pin::Pin<Box<dyn Future<Output = Option<Named>> + 'a>>;

/// What asks when it is wanted, and no longer than whoever types waits.
fn asking(
    flags: &Arc<ArgMatches>,
    ask: impl Fn(&ArgMatches) -> Asking<'_> + Send + Sync + 'static,
) -> ArgValueCompleter {
    let flags = flags.clone();
    ArgValueCompleter::new(move |current: &OsStr| {
        let Some(current) = current.to_str() else {
            return Vec::new();
        };
        let asking = async { tokio::time::timeout(PATIENCE, ask(&flags)).await.ok().flatten() };
        let named = tokio::runtime::Handle::current().block_on(asking).unwrap_or_default();
        // What would steer the terminal, or split the line, is no word to type.
        let fits = |name: &str| name.starts_with(current) && !name.contains(char::is_whitespace) && clean(name) == name;
        let fitting = with_short(named, current).into_iter().filter(|(name, _)| fits(name));
        fitting
            .map(|(name, about)| {
                let about = about.map(|about| clean(&about).replace(['\n', '\t'], " ").into());
                CompletionCandidate::new(name).help(about)
            })
            .collect()
    })
}

/// The same, and where somebody types the name that a resource has at its provider, that name: `acme/api` of
/// `forge-a~acme/api`. One that several instances have would be refused, and stays whole.
fn with_short(named: Named, current: &str) -> Named {
    let short = |name: &str| name.split_once('~').map(|(_, short)| short.to_owned());
    let mut times: HashMap<String, usize> = HashMap::new();
    for short in named.iter().filter_map(|(name, _)| short(name)) {
        *times.entry(short).or_default() += 1;
    }
    let shorts: Named = named
        .iter()
        .filter(|_| !current.is_empty())
        .filter_map(|(name, about)| Some((short(name)?, about.clone())))
        .filter(|(short, _)| times.get(short) == Some(&1))
        .collect();
    named.into_iter().chain(shorts).collect()
}

async fn instances(side: &Side, path: &str, rows: &str, name: &str, flags: &ArgMatches) -> Option<Named> {
    let told = place(side, flags).ok()?.remote().ok()?.read(path, None).await.ok()?;
    let told = show::parse(&told).ok()?;
    let text = |row: &Value, member: &str| row[member].as_str().map(str::to_owned);
    let rows = told[rows].as_array()?.iter();
    Some(
        rows.filter_map(|row| Some((text(row, name)?, text(row, "kind"))))
            .collect(),
    )
}

/// The rows of a list. Some providers list all at once and refuse to be told how many: they are asked without.
async fn rows(list: &'static Entry, flags: &ArgMatches) -> Option<Named> {
    let limited = list.field(LIMIT).map(|field| (field.name.clone(), Value::from(MOST)));
    match limited {
        Some(limit) => match page(list, Map::from_iter([limit]), flags).await {
            Some((rows, true)) => Some(rows),
            partial => {
                let whole = page(list, Map::new(), flags).await;
                whole.or(partial).map(|(rows, _)| rows)
            }
        },
        None => page(list, Map::new(), flags).await.map(|(rows, _)| rows),
    }
}

/// One page, and whether nobody's rows are missing.
async fn page(list: &'static Entry, input: Map<String, Value>, flags: &ArgMatches) -> Option<(Named, bool)> {
    let remote = place(&CALLS, flags).ok()?.remote().ok()?;
    // Whatever instance it is of, unless the line says which.
    let provider = flags.get_one::<String>("provider").cloned();
    let options = Options {
        provider: Some(provider.unwrap_or_else(|| ALL.to_owned())),
        ..Options::default()
    };
    let replied = remote.call(list, input, None, &options).await.ok()?;
    let Reply::Whole(body) = replied.reply else { return None };
    let page = show::parse(&body).ok()?;
    let text = |row: &Value, member: &str| row[member].as_str().map(str::to_owned);
    let about = |row: &Value| text(row, "description").or_else(|| text(row, "name"));
    let rows = page["items"].as_array()?.iter();
    let rows = rows.filter_map(|row| Some((text(row, "id")?, about(row)))).collect();
    Some((rows, page["errors"].as_array().is_none_or(Vec::is_empty)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    #[test]
    fn what_a_field_names_is_asked_of_the_list_that_has_it() {
        let list = |operation: &str, field: &str| {
            let entry = find(operation).expect("an operation");
            let list = list_of(entry.field(field).expect("a field"), entry);
            list.map(Entry::name)
        };
        assert_eq!(list("git.repo.get", "repo"), Some("git.repo.list"));
        assert_eq!(list("projects.issue.list", "project"), Some("git.repo.list"));
        assert_eq!(list("ai.chat.complete", "model"), Some("ai.models.list"));
        assert_eq!(list("ai.models.get", "model"), Some("ai.models.list"));
        assert_eq!(list("git.pr.list", "repo"), Some("git.repo.list"));
        assert_eq!(list("git.file.get", "path"), None);
    }

    #[test]
    fn a_line_says_where_its_gateway_is() {
        let line = [
            "mosaic",
            "git",
            "--server",
            "http://h",
            "--profile=work",
            "repo",
            "get",
            "--key-file",
        ];
        let flags = flags(&line.map(OsString::from)).expect("flags");
        assert_eq!(flags.get_one::<String>("server").map(String::as_str), Some("http://h"));
        assert_eq!(flags.get_one::<String>(PROFILE).map(String::as_str), Some("work"));
        assert!(script(Shell::Elvish).is_err());
        let bash = String::from_utf8(script(Shell::Bash).expect("a script")).expect("text");
        assert!(bash.contains(VARIABLE), "{bash}");
    }
}
