//! Ten thousand actors, all of them stuck; and a data path that leaves no thread free.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use mosaic::admin::{AdminConfig, AdminOrder, AdminPort, Json, Order, Readiness, Touches, View, router};
use mosaic::server::{DedicatedListener, ServerLimits, ServerMeters};
use mosaic::surfaces::problem::Problem;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::{
    ChildSpec, Context, Fault, Handle, Message, Strategy, SupervisorSpec, Tree, TreeOptions, Worker,
};
use serde_json::Value;

use crate::stage::{Stage, two_at, upstream};
use crate::support::PATIENCE;

/// A request that needs no runtime of ours.
fn get(addr: SocketAddr, path: &str) -> (String, Duration) {
    let started = Instant::now();
    let mut stream = TcpStream::connect_timeout(&addr, PATIENCE).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in time");
    (answer, started.elapsed())
}

#[test]
fn it_answers_while_every_thread_of_the_data_path_is_busy() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (_upstream, stage) = runtime.block_on(async {
        let (upstream, url) = upstream().await;
        (upstream, Stage::of(&two_at(&url)).await)
    });
    let over = Arc::new(AtomicBool::new(false));
    let (began, begin) = std::sync::mpsc::channel();
    for _ in 0..2 {
        let (over, began) = (over.clone(), began.clone());
        runtime.spawn(async move {
            began.send(()).expect("the test waits");
            while !over.load(SeqCst) {
                std::hint::spin_loop();
            }
        });
    }
    begin.recv_timeout(PATIENCE).expect("one spins");
    begin.recv_timeout(PATIENCE).expect("both spin");
    for path in [
        "/livez",
        "/readyz",
        "/metrics",
        "/admin/v1/tree",
        "/admin/v1/status",
        "/admin/v1/plugins",
        "/admin/v1/calls",
    ] {
        let (answer, took) = get(stage.serving.admin, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        println!("{path} answered in {took:?} while both workers spun");
    }
    over.store(true, SeqCst);
    runtime.block_on(stage.stop());
}

struct Stick;

impl Message for Stick {
    fn label(&self) -> &'static str {
        "stick"
    }
}

struct Stuck;

impl Worker for Stuck {
    type Msg = Stick;

    async fn handle(&mut self, _stick: Stick, _cx: &Context<Stick>) -> Result<(), Fault> {
        std::future::pending().await
    }
}

/// A port that shows a tree and nothing else.
struct Shown(Tree);

fn unheard() -> Problem {
    Failure::new(Kind::Unsupported, "this port shows a tree").into()
}

impl AdminPort for Shown {
    fn view(&self, _view: View) -> Result<Json, Problem> {
        Ok(Json::of(&self.0.snapshot()))
    }

    fn audit(&self, _before: Option<i64>, _limit: u32) -> BoxFuture<Result<Json, Problem>> {
        Box::pin(async { Err(unheard()) })
    }

    fn touches(&self, _action: &AdminOrder) -> Result<Touches, Problem> {
        Err(unheard())
    }

    fn perform(&self, _order: Order) -> BoxFuture<Result<Value, Problem>> {
        Box::pin(async { Err(unheard()) })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tree_of_ten_thousand_stuck_actors_is_shown_at_once() {
    const FAMILIES: usize = 100;
    const EACH: usize = 100;
    let mut handles = Vec::new();
    let mut root = SupervisorSpec::new(Strategy::OneForOne).max_children(FAMILIES);
    for family in 0..FAMILIES {
        let mut spec = SupervisorSpec::new(Strategy::OneForOne).max_children(EACH);
        for member in 0..EACH {
            let handle = Handle::new();
            spec = spec.child(ChildSpec::worker(format!("actor-{member}"), &handle, || Ok(Stuck)));
            handles.push(handle);
        }
        root = root.child(ChildSpec::supervisor(format!("family-{family}"), spec, None));
    }
    let tree = Tree::start("root", root, TreeOptions::default())
        .await
        .expect("it starts");
    for handle in &handles {
        // The second one waits behind the first for ever.
        handle.send(Stick).expect("it runs");
        handle.send(Stick).expect("it runs");
    }
    let busy = |tree: &Tree| {
        tree.snapshot()
            .root
            .walk()
            .iter()
            .filter(|node| node.busy.is_some())
            .count()
    };
    crate::support::eventually("all are stuck", || busy(&tree) == FAMILIES * EACH).await;

    let config = AdminConfig {
        addr: ([127, 0, 0, 1], 9901).into(),
        hosts: vec![],
        token: None,
        keys: None,
        readiness: Arc::new(|| Readiness { checks: vec![] }),
        metrics: Arc::new(String::new),
        port: Arc::new(Shown(tree.clone())),
    };
    let apart = DedicatedListener::bind(
        "admin",
        ([127, 0, 0, 1], 0).into(),
        ServerLimits::default(),
        router(config),
        ServerMeters::unseen(),
    )
    .await
    .expect("a free port");
    let addr = apart.local_addr();
    let written = Instant::now();
    let json = Json::of(&tree.snapshot());
    println!(
        "10,000 actors: {} bytes of JSON in {:?}",
        json.0.len(),
        written.elapsed()
    );
    let (answer, took) = tokio::task::spawn_blocking(move || get(addr, "/admin/v1/tree"))
        .await
        .expect("no panic");
    println!("10,000 actors: answered in {took:?}");
    assert!(
        answer.matches("\"label\":\"stick\"").count() == FAMILIES * EACH,
        "every one is shown, and stuck"
    );
    // Well under 100 ms in a release build; a debug build on a busy machine has a multiple of it.
    assert!(took < Duration::from_secs(1), "{took:?}");
    apart.drain(Duration::from_secs(1)).await;
}
