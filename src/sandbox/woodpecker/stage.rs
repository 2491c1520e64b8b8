//! How a pipeline moves: a step further each time that it is read, so that nobody waits for a clock.
//!
//! Invariant: a pipeline moves pending -> running -> its ending, never back, and never beyond.

/// How a pipeline ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Failure,
    Error,
    Killed,
    Canceled,
    Declined,
    Skipped,
    /// It waits for an approval, for ever.
    Blocked,
}

/// Where a pipeline is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Pending,
    Running,
    Over,
}

/// How far a pipeline has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    reads: u8,
    pub ending: Ending,
    /// Seconds since the epoch; 0: not yet.
    pub started_s: i64,
    /// Seconds since the epoch; 0: not yet.
    pub finished_s: i64,
}

/// Reads that still find a new pipeline pending.
const PENDING_READS: u8 = 1;
/// Reads after that which find it running.
const RUNNING_READS: u8 = 1;
/// How long a seeded pipeline ran.
const SEEDED_DURATION_S: i64 = 30;

impl Ending {
    /// Every ending, in the order of the seeded pipelines.
    pub const ALL: [Ending; 8] = [
        Ending::Success,
        Ending::Failure,
        Ending::Error,
        Ending::Killed,
        Ending::Canceled,
        Ending::Declined,
        Ending::Skipped,
        Ending::Blocked,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Ending::Success => "success",
            Ending::Failure => "failure",
            Ending::Error => "error",
            Ending::Killed => "killed",
            Ending::Canceled => "canceled",
            Ending::Declined => "declined",
            Ending::Skipped => "skipped",
            Ending::Blocked => "blocked",
        }
    }

    /// Whether its steps ran to an end of their own.
    pub const fn ran(self) -> bool {
        matches!(self, Ending::Success | Ending::Failure)
    }
}

impl Progress {
    /// Of a pipeline that was created just now.
    pub fn new(ending: Ending) -> Self {
        Self {
            reads: 0,
            ending,
            started_s: 0,
            finished_s: 0,
        }
    }

    /// Of one that ended long ago, or never will.
    pub fn over(ending: Ending, started_s: i64) -> Self {
        let waits = ending == Ending::Blocked;
        Self {
            reads: PENDING_READS + RUNNING_READS + 1,
            ending,
            started_s: if waits { 0 } else { started_s },
            finished_s: if waits { 0 } else { started_s + SEEDED_DURATION_S },
        }
    }

    pub fn stage(&self) -> Stage {
        if self.reads <= PENDING_READS {
            Stage::Pending
        } else if self.reads <= PENDING_READS + RUNNING_READS {
            Stage::Running
        } else {
            Stage::Over
        }
    }

    /// Woodpecker's word for it.
    pub fn as_str(&self) -> &'static str {
        match self.stage() {
            Stage::Pending => "pending",
            Stage::Running => "running",
            Stage::Over => self.ending.as_str(),
        }
    }

    /// Moves it on by one read.
    pub fn read(&mut self, now_s: i64) {
        let before = self.stage();
        if before == Stage::Over {
            return;
        }
        self.reads += 1;
        match self.stage() {
            Stage::Running if before == Stage::Pending => self.started_s = now_s,
            Stage::Over => self.finished_s = now_s,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_to_its_end_and_stays_there() {
        let mut progress = Progress::new(Ending::Failure);
        let mut seen = vec![progress.as_str()];
        for now_s in 1..6 {
            progress.read(now_s);
            seen.push(progress.as_str());
        }
        assert_eq!(seen, ["pending", "pending", "running", "failure", "failure", "failure"]);
        assert_eq!((progress.started_s, progress.finished_s), (2, 3));
    }
}
