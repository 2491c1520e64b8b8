//! What the engine is told of a plugin, and who turns it into an instance.
//!
//! Invariant: a spec says everything that a loader needs; the engine reads none of its manifest.

use std::sync::Arc;
use std::time::Duration;

use crate::call::AnyValue;
use crate::driver::BoxFuture;
use crate::error::Failure;
use crate::instance::InstanceSpec;
use crate::policy::health::Chance;
use crate::policy::offers::ListingSettings;

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
    /// How often it is asked while it takes calls, where that differs from the others'; zero: never.
    pub health_every: Option<Duration>,
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
            health_every: None,
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
    /// How long a word of a provider is relied on before its health is asked, while it takes calls; zero: it is not asked.
    pub health_every: Duration,
    /// What spreads these checks.
    pub chance: Chance,
    /// How the lists of what instances offer by name are asked for.
    pub listing: ListingSettings,
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
            health_every: Duration::from_secs(60),
            chance: fastrand::f64,
            listing: ListingSettings::default(),
            drain_timeout: Duration::from_secs(30),
            recheck: Duration::from_secs(2),
            max_plugins: 10_000,
        }
    }
}
