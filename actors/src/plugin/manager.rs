//! The plugin manager: the one writer of the registry.
//!
//! Invariant: an order only sets what is wanted; every step follows from the record by `settle`, so that a manager that
//! comes back goes on from whatever it finds. At most one step is at work on a plugin.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::order::{Gained, PluginMsg, PluginOrder, StepEnd};
use super::record::{Busy, Done, Health, Placement, Record};
use super::registry::Registry;
use super::spec::PluginSpec;
use super::step::{SUCCESSOR, Step};
use crate::error::{Failure, Kind};
use crate::policy::lifecycle::Life;
use crate::policy::settle::{Ended, Refusal, Turn, Work};
use crate::supervision::{ChildSpec, Context, Fault, Worker};

/// How often plugins are looked at: one that is down shall not be offered for long.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest name of a plugin, in bytes: a child's name has 128, and a successor's has a number behind it. Ours.
const MAX_NAME: usize = 100;
/// What a look of our own is called.
const REVIVE: &str = "revive";

struct Manager {
    registry: Arc<Registry>,
    /// The steps at work, by plugin. They end with their manager.
    steps: HashMap<Arc<str>, AtWork>,
}

struct AtWork {
    work: Work<Arc<Placement>>,
    task: AbortOnDropHandle<()>,
    /// It had ended at the last look, and its end may wait in the mailbox still.
    over: bool,
}

/// The child spec of the plugin manager.
pub(crate) fn manager_spec(registry: &Arc<Registry>) -> ChildSpec {
    let (handle, registry, shown) = (registry.manager.clone(), registry.clone(), registry.clone());
    ChildSpec::worker("manager", &handle, move || {
        Ok(Manager {
            registry: registry.clone(),
            steps: HashMap::new(),
        })
    })
    .kind("plugins")
    .gauges(Arc::new(move || vec![("plugins", shown.len() as u64)]))
}

impl Worker for Manager {
    type Msg = PluginMsg;

    async fn start(&mut self, cx: &Context<PluginMsg>) -> Result<(), Fault> {
        cx.every(LOOK_EVERY, || PluginMsg::Look);
        for record in self.registry.records() {
            let mut record = Record::clone(&record);
            // The supervisor of the instances may have come back empty: those that serve come first.
            if record.standing.current().is_some_and(|placed| !placed.instance.is_up()) {
                if let Some(turn) = record.standing.roll_back() {
                    let lost = Failure::new(Kind::Internal, "its actors were lost meanwhile");
                    self.take_in(&mut record, turn, Health::Unknown, Some(lost));
                }
                self.look_at(&mut record);
            }
            self.settle(record)?;
        }
        Ok(())
    }

    async fn handle(&mut self, message: PluginMsg, _cx: &Context<PluginMsg>) -> Result<(), Fault> {
        match message {
            PluginMsg::Order { name, order, done } => self.order(name, order, done),
            PluginMsg::Ended(end) => self.ended(end),
            PluginMsg::Look => self.look(),
        }
    }
}

impl Manager {
    /// Sets what is wanted, or says why not.
    fn order(&mut self, name: Arc<str>, order: PluginOrder, done: Done) -> Result<(), Fault> {
        let with = order.as_str();
        match self.ordered(&name, order) {
            Ok(mut record) => {
                record.busy = Some(Busy::new(with, Some(done)));
                self.settle(record)
            }
            Err(failure) => {
                // Who asked may have gone.
                let _gone = done.send(Err(failure));
                Ok(())
            }
        }
    }

    fn ordered(&self, name: &Arc<str>, order: PluginOrder) -> Result<Record, Failure> {
        let mut record = match (self.registry.record(name), &order) {
            (Some(_), PluginOrder::Add(_)) => {
                let sentence = format!("a plugin called {name} exists already; update it instead");
                return Err(Failure::new(Kind::Conflict, sentence));
            }
            (None, PluginOrder::Add(spec)) => return self.added(spec.clone()),
            (Some(record), _) => Record::clone(&record),
            (None, _) => return Err(Failure::new(Kind::NotFound, format!("no plugin is called {name}"))),
        };
        let placed = record.standing.current().cloned();
        let drained = placed.as_ref().is_some_and(|placed| !placed.instance.accepting());
        let with = order.as_str();
        if let Some(kind) = order.kind(drained) {
            record
                .standing
                .order(kind)
                .map_err(|refusal| refused(&record, refusal, with))?;
        }
        match order {
            PluginOrder::Update(spec) => record.candidate = Some(spec),
            // One that was drained takes calls again.
            PluginOrder::Start if record.standing.life() == Life::Running => {
                placed.iter().for_each(|placed| placed.instance.resume());
            }
            _ => {}
        }
        Ok(record)
    }

    fn added(&self, spec: PluginSpec) -> Result<Record, Failure> {
        let name = &spec.name;
        if name.is_empty() || name.len() > MAX_NAME || name.contains(['/', SUCCESSOR]) {
            let sentence = format!("a plugin's name has 1 to {MAX_NAME} bytes, without `/` and `{SUCCESSOR}`");
            return Err(Failure::invalid("name", sentence));
        }
        if self.registry.len() >= self.registry.settings.max_plugins {
            return Err(Failure::new(Kind::Overloaded, "there are too many plugins"));
        }
        Ok(Record::new(spec, self.registry.now()))
    }

    /// Goes on with a plugin, from wherever it is. Its last step counts no more.
    fn settle(&mut self, mut record: Record) -> Result<(), Fault> {
        let registry = &self.registry;
        let name = record.spec.name.clone();
        let work = record
            .standing
            .settle()
            .map_err(|illegal| Fault::from(illegal.to_string()))?;
        record.remember(registry.now());
        record.ticket = registry.ticket();
        let Some(work) = work else {
            self.steps.remove(&name);
            self.rest(record);
            return Ok(());
        };
        let (spec, ticket) = (record.coming_spec().clone(), record.ticket);
        let updating = record.standing.has_successor();
        let predecessor = record.standing.current().filter(|_| updating).cloned();
        let step = Step {
            registry: registry.clone(),
            spec,
            ticket,
            version: registry.publish(record),
            predecessor,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(step.run(work.clone())));
        let over = false;
        // The step before it, should it be at work still, is given up.
        self.steps.insert(name, AtWork { work, task, over });
        Ok(())
    }

    /// Nothing is left to do with it: who ordered it hears so.
    fn rest(&self, mut record: Record) {
        let busy = record.busy.take();
        record.candidate = None;
        let version = if record.standing.is_gone() {
            self.registry.forget(&record.spec.name)
        } else {
            self.registry.publish(record)
        };
        if let Some(busy) = busy {
            busy.answer(version);
        }
    }

    fn ended(&mut self, StepEnd { name, ticket, outcome }: StepEnd) -> Result<(), Fault> {
        let current = self.registry.record(&name).filter(|record| record.ticket == ticket);
        let (Some(current), Some(at_work)) = (current, self.steps.remove(&name)) else {
            // Of a step that was given up: another one has taken its place.
            return Ok(());
        };
        let mut record = Record::clone(&current);
        let coming = record.standing.coming().cloned();
        let (ended, health) = match &outcome {
            Ok(Gained::Placed(placed)) => (Ended::Loaded(placed.clone()), Health::Unknown),
            Ok(Gained::Health(health)) => (Ended::Worked, health.clone()),
            Ok(Gained::Nothing) => (Ended::Worked, Health::Unknown),
            Err(_) => {
                let up = coming.is_some_and(|placed| placed.instance.is_up());
                (Ended::Failed { up }, Health::Unknown)
            }
        };
        let turn = record.standing.ended(&at_work.work, ended);
        if matches!(at_work.work, Work::Load | Work::Check(_))
            && let Some(placed) = record.standing.current()
        {
            record.routable = Some(placed.instance.routable());
        }
        self.take_in(&mut record, turn, health, outcome.err());
        if matches!(at_work.work, Work::TakeDown { .. }) && !record.standing.leaving().is_empty() {
            // Not gone: it is tried again at the next look.
            self.registry.publish(record);
            return Ok(());
        }
        self.settle(record)
    }

    /// Writes down what a step's end means.
    fn take_in(&self, record: &mut Record, turn: Turn, health: Health, failure: Option<Failure>) {
        let now = self.registry.now();
        match turn {
            Turn::Onward => {}
            Turn::Well => record.well(health, now),
            Turn::Started => {
                record.revision += 1;
                record.well(health, now);
            }
            Turn::Replaced => {
                record.revision += 1;
                record.well(health, now);
                record.spec = record.candidate.take().unwrap_or_else(|| record.spec.clone());
            }
            Turn::Adopted => record.spec = record.candidate.take().unwrap_or_else(|| record.spec.clone()),
            Turn::Unwell => {
                let text = || Failure::new(Kind::Internal, "a step of its life was lost");
                let failure = failure.clone().unwrap_or_else(text);
                record.unwell(&failure, self.registry.settings.recheck, now);
            }
            Turn::RolledBack if record.standing.life() == Life::Running => {
                let why = failure.as_ref().map_or_else(String::new, ToString::to_string);
                record.problem = Some(format!("the update failed and was rolled back: {why}").into());
            }
            Turn::RolledBack => {}
        }
        if let Some(busy) = &mut record.busy {
            busy.failure = busy.failure.take().or(failure);
        }
    }

    /// Whoever runs and is down is looked at, and whoever has failed, when its time has come; and what has not come to its
    /// end although its step has, is settled anew.
    fn look(&mut self) -> Result<(), Fault> {
        let now = self.registry.now();
        for record in self.registry.records() {
            self.registry.news.health(&record, now);
            let name = &record.spec.name;
            let lost = self.steps.get_mut(name).is_some_and(|at_work| {
                let lost = at_work.over;
                at_work.over = at_work.task.is_finished();
                lost
            });
            let stuck = !self.steps.contains_key(name) && !record.standing.is_free();
            if lost || stuck {
                self.settle(Record::clone(&record))?;
                continue;
            }
            let up = record.standing.current().is_some_and(|placed| placed.instance.is_up());
            let due = match record.standing.life() {
                Life::Running => !up,
                Life::Failed => record.looks.1 <= now,
                _ => false,
            };
            if due && record.busy.is_none() {
                let mut record = Record::clone(&record);
                if self.look_at(&mut record) {
                    self.settle(record)?;
                }
            }
        }
        Ok(())
    }

    fn look_at(&self, record: &mut Record) -> bool {
        let looks = record.standing.look();
        if looks && record.busy.is_none() {
            record.busy = Some(Busy::new(REVIVE, None));
        }
        looks
    }
}

fn refused(record: &Record, refusal: Refusal, with: &str) -> Failure {
    let name = &record.spec.name;
    match refusal {
        Refusal::Busy => {
            let busy = record.busy.as_ref().map_or("a change", |busy| busy.with);
            Failure::new(Kind::Conflict, format!("{name} is busy: {busy}")).after(Duration::from_secs(1))
        }
        Refusal::Life(life) => Failure::new(Kind::Conflict, format!("a plugin that is {life} cannot take: {with}")),
    }
}
