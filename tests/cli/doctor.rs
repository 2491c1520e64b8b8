//! `mosaic doctor` on machines that are well, ill, and unknown.

use std::path::Path;

use mosaic::sandbox::{Sandbox, SandboxConfig};
use serde_json::Value;
use tempfile::TempDir;

use crate::recorder::{Ran, mosaic, ran};

/// Runs the doctor on `config`, with the sandbox's tokens and no other variable.
fn examine(config: &str, more: &[&str]) -> (Ran, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.toml");
    std::fs::write(&file, config).unwrap();
    let line = [&["doctor", "--config", file.to_str().unwrap()], more].concat();
    let mut command = mosaic(&line);
    command.env("FORGE", "sandbox-github-a").env("WRONG", "not-the-token");
    (ran(&mut command), folder)
}

fn verdicts(report: &Value, check: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap();
    let of_check = findings.iter().filter(|finding| finding["check"] == check);
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    of_check
        .map(|finding| (text(finding, "subject"), text(finding, "verdict")))
        .collect()
}

fn verdict(report: &Value, check: &str, subject: &str) -> String {
    let found = verdicts(report, check).into_iter().find(|(of, _)| of == subject);
    found.unwrap_or_else(|| panic!("{check} {subject} in {report}")).1
}

const FREE: &str = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n";

fn provider(name: &str, url: &str, token: &str) -> String {
    format!("[providers.{name}]\nkind = \"github\"\nbase_url = \"{url}\"\ntoken = \"{token}\"\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_illness_is_found_with_its_remedy() {
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.unwrap();
    let url = sandbox.server("github-a").unwrap().base_url().to_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let config = [
        FREE.to_owned(),
        provider("well", &url, "env:FORGE"),
        provider("refused", &url, "env:WRONG"),
        provider("poor", &url, "env:NO_SUCH_VARIABLE"),
        // Closed again by now, so that nobody is there.
        provider("gone", &format!("http://{taken}"), "env:FORGE"),
    ]
    .concat();
    let examined = tokio::task::spawn_blocking(move || (examine(&config, &["--json"]).0, examine(&config, &[]).0));
    let (machine, human) = examined.await.unwrap();
    assert_eq!((machine.code, &*machine.err), (Some(1), ""));
    let report: Value = serde_json::from_str(&machine.out).unwrap();
    for (check, subject, expected) in [
        ("ports", "server.listen", "ok"),
        ("state", "", "ok"),
        ("secrets", "providers.well.token", "ok"),
        ("secrets", "providers.poor.token", "failed"),
        ("reachability", "well", "ok"),
        ("reachability", "gone", "failed"),
        ("credentials", "well", "ok"),
        ("credentials", "refused", "failed"),
        ("credentials", "poor", "failed"),
        ("credentials", "gone", "unknown"),
        ("clock", "", "ok"),
    ] {
        assert_eq!(verdict(&report, check, subject), expected, "{check} {subject} {report}");
    }
    assert_eq!(human.code, Some(1));
    assert!(human.out.contains("Set the variable NO_SUCH_VARIABLE"), "{}", human.out);
    for secret in ["not-the-token", "sandbox-github-a"] {
        assert!(!human.out.contains(secret) && !machine.out.contains(secret));
    }
    sandbox.shutdown().await;
}

#[test]
fn a_wrong_configuration_leaves_the_rest_unknown() {
    let (examined, _folder) = examine("[sever]\n[state]\nread_connections = 0\n", &["--json"]);
    assert_eq!(examined.code, Some(1), "{examined:?}");
    let report: Value = serde_json::from_str(&examined.out).unwrap();
    assert_eq!(verdict(&report, "config", "sever"), "failed");
    assert_eq!(verdict(&report, "config", "state.read_connections"), "failed");
    assert_eq!(verdict(&report, "clock", ""), "unknown");
}

#[test]
fn a_database_that_is_not_there_is_not_made_and_a_foreign_file_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = |path: &Path| format!("{FREE}[state]\npath = \"{}\"\n", path.display());
    let new = folder.path().join("new.db");
    let (examined, _kept) = examine(&state(&new), &["--json"]);
    assert_eq!(examined.code, Some(0), "{examined:?}");
    assert!(!new.exists());
    let foreign = folder.path().join("foreign.db");
    std::fs::write(&foreign, "not a database, however long it may be").unwrap();
    let (examined, _kept) = examine(&state(&foreign), &["--json"]);
    assert_eq!(examined.code, Some(1), "{examined:?}");
    let (examined, _kept) = examine(&state(&folder.path().join("no/such/folder/a.db")), &[]);
    assert!(examined.out.contains("Make the folder"), "{examined:?}");
}

/// A forge whose answers tell what a token may do: by headers, or by what they refuse.
async fn telling() -> String {
    use axum::http::{HeaderMap, StatusCode, Uri};
    let app = axum::Router::new().fallback(|uri: Uri, headers: HeaderMap| async move {
        let sent = headers.get("authorization").map(|value| value.to_str().unwrap());
        let known = [
            "Bearer ghp_PLANTED",
            "Bearer odd_PLANTED",
            "Basic YW5uOlBMQU5URUQ=",
            "token PLANTED",
        ];
        let tells = sent == Some("token PLANTED");
        let status = match uri.path() {
            _ if !sent.is_some_and(|sent| known.contains(&sent)) => StatusCode::UNAUTHORIZED,
            "/repos/issues/search" => StatusCode::FORBIDDEN,
            "/admin/users" if tells => StatusCode::FORBIDDEN,
            _ => StatusCode::OK,
        };
        let refused = "token does not have at least one of required scope(s), required=[read:admin], token \
                       scope=read:issue,write:repository";
        let body = match status {
            StatusCode::FORBIDDEN if tells => serde_json::json!({ "message": refused }).to_string(),
            _ => r#"{"login": "ada"}"#.to_owned(),
        };
        let told = [
            ("x-oauth-scopes", "repo, workflow"),
            ("github-authentication-token-expiration", "2099-12-24 12:00:00 UTC"),
        ];
        (status, told, body)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_url_without_the_path_of_its_api_is_told() {
    let page = || async {
        (
            axum::http::StatusCode::NOT_FOUND,
            axum::response::Html("<!DOCTYPE html>"),
        )
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(page)).await });
    let gitea = format!("[providers.forge]\nkind = \"gitea\"\nbase_url = \"{url}\"\ntoken = \"env:FORGE\"\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.toml");
    std::fs::write(&file, [FREE.to_owned(), gitea].concat()).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let examined = tokio::task::spawn_blocking(move || {
        let mut command = mosaic(&["doctor", "--config", &path]);
        ran(command.env("FORGE", "PLANTED"))
    });
    let ran = examined.await.unwrap();
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.out.contains("/api/v1") && ran.out.contains("Check base_url"),
        "{ran:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_told_by_its_kind_its_scopes_its_end_and_what_it_cannot_do() {
    let url = telling().await;
    let gitea =
        format!("[providers.narrow]\nkind = \"gitea\"\nbase_url = \"{url}\"\nuser = \"ann\"\ntoken = \"env:NARROW\"\n");
    let others = [
        provider("classic", &url, "env:CLASSIC"),
        provider("odd", &url, "env:ODD"),
        format!("[providers.telling]\nkind = \"gitea\"\nbase_url = \"{url}\"\ntoken = \"env:NARROW\"\n"),
        format!("[providers.ci]\nkind = \"woodpecker\"\nbase_url = \"{url}\"\ntoken = \"env:CLASSIC\"\n"),
        format!("[providers.jobs]\nkind = \"jenkins\"\nbase_url = \"{url}\"\nuser = \"ann\"\ntoken = \"env:NARROW\"\n"),
    ];
    let config = [FREE.to_owned(), gitea, others.concat()].concat();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosaic.toml");
    std::fs::write(&file, &config).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let examined = tokio::task::spawn_blocking(move || {
        let mut command = mosaic(&["doctor", "--config", &path, "--json"]);
        let given = [
            ("CLASSIC", "ghp_PLANTED"),
            ("NARROW", "PLANTED"),
            ("ODD", "odd_PLANTED"),
        ];
        ran(command.envs(given))
    });
    let ran = examined.await.unwrap();
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let told = |subject: &str| {
        let findings = report["findings"].as_array().unwrap().iter();
        let mut of = findings.filter(|finding| finding["check"] == "credentials" && finding["subject"] == subject);
        of.next()
            .map(|finding| finding["seen"].as_str().unwrap().to_owned())
            .unwrap_or_default()
    };
    let classic = told("classic");
    for words in [
        "a personal access token (classic)",
        "scopes: repo, workflow",
        "it ends 2099-12-24T12:00:00Z",
    ] {
        assert!(classic.contains(words), "{words}: {classic}");
    }
    for (subject, words) in [
        ("odd", "a token of a kind that its beginning does not tell"),
        ("narrow", "scopes: read:repository;"),
        ("narrow", "it cannot do git.pr.comment, "),
        ("narrow", "projects.issue.create"),
        ("narrow", "whether it may write as well, only a call shows"),
        ("telling", "scopes: read:issue, write:repository;"),
        (
            "telling",
            "it cannot do git.pr.comment, git.repo.create, projects.comment.create",
        ),
        (
            "ci",
            "its user is ada; what it may do is its user's right at each repository",
        ),
        ("jobs", "what it may do is its user's right at each job"),
    ] {
        let told = told(subject);
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told("telling").contains("git.file.put"), "{}", told("telling"));
    assert!(
        !ran.out.contains("PLANTED") && !ran.err.contains("PLANTED"),
        "{}",
        ran.out
    );
}
