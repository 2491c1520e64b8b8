//! Signals that end a call.
//!
//! Invariant: what a call began to write is cleared away whichever of them ends it.

use mosaic_actors::error::{Failure, Kind};
use tokio::signal::unix::{SignalKind, signal};

use super::exit;
use super::problem::Problem;
use super::screen::{Screen, Stop};

/// Ends `work` at the first SIGINT, SIGTERM or SIGHUP. Servers do not come this way: they drain.
pub async fn heeding(work: impl Future<Output = Result<(), Stop>>, screen: &Screen) -> Result<(), Stop> {
    let (sentence, code) = tokio::select! {
        outcome = work => return outcome,
        Some(()) = one(SignalKind::interrupt()) => ("interrupted", exit::INTERRUPTED),
        Some(()) = one(SignalKind::terminate()) => ("terminated", exit::TERMINATED),
        Some(()) = one(SignalKind::hangup()), if heeds_hangups() => ("the terminal was closed", exit::HUNG_UP),
    };
    screen.report(&Problem::from(Failure::new(Kind::Cancelled, sentence)));
    Err(Stop::Quiet(code))
}

/// One signal of a kind; none where they cannot be listened for.
async fn one(kind: SignalKind) -> Option<()> {
    signal(kind).ok()?.recv().await
}

/// Whether SIGHUP ends this process: not under `nohup`, which listening would undo. Where there is no telling, it is left
/// as it is.
fn heeds_hangups() -> bool {
    let ignored = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    let hangup = 1 << (SignalKind::hangup().as_raw_value() - 1);
    ignored().is_some_and(|ignored| ignored & hangup == 0)
}
