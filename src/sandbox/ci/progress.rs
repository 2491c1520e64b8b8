//! How an attempt moves: a step further each time that it is read, so that nobody waits for a clock.
//!
//! Invariant: an attempt moves blocked -> queued -> running -> over, never back, and never beyond.

use jiff::Timestamp;

use super::ending::{Ending, Stage};

/// Reads that still find a new attempt queued.
const QUEUED_READS: u8 = 1;
/// Reads after that which find it running.
const RUNNING_READS: u8 = 1;
/// How long a seeded attempt ran.
const SEEDED_DURATION_S: i64 = 30;

/// How far an attempt has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    stage: Stage,
    /// How often it was read in this stage.
    reads: u8,
    /// How it will end; `None`: not by itself.
    ending: Option<Ending>,
    pub queued_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

impl Progress {
    /// Of an attempt that begins now.
    pub fn new(ending: Option<Ending>, blocked: bool, now: Timestamp) -> Self {
        Self {
            stage: if blocked { Stage::Blocked } else { Stage::Queued },
            reads: 0,
            ending,
            queued_at: now,
            started_at: None,
            finished_at: None,
        }
    }

    /// Of one that ended long ago.
    pub fn over(ending: Ending, at: Timestamp) -> Self {
        let later = |seconds| Timestamp::from_second(at.as_second() + seconds).ok();
        Self {
            stage: Stage::Over(ending),
            reads: 0,
            ending: Some(ending),
            queued_at: at,
            started_at: later(1),
            finished_at: later(1 + SEEDED_DURATION_S),
        }
    }

    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Moves it on by one read.
    pub fn read(&mut self, now: Timestamp) {
        self.reads = self.reads.saturating_add(1);
        match (self.stage, self.ending) {
            // A broken definition, or nothing to run, shows as soon as somebody takes the work up.
            (Stage::Queued, Some(ending)) if self.reads > QUEUED_READS && !ending.ran() => self.end(ending, now),
            (Stage::Queued, _) if self.reads > QUEUED_READS => {
                self.enter(Stage::Running);
                // This read finds it running.
                self.reads = 1;
                self.started_at = Some(now);
            }
            (Stage::Running, Some(ending)) if self.reads > RUNNING_READS => self.end(ending, now),
            _ => {}
        }
    }

    /// Somebody's word lets it go on.
    pub fn release(&mut self, now: Timestamp) {
        if self.stage == Stage::Blocked {
            self.enter(Stage::Queued);
            self.queued_at = now;
        }
    }

    /// From now on it is being stopped: a read or two still find it as it was.
    pub fn stop(&mut self) {
        if !self.stage.is_over() {
            self.ending = Some(Ending::Cancelled);
            let running = self.stage == Stage::Running;
            self.enter(if running { Stage::Running } else { Stage::Queued });
        }
    }

    /// Ends it at once.
    pub fn end(&mut self, ending: Ending, now: Timestamp) {
        if !self.stage.is_over() {
            self.ending = Some(ending);
            self.finished_at = Some(now);
            self.enter(Stage::Over(ending));
        }
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.reads = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn it_moves_to_its_end_and_stays_there() {
        let mut progress = Progress::new(Some(Ending::Failure), false, at(0));
        let mut seen = Vec::new();
        for second in 1..6 {
            progress.read(at(second));
            seen.push(progress.stage());
        }
        let over = Stage::Over(Ending::Failure);
        assert_eq!(seen, [Stage::Queued, Stage::Running, over, over, over]);
        assert_eq!((progress.started_at, progress.finished_at), (Some(at(2)), Some(at(3))));
    }

    #[test]
    fn what_waits_or_holds_moves_on_a_word_alone() {
        let mut progress = Progress::new(None, true, at(0));
        (1..9).for_each(|second| progress.read(at(second)));
        assert_eq!(progress.stage(), Stage::Blocked);
        progress.release(at(9));
        (10..19).for_each(|second| progress.read(at(second)));
        assert_eq!(progress.stage(), Stage::Running);
        progress.stop();
        progress.read(at(19));
        assert_eq!(progress.stage(), Stage::Running);
        progress.read(at(20));
        assert_eq!(progress.stage(), Stage::Over(Ending::Cancelled));
        progress.end(Ending::Success, at(21));
        assert_eq!(progress.stage(), Stage::Over(Ending::Cancelled));
    }
}
