//! Tables, as eyes see them.

use serde_json::json;

use super::*;

const WIDE: Shown = Shown { wide: true, most: None };

fn plugins() -> Value {
    let well = |name: &str| {
        json!({"name": name, "kind": "github", "life": "running", "health": {"state": "healthy", "checked_ms": 4000},
        "traffic": {"failed": 0, "answered": 7, "in_flight": 1, "limited_for_ms": null, "breaker": {"state": "closed"}}})
    };
    let mut ill = well("forge-with-a-long-name");
    ill["health"]["state"] = "unhealthy".into();
    ill["traffic"]["failed"] = 9.into();
    ill["traffic"]["last_failure"] =
        json!({"code": "upstream_auth", "message": "the credential is refused", "ago_ms": 180_000});
    json!({"plugins": [well("a"), ill]})
}

#[test]
fn what_is_ill_stands_first_with_its_last_error() {
    let shown = PLUGINS
        .render(&plugins(), &Shown::default(), &Screen::default())
        .unwrap()
        .unwrap();
    assert_eq!(
        shown,
        "NAME                    KIND    LIFE     HEALTH     CHECKED  BREAKER  IN-FLIGHT  FAILED  LAST-ERROR\n\
         forge-with-a-long-name  github  running  unhealthy  4 s ago  closed   1          9       \
         upstream_auth, 3 m ago: the credential is refused\n\
         a                       github  running  healthy    4 s ago  closed   1          0"
    );
    let wide = PLUGINS.render(&plugins(), &WIDE, &Screen::default()).unwrap().unwrap();
    assert!(wide.contains("ANSWERED") && wide.contains("4 s ago"), "{wide}");
}

#[test]
fn who_is_left_out_or_starts_slowly_is_seen_and_so_are_the_parts_of_a_breaker() {
    let mut plugins = plugins();
    plugins["plugins"][1]["traffic"]["share"] = 1.0.into();
    plugins["plugins"][0]["traffic"]["share"] = 0.25.into();
    plugins["plugins"][0]["traffic"]["ejected_for_ms"] = 12_000.into();
    let shown = PLUGINS
        .render(&plugins, &Shown::default(), &Screen::default())
        .unwrap()
        .unwrap();
    let row = |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(
        shown.contains("EJECTED") && row("a ").contains("12 s     25 %"),
        "{shown}"
    );
    assert!(!row("forge").contains('%'), "{shown}");
    let circuits = json!({"breakers": [
        {"name": "a", "part": "write", "state": "open", "consecutive_failures": 5, "openings": 2, "retry_in_ms": 9000},
        {"name": "a", "part": "read", "state": "closed", "consecutive_failures": 0, "openings": 0, "retry_in_ms": null}]});
    let shown = BREAKERS
        .render(&circuits, &Shown::default(), &Screen::default())
        .unwrap();
    assert_eq!(
        shown.unwrap(),
        "NAME  PART   STATE   FAILURES  OPENINGS  RETRY-IN\n\
         a     write  open    5         2         9 s\n\
         a     read   closed  0         0"
    );
}

#[test]
fn a_narrow_terminal_cuts_what_stands_last_and_no_name() {
    let narrow = Screen {
        width: Some(44),
        ..Screen::default()
    };
    let shown = PLUGINS.render(&plugins(), &Shown::default(), &narrow).unwrap().unwrap();
    assert!(
        shown.contains("forge-with-a-long-name") && shown.contains('…'),
        "{shown}"
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 44), "{shown}");
}

#[test]
fn what_is_absent_is_left_out_and_an_empty_list_is_a_sentence() {
    let bare = json!({"plugins": [{"name": "a"}]});
    let shown = PLUGINS.render(&bare, &WIDE, &Screen::default()).unwrap();
    assert_eq!(shown.unwrap(), "NAME\na");
    assert!(
        PLUGINS
            .render(&json!({"plugins": []}), &Shown::default(), &Screen::default())
            .unwrap()
            .is_err()
    );
    assert!(
        PLUGINS
            .render(&json!({"items": []}), &Shown::default(), &Screen::default())
            .is_none()
    );
    let audit = json!({"entries": [{"at": "2020-01-01T00:00:00Z", "action": "gateway.drain", "detail": {"reason": "a new version"}}]});
    let shown = AUDIT
        .render(&audit, &Shown::default(), &Screen::default())
        .unwrap()
        .unwrap();
    assert!(shown.contains("d ago") && shown.ends_with("a new version"), "{shown}");
}

#[test]
fn an_order_is_one_row_and_one_without_an_end_stays() {
    let entry = |outcome: &str, target: &str| json!({"action": "plugin.stop", "target": target, "outcome": outcome, "detail": {"reason": "r"}});
    let audit = json!({"entries": [
        entry("ok", "a"), entry("not_found", "b"), entry("begun", "b"), entry("begun", "a"),
        entry("begun", "c"), entry("ok", "a"), entry("begun", "a")]});
    let shown = AUDIT
        .render(&audit, &Shown::default(), &Screen::default())
        .unwrap()
        .unwrap();
    let rows: Vec<Vec<&str>> = shown
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    let row = |target, outcome| vec!["plugin.stop", target, outcome, "r"];
    assert_eq!(
        rows,
        [row("a", "ok"), row("b", "not_found"), row("c", "begun"), row("a", "ok")]
    );
    let one = Shown {
        most: Some(1),
        ..Shown::default()
    };
    let shown = AUDIT.render(&audit, &one, &Screen::default()).unwrap().unwrap();
    assert_eq!(shown.lines().count(), 2);
}

#[test]
fn the_last_calls_stand_below_those_in_flight() {
    let calls = json!({"calls": [], "finished": [
        {"id": "r1", "operation": "git.repo.get", "code": "ok", "took_ms": 12, "at_unix_ms": 1}]});
    let shown = CALLS
        .render(&calls, &Shown::default(), &Screen::default())
        .unwrap()
        .unwrap();
    assert!(
        shown.starts_with("no call is in flight\n\nthe last that ended:\nENDED"),
        "{shown}"
    );
    assert!(shown.contains("12 ms") && shown.ends_with("r1"), "{shown}");
    // An older gateway tells of none.
    let older = json!({"calls": [{"id": "r2", "phase": "call"}]});
    let shown = CALLS
        .render(&older, &Shown::default(), &Screen::default())
        .unwrap()
        .unwrap();
    assert_eq!(shown, "PHASE  ID\ncall   r2");
}

#[test]
fn of_several_limits_the_tightest_is_shown() {
    let limit = |resource: &str, numbers: Value| {
        let mut limit = numbers;
        limit["resource"] = resource.into();
        limit
    };
    let core = limit("core", json!({"limit": 5000, "remaining": 40}));
    let search = limit("search", json!({"limit": 30, "remaining": 29}));
    let passed = limit("graphql", json!({"limit": 5000}));
    let policy = limit("burst", json!({"remaining": 0}));
    let shown = |limits: Value| {
        let document = json!({"plugins": [{"name": "a", "rate_limits": limits}]});
        PLUGINS.render(&document, &WIDE, &Screen::default()).unwrap().unwrap()
    };
    assert_eq!(shown(json!([search, core, passed])), "NAME  QUOTA\na     40/5000 core");
    assert_eq!(shown(json!([core, policy])), "NAME  QUOTA\na     0 burst");
    assert_eq!(shown(json!([passed])), "NAME\na");
    assert_eq!(shown(json!([])), "NAME\na");
}
