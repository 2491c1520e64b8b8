//! `mosaic route`: where a call would go that is not made, and what another configuration would change for calls that were.
//!
//! Invariant: no provider is asked anything.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, ColorChoice, Command, value_parser};
use mosaic_actors::decision::{Difference, Routing};
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::flags::{flag, switch};
use super::run::Runtime;
use super::screen::{Screen, Stop, clean};
use super::waterfall::waterfall;
use super::{admin, by_name, command, connection, exit, input, refused, render, show, signals, times};
use crate::catalogue::Entry;
use crate::dispatch::Options;

/// Its name on the command line.
pub const ROUTE: &str = "route";
const DRY_RUN: &str = "dry-run";
/// The most records that the admin listener gives at once: more than any gateway keeps.
const MOST: u32 = 1_000_000;

const HELP: &str = "CALL is written as the call itself, without `mosaic` and with all its flags: `mosaic route git repo get \
                    acme/api --local`. It is never made. Exits with 0 where it would be tried now, at once or after a wait, and \
                    where it would be refused with the code that the call itself would exit with.\n\nWith --against, the decisions that a running gateway has recorded \
                    are made again by the rules in FILE: nothing is sent, no secret is read, and all its providers count as \
                    there. Exits with 0 where nothing would change, and with 1 where something would.";

/// Its declaration.
pub fn declared() -> Command {
    let command = Command::new(ROUTE)
        .about("Explain where a call would go, without making it; or what other routing rules would change")
        .after_help(HELP)
        .override_usage("mosaic route [--dry-run] CALL...\n       mosaic route --against FILE [--limit NUMBER]")
        .arg_required_else_help(true)
        .arg(switch(DRY_RUN, "Said or not, the call is not made"))
        .arg(
            flag(
                "against",
                "FILE",
                "Tell for which recorded calls this configuration decides otherwise",
            )
            .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            flag(
                "limit",
                "NUMBER",
                "With --against: so many of the newest records [default: all that are kept]",
            )
            .requires("against")
            .value_parser(value_parser!(u32).range(1..=i64::from(MOST))),
        );
    admin::connected(command).arg(
        Arg::new("call")
            .value_name("CALL")
            .help("The call, as its own command line has it")
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true)
            .conflicts_with("against"),
    )
}

/// Runs it.
///
/// # Errors
/// What is wrong with the line, or what keeps the gateway from telling.
pub async fn run(matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    if let Some(file) = matches.get_one::<PathBuf>("against") {
        return against(file.clone(), matches, runtime, screen).await;
    }
    let line = matches.get_many::<String>("call").into_iter().flatten();
    // Behind `--` it is the caller's own text.
    let mut is_over = false;
    let words = line.filter(|word| {
        is_over |= *word == "--";
        is_over || *word != "--dry-run"
    });
    let args: Vec<_> = ["mosaic"]
        .into_iter()
        .chain(words.map(String::as_str))
        .map(Into::into)
        .collect();
    let by_input = super::by_input(&args);
    let parsed = command::root(ColorChoice::Never, by_input).try_get_matches_from(&args);
    let call = match parsed.or_else(|error| by_name(ColorChoice::Never, &args, &error).ok_or(error)) {
        Ok(call) => call,
        Err(error) => return refused(&error, screen),
    };
    let Some((entry, flags)) = command::operation(&call) else {
        let sentence = "no call is named: write an operation behind it, as in mosaic route git repo get acme/api";
        return Err(Failure::invalid("call", sentence).into());
    };
    let input = input::input(entry, flags)?;
    let options = input::options(entry, flags)?;
    signals::heeding(unmade(entry, input, options, (flags, runtime), screen), screen).await
}

async fn unmade(
    entry: &'static Entry,
    input: Map<String, Value>,
    options: Options,
    (flags, runtime): (&ArgMatches, &dyn Runtime),
    screen: &Screen,
) -> Result<(), Stop> {
    if flags.get_flag("local") {
        let config = flags.get_one::<String>("config").map(PathBuf::from);
        let gateway = runtime.local(config, false).await?;
        let told = gateway.dry_run(entry, Value::from(input), options).await;
        gateway.stop().await;
        return shown(&told?, screen);
    }
    let said: Map<String, Value> = options
        .said()
        .into_iter()
        .map(|(option, text)| (option.name.to_owned(), text.into()))
        .collect();
    let asked = json!({ "operation": entry.name(), "input": input, "options": said });
    let told = connection::gateway(flags)?.change("/v1/route", &asked, false).await?;
    shown(&show::parse(&told)?, screen)
}

/// A record, for people or as it is; ends as its call would that is refused.
fn shown(record: &Value, screen: &Screen) -> Result<(), Stop> {
    match screen.json {
        true => screen.lines(record.to_string())?,
        false => screen.lines(waterfall(record, screen))?,
    }
    let code = serde_json::from_value::<Option<Kind>>(record["outcome"]["code"].clone());
    match code {
        Ok(None) => Ok(()),
        Ok(Some(kind)) => Err(Stop::Quiet(exit::code(kind))),
        // Of a gateway that knows more codes.
        Err(_) => Err(Stop::Quiet(exit::FAILURE)),
    }
}

/// What a comparison tells.
#[derive(Deserialize)]
struct Compared {
    compared: usize,
    differences: Vec<Difference>,
}

async fn against(file: PathBuf, matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    let limit = matches.get_one("limit").copied().unwrap_or(MOST);
    let body = admin::remote(matches)?.read("/admin/v1/decisions", Some(limit)).await?;
    let recorded = show::parse(&body)?["decisions"].take();
    let told = runtime.compare(file, recorded).await?;
    let read = serde_json::from_value::<Compared>(told.clone());
    let compared =
        read.map_err(|error| Failure::new(Kind::Internal, "a comparison of our own could not be read").because(error))?;
    match screen.json {
        true => screen.lines(told.to_string())?,
        false => screen.lines(differences(&compared, screen))?,
    }
    match compared.differences.is_empty() {
        true => Ok(()),
        false => Err(Stop::Quiet(exit::FAILURE)),
    }
}

fn differences(compared: &Compared, screen: &Screen) -> String {
    let Compared { compared, differences } = compared;
    let count = differences.len();
    let sum = match count {
        0 => format!("of {compared} recorded calls, none would be decided otherwise"),
        count => format!("of {compared} recorded calls, {count} would be decided otherwise"),
    };
    if count == 0 {
        return sum;
    }
    let columns = ["calls", "operation", "change", "was", "now", "last", "resource"].map(str::to_owned);
    let rows = grouped(differences).into_iter().map(|(words, (calls, last))| {
        let when = times::since_unix(last.at_unix_ms);
        let resource = last.call.resource.to_string();
        [vec![calls.to_string()], words.to_vec(), vec![when, resource]].concat()
    });
    clean(&format!("{}\n{sum}", render::table(&columns, rows.collect(), screen)))
}

/// Operation, change, how it was routed and how it would be: how many calls have these in common, and the newest of them.
/// In the order of the newest.
fn grouped(differences: &[Difference]) -> Vec<([String; 4], (usize, &Difference))> {
    let mut groups: Vec<([String; 4], (usize, &Difference))> = Vec::new();
    let mut places = HashMap::new();
    for one in differences {
        let words = [
            one.call.operation.to_string(),
            json!(one.change).as_str().unwrap_or_default().replace('_', " "),
            routing(&one.was),
            one.now.as_ref().map(routing).unwrap_or_default(),
        ];
        let place = *places.entry(words.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, (calls, newest))) => {
                *calls += 1;
                if one.at_unix_ms > newest.at_unix_ms {
                    *newest = one;
                }
            }
            None => groups.push((words, (1, one))),
        }
    }
    groups
}

fn routing(routing: &Routing) -> String {
    let names: Vec<&str> = routing.candidates.iter().map(|name| &**name).collect();
    match (routing.refused, routing.rule) {
        (Some(code), _) => format!("refused: {code}"),
        (None, Some(rule)) => format!("rule {rule}: {}", names.join(", ")),
        (None, None) => names.join(", "),
    }
}
