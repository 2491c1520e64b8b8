//! The configuration in force, as a document: the settings, and how they differ from what was configured.
//!
//! Invariant: one document for a gateway that runs and for one that would be started.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::StartError;
use super::notice::Notice;
use super::registry::Registry;
use super::{drift, instances};
use crate::config::{Config, ConfigErrors, Loaded, Origins, Setting, Source};
use crate::stores::{self, OpenError};

/// What was changed while a gateway ran.
#[derive(Default)]
pub(super) struct Changed<'a> {
    /// Instances whose settings come from an order.
    pub(super) instances: BTreeSet<String>,
    /// The log's filter.
    pub(super) filter: Option<String>,
    /// How the instances differ from the configuration.
    pub(super) differences: &'a [Notice],
}

/// The document.
///
/// # Errors
/// The key whose path is not Unicode.
pub(super) fn document(config: &Config, origins: &Origins, changed: Changed<'_>) -> Result<Value, ConfigErrors> {
    let mut settings = config.settings(origins)?;
    for setting in &mut settings {
        let instance = setting
            .path
            .strip_prefix("providers.")
            .and_then(|rest| rest.split('.').next());
        if instance.is_some_and(|name| changed.instances.contains(name)) {
            at_run_time(setting, None);
        }
        if let Some(filter) = changed.filter.as_deref().filter(|_| setting.path == "log.filter") {
            at_run_time(setting, Some(filter.into()));
        }
    }
    let differences = changed
        .differences
        .iter()
        .map(|notice| json!({ "path": notice.subject, "message": notice.sentence, "remedy": notice.remedy }));
    Ok(json!({ "settings": settings, "differences": differences.collect::<Vec<_>>() }))
}

fn at_run_time(setting: &mut Setting, value: Option<Value>) {
    setting.value = value.unwrap_or_else(|| std::mem::take(&mut setting.value));
    (setting.source, setting.origin) = (Source::RunTime, None);
}

/// What a start with this configuration would have in force: what was kept in the state that it names is laid over it. The
/// state is read and not touched.
///
/// # Errors
/// `State` where it cannot be read, `Config` for a path that is not Unicode.
pub async fn effective(Loaded { mut config, origins }: Loaded, registry: &Registry) -> Result<Value, StartError> {
    let Some(store) = stores::look_at(&config.state).await? else {
        return Ok(document(&config, &origins, Changed::default())?);
    };
    let overlay = instances::overlay(&mut config, &*store, &registry.known()).await;
    let overlay = overlay.map_err(OpenError::from);
    store.close().await;
    let overlay = overlay?;
    let changed = Changed {
        differences: &drift::between(&overlay.configured, &config.providers, &overlay.invalid),
        instances: overlay.kept,
        filter: None,
    };
    Ok(document(&config, &origins, changed)?)
}
