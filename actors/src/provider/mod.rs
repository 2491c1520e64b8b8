//! The provider: the actor that holds an instance's driver, and the attempts that are run with it.
//!
//! Invariant: a driver's panic ends its attempt with a failure and its actor with a fault, and nothing else.

mod actor;
mod attempt;
mod health;
mod holding;
mod listing;
mod panics;
mod pulse;
mod pump;

pub(crate) use actor::{ProviderEnv, provider_spec};
pub(crate) use attempt::run;
pub(crate) use holding::AttemptEnv;
