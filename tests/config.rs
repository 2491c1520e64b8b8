//! The configuration as an operator meets it: a file, an environment, and what is said when they are wrong.
//!
//! Invariant: every fault is reported at its full path, at once, without quoting a value.

use std::time::Duration;

use mosaic::Mosaic;
use mosaic::config::{
    Balance, CircuitPer, Config, ConfigErrors, Known, KnownKind, Loaded, LogFormat, Origin, Priority, Sends,
    TenantLimits,
};
use mosaic::credential::Scheme;
use proptest::prelude::*;
use serde_json::{Map, Value};

const EXAMPLE: &str = include_str!("../config/mosaic.toml");
/// Two kinds of forges, one of documentation and one of builds, and the operations of this program.
fn known() -> Known {
    let operations: Vec<String> = Mosaic::known().operations;
    let kind = |name: &str, services: &[&str]| {
        let mut operations = operations.clone();
        operations.retain(|operation| services.iter().any(|service| operation.starts_with(service)));
        KnownKind {
            name: name.to_owned(),
            operations,
            credentials: match name {
                "github" => vec![Scheme::Token, Scheme::App],
                "gitlab" => vec![Scheme::Token, Scheme::Bearer, Scheme::Job, Scheme::OAuth],
                _ => vec![Scheme::UserToken, Scheme::Password],
            },
            sends: match name {
                "github" | "gitlab" => Sends::Signed,
                "bookstack" => Sends::Unsigned,
                "notion" => Sends::Introduced,
                _ => Sends::Nothing,
            },
        }
    };
    let forge = &["git.", "projects."];
    Known {
        kinds: vec![
            kind("github", forge),
            kind("gitlab", forge),
            kind("bookstack", &["docs."]),
            kind("notion", &["docs.", "projects."]),
            kind("jenkins", &["cicd."]),
        ],
        operations,
    }
}

fn parse(text: &str, env: &[(&str, &str)]) -> Result<Loaded, ConfigErrors> {
    let env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::parse(text, "m.toml", env, &known())
}

/// A section with one provider, for cases that need one.
const FORGE: &str = "[providers.forge-a]\nkind = \"github\"\n";

/// Checks that exactly the given lines are reported, in any order.
#[track_caller]
fn refused(text: &str, env: &[(&str, &str)], wanted: &[&str]) {
    let errors = parse(text, env).expect_err("must be refused");
    let mut found: Vec<String> = errors.iter().map(ToString::to_string).collect();
    found.sort();
    let mut wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    wanted.sort();
    assert_eq!(found, wanted);
}

#[test]
fn unknown_keys_name_the_nearest() {
    refused(
        "[server]\nlisen = \"127.0.0.1:1\"\nzzzzzzzz = 1\n[provider.x]\n[cache.l1]\nmax_byte = 1",
        &[],
        &[
            "m.toml:2: server.lisen: unknown key; did you mean `listen`?",
            "m.toml:3: server.zzzzzzzz: unknown key",
            "m.toml:4: provider: unknown key; did you mean `providers`?",
            "m.toml:6: cache.l1.max_byte: unknown key; did you mean `max_bytes`?",
        ],
    );
    refused(
        &format!("{FORGE}bas_url = \"https://x\"\nbreaker = {{ open_fo = \"1s\" }}"),
        &[],
        &[
            "m.toml:3: providers.forge-a.bas_url: unknown key; did you mean `base_url`?",
            "m.toml:4: providers.forge-a.breaker.open_fo: unknown key; did you mean `open_for`?",
        ],
    );
}

#[test]
fn the_directory_names_accounts_at_instances_that_there_are() {
    let loaded = parse(&format!("{FORGE}[directory.ada]\nforge-a = \"ada-l\"\n"), &[]).expect("sound");
    assert_eq!(loaded.config.directory["ada"]["forge-a"], "ada-l");
    refused(
        &format!("{FORGE}[directory.ada]\nforge-b = \"ada-l\"\nforge-a = \" \"\n[directory.\" bob\"]\nforge-a = 7"),
        &[],
        &[
            "m.toml:4: directory.ada.forge-b: no such provider under [providers]; did you mean `forge-a`?",
            "m.toml:5: directory.ada.forge-a: an account has 1 to 100 characters, and no white space at its ends",
            "m.toml:6: directory.\" bob\": a name has 1 to 100 characters, and no white space at its ends",
            "m.toml:7: directory.\" bob\".forge-a: expected a string, found a whole number",
        ],
    );
}

#[test]
fn an_alias_stands_for_models_and_no_other_alias() {
    let text = "[models.aliases]\nfast = [\"x~m\", \"m\"]\nm = [\"m\"]\n";
    let errors = parse(text, &[]).expect_err("one names another");
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["m.toml:2: models.aliases.fast[1]: is an alias itself: name models"]
    );
    let text = "[models.aliases]\nfast = [\"x~m\", \"n\"]\nm = [\"m\"]\n";
    let aliases = parse(text, &[]).expect("sound").config.models.aliases;
    assert_eq!((aliases["fast"].len(), aliases["m"].len()), (2, 1));
    for wrong in [
        "none = []",
        "\"a b\" = [\"m\"]",
        "\"a~b\" = [\"m\"]",
        "a = [\"\"]",
        "a = [1]",
        "a = \"m\"",
    ] {
        assert!(parse(&format!("[models.aliases]\n{wrong}\n"), &[]).is_err(), "{wrong}");
    }
}

#[test]
fn types_and_ranges_are_checked_everywhere_at_once() {
    refused(
        r#"
        admin = 1
        [server]
        max_headers = 0
        max_connections = -1
        max_body = "12 parsecs"
        max_header_bytes = 100
        request_timeout = 30
        idle_timeout = "0s"
        drain_timeout = "2h"
        listen = "localhost:80"
        [log]
        format = "jsn"
        filter = "=/=="
        [cache.l1]
        enabled = "yes"
        [gateway]
        max_attempts = 2.5
        max_in_flight = 99999999999999999999
        [[routes]]
        providers = []
        "#,
        &[],
        &[
            "m.toml:2: admin: expected a table, found a whole number",
            "m.toml:4: server.max_headers: must be between 10 and 1000",
            "m.toml:5: server.max_connections: must be between 1 and 1000000",
            "m.toml:6: server.max_body: expected a size such as \"64KiB\", \"1MiB\" or a number of bytes",
            "m.toml:7: server.max_header_bytes: must be between 8KiB and 1MiB",
            "m.toml:8: server.request_timeout: expected a string, found a whole number",
            "m.toml:9: server.idle_timeout: must be between 1s and 1h",
            "m.toml:10: server.drain_timeout: must be between 0s and 1h",
            "m.toml:11: server.listen: expected an IP address and port such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
            "m.toml:13: log.format: expected one of `human`, `json`; did you mean `json`?",
            "m.toml:14: log.filter: expected levels by target such as \"info,mosaic=debug\"",
            "m.toml:16: cache.l1.enabled: expected true or false, found a string",
            "m.toml:18: gateway.max_attempts: expected a whole number, found a fraction",
            "m.toml:19: gateway.max_in_flight: the number is too large",
            "m.toml:21: routes[0].providers: names nobody: name providers, or select them by labels",
        ],
    );
}

/// What others call a key is told by what it is called here, and all at once.
#[test]
fn a_key_that_others_have_is_told_by_its_name_here() {
    refused(
        r#"
        [server]
        bind = "127.0.0.1:1"
        [keys.ci]
        key = "env:KEY"
        tenant = "local"
        token = "x"
        [providers.forge-a]
        kind = "github"
        api_key = "env:TOKEN"
        url = "https://h/api/v3"
        [log]
        level = "debug"
        "#,
        &[],
        &[
            "m.toml:3: server.bind: unknown key; did you mean `listen`?",
            "m.toml:7: keys.ci.token: unknown key; did you mean `key`?",
            "m.toml:10: providers.forge-a.api_key: unknown key; did you mean `token`?",
            "m.toml:11: providers.forge-a.url: unknown key; did you mean `base_url`?",
            "m.toml:13: log.level: unknown key; did you mean `filter`?",
        ],
    );
}

#[test]
fn names_must_lead_somewhere() {
    refused(
        r#"
        [keys.ci]
        key = "env:KEY"
        tenant = "acm"
        [keys.again]
        key = "env:KEY"
        tenant = "default"
        [keys.bare]
        [tenants.acme]
        [tenants.Big_One]
        [providers.forge-a]
        kind = "githb"
        [[routes]]
        service = ""
        tenant = "acme"
        providers = ["forge-b", "forge-a", "forge-a"]
        balance = "robin"
        "#,
        &[],
        &[
            "m.toml:4: keys.ci.tenant: no such tenant under [tenants]; did you mean `acme`?",
            "m.toml:3: keys.ci.key: the same reference as keys.again",
            "m.toml:8: keys.bare.key: is required",
            "m.toml:8: keys.bare.tenant: is required",
            "m.toml:10: tenants.Big_One: a name has 1 to 40 of the characters a-z, 0-9 and -, and does not begin with -",
            "m.toml:12: providers.forge-a.kind: no driver of this kind; did you mean `github`?",
            "m.toml:14: routes[0].service: must not be empty; leave it out to match everything",
            "m.toml:16: routes[0].providers[0]: no such provider under [providers]; did you mean `forge-a`?",
            "m.toml:16: routes[0].providers[2]: named twice",
            "m.toml:17: routes[0].balance: expected one of `round_robin`, `weighted`, `least_connections`, `response_time`, \
             `adaptive`, `consistent_hashing`",
        ],
    );
    // A provider with a fault of its own is still there for its routes.
    refused(
        "[providers.forge-a]\nkind = 1\n[[routes]]\nproviders = [\"forge-a\"]",
        &[],
        &["m.toml:2: providers.forge-a.kind: expected a string, found a whole number"],
    );
}

#[test]
fn settings_must_agree() {
    refused(
        "[server]\nrequest_timeout = \"20m\"\n[cache.l1]\nmax_bytes = \"64KiB\"\n[supervision]\nbackoff_max = \"1ms\"\n\
         [gateway]\nmax_stream = \"1s\"\n[admin]\nlisten = \"127.0.0.1:8080\"",
        &[],
        &[
            "m.toml:2: server.request_timeout: longer than server.max_request_timeout",
            "m.toml:3: cache.l1.max_entry: larger than cache.l1.max_bytes",
            "m.toml:5: supervision.backoff_base: longer than supervision.backoff_max",
            "m.toml:7: gateway.stream_idle_timeout: longer than gateway.max_stream",
            "m.toml:10: admin.listen: the same address as server.listen",
        ],
    );
    refused(
        "[server]\nmax_body = \"2MiB\"\nmax_bodies = \"1MiB\"",
        &[],
        &["m.toml:3: server.max_bodies: smaller than server.max_body"],
    );
}

#[test]
fn the_bounds_of_decision_records_are_read_and_checked() {
    let told = parse("[explain]\nkept = 0\nunder_way = 16\nhits = 0", &[]).expect("sound");
    let explain = told.config.explain;
    assert_eq!((explain.kept, explain.under_way, explain.hits), (0, 16, 0));
    let usual = Config::default().explain;
    assert_eq!((usual.kept, usual.under_way, usual.hits), (4_096, 4_096, 256));
    refused(
        "[explain]\nkept = 1000001\nunder_way = 0\nhit = 1",
        &[],
        &[
            "m.toml:2: explain.kept: must be between 0 and 1000000",
            "m.toml:3: explain.under_way: must be between 1 and 1000000",
            "m.toml:4: explain.hit: unknown key; did you mean `hits`?",
        ],
    );
}

#[test]
fn a_shared_cache_needs_an_address_without_a_secret_and_a_key() {
    refused(
        "[cache.l2]\nurl = \"redis://cache:6379/0\"\nget_timeout = \"2s\"",
        &[],
        &[
            "m.toml:3: cache.l2.get_timeout: must be between 1ms and 1s",
            "configuration: server.cluster_key: is required with cache.l2.url: it authenticates what the nodes share",
        ],
    );
    refused(
        "[cache.l2]\nurl = \"redis://:hunter2@cache/0\"",
        &[],
        &["m.toml:2: cache.l2.url: must not contain a password; use `password`"],
    );
    refused(
        "[cache.l2]\nurl = \"rediss://cache\"",
        &[],
        &["m.toml:2: cache.l2.url: TLS to Redis (rediss://) is not supported; use redis:// over a trusted network"],
    );
    refused(
        "[cache.l2]\npassword = \"env:P\"",
        &[],
        &["m.toml:2: cache.l2.password: has no use without cache.l2.url"],
    );
    let sound = "[server]\ncluster_key = \"env:K\"\n[cache.l2]\nurl = \"redis://cache\"\npassword = \"env:P\"";
    assert!(parse(sound, &[]).is_ok());
}

#[test]
fn open_doors_are_refused() {
    refused(
        "[server]\nlisten = \"0.0.0.0:80\"\n[admin]\nlisten = \"[::]:81\"",
        &[],
        &[
            "m.toml:2: server.listen: not a loopback address, and neither [keys] nor [oauth] are configured: anyone could call",
            "m.toml:4: admin.listen: not a loopback address, and neither admin.token nor a key with the scope admin is set: \
             anyone could administer",
        ],
    );
    let closed = "[server]\nlisten = \"0.0.0.0:80\"\n[admin]\nlisten = \"[::]:81\"\ntoken = \"env:T\"\n\
                  [keys.a]\nkey = \"env:K\"\ntenant = \"default\"";
    assert!(parse(closed, &[]).is_ok());
    assert!(parse("[server]\nlisten = \"[::1]:80\"", &[]).is_ok());
}

#[test]
fn clients_are_told_what_their_token_is_for_by_an_address() {
    let oauth = |audience: &str| format!("[oauth]\nissuer = \"https://id.test\"\naudience = \"{audience}\"\n");
    assert!(parse(&oauth("https://mosaic.test"), &[]).is_ok());
    refused(
        &oauth("mosaic"),
        &[],
        &[
            "m.toml:3: oauth.audience: must be an http or https address, or server.public_url must be set: clients are told it \
             as what their token is for",
        ],
    );
    let told = format!("[server]\npublic_url = \"https://mosaic.test\"\n{}", oauth("mosaic"));
    assert!(parse(&told, &[]).is_ok(), "{:?}", parse(&told, &[]));
}

#[test]
fn host_names_are_names_alone() {
    for section in ["server", "admin"] {
        for odd in [
            "mosaic.example.org:80",
            "http://x",
            "*",
            "*.corp",
            "a b",
            "h/",
            "user@h",
            "",
            "[::1]",
        ] {
            let text = format!("[{section}]\nhosts = [\"fine.example\", \"{odd}\"]");
            let wrong =
                "must be a host name or an IP address alone, such as mosaic.example.org: no scheme, port, path or *";
            refused(&text, &[], &[&format!("m.toml:2: {section}.hosts[1]: {wrong}")]);
        }
        let sound = format!("[{section}]\nhosts = [\"Mosaic.internal\", \"10.0.0.7\", \"fd00::7\", \"localhost\"]");
        assert!(parse(&sound, &[]).is_ok());
    }
}

#[test]
fn base_addresses_are_plain() {
    for (address, wrong) in [
        ("ftp://x", "expected an address that begins with http:// or https://"),
        ("https://me:pw@x", "must not contain a user or password; use `token`"),
        ("https://x/?a", "must not contain a query or fragment"),
        ("x", "expected an address such as \"https://git.example.com/api\""),
    ] {
        let text = format!("{FORGE}base_url = \"{address}\"");
        refused(&text, &[], &[&format!("m.toml:3: providers.forge-a.base_url: {wrong}")]);
    }
}

/// A kind whose first delivery brings the secret begins with a secret path alone; another that signs never does.
#[test]
fn a_secret_path_stands_alone_where_the_secret_comes_by_it() {
    let with = |kind: &str, path: &str| {
        format!("[providers.a]\nkind = \"{kind}\"\nuser = \"u\"\ntoken = \"env:T\"\n[providers.a.webhook]\n{path}")
    };
    let path = "path_secret = \"env:P\"";
    let both = "path_secret = \"env:P\"\nsecret = \"env:S\"";
    for webhook in [path, both] {
        let text = with("notion", webhook);
        assert!(parse(&text, &[]).is_ok(), "{text}: {:?}", parse(&text, &[]));
    }
    let github = "[providers.a]\nkind = \"github\"\n[providers.a.webhook]\npath_secret = \"env:P\"";
    let errors = parse(github, &[]).expect_err("it signs");
    assert!(
        errors.to_string().contains("providers.a.webhook.secret: is required"),
        "{errors}"
    );
}

#[test]
fn a_provider_has_one_credential_and_one_that_its_kind_takes() {
    let gitlab = "[providers.a]\nkind = \"gitlab\"\n";
    let wiki = "[providers.a]\nkind = \"bookstack\"\n";
    let github = "[providers.a]\nkind = \"github\"\n";
    for sound in [
        format!("{github}token = \"env:T\""),
        format!("{github}app = {{ id = 12345, private_key = \"file:/k.pem\" }}"),
        format!("{github}[providers.a.app]\nid = \"Iv1.a\"\nprivate_key = \"env:K\"\ninstallation = 7"),
        format!("{gitlab}token = \"env:T\"\ntoken_kind = \"job\""),
        format!("{gitlab}oauth = {{ client_id = \"c\", refresh_token = \"env:R\" }}"),
        format!("{wiki}user = \"ann\"\ntoken = \"env:T\""),
        format!("{wiki}user = \"ann\"\npassword = \"env:P\""),
    ] {
        assert!(parse(&sound, &[]).is_ok(), "{sound}: {:?}", parse(&sound, &[]));
    }
    for (text, wanted) in [
        (
            format!("{github}token = \"env:T\"\napp = {{ id = 1, private_key = \"env:K\" }}"),
            "m.toml:4: providers.a.app: a provider has one credential, and `token` is there",
        ),
        (
            format!("{wiki}password = \"env:P\""),
            "m.toml:1: providers.a.user: is required with `password`",
        ),
        (
            format!("{wiki}user = \"ann\""),
            "m.toml:3: providers.a.user: needs `token` or `password` beside it",
        ),
        (
            format!("{wiki}token_kind = \"job\""),
            "m.toml:3: providers.a.token_kind: has a use beside `token` alone",
        ),
        (
            format!("{wiki}token = \"env:T\""),
            "m.toml:3: providers.a.token: is not taken by the kind bookstack, which takes (user, token) or (user, password); \
             did you mean `user`?",
        ),
        (
            format!("{github}token = \"env:T\"\ntoken_kind = \"job\""),
            "m.toml:4: providers.a.token_kind: is not taken by the kind github, which takes (token) or \
             (app.id, app.private_key); did you mean `token`?",
        ),
        (
            format!("{gitlab}token = \"env:T\"\ntoken_kind = \"jobs\""),
            "m.toml:4: providers.a.token_kind: expected one of `access`, `bearer`, `job`; did you mean `job`?",
        ),
        (
            format!("{gitlab}app = {{ id = 0, private_key = \"env:K\" }}"),
            "m.toml:3: providers.a.app.id: must be between 1 and 18446744073709551615",
        ),
        (
            format!("{github}app = {{ id = 1, private_ky = \"env:K\" }}"),
            "m.toml:3: providers.a.app.private_ky: unknown key; did you mean `private_key`?",
        ),
    ] {
        let errors = parse(&text, &[]).expect_err("must be refused");
        let found: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|line| line == wanted), "{wanted}\n{found:?}");
    }
    // A secret itself is never taken for a reference, and not quoted.
    let pasted = format!("{github}app = {{ id = 1, private_key = \"-----BEGIN PLANTED\" }}");
    let told = parse(&pasted, &[]).expect_err("no reference").to_string();
    assert!(
        told.contains("providers.a.app.private_key") && !told.contains("PLANTED"),
        "{told}"
    );
}

#[test]
fn a_key_that_is_there_twice_is_named() {
    for text in [
        "[server]\nmax_headers = 20\nmax_headers = 30",
        "server.max_headers = 20\nserver.max_headers = 30",
        "server = { max_headers = 20, max_headers = 30 }",
        "[log]\n[server]\nmax_body = 1024\n[log]\n",
    ] {
        let errors = parse(text, &[]).unwrap_err().to_string();
        let named = if text.contains("max_body") {
            "log"
        } else {
            "max_headers"
        };
        assert!(errors.contains(&format!("duplicate key {named}")), "{text}: {errors}");
    }
}

#[test]
fn services_and_operations_must_exist_and_be_had() {
    refused(
        r#"
        [tenants.acme]
        providers = ["forge-b", "forge-a", "forge-a"]
        services = ["gits"]
        operations = ["git.repo", "git.rep", ""]
        [providers.forge-a]
        kind = "github"
        [providers.docs]
        kind = "bookstack"
        [[routes]]
        service = "gti"
        operation = "projects.isue"
        providers = ["forge-a"]
        [[routes]]
        service = "git"
        operation = "projects.issue"
        providers = ["forge-a"]
        [[routes]]
        operation = "ai.chat"
        providers = ["forge-a", "docs"]
        "#,
        &[],
        &[
            "m.toml:3: tenants.acme.providers[0]: no such provider under [providers]; did you mean `forge-a`?",
            "m.toml:3: tenants.acme.providers[2]: named twice",
            "m.toml:4: tenants.acme.services[0]: no such service; did you mean `git`?",
            "m.toml:5: tenants.acme.operations[1]: no operation begins so; did you mean `git.repo`?",
            "m.toml:5: tenants.acme.operations[2]: must not be empty; leave it out to match everything",
            "m.toml:11: routes[0].service: no such service; did you mean `git`?",
            "m.toml:12: routes[0].operation: no operation begins so; did you mean `projects.issue`?",
            "m.toml:16: routes[1].operation: is not of this route's service: no call matches both",
            "m.toml:20: routes[2].providers: none of these can do what the route is for",
        ],
    );
}

#[test]
fn broken_toml_is_reported_by_line_and_not_quoted() {
    let errors = parse("[server]\nlisten = ghp_planted\n", &[]).unwrap_err().to_string();
    assert!(errors.starts_with("m.toml:2: not valid TOML"), "{errors}");
    assert!(!errors.contains("planted"), "{errors}");
}

#[test]
fn variables_override_the_file_and_unknown_ones_are_refused() {
    let loaded = parse(
        &format!("[log]\nformat = \"human\"\n{FORGE}"),
        &[
            ("MOSAIC__LOG__FORMAT", "json"),
            ("mosaic__gateway__max_attempts", "7"),
            ("MOSAIC__CACHE__L1__ENABLED", "false"),
            ("MOSAIC__PROVIDERS__FORGE_A__TOKEN", "env:FORGE_TOKEN"),
            ("MOSAIC__PROVIDERS__FORGE_A__SETTINGS__API_VERSION", "2022-11-28"),
            ("MOSAIC__PROVIDERS__FORGE_B__KIND", "\"gitlab\""),
            ("MOSAIC__STATE__PATH", "12"),
            ("MOSAIC__ROUTES", "[{ providers = [\"forge-b\"] }]"),
            ("MOSAIC_OTHER", "ignored"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    let config = &loaded.config;
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.gateway.max_attempts, 7);
    assert!(!config.cache.l1.enabled);
    assert_eq!(
        config.providers["forge-a"].token.as_ref().unwrap().to_string(),
        "env:FORGE_TOKEN"
    );
    assert_eq!(config.providers["forge-a"].settings["api_version"], "2022-11-28");
    assert_eq!(config.providers["forge-b"].kind, "gitlab");
    assert_eq!(config.state.path.to_str(), Some("12"));
    assert_eq!(config.routes[0].balance, Balance::RoundRobin);
    assert_eq!(loaded.origins["log.format"], Origin::Env("MOSAIC__LOG__FORMAT".into()));
    assert_eq!(
        loaded.origins["providers.forge-a"],
        Origin::File {
            file: "m.toml".into(),
            line: 3
        }
    );

    refused(
        "",
        &[
            ("MOSAIC__SERVER__LISTN", "x"),
            ("MOSAIC__", "x"),
            ("MOSAIC__LOG__FORMAT__MORE", "x"),
            ("MOSAIC__LOG__FORMAT", "xml"),
            ("mosaic__log__format", "json"),
            ("MOSAIC__ADMIN__TOKEN", "hunter2-hunter2"),
        ],
        &[
            "environment MOSAIC__SERVER__LISTN: server.listn: unknown key; did you mean `listen`?",
            "environment MOSAIC__: \"\": unknown key",
            "environment MOSAIC__LOG__FORMAT__MORE: log.format.more: unknown key",
            "environment MOSAIC__LOG__FORMAT: log.format: expected one of `human`, `json`",
            "environment mosaic__log__format: log.format: MOSAIC__LOG__FORMAT already sets this key",
            "environment MOSAIC__ADMIN__TOKEN: admin.token: expected a reference to a secret, \"env:NAME\" or \
             \"file:PATH\"; a secret itself never stands in a configuration",
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.toml");
    let error = Config::load(Some(&path), std::iter::empty(), &known()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: cannot be read: there is no such file", path.display())
    );
    std::fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
    let error = Config::load(Some(&path), std::iter::empty(), &known()).unwrap_err();
    assert!(error.to_string().ends_with("is larger than 1 MiB"));
    std::fs::write(&path, "[gateway]\nmax_attempts = 2").unwrap();
    let loaded = Config::load(Some(&path), std::iter::empty(), &known()).unwrap();
    assert_eq!(loaded.config.gateway.max_attempts, 2);
}

#[test]
fn nothing_at_all_is_a_sound_configuration() {
    let loaded = Config::load(None, std::iter::empty(), &known()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(Config::default().check(&known()), Ok(()));
}

#[test]
fn limits_and_breakers_are_inherited() {
    let text = format!(
        "[tenants.default]\nrate_per_second = 5\nmax_in_flight = 9\n[tenants.acme]\nmax_in_flight = 0\n\
        [defaults.breaker]\nper = \"cost_class\"\nwindow = {{ calls = 10 }}\n\
        [defaults.slow_start]\nwindow = \"10s\"\n[defaults.overload]\nmax_waiting = 4\n\
        [defaults.overload.adaptive]\nenabled = true\n\
        {FORGE}breaker = {{ failures_to_open = 2 }}\nslow_start = {{ least = 0.5 }}\n\
        overload = {{ max_wait = \"1s\", adaptive = {{ initial = 7 }}, pacing = {{ enabled = false }} }}"
    );
    let config = parse(&text, &[]).unwrap().config;
    let limits = |rate, max| TenantLimits {
        rate_per_second: rate,
        burst: rate,
        max_in_flight: max,
    };
    assert_eq!(config.tenant_limits("acme"), limits(5, 0));
    assert_eq!(config.tenant_limits("unheard-of"), limits(5, 9));
    assert_eq!(Config::default().tenant_limits("any"), TenantLimits::default());
    let forge = &config.providers["forge-a"];
    let breaker = forge.breaker(&config.defaults);
    assert_eq!(
        (breaker.failures_to_open, breaker.open_for, breaker.per),
        (2, Duration::from_secs(5), CircuitPer::CostClass)
    );
    assert_eq!(
        breaker.window.map(|window| (window.calls, window.minimum_calls)),
        Some((10, 100))
    );
    let start = forge.slow_start(&config.defaults);
    assert_eq!((start.window, start.least), (Duration::from_secs(10), 0.5));
    let overload = forge.overload(&config.defaults);
    assert_eq!((overload.max_waiting, overload.max_wait), (4, Duration::from_secs(1)));
    assert_eq!(
        (
            overload.adaptive.enabled,
            overload.adaptive.initial,
            overload.adaptive.min
        ),
        (true, 7, 5)
    );
    assert!(!overload.pacing.enabled && config.defaults.overload.pacing.enabled);
}

#[test]
fn settings_that_contradict_each_other_are_told_where_they_stand() {
    refused(
        r#"
        [defaults.overload]
        adaptive = { initial = 10, min = 50 }
        [providers.forge]
        kind = "github"
        base_url = "http://127.0.0.1:1"
        [providers.forge.overload.adaptive]
        min = 5
        [providers.forge.overload.pacing]
        low_below = 0.2
        normal_below = 0.5
        "#,
        &[],
        &[
            "m.toml:3: defaults.overload.adaptive.initial: smaller than adaptive.min",
            "m.toml:11: providers.forge.overload.pacing.normal_below: above pacing.low_below: the least urgent keep to \
             the pace first",
        ],
    );
}

#[test]
fn what_bounds_failures_and_overload_has_its_ranges_and_words() {
    refused(
        r#"
        [gateway]
        backoff = "3s"
        retry_budget = { share = 1.5, floor_per_second = -1 }
        [ejection]
        base_ejection = "10m"
        max_ejected_share = "half"
        panic_share = -0.1
        success_rate = { hosts = 1, deviations = 101 }
        failure_percentage = { share = 0 }
        [hedging]
        quantile = 0.0
        window = "1ms"
        [defaults.breaker]
        mode = "disable"
        failures_to_open = 1001
        jitter = 2
        half_open_probes = 0
        successes_to_close = 0
        per = "cost-class"
        models = 65
        [defaults.breaker.window]
        calls = 0
        time = "1ms"
        minimum_calls = 9000
        failure_share = 1.01
        slow_treshold = "1s"
        [defaults.slow_start]
        least = 0.0
        aggression = -1
        [defaults.overload]
        tenant_share = 0
        adaptive = { tolerance = 0.9, min = 0 }
        pacing = { low_below = 2, max_wait = "11m" }
        "#,
        &[],
        &[
            "m.toml:3: gateway.backoff: longer than gateway.backoff_max",
            "m.toml:4: gateway.retry_budget.share: must be between 0 and 1",
            "m.toml:4: gateway.retry_budget.floor_per_second: must be between 0 and 10000",
            "m.toml:6: ejection.base_ejection: longer than ejection.max_ejection",
            "m.toml:7: ejection.max_ejected_share: expected a number, found a string",
            "m.toml:8: ejection.panic_share: must be between 0 and 1",
            "m.toml:9: ejection.success_rate.hosts: must be between 2 and 1000",
            "m.toml:9: ejection.success_rate.deviations: must be between 0 and 100",
            "m.toml:10: ejection.failure_percentage.share: must be more than 0 and at most 1",
            "m.toml:12: hedging.quantile: must be more than 0 and at most 1",
            "m.toml:13: hedging.window: must be between 1s and 1h",
            "m.toml:15: defaults.breaker.mode: expected one of `automatic`, `disabled`; did you mean `disabled`?",
            "m.toml:16: defaults.breaker.failures_to_open: must be between 0 and 1000",
            "m.toml:17: defaults.breaker.jitter: must be between 0 and 1",
            "m.toml:18: defaults.breaker.half_open_probes: must be between 1 and 100",
            "m.toml:19: defaults.breaker.successes_to_close: must be between 1 and 1000",
            "m.toml:20: defaults.breaker.per: expected one of `instance`, `cost_class`, `model`; did you mean `cost_class`?",
            "m.toml:21: defaults.breaker.models: must be between 1 and 64",
            "m.toml:23: defaults.breaker.window.calls: must be between 1 and 10000",
            "m.toml:24: defaults.breaker.window.time: must be between 10ms and 1h",
            "m.toml:25: defaults.breaker.window.minimum_calls: must be between 1 and 8000",
            "m.toml:26: defaults.breaker.window.failure_share: must be between 0 and 1",
            "m.toml:27: defaults.breaker.window.slow_treshold: unknown key; did you mean `slow_threshold`?",
            "m.toml:29: defaults.slow_start.least: must be more than 0 and at most 1",
            "m.toml:30: defaults.slow_start.aggression: must be more than 0 and at most 100",
            "m.toml:32: defaults.overload.tenant_share: must be more than 0 and at most 1",
            "m.toml:33: defaults.overload.adaptive.tolerance: must be between 1 and 100",
            "m.toml:33: defaults.overload.adaptive.min: must be between 1 and 100000",
            "m.toml:34: defaults.overload.pacing.low_below: must be between 0 and 1",
            "m.toml:34: defaults.overload.pacing.max_wait: must be between 0s and 10m",
        ],
    );
    // A whole number is a number, and a variable may hold one.
    let env = [
        ("MOSAIC__DEFAULTS__BREAKER__JITTER", "1"),
        ("MOSAIC__HEDGING__SHARE", "0.25"),
    ];
    let config = parse("[ejection]\npanic_share = 0\n", &env).unwrap().config;
    assert_eq!(
        (
            config.defaults.breaker.jitter,
            config.hedging.share,
            config.ejection.panic_share
        ),
        (1.0, 0.25, 0.0)
    );
}

#[test]
fn a_tenants_highest_priority_is_inherited_and_a_wrong_word_is_told_the_nearest() {
    let text =
        "[tenants.default]\nmax_priority = \"normal\"\n[tenants.batch]\nmax_priority = \"low\"\n[tenants.acme]\n";
    let config = parse(text, &[]).unwrap().config;
    assert_eq!(config.max_priority("batch"), Priority::Low);
    assert_eq!(config.max_priority("acme"), Priority::Normal);
    assert_eq!(config.max_priority("unheard-of"), Priority::Normal);
    assert_eq!(Config::default().max_priority("any"), Priority::High);
    let errors = parse("[tenants.batch]\nmax_priority = \"lwo\"\n", &[]).unwrap_err();
    let told = errors.to_string();
    assert!(
        told.contains("tenants.batch.max_priority") && told.contains("low"),
        "{told}"
    );
}

#[test]
fn what_code_builds_is_checked_alike() {
    let mut config = Config::default();
    config.gateway.max_attempts = 0;
    config.server.listen = ([0, 0, 0, 0], 80).into();
    let errors = config.check(&known()).unwrap_err();
    let paths: Vec<&str> = errors.iter().map(|e| e.path.as_str()).collect();
    assert_eq!(paths, ["gateway.max_attempts", "server.listen"]);
}

/// Two forges with labels, prices and credits.
const FORGES: &str = r#"
[providers.own]
kind = "gitlab"
labels = { hosting = "self", region = "eu-1" }
[providers.cloud]
kind = "github"
labels = { hosting = "cloud" }
weight = 3
prices = [{ call_usd = 0.25 }]
credits = { amount = 5 }
"#;

/// Checks a route of [`FORGES`]: what is told of it, without where.
#[track_caller]
fn route_refused(route: &str, wanted: &[&str]) {
    let text = format!("{FORGES}[tenants.acme]\n[[routes]]\n{route}");
    let errors = parse(&text, &[]).expect_err("must be refused");
    let mut found: Vec<String> = errors
        .iter()
        .map(|error| error.to_string().split_once(": ").unwrap().1.to_owned())
        .collect();
    found.sort();
    assert_eq!(found, wanted, "{route}");
}

#[test]
fn every_key_of_a_route_is_checked_at_its_path() {
    let labels = "the name of a label is 1 to 32 of the characters a-z, 0-9, \"_\" and \"-\"";
    for (key, path, told) in [
        ("nam = 1", "nam", "unknown key; did you mean `name`?"),
        ("enabled = 1", "enabled", "expected true or false, found a whole number"),
        ("shadow = \"yes\"", "shadow", "expected true or false, found a string"),
        ("priority = 2000000", "priority", "must be between -1000000 and 1000000"),
        (
            "priority = 1.5",
            "priority",
            "expected a whole number, found a fraction",
        ),
        (
            "tenant = \"acm\"",
            "tenant",
            "no such tenant under [tenants]; did you mean `acme`?",
        ),
        ("service = \"gti\"", "service", "no such service; did you mean `git`?"),
        (
            "operation = \"git.rep\"",
            "operation",
            "no operation begins so; did you mean `git.repo`?",
        ),
        (
            "resource = \"\"",
            "resource",
            "must not be empty; leave it out to match everything",
        ),
        (
            "model = \"\"",
            "model",
            "must not be empty; leave it out to match everything",
        ),
        (
            "payload_min = \"2TiB\"",
            "payload_min",
            "expected a size such as \"64KiB\", \"1MiB\" or a number of bytes",
        ),
        (
            "payload_min = \"2048GiB\"",
            "payload_min",
            "must be between 0B and 1024GiB",
        ),
        (
            "payload_min = 2\npayload_max = 1",
            "payload_max",
            "is below payload_min: no call matches both",
        ),
        ("cost_min_usd = -1", "cost_min_usd", "must be between 0 and 1000000"),
        (
            "cost_min_usd = \"1\"",
            "cost_min_usd",
            "expected a number, found a string",
        ),
        (
            "cost_min_usd = 2\ncost_max_usd = 1.5",
            "cost_max_usd",
            "is below cost_min_usd: no call matches both",
        ),
        ("labels = { Team = \"x\" }", "labels.Team", labels),
        (
            "hours = [{ from = \"6am\" }]",
            "hours[0].from",
            "expected a time of the day such as \"22:00\", 00:00 to 24:00",
        ),
        ("hours = [{ from = \"24:00\" }]", "hours[0]", "a day ends at 24:00"),
        (
            "hours = [{ days = [\"mno\"] }]",
            "hours[0].days[0]",
            "expected one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`; did you mean `mon`?",
        ),
        ("hours = [{ until = \"06:00\" }]", "hours[0].until", "unknown key"),
        (
            "cost_class = [\"reads\"]",
            "cost_class[0]",
            "expected one of `read`, `heavy`, `write`, `tokens`; did you mean `read`?",
        ),
        (
            "performance = [\"latency\"]",
            "performance[0]",
            "expected one of `low_latency`, `high_throughput`, `best_effort`; did you mean `low_latency`?",
        ),
        (
            "urgency = [\"hihg\"]",
            "urgency[0]",
            "expected one of `low`, `normal`, `high`; did you mean `high`?",
        ),
        (
            "select = { hostin = \"self\" }",
            "select.hostin",
            "none of the providers carries such a label; did you mean `hosting`?",
        ),
        (
            "select = { hosting = \"selfs\" }",
            "select.hosting",
            "none of the providers carries this value of it; did you mean `self`?",
        ),
        (
            "select = { hosting = \"cloud\", region = \"eu-1\" }",
            "select",
            "none of the providers carries all of these",
        ),
        (
            "prefer = [{ providers = [\"clod\"] }]",
            "prefer[0].providers[0]",
            "no such provider under [providers]; did you mean `cloud`?",
        ),
        (
            "prefer = [{ labels = { hosting = \"moon\" } }]",
            "prefer[0].labels.hosting",
            "none of the providers carries this value of it",
        ),
        (
            "prefer = [{ labels = { hosting = \"self\" }, credits = true }]",
            "prefer[0].credits",
            "none of these has credits: set them in [providers.NAME.credits]",
        ),
        (
            "prefer = [{}, {}]",
            "prefer[1]",
            "an earlier preference takes all that it is for",
        ),
        (
            "balance = \"adaptiv\"",
            "balance",
            "expected one of `round_robin`, `weighted`, `least_connections`, `response_time`, `adaptive`, \
             `consistent_hashing`; did you mean `adaptive`?",
        ),
        ("weights = {}", "weights", "has no use unless balance = \"adaptive\""),
        (
            "balance = \"adaptive\"\nweights = { latency = 0, failure = 0, money = 0 }",
            "weights",
            "must let something count: all are 0",
        ),
        (
            "balance = \"adaptive\"\nweights = { mony = 1 }",
            "weights.mony",
            "unknown key; did you mean `money`?",
        ),
        (
            "balance = \"weighted\"\nnearest = true",
            "balance",
            "has no use with nearest = true, which takes its place",
        ),
        (
            "canaries = [{ provider = \"clowd\", percent = 1 }]",
            "canaries[0].provider",
            "no such provider under [providers]; did you mean `cloud`?",
        ),
        (
            "canaries = [{ provider = \"own\" }]",
            "canaries[0].percent",
            "is required",
        ),
        (
            "canaries = [{ provider = \"own\", percent = 101 }]",
            "canaries[0].percent",
            "must be between 0 and 100",
        ),
        (
            "canaries = [{ provider = \"own\", percent = 0 }]",
            "canaries[0].percent",
            "must be more than 0; leave it out to have no trial",
        ),
        (
            "canaries = [{ provider = \"own\", percent = 60 }, { provider = \"cloud\", percent = 41 }]",
            "canaries",
            "come to more than 100 percent together",
        ),
        (
            "tenant = \"acme\"\nshadow = true",
            "shadow",
            "leaves the tenant acme no route of its own that decides: it would reach every provider. Say in \
             tenants.acme.providers what it may reach",
        ),
        (
            "tenant = \"acme\"\nenabled = false",
            "enabled",
            "leaves the tenant acme no route of its own that decides: it would reach every provider. Say in \
             tenants.acme.providers what it may reach",
        ),
    ] {
        route_refused(
            &format!("providers = [\"own\", \"cloud\"]\n{key}"),
            &[&format!("routes[0].{path}: {told}")],
        );
    }
    let nobody = "routes[0].providers: names nobody: name providers, or select them by labels";
    route_refused("service = \"git\"", &[nobody]);
    route_refused(
        "select = { hosting = \"self\" }\nprefer = [{ providers = [\"cloud\"] }]\ncanaries = [{ provider = \"cloud\", percent = 1 }]",
        &[
            "routes[0].canaries[0].provider: is none of the route's providers",
            "routes[0].prefer[0].providers[0]: is preferred, but is none of the route's providers",
        ],
    );
    route_refused(
        "name = \"x\"\nproviders = [\"own\"]\n[[routes]]\nname = \"x\"\nservice = \"git\"\nproviders = [\"own\"]",
        &["routes[1].name: the same name as routes[0]"],
    );
}

#[test]
fn a_tenant_keeps_its_reach_while_one_route_of_its_own_decides_or_a_list_is_written_down() {
    let shadow = "[[routes]]\ntenant = \"acme\"\nshadow = true\nproviders = [\"cloud\"]\n";
    let own = "[[routes]]\ntenant = \"acme\"\nproviders = [\"own\"]\n";
    assert!(parse(&format!("{FORGES}[tenants.acme]\n{shadow}{own}"), &[]).is_ok());
    for table in [
        "[tenants.acme]\nproviders = [\"own\"]\n",
        "[tenants.acme]\n[tenants.default]\nproviders = []\n",
    ] {
        parse(&format!("{FORGES}{table}{shadow}"), &[]).expect("what it reaches is said");
    }
}

#[test]
fn labels_prices_and_credits_of_providers_are_checked_at_their_paths() {
    for (keys, path, told) in [
        (
            "labels = { Hosting = \"x\" }",
            "labels.Hosting",
            "the name of a label is 1 to 32 of the characters a-z, 0-9, \"_\" and \"-\"",
        ),
        (
            "labels = { hosting = \"\" }",
            "labels.hosting",
            "a label's value has 1 to 64 bytes, and no white space at its ends",
        ),
        (
            "labels = { hosting = 1 }",
            "labels.hosting",
            "expected a string, found a whole number",
        ),
        ("weight = 0", "weight", "must be between 1 and 1000"),
        ("weihgt = 1", "weihgt", "unknown key; did you mean `weight`?"),
        (
            "prices = [{ call_usd = -0.5 }]",
            "prices[0].call_usd",
            "must be between 0 and 1000000",
        ),
        (
            "prices = [{ inputs_usd = 1 }]",
            "prices[0].inputs_usd",
            "unknown key; did you mean `input_usd`?",
        ),
        (
            "prices = [{ operation = \"git.rep\" }]",
            "prices[0].operation",
            "no operation begins so; did you mean `git.repo`?",
        ),
        (
            "prices = [{ output_tokens = -1 }]",
            "prices[0].output_tokens",
            "must be between 0 and 10000000",
        ),
        (
            "prices = [{ model = \"small-*\" }, { operation = \"git\", model = \"small-1\" }]",
            "prices[1]",
            "is never used: an earlier one holds for all its calls",
        ),
        ("credits = {}", "credits.amount", "is required"),
        (
            "credits = { unit = \"call\", amount = 1 }",
            "credits.unit",
            "expected one of `usd`, `calls`; did you mean `calls`?",
        ),
        (
            "credits = { unit = \"calls\", amount = 1.5 }",
            "credits.amount",
            "must be a whole number of calls, and more than 0",
        ),
        (
            "prices = [{ call_usd = 1 }]\ncredits = { amount = 0 }",
            "credits.amount",
            "must be more than 0: without [credits] there is no bound",
        ),
        (
            "credits = { unit = \"calls\", amount = 1, period = \"week\" }",
            "credits.period",
            "expected \"day\", \"month\" or hours such as \"12h\", 1h to 8784h",
        ),
        (
            "credits = { amount = 1 }",
            "credits.unit",
            "counts dollars, and no price is known here: set [[providers.NAME.prices]], or count calls",
        ),
    ] {
        let errors = parse(&format!("{FORGE}{keys}"), &[]).expect_err("must be refused");
        let told_of = errors.to_string();
        assert!(
            told_of.ends_with(&format!(": providers.forge-a.{path}: {told}")),
            "{keys}: {told_of}"
        );
    }
}

/// The example with its optional settings switched on.
fn example_in_full() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => setting.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_states_the_defaults() {
    assert_eq!(parse(EXAMPLE, &[]).unwrap().config, Config::default());
    // Also key by key: a default that the file leaves out would go unnoticed above.
    let written: Value = serde_json::to_value(toml::from_str::<toml::Table>(EXAMPLE).unwrap()).unwrap();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut missing = Vec::new();
    leaves(&defaults, "", &mut |path, value| {
        let unset = value.is_null() || value.as_object().is_some_and(Map::is_empty) || value == &Value::Array(vec![]);
        if !unset && written.pointer(path).is_none() {
            missing.push(path.to_owned());
        }
    });
    assert_eq!(missing, Vec::<String>::new());
}

fn leaves(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    match value.as_object() {
        Some(table) if !table.is_empty() => {
            table
                .iter()
                .for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), visit));
        }
        _ => visit(path, value),
    }
}

#[test]
fn the_example_shows_every_key_of_the_schema() {
    let full = example_in_full();
    parse(&full, &[]).expect("the examples are valid settings");
    let written: Value = serde_json::to_value(toml::from_str::<toml::Table>(&full).unwrap()).unwrap();
    let schema = Config::json_schema();
    let mut missing = Vec::new();
    let mut seen = 0;
    shown(&schema, &schema, Some(&written), "", &mut seen, &mut missing);
    assert_eq!(missing, Vec::<String>::new());
    assert!(seen > 60, "the walk saw only {seen} keys");
}

fn shown(root: &Value, at: &Value, written: Option<&Value>, path: &str, seen: &mut usize, missing: &mut Vec<String>) {
    let at = match at["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => at,
    };
    for (key, next) in at["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        *seen += 1;
        match written.and_then(|table| table.get(key)) {
            Some(written) => shown(root, next, Some(written), &path, seen, missing),
            None => missing.push(path),
        }
    }
    if at["additionalProperties"].is_object() {
        // Several names together may show what one alone does not need.
        let tables = written.and_then(Value::as_object).into_iter().flat_map(Map::values);
        let entries = tables.filter_map(Value::as_object).flatten();
        let mut first = Map::new();
        for (key, value) in entries {
            match (first.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
                (Some(known), Some(more)) => known.extend(more.clone()),
                _ => drop(first.insert(key.clone(), value.clone())),
            }
        }
        let first = Some(&Value::Object(first));
        shown(
            root,
            &at["additionalProperties"],
            first,
            &format!("{path}.*"),
            seen,
            missing,
        );
    }
    if at["items"].is_object() {
        let first = written.and_then(Value::as_array).and_then(|items| items.first());
        shown(root, &at["items"], first, &format!("{path}[]"), seen, missing);
    }
}

/// A secret pasted in the place of any value, or as a value of the wrong type, is never echoed.
#[test]
fn planted_secrets_never_surface() {
    const PLANTED: &str = "ghp_PLANTED0123456789";
    let full = example_in_full();
    let mut tried = 0;
    for (index, line) in full.lines().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        for planted in [
            format!("\"{PLANTED}\""),
            format!("[\"{PLANTED}\"]"),
            PLANTED.to_owned(),
            format!("{{ a = \"{PLANTED}\" }}"),
        ] {
            let mut lines: Vec<String> = full.lines().map(str::to_owned).collect();
            lines[index] = format!("{key} = {planted}");
            tried += 1;
            if let Err(errors) = parse(&lines.join("\n"), &[]) {
                assert!(
                    !format!("{errors} {errors:?}").contains("PLANTED"),
                    "{key} = {planted}: {errors}"
                );
            }
        }
    }
    assert!(tried > 200, "only {tried} places tried");
}

fn any_toml() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "server",
        "listen",
        "max_body",
        "providers",
        "forge-a",
        "kind",
        "token",
        "routes",
        "keys",
        "cache",
        "l1",
        "x",
        "\"a.b\"",
    ]);
    let value = prop::sample::select(vec![
        "1",
        "-1",
        "\"\"",
        "\"5s\"",
        "[]",
        "{}",
        "true",
        "inf",
        "nan",
        "1979-05-27",
        "[[1]]",
        "{ a.b = 1 }",
        "0xffff_ffff_ffff_ffff",
        "9e999",
    ]);
    let line = (prop::collection::vec(key, 1..4), value, 0..3).prop_map(|(keys, value, form)| match form {
        0 => format!("[{}]", keys.join(".")),
        1 => format!("[[{}]]", keys.join(".")),
        _ => format!("{} = {value}", keys.join(".")),
    });
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn loading_never_panics(text in prop_oneof![any_toml(), ".{0,200}"], name in "[A-Z_]{0,30}", value in ".{0,30}") {
        let name = format!("MOSAIC__{name}");
        if let Ok(loaded) = parse(&text, &[(&name, &value)]) {
            // What loads is sound by the other way in as well.
            prop_assert_eq!(loaded.config.check(&known()), Ok(()));
        }
    }
}

#[test]
fn an_interval_may_be_off() {
    let read = |every: &str| {
        let text = format!(
            "[defaults]\nhealth_interval = \"{every}\"\n[providers.f]\nkind = \"github\"\nhealth_interval = \"{every}\""
        );
        parse(&text, &[]).map(|loaded| {
            let config = loaded.config;
            assert_eq!(
                config.providers["f"].health_interval,
                Some(config.defaults.health_interval)
            );
            config.defaults.health_interval.as_secs()
        })
    };
    for (every, seconds) in [("off", 0), ("0", 0), ("0s", 0), ("1s", 1), ("24h", 86_400)] {
        assert_eq!(read(every).unwrap(), seconds, "{every}");
    }
    for every in ["10ms", "25h", "never", "-1"] {
        let errors = read(every).unwrap_err().to_string();
        assert!(errors.matches("health_interval").count() == 2, "{every}: {errors}");
    }
}
