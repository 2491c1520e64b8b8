//! What was heard of an instance's health while it serves.
//!
//! Invariant: an illness holds until a check finds none, or a call is answered; that the credential was refused, until it
//! is known to serve.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwapOption;
use tokio::sync::oneshot;

use super::traffic::is_spent;
use super::{AttemptEnd, Instance, ProviderMsg};
use crate::clock::nanos_of;
use crate::driver::Credential;
use crate::error::{Failure, Kind};
use crate::policy::health::Pulse;

#[derive(Default)]
pub(crate) struct Heard {
    /// When it was last asked; 0: never.
    asked: AtomicU64,
    /// Until when its checks were told to wait; 0: they were not.
    wait_until: AtomicU64,
    /// What its last check failed with.
    ill: ArcSwapOption<Illness>,
    /// When the last illness ended, whoever had found it; 0: there was none.
    recovered: AtomicU64,
}

struct Illness {
    why: Arc<str>,
    since: u64,
    /// It is our credential that was refused.
    refused: bool,
}

impl Heard {
    fn ill(&self, failure: &Failure, now: u64) {
        let since = self.ill.load().as_ref().map_or(now, |before| before.since);
        self.ill.store(Some(Arc::new(Illness {
            why: failure.to_string().into(),
            since,
            refused: failure.kind == Kind::UpstreamAuth,
        })));
    }

    /// It is well. True where it was not.
    fn well(&self, credential: Credential) -> bool {
        let heals = |ill: &Arc<Illness>| credential == Credential::Serves || !ill.refused;
        // Read first: this is on every attempt's path, and nearly always there is nothing to clear.
        self.ill.load().as_ref().is_some_and(heals) && self.ill.swap(None).is_some()
    }

    /// Why it is not well, and since when.
    fn illness(&self) -> Option<(Arc<str>, u64)> {
        self.ill.load().as_ref().map(|ill| (ill.why.clone(), ill.since))
    }
}

impl Instance {
    /// Asks the provider whether it is well.
    pub(crate) async fn health(&self) -> Result<Credential, Failure> {
        let down = || Failure::new(Kind::NoProvider, "its actor is down");
        let (done, told) = oneshot::channel();
        self.provider.send(ProviderMsg::Health(done)).map_err(|_| down())?;
        self.unless_busy(told.await.unwrap_or_else(|_| Err(down())))
    }

    /// Its provider said that it is well, and what that proves; or it is not, or could not be asked.
    pub(crate) fn heard(&self, well: Option<Credential>) {
        let now = self.now();
        self.heard.asked.fetch_max(now, Relaxed);
        if let Some(credential) = well {
            let serves = credential == Credential::Serves && self.traffic.credential_serves();
            let healed = self.heard.well(credential);
            self.recovered(serves || healed, now);
        }
        self.meters.health(well.is_some() && self.ill().is_none());
    }

    /// It was asked whether it is well while it serves. Bears on nothing but what is known of its health, and on how long
    /// it wants to be left alone.
    pub(crate) fn checked(&self, outcome: Result<Credential, Failure>) {
        let now = self.now();
        if let Some(wait) = outcome.as_ref().err().and_then(|failure| failure.retry_after) {
            self.heard
                .wait_until
                .fetch_max(now.saturating_add(nanos_of(wait)), Relaxed);
        }
        let outcome = self.unless_busy(outcome);
        if outcome.is_ok() {
            self.found_well(now);
        }
        if let Err(failure) = &outcome {
            self.heard.ill(&failure.clone().by(&self.spec.name), now);
        }
        self.heard(outcome.ok());
    }

    /// A check's outcome, of which a rate limit is heeded as that of a call is, and is no illness: that provider is well, and
    /// busy. An account that is spent is none of the sort.
    fn unless_busy(&self, outcome: Result<Credential, Failure>) -> Result<Credential, Failure> {
        outcome.or_else(|failure| {
            self.heed_limit(&failure);
            let busy = failure.kind == Kind::UpstreamRateLimited && !is_spent(&failure);
            busy.then_some(Credential::Unproven).ok_or(failure)
        })
    }

    /// Something that was wrong with it is over.
    fn recovered(&self, over: bool, now: u64) -> bool {
        let well = over && self.ill().is_none();
        if well {
            self.heard.recovered.fetch_max(now, Relaxed);
        }
        well
    }

    /// When it was well again after its last illness; 0: it never was ill.
    pub(crate) fn well_since(&self) -> u64 {
        self.heard.recovered.load(Relaxed)
    }

    /// What its next check goes by, as far as it knows; it was made ready at `started`.
    pub(crate) fn pulse(&self, started: u64) -> Pulse {
        let ill = self.heard.illness().is_some();
        Pulse {
            every: self.checks.and_then(|checks| checks.every),
            asked: self.last_asked().unwrap_or(0).max(started),
            // What did not end an illness does not stand in for a check that might.
            answered: self.traffic.last_word().filter(|_| !ill).unwrap_or(0),
            ill,
            limited_until: self
                .limited_until
                .load(Relaxed)
                .max(self.heard.wait_until.load(Relaxed)),
            scarce: false,
            chance: 0.0,
        }
    }

    /// When its provider was asked last how it is.
    fn last_asked(&self) -> Option<u64> {
        Some(self.heard.asked.load(Relaxed)).filter(|asked| *asked != 0)
    }

    /// When its provider last showed how it is: in a check, or by its answer to a call. It never goes back.
    pub(crate) fn last_heard(&self) -> Option<u64> {
        self.last_asked().max(self.traffic.last_word())
    }

    /// Why it can serve nobody, as its attempts or else its checks found, and since when it has been so.
    pub(crate) fn ill(&self) -> Option<(Arc<str>, u64)> {
        match (self.traffic.unfit(), self.heard.illness()) {
            (Some((why, one)), Some((_, other))) => Some((why, one.min(other))),
            (unfit, ill) => unfit.or(ill),
        }
    }

    /// Why it can serve nobody, or else what its last failed attempt met.
    pub(crate) fn trouble(&self) -> Option<Arc<str>> {
        let ill = self.ill().map(|(why, _)| why);
        ill.or_else(|| self.traffic.last_trouble())
    }

    /// An attempt ended, with `failure` or as it should. `answered`: the provider did its part, even if the caller was told
    /// no.
    pub(crate) fn count(&self, end: AttemptEnd, failure: Option<&Failure>, answered: bool) {
        let now = self.now();
        let fit = self.traffic.count(end, failure, answered, now);
        // A call that was answered says more than a check; a refusal, as much as one that proves no credential.
        let healed = match end {
            AttemptEnd::Answered => self.heard.well(Credential::Serves),
            AttemptEnd::Refused if answered => self.heard.well(Credential::Unproven),
            _ => false,
        };
        if self.recovered(healed || fit == Some(true), now) {
            self.meters.health(true);
        } else if fit == Some(false) {
            self.meters.health(false);
        }
    }
}
