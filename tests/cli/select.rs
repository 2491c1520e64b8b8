//! What of an answer is printed: fields, and expressions.

use serde_json::json;

use crate::recorder::{Recorder, events, mosaic, ran};

fn page() -> Recorder {
    Recorder::json(json!({"items": [
        {"id": "f~acme/api", "name": "api", "default_branch": "main", "archived": false},
        {"id": "f~acme/web", "name": "web", "default_branch": "trunk", "archived": false}], "has_more": false}))
}

#[test]
fn fields_and_expressions_choose_what_is_printed() {
    let server = page();
    let list = |flags: &[&str]| server.run(&[&["git", "repo", "list"], flags].concat());
    let fields = list(&["--json", "name,default_branch"]);
    assert_eq!(
        fields.out,
        "{\"items\":[{\"name\":\"api\",\"default_branch\":\"main\"},{\"name\":\"web\",\"default_branch\":\"trunk\"}],\"has_more\":false}\n"
    );
    assert_eq!((fields.code, &*fields.err), (Some(0), ""));
    assert_eq!(list(&["--jq", ".items[] | .name"]).out, "api\nweb\n");
    assert_eq!(list(&["--json=name", "--jq", ".items[0]"]).out, "{\"name\":\"api\"}\n");
    assert_eq!(list(&["--all", "--jq", ".items | length"]).out, "2\n");
    let begun = server.seen().len();
    let unknown = list(&["--json=nmae"]);
    assert!(
        unknown.code == Some(2) && unknown.err.contains("did you mean name?"),
        "{unknown:?}"
    );
    let broken = list(&["--jq", ".items["]);
    assert!(
        broken.code == Some(2) && broken.err.contains("\"field\":\"jq\""),
        "{broken:?}"
    );
    assert_eq!(server.seen().len(), begun, "nothing was asked");
    let endless = list(&["--jq", "last(repeat(1))"]);
    assert!(
        endless.code == Some(2) && endless.err.contains("takes longer than 10s"),
        "{endless:?}"
    );
    let failing = list(&["--jq", ".items.name"]);
    assert!(
        failing.code == Some(2) && failing.err.contains("fails on the answer"),
        "{failing:?}"
    );
}

#[test]
fn each_event_of_a_stream_goes_through_the_expression() {
    let server = Recorder::start(|_| {
        events("data: {\"type\":\"text\",\"text\":\"a\"}\n\ndata: {\"type\":\"end\"}\n\nevent: done\ndata: {}\n\n")
    });
    let told = server.run(&[
        "ai",
        "chat",
        "stream",
        "m",
        "hello",
        "--jq",
        "select(.type == \"text\") | .text",
    ]);
    assert_eq!((told.code, &*told.out), (Some(0), "a\n"), "{told:?}");
}

#[test]
fn other_commands_choose_too_and_quiet_ones_say_nothing_beside() {
    assert_eq!(ran(&mut mosaic(&["version", "--jq", ".name"])).out, "mosaic\n");
    assert_eq!(ran(&mut mosaic(&["exit-codes", "--jq", ".[0].code"])).out, "0\n");
    let server = Recorder::json(json!({"items": [{"name": "main", "sha": "1"}], "next_cursor": "c", "has_more": true}));
    let loud = server.run(&["git", "branch", "list", "a/b"]);
    let quiet = server.run(&["git", "branch", "list", "a/b", "-q"]);
    assert!(
        loud.err.contains("there is more") && quiet.err.is_empty() && loud.out == quiet.out,
        "{quiet:?}"
    );
    // A secret of the environment is no input of an expression.
    let mut command = mosaic(&["version", "--jq", "env"]);
    let refused = ran(command.env("MOSAIC_API_KEY", "hunter2"));
    assert!(
        refused.code == Some(2) && !refused.err.contains("hunter2"),
        "{refused:?}"
    );
}
