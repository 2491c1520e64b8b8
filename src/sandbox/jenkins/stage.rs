//! How a build moves: a step further each time that it is read, so that nobody waits for a clock.
//!
//! Invariant: a build moves from its start to its end and never back; its result, once set, stays.

/// How a build ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    Unstable,
    Failure,
    NotBuilt,
    Aborted,
}

/// Where a build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It has no log yet.
    Started,
    Working,
    /// Its result is set, and it is building all the same.
    Judged,
    /// It builds no more, and what comes after a build is not done yet.
    Finishing,
    Over,
}

/// Whether a build goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    Goes,
    /// It works until somebody stops it.
    Holds,
    /// It waits for somebody's input.
    Asks,
}

/// How far a build has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    reads: u8,
    course: Course,
    ending: Ending,
    /// Milliseconds since the epoch.
    pub started_ms: i64,
    /// Milliseconds since the epoch; 0: not yet.
    pub ended_ms: i64,
}

/// Reads that bring a build to its last stage.
const TO_THE_END: u8 = 5;
/// Reads after which its result is set.
const TO_THE_RESULT: u8 = 3;
/// How long a seeded build took.
const SEEDED_MS: i64 = 30_000;

impl Ending {
    /// Every ending, in the order of the seeded builds.
    pub const ALL: [Ending; 5] = [
        Ending::Success,
        Ending::Failure,
        Ending::Unstable,
        Ending::Aborted,
        Ending::NotBuilt,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Ending::Success => "SUCCESS",
            Ending::Unstable => "UNSTABLE",
            Ending::Failure => "FAILURE",
            Ending::NotBuilt => "NOT_BUILT",
            Ending::Aborted => "ABORTED",
        }
    }

    /// The ball's colour.
    pub const fn colour(self) -> &'static str {
        match self {
            Ending::Success => "blue",
            Ending::Unstable => "yellow",
            Ending::Failure => "red",
            Ending::NotBuilt => "notbuilt",
            Ending::Aborted => "aborted",
        }
    }
}

impl Progress {
    /// Of a build that begins now.
    pub fn new(ending: Ending, course: Course, now_ms: i64) -> Self {
        Self {
            reads: 0,
            course,
            ending,
            started_ms: now_ms,
            ended_ms: 0,
        }
    }

    /// Of one that ended long ago.
    pub fn over(ending: Ending, started_ms: i64) -> Self {
        Self {
            reads: TO_THE_END,
            ended_ms: started_ms + SEEDED_MS,
            ..Self::new(ending, Course::Goes, started_ms)
        }
    }

    pub fn stage(&self) -> Stage {
        match self.reads {
            0 | 1 => Stage::Started,
            2 => Stage::Working,
            3 => Stage::Judged,
            4 => Stage::Finishing,
            _ => Stage::Over,
        }
    }

    /// The result, once it is set.
    pub fn ending(&self) -> Option<Ending> {
        (self.stage() >= Stage::Judged).then_some(self.ending)
    }

    pub fn is_building(&self) -> bool {
        self.stage() <= Stage::Judged
    }

    pub fn is_in_progress(&self) -> bool {
        self.stage() < Stage::Over
    }

    /// Whether it stands still until somebody has answered it.
    pub fn is_paused(&self) -> bool {
        self.course == Course::Asks && self.stage() == Stage::Working
    }

    /// Somebody has answered it.
    pub fn answered(&mut self) {
        self.course = Course::Goes;
    }

    /// Moves it on by one read.
    pub fn read(&mut self, now_ms: i64) {
        if self.course != Course::Goes && self.stage() == Stage::Working || self.stage() == Stage::Over {
            return;
        }
        self.reads += 1;
        if self.reads == TO_THE_RESULT {
            self.ended_ms = now_ms;
        }
    }

    /// It is interrupted: the next read finds it aborted. One that has its result already goes on.
    pub fn stop(&mut self) {
        if self.stage() < Stage::Judged {
            self.ending = Ending::Aborted;
            self.course = Course::Goes;
            self.reads = TO_THE_RESULT - 1;
        }
    }

    /// It is ended at once.
    pub fn kill(&mut self, now_ms: i64) {
        if self.stage() < Stage::Judged {
            self.ending = Ending::Aborted;
            self.ended_ms = now_ms;
        }
        self.reads = TO_THE_END;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_set_before_the_build_is_over() {
        let mut progress = Progress::new(Ending::Failure, Course::Goes, 1);
        let mut seen = vec![];
        for now_ms in 2..9 {
            progress.read(now_ms);
            let result = progress.ending().map(Ending::as_str);
            seen.push((result, progress.is_building(), progress.is_in_progress()));
        }
        let failed = Some("FAILURE");
        let expected = [
            (None, true, true),
            (None, true, true),
            (failed, true, true),
            (failed, false, true),
        ];
        assert_eq!(seen[..4], expected);
        assert!(seen[4..].iter().all(|at| *at == (failed, false, false)));
        assert_eq!((progress.started_ms, progress.ended_ms), (1, 4));
    }

    #[test]
    fn one_that_holds_works_until_it_is_stopped() {
        let mut progress = Progress::new(Ending::Success, Course::Holds, 1);
        (0..20).for_each(|now_ms| progress.read(now_ms));
        assert_eq!(progress.stage(), Stage::Working);
        progress.stop();
        progress.read(30);
        assert_eq!(progress.ending(), Some(Ending::Aborted));
        progress.stop();
        progress.kill(40);
        assert_eq!((progress.stage(), progress.ended_ms), (Stage::Over, 30));
    }

    #[test]
    fn one_that_asks_stands_still_until_it_is_answered() {
        let mut progress = Progress::new(Ending::Success, Course::Asks, 1);
        (0..20).for_each(|now_ms| progress.read(now_ms));
        assert!(progress.is_paused());
        progress.answered();
        progress.read(30);
        assert_eq!(
            (progress.is_paused(), progress.ending()),
            (false, Some(Ending::Success))
        );
    }
}
