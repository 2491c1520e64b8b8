//! The commands that look at and change a running gateway, against a listener that records.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::failures::problem;
use crate::recorder::{self, Recorder, Seen, mosaic, ran};

const WHY: &str = "--reason=maintenance";
/// How long a line may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

fn dry(seen: &Seen) -> bool {
    seen.query.contains(&("dry_run".to_owned(), "true".to_owned()))
}

/// Says of a rehearsal what it would touch, and of a change that it is done.
fn gateway() -> Recorder {
    Recorder::start(|seen| {
        let answer = if dry(seen) {
            json!({"dry_run": true, "touches": {"calls_in_flight": 7}})
        } else {
            json!({"state": "stopped"})
        };
        recorder::json(StatusCode::OK, &answer)
    })
}

#[test]
fn each_view_reads_its_document() {
    let server = Recorder::json(json!({"items": [{"name": "forge-a", "state": "running"}]}));
    let lines: [(&[&str], &str); 12] = [
        (&["status"], "/admin/v1/status"),
        (&["plugins", "list"], "/admin/v1/plugins"),
        (&["plugins", "show", "a b"], "/admin/v1/plugins/a%20b"),
        (&["breakers", "list"], "/admin/v1/breakers"),
        (&["caches"], "/admin/v1/caches"),
        (&["quotas"], "/admin/v1/quotas"),
        (&["credits"], "/admin/v1/credits"),
        (&["shadows"], "/admin/v1/shadows"),
        (&["calls"], "/admin/v1/calls"),
        (&["audit"], "/admin/v1/audit"),
        (&["ledger", "--limit", "5"], "/admin/v1/ledger"),
        (&["log"], "/admin/v1/log"),
    ];
    for (line, path) in lines {
        let shown = server.run(line);
        assert_eq!((shown.code, &*shown.err), (Some(0), ""), "{line:?}");
        assert_eq!(shown.out, "NAME     STATE\nforge-a  running\n", "{line:?}");
        let seen = server.seen().pop().unwrap();
        assert_eq!((&*seen.method, &*seen.path), ("GET", path));
        let limit: &[(String, String)] = &[("limit".to_owned(), "5".to_owned())];
        assert_eq!(seen.query, if line.contains(&"--limit") { limit } else { &[] });
    }
}

#[test]
fn each_change_is_one_request_with_its_reason() {
    let server = gateway();
    let with = |body: Value| {
        let mut body = body;
        body["reason"] = "maintenance".into();
        body
    };
    let lines: [(&[&str], &str, Value); 16] = [
        (
            &["plugins", "stop", "a", "--force"],
            "/admin/v1/plugins/a/stop",
            json!({}),
        ),
        (&["plugins", "start", "a"], "/admin/v1/plugins/a/start", json!({})),
        (&["plugins", "drain", "a", "-f"], "/admin/v1/plugins/a/drain", json!({})),
        (
            &["plugins", "remove", "a", "-f"],
            "/admin/v1/plugins/a/remove",
            json!({}),
        ),
        (&["plugins", "update", "a"], "/admin/v1/plugins/a/update", json!({})),
        (
            &[
                "plugins",
                "update",
                "a",
                "--kind",
                "github",
                "--token-ref",
                "file:/run/t",
            ],
            "/admin/v1/plugins/a/update",
            json!({"provider": {"kind": "github", "token": "file:/run/t"}}),
        ),
        (
            &[
                "plugins",
                "add",
                "a",
                "--kind",
                "github",
                "--base-url",
                "http://h",
                "--settings",
                "{\"x\":1}",
            ],
            "/admin/v1/plugins",
            json!({"name": "a", "provider": {"kind": "github", "base_url": "http://h", "settings": {"x": 1}}}),
        ),
        (
            &["breakers", "force-open", "a", "-f"],
            "/admin/v1/breakers/a/force-open",
            json!({}),
        ),
        (&["breakers", "reset", "a"], "/admin/v1/breakers/a/reset", json!({})),
        (
            &["actors", "restart", "/root/x"],
            "/admin/v1/actors/restart",
            json!({"path": "/root/x"}),
        ),
        (
            &["actors", "stop", "/root/x", "-f"],
            "/admin/v1/actors/stop",
            json!({"path": "/root/x"}),
        ),
        (
            &["breakers", "force-open", "a", "-f", "--for", "10m"],
            "/admin/v1/breakers/a/force-open",
            json!({"for_ms": 600_000}),
        ),
        (
            &["calls", "cancel", "r/1", "-f"],
            "/admin/v1/calls/r%2F1/cancel",
            json!({}),
        ),
        (
            &["caches", "purge", "--tag", "repo:acme/api"],
            "/admin/v1/caches/purge",
            json!({"tag": "repo:acme/api"}),
        ),
        (&["drain", "--force"], "/admin/v1/gateway/drain", json!({})),
        (
            &["log", "--filter", "debug", "--for", "10m"],
            "/admin/v1/log",
            json!({"filter": "debug", "for_ms": 600_000}),
        ),
    ];
    for (line, path, body) in lines {
        let done = server.run(&[line, &[WHY]].concat());
        assert_eq!(done.code, Some(0), "{line:?} {done:?}");
        assert!(
            done.out.contains("stopped") && done.err.starts_with("done: "),
            "{done:?}"
        );
        let seen = server.seen().pop().unwrap();
        assert_eq!(
            (&*seen.method, &*seen.path, seen.query.len()),
            ("POST", path, 0),
            "{line:?}"
        );
        assert_eq!(seen.body, with(body), "{line:?}");
    }
}

#[test]
fn a_file_describes_a_provider_as_the_configuration_does() {
    let server = gateway();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "kind = \"openai\"\ntoken = \"env:KEY\"\n[breaker]\nopen_for = \"5s\"\n",
    )
    .unwrap();
    let path = file.path().display().to_string();
    let done = server.run(&["plugins", "add", "m", "--file", &path, WHY]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let provider = json!({"kind": "openai", "token": "env:KEY", "breaker": {"open_for": "5s"}});
    assert_eq!(server.only().body["provider"], provider);
    let both = server.run(&["plugins", "add", "m", "--file", &path, "--kind", "github", WHY]);
    assert_eq!((both.code, server.seen().len()), (Some(2), 1), "{both:?}");
}

#[test]
fn a_rehearsal_shows_what_it_touches_and_changes_nothing() {
    let server = gateway();
    let rehearsed = server.run(&["plugins", "remove", "a", "--dry-run"]);
    assert_eq!(rehearsed.code, Some(0), "{rehearsed:?}");
    assert!(rehearsed.out.contains("touches.calls_in_flight  7"), "{rehearsed:?}");
    assert!(server.seen().iter().all(dry));
}

#[test]
fn nothing_is_changed_without_a_reason_or_against_a_secret_in_the_open() {
    let server = gateway();
    for (line, field) in [
        (&["plugins", "start", "a"][..], "reason"),
        (&["plugins", "stop", "a", WHY], "force"),
        (&["drain", WHY, "--no-input"], "force"),
        (
            &["plugins", "add", "a", "--kind", "x", "--token-ref", "ghp_planted", WHY],
            "token-ref",
        ),
        (&["actors", "restart", "/root/x", "--reason", " "], "reason"),
    ] {
        let refused = server.run(&[line, &["--json"]].concat());
        assert_eq!(refused.code, Some(2), "{line:?} {refused:?}");
        assert!(!refused.err.contains("planted"), "{refused:?}");
        assert_eq!(problem(&refused)["field"], field, "{line:?}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn what_the_gateway_refuses_is_told_with_its_exit_code() {
    let server = Recorder::start(|_| {
        recorder::json(
            StatusCode::CONFLICT,
            &json!({"code": "conflict", "detail": "it is busy"}),
        )
    });
    let refused = server.run(&["plugins", "start", "a", WHY]);
    assert_eq!((refused.code, &*refused.out), (Some(5), ""));
    assert!(refused.err.starts_with("error[conflict]: it is busy"), "{refused:?}");
}

/// Runs the binary on a terminal of its own and types `answers`.
fn on_a_terminal(server: &Recorder, line: &str, answers: &str) -> (Option<i32>, String) {
    let mut script = Command::new("script")
        .args(["-qec", &format!("{} {line}", env!("CARGO_BIN_EXE_mosaic")), "/dev/null"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TERM", "dumb")
        .env("MOSAIC_ADMIN_URL", server.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of the package bsdutils, runs");
    script.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
    let done = script.wait_with_output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
}

#[test]
fn on_a_terminal_what_is_dangerous_is_shown_and_asked() {
    let server = gateway();
    let (code, told) = on_a_terminal(&server, "plugins stop a --reason maintenance", "n\n");
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("touches.calls_in_flight  7") && told.contains("stop a? [y/N]"),
        "{told}"
    );
    assert!(
        told.contains("nothing was changed") && server.seen().iter().all(dry),
        "{told}"
    );

    let (code, told) = on_a_terminal(&server, "plugins stop a", "an upgrade\ny\n");
    assert_eq!(code, Some(0), "{told}");
    let last = server.seen().pop().unwrap();
    assert!(!dry(&last), "{told}");
    assert_eq!(last.body, json!({"reason": "an upgrade"}));
}

fn tree(state: &str, uptime: usize) -> Value {
    json!({"at_unix_ms": uptime, "root": {"path": "/root", "state": "running", "uptime_ms": uptime,
        "children": [{"path": "/root/a", "state": state, "in_state_ms": uptime}]}})
}

/// Answers look by look: twice the same, a gap, a restart with another state, then that for good.
fn changing() -> Recorder {
    let looks = Arc::new(AtomicUsize::new(0));
    Recorder::start(move |_| match looks.fetch_add(1, Ordering::SeqCst) {
        look @ (0 | 1) => recorder::json(StatusCode::OK, &tree("running", 1000 + look)),
        2 => recorder::json(
            StatusCode::SERVICE_UNAVAILABLE,
            &json!({"code": "overloaded", "detail": "gone"}),
        ),
        look => recorder::json(StatusCode::OK, &tree("backing_off", look)),
    })
}

/// The first `count` lines of a command that does not end by itself, and its stderr.
fn first_lines(command: &mut Command, count: usize) -> (Vec<String>, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (sender, lines) = mpsc::channel();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let lines: Result<Vec<_>, _> = (0..count).map(|_| lines.recv_timeout(PATIENCE)).collect();
    child.kill().unwrap();
    let told = String::from_utf8_lossy(&child.wait_with_output().unwrap().stderr).into_owned();
    // Its end is that of the pipe; nobody takes further lines, and an error says so.
    let _ = reader.join().unwrap();
    (
        lines.unwrap_or_else(|_| panic!("fewer than {count} lines; {told}")),
        told,
    )
}

#[test]
fn a_watch_prints_each_change_and_outlives_a_restart() {
    let line = ["tree", "--watch", "--interval", "50ms"];
    let (lines, told) = first_lines(&mut changing().mosaic(&line), 7);
    let states: Vec<_> = lines.iter().filter(|line| line.contains("└─ a")).collect();
    assert!(
        states.len() == 2 && states[0].contains("running") && states[1].contains("backing_off"),
        "{lines:?}"
    );
    assert!(
        told.contains("gone; waiting for the gateway") && told.contains("answers again"),
        "{told}"
    );

    let (lines, told) = first_lines(changing().mosaic(&line).arg("--json"), 2);
    let states = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let states: Vec<_> = states
        .map(|tree| tree["root"]["children"][0]["state"].clone())
        .collect();
    assert_eq!(states, ["running", "backing_off"]);
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["code"], "overloaded");
}

#[test]
fn a_watch_of_nobody_or_of_the_forbidden_ends_at_once() {
    let nobody = ran(&mut mosaic(&["tree", "--watch", "--admin", "http://127.0.0.1:1"]));
    assert_eq!(nobody.code, Some(69), "{nobody:?}");
    let server = Recorder::start(|_| recorder::json(StatusCode::UNAUTHORIZED, &json!({"code": "unauthenticated"})));
    assert_eq!(server.run(&["tree", "--watch"]).code, Some(4));
    assert_eq!(server.run(&["tree", "--watch", "--interval", "1ms"]).code, Some(2));
}

#[test]
fn a_watch_ends_when_its_reader_goes_away_though_nothing_changes() {
    let server = Recorder::json(tree("running", 1));
    for line in [&["tree"][..], &["plugins", "list"], &["tree", "--json"]] {
        let line = [line, &["--watch", "--interval", "50ms"]].concat();
        let mut child = server.mosaic(&line).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut first)
            .unwrap();
        let (sender, ended) = mpsc::channel();
        let id = child.id();
        std::thread::spawn(move || sender.send(child.wait().unwrap().code()));
        let code = ended
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("{line:?} (process {id}) goes on"));
        assert_eq!((code, first.is_empty()), (Some(0), false), "{line:?}");
    }
}

/// Whatever this process ignores, as what a shell without job control has in the background.
#[test]
fn a_watch_ends_when_it_is_told_to_though_the_signal_was_ignored_or_nobody_reads() {
    let large = "x".repeat(1 << 20);
    for (document, reads) in [(tree("running", 1), true), (tree(&large, 1), false)] {
        let server = Recorder::json(document);
        let mosaic = server.mosaic(&["tree", "--watch", "--json", "--interval", "50ms"]);
        let mut child = Command::new("env")
            .arg("--ignore-signal=INT")
            .arg(mosaic.get_program())
            .args(mosaic.get_args())
            .env("MOSAIC_ADMIN_URL", server.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = vec![0];
        out.read_exact(&mut first).unwrap();
        let id = child.id();
        let sent = Command::new("kill")
            .args(["-s", "INT", &id.to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait().unwrap().code()));
        let code = ended.recv_timeout(PATIENCE);
        let code = code.unwrap_or_else(|_| panic!("process {id} goes on; its output is read: {reads}"));
        assert_eq!(code, Some(130));
        drop(out);
    }
}

#[test]
fn an_empty_list_is_a_sentence_and_a_change_of_the_log_answers_with_its_filter() {
    let empty = Recorder::json(
        json!({"plugins": [], "calls": [], "entries": [], "breakers": [], "tenants": [], "credits": [], "shadows": []}),
    );
    for line in [
        &["plugins", "list"][..],
        &["calls"],
        &["ledger"],
        &["audit"],
        &["breakers", "list"],
        &["quotas"],
        &["credits"],
        &["shadows"],
    ] {
        let shown = empty.run(line);
        let told = format!("{}{}", shown.out, shown.err);
        assert!(shown.code == Some(0) && told.starts_with("no"), "{line:?} {shown:?}");
    }
    let log = Recorder::json(
        json!({"done": "log.set", "touched": {}, "filter": "debug", "configured": "info", "for_ms": 60_000}),
    );
    let done = log.run(&["log", "--filter", "debug", "--for", "1m", WHY]);
    assert_eq!(done.out, "filter      debug\nconfigured  info\nfor_ms      60000\n");
}

#[test]
fn help_tells_what_groups_hold_and_what_is_required() {
    let help = |line: &[&str]| ran(&mut mosaic(line)).out;
    assert!(
        help(&["--help"]).contains("repo (list, get, create, delete, fork)"),
        "{}",
        help(&["--help"])
    );
    let get = help(&["git", "repo", "get", "--help"]);
    assert!(get.contains("  <REPO>") && !get.contains("[REPO]"), "{get}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("m.toml");
    std::fs::write(&file, "[providers.forge-of-ours]\nkind = \"github\"\n").unwrap();
    let script = help(&["completions", "bash", "--config", &file.display().to_string()]);
    assert!(script.contains("forge-of-ours") && !help(&["completions", "bash"]).contains("forge-of-ours"));
}
