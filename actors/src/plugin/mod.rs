//! Plugins: provider instances that come, change and go while the gateway runs.
//!
//! A plugin is described by a [`PluginSpec`], made by its [`Loader`], led through its [`Life`] by the plugin manager
//! (an actor that alone writes the registry), and served by its own supervisor with a circuit breaker and a provider
//! actor. Further loaders need a registration and nothing else.
//!
//! Each file imports only those above it:
//!
//! | file       | what it owns                                                        |
//! |------------|---------------------------------------------------------------------|
//! | `spec`     | what is told of a plugin, and its loaders                           |
//! | `record`   | what is known of one plugin: what is wanted, and what is             |
//! | `snapshot` | the same for the admin endpoint                                     |
//! | `order`    | the manager's messages                                              |
//! | `registry` | all records, and their version                                      |
//! | `step`     | the steps that take time, each on a task                            |
//! | `manager`  | the actor that settles records                                      |
//! | `handle`   | orders and views for everybody else                                 |
//!
//! Invariant: no call is lost to a change. A successor serves before its predecessor drains, and whoever drains has its
//! calls in flight finished first.
//!
//! [`Life`]: crate::policy::lifecycle::Life

mod handle;
mod manager;
mod news;
mod order;
mod record;
mod registry;
mod snapshot;
mod spec;
mod step;

pub use crate::policy::offers::ListingSettings;
pub use handle::Plugins;
pub(crate) use manager::manager_spec;
pub(crate) use registry::{InstanceEnv, Registry};
pub use snapshot::{ConfigSnapshot, HealthSnapshot, Passed, PluginSnapshot};
pub use spec::{Loader, PluginSettings, PluginSpec, ReadyMade};
