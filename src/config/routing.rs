//! What is wrong with routes, and with what providers say for them: labels, prices, credits.
//!
//! Invariant: a route that passes can be meant: its names are somebody's, its conditions can hold together, and no tenant
//! reaches more because a route of its own decides nothing.

use std::collections::BTreeMap;

use mosaic_actors::policy::glob::glob;
use mosaic_actors::policy::routing::{check, covers};

use super::checks::{EMPTY, Names, check_list, check_tenant, operation, provider, service};
use super::errors::{Report, join};
use super::known::{Known, KnownKind};
use super::rule::carries;
use super::{Balance, Config, CreditUnit, PreferConfig, PriceConfig, ProviderConfig, RouteConfig};
use crate::dispatch::attributes::{LONGEST_NAME, LONGEST_VALUE, MOST_LABELS};
use crate::wording::nearest;

/// Reports what is wrong with routes, and with what they go by.
pub(super) fn check(config: &Config, names: &Names, known: &Known, report: &mut Report) {
    for (name, provider) in &config.providers {
        let path = join("providers", name);
        check_labels(&provider.labels, &join(&path, "labels"), report);
        check_prices(&provider.prices, &join(&path, "prices"), known, report);
        check_credits(provider, &join(&path, "credits"), known, report);
    }
    for (index, route) in config.routes.iter().enumerate() {
        let path = format!("routes[{index}]");
        let scope = Scope { config, names, route };
        check_named(&scope, &path, report);
        check_balance(route, &path, report);
        check_rule(route, &path, report);
        // A provider that is at fault itself makes no further fault.
        if config.providers.len() == names.providers.len() {
            check_members(&scope, &path, report);
        }
        check_matches(&scope, &path, known, report);
        let twin = config.routes[..index].iter().position(|other| other.name == route.name);
        if let Some(twin) = twin.filter(|_| !route.name.is_empty()) {
            report.add(&join(&path, "name"), format!("the same name as routes[{twin}]"));
        }
    }
    check_undecided(config, report);
}

/// A route, and what is known beside it.
struct Scope<'a> {
    config: &'a Config,
    names: &'a Names,
    route: &'a RouteConfig,
}

/// Whom it names is there, and what it leaves open it leaves out.
fn check_named(scope: &Scope<'_>, path: &str, report: &mut Report) {
    let Scope { names, route, .. } = scope;
    check_list(&route.providers, &join(path, "providers"), report, |name| {
        provider(name, names)
    });
    for (index, prefer) in route.prefer.iter().enumerate() {
        let path = format!("{path}.prefer[{index}].providers");
        check_list(&prefer.providers, &path, report, |name| provider(name, names));
    }
    for (index, canary) in route.canaries.iter().enumerate() {
        if let Some((message, suggestion)) = provider(&canary.provider, names) {
            report.add_with(&format!("{path}.canaries[{index}].provider"), message, suggestion);
        }
    }
    if let Some(tenant) = &route.tenant {
        check_tenant(tenant, &join(path, "tenant"), names, report);
    }
    for (key, pattern) in [("resource", &route.resource), ("model", &route.model)] {
        if pattern.as_deref() == Some("") {
            report.add(&join(path, key), EMPTY);
        }
    }
    let labels = join(path, "labels");
    if route.labels.len() > MOST_LABELS {
        report.add(
            &labels,
            format!("a call has at most {MOST_LABELS} labels: none matches all"),
        );
    }
    check_labels(&route.labels, &labels, report);
}

fn check_balance(route: &RouteConfig, path: &str, report: &mut Report) {
    match &route.weights {
        Some(_) if route.balance != Balance::Adaptive => {
            report.add(&join(path, "weights"), "has no use unless balance = \"adaptive\"");
        }
        Some(weights) if weights.weights().is_none() => {
            report.add(&join(path, "weights"), "must let something count: all are 0");
        }
        _ => {}
    }
    if route.nearest && route.balance != Balance::RoundRobin {
        report.add(
            &join(path, "balance"),
            "has no use with nearest = true, which takes its place",
        );
    }
}

/// What the engine finds, at the key that says it.
fn check_rule(route: &RouteConfig, path: &str, report: &mut Report) {
    for (key, message) in check::faults(&route.rule()) {
        match &*key {
            "cost_max" => report.add(
                &join(path, "cost_max_usd"),
                "is below cost_min_usd: no call matches both",
            ),
            key => report.add(&format!("{path}.{key}"), message),
        }
    }
}

/// Labels are carried by somebody, credits had by somebody, and trials led to those that the route is for.
fn check_members(scope: &Scope<'_>, path: &str, report: &mut Report) {
    let Scope { config, route, .. } = scope;
    let all: Vec<&ProviderConfig> = config.providers.values().collect();
    check_carried(&route.select, &join(path, "select"), &all, report);
    let members = config.members(route);
    let members: Vec<(&str, &ProviderConfig)> = members
        .into_iter()
        .filter_map(|name| Some((name, config.providers.get(name)?)))
        .collect();
    let own: Vec<&ProviderConfig> = members.iter().map(|(_, provider)| *provider).collect();
    let is_member = |name: &str| members.iter().any(|(member, _)| *member == name);
    for (index, prefer) in route.prefer.iter().enumerate() {
        let path = format!("{path}.prefer[{index}]");
        let strangers = prefer.providers.iter().enumerate();
        for (at, _) in strangers.filter(|(_, name)| !is_member(name)) {
            report.add(
                &format!("{path}.providers[{at}]"),
                "is preferred, but is none of the route's providers",
            );
        }
        check_carried(&prefer.labels, &join(&path, "labels"), &own, report);
        let funded =
            |(name, provider): &(&str, &ProviderConfig)| meets(prefer, name, provider) && provider.credits.is_some();
        if prefer.credits && !members.iter().any(funded) {
            report.add(
                &join(&path, "credits"),
                "none of these has credits: set them in [providers.NAME.credits]",
            );
        }
    }
    for (index, canary) in route.canaries.iter().enumerate() {
        if !is_member(&canary.provider) {
            let path = format!("{path}.canaries[{index}].provider");
            report.add(&path, "is none of the route's providers");
        }
    }
}

/// Whether a provider is in a preference, as the engine has it.
fn meets(prefer: &PreferConfig, name: &str, provider: &ProviderConfig) -> bool {
    let named = prefer.providers.iter().any(|one| one == name);
    let all = prefer.providers.is_empty() && prefer.labels.is_empty();
    named || all || !prefer.labels.is_empty() && carries(provider, &prefer.labels)
}

/// Each label, and all together, are carried by one of these.
fn check_carried(labels: &BTreeMap<String, String>, path: &str, among: &[&ProviderConfig], report: &mut Report) {
    let mut sound = true;
    for (name, value) in labels {
        let values: Vec<&str> = among
            .iter()
            .filter_map(|provider| provider.labels.get(name).map(String::as_str))
            .collect();
        if values.is_empty() {
            let names = among
                .iter()
                .flat_map(|provider| provider.labels.keys().map(String::as_str));
            let suggestion = nearest(name, names);
            report.add_with(
                &join(path, name),
                "none of the providers carries such a label",
                suggestion,
            );
        } else if !values.contains(&value.as_str()) {
            let suggestion = nearest(value, values);
            report.add_with(
                &join(path, name),
                "none of the providers carries this value of it",
                suggestion,
            );
        } else {
            continue;
        }
        sound = false;
    }
    if sound && !labels.is_empty() && !among.iter().any(|provider| carries(provider, labels)) {
        report.add(path, "none of the providers carries all of these");
    }
}

/// Labels as a call may carry them, too.
fn check_labels(labels: &BTreeMap<String, String>, path: &str, report: &mut Report) {
    for (name, value) in labels {
        let sound = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(sound) {
            let message =
                format!("the name of a label is 1 to {LONGEST_NAME} of the characters a-z, 0-9, \"_\" and \"-\"");
            report.add(&join(path, name), message);
        } else if value.len() > LONGEST_VALUE || value.trim() != value || value.is_empty() {
            let message = format!("a label's value has 1 to {LONGEST_VALUE} bytes, and no white space at its ends");
            report.add(&join(path, name), message);
        }
    }
}

/// What a route says of services and operations exists, agrees, and can be done by one of its providers.
fn check_matches(scope: &Scope<'_>, path: &str, known: &Known, report: &mut Report) {
    let Scope { config, route, .. } = scope;
    let faults = [
        (
            "service",
            route.service.as_deref().and_then(|name| service(name, known)),
        ),
        (
            "operation",
            route.operation.as_deref().and_then(|name| operation(name, known)),
        ),
    ];
    let mut sound = true;
    for (key, fault) in faults {
        if let Some((message, suggestion)) = fault {
            report.add_with(&join(path, key), message, suggestion);
            sound = false;
        }
    }
    let matched: Vec<&String> = known.operations.iter().filter(|name| route.covers(name)).collect();
    if matched.is_empty() && sound {
        return report.add(
            &join(path, "operation"),
            "is not of this route's service: no call matches both",
        );
    }
    // A provider that is at fault itself makes no further fault.
    let members = config.members(route);
    let kinds: Option<Vec<_>> = members
        .iter()
        .map(|name| known.kind(&config.providers.get(*name)?.kind))
        .collect();
    let able = |kinds: Vec<&KnownKind>| {
        kinds
            .iter()
            .any(|kind| kind.operations.iter().any(|name| matched.contains(&name)))
    };
    if sound && !members.is_empty() && !kinds.is_none_or(able) {
        let key = if route.providers.is_empty() {
            "select"
        } else {
            "providers"
        };
        report.add(&join(path, key), "none of these can do what the route is for");
    }
}

/// A tenant without a list reaches what its own routes name. One whose routes decide nothing would reach all: that must be
/// said.
fn check_undecided(config: &Config, report: &mut Report) {
    for (index, route) in config.routes.iter().enumerate().filter(|(_, route)| !route.decides()) {
        let Some(tenant) = route.tenant.as_deref() else {
            continue;
        };
        let own = |other: &&RouteConfig| other.tenant.as_deref() == Some(tenant);
        let decided = config.routes.iter().filter(own).any(RouteConfig::decides);
        // One that is not known is told at its key.
        let is_known = config.all_tenants().any(|known| known == tenant);
        if decided || !is_known || config.tenant_reach(tenant).providers.is_some() {
            continue;
        }
        let key = if route.enabled { "shadow" } else { "enabled" };
        let table = join("tenants", tenant);
        let message = format!(
            "leaves the tenant {tenant} no route of its own that decides: it would reach every provider. Say in \
             {table}.providers what it may reach"
        );
        report.add(&format!("routes[{index}].{key}"), message);
    }
}

fn check_prices(prices: &[PriceConfig], path: &str, known: &Known, report: &mut Report) {
    for (index, price) in prices.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some((message, suggestion)) = price.operation.as_deref().and_then(|name| operation(name, known)) {
            report.add_with(&join(&path, "operation"), message, suggestion);
        }
        if price.model.as_deref() == Some("") {
            report.add(&join(&path, "model"), EMPTY);
        }
        if prices[..index].iter().any(|earlier| holds_for_all(earlier, price)) {
            report.add(&path, "is never used: an earlier one holds for all its calls");
        }
    }
}

/// Whether a price holds for every call for which another does.
fn holds_for_all(wide: &PriceConfig, narrow: &PriceConfig) -> bool {
    let within = |wide: &Option<String>, narrow: &Option<String>, holds: fn(&str, &str) -> bool| match (wide, narrow) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => holds(wide, narrow),
    };
    // A pattern that matches the other's text, stars included, matches whatever the other does.
    let matches = |wide: &str, narrow: &str| glob(wide.as_bytes(), narrow.as_bytes());
    within(&wide.operation, &narrow.operation, covers) && within(&wide.model, &narrow.model, matches)
}

fn check_credits(provider: &ProviderConfig, path: &str, known: &Known, report: &mut Report) {
    let Some(credits) = &provider.credits else { return };
    if credits.whole().is_none() {
        let message = match credits.unit {
            CreditUnit::Usd => "must be more than 0: without [credits] there is no bound",
            CreditUnit::Calls => "must be a whole number of calls, and more than 0",
        };
        report.add(&join(path, "amount"), message);
    }
    // What is billed by tokens tells what it did cost, or is in the table of models.
    let bills = |kind: &KnownKind| kind.operations.iter().any(|name| name.starts_with("ai."));
    let priced = !provider.prices.is_empty() || known.kind(&provider.kind).is_none_or(bills);
    if credits.unit == CreditUnit::Usd && !priced {
        report.add(
            &join(path, "unit"),
            "counts dollars, and no price is known here: set [[providers.NAME.prices]], or count calls",
        );
    }
}
