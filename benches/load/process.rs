//! The processes under load.
//!
//! Invariant: a process ends with the value that stands for it, and nginx's workers with their master.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failed;

/// The unit of `/proc/PID/stat`: fixed for programs, whatever the kernel counts by (proc_pid_stat(5), USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;
/// What a process may take to come up, or to go.
const SOON: Duration = Duration::from_secs(10);
/// Between two looks at something that will be there soon.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A process that we started.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it. A pipe to its standard input stays open while it is wanted.
    pub fn start(command: &mut Command) -> Result<Self, Failed> {
        let child = command
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Process { child })
    }

    /// The first line of its standard output, which must be piped.
    pub fn first_line(&mut self) -> Result<String, Failed> {
        let stdout = self.child.stdout.take().ok_or("the output is not piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim_end() {
            "" => Err("a process ended before it was ready".into()),
            line => Ok(line.to_owned()),
        }
    }

    /// Looks again and again until `ready` finds what it looks for.
    pub fn wait_for<T>(&mut self, what: &str, ready: impl FnMut() -> Option<T>) -> Result<T, Failed> {
        self.wait_within(SOON, what, ready)
    }

    /// The same, of what is longer in coming.
    pub fn wait_within<T>(
        &mut self,
        limit: Duration,
        what: &str,
        mut ready: impl FnMut() -> Option<T>,
    ) -> Result<T, Failed> {
        let until = Instant::now() + limit;
        loop {
            if let Some(found) = ready() {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{what}: it ended with {status}").into());
            }
            if Instant::now() > until {
                return Err(format!("{what}: not within {limit:?}").into());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until it accepts connections.
    pub fn wait_for_listener(&mut self, address: SocketAddr) -> Result<(), Failed> {
        self.wait_for("a listener", || TcpStream::connect(address).ok().map(drop))
    }

    /// Seconds of CPU, user and system, that it and its children have used.
    pub fn cpu_seconds(&self) -> Result<f64, Failed> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let children = children
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()?;
        let ticks: Result<Vec<u64>, Failed> = children.into_iter().chain([pid]).map(ticks).collect();
        Ok(ticks?.into_iter().sum::<u64>() as f64 / TICKS_PER_SECOND)
    }
}

fn ticks(pid: u32) -> Result<u64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold spaces and parentheses; behind the last one the fields begin with the third.
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc/PID/stat has no name")?;
    let mut times = fields.split_whitespace().skip(14 - 3).take(2);
    times.try_fold(0, |sum, field| Ok(sum + field.parse::<u64>()?))
}

impl Drop for Process {
    fn drop(&mut self) {
        // Our own programs go by the end of their input, all others by the signal; nginx takes its workers along.
        drop(self.child.stdin.take());
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", "TERM", &pid]).status();
        let until = Instant::now() + SOON;
        while told.is_ok() && Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        eprintln!("load: process {pid} did not end when told, and is killed");
        // Nothing more can be done where even this fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
