//! Ejection of outliers: what the router remembers of who is equivalent to whom, and who is ejected.
//!
//! Invariant: only the router ejects, and every ejection that it made is published in its instance; what is kept here can be
//! lost with it and costs one interval.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;

use super::RouterEnv;
use crate::call::Call;
use crate::clock::nanos_of;
use crate::directory::Directory;
use crate::instance::Instance;
use crate::messages::RouterMsg;
use crate::policy::outlier::{Interval, OutlierSettings, Why, has_room, outliers, panics};
use crate::policy::routing::CandidateSet;
use crate::supervision::{Context, Event};

/// Candidate sets that are remembered; beyond, all are learnt anew.
const MOST_SETS: usize = 4_096;
/// No interval is shorter, whatever is configured.
const LEAST_INTERVAL: Duration = Duration::from_millis(10);
/// For how long it is relied on that enough candidates of a set are healthy, or are not: there may be a thousand to look at.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What makes candidates equivalent: a rule, or else the set that they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Equivalence {
    Rule(usize),
    Set(u64),
}

/// Who of a set is passed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spares {
    /// Nobody.
    Nobody,
    /// Nobody, though some are ejected: too few others are healthy.
    NobodyInPanic,
    /// Those that are ejected.
    TheEjected,
}

/// What the router knows of outliers.
pub(super) struct Ejections {
    env: Arc<RouterEnv>,
    /// The sets whose members are among `groups`.
    seen: HashSet<u64, RandomState>,
    /// Who is equivalent, of those that were asked for.
    groups: HashMap<Equivalence, Vec<Arc<str>>>,
    ejected: Vec<Arc<Instance>>,
    /// What each had met when the interval began.
    before: HashMap<Arc<str>, (Arc<Instance>, Interval)>,
    /// When it did.
    began: u64,
    /// By set, while somebody is ejected: whether too few are healthy, and when that was looked at.
    panicking: HashMap<u64, (bool, u64)>,
}

impl Ejections {
    pub(super) fn new(env: Arc<RouterEnv>) -> Self {
        Ejections {
            env,
            seen: HashSet::default(),
            groups: HashMap::new(),
            ejected: Vec::new(),
            before: HashMap::new(),
            began: 0,
            panicking: HashMap::new(),
        }
    }

    fn settings(&self) -> &OutlierSettings {
        &self.env.outlier
    }

    fn now(&self) -> u64 {
        self.env.clock.nanos()
    }

    /// Its actor starts: takes over who is ejected, and looks after each interval.
    pub(super) fn start(&mut self, cx: &Context<RouterMsg>) {
        if !self.settings().is_on() {
            return;
        }
        let now = self.now();
        self.ejected = self.env.registry.serving();
        self.ejected.retain(|instance| instance.is_ejected(now));
        for instance in &self.ejected {
            sweep_at(instance.standing().until, now, cx);
        }
        self.begin(now);
        cx.every(self.settings().interval.max(LEAST_INTERVAL), || RouterMsg::Sweep);
    }

    /// The directory is another one.
    pub(super) fn refresh(&mut self) {
        // Learnt anew: rules cover other instances now.
        self.seen.clear();
        self.groups.clear();
        self.panicking.clear();
        let directory = self.env.directory.load();
        self.ejected.retain(|instance| {
            let successor = directory.serving(&instance.spec.name);
            let stays = successor.is_some_and(|serving| Arc::ptr_eq(serving, instance));
            if !stays {
                // Its successor is not; the two share a gauge.
                instance.meters.ejection.ejected.set(0.0);
            }
            stays
        });
    }

    /// Whether those of a set that are ejected are passed over.
    pub(super) fn spares(&mut self, set: &CandidateSet, directory: &Directory, call: &Call) -> Spares {
        if set.instances.len() < 2 || !self.settings().is_on() {
            return Spares::Nobody;
        }
        self.learn(set);
        if self.ejected.is_empty() {
            return Spares::Nobody;
        }
        match self.panics(set, directory, call) {
            true => Spares::NobodyInPanic,
            false => Spares::TheEjected,
        }
    }

    fn learn(&mut self, set: &CandidateSet) {
        if self.seen.contains(&set.id) {
            return;
        }
        if self.seen.len() >= MOST_SETS {
            self.seen.clear();
            self.groups.clear();
        }
        self.seen.insert(set.id);
        let equivalence = set.rule.map_or(Equivalence::Set(set.id), Equivalence::Rule);
        let members = self.groups.entry(equivalence).or_default();
        let known: HashSet<Arc<str>, RandomState> = members.iter().cloned().collect();
        members.extend(set.instances.iter().filter(|name| !known.contains(*name)).cloned());
    }

    fn panics(&mut self, set: &CandidateSet, directory: &Directory, call: &Call) -> bool {
        let now = self.now();
        if let Some((panics, looked)) = self.panicking.get(&set.id)
            && now.saturating_sub(*looked) < nanos_of(LOOK_AGAIN)
        {
            return *panics;
        }
        let is_healthy = |instance: &&Arc<Instance>| !instance.is_ejected(now) && instance.breaker.of(call).is_closed();
        let serving = set.instances.iter().filter_map(|name| directory.serving(name));
        let healthy = serving.filter(is_healthy).count();
        let ejected =
            |instance: &Arc<Instance>| instance.is_ejected(now) && set.instances.contains(&instance.spec.name);
        // Without an ejection among them, there is nothing to ignore.
        let panics = self.ejected.iter().any(ejected) && panics(healthy, set.instances.len(), self.settings());
        if self.panicking.len() >= MOST_SETS {
            self.panicking.clear();
        }
        self.panicking.insert(set.id, (panics, now));
        panics
    }

    /// An instance failed again and again.
    pub(super) fn failing(&mut self, name: &str, cx: &Context<RouterMsg>) {
        let instance = self.env.directory.load().serving(name).cloned();
        if let Some(instance) = instance.filter(|instance| instance.fails_in_a_row()) {
            self.eject(&instance, Why::ConsecutiveFailures, cx);
        }
    }

    /// A health check found an instance well.
    pub(super) fn well(&mut self, name: &str) {
        let now = self.now();
        let known = self.ejected.iter().find(|instance| *instance.spec.name == *name);
        if let Some(instance) = known {
            instance.stand(instance.standing().well(), now);
        }
        self.let_back(now);
    }

    /// Lets back whose time is over, and compares where an interval is.
    pub(super) fn sweep(&mut self, cx: &Context<RouterMsg>) {
        let now = self.now();
        self.let_back(now);
        if now.saturating_sub(self.began) < nanos_of(self.settings().interval) {
            return;
        }
        if self.settings().compares() {
            self.compare(cx);
        }
        for instance in self.env.registry.serving() {
            instance.stand(instance.standing().rested(self.began), now);
        }
        self.begin(now);
    }

    /// An interval begins.
    fn begin(&mut self, now: u64) {
        self.began = now;
        let of = |instance: Arc<Instance>| (instance.spec.name.clone(), (instance.clone(), instance.record()));
        self.before = self.env.registry.serving().into_iter().map(of).collect();
    }

    /// Ejects who answered badly in the interval that ends.
    fn compare(&mut self, cx: &Context<RouterMsg>) {
        let now = self.now();
        let directory = self.env.directory.load();
        let mut found = Vec::new();
        for members in self.groups.values() {
            let serving = members.iter().filter_map(|name| directory.serving(name));
            let there: Vec<_> = serving.filter(|instance| !instance.is_ejected(now)).collect();
            let met: Vec<_> = there.iter().map(|instance| self.met(instance)).collect();
            let worst = outliers(&met, self.settings()).into_iter();
            found.extend(worst.map(|(place, why)| (there[place].clone(), why)));
        }
        drop(directory);
        for (instance, why) in found {
            self.eject(&instance, why, cx);
        }
    }

    /// What an instance has met in the interval. One that was not there when it began has met all since.
    fn met(&self, instance: &Arc<Instance>) -> Interval {
        let known = self.before.get(&instance.spec.name);
        let known = known.filter(|(known, _)| Arc::ptr_eq(known, instance));
        let (before, now) = (known.map(|(_, before)| *before).unwrap_or_default(), instance.record());
        Interval {
            attempts: now.attempts.saturating_sub(before.attempts),
            failed: now.failed.saturating_sub(before.failed),
        }
    }

    /// Ejects it, where each of its groups has room for that.
    fn eject(&mut self, instance: &Arc<Instance>, why: Why, cx: &Context<RouterMsg>) {
        let now = self.now();
        if instance.is_ejected(now) || !self.may_be_ejected(&instance.spec.name, now) {
            return;
        }
        let standing = instance.standing().ejected(self.settings(), now, fastrand::f64());
        instance.stand(standing, now);
        instance.meters.ejection.ejected.set(1.0);
        instance.meters.ejection.ejections.increment(1);
        let known = self.ejected.iter().any(|known| Arc::ptr_eq(known, instance));
        if !known {
            self.ejected.push(instance.clone());
        }
        self.panicking.clear();
        sweep_at(standing.until, now, cx);
        let for_ms = standing.until.saturating_sub(now) / 1_000_000;
        tracing::warn!(provider = &*instance.spec.name, why = why.as_str(), for_ms, "ejected");
        self.tell(instance, "ejected", Some(for_ms), Some(why.as_str()));
    }

    fn may_be_ejected(&self, name: &Arc<str>, now: u64) -> bool {
        let mut its = self.groups.values().filter(|members| members.contains(name)).peekable();
        let is_ejected = |instance: &&Arc<Instance>| instance.is_ejected(now);
        let ejected = |members: &[Arc<str>]| {
            let there = self.ejected.iter().filter(is_ejected);
            there.filter(|instance| members.contains(&instance.spec.name)).count()
        };
        its.peek().is_some() && its.all(|members| has_room(ejected(members), members.len(), self.settings()))
    }

    fn let_back(&mut self, now: u64) {
        let (staying, back): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ejected)
            .into_iter()
            .partition(|instance| instance.is_ejected(now));
        self.ejected = staying;
        if !back.is_empty() {
            self.panicking.clear();
        }
        for instance in &back {
            instance.meters.ejection.ejected.set(0.0);
            tracing::info!(provider = &*instance.spec.name, "no longer ejected");
            self.tell(instance, "returned", None, None);
        }
    }

    fn tell(&self, instance: &Instance, state: &'static str, for_ms: Option<u64>, why: Option<&'static str>) {
        self.env.events.tell(Event::Ejection {
            name: instance.spec.name.clone(),
            state,
            for_ms,
            why,
        });
    }
}

/// Has the router look when an ejection is over.
fn sweep_at(until: u64, now: u64, cx: &Context<RouterMsg>) {
    cx.after(Duration::from_nanos(until.saturating_sub(now)), RouterMsg::Sweep);
}
