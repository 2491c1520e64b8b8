//! What no single key can show: names that must exist, settings that must agree, doors that must not stand open.
//!
//! Invariant: a configuration that passes exposes nothing beyond loopback without a credential.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use mosaic_actors::policy::scopes::{EVERYTHING, Scope};
use serde_json::{Map, Value};
use url::{Host, Url};

use super::access::{ADMIN_SCOPE, DEFAULT_TENANT, LOCAL_TENANT};
use super::errors::{Report, join};
use super::issuer::{is_trustworthy, is_web_address};
use super::known::{Known, KnownKind, Sends};
use super::overload::OverloadConfig;
use super::{Config, ProviderConfig, TenantConfig, routing};
use crate::credential::Scheme;
use crate::dispatch::ALL;
use crate::wording::nearest;

/// The names that the sources declare, sound or not: a fault in a provider must not make its routes faulty too.
pub(crate) struct Names {
    keys: BTreeSet<String>,
    pub(super) providers: BTreeSet<String>,
    tenants: BTreeSet<String>,
}

impl Names {
    pub(crate) fn of(tree: &Map<String, Value>) -> Self {
        let of = |section: &str| {
            let table = tree.get(section).and_then(Value::as_object);
            table.into_iter().flat_map(Map::keys).cloned().collect()
        };
        Names {
            keys: of("keys"),
            providers: of("providers"),
            tenants: of("tenants"),
        }
    }
}

/// Reports everything that is wrong between the settings of `config`.
pub(crate) fn check(config: &Config, names: &Names, known: &Known, report: &mut Report) {
    check_names(names, report);
    check_doors(config, names, report);
    check_agreement(config, report);
    check_keys(config, names, known, report);
    check_issuer(config, names, known, report);
    check_overload(&config.defaults.overload, "defaults.overload", report);
    for (name, provider) in &config.providers {
        let path = join("providers", name);
        // What it has from the defaults is at fault there.
        let overload = provider.overload(&config.defaults);
        if overload != config.defaults.overload {
            check_overload(&overload, &join(&path, "overload"), report);
        }
        match known.kind(&provider.kind) {
            Some(kind) => {
                check_credential(provider, kind, &path, report);
                check_webhook(provider, kind, &join(&path, "webhook"), report);
            }
            None => {
                let suggestion = nearest(&provider.kind, known.kinds.iter().map(|kind| kind.name.as_str()));
                report.add_with(&join(&path, "kind"), "no driver of this kind", suggestion);
            }
        }
    }
    check_directory(config, names, report);
    super::mcp::check(&config.mcp, known, report);
    check_aliases(config, report);
    routing::check(config, names, known, report);
    for (name, tenant) in &config.tenants {
        check_reach(tenant, &join("tenants", name), names, known, report);
    }
}

/// An alias stands for models, and for no other alias: what it comes to can be read in one line.
fn check_aliases(config: &Config, report: &mut Report) {
    const MOST: usize = 8;
    let aliases = &config.models.aliases;
    for (name, models) in aliases {
        let path = join("models.aliases", name);
        let fits = |text: &str| {
            (1..=256).contains(&text.len()) && !text.contains(|c: char| c.is_control() || c.is_whitespace())
        };
        if !fits(name) || name.contains('~') {
            report.add(&path, "a name has 1 to 256 characters, without white space and ~");
        }
        if !(1..=MOST).contains(&models.len()) {
            report.add(&path, format!("must name 1 to {MOST} models"));
        }
        for (at, model) in models.iter().enumerate() {
            let path = format!("{path}[{at}]");
            if !fits(model) {
                report.add(&path, "a model has 1 to 256 characters, and no white space");
            } else if aliases.contains_key(model) && model != name {
                report.add(&path, "is an alias itself: name models");
            }
        }
    }
}

fn check_names(names: &Names, report: &mut Report) {
    let fits = |name: &str| {
        let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        (1..=40).contains(&name.len()) && name.chars().all(part) && !name.starts_with('-')
    };
    for (section, names) in [
        ("keys", &names.keys),
        ("tenants", &names.tenants),
        ("providers", &names.providers),
    ] {
        for name in names.iter().filter(|name| !fits(name)) {
            let message = "a name has 1 to 40 of the characters a-z, 0-9 and -, and does not begin with -";
            report.add(&join(section, name), message);
        }
    }
    if names.providers.iter().any(|name| name == ALL) {
        let message = "`provider=all` asks every instance, so none is called that: give it another name";
        report.add(&join("providers", ALL), message);
    }
}

/// Whoever is named is somebody, at instances that there are.
fn check_directory(config: &Config, names: &Names, report: &mut Report) {
    let spoken = |name: &str| {
        let sound = !name.chars().any(char::is_control) && name.trim() == name;
        sound && (1..=100).contains(&name.chars().count())
    };
    for (person, accounts) in &config.directory {
        let path = join("directory", person);
        if !spoken(person) {
            report.add(&path, "a name has 1 to 100 characters, and no white space at its ends");
        }
        for (instance, account) in accounts {
            let path = join(&path, instance);
            if let Some((message, suggestion)) = provider(instance, names) {
                report.add_with(&path, message, suggestion);
            }
            if !spoken(account) {
                report.add(
                    &path,
                    "an account has 1 to 100 characters, and no white space at its ends",
                );
            }
        }
    }
}

fn check_doors(config: &Config, names: &Names, report: &mut Report) {
    if !config.server.listen.ip().is_loopback() && names.keys.is_empty() && config.oauth.is_none() {
        report.add(
            "server.listen",
            "not a loopback address, and neither [keys] nor [oauth] are configured: anyone could call",
        );
    }
    if !config.admin.listen.ip().is_loopback() && config.admin.token.is_none() && !config.has_admin_key() {
        report.add(
            "admin.listen",
            "not a loopback address, and neither admin.token nor a key with the scope admin is set: anyone could administer",
        );
    }
    for (path, hosts) in [
        ("server.hosts", &config.server.hosts),
        ("admin.hosts", &config.admin.hosts),
    ] {
        check_list(hosts, path, report, host);
    }
    if let Some(cors) = &config.server.cors {
        check_list(&cors.origins, "server.cors.origins", report, origin);
        let any = cors.origins.iter().any(|origin| origin == EVERY_ORIGIN);
        if any && cors.credentials {
            report.add(
                "server.cors.credentials",
                "are not for every page: name the origins in place of *",
            );
        }
        if any && cors.origins.len() > 1 {
            report.add("server.cors.origins", "* stands alone");
        }
    }
    // Port 0 asks for any free port, so two of them do not collide.
    if config.server.listen == config.admin.listen && config.server.listen.port() != 0 {
        report.add("admin.listen", "the same address as server.listen");
    }
}

fn check_agreement(config: &Config, report: &mut Report) {
    let (server, supervision, l1) = (&config.server, &config.supervision, &config.cache.l1);
    if server.request_timeout > server.max_request_timeout {
        report.add("server.request_timeout", "longer than server.max_request_timeout");
    }
    if server.max_bodies < server.max_body {
        report.add("server.max_bodies", "smaller than server.max_body");
    }
    if server.max_unread > server.max_unread_total {
        report.add("server.max_unread", "larger than server.max_unread_total");
    }
    if supervision.backoff_base > supervision.backoff_max {
        report.add("supervision.backoff_base", "longer than supervision.backoff_max");
    }
    if config.gateway.backoff > config.gateway.backoff_max {
        report.add("gateway.backoff", "longer than gateway.backoff_max");
    }
    if config.ejection.base_ejection > config.ejection.max_ejection {
        report.add("ejection.base_ejection", "longer than ejection.max_ejection");
    }
    if let Err((key, must)) = config.ejection.settings().check() {
        report.add(&dotted("ejection", key), format!("must be {must}"));
    }
    if l1.max_entry > l1.max_bytes {
        report.add("cache.l1.max_entry", "larger than cache.l1.max_bytes");
    }
    if config.gateway.stream_idle_timeout > config.gateway.max_stream {
        report.add("gateway.stream_idle_timeout", "longer than gateway.max_stream");
    }
    if config.gateway.stream_idle_timeout > config.gateway.max_transfer {
        report.add("gateway.stream_idle_timeout", "longer than gateway.max_transfer");
    }
    if config.cache.l2.url.is_some() && server.cluster_key.is_none() {
        report.add(
            "server.cluster_key",
            "is required with cache.l2.url: it authenticates what the nodes share",
        );
    }
    if config.cache.l2.url.is_none() && config.cache.l2.password.is_some() {
        report.add("cache.l2.password", "has no use without cache.l2.url");
    }
    // The parser's own words are left out: they may quote the filter.
    if tracing_subscriber::EnvFilter::builder()
        .parse(&config.log.filter)
        .is_err()
    {
        report.add("log.filter", "expected levels by target such as \"info,mosaic=debug\"");
    }
}

/// Settings that contradict each other.
fn check_overload(overload: &OverloadConfig, path: &str, report: &mut Report) {
    let (pacing, adaptive) = (&overload.pacing, &overload.adaptive);
    let mut add = |key: &str, sentence: &str| report.add(&dotted(path, key), sentence);
    if pacing.normal_below > pacing.low_below {
        add(
            "pacing.normal_below",
            "above pacing.low_below: the least urgent keep to the pace first",
        );
    }
    if adaptive.initial < adaptive.min {
        add("adaptive.initial", "smaller than adaptive.min");
    }
}

fn check_keys(config: &Config, names: &Names, known: &Known, report: &mut Report) {
    let mut seen = HashMap::new();
    for (name, key) in &config.keys {
        let path = join("keys", name);
        if let Some(other) = seen.insert(&key.key, name) {
            report.add(
                &join(&path, "key"),
                format!("the same reference as {}", join("keys", other)),
            );
        }
        check_tenant(&key.tenant, &join(&path, "tenant"), names, report);
        let scopes = key.scopes.iter().flatten();
        let scopes: Vec<String> = scopes.map(Scope::to_string).collect();
        check_list(&scopes, &join(&path, "scopes"), report, |text| scope(text, known));
    }
}

/// What tokens are believed by comes from where nobody else can say it.
fn check_issuer(config: &Config, names: &Names, known: &Known, report: &mut Report) {
    let Some(oauth) = &config.oauth else { return };
    let addresses = [("issuer", Some(&oauth.issuer)), ("jwks_url", oauth.jwks_url.as_ref())];
    for (key, address) in addresses {
        if address.is_some_and(|address| !is_trustworthy(address)) {
            let message = "must be an https address without user, query and fragment (http on this machine alone)";
            report.add(&join("oauth", key), message);
        }
    }
    if config.server.public_url.is_none() && !is_web_address(&oauth.audience) {
        report.add(
            "oauth.audience",
            "must be an http or https address, or server.public_url must be set: clients are told it as what their token is for",
        );
    }
    if let Some(tenant) = &oauth.tenant {
        check_tenant(tenant, "oauth.tenant", names, report);
    }
    for (word, scopes) in oauth.scopes.iter().flatten() {
        let scopes: Vec<String> = scopes.iter().map(Scope::to_string).collect();
        let path = join("oauth.scopes", word);
        check_list(&scopes, &path, report, |text| scope(text, known));
    }
}

/// A scope is about everything, the admin API, or operations that there are.
pub(super) fn scope(text: &str, known: &Known) -> Option<Fault> {
    let subject = text.split_once(':').map_or(text, |(subject, _)| subject);
    let others = [EVERYTHING, ADMIN_SCOPE];
    if others.contains(&subject) {
        return None;
    }
    let fault = operation(subject, known);
    fault.map(|(message, _)| (message, nearest(subject, known.prefixes().chain(others))))
}

/// The table spells one credential, and one that its kind takes.
fn check_credential(provider: &ProviderConfig, kind: &KnownKind, path: &str, report: &mut Report) {
    let (key, message) = match provider.scheme() {
        Err(wrong) => (wrong.key, wrong.message),
        Ok(Some(scheme)) if !kind.credentials.contains(&scheme) => {
            let takes: Vec<String> = kind
                .credentials
                .iter()
                .map(|scheme| format!("({})", scheme.spelled()))
                .collect();
            let takes = match takes.as_slice() {
                [] => "no credential".to_owned(),
                some => some.join(" or "),
            };
            let message = format!("is not taken by the kind {}, which takes {takes}", kind.name);
            return report.add_with(&dotted(path, scheme.key()), message, instead(scheme, &kind.credentials));
        }
        Ok(_) => return,
    };
    report.add(&dotted(path, key), message);
}

/// What a provider sends by itself is proven by what it has, and one that sends nothing is looked at.
fn check_webhook(provider: &ProviderConfig, kind: &KnownKind, path: &str, report: &mut Report) {
    let webhook = &provider.webhook;
    let (secret, path_secret) = (webhook.secret.is_some(), webhook.path_secret.is_some());
    let sends = |what: &str| format!("the kind {} sends {what}", kind.name);
    match kind.sends {
        Sends::Nothing if secret => report.add(&join(path, "secret"), sends("nothing by itself")),
        Sends::Nothing if path_secret => report.add(&join(path, "path_secret"), sends("nothing by itself")),
        Sends::Unsigned if secret => {
            report.add_with(
                &join(path, "secret"),
                sends("deliveries that prove nothing"),
                Some("path_secret".to_owned()),
            );
        }
        Sends::Signed if path_secret && !secret => {
            report.add(&join(path, "secret"), "is required: its deliveries are signed");
        }
        _ => {}
    }
    if webhook.poll.is_empty() {
        return;
    }
    if kind.sends != Sends::Nothing {
        let message = sends("what happens by itself, and is not asked for it");
        report.add(&join(path, "poll"), message);
    } else if !kind.operations.iter().any(|name| name == POLLED) {
        report.add(
            &join(path, "poll"),
            format!("the kind {} cannot do {POLLED}", kind.name),
        );
    }
}

/// The operation by which a provider is looked at that sends nothing.
pub(crate) const POLLED: &str = "cicd.run.list";

/// The key of the credential that is meant most likely: of those that are taken, the one that begins as this one does.
fn instead(scheme: Scheme, taken: &[Scheme]) -> Option<String> {
    let alike: &[Scheme] = match scheme {
        Scheme::Token => &[Scheme::UserToken],
        Scheme::Bearer | Scheme::Job | Scheme::UserToken => &[Scheme::Token],
        Scheme::Password => &[Scheme::UserToken, Scheme::Token],
        Scheme::App | Scheme::OAuth => &[],
    };
    let meant = alike.iter().find(|scheme| taken.contains(scheme))?;
    Some(meant.key().to_owned())
}

/// A key of a table within the table at `path`.
fn dotted(path: &str, key: &str) -> String {
    key.split('.').fold(path.to_owned(), |path, part| join(&path, part))
}

pub(super) fn check_tenant(tenant: &str, path: &str, names: &Names, report: &mut Report) {
    let built_in = [DEFAULT_TENANT, LOCAL_TENANT];
    if !names.tenants.contains(tenant) && !built_in.contains(&tenant) {
        let known = names.tenants.iter().map(String::as_str).chain(built_in);
        report.add_with(path, "no such tenant under [tenants]", nearest(tenant, known));
    }
}

/// What keeps a name from being used: what is wrong with it, and the nearest right one.
pub(super) type Fault = (&'static str, Option<String>);

pub(super) const EMPTY: &str = "must not be empty; leave it out to match everything";

pub(super) fn provider(name: &str, names: &Names) -> Option<Fault> {
    let known = names.providers.iter().map(String::as_str);
    let fault = || ("no such provider under [providers]", nearest(name, known));
    (!names.providers.contains(name)).then(fault)
}

pub(super) fn service(name: &str, known: &Known) -> Option<Fault> {
    if name.is_empty() {
        return Some((EMPTY, None));
    }
    let is_known = known.services().any(|service| service == name);
    (!is_known).then(|| ("no such service", nearest(name, known.services())))
}

pub(super) fn operation(prefix: &str, known: &Known) -> Option<Fault> {
    if prefix.is_empty() {
        return Some((EMPTY, None));
    }
    let is_known = known.prefixes().any(|known| known == prefix);
    (!is_known).then(|| ("no operation begins so", nearest(prefix, known.prefixes())))
}

/// A name as a request names it, without what stands beside it there or in a URL: one that can never be asked for lets
/// nobody in.
fn host(name: &str) -> Option<Fault> {
    let is_name = matches!(Host::parse(name), Ok(Host::Domain(read)) if read == name.to_ascii_lowercase());
    let is_address = name.parse::<IpAddr>().is_ok();
    let sentence = "must be a host name or an IP address alone, such as mosaic.example.org: no scheme, port, path or *";
    (!(is_name || is_address) || name.contains('*')).then_some((sentence, None))
}

const EVERY_ORIGIN: &str = "*";

/// An origin as browsers write it.
fn origin(origin: &str) -> Option<Fault> {
    let written = Url::parse(origin)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let is_exact = written.is_some_and(|url| url.origin().ascii_serialization() == origin);
    let sentence = "must be an origin as browsers write it, such as https://app.example.org: no path, and no port that goes \
                    without saying";
    (!is_exact && origin != EVERY_ORIGIN).then_some((sentence, None))
}

pub(super) fn check_list(list: &[String], path: &str, report: &mut Report, fault: impl Fn(&str) -> Option<Fault>) {
    for (index, name) in list.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some((message, suggestion)) = fault(name) {
            report.add_with(&path, message, suggestion);
        }
        if list[..index].contains(name) {
            report.add(&path, "named twice");
        }
    }
}

fn check_reach(tenant: &TenantConfig, path: &str, names: &Names, known: &Known, report: &mut Report) {
    check_list(
        tenant.providers.as_deref().unwrap_or_default(),
        &join(path, "providers"),
        report,
        |name| provider(name, names),
    );
    check_list(
        tenant.services.as_deref().unwrap_or_default(),
        &join(path, "services"),
        report,
        |name| service(name, known),
    );
    check_list(
        tenant.operations.as_deref().unwrap_or_default(),
        &join(path, "operations"),
        report,
        |name| operation(name, known),
    );
}
