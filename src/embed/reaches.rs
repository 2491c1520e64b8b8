//! What tenants reach less than they seem to: by routes of their own, or by lists that leave nothing.
//!
//! Invariant: what is named here is out of the tenant's reach in the routing table, too; a list that is written down is
//! meant, and what it leaves out is no surprise.

use std::collections::BTreeSet;

use mosaic_actors::policy::routing::covers;

use super::notice::Notice;
use super::registry::Registry;
use crate::catalogue::proxy;
use crate::config::{Config, DEFAULT_TENANT, LOCAL_TENANT, TenantReach, join};
use crate::wording::list;

/// The most names in one sentence.
const NAMED: usize = 8;

/// Of tenants that callers have: those that lost instances to a route of their own, those that reach nothing, and routes
/// that lead a tenant beyond its reach.
pub(super) fn narrowed(config: &Config, registry: &Registry) -> Vec<Notice> {
    let tenants = tenants(config);
    let mut notices: Vec<Notice> = tenants.iter().filter_map(|tenant| lost(config, tenant)).collect();
    notices.extend(tenants.iter().filter_map(|tenant| nothing(config, registry, tenant)));
    notices.extend(beyond(config));
    notices
}

/// The tenants that somebody counts for, or that a table or a route is about.
pub(super) fn tenants(config: &Config) -> BTreeSet<&str> {
    let of_keys = config.keys.values().map(|key| key.tenant.as_str());
    let of_routes = config.routes.iter().filter_map(|route| route.tenant.as_deref());
    // What stands for others is no tenant of itself, unless a key says so.
    let of_tables = config.tenants.keys().map(String::as_str);
    let of_tables = of_tables.filter(|name| *name != DEFAULT_TENANT);
    let local = config.keys.is_empty().then_some(LOCAL_TENANT);
    of_keys.chain(of_routes).chain(of_tables).chain(local).collect()
}

/// The instances that its own routes are for, as far as those decide; none where it has no such route.
fn routed<'a>(config: &'a Config, tenant: &str) -> Option<BTreeSet<&'a str>> {
    let own: Vec<_> = config
        .routes
        .iter()
        .filter(|route| route.tenant.as_deref() == Some(tenant) && route.decides())
        .collect();
    let named = own.iter().flat_map(|route| config.members(route));
    (!own.is_empty()).then(|| named.collect())
}

/// The instances of the configuration within a tenant's reach.
pub(super) fn within<'a>(config: &'a Config, tenant: &str) -> BTreeSet<&'a str> {
    let all = config.providers.keys().map(String::as_str);
    match (config.tenant_reach(tenant).providers, routed(config, tenant)) {
        (Some(listed), _) => all.filter(|name| listed.iter().any(|listed| listed == name)).collect(),
        (None, Some(routed)) => all.filter(|name| routed.contains(name)).collect(),
        (None, None) => all.collect(),
    }
}

/// Of a tenant from which its own routes take the instances that they do not name.
fn lost(config: &Config, tenant: &str) -> Option<Notice> {
    let listed = config.tenant_reach(tenant).providers.is_some();
    let routed = routed(config, tenant).filter(|_| !listed)?;
    let lost: Vec<&str> = config
        .providers
        .keys()
        .map(String::as_str)
        .filter(|name| !routed.contains(name))
        .collect();
    if lost.is_empty() {
        return None;
    }
    let all: Vec<String> = config.providers.keys().map(|name| format!("{name:?}")).collect();
    let routes = config.routes.iter().enumerate();
    let routes = routes.filter(|(_, route)| route.tenant.as_deref() == Some(tenant) && route.decides());
    let routes: Vec<String> = routes.map(|(index, _)| format!("routes[{index}]")).collect();
    let routed: Vec<&str> = routed.into_iter().collect();
    let names = if routes.len() == 1 { "names" } else { "name" };
    Some(Notice {
        check: "routes",
        subject: join("tenants", tenant),
        sentence: format!(
            "the tenant {tenant} reaches {} alone, which {} {names}, and neither sees nor uses {}",
            some(&routed),
            some(&routes),
            some(&lost),
        ),
        remedy: format!(
            "Say in {}.providers what it may reach: all are [{}].",
            join("tenants", tenant),
            all.join(", ")
        ),
    })
}

/// Of a tenant for which no operation is there.
fn nothing(config: &Config, registry: &Registry, tenant: &str) -> Option<Notice> {
    // Without providers nobody reaches anything, which is told elsewhere.
    if config.providers.is_empty() {
        return None;
    }
    let reach = config.tenant_reach(tenant);
    let able = within(config, tenant).into_iter().any(|name| {
        let kind = config
            .providers
            .get(name)
            .and_then(|provider| registry.find(&provider.kind));
        // What is wrong with an instance is told with it.
        kind.is_none_or(|kind| {
            let passed = proxy::operations().into_iter().map(|operation| operation.name);
            (kind.operations)()
                .into_iter()
                .chain(passed)
                .any(|name| may(reach, name))
        })
    });
    (!able).then(|| Notice {
        check: "routes",
        subject: join("tenants", tenant),
        sentence: format!(
            "the tenant {tenant} reaches nothing: no provider within its reach can do an operation that it may use"
        ),
        remedy: format!(
            "Correct providers, services and operations of {}, or of tenants.{DEFAULT_TENANT} where they are left out there.",
            join("tenants", tenant)
        ),
    })
}

/// Whether a reach has room for an operation.
pub(super) fn may(reach: TenantReach<'_>, name: &str) -> bool {
    let service = name.split('.').next().unwrap_or_default();
    reach
        .services
        .is_none_or(|services| services.iter().any(|one| one == service))
        && reach
            .operations
            .is_none_or(|names| names.iter().any(|prefix| covers(prefix, name)))
}

/// Routes of a tenant to instances that its table keeps from it: for it they are not there.
fn beyond(config: &Config) -> impl Iterator<Item = Notice> {
    let routes = config.routes.iter().enumerate();
    routes.filter_map(|(index, route)| {
        let tenant = route.tenant.as_deref()?;
        let within = within(config, tenant);
        let out: Vec<&str> = route
            .providers
            .iter()
            .map(String::as_str)
            .filter(|name| !within.contains(name))
            .collect();
        let rule = format!("routes[{index}]");
        (!out.is_empty()).then(|| Notice {
            check: "routes",
            sentence: format!(
                "{rule} names {} for the tenant {tenant}, beyond its reach: for it there is none",
                some(&out)
            ),
            remedy: match config.tenants.get(tenant).is_some_and(|own| own.providers.is_some()) {
                true => format!(
                    "Add it to {}.providers, or take it out of the route.",
                    join("tenants", tenant)
                ),
                // A list of its own would take from it what that of all others names.
                false => format!(
                    "Add it to tenants.{DEFAULT_TENANT}.providers, which it has for want of its own, or take it out of the route."
                ),
            },
            subject: rule,
        })
    })
}

/// Names in a sentence, and how many more there are.
pub(super) fn some(names: &[impl AsRef<str>]) -> String {
    match names.len().checked_sub(NAMED) {
        None | Some(0) => list(names, "and"),
        Some(more) => {
            let first: Vec<&str> = names[..NAMED].iter().map(AsRef::as_ref).collect();
            format!("{} and {more} more", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ProviderConfig, RouteConfig, TenantConfig};

    fn config(tenant: TenantConfig, routes: &[(&str, &str)]) -> Config {
        let mut config = Config::default();
        for (name, kind) in [("forge", "github"), ("wiki", "notion"), ("model", "openai")] {
            config.providers.insert(name.to_owned(), ProviderConfig::new(kind));
        }
        config.tenants.insert("acme".to_owned(), tenant);
        config.routes = routes
            .iter()
            .map(|(tenant, provider)| RouteConfig {
                tenant: Some((*tenant).to_owned()),
                providers: vec![(*provider).to_owned()],
                ..RouteConfig::default()
            })
            .collect();
        config
    }

    fn told(config: &Config) -> Vec<String> {
        let notices = narrowed(config, &Registry::built_in()).into_iter();
        notices.map(|notice| notice.line()).collect()
    }

    fn names(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_tenant_whose_own_route_takes_the_others_is_told() {
        let silent = config(TenantConfig::default(), &[]);
        assert_eq!(told(&silent), [""; 0]);
        let lost = config(TenantConfig::default(), &[("acme", "forge")]);
        assert_eq!(
            told(&lost),
            [
                "tenants.acme: the tenant acme reaches forge alone, which routes[0] names, and neither sees nor uses model \
                 and wiki. Say in tenants.acme.providers what it may reach: all are [\"forge\", \"model\", \"wiki\"]."
            ]
        );
        // What is written down is meant.
        let listed = TenantConfig {
            providers: names(&["forge", "wiki"]),
            ..TenantConfig::default()
        };
        assert_eq!(told(&config(listed, &[("acme", "forge")])), [""; 0]);
    }

    #[test]
    fn a_tenant_that_reaches_nothing_is_told_however_that_comes() {
        let tables = [
            TenantConfig {
                providers: names(&[]),
                ..TenantConfig::default()
            },
            TenantConfig {
                providers: names(&["wiki"]),
                services: names(&["git"]),
                ..TenantConfig::default()
            },
            TenantConfig {
                services: names(&["git"]),
                operations: names(&["ai.chat"]),
                ..TenantConfig::default()
            },
        ];
        for table in tables {
            let told = told(&config(table.clone(), &[]));
            assert!(
                told.len() == 1 && told[0].contains("acme reaches nothing"),
                "{table:?}: {told:?}"
            );
        }
        // What is passed through is something.
        let passed = TenantConfig {
            operations: names(&["proxy.read"]),
            ..TenantConfig::default()
        };
        assert_eq!(told(&config(passed, &[])), [""; 0]);
        // Those of whom others take what they leave out are told by their own names.
        let mut inherited = config(TenantConfig::default(), &[]);
        let nothing = TenantConfig {
            providers: names(&[]),
            ..TenantConfig::default()
        };
        inherited.tenants.insert(DEFAULT_TENANT.to_owned(), nothing);
        assert_eq!(told(&inherited).len(), 2, "acme, and who comes without a key");
    }

    #[test]
    fn a_route_beyond_its_tenants_reach_is_told() {
        let listed = TenantConfig {
            providers: names(&["forge"]),
            ..TenantConfig::default()
        };
        let told = told(&config(listed, &[("acme", "wiki")]));
        assert_eq!(
            told,
            [
                "routes[0] names wiki for the tenant acme, beyond its reach: for it there is none. Add it to \
                 tenants.acme.providers, or take it out of the route."
            ]
        );
    }

    #[test]
    fn what_is_beyond_a_list_that_is_inherited_belongs_into_that() {
        let mut config = config(TenantConfig::default(), &[("acme", "wiki")]);
        let listed = TenantConfig {
            providers: names(&["forge"]),
            ..TenantConfig::default()
        };
        config.tenants.insert(DEFAULT_TENANT.to_owned(), listed);
        let told = told(&config);
        assert!(
            told.iter()
                .any(|told| told.contains("Add it to tenants.default.providers")),
            "{told:?}"
        );
    }
}
