//! How a pipeline moves: a step further each time that it is read, so that nobody waits for a clock.
//!
//! Invariant: a pipeline moves pending -> running -> its ending, never beyond, and back only by an approval.

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
    /// It waits for an approval.
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
    /// It runs until it is cancelled.
    holds: bool,
    /// It is cancelled, and its agents have not stopped their work yet.
    stopping: bool,
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
            holds: false,
            stopping: false,
            ending,
            started_s: 0,
            finished_s: 0,
        }
    }

    /// Of one that runs until it is cancelled.
    pub fn holding() -> Self {
        Self {
            holds: true,
            ..Self::new(Ending::Success)
        }
    }

    /// Of one that never starts: it is broken, or waits for an approval.
    pub fn stuck(ending: Ending) -> Self {
        Self {
            reads: PENDING_READS + RUNNING_READS + 1,
            ..Self::new(ending)
        }
    }

    /// Of one that ended long ago, or never will.
    pub fn over(ending: Ending, started_s: i64) -> Self {
        let waits = ending == Ending::Blocked;
        Self {
            started_s: if waits { 0 } else { started_s },
            finished_s: if waits { 0 } else { started_s + SEEDED_DURATION_S },
            ..Self::stuck(ending)
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

    /// Where its steps are: for a while after a cancel they still run.
    pub fn steps_stage(&self) -> Stage {
        if self.stopping { Stage::Running } else { self.stage() }
    }

    /// The word for its workflows and steps.
    pub fn steps_as_str(&self) -> &'static str {
        if self.stopping { "running" } else { self.as_str() }
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
        if self.stopping {
            self.stopping = false;
            return;
        }
        if before == Stage::Over || before == Stage::Running && self.holds {
            return;
        }
        self.reads += 1;
        match self.stage() {
            Stage::Running if before == Stage::Pending => self.started_s = now_s,
            Stage::Over => self.finished_s = now_s,
            _ => {}
        }
    }

    /// It is cancelled. The pipeline's word changes at once; what runs is found stopped a read later. False: it is over.
    pub fn cancel(&mut self, now_s: i64) -> bool {
        let ending = match (self.stage(), self.ending) {
            (Stage::Running, _) => Ending::Killed,
            (Stage::Pending, _) | (Stage::Over, Ending::Blocked) => Ending::Canceled,
            (Stage::Over, _) => return false,
        };
        *self = Self {
            started_s: self.started_s,
            finished_s: now_s,
            stopping: ending == Ending::Killed,
            ..Self::stuck(ending)
        };
        true
    }

    /// Whether it runs until it is cancelled.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// Whether it waits for an approval.
    pub fn is_blocked(&self) -> bool {
        self.stage() == Stage::Over && self.ending == Ending::Blocked
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

    #[test]
    fn one_that_holds_runs_until_it_is_cancelled_and_its_steps_a_read_longer() {
        let mut progress = Progress::holding();
        (0..20).for_each(|now_s| progress.read(now_s));
        assert_eq!(progress.as_str(), "running");
        assert!(progress.cancel(30));
        assert_eq!((progress.as_str(), progress.steps_as_str()), ("killed", "running"));
        progress.read(31);
        assert_eq!((progress.steps_as_str(), progress.finished_s), ("killed", 30));
        assert!(!progress.cancel(32), "it is over");
    }

    #[test]
    fn what_never_started_is_canceled() {
        for mut progress in [Progress::new(Ending::Success), Progress::stuck(Ending::Blocked)] {
            assert!(progress.cancel(7));
            assert_eq!((progress.steps_as_str(), progress.started_s), ("canceled", 0));
        }
    }
}
