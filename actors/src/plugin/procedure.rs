//! What is done with a plugin, step by step, on a task of its own.
//!
//! Invariant: a procedure that fails leaves nothing behind that serves: what it started, it stops.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::manager::{Action, Change, PluginMsg};
use super::registry::{Placed, Record};
use super::{Habitat, PluginSpec, Plugins, Registry};
use crate::breaker::breaker_spec;
use crate::error::{Failure, Kind};
use crate::gateway::send_patiently;
use crate::instance::Instance;
use crate::policy::lifecycle::Life;
use crate::provider::provider_spec;
use crate::router::RouterMsg;
use crate::supervision::{ChildSpec, Strategy};

/// Leads one plugin, as long as its ticket holds. Dropped, it tells the manager that it is over.
pub(super) struct Hands {
    plugins: Plugins,
    name: Arc<str>,
    ticket: u64,
    forget: std::sync::atomic::AtomicBool,
}

impl Drop for Hands {
    fn drop(&mut self) {
        let forget = self.forget.load(std::sync::atomic::Ordering::Relaxed);
        let end = PluginMsg::End {
            name: self.name.clone(),
            ticket: self.ticket,
            forget,
        };
        if let Err(unavailable) = self.plugins.registry.manager.send(end) {
            // The manager is in the microseconds of its restart: tell the next one.
            let manager = self.plugins.registry.manager.clone();
            tokio::spawn(async move {
                let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
                if send_patiently(&manager, unavailable.0, patience).await.is_err() {
                    tracing::warn!("the plugin manager did not come back to hear of a procedure's end");
                }
            });
        }
    }
}

impl Hands {
    pub(super) fn new(plugins: Plugins, name: Arc<str>, ticket: u64) -> Self {
        Hands {
            plugins,
            name,
            ticket,
            forget: false.into(),
        }
    }

    fn registry(&self) -> &Arc<Registry> {
        &self.plugins.registry
    }

    pub(super) async fn perform(&self, record: Record, action: Action) -> Result<(), Failure> {
        match action {
            Action::Add(spec) => self.start(spec).await,
            Action::Update(spec) if record.life == Life::Failed => self.replace_failed(record, spec).await,
            Action::Update(spec) => self.update(record, spec).await,
            Action::Start => self.start_again(record).await,
            Action::Stop => self.stop(record).await,
            Action::Remove => self.remove(record).await,
            Action::Revive => self.revive(record).await,
        }
    }

    /// Discovered -> Validated -> Loaded -> Initialized -> Started -> Running
    async fn start(&self, spec: PluginSpec) -> Result<(), Failure> {
        let mut placed = None;
        match self.try_start(spec, &mut placed).await {
            Ok(()) => self.publish_routes().await,
            Err(failure) => {
                // An unhealthy instance keeps its actors: it is looked at again. Anything less is taken down.
                let healthy_enough = placed.as_ref().is_some_and(|placed: &Placed| placed.instance.is_up());
                if let Some(placed) = placed.filter(|_| !healthy_enough) {
                    self.take_down(&placed).await;
                }
                let change = Change {
                    displaced: !healthy_enough,
                    problem: Some(failure.to_string()),
                    ..Change::default()
                };
                self.to(Life::Failed, change).await?;
                Err(failure)
            }
        }
    }

    async fn try_start(&self, spec: PluginSpec, placed: &mut Option<Placed>) -> Result<(), Failure> {
        self.registry().loader(&spec.loader)?.validate(&spec)?;
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
        self.health(&spec, &made.instance).await?;
        let change = Change {
            spec: Some(spec),
            problem: Some(String::new()),
            ..Change::default()
        };
        self.to(Life::Running, change).await
    }

    async fn start_again(&self, record: Record) -> Result<(), Failure> {
        if let Some(placed) = &record.placed {
            self.take_down(placed).await;
        }
        self.to(
            Life::Discovered,
            Change {
                displaced: true,
                ..Change::default()
            },
        )
        .await?;
        self.start(record.spec).await
    }

    /// A failed plugin has nobody to serve on meanwhile: the new spec is simply started.
    async fn replace_failed(&self, record: Record, spec: PluginSpec) -> Result<(), Failure> {
        self.start_again(Record { spec, ..record }).await
    }

    /// Running -> Updating -> Running, by the successor if it is well, else by the old one.
    async fn update(&self, record: Record, spec: PluginSpec) -> Result<(), Failure> {
        self.to(Life::Updating, Change::default()).await?;
        let successor = match self.successor(&spec).await {
            Ok(successor) => successor,
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
            placed: Some(successor),
            spec: Some(spec),
            problem: Some(String::new()),
            displaced: false,
        };
        self.to(Life::Running, change).await?;
        self.publish_routes().await?;
        if let Some(old) = &record.placed {
            self.retire(old).await;
        }
        Ok(())
    }

    async fn successor(&self, spec: &PluginSpec) -> Result<Placed, Failure> {
        self.registry().loader(&spec.loader)?.validate(spec)?;
        let successor = self.load(spec).await?;
        let well = match self.put_up(&successor).await {
            Ok(()) => self.health(spec, &successor.instance).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = well {
            self.take_down(&successor).await;
            return Err(failure);
        }
        Ok(successor)
    }

    /// Running | Failed -> Stopping -> Stopped
    async fn stop(&self, record: Record) -> Result<(), Failure> {
        self.to(Life::Stopping, Change::default()).await?;
        self.publish_routes().await?;
        if let Some(placed) = &record.placed {
            self.retire(placed).await;
        }
        self.to(
            Life::Stopped,
            Change {
                displaced: true,
                problem: Some(String::new()),
                ..Change::default()
            },
        )
        .await
    }

    async fn remove(&self, record: Record) -> Result<(), Failure> {
        if record.life != Life::Stopped {
            self.stop(record).await?;
        }
        self.forget.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// Looks whether a plugin that is down, or was, can take calls.
    async fn revive(&self, record: Record) -> Result<(), Failure> {
        let Some(placed) = record.placed.clone() else {
            return self.start_again(record).await;
        };
        let health = match placed.instance.is_up_soon().await {
            true => self.health(&record.spec, &placed.instance).await,
            false => Err(Failure::new(
                Kind::NoProvider,
                "its actor is down, and waits for its restart",
            )),
        };
        match (health, record.life) {
            (Ok(()), Life::Failed) => {
                self.to(
                    Life::Running,
                    Change {
                        problem: Some(String::new()),
                        ..Change::default()
                    },
                )
                .await?;
                self.publish_routes().await
            }
            (Ok(()), _) => Ok(()),
            (Err(failure), Life::Failed) => {
                self.tell(
                    None,
                    Change {
                        problem: Some(failure.to_string()),
                        ..Change::default()
                    },
                )
                .await
            }
            (Err(failure), _) => {
                self.to(
                    Life::Failed,
                    Change {
                        problem: Some(failure.to_string()),
                        ..Change::default()
                    },
                )
                .await?;
                self.publish_routes().await
            }
        }
    }

    async fn load(&self, spec: &PluginSpec) -> Result<Placed, Failure> {
        let registry = self.registry();
        let loading = registry.loader(&spec.loader)?.load(spec);
        let loaded = timeout(registry.settings.load_timeout, loading).await;
        let instance = loaded.map_err(|_| Failure::new(Kind::Timeout, "loading took too long"))??;
        let instance = Instance::new(instance, registry.habitat.clock, &registry.habitat.meters);
        // The first is called as the plugin is; a successor beside it has a number.
        let child = match registry
            .record(&self.name)
            .is_some_and(|record| record.placed.is_some())
        {
            false => self.name.clone(),
            true => format!("{}.{}", self.name, self.ticket).into(),
        };
        Ok(Placed { instance, child })
    }

    async fn health(&self, spec: &PluginSpec, instance: &Arc<Instance>) -> Result<(), Failure> {
        if !spec.check_health {
            return Ok(());
        }
        let limit = self.registry().settings.health_timeout;
        let asked = timeout(limit, instance.health()).await;
        asked
            .unwrap_or_else(|_| Err(Failure::new(Kind::Timeout, "the health check took too long")))
            .map_err(|failure| failure.by(&self.name))
    }

    async fn put_up(&self, placed: &Placed) -> Result<(), Failure> {
        put_up(self.registry(), placed).await
    }

    /// No new calls; those in flight have their time; then its actors go.
    async fn retire(&self, placed: &Placed) {
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

    async fn take_down(&self, placed: &Placed) {
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
        let (done, decided) = oneshot::channel();
        let message = PluginMsg::Step {
            name: self.name.clone(),
            ticket: self.ticket,
            to,
            change,
            done,
        };
        let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        let lost = || Failure::new(Kind::Internal, "the plugin manager was restarted during a step");
        send_patiently(&self.registry().manager, message, patience)
            .await
            .map_err(|_| lost())?;
        decided.await.map_err(|_| lost())?
    }

    /// Has the router read the registry. When it has, no attempt is sent where the registry does not say.
    async fn publish_routes(&self) -> Result<(), Failure> {
        let (done, read) = oneshot::channel();
        let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(5);
        let sent = send_patiently(&self.plugins.router, RouterMsg::Refresh(done), patience).await;
        // A router that is restarted reads the registry when it starts.
        if sent.is_err() || read.await.is_err() {
            tracing::debug!(
                plugin = &*self.name,
                "the router is being restarted, and will read the registry"
            );
        }
        Ok(())
    }
}

/// Gives the supervisor of the instances, which came back empty, one that it had.
pub(super) async fn restore(registry: Arc<Registry>, placed: Placed) {
    if let Err(failure) = put_up(&registry, &placed).await {
        tracing::warn!(plugin = &*placed.child, %failure, "an instance could not be put up again");
    }
}

/// An instance's supervisor: its circuit breaker, then its provider.
async fn put_up(registry: &Registry, placed: &Placed) -> Result<(), Failure> {
    let Habitat { call, stop, habits, .. } = &registry.habitat;
    let instance = &placed.instance;
    let breaker = breaker_spec(instance.spec.name.clone(), instance.breaker.clone());
    let provider = provider_spec(instance.clone(), call.clone(), stop.clone());
    let spec = habits
        .supervisor(Strategy::OneForOne)
        .child(habits.child(breaker))
        .child(habits.child(provider));
    let child = habits.child(ChildSpec::supervisor(&*placed.child, spec, None));
    registry
        .supervisor
        .add(child)
        .await
        .map_err(|error| Failure::new(Kind::NoProvider, error.to_string()))
}
