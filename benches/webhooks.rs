//! Deliveries as fast as they can be offered: `cargo bench --bench webhooks [-- --deliveries N]`.
//!
//! Signed deliveries come to one instance of `mosaic serve` with a state file, over many connections, without a pause. Told
//! are how many were kept a second, how many were refused for want of room, and by how much the gateway's resident memory
//! grew. Kept are two promises, and the bench fails without them: whatever was answered with a success is in the feed once,
//! and memory stays within a bound.
//!
//! Invariant: only loopback is used.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::collections::BTreeSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use harness::Gateway;
use ring::hmac;

type Failed = Box<dyn Error + Send + Sync>;

/// Deliveries; fewer where it is only to be seen that it works (`cargo test` gives no `--bench`).
const DELIVERIES: u64 = 50_000;
const DELIVERIES_SHORT: u64 = 2_000;
/// Connections that offer them.
const SENDERS: u64 = 32;
const SECRET: &str = "a-secret-of-the-bench-0001";
/// What the gateway's memory may grow by, whatever is offered: what waits is bounded, and the rest is the allocator's.
const MOST_GROWTH_KIB: u64 = 64 << 10;

fn deliveries() -> Result<u64, Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let bench = args.iter().any(|arg| arg == "--bench");
    match args.iter().position(|arg| arg == "--deliveries") {
        Some(at) => Ok(args.get(at + 1).ok_or("--deliveries needs a number")?.parse()?),
        None if bench => Ok(DELIVERIES),
        None => Ok(DELIVERIES_SHORT),
    }
}

fn body(number: u64) -> String {
    format!(
        r#"{{"action":"closed","issue":{{"number":{number}}},"repository":{{"full_name":"acme/api"}},"sender":{{"login":"kim"}}}}"#
    )
}

fn signature(body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

/// What became of one sender's deliveries.
#[derive(Default)]
struct Sent {
    kept: BTreeSet<u64>,
    refused: u64,
}

async fn send(gateway: &Gateway, numbers: impl Iterator<Item = u64>) -> Result<Sent, Failed> {
    let url = format!("http://{}/webhooks/forge", gateway.public);
    let mut sent = Sent::default();
    for number in numbers {
        let body = body(number);
        let request = gateway.client.0.post(&url).header("x-github-event", "issues");
        let request = request.header("x-hub-signature-256", signature(&body)).body(body);
        match request.send().await?.status().as_u16() {
            200 => drop(sent.kept.insert(number)),
            429 => sent.refused += 1,
            other => return Err(format!("a delivery was answered with {other}").into()),
        }
    }
    Ok(sent)
}

/// The issues that the feed tells of, until it has told of as many.
async fn told(gateway: &Gateway, many: usize) -> Result<BTreeSet<u64>, Failed> {
    let url = format!("http://{}/v1/events?after=0", gateway.public);
    let mut pieces = gateway.client.0.get(url).send().await?.bytes_stream();
    let (mut rest, mut told) = (String::new(), BTreeSet::new());
    while told.len() < many {
        let piece = pieces.next().await.ok_or("the feed ended")??;
        rest += std::str::from_utf8(&piece)?;
        while let Some((line, left)) = rest.split_once('\n') {
            let number = line
                .split_once("forge~acme/api#")
                .and_then(|(_, behind)| behind.split_once('"'));
            if let Some((number, _)) = number
                && !told.insert(number.parse()?)
            {
                return Err(format!("issue {number} was told twice").into());
            }
            rest = left.to_owned();
        }
    }
    Ok(told)
}

async fn run() -> Result<(), Failed> {
    let deliveries = deliveries()?;
    let folder = tempfile::tempdir()?;
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\nfilter = \"warn,mosaic=info\"\n\
         [state]\npath = \"{}\"\n[providers.forge]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:9\"\nhealth_check = false\n\
         [providers.forge.webhook]\nsecret = \"env:HOOK\"\n",
        folder.path().join("state.db").display()
    );
    let gateway = Gateway::serve(&text, vec![("HOOK".to_owned(), SECRET.to_owned())]).await;
    // What is made once is there before it is looked.
    send(&gateway, std::iter::once(deliveries + 1)).await?;
    let before = gateway.program.memory_kib("VmRSS");
    let began = Instant::now();
    let senders = (0..SENDERS).map(|sender| {
        send(
            &gateway,
            (1..=deliveries).filter(move |number| number % SENDERS == sender),
        )
    });
    let sent = join_all(senders).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let took = began.elapsed();
    let grown = gateway.program.memory_kib("VmHWM").saturating_sub(before);
    let mut kept: BTreeSet<u64> = sent.iter().flat_map(|sent| sent.kept.iter().copied()).collect();
    let refused: u64 = sent.iter().map(|sent| sent.refused).sum();
    kept.insert(deliveries + 1);
    let told = told(&gateway, kept.len()).await?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (kept.len() as f64) / took.as_secs_f64();
    println!(
        "{deliveries} deliveries over {SENDERS} connections: {} kept ({rate:.0} a second), {refused} refused for want of room; \
         the gateway grew by {grown} KiB",
        kept.len() - 1
    );
    if told != kept {
        return Err("the feed is not what was kept".into());
    }
    match grown > MOST_GROWTH_KIB {
        true => Err(format!("it may grow by {MOST_GROWTH_KIB} KiB").into()),
        false => Ok(()),
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match runtime.block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("webhooks: {error}");
            ExitCode::FAILURE
        }
    }
}
