//! A gateway about to start: what a program says beyond its configuration.
//!
//! Invariant: what is built here wins over the configuration, and nothing runs before [`Builder::start`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use metrics::Recorder;

use super::{Mosaic, StartError, admin_token, check, wiring};
use crate::config::Config;
use crate::secret::Secret;
use crate::telemetry::LogHandle;

/// Secrets by the name of their provider instance.
pub(super) type Credentials = HashMap<String, Secret>;

/// A gateway about to start.
pub struct Builder {
    pub(super) config: Config,
    pub(super) credentials: Credentials,
    pub(super) recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    pub(super) metrics_text: Option<Render>,
    pub(super) log: Option<Arc<LogHandle>>,
}

/// Writes metrics as text.
pub(super) type Render = Arc<dyn Fn() -> String + Send + Sync>;

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Lets administrators change the filter of the process's log.
    #[must_use]
    pub fn log(mut self, handle: Arc<LogHandle>) -> Self {
        self.log = Some(handle);
        self
    }

    /// Gives a provider instance its credential, from wherever the program keeps it, in place of the configuration's
    /// `token`.
    #[must_use]
    pub fn credential(mut self, instance: impl Into<String>, credential: Secret) -> Self {
        self.credentials.insert(instance.into(), credential);
        self
    }

    /// Writes metrics to the program's own recorder, so that one scrape shows both. The gateway keeps none of its own
    /// then; [`Mosaic::metrics`] and the admin router's `/metrics` show what [`Builder::metrics_text`] is given. Counters
    /// of two gateways on one recorder add up, and their gauges overwrite each other: give each its own, or one that
    /// labels what it is told.
    #[must_use]
    pub fn recorder(mut self, recorder: Arc<dyn Recorder + Send + Sync>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Shows the program's own metrics as text, beside a [`Builder::recorder`]; its gauges are up to date when it is
    /// called. Without a recorder of the program's it has no use.
    #[must_use]
    pub fn metrics_text(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics_text = Some(Arc::new(render));
        self
    }

    /// Looks at everything that a start would: keys and credentials are read, drivers are made. Nothing listens and
    /// nothing is sent.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub fn check(self) -> Result<(), StartError> {
        check(&self.config)?;
        self.config.key_ring()?;
        admin_token(&self.config)?;
        crate::stores::vault(&self.config.state)?;
        wiring::check(&self.config, &self.credentials)
    }

    /// Starts it on the caller's runtime.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub async fn start(self) -> Result<Mosaic, StartError> {
        Mosaic::assemble(self).await
    }
}
