//! What reaches stdout, for people, programs and terminals.

use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::recorder::{Recorder, mosaic, ran};

#[test]
fn json_is_the_servers_own() {
    // Odd spacing, an unknown field and a number that a double cannot hold.
    let body = "{ \"id\":\"a~b\",  \"unknown\":12345678901234567890 }";
    let server = Recorder::start(move |_| axum::response::IntoResponse::into_response(body));
    let done = server.run(&["git", "repo", "get", "a/b", "--json"]);
    assert_eq!(
        (done.code, &*done.out, &*done.err),
        (Some(0), &*format!("{body}\n"), "")
    );
}

#[test]
fn a_page_is_a_table_and_its_cursor_a_hint_on_stderr() {
    let server = Recorder::json(json!({"items": [
        {"id": "f~acme/api#7", "number": 7, "title": "Broken\nbuild", "state": "open", "labels": ["bug", "ui"],
         "assignees": [], "body": "long", "web_url": "https://forge.example/7"}],
        "next_cursor": "c2", "has_more": true,
        "errors": [{"provider": "forge-b", "code": "timeout", "message": "too slow", "retryable": true}]}));
    let done = server.run(&["projects", "issue", "list", "acme/api"]);
    assert_eq!(done.code, Some(8), "a part of the rows is missing");
    let lines: Vec<&str> = done.out.lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[0]), "ID NUMBER TITLE STATE LABELS");
    assert_eq!(words(lines[1]), "f~acme/api#7 7 Broken build open bug, ui");
    assert_eq!(lines.len(), 2);
    assert_eq!(
        done.err,
        "there is more: --cursor c2\nmissing: forge-b [timeout]: too slow\n"
    );
    let machine = server.run(&["projects", "issue", "list", "acme/api", "--json"]);
    assert!(
        machine.code == Some(8) && machine.out.contains("\"next_cursor\":\"c2\""),
        "{machine:?}"
    );
    assert!(
        machine.err.lines().count() == 1 && machine.err.contains("\"provider\":\"forge-b\""),
        "{machine:?}"
    );
}

#[test]
fn a_file_is_its_bytes() {
    let file = |encoding: &str, content: &str| {
        let server = Recorder::json(json!({"path": "x", "encoding": encoding, "content": content}));
        server
            .mosaic(&["git", "file", "get", "a/b", "x"])
            .output()
            .unwrap()
            .stdout
    };
    assert_eq!(file("utf-8", "no newline"), b"no newline");
    assert_eq!(file("base64", "AAH/"), [0, 1, 255]);
}

#[test]
fn a_chat_answer_is_its_text_and_the_facts_are_notes() {
    let server = Recorder::json(
        json!({"id": "m~1", "model": "m", "message": {"role": "assistant", "content": "Hello"},
        "finish": "length", "usage": {"input_tokens": 3, "output_tokens": 5}}),
    );
    let done = server.run(&["ai", "chat", "complete", "m", "say", "hello"]);
    assert_eq!((done.code, &*done.out), (Some(0), "Hello\n"));
    assert_eq!(
        done.err,
        "id: m~1, model: m, finish: length, usage.input_tokens: 3, usage.output_tokens: 5\n"
    );
    assert_eq!(server.only().body["prompt"], "say hello");
}

/// Runs in a pseudo-terminal, where stdout and stderr are one.
fn in_terminal(args: &str, variables: &[(&str, &str)]) -> String {
    let line = format!("stty cols 60 rows 24; {} {args}", env!("CARGO_BIN_EXE_mosaic"));
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm");
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    let done = ran(&mut command);
    done.out + &done.err
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let coloured = |args: &str, variables: &[(&str, &str)]| in_terminal(args, variables).contains("\u{1b}[");
    for args in ["explain not_found", "git repo get ..", "--help"] {
        assert!(coloured(args, &[]), "{args}");
        assert!(!coloured(args, &[("NO_COLOR", "1")]), "{args}");
        assert!(!coloured(args, &[("TERM", "dumb")]), "{args}");
        assert!(!coloured(&format!("--no-color {args}"), &[]), "{args}");
        let line: Vec<&str> = args.split(' ').collect();
        let piped = ran(mosaic(&line).env("TERM", "xterm"));
        assert!(!piped.out.contains('\u{1b}') && !piped.err.contains('\u{1b}'), "{args}");
    }
}

#[test]
fn a_terminal_gets_tables_that_fit_and_no_binary() {
    let server = Recorder::json(json!({"items": [{"name": "main", "sha": "f".repeat(200)}], "has_more": false}));
    let shown = in_terminal("git branch list a/b", &[("MOSAIC_URL", &server.url())]);
    assert!(
        shown.contains('…') && shown.lines().all(|line| line.trim_end().chars().count() <= 60),
        "{shown}"
    );
    let server = Recorder::json(json!({"encoding": "base64", "content": "AAH/"}));
    let shown = in_terminal(
        "git file get a/b x",
        &[("MOSAIC_URL", &server.url()), ("NO_COLOR", "1")],
    );
    assert!(shown.contains("error[invalid_input]: the content is binary"), "{shown}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let server = Recorder::json(json!({"encoding": "utf-8", "content": "x".repeat(8 << 20)}));
    let mut child = server
        .mosaic(&["git", "file", "get", "a/b", "x"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 10]).unwrap();
    drop(out);
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), &*done.stderr), (Some(0), &b""[..]));
}
