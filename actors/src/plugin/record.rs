//! What is known of one plugin.
//!
//! Invariant: a record is published whole and never changed after that; the next one is made from a copy of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, oneshot};

use super::spec::PluginSpec;
use crate::clock::nanos_of;
use crate::driver::Credential;
use crate::error::{Failure, Kind};
use crate::instance::Instance;
use crate::policy::lifecycle::Life;
use crate::policy::routing::Routable;
use crate::policy::settle::Standing;

/// Steps that are remembered of each life.
const HISTORY: usize = 32;

/// Tells who ordered something how it ended; where it worked, with the version of the registry that has it.
pub(super) type Done = oneshot::Sender<Result<u64, Failure>>;

/// What was heard of a plugin's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing: it was not asked, or is stopped.
    Unknown,
    /// It says that it is well, and shows what that proves of our credential.
    Healthy(Credential),
    /// It is not, or could not be asked.
    Unhealthy(Arc<str>),
}

/// What is known of one plugin.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) spec: PluginSpec,
    /// What an update would have in its stead.
    pub(super) candidate: Option<PluginSpec>,
    /// What is wanted, and what is.
    pub(crate) standing: Standing<Arc<Placement>>,
    /// The step that is being done. The end of another one is none of ours.
    pub(super) ticket: u64,
    pub(super) since: u64,
    pub(super) revision: u64,
    pub(super) busy: Option<Busy>,
    pub(super) problem: Option<Arc<str>>,
    /// Why its settings cannot be used.
    pub(super) invalid: Option<Arc<str>>,
    /// What was last heard of its health, and since when that has been so.
    pub(super) health: (Health, u64),
    /// When it was last asked.
    pub(super) checked: Option<u64>,
    pub(super) history: Vec<(Life, u64)>,
    /// What routing knows of it, as of its last load: one that does not serve now is still known.
    pub(crate) routable: Option<Routable>,
    /// Failed looks since it was last well, and when to look again.
    pub(super) looks: (u32, u64),
}

/// What is being done with a plugin. Who ordered it waits over every restart of the manager.
#[derive(Clone)]
pub(super) struct Busy {
    pub(super) with: &'static str,
    /// The first step of it that failed.
    pub(super) failure: Option<Failure>,
    done: Arc<std::sync::Mutex<Option<Done>>>,
}

impl Busy {
    pub(super) fn new(with: &'static str, done: Option<Done>) -> Self {
        Busy {
            with,
            failure: None,
            done: Arc::new(std::sync::Mutex::new(done)),
        }
    }

    /// Tells how it ended.
    pub(super) fn answer(self, version: u64) {
        let done = self
            .done
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
        if let Some(done) = done {
            // Who asked may have gone; what was done stays done.
            let _gone = done.send(self.failure.map_or(Ok(version), Err));
        }
    }
}

/// An instance and its place in the tree.
pub(crate) struct Placement {
    pub(crate) instance: Arc<Instance>,
    /// The name of its supervisor among the plugins' instances.
    pub(crate) child: Arc<str>,
    /// Held by whoever asks the supervisor to add or remove it; true: it leaves, and nobody may add it any more.
    pub(super) leaving: Mutex<bool>,
}

impl Placement {
    pub(super) fn new(instance: Arc<Instance>, child: Arc<str>) -> Arc<Self> {
        Arc::new(Placement {
            instance,
            child,
            leaving: Mutex::new(false),
        })
    }
}

impl Record {
    pub(super) fn new(spec: PluginSpec, now: u64) -> Self {
        Record {
            spec,
            candidate: None,
            standing: Standing::new(),
            ticket: 0,
            since: now,
            revision: 0,
            busy: None,
            problem: None,
            invalid: None,
            health: (Health::Unknown, now),
            checked: None,
            history: vec![(Life::Discovered, now)],
            routable: None,
            looks: (0, 0),
        }
    }

    /// The instance that takes calls, if one does.
    pub(crate) fn serving(&self) -> Option<&Arc<Instance>> {
        let placed = self.standing.current().filter(|_| self.standing.life().serves());
        placed.map(|placed| &placed.instance)
    }

    /// The instance in its place, or the one that leaves it.
    pub(crate) fn placed(&self) -> Option<&Arc<Placement>> {
        let leaving = self.standing.leaving().first();
        self.standing.current().or(leaving)
    }

    /// Why it serves nobody, in words that any caller may read: what is wrong with its settings is its operators' to know.
    pub(super) fn why_down(&self) -> Option<String> {
        if self.invalid.is_some() {
            return Some("its settings or its credential cannot be used".to_owned());
        }
        if let Some(why) = self.placed().and_then(|placed| placed.instance.trouble()) {
            // Of whom it was asked for does not matter, and its provider's words may be another tenant's.
            return Some(format!("it met last: {}", first_words(&why)));
        }
        let problem = self.problem.as_deref()?;
        // A driver's words are fit to be told; those of a panic, or of whatever else befell it, are not.
        let told = Kind::ALL
            .iter()
            .any(|kind| problem.split(": ").next() == Some(kind.code()));
        Some(match told && !problem.starts_with(Kind::Internal.code()) {
            true => format!("its start failed: {problem}"),
            false => "its start failed".to_owned(),
        })
    }

    /// The spec that the next step is about.
    pub(super) fn coming_spec(&self) -> &PluginSpec {
        let candidate = self.candidate.as_ref().filter(|_| self.standing.has_successor());
        candidate.unwrap_or(&self.spec)
    }

    /// Keeps what was heard; the time is that of the last change between well, unwell and unknown.
    fn hear(&mut self, health: Health, now: u64) {
        if health != Health::Unknown {
            self.checked = Some(now);
            if let Some(placed) = self.placed() {
                placed.instance.heard(match health {
                    Health::Healthy(credential) => Some(credential),
                    _ => None,
                });
            }
        }
        let changed = std::mem::discriminant(&self.health.0) != std::mem::discriminant(&health);
        let since = if changed { now } else { self.health.1 };
        self.health = (health, since);
    }

    /// Nothing is wrong with it.
    pub(super) fn well(&mut self, health: Health, now: u64) {
        self.hear(health, now);
        self.problem = None;
        self.invalid = None;
        self.looks = (0, 0);
    }

    /// Something is; it is looked at again after `recheck`, and ever later, up to sixteen times that, and not before its
    /// provider says.
    pub(super) fn unwell(&mut self, failure: &Failure, recheck: Duration, now: u64) {
        let text: Arc<str> = failure.to_string().into();
        self.hear(Health::Unhealthy(text.clone()), now);
        self.invalid = (failure.kind == Kind::InvalidInput).then(|| text.clone());
        self.problem = Some(text);
        let looks = self.looks.0.saturating_add(1);
        let wait = recheck.saturating_mul(1 << (looks - 1).min(4));
        let wait = wait.max(failure.retry_after.unwrap_or_default());
        self.looks = (looks, now.saturating_add(nanos_of(wait)));
    }

    /// Writes the steps of its life into its history.
    pub(super) fn remember(&mut self, now: u64) {
        for life in self.standing.take_passed() {
            self.since = now;
            if self.history.len() == HISTORY {
                self.history.remove(0);
            }
            self.history.push((life, now));
            if life == Life::Stopped {
                self.well(Health::Unknown, now);
            }
            tracing::info!(
                plugin = &*self.spec.name,
                life = life.as_str(),
                problem = self.problem.as_deref(),
                "plugin"
            );
        }
    }
}

/// What a text about a failure begins with: its kind, or its sentence without what stands in brackets or behind a colon.
fn first_words(why: &str) -> &str {
    let ends = [": ", " ("].into_iter().filter_map(|mark| why.find(mark));
    &why[..ends.min().unwrap_or(why.len())]
}

#[cfg(test)]
mod tests {
    use super::first_words;

    #[test]
    fn a_text_about_a_failure_is_not_cut_within_its_brackets() {
        for (why, told) in [
            (
                "the provider refuses the credential (status 401) (its code: invalid_api_key)",
                "the provider refuses the credential",
            ),
            ("upstream_auth: the provider refuses (status 401)", "upstream_auth"),
            ("the connection broke", "the connection broke"),
            ("", ""),
        ] {
            assert_eq!(first_words(why), told);
        }
    }
}
