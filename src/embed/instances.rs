//! Provider instances that were added, changed or removed while the gateway ran: kept as documents, and laid over the
//! configuration at the next start.
//!
//! Invariant: a document wins over the configuration's table of the same name, and one that can no longer be used keeps
//! neither the start nor another instance from going on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mosaic_actors::error::Failure;
use mosaic_actors::plugin::PluginSpec;
use serde_json::{Value, json};

use super::credentials::Credentials;
use super::drift;
use super::keep;
use super::native::{self, Native};
use super::notice::Notice;
use crate::config::{Config, Known, ProviderConfig};
use crate::stores::{Expected, MAX_PAGE, StateStore, StoreError};

/// The documents' kind.
const KIND: &str = "provider";
/// Documents that a start reads at most: as many as there may be plugins.
const MOST: usize = 10_000;

/// What the documents changed in a configuration.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// What the configuration itself has.
    pub(super) configured: BTreeMap<String, ProviderConfig>,
    /// Names whose settings come from a document.
    pub(super) kept: BTreeSet<String>,
    /// Documents that cannot be used, and why.
    pub(super) invalid: BTreeMap<String, Arc<str>>,
}

/// Lays the documents over `config`.
pub(super) async fn overlay(config: &mut Config, store: &dyn StateStore, known: &Known) -> Result<Overlay, StoreError> {
    let mut overlay = Overlay {
        configured: config.providers.clone(),
        ..Overlay::default()
    };
    for (name, body) in documents(store).await? {
        if body.get("removed").is_some() {
            config.providers.remove(&name);
            continue;
        }
        let table = body.get("provider").and_then(Value::as_object).cloned();
        match Config::check_provider(&name, table.unwrap_or_default(), known) {
            Ok(provider) => {
                config.providers.insert(name.clone(), provider);
                overlay.kept.insert(name);
            }
            Err(errors) => {
                tracing::warn!(provider = name, %errors, "a kept instance cannot be used");
                // Not the configuration's instead: it was replaced for a reason.
                config.providers.remove(&name);
                overlay.invalid.insert(name, Arc::from(errors.to_string()));
            }
        }
    }
    Ok(overlay)
}

async fn documents(store: &dyn StateStore) -> Result<Vec<(String, Value)>, StoreError> {
    let mut all = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |(id, _): &(String, Value)| id.clone());
        let page = store.list_documents(KIND, &after, MAX_PAGE).await?;
        let last = page.len() < MAX_PAGE as usize;
        all.extend(page.into_iter().map(|document| (document.id, document.body)));
        if last || all.len() >= MOST {
            return Ok(all);
        }
    }
}

/// The instances as they are changed.
pub(super) struct Instances {
    pub(super) native: Arc<Native>,
    store: Arc<dyn StateStore>,
    pub(super) credentials: Credentials,
    overlay: Mutex<Overlay>,
}

/// Where an instance's settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// The configuration.
    Configuration,
    /// A document, written by an order.
    Document,
}

impl Instances {
    pub(super) fn new(
        native: Arc<Native>,
        store: Arc<dyn StateStore>,
        credentials: Credentials,
        overlay: Overlay,
    ) -> Self {
        Instances {
            native,
            store,
            credentials,
            overlay: Mutex::new(overlay),
        }
    }

    /// Keeps an instance's settings for the next start.
    pub(super) async fn keep(&self, spec: &PluginSpec) -> Result<(), Failure> {
        let table = native::table(spec)?;
        self.write(&spec.name, &json!({ "provider": table })).await?;
        let mut overlay = self.overlay();
        overlay.kept.insert(spec.name.to_string());
        overlay.invalid.remove(&*spec.name);
        Ok(())
    }

    /// Sees to it that an instance does not come back at the next start.
    pub(super) async fn forget(&self, name: &str) -> Result<(), Failure> {
        // What the configuration has would come back: a document says that it is gone.
        if self.overlay().configured.contains_key(name) {
            self.write(name, &json!({ "removed": true })).await?;
        } else {
            self.store.delete_document(KIND, name, Expected::Any).await?;
        }
        // What was renewed for it is nobody's any more.
        self.store.delete_credential(&keep::name_of(name)).await?;
        let mut overlay = self.overlay();
        overlay.kept.remove(name);
        overlay.invalid.remove(name);
        Ok(())
    }

    async fn write(&self, name: &str, body: &Value) -> Result<(), Failure> {
        self.store.put_document(KIND, name, body, Expected::Any).await?;
        Ok(())
    }

    /// Where its settings come from.
    pub(super) fn source(&self, name: &str) -> Source {
        match self.overlay().kept.contains(name) {
            true => Source::Document,
            false => Source::Configuration,
        }
    }

    /// Names whose settings come from a document.
    pub(super) fn kept(&self) -> BTreeSet<String> {
        self.overlay().kept.clone()
    }

    /// How the instances in force differ from the configuration.
    pub(super) fn differences(&self, in_force: &BTreeMap<String, ProviderConfig>) -> Vec<Notice> {
        let overlay = self.overlay();
        drift::between(&overlay.configured, in_force, &overlay.invalid)
    }

    /// Documents that cannot be used, and why.
    pub(super) fn invalid(&self) -> BTreeMap<String, Arc<str>> {
        self.overlay().invalid.clone()
    }

    /// Held for a look or an insertion; no panic leaves half of one.
    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
