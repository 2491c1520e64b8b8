//! What a call costs and what memory is held as the gateway grows: `cargo bench --bench scale [-- --json]`.
//!
//! The engine alone, with a driver that answers at once and a real recorder, on one thread. Sizes take turns; a cost is
//! told as its ratio to that of the smallest size in the same round. Memory is the resident set of a process that does
//! nothing else: each part runs in one of its own.
//!
//! Invariant: every call that is timed succeeds.

mod cost;
mod memory;
mod subject;

use std::error::Error;
use std::process::{Command, ExitCode};

use serde_json::Value;

use cost::{instances, rules, tenants};
use memory::{instance_memory, tenant_memory};

/// What ends the bench early.
pub type Failed = Box<dyn Error + Send + Sync>;

/// Whether it is measured, or only to be seen that it works, as `cargo test` runs it.
pub fn is_measured() -> bool {
    std::env::args().any(|arg| arg == "--bench")
}

/// The parts, each run in a process of its own.
const PARTS: [&str; 5] = ["instances", "rules", "tenants", "instance memory", "tenant memory"];

fn run(part: &str, full: bool) -> Result<Vec<Value>, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (few, many): (&[usize], &[usize]) = match full {
        true => (&[1, 10, 100, 1_000], &[1, 10, 100, 1_000, 10_000, 100_000]),
        false => (&[1, 4], &[1, 4]),
    };
    runtime.block_on(async {
        match part {
            "instances" => instances(few).await,
            "rules" => rules(few).await,
            "tenants" => tenants(many).await,
            "instance memory" => instance_memory(few[few.len() - 1]).await,
            "tenant memory" if full => tenant_memory(many[many.len() - 1]).await,
            "tenant memory" => Ok(vec![]),
            other => Err(format!("there is no part called {other}").into()),
        }
    })
}

/// Numbers in columns; the names of the columns are those of the first row.
fn table(part: &Value) -> String {
    let rows: Vec<_> = part["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let heading: Vec<String> = rows
        .first()
        .into_iter()
        .flat_map(|row| row.keys())
        .map(|key| format!("{key:>24}"))
        .collect();
    let mut text = format!("{}\n{}\n", part["what"].as_str().unwrap_or_default(), heading.concat());
    for row in rows {
        let cells: Vec<String> = row
            .values()
            .map(|value| format!("{:>24.2}", value.as_f64().unwrap_or(f64::NAN)))
            .collect();
        text += &cells.concat();
        text.push('\n');
    }
    text
}

fn told() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let part = args
        .iter()
        .position(|arg| arg == "--part")
        .and_then(|at| args.get(at + 1));
    let Some(part) = part else {
        for part in PARTS {
            let status = Command::new(std::env::current_exe()?)
                .args(&args)
                .args(["--part", part])
                .status()?;
            if !status.success() {
                return Err(format!("{part} failed").into());
            }
        }
        return Ok(());
    };
    for result in run(part, is_measured())? {
        match has("--json") {
            true => println!("{result}"),
            false => println!("{}", table(&result)),
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match told() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}
