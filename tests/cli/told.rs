//! What the command line says beside an answer: what to do next, what an answer is made of, and how a line is written.

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};

use crate::recorder::{self, Recorder, mosaic, ran};

#[test]
fn a_trigger_without_a_run_tells_how_to_get_at_it() {
    let server = Recorder::json(json!({"outcome": "pending", "pending": "jobs~folder/api#q17"}));
    let line = ["cicd", "run", "trigger", "jobs~folder/api"];
    let told = server.run(&line);
    assert_eq!(told.code, Some(0));
    let next = "mosaic cicd run resolve jobs~folder/api#q17";
    assert!(told.err.contains(next) && !told.out.contains("resolve"), "{told:?}");
    let json = server.run(&[&line[..], &["--json"]].concat());
    assert_eq!(json.err, "", "a program gets no words");
}

#[test]
fn a_wait_takes_what_a_trigger_has_answered_as_pending() {
    let run = |id: &str, status: &str| json!({"id": id, "project": "api", "status": status, "raw_status": status, "web_url": "https://ci.example"});
    let server = Recorder::start(move |seen| {
        let answer = match seen.path.contains("q17") {
            true => json!({"ended": false, "status": "blocked", "run": run("jobs~api#3", "blocked")}),
            false => json!({"ended": true, "status": "success", "run": run("jobs~api#3", "success")}),
        };
        recorder::json(StatusCode::OK, &answer)
    });
    let ran = server.run(&["cicd", "run", "wait", "jobs~api#q17"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let paths: Vec<String> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert!(
        paths.len() == 2 && paths[1].ends_with("/wait") && paths[1].contains("3"),
        "{paths:?}"
    );
    // Whoever waits for what waits for him is told so.
    assert!(
        ran.err.contains("mosaic cicd run approve jobs~api#3") && ran.err.contains("https://ci.example"),
        "{ran:?}"
    );
    let json = server.run(&["cicd", "run", "wait", "jobs~api#q17", "--json"]);
    assert_eq!(json.err, "", "a program is told it in the answer");
    // Its own time is told by the flag that gives it more.
    let never = Recorder::json(json!({"ended": false, "status": "running"}));
    let late = never.run(&["cicd", "run", "wait", "jobs~api#3", "--seconds", "1"]);
    assert!(
        late.err.contains("more --seconds") && !late.err.contains("--timeout") && late.err.contains("it was running"),
        "{late:?}"
    );
    let late = never.run(&["cicd", "run", "wait", "jobs~api#3", "--timeout", "1500ms"]);
    assert!(
        late.err.contains("it was running") && late.err.contains("more --timeout"),
        "{late:?}"
    );
}

#[test]
fn an_emulated_answer_says_so_to_people_alone() {
    let server = Recorder::start(|_| {
        let page = json!({"items": [], "has_more": false}).to_string();
        let headers = [("content-type", "application/json"), ("x-mosaic-emulated", "true")];
        (headers, page).into_response()
    });
    let line = ["projects", "board", "items", "lab~a/b#1"];
    let told = server.run(&line);
    assert!(told.err.contains("emulated: "), "{told:?}");
    let json = server.run(&[&line[..], &["--json"]].concat());
    assert_eq!(json.err, "");
    assert_eq!(
        serde_json::from_str::<Value>(&json.out).expect("JSON")["has_more"],
        false
    );
}

#[test]
fn a_list_is_emptied_by_an_empty_text() {
    for (line, field) in [
        (["projects", "issue", "assign", "a/b#1", "--assignees", ""], "assignees"),
        (["projects", "label", "set", "a/b#1", "--labels", ""], "labels"),
    ] {
        let server = Recorder::json(json!({"id": "f~a/b#1", "labels": []}));
        assert_eq!(server.run(&line).code, Some(0), "{line:?}");
        assert_eq!(server.only().body[field], json!([]));
    }
    let help = ran(&mut mosaic(&["projects", "issue", "assign", "--help"]));
    assert!(help.out.contains("alone with '' for none"), "{}", help.out);
}

#[test]
fn the_usage_tells_what_a_file_stands_for() {
    for (line, usage) in [
        (
            &["git", "file", "put", "--help"][..],
            "<--content <TEXT> | --file <FILE>>",
        ),
        (
            &["cicd", "secret", "put", "--help"],
            "secret put <PROJECT> <NAME> <--value <TEXT> | --file <FILE>>",
        ),
        (&["projects", "comment", "create", "--help"], "--file <FILE>"),
    ] {
        let help = ran(&mut mosaic(line));
        assert!(help.out.contains(usage), "{usage}: {}", help.out);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.md");
    std::fs::write(&file, "Two\nlines").unwrap();
    let file = file.to_str().unwrap();
    let server = Recorder::json(json!({}));
    let line = [
        "projects", "issue", "create", "acme/api", "--title", "T", "--file", file,
    ];
    assert_eq!(server.run(&line).code, Some(0));
    assert_eq!(server.only().body["body"], "Two\nlines");
    let server = Recorder::json(json!({}));
    assert_eq!(
        server.run(&["git", "pr", "comment", "acme/api#7", "--file", file]).code,
        Some(0)
    );
    assert_eq!(server.only().body["body"], "Two\nlines");
}

#[test]
fn help_says_what_a_limit_bounds_and_what_a_code_means() {
    for (line, words) in [
        (&["cicd", "log", "follow", "--help"][..], "for its beginning"),
        (
            &["git", "repo", "list", "--help"],
            "With provider=all, of each instance",
        ),
        (&["cicd", "run", "wait", "--help"], "was skipped"),
    ] {
        let help = ran(&mut mosaic(line));
        let shown = help.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn what_a_pinned_id_excludes_is_not_advised() {
    let busy = json!({"code": "circuit_open", "status": 503, "detail": "forge-a is failing", "provider": "forge-a"});
    let server = Recorder::start(move |_| recorder::json(StatusCode::SERVICE_UNAVAILABLE, &busy));
    let pinned = server.run(&["git", "repo", "get", "forge-a~acme/api"]);
    assert!(
        pinned.err.contains("the id pins it") && !pinned.err.contains("--provider"),
        "{pinned:?}"
    );
    // A name may look like an id that pins, and be none.
    for name in ["forge-a~api", "~api"] {
        let named = server.run(&["git", "repo", "create", name]);
        assert!(!named.err.contains("pins"), "{named:?}");
    }
    let taken = json!({"code": "conflict", "status": 409, "detail": "title exists already", "field": "title"});
    let server = Recorder::start(move |_| recorder::json(StatusCode::CONFLICT, &taken));
    let taken = server.run(&["projects", "milestone", "create", "acme/api", "--title", "v1"]);
    assert!(taken.err.contains("Choose another"), "{taken:?}");
    let odd = server.run(&["cicd", "run", "wait", "acme/api#1", "--seconds", "5m"]);
    assert!(odd.err.contains("without a unit"), "{odd:?}");
}
