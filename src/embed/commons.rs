//! Instances that keep what callers of several tenants bring, where it will be forgotten whose it is.
//!
//! Invariant: an instance is told of where its tenants lose something, and nowhere else.

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

/// Of each instance that keeps what several tenants bring, if whose it is does not outlive the process.
pub(super) fn forgotten(config: &Config, registry: &Registry) -> Vec<Notice> {
    if !config.state.in_memory() {
        return Vec::new();
    }
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
    let provider = config.providers.get(name).filter(|provider| !provider.tenants_share)?;
    let kind = registry.find(&provider.kind)?;
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
            "{path} is shared by the tenants {}: whose {} are that it keeps is forgotten at exit, and then they are nobody's",
            some(&several),
            some(&kept)
        ),
        remedy: format!(
            "Set state.path to a file; or {path}.tenants_share = true where they may share them; or give each tenant an \
             instance with a credential of its own in tenants.NAME.providers."
        ),
        subject: path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ProviderConfig, TenantConfig};

    fn config(tables: &[(&str, TenantConfig)]) -> Config {
        let mut config = Config::default();
        for (name, kind) in [("forge", "github"), ("one", "openai"), ("other", "openai")] {
            config.providers.insert(name.to_owned(), ProviderConfig::new(kind));
        }
        for (name, table) in tables {
            config.tenants.insert((*name).to_owned(), table.clone());
        }
        config
    }

    fn told(tables: &[(&str, TenantConfig)]) -> Vec<String> {
        let notices = forgotten(&config(tables), &Registry::built_in()).into_iter();
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
    fn tenants_that_lose_what_is_kept_for_them_are_told_and_no_others() {
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
        // What a file of state holds is not forgotten, and what is shared is nobody's own.
        let mut kept = config(&[acme.clone(), ("beta", table(&["one"], None))]);
        kept.state.path = "state.db".into();
        assert!(forgotten(&kept, &Registry::built_in()).is_empty());
        kept.state.path = Default::default();
        kept.providers.get_mut("one").expect("there").tenants_share = true;
        assert!(forgotten(&kept, &Registry::built_in()).is_empty());
        let chats = ("beta", table(&["one"], Some(&["ai.chat"])));
        assert_eq!(told(&[acme, chats]), [""; 0]);
    }
}
