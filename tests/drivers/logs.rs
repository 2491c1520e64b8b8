//! Logs that are odd, or break off, at every provider that gives any.
//!
//! Invariant: each line is told once and in its place, however its bytes came.

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::upstream::logs::{KINDS, Log, Logs};
use crate::upstream::{Canned, Upstream, ask, connection};

/// The bytes of the longest line that is told in one.
const LONGEST: usize = 128 << 10;

fn input((_, run, step): (&str, &str, Option<&str>)) -> Value {
    match step {
        Some(step) => json!({"run": run, "step": step}),
        None => json!({"run": run}),
    }
}

/// What a log is at each kind: the lines that are got, and the events that are followed.
async fn of_each(
    make: impl Fn(usize) -> Log + Copy + Send + Sync + 'static,
) -> Vec<(&'static str, Vec<Value>, Vec<Value>)> {
    let mut each = vec![];
    for kind in KINDS {
        let mut outputs = vec![];
        for operation in ["cicd.log.get", "cicd.log.follow"] {
            let logs = Logs::start(make).await;
            let output = ask(kind.0, &connection(&logs.base(kind.0)), operation, input(kind)).await;
            outputs.push(output.unwrap_or_else(|failure| panic!("{operation} {}: {failure}", kind.0)));
        }
        let events = outputs
            .pop()
            .and_then(|events| events.as_array().cloned())
            .expect("events");
        let got = outputs.pop().expect("a log");
        assert_eq!(got["truncated"], Value::Null, "{}", kind.0);
        each.push((kind.0, got["lines"].as_array().cloned().expect("lines"), events));
    }
    each
}

fn text(of: &Value) -> &str {
    of["text"].as_str().expect("a text")
}

#[tokio::test]
async fn odd_lines_are_lines() {
    let odd: fn(usize) -> Log = |_| {
        let lines = ["\r", "a\r", "", "x\ry", "Grüße", "\u{1b}[1m"].map(|line| line.as_bytes().to_vec());
        Log::of(lines.into_iter().chain([b"\xff\xc3(".to_vec()]))
    };
    for (kind, got, followed) in of_each(odd).await {
        let escape = if matches!(kind, "github" | "gitea") {
            ""
        } else {
            "\u{1b}[1m"
        };
        let whole = ["", "a", "", "x\ry", "Grüße", escape, "\u{fffd}\u{fffd}("];
        assert_eq!(got.iter().map(text).collect::<Vec<_>>(), whole, "{kind}");
        let (end, lines) = followed.split_last().expect("events");
        assert_eq!(lines.iter().map(text).collect::<Vec<_>>(), whole, "{kind}");
        assert_eq!(
            (&end["type"], &end["status"]),
            (&json!("end"), &json!("success")),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_line_without_an_end_is_told_in_pieces_and_one_that_is_a_row_is_left_out() {
    /// Of one line, and of what comes behind it.
    const LENGTH: usize = 24 * LONGEST + 5;
    let long: fn(usize) -> Log = |_| Log::of([vec![b'x'; LENGTH], b"behind".to_vec()].into_iter());
    for (kind, got, followed) in of_each(long).await {
        let lines = &followed[..followed.len() - 1];
        let lengths = |lines: &[Value]| lines.iter().map(|line| text(line).len()).collect::<Vec<_>>();
        let numbers: Vec<u64> = lines.iter().filter_map(|line| line["seq"].as_u64()).collect();
        let (whole, counted) = match kind {
            // What it gives in one row is held whole or not at all; it has its number.
            "woodpecker" => (vec![6], vec![1]),
            _ => ([vec![LONGEST; 24], vec![5, 6]].concat(), (0..26).collect()),
        };
        assert_eq!((lengths(&got), lengths(lines)), (whole.clone(), whole), "{kind}");
        assert_eq!(numbers, counted, "{kind}");
    }
}

#[tokio::test]
async fn a_followed_log_that_breaks_off_within_a_line_goes_on_there() {
    let breaking: fn(usize) -> Log = |nth| {
        let lines = |count| Log::of((0..count).map(|at: usize| format!("line {at}").into_bytes()));
        match nth {
            0 => lines(3).broken(),
            1 => lines(2).broken(),
            2 => lines(40_000).broken(),
            _ => lines(50_000),
        }
    };
    let follow = |kind: (&'static str, &'static str, Option<&'static str>)| async move {
        let logs = Logs::start(breaking).await;
        let followed = ask(kind.0, &connection(&logs.base(kind.0)), "cicd.log.follow", input(kind)).await;
        let followed = followed.unwrap_or_else(|failure| panic!("{}: {failure}", kind.0));
        let events = followed.as_array().expect("events");
        assert_eq!(events.len(), 50_001, "{}", kind.0);
        for (at, event) in events[..50_000].iter().enumerate() {
            assert_eq!(
                (event["seq"].as_u64(), text(event)),
                (Some(at as u64), &*format!("line {at}")),
                "{}",
                kind.0
            );
        }
        assert_eq!(events[50_000]["type"], "end");
    };
    futures_util::future::join_all(KINDS.map(follow)).await;
}

#[tokio::test]
async fn a_log_that_is_got_fails_where_it_breaks_off_and_never_looks_whole() {
    let breaking: fn(usize) -> Log = |_| Log::of([b"a".to_vec()].into_iter()).broken();
    for kind in KINDS {
        let logs = Logs::start(breaking).await;
        let failure = ask(kind.0, &connection(&logs.base(kind.0)), "cicd.log.get", input(kind)).await;
        let failure = failure.expect_err(kind.0);
        assert!(failure.retryable, "{}: {failure}", kind.0);
        assert_eq!(failure.provider.as_deref(), Some(crate::upstream::INSTANCE));
    }
}

#[tokio::test]
async fn what_comes_in_the_place_of_a_log_is_none() {
    let page = Canned::text(200, "<p>Sign in</p>").header("content-type", "text/html; charset=utf-8");
    for (answer, sentence) in [(page, "a web page"), (Canned::text(206, "a"), "only a part")] {
        let provider = Upstream::answering([answer]).await;
        let failure = ask(
            "jenkins",
            &connection(&provider.url),
            "cicd.log.get",
            json!({"run": "api#42"}),
        )
        .await;
        let failure = failure.expect_err(sentence);
        assert!(
            failure.kind == Kind::UpstreamFailed && failure.message().contains(sentence),
            "{failure}"
        );
        assert!(!failure.retryable);
    }
    let nothing = Upstream::answering([
        Canned::json(200, json!({"id": 77})),
        Canned::json(
            200,
            json!({"number": 12, "status": "success", "workflows": [{"state": "success",
                "children": [{"id": 34, "pid": 2, "name": "test", "state": "success"}]}]}),
        ),
        Canned::text(204, ""),
    ]);
    let nothing = nothing.await;
    let input = json!({"run": "acme/api#12", "step": "test"});
    let log = ask("woodpecker", &connection(&nothing.url), "cicd.log.get", input).await;
    assert_eq!(log.expect("an empty log")["lines"], json!([]));
}
