//! Every read of git at every forge: where two of them tell the same thing, they tell it in the same words.
//!
//! Invariant: no read that all of them declare is left out.

use std::collections::BTreeSet;

use mosaic::catalogue;
use mosaic::providers::KINDS;
use serde_json::{Value, json};

use crate::sandbox::{FORGES, Forge};

/// What is a forge's own wherever it stands: its words, pages for people, other addresses, numbers, and times.
fn is_own(field: &str) -> bool {
    field.starts_with("raw_")
        || field.ends_with("_at")
        || matches!(
            field,
            "id" | "web_url" | "ssh_url" | "total" | "next_cursor" | "media_type"
        )
}

/// Where two answers contradict each other; what one of them does not tell is passed over.
fn differences(at: &str, one: &Value, other: &Value) -> Vec<String> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let both = one.iter().filter(|(name, _)| !is_own(name));
            let both = both.filter_map(|(name, value)| Some((name, value, other.get(name)?)));
            both.flat_map(|(name, one, other)| differences(&format!("{at}.{name}"), one, other))
                .collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs
                .flat_map(|(place, (one, other))| differences(&format!("{at}[{place}]"), one, other))
                .collect()
        }
        // A message may or may not end with its line.
        (Value::String(one), Value::String(other)) if one.trim_end() == other.trim_end() => vec![],
        _ if one == other => vec![],
        _ => vec![format!("{at}: {one} and {other}")],
    }
}

/// An answer without what forges may tell each in its own way: the order of repositories, and where the base of what was
/// merged stands, then or now.
fn told(operation: &str, mut answer: Value) -> Value {
    if operation == "git.repo.list"
        && let Some(repos) = answer["items"].as_array_mut()
    {
        repos.sort_by_key(|repo| repo["path"].to_string());
    }
    let pulls = match answer["items"].as_array_mut() {
        Some(items) => items.iter_mut().collect(),
        None => vec![&mut answer],
    };
    for pull in pulls {
        if pull["state"] == "merged" {
            pull["base"]["sha"] = Value::Null;
        }
    }
    answer
}

/// The same at each forge: a tag, a release, statuses, a hook, and what is said of a pull request.
async fn furnished(forge: &Forge) {
    let head = forge.ask("git.commit.get", repo(json!({"commit": "main"}))).await["sha"].clone();
    let status = |context: &str, state: &str| repo(json!({"commit": head, "context": context, "state": state}));
    for (operation, input) in [
        (
            "git.tag.create",
            repo(json!({"tag": "v1", "target": "main", "message": "First"})),
        ),
        ("git.tag.create", repo(json!({"tag": "v2", "target": "develop"}))),
        (
            "git.release.create",
            repo(json!({"tag": "v1", "name": "One", "body": "text", "prerelease": true})),
        ),
        ("git.release.create", repo(json!({"tag": "v3", "draft": true}))),
        ("git.status.set", status("ci", "pending")),
        ("git.status.set", status("ci", "failure")),
        ("git.status.set", status("lint", "success")),
        (
            "git.hook.create",
            repo(json!({"url": "https://h.invalid/", "events": ["push", "pull"], "secret": "s"})),
        ),
        (
            "git.pr.review",
            json!({"pr": "acme/api#3", "event": "approve", "body": "Good"}),
        ),
        ("git.pr.comment", json!({"pr": "acme/api#3", "body": "Thanks"})),
        // Who looks sets the forge looking whether it can be merged.
        ("git.pr.get", json!({"pr": "acme/api#3"})),
    ] {
        forge.ask(operation, input).await;
    }
}

fn repo(more: Value) -> Value {
    let mut input = json!({"repo": "acme/api"});
    let more = more.as_object().expect("fields").clone();
    input.as_object_mut().expect("fields").extend(more);
    input
}

fn questions() -> Vec<(&'static str, Value)> {
    let spaces = json!({"path": "docs/a file with spaces.md", "ref": "release/1.4"});
    vec![
        ("git.repo.get", repo(json!({}))),
        ("git.repo.get", json!({"repo": "quirks/former"})),
        ("git.repo.get", json!({"repo": "quirks/archived"})),
        ("git.repo.get", json!({"repo": "sandbox-guest/api"})),
        ("git.repo.list", json!({"owner": "quirks"})),
        ("git.branch.list", repo(json!({}))),
        ("git.branch.list", json!({"repo": "quirks/empty"})),
        ("git.commit.list", repo(json!({"ref": "develop"}))),
        ("git.commit.list", repo(json!({"path": "src"}))),
        ("git.commit.list", json!({"repo": "quirks/empty"})),
        ("git.commit.get", repo(json!({"commit": "release/1.4"}))),
        ("git.compare", repo(json!({"base": "main", "head": "develop"}))),
        ("git.tree.list", repo(json!({}))),
        ("git.tree.list", repo(json!({"ref": "develop", "recursive": true}))),
        ("git.tree.list", repo(json!({"path": "src"}))),
        ("git.file.get", repo(spaces.clone())),
        ("git.file.get", repo(json!({"path": "assets/logo.bin"}))),
        ("git.file.download", repo(spaces)),
        ("git.file.download", repo(json!({"path": "data/large.txt"}))),
        ("git.tag.list", repo(json!({}))),
        ("git.release.list", repo(json!({}))),
        ("git.pr.list", repo(json!({"state": "all"}))),
        ("git.pr.list", repo(json!({"state": "merged"}))),
        ("git.pr.get", json!({"pr": "acme/api#3"})),
        ("git.pr.get", json!({"pr": "acme/api#5"})),
        ("git.pr.files", json!({"pr": "acme/api#3"})),
        ("git.pr.reviews", json!({"pr": "acme/api#3"})),
        ("git.pr.comments", json!({"pr": "acme/api#3"})),
        ("git.status.get", repo(json!({"commit": "main"}))),
        ("git.status.get", repo(json!({"commit": "develop"}))),
        ("git.hook.list", repo(json!({}))),
    ]
}

#[tokio::test]
async fn what_two_forges_tell_they_tell_alike() {
    let forges = Forge::all().await;
    for forge in &forges {
        furnished(forge).await;
    }
    let (mut asked, mut found) = (BTreeSet::new(), vec![]);
    for (operation, input) in questions() {
        asked.insert(operation);
        let first = told(operation, forges[0].ask(operation, input.clone()).await);
        for forge in &forges[1..] {
            let answer = told(operation, forge.ask(operation, input.clone()).await);
            found.extend(differences(&format!("{operation} {input}"), &first, &answer));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    let declared = |kind: &&str| -> BTreeSet<&'static str> {
        let kind = KINDS.iter().find(|row| row.name == *kind).expect("a kind");
        let names = (kind.operations)().into_iter().filter(|name| name.starts_with("git."));
        names
            .filter(|name| catalogue::find(name).expect("known").declaration.facts.safe)
            .collect()
    };
    let common = FORGES.iter().map(declared).reduce(|one, other| &one & &other);
    assert_eq!(asked, common.expect("forges"));
}

#[test]
fn what_contradicts_is_found_and_what_is_not_told_is_not() {
    let one = json!({"a": 1, "b": [{"c": "x\n", "id": 1}], "d": null, "raw_state": "x"});
    assert!(differences("", &one, &json!({"a": 1, "b": [{"c": "x", "id": 2}], "raw_state": "y"})).is_empty());
    for other in [
        json!({"a": 2}),
        json!({"b": []}),
        json!({"b": [{"c": "y"}]}),
        json!({"d": 1}),
    ] {
        assert_eq!(differences("", &one, &other).len(), 1, "{other}");
    }
}
