//! What each surface costs beside plain REST: `cargo bench --bench surfaces [-- --rounds N] [--requests N]`.
//!
//! `mosaic serve` with everything on (see the load bench) is asked for the same things through REST, GraphQL, MCP and the
//! dialects, and a program that embeds the same gateway asks it without any surface; once for what is in the cache, and
//! once for what is not, which an upstream of this process answers at once. Told is the CPU that the gateway's process used
//! for a request of many callers, and what one caller waited, each as a ratio to REST's of the same round; of the rounds the
//! median, with the least and the most. At the end it is told how often an upstream is asked for what a GraphQL list has
//! within its rows.
//!
//! Invariant: only loopback is used, and whatever is started here has ended when this ends; what is asked for anew reaches
//! the upstream each time, and what is cached does not.

#[path = "../load/client.rs"]
#[allow(dead_code, reason = "the load bench's, which tells more of it")]
mod client;
mod embedded;
#[path = "../load/gateway.rs"]
mod gateway;
#[path = "../../tests/harness/mod.rs"]
mod harness;
#[path = "../load/process.rs"]
#[allow(dead_code, reason = "the load bench's, which asks more of it")]
mod process;
mod relations;
mod report;
#[path = "../load/roles.rs"]
#[allow(dead_code, reason = "the load bench's, which has more of them")]
mod roles;
#[path = "../load/upstream.rs"]
mod upstream;
mod ways;

use std::collections::VecDeque;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use client::{Load, Timings};
use embedded::Embedded;
use mimalloc::MiMalloc;
use process::Process;
use report::{Report, Sample};
use ways::{Case, Through, Way};

/// What the program has: the gateway that is embedded here shall be no slower for want of it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What ends the bench early.
pub type Failed = Box<dyn Error + Send + Sync>;

/// How many ask at once where CPU is measured.
const CALLERS: usize = 16;
/// One turn of one way takes at most this; a hung one ends the run.
const TURN_LIMIT: Duration = Duration::from_secs(60);
/// Before each turn, so many requests (as a part of the turn's) are made and not counted.
const WARM_UP: usize = 10;
/// One caller is slower: he makes a part of the requests.
const ALONE: usize = 4;

/// Beside the requests of a turn, so many may come to the upstream: what asks for health, and what renews an entry whose time
/// is over.
const OTHERS: usize = 4;

/// How much is done: less where it is only to be seen that it works (`cargo test` gives no `--bench`).
struct Size {
    rounds: usize,
    requests: usize,
}

const MEASURED: Size = Size {
    rounds: 7,
    requests: 8_000,
};
const SHORT: Size = Size {
    rounds: 1,
    requests: 16,
};

impl Size {
    fn read(mut args: VecDeque<String>) -> Result<Self, Failed> {
        let mut size = match args.iter().any(|arg| arg == "--bench") {
            true => MEASURED,
            false => SHORT,
        };
        while let Some(arg) = args.pop_front() {
            let mut value = || args.pop_front().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--bench" => {}
                "--rounds" => size.rounds = value()?.parse()?,
                "--requests" => size.requests = value()?.parse()?,
                other => return Err(format!("{other} is not an option").into()),
            }
        }
        match size.rounds == 0 || size.requests < CALLERS {
            true => Err(format!("at least 1 round and {CALLERS} requests").into()),
            false => Ok(size),
        }
    }
}

/// What is measured, and what it stands on.
struct Stage {
    served: Process,
    embedded: Embedded,
}

impl Stage {
    fn process(&self, way: &Way) -> &Process {
        match way.through {
            Through::Http(_) => &self.served,
            Through::Nothing => &self.embedded.process,
        }
    }

    /// Has so many requests made by so many callers, and sees that they went where they should.
    fn ask(&mut self, case: &Case, way: &Way, callers: usize, requests: usize) -> Result<Timings, Failed> {
        let before = upstream::ASKED.load(Relaxed);
        let timings = match &way.through {
            Through::Http(target) => Load::new(callers, requests, TURN_LIMIT).put_on(target)?,
            Through::Nothing => self.embedded.ask(case, callers, requests)?,
        };
        let came = usize::try_from(upstream::ASKED.load(Relaxed) - before)?;
        let is_right = match case.fresh {
            true => came >= requests,
            false => came <= OTHERS + requests / 10,
        };
        match is_right {
            true => Ok(timings),
            false => Err(format!(
                "{}, {}: of {requests} requests {came} came through",
                case.what, way.name
            )
            .into()),
        }
    }

    fn turn(&mut self, case: &Case, way: &Way, requests: usize) -> Result<Sample, Failed> {
        self.ask(case, way, CALLERS, requests.div_ceil(WARM_UP))?;
        let before = self.process(way).cpu_seconds()?;
        self.ask(case, way, CALLERS, requests)?;
        let cpu = self.process(way).cpu_seconds()? - before;
        self.ask(case, way, 1, requests.div_ceil(ALONE * WARM_UP))?;
        let alone = self.ask(case, way, 1, requests.div_ceil(ALONE))?;
        Ok(Sample::of(cpu, requests, alone))
    }
}

/// Starts the upstream, on a thread of its own.
fn start_upstream() -> Result<SocketAddr, Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        let served = runtime.block_on(async { upstream::serve(tokio::net::TcpListener::from_std(listener)?).await });
        if let Err(error) = served {
            eprintln!("surfaces: the upstream ended: {error}");
        }
    });
    Ok(address)
}

fn measure(size: &Size) -> Result<(), Failed> {
    let (upstream, scratch) = (start_upstream()?, tempfile::tempdir()?);
    let program = Path::new(env!("CARGO_BIN_EXE_mosaic"));
    let (served, address) = gateway::start(program, scratch.path(), upstream)?;
    let embedded = Embedded::start(&scratch.path().join(gateway::FILE))?;
    let cases = ways::cases(address)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(ways::try_all(&cases))?;
    let mut stage = Stage { served, embedded };
    let mut report = Report::of(&cases);
    for round in 0..size.rounds {
        for (at, case) in cases.iter().enumerate() {
            // Each round begins with another one, so that none always comes after the same.
            for turn in 0..case.ways.len() {
                let way = (round + turn) % case.ways.len();
                report.add(at, way, stage.turn(case, &case.ways[way], size.requests)?);
            }
        }
        eprintln!("round {} of {} done", round + 1, size.rounds);
    }
    drop(stage);
    print!("{}", report.table(&cases));
    runtime.block_on(relations::tell())
}

fn main() -> ExitCode {
    let mut args: VecDeque<String> = std::env::args().skip(1).collect();
    let ended = if args.front().is_some_and(|arg| arg == roles::FLAG) {
        args.pop_front();
        embedded::run(&mut args)
    } else {
        Size::read(args).and_then(|size| measure(&size))
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("surfaces: {error}");
            ExitCode::FAILURE
        }
    }
}
