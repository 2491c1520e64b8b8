//! The drivers of forges against the sandbox: two readings of the same documents.
//!
//! Invariant: the same question has the same neutral answer at every forge, but for the instance that it names.

use std::collections::BTreeSet;

use mosaic::catalogue::cursor::Query;
use mosaic::providers::Connection;
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::error::Kind;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::upstream::{Canned, Upstream, ask, connection, cursors};

pub const FORGES: [&str; 2] = ["gitea", "github"];

/// One server of each forge; all have the same name, which is visible in their data.
pub struct Forge {
    pub kind: &'static str,
    sandbox: Sandbox,
}

impl Forge {
    pub async fn all() -> Vec<Self> {
        let mut forges = vec![];
        for kind in FORGES {
            let server = ServerConfig::new("one", kind, "sandbox-one");
            let config = SandboxConfig { servers: vec![server] };
            let sandbox = Sandbox::start(config).await.expect("a free port");
            forges.push(Forge { kind, sandbox });
        }
        forges
    }

    fn connection(&self) -> Connection {
        let mut connection = connection(self.sandbox.servers()[0].base_url());
        connection.credential = Some(SecretString::from("sandbox-one").into());
        connection
    }

    pub async fn ask(&self, operation: &str, input: Value) -> Value {
        let outcome = ask(self.kind, &self.connection(), operation, input).await;
        outcome.unwrap_or_else(|failure| panic!("{} {operation}: {failure:?}", self.kind))
    }
}

/// Without what forges word in their own way, or do not tell alike: pages for people, other addresses, times, totals.
fn alike(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for name in [
                "web_url",
                "ssh_url",
                "email",
                "empty",
                "raw_state",
                "created_at",
                "updated_at",
                "total",
                "next_cursor",
            ] {
                fields.remove(name);
            }
            fields.values_mut().for_each(|field| *field = alike(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = alike(item.take())),
        _ => {}
    }
    value
}

#[tokio::test]
async fn the_same_question_has_the_same_answer_at_every_forge() {
    let forges = Forge::all().await;
    let file = |path: &str| json!({"repo": "acme/api", "path": path});
    let questions = [
        ("git.repo.get", json!({"repo": "acme/api"})),
        ("git.branch.list", json!({"repo": "acme/api"})),
        ("git.file.get", file("README.md")),
        (
            "git.file.get",
            json!({"repo": "acme/api", "path": "README.md", "ref": "release/1.4"}),
        ),
        ("git.file.get", file("docs/a file with spaces.md")),
        ("git.file.get", file("assets/logo.bin")),
        ("git.file.get", file("assets/empty")),
        ("git.file.get", file("data/large.txt")),
        ("projects.issue.list", json!({"project": "acme/api"})),
        (
            "projects.issue.list",
            json!({"project": "acme/api", "labels": ["bug"], "state": "all"}),
        ),
        (
            "projects.issue.list",
            json!({"project": "acme/api", "labels": ["documentation", "help wanted"]}),
        ),
        (
            "projects.issue.list",
            json!({"project": "acme/api", "labels": ["bug", "documentation"]}),
        ),
        ("projects.issue.get", json!({"issue": "acme/api#4"})),
        (
            "projects.issue.create",
            json!({"project": "acme/api", "title": "Grüße 🚀", "body": "b", "labels": ["bug", "enhancement"],
                "assignees": ["sandbox-user"]}),
        ),
        ("projects.issue.get", json!({"issue": "acme/api#7"})),
    ];
    for (operation, input) in questions {
        let mut answers = vec![];
        for forge in &forges {
            answers.push(alike(forge.ask(operation, input.clone()).await));
        }
        assert_eq!(answers[0], answers[1], "{operation} {input}");
    }
}

#[tokio::test]
async fn a_list_is_walked_to_its_end_at_every_forge() {
    for forge in Forge::all().await {
        for (input, most) in [
            (json!({"owner": "many"}), 4),
            (json!({"owner": "many", "limit": 100}), 3),
        ] {
            let (mut ids, mut pages, mut input) = (BTreeSet::new(), 0, input);
            loop {
                let page = forge.ask("git.repo.list", input.clone()).await;
                pages += 1;
                assert!(pages <= most, "{} {input}", forge.kind);
                for item in page["items"].as_array().expect("items") {
                    assert!(ids.insert(item["id"].to_string()), "{} {item}", forge.kind);
                }
                if forge.kind == "gitea" {
                    assert_eq!(page["total"], 120);
                }
                let Some(sealed) = page["next_cursor"].as_str() else {
                    break;
                };
                let asked = Query::of("git.repo.list", input.clone());
                assert!(cursors().open(&asked, sealed).is_ok());
                input["cursor"] = sealed.into();
            }
            assert_eq!(ids.len(), 120, "{}", forge.kind);
        }
    }
}

#[tokio::test]
async fn the_same_refusals_come_from_every_forge() {
    for forge in Forge::all().await {
        for (operation, input, becomes) in [
            ("git.repo.get", json!({"repo": "acme/none"}), Kind::NotFound),
            ("git.repo.list", json!({"owner": "nobody"}), Kind::NotFound),
            (
                "git.file.get",
                json!({"repo": "acme/api", "path": "src"}),
                Kind::InvalidInput,
            ),
            ("projects.issue.get", json!({"issue": "acme/api#3"}), Kind::NotFound),
            ("projects.issue.get", json!({"issue": "acme/api#999"}), Kind::NotFound),
            (
                "projects.issue.create",
                json!({"project": "acme/api", "title": "t", "assignees": ["stranger"]}),
                Kind::InvalidInput,
            ),
        ] {
            let outcome = ask(forge.kind, &forge.connection(), operation, input.clone()).await;
            let failure = outcome.expect_err(operation);
            assert_eq!(failure.kind, becomes, "{} {operation} {input}", forge.kind);
        }
        let mut connection = forge.connection();
        connection.credential = Some(SecretString::from("another").into());
        let outcome = ask(forge.kind, &connection, "git.repo.get", json!({"repo": "acme/api"})).await;
        assert_eq!(outcome.expect_err("refused").kind, Kind::UpstreamAuth, "{}", forge.kind);
        assert_eq!(forge.sandbox.servers()[0].created(), 0);
    }
}

#[tokio::test]
async fn a_label_on_the_third_page_and_one_of_the_organisation_are_found() {
    let forges = Forge::all().await;
    let gitea = forges.iter().find(|forge| forge.kind == "gitea").expect("one of them");
    let input = json!({"project": "acme/web", "title": "t", "labels": ["area-120", "org-wide"]});
    let issue = gitea.ask("projects.issue.create", input).await;
    assert_eq!(issue["labels"], json!(["area-120", "org-wide"]));
    let input = json!({"project": "acme/web", "title": "t", "labels": ["area-121"]});
    let outcome = ask("gitea", &gitea.connection(), "projects.issue.create", input).await;
    assert_eq!(outcome.expect_err("unknown").field.as_deref(), Some("labels"));
    assert_eq!(gitea.sandbox.servers()[0].created(), 1);
}

#[tokio::test]
async fn ten_thousand_branches_are_paged_to_the_end_at_every_forge() {
    for forge in Forge::all().await {
        let (mut names, mut pages) = (BTreeSet::new(), 0);
        let mut input = json!({"repo": "quirks/crowded", "limit": 100});
        loop {
            let page = forge.ask("git.branch.list", input.clone()).await;
            pages += 1;
            for item in page["items"].as_array().expect("items") {
                assert!(names.insert(item["name"].to_string()), "{} {item}", forge.kind);
            }
            assert_eq!(page["has_more"], page["next_cursor"].is_string());
            match page["next_cursor"].as_str() {
                Some(cursor) => input["cursor"] = cursor.into(),
                None => break,
            }
        }
        // Gitea gives fifty at once.
        let fewest = if forge.kind == "gitea" { 201 } else { 101 };
        assert_eq!((names.len(), pages), (10_001, fewest), "{}", forge.kind);
    }
}

/// A page that names an earlier one as the next, by whatever way round, ends in a failure and never without an end.
#[tokio::test]
async fn a_list_that_leads_back_to_where_it_has_been_is_found_out() {
    for round in [1, 2, 3, 7] {
        let leads = |page: usize| {
            let link = format!("<https://forge.invalid/x?page={}>; rel=\"next\"", 2 + page % round);
            Canned::json(200, json!([])).header("link", &link)
        };
        let most = 4 * round + 4;
        let provider = Upstream::answering((0..most).map(leads)).await;
        let connection = connection(&provider.url);
        let mut input = json!({"repo": "acme/api"});
        let failure = loop {
            match ask("github", &connection, "git.branch.list", input.clone()).await {
                Ok(page) => input["cursor"] = page["next_cursor"].clone(),
                Err(failure) => break failure,
            }
        };
        assert_eq!(
            (failure.kind, failure.retryable),
            (Kind::UpstreamFailed, false),
            "{round}"
        );
        assert!(failure.message().contains("leads back"), "{failure:?}");
        assert!(provider.seen().len() <= most, "{round}");
    }
}
