//! The commands that call no operation.

use http::StatusCode;
use mosaic::catalogue::{Entry, OPERATIONS};
use serde_json::{Value, json};

use crate::recorder::{self, Recorder, mosaic, ran};

#[test]
fn operations_lists_the_catalogue() {
    let all = ran(&mut mosaic(&["operations", "--json"]));
    let rows: Vec<Value> = serde_json::from_str(&all.out).unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, OPERATIONS.iter().map(Entry::name).collect::<Vec<_>>());
    let git = ran(&mut mosaic(&["operations", "--service", "git"]));
    let count = OPERATIONS
        .iter()
        .filter(|entry| entry.declaration.facts.service == "git")
        .count();
    assert_eq!(git.out.lines().count(), count + 1);
    assert!(git.out.starts_with("NAME "), "{}", git.out);
}

#[test]
fn the_tree_and_the_status_are_read_from_the_admin_listener() {
    let server = Recorder::start(|seen| match &*seen.path {
        "/admin/v1/tree" => recorder::json(
            StatusCode::OK,
            &json!({"root": {"path": "root", "state": "running", "children": [{"path": "root/x", "state": "gave_up",
                "restarts": 5, "supervisor": {"strategy": "rest_for_one", "budget_left": 0}, "last_crash": {"why": "panic", "text": "boom"}}]}}),
        ),
        "/admin/v1/status" => recorder::json(StatusCode::OK, &json!({"ready": true, "config": {"generation": 3}})),
        _ => recorder::json(StatusCode::NOT_FOUND, &json!({"code": "not_found"})),
    });
    let tree = server.run(&["tree"]);
    let last = tree
        .out
        .lines()
        .last()
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(
        (tree.code, &*last),
        (Some(0), "└─ x (rest_for_one) gave_up 5 0 last panic: boom")
    );
    let status = server.run(&["status"]);
    assert_eq!(status.out, "ready              yes\nconfig.generation  3\n");
    assert!(server.run(&["tree", "--json"]).out.starts_with("{\"root\":"));
}

#[test]
fn help_version_and_completions_are_data() {
    for line in [&["--help"][..], &["help", "exit-codes"], &["exit-codes"]] {
        let help = ran(&mut mosaic(line));
        assert_eq!((help.code, &*help.err), (Some(0), ""));
        assert!(
            help.out.contains(" 69  unavailable") && help.out.contains("130  interrupted"),
            "{}",
            help.out
        );
    }
    let version = ran(&mut mosaic(&["version"]));
    assert_eq!(version.out, format!("mosaic {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = ran(&mut mosaic(&["completions", shell]));
        assert_eq!((script.code, &*script.err), (Some(0), ""));
        assert!(
            script.out.contains("operations") && script.out.contains("issue"),
            "{shell}"
        );
        // The library's fish scripts go two levels deep: services and nouns, not the flags of a verb.
        assert_eq!(script.out.contains("updated-since"), shell != "fish", "{shell}");
    }
    let bare = ran(&mut mosaic(&[]));
    assert_eq!((bare.code, &*bare.out), (Some(2), ""));
    assert!(bare.err.contains("Usage: mosaic"), "{}", bare.err);
}

#[test]
fn each_kind_of_provider_tells_of_its_settings() {
    let list = ran(&mut mosaic(&["providers"]));
    assert!(
        list.code == Some(0) && list.out.starts_with("KIND") && list.out.contains("api_version"),
        "{list:?}"
    );
    let one = ran(&mut mosaic(&["providers", "openai"]));
    for word in [
        "ai.chat.complete",
        "NAME",
        "DEFAULT",
        "UNIT",
        "MEANING",
        "spent_pause_s",
        "300",
        "seconds",
    ] {
        assert!(one.out.contains(word), "{word}: {}", one.out);
    }
    let json: Value = serde_json::from_str(&ran(&mut mosaic(&["providers", "github", "--json"])).out).unwrap();
    assert_eq!(json["settings"][0]["name"], "api_version");
    let keys: Vec<_> = json["credentials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| &way["keys"])
        .collect();
    assert_eq!(keys, ["token", "app.id, app.private_key"]);
    let one = ran(&mut mosaic(&["providers", "gitea"]));
    for word in [
        "oauth.client_id, oauth.refresh_token",
        "user, password",
        "kept in the state",
    ] {
        assert!(one.out.contains(word), "{word}: {}", one.out);
    }
    let unknown = ran(&mut mosaic(&["providers", "gihub"]));
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    assert!(
        unknown.err.contains("did you mean github?") && unknown.err.contains("`mosaic providers`"),
        "{unknown:?}"
    );
}
