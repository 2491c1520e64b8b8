//! What a gateway starts with and its operator should know beforehand.
//!
//! Invariant: a notice keeps nothing from starting; it is told in the same words at the start, by `check` and by `doctor`.

use super::homes::{self, Ambiguous};
use super::notice::Notice;
use super::registry::Registry;
use super::shadows::{self, Shadowed};
use super::{commons, drift, instances, models, reaches};
use crate::config::{Config, Origins, ProviderConfig};
use crate::providers::http::Astray;
use crate::stores;

/// Everything that is to be said of a configuration and of the state that it names, which is read and not touched. What is
/// wrong with the state is told where it is looked at for itself.
/// `registry` is what the program knows, its own kinds and operations among it.
pub async fn notices(config: &Config, origins: &Origins, registry: &Registry) -> Vec<Notice> {
    let mut notices = of_config(config, origins, registry);
    if let Ok(Some(store)) = stores::look_at(&config.state).await {
        let mut changed = config.clone();
        if let Ok(overlay) = instances::overlay(&mut changed, &*store, &registry.known()).await {
            notices.extend(drift::between(
                &overlay.configured,
                &changed.providers,
                &overlay.invalid,
            ));
        }
        store.close().await;
    }
    notices
}

/// What the configuration alone tells.
pub(super) fn of_config(config: &Config, origins: &Origins, registry: &Registry) -> Vec<Notice> {
    let several = homes::ambiguous(config, registry).into_iter().map(Notice::from);
    let unused = shadows::shadowed(config, origins, registry.catalogue());
    let unused = unused.into_iter().map(Notice::from);
    let narrowed = reaches::narrowed(config, registry);
    let shared = commons::forgotten(config, registry);
    let unchecked = config.providers.iter().filter_map(unchecked);
    let misplaced = config.providers.iter().filter_map(|named| misplaced(named, registry));
    let untouched = models::untouched(config, registry);
    several
        .chain(unused)
        .chain(narrowed)
        .chain(shared)
        .chain(unchecked)
        .chain(misplaced)
        .chain(untouched)
        .collect()
}

/// Of an address where the API of its kind is not.
fn misplaced((name, provider): (&String, &ProviderConfig), registry: &Registry) -> Option<Notice> {
    let dialect = registry.find(&provider.kind).and_then(|kind| (kind.dialect)())?;
    let Astray { why, meant, surely } = dialect.likely_astray(provider.base_url.as_ref()?.url())?;
    let meant = meant.as_str().trim_end_matches('/');
    Some(Notice {
        check: "base_url",
        subject: name.clone(),
        sentence: format!("providers.{name}.base_url {why}"),
        remedy: match surely {
            true => format!("Try {meant}."),
            false => format!("Try {meant}, unless what answers there has its API at the root."),
        },
    })
}

/// Of a provider that is to be asked how often, and whether never.
fn unchecked((name, provider): (&String, &ProviderConfig)) -> Option<Notice> {
    let every = provider.health_interval.filter(|every| !every.is_zero());
    every.filter(|_| !provider.health_check).map(|_| Notice {
        check: "health",
        subject: name.clone(),
        sentence: format!("providers.{name}.health_interval has no effect: health_check = false turns its checks off"),
        remedy: "Take out health_check = false, or the interval.".to_owned(),
    })
}

impl From<Ambiguous> for Notice {
    fn from(found: Ambiguous) -> Self {
        Notice {
            check: "routes",
            sentence: found.sentence(),
            remedy: found.remedy(),
            subject: found.service,
        }
    }
}

impl From<Shadowed> for Notice {
    fn from(found: Shadowed) -> Self {
        Notice {
            check: "routes",
            sentence: found.sentence(),
            remedy: found.remedy(),
            subject: found.rule,
        }
    }
}
