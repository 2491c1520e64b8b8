//! Routes that are never used, because earlier ones take every call that they match.
//!
//! Invariant: what is named here is never the first match of any call; a route that is used now and then is not named.

use std::collections::BTreeSet;

use mosaic_actors::policy::glob::glob;

use crate::catalogue::Catalogue;
use crate::config::{Config, Origins, RouteConfig};

/// A route that no call reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shadowed {
    /// Its path, such as `routes[3]`.
    pub(super) rule: String,
    /// Where it was set, where that is known.
    origin: Option<String>,
    /// The paths of those that take its calls.
    by: Vec<String>,
}

impl Shadowed {
    /// What it means for callers.
    pub(super) fn sentence(&self) -> String {
        let origin = self.origin.as_ref().map(|origin| format!(" ({origin})"));
        let (rule, by, origin) = (&self.rule, self.by.join(", "), origin.unwrap_or_default());
        format!("{rule}{origin} is never used: {by} take every call that it matches")
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> String {
        format!("Put it before {}, or take it out.", self.by.join(", "))
    }
}

/// The routes of `config` that are never used.
pub(super) fn shadowed(config: &Config, origins: &Origins, catalogue: &Catalogue) -> Vec<Shadowed> {
    let names: Vec<&str> = catalogue.operations().iter().map(|operation| operation.name).collect();
    let path = |index: usize| format!("routes[{index}]");
    let later = config.routes.iter().enumerate();
    let found = later.filter_map(|(index, route)| {
        let matched: Vec<&str> = names.iter().copied().filter(|name| route.covers(name)).collect();
        let takers: Option<BTreeSet<usize>> = matched
            .iter()
            .map(|name| {
                let mut earlier = config.routes[..index].iter();
                earlier.position(|earlier| earlier.covers(name) && takes(earlier, route, config))
            })
            .collect();
        // A route that matches nothing is refused elsewhere.
        let takers = takers.filter(|takers| !takers.is_empty())?;
        Some(Shadowed {
            rule: path(index),
            origin: origins.get(&path(index)).map(ToString::to_string),
            by: takers.into_iter().map(path).collect(),
        })
    });
    found.collect()
}

/// Whether `earlier` takes all calls of an operation that `route` matches. Routes of tenants are tried before global ones,
/// so that only those of the same tenant meet.
fn takes(earlier: &RouteConfig, route: &RouteConfig, config: &Config) -> bool {
    // A pattern that matches the other's text, stars included, matches whatever the other does.
    let resource = match (&earlier.resource, &route.resource) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => glob(wide.as_bytes(), narrow.as_bytes()),
    };
    earlier.tenant == route.tenant && resource && stands(earlier, route, config)
}

/// Whether `earlier` exists for every caller for whom `route` does: a tenant that reaches none of its providers is led past
/// it.
fn stands(earlier: &RouteConfig, route: &RouteConfig, config: &Config) -> bool {
    let bounded = config.tenants.values().any(|tenant| tenant.providers.is_some())
        || config.routes.iter().any(|route| route.tenant.is_some());
    !bounded || route.providers.iter().all(|name| earlier.providers.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(service: &str, operation: &str, resource: &str, providers: &[&str]) -> RouteConfig {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        RouteConfig {
            service: given(service),
            operation: given(operation),
            resource: given(resource),
            providers: providers.iter().map(ToString::to_string).collect(),
            ..RouteConfig::default()
        }
    }

    fn found(routes: &[RouteConfig]) -> Vec<(String, Vec<String>)> {
        let config = Config {
            routes: routes.to_vec(),
            ..Config::default()
        };
        let found = shadowed(&config, &Origins::new(), &Catalogue::built_in());
        found.into_iter().map(|found| (found.rule, found.by)).collect()
    }

    #[test]
    fn a_route_is_shadowed_where_earlier_ones_take_all_of_its_calls() {
        let all = |rule: &str, by: &[&str]| vec![(rule.to_owned(), by.iter().map(ToString::to_string).collect())];
        let (git, narrow) = (route("git", "", "", &["a"]), route("", "git.repo", "acme/*", &["b"]));
        assert_eq!(found(&[git.clone(), narrow.clone()]), all("routes[1]", &["routes[0]"]));
        assert!(found(&[narrow, git.clone()]).is_empty());
        let parts = [
            "docs.search",
            "docs.space",
            "docs.page",
            "docs.comment",
            "docs.attachment",
            "docs.user",
        ]
        .map(|part| route("", part, "", &["a"]));
        let docs = route("docs", "", "", &["a"]);
        let together = [&parts[..], std::slice::from_ref(&docs)].concat();
        assert_eq!(
            found(&together),
            all(
                "routes[6]",
                &[
                    "routes[0]",
                    "routes[1]",
                    "routes[2]",
                    "routes[3]",
                    "routes[4]",
                    "routes[5]"
                ]
            )
        );
        let patterns = |wide, narrow| found(&[route("git", "", wide, &["a"]), route("git", "", narrow, &["b"])]);
        assert_eq!(patterns("acme/*", "ACME/api-*").len(), 1);
        assert!(patterns("acme/api", "acme/*").is_empty());
    }

    #[test]
    fn tenants_keep_routes_in_use() {
        let of = |tenant: Option<&str>, provider: &str| RouteConfig {
            tenant: tenant.map(str::to_owned),
            ..route("git", "", "", &[provider])
        };
        assert!(found(&[of(None, "a"), of(Some("acme"), "a")]).is_empty());
        // Whom the first rule leads nowhere, the second serves.
        assert!(found(&[of(Some("acme"), "a"), of(None, "b"), of(None, "a")]).is_empty());
        assert_eq!(found(&[of(Some("acme"), "a"), of(Some("acme"), "a")]).len(), 1);
    }
}
