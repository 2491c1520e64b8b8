//! Where unqualified resources could live, as far as a configuration tells beforehand.
//!
//! Invariant: what is named here is refused by the routing table, too; this only says so before the first call.

use std::collections::BTreeMap;

use mosaic_actors::call::Homes;

use super::registry::Registry;
use crate::catalogue::Catalogue;
use crate::config::{Config, RouteConfig};
use crate::providers::Kind;

/// A service that several instances have a part in, and that no route makes equivalent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ambiguous {
    /// The service, e.g. `git`.
    pub(super) service: String,
    /// The instances, by name.
    instances: Vec<String>,
}

impl Ambiguous {
    /// What it means for callers.
    pub(super) fn sentence(&self) -> String {
        let names = self.instances.join(", ");
        format!(
            "{} could be served by {names}, and no route says that they are equivalent: calls that name none of them are refused",
            self.service
        )
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> String {
        let list: Vec<String> = self.instances.iter().map(|name| format!("\"{name}\"")).collect();
        format!(
            "Where they hold the same things, add [[routes]] with service = \"{}\" and providers = [{}]; else give routes a resource pattern each, or have callers write {}~… or provider={}.",
            self.service,
            list.join(", "),
            self.instances[0],
            self.instances[0],
        )
    }
}

/// Services whose resources have several possible homes under `config`. What instances offer by name, such as models, is
/// left out: their lists decide.
pub(super) fn ambiguous(config: &Config, registry: &Registry) -> Vec<Ambiguous> {
    let mut by_service: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (name, provider) in &config.providers {
        let kind = registry.find(&provider.kind);
        for service in kind.as_ref().map(Kind::services).unwrap_or_default() {
            by_service.entry(service).or_default().push(name.clone());
        }
    }
    by_service
        .into_iter()
        .filter(|(service, instances)| instances.len() > 1 && !is_offered(service, registry.catalogue()))
        .filter(|(service, _)| !config.routes.iter().any(|route| decides(route, service)))
        .map(|(service, instances)| Ambiguous {
            service: service.to_owned(),
            instances,
        })
        .collect()
}

/// Whether a service is about what is offered by name.
fn is_offered(service: &str, catalogue: &Catalogue) -> bool {
    let operations = catalogue.operations().iter();
    operations
        .into_iter()
        .any(|operation| operation.service == service && operation.homes == Homes::Offered)
}

/// Whether a route takes every call of a service, whoever makes it and whatever it is about.
fn decides(route: &RouteConfig, service: &str) -> bool {
    let covers = |name: &Option<String>| name.as_deref().is_none_or(|name| name == service);
    let of_service = covers(&route.service) && covers(&route.operation);
    of_service && route.decides() && route.takes_any_call()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProviderConfig;

    fn config(providers: &[(&str, &str)], routes: Vec<RouteConfig>) -> Config {
        let mut config = Config::default();
        for (name, kind) in providers {
            config.providers.insert((*name).to_owned(), ProviderConfig::new(*kind));
        }
        config.routes = routes;
        config
    }

    fn route(service: &str, resource: Option<&str>) -> RouteConfig {
        RouteConfig {
            service: Some(service.to_owned()),
            resource: resource.map(str::to_owned),
            providers: vec!["a".to_owned(), "b".to_owned()],
            ..RouteConfig::default()
        }
    }

    fn services(config: &Config) -> Vec<String> {
        ambiguous(config, &Registry::built_in())
            .into_iter()
            .map(|found| found.service)
            .collect()
    }

    #[test]
    fn several_forges_without_a_route_are_told_and_models_are_not() {
        let forges = [("a", "github"), ("b", "gitea"), ("x", "openai"), ("y", "openai")];
        assert_eq!(services(&config(&forges, vec![])), ["cicd", "git", "projects"]);
        assert_eq!(
            services(&config(&forges, vec![route("git", None)])),
            ["cicd", "projects"]
        );
        let for_some = vec![
            route("git", Some("acme/*")),
            route("projects", None),
            route("cicd", None),
        ];
        assert_eq!(services(&config(&forges, for_some)), ["git"]);
        let git = || vec![route("git", None), route("projects", None), route("cicd", None)];
        let mut conditions: [Vec<RouteConfig>; 3] = [git(), git(), git()];
        conditions[0][0].shadow = true;
        conditions[1][0].enabled = false;
        conditions[2][0].payload_min = Some(1);
        for routes in conditions {
            assert_eq!(services(&config(&forges, routes)), ["git"]);
        }
        assert!(services(&config(&forges[..1], vec![])).is_empty());
        let found = ambiguous(&config(&forges, vec![]), &Registry::built_in());
        assert!(found[0].sentence().contains("a, b") && found[0].remedy().contains("[[routes]]"));
    }
}
