//! What is done with a plugin, step by step, on a task of its own.
//!
//! Invariant: a procedure that fails leaves nothing behind that serves: what it started, it stops.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::manager::{Change, PluginMsg, PluginOrder};
use super::registry::{Placement, Record};
use super::{Health, InstanceEnv, PluginSpec, Plugins, Registry};
use crate::breaker::breaker_spec;
use crate::error::{Failure, Kind};
use crate::gateway::patience::send_patiently;
use crate::instance::Instance;
use crate::messages::RouterMsg;
use crate::policy::lifecycle::Life;
use crate::provider::provider_spec;
use crate::supervision::{ChildSpec, Strategy};

/// How long a procedure waits for the manager or the router, whose turns take microseconds and restarts a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// Leads one plugin, as long as its ticket holds. While it lives, the plugin is busy.
pub(super) struct Procedure {
    plugins: Plugins,
    name: Arc<str>,
    ticket: u64,
    _alive: Arc<()>,
}

impl Procedure {
    pub(super) fn new(plugins: Plugins, name: Arc<str>, ticket: u64, alive: Arc<()>) -> Self {
        Procedure {
            plugins,
            name,
            ticket,
            _alive: alive,
        }
    }

    fn registry(&self) -> &Arc<Registry> {
        &self.plugins.registry
    }

    pub(super) async fn perform(&self, record: Record, action: PluginOrder) -> Result<(), Failure> {
        match action {
            PluginOrder::Add(spec) => self.start(spec).await,
            PluginOrder::Update(spec) if record.life == Life::Failed => self.replace_failed(record, spec).await,
            PluginOrder::Update(spec) => self.update(record, spec).await,
            PluginOrder::Start if record.life == Life::Running => {
                record.placed.iter().for_each(|placed| placed.instance.resume());
                Ok(())
            }
            PluginOrder::Start => self.start_again(record).await,
            PluginOrder::Drain => self.drain(record).await,
            PluginOrder::Stop => self.stop(record).await,
            PluginOrder::Remove => self.remove(record).await,
            PluginOrder::Revive => self.revive(record).await,
        }
    }

    /// Discovered -> Validated -> Loaded -> Initialized -> Started -> Running
    async fn start(&self, spec: PluginSpec) -> Result<(), Failure> {
        let mut placed = None;
        match self.try_start(spec, &mut placed).await {
            Ok(()) => {
                self.publish_routes().await;
                Ok(())
            }
            Err(failure) => {
                // An unhealthy instance keeps its actors: it is looked at again. Anything less is taken down.
                let healthy_enough = placed
                    .as_ref()
                    .is_some_and(|placed: &Placement| placed.instance.is_up());
                if let Some(placed) = placed.filter(|_| !healthy_enough) {
                    self.take_down(&placed).await;
                }
                let change = Change {
                    displaced: !healthy_enough,
                    ..unwell(&failure)
                };
                self.to(Life::Failed, change).await?;
                Err(failure)
            }
        }
    }

    async fn try_start(&self, spec: PluginSpec, placed: &mut Option<Placement>) -> Result<(), Failure> {
        self.validate(&spec)?;
        self.to(Life::Validated, Change::default()).await?;
        let made = self.load(&spec).await?;
        self.to(Life::Loaded, Change::default()).await?;
        let made = placed.insert(made).clone();
        self.to(
            Life::Initialized,
            Change {
                placed: Some(made.clone()),
                ..Change::default()
            },
        )
        .await?;
        self.put_up(&made).await?;
        self.to(Life::Started, Change::default()).await?;
        let health = self.health(&spec, &made.instance).await?;
        self.to(Life::Running, well(health)).await
    }

    async fn start_again(&self, record: Record) -> Result<(), Failure> {
        if let Some(placed) = &record.placed {
            self.take_down(placed).await;
        }
        let change = Change {
            displaced: true,
            // It is what is tried again from now on, should the start fail.
            spec: Some(record.spec.clone()),
            ..Change::default()
        };
        self.to(Life::Discovered, change).await?;
        self.start(record.spec).await
    }

    /// A failed plugin has nobody to serve on meanwhile: the new spec is simply started, unless it is plainly wrong.
    async fn replace_failed(&self, record: Record, spec: PluginSpec) -> Result<(), Failure> {
        self.validate(&spec)?;
        self.start_again(Record { spec, ..record }).await
    }

    /// Running -> Updating -> Running, by the successor if it is well, else by the old one.
    async fn update(&self, record: Record, spec: PluginSpec) -> Result<(), Failure> {
        self.to(Life::Updating, Change::default()).await?;
        let (successor, health) = match self.successor(&record, &spec).await {
            Ok(made) => made,
            Err(failure) => {
                let problem = format!("the update failed and was rolled back: {failure}");
                self.to(
                    Life::Running,
                    Change {
                        problem: Some(problem),
                        ..Change::default()
                    },
                )
                .await?;
                return Err(failure);
            }
        };
        let change = Change {
            placed: Some(successor.clone()),
            spec: Some(spec),
            ..well(health)
        };
        if let Err(failure) = self.to(Life::Running, change).await {
            self.take_down(&successor).await;
            return Err(failure);
        }
        self.publish_routes().await;
        if let Some(old) = &record.placed {
            self.retire(old).await;
        }
        Ok(())
    }

    async fn successor(&self, record: &Record, spec: &PluginSpec) -> Result<(Placement, Health), Failure> {
        self.validate(spec)?;
        let successor = self.load(spec).await?;
        let well = async {
            self.put_up(&successor).await?;
            let health = self.health(spec, &successor.instance).await?;
            self.inherit(record, &successor).await?;
            Ok(health)
        };
        match well.await {
            Ok(health) => Ok((successor, health)),
            Err(failure) => {
                self.take_down(&successor).await;
                Err(failure)
            }
        }
    }

    /// What somebody drained or forced open stays so over an update.
    async fn inherit(&self, record: &Record, successor: &Placement) -> Result<(), Failure> {
        let Some(old) = &record.placed else {
            return Ok(());
        };
        if !old.instance.accepting() {
            successor.instance.stop_accepting();
        }
        if old.instance.breaker.is_forced() {
            successor.instance.breaker.force_open().await?;
        }
        Ok(())
    }

    async fn drain(&self, record: Record) -> Result<(), Failure> {
        let Some(placed) = &record.placed else {
            return Ok(());
        };
        placed.instance.stop_accepting();
        let limit = self.registry().settings.drain_timeout;
        timeout(limit, placed.instance.idle()).await.map_err(|_| {
            let left = placed.instance.in_flight();
            Failure::new(
                Kind::Timeout,
                format!("{left} attempts are in flight still, and no new ones come"),
            )
        })
    }

    /// Running | Failed -> Stopping -> Stopped
    async fn stop(&self, record: Record) -> Result<(), Failure> {
        self.to(Life::Stopping, Change::default()).await?;
        self.publish_routes().await;
        if let Some(placed) = &record.placed {
            self.retire(placed).await;
        }
        self.to(
            Life::Stopped,
            Change {
                displaced: true,
                ..well(Health::Unknown)
            },
        )
        .await
    }

    async fn remove(&self, record: Record) -> Result<(), Failure> {
        if record.life != Life::Stopped {
            self.stop(record).await?;
        }
        let change = Change {
            forgotten: true,
            ..Change::default()
        };
        self.tell(None, change).await?;
        self.publish_routes().await;
        Ok(())
    }

    /// Looks whether a plugin that is down, or was, can take calls.
    async fn revive(&self, record: Record) -> Result<(), Failure> {
        let Some(placed) = record.placed.clone() else {
            return self.start_again(record).await;
        };
        match (self.look(&record.spec, &placed).await, record.life) {
            (Ok(health), Life::Failed) => {
                self.to(Life::Running, well(health)).await?;
                self.publish_routes().await;
                Ok(())
            }
            (Ok(health), _) => self.tell(None, well(health)).await,
            (Err(failure), Life::Failed) => self.tell(None, unwell(&failure)).await,
            (Err(failure), _) => {
                self.to(Life::Failed, unwell(&failure)).await?;
                self.publish_routes().await;
                Ok(())
            }
        }
    }

    async fn look(&self, spec: &PluginSpec, placed: &Placement) -> Result<Health, Failure> {
        // A child that its supervisor lost is put up again; one that it has, waits there for its restart.
        if !placed.instance.is_up_soon().await {
            let down = || Failure::new(Kind::NoProvider, "its actor is down, and waits for its restart");
            restore(self.registry(), placed).await.map_err(|_| down())?;
        }
        self.health(spec, &placed.instance).await
    }

    fn validate(&self, spec: &PluginSpec) -> Result<(), Failure> {
        let loader = self.registry().loader(&spec.loader)?;
        let looked = catch_unwind(AssertUnwindSafe(|| loader.validate(spec)));
        looked.unwrap_or_else(|_panic| Err(Failure::new(Kind::Internal, "the loader panicked")))
    }

    async fn load(&self, spec: &PluginSpec) -> Result<Placement, Failure> {
        let registry = self.registry();
        let loader = registry.loader(&spec.loader)?;
        let loading = AssertUnwindSafe(async { loader.load(spec).await }).catch_unwind();
        let loaded = timeout(registry.settings.load_timeout, loading).await;
        let loaded = loaded.map_err(|_| Failure::new(Kind::Timeout, "loading took too long"))?;
        let instance = loaded.map_err(|_panic| Failure::new(Kind::Internal, "the loader panicked"))??;
        if instance.name != self.name {
            let sentence = format!("the loader made an instance called {}", instance.name);
            return Err(Failure::new(Kind::Internal, sentence));
        }
        let instance = Instance::new(instance, registry.env.clock, &registry.env.meters);
        // The first is called as the plugin is; a successor beside it has a number.
        let child = match registry
            .record(&self.name)
            .is_some_and(|record| record.placed.is_some())
        {
            false => self.name.clone(),
            true => format!("{}.{}", self.name, self.ticket).into(),
        };
        Ok(Placement { instance, child })
    }

    async fn health(&self, spec: &PluginSpec, instance: &Arc<Instance>) -> Result<Health, Failure> {
        if !spec.check_health {
            return Ok(Health::Unknown);
        }
        let limit = self.registry().settings.health_timeout;
        let asked = timeout(limit, instance.health()).await;
        asked
            .unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, "the health check took too long")))
            .map_err(|failure| failure.by(&self.name))
            .map(|()| Health::Healthy)
    }

    async fn put_up(&self, placed: &Placement) -> Result<(), Failure> {
        put_up(self.registry(), placed).await
    }

    /// No new calls; those in flight have their time; then its actors go.
    async fn retire(&self, placed: &Placement) {
        placed.instance.stop_accepting();
        let limit = self.registry().settings.drain_timeout;
        if timeout(limit, placed.instance.idle()).await.is_err() {
            let left = placed.instance.in_flight();
            tracing::warn!(
                plugin = &*self.name,
                left,
                "attempts outlast their plugin; they finish with the driver they have"
            );
        }
        self.take_down(placed).await;
    }

    async fn take_down(&self, placed: &Placement) {
        placed.instance.stop_accepting();
        if let Err(error) = self.registry().supervisor.remove(&placed.child).await {
            tracing::warn!(plugin = &*self.name, child = &*placed.child, %error, "its supervisor could not be removed");
        }
    }

    async fn to(&self, to: Life, change: Change) -> Result<(), Failure> {
        self.tell(Some(to), change).await
    }

    /// Asks the manager for a step, over a restart of it if need be.
    async fn tell(&self, to: Option<Life>, change: Change) -> Result<(), Failure> {
        let patience = Instant::now() + PATIENCE;
        while Instant::now() < patience {
            let (done, decided) = oneshot::channel();
            let message = PluginMsg::Step {
                name: self.name.clone(),
                ticket: self.ticket,
                to,
                change: change.clone(),
                done,
            };
            let sent = send_patiently(&self.registry().manager, message, patience)
                .await
                .is_ok();
            match decided.await {
                Ok(decision) => return decision,
                // Lost with the mailbox of a manager that was restarted, and not done: a turn of it cannot end halfway.
                Err(_) if sent => {}
                Err(_) => break,
            }
        }
        Err(Failure::new(
            Kind::Internal,
            "the plugin manager did not come back in time",
        ))
    }

    /// Has the router read the registry. When it has, no attempt is sent where the registry does not say. A router that is
    /// being restarted reads it when it starts.
    async fn publish_routes(&self) {
        let (done, read) = oneshot::channel();
        let patience = Instant::now() + PATIENCE;
        let refresh = RouterMsg::Refresh(done);
        let sent = send_patiently(&self.plugins.router, refresh, patience).await.is_ok();
        if !sent || !matches!(timeout(PATIENCE, read).await, Ok(Ok(()))) {
            tracing::debug!(
                plugin = &*self.name,
                "the router is being restarted, and will read the registry"
            );
        }
    }
}

fn well(health: Health) -> Change {
    Change {
        invalid: Some(None),
        problem: Some(String::new()),
        health: Some(health),
        ..Change::default()
    }
}

fn unwell(failure: &Failure) -> Change {
    let text = failure.to_string();
    Change {
        health: Some(Health::Unhealthy(Arc::from(text.as_str()))),
        invalid: Some((failure.kind == Kind::InvalidInput).then(|| text.clone())),
        problem: Some(text),
        ..Change::default()
    }
}

/// Gives the supervisor of the instances, which may have come back empty, one that it had. Fails where it has it.
pub(super) async fn restore(registry: &Registry, placed: &Placement) -> Result<(), Failure> {
    put_up(registry, placed).await?;
    // It may have been stopped or replaced meanwhile; then it would stand there with nobody to take it down.
    let wanted = registry
        .record(&placed.instance.spec.name)
        .is_some_and(|record| record.has(placed));
    if !wanted && let Err(error) = registry.supervisor.remove(&placed.child).await {
        tracing::debug!(child = &*placed.child, %error, "it is gone already");
    }
    Ok(())
}

/// An instance's supervisor: its circuit breaker, then its provider.
async fn put_up(registry: &Registry, placed: &Placement) -> Result<(), Failure> {
    let InstanceEnv { provider, restarts, .. } = &registry.env;
    let instance = &placed.instance;
    let breaker = breaker_spec(instance.spec.name.clone(), instance.breaker.clone());
    let provider = provider_spec(instance.clone(), provider.clone());
    let spec = restarts
        .supervisor(Strategy::OneForOne)
        .child(restarts.child(breaker))
        .child(restarts.child(provider));
    let child = restarts.child(ChildSpec::supervisor(&*placed.child, spec, None));
    registry
        .supervisor
        .add(child)
        .await
        .map_err(|error| Failure::new(Kind::NoProvider, error.to_string()))
}
