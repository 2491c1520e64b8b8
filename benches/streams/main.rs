//! Streams of events through the gateway: `cargo bench --bench streams`.
//!
//! A model of this process speaks, and is heard directly, through nginx, through a bare relay, passed through `mosaic serve`,
//! by the gateway's own neutral stream, and by its OpenAI dialect, in turns. Told is by how much the first piece and each
//! further one come later than directly. Then many streams are open at once: what each holds of the gateway's memory has a
//! bound, and the bench fails beyond it.
//!
//! Invariant: only loopback is used, and whatever is started here has ended when this ends.

#[path = "../../tests/harness/mod.rs"]
mod harness;
mod model;
#[path = "../load/nginx.rs"]
mod nginx;
#[path = "../load/process.rs"]
#[allow(dead_code, reason = "the load bench's, which asks more of it")]
mod process;
#[path = "../load/roles.rs"]
#[allow(dead_code, reason = "the load bench's, which has more of them")]
mod roles;
#[path = "../load/upstream.rs"]
#[allow(dead_code, reason = "a role of the load bench's")]
mod upstream;

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use harness::Gateway;
use reqwest::Response;

use model::{HELD, PACED, now, question, said};

/// What ends the bench early.
pub type Failed = Box<dyn Error + Send + Sync>;

/// How much is done: less where it is only to be seen that it works (`cargo test` gives no `--bench`).
struct Size {
    rounds: usize,
    pieces: usize,
    streams: usize,
}

const MEASURED: Size = Size {
    rounds: 30,
    pieces: 100,
    streams: 1_000,
};
const SHORT: Size = Size {
    rounds: 1,
    pieces: 10,
    streams: 200,
};
/// What one open stream may hold of the gateway's memory: what runs is larger where nothing was optimised. The aim is 64.
const MOST_KIB: f64 = if cfg!(debug_assertions) { 128.0 } else { 96.0 };

/// One way in which the model is heard.
struct Way {
    name: &'static str,
    url: String,
    /// By its vendor's API.
    own: bool,
    first_us: Vec<f64>,
    further_us: Vec<f64>,
}

impl Way {
    fn new(name: &'static str, url: String) -> Self {
        Way {
            own: !url.contains("/v1/ai/"),
            name,
            url,
            first_us: vec![],
            further_us: vec![],
        }
    }

    async fn ask(&self, client: &reqwest::Client, model: &str, pieces: usize) -> Result<Response, Failed> {
        let asked = client.post(&self.url).json(&question(model, pieces, self.own));
        let response = asked.send().await?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(format!("{}: {}: {}", self.name, response.status(), response.text().await?).into()),
        }
    }

    /// Hears one stream to its end.
    async fn hear(&mut self, client: &reqwest::Client, pieces: usize) -> Result<(), Failed> {
        let asked = now();
        let mut parts = self.ask(client, PACED, pieces).await?.bytes_stream();
        let (mut text, mut heard) = (String::new(), 0);
        while let Some(part) = parts.next().await {
            text += std::str::from_utf8(&part?)?;
            let came = now();
            for said in said(&text).into_iter().skip(heard) {
                match heard {
                    0 => self.first_us.push(us(asked, came)),
                    _ => self.further_us.push(us(said, came)),
                }
                heard += 1;
            }
        }
        match heard == pieces {
            true => Ok(()),
            false => Err(format!("{}: {heard} pieces of {pieces} were heard: {text}", self.name).into()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "times for people")]
fn us(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e3
}

/// The value below which such a part of all is.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a list"
    )]
    let at = ((values.len() as f64 * part) as usize).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(f64::NAN)
}

async fn gateway(model: SocketAddr) -> Gateway {
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [providers.model]\nkind = \"openai\"\nbase_url = \"http://{model}/v1\"\ntoken = \"env:MODEL\"\nmodels = [\"*\"]\n\
         health_check = false\nmax_in_flight = 5000\n"
    );
    Gateway::serve(&text, vec![("MODEL".to_owned(), "a-token-of-the-bench".to_owned())]).await
}

fn passed(gateway: &Gateway) -> Way {
    let url = format!("http://{}/proxy/model/chat/completions", gateway.public);
    Way::new("passed through", url)
}

fn neutral(gateway: &Gateway) -> Way {
    Way::new("neutral", format!("http://{}/v1/ai/chat/stream", gateway.public))
}

fn dialect(gateway: &Gateway) -> Way {
    let url = format!("http://{}/openai/v1/chat/completions", gateway.public);
    Way::new("OpenAI dialect", url)
}

/// By how much later pieces come.
async fn late(size: &Size) -> Result<(), Failed> {
    let model = model::start().await?;
    let scratch = tempfile::tempdir()?;
    let (nginx, at_nginx) = nginx::start(scratch.path(), model)?;
    let (relay, at_relay) = roles::start(&[roles::BARE, &model.to_string()])?;
    let gateway = gateway(model).await;
    let path = "v1/chat/completions";
    let mut ways = vec![
        Way::new("direct", format!("http://{model}/{path}")),
        Way::new("nginx proxy_pass", format!("http://{at_nginx}/proxy/{path}")),
        Way::new("bare relay", format!("http://{at_relay}/relay/{path}")),
        passed(&gateway),
        neutral(&gateway),
        dialect(&gateway),
    ];
    let client = harness::http::Client::new().0;
    for way in &mut ways {
        way.hear(&client, 2).await?;
        (way.first_us, way.further_us) = (vec![], vec![]);
    }
    for round in 0..size.rounds {
        let many = ways.len();
        for at in 0..many {
            ways[(round + at) % many].hear(&client, size.pieces).await?;
        }
    }
    println!(
        "{:<20} {:>14} {:>14} {:>14} {:>14} {:>14} {:>14}",
        "us", "first p50", "added", "first p99", "piece p50", "added", "piece p99"
    );
    let middle = |values: &[f64]| quantile(values, 0.5);
    let (first, further) = (middle(&ways[0].first_us), middle(&ways[0].further_us));
    for way in &ways {
        let (its_first, its_further) = (middle(&way.first_us), middle(&way.further_us));
        println!(
            "{:<20} {its_first:>14.0} {:>14.0} {:>14.0} {its_further:>14.0} {:>14.0} {:>14.0}",
            way.name,
            its_first - first,
            quantile(&way.first_us, 0.99),
            its_further - further,
            quantile(&way.further_us, 0.99),
        );
    }
    closed(gateway);
    drop((nginx, relay));
    Ok(())
}

/// What open streams hold of the gateway's memory, each in KiB.
async fn held(size: &Size, way: impl Fn(&Gateway) -> Way) -> Result<(), Failed> {
    let gateway = gateway(model::start().await?).await;
    let (way, client) = (way(&gateway), harness::http::Client::new().0);
    let open = || async {
        let response = way.ask(&client, HELD, 1).await?;
        let mut parts = response.bytes_stream();
        let mut text = String::new();
        while said(&text).is_empty() {
            let part = parts.next().await.ok_or("a stream ended")??;
            text += std::str::from_utf8(&part)?;
        }
        Ok::<_, Failed>(parts)
    };
    // What is made once is there before it is looked.
    drop(open().await?);
    let before = gateway.program.memory_kib("VmRSS");
    let mut streams = vec![];
    for _ in 0..size.streams.div_ceil(50) {
        streams.extend(try_join_all((0..50).map(|_| open())).await?);
    }
    let grown = gateway.program.memory_kib("VmRSS").saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let each = grown as f64 / streams.len() as f64;
    println!(
        "{} open streams, {}: {each:.1} KiB of memory each",
        streams.len(),
        way.name
    );
    drop(streams);
    closed(gateway);
    match each <= MOST_KIB {
        true => Ok(()),
        false => Err(format!("one may hold {MOST_KIB} KiB").into()),
    }
}

fn closed(gateway: Gateway) {
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
}

async fn measure() -> Result<(), Failed> {
    let size = match std::env::args().any(|arg| arg == "--bench") {
        true => MEASURED,
        false => SHORT,
    };
    late(&size).await?;
    held(&size, passed).await?;
    held(&size, neutral).await?;
    held(&size, dialect).await
}

fn main() -> ExitCode {
    let mut args: VecDeque<String> = std::env::args().skip(1).collect();
    let ended = if args.front().is_some_and(|arg| arg == roles::FLAG) {
        args.pop_front();
        roles::run(args)
    } else {
        let runtime = tokio::runtime::Runtime::new().map_err(Failed::from);
        runtime.and_then(|runtime| runtime.block_on(measure()))
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("streams: {error}");
            ExitCode::FAILURE
        }
    }
}
