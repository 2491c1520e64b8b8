//! The gateway as a library: in a service of its host's, on the host's runtimes, beside others of its kind.

mod downloads;
mod foreign;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures_util::StreamExt;
use metrics::Recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic::catalogue::ai::{ChatEvent, ChatInput, ChatStream};
use mosaic::catalogue::git::{RepoGet, RepoGetInput};
use mosaic::config::{BaseUrl, Config, ProviderConfig};
use mosaic::embed::Builder;
use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig};
use mosaic::{Kind, Mosaic, Secret};
use mosaic_actors::supervision::Event;
use serde_json::Value;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A gateway in front of two servers of the sandbox.
fn builder(sandbox: &Sandbox) -> Builder {
    let mut config = Config::default();
    let chosen = ["github-a", "openai-a"].map(|name| sandbox.server(name).expect("one of the pairs"));
    for server in chosen {
        let at = BaseUrl::parse(server.base_url()).expect("a base URL");
        config
            .providers
            .insert(server.name().to_owned(), ProviderConfig::new(server.vendor()).at(at));
    }
    chosen.into_iter().fold(Mosaic::builder(config), |builder, server| {
        builder.credential(server.name(), Secret::new(server.token()))
    })
}

async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox")
}

fn repo() -> RepoGetInput {
    RepoGetInput {
        repo: "acme/api".into(),
    }
}

fn chat() -> ChatInput {
    ChatInput {
        model: "sandbox-small".into(),
        prompt: Some("Say something.".to_owned()),
        ..ChatInput::default()
    }
}

/// Waits until `holds`, for at most [`PATIENCE`].
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// What a host does with a gateway: a call, a stream, and the end. Leaves no task behind.
async fn a_whole_life() {
    let before = alive();
    let sandbox = sandbox().await;
    let gateway = builder(&sandbox).start().await.expect("started");

    let first = gateway.call::<RepoGet>(repo()).await.expect("the repository");
    assert_eq!((&*first.value.path, &*first.head.provider), ("acme/api", "github-a"));
    let again = gateway.call::<RepoGet>(repo()).await.expect("the repository");
    assert!(
        Arc::ptr_eq(&first.value, &again.value),
        "a hit is the same value, not a copy"
    );

    let events = gateway.stream::<ChatStream>(chat()).await.expect("a stream");
    let events: Vec<ChatEvent> = events.map(|event| event.expect("an event")).collect().await;
    assert!(matches!(events.first(), Some(ChatEvent::Start { .. })), "{events:?}");
    assert!(matches!(events.last(), Some(ChatEvent::End { .. })), "{events:?}");

    gateway.shutdown().await;
    let late = gateway.call::<RepoGet>(repo()).await.expect_err("it is over");
    assert!(late.retryable, "{late}");
    drop(gateway);
    sandbox.shutdown().await;
    eventually("no task is left", || alive() <= before).await;
}

#[test]
fn it_lives_on_a_runtime_of_one_thread_and_of_many() {
    let one = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    one.block_on(a_whole_life());
    let many = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    many.block_on(a_whole_life());
}

#[tokio::test]
async fn a_call_says_how_long_and_whom() {
    let sandbox = sandbox().await;
    let gateway = builder(&sandbox).start().await.expect("started");
    let forge = sandbox.server("github-a").unwrap();
    forge
        .faults()
        .add(Fault::new(Effect::Hang { processed: false }))
        .unwrap();
    let late = gateway.request::<RepoGet>(repo()).timeout(Duration::from_millis(50));
    assert_eq!(late.send().await.expect_err("it hangs").kind, Kind::Timeout);
    forge.faults().clear();

    let elsewhere = gateway.request::<RepoGet>(repo()).provider("nobody").send().await;
    assert!(elsewhere.is_err());
    let raw = gateway.request::<RepoGet>(repo()).by("team-a", "build-7").include_raw();
    assert_eq!(
        raw.send()
            .await
            .expect("the repository")
            .value
            .raw
            .as_ref()
            .unwrap()
            .to_value()["full_name"],
        "acme/api"
    );
    assert!(gateway.system().quotas().iter().any(|quota| &*quota.tenant == "team-a"));

    let wrong = gateway
        .request::<ChatStream>(chat())
        .send()
        .await
        .expect_err("it streams");
    assert_eq!(wrong.kind, Kind::InvalidInput);
    let wrong = gateway
        .stream::<RepoGet>(repo())
        .await
        .err()
        .expect("it does not stream");
    assert_eq!(wrong.kind, Kind::InvalidInput);
    gateway.shutdown().await;
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_crash_is_told_to_those_who_listen() {
    let sandbox = sandbox().await;
    let gateway = builder(&sandbox).start().await.expect("started");
    let mut events = gateway.events();
    let path = "/root/plugins/instances/github-a/provider";
    gateway
        .system()
        .tree()
        .crash(path, "a rehearsal")
        .await
        .expect("it runs");
    let told = tokio::time::timeout(PATIENCE, async {
        let mut told = Vec::new();
        loop {
            match events.recv().await.expect("the tree is there").event {
                Event::Failed { path, .. } => told.push(("failed", path)),
                Event::Restarted { path, generation } => {
                    assert_eq!(generation, 2);
                    told.push(("restarted", path));
                    return told;
                }
                _ => {}
            }
        }
    });
    let told = told.await.expect("in time");
    assert_eq!(told, [("failed", path.into()), ("restarted", path.into())]);
    assert_eq!(&*gateway.ledger(1)[0].path, path);
    assert!(gateway.call::<RepoGet>(repo()).await.is_ok());
    gateway.shutdown().await;
    sandbox.shutdown().await;
}

/// A service that was there before us: its own page, its own metrics, ours below its paths.
struct Host {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<()>,
}

impl Host {
    async fn start(routes: impl FnOnce(SocketAddr) -> Router) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = routes(address);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let serving = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
            serving.await.unwrap();
        });
        Host { address, stop, served }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let client = mosaic::wire::client::builder().unwrap().no_proxy().build().unwrap();
        let reply = client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await
            .unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    }

    async fn stop(self) {
        drop(self.stop);
        self.served.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_mounts_both_surfaces_and_shows_one_page_of_metrics() {
    let sandbox = sandbox().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let recorder: Arc<dyn Recorder + Send + Sync> = Arc::new(recorder);
    let page = handle.clone();
    let gateway = builder(&sandbox)
        .recorder(recorder.clone())
        .metrics_text(move || page.render())
        .start()
        .await
        .expect("started");
    metrics::with_local_recorder(&*recorder, || metrics::counter!("host_visits_total").increment(3));

    let shown = gateway.clone();
    let host = Host::start(|address| {
        Router::new()
            .route("/", get(|| async { "the host's own page" }))
            .nest("/gateway", gateway.router())
            .nest("/operate", gateway.admin_router(address, Arc::default()))
            .route(
                "/metrics",
                get(move || async move {
                    shown.refresh_metrics();
                    handle.render()
                }),
            )
    })
    .await;

    assert_eq!(host.get("/").await, (200, "the host's own page".to_owned()));
    let (status, body) = host.get("/gateway/v1/git/repos/acme%2Fapi").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["path"]), (200, &Value::from("acme/api")));
    let (status, body) = host.get("/gateway/v1/no/such/route").await;
    assert!(status == 404 && body.contains("\"no_route\""), "{body}");
    let (status, body) = host.get("/operate/admin/v1/tree").await;
    assert!(
        status == 200 && body.contains("/root/plugins/instances/github-a"),
        "{body}"
    );
    assert_eq!(host.get("/operate/readyz").await.0, 200);

    let (_, page) = host.get("/metrics").await;
    for sample in ["host_visits_total 3", "mosaic_build_info{", "mosaic_actor_mailbox"] {
        assert!(page.contains(sample), "{sample} in {page}");
    }
    let mut families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count, "each family stands once");
    assert!(host.get("/operate/metrics").await.1.contains("host_visits_total 3"));

    host.stop().await;
    gateway.shutdown().await;
    sandbox.shutdown().await;
}

#[tokio::test]
async fn two_gateways_in_one_process_know_nothing_of_each_other() {
    let sandbox = sandbox().await;
    let a = builder(&sandbox).start().await.expect("started");
    let b = builder(&sandbox).start().await.expect("started");
    a.call::<RepoGet>(repo()).await.expect("the repository");
    let path = "/root/plugins/instances/github-a/provider";
    a.system().tree().crash(path, "a rehearsal").await.expect("it runs");
    eventually("the crash is in the ledger", || !a.ledger(1).is_empty()).await;
    assert!(b.ledger(1).is_empty());
    let counted = |gateway: &Mosaic| {
        let page = gateway.metrics();
        let mut samples = page.lines().filter(|line| line.starts_with("mosaic_calls_total{"));
        samples.any(|sample| sample.contains("\"git.repo.get\"") && !sample.ends_with(" 0"))
    };
    assert!(counted(&a) && !counted(&b), "{}", a.metrics());
    assert_eq!(
        a.call::<RepoGet>(repo()).await.expect("the repository").head.attempts,
        0
    );
    assert_eq!(
        b.call::<RepoGet>(repo()).await.expect("the repository").head.attempts,
        1
    );
    a.shutdown().await;
    assert!(b.call::<RepoGet>(repo()).await.is_ok(), "the other goes on");
    b.shutdown().await;
    sandbox.shutdown().await;
}

#[tokio::test]
async fn dropping_the_last_handle_ends_it_after_its_streams() {
    let sandbox = sandbox().await;
    let before = alive();
    let gateway = builder(&sandbox).start().await.expect("started");
    let stream = gateway.stream::<ChatStream>(chat()).await.expect("a stream");
    let another = gateway.clone();
    drop(gateway);
    assert!(another.call::<RepoGet>(repo()).await.is_ok(), "a handle is left");
    // From a thread that no runtime knows.
    std::thread::spawn(move || drop(another)).join().unwrap();
    let events: Vec<_> = stream.collect().await;
    assert!(matches!(events.last(), Some(Ok(ChatEvent::End { .. }))), "{events:?}");
    eventually("no task of it is left", || alive() <= before).await;
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing_running() {
    // It takes connections and never answers, so that the start waits for its health.
    let silent = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = format!("http://{}", silent.local_addr().unwrap());
    let mut config = Config::default();
    let provider = ProviderConfig::new("github").at(BaseUrl::parse(&at).expect("a base URL"));
    config.providers.insert("silent".to_owned(), provider);
    let before = alive();
    let builder = Mosaic::builder(config).credential("silent", Secret::new("none"));
    let started = tokio::time::timeout(Duration::from_millis(500), builder.start()).await;
    assert!(started.is_err(), "it waits for its provider");
    eventually("no task of it is left", || alive() <= before).await;
}

#[test]
fn a_runtime_that_ends_takes_it_along_and_a_later_drop_does_no_harm() {
    let runtime = Runtime::new().unwrap();
    let gateway = runtime.block_on(async {
        let sandbox = sandbox().await;
        builder(&sandbox).start().await.expect("started")
    });
    drop(runtime);
    drop(gateway);
}
