//! The binary against a server that records: what it sends, prints and exits with.

#[path = "cli/recorder.rs"]
mod recorder;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use mosaic::catalogue::entry::{Field, Shape};
use mosaic::catalogue::{Entry, Method, OPERATIONS};
use mosaic_actors::error::Kind;
use serde_json::{Map, Value, json};

use recorder::{Ran, Recorder, events, mosaic, ran};

/// The longest that any single wait of a test may take.
const PATIENCE: Duration = Duration::from_secs(20);

// ---- every operation --------------------------------------------------------------------------------------------

/// A value for any field, as words of the command line and as JSON. The text needs escaping wherever it goes.
fn sample(field: &Field) -> (Vec<String>, Value) {
    if let Some(word) = field.choices.first() {
        return (vec![word.clone()], json!(word));
    }
    let (words, value) = match field.shape {
        Shape::Text => (vec!["acme/a b&ü"], json!("acme/a b&ü")),
        Shape::Integer => (vec!["7"], json!(7)),
        Shape::Number => (vec!["0.5"], json!(0.5)),
        Shape::Boolean => (vec!["true"], json!(true)),
        Shape::TextList => (vec!["a,b", "c d"], json!(["a,b", "c d"])),
        Shape::Json => (vec!["[{\"a\":1}]"], json!([{"a": 1}])),
    };
    (words.into_iter().map(str::to_owned).collect(), value)
}

/// The command line and the input of a call with these fields.
fn call_with(entry: &Entry, wanted: impl Fn(&Field) -> bool) -> (Vec<String>, Map<String, Value>) {
    let declaration = entry.declaration;
    let mut line: Vec<String> = entry.name().split('.').map(str::to_owned).collect();
    let mut input = Map::new();
    for name in declaration.positional {
        let field = entry.field(name).unwrap();
        if wanted(field) {
            let (words, value) = sample(field);
            line.extend(words);
            input.insert(field.name.clone(), value);
        }
    }
    for field in entry.fields.iter().filter(|field| wanted(field)) {
        if !declaration.positional.contains(&field.name.as_str()) {
            let (words, value) = sample(field);
            let flag = field.name.replace('_', "-");
            line.extend(words.iter().map(|word| format!("--{flag}={word}")));
            input.insert(field.name.clone(), value);
        }
    }
    (line, input)
}

fn check_sent(entry: &Entry, line: &[String], mut input: Map<String, Value>) {
    let streaming = entry.declaration.facts.streaming;
    let server = Recorder::start(move |_| match streaming {
        true => events("event: done\ndata: {}\n\n"),
        false => recorder::json(StatusCode::OK, &json!({})),
    });
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    let done = server.run(&line);
    assert_eq!(done.code, Some(0), "{line:?} {done:?}");

    let mut path = format!("/v1{}", entry.declaration.path);
    for field in &entry.fields {
        let placeholder = format!("{{{}}}", field.name);
        if path.contains(&placeholder) {
            path = path.replace(&placeholder, "acme%2Fa%20b%26%C3%BC");
            input.remove(&field.name);
        }
    }
    let seen = server.only();
    assert_eq!(
        (&*seen.method, &*seen.path),
        (entry.declaration.method.as_str(), &*path),
        "{line:?}"
    );
    match entry.declaration.method {
        Method::Post => assert_eq!((seen.body, seen.query), (Value::from(input), vec![]), "{line:?}"),
        Method::Get => {
            let mut wanted = Vec::new();
            for (name, value) in input {
                let values = value.as_array().cloned().unwrap_or_else(|| vec![value]);
                let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                wanted.extend(values.into_iter().map(|value| (name.clone(), text(value))));
            }
            let mut query = seen.query;
            query.sort();
            wanted.sort();
            assert_eq!((query, seen.body), (wanted, Value::Null), "{line:?}");
        }
    }
}

#[test]
fn every_operation_sends_exactly_what_it_declares() {
    assert!(!OPERATIONS.is_empty());
    for entry in OPERATIONS.iter() {
        let (line, input) = call_with(entry, |field| field.required);
        check_sent(entry, &line, input);
        let (line, input) = call_with(entry, |_| true);
        check_sent(entry, &line, input);
    }
}

#[test]
fn every_operation_takes_its_whole_input_as_json() {
    for entry in OPERATIONS.iter() {
        let (_, input) = call_with(entry, |_| true);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), Value::from(input.clone()).to_string()).unwrap();
        let mut line: Vec<String> = entry.name().split('.').map(str::to_owned).collect();
        line.extend(["--input".to_owned(), file.path().display().to_string()]);
        check_sent(entry, &line, input);
    }
}

#[test]
fn every_operation_has_help_and_refuses_the_lack_of_what_it_requires() {
    for entry in OPERATIONS.iter() {
        let mut line: Vec<&str> = entry.name().split('.').collect();
        let bare = ran(&mut mosaic(&line));
        if entry.fields.iter().any(|field| field.required) {
            assert_eq!(bare.code, Some(2), "{line:?}");
            assert!(
                bare.err.starts_with("error[invalid_input]: the following required"),
                "{}",
                bare.err
            );
        }
        line.push("--help");
        let help = ran(&mut mosaic(&line));
        assert_eq!((help.code, &*help.err), (Some(0), ""), "{line:?}");
        assert!(help.out.contains(entry.declaration.summary) && help.out.contains(entry.name()));
        for field in &entry.fields {
            let sentence = field.description.split([' ', '\n']).next().unwrap();
            assert!(help.out.contains(sentence), "{}: {}", field.name, help.out);
        }
    }
}

// ---- the input and the options ----------------------------------------------------------------------------------

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
            &["projects", "issue", "create", "a/b", "--title", "T", "--label", "x"],
            "'--labels'",
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

// ---- failures ---------------------------------------------------------------------------------------------------

/// The one line on stderr of a failed run with `--json`.
fn problem(failed: &Ran) -> Value {
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
        assert!(
            human.err.contains(explained["advice"].as_str().unwrap()),
            "{}",
            human.err
        );
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

// ---- output -----------------------------------------------------------------------------------------------------

#[test]
fn json_is_the_servers_own() {
    // Odd spacing, an unknown field and a number that a double cannot hold.
    let body = "{ \"id\":\"a~b\",  \"unknown\":12345678901234567890 }";
    let server = Recorder::start(move |_| axum::response::IntoResponse::into_response(body));
    let done = server.run(&["git", "repo", "get", "a/b", "--json"]);
    assert_eq!(
        (done.code, &*done.out, &*done.err),
        (Some(0), &*format!("{body}\n"), "")
    );
}

#[test]
fn a_page_is_a_table_and_its_cursor_a_hint_on_stderr() {
    let server = Recorder::json(json!({"items": [
        {"id": "f~acme/api#7", "number": 7, "title": "Broken\nbuild", "state": "open", "labels": ["bug", "ui"],
         "assignees": [], "body": "long", "web_url": "https://forge.example/7"}],
        "next_cursor": "c2", "has_more": true,
        "errors": [{"provider": "forge-b", "code": "timeout", "message": "too slow", "retryable": true}]}));
    let done = server.run(&["projects", "issue", "list", "acme/api"]);
    assert_eq!(done.code, Some(0));
    let lines: Vec<&str> = done.out.lines().collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(words(lines[0]), "ID NUMBER TITLE STATE LABELS");
    assert_eq!(words(lines[1]), "f~acme/api#7 7 Broken build open bug, ui");
    assert_eq!(lines.len(), 2);
    assert_eq!(
        done.err,
        "missing: forge-b [timeout]: too slow\nthere is more: --cursor c2\n"
    );
    let machine = server.run(&["projects", "issue", "list", "acme/api", "--json"]);
    assert!(machine.err.is_empty() && machine.out.contains("\"next_cursor\":\"c2\""));
}

#[test]
fn a_file_is_its_bytes() {
    let file = |encoding: &str, content: &str| {
        let server = Recorder::json(json!({"path": "x", "encoding": encoding, "content": content}));
        server
            .mosaic(&["git", "file", "get", "a/b", "x"])
            .output()
            .unwrap()
            .stdout
    };
    assert_eq!(file("utf-8", "no newline"), b"no newline");
    assert_eq!(file("base64", "AAH/"), [0, 1, 255]);
}

#[test]
fn a_chat_answer_is_its_text_and_the_facts_are_notes() {
    let server = Recorder::json(
        json!({"id": "m~1", "model": "m", "message": {"role": "assistant", "content": "Hello"},
        "finish": "length", "usage": {"input_tokens": 3, "output_tokens": 5}}),
    );
    let done = server.run(&["ai", "chat", "complete", "m", "say", "hello"]);
    assert_eq!((done.code, &*done.out), (Some(0), "Hello\n"));
    assert_eq!(
        done.err,
        "id: m~1, model: m, finish: length, usage.input_tokens: 3, usage.output_tokens: 5\n"
    );
    assert_eq!(server.only().body["prompt"], "say hello");
}

/// Runs in a pseudo-terminal, where stdout and stderr are one.
fn in_terminal(args: &str, variables: &[(&str, &str)]) -> String {
    let line = format!("stty cols 60 rows 24; {} {args}", env!("CARGO_BIN_EXE_mosaic"));
    let mut command = Command::new("script");
    command
        .args(["-qec", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm");
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    let done = ran(&mut command);
    done.out + &done.err
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let coloured = |args: &str, variables: &[(&str, &str)]| in_terminal(args, variables).contains("\u{1b}[");
    for args in ["explain not_found", "git repo get ..", "--help"] {
        assert!(coloured(args, &[]), "{args}");
        assert!(!coloured(args, &[("NO_COLOR", "1")]), "{args}");
        assert!(!coloured(args, &[("TERM", "dumb")]), "{args}");
        assert!(!coloured(&format!("--no-color {args}"), &[]), "{args}");
        let line: Vec<&str> = args.split(' ').collect();
        let piped = ran(mosaic(&line).env("TERM", "xterm"));
        assert!(!piped.out.contains('\u{1b}') && !piped.err.contains('\u{1b}'), "{args}");
    }
}

#[test]
fn a_terminal_gets_tables_that_fit_and_no_binary() {
    let server = Recorder::json(json!({"items": [{"name": "main", "sha": "f".repeat(200)}], "has_more": false}));
    let shown = in_terminal("git branch list a/b", &[("MOSAIC_URL", &server.url())]);
    assert!(
        shown.contains('…') && shown.lines().all(|line| line.trim_end().chars().count() <= 60),
        "{shown}"
    );
    let server = Recorder::json(json!({"encoding": "base64", "content": "AAH/"}));
    let shown = in_terminal(
        "git file get a/b x",
        &[("MOSAIC_URL", &server.url()), ("NO_COLOR", "1")],
    );
    assert!(shown.contains("error[invalid_input]: the content is binary"), "{shown}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let server = Recorder::json(json!({"encoding": "utf-8", "content": "x".repeat(8 << 20)}));
    let mut child = server
        .mosaic(&["git", "file", "get", "a/b", "x"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 10]).unwrap();
    drop(out);
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), &*done.stderr), (Some(0), &b""[..]));
}

// ---- streams ----------------------------------------------------------------------------------------------------

fn delta(text: &str) -> String {
    format!("data: {}\n\n", json!({"type": "delta", "text": text}))
}

#[test]
fn pieces_are_printed_as_they_come() {
    for (json, wanted) in [
        (false, ["one", " two"]),
        (
            true,
            [
                "{\"type\":\"delta\",\"text\":\"one\"}\n",
                "{\"type\":\"delta\",\"text\":\" two\"}\n",
            ],
        ),
    ] {
        // The second piece is sent only after the first was read from the binary's stdout.
        let (send, pieces) = tokio::sync::mpsc::unbounded_channel::<String>();
        let pieces = Mutex::new(Some(pieces));
        let server = Recorder::start(move |_| {
            let pieces = pieces.lock().unwrap().take().expect("one request");
            let stream = futures_util::stream::unfold(pieces, async |mut pieces| {
                let piece = pieces.recv().await?;
                Some((Ok::<_, std::convert::Infallible>(Bytes::from(piece)), pieces))
            });
            events(Body::from_stream(stream))
        });
        let mut command = server.mosaic(&["ai", "chat", "stream", "m", "count"]);
        if json {
            command.arg("--json");
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (told, reads) = mpsc::channel();
        let lengths = wanted.map(str::len);
        std::thread::spawn(move || {
            for length in lengths {
                let mut piece = vec![0; length];
                out.read_exact(&mut piece).unwrap();
                told.send(String::from_utf8(piece).unwrap()).unwrap();
            }
            let mut rest = String::new();
            out.read_to_string(&mut rest).unwrap();
            told.send(rest).unwrap();
        });
        send.send(delta("one")).unwrap();
        assert_eq!(reads.recv_timeout(PATIENCE).unwrap(), wanted[0]);
        send.send(delta(" two")).unwrap();
        assert_eq!(reads.recv_timeout(PATIENCE).unwrap(), wanted[1]);
        send.send("data: {\"type\":\"end\",\"finish\":\"stop\"}\n\nevent: done\ndata: {}\n\n".to_owned())
            .unwrap();
        let rest = reads.recv_timeout(PATIENCE).unwrap();
        let done = child.wait_with_output().unwrap();
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(0), "{err}");
        match json {
            true => assert_eq!((&*rest, &*err), ("{\"type\":\"end\",\"finish\":\"stop\"}\n", "")),
            false => assert_eq!((&*rest, &*err), ("\n", "finish: stop\n")),
        }
    }
}

#[test]
fn a_stream_that_breaks_is_a_failure_after_what_came() {
    let cases = [
        (
            "event: error\ndata: {\"code\":\"upstream_failed\",\"status\":502,\"detail\":\"it broke\"}\n\n",
            "upstream_failed",
        ),
        ("", "network"),
    ];
    for (end, code) in cases {
        let server = Recorder::start(move |_| events(format!("{}{end}", delta("half"))));
        let human = server.run(&["ai", "chat", "stream", "m", "x"]);
        assert_eq!((human.code, &*human.out), (Some(69), "half\n"));
        assert!(human.err.starts_with(&format!("error[{code}]: ")), "{}", human.err);
        let machine = server.run(&["ai", "chat", "stream", "m", "x", "--json"]);
        assert_eq!(machine.out, "{\"type\":\"delta\",\"text\":\"half\"}\n");
        assert_eq!(serde_json::from_str::<Value>(&machine.err).unwrap()["code"], code);
    }
}

#[test]
fn an_interrupt_ends_it_with_its_own_code() {
    let server = Recorder::start(|_| {
        events(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, std::io::Error>,
        >()))
    });
    let mut child = server
        .mosaic(&["ai", "chat", "stream", "m", "x"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while server.seen().is_empty() {
        assert!(start.elapsed() < PATIENCE, "the request never came");
        std::thread::yield_now();
    }
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

// ---- the operational commands -----------------------------------------------------------------------------------

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
                "restarts": 5, "budget_left": 0, "last_crash": {"why": "panic", "text": "boom"}}]}}),
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
    assert_eq!((tree.code, &*last), (Some(0), "└─ x gave_up 5 0 last panic: boom"));
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
        assert_eq!(script.out.contains("labels"), shell != "fish", "{shell}");
    }
    let bare = ran(&mut mosaic(&[]));
    assert_eq!((bare.code, &*bare.out), (Some(2), ""));
    assert!(bare.err.contains("Usage: mosaic"), "{}", bare.err);
}
