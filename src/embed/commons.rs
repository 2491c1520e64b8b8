//! Instances that keep what callers bring, by ids that say nothing of whose it is.
//!
//! Invariant: what is told here is so whatever the callers are granted: a credential that tenants share shows each of them
//! what any of them has there.

use std::collections::BTreeMap;

use super::notice::Notice;
use super::reaches::{may, some, tenants, within};
use super::registry::Registry;
use crate::config::{Config, LOCAL_TENANT, join};

/// What reads something that a provider keeps by its own id, for whom it was brought or not, and what it is called.
const KEPT: [(&str, &str); 3] = [
    ("ai.file.get", "files"),
    ("ai.batch.get", "batches"),
    ("ai.response.get", "stored responses"),
];

/// Of each instance that keeps what several tenants bring.
pub(super) fn shared(config: &Config, registry: &Registry) -> Vec<Notice> {
    let mut reached: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    // Who comes without a key is alone.
    let mut all = tenants(config);
    all.retain(|name| *name != LOCAL_TENANT || !config.keys.is_empty());
    for tenant in all {
        for name in within(config, tenant) {
            reached.entry(name).or_default().push(tenant);
        }
    }
    let shared = reached.into_iter();
    shared
        .filter_map(|(name, all)| of_instance(config, registry, name, &all))
        .collect()
}

fn of_instance(config: &Config, registry: &Registry, name: &str, tenants: &[&str]) -> Option<Notice> {
    let kind = registry.find(&config.providers.get(name)?.kind)?;
    let able = (kind.operations)();
    let has =
        |operation: &str, tenant: &&&str| able.contains(&operation) && may(config.tenant_reach(tenant), operation);
    let with = |operation: &str| tenants.iter().filter(|tenant| has(operation, tenant)).count();
    let kept = KEPT.iter().filter(|(operation, _)| with(operation) > 1);
    let kept: Vec<&str> = kept.map(|(_, what)| *what).collect();
    if kept.is_empty() {
        return None;
    }
    let of_any = |tenant: &&&str| KEPT.iter().any(|(operation, _)| has(operation, tenant));
    let several: Vec<&str> = tenants.iter().filter(of_any).copied().collect();
    let path = join("providers", name);
    Some(Notice {
        check: "routes",
        sentence: format!(
            "{path} is shared by the tenants {}: each of them can list, read, use and cancel what the others have there, {}",
            some(&several),
            some(&kept)
        ),
        remedy: format!(
            "Give each an instance with a credential of its own in tenants.NAME.providers, or leave ai.file, ai.batch and \
             ai.response out of tenants.NAME.operations, and grant no proxy to {name}, where they must not."
        ),
        subject: path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ProviderConfig, TenantConfig};

    fn told(tables: &[(&str, TenantConfig)]) -> Vec<String> {
        let mut config = Config::default();
        for (name, kind) in [("forge", "github"), ("one", "openai"), ("other", "openai")] {
            config.providers.insert(name.to_owned(), ProviderConfig::new(kind));
        }
        for (name, table) in tables {
            config.tenants.insert((*name).to_owned(), table.clone());
        }
        let notices = shared(&config, &Registry::built_in()).into_iter();
        notices.map(|notice| notice.line()).collect()
    }

    fn table(providers: &[&str], operations: Option<&[&str]>) -> TenantConfig {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TenantConfig {
            providers: Some(owned(providers)),
            operations: operations.map(owned),
            ..TenantConfig::default()
        }
    }

    #[test]
    fn tenants_that_share_what_keeps_things_are_told_and_no_others() {
        let (acme, apart) = (
            ("acme", table(&["forge", "one"], None)),
            ("beta", table(&["forge", "other"], None)),
        );
        assert_eq!(told(&[acme.clone(), apart]), [""; 0]);
        assert_eq!(told(std::slice::from_ref(&acme)), [""; 0]);
        let told_of = told(&[acme.clone(), ("beta", table(&["one"], None))]);
        let [line] = &told_of[..] else {
            panic!("one: {told_of:?}")
        };
        assert!(
            line.contains("providers.one is shared by the tenants acme and beta")
                && line.contains("files, batches and stored responses"),
            "{line}"
        );
        let chats = ("beta", table(&["one"], Some(&["ai.chat"])));
        assert_eq!(told(&[acme, chats]), [""; 0]);
    }
}
