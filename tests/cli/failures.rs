//! Exit codes, stderr, and secrets that stay secret.

use http::StatusCode;
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::recorder::{self, Ran, Recorder, mosaic, ran};

/// The one line on stderr of a failed run with `--json`.
pub fn problem(failed: &Ran) -> Value {
    assert_eq!((&*failed.out, failed.err.lines().count()), ("", 1), "{failed:?}");
    serde_json::from_str(&failed.err).expect("a problem document")
}

/// The documented codes, written a second time: a change must be meant.
fn documented(kind: Kind) -> i32 {
    match kind.code() {
        "invalid_input" => 2,
        "not_found" => 3,
        "unauthenticated" | "forbidden" | "upstream_auth" => 4,
        "conflict" | "precondition_failed" => 5,
        "unsupported" => 6,
        "rate_limited" | "quota_exceeded" | "budget_exhausted" | "upstream_rate_limited" => 7,
        "overloaded" | "circuit_open" | "no_provider" | "network" | "upstream_failed" => 69,
        "internal" => 70,
        "timeout" => 75,
        "cancelled" => 130,
        other => panic!("{other} has no documented exit code"),
    }
}

#[test]
fn each_code_has_its_exit_code_and_is_explained() {
    for kind in Kind::ALL {
        let document = json!({"type": "/docs/errors/x", "title": "T", "status": 418, "detail": "it did not work",
            "code": kind.code(), "request_id": "r-1"});
        let answer = document.clone();
        let server = Recorder::start(move |_| recorder::json(StatusCode::IM_A_TEAPOT, &answer));
        let human = server.run(&["git", "repo", "get", "a/b"]);
        assert_eq!((human.code, &*human.out), (Some(documented(kind)), ""), "{kind}");
        let head = format!("error[{kind}]: it did not work\n");
        assert!(
            human.err.starts_with(&head) && human.err.contains("request id: r-1"),
            "{}",
            human.err
        );
        let machine = server.run(&["--json", "git", "repo", "get", "a/b"]);
        assert_eq!(machine.code, Some(documented(kind)), "{kind}");
        assert_eq!(problem(&machine), document);

        let explained = ran(&mut mosaic(&["explain", kind.code(), "--json"]));
        let explained: Value = serde_json::from_str(&explained.out).unwrap();
        assert_eq!(explained["exit_code"], documented(kind), "{kind}");
        // What is advised of the code, and of this failure, of which less is known.
        assert!(
            explained["advice"].as_str().is_some_and(|advice| !advice.is_empty()),
            "{kind}"
        );
        let hint = human
            .err
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("hint: "));
        assert!(hint.is_some_and(|hint| hint.ends_with('.')), "{}", human.err);
    }
}

#[test]
fn a_gateway_that_is_not_there_is_unavailable() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for line in [
        &["git", "repo", "get", "a/b", "--server"][..],
        &["status", "--admin"],
        &["tree", "--admin"],
    ] {
        let failed = ran(mosaic(line).arg(format!("http://{nobody}")));
        assert_eq!((failed.code, &*failed.out), (Some(69), ""));
        assert!(
            failed.err.starts_with("error[network]: ") && failed.err.contains("mosaic serve"),
            "{}",
            failed.err
        );
    }
}

#[test]
fn the_key_is_sent_and_never_shown() {
    let server =
        Recorder::start(|_| recorder::json(StatusCode::FORBIDDEN, &json!({"code": "forbidden", "detail": "no"})));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "key-in-file\n").unwrap();
    let file = file.path().display().to_string();
    let lines: [&[&str]; 6] = [
        &["git", "repo", "get", "a/b"],
        &["git", "repo", "get", "a/b", "--json"],
        &["git", "repo", "get", "a/b", "--key-file", &file],
        &["git", "repo", "get", "--help"],
        &["git", "repo", "get", "a/b", "--key=key-in-flag"],
        &["tree"],
    ];
    for line in lines {
        let mut command = server.mosaic(line);
        let done = ran(command
            .env("MOSAIC_API_KEY", "key-in-env")
            .env("MOSAIC_ADMIN_TOKEN", "token-in-env"));
        for secret in ["key-in-env", "key-in-file", "key-in-flag", "token-in-env"] {
            assert!(
                !done.out.contains(secret) && !done.err.contains(secret),
                "{line:?} {done:?}"
            );
        }
    }
    let sent: Vec<_> = server
        .seen()
        .into_iter()
        .map(|seen| seen.authorization.unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            "Bearer key-in-env",
            "Bearer key-in-env",
            "Bearer key-in-file",
            "Bearer token-in-env"
        ]
    );
}

#[test]
fn a_key_that_no_header_can_carry_is_refused_without_being_quoted() {
    let server = Recorder::json(json!({}));
    let refused = ran(server
        .mosaic(&["git", "repo", "get", "a/b"])
        .env("MOSAIC_API_KEY", "two\nlines"));
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.err.contains("field: key") && !refused.err.contains("lines"),
        "{}",
        refused.err
    );
}

#[test]
fn a_timeout_is_told_as_one() {
    // The address takes connections into its backlog and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let late = ran(&mut mosaic(&[
        "git",
        "repo",
        "get",
        "a/b",
        "--timeout",
        "1ms",
        "--server",
        &url,
    ]));
    assert_eq!((late.code, &*late.out), (Some(75), ""), "{late:?}");
    assert!(late.err.starts_with("error[timeout]: "), "{}", late.err);
}

#[test]
fn each_listener_gets_its_own_advice() {
    let answer = json!({"title": "T", "status": 401, "code": "unauthenticated", "detail": "who are you"});
    let server = Recorder::start(move |_| recorder::json(StatusCode::UNAUTHORIZED, &answer));
    let admin = server.run(&["plugins", "list"]);
    assert!(
        admin.err.contains("--admin-token-file") && !admin.err.contains("--key-file"),
        "{admin:?}"
    );
    let public = server.run(&["git", "repo", "get", "a/b"]);
    assert!(
        public.err.contains("--key-file") && !public.err.contains("--admin-token-file"),
        "{public:?}"
    );
    // There is no --timeout for an order.
    let late = json!({"title": "T", "status": 504, "code": "timeout", "detail": "late"});
    let server = Recorder::start(move |_| recorder::json(StatusCode::GATEWAY_TIMEOUT, &late));
    let admin = server.run(&["plugins", "start", "a", "--reason=r"]);
    assert!(
        admin.err.contains("`mosaic status`") && !admin.err.contains("--timeout"),
        "{admin:?}"
    );
}

#[test]
fn an_output_that_is_full_and_a_configuration_at_fault_have_their_own_hints() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = mosaic(&["operations"]).stdout(full).output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(
        done.status.code() == Some(70) && told.contains("redirect stdout") && !told.contains("request id"),
        "{told}"
    );
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "[server]\nlisten = 1\n").unwrap();
    let path = config.path().display().to_string();
    let faulty = ran(&mut mosaic(&["check", "--config", &path]));
    assert!(
        faulty.err.contains("`mosaic config reference`") && !faulty.err.contains("--help"),
        "{faulty:?}"
    );
    let absent = ran(&mut mosaic(&["check", "--config", "/no/such/file.toml"]));
    assert!(
        absent.err.contains("/no/such/file.toml") && absent.err.contains("there is no such file"),
        "{absent:?}"
    );
}

#[test]
fn a_word_in_the_wrong_place_is_told_where_it_stands() {
    let server = Recorder::json(json!({}));
    for (line, told) in [
        (&["repo", "list"][..], "`mosaic git repo`"),
        (&["repos", "list"], "`mosaic git repo`"),
        (&["frobnicate"], "`mosaic operations`"),
        (&["api", "POST", "/v1/git/repos", "-d", "{}"], "--field NAME=VALUE"),
    ] {
        let refused = server.run(line);
        assert!(
            refused.code == Some(2) && refused.err.contains(told),
            "{line:?}: {refused:?}"
        );
    }
    let field = server.run(&["git", "repo", "list", "--json=zzz"]);
    assert!(field.err.contains("no 'zzz'. Its answer has: "), "{field:?}");
    assert!(server.seen().is_empty());
}

#[test]
fn toolsets_that_there_are_not_are_refused_before_an_agent_speaks() {
    let server = Recorder::json(json!({"operations": [{"service": "billing"}]}));
    let refused = server.run(&["mcp", "--toolsets", "core,gti"]);
    assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{refused:?}");
    assert!(
        refused.err.contains("no toolset 'gti'; did you mean git?"),
        "{refused:?}"
    );
    // One of the gateway's own is let through; nobody speaks, and so it ends.
    let own = server.run(&["mcp", "--toolsets", "billing"]);
    assert_eq!(own.code, Some(0), "{own:?}");
    assert!(server.seen().iter().all(|seen| seen.path == "/v1/operations"));
}
