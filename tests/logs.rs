//! Large logs through the whole program: each line arrives, and the program's memory does not grow with them.
//!
//! Invariant: neither the servers nor the clients hold a log whole, so that what is measured is the gateway's.

mod harness;
mod upstream;

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::StreamExt;
use harness::Gateway;
use serde_json::{Value, json};
use upstream::logs::{KINDS, Log, Logs};

/// A hundred megabytes of lines.
const LINES: usize = 12_500;
const LENGTH: usize = 8_000;
/// A line that does not end.
const ENDLESS: usize = 50 << 20;
/// Lines of a log that is asked for part by part, each time from its beginning.
const FEW_LINES: usize = 3_000;
/// What the gateway's memory may grow by, however much passes through: what the allocator keeps, and of a log that is read
/// part by part a part and its JSON, a few times.
const MOST_GROWTH_KIB: u64 = 64 << 10;
const MOST_GROWTH_BY_PARTS_KIB: u64 = 128 << 10;
/// Ample, because test machines are busy.
const LIMIT: Duration = Duration::from_secs(240);

fn line(at: usize) -> String {
    let mut line = format!("{at} ");
    line.extend(std::iter::repeat_n('x', LENGTH - line.len()));
    line
}

fn lines(count: usize) -> Log {
    Log::of((0..count).map(|at| line(at).into_bytes()))
}

async fn gateway(logs: &Logs) -> Gateway {
    let mut config = "[server]\nlisten = \"127.0.0.1:0\"\nrequest_timeout = \"5m\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
        [cache.l1]\nenabled = false\n[gateway]\nattempt_timeout = \"2m\"\n"
        .to_owned();
    for (kind, _, _) in KINDS {
        let table = format!(
            "[providers.{kind}]\nkind = \"{kind}\"\nbase_url = \"{}\"\n",
            logs.base(kind)
        );
        writeln!(config, "{table}health_check = false").expect("a text");
        if kind == "woodpecker" {
            writeln!(config, "token = \"env:TOKEN\"").expect("a text");
        }
    }
    Gateway::serve(&config, vec![("TOKEN".to_owned(), "a-token".to_owned())]).await
}

/// The address of a kind's log.
fn address(gateway: &Gateway, (kind, run, step): (&str, &str, Option<&str>), rest: &str) -> String {
    let run = run.replace('/', "%2F").replace('#', "%23");
    let step = step.map(|step| format!("&step={step}")).unwrap_or_default();
    format!(
        "http://{}/v1/cicd/runs/{run}/log{rest}provider={kind}{step}",
        gateway.public
    )
}

/// Ends the program, whose memory has grown from `before` by `most` at most.
fn within(gateway: &Gateway, before: u64, most: u64) {
    let growth = gateway.program.memory_kib("VmHWM").saturating_sub(before);
    println!("the memory of the gateway grew by {growth} KiB");
    assert!(growth <= most, "it grew by {growth} KiB");
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
}

/// Follows a log, and forgets it line by line; the events that are no lines.
async fn follow(gateway: &Gateway, of: (&str, &str, Option<&str>), mut told: impl FnMut(u64, &str)) -> Vec<Value> {
    let reply = gateway.client.0.get(address(gateway, of, "/follow?")).timeout(LIMIT);
    let reply = reply.send().await.expect("an answer");
    assert_eq!(reply.status(), 200, "{of:?}");
    let (mut pieces, mut begun, mut others) = (reply.bytes_stream(), Vec::new(), vec![]);
    while let Some(piece) = pieces.next().await {
        let piece = piece.expect("it goes on");
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            begun.extend_from_slice(part);
            if !part.ends_with(b"\n") {
                continue;
            }
            let line = std::mem::take(&mut begun);
            let Some(data) = line.strip_prefix(b"data: ") else {
                continue;
            };
            let event: Value = serde_json::from_slice(data).expect("JSON");
            match (event["seq"].as_u64(), event["text"].as_str()) {
                (Some(seq), Some(text)) => told(seq, text),
                // Behind the last, the stream says that it has ended.
                _ if event == json!({}) => {}
                _ => others.push(event),
            }
        }
    }
    others
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_log_passes_line_by_line_in_little_memory() {
    let logs = Logs::start(|_| lines(LINES)).await;
    let gateway = gateway(&logs).await;
    let before = gateway.program.memory_kib("VmRSS");
    for of in KINDS {
        let mut next = 0;
        let others = follow(&gateway, of, |seq, text| {
            assert_eq!((seq, text), (next, &*line(next as usize)), "{of:?}");
            next += 1;
        })
        .await;
        assert_eq!(next as usize, LINES, "{of:?}");
        assert_eq!(
            (others.len(), &others[0]["type"]),
            (1, &"end".into()),
            "{of:?}: {others:?}"
        );
    }
    within(&gateway, before, MOST_GROWTH_KIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_passes_in_little_memory() {
    let logs = Logs::start(|_| Log::of([vec![b'x'; ENDLESS], b"behind".to_vec()].into_iter())).await;
    let gateway = gateway(&logs).await;
    let before = gateway.program.memory_kib("VmRSS");
    // What is one row at Woodpecker is left out.
    for (of, length) in [(KINDS[2], ENDLESS), (KINDS[3], 0)] {
        let (mut came, mut last) = (0, String::new());
        follow(&gateway, of, |_, text| {
            came += text.len();
            text.clone_into(&mut last);
        })
        .await;
        assert_eq!((came, &*last), (length + "behind".len(), "behind"), "{of:?}");
    }
    within(&gateway, before, MOST_GROWTH_KIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_log_is_read_part_by_part_and_no_part_is_large() {
    let logs = Logs::start(|_| lines(FEW_LINES)).await;
    let gateway = gateway(&logs).await;
    let before = gateway.program.memory_kib("VmRSS");
    for of in KINDS {
        let (mut count, mut after, mut parts) = (0, String::new(), 0);
        loop {
            let part = gateway
                .client
                .get(&address(&gateway, of, &format!("?{after}")))
                .await
                .ok();
            for one in part["lines"].as_array().expect("lines") {
                assert_eq!(one["text"], line(count), "{of:?}");
                count += 1;
            }
            parts += 1;
            assert_eq!(part["truncated"] == true, part["next_after"].is_u64(), "{of:?}");
            let Some(next) = part["next_after"].as_u64() else { break };
            assert_eq!(next as usize + 1, count, "{of:?}");
            after = format!("after={next}&");
        }
        assert_eq!((count, parts), (FEW_LINES, 3), "{of:?}");
    }
    // The command line shows all of it, part after part.
    let shown = gateway.cli(&["cicd", "log", "get", "api#42", "--provider", "jenkins", "--all"]);
    let texts: Vec<&str> = shown.ok().lines().collect();
    assert!(texts.len() == FEW_LINES && texts.iter().enumerate().all(|(at, text)| *text == line(at)));
    let first = gateway.cli(&["cicd", "log", "get", "api#42", "--provider", "jenkins"]);
    assert!(first.ok().lines().count() < FEW_LINES);
    assert!(first.stderr.contains("there is more: --after "), "{}", first.stderr);
    within(&gateway, before, MOST_GROWTH_BY_PARTS_KIB);
}
