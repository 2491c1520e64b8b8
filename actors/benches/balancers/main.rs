//! The balancers against each other, in virtual time from a seed: the shipped types with the shipped defaults, the rules of
//! Prequal and C3, and a greedy clairvoyant that knows every provider and has the same model of what is in flight.
//!
//!     cargo bench -p mosaic-actors --bench balancers
//!     cargo bench -p mosaic-actors --bench balancers -- --seeds 100..120
//!     cargo bench -p mosaic-actors --bench balancers -- --trace FILE --seeds 100..120
//!
//! It prints a table of medians over the seeds and draws `target/balancers.svg`. The adaptive balancer was tuned with seeds
//! 0 to 19 alone. `--calls N` makes runs longer or shorter.
//!
//! A trace FILE is lines of text; what follows a `#` is a remark. A line is a setting or a change:
//!
//!     calls 24000          # calls in all
//!     rate 120             # calls by the second
//!     contextual 0.35      # the share of calls whose latency depends on class and size differently at each provider
//!     apart 0.5            # how much it does: the deviation of a logarithm; 1 is much
//!     SECONDS PROVIDER LATENCY ERRORS LOAD
//!
//! A change says that from SECONDS on PROVIDER (0 to 8) takes LATENCY times its usual time, fails with probability ERRORS, and
//! has LOAD attempts of somebody else in flight. Before its first change a provider is `1 0.002 0`.
//!
//! Invariant: the same arguments give the same numbers; a balancer sees nothing that it would not see in a system.

mod chance;
mod plot;
mod report;
mod rivals;
mod run;
mod traces;
mod world;

use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use report::Table;
use run::{Came, Who, run};
use traces::{NAMES, Trace};

/// Calls of a run: some three minutes.
const CALLS: usize = 24_000;

struct Arguments {
    seeds: Range<u64>,
    calls: usize,
    /// The name of a file, and what it says.
    file: Option<(String, String)>,
    /// A short run, to see that it works.
    short: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments {
        seeds: 0..20,
        calls: CALLS,
        file: None,
        // `cargo bench` says so; `cargo test` does not.
        short: !std::env::args().any(|argument| argument == "--bench"),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match &*word {
            "--seeds" => arguments.seeds = seeds(&value()?)?,
            "--calls" => arguments.calls = value()?.parse().map_err(|_| "--calls needs a number")?,
            "--trace" => {
                let path = value()?;
                let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
                arguments.file = Some((path, text));
            }
            "--test" => arguments.short = true,
            "--bench" => {}
            other => {
                return Err(format!(
                    "what is {other}? There are --seeds A..B, --trace FILE, --calls N and --test"
                ));
            }
        }
    }
    if arguments.short {
        arguments.seeds = 0..1;
        arguments.calls = 1_000;
    }
    Ok(arguments)
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let bounds = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    bounds
        .filter(|seeds: &Range<u64>| !seeds.is_empty())
        .ok_or_else(|| format!("--seeds {text}: it is A..B, without B"))
}

impl Arguments {
    fn trace(&self, name: &str, seed: u64) -> Result<Trace, String> {
        match &self.file {
            Some((path, text)) => Trace::read(path, text, self.calls),
            None => Ok(Trace::made(name, seed, self.calls)),
        }
    }

    fn names(&self) -> Vec<&str> {
        match &self.file {
            Some((path, _)) => vec![path],
            None => NAMES.to_vec(),
        }
    }
}

/// What each balancer comes to on a trace, with every seed. Seeds are shared out among threads.
fn table(arguments: &Arguments, name: &str) -> Result<Table, String> {
    let all = Who::all();
    let traces: Result<Vec<(u64, Trace)>, String> = (arguments.seeds.clone())
        .map(|seed| Ok((seed, arguments.trace(name, seed)?)))
        .collect();
    let traces = traces?;
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get());
    let of_seeds = |some: &[(u64, Trace)]| -> Vec<Vec<Came>> {
        some.iter()
            .map(|(seed, trace)| all.iter().map(|who| run(*who, trace, *seed)).collect())
            .collect()
    };
    let by_seed: Vec<Vec<Came>> = std::thread::scope(|scope| {
        let shares = traces.chunks(traces.len().div_ceil(threads));
        let running: Vec<_> = shares.map(|share| scope.spawn(|| of_seeds(share))).collect();
        let ended = running
            .into_iter()
            .flat_map(|thread| thread.join().expect("a run does not panic"));
        ended.collect()
    });
    let of = |place: usize| by_seed.iter().map(|came| came[place]).collect();
    let came: Vec<(Who, Vec<Came>)> = all.iter().enumerate().map(|(place, who)| (*who, of(place))).collect();
    Ok(Table::of(name, &came))
}

fn simulate() -> Result<(), String> {
    let arguments = arguments()?;
    let seeds = format!("{}..{}", arguments.seeds.start, arguments.seeds.end);
    println!("seeds {seeds}, {} calls a run", arguments.calls);
    let mut tables = Vec::new();
    for name in arguments.names() {
        let table = table(&arguments, name)?;
        table.print();
        tables.push(table);
    }
    println!("\nThe adaptive balancer and the best of the others:");
    tables.iter().for_each(Table::verdict);
    if !arguments.short {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        let path = target.join("balancers.svg");
        std::fs::write(&path, plot::drawn(&tables, &seeds)).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("\ndrawn: target/balancers.svg");
    }
    Ok(())
}

fn main() -> ExitCode {
    match simulate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}
