//! Configurations: what is wrong is told whole, and nothing wrong is started.

use serde_json::Value;

use crate::harness::process::{self, Ended};
use crate::harness::{Setup, configuration, credentials, sandbox};

const WRONG: &str = r#"
[server]
lisen = "127.0.0.1:0"
request_timeout = "1h"
max_request_timeout = "1s"
[gateway]
max_attempts = 99
[providers.github-a]
kind = "githib"
base_url = "ftp://example.com"
token = "ghp_a_token_in_the_wrong_place"
[[routes]]
providers = ["github-x"]
"#;

/// Each fault's path, and the nearest name where there is one.
const FAULTS: [(&str, &str); 6] = [
    ("server.lisen", "did you mean `listen`?"),
    ("server.request_timeout", "longer than"),
    ("gateway.max_attempts", "10"),
    ("providers.github-a.base_url", ""),
    ("providers.github-a.token", "env:NAME"),
    ("routes[0].providers[0]", "did you mean `github-a`?"),
];

fn with_file(command: &[&str], text: &str, env: &[(String, String)]) -> Ended {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("mosaic.toml");
    std::fs::write(&file, text).expect("it is ours");
    process::run(
        &[command, &["--config", file.to_str().expect("a plain path")]].concat(),
        env,
    )
}

fn var(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn every_fault_is_listed_with_its_place() {
    for command in ["check", "serve"] {
        let ended = with_file(&[command], WRONG, &[]);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:#?}");
        for (path, remark) in FAULTS {
            let line = ended
                .stderr
                .lines()
                .find(|line| line.trim_start().starts_with(&format!("{path}: ")));
            assert!(
                line.is_some_and(|line| line.contains(remark)),
                "{path}: {remark} in {}",
                ended.stderr
            );
        }
        assert!(!ended.stderr.contains("ghp_a_token"), "{}", ended.stderr);
    }
    let ended = with_file(&["check", "--json"], WRONG, &[]);
    let problem: Value = serde_json::from_str(&ended.stderr).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
    assert_eq!(problem["code"], "invalid_input");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    for (path, _) in FAULTS {
        assert!(fields.contains(&path), "{path} in {fields:?}");
    }
}

#[test]
fn a_kind_and_a_variable_are_told_with_the_nearest_name() {
    let kind = with_file(&["check"], "[providers.a]\nkind = \"githib\"\n", &[]);
    assert_eq!(kind.code, Some(2));
    assert!(
        kind.stderr.contains("providers.a.kind") && kind.stderr.contains("`github`"),
        "{}",
        kind.stderr
    );
    let variable = with_file(&["check"], "", &[var("MOSAIC__SERVER__LISTN", "127.0.0.1:1")]);
    assert_eq!(variable.code, Some(2));
    for part in ["MOSAIC__SERVER__LISTN", "server.listn", "`listen`"] {
        assert!(variable.stderr.contains(part), "{part} in {}", variable.stderr);
    }
}

#[test]
fn no_file_and_no_toml_are_told() {
    let absent = process::run(&["serve", "--config", "/nowhere/mosaic.toml"], &[]);
    assert_eq!(absent.code, Some(2));
    assert!(absent.stderr.contains("/nowhere/mosaic.toml"), "{}", absent.stderr);
    let broken = with_file(&["serve"], "[server\nlisten = 1", &[]);
    assert_eq!(broken.code, Some(2));
    assert!(broken.stderr.contains("mosaic.toml:1"), "{}", broken.stderr);
}

#[test]
fn doors_beyond_loopback_need_locks() {
    for (section, setting) in [("server", "keys"), ("admin", "admin.token")] {
        let ended = with_file(&["serve"], &format!("[{section}]\nlisten = \"0.0.0.0:0\"\n"), &[]);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(
            ended.stderr.contains(&format!("{section}.listen")) && ended.stderr.contains(setting),
            "{}",
            ended.stderr
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_configuration_is_counted_and_nothing_is_sent_or_left() {
    let sandbox = sandbox().await;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let state = folder.path().join("state.db");
    let tables = format!(
        "[state]\npath = \"{}\"\n[keys.ci]\ntenant = \"acme\"\nkey = \"env:KEY\"\n[tenants.acme]\n",
        state.display()
    );
    let setup = Setup {
        tables,
        env: vec![var("KEY", "a-key-that-is-long-enough")],
        ..Setup::default()
    };
    let (text, env) = (configuration(&sandbox, &setup), credentials(&sandbox, &setup));
    let counts = with_file(&["check", "--json"], &text, &env).json();
    for (name, count) in [("providers", 8), ("routes", 5), ("keys", 1), ("tenants", 1)] {
        assert_eq!(counts[name], count, "{name}");
    }
    assert!(!state.exists(), "a check opened the state");
    assert!(
        sandbox.servers().iter().all(|server| server.requests().total == 0),
        "a check sent something"
    );

    // What only a start reads is read by the check too.
    let lacking = |name: &str| {
        let env: Vec<_> = env.iter().filter(|(given, _)| given != name).cloned().collect();
        with_file(&["check"], &text, &env)
    };
    for (variable, path) in [("TOKEN_GITHUB_A", "providers.github-a.token"), ("KEY", "keys.ci")] {
        let ended = lacking(variable);
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(
            ended.stderr.contains(path) && ended.stderr.contains(variable),
            "{path} in {}",
            ended.stderr
        );
    }
    for (setting, value, said) in [
        ("MOSAIC__ADMIN__TOKEN", "env:ABSENT", "admin.token"),
        (
            "MOSAIC__ADMIN__TOKEN",
            "env:SHORT",
            "admin.token: must be at least 16 bytes long",
        ),
        ("MOSAIC__STATE__ENCRYPTION_KEY", "env:ABSENT", "state.encryption_key"),
        ("MOSAIC__STATE__ENCRYPTION_KEY", "env:KEY", "state.encryption_key"),
    ] {
        let more = [var(setting, value), var("SHORT", "fifteen-bytes!!")];
        let ended = with_file(&["check"], &text, &[&env[..], &more].concat());
        assert_eq!(ended.code, Some(2), "{setting}={value}: {ended:#?}");
        assert!(ended.stderr.contains(said), "{said} in {}", ended.stderr);
    }
    sandbox.shutdown().await;
}

#[test]
fn homes_that_no_route_tells_apart_are_told_before_the_first_call() {
    let forges = "[providers.one]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:1\"\n[providers.two]\nkind = \"gitea\"\nbase_url = \"http://127.0.0.1:1/api/v1\"\n";
    let warnings = |text: &str| {
        let checked = with_file(&["check", "--json"], text, &[]).json();
        checked["warnings"].as_array().expect("a list").len()
    };
    assert_eq!(warnings(forges), 3, "git, projects and cicd");
    let route = |service: &str| format!("[[routes]]\nservice = \"{service}\"\nproviders = [\"one\", \"two\"]\n");
    assert_eq!(
        warnings(&[forges, &route("git"), &route("projects"), &route("cicd")].concat()),
        0
    );
    let shown = with_file(&["check"], forges, &[]);
    assert!(shown.ok().contains("one, two"), "{shown:?}");
    let doctor = with_file(&["doctor"], forges, &[]);
    assert!(doctor.stdout.contains("git could be served by one, two"), "{doctor:?}");
}

#[test]
fn a_base_url_without_the_path_of_its_api_is_told_before_the_first_call() {
    let config = |kind: &str, base: &str| format!("[providers.one]\nkind = \"{kind}\"\nbase_url = \"{base}\"\n");
    for (kind, base, meant) in [
        (
            "gitea",
            "https://git.example.com",
            Some("https://git.example.com/api/v1"),
        ),
        (
            "gitlab",
            "https://git.example.com/lab",
            Some("https://git.example.com/lab/api/v4"),
        ),
        (
            "woodpecker",
            "https://ci.example.com",
            Some("https://ci.example.com/api"),
        ),
        ("gitea", "https://git.example.com/api/v1", None),
        ("notion", "https://api.notion.com", Some("https://api.notion.com/v1")),
        ("notion", "http://127.0.0.1:1/v1/v1", Some("http://127.0.0.1:1/v1")),
        ("openai", "http://127.0.0.1:1", Some("http://127.0.0.1:1/v1")),
        (
            "openai",
            "https://api.openai.com/v1/v1",
            Some("https://api.openai.com/v1"),
        ),
        ("openai", "http://127.0.0.1:1/v1beta/openai", None),
        ("openai", "https://api.deepseek.com", None),
        (
            "anthropic",
            "https://api.anthropic.com/v1",
            Some("https://api.anthropic.com"),
        ),
        ("anthropic", "http://127.0.0.1:1/v1/", Some("http://127.0.0.1:1")),
        ("anthropic", "http://127.0.0.1:1", None),
        (
            "github",
            "https://git.example.com",
            Some("https://git.example.com/api/v3, unless what answers there has its API at the root"),
        ),
        ("github", "https://api.example.com", None),
        ("github", "https://git.example.com/api/v3", None),
    ] {
        let checked = with_file(&["check", "--json"], &config(kind, base), &[]).json();
        let warnings = checked["warnings"].to_string();
        match meant {
            Some(meant) => assert!(warnings.contains(&format!("Try {meant}.")), "{warnings}"),
            None => assert_eq!(warnings, "[]", "{base}"),
        }
    }
}

/// One fault of each kind that only the world outside of the file shows.
const LACKING: &str = r#"
[server]
cluster_key = "env:NO_CLUSTER"
[admin]
token = "env:NO_ADMIN"
[state]
path = "/nowhere/at/all/state.db"
[cache.l2]
url = "redis://127.0.0.1:1"
password = "env:NO_REDIS"
[outbound]
ca_file = "/nowhere/ca.pem"
[keys.one]
tenant = "default"
key = "env:NO_ONE"
[keys.two]
tenant = "default"
key = "env:SHORT"
[providers.forge]
kind = "github"
token = "env:NO_FORGE"
[providers.forge.settings]
no_such = true
[providers.wiki]
kind = "bookstack"
token = "env:NO_WIKI"
"#;

/// Each fault's path, its line and a word of it.
const LACKS: [(&str, usize, &str); 10] = [
    ("server.cluster_key", 3, "NO_CLUSTER"),
    ("admin.token", 5, "NO_ADMIN"),
    ("state.path", 7, "/nowhere/at/all"),
    ("cache.l2.password", 10, "NO_REDIS"),
    ("outbound.ca_file", 12, "/nowhere/ca.pem"),
    ("keys.one.key", 15, "NO_ONE"),
    ("keys.two.key", 18, "shorter"),
    ("providers.forge.token", 21, "NO_FORGE"),
    ("providers.forge.settings.no_such", 23, "no_such"),
    ("providers.wiki.token", 26, "NO_WIKI"),
];

#[test]
fn all_that_is_missing_is_told_at_once_with_its_line() {
    let env = [var("SHORT", "planted")];
    for command in ["check", "serve"] {
        let ended = with_file(&[command], LACKING, &env);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{command}: {ended:#?}");
        for (path, line, word) in LACKS {
            let place = format!("mosaic.toml:{line})");
            let told = ended.stderr.lines().any(|told| {
                let told = told.trim_start();
                told.starts_with(&format!("{path}: ")) && told.contains(word) && told.ends_with(&place)
            });
            assert!(told, "{command}: {path}, line {line}: {word} in {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("planted"), "{}", ended.stderr);
    }
    let doctor = with_file(&["doctor"], LACKING, &env);
    for (path, _, word) in LACKS {
        assert!(doctor.stdout.contains(word), "{path}: {word} in {}", doctor.stdout);
    }
}

/// Faults of every stage: of a key alone, between keys, outside of the file, and several of one driver's.
const STAGED: &str = r#"
[server]
max_body = "1B"
listen = "127.0.0.1:7001"
[admin]
listen = "127.0.0.1:7001"
token = "env:NO_ADMIN"
[state]
path = "/nowhere/at/all/state.db"
[providers.forge]
kind = "gitea"
token = "written-down-here"
[providers.ai]
kind = "openai"
settings = { spent_pause_s = -1, token_limit = "foo", no_such = true }
[providers.wiki]
kind = "bookstack"
base_url = "ftp://example.com"
token = "env:NO_WIKI"
"#;

#[test]
fn no_fault_hides_another() {
    let wanted = [
        "server.max_body",
        "admin.listen",
        "admin.token",
        "state.path",
        "providers.forge.base_url",
        "providers.forge.token",
        "providers.ai.settings.spent_pause_s",
        "providers.ai.settings.token_limit",
        "providers.ai.settings.no_such",
        "providers.wiki.base_url",
        "providers.wiki.token",
    ];
    for command in ["check", "serve"] {
        let ended = with_file(&[command, "--json"], STAGED, &[]);
        assert_eq!(ended.code, Some(2), "{command}: {ended:#?}");
        let problem: Value = serde_json::from_str(&ended.stderr).unwrap_or_else(|error| panic!("{error}: {ended:#?}"));
        let mut told: Vec<&str> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        told.sort_unstable();
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        // Each once: what follows from a fault is none of its own.
        assert_eq!(told, wanted, "{command}");
        assert!(!ended.stderr.contains("written-down-here"), "{}", ended.stderr);
    }
    let doctor = with_file(&["doctor"], STAGED, &[]);
    for path in wanted {
        assert!(doctor.stdout.contains(path), "{path} in {}", doctor.stdout);
    }
}

#[test]
fn routes_that_are_never_used_are_told_and_start_all_the_same() {
    let forge = "[providers.one]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:1\"\n";
    let route = |keys: &str| format!("[[routes]]\n{keys}\nproviders = [\"one\"]\n");
    let text = [forge, &route("service = \"git\""), &route("operation = \"git.repo\"")].concat();
    let checked = with_file(&["check"], &text, &[]);
    let sentence = "mosaic.toml:7) is never used: routes[0] takes every call";
    assert!(checked.ok().contains(sentence), "{checked:?}");
    let doctor = with_file(&["doctor"], &text, &[]);
    assert!(doctor.stdout.contains(sentence), "{doctor:?}");
}

#[test]
fn an_interval_of_checks_that_are_turned_off_is_told() {
    let table =
        |health: &str| format!("[providers.one]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:1\"\n{health}\n");
    let sentence = "providers.one.health_interval has no effect";
    for (health, told) in [
        ("health_check = false\nhealth_interval = \"5m\"", true),
        ("health_check = false\nhealth_interval = \"off\"", false),
        ("health_check = false", false),
        ("health_interval = \"5m\"", false),
    ] {
        let checked = with_file(&["check"], &table(health), &[]);
        assert_eq!(checked.ok().contains(sentence), told, "{health}: {checked:?}");
        let doctor = with_file(&["doctor"], &table(health), &[]);
        assert_eq!(doctor.stdout.contains(sentence), told, "{health}: {doctor:?}");
    }
}

#[test]
fn the_configuration_in_force_tells_who_set_what_and_the_reference_is_a_configuration() {
    let text = "[server]\nmax_headers = 50\n[admin]\ntoken = \"env:ADMIN\"\n";
    let env = [var("ADMIN", "planted"), var("MOSAIC__LOG__FILTER", "warn")];
    let shown = with_file(&["config", "show"], text, &env);
    assert!(!shown.ok().contains("planted"), "{shown:?}");
    let line = |setting: &str| {
        let mut lines = shown
            .stdout
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines
            .find(|line| line.starts_with(setting))
            .unwrap_or_else(|| panic!("{setting} in {shown:?}"))
    };
    assert!(line("server.max_headers 50 ").ends_with("mosaic.toml:2"), "{shown:?}");
    assert!(
        line("admin.token \"env:ADMIN\" ").ends_with("mosaic.toml:4"),
        "{shown:?}"
    );
    assert_eq!(
        line("log.filter"),
        "log.filter \"warn\" environment MOSAIC__LOG__FILTER"
    );
    assert!(line("state.path").ends_with("default"), "{shown:?}");

    let reference = process::run(&["config", "reference"], &[]);
    assert!(reference.ok().contains("[providers."), "{reference:?}");
    with_file(&["check"], &reference.stdout, &[]).ok();
    let schema = process::run(&["config", "reference", "--json"], &[]).json();
    assert!(schema["properties"]["server"].is_object(), "{schema}");
}

#[test]
fn each_warning_of_a_check_is_a_line_with_its_path() {
    let text = "[providers.one]\nkind = \"gitea\"\nbase_url = \"http://127.0.0.1:1\"\n\
                [providers.two]\nkind = \"gitlab\"\nbase_url = \"http://127.0.0.1:1\"\nhealth_check = false\n\
                health_interval = \"5s\"\n";
    let shown = with_file(&["check"], text, &[]);
    let lines: Vec<&str> = shown
        .ok()
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    for path in [
        "providers.one.base_url",
        "providers.two.base_url",
        "providers.two.health_interval",
        "git",
    ] {
        let of = lines
            .iter()
            .filter(|line| line.starts_with(&format!("warning: {path}")));
        assert_eq!(of.count(), 1, "{path}: {lines:#?}");
    }
    assert!(lines.iter().all(|line| line.ends_with('.')), "{lines:#?}");
}

/// A configuration with a file of models, and that file.
fn with_models(models: &str, providers: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("models.toml");
    std::fs::write(&file, models).expect("it is ours");
    let text = format!(
        "[models]\nfile = {:?}\n{providers}",
        file.to_str().expect("a plain path")
    );
    (folder, text)
}

#[test]
fn a_file_of_models_that_changes_nothing_is_told_by_check_doctor_and_the_start() {
    let providers = "[providers.own]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nhealth_check = false\n";
    let models = "[xai.\"Grok-4.3\"]\nwork = \"chat\"\n[openai.\"my-own\"]\nwork = \"chat\"\n";
    let (_folder, text) = with_models(models, providers);
    let told = [
        "providers.own is a server of which no list of models is known",
        "models.file xai: the list is of no configured provider",
        "models.file openai: the list is of no configured provider",
        "models.file xai.\"Grok-4.3\" is written almost as \"grok-4.3\"",
    ];
    let checked = with_file(&["check"], &text, &[]);
    let looked = with_file(&["doctor"], &text, &[]);
    for sentence in told {
        assert!(checked.ok().contains(sentence), "{sentence}: {checked:#?}");
        assert!(looked.stdout.contains(sentence), "{sentence}: {looked:#?}");
    }
    // The instance says whose models it has.
    let named = format!("{providers}settings.prices = \"openai\"\n");
    let (_folder, text) = with_models("[openai.\"my-own\"]\nwork = \"chat\"\n", &named);
    let checked = with_file(&["check", "--json"], &text, &[]).json();
    assert_eq!(checked["warnings"], serde_json::json!([]));
}

#[test]
fn all_faults_of_a_file_of_models_are_told_with_its_lines() {
    let models = "[openai.\"a\"]\nwrok = \"chat\"\n[openay.\"b\"]\nwork = \"chat\"\n";
    let (folder, text) = with_models(models, "[providers.own]\nkind = \"openai\"\nhealth_check = false\n");
    let file = folder.path().join("models.toml").display().to_string();
    for command in ["check", "serve", "doctor"] {
        let ended = with_file(&[command], &text, &[]);
        let said = ended.stdout.clone() + &ended.stderr;
        assert_ne!(ended.code, Some(0), "{said}");
        for (line, told) in [
            (1, "openai.a.work"),
            (2, "openai.a.wrok"),
            (3, "openay"),
            (2, "did you mean `work`?"),
            (3, "did you mean `openai`?"),
        ] {
            assert!(
                said.contains(told) && said.contains(&format!("{file}:{line}")),
                "{command} {told}: {said}"
            );
        }
        for foreign in ["missing field", "unknown field", "column 1", "certificate"] {
            assert!(!said.contains(foreign), "{command} {foreign}: {said}");
        }
    }
}

#[test]
fn a_wrong_setting_is_told_what_it_must_be() {
    let text = "[providers.own]\nkind = \"openai\"\n[providers.own.settings]\nprofile = \"olama\"\nstops = \"5501\"\n\
                reasoning = \"efort\"\nprizes = \"openai\"\n";
    let ended = with_file(&["check"], text, &[]);
    for told in [
        "settings.profile must be one of azure",
        "did you mean ollama?",
        "settings.stops must be a whole number of 0 or more, not a string; it is: number",
        "settings.reasoning must be one of effort, object and none; did you mean effort?",
        "settings.prizes is not a setting of this provider",
        "did you mean prices?",
    ] {
        assert!(ended.stderr.contains(told), "{told}: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("5501"), "{}", ended.stderr);
}

#[test]
fn a_sandbox_on_a_taken_port_is_a_conflict_with_its_reason() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let text =
        format!("[[server]]\nname = \"one\"\nvendor = \"github\"\nbind = \"{address}\"\ntoken = \"sandbox-one\"\n");
    let ended = with_file(&["sandbox"], &text, &[]);
    assert!(
        ended.stderr.contains("error[conflict]") && ended.stderr.contains("in use"),
        "{ended:#?}"
    );
    assert!(
        ended.stderr.contains("hint: Another process listens there"),
        "{ended:#?}"
    );
    let ended = with_file(&["sandbox"], "[[server]]\nname = 7\n", &[]);
    assert!(
        ended.stderr.contains("must be a string, not a whole number") && !ended.stderr.contains("invalid type"),
        "{ended:#?}"
    );
}
