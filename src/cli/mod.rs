//! The command line: every operation of the catalogue as a subcommand, and the commands to run a gateway.
//!
//! Invariant: data goes to stdout and everything else to stderr; the exit code tells the kind of failure.
//!
//! The way of a call: `command` declares the flags, `input` reads them, `client` (or a local gateway) does the call,
//! `show` prints what it brought.

mod client;
mod command;
mod events;
pub mod exit;
mod explain;
mod input;
mod operate;
mod problem;
mod render;
pub mod run;
mod screen;
mod show;
mod tree;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, ColorChoice};
use futures_util::StreamExt;
use mosaic_actors::call::Body;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value};

use crate::catalogue::Entry;
use crate::dispatch::Options;

use self::client::{Remote, Reply};
pub use self::problem::Problem;
pub use self::run::{LocalCalls, Runtime};
use self::screen::{Screen, Stop};

/// The gateway on this machine.
const SERVER: &str = "http://127.0.0.1:8080";

/// Runs the command line `args`, the program's name included, and says how the process ends.
pub async fn main(args: impl IntoIterator<Item = OsString>, runtime: impl Runtime) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    // Both are needed to report a line that cannot be parsed. A value that looks like them does no harm.
    let given = |flag: &str| {
        args.iter()
            .skip(1)
            .take_while(|arg| *arg != "--")
            .any(|arg| arg == flag)
    };
    let screen = Screen::detect(given("--json"), given("--no-color"));
    let colour = if given("--no-color") {
        ColorChoice::Never
    } else {
        ColorChoice::Auto
    };
    let outcome = match command::root(colour).try_get_matches_from(&args) {
        Ok(matches) => dispatch(&matches, &runtime, &screen).await,
        Err(error) => refused(&error),
    };
    ExitCode::from(match outcome {
        Ok(()) | Err(Stop::ReaderGone) => exit::OK,
        Err(Stop::Failed(problem)) => {
            screen.report(&problem);
            problem.exit_code()
        }
    })
}

/// Help and version are what was asked for; all else is a mistake in the line.
fn refused(error: &clap::Error) -> Result<(), Stop> {
    if !error.use_stderr() {
        // Its only failure is a reader that went away.
        let _ = error.print();
        return Ok(());
    }
    let text = error.render().to_string();
    let (sentence, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let sentence = sentence.trim().trim_start_matches("error: ");
    let problem = Problem::from(Failure::new(Kind::InvalidInput, sentence));
    Err(match rest.trim() {
        "" => problem.into(),
        rest => problem.hint(rest).into(),
    })
}

async fn dispatch(matches: &ArgMatches, runtime: &dyn Runtime, screen: &Screen) -> Result<(), Stop> {
    if let Some((entry, flags)) = command::operation(matches) {
        // Read first: a read of stdin would block the task that waits for SIGINT.
        let input = input::input(entry, flags)?;
        return interruptible(call(entry, input, flags, runtime, screen)).await;
    }
    match matches.subcommand() {
        Some((name, flags)) => operate::run(name, flags, runtime, screen).await,
        None => Err(Failure::new(Kind::InvalidInput, "a command is missing").into()),
    }
}

/// Ends `work` at the first SIGINT. Servers do not come this way: they drain.
async fn interruptible(work: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    tokio::select! {
        outcome = work => outcome,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::new(Kind::Cancelled, "interrupted").into()),
    }
}

async fn call(
    entry: &'static Entry,
    input: Map<String, Value>,
    flags: &ArgMatches,
    runtime: &dyn Runtime,
    screen: &Screen,
) -> Result<(), Stop> {
    let options = input::options(entry, flags);
    if flags.get_flag("local") {
        let config = flags.get_one::<String>("config").map(PathBuf::from);
        let gateway = runtime.local(config).await?;
        let outcome = call_local(entry, input, options, &*gateway, screen).await;
        gateway.stop().await;
        return outcome;
    }
    let (named, url) = operate::address("--server", flags.get_one("server"), "MOSAIC_URL", SERVER);
    let key = operate::secret("--key-file", flags.get_one("key-file"), "MOSAIC_API_KEY")?;
    let remote = Remote::new(named, &url, key)?;
    let reply = remote.call(entry, input, &options).await?;
    show::reply(reply, entry, screen).await
}

async fn call_local(
    entry: &'static Entry,
    input: Map<String, Value>,
    options: Options,
    gateway: &dyn LocalCalls,
    screen: &Screen,
) -> Result<(), Stop> {
    let answer = gateway.call(entry, Value::from(input), options).await?;
    let reply = match answer.body {
        Body::Bytes(bytes) => Reply::Whole(bytes),
        Body::Stream(frames) => Reply::Events(Box::pin(frames.map(|frame| frame.map_err(Problem::from)))),
    };
    show::reply(reply, entry, screen).await
}
