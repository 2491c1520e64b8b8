//! What is refused alike everywhere: the same situation has the same kind and the same field at each provider.
//!
//! Invariant: each row is asked of every provider that declares its operation, each time of one that nobody has changed.

use mosaic::providers::KINDS;
use mosaic_actors::error::Kind::{self, Conflict, Forbidden, NotFound};
use serde_json::{Value, json};

use crate::through::Through;

const FORGES: [&str; 3] = ["github", "gitea", "gitlab"];
/// The CI systems, and a project that each has.
const SYSTEMS: [(&str, &str); 4] = [
    ("github", "acme/api"),
    ("gitea", "acme/api"),
    ("woodpecker", "acme/api"),
    ("jenkins", "deploy"),
];
/// A hash that no commit has.
const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

/// A question, and what becomes of it.
type Row = (&'static str, Value, Kind, Option<&'static str>);

fn can(kind: &str, operation: &str) -> bool {
    let row = KINDS.iter().find(|row| row.name == kind).expect("a kind");
    (row.operations)().contains(&operation)
}

fn of(repo: &str, more: Value) -> Value {
    let mut input = json!({ "repo": repo });
    let more = more.as_object().expect("fields").clone();
    input.as_object_mut().expect("fields").extend(more);
    input
}

/// What names something of a repository, by the field that is to blame where only that is missing.
fn named(repo: &str) -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "git.branch.create",
            of(repo, json!({"branch": "x", "from": "none"})),
            "from",
        ),
        (
            "git.branch.create",
            of(repo, json!({"branch": "x", "from": HASH})),
            "from",
        ),
        ("git.branch.delete", of(repo, json!({"branch": "none"})), "branch"),
        ("git.commit.get", of(repo, json!({"commit": "none"})), "commit"),
        ("git.commit.get", of(repo, json!({"commit": HASH})), "commit"),
        ("git.compare", of(repo, json!({"base": "none", "head": "main"})), "base"),
        ("git.tree.list", of(repo, json!({"path": "none"})), "path"),
        ("git.file.get", of(repo, json!({"path": "none"})), "path"),
        (
            "git.file.get",
            of(repo, json!({"path": "README.md", "ref": "none"})),
            "ref",
        ),
        ("git.file.download", of(repo, json!({"path": "none"})), "path"),
        (
            "git.file.download",
            of(repo, json!({"path": "README.md", "ref": "none"})),
            "ref",
        ),
        (
            "git.file.delete",
            of(repo, json!({"path": "README.md", "branch": "none"})),
            "branch",
        ),
        (
            "git.tag.create",
            of(repo, json!({"tag": "x", "target": "none"})),
            "target",
        ),
        (
            "git.tag.create",
            of(repo, json!({"tag": "x", "target": "none", "message": "m"})),
            "target",
        ),
        (
            "git.release.create",
            of(repo, json!({"tag": "x", "target": "none"})),
            "target",
        ),
        (
            "git.pr.create",
            of(repo, json!({"title": "t", "head": "develop", "base": "none"})),
            "base",
        ),
        ("git.status.get", of(repo, json!({"commit": "none"})), "commit"),
        ("git.status.get", of(repo, json!({"commit": HASH})), "commit"),
        (
            "git.status.set",
            of(repo, json!({"commit": HASH, "state": "success", "context": "c"})),
            "commit",
        ),
    ]
}

/// What is numbered within a repository.
fn numbered(repo: &str) -> Vec<(&'static str, Value)> {
    let pr = |more: Value| {
        let mut input = json!({ "pr": format!("{repo}#99") });
        input
            .as_object_mut()
            .expect("fields")
            .extend(more.as_object().expect("fields").clone());
        input
    };
    vec![
        ("git.pr.get", pr(json!({}))),
        ("git.pr.files", pr(json!({}))),
        ("git.pr.reviews", pr(json!({}))),
        ("git.pr.comments", pr(json!({}))),
        ("git.pr.comment", pr(json!({"body": "b"}))),
        ("git.pr.update", pr(json!({"title": "b"}))),
        ("git.pr.merge", pr(json!({}))),
        ("git.pr.review", pr(json!({"event": "approve"}))),
        ("git.hook.delete", json!({"hook": format!("{repo}#99")})),
    ]
}

/// A repository that nobody has: whatever is asked of it is not found, and no other field is to blame.
fn unknown() -> Vec<Row> {
    let repo = "acme/none";
    let mut rows: Vec<Row> = vec![];
    rows.extend(
        named(repo)
            .into_iter()
            .map(|(operation, input, _)| (operation, input, NotFound, None)),
    );
    rows.extend(
        numbered(repo)
            .into_iter()
            .map(|(operation, input)| (operation, input, NotFound, None)),
    );
    let reads = [
        "git.repo.get",
        "git.branch.list",
        "git.tag.list",
        "git.release.list",
        "git.pr.list",
        "git.hook.list",
    ];
    rows.extend(reads.map(|operation| (operation, of(repo, json!({})), NotFound, None)));
    for (operation, input) in [
        ("git.branch.create", json!({"branch": "x"})),
        ("git.commit.list", json!({"ref": "none"})),
        ("git.tree.list", json!({"ref": "none"})),
        ("git.file.put", json!({"path": "p", "content": "c", "branch": "none"})),
        ("git.repo.fork", json!({})),
        ("git.repo.delete", json!({})),
        (
            "git.hook.create",
            json!({"url": "https://h.invalid/", "events": ["push"]}),
        ),
    ] {
        rows.push((operation, of(repo, input), NotFound, None));
    }
    rows
}

/// One that is there: what is missing of it is named.
fn missing() -> Vec<Row> {
    let repo = "acme/api";
    let mut rows: Vec<Row> = vec![];
    rows.extend(
        named(repo)
            .into_iter()
            .map(|(operation, input, field)| (operation, input, NotFound, Some(field))),
    );
    rows.extend(
        numbered(repo)
            .into_iter()
            .map(|(operation, input)| (operation, input, NotFound, None)),
    );
    for (operation, input, field) in [
        ("git.commit.list", json!({"ref": "none"}), "ref"),
        ("git.compare", json!({"base": "main", "head": "none"}), "head"),
        ("git.tree.list", json!({"ref": "none"}), "ref"),
        ("git.file.delete", json!({"path": "none", "branch": "develop"}), "path"),
        (
            "git.file.put",
            json!({"path": "p", "content": "c", "branch": "none"}),
            "branch",
        ),
        (
            "git.pr.create",
            json!({"title": "t", "head": "none", "base": "main"}),
            "head",
        ),
    ] {
        rows.push((operation, of(repo, input), NotFound, Some(field)));
    }
    rows
}

/// An empty one: what is read of it is not there, and nothing can begin at what is not there.
fn empty() -> Vec<Row> {
    let repo = "quirks/empty";
    let begins = ["git.branch.create", "git.tag.create", "git.release.create"];
    let becomes = |(operation, input, field): (&'static str, Value, &'static str)| match begins.contains(&operation) {
        true => (operation, input, Conflict, None),
        false => (operation, input, NotFound, Some(field)),
    };
    let mut rows: Vec<Row> = named(repo).into_iter().map(becomes).collect();
    rows.push(("git.branch.create", of(repo, json!({"branch": "x"})), Conflict, None));
    rows.extend(
        numbered(repo)
            .into_iter()
            .map(|(operation, input)| (operation, input, NotFound, None)),
    );
    rows
}

/// What may not be, or cannot be as it is.
fn forbidden() -> Vec<Row> {
    let mut rows: Vec<Row> = vec![
        (
            "git.branch.delete",
            of("acme/api", json!({"branch": "main"})),
            Forbidden,
            Some("branch"),
        ),
        (
            "git.branch.delete",
            of("acme/api", json!({"branch": "release/1.4"})),
            Forbidden,
            Some("branch"),
        ),
        (
            "git.file.put",
            of("acme/api", json!({"path": "p", "content": "c", "branch": "main"})),
            Forbidden,
            Some("branch"),
        ),
        (
            "git.file.delete",
            of("acme/api", json!({"path": "README.md", "branch": "main"})),
            Forbidden,
            Some("branch"),
        ),
        // Its changes contradict its base.
        ("git.pr.merge", json!({"pr": "acme/api#5"}), Conflict, None),
    ];
    for (operation, input) in [
        ("git.branch.create", json!({"branch": "x", "from": "main"})),
        ("git.file.put", json!({"path": "p", "content": "c", "branch": "main"})),
        ("git.tag.create", json!({"tag": "x", "target": "main"})),
        ("git.release.create", json!({"tag": "x2", "target": "main"})),
        (
            "git.hook.create",
            json!({"url": "https://h.invalid/", "events": ["push"]}),
        ),
    ] {
        rows.push((operation, of("quirks/archived", input), Forbidden, None));
    }
    rows
}

/// What a question becomes, in one word for the report.
async fn asked(system: &Through, operation: &str, input: Value) -> String {
    match system.try_ask(operation, input).await {
        Ok(_) => "done".to_owned(),
        Err(failure) => told(failure.kind, failure.field.as_deref()),
    }
}

fn told(kind: Kind, field: Option<&str>) -> String {
    format!("{kind:?} of {}", field.unwrap_or("nothing"))
}

#[tokio::test]
async fn the_same_situation_has_the_same_kind_and_field_at_each_forge() {
    let rows = [unknown(), missing(), empty(), forbidden()].concat();
    let mut wrong = vec![];
    for kind in FORGES {
        let forge = Through::start(kind, "sandbox-one").await;
        for (operation, input, becomes, field) in rows.iter().filter(|row| can(kind, row.0)) {
            let (expected, found) = (told(*becomes, *field), asked(&forge, operation, input.clone()).await);
            if found != expected {
                wrong.push(format!("{kind} {operation} {input}: {found}, and not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One that was renamed is read by its former name everywhere; where it is written so, GitLab alone refuses, by a conflict.
#[tokio::test]
async fn a_renamed_repository_is_read_everywhere() {
    for kind in FORGES {
        let forge = Through::start(kind, "sandbox-one").await;
        let read = forge.ask("git.repo.get", json!({"repo": "quirks/former"})).await;
        assert_eq!(read["path"], "quirks/renamed", "{kind}");
        let branch = of("quirks/former", json!({"branch": "x", "from": "main"}));
        let written = asked(&forge, "git.branch.create", branch).await;
        let expected = if kind == "gitlab" {
            told(Conflict, None)
        } else {
            "done".to_owned()
        };
        assert_eq!(written, expected, "{kind}");
    }
}

#[tokio::test]
async fn the_same_situation_has_the_same_kind_and_field_at_each_ci_system() {
    let unknown_project: [(&str, Value); 6] = [
        ("cicd.pipeline.list", json!({"project": "acme/none"})),
        ("cicd.run.list", json!({"project": "acme/none"})),
        ("cicd.run.trigger", json!({"project": "acme/none"})),
        ("cicd.run.get", json!({"run": "acme/none#1"})),
        ("cicd.run.jobs", json!({"run": "acme/none#1"})),
        (
            "cicd.secret.put",
            json!({"project": "acme/none", "name": "K", "value": "v"}),
        ),
    ];
    let unknown_run = [
        "cicd.run.get",
        "cicd.run.jobs",
        "cicd.run.cancel",
        "cicd.run.rerun",
        "cicd.run.rerun_failed",
        "cicd.run.approve",
        "cicd.run.delete",
        "cicd.run.wait",
        "cicd.log.delete",
        "cicd.artifact.list",
    ];
    let mut wrong = vec![];
    for (kind, project) in SYSTEMS {
        let mut system = Through::start(kind, "sandbox-one").await;
        if kind == "jenkins" {
            system = system.set("user", "sandbox-user");
        }
        let run = json!({ "run": format!("{project}#99999") });
        let mut rows: Vec<Row> = vec![];
        rows.extend(
            unknown_project
                .iter()
                .map(|(operation, input)| (*operation, input.clone(), NotFound, None)),
        );
        rows.extend(unknown_run.map(|operation| (operation, run.clone(), NotFound, None)));
        // Where a project has several workflows, or runs for a branch.
        let of_workflow = matches!(kind, "github" | "gitea");
        if of_workflow {
            let input =
                |pipeline: &str, branch: &str| json!({"project": project, "pipeline": pipeline, "branch": branch});
            rows.push((
                "cicd.run.trigger",
                input("none.yml", "main"),
                NotFound,
                Some("pipeline"),
            ));
            rows.push(("cicd.run.trigger", input("ci.yml", "none"), NotFound, Some("branch")));
            rows.push((
                "cicd.run.list",
                json!({"project": project, "pipeline": "none.yml"}),
                NotFound,
                Some("pipeline"),
            ));
            rows.push((
                "cicd.artifact.get",
                json!({"artifact": format!("{project}#99999")}),
                NotFound,
                None,
            ));
        }
        for (operation, input, becomes, field) in rows.iter().filter(|row| can(kind, row.0)) {
            let (expected, found) = (told(*becomes, *field), asked(&system, operation, input.clone()).await);
            if found != expected {
                wrong.push(format!("{kind} {operation} {input}: {found}, and not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
