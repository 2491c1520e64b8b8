//! Streams, as they come and as they end.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::recorder::{Recorder, events};

/// The longest that any single wait of a test may take.
const PATIENCE: Duration = Duration::from_secs(20);

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
fn each_line_of_a_log_is_printed_as_one() {
    let server = Recorder::start(|_| {
        let line = |seq: u64, text: &str| {
            format!(
                "data: {}\n\n",
                json!({"type": "line", "seq": seq, "stream": "stdout", "text": text})
            )
        };
        let end = json!({"type": "end", "status": "success", "raw_status": "success"});
        events(Body::from(format!(
            "{}{}{}data: {end}\n\nevent: done\ndata: {{}}\n\n",
            line(0, "make test"),
            line(1, ""),
            line(2, "Grüße")
        )))
    });
    let output = server
        .mosaic(&["cicd", "log", "follow", "acme/api#1"])
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "make test\n\nGrüße\n",
        "{output:?}"
    );
    assert_eq!(output.status.code(), Some(0));
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

/// The events of an answer in which a model thinks, says something, and wants two tools called, told in turns.
fn of_everything() -> Vec<Value> {
    let call = |index: u64, id: &str, name: &str| json!({"type": "tool_call", "index": index, "id": id, "name": name});
    let part = |index: u64, text: &str| json!({"type": "tool_arguments", "index": index, "text": text});
    vec![
        json!({"type": "start", "id": "m~1", "model": "big",
            "warnings": [{"field": "top_k", "message": "left out"}]}),
        json!({"type": "reasoning", "text": "Paris is"}),
        json!({"type": "reasoning", "text": " a town."}),
        json!({"type": "signature", "signature": "s3al"}),
        json!({"type": "delta", "text": "I will"}),
        json!({"type": "delta", "text": " look."}),
        json!({"type": "reasoning", "text": "And the time?"}),
        call(0, "c1", "weather"),
        call(1, "c2", "clock"),
        part(0, "{\"city\":"),
        part(1, "{}"),
        part(0, "\"Paris\"}"),
        json!({"type": "hidden_reasoning", "data": "x"}),
        json!({"type": "usage", "usage": {"input_tokens": 3, "output_tokens": 5}}),
        json!({"type": "end", "finish": "tool"}),
    ]
}

fn stream_of(events_: &[Value], end: &str) -> String {
    let told: String = events_.iter().map(|event| format!("data: {event}\n\n")).collect();
    told + end
}

const DONE: &str = "event: done\ndata: {}\n\n";

#[test]
fn an_answer_its_thoughts_and_its_calls_are_told_apart() {
    let server = Recorder::start(|_| events(stream_of(&of_everything(), DONE)));
    let human = server.run(&["ai", "chat", "stream", "m", "x"]);
    assert_eq!(human.code, Some(0), "{human:?}");
    assert_eq!(
        human.out,
        "I will look.\ntool call weather {\"city\":\"Paris\"} (c1)\ntool call clock {} (c2)\n"
    );
    assert_eq!(
        human.err,
        "warning: top_k: left out\nthinking:\nParis is a town.\nthinking:\nAnd the time?\n(a thought that is hidden)\n\
         id: m~1, model: big, usage.input_tokens: 3, usage.output_tokens: 5, finish: tool\n"
    );
    let machine = server.run(&["ai", "chat", "stream", "m", "x", "--json"]);
    let frames: Vec<Value> = machine
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((frames, &*machine.err), (of_everything(), ""));
    // A call that broke off is not shown as if it were whole.
    let broken = "event: error\ndata: {\"code\":\"network\",\"status\":502,\"detail\":\"it broke\"}\n\n";
    let server = Recorder::start(move |_| events(stream_of(&of_everything()[..11], broken)));
    let cut = server.run(&["ai", "chat", "stream", "m", "x"]);
    assert!(
        cut.out.ends_with("tool call clock {} (c2), which broke off\n"),
        "{cut:?}"
    );
}

#[test]
fn a_whole_answer_is_shown_as_one_that_came_in_pieces() {
    let server = Recorder::json(json!({
        "id": "m~1", "model": "big", "reasoning": "Paris is a town.", "finish": "tool",
        "message": {"role": "assistant", "content": [
            {"type": "thinking", "text": "And the time?", "signature": "s3al"},
            {"type": "text", "text": "I will look."},
            {"type": "tool_call", "id": "c1", "name": "weather", "arguments": "{\"city\":\"Paris\"}"},
        ]},
        "usage": {"input_tokens": 3, "output_tokens": 5}}));
    let done = server.run(&["ai", "chat", "complete", "m", "x"]);
    assert_eq!(done.out, "I will look.\ntool call weather {\"city\":\"Paris\"} (c1)\n");
    assert_eq!(
        done.err,
        "thinking:\nParis is a town.And the time?\n\
         id: m~1, model: big, finish: tool, usage.input_tokens: 3, usage.output_tokens: 5\n"
    );
}
