//! The command line: every operation of the catalogue as a subcommand, and the commands to run a gateway.
//!
//! Invariant: data goes to stdout and everything else to stderr; the exit code tells the kind of failure.
//!
//! The way of a call: `command` declares the flags, `input` reads them, `call` has `client` (or a local gateway) do it, and
//! `show` prints what it brought.

mod admin;
mod advice;
mod api;
mod blocked;
mod call;
mod client;
mod command;
mod config;
mod connection;
mod conversation;
mod decided;
mod diagnosis;
mod download;
mod events;
mod examples;
pub mod exit;
mod explain;
mod flags;
mod graphql;
mod input;
mod jq;
mod live;
mod login;
mod man;
mod matrix;
#[cfg(feature = "mcp")]
mod mcp;
mod offered;
mod operate;
mod pages;
mod parts;
mod problem;
mod profiles;
mod progress;
mod providers;
mod reasons;
#[cfg(feature = "mcp")]
mod relay;
#[cfg(feature = "mcp")]
mod relay_headers;
#[cfg(feature = "mcp")]
mod relay_lines;
mod render;
mod repeat;
mod route;
pub mod run;
mod screen;
mod select;
mod show;
mod signals;
mod state;
mod times;
mod top;
mod transport;
mod tree;
mod upload;
mod views;
mod wait;
mod waterfall;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, ColorChoice, Command};
use mosaic_actors::error::{Failure, Kind};

pub use self::problem::Problem;
pub use self::run::{LocalCalls, Runtime};
use self::screen::{Screen, Stop, Wanted};
use self::select::Selection;
use self::waterfall::waterfall;
use crate::wording;

/// Runs the command line `args`, the program's name included, and says how the process ends.
pub async fn main(args: impl IntoIterator<Item = OsString>, runtime: impl Runtime) -> ExitCode {
    ExitCode::from(run(args.into_iter().collect(), &runtime).await)
}

async fn run(args: Vec<OsString>, runtime: &dyn Runtime) -> u8 {
    if let Some(shell) = live::asked() {
        return live::complete(&shell, args).await;
    }
    let args = select::joined(args);
    // All are needed to report a line that cannot be parsed. A value that looks like them does no harm.
    let given = |flags: &[&str]| {
        args.iter()
            .skip(1)
            .filter_map(|arg| arg.to_str())
            .take_while(|arg| *arg != "--")
            .any(|arg| flags.contains(&arg.split('=').next().unwrap_or(arg)))
    };
    let screen = Screen::detect(&Wanted {
        json: given(&["--json", "--jq"]),
        no_color: given(&["--no-color"]),
        quiet: given(&["--quiet", "-q"]),
    });
    // One judgement of the terminal for our words and clap's: clap alone would colour a dumb terminal under CI.
    let colour = if screen.colour_out || screen.colour_err {
        ColorChoice::Auto
    } else {
        ColorChoice::Never
    };
    let parsed = command::root(colour, by_input(&args)).try_get_matches_from(&args);
    let outcome = match parsed.or_else(|error| by_name(colour, &args, &error).ok_or(error)) {
        Ok(matches) => dispatch(&matches, runtime, screen.clone()).await,
        Err(error) => refused(&error, &screen),
    };
    match outcome {
        Ok(()) => exit::OK,
        Err(Stop::Quiet(code)) => code,
        Err(Stop::Failed(problem)) => {
            screen.report(&problem);
            if let Some(decision) = problem.decision() {
                screen.note(&waterfall(decision, &screen));
            }
            problem.exit_code()
        }
    }
}

/// Whether `--input`, which may hold all that is required, is on the line.
fn by_input(args: &[OsString]) -> bool {
    let mut texts = args.iter().filter_map(|arg| arg.to_str());
    texts.any(|arg| arg == "--input" || arg.starts_with("--input="))
}

/// A line that leaves out places, where it gives some fields of its operation by name: what is missing then is told when
/// its input is read.
fn by_name(colour: ColorChoice, args: &[OsString], error: &clap::Error) -> Option<ArgMatches> {
    if error.kind() != ErrorKind::MissingRequiredArgument {
        return None;
    }
    let parsed = command::root(colour, true).try_get_matches_from(args).ok();
    parsed.filter(|matches| {
        command::operation(matches).is_some_and(|(entry, flags)| {
            let mut named = command::positionals(entry).map(command::named_id);
            named.any(|id| flags.contains_id(&id))
        })
    })
}

/// Help and version are what was asked for; all else is a mistake in the line.
fn refused(error: &clap::Error, screen: &Screen) -> Result<(), Stop> {
    let asked_for = !error.use_stderr();
    let shown_unasked = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand && !screen.json;
    if asked_for || shown_unasked {
        // Its only failure is a reader that went away.
        let _ = error.print();
        return Err(Stop::Quiet(if asked_for { exit::OK } else { exit::USAGE }));
    }
    let text = error.render().to_string();
    let (sentence, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let sentence = sentence.trim().trim_start_matches("error: ");
    let rest = match is_dashed(error) {
        true if text.contains("Usage: mosaic api ") => BODY.to_owned(),
        true => DASHED.to_owned(),
        false => rest.replace("  tip: ", "").replace("\n\n", "\n"),
    };
    let rest = match elsewhere(error) {
        Some(elsewhere) => format!("{elsewhere}\n{rest}"),
        None => rest,
    };
    let problem = Problem::from(Failure::new(Kind::InvalidInput, sentence));
    Err(match rest.trim() {
        "" => problem.into(),
        rest => problem.hint(rest).into(),
    })
}

/// What to do about a text that is taken for a flag.
const DASHED: &str =
    "A text that begins with - is written with its flag, as in --body='- item', or behind -- where it has none.";

/// The same of `mosaic api`, whose users mean its body.
const BODY: &str = "A body is given by --field NAME=VALUE, once for each, or by --input FILE.";

/// The most commands that a word is said to stand in.
const MOST_MEANT: usize = 4;

/// Where a word stands that is no command where it was written, as `repo` below `git`.
fn elsewhere(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let mut found = Vec::new();
    gather(&command::root(ColorChoice::Never, true), "mosaic", word, &mut found);
    match &found[..] {
        [] if error.get(ContextKind::SuggestedSubcommand).is_some() => None,
        [] => Some("`mosaic --help` lists the commands, and `mosaic operations` what can be called.".to_owned()),
        some => Some(format!(
            "There is {}.",
            wording::list(&some[..some.len().min(MOST_MEANT)], "and")
        )),
    }
}

fn gather(here: &Command, path: &str, word: &str, found: &mut Vec<String>) {
    for below in here.get_subcommands() {
        let path = format!("{path} {}", below.get_name());
        let names = std::iter::once(below.get_name()).chain(below.get_all_aliases());
        // Groups are called by one of theirs, or by all.
        let is_meant = names.into_iter().any(|name| name == word || format!("{name}s") == word);
        match is_meant {
            true => found.push(format!("`{path}`")),
            false => gather(below, &path, word, found),
        }
    }
}

/// Whether what is not known as a flag may be meant as a text, such as the first line of a list.
fn is_dashed(error: &clap::Error) -> bool {
    let is_short = |arg: &str| arg.starts_with('-') && !arg.starts_with("--");
    error.kind() == ErrorKind::UnknownArgument
        && matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(arg)) if is_short(arg))
}

async fn dispatch(matches: &ArgMatches, runtime: &dyn Runtime, screen: Screen) -> Result<(), Stop> {
    if let Some((entry, flags)) = command::operation(matches) {
        let screen = screen.showing(Selection::of(flags, Some(entry))?);
        // Read first: a read of stdin would block the task that waits for signals.
        let input = input::input(entry, flags)?;
        return signals::heeding(call::call(entry, input, flags, runtime, &screen), &screen).await;
    }
    match matches.subcommand() {
        Some((name, flags)) => {
            let screen = screen.showing(Selection::of(command::leaf_of(flags), None)?);
            operate::run(name, flags, runtime, &screen).await
        }
        None => Err(Failure::new(Kind::InvalidInput, "a command is missing").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};

    use mosaic_actors::call::{Answer, Body, Head};
    use mosaic_actors::decision::Explained;
    use mosaic_actors::driver::BoxFuture;
    use mosaic_actors::stream::{Upload, body_stream};
    use serde_json::{Value, json};

    use super::*;
    use crate::catalogue::Entry;
    use crate::dispatch::Options;
    use crate::doctor::{Finding, Report};

    /// A local gateway that writes down what happens to it. Streams end at once; all else is not found.
    #[derive(Clone, Default)]
    struct Local(Arc<Mutex<Vec<String>>>);

    impl Local {
        fn wrote(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }

    impl LocalCalls for Local {
        fn call(
            &self,
            entry: &'static Entry,
            input: Value,
            _upload: Option<Arc<Upload>>,
            options: Options,
        ) -> BoxFuture<Result<Answer, Failure>> {
            self.wrote(format!("{} {input} {:?}", entry.name(), options.provider));
            let streaming = entry.declaration.facts.streaming;
            Box::pin(async move {
                if !streaming {
                    return Err(Failure::new(Kind::NotFound, "no such thing"));
                }
                let (sender, frames) = body_stream();
                sender.end();
                Ok(Answer {
                    head: Head::json("a".into()),
                    body: Body::Stream(frames),
                    value: None,
                })
            })
        }

        fn dry_run(&self, entry: &'static Entry, input: Value, _: Options) -> BoxFuture<Result<Value, Failure>> {
            self.wrote(format!("not {} {input}", entry.name()));
            Box::pin(async { Ok(json!({})) })
        }

        fn told(&self, decision: &Explained) -> Value {
            json!(decision)
        }

        fn stop(self: Box<Self>) -> BoxFuture<()> {
            self.wrote("stopped".to_owned());
            Box::pin(async {})
        }
    }

    impl Runtime for Local {
        fn serve(&self, config: PathBuf) -> BoxFuture<Result<(), Problem>> {
            self.wrote(format!("serve {}", config.display()));
            Box::pin(async { Ok(()) })
        }
        fn check(&self, _config: PathBuf) -> BoxFuture<Result<Value, Problem>> {
            let problem = Problem::from(Failure::new(Kind::InvalidInput, "two faults"));
            let faults = [("a.b", "odd"), ("c", "even")].map(|(field, fault)| (field.to_owned(), fault.to_owned()));
            Box::pin(async move { Err(problem.with_errors(faults)) })
        }
        fn config(&self, _config: PathBuf) -> BoxFuture<Result<Value, Problem>> {
            Box::pin(async { Ok(json!({"settings": []})) })
        }
        fn reference(&self) -> &'static str {
            ""
        }
        fn schema(&self) -> Value {
            Value::Null
        }
        fn kinds(&self) -> Vec<Value> {
            Vec::new()
        }
        fn matrix(&self) -> Value {
            Value::Null
        }
        fn instances(&self, _config: PathBuf) -> BoxFuture<Result<Vec<String>, Problem>> {
            Box::pin(async { Ok(vec!["forge-a".to_owned()]) })
        }
        fn backup(&self, config: PathBuf, file: PathBuf) -> BoxFuture<Result<Value, Problem>> {
            self.wrote(format!("backup {} {}", config.display(), file.display()));
            Box::pin(async { Ok(Value::Null) })
        }
        fn restore(&self, config: PathBuf, file: PathBuf) -> BoxFuture<Result<Value, Problem>> {
            self.wrote(format!("restore {} {}", config.display(), file.display()));
            Box::pin(async { Ok(Value::Null) })
        }
        fn doctor(&self, config: Option<PathBuf>) -> BoxFuture<Report> {
            let ill = config.is_some();
            let mut report = Report::default();
            report.add(Finding::of("config", "").ok("valid"));
            if ill {
                report.add(Finding::of("ports", "admin").failed("taken", "Stop it."));
            }
            Box::pin(async { report })
        }
        fn demo(&self, once: bool, _json: bool) -> BoxFuture<Result<(), Problem>> {
            self.wrote(format!("demo {once}"));
            Box::pin(async { Ok(()) })
        }
        fn sandbox(&self, config: Option<PathBuf>) -> BoxFuture<Result<(), Problem>> {
            self.wrote(format!("sandbox {config:?}"));
            Box::pin(async { Ok(()) })
        }
        fn compare(&self, config: PathBuf, recorded: Value) -> BoxFuture<Result<Value, Problem>> {
            self.wrote(format!("compare {} {recorded}", config.display()));
            Box::pin(async { Ok(json!({"compared": 0, "differences": []})) })
        }
        #[cfg(feature = "mcp")]
        fn talk(&self, config: PathBuf, toolsets: Option<String>) -> BoxFuture<Result<(), Problem>> {
            self.wrote(format!("talk {} {toolsets:?}", config.display()));
            Box::pin(async { Ok(()) })
        }
        fn local(&self, config: Option<PathBuf>, _keyed: bool) -> BoxFuture<Result<Box<dyn LocalCalls>, Problem>> {
            self.wrote(format!("start {config:?}"));
            let local: Box<dyn LocalCalls> = Box::new(self.clone());
            Box::pin(async { Ok(local) })
        }
    }

    async fn ran(line: &str) -> (u8, Vec<String>) {
        let local = Local::default();
        let code = run(line.split(' ').map(OsString::from).collect(), &local).await;
        let written = local.0.lock().unwrap().clone();
        (code, written)
    }

    #[tokio::test]
    async fn a_local_call_that_is_not_made_stops_its_gateway_too() {
        let (code, written) = ran("mosaic route git repo get a/b --dry-run --local --config m.toml").await;
        assert_eq!(code, 0);
        let asked = format!("not git.repo.get {}", json!({"repo": "a/b"}));
        assert_eq!(written, ["start Some(\"m.toml\")", &asked, "stopped"]);
    }

    #[tokio::test]
    async fn a_local_call_starts_a_gateway_and_stops_it_whatever_comes() {
        let (code, written) = ran("mosaic git repo get a/b --local --config m.toml --provider forge-a").await;
        assert_eq!(code, 3);
        let call = format!("git.repo.get {} Some(\"forge-a\")", json!({"repo": "a/b"}));
        assert_eq!(written, ["start Some(\"m.toml\")", &*call, "stopped"]);
        let (code, written) = ran("mosaic ai chat stream m hi --local").await;
        assert_eq!((code, written.len(), &*written[2]), (0, 3, "stopped"));
    }

    #[tokio::test]
    async fn the_runtime_is_asked_with_what_the_line_says() {
        assert_eq!(
            ran("mosaic serve --config m.toml").await,
            (0, vec!["serve m.toml".to_owned()])
        );
        assert_eq!(ran("mosaic demo --once").await, (0, vec!["demo true".to_owned()]));
        assert_eq!(ran("mosaic sandbox").await, (0, vec!["sandbox None".to_owned()]));
        assert_eq!(ran("mosaic check --config m.toml").await, (2, vec![]));
        assert_eq!(ran("mosaic doctor").await, (0, vec![]));
        assert_eq!(ran("mosaic doctor --config m.toml").await, (1, vec![]));
        assert_eq!(ran("mosaic serve").await, (2, vec![]));
        assert_eq!(ran("mosaic git repo get a/b --config m.toml").await, (2, vec![]));
    }
}
