//! What a project can run.
//!
//! Invariant: a workflow has at least one job, and each job at least one step.

/// What starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Push,
    /// A change that is offered, by its number.
    Pull(u64),
    Manual,
    Schedule,
}

/// For whose word a run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// A stranger's change waits for a member.
    Stranger,
    /// What goes to this environment waits for its keeper.
    Environment(&'static str),
}

/// A workflow: a file, or the definition of a job.
#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pub id: u64,
    pub file: &'static str,
    pub name: &'static str,
    pub enabled: bool,
    /// Whether people, a push, a pull request may start it.
    pub manual: bool,
    pub push: bool,
    pub pull: bool,
    /// What people may say when they start it.
    pub inputs: &'static [&'static str],
    /// For whose word each of its runs waits.
    pub gate: Option<Gate>,
    pub jobs: &'static [JobPlan],
    /// The artifact that a run leaves behind.
    pub artifact: Option<&'static str>,
}

/// A job, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobPlan {
    pub name: &'static str,
    pub steps: &'static [&'static str],
}

impl Workflow {
    /// Whether this event starts it.
    pub fn listens_to(&self, event: Event) -> bool {
        match event {
            Event::Push => self.push,
            Event::Pull(_) => self.pull,
            Event::Manual => self.manual,
            Event::Schedule => true,
        }
    }
}
