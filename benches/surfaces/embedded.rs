//! A program that embeds the gateway and calls it, as a process of its own.
//!
//! Invariant: while calls are made, nobody speaks with it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mosaic::Mosaic;
use mosaic::catalogue::ai::{ModelGet, ModelGetInput};
use mosaic::catalogue::git::{RepoGet, RepoGetInput};
use mosaic::config::Config;
use mosaic::dispatch::Options;
use mosaic::engine::call::Caller;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::Timings;
use crate::process::Process;
use crate::roles::{self, REPO};
use crate::upstream::MODEL_ID;
use crate::ways::{Case, Read};
use crate::{Failed, TURN_LIMIT, gateway};

/// What it is to call, and how often.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Turn {
    read: Read,
    fresh: bool,
    callers: usize,
    requests: usize,
}

/// How long each call took, in nanoseconds; or why one failed.
type Told = Result<Vec<u64>, String>;

/// It, from outside.
pub struct Embedded {
    pub process: Process,
    orders: BufReader<TcpStream>,
}

impl Embedded {
    /// Starts it by a configuration.
    pub fn start(config: &Path) -> Result<Self, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(roles::FLAG).arg(config).envs(gateway::ENV);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MOSAIC")) {
            command.env_remove(name);
        }
        let mut process = Process::start(command.stdout(Stdio::piped()))?;
        let orders = TcpStream::connect(process.first_line()?)?;
        orders.set_read_timeout(Some(TURN_LIMIT))?;
        Ok(Embedded {
            process,
            orders: BufReader::new(orders),
        })
    }

    /// Has so many calls made by so many callers.
    pub fn ask(&mut self, case: &Case, callers: usize, requests: usize) -> Result<Timings, Failed> {
        let turn = Turn {
            read: case.read,
            fresh: case.fresh,
            callers,
            requests,
        };
        writeln!(self.orders.get_mut(), "{}", serde_json::to_string(&turn)?)?;
        let mut line = String::new();
        self.orders.read_line(&mut line)?;
        let told: Told = serde_json::from_str(&line)?;
        let requests = told?.into_iter().map(Duration::from_nanos).collect();
        Ok(Timings {
            requests,
            ..Timings::default()
        })
    }
}

/// Is it, as the arguments say.
pub fn run(args: &mut VecDeque<String>) -> Result<(), Failed> {
    let config = args.pop_front().ok_or("no configuration is named")?;
    // The runtime that the program has.
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let loaded = Config::read(Some(Path::new(&config)), &Mosaic::known())?;
        let gateway = Mosaic::start(loaded.config).await?;
        roles::until_told(|listener| obey(listener, gateway)).await
    })
}

async fn obey(listener: TcpListener, gateway: Mosaic) -> Result<(), Failed> {
    let (orders, mut told) = listener.accept().await?.0.into_split();
    let mut orders = tokio::io::BufReader::new(orders).lines();
    while let Some(order) = orders.next_line().await? {
        let turn: Turn = serde_json::from_str(&order)?;
        let timed: Told = time(&gateway, turn).await.map_err(|error| error.to_string());
        told.write_all(serde_json::to_string(&timed)?.as_bytes()).await?;
        told.write_all(b"\n").await?;
    }
    std::future::pending().await
}

async fn time(gateway: &Mosaic, turn: Turn) -> Result<Vec<u64>, Failed> {
    let left = Arc::new(AtomicUsize::new(turn.requests));
    let mut callers = JoinSet::new();
    for _ in 0..turn.callers {
        callers.spawn(call(gateway.clone(), turn, left.clone()));
    }
    let mut all = Vec::with_capacity(turn.requests);
    while let Some(taken) = callers.join_next().await {
        all.extend(taken??);
    }
    Ok(all)
}

async fn call(gateway: Mosaic, turn: Turn, left: Arc<AtomicUsize>) -> Result<Vec<u64>, Failed> {
    let mut taken = vec![];
    while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
        let (caller, options) = (
            Caller::new("bench", "bench"),
            Options {
                no_cache: turn.fresh,
                ..Options::default()
            },
        );
        let started = Instant::now();
        match turn.read {
            Read::Repo => drop(
                gateway
                    .call_as::<RepoGet>(RepoGetInput { repo: REPO.into() }, caller, options)
                    .await?,
            ),
            Read::Model => {
                let input = ModelGetInput { model: MODEL_ID.into() };
                drop(gateway.call_as::<ModelGet>(input, caller, options).await?);
            }
        }
        taken.push(u64::try_from(started.elapsed().as_nanos())?);
    }
    Ok(taken)
}
