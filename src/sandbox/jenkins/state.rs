//! What a Jenkins holds: folders and jobs by their full names, their builds, and the queue.
//!
//! Invariant: numbers of builds and of queue items only grow, and at most [`MAX_CREATED`] items are ever queued.

use std::collections::BTreeMap;

use super::parameters::{Definition, Parameter, outcome};
use super::session::Sessions;
use super::stage::{Ending, Progress};

/// The most items that clients can queue on one server.
pub(crate) const MAX_CREATED: usize = 10_000;
/// Reads that still find a new item waiting.
const WAITING_READS: u8 = 1;
/// Reads after which an item that has left is forgotten. Jenkins forgets it after five minutes.
const REMEMBERED_READS: u8 = 16;

pub(crate) struct State {
    /// Folders and jobs by full name, whose slashes part the names.
    pub items: BTreeMap<String, Item>,
    pub queue: Vec<Queued>,
    pub sessions: Sessions,
    pub created: usize,
    /// Nothing starts any more; what is triggered waits.
    pub quieting: bool,
    last_id: u64,
}

/// What an item of the list of jobs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    Multibranch,
    FreeStyle,
    Pipeline,
}

#[derive(Debug)]
pub(crate) struct Item {
    pub kind: Kind,
    pub full_name: String,
    pub description: String,
    pub disabled: bool,
    pub parameters: &'static [Definition],
    /// By rising number.
    pub builds: Vec<Build>,
    pub next_number: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Build {
    pub number: u64,
    pub queue_id: u64,
    pub user: String,
    pub parameters: Vec<Parameter>,
    /// What somebody answered to its input.
    pub answers: Vec<Parameter>,
    pub progress: Progress,
}

/// An item of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub id: u64,
    pub job: String,
    pub user: String,
    pub parameters: Vec<Parameter>,
    /// Milliseconds since the epoch.
    pub since_ms: i64,
    pub phase: Phase,
    reads: u8,
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Waiting,
    /// It has left the queue as the build of this number.
    Left(u64),
    Cancelled,
}

impl Kind {
    pub fn holds_jobs(self) -> bool {
        matches!(self, Kind::Folder | Kind::Multibranch)
    }
}

impl Item {
    pub fn new(kind: Kind, full_name: &str, description: String) -> Self {
        Self {
            kind,
            full_name: full_name.to_owned(),
            description,
            disabled: false,
            parameters: &[],
            builds: Vec::new(),
            next_number: 1,
        }
    }

    pub fn name(&self) -> &str {
        self.full_name.rsplit('/').next().unwrap_or(&self.full_name)
    }

    pub fn build(&self, number: u64) -> Option<&Build> {
        self.builds.iter().find(|build| build.number == number)
    }

    pub fn build_mut(&mut self, number: u64) -> Option<&mut Build> {
        self.builds.iter_mut().find(|build| build.number == number)
    }

    /// The latest build that is over with one of these endings.
    pub fn last(&self, endings: &[Ending]) -> Option<&Build> {
        let fits = |build: &&Build| {
            let ended = build.progress.ending().filter(|_| !build.progress.is_building());
            ended.is_some_and(|ending| endings.contains(&ending))
        };
        self.builds.iter().rev().find(fits)
    }

    /// Adds a build and answers its number.
    pub fn begin(&mut self, queue_id: u64, user: &str, parameters: Vec<Parameter>, progress: Progress) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.builds.push(Build {
            number,
            queue_id,
            user: user.to_owned(),
            parameters,
            answers: Vec::new(),
            progress,
        });
        number
    }
}

impl State {
    pub fn empty(instance: &str) -> Self {
        Self {
            items: BTreeMap::new(),
            queue: Vec::new(),
            sessions: Sessions::of(instance),
            created: 0,
            quieting: false,
            last_id: 0,
        }
    }

    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// What lies directly in a folder; the root's name is empty.
    pub fn children<'a>(&'a self, folder: &'a str) -> Vec<&'a Item> {
        let direct = move |item: &&Item| match item.full_name.rsplit_once('/') {
            Some((parent, _)) => parent == folder,
            None => folder.is_empty(),
        };
        self.items.values().filter(direct).collect()
    }

    /// The item of this job with the same parameters that still waits.
    pub fn waiting_alike(&self, job: &str, parameters: &[Parameter]) -> Option<u64> {
        let alike = |item: &&Queued| item.phase == Phase::Waiting && item.job == job && item.parameters == parameters;
        self.queue.iter().find(alike).map(|item| item.id)
    }

    /// Queues a build and answers its item's id.
    pub fn enqueue(&mut self, job: &str, user: &str, parameters: Vec<Parameter>, now_ms: i64) -> u64 {
        let id = self.next_id();
        self.created += 1;
        self.queue.push(Queued {
            id,
            job: job.to_owned(),
            user: user.to_owned(),
            parameters,
            since_ms: now_ms,
            phase: Phase::Waiting,
            reads: 0,
        });
        id
    }

    /// The item of this id, moved on by one read; none where it is unknown or forgotten.
    pub fn read_queued(&mut self, id: u64, now_ms: i64) -> Option<&Queued> {
        let at = self.queue.iter().position(|item| item.id == id)?;
        self.queue[at].reads = self.queue[at].reads.saturating_add(1);
        let item = &self.queue[at];
        let due = item.phase == Phase::Waiting && item.reads > WAITING_READS && !self.quieting;
        if due {
            self.start(at, now_ms);
        } else if item.phase != Phase::Waiting && item.reads > REMEMBERED_READS {
            self.queue.remove(at);
            return None;
        }
        self.queue.get(at)
    }

    /// A job is read: what waits for it moves on too.
    pub fn read_job(&mut self, job: &str, now_ms: i64) {
        let waiting = self
            .queue
            .iter()
            .filter(|item| item.phase == Phase::Waiting && item.job == job);
        for id in waiting.map(|item| item.id).collect::<Vec<_>>() {
            self.read_queued(id, now_ms);
        }
    }

    fn start(&mut self, at: usize, now_ms: i64) {
        let queued = &mut self.queue[at];
        let Some(item) = self.items.get_mut(&queued.job) else {
            queued.phase = Phase::Cancelled;
            return;
        };
        let (ending, course) = outcome(&queued.parameters);
        let progress = Progress::new(ending, course, now_ms);
        let number = item.begin(queued.id, &queued.user, queued.parameters.clone(), progress);
        queued.phase = Phase::Left(number);
        queued.reads = 0;
    }

    /// Takes a waiting item out; none: it is unknown, false: it waits no more.
    pub fn cancel(&mut self, id: u64) -> Option<bool> {
        let item = self.queue.iter_mut().find(|item| item.id == id)?;
        let waits = item.phase == Phase::Waiting;
        if waits {
            item.phase = Phase::Cancelled;
            item.reads = 0;
        }
        Some(waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::empty("one");
        let item = Item::new(Kind::FreeStyle, "a", String::new());
        state.items.insert("a".to_owned(), item);
        state
    }

    #[test]
    fn an_item_waits_leaves_and_is_forgotten() {
        let mut state = state();
        let id = state.enqueue("a", "ada", vec![], 1);
        assert_eq!(state.waiting_alike("a", &[]), Some(id));
        assert_eq!(state.read_queued(id, 2).unwrap().phase, Phase::Waiting);
        for _ in 0..=REMEMBERED_READS {
            assert_eq!(state.read_queued(id, 3).unwrap().phase, Phase::Left(1));
        }
        assert!(state.read_queued(id, 4).is_none());
        assert_eq!(state.items["a"].builds[0].queue_id, id);
        assert_eq!(state.waiting_alike("a", &[]), None);
    }

    #[test]
    fn nothing_starts_while_it_quiets_down() {
        let mut state = state();
        let id = state.enqueue("a", "ada", vec![], 1);
        state.quieting = true;
        for _ in 0..9 {
            assert_eq!(state.read_queued(id, 2).unwrap().phase, Phase::Waiting);
        }
        assert_eq!(
            (state.cancel(id), state.cancel(id), state.cancel(99)),
            (Some(true), Some(false), None)
        );
        assert!(state.items["a"].builds.is_empty());
    }
}
