//! The configuration in force, of a gateway that runs.
//!
//! Invariant: the instances are those that run, as they were last made.

use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::Port;
use crate::embed::effective::{self, Changed};
use crate::embed::native;
use crate::surfaces::problem::Problem;

impl Port {
    pub(super) fn config_view(&self) -> Result<Value, Problem> {
        let plugins = self.0.system().plugins();
        let mut config = self.0.config().clone();
        config.providers = plugins
            .snapshot()
            .iter()
            .filter_map(|plugin| {
                let spec = plugins.spec(&plugin.name)?;
                Some((plugin.name.to_string(), native::provider(&spec)?.clone()))
            })
            .collect();
        let log = self.0.inner.log.as_ref();
        let filter = log.map(|log| (log.current().filter, log.configured()));
        let changed = Changed {
            instances: self.0.inner.instances.kept(),
            filter: filter.and_then(|(now, configured)| (*now != *configured).then(|| now.to_string())),
            differences: &self.0.inner.instances.differences(&config.providers),
        };
        let unwritten = |error: crate::config::ConfigErrors| Failure::new(Kind::Internal, error.to_string());
        Ok(effective::document(&config, &self.0.inner.origins, changed).map_err(unwritten)?)
    }
}
