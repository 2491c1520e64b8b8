//! Published deliveries, read.
//!
//! Invariant: none is refused, and of those that speak of what operations are about, each has its type.

use std::collections::BTreeMap;
use std::fs;

use http::HeaderMap;
use mosaic::catalogue::event::Told;
use mosaic::providers::KINDS;
use serde_json::{Value, json};

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

/// All types of events that Notion's own client knows (`src/api-endpoints/webhooks.ts` of 5.26.0), and what each is read as.
#[test]
fn n32_every_type_that_notion_s_client_knows_is_read() {
    const PAGE: &str = "153104cd-477e-809d-8dc4-ff2d96ae3090";
    const SOURCE: &str = "98824b2c-fab8-4e32-9a20-3b7e7bd5bd41";
    let row = json!({"id": "13950b26-c203-4f3b-b97d-93ec06319565", "type": "database", "data_source_id": SOURCE});
    for (kind, told) in [
        ("comment.created", "docs.page.commented"),
        ("comment.deleted", "docs.page.commented"),
        ("comment.updated", "docs.page.commented"),
        ("data_source.content_updated", "docs.space.changed"),
        ("data_source.created", "docs.space.changed"),
        ("data_source.deleted", "docs.space.changed"),
        ("data_source.moved", "docs.space.changed"),
        (
            "data_source.schema_updated",
            "docs.space.changed projects.label.changed",
        ),
        ("data_source.undeleted", "docs.space.changed"),
        ("database.content_updated", "docs.space.changed"),
        ("database.created", "docs.space.changed"),
        ("database.deleted", "docs.space.changed"),
        ("database.moved", "docs.space.changed"),
        ("database.schema_updated", "docs.space.changed"),
        ("database.undeleted", "docs.space.changed"),
        ("file_upload.completed", "other"),
        ("file_upload.created", "other"),
        ("file_upload.expired", "other"),
        ("file_upload.upload_failed", "other"),
        ("page.content_updated", "docs.page.updated projects.issue.updated"),
        ("page.created", "docs.page.created projects.issue.opened"),
        ("page.deleted", "docs.page.deleted projects.issue.deleted"),
        ("page.locked", "docs.page.updated projects.issue.updated"),
        ("page.moved", "docs.page.updated projects.issue.updated"),
        ("page.properties_updated", "docs.page.updated projects.issue.updated"),
        ("page.transcription_block.transcript_deleted", "docs.page.updated"),
        ("page.undeleted", "docs.page.updated projects.issue.updated"),
        ("page.unlocked", "docs.page.updated projects.issue.updated"),
        ("view.created", "other"),
        ("view.deleted", "other"),
        ("view.updated", "other"),
    ] {
        let (thing, _) = kind.split_once('.').expect("two words");
        let id = if thing == "page" { PAGE } else { SOURCE };
        // A transcript's own event tells no parent.
        let data = match kind.contains("transcript") {
            true => json!({"target": {"id": "b", "type": "block"}, "transcript_id": null}),
            false => json!({"parent": row, "page_id": PAGE}),
        };
        let event = json!({"id": "367cba44-b6f3-4c92-81e7-6a2e9659efd4", "timestamp": "2024-12-05T23:55:34.285Z",
            "type": kind, "authors": [{"id": "c7c11cca-1d73-471d-9b6e-bdef51470190", "type": "person"}],
            "attempt_number": 1, "api_version": "2026-03-11", "entity": {"id": id, "type": thing}, "data": data});
        let found = read("notion", &[], event.to_string().as_bytes());
        let words: Vec<&str> = found.iter().map(|told| told.kind.name()).collect();
        assert_eq!(words.join(" "), told, "{kind}");
        for told in &found {
            assert_eq!(told.raw_type, kind);
            let id = match told.kind.service() {
                None => None,
                Some("projects") if told.kind.is("projects.issue") => Some(format!("{SOURCE}#{PAGE}")),
                Some("projects") => Some(SOURCE.to_owned()),
                _ if told.kind.is("docs.page") => Some(PAGE.to_owned()),
                _ => Some(format!("{thing}/{SOURCE}")),
            };
            assert_eq!(told.native, id, "{kind}");
        }
    }
    let broken: [&[u8]; 2] = [b"{", b"[]"];
    for odd in broken {
        let kind = KINDS.iter().find(|known| known.name == "notion").expect("a kind");
        let webhooks = (kind.webhooks)().expect("it sends");
        let failure = (webhooks.read)(&HeaderMap::new(), odd).expect_err("no delivery");
        assert_eq!(failure.field.as_deref(), Some("body"));
    }
    let bare = br#"{"type": "page.moved", "authors": null, "entity": null, "data": null, "timestamp": null}"#;
    assert_eq!(read("notion", &[], bare)[0].native, None);
}
