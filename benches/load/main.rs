//! The end-to-end load harness: `cargo bench --bench load [-- --json] [--rounds N] [--requests N] [--only NAME]
//! [--beside PROGRAM]`, the last to compare with another build of the server; of the subjects those whose name has NAME in
//! it.
//!
//! Debian's nginx (`proxy_pass`, `proxy_cache`), a bare axum handler and relay, and `mosaic serve` with everything on (key, quota,
//! routing, breaker, metrics, access log) stand in front of the same upstream and are loaded in turns. Absolute times
//! belong to one machine and one moment; what is compared is the ratio within a round, and of the rounds the median.
//! Where `MOSAIC_PEERS` names a folder with gateways of others, they are loaded in turn with ours: see [`peers`].
//!
//! Invariant: only loopback is used, and whatever is started here has ended when this ends.

mod client;
mod gateway;
mod nginx;
mod peers;
mod process;
mod report;
mod roles;
mod subjects;
mod upstream;

use std::collections::VecDeque;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use client::Load;
use report::{Report, Sample};
use subjects::Subjects;

/// What ends the harness early.
pub type Failed = Box<dyn Error + Send + Sync>;

/// One caller, and about as many as a small service has threads.
const CONCURRENCY: [usize; 2] = [1, 32];
/// One turn of one subject takes at most this; a hung one ends the run.
const TURN_LIMIT: Duration = Duration::from_secs(120);
/// Before each turn, so many requests (as a part of the turn's) are made and not counted.
const WARM_UP: usize = 10;
/// Where gateways of others are installed. Nobody looks where it is only to be seen that the harness works.
const PEERS: &str = "MOSAIC_PEERS";

struct Options {
    json: bool,
    rounds: usize,
    requests: usize,
    only: Option<String>,
    beside: Option<PathBuf>,
    peers: Option<PathBuf>,
}

impl Options {
    /// Without `--bench` (as `cargo test` runs it) a single short round, to see that it works.
    fn read(mut args: VecDeque<String>) -> Result<Self, Failed> {
        let bench = args.iter().any(|arg| arg == "--bench");
        let mut options = Options {
            json: false,
            rounds: if bench { 7 } else { 1 },
            requests: if bench { 20_000 } else { 200 },
            only: None,
            beside: None,
            peers: std::env::var_os(PEERS).filter(|_| bench).map(PathBuf::from),
        };
        while let Some(arg) = args.pop_front() {
            let mut value = || args.pop_front().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--bench" => {}
                "--json" => options.json = true,
                "--rounds" => options.rounds = value()?.parse()?,
                "--requests" => options.requests = value()?.parse()?,
                "--beside" => options.beside = Some(value()?.into()),
                "--only" => options.only = Some(value()?),
                other => return Err(format!("{other} is not an option").into()),
            }
        }
        if options.rounds == 0 || options.requests < WARM_UP {
            return Err(format!("at least 1 round and {WARM_UP} requests").into());
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    let mut args: VecDeque<String> = std::env::args().skip(1).collect();
    let ended = if args.front().is_some_and(|arg| arg == roles::FLAG) {
        args.pop_front();
        roles::run(args)
    } else {
        Options::read(args).and_then(|options| measure(&options))
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<(), Failed> {
    let subjects = Subjects::start(options.beside.as_deref(), options.peers.as_deref())?;
    let mut report = Report::default();
    for round in 0..options.rounds {
        for concurrency in CONCURRENCY {
            // A single caller is slower: a quarter of the requests takes about as long.
            let requests = if concurrency == 1 {
                options.requests.div_ceil(4)
            } else {
                options.requests
            };
            for subject in subjects.in_turn(round) {
                if options.only.as_deref().is_some_and(|only| !subject.name.contains(only)) {
                    continue;
                }
                let requests = requests.div_ceil(subject.share);
                let warm_up = Load::new(concurrency, requests.div_ceil(WARM_UP), TURN_LIMIT);
                warm_up.put_on(&subject.target)?;
                let before = subjects.process(subject).cpu_seconds()?;
                let timings = Load::new(concurrency, requests, TURN_LIMIT).put_on(&subject.target)?;
                let cpu = subjects.process(subject).cpu_seconds()? - before;
                report.add(concurrency, subject.name, Sample::of(timings, cpu));
            }
        }
        eprintln!("round {} of {} done", round + 1, options.rounds);
    }
    if options.json {
        println!("{:#}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(())
}
