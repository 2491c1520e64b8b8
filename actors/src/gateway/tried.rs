//! What the attempts of one call have shown so far.
//!
//! Invariant: a failure says that nothing was sent only if no attempt may have arrived.

use std::sync::Arc;

use tokio::time::Instant;

use super::env::TaskEnv;
use super::job::Job;
use crate::error::{Failure, Kind, TriedAt};
use crate::instance::Instance;
use crate::policy::recover::{Standing, is_final};

/// What the attempts of one call have shown so far.
pub(super) struct Tried {
    pub(super) attempts: u32,
    /// Instances that are not asked again.
    pub(super) excluded: Vec<Arc<str>>,
    /// The instance to ask again.
    pub(super) prefer: Option<Arc<str>>,
    /// Who is asked, or was last; none where no instance could be.
    pub(super) at: Option<Arc<Instance>>,
    /// Who failed, and how, once for each time.
    failed: Vec<TriedAt>,
    /// One that was left because it asked not to be asked, and until when it does.
    limited: Option<(Arc<Instance>, Instant)>,
    /// The last failure of a provider.
    told: Option<Failure>,
    /// No attempt may have arrived.
    unsent: bool,
}

impl Tried {
    /// Nothing, so far; `prefer` is asked first.
    pub(super) fn nothing(prefer: Option<Arc<str>>) -> Self {
        Tried {
            attempts: 0,
            excluded: Vec::new(),
            prefer,
            at: None,
            failed: Vec::new(),
            limited: None,
            told: None,
            unsent: true,
        }
    }

    /// An attempt ended so.
    pub(super) fn note(&mut self, failure: &Failure) {
        self.unsent &= failure.unsent;
        if let Some(instance) = &failure.provider {
            self.failed.push(TriedAt {
                instance: instance.clone(),
                kind: failure.kind,
            });
        }
    }

    /// An attempt was given up under way: it may have arrived.
    pub(super) fn gave_one_up(&mut self) {
        self.unsent = false;
    }

    /// Whether this failure of one of two at once is the call's, whatever comes of the other.
    pub(super) fn is_final(&self, job: &Job, failure: &Failure, env: &TaskEnv) -> bool {
        let standing = self.standing(job, failure, env.clock.nanos());
        is_final(failure, &standing, &env.settings.recover)
    }

    /// Where the call stands after `failure`, which was noted.
    pub(super) fn standing(&self, job: &Job, failure: &Failure, now: u64) -> Standing {
        let here = failure.provider.as_ref();
        let times = |here: &Arc<str>| self.failed.iter().filter(|at| at.instance == *here).count();
        let untried = |name: &&Arc<str>| Some(*name) != here && !self.excluded.contains(name);
        let left = |(_, until): &(Arc<Instance>, Instant)| until.saturating_duration_since(Instant::now());
        Standing {
            attempts: self.attempts,
            attempts_here: here.map_or(0, times) as u32,
            safe: job.call.operation.safe,
            repeatable: job.call.may_repeat(),
            paid: job.call.operation.paid,
            sendable: job.call.can_be_sent(),
            others: job.candidates.instances.iter().any(|name| untried(&name)),
            open: self
                .at
                .as_ref()
                .is_some_and(|at| at.breaker.of(&job.call).wait(now).is_some()),
            limited: self.limited.as_ref().map(left),
            remaining: job.call.deadline.saturating_duration_since(Instant::now()),
            chance: fastrand::f64(),
        }
    }

    /// Whether another attempt could follow the next one, as far as that is known before it.
    pub(super) fn could_follow(&self, job: &Job, max_attempts: u32) -> bool {
        let call = &job.call;
        self.attempts < max_attempts
            && call.may_repeat()
            && !call.operation.paid
            && !call.operation.waits
            && job.candidates.instances.len() > self.excluded.len() + 1
    }

    /// The same instance is asked again.
    pub(super) fn again(&mut self, failure: Failure) {
        self.prefer = failure.provider.clone();
        if failure.provider.is_some() {
            self.told = Some(failure);
        }
    }

    /// Another is asked.
    pub(super) fn elsewhere(&mut self, failure: Failure) {
        self.excluded.extend(failure.provider.clone());
        self.prefer = None;
        let wait = failure.retry_after.filter(|_| failure.retryable);
        if let (Kind::UpstreamRateLimited, Some(wait), Some(at)) = (failure.kind, wait, &self.at) {
            let until = Instant::now() + wait;
            if self.limited.as_ref().is_none_or(|(_, known)| until < *known) {
                self.limited = Some((at.clone(), until));
            }
        }
        self.told = Some(failure);
    }

    /// The one is asked again that was left because of its rate limit.
    pub(super) fn back(&mut self) {
        if let Some((limited, _)) = self.limited.take() {
            let name = limited.spec.name.clone();
            self.excluded.retain(|excluded| *excluded != name);
            self.prefer = Some(name);
        }
    }

    /// Whose budget pays for what follows.
    pub(super) fn payer(&self) -> Option<&Arc<Instance>> {
        self.at.as_ref().or(self.limited.as_ref().map(|(limited, _)| limited))
    }

    /// What the caller is told. What a provider said tells more than that no other could be asked.
    pub(super) fn final_failure(self, failure: Failure) -> Failure {
        let mut failure = match (&failure.provider, self.told) {
            (None, Some(told)) => told,
            _ => failure,
        };
        failure.unsent = self.unsent;
        failure.having_tried(self.failed)
    }
}
