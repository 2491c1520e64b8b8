//! A read that is repeated: a line for each change, over failures that pass, until nobody reads.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Mutex;

use http::StatusCode;
use serde_json::{Value, json};

use crate::recorder::{self, Recorder};

#[test]
fn each_change_is_a_line_and_a_lost_gateway_is_waited_for() {
    let row = |state: &str| json!({"id": "ci~a/b#1", "project": "a/b", "status": state, "raw_status": state});
    let answers = Mutex::new(vec![
        Ok(row("success")),
        Err(()),
        Ok(row("running")),
        Ok(row("running")),
        Ok(row("queued")),
    ]);
    let server = Recorder::start(move |_| {
        let mut left = answers.lock().unwrap();
        let next = if left.len() > 1 {
            left.pop().unwrap()
        } else {
            left[0].clone()
        };
        match next {
            Ok(row) => recorder::json(StatusCode::OK, &row),
            Err(()) => recorder::json(
                StatusCode::SERVICE_UNAVAILABLE,
                &json!({"code": "overloaded", "detail": "busy", "retryable": true}),
            ),
        }
    });
    let line = ["cicd", "run", "get", "a/b#1", "--watch", "--interval", "500ms"];
    let mut child = server
        .mosaic(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let states: Vec<Value> = lines
        .take(3)
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["status"].take())
        .collect();
    assert_eq!(states, ["queued", "running", "success"]);
    // Its reader is gone.
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let told: Vec<String> = BufReader::new(child.stderr.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    assert!(told.len() == 1 && told[0].contains("busy"), "{told:?}");
}

#[test]
fn what_changes_something_is_not_repeated_and_a_first_failure_ends_it() {
    let server = Recorder::start(|_| {
        recorder::json(
            StatusCode::NOT_FOUND,
            &json!({"code": "not_found", "detail": "no such run"}),
        )
    });
    let gone = server.run(&["cicd", "run", "get", "a/b#1", "--watch"]);
    assert_eq!(gone.code, Some(3), "{gone:?}");
    let hasty = server.run(&["cicd", "run", "get", "a/b#1", "--watch", "--interval", "1ms"]);
    assert!(
        hasty.code == Some(2) && hasty.err.contains("at least 500ms"),
        "{hasty:?}"
    );
    let change = server.run(&["cicd", "run", "cancel", "a/b#1", "--watch"]);
    assert!(change.code == Some(2) && change.err.contains("--watch"), "{change:?}");
}
