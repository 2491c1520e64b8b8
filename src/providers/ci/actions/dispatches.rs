//! The dispatches of this process whose runs have no id yet, and which run came of which.
//!
//! Invariant: one is known from before it is sent, so that no run that came of it is taken for another's; at most [`MOST`]
//! are, and none for longer than [`KEPT`]. Of one that finds no room its branch is marked, so that no run there is taken.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use mosaic_actors::error::{Failure, Kind};
use tokio::time::Instant;

use super::pending::{KEPT, Pending, SKEW, the_one};
use crate::catalogue::cicd::Run;

/// Dispatches remembered; each takes some hundred bytes.
const MOST: usize = 256;
/// Marks of those that found no room: several branches may share one, and are then found later than they could be.
const MARKS: u64 = 1024;
/// How long a run may take to be listed. Of what others than this process ask for, nothing else tells that it is to come.
const SETTLE: SignedDuration = SignedDuration::from_secs(3);

/// Those of one driver.
#[derive(Default)]
pub struct Dispatches(Mutex<Known>);

#[derive(Default)]
struct Known {
    next: u64,
    /// The oldest first.
    all: VecDeque<One>,
    /// When the last one was begun that found no room, by its mark.
    crowded_out: HashMap<u64, Instant>,
    marks: RandomState,
}

impl Known {
    fn mark(&self, project: &str, branch: &str) -> u64 {
        self.marks.hash_one((project.to_ascii_lowercase(), branch)) % MARKS
    }

    /// Makes room for one more.
    fn crowd_out(&mut self) {
        while self.all.len() >= MOST {
            if let Some(one) = self.all.pop_front() {
                let mark = self.mark(&one.project, &one.branch);
                self.crowded_out.insert(mark, one.at);
            }
        }
    }
}

struct One {
    number: u64,
    at: Instant,
    project: String,
    pipeline: String,
    branch: String,
    /// None until it is answered.
    pending: Option<Pending>,
}

impl One {
    fn is_like(&self, pending: &Pending) -> bool {
        // Forges take names of repositories in any case.
        self.project.eq_ignore_ascii_case(&pending.project)
            && may_be_one(&self.pipeline, &pending.pipeline)
            && self.branch == pending.branch
    }
}

/// Whether two spellings may be of one pipeline: a file's name and a number may be.
fn may_be_one(one: &str, other: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    one == other || is_number(one) != is_number(other)
}

impl Dispatches {
    /// One that is about to be sent. It is forgotten with what is returned, unless its run remains [`Dispatch::untold`].
    pub fn begin(&self, project: &str, pipeline: &str, branch: &str) -> Dispatch<'_> {
        let mut known = self.known();
        let number = known.next;
        known.next += 1;
        known.crowd_out();
        known.all.push_back(One {
            number,
            at: Instant::now(),
            project: project.to_owned(),
            pipeline: pipeline.to_owned(),
            branch: branch.to_owned(),
            pending: None,
        });
        Dispatch { all: self, number }
    }

    /// Those of the same pipeline and branch, with this one.
    pub fn beside(&self, pending: &Pending) -> Beside {
        let known = self.known();
        let like: Vec<&One> = known.all.iter().filter(|one| one.is_like(pending)).collect();
        let is_crowded = known
            .crowded_out
            .contains_key(&known.mark(&pending.project, &pending.branch));
        let open = is_crowded || like.iter().any(|one| one.pending.is_none());
        let mut all: Vec<Pending> = like.iter().filter_map(|one| one.pending.clone()).collect();
        let is_it =
            |one: &Pending| (one.since, &one.actor, one.latest) == (pending.since, &pending.actor, pending.latest);
        if !all.iter().any(is_it) {
            // It was asked for elsewhere.
            all.push(pending.clone());
        }
        all.sort_by_key(|one| one.since);
        Beside { open, all }
    }

    /// What is known, without what is too old. Each change leaves it whole, so a panic elsewhere spoils nothing.
    fn known(&self) -> MutexGuard<'_, Known> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.all.retain(|one| one.at.elapsed() < KEPT);
        known.crowded_out.retain(|_, at| at.elapsed() < KEPT);
        known
    }
}

/// A dispatch that is on its way.
pub struct Dispatch<'a> {
    all: &'a Dispatches,
    number: u64,
}

impl Dispatch<'_> {
    /// It was taken, and its run was not told.
    pub fn untold(&self, pending: &Pending) {
        let mut known = self.all.known();
        if let Some(one) = known.all.iter_mut().find(|one| one.number == self.number) {
            one.pending = Some(pending.clone());
        }
    }
}

impl Drop for Dispatch<'_> {
    fn drop(&mut self) {
        let mut known = self.all.known();
        known
            .all
            .retain(|one| one.number != self.number || one.pending.is_some());
    }
}

/// The dispatches of a pipeline and a branch.
pub struct Beside {
    /// One is on its way.
    open: bool,
    /// By when they were asked for; never none.
    all: Vec<Pending>,
}

impl Beside {
    /// The earliest moment that a run can have been made that came of this one, or of one beside it.
    pub fn earliest(&self, pending: &Pending) -> Timestamp {
        self.about(pending)
            .first()
            .map_or(pending.earliest(), Pending::earliest)
    }

    /// Whether these runs, the newest first, go back to before any of them.
    pub fn reaches_behind(&self, pending: &Pending, listed: &[Run]) -> bool {
        let is_before = |run: &Run| self.about(pending).iter().all(|one| one.is_later_than(run));
        listed.iter().any(is_before)
    }

    /// Those that follow each other so closely that a run of one may be another's by its time.
    fn about(&self, pending: &Pending) -> &[Pending] {
        let mut groups = self
            .all
            .chunk_by(|one, next| next.since.duration_since(one.since) <= SKEW);
        let own = |group: &&[Pending]| group.iter().any(|one| one.since == pending.since);
        groups.find(own).unwrap_or_default()
    }

    /// Which of the `listed` runs of the pipeline came of this one; none while another's may still stand in its place.
    /// `whole`: none that may have is left out of the list; `now` by the forge's clock.
    ///
    /// # Errors
    /// `conflict` where several may have, or one that is not listed; `not_found` where none has, and none is to come.
    pub fn the_one(
        &self,
        pending: &Pending,
        listed: &[Run],
        whole: bool,
        now: Timestamp,
    ) -> Result<Option<Run>, Failure> {
        let may_be = listed.iter().filter(|run| pending.may_be(run)).cloned();
        let one = the_one(may_be.collect())?;
        if !whole {
            let sentence = "more runs were made since than are looked through; look at the list of runs";
            return Err(Failure::new(Kind::Conflict, sentence));
        }
        let Some(one) = one else {
            return match pending.is_over(now) {
                true => Err(Failure::new(
                    Kind::NotFound,
                    "no run came of it in its time, and none will",
                )),
                false => Ok(None),
            };
        };
        if pending.is_over(now) && !pending.is_timely(&one) {
            let sentence = "the only run that may have come of it does not tell when it was made, and may be a later \
                            one; look at the list of runs";
            return Err(Failure::new(Kind::Conflict, sentence));
        }
        let about = self.about(pending);
        let last = about.last().map_or(pending.since, |last| last.since);
        let later = self.all.iter().filter(|other| other.since > last && other.may_be(&one));
        let asked: Vec<&Pending> = about.iter().chain(later).collect();
        let came = listed.iter().filter(|run| asked.iter().any(|asked| asked.may_be(run)));
        let settled = now.duration_since(pending.since) >= SETTLE;
        let all_came = !self.open && came.count() >= asked.len();
        Ok((settled && all_came).then_some(one))
    }
}

#[cfg(test)]
mod tests {
    use mosaic_actors::error::Kind;
    use serde_json::json;
    use tokio::time::advance;

    use super::*;

    const BEGAN: i64 = 1_714_979_289;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(BEGAN + second).expect("a moment")
    }

    fn pending(second: i64) -> Pending {
        Pending {
            project: "acme/api".to_owned(),
            pipeline: "ci.yml".to_owned(),
            branch: "main".to_owned(),
            since: at(second),
            latest: None,
            actor: None,
        }
    }

    fn run(id: u64, second: i64) -> Run {
        let run = json!({"id": format!("ci~acme/api#{id}"), "project": "acme/api", "status": "queued",
            "raw_status": "queued", "created_at": at(second).to_string(), "branch": "main"});
        serde_json::from_value(run).expect("a run")
    }

    fn asked(all: &Dispatches, second: i64) -> Pending {
        let pending = pending(second);
        all.begin("acme/api", "ci.yml", "main").untold(&pending);
        pending
    }

    /// The number of the run that is found.
    fn found(all: &Dispatches, pending: &Pending, listed: &[Run], now: i64) -> Result<Option<String>, Kind> {
        let found = all.beside(pending).the_one(pending, listed, true, at(now));
        found.map(|run| run.map(|run| run.id)).map_err(|failure| failure.kind)
    }

    #[test]
    fn ha1_while_the_run_of_another_is_to_come_none_is_taken_for_either() {
        let all = Dispatches::default();
        let (first, second) = (asked(&all, 0), asked(&all, 2));
        let only_the_first = [run(1, 0)];
        for pending in [&first, &second] {
            assert_eq!(found(&all, pending, &only_the_first, 60), Ok(None));
            assert_eq!(found(&all, pending, &[run(2, 2), run(1, 0)], 60), Err(Kind::Conflict));
        }
        // Two of one second are two.
        let all = Dispatches::default();
        let (twin, _) = (asked(&all, 0), asked(&all, 0));
        assert_eq!(found(&all, &twin, &only_the_first, 60), Ok(None));
    }

    #[test]
    fn ha1_what_follows_another_closely_is_found_where_only_one_can_be_it() {
        let all = Dispatches::default();
        let (first, second, third) = (asked(&all, 0), asked(&all, 5), asked(&all, 9));
        // The first's was made a second earlier than it was asked for, by their clock.
        let listed = [run(1, -1), run(2, 5)];
        assert_eq!(all.beside(&third).earliest(&third), first.earliest());
        assert_eq!(found(&all, &second, &listed, 60), Ok(None), "the third's is to come");
        assert_eq!(found(&all, &first, &listed, 60), Err(Kind::Conflict));
        // One long behind it speaks against a run only where that may be its own.
        let all = Dispatches::default();
        let (early, _late) = (asked(&all, 0), asked(&all, 60));
        assert_eq!(
            found(&all, &early, &[run(1, 1)], 61),
            Ok(Some("ci~acme/api#1".to_owned()))
        );
        assert_eq!(found(&all, &early, &[run(2, 60)], 61), Ok(None));
    }

    #[test]
    fn ha1_one_on_its_way_counts_and_one_that_was_told_or_refused_does_not() {
        let all = Dispatches::default();
        let own = asked(&all, 0);
        let listed = [run(1, 0)];
        let other = all.begin("Acme/API", "ci.yml", "main");
        let elsewhere = all.begin("acme/api", "ci.yml", "develop");
        assert_eq!(found(&all, &own, &listed, 60), Ok(None));
        drop(other);
        assert_eq!(found(&all, &own, &listed, 60), Ok(Some("ci~acme/api#1".to_owned())));
        drop(elsewhere);
    }

    #[test]
    fn ha1_of_what_other_processes_ask_for_it_is_waited_a_moment() {
        let all = Dispatches::default();
        for (now, told) in [(0, false), (2, false), (3, true)] {
            let found = found(&all, &pending(0), &[run(1, 0)], now).expect("one");
            assert_eq!(found.is_some(), told, "{now}");
        }
    }

    #[test]
    fn ha1_a_later_run_is_not_taken() {
        let all = Dispatches::default();
        let own = pending(0);
        assert_eq!(found(&all, &own, &[run(2, 301)], 302), Err(Kind::NotFound));
        assert_eq!(found(&all, &own, &[run(2, 301)], 290), Ok(None));
        let one = Ok(Some("ci~acme/api#1".to_owned()));
        assert_eq!(found(&all, &own, &[run(2, 301), run(1, 300)], 9_000), one);
        // What tells no time is taken only while no other can have been made so late.
        let timeless = Run {
            created_at: None,
            ..run(1, 0)
        };
        assert_eq!(found(&all, &own, std::slice::from_ref(&timeless), 300), one);
        assert_eq!(
            found(&all, &own, std::slice::from_ref(&timeless), 301),
            Err(Kind::Conflict)
        );
        // One that has begun in time was made in time; one that has begun late may have been.
        let begun = |second| Run {
            started_at: Some(at(second).to_string()),
            ..timeless.clone()
        };
        assert_eq!(found(&all, &own, &[begun(300)], 9_000), one);
        assert_eq!(found(&all, &own, &[begun(301)], 9_000), Err(Kind::Conflict));
    }

    #[test]
    fn ha1_it_ends() {
        let all = Dispatches::default();
        let own = pending(0);
        assert_eq!(found(&all, &own, &[], 300), Ok(None));
        assert_eq!(found(&all, &own, &[], 301), Err(Kind::NotFound));
    }

    #[test]
    fn ha1_behind_more_runs_than_are_listed_none_is_guessed() {
        let all = Dispatches::default();
        let own = pending(0);
        let beside = all.beside(&own);
        assert!(!beside.reaches_behind(&own, &[run(2, 60), run(1, -5)]));
        assert!(beside.reaches_behind(&own, &[run(2, 60), run(1, -6)]));
        for listed in [&[][..], &[run(1, 0)], &[run(2, 301)]] {
            let failure = beside.the_one(&own, listed, false, at(9_000)).unwrap_err();
            assert_eq!(failure.kind, Kind::Conflict, "{listed:?}");
        }
    }

    #[test]
    fn ha1_two_spellings_of_one_pipeline_are_beside_each_other() {
        let all = Dispatches::default();
        let own = asked(&all, 0);
        let by_number = all.begin("acme/api", "161335", "main");
        let of_another = all.begin("acme/api", "deploy.yml", "main");
        assert_eq!(found(&all, &own, &[run(1, 0)], 60), Ok(None));
        drop(by_number);
        assert_eq!(
            found(&all, &own, &[run(1, 0)], 60),
            Ok(Some("ci~acme/api#1".to_owned()))
        );
        drop(of_another);
    }

    #[test]
    fn ha1_two_that_were_asked_for_elsewhere_in_one_second_are_two() {
        let all = Dispatches::default();
        asked(&all, 0);
        let others = [
            Pending {
                actor: Some("eve".to_owned()),
                ..pending(0)
            },
            Pending {
                latest: Some(7),
                ..pending(0)
            },
        ];
        for other in others {
            assert_eq!(found(&all, &other, &[run(9, 0)], 60), Ok(None), "{other:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ha1_what_finds_no_room_is_not_overlooked() {
        let all = Dispatches::default();
        let first = asked(&all, 0);
        let second = asked(&all, 1);
        let listed = [run(1, 0)];
        for _ in 0..MOST {
            let elsewhere = pending(0);
            all.begin("acme/web", "ci.yml", "main").untold(&elsewhere);
        }
        assert_eq!(found(&all, &first, &listed, 60), Ok(None));
        assert_eq!(found(&all, &second, &listed, 60), Ok(None));
        advance(KEPT).await;
        assert!(all.known().crowded_out.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_and_forgets() {
        let all = Dispatches::default();
        for second in 0..=MOST as i64 {
            asked(&all, second);
        }
        assert_eq!(all.known().all.len(), MOST);
        advance(KEPT).await;
        assert_eq!(all.known().all.len(), 0);
    }
}
