//! The steps of a plugin's life that take time, each on a task of its own.
//!
//! Invariant: each can be given up at any await and done again from its beginning. It tells the manager its end, and
//! changes nothing that the record does not list.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use super::order::{Gained, PluginMsg, StepEnd};
use super::record::{Health, Placement};
use super::registry::Registry;
use super::spec::PluginSpec;
use crate::breaker::breaker_spec;
use crate::error::{Failure, Kind};
use crate::instance::{Around, CheckSettings, Instance};
use crate::policy::settle::Work;
use crate::provider::{ProviderEnv, provider_spec};
use crate::supervision::{ChildError, ChildSpec, Strategy};

/// When to ask a supervisor again that is away or was overtaken.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// One step, and what it must know.
pub(super) struct Step {
    pub(super) registry: Arc<Registry>,
    /// The spec that it is about.
    pub(super) spec: PluginSpec,
    pub(super) ticket: u64,
    /// The version of the registry that lists what it works on.
    pub(super) version: u64,
    /// The copy that serves beside the one that the step is about.
    pub(super) predecessor: Option<Arc<Placement>>,
}

impl Step {
    /// Does it, and tells the manager. One that is away settles every record when it is back.
    pub(super) async fn run(self, work: Work<Arc<Placement>>) {
        let done = AssertUnwindSafe(self.perform(work)).catch_unwind().await;
        let outcome = done.unwrap_or_else(|_panic| Err(Failure::new(Kind::Internal, "a step of its life panicked")));
        let end = StepEnd {
            name: self.spec.name.clone(),
            ticket: self.ticket,
            outcome,
        };
        if self.registry.manager.send(PluginMsg::Ended(end)).is_err() {
            tracing::debug!(plugin = &*self.spec.name, "a step ended while the manager was away");
        }
    }

    async fn perform(&self, work: Work<Arc<Placement>>) -> Result<Gained, Failure> {
        match work {
            Work::Validate => self.validate(),
            Work::Load => self.load().await,
            Work::PutUp(placed) => self.put_up(&placed).await,
            Work::Check(placed) => {
                let health = self.health(&placed.instance).await?;
                placed.instance.first_listed().await;
                self.inherit(&placed).await?;
                Ok(Gained::Health(health))
            }
            Work::Drain(placed) => self.drain(&placed).await,
            Work::Look(placed) => {
                if !placed.instance.is_up() {
                    self.put_up(&placed).await?;
                }
                self.health(&placed.instance).await.map(Gained::Health)
            }
            Work::TakeDown { placed, drain } => {
                if drain {
                    self.retire(&placed).await;
                }
                self.take_down(&placed).await;
                Ok(Gained::Nothing)
            }
        }
    }

    fn validate(&self) -> Result<Gained, Failure> {
        let loader = self.registry.loader(&self.spec.loader)?;
        let looked = catch_unwind(AssertUnwindSafe(|| loader.validate(&self.spec)));
        looked.unwrap_or_else(|_panic| Err(panicked()))?;
        Ok(Gained::Nothing)
    }

    async fn load(&self) -> Result<Gained, Failure> {
        let (registry, name) = (&self.registry, &self.spec.name);
        let loader = registry.loader(&self.spec.loader)?;
        let loading = AssertUnwindSafe(async { loader.load(&self.spec).await }).catch_unwind();
        let loaded = timeout(registry.settings.load_timeout, loading).await;
        let loaded = loaded.map_err(|_| Failure::new(Kind::Timeout, "loading took too long"))?;
        let instance = loaded.map_err(|_panic| panicked())??;
        if instance.name != *name {
            let sentence = format!("the loader made an instance called {}", instance.name);
            return Err(Failure::new(Kind::Internal, sentence));
        }
        instance.check().map_err(|failure| failure.by(name))?;
        let env = &registry.env;
        let around = Around {
            lookout: &env.lookout,
            clock: env.clock,
            meters: &env.meters,
            paces: &env.paces,
            credits: env.credits.open(&instance.name, &instance.billing, &env.meters),
        };
        let instance = Instance::new(instance, registry.settings.listing, self.checks(), around);
        // The first is called as the plugin is; a successor beside it has a number, after a character that no plugin's
        // name has.
        let child = match &self.predecessor {
            None => name.clone(),
            Some(_) => format!("{name}{SUCCESSOR}{}", self.ticket).into(),
        };
        Ok(Gained::Placed(Placement::new(instance, child)))
    }

    /// How the instance's health is asked for while it serves.
    fn checks(&self) -> Option<CheckSettings> {
        let settings = &self.registry.settings;
        let every = self.spec.health_every.unwrap_or(settings.health_every);
        self.spec.check_health.then_some(CheckSettings {
            every: Some(every).filter(|every| !every.is_zero()),
            timeout: settings.health_timeout,
            chance: settings.chance,
        })
    }

    /// Gives the supervisor of the instances one that it has not. One that it has, waits there for its restart.
    async fn put_up(&self, placed: &Placement) -> Result<Gained, Failure> {
        let leaving = placed.leaving.lock().await;
        if *leaving {
            return Err(Failure::new(Kind::NoProvider, "it leaves"));
        }
        match self.registry.supervisor.add(self.child_spec(placed)).await {
            Ok(()) => Ok(Gained::Nothing),
            Err(ChildError::Exists(_)) if placed.instance.is_up_soon().await => Ok(Gained::Nothing),
            Err(ChildError::Exists(_)) => Err(Failure::new(
                Kind::NoProvider,
                "its actor is down, and waits for its restart",
            )),
            Err(error) => Err(Failure::new(Kind::NoProvider, error.to_string())),
        }
    }

    /// An instance's supervisor: its circuit breaker, then its provider.
    fn child_spec(&self, placed: &Placement) -> ChildSpec {
        let restarts = &self.registry.env.restarts;
        let registry = self.registry.clone();
        let env = ProviderEnv {
            changed: Arc::new(move || {
                let (registry, version) = (registry.clone(), registry.touch());
                Box::pin(async move { registry.routed_soon(version).await })
            }),
        };
        let instance = &placed.instance;
        let breaker = breaker_spec(
            instance.spec.name.clone(),
            instance.breaker.clone(),
            &self.registry.env.events,
        );
        let provider = provider_spec(instance.clone(), env);
        let spec = restarts
            .supervisor(Strategy::OneForOne)
            .child(restarts.child(breaker))
            .child(restarts.child(provider));
        restarts.child(ChildSpec::supervisor(&*placed.child, spec, None))
    }

    async fn health(&self, instance: &Arc<Instance>) -> Result<Health, Failure> {
        if !self.spec.check_health {
            return Ok(Health::Unknown);
        }
        let limit = self.registry.settings.health_timeout;
        let asked = timeout(limit, instance.health()).await;
        asked
            .unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, "the health check took too long")))
            .map_err(|failure| failure.by(&self.spec.name))
            .map(Health::Healthy)
    }

    /// What somebody drained or forced open stays so over an update.
    async fn inherit(&self, successor: &Placement) -> Result<(), Failure> {
        let Some(old) = &self.predecessor else {
            return Ok(());
        };
        if !old.instance.accepting() {
            successor.instance.stop_accepting();
        }
        if let Some(forced) = old.instance.breaker.forced() {
            successor.instance.breaker.force(forced).await?;
        }
        Ok(())
    }

    async fn drain(&self, placed: &Placement) -> Result<Gained, Failure> {
        placed.instance.stop_accepting();
        let limit = self.registry.settings.drain_timeout;
        match timeout(limit, placed.instance.idle()).await {
            Ok(()) => Ok(Gained::Nothing),
            Err(_) => {
                let left = placed.instance.in_flight();
                let sentence = format!("{left} attempts are in flight still, and no new ones come");
                Err(Failure::new(Kind::Timeout, sentence))
            }
        }
    }

    /// No new calls; those in flight have their time.
    async fn retire(&self, placed: &Placement) {
        self.registry.routed_soon(self.version).await;
        placed.instance.stop_accepting();
        let limit = self.registry.settings.drain_timeout;
        if timeout(limit, placed.instance.idle()).await.is_err() {
            let left = placed.instance.in_flight();
            tracing::warn!(
                plugin = &*self.spec.name,
                left,
                "attempts outlast their plugin; they finish with the driver they have"
            );
        }
    }

    /// Asks until it is gone, be its supervisor away or overtaken by somebody's order: only what is gone is forgotten.
    async fn take_down(&self, placed: &Placement) {
        placed.instance.stop_accepting();
        loop {
            let mut leaving = placed.leaving.lock().await;
            *leaving = true;
            match self.registry.supervisor.remove(&placed.child).await {
                Ok(()) | Err(ChildError::Unknown(_)) => return,
                Err(error) => {
                    tracing::warn!(plugin = &*self.spec.name, child = &*placed.child, %error, "not taken down yet");
                }
            }
            drop(leaving);
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

/// Between a plugin's name and the number of a successor, in the names of their children.
pub(super) const SUCCESSOR: char = '~';

fn panicked() -> Failure {
    Failure::new(Kind::Internal, "the loader panicked")
}
