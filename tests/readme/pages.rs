//! What README says without running it here: builds, installations, dependencies, and commands within its sentences.

use std::path::Path;

use mosaic::sandbox::SandboxConfig;
use serde_json::Value;

use crate::block;
use crate::harness::process;
use crate::text::{commands, spans};

/// Where the repository is.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_commands_that_build_name_what_there_is() {
    // Only parsed: they build and run everything, this test among it.
    let [demo] = &commands(&block("cargo run"))[..] else {
        panic!("one command")
    };
    let words: Vec<&str> = demo
        .split_once(" -- ")
        .expect("the program's own words")
        .1
        .split(' ')
        .collect();
    process::run(&[&words[..], &["--help"]].concat(), &[]).ok();
    assert!(process::run(&["demo", "--help"], &[]).ok().contains("--once"));
    let [tests] = &commands(&block("tests/run"))[..] else {
        panic!("one command")
    };
    let script = std::fs::read_to_string(root().join(tests)).expect("the script");
    assert!(script.contains("--full"));
    assert!(root().join(".ci/run").exists());
}

#[test]
fn the_foreign_tools_are_those_that_the_tests_install() {
    let text = std::fs::read_to_string(root().join("tests/foreign/package.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let installation = block("npm install");
    // A package's name may begin with the sign that stands before its version.
    let first = installation.text.lines().next().expect("a command").split_whitespace();
    let named: Vec<_> = first.filter_map(|word| word.rsplit_once('@')).collect();
    assert!(named.len() >= 2, "{named:?}");
    for (name, version) in named {
        assert_eq!(manifest["dependencies"][name], version, "{name}");
    }
    assert!(installation.text.contains("-f tests/foreign/mend-github.jq"));
    assert!(root().join("tests/foreign/mend-github.jq").exists());
}

#[test]
fn the_dependency_and_its_features_are_those_of_the_manifest() {
    let read = |text: &str| -> Value { toml::from_str(text).expect("TOML") };
    let dependency = read(&block("mosaic = {").text);
    let manifest = read(&std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest"));
    let features = manifest["features"].as_object().expect("features");
    let asked = dependency["mosaic"]["features"].as_array().expect("features");
    assert!(!asked.is_empty());
    for feature in asked {
        assert!(features.contains_key(feature.as_str().expect("a name")), "{feature}");
    }
    // The table above it: each row is a feature, and none that is on by default lacks a row.
    let (_, table) = crate::text::README.split_once("| feature |").expect("the table");
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(_, rest)| rest.matches('|').count() == 1)
        .map(|(name, _)| name)
        .collect();
    for name in features["default"].as_array().expect("a list") {
        let name = name.as_str().expect("a name");
        assert!(rows.contains(&name), "{name} has no row in README");
    }
    for name in rows {
        assert!(features.contains_key(name), "README tells of a feature {name}");
    }
}

#[test]
fn commands_within_sentences_are_commands() {
    let told: Vec<&str> = spans()
        .into_iter()
        .filter_map(|span| span.strip_prefix("mosaic "))
        .collect();
    assert!(told.len() >= 5, "{told:?}");
    for words in told {
        // Capitals stand for the reader's own.
        let words = words.replace("CODE", "timeout");
        let words: Vec<&str> = words.split(' ').collect();
        process::run(&[&words[..], &["--help"]].concat(), &[]).ok();
    }
    assert!(spans().contains(&"demo --once"));
}

#[test]
fn the_sandbox_is_where_readme_says() {
    let fixed = SandboxConfig::from_toml(include_str!("../../config/sandbox.toml")).expect("it is ours");
    let block = block("mosaic sandbox");
    let named = fixed.servers.iter().filter(|server| {
        block
            .text
            .contains(&format!("x-sandbox-token: sandbox-{}'", server.name))
    });
    let at: Vec<String> = named
        .map(|server| format!("http://{}/_sandbox/faults", server.bind))
        .collect();
    assert!(at.len() == 1 && block.text.contains(&at[0]), "{at:?}");
}
