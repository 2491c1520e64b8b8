//! What is refused alike everywhere: the same situation has the same kind and the same field at each provider.
//!
//! Invariant: each row is asked of every provider that declares its operation.

use std::fmt::Write as _;

use mosaic::providers::KINDS;
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::through::Through;

const FORGES: [&str; 3] = ["github", "gitea", "gitlab"];

fn can(kind: &str, operation: &str) -> bool {
    let row = KINDS.iter().find(|row| row.name == kind).expect("a kind");
    (row.operations)().iter().any(|name| *name == operation)
}

fn of(repo: &str, more: Value) -> Value {
    let mut input = json!({ "repo": repo });
    input.as_object_mut().expect("fields").extend(more.as_object().expect("fields").clone());
    input
}

fn questions() -> Vec<(&'static str, Value)> {
    let hash = "0123456789abcdef0123456789abcdef01234567";
    let mut all = vec![];
    for repo in ["acme/none", "quirks/empty", "acme/api"] {
        let named = repo == "acme/api";
        all.extend([
            ("git.branch.list", of(repo, json!({}))),
            ("git.branch.create", of(repo, json!({"branch": "x"}))),
            ("git.branch.create", of(repo, json!({"branch": "x", "from": "none"}))),
            ("git.branch.create", of(repo, json!({"branch": "x", "from": hash}))),
            ("git.branch.delete", of(repo, json!({"branch": "none"}))),
            ("git.commit.list", of(repo, json!({"ref": "none"}))),
            ("git.commit.get", of(repo, json!({"commit": "none"}))),
            ("git.commit.get", of(repo, json!({"commit": hash}))),
            ("git.compare", of(repo, json!({"base": "main", "head": "none"}))),
            ("git.compare", of(repo, json!({"base": "none", "head": "main"}))),
            ("git.tree.list", of(repo, json!({"ref": "none"}))),
            ("git.tree.list", of(repo, json!({"path": "none"}))),
            ("git.file.get", of(repo, json!({"path": "none"}))),
            ("git.file.get", of(repo, json!({"path": "README.md", "ref": "none"}))),
            ("git.file.download", of(repo, json!({"path": "none"}))),
            ("git.file.download", of(repo, json!({"path": "README.md", "ref": "none"}))),
            ("git.file.delete", of(repo, json!({"path": "none", "branch": "develop"}))),
            ("git.file.delete", of(repo, json!({"path": "README.md", "branch": "none"}))),
            ("git.tag.list", of(repo, json!({}))),
            ("git.tag.create", of(repo, json!({"tag": "x", "target": "none"}))),
            ("git.tag.create", of(repo, json!({"tag": "x", "target": "none", "message": "m"}))),
            ("git.release.list", of(repo, json!({}))),
            ("git.release.create", of(repo, json!({"tag": "x", "target": "none"}))),
            ("git.pr.list", of(repo, json!({}))),
            ("git.pr.create", of(repo, json!({"title": "t", "head": "none", "base": "main"}))),
            ("git.pr.create", of(repo, json!({"title": "t", "head": "develop", "base": "none"}))),
            ("git.pr.get", json!({"pr": format!("{repo}#99")})),
            ("git.pr.files", json!({"pr": format!("{repo}#99")})),
            ("git.pr.reviews", json!({"pr": format!("{repo}#99")})),
            ("git.pr.comments", json!({"pr": format!("{repo}#99")})),
            ("git.pr.comment", json!({"pr": format!("{repo}#99"), "body": "b"})),
            ("git.pr.update", json!({"pr": format!("{repo}#99"), "title": "b"})),
            ("git.pr.close", json!({"pr": format!("{repo}#99")})),
            ("git.pr.merge", json!({"pr": format!("{repo}#99")})),
            ("git.pr.review", json!({"pr": format!("{repo}#99"), "event": "approve"})),
            ("git.status.get", of(repo, json!({"commit": "none"}))),
            ("git.status.get", of(repo, json!({"commit": hash}))),
            ("git.status.set", of(repo, json!({"commit": hash, "state": "success", "context": "c"}))),
            ("git.hook.list", of(repo, json!({}))),
            ("git.hook.delete", json!({"hook": format!("{repo}#99")})),
        ]);
        if !named {
            all.extend([
                ("git.repo.get", of(repo, json!({}))),
                ("git.file.put", of(repo, json!({"path": "p", "content": "c", "branch": "none"}))),
                ("git.repo.fork", of(repo, json!({}))),
                ("git.repo.delete", of(repo, json!({}))),
                ("git.hook.create", of(repo, json!({"url": "https://h.invalid/", "events": ["push"]}))),
            ]);
        } else {
            all.push(("git.file.put", of(repo, json!({"path": "p", "content": "c", "branch": "none"}))));
            all.push(("git.file.put", of(repo, json!({"path": "p", "content": "c", "branch": "main"}))));
            all.push(("git.file.delete", of(repo, json!({"path": "README.md", "branch": "main"}))));
            all.push(("git.branch.delete", of(repo, json!({"branch": "main"}))));
            all.push(("git.branch.delete", of(repo, json!({"branch": "release/1.4"}))));
            all.push(("git.pr.merge", json!({"pr": "acme/api#5"})));
        }
    }
    for repo in ["quirks/archived", "quirks/former"] {
        all.extend([
            ("git.branch.create", of(repo, json!({"branch": "x", "from": "main"}))),
            ("git.file.put", of(repo, json!({"path": "p", "content": "c", "branch": "main"}))),
            ("git.tag.create", of(repo, json!({"tag": "x", "target": "main"}))),
            ("git.release.create", of(repo, json!({"tag": "x2", "target": "main"}))),
            ("git.status.set", of(repo, json!({"commit": "main", "state": "success", "context": "c"}))),
            ("git.hook.create", of(repo, json!({"url": "https://h.invalid/", "events": ["push"]}))),
            ("git.pr.create", of(repo, json!({"title": "t", "head": "develop", "base": "main"}))),
            ("git.branch.delete", of(repo, json!({"branch": "develop"}))),
        ]);
    }
    all
}

#[tokio::test]
async fn probe() {
    let mut forges = vec![];
    for kind in FORGES {
        forges.push(Through::start(kind, "sandbox-one").await);
    }
    let mut table = String::new();
    for (operation, input) in questions() {
        let mut told = vec![];
        for forge in &forges {
            let was = match can(forge.kind, operation) {
                false => "-".to_owned(),
                true => match forge.try_ask(operation, input.clone()).await {
                    Ok(_) => "ok".to_owned(),
                    Err(f) => format!("{:?}/{}", f.kind, f.field.as_deref().unwrap_or("")),
                },
            };
            told.push(was);
        }
        let same = told.iter().all(|one| one == "-" || *one == told[0]);
        writeln!(table, "{} {operation} {input}\n      {}", if same { "  " } else { "!!" }, told.join("  |  ")).unwrap();
    }
    std::fs::write("/tmp/forges_probe.txt", &table).unwrap();
    let ci = [("github", "acme/api", "acme/api"), ("gitea", "acme/api", "acme/api"), ("woodpecker", "acme/api", "acme/api"), ("jenkins", "api", "deploy")];
    let mut table = String::new();
    let mut systems = vec![];
    for (kind, ..) in ci {
        let mut t = Through::start(kind, "sandbox-one").await;
        if kind == "jenkins" { t.connection.settings.insert("user".into(), "sandbox-user".into()); }
        systems.push(t);
    }
    let ask: Vec<(&str, Box<dyn Fn(&str) -> Value>)> = vec![
        ("cicd.pipeline.list", Box::new(|_| json!({"project": "acme/none"}))),
        ("cicd.run.list", Box::new(|_| json!({"project": "acme/none"}))),
        ("cicd.run.list", Box::new(|p| json!({"project": p, "pipeline": "none.yml"}))),
        ("cicd.run.trigger", Box::new(|_| json!({"project": "acme/none", "pipeline": "ci.yml", "branch": "main"}))),
        ("cicd.run.trigger", Box::new(|_| json!({"project": "acme/none"}))),
        ("cicd.run.trigger", Box::new(|p| json!({"project": p, "pipeline": "none.yml", "branch": "main"}))),
        ("cicd.run.trigger", Box::new(|p| json!({"project": p, "pipeline": "ci.yml", "branch": "none"}))),
        ("cicd.run.trigger", Box::new(|p| json!({"project": p, "branch": "none"}))),
        ("cicd.run.get", Box::new(|_| json!({"run": "acme/none#1"}))),
        ("cicd.run.get", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.run.jobs", Box::new(|_| json!({"run": "acme/none#1"}))),
        ("cicd.run.jobs", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.run.cancel", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.run.rerun", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.run.approve", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.run.delete", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.run.wait", Box::new(|p| json!({"run": format!("{p}#99999"), "seconds": 1}))),
        ("cicd.log.get", Box::new(|p| json!({"run": format!("{p}#99999"), "step": "test"}))),
        ("cicd.log.get", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.log.get", Box::new(|p| json!({"run": format!("{p}#1"), "step": "none"}))),
        ("cicd.log.follow", Box::new(|p| json!({"run": format!("{p}#99999"), "step": "test"}))),
        ("cicd.log.follow", Box::new(|p| json!({"run": format!("{p}#1"), "step": "none"}))),
        ("cicd.log.delete", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.artifact.list", Box::new(|p| json!({"run": format!("{p}#99999")}))),
        ("cicd.artifact.get", Box::new(|p| json!({"artifact": format!("{p}#99999")}))),
        ("cicd.artifact.get", Box::new(|p| json!({"artifact": format!("{p}#1/none")}))),
        ("cicd.secret.list", Box::new(|_| json!({"project": "acme/none"}))),
        ("cicd.secret.put", Box::new(|_| json!({"project": "acme/none", "name": "K", "value": "v"}))),
        ("cicd.secret.delete", Box::new(|p| json!({"project": p, "name": "NONE"}))),
        ("cicd.queue.list", Box::new(|_| json!({"project": "acme/none"}))),
        ("cicd.queue.list", Box::new(|_| json!({}))),
    ];
    for (operation, input) in ask {
        let mut told = vec![];
        for (place, system) in ci.iter().zip(&systems) {
            let was = match can(system.kind, operation) {
                false => "-".to_owned(),
                true => match system.try_ask(operation, input(place.2)).await {
                    Ok(v) => format!("ok {}", &v.to_string().chars().take(60).collect::<String>()),
                    Err(f) => format!("{:?}/{}", f.kind, f.field.as_deref().unwrap_or("")),
                },
            };
            told.push(was);
        }
        writeln!(table, "{operation} {}\n      {}", input("P"), told.join("  |  ")).unwrap();
    }
    std::fs::write("/tmp/ci_probe.txt", &table).unwrap();
    let _ = Kind::NotFound;
}
