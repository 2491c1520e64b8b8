//! An instance as it is configured.
//!
//! Invariant: it holds no credential, only how its driver is made.

use std::sync::Arc;
use std::time::Duration;

use super::OverloadSettings;
use crate::breaker::BreakerPer;
use crate::credits::Billing;
use crate::driver::{Capabilities, DriverFactory};
use crate::error::Failure;
use crate::operation::{CostClass, Operation};
use crate::policy::breaker::BreakerSettings;
use crate::policy::health::Chance;
use crate::policy::routing::Label;
use crate::policy::slow_start::SlowStart;

/// An instance as it is configured.
#[derive(Clone)]
pub struct InstanceSpec {
    /// Its name, unique in a system.
    pub name: Arc<str>,
    /// The kind of its driver, for people.
    pub kind: Arc<str>,
    /// What its driver can do.
    pub capabilities: Capabilities,
    /// Makes its driver, at each start.
    pub factory: DriverFactory,
    /// Attempts in flight at most: the bulkhead.
    pub max_in_flight: usize,
    /// How long one attempt may take to its answer's head. An answer that is billed by tokens may take its call's deadline.
    pub attempt_timeout: Duration,
    /// How it is kept from more than it can bear.
    pub overload: OverloadSettings,
    /// Its circuit breaker.
    pub breaker: BreakerSettings,
    /// Which of its calls share a circuit.
    pub breaker_per: BreakerPer,
    /// How its weight grows when it comes back.
    pub slow_start: SlowStart,
    /// Distinguishes whom it asks and with which credential, so that answers had with another are never met (a hash, never
    /// the credential). The same on every node that is configured the same.
    pub credential_scope: u64,
    /// Patterns of what it offers by name (models), with `*` for any run of characters; empty: as its driver lists.
    pub offers: Vec<Arc<str>>,
    /// Its share among equivalents, for balancers that weigh; 1 unless said otherwise.
    pub weight: u32,
    /// What rules may select it by: names and values, such as `hosting` and `self`, or `region` and `eu-1`.
    pub labels: Vec<Label>,
    /// What calls cost there, and what may be spent on them.
    pub billing: Billing,
}

/// How an instance's health is asked for while it serves.
#[derive(Clone, Copy, Debug)]
pub struct CheckSettings {
    /// How long a word of the provider is relied on before it is asked; `None`: it is not asked.
    pub every: Option<Duration>,
    /// How long one check may take.
    pub timeout: Duration,
    /// What spreads the checks.
    pub chance: Chance,
}

impl InstanceSpec {
    /// Whether what it says of its breaker and its start can be meant.
    ///
    /// # Errors
    /// `invalid_input`, with the path of the first setting that cannot.
    pub fn check(&self) -> Result<(), Failure> {
        let invalid = |part: &str, key: &str, must: &str| {
            let path = format!("{part}.{key}");
            let sentence = format!("{path} must be {must}");
            Failure::invalid(path, sentence)
        };
        self.breaker
            .check()
            .map_err(|unfit| invalid("breaker", unfit.key, unfit.must))?;
        self.slow_start
            .check()
            .map_err(|(key, must)| invalid("slow_start", key, must))
    }

    /// How long an attempt of this operation may take; `None`: as long as its call.
    pub fn attempt_limit(&self, operation: &Operation) -> Option<Duration> {
        (operation.cost != CostClass::Tokens && !operation.waits).then_some(self.attempt_timeout)
    }
}
