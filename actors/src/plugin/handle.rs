//! What others hold of the plugins: orders and views.
//!
//! Invariant: an order is over when it is settled and the router knows of it, or its time is up; a view asks no mailbox.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::order::{PluginMsg, PluginOrder};
use super::record::Record;
use super::registry::Registry;
use super::snapshot::PluginSnapshot;
use super::spec::PluginSpec;
use crate::error::{Failure, Kind};
use crate::gateway::patience::send_patiently;

/// Leads plugins through their lives. Cheap to clone.
#[derive(Clone)]
pub struct Plugins {
    pub(crate) registry: Arc<Registry>,
}

impl Plugins {
    /// Adds a plugin and leads it to `Running`.
    ///
    /// # Errors
    /// `conflict` where the name is taken; else the step at which it failed. It stays registered as `Failed`, and is
    /// looked at again from time to time.
    pub async fn add(&self, spec: PluginSpec) -> Result<(), Failure> {
        self.ask(spec.name.clone(), PluginOrder::Add(spec)).await
    }

    /// Replaces a plugin by a successor of the same name, which serves before the old one drains.
    ///
    /// # Errors
    /// The step at which the successor failed; the old one then serves on.
    pub async fn update(&self, spec: PluginSpec) -> Result<(), Failure> {
        self.ask(spec.name.clone(), PluginOrder::Update(spec)).await
    }

    /// Stops a plugin: no new calls, those in flight have their time. It stays registered.
    ///
    /// # Errors
    /// `conflict` where its life does not allow it now.
    pub async fn stop(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Stop).await
    }

    /// Has a plugin take no new calls, and waits for those in flight. Its actors stay; [`Plugins::start`] lets calls in again.
    ///
    /// # Errors
    /// `conflict` where it does not run, `timeout` where attempts are in flight still; they finish, and no new ones come.
    pub async fn drain(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Drain).await
    }

    /// Starts a plugin that is stopped, drained, or has failed.
    ///
    /// # Errors
    /// As [`Plugins::add`].
    pub async fn start(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Start).await
    }

    /// Stops a plugin and forgets it.
    ///
    /// # Errors
    /// As [`Plugins::stop`].
    pub async fn remove(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Remove).await
    }

    /// Looks at a spec as an addition or update would, without doing anything.
    ///
    /// # Errors
    /// `invalid_input` naming what is wrong.
    pub fn validate(&self, spec: &PluginSpec) -> Result<(), Failure> {
        self.registry.loader(&spec.loader)?.validate(spec)
    }

    /// One plugin as it stands.
    pub fn get(&self, name: &str) -> Option<PluginSnapshot> {
        self.registry.record(name).map(|record| self.show(&record))
    }

    /// The spec that a plugin was last given.
    pub fn spec(&self, name: &str) -> Option<PluginSpec> {
        self.registry.record(name).map(|record| record.spec.clone())
    }

    /// All plugins as they stand, by name.
    pub fn snapshot(&self) -> Vec<PluginSnapshot> {
        self.registry.records().iter().map(|record| self.show(record)).collect()
    }

    fn show(&self, record: &Record) -> PluginSnapshot {
        let registry = &self.registry;
        PluginSnapshot::of(
            record,
            &registry.supervisor.path(),
            &registry.env.operations,
            registry.now(),
        )
    }

    async fn ask(&self, name: Arc<str>, order: PluginOrder) -> Result<(), Failure> {
        let settings = &self.registry.settings;
        let limit = settings.load_timeout + settings.health_timeout + settings.drain_timeout * 2;
        let deadline = tokio::time::Instant::now() + limit;
        let (done, outcome) = oneshot::channel();
        let message = PluginMsg::Order { name, order, done };
        if send_patiently(&self.registry.manager, message, deadline).await.is_err() {
            return Err(Failure::new(Kind::Overloaded, "the plugin manager is being restarted").never_sent());
        }
        match tokio::time::timeout_at(deadline, outcome).await {
            // It is done when no attempt goes by an older directory. A router that is away has longer than a restart.
            Ok(Ok(Ok(version))) => {
                self.registry.routed_soon(version).await;
                Ok(())
            }
            Ok(Ok(Err(failure))) => Err(failure),
            Ok(Err(_)) => Err(Failure::new(
                Kind::Internal,
                "the plugin manager was restarted meanwhile",
            )),
            Err(_) => Err(Failure::new(
                Kind::Timeout,
                "it takes longer than it should, and goes on",
            )),
        }
    }
}
