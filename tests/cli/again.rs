//! One command that asks more than once: all pages of a list, and a wait that goes on.

use http::StatusCode;
use serde_json::json;

use crate::recorder::{self, Recorder};

#[test]
fn all_pages_are_asked_for_and_shown_as_one() {
    let server = Recorder::start(|seen| {
        let cursor = seen.query.iter().find(|(name, _)| name == "cursor");
        let page = match cursor.map(|(_, cursor)| cursor.as_str()) {
            None => json!({"items": [{"name": "a", "sha": "1"}], "next_cursor": "c2", "has_more": true}),
            Some("c2") => json!({"items": [{"name": "b", "sha": "2"}], "next_cursor": "c3", "has_more": true}),
            Some(_) => json!({"items": [{"name": "c", "sha": "3"}], "has_more": false}),
        };
        recorder::json(StatusCode::OK, &page)
    });
    let all = server.run(&["git", "branch", "list", "acme/api", "--all", "--limit", "1", "--json"]);
    assert_eq!(all.code, Some(0), "{all:?}");
    let shown: serde_json::Value = serde_json::from_str(&all.out).expect("one page");
    let names: Vec<_> = shown["items"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["name"])
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(
        (&shown["has_more"], &shown["next_cursor"]),
        (&json!(false), &json!(null))
    );
    let asked = server.seen();
    assert!(
        asked.len() == 3
            && asked
                .iter()
                .all(|seen| seen.query.contains(&("limit".into(), "1".into())))
    );
}

#[test]
fn a_wait_asks_again_until_the_run_has_ended() {
    let run =
        |status: &str| json!({"id": "ci~acme/api#1", "project": "acme/api", "status": status, "raw_status": status});
    let answers = std::sync::Mutex::new(vec![("success", true), ("running", false), ("running", false)]);
    let server = Recorder::start(move |_| {
        let (status, ended) = answers.lock().expect("sound").pop().expect("not asked again");
        recorder::json(
            StatusCode::OK,
            &json!({"ended": ended, "status": status, "run": run(status)}),
        )
    });
    let waited = server.run(&["cicd", "run", "wait", "acme/api#1", "--json"]);
    assert!(
        waited.code == Some(0) && waited.out.contains("\"ended\":true"),
        "{waited:?}"
    );
    assert_eq!(server.seen().len(), 3);
    // One that did not end well is shown as well, and tells so by its code.
    for (status, code) in [
        ("success", 0),
        ("failure", 10),
        ("cancelled", 10),
        ("skipped", 10),
        ("error", 10),
    ] {
        let over = Recorder::json(json!({"ended": true, "status": status, "run": run(status)}));
        for line in [
            &["cicd", "run", "wait", "acme/api#1"][..],
            &["cicd", "run", "wait", "acme/api#1", "--json"],
        ] {
            let waited = over.run(line);
            assert!(waited.code == Some(code) && waited.out.contains(status), "{waited:?}");
        }
    }
    // A time of its own that is over is a failure, and tells so by its code.
    let never = Recorder::json(json!({"ended": false, "status": "running", "run": run("running")}));
    let late = never.run(&["cicd", "run", "wait", "acme/api#1", "--seconds", "1"]);
    assert!(late.code != Some(0) && late.err.contains("has not ended"), "{late:?}");
}
