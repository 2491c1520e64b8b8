//! Completion by the gateway's own names, as a shell asks for it.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;

use crate::recorder::{self, Recorder, mosaic, ran};

/// What bash is told of a line whose last word is typed.
fn completed(server: Option<&Recorder>, line: &[&str]) -> String {
    let words = [&["--", "mosaic"], line].concat();
    let mut command = mosaic(&words);
    command
        .env("MOSAIC_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", line.len().to_string())
        .env("_CLAP_COMPLETE_COMP_TYPE", "9")
        .env("_CLAP_COMPLETE_SPACE", "true")
        .env("_CLAP_IFS", "\n");
    match server {
        Some(server) => command
            .env("MOSAIC_URL", server.url())
            .env("MOSAIC_ADMIN_URL", server.url()),
        None => command.env("MOSAIC_URL", "http://127.0.0.1:1"),
    };
    let done = ran(&mut command);
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
    done.out
}

fn gateway() -> Recorder {
    Recorder::start(|seen| {
        let answer = match &*seen.path {
            "/v1/capabilities" => json!({"instances": [{"instance": "forge-a", "kind": "github"}]}),
            "/admin/v1/plugins" => json!({"plugins": [{"name": "forge-b", "kind": "gitea"}]}),
            "/v1/git/repos" => {
                json!({"items": [{"id": "forge-a~acme/api"}, {"id": "forge-a~acme/web"}, {"id": "b~x\u{1b}[2J"}]})
            }
            "/v1/ai/models" => json!({"items": [{"id": "claude"}]}),
            _ => return recorder::json(StatusCode::NOT_FOUND, &json!({"code": "not_found"})),
        };
        recorder::json(StatusCode::OK, &answer)
    })
}

#[test]
fn names_are_those_of_the_gateway() {
    let server = gateway();
    for (line, wanted) in [
        (&["git", "repo", "get", "forge-a~acme/a"][..], "forge-a~acme/api"),
        (&["git", "repo", "get", "a/b", "--provider", ""], "forge-a"),
        (&["projects", "issue", "list", ""], "forge-a~acme/web"),
        (&["ai", "chat", "complete", "cl"], "claude"),
        (&["plugins", "show", ""], "forge-b"),
        (&["git", "re"], "repo"),
    ] {
        let told = completed(Some(&server), line);
        assert!(told.lines().any(|word| word == wanted), "{line:?}: {told}");
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
    let one = completed(Some(&server), &["git", "repo", "get", "forge-a~acme/a"]);
    assert!(!one.contains("web"), "{one}");
    // Where the line says where the gateway is.
    let url = server.url();
    let said = completed(None, &["git", "repo", "get", "--server", &url, "forge"]);
    assert!(said.contains("forge-a~acme/api"), "{said}");
}

#[test]
fn a_gateway_that_is_gone_or_silent_is_neither_waited_for_nor_told_of() {
    assert_eq!(completed(None, &["git", "repo", "get", "forge"]), "");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let began = Instant::now();
    assert_eq!(completed(None, &["git", "repo", "get", "--server", &url, "forge"]), "");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_scripts_ask_this_program() {
    for shell in ["bash", "fish", "zsh"] {
        let script = ran(&mut mosaic(&["completions", shell, "--live"]));
        assert!(
            script.code == Some(0) && script.out.contains("MOSAIC_COMPLETE"),
            "{script:?}"
        );
    }
    assert_eq!(ran(&mut mosaic(&["completions", "elvish", "--live"])).code, Some(6));
}
