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
    let forges = "[providers.one]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:1\"\n[providers.two]\nkind = \"gitea\"\nbase_url = \"http://127.0.0.1:1\"\n";
    let warnings = |text: &str| {
        let checked = with_file(&["check", "--json"], text, &[]).json();
        checked["warnings"].as_array().expect("a list").len()
    };
    assert_eq!(warnings(forges), 2, "git and projects");
    let route = |service: &str| format!("[[routes]]\nservice = \"{service}\"\nproviders = [\"one\", \"two\"]\n");
    assert_eq!(warnings(&[forges, &route("git"), &route("projects")].concat()), 0);
    let shown = with_file(&["check"], forges, &[]);
    assert!(shown.ok().contains("one, two"), "{shown:?}");
    let doctor = with_file(&["doctor"], forges, &[]);
    assert!(doctor.stdout.contains("git could be served by one, two"), "{doctor:?}");
}
