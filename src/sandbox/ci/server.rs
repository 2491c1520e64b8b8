//! The whole CI server.
//!
//! Invariant: at most [`MAX_RUNS`] attempts are ever begun by clients, and no id is given twice.

use jiff::Timestamp;

use super::project::Project;
use super::refused::Refused;
use super::run::Run;

/// The most attempts that clients can begin on one server.
const MAX_RUNS: usize = 10_000;

/// All that a CI server holds.
#[derive(Debug)]
pub(crate) struct Ci {
    /// The server's name, made visible in logs and artifacts.
    pub instance: String,
    pub projects: Vec<Project>,
    pub(super) created: usize,
    last_id: u64,
}

impl Ci {
    pub fn new(instance: &str) -> Self {
        Self {
            instance: instance.to_owned(),
            projects: Vec::new(),
            created: 0,
            last_id: 0,
        }
    }

    /// How many attempts clients have begun.
    pub fn created(&self) -> usize {
        self.created
    }

    pub fn project(&self, key: &str) -> Result<&Project, Refused> {
        let found = self.projects.iter().find(|project| project.key == key);
        found.ok_or(Refused::Missing)
    }

    pub fn project_mut(&mut self, key: &str) -> Result<&mut Project, Refused> {
        let found = self.projects.iter_mut().find(|project| project.key == key);
        found.ok_or(Refused::Missing)
    }

    /// The project of this key, which is made where there is none.
    pub fn project_or_new(&mut self, key: &str) -> &mut Project {
        let at = self.projects.iter().position(|project| project.key == key);
        let at = at.unwrap_or_else(|| {
            self.projects.push(Project::new(key, Vec::new()));
            self.projects.len() - 1
        });
        &mut self.projects[at]
    }

    /// Reads a run, which moves it on.
    pub fn read(&mut self, key: &str, run: u64, now: Timestamp) -> Result<&Run, Refused> {
        let run = self.project_mut(key)?.run_mut(run)?;
        run.latest_mut().progress.read(now);
        Ok(run)
    }

    /// Reads all runs of a project as a list does, newest first, which moves each on.
    pub fn read_all(&mut self, key: &str, now: Timestamp) -> Vec<&Run> {
        let Ok(project) = self.project_mut(key) else {
            return Vec::new();
        };
        let mut listed = Vec::new();
        for run in project.runs.iter_mut().rev() {
            match run.unlisted {
                0 => {
                    run.latest_mut().progress.read(now);
                    listed.push(&*run);
                }
                _ => run.unlisted -= 1,
            }
        }
        listed
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Counts one more attempt of a client's.
    pub(super) fn count(&mut self) -> Result<(), Refused> {
        if self.created >= MAX_RUNS {
            return Err(Refused::Full);
        }
        self.created += 1;
        Ok(())
    }
}
