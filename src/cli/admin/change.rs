//! One change of a running gateway: its reason, its rehearsal, its question, and the doing.
//!
//! Invariant: nothing is changed without a reason; what is dangerous is done only after a yes, or under `--force`; and
//! nobody is asked where nobody can answer.

use std::io::{self, BufRead, Write};

use clap::{ArgMatches, Command};
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use super::connected;
use crate::cli::client::Remote;
use crate::cli::flags::{flag, switch};
use crate::cli::problem::Problem;
use crate::cli::render;
use crate::cli::screen::{Screen, Stop, clean};
use crate::cli::{exit, show};

/// The longest answer to a question, in bytes; the gateway takes reasons of 500 characters.
const LONGEST_ANSWER: u64 = 4096;

/// What is to be changed.
pub(super) struct Change {
    pub(super) path: String,
    pub(super) body: Map<String, Value>,
    /// In words, for the question: `stop forge-a`.
    pub(super) deed: String,
    /// It takes something out of service.
    pub(super) dangerous: bool,
    /// What people are shown of the answer; nothing named is everything.
    pub(super) answer: &'static [&'static str],
}

/// Adds the flags that every change has.
pub(super) fn command(command: Command) -> Command {
    connected(command)
        .arg(flag(
            "reason",
            "TEXT",
            "Why; kept in the audit log and the restart ledger. Required, unless asked for on a terminal",
        ))
        .arg(switch("dry-run", "Change nothing; show what would be touched"))
        .arg(switch("force", "Do not ask, even where it is dangerous").short('f'))
        .arg(switch("no-input", "Never ask; fail where something is missing"))
}

impl Change {
    /// Does it, or rehearses it, as the flags say.
    ///
    /// # Errors
    /// `invalid_input` where the reason or the consent is missing, else what the gateway says.
    pub(super) async fn make(mut self, remote: &Remote, flags: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
        let asks = screen.asks && !screen.json && !flags.get_flag("no-input");
        let dry_run = flags.get_flag("dry-run");
        let reason = reason(flags, dry_run, asks)?;
        self.body.insert("reason".to_owned(), reason.into());
        let body = Value::from(std::mem::take(&mut self.body));
        if dry_run {
            return show::document(&remote.change(&self.path, &body, true).await?, screen);
        }
        if self.dangerous && !flags.get_flag("force") {
            self.ask(remote, &body, asks, screen).await?;
        }
        let done = remote.change(&self.path, &body, false).await?;
        match self.answer {
            [] => show::document(&done, screen)?,
            _ if screen.json => screen.lines(&done)?,
            names => screen.lines(render::document(&chosen(show::parse(&done)?, names), None, screen))?,
        }
        screen.note(&format!("done: {}", clean(&self.deed)));
        Ok(())
    }

    async fn ask(&self, remote: &Remote, body: &Value, asks: bool, screen: &Screen) -> Result<(), Stop> {
        if !asks {
            let refused = Failure::invalid(
                "force",
                format!(
                    "to {} is dangerous, and nobody is there to ask: give --force",
                    self.deed
                ),
            );
            let hint = "Add --force to do it, or --dry-run to see what it touches.";
            return Err(Problem::from(refused).hint(hint).into());
        }
        let touched = show::parse(&remote.change(&self.path, body, true).await?)?;
        screen.note(&render::document(&touched, None, screen));
        let answer = question(&format!("{}? [y/N] ", clean(&self.deed)))?;
        if matches!(&*answer.to_lowercase(), "y" | "yes") {
            return Ok(());
        }
        screen.note("nothing was changed");
        Err(Stop::Quiet(exit::FAILURE))
    }
}

/// The named members of an answer; of an older gateway's, that has none of them, all.
fn chosen(mut answer: Value, names: &[&str]) -> Value {
    if let Some(members) = answer.as_object_mut()
        && names.iter().any(|name| members.contains_key(*name))
    {
        members.retain(|name, _| names.contains(&&**name));
    }
    answer
}

fn reason(flags: &ArgMatches, dry_run: bool, asks: bool) -> Result<String, Stop> {
    let given = flags.get_one::<String>("reason").cloned();
    let reason = match given {
        Some(reason) => reason,
        None if dry_run => "a rehearsal".to_owned(),
        None if asks => question("reason: ")?,
        None => String::new(),
    };
    if reason.trim().is_empty() {
        return Err(Failure::invalid(
            "reason",
            "--reason is missing: say why, for those who read the audit log",
        )
        .into());
    }
    Ok(reason)
}

/// Asks on stderr, since stdout may be read by a program. Blocks: nothing else is under way.
pub(in crate::cli) fn question(text: &str) -> Result<String, Failure> {
    let unread = |error: io::Error| Failure::invalid("stdin", format!("the answer cannot be read: {error}"));
    let mut err = io::stderr().lock();
    err.write_all(text.as_bytes())
        .and_then(|()| err.flush())
        .map_err(unread)?;
    let mut answer = String::new();
    let mut input = io::Read::take(io::stdin().lock(), LONGEST_ANSWER);
    input.read_line(&mut answer).map_err(unread)?;
    Ok(answer.trim().to_owned())
}
