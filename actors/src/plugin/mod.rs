//! Plugins: provider instances that come, change and go while the gateway runs.
//!
//! A plugin is described by a [`PluginSpec`], made by its [`Loader`], led through its [`Life`] by the plugin manager
//! (an actor that alone writes the registry), and served by its own supervisor with a circuit breaker and a provider
//! actor. Further loaders need a registration and nothing else.
//!
//! Invariant: no call is lost to a change. A successor serves before its predecessor drains, and whoever drains has its
//! calls in flight finished first.

mod manager;
mod procedure;
mod registry;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::call::AnyValue;
use crate::driver::BoxFuture;
use crate::error::Failure;
use crate::instance::{InstanceSnapshot, InstanceSpec};
use crate::policy::lifecycle::Life;

pub(crate) use manager::manager_spec;
pub use registry::Plugins;
pub(crate) use registry::{InstanceEnv, Registry};

/// What is known of a plugin before it is loaded.
#[derive(Clone)]
pub struct PluginSpec {
    /// The instance's name, unique in a system.
    pub name: Arc<str>,
    /// The kind of its driver, for people.
    pub kind: Arc<str>,
    /// The loader that can make it.
    pub loader: Arc<str>,
    /// What the loader needs to know; opaque to the engine.
    pub manifest: AnyValue,
    /// Its health is asked before it takes calls.
    pub check_health: bool,
}

// The manifest may name secrets and stays out of logs.
impl std::fmt::Debug for PluginSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginSpec")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("loader", &self.loader)
            .finish_non_exhaustive()
    }
}

/// Turns what is known of a plugin into what can be started: native code, a sandboxed module, whatever comes.
pub trait Loader: Send + Sync + 'static {
    /// Its name in specs.
    fn name(&self) -> &'static str;

    /// Looks at a spec without doing anything.
    ///
    /// # Errors
    /// `invalid_input` naming what is wrong.
    fn validate(&self, spec: &PluginSpec) -> Result<(), Failure>;

    /// Makes it ready to start.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn load(&self, spec: &PluginSpec) -> BoxFuture<Result<InstanceSpec, Failure>>;
}

/// A loader of plugins that are ready made: the manifest is the `InstanceSpec` itself.
pub struct ReadyMade;

impl ReadyMade {
    /// The loader's name.
    pub const NAME: &'static str = "ready-made";

    /// The spec of a ready-made instance.
    pub fn spec(instance: InstanceSpec) -> PluginSpec {
        PluginSpec {
            name: instance.name.clone(),
            kind: instance.kind.clone(),
            loader: Arc::from(Self::NAME),
            manifest: Arc::new(instance),
            check_health: true,
        }
    }

    fn instance(spec: &PluginSpec) -> Result<&InstanceSpec, Failure> {
        spec.manifest
            .downcast_ref()
            .ok_or_else(|| Failure::invalid("manifest", "this loader takes ready-made instances"))
    }
}

impl Loader for ReadyMade {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn validate(&self, spec: &PluginSpec) -> Result<(), Failure> {
        if Self::instance(spec)?.name == spec.name {
            return Ok(());
        }
        Err(Failure::invalid("name", "the instance has another name than its spec"))
    }

    fn load(&self, spec: &PluginSpec) -> BoxFuture<Result<InstanceSpec, Failure>> {
        Box::pin(std::future::ready(Self::instance(spec).cloned()))
    }
}

/// Bounds of the plugins' lives.
#[derive(Clone, Copy, Debug)]
pub struct PluginSettings {
    /// How long loading may take.
    pub load_timeout: Duration,
    /// How long a health check may take.
    pub health_timeout: Duration,
    /// How long a plugin that leaves waits for its calls in flight. They finish even after it, with the driver they have.
    pub drain_timeout: Duration,
    /// The first wait before a failed plugin is looked at again; doubled up to sixteen times itself.
    pub recheck: Duration,
    /// Plugins at most.
    pub max_plugins: usize,
}

impl Default for PluginSettings {
    fn default() -> Self {
        PluginSettings {
            load_timeout: Duration::from_secs(10),
            health_timeout: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
            recheck: Duration::from_secs(2),
            max_plugins: 10_000,
        }
    }
}

/// A plugin as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct PluginSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// The kind of its driver.
    pub kind: Arc<str>,
    /// Its loader.
    pub loader: Arc<str>,
    /// Where it is in its life.
    pub life: Life,
    /// Milliseconds since it came there.
    pub for_ms: u64,
    /// Counts its successful starts and updates.
    pub revision: u64,
    /// What is being done with it.
    pub busy: Option<&'static str>,
    /// What went wrong last.
    pub problem: Option<Arc<str>>,
    /// Whether its settings can be used.
    pub config: ConfigSnapshot,
    /// Whether it is well.
    pub health: HealthSnapshot,
    /// Its last steps, oldest first.
    pub history: Vec<Passed>,
    /// The path of its supervisor in the tree.
    pub path: Option<Arc<str>>,
    /// Its instance, while there is one.
    pub instance: Option<InstanceSnapshot>,
}

/// Whether a plugin's settings can be used, as of its last start.
#[derive(Clone, Debug, Serialize)]
pub struct ConfigSnapshot {
    /// They can.
    pub valid: bool,
    /// Why not.
    pub why: Option<Arc<str>>,
}

/// What was heard of a plugin's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing: it was not asked, or is stopped.
    Unknown,
    /// It says that it is well.
    Healthy,
    /// It is not, or could not be asked.
    Unhealthy(Arc<str>),
}

/// A plugin's health as the admin endpoint shows it. Asked when it starts, is updated, or may have come back; what its
/// calls meet in between is its traffic's affair.
#[derive(Clone, Debug, Serialize)]
pub struct HealthSnapshot {
    /// `healthy`, `unhealthy` or `unknown`.
    pub state: &'static str,
    /// Milliseconds since that was first heard.
    pub for_ms: u64,
    /// Why it is not well.
    pub why: Option<Arc<str>>,
}

/// One step of a life.
#[derive(Clone, Debug, Serialize)]
pub struct Passed {
    /// To here.
    pub life: Life,
    /// Milliseconds after the system's start.
    pub at_ms: u64,
}
