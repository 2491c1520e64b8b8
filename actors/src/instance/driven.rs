//! What an instance's driver knows of its provider's limits on us.
//!
//! Invariant: it is read from the driver when somebody asks, and kept by nobody; a driver that panics over it says nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwapOption;

use crate::call::Call;
use crate::driver::Driver;
use crate::rate_limit::RateLimit;

/// The driver in use. It lives and ends with its actor, and not with who looks at it.
#[derive(Default)]
pub(super) struct Driven(ArcSwapOption<Weak<dyn Driver>>);

impl Driven {
    /// Its actor has made this driver.
    pub(super) fn by(&self, driver: &Arc<dyn Driver>) {
        self.0.store(Some(Arc::new(Arc::downgrade(driver))));
    }

    /// Little is left of what its provider grants.
    pub(super) fn is_scarce(&self) -> bool {
        self.ask(|driver| driver.is_scarce())
    }

    /// What its provider said of its limits on us.
    pub(super) fn rate_limits(&self) -> Vec<RateLimit> {
        self.ask(|driver| driver.rate_limits())
    }

    /// The limit that a call draws one of, as the driver says.
    pub(super) fn paced_by(&self, call: &Call) -> Option<Arc<str>> {
        self.ask(|driver| driver.paced_by(call))
    }

    fn ask<T: Default>(&self, what: impl FnOnce(&dyn Driver) -> T) -> T {
        let Some(driver) = self.0.load().as_ref().and_then(|driver| driver.upgrade()) else {
            return T::default();
        };
        // It may be anybody's code, and who asks is the router, or somebody's look at the whole.
        catch_unwind(AssertUnwindSafe(|| what(&*driver))).unwrap_or_default()
    }
}
