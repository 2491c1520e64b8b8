//! Flags, `--input` and options.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::failures::problem;
use crate::recorder::{Recorder, mosaic, ran};

#[test]
fn flags_override_the_input_on_stdin() {
    let server = Recorder::json(json!({}));
    let mut child = server
        .mosaic(&[
            "projects",
            "issue",
            "create",
            "--input",
            "-",
            "--title",
            "from the flag",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let input = json!({"project": "acme/api", "title": "from stdin", "body": "text"});
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.to_string().as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(
        server.only().body,
        json!({"project": "acme/api", "title": "from the flag", "body": "text"})
    );
}

#[test]
fn options_go_where_the_rest_surface_takes_them() {
    let server = Recorder::json(json!({}));
    let line = "projects issue create acme/api --title T --provider forge-a --include-raw --no-cache --timeout 10s \
                --idempotency-key k1";
    let line: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(server.run(&line).code, Some(0));
    let seen = server.only();
    let query: Vec<_> = seen.query.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(
        query,
        [
            ("provider", "forge-a"),
            ("include_raw", "true"),
            ("no_cache", "true"),
            ("timeout_ms", "10000")
        ]
    );
    assert_eq!(seen.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(seen.body, json!({"project": "acme/api", "title": "T"}));
}

#[test]
fn what_is_said_of_the_call_goes_in_headers() {
    let server = Recorder::json(json!({}));
    let line = [
        "projects",
        "issue",
        "list",
        "acme/api",
        "--labels",
        "bug",
        "--priority",
        "low",
        "--performance",
        "best_effort",
        "--label",
        "team=web",
        "--label",
        "run=the nightly one",
        "--affinity",
        "build-7",
    ];
    assert_eq!(server.run(&line).code, Some(0));
    let mut seen = server.only();
    assert!(
        seen.query.contains(&("labels".to_owned(), "bug".to_owned())),
        "{seen:?}"
    );
    seen.said.sort();
    let said: Vec<_> = seen.said.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(
        said,
        [
            ("x-mosaic-affinity", "build-7"),
            ("x-mosaic-labels", "team=web,run=the nightly one"),
            ("x-mosaic-performance", "best_effort"),
            ("x-mosaic-priority", "low"),
        ]
    );

    let silent = Recorder::json(json!({}));
    assert_eq!(silent.run(&["git", "repo", "get", "a/b"]).code, Some(0));
    assert_eq!(silent.only().said, []);
}

#[test]
fn what_is_wrong_of_it_is_refused_before_anything_is_sent() {
    let server = Recorder::json(json!({}));
    let create = ["projects", "issue", "create", "a/b", "--title", "T"];
    for (more, told) in [
        (["--priority", "hihg"], "'high'"),
        (["--performance", "low-latency"], "'low_latency'"),
        (["--label", "bug"], "name=value"),
        // An issue's labels are no call's.
        (["--label", "bug"], "--labels"),
        (["--affinity", "a\nb"], "a header cannot carry"),
    ] {
        let refused = server.run(&[&create[..], &more].concat());
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{more:?}");
        assert!(refused.err.starts_with("error[invalid_input]: "), "{}", refused.err);
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_safe_operation_has_no_idempotency_key() {
    let refused = ran(&mut mosaic(&["git", "repo", "get", "a/b", "--idempotency-key", "k"]));
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("--idempotency-key"), "{}", refused.err);
}

#[test]
fn a_wrong_input_is_refused_before_anything_is_sent() {
    let server = Recorder::json(json!({}));
    let cases: [(&[&str], &str); 6] = [
        (&["git", "branch", "list", "a/b", "--limit", "many"], "field: limit"),
        (&["git", "repo", "get", ".."], "field: repo"),
        (&["git", "repo", "get", "--input", "/no/such/file"], "field: input"),
        (
            &["git", "repo", "get", "a/b", "--key-file", "/no/such/file"],
            "field: --key-file",
        ),
        (&["git", "repo", "get", "a/b", "--timeout", "soon"], "--timeout"),
        (&["projects", "issue", "list", "a/b", "--state", "opne"], "'open'"),
    ];
    for (line, named) in cases {
        let refused = server.run(line);
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{line:?}");
        assert!(refused.err.starts_with("error[invalid_input]: "), "{}", refused.err);
        assert!(refused.err.contains(named), "{}", refused.err);
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_mistyped_command_or_flag_is_told_the_nearest() {
    let cases: [(&[&str], &str); 5] = [
        (&["git", "file", "get", "a/b", "x", "--reff", "y"], "'--ref'"),
        (
            &["projects", "issue", "create", "a/b", "--title", "T", "--lable", "x"],
            "'--label'",
        ),
        (&["git", "repp", "get"], "'repo'"),
        (&["opertions"], "'operations'"),
        (&["explain", "not_foud"], "'not_found'"),
    ];
    for (line, nearest) in cases {
        let refused = ran(&mut mosaic(line));
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{line:?}");
        assert!(
            refused.err.contains("similar") && refused.err.contains(nearest),
            "{}",
            refused.err
        );
        let machine = ran(mosaic(line).arg("--json"));
        let problem = problem(&machine);
        assert_eq!(problem["code"], "invalid_input");
        assert!(problem["hint"].as_str().unwrap().contains(nearest), "{problem}");
    }
}

#[test]
fn a_word_for_json_is_taken_where_it_says_all_and_else_told_what_it_should_be() {
    let server = Recorder::json(json!({"model": "m", "message": {"role": "assistant", "content": "x"}}));
    let done = server.run(&["ai", "chat", "complete", "m", "x", "--reasoning", "high"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(server.only().body["reasoning"], json!({"effort": "high"}));
    let refused = server.run(&["ai", "chat", "complete", "m", "x", "--reasoning", "hgih"]);
    assert!(
        refused.code == Some(2) && refused.err.contains("reasoning must be a JSON object of effort"),
        "{refused:?}"
    );
}

#[test]
fn a_choice_is_checked_by_its_place_and_by_its_name() {
    let server = Recorder::json(json!({}));
    let set = ["git", "status", "set", "a/b", "f00", "--context", "ci"];
    let refused = server.run(&[&set[..], &["--state", "succes"]].concat());
    assert!(
        refused.code == Some(2) && refused.err.contains("'success'"),
        "{refused:?}"
    );
    assert!(server.seen().is_empty());
}

#[test]
fn what_names_a_resource_is_one_word() {
    for line in [
        &["cicd", "pipeline", "list"][..],
        &["projects", "board", "list"],
        &["cicd", "log", "get"],
    ] {
        let help = ran(mosaic(line).arg("--help"));
        let usage = help
            .out
            .lines()
            .find(|line| line.starts_with("Usage"))
            .unwrap_or_default();
        assert!(!usage.is_empty() && !usage.contains("]..."), "{usage}");
    }
    let help = ran(&mut mosaic(&["ai", "chat", "stream", "--help"]));
    assert!(help.out.contains("[PROMPT]..."), "{}", help.out);
}
