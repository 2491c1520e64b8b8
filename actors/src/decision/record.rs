//! A decision record: what the path of one call decided, and why, as it goes.
//!
//! Invariant: a record is of a fixed size and writing to it never allocates. Names are shared with whoever made them; what
//! does not fit is counted. Nothing of a call's input or answer is ever in it, and no failure's sentence.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::few::{Cut, Few};
use super::rows::{
    Attempted, CANDIDATES, Cached, Candidate, Ended, Marks, RESOURCE_BYTES, ROWS, Rules, Seen, Subject, TenantStanding,
    UNPRICED,
};
use super::words::{AttemptResult, Phase, RoutedBy, Verdict, Why};
use crate::call::{CacheStatus, Call};
use crate::error::Failure;
use crate::policy::balance::{Basis, Scores};
use crate::policy::routing::CandidateSet;

/// A longer label, by its two texts together, and a longer model name are left out: a record must not hold on to a large
/// text.
const LONGEST_WORD: usize = 256;

/// The record of one call. It is used again when its call is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    /// Distinguishes the calls that used this record, so that who is late writes to nobody else's.
    pub(super) serial: u64,
    pub(super) closed: bool,
    pub(super) at_unix_ms: u64,
    pub(super) started: Option<Instant>,
    pub(super) subject: Option<Subject>,
    pub(super) resource: Cut<RESOURCE_BYTES>,
    pub(super) labels: [Option<(Arc<str>, Arc<str>)>; ROWS],
    pub(super) labels_kept: usize,
    pub(super) labels_left_out: u32,
    pub(super) marks: Marks,
    pub(super) routed_by: RoutedBy,
    pub(super) rules: Rules,
    pub(super) set: Option<Arc<CandidateSet>>,
    pub(super) candidates: Few<Candidate, CANDIDATES>,
    pub(super) attempts: Few<Attempted, ROWS>,
    /// Why the next attempt is made, and after which wait.
    next: (Why, u64),
    pub(super) first_choice: Option<u16>,
    /// What the last choice went by.
    pub(super) basis: Basis,
    pub(super) cached: Cached,
    pub(super) tenant: Option<TenantStanding>,
    pub(super) ended: Option<Ended>,
}

impl Decision {
    /// Becomes the record of `call`, which came at `started`.
    pub(super) fn begin(&mut self, call: &Call, started: Instant, at_unix_ms: u64) {
        (self.started, self.at_unix_ms) = (Some(started), at_unix_ms);
        let attributes = &call.attributes;
        self.resource.set(call.resource.native());
        let short = |model: &&Arc<str>| model.len() <= LONGEST_WORD;
        self.subject = Some(Subject {
            id: call.id.clone(),
            tenant: call.caller.tenant.clone(),
            operation: call.operation,
            provider: call.provider.clone(),
            pinned: call.resource.instance().cloned(),
            priority: attributes.priority,
            performance: attributes.performance,
            payload_bytes: attributes.payload_bytes,
            model: attributes.model.as_ref().filter(short).cloned(),
            model_left_out: attributes.model.as_ref().is_some_and(|model| !short(&model)),
            affinity: attributes.affinity,
            estimate: call.estimate,
        });
        for (name, value) in &attributes.labels {
            match self.labels.get_mut(self.labels_kept) {
                Some(place) if name.len() + value.len() <= LONGEST_WORD => {
                    *place = Some((name.clone(), value.clone()));
                    self.labels_kept += 1;
                }
                _ => self.labels_left_out = self.labels_left_out.saturating_add(1),
            }
        }
    }

    /// Lets go of all that it holds, and is nobody's.
    pub(super) fn clear(&mut self) {
        // Field by field: rows beyond a list's length are left as they are, so that few cache lines are touched.
        let Decision {
            serial,
            closed,
            at_unix_ms,
            started,
            subject,
            resource,
            labels,
            labels_kept,
            labels_left_out,
            marks,
            routed_by,
            rules,
            set,
            candidates,
            attempts,
            next,
            first_choice,
            basis,
            cached,
            tenant,
            ended,
        } = self;
        *serial += 1;
        (*closed, *at_unix_ms, *started, *subject) = (false, 0, None, None);
        resource.set("");
        labels[..*labels_kept].fill(None);
        (*labels_kept, *labels_left_out) = (0, 0);
        (*marks, *routed_by, *set) = (Marks::default(), RoutedBy::default(), None);
        rules.0.clear();
        candidates.clear();
        attempts.clear();
        (*next, *first_choice, *basis) = (Default::default(), None, Basis::default());
        *cached = Cached::default();
        (*tenant, *ended) = (None, None);
    }

    fn since(&self, at: Instant) -> u64 {
        let started = self.started.unwrap_or(at);
        micros(at.saturating_duration_since(started))
    }

    /// A phase ended `at`.
    pub(crate) fn passed(&mut self, phase: Phase, at: Instant) {
        let at = Some(self.since(at));
        match phase {
            Phase::Admit => self.marks.admitted_us = at,
            Phase::Route => self.marks.routed_us = at,
            Phase::Lookup => self.marks.looked_up_us = at,
        }
    }

    /// What the tenant's limits say.
    pub(crate) fn limits(&mut self, standing: TenantStanding) {
        self.tenant = Some(standing);
    }

    /// Routing found these candidates.
    pub(crate) fn routed(&mut self, call: &Call, set: &Arc<CandidateSet>, rules: Rules) {
        self.rules = rules;
        self.routed_by = match set.rule {
            Some(_) => RoutedBy::Rule,
            None if call.provider.is_some() => RoutedBy::Provider,
            None if call.resource.instance().is_some() => RoutedBy::Resource,
            None => RoutedBy::Home,
        };
        self.basis = Basis::default();
        self.candidates.clear();
        let count = set.instances.len();
        for index in 0..count.min(CANDIDATES) {
            self.candidates.push(Candidate {
                index: index as u16,
                ..Candidate::NEW
            });
        }
        self.candidates.leave_out(count.saturating_sub(CANDIDATES));
        self.set = Some(set.clone());
    }

    /// Routing refused the call.
    pub(crate) fn refused(&mut self, rules: Rules) {
        self.rules = rules;
        self.routed_by = RoutedBy::Refused;
    }

    /// The call waited for another one's flight.
    pub(crate) fn coalesced(&mut self) {
        self.cached.coalesced = true;
    }

    /// An attempt begins.
    pub(crate) fn attempt(&mut self, at: Instant) {
        let (why, waited_us) = self.next;
        self.next = (Why::Anew, 0);
        let began_us = self.since(at);
        self.attempts.push(Attempted {
            why,
            began_us,
            waited_us,
            ..Attempted::default()
        });
    }

    /// Why the next attempt will be made, and after which wait.
    pub(crate) fn then(&mut self, why: Why, wait: Duration) {
        self.next = (why, micros(wait));
    }

    /// How the candidates that are kept stand now.
    pub(crate) fn look(&mut self, see: impl Fn(usize) -> Seen) {
        for candidate in self.candidates.items_mut() {
            let seen = see(usize::from(candidate.index));
            candidate.verdict = seen.verdict;
            candidate.in_flight = u32::try_from(seen.in_flight).unwrap_or(u32::MAX);
            // Zero says that nothing was measured.
            let expected = seen.expected.map_or(0, |expected| micros(expected).max(1));
            candidate.expected_us = u32::try_from(expected).unwrap_or(u32::MAX);
            candidate.cost = seen.cost.unwrap_or(UNPRICED);
        }
    }

    /// What the balancer that chose made of the candidates.
    pub(crate) fn scored(&mut self, scores: &Scores) {
        self.basis = scores.basis();
        for score in scores.entries() {
            if let Some(candidate) = self.candidate(score.index) {
                candidate.score = score.cost as f32;
                candidate.seconds = score.latency.unwrap_or(f32::NAN);
                candidate.failure = score.failure.unwrap_or(f32::NAN);
                candidate.dollars = score.money.unwrap_or(f32::NAN);
            }
        }
    }

    fn candidate(&mut self, index: usize) -> Option<&mut Candidate> {
        let mut all = self.candidates.items_mut().iter_mut();
        all.find(|candidate| usize::from(candidate.index) == index)
    }

    /// The candidate that would be asked first.
    pub(crate) fn would_ask(&mut self, index: usize) {
        self.make_room_for(index);
        self.first_choice = u16::try_from(index).ok();
        self.prefers(index);
    }

    /// The candidate that the attempt under way asks.
    pub(crate) fn asked(&mut self, index: usize) {
        self.make_room_for(index);
        let place = u16::try_from(index).ok();
        self.first_choice = self.first_choice.or(place);
        if let Some(candidate) = self.candidate(index) {
            candidate.verdict = Verdict::Asked;
            candidate.asked = candidate.asked.saturating_add(1);
        }
        if let Some(attempt) = self.open_attempt() {
            attempt.index = place;
        }
        self.prefers(index);
    }

    /// Those that could be asked, too, and that the rule prefers this one to.
    fn prefers(&mut self, index: usize) {
        let Some(set) = self.set.as_ref().filter(|set| set.tiers.len() > 1) else {
            return;
        };
        let tier = set.tiers.iter().find(|tier| tier.range.contains(&index));
        let end = tier.map_or(usize::MAX, |tier| tier.range.end);
        for candidate in self.candidates.items_mut() {
            let able = matches!(candidate.verdict, Verdict::Available | Verdict::Scarce);
            if able && usize::from(candidate.index) >= end {
                candidate.verdict = Verdict::LowerTier;
            }
        }
    }

    /// The candidate that was chosen, and why it does not take the attempt: after it was asked, or before.
    pub(crate) fn declined(&mut self, index: usize, why: Verdict) {
        self.make_room_for(index);
        let place = u16::try_from(index).ok();
        let Some(candidate) = self.candidate(index) else { return };
        // Only this turn can have said that it was asked: each begins with a look.
        let was_asked = candidate.verdict == Verdict::Asked;
        // What the look said already says more.
        let seemed_well = matches!(
            candidate.verdict,
            Verdict::Available | Verdict::Limited | Verdict::Scarce | Verdict::LowerTier
        );
        if was_asked || seemed_well {
            candidate.verdict = why;
        }
        if was_asked {
            candidate.asked = candidate.asked.saturating_sub(1);
            self.first_choice = self
                .first_choice
                .filter(|first| self.attempts.items().len() > 1 || Some(*first) != place);
            if let Some(attempt) = self.open_attempt() {
                attempt.index = None;
            }
        }
    }

    /// Who was asked is among the candidates that are kept: it takes the place of one that was not.
    fn make_room_for(&mut self, index: usize) {
        let Ok(place) = u16::try_from(index) else { return };
        let is_there = self.set.as_ref().is_some_and(|set| index < set.instances.len());
        if !is_there || self.candidate(index).is_some() {
            return;
        }
        let mut last = self.candidates.items_mut().iter_mut().rev();
        if let Some(candidate) = last.find(|candidate| candidate.asked == 0) {
            *candidate = Candidate {
                index: place,
                ..Candidate::NEW
            };
        }
    }

    /// The attempt that was begun last, if it is among those that are kept and has not ended.
    fn open_attempt(&mut self) -> Option<&mut Attempted> {
        if self.attempts.left_out() > 0 {
            return None;
        }
        let last = self.attempts.items_mut().last_mut();
        last.filter(|attempt| attempt.result == AttemptResult::Unfinished)
    }

    /// The attempt of this number, if it is among those that are kept and has not ended.
    fn numbered(&mut self, number: u32) -> Option<&mut Attempted> {
        let place = usize::try_from(number.checked_sub(1)?).ok()?;
        let attempt = self.attempts.items_mut().get_mut(place);
        attempt.filter(|attempt| attempt.result == AttemptResult::Unfinished)
    }

    /// The least that is left of the limits that the provider of an attempt, by its number from 1, tells of.
    pub(crate) fn upstream_left(&mut self, number: u32, left: Option<u64>) {
        if let Some(attempt) = self.numbered(number) {
            attempt.upstream_remaining = left;
        }
    }

    /// An attempt, by its number from 1, ended.
    pub(crate) fn attempt_ended(&mut self, number: u32, at: Instant, result: Result<AttemptResult, &Failure>) {
        let ended_us = self.since(at);
        if let Some(attempt) = self.numbered(number) {
            attempt.ended_us = ended_us;
            (attempt.result, attempt.code) = match result {
                Ok(result) => (result, None),
                Err(failure) => (AttemptResult::Failed, Some(failure.kind)),
            };
        }
    }

    /// What the cache did, as the reply tells; that another's flight was waited for stays.
    pub(crate) fn served(&mut self, status: CacheStatus, tier: Option<&'static str>) {
        self.cached.coalesced |= status == CacheStatus::Collapsed;
        (self.cached.status, self.cached.tier) = (Some(status), tier);
    }

    /// The call has ended.
    pub(crate) fn end(&mut self, ended: Ended) {
        self.ended = Some(ended);
    }
}

/// In microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
