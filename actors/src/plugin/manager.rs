//! The plugin manager: the one writer of the registry.
//!
//! Invariant: at most one procedure is at work on a plugin; every step of a life is decided here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::procedure::{self, Procedure};
use super::registry::{Busy, Placement, Record};
use super::{Health, PluginSpec, Plugins, Registry};
use crate::clock::nanos_of;
use crate::error::{Failure, Kind};
use crate::policy::lifecycle::Life;
use crate::supervision::{ChildSpec, Context, Fault, Message, Worker};

/// How often plugins are looked at: one that is down shall not be offered for long.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) type Done = oneshot::Sender<Result<(), Failure>>;

/// What is wanted of a plugin.
pub(crate) enum PluginOrder {
    Add(PluginSpec),
    Update(PluginSpec),
    Start,
    Stop,
    Remove,
    /// No new calls, but its actors stay.
    Drain,
    /// A failed one is looked at again.
    Revive,
}

impl PluginOrder {
    fn as_str(&self) -> &'static str {
        match self {
            PluginOrder::Add(_) => "add",
            PluginOrder::Update(_) => "update",
            PluginOrder::Start => "start",
            PluginOrder::Stop => "stop",
            PluginOrder::Remove => "remove",
            PluginOrder::Drain => "drain",
            PluginOrder::Revive => "revive",
        }
    }
}

/// What changes in a record beside its place in life.
#[derive(Clone, Default)]
pub(crate) struct Change {
    /// It has this instance now.
    pub(crate) placed: Option<Placement>,
    /// It has no instance any more.
    pub(crate) displaced: bool,
    /// It has this spec now.
    pub(crate) spec: Option<PluginSpec>,
    /// What went wrong; an empty text clears it.
    pub(crate) problem: Option<String>,
    /// What was heard of its health.
    pub(crate) health: Option<Health>,
    /// Why its settings cannot be used; `None` within: they can.
    pub(crate) invalid: Option<Option<String>>,
    /// Nothing of it is known any more.
    pub(crate) forgotten: bool,
}

/// What the plugin manager is told.
pub(crate) enum PluginMsg {
    /// Somebody wants something of a plugin.
    Begin {
        name: Arc<str>,
        action: PluginOrder,
        done: Option<Done>,
    },
    /// A procedure wants a step, or, without one, tells that a look was in vain.
    Step {
        name: Arc<str>,
        ticket: u64,
        to: Option<Life>,
        change: Change,
        done: Done,
    },
    /// It is time to look at all plugins.
    Look,
}

impl Message for PluginMsg {
    fn label(&self) -> &'static str {
        match self {
            PluginMsg::Begin { action, .. } => action.as_str(),
            PluginMsg::Step { to, .. } => to.map_or("look_in_vain", Life::as_str),
            PluginMsg::Look => "look",
        }
    }
}

struct Manager {
    plugins: Plugins,
}

/// The child spec of the plugin manager.
pub(crate) fn manager_spec(plugins: &Plugins) -> ChildSpec {
    let plugins = plugins.clone();
    let (handle, registry) = (plugins.registry.manager.clone(), plugins.registry.clone());
    ChildSpec::worker("manager", &handle, move || {
        Ok(Manager {
            plugins: plugins.clone(),
        })
    })
    .kind("plugins")
    .gauges(Arc::new(move || vec![("plugins", registry.records().len() as u64)]))
}

impl Worker for Manager {
    type Msg = PluginMsg;

    async fn start(&mut self, cx: &Context<PluginMsg>) -> Result<(), Fault> {
        cx.every(LOOK_EVERY, || PluginMsg::Look);
        // The supervisor of the instances may have come back empty: give it those that serve.
        for record in self.registry().records() {
            if let Some(placed) = record.placed.clone()
                && !placed.instance.is_up()
            {
                let registry = self.registry().clone();
                tokio::spawn(async move {
                    // One that is merely in its back-off is there still.
                    if let Err(failure) = procedure::restore(&registry, &placed).await {
                        tracing::debug!(plugin = &*placed.child, %failure, "not put up again");
                    }
                });
            }
        }
        Ok(())
    }

    async fn handle(&mut self, message: PluginMsg, _cx: &Context<PluginMsg>) -> Result<(), Fault> {
        match message {
            PluginMsg::Begin { name, action, done } => {
                if let Err((failure, done)) = self.begin(name, action, done) {
                    answer(done, Err(failure));
                }
            }
            PluginMsg::Step {
                name,
                ticket,
                to,
                change,
                done,
            } => answer(Some(done), self.step(&name, ticket, to, change)),
            PluginMsg::Look => self.look(),
        }
        Ok(())
    }
}

impl Manager {
    fn registry(&self) -> &Arc<Registry> {
        &self.plugins.registry
    }

    /// Starts a procedure, or says why not.
    fn begin(&self, name: Arc<str>, action: PluginOrder, done: Option<Done>) -> Result<(), (Failure, Option<Done>)> {
        let registry = self.registry();
        let mut record = match (self.registry().record(&name), &action) {
            (Some(_), PluginOrder::Add(_)) => {
                let sentence = format!("a plugin called {name} exists already; update it instead");
                return Err((Failure::new(Kind::Conflict, sentence), done));
            }
            (None, PluginOrder::Add(spec)) => {
                if registry.records().len() >= registry.settings.max_plugins {
                    return Err((Failure::new(Kind::Overloaded, "there are too many plugins"), done));
                }
                Record::new(spec.clone(), registry.now())
            }
            (Some(record), _) => Record::clone(&record),
            (None, _) => {
                return Err((
                    Failure::new(Kind::NotFound, format!("no plugin is called {name}")),
                    done,
                ));
            }
        };
        if let Some(busy) = record.busy()
            && !yields(&record, busy, &action)
        {
            let sentence = format!("{name} is busy: {}", busy.with);
            return Err((
                Failure::new(Kind::Conflict, sentence).after(Duration::from_secs(1)),
                done,
            ));
        }
        if let Err(failure) = allowed(&record, &action) {
            return Err((failure, done));
        }
        let ticket = registry.ticket();
        let alive = Arc::new(());
        record.busy = Some(Busy {
            with: action.as_str(),
            ticket,
            alive: Arc::downgrade(&alive),
        });
        registry.publish(record.clone());
        let hands = Procedure::new(self.plugins.clone(), name, ticket, alive);
        tokio::spawn(async move {
            let outcome = hands.perform(record, action).await;
            drop(hands);
            answer(done, outcome);
        });
        Ok(())
    }

    fn step(&self, name: &str, ticket: u64, to: Option<Life>, change: Change) -> Result<(), Failure> {
        let registry = self.registry();
        let current = registry.record(name).filter(|record| record.led_by(ticket));
        let mut record = match current {
            Some(record) => Record::clone(&record),
            None => {
                return Err(Failure::new(
                    Kind::Conflict,
                    format!("another procedure leads {name} now"),
                ));
            }
        };
        if change.forgotten {
            registry.forget(name);
            return Ok(());
        }
        let now = registry.now();
        let from = record.life;
        if let Some(to) = to {
            record.step(to, now)?;
        }
        if to == Some(Life::Running) && (from == Life::Started || change.placed.is_some()) {
            record.revision += 1;
        }
        if change.displaced {
            record.placed = None;
        }
        if let Some(placed) = change.placed {
            record.routable = Some(placed.instance.routable());
            record.placed = Some(placed);
        }
        if let Some(spec) = change.spec {
            record.spec = spec;
        }
        if let Some(health) = change.health {
            record.hear(health, now);
        }
        if let Some(invalid) = change.invalid {
            record.invalid = invalid.map(Arc::from);
        }
        if let Some(problem) = change.problem {
            record.problem = (!problem.is_empty()).then(|| problem.into());
        }
        record.looks = match record.life {
            Life::Failed => {
                let looks = record.looks.0.saturating_add(1);
                let wait = registry.settings.recheck.saturating_mul(1 << (looks - 1).min(4));
                (looks, now.saturating_add(nanos_of(wait)))
            }
            Life::Running => (0, 0),
            _ => record.looks,
        };
        if to.is_some() {
            tracing::info!(
                plugin = name,
                life = record.life.as_str(),
                problem = record.problem.as_deref(),
                "plugin"
            );
        }
        registry.publish(record);
        Ok(())
    }

    /// Whoever runs and is down has failed; whoever has failed is looked at when its time has come.
    fn look(&self) {
        let registry = self.registry();
        let now = registry.now();
        for record in registry.records().into_iter().filter(|record| record.busy().is_none()) {
            let up = record.placed.as_ref().is_some_and(|placed| placed.instance.is_up());
            let due = match record.life {
                Life::Running => !up,
                Life::Failed => record.looks.1 <= now,
                _ => false,
            };
            if due {
                let begun = self.begin(record.spec.name.clone(), PluginOrder::Revive, None);
                if let Err((failure, _)) = begun {
                    tracing::debug!(plugin = &*record.spec.name, %failure, "not looked at");
                }
            }
        }
    }
}

/// Whether what is being done gives way. Somebody's wish comes before a look of our own, which changes nothing but where
/// the plugin is in its life; its later steps are refused.
fn yields(record: &Record, busy: &Busy, action: &PluginOrder) -> bool {
    let looks = busy.with == PluginOrder::Revive.as_str() && record.placed.is_some();
    looks && matches!(record.life, Life::Running | Life::Failed) && !matches!(action, PluginOrder::Revive)
}

/// Whether a life allows an action; the steps themselves are checked again, one by one.
fn allowed(record: &Record, action: &PluginOrder) -> Result<(), Failure> {
    let life = record.life;
    let fits = match action {
        PluginOrder::Add(_) => life == Life::Discovered,
        PluginOrder::Update(_) => matches!(life, Life::Running | Life::Failed),
        // One that was drained takes calls again.
        PluginOrder::Start if life == Life::Running => record.placed.as_ref().is_some_and(|p| !p.instance.accepting()),
        PluginOrder::Start => matches!(life, Life::Stopped | Life::Failed),
        PluginOrder::Drain => life == Life::Running,
        PluginOrder::Stop => matches!(life, Life::Running | Life::Failed),
        PluginOrder::Remove => matches!(life, Life::Running | Life::Failed | Life::Stopped),
        PluginOrder::Revive => matches!(life, Life::Running | Life::Failed),
    };
    if fits {
        return Ok(());
    }
    Err(Failure::new(
        Kind::Conflict,
        format!("a plugin that is {life} cannot take: {}", action.as_str()),
    ))
}

fn answer(done: Option<Done>, outcome: Result<(), Failure>) {
    if let Some(done) = done {
        // Who asked may have gone; what was done stays done.
        let _gone = done.send(outcome);
    }
}
