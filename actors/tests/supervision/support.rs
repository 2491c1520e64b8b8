//! The probe: a worker that does what it is told and writes down what happens to it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::policy::intensity::Intensity;
use mosaic_actors::supervision::{
    ChildSpec, Context, Fault, Handle, Message, Strategy, SupervisorSpec, Tree, TreeOptions, Worker,
};
use tokio::sync::oneshot;

/// How long a condition may take to come true before a test fails.
const BOUND: Duration = Duration::from_secs(20);

pub enum Do {
    /// Answer with the generation.
    Ping(oneshot::Sender<u64>),
    Panic,
    Fail,
    Exit,
    /// Never return, but let go at every await.
    Hang,
    /// Block the thread until told, or until the sender is gone.
    Block(mpsc::Receiver<()>),
    /// Return after a while.
    Work(Duration),
    /// Panic while stopping.
    PanicAtStop,
}

impl Message for Do {
    fn label(&self) -> &'static str {
        match self {
            Do::Ping(_) => "ping",
            Do::Panic => "panic",
            Do::Fail => "fail",
            Do::Exit => "exit",
            Do::Hang => "hang",
            Do::Block(_) => "block",
            Do::Work(_) => "work",
            Do::PanicAtStop => "panic_at_stop",
        }
    }
}

/// What happened, in order: `start a`, `stop a`, `work a`.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// How a probe's next starts shall go.
#[derive(Clone, Default)]
pub struct Script {
    pub fail_start: Arc<AtomicBool>,
    pub panic_start: Arc<AtomicBool>,
    pub hang_start: Arc<AtomicBool>,
    pub hang_stop: Arc<AtomicBool>,
    pub panic_drop: Arc<AtomicBool>,
    pub block_start: Arc<Mutex<Option<mpsc::Receiver<()>>>>,
    /// The incarnations that have not been dropped.
    pub alive: Arc<AtomicUsize>,
}

pub struct Probe {
    name: &'static str,
    log: Log,
    script: Script,
    panic_at_stop: bool,
}

impl Worker for Probe {
    type Msg = Do;

    async fn start(&mut self, cx: &Context<Do>) -> Result<(), Fault> {
        assert!(cx.path().ends_with(self.name));
        self.log.write(format!("start {}", self.name));
        if self.script.fail_start.load(Ordering::SeqCst) {
            return Err(Fault::from("cannot start"));
        }
        assert!(!self.script.panic_start.load(Ordering::SeqCst), "start panics");
        let block = self.script.block_start.lock().unwrap().take();
        if let Some(until) = block {
            // Told, or the sender is gone: both end the wait.
            let _ = until.recv();
        }
        if self.script.hang_start.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn handle(&mut self, msg: Do, cx: &Context<Do>) -> Result<(), Fault> {
        match msg {
            // A caller that is gone needs no answer.
            Do::Ping(reply) => drop(reply.send(cx.generation())),
            Do::Panic => panic!("injected"),
            Do::Fail => return Err(Fault::from("told to fail")),
            Do::Exit => cx.stop_self(),
            Do::Hang => std::future::pending().await,
            Do::Block(until) => drop(until.recv()),
            Do::Work(time) => {
                tokio::time::sleep(time).await;
                self.log.write(format!("work {}", self.name));
            }
            Do::PanicAtStop => self.panic_at_stop = true,
        }
        Ok(())
    }

    async fn stop(&mut self, _cx: &Context<Do>) {
        self.log.write(format!("stop {}", self.name));
        assert!(!self.panic_at_stop, "stop panics");
        if self.script.hang_stop.load(Ordering::SeqCst) {
            std::future::pending().await
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.script.alive.fetch_sub(1, Ordering::SeqCst);
        assert!(!self.script.panic_drop.load(Ordering::SeqCst), "drop panics");
    }
}

/// A probe's spec, without back-off.
pub fn probe(name: &'static str, handle: &Handle<Do>, log: &Log) -> ChildSpec {
    scripted(name, handle, log, &Script::default())
}

pub fn scripted(name: &'static str, handle: &Handle<Do>, log: &Log, script: &Script) -> ChildSpec {
    let (log, script) = (log.clone(), script.clone());
    let spec = ChildSpec::worker(name, handle, move || {
        script.alive.fetch_add(1, Ordering::SeqCst);
        Ok(Probe {
            name,
            log: log.clone(),
            script: script.clone(),
            panic_at_stop: false,
        })
    });
    spec.backoff(Backoff::NONE)
}

/// A back-off of exactly `delay` from the second failure on.
pub fn steady(delay: Duration) -> Backoff {
    Backoff {
        base: delay,
        max: delay,
        factor: 1.0,
        jitter: 0.0,
        reset_after: Duration::from_secs(3600),
    }
}

pub fn generous() -> Intensity {
    Intensity::new(1_000_000, Duration::from_secs(10))
}

pub fn supervisor(strategy: Strategy) -> SupervisorSpec {
    SupervisorSpec::new(strategy).intensity(generous())
}

pub async fn tree(spec: SupervisorSpec) -> Tree {
    let started = Tree::start("root", spec, TreeOptions::default()).await;
    started.expect("the tree starts")
}

/// Handles, spec and log of a supervisor with probes of these names.
pub fn family(strategy: Strategy, names: &[&'static str]) -> (Vec<Handle<Do>>, SupervisorSpec, Log) {
    let log = Log::default();
    let handles: Vec<Handle<Do>> = names.iter().map(|_| Handle::new()).collect();
    let spec = names
        .iter()
        .zip(&handles)
        .fold(supervisor(strategy), |spec, (name, handle)| {
            spec.child(probe(name, handle, &log))
        });
    (handles, spec, log)
}

/// Waits until `condition` holds, at most for the bound.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let waited = tokio::time::timeout(BOUND, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never came: {what}"));
}

/// Asks a probe for its generation, over restarts.
pub async fn ping(handle: &Handle<Do>) -> u64 {
    let asked = tokio::time::timeout(BOUND, async {
        loop {
            let (reply, answer) = oneshot::channel();
            if handle.send(Do::Ping(reply)).is_ok()
                && let Ok(generation) = answer.await
            {
                return generation;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    asked.await.expect("the probe answers")
}

/// The generation of the node at `path`.
pub fn generation(tree: &Tree, path: &str) -> u64 {
    tree.node(path).map_or(0, |node| node.generation())
}

/// Waits until the log holds `count` lines, and gives them.
pub async fn lines(log: &Log, count: usize) -> Vec<String> {
    until("the log lines", || log.lines().len() >= count).await;
    log.take()
}
