//! Signals that end a call.
//!
//! Invariant: what a call began to write is cleared away whichever of them ends it, and it ends though it waits for somebody
//! who reads nothing.

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::exit;
use super::problem::Problem;
use super::screen::{Screen, Stop};

/// How long what is told to end may take to: a write to who reads nothing takes for ever.
const GRACE: Duration = Duration::from_secs(1);

/// Ends `work` at the first SIGINT, SIGTERM or SIGHUP. Servers do not come this way: they drain.
pub async fn heeding(work: impl Future<Output = Result<(), Stop>>, screen: &Screen) -> Result<(), Stop> {
    let mut watch = Watch::begin();
    let end = tokio::select! {
        biased;
        end = watch.told() => end,
        outcome = work => return outcome,
    };
    screen.report(&Problem::from(Failure::new(Kind::Cancelled, end.sentence)));
    Err(Stop::Quiet(end.code))
}

/// As [`heeding`], where to be ended by them is the usual end, of which nothing is said.
pub async fn until_told(work: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    let mut watch = Watch::begin();
    tokio::select! {
        biased;
        end = watch.told() => Err(Stop::Quiet(end.code)),
        outcome = work => outcome,
    }
}

/// How a signal ends the process.
#[derive(Clone, Copy)]
struct End {
    sentence: &'static str,
    code: u8,
}

/// Waits for signals from its beginning on, be the process told to ignore them or not. It does so on a task of its own,
/// because the work may be held up where it cannot be dropped.
struct Watch {
    told: oneshot::Receiver<End>,
    task: JoinHandle<()>,
}

impl Watch {
    fn begin() -> Self {
        // Before any work: none that comes from now on is lost.
        let interrupt = listened(SignalKind::interrupt());
        let terminate = listened(SignalKind::terminate());
        let hangup = heeds_hangups().then(|| listened(SignalKind::hangup())).flatten();
        let (tell, told) = oneshot::channel();
        let task = tokio::spawn(async move {
            let end = one(interrupt, terminate, hangup).await;
            // Where nobody waits for it the work has ended.
            if tell.send(end).is_ok() {
                tokio::time::sleep(GRACE).await;
                std::process::exit(end.code.into());
            }
        });
        Watch { told, task }
    }

    async fn told(&mut self) -> End {
        match (&mut self.told).await {
            Ok(end) => end,
            // Only with the runtime.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn one(interrupt: Option<Signal>, terminate: Option<Signal>, hangup: Option<Signal>) -> End {
    let end = |sentence, code| End { sentence, code };
    tokio::select! {
        () = received(interrupt) => end("interrupted", exit::INTERRUPTED),
        () = received(terminate) => end("terminated", exit::TERMINATED),
        () = received(hangup) => end("the terminal was closed", exit::HUNG_UP),
    }
}

/// None where it cannot be listened for.
fn listened(kind: SignalKind) -> Option<Signal> {
    signal(kind).ok()
}

async fn received(signal: Option<Signal>) {
    if let Some(mut signal) = signal
        && signal.recv().await.is_some()
    {
        return;
    }
    std::future::pending().await
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
