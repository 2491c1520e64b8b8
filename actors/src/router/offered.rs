//! The candidates of one attempt, as they stand in the router's turn: what a balancer sees of them, the permits that an
//! attempt at one needs, and what it could wait for.
//!
//! Invariant: no permit is kept of a candidate that is not asked.

use std::sync::Arc;
use std::time::Duration;

use super::ejection::{Ejections, Spares};
use crate::breaker::BreakerPermit;
use crate::bulkhead::BulkheadPermit;
use crate::call::Call;
use crate::credits::{CreditPermit, first_tier};
use crate::decision::{Seen, Verdict, seen};
use crate::directory::Directory;
use crate::instance::{Grant, Instance};
use crate::policy::balance::{CandidateView, Candidates};
use crate::policy::credits::Unfunded;
use crate::policy::routing::{CandidateSet, Tier};

/// The candidates of one attempt, as a balancer looks at them.
pub(super) struct Offered<'a> {
    pub(super) set: &'a CandidateSet,
    pub(super) directory: &'a Directory,
    pub(super) excluded: &'a [Arc<str>],
    /// Candidates that could not be asked in this turn.
    pub(super) declined: Vec<usize>,
    pub(super) call: &'a Arc<Call>,
    /// Those that are ejected are not asked.
    pub(super) spares: bool,
    /// They are, because too few others are healthy.
    pub(super) panics: bool,
    /// Those of them that had no place for it.
    pub(super) crowded: Vec<usize>,
    /// The one of them whose turn comes next, if its provider's quota is to last, and when.
    pub(super) paced: Option<(usize, Duration)>,
    pub(super) now: u64,
}

impl<'a> Offered<'a> {
    /// The candidates of a call as they stand at `now`; none of them was looked at so far.
    pub(super) fn new(
        (set, call): (&'a CandidateSet, &'a Arc<Call>),
        directory: &'a Directory,
        excluded: &'a [Arc<str>],
        ejections: &mut Ejections,
        now: u64,
    ) -> Self {
        let spares = ejections.spares(set, directory, call);
        Offered {
            spares: spares == Spares::TheEjected,
            panics: spares == Spares::NobodyInPanic,
            set,
            directory,
            excluded,
            declined: Vec::new(),
            call,
            crowded: Vec::new(),
            paced: None,
            now,
        }
    }
}

impl Offered<'_> {
    /// The instance of a candidate, if this call may still ask it.
    pub(super) fn instance(&self, index: usize) -> Option<&Arc<Instance>> {
        let name = self.set.instances.get(index)?;
        let instance = self.directory.serving(name)?;
        (!self.excluded.contains(name) && !self.declined.contains(&index)).then_some(instance)
    }

    /// There is but one candidate.
    pub(super) fn is_alone(&self) -> bool {
        self.set.instances.len() == 1
    }

    pub(super) fn is_spared(&self, instance: &Instance) -> bool {
        self.spares && instance.is_ejected(self.now)
    }

    /// How a candidate stands, for the decision record.
    pub(super) fn seen(&self, index: usize) -> Seen {
        let name = self.set.instances.get(index);
        let instance = name.and_then(|name| self.directory.serving(name));
        let excluded = name.is_some_and(|name| self.excluded.contains(name));
        let ejected = instance.is_some_and(|instance| self.is_spared(instance));
        let uncovered = instance.is_some_and(|instance| self.lacks_credits(instance, index));
        seen(
            instance.map(|instance| &**instance),
            (excluded, ejected, uncovered),
            self.call,
            self.now,
        )
    }

    /// Whether a candidate is not asked for want of credits.
    fn lacks_credits(&self, instance: &Instance, index: usize) -> bool {
        let demanded = self.set.asks_credits(index);
        match &instance.credits {
            Some(gate) => gate.refuses(self.call, demanded).is_some(),
            None => demanded,
        }
    }

    /// A candidate that takes calls.
    fn open(&self, index: usize) -> Result<Arc<Instance>, Verdict> {
        let instance = self.instance(index).ok_or(Verdict::NotRunning)?;
        match instance.breaker.of(self.call).wait(self.now) {
            _ if !instance.accepting() => Err(Verdict::Drained),
            Some(_) => Err(Verdict::CircuitOpen),
            None => Ok(instance.clone()),
        }
    }

    /// A candidate's turn comes after this time.
    fn comes(&mut self, index: usize, wait: Duration) {
        if self.paced.is_none_or(|(_, soonest)| wait < soonest) {
            self.paced = Some((index, wait));
        }
    }

    /// Whether a candidate would take an attempt, as [`Offered::guard`] finds out. No permit is taken.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn would_take(&mut self, index: usize) -> Result<(), Verdict> {
        let instance = self.open(index)?;
        if let Some(wait) = instance.would_wait(self.call, self.now) {
            self.comes(index, wait);
            return Err(Verdict::Paced);
        }
        if !instance.has_room() {
            self.crowded.push(index);
            return Err(Verdict::Full);
        }
        match self.lacks_credits(&instance, index) {
            true => Err(Verdict::NoCredits),
            false => Ok(()),
        }
    }

    /// Whether a candidate has credits for a call. One that has none at all has none left.
    pub(super) fn is_funded(&self, index: usize) -> bool {
        let gate = self.instance(index).and_then(|instance| instance.credits.as_ref());
        gate.is_some_and(|gate| gate.affords(self.call).is_ok())
    }

    /// The name of the candidate, where there is but one.
    pub(super) fn only(&self) -> Option<&str> {
        match &self.set.instances[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether those who come first are asked on credits alone, and could be once some are leased: others have what was leased
    /// last.
    pub(super) fn awaits_credits(&self) -> bool {
        let Some(Tier { range, credits: true }) = first_tier(self.set, self.excluded) else {
            return false;
        };
        let could_be = |index: usize| {
            let gate = self.open(index).ok().and_then(|instance| instance.credits.clone());
            gate.map(|gate| gate.affords(self.call))
        };
        let each: Vec<_> = range.clone().filter_map(could_be).collect();
        !each.contains(&Ok(())) && each.contains(&Err(Unfunded::Short))
    }

    /// The permits that an attempt at a candidate needs, and what it may spend.
    ///
    /// # Errors
    /// Why it is not asked.
    pub(super) fn guard(
        &mut self,
        index: usize,
        held: &mut Option<BulkheadPermit>,
    ) -> Result<(BreakerPermit, BulkheadPermit, CreditPermit), Verdict> {
        let instance = self.open(index)?;
        let paceable = match instance.pace(self.call, self.now) {
            Ok(paceable) => paceable,
            Err(wait) => {
                self.comes(index, wait);
                return Err(Verdict::Paced);
            }
        };
        let permit = instance.breaker.permit(self.call, self.now);
        let permit = permit.map_err(|_open| Verdict::CircuitOpen)?;
        let Some(mut place) = instance.acquire(self.call, held) else {
            self.crowded.push(index);
            return Err(Verdict::Full);
        };
        let demanded = self.set.asks_credits(index);
        let credits = match &instance.credits {
            Some(gate) => gate.reserve(self.call, demanded).map_err(|_| Verdict::NoCredits)?,
            None if demanded => return Err(Verdict::NoCredits),
            None => CreditPermit::default(),
        };
        place.paced = paceable.goes(self.now);
        Ok((permit, place, credits))
    }

    /// What the call can wait for: a place where the fewest wait, or else its turn.
    pub(super) fn waits(&self) -> Option<Grant> {
        let crowded = |index: &usize| {
            let instance = self.directory.serving(self.set.instances.get(*index)?)?;
            let left = !self.excluded.contains(&instance.spec.name);
            let full = !instance.has_room() || self.crowded.contains(index);
            let open = instance.breaker.of(self.call).wait(self.now).is_some();
            let able = instance.accepting() && instance.has_queue() && !open;
            (left && full && able).then(|| instance.clone())
        };
        let all = 0..self.set.instances.len();
        let place = all.filter_map(|index| crowded(&index)).min_by_key(|one| one.waiting());
        place.map(Grant::Crowded).or_else(|| {
            let (index, wait) = self.paced?;
            let instance = self.directory.serving(&self.set.instances[index])?;
            Some(Grant::Paced(instance.clone(), wait))
        })
    }
}

impl Candidates for Offered<'_> {
    fn len(&self) -> usize {
        self.set.instances.len()
    }

    fn place(&self, index: usize) -> usize {
        self.set.places[index]
    }

    fn identity(&self, index: usize) -> u64 {
        self.set.identities[index]
    }

    fn view(&self, index: usize) -> CandidateView {
        match self.instance(index) {
            Some(instance) if self.is_spared(instance) => CandidateView::UNAVAILABLE,
            Some(instance) => instance.view(self.call, self.now),
            None => CandidateView::UNAVAILABLE,
        }
    }

    fn cost(&self, index: usize) -> Option<u64> {
        let instance = self.instance(index)?;
        instance.spec.billing.prices.expected(self.call)
    }
}
