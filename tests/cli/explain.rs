//! `mosaic explain`, `mosaic route` and `--explain`: what was decided, what would be, and what other rules would change.

use http::StatusCode;
use serde_json::{Value, json};

use crate::recorder::{self, Ran, Recorder, mosaic, ran};

/// A call that its second provider served.
fn record() -> Value {
    json!({
        "id": "build-7", "at_unix_ms": 1_700_000_000_000_u64,
        "call": {
            "tenant": "acme", "operation": "git.repo.get", "resource": "acme/api", "priority": "normal", "payload_bytes": 9,
        },
        "phases": {},
        "route": {
            "by": "rule", "rule": 1, "words": "service git", "basis": "turn",
            "rules": [
                { "rule": 0, "result": "resource", "words": "resource client-*" },
                { "rule": 1, "result": "matched", "words": "service git" },
            ],
        },
        "candidates": [
            { "instance": "forge", "verdict": "excluded_after_failure", "asked": 1 },
            { "instance": "mirror", "verdict": "asked", "asked": 1, "expected_us": 41_000, "score": 0.25 },
        ],
        "first_choice": "forge",
        "attempts": [
            { "instance": "forge", "why": "first", "began_us": 40, "ended_us": 5_300, "result": "failed", "code": "network" },
            { "instance": "mirror", "why": "failover", "began_us": 5_400, "ended_us": 44_100, "result": "answered" },
        ],
        "cache": { "status": "miss" },
        "limits": { "remaining": 99, "in_flight": 0, "max_in_flight": 100 },
        "cost": { "input_tokens": 12, "output_tokens": 3, "cost_nano_usd": 1_500_000 },
        "outcome": { "took_us": 44_300, "bytes": 412 },
    })
}

/// Each of `parts` stands in `text`, whatever the space between its words.
#[track_caller]
fn tells(text: &str, parts: &[&str]) {
    let told = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(told.contains(part), "{part}: {text}");
    }
}

const PARTS: [&str; 12] = [
    "git.repo.get acme/api, of tenant acme,",
    "[build-7]",
    "route rule 1 (service git), chosen by turn",
    "rule 0 (resource client-*): no: resource",
    "rule 1 (service git): matched",
    "forge excluded after failure 1",
    "forge was asked first",
    "mirror failover 5.4 ms 38.7 ms answered",
    "failed: network",
    "cache miss",
    "99 calls left, 0 of 100 in flight",
    "served in 44.3 ms, 412 bytes",
];

#[test]
fn a_calls_record_is_told_from_its_rules_to_its_cost() {
    let server = Recorder::json(json!({ "decisions": [record(), record()] }));
    let told = server.run(&["explain", "build-7"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(server.only().path, "/v1/explain/build-7");
    tells(&told.out, &PARTS);
    tells(&told.out, &["12 tokens read, 3 tokens written, $0.0015"]);
    assert_eq!(told.out.matches("[build-7]").count(), 2, "each of those with one id");

    let server = Recorder::json(json!({ "decisions": [record()] }));
    let url = server.url();
    let raw = server.run(&["explain", "a b/c", "--admin", &url, "--json"]);
    let raw: Value = serde_json::from_str(&raw.out).expect("JSON");
    assert_eq!(raw["decisions"][0], record());
    assert_eq!(
        server.only().path,
        "/admin/v1/decisions/a%20b%2Fc",
        "at its admin listener all tenants' are told"
    );
}

#[test]
fn an_unknown_id_and_a_mistyped_code_are_told_apart() {
    let server = Recorder::start(|_| {
        let problem =
            json!({ "code": "not_found", "status": 404, "detail": "no decision record is kept under this id" });
        recorder::json(StatusCode::NOT_FOUND, &problem)
    });
    let unknown = server.run(&["explain", "build-7"]);
    assert_eq!(unknown.code, Some(3), "{unknown:?}");
    let url = server.url();
    let by_admin = server.run(&["explain", "build-7", "--admin", &url]);
    assert!(by_admin.err.contains("mosaic calls"), "{by_admin:?}");
    assert_eq!(server.run(&["explain", "rate_limit"]).code, Some(2), "nobody was asked");
    assert_eq!(server.seen().len(), 2);
}

#[test]
fn an_answer_is_shown_alone_and_its_decision_beside_it() {
    let answer = || json!({ "id": "forge~acme/api", "name": "api", "decision": record() });
    let server = Recorder::json(answer());
    let shown = server.run(&["git", "repo", "get", "acme/api", "--explain"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let said = server.only().said;
    assert_eq!(said, [("x-mosaic-explain".to_owned(), "true".to_owned())]);
    assert!(
        !shown.out.contains("decision") && shown.out.contains("api"),
        "{}",
        shown.out
    );
    tells(&shown.err, &PARTS);
    let raw = server.run(&["git", "repo", "get", "acme/api", "--explain", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&raw.out).expect("JSON"), answer());
    assert_eq!(raw.err, "");
}

#[test]
fn an_error_tells_who_was_tried_and_its_decision() {
    let server = Recorder::start(|_| {
        let problem = json!({
            "code": "network", "status": 502, "detail": "all fail", "decision": record(),
            "tried": [{ "provider": "forge", "code": "network" }, { "provider": "mirror", "code": "timeout" }],
        });
        recorder::json(StatusCode::BAD_GATEWAY, &problem)
    });
    let failed = server.run(&["git", "repo", "get", "acme/api", "--explain"]);
    assert_eq!((failed.code, &*failed.out), (Some(69), ""));
    tells(&failed.err, &["tried: forge network", "tried: mirror timeout"]);
    tells(&failed.err, &PARTS);
}

#[test]
fn a_call_that_is_not_made_is_sent_as_one_to_be_explained() {
    let server = Recorder::start(|_| {
        let mut told = record();
        told["dry_run"] = true.into();
        recorder::json(StatusCode::OK, &told)
    });
    let call = ["git", "repo", "get", "acme/api", "--no-cache", "--label", "team=web"];
    let before = server.run(&[&["route", "--dry-run"][..], &call].concat());
    let behind = server.run(&[&["route"][..], &call, &["--dry-run"]].concat());
    for told in [&before, &behind] {
        assert_eq!(told.code, Some(0), "{told:?}");
        tells(
            &told.out,
            &["not made", "forge would be asked first", "it would be tried"],
        );
    }
    let seen = server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("POST", "/v1/route"));
    assert_eq!(seen[0].body, seen[1].body);
    let options = json!({ "no_cache": "true", "labels": "team=web" });
    let asked = json!({ "operation": "git.repo.get", "input": { "repo": "acme/api" }, "options": options });
    assert_eq!(seen[0].body, asked);
    for (line, told) in [
        (&["route", "git", "repp", "get"][..], "'repo'"),
        (&["route", "status"], "no call is named"),
        (&["route", "git", "repo", "get"], "<REPO>"),
        (&["route", "--limit", "3"], "--against"),
        (&["route", "--against", "x.toml", "git"], "cannot be used with"),
    ] {
        let refused = server.run(line);
        assert_eq!(refused.code, Some(2), "{line:?}: {refused:?}");
        assert!(refused.err.contains(told), "{line:?}: {}", refused.err);
    }
    let help = ran(&mut mosaic(&["route", "git", "repo", "get", "--help"]));
    assert!(
        help.code == Some(0) && help.out.contains("mosaic git repo get"),
        "{help:?}"
    );
}

/// A folder with a configuration, whose providers nobody answers for: none is asked.
fn configured(routes: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("new.toml").display().to_string();
    let provider = |name: &str| {
        format!(
            "[providers.{name}]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:9\"\ntoken = \"env:NOT_SET\"\nhealth_check = false\n"
        )
    };
    std::fs::write(&file, provider("forge") + &provider("mirror") + routes).expect("it is ours");
    (folder, file)
}

fn against(server: &Recorder, routes: &str, more: &[&str]) -> Ran {
    let (_folder, file) = configured(routes);
    server.run(&[&["route", "--against", &file][..], more].concat())
}

#[test]
fn recorded_calls_are_decided_again_by_another_configuration() {
    let server = Recorder::start(|seen| {
        assert_eq!(seen.path, "/admin/v1/decisions");
        recorder::json(StatusCode::OK, &json!({ "decisions": [record()] }))
    });
    let first = "[[routes]]\nresource = \"client-*\"\nproviders = [\"mirror\"]\n";
    let same = format!("{first}[[routes]]\nservice = \"git\"\nproviders = [\"forge\", \"mirror\"]\n");
    let told = against(&server, &same, &[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    tells(&told.out, &["of 1 recorded calls, none would be decided otherwise"]);
    let other = format!("{first}[[routes]]\nservice = \"git\"\nproviders = [\"mirror\"]\n");
    let told = against(&server, &other, &["--limit", "5"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    tells(
        &told.out,
        &[
            "CALLS OPERATION CHANGE WAS NOW LAST RESOURCE",
            "1 git.repo.get candidates rule 1: forge, mirror rule 1: mirror",
            "of 1 recorded calls, 1 would be",
        ],
    );
    let limits = |at: usize| server.seen()[at].query.clone();
    assert!(limits(1).contains(&("limit".to_owned(), "5".to_owned())));
    assert!(
        limits(0).contains(&("limit".to_owned(), "1000000".to_owned())),
        "all that are kept"
    );
    // Two forges, and no rule says that they are equivalent.
    let told = against(&server, "", &["--json"]);
    assert_eq!((told.code, &*told.err), (Some(1), ""));
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(
        (&told["compared"], &told["differences"][0]["change"]),
        (&json!(1), &json!("now_refused"))
    );
    let wrong = against(&server, "[[routes]]\nproviders = [\"nobody\"]\n", &[]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[test]
fn calls_that_change_alike_are_told_once_with_their_number() {
    let server = Recorder::start(|_| {
        let at = |number: u64, resource: &str| {
            let mut one = record();
            (one["at_unix_ms"], one["call"]["resource"]) = (json!(1_700_000_000_000 + number), resource.into());
            one
        };
        let all = [
            at(3, "acme/newest"),
            at(2, "acme/api"),
            at(1, "client-7/api"),
            at(0, "acme/oldest"),
        ];
        recorder::json(StatusCode::OK, &json!({ "decisions": all }))
    });
    let told = against(
        &server,
        "[[routes]]\npriority = 1\nresource = \"client-*\"\nproviders = [\"mirror\"]\n[[routes]]\nservice = \"git\"\nproviders = [\"mirror\"]\n",
        &[],
    );
    tells(
        &told.out,
        &[
            "3 git.repo.get candidates rule 1: forge, mirror rule 1: mirror",
            "acme/newest",
            "1 git.repo.get candidates rule 1: forge, mirror rule 0: mirror",
            "of 4 recorded calls, 4 would be decided otherwise",
        ],
    );
    assert!(!told.out.contains("acme/oldest"), "{}", told.out);
}

#[test]
fn what_would_be_refused_ends_as_the_call_would() {
    for (code, exits) in [("budget_exhausted", 7), ("circuit_open", 69), ("overloaded", 69)] {
        let server = Recorder::start(move |_| {
            let mut told = record();
            told["dry_run"] = true.into();
            told["outcome"]["code"] = code.into();
            recorder::json(StatusCode::OK, &told)
        });
        let told = server.run(&["route", "git", "repo", "get", "acme/api"]);
        assert_eq!(told.code, Some(exits), "{told:?}");
        tells(&told.out, &[&format!("it would be refused now: {code}")]);
        assert_eq!(told.err, "");
    }
}

#[test]
fn a_call_in_this_process_is_explained_and_not_made() {
    let (_folder, file) = configured("[[routes]]\nservice = \"git\"\nproviders = [\"mirror\", \"forge\"]\n");
    let line = [
        "route", "git", "repo", "get", "acme/api", "--local", "--config", &file, "--json",
    ];
    let told = ran(mosaic(&line).env("NOT_SET", "a-token-of-ours"));
    assert_eq!(told.code, Some(0), "{told:?}");
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(
        (&told["dry_run"], &told["route"]["words"]),
        (&json!(true), &json!("service git"))
    );
    assert_eq!(told["candidates"][0]["instance"], "mirror");
}
