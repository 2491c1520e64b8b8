//! The difference between what the configuration says of provider instances and what was made of them at run time.
//!
//! Invariant: settings that are equal are no difference, wherever they stand; no value is quoted, keys alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::notice::Notice;
use crate::config::ProviderConfig;

/// Compares the instances of the configuration with those in force.
pub(super) fn between(
    configured: &BTreeMap<String, ProviderConfig>,
    in_force: &BTreeMap<String, ProviderConfig>,
    unusable: &BTreeMap<String, Arc<str>>,
) -> Vec<Notice> {
    let names: BTreeSet<&String> = configured
        .keys()
        .chain(in_force.keys())
        .chain(unusable.keys())
        .collect();
    let told = names.into_iter().filter_map(|name| {
        let (sentence, remedy) = match (configured.get(name), in_force.get(name), unusable.get(name)) {
            (_, _, Some(why)) => (
                format!("what was kept of it at run time cannot be used: {why}"),
                format!("`mosaic plugins remove {name}`, then add it anew."),
            ),
            (Some(_), None, None) => (
                "stands in the configuration, and was removed at run time".to_owned(),
                format!("Take it out of the configuration, or `mosaic plugins add {name}` again."),
            ),
            (None, Some(_), None) => (
                "was added at run time, and does not stand in the configuration".to_owned(),
                "Write it into the configuration as `mosaic config show` tells it, or remove it.".to_owned(),
            ),
            (Some(ours), Some(theirs), None) => (
                format!("was changed at run time: {}", changed(ours, theirs)?),
                format!("Write what `mosaic config show` tells into the configuration, or `mosaic plugins update {name}` with what stands there."),
            ),
            (None, None, None) => return None,
        };
        Some(Notice {
            check: "config",
            subject: format!("providers.{name}"),
            sentence: format!("providers.{name} {sentence}"),
            remedy,
        })
    });
    told.collect()
}

/// The keys whose values differ; `None` where none does.
fn changed(ours: &ProviderConfig, theirs: &ProviderConfig) -> Option<String> {
    if ours == theirs {
        return None;
    }
    // A path that is not Unicode cannot be written down; that it differs is known all the same.
    let table = |provider| serde_json::to_value(provider).unwrap_or_default();
    let (ours, theirs) = (table(ours), table(theirs));
    let keys = ours.as_object().into_iter().flatten();
    let differ = keys.filter(|(key, value)| theirs.get(*key).unwrap_or(&Value::Null) != *value);
    let names: Vec<&str> = differ.map(|(key, _)| key.as_str()).collect();
    Some(names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told_by_key_and_without_a_value() {
        let github = ProviderConfig::new("github");
        let mut other = github.clone();
        other.max_in_flight = Some(4711);
        let side = |pairs: &[(&str, &ProviderConfig)]| {
            let owned = pairs
                .iter()
                .map(|(name, provider)| ((*name).to_owned(), (*provider).clone()));
            owned.collect::<BTreeMap<_, _>>()
        };
        let ours = side(&[("same", &github), ("gone", &github), ("bent", &github)]);
        let theirs = side(&[("same", &github), ("bent", &other), ("new", &github)]);
        let told = between(&ours, &theirs, &BTreeMap::new());
        let sentences: Vec<&str> = told.iter().map(|notice| notice.sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "providers.bent was changed at run time: max_in_flight",
                "providers.gone stands in the configuration, and was removed at run time",
                "providers.new was added at run time, and does not stand in the configuration",
            ]
        );
    }
}
