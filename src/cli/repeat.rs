//! A read again and again: on a terminal over what is there, elsewhere a line of JSON for each change.
//!
//! Invariant: only what changes nothing and costs nothing is repeated; a gateway that goes away is told and waited for, and a
//! reader that goes away ends it.

use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use clap::{Arg, ArgMatches};
use mosaic_actors::error::Failure;
use terminal_size::{Height, terminal_size_of};

use super::exit;
use super::flags::{flag, switch};
use super::problem::Problem;
use super::screen::{Screen, Stop};
use crate::catalogue::Entry;

/// The flag.
pub const WATCH: &str = "watch";
/// The flag of the time between two reads.
pub const INTERVAL: &str = "interval";

/// Time between two reads: whoever is asked may count them.
const USUAL: Duration = Duration::from_secs(5);
/// The shortest.
const SHORTEST: Duration = Duration::from_millis(500);

/// Whether an operation may be repeated for eyes.
pub fn is_for(entry: &Entry) -> bool {
    let (declaration, facts) = (entry.declaration, &entry.declaration.facts);
    facts.safe && !facts.paid && !facts.streaming && !facts.waits && !declaration.bytes
}

/// Its flags.
pub fn flags() -> [Arg; 2] {
    [
        switch(
            WATCH,
            "Read it again and again, until Ctrl-C: on a terminal over what is there, elsewhere a line of JSON for each change",
        )
        .short('w'),
        flag(INTERVAL, "TIME", "Time between two reads [default: 5s]")
            .value_parser(humantime::parse_duration)
            .requires(WATCH),
    ]
}

/// Whether the line wants it.
pub fn is_wanted(entry: &Entry, flags: &ArgMatches) -> bool {
    is_for(entry) && flags.get_flag(WATCH)
}

/// Does `once` again and again.
///
/// # Errors
/// What the first fails with; later, what will not pass.
pub async fn repeat(
    flags: &ArgMatches,
    screen: &Screen,
    once: impl AsyncFn(&Screen) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let interval = flags.get_one(INTERVAL).copied().unwrap_or(USUAL);
    if interval < SHORTEST {
        let least = humantime::format_duration(SHORTEST);
        return Err(Failure::invalid(INTERVAL, format!("--interval must be at least {least}")).into());
    }
    let screen = match screen.interactive {
        true => screen.clone(),
        false => screen.in_json(),
    };
    let mut seen: Option<Vec<u8>> = None;
    let mut gone = false;
    loop {
        let (keeping, kept) = screen.keeping();
        let pause = match once(&keeping).await {
            Ok(()) | Err(Stop::Quiet(_)) => {
                if std::mem::take(&mut gone) {
                    screen.note("it is answered again");
                }
                let now = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
                show(&now, seen.as_ref(), &screen)?;
                seen = Some(now);
                interval
            }
            Err(Stop::Failed(problem)) if seen.is_some() && problem.may_pass() => {
                if !std::mem::replace(&mut gone, true) {
                    lost(&problem, &screen);
                }
                problem.retry_after().unwrap_or(interval).max(interval)
            }
            Err(stop) => return Err(stop),
        };
        tokio::time::sleep(pause).await;
        // Where nothing changes nothing is written, and a write alone would not tell.
        if screen.is_left() {
            return Err(Stop::Quiet(exit::OK));
        }
    }
}

fn show(now: &[u8], before: Option<&Vec<u8>>, screen: &Screen) -> Result<(), Stop> {
    match screen.interactive {
        true => redraw(&String::from_utf8_lossy(now), screen),
        false if before.is_some_and(|before| before == now) => Ok(()),
        false => screen.data(now),
    }
}

fn lost(problem: &Problem, screen: &Screen) {
    match screen.json {
        true => screen.report(problem),
        false => screen.note(&format!("{}; waiting", problem.sentence())),
    }
}

/// Writes over what is there, so that nothing flickers.
///
/// # Errors
/// As [`Screen::data`].
pub fn redraw(text: &str, screen: &Screen) -> Result<(), Stop> {
    let rows = terminal_size_of(io::stdout()).map_or(usize::MAX, |(_, Height(rows))| usize::from(rows));
    screen.data(frame(text, rows))
}

/// What fills a terminal of so many rows; what does not fit below is said, not scrolled away.
fn frame(text: &str, rows: usize) -> String {
    let count = text.lines().count();
    let fits = if count < rows { count } else { rows.saturating_sub(2) };
    let mut frame = String::from("\x1b[H");
    for line in text.lines().take(fits) {
        frame += line;
        frame += "\x1b[K\n";
    }
    if fits < count {
        frame += &format!("… {} more; a higher terminal shows them\x1b[K\n", count - fits);
    }
    frame + "\x1b[J"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::OPERATIONS;

    #[test]
    fn what_is_higher_than_the_terminal_is_cut_and_counted() {
        let text = "a\nb\nc\nd\ne";
        let shown = |rows| frame(text, rows).replace("\x1b[K", "");
        assert_eq!(shown(6), "\x1b[Ha\nb\nc\nd\ne\n\x1b[J");
        // The cursor's own row stays free.
        assert_eq!(
            shown(5),
            "\x1b[Ha\nb\nc\n… 2 more; a higher terminal shows them\n\x1b[J"
        );
        assert_eq!(shown(1), "\x1b[H… 5 more; a higher terminal shows them\n\x1b[J");
    }

    #[test]
    fn nothing_that_changes_or_costs_is_repeated() {
        let mut count = 0;
        for entry in OPERATIONS.iter().filter(|entry| is_for(entry)) {
            assert!(
                entry.declaration.facts.safe && !entry.declaration.facts.paid,
                "{}",
                entry.name()
            );
            count += 1;
        }
        assert!(count > 0);
    }
}
