//! Published deliveries, read.
//!
//! Invariant: none is refused, and of those that speak of what operations are about, each has its type.

use std::collections::BTreeMap;
use std::fs;

use http::HeaderMap;
use mosaic::catalogue::event::Told;
use mosaic::providers::KINDS;
use serde_json::Value;

use crate::upstream::specs;

fn read(kind: &str, headers: &[(&'static str, &str)], body: &[u8]) -> Vec<Told> {
    let kind = KINDS.iter().find(|known| known.name == kind).expect("a kind");
    let webhooks = (kind.webhooks)().expect("it sends");
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
        .collect();
    (webhooks.read)(&headers, body).expect("it is read")
}

/// An event's name, how many examples of it there are, and the types that are read of them.
type Types = BTreeMap<String, Vec<(String, usize)>>;

fn add(types: &mut Types, name: &str, told: &[Told]) {
    let of = types.entry(name.to_owned()).or_default();
    let word = told.first().map_or("nothing", |told| told.kind.name());
    match of.iter_mut().find(|(known, _)| known == word) {
        Some((_, count)) => *count += 1,
        None => of.push((word.to_owned(), 1)),
    }
}

#[test]
fn github_s_own_examples_are_read() {
    let Some(folder) = specs::folder() else { return };
    let text = fs::read(folder.join("github-webhooks-examples.json")).expect("the examples");
    let all: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
    let mut types = Types::new();
    for event in &all {
        let name = event["name"].as_str().expect("a name");
        for example in event["examples"].as_array().expect("examples") {
            let told = read("github", &[("x-github-event", name)], example.to_string().as_bytes());
            for told in &told {
                let path = example["repository"]["full_name"].as_str();
                let begins = told
                    .native
                    .as_deref()
                    .zip(path)
                    .map(|(native, path)| native.starts_with(path));
                assert!(begins.unwrap_or(true), "{name}: {told:?}");
            }
            add(&mut types, name, &told);
        }
    }
    assert_eq!(types.len(), 58);
    let of = |name: &str| {
        let words: Vec<&str> = types[name].iter().map(|(word, _)| word.as_str()).collect();
        words.join(" ")
    };
    for (name, words) in [
        ("push", "git.tag.created git.tag.deleted git.push"),
        ("ping", "nothing"),
        ("release", "git.release.changed"),
        ("issue_comment", "projects.issue.commented"),
        ("workflow_run", "cicd.run.changed"),
        ("check_run", "git.status.changed"),
        ("pull_request_review", "git.pr.reviewed"),
        ("pull_request_review_comment", "git.pr.commented"),
        ("label", "projects.label.changed"),
        ("milestone", "projects.milestone.changed"),
        ("star", "other"),
    ] {
        let mut found: Vec<String> = of(name).split(' ').map(str::to_owned).collect();
        found.sort();
        let mut wanted: Vec<&str> = words.split(' ').collect();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn gitlab_s_recorded_deliveries_are_read() {
    let Some(folder) = specs::folder() else { return };
    let folder = folder.join("go-scm-testdata/gitlab/webhooks");
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    names.sort();
    let found: Vec<(String, String, bool)> = names
        .iter()
        .map(|path| {
            let told = read("gitlab", &[], &fs::read(path).expect("a file")).remove(0);
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (
                name,
                told.kind.name().to_owned(),
                told.native.is_some_and(|native| native.contains('#')),
            )
        })
        .collect();
    let found: Vec<(&str, &str, bool)> = found
        .iter()
        .map(|(name, kind, numbered)| (&**name, &**kind, *numbered))
        .collect();
    assert_eq!(
        found,
        [
            ("branch_create", "git.branch.created", false),
            ("branch_delete", "git.branch.deleted", false),
            ("issue_closed", "projects.issue.closed", true),
            ("issue_comment_create", "projects.issue.commented", true),
            ("issue_create", "projects.issue.opened", true),
            ("issue_edited", "projects.issue.updated", true),
            ("issue_labeled", "projects.issue.updated", true),
            ("issue_reopen", "projects.issue.reopened", true),
            ("pull_request_close", "git.pr.closed", true),
            ("pull_request_comment_create", "git.pr.commented", true),
            ("pull_request_create", "git.pr.opened", true),
            ("pull_request_edited", "git.pr.updated", true),
            ("pull_request_merge", "git.pr.merged", true),
            ("pull_request_reopen", "git.pr.reopened", true),
            ("push", "git.push", false),
            ("push2", "git.push", false),
            ("push_merge", "git.push", false),
            ("release", "git.release.changed", false),
            ("review_comment_create", "git.pr.commented", true),
            ("tag_create", "git.tag.created", false),
            ("tag_delete", "git.tag.deleted", false),
        ]
    );
}
