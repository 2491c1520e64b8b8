//! What a system is made of, before it is started.
//!
//! Invariant: every part has a default; a spec with nothing else than a recorder is a system with no instance and no rule.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cache::l1::L1Settings;
use crate::cache::tier::TierSpec;
use crate::clock::Wall;
use crate::credits::{CreditStore, MemoryCredits};
use crate::decision::DecisionSettings;
use crate::gateway::settings::Settings;
use crate::instance::InstanceSpec;
use crate::operation::Operations;
use crate::plugin::{Loader, PluginSettings, PluginSpec};
use crate::policy::backoff::Backoff;
use crate::policy::balance::Learned;
use crate::policy::intensity::Intensity;
use crate::policy::routing::{Reach, Rule};
use crate::quota::{LimitsOf, TenantSettings};
use crate::supervision::ChildSpec;
use crate::telemetry::SharedRecorder;

/// What a system is made of.
pub struct SystemSpec {
    /// Takes the metrics; one per system.
    pub recorder: SharedRecorder,
    /// The catalogue: every operation that can be called.
    pub operations: Arc<Operations>,
    /// Bounds of the call path.
    pub settings: Settings,
    /// Bounds of the memory tier.
    pub l1: L1Settings,
    /// The tiers behind it, the nearest first; their names differ.
    pub tiers: Vec<TierSpec>,
    /// Bounds of the tenants' table.
    pub tenants: TenantSettings,
    /// Tells a tenant's limits.
    pub limits_of: LimitsOf,
    /// Provider instances that are ready made; put up at start as plugins of the [`ReadyMade`] loader.
    pub instances: Vec<InstanceSpec>,
    /// Plugins that are put up at start.
    pub plugins: Vec<PluginSpec>,
    /// Makers of plugins, beside the one of ready-made ones.
    pub loaders: Vec<Arc<dyn Loader>>,
    /// Bounds of the plugins' lives.
    pub plugin_settings: PluginSettings,
    /// The routing rules.
    pub rules: Vec<Rule>,
    /// What the balancers of rules learned in a former run, by the numbers of their rules: see [`System::learned`].
    pub learned: Vec<(usize, Learned)>,
    /// What tenants may reach, beside what their own rules say.
    pub reaches: HashMap<Arc<str>, Reach>,
    /// Where providers' credits are kept. The default forgets them with the process.
    pub credits: Arc<dyn CreditStore>,
    /// What hours of rules and periods of credits go by.
    pub wall: Wall,
    /// The product's own services, started before everything else.
    pub services: Vec<ChildSpec>,
    /// Bounds of decision records.
    pub decisions: DecisionSettings,
    /// The restarts that each of the engine's supervisors bears before it gives up.
    pub intensity: Intensity,
    /// The waits between the restarts of each of the engine's actors.
    pub backoff: Backoff,
    /// Rows of the restart ledger.
    pub ledger_capacity: usize,
    /// Tenants that have a series of their own among the metrics; 0: none.
    pub metered_tenants: usize,
}

impl SystemSpec {
    /// A system with defaults, no instance and no rule.
    pub fn new(recorder: SharedRecorder) -> Self {
        SystemSpec {
            recorder,
            operations: Arc::default(),
            settings: Settings::default(),
            l1: L1Settings::default(),
            tiers: Vec::new(),
            tenants: TenantSettings::default(),
            limits_of: Arc::new(|_| crate::quota::Limits::default()),
            instances: Vec::new(),
            plugins: Vec::new(),
            loaders: Vec::new(),
            plugin_settings: PluginSettings::default(),
            rules: Vec::new(),
            learned: Vec::new(),
            reaches: HashMap::new(),
            credits: Arc::new(MemoryCredits::default()),
            wall: Wall::default(),
            services: Vec::new(),
            decisions: DecisionSettings::default(),
            intensity: Intensity::default(),
            backoff: Backoff::default(),
            ledger_capacity: 1_000,
            metered_tenants: 0,
        }
    }
}
