//! The commands that change a running gateway, as a table of verbs.
//!
//! Invariant: a verb that takes something out of service is marked dangerous here, and asks before it is done.

use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};
use mosaic_actors::error::Failure;
use serde_json::{Map, Value, json};

use super::change::{self, Change};
use super::{connected, list_of, provider, remote, shown};
use crate::cli::client::expand;
use crate::cli::flags::{flag, switch};
use crate::cli::screen::{Screen, Stop};

/// One verb of a noun: what is changed, and how the command line says it.
struct Verb {
    name: &'static str,
    about: &'static str,
    path: &'static str,
    dangerous: bool,
}

const fn verb(name: &'static str, path: &'static str, about: &'static str) -> Verb {
    Verb {
        name,
        about,
        path,
        dangerous: false,
    }
}

const fn dangerous(name: &'static str, path: &'static str, about: &'static str) -> Verb {
    Verb {
        dangerous: true,
        ..verb(name, path, about)
    }
}

const PLUGINS: [Verb; 7] = [
    verb("add", "/admin/v1/plugins", "Put up a provider instance"),
    verb(
        "update",
        "/admin/v1/plugins/{name}/update",
        "Replace a running instance, without losing a call; what is not given (its token, too) is left out",
    ),
    verb("start", "/admin/v1/plugins/{name}/start", "Start a stopped instance"),
    dangerous(
        "stop",
        "/admin/v1/plugins/{name}/stop",
        "Stop an instance; it stays known",
    ),
    dangerous(
        "drain",
        "/admin/v1/plugins/{name}/drain",
        "Let an instance finish its calls and take no new ones",
    ),
    dangerous(
        "remove",
        "/admin/v1/plugins/{name}/remove",
        "Stop an instance and forget it",
    ),
    verb(
        "webhook-token",
        "/admin/v1/plugins/{name}/webhook-token",
        "Tell, once, the token that an instance's first delivery has brought, to be given to its provider; of kinds whose \
         deliveries bring one",
    ),
];

const BREAKERS: [Verb; 2] = [
    dangerous(
        "force-open",
        "/admin/v1/breakers/{name}/force-open",
        "Let no call through to a provider instance",
    ),
    verb(
        "reset",
        "/admin/v1/breakers/{name}/reset",
        "Close a circuit breaker and forget its failures",
    ),
];

const ACTORS: [Verb; 3] = [
    verb(
        "restart",
        "/admin/v1/actors/restart",
        "Stop an actor in order and start it again",
    ),
    verb("start", "/admin/v1/actors/start", "Start a stopped actor"),
    dangerous(
        "stop",
        "/admin/v1/actors/stop",
        "Stop an actor; it stays in the tree, stopped",
    ),
];

const CALLS: [Verb; 1] = [dangerous(
    "cancel",
    "/admin/v1/calls/{id}/cancel",
    "End a call in flight; its caller is told that it was cancelled",
)];

const CACHES: [Verb; 1] = [verb(
    "purge",
    "/admin/v1/caches/purge",
    "Have the cache forget an answer, a tag or a tier",
)];

/// Adds the verbs to the view `name`, which shows its document without one.
pub(super) fn verbs_of(name: &str, view: Command) -> Command {
    let command = match name {
        "calls" => leaf(&CALLS[0], "id", "The call's request id, as `mosaic calls` shows it"),
        "caches" => purge(&CACHES[0]),
        _ => return view,
    };
    view.args_conflicts_with_subcommands(true).subcommand(command)
}

fn purge(verb: &'static Verb) -> Command {
    let given = ["key", "tag", "tier"];
    change::command(Command::new(verb.name).about(verb.about))
        .arg(flag(
            "key",
            "KEY",
            "One answer, by its cache_key in `mosaic calls --json`",
        ))
        .arg(flag(
            "tag",
            "TAG",
            "Every answer that carries this tag, e.g. repo:acme/api",
        ))
        .arg(flag("tier", "TIER", "All that a tier holds: l1, l2 or all"))
        .group(ArgGroup::new("what").args(given).required(true))
}

/// Their declarations.
pub(super) fn commands() -> Vec<Command> {
    let noun = |name, about| {
        Command::new(name)
            .about(about)
            .subcommand_required(true)
            .arg_required_else_help(true)
    };
    let named = |noun: Command, verbs: &'static [Verb], what: &'static str, help: &'static str| {
        verbs
            .iter()
            .fold(noun, |noun, verb| noun.subcommand(leaf(verb, what, help)))
    };
    let plugins = noun("plugins", "Show and lead provider instances")
        .subcommands(list_of("plugins"))
        .subcommand(connected(
            Command::new("show")
                .about("Show one instance")
                .arg(target("name", "The instance")),
        ));
    let breakers = noun("breakers", "Show and steer the circuit breakers").subcommands(list_of("breakers"));
    let actors = noun("actors", "Restart, stop and start actors of the supervision tree");
    vec![
        named(plugins, &PLUGINS, "name", "The instance"),
        named(breakers, &BREAKERS, "name", "The provider instance that it guards"),
        named(
            actors,
            &ACTORS,
            "path",
            "The actor's path, as `mosaic tree --wide` shows it",
        ),
        keys(),
        log(),
        change::command(Command::new("drain").about("Let the gateway finish its calls and take no new ones")),
    ]
}

fn keys() -> Command {
    let release = Command::new("release").about("Free an idempotency key whose outcome is unknown");
    let release = change::command(release)
        .arg(target("key", "The key, as its caller gave it"))
        .arg(flag("tenant", "NAME", "Whose key it is").required(true))
        .arg(flag("operation", "NAME", "The operation that it was used for").required(true));
    Command::new("keys")
        .about("Show idempotency keys, and decide on them")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(list_of("keys").map(|list| list.arg(switch("in-doubt", "Only keys whose outcome is unknown"))))
        .subcommand(release)
}

async fn release(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let missing = || Failure::invalid("key", "a command is missing");
    let (_, flags) = matches.subcommand().ok_or_else(missing)?;
    let given = |name| flags.get_one::<String>(name).map(String::as_str).unwrap_or_default();
    let names = ["tenant", "operation", "key"];
    let change = Change {
        path: "/admin/v1/idempotency/release".to_owned(),
        body: fields(names.map(|name| (name, given(name)))),
        deed: format!("let {} be sent again", given("key")),
        dangerous: true,
        answer: &[],
    };
    change.make(&remote(flags)?, flags, screen).await
}

fn log() -> Command {
    let command = Command::new("log").about("Show what is logged, or change it for a while");
    let filter = "What to log from now on, e.g. info,mosaic::dispatch=debug";
    let time = "Go back to the configured filter after this time, e.g. 10m";
    change::command(command)
        .arg(flag("filter", "FILTER", filter))
        .arg(for_time(time).requires("filter"))
}

fn for_time(help: &'static str) -> Arg {
    flag("for", "TIME", help).value_parser(humantime::parse_duration)
}

/// For how long a change is to hold, as the gateway takes it.
fn for_ms(flags: &ArgMatches) -> Result<Option<Value>, Failure> {
    let Some(time) = flags.try_get_one::<std::time::Duration>("for").ok().flatten() else {
        return Ok(None);
    };
    let ms = u64::try_from(time.as_millis()).map_err(|_| Failure::invalid("for", "--for is too long"))?;
    Ok(Some(json!(ms)))
}

fn leaf(verb: &'static Verb, what: &'static str, help: &'static str) -> Command {
    let command = change::command(Command::new(verb.name).about(verb.about)).arg(target(what, help));
    match verb.name {
        "add" => provider::flags(command, true),
        "update" => provider::flags(command, false),
        "force-open" => command.arg(for_time(
            "Close it again after this time, e.g. 10m [default: when it is reset]",
        )),
        _ => command,
    }
}

fn target(what: &'static str, help: &'static str) -> Arg {
    Arg::new(what)
        .value_name(what.to_uppercase())
        .help(help)
        .required(true)
        .value_parser(value_parser!(String))
}

/// Runs the command `noun`; `None` where it is none of these.
///
/// # Errors
/// What it fails with.
pub(super) async fn run(noun: &str, matches: &ArgMatches, screen: &Screen) -> Option<Result<(), Stop>> {
    let verbs: &[Verb] = match noun {
        "plugins" => &PLUGINS,
        "breakers" => &BREAKERS,
        "actors" => &ACTORS,
        "calls" => &CALLS,
        "caches" => &CACHES,
        "keys" => return Some(release(matches, screen).await),
        "log" => return Some(change_log(matches, screen).await),
        "drain" => return Some(drain(matches, screen).await),
        _ => return None,
    };
    let (name, flags) = matches.subcommand()?;
    Some(match verbs.iter().find(|verb| verb.name == name) {
        Some(verb) => changed(noun, verb, flags, screen).await,
        None => looked_at(noun, flags, screen).await,
    })
}

/// `show`.
async fn looked_at(noun: &str, flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let name = flags.get_one::<String>("name").map(String::as_str).unwrap_or_default();
    let path = expand(&format!("/admin/v1/{noun}/{{name}}"), &mut fields([("name", name)]))?;
    shown(flags, &path, screen).await
}

async fn changed(noun: &str, verb: &'static Verb, flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let known: &[&str] = match noun {
        "actors" => &["path"],
        "calls" => &["id"],
        "caches" => &["key", "tag", "tier"],
        _ => &["name"],
    };
    let given = known
        .iter()
        .filter_map(|what| Some((*what, flags.get_one::<String>(what)?.as_str())));
    let given: Vec<(&str, &str)> = given.collect();
    let target = given.first().map_or("", |(_, target)| target);
    let mut body = fields(given.iter().copied());
    // A name that the path has a place for goes there; one that it has none for stays in the body.
    let path = expand(verb.path, &mut body)?;
    body.extend(for_ms(flags)?.map(|ms| ("for_ms".to_owned(), ms)));
    if matches!(verb.name, "add" | "update") {
        body.extend(provider::given(flags)?.map(|provider| ("provider".to_owned(), provider)));
    }
    let change = Change {
        path,
        body,
        deed: format!("{} {target}", verb.name),
        dangerous: verb.dangerous,
        answer: &[],
    };
    change.make(&remote(flags)?, flags, screen).await
}

async fn change_log(flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    const PATH: &str = "/admin/v1/log";
    let Some(filter) = flags.get_one::<String>("filter") else {
        return shown(flags, PATH, screen).await;
    };
    let mut body = fields([("filter", filter)]);
    body.extend(for_ms(flags)?.map(|ms| ("for_ms".to_owned(), ms)));
    let change = Change {
        path: PATH.to_owned(),
        body,
        deed: format!("log {filter}"),
        dangerous: false,
        answer: &["filter", "configured", "for_ms"],
    };
    change.make(&remote(flags)?, flags, screen).await
}

async fn drain(flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let change = Change {
        path: "/admin/v1/gateway/drain".to_owned(),
        body: Map::new(),
        deed: "drain the gateway".to_owned(),
        dangerous: true,
        answer: &[],
    };
    change.make(&remote(flags)?, flags, screen).await
}

fn fields<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a (impl ToString + ?Sized + 'a))>) -> Map<String, Value> {
    pairs
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::from(text.to_string())))
        .collect()
}
