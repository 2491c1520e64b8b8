//! A project: what has workflows, runs and secrets.
//!
//! Invariant: the numbers of runs only grow, also when runs are deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::SecretString;

use super::artifact::Artifact;
use super::job::JobView;
use super::plan::Workflow;
use super::refused::Refused;
use super::run::Run;
use super::secret::Secret;
use super::seen::Seen;

/// The most secrets of a project.
const MAX_SECRETS: usize = 100;

/// A project.
#[derive(Clone, Debug, Default)]
pub(crate) struct Project {
    /// How the vendor finds it again.
    pub key: String,
    pub workflows: Vec<Workflow>,
    /// By rising number.
    pub runs: Vec<Run>,
    /// By name.
    pub secrets: BTreeMap<String, Secret>,
    /// Where its repository was when it was last looked at.
    pub(super) seen: Seen,
    pub(super) last_number: u64,
    /// The last number of each workflow's runs.
    pub(super) last_in_workflow: BTreeMap<u64, u64>,
}

impl Project {
    pub fn new(key: impl Into<String>, workflows: Vec<Workflow>) -> Self {
        Self {
            key: key.into(),
            workflows,
            ..Self::default()
        }
    }

    /// A workflow by its number or its file.
    pub fn workflow(&self, name: &str) -> Option<&Workflow> {
        let number: Option<u64> = name.parse().ok();
        let mut found = self.workflows.iter();
        found.find(|workflow| Some(workflow.id) == number || workflow.file == name)
    }

    pub fn run(&self, id: u64) -> Result<&Run, Refused> {
        self.runs.iter().find(|run| run.id == id).ok_or(Refused::Missing)
    }

    pub(super) fn run_mut(&mut self, id: u64) -> Result<&mut Run, Refused> {
        self.runs.iter_mut().find(|run| run.id == id).ok_or(Refused::Missing)
    }

    /// A job of any run, and its run.
    pub fn job(&self, id: u64) -> Result<(&Run, JobView<'_>), Refused> {
        let found = self.runs.iter().find_map(|run| Some((run, run.job(id)?)));
        found.ok_or(Refused::Missing)
    }

    /// An artifact of any run, and its run.
    pub fn artifact(&self, id: u64) -> Result<(&Run, &Artifact), Refused> {
        let mut all = self
            .runs
            .iter()
            .flat_map(|run| run.artifacts().map(move |artifact| (run, artifact)));
        all.find(|(_, artifact)| artifact.id == id).ok_or(Refused::Missing)
    }

    /// The names of its secrets and their sizes, as runs tell them.
    pub fn told_secrets(&self) -> Vec<(&str, usize)> {
        let secrets = self.secrets.values();
        secrets.map(|secret| (secret.name.as_str(), secret.size())).collect()
    }

    /// Writes a secret; whether it is new.
    pub fn put_secret(&mut self, name: &str, value: SecretString, now: Timestamp) -> Result<bool, Refused> {
        let mut secret = Secret::new(name, value, now);
        let old = self.secrets.get(&secret.name);
        if old.is_none() && self.secrets.len() >= MAX_SECRETS {
            return Err(Refused::Full);
        }
        if let Some(old) = old {
            secret.created_at = old.created_at;
        }
        Ok(self.secrets.insert(secret.name.clone(), secret).is_none())
    }
}
