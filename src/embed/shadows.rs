//! Routes that are never used, because earlier ones take every call that they match.
//!
//! Invariant: what is named here is never the first match of any call; a route that is used now and then is not named.

use std::collections::BTreeSet;
use std::sync::Arc;

use mosaic_actors::policy::routing::{Rule, check, in_order};

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
    /// One of them has a higher priority.
    outranked: bool,
}

impl Shadowed {
    /// What it means for callers.
    pub(super) fn sentence(&self) -> String {
        let origin = self.origin.as_ref().map(|origin| format!(" ({origin})"));
        let (rule, by, origin) = (&self.rule, self.by.join(", "), origin.unwrap_or_default());
        let take = if self.by.len() == 1 { "takes" } else { "take" };
        format!("{rule}{origin} is never used: {by} {take} every call that it matches")
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> String {
        let by = self.by.join(", ");
        match self.outranked {
            true => format!("Give it a higher priority than {by}, or take it out."),
            false => format!("Put it before {by}, or take it out."),
        }
    }
}

/// The routes of `config` that are never used. More than [`check::never_used`] tells: what several take together, operation
/// by operation, is taken.
pub(super) fn shadowed(config: &Config, origins: &Origins, catalogue: &Catalogue) -> Vec<Shadowed> {
    let names: Vec<&str> = catalogue.operations().iter().map(|operation| operation.name).collect();
    let rules: Vec<Rule> = config.routes.iter().map(RouteConfig::rule).collect();
    let bounded = bounded(config);
    let order = in_order(&rules);
    let path = |index: usize| format!("routes[{index}]");
    let later = order.iter().enumerate().filter(|(_, index)| rules[**index].enabled);
    let mut found: Vec<(usize, Shadowed)> = later
        .filter_map(|(at, &index)| {
            let matched = names.iter().filter(|name| config.routes[index].covers(name));
            let takers: Option<BTreeSet<usize>> = matched
                .map(|name| {
                    let narrow = Rule {
                        service: None,
                        operation: Some(Arc::from(*name)),
                        ..rules[index].clone()
                    };
                    let mut earlier = order[..at].iter().copied();
                    earlier.find(|earlier| check::takes(&rules[*earlier], &narrow, bounded))
                })
                .collect();
            // A route that matches nothing is refused elsewhere.
            let takers = takers.filter(|takers| !takers.is_empty())?;
            let outranked = takers.iter().any(|by| rules[*by].priority > rules[index].priority);
            let shadowed = Shadowed {
                rule: path(index),
                origin: origins.get(&path(index)).map(ToString::to_string),
                by: takers.into_iter().map(path).collect(),
                outranked,
            };
            Some((index, shadowed))
        })
        .collect();
    found.sort_unstable_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, shadowed)| shadowed).collect()
}

/// Whether some tenant does not reach all: one that reaches none of a route's providers is led past it.
fn bounded(config: &Config) -> bool {
    let by_route = |route: &RouteConfig| route.tenant.is_some() && route.decides();
    config.tenants.values().any(|tenant| tenant.providers.is_some()) || config.routes.iter().any(by_route)
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
    fn routes_of_a_higher_priority_come_first_and_those_that_decide_nothing_take_nothing() {
        let git = |priority: i32| RouteConfig {
            priority,
            ..route("git", "", "", &["a"])
        };
        assert_eq!(
            found(&[git(0), git(1)]),
            [("routes[0]".to_owned(), vec!["routes[1]".to_owned()])]
        );
        let config = Config {
            routes: vec![git(0), git(1)],
            ..Config::default()
        };
        let told = shadowed(&config, &Origins::new(), &Catalogue::built_in());
        assert_eq!(
            told[0].remedy(),
            "Give it a higher priority than routes[1], or take it out."
        );
        let mut shadow = git(1);
        shadow.shadow = true;
        let mut disabled = git(1);
        disabled.enabled = false;
        assert!(found(&[git(0), shadow, disabled]).is_empty());
        let mut nightly = git(1);
        nightly.hours.push(crate::config::HoursConfig::default());
        assert!(found(&[git(0), nightly]).is_empty());
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
