//! Files on their way from the disk, or from a program, to a provider.
//!
//! Invariant: a provider below HTTP counts its connections and keeps what it read, so that what was sent is known byte by
//! byte.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use mosaic::catalogue::docs::{AttachmentGet, AttachmentGetInput, AttachmentUpload, AttachmentUploadInput};
use mosaic::config::{BaseUrl, Config, ProviderConfig, RouteConfig};
use mosaic::embed::serve::{self, Serving};
use mosaic::embed::upload;
use mosaic::providers::http::http_client;
use mosaic::sandbox::{Sandbox, SandboxConfig};
use mosaic::{Kind, Mosaic, Secret};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::files::Rig;
use crate::recorder::{mosaic, ran};

const MIB: usize = 1 << 20;
/// What a provider of these tests may have under way.
const PLACES: usize = 3;
/// And those of one tenant's uploads: half of the places.
const OF_ONE_TENANT: usize = PLACES.div_ceil(2);

fn random(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    fastrand::fill(&mut bytes);
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_up_and_comes_back() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (folder.path().join("ä plan.pdf"), folder.path().join("back"));
    let bytes = random(3 * MIB + 17);
    std::fs::write(&there, &bytes).unwrap();
    let listed = ["docs", "attachment", "list", &rig.page, "--json"];
    let told = rig.run(&listed).await;
    assert_eq!(serde_json::from_str::<Value>(&told.out).unwrap()["total"], 0);

    let file = format!("--file={}", there.display());
    let told = rig
        .run(&["docs", "attachment", "upload", &rig.page, &file, "--json"])
        .await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let attached: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(attached["name"], "ä plan.pdf");
    assert_eq!(attached["page"], format!("wiki~{}", rig.page));
    let told = rig.run(&listed).await;
    let rows: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        rows["items"][0]["id"], attached["id"],
        "the list is as it was before: {rows}"
    );

    let output = format!("--output={}", back.display());
    let id = attached["id"].as_str().unwrap();
    let told = rig.run(&["docs", "attachment", "get", id, &output, "--json"]).await;
    assert_eq!(told.code, Some(0), "{told:?}");
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(told["media_type"], "application/pdf");
    assert!(std::fs::read(&back).unwrap() == bytes, "the file came back as another");

    // By a gateway in the command's own process.
    let wiki = rig.sandbox.server("bookstack-a").unwrap();
    let config = folder.path().join("local.toml");
    let lines = format!(
        "[providers.wiki]\nkind = \"bookstack\"\nbase_url = \"{}\"\ntoken = \"env:T\"\n",
        wiki.base_url()
    );
    std::fs::write(&config, lines).unwrap();
    let config = format!("--config={}", config.display());
    let line = [
        "docs",
        "attachment",
        "upload",
        &rig.page,
        &file,
        "--local",
        &config,
        "--json",
    ];
    let mut command = mosaic(&line);
    command.env("T", wiki.token());
    let told = tokio::task::spawn_blocking(move || ran(&mut command)).await.unwrap();
    assert_eq!((told.code, wiki.created()), (Some(0), 2), "{told:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stdin_goes_up_and_what_is_no_file_is_refused_by_its_flag() {
    let rig = Rig::start().await;
    let bytes = random(MIB);
    let page = rig.page.clone();
    let mut command = mosaic(&[
        "docs",
        "attachment",
        "upload",
        &page,
        "--name=From a pipe",
        "--file=-",
        "--json",
    ]);
    command
        .env("MOSAIC_URL", rig.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let sent = bytes.clone();
    let told = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&sent).unwrap();
        child.wait_with_output().unwrap()
    });
    let told = told.await.unwrap();
    assert!(told.status.success(), "{told:?}");
    let attached: Value = serde_json::from_slice(&told.stdout).unwrap();
    let attachment = attached["id"].as_str().unwrap().into();
    let file = rig
        .gateway
        .request::<AttachmentGet>(AttachmentGetInput { attachment })
        .file();
    let pieces: Vec<_> = file.await.unwrap().bytes.try_collect().await.unwrap();
    assert!(pieces.concat() == bytes, "the file came back as another");

    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    let missing = folder.path().join("missing");
    for path in [folder.path(), &empty, &missing] {
        let file = format!("--file={}", path.display());
        let told = rig.run(&["docs", "attachment", "upload", &page, &file, "--json"]).await;
        assert_eq!(told.code, Some(2), "{told:?}");
        assert_eq!(serde_json::from_str::<Value>(&told.err).unwrap()["field"], "file");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_uploads_bytes_readers_and_files() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers.csv");
    std::fs::write(&path, "1,2\n").unwrap();
    let input = |name: Option<&str>| AttachmentUploadInput {
        page: rig.page.as_str().into(),
        name: name.map(Into::into),
    };
    let request = |name| rig.gateway.request::<AttachmentUpload>(input(name));
    let file = upload::file(&path).await.unwrap();
    assert_eq!(&*file.media_type, "text/csv");
    assert_eq!(
        request(None).upload(file).send().await.unwrap().value.name,
        "numbers.csv"
    );
    let reader = upload::reader("text/plain", None, &b"abc"[..]);
    assert_eq!(
        request(Some("abc")).upload(reader).send().await.unwrap().value.name,
        "abc"
    );

    let longer = upload::reader("text/plain", Some(2), &b"abc"[..]);
    let odd = upload::bytes("nonsense", "abc");
    for (request, field) in [
        (request(Some("a")), "body"),
        (request(Some("a")).upload(upload::bytes("text/plain", "")), "body"),
        (request(Some("a")).upload(longer), "body"),
        (request(Some("a")).upload(odd), "content_type"),
        (request(None).upload(upload::bytes("text/plain", "a")), "name"),
        (
            request(None).upload(upload::bytes("text/plain", "a").named("../a")),
            "name",
        ),
    ] {
        let failure = request.send().await.unwrap_err();
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some(field))
        );
    }
    assert!(upload::file(folder.path()).await.is_err());
    assert_eq!(rig.sandbox.server("bookstack-a").unwrap().created(), 2);
    rig.stop().await;
}

/// What the provider does once it has read the head and a part of the body.
#[derive(Clone, Copy)]
enum Does {
    /// Reads on to the end, and never answers.
    Swallow,
    /// Answers, and reads on to the end.
    Answer(&'static str),
    /// Breaks the connection.
    Reset,
    /// Reads nothing more.
    Stall,
}

/// A provider below HTTP.
struct Provider {
    url: String,
    connections: Arc<AtomicUsize>,
    /// A request has begun.
    began: Arc<Notify>,
    /// What each connection brought, once it is over.
    over: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Provider {
    async fn start(does: Does) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (connections, began) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (tell, over) = mpsc::unbounded_channel();
        let (counted, notify) = (connections.clone(), began.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (counted, notify, tell) = (counted.clone(), notify.clone(), tell.clone());
                tokio::spawn(async move {
                    let mut socket = socket;
                    let mut got = vec![];
                    // What it is asked before it is called says nothing of its version.
                    while !got.starts_with(b"POST") {
                        if !matches!(socket.read_buf(&mut got).await, Ok(read) if read > 0) {
                            return;
                        }
                        if got.starts_with(b"GET") && got.ends_with(b"\r\n\r\n") {
                            got.clear();
                            let none = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
                            socket.write_all(none).await.unwrap();
                        }
                    }
                    counted.fetch_add(1, Ordering::SeqCst);
                    serve(socket, got, does, notify, tell).await;
                });
            }
        });
        Provider {
            url,
            connections,
            began,
            over,
        }
    }

    /// What the one connection brought: no whole form, for its last boundary never came.
    async fn got_a_part(mut self) {
        let got = in_time(self.over.recv()).await.expect("a connection");
        assert!(
            got.starts_with(b"POST /attachments"),
            "{}",
            String::from_utf8_lossy(&got[..80])
        );
        assert!(
            !got.ends_with(b"--\r\n") && !got.ends_with(b"0\r\n\r\n"),
            "it was ended as if whole"
        );
        assert_eq!(self.connections.load(Ordering::SeqCst), 1, "it was sent again");
    }
}

async fn serve(
    mut socket: TcpStream,
    mut got: Vec<u8>,
    does: Does,
    began: Arc<Notify>,
    tell: mpsc::UnboundedSender<Vec<u8>>,
) {
    while got.len() < 4096 && matches!(socket.read_buf(&mut got).await, Ok(read) if read > 0) {}
    began.notify_one();
    match does {
        Does::Swallow => {}
        Does::Answer(answer) => socket.write_all(answer.as_bytes()).await.unwrap(),
        Does::Reset => return socket.set_zero_linger().unwrap(),
        Does::Stall => return std::future::pending().await,
    }
    // A reset ends it as well as an end does.
    while matches!(socket.read_buf(&mut got).await, Ok(read) if read > 0) {}
    let _ = tell.send(got);
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), what)
        .await
        .expect("it happens in time")
}

/// A gateway before equivalent providers.
struct Gateway {
    mosaic: Mosaic,
    serving: Serving,
}

impl Gateway {
    async fn before(urls: &[&str], token: &str, largest: usize) -> Self {
        Self::hurried(urls, token, largest, None).await
    }

    /// The same; its providers have so long for an attempt.
    async fn hurried(urls: &[&str], token: &str, largest: usize, attempt: Option<Duration>) -> Self {
        let mut config = Config::default();
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        (config.server.listen, config.admin.listen) = (free, free);
        // A file may be larger than what is read whole.
        config.server.max_body = 1 << 10;
        config.gateway.max_transfer_size = largest;
        let names: Vec<_> = (0..urls.len()).map(|at| format!("wiki-{at}")).collect();
        for (name, url) in names.iter().zip(urls) {
            let mut provider = ProviderConfig::new("bookstack").at(BaseUrl::parse(url).unwrap());
            provider.health_check = false;
            provider.attempt_timeout = attempt;
            provider.max_in_flight = Some(PLACES);
            config.providers.insert(name.clone(), provider);
        }
        config.routes.push(RouteConfig {
            service: Some("docs".to_owned()),
            providers: names.clone(),
            ..RouteConfig::default()
        });
        let builder = names.iter().fold(Mosaic::builder(config), |builder, name| {
            builder.credential(name, Secret::new(token))
        });
        let mosaic = builder.start().await.unwrap();
        let serving = serve::serve(&mosaic).await.unwrap();
        Gateway { mosaic, serving }
    }

    fn url(&self, query: &str) -> String {
        format!("http://{}/v1/docs/pages/1/attachments?{query}", self.serving.public)
    }

    /// Uploads `pieces`, and tells the answer's status, attempts and JSON.
    async fn upload(&self, query: &str, length: Option<usize>, body: reqwest::Body) -> (u16, u32, Value) {
        let request = http_client().unwrap().post(self.url(query)).body(body);
        let request = match length {
            Some(length) => request.header("content-length", length),
            None => request,
        };
        let reply = in_time(request.send()).await.unwrap();
        let attempts = reply.headers().get("x-mosaic-attempts");
        let attempts = attempts.map_or(0, |text| text.to_str().unwrap().parse().unwrap());
        (reply.status().as_u16(), attempts, reply.json().await.unwrap())
    }

    /// A client that says it will send 100,000 bytes, and sends a part of them.
    async fn begin(&self, query: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.serving.public).await.unwrap();
        let head = format!(
            "POST /v1/docs/pages/1/attachments?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(&random(50_000)).await.unwrap();
        socket
    }

    async fn stop(self) {
        self.serving.stop(&self.mosaic).await;
    }
}

/// What a client reads until the end of a problem.
async fn told_to(client: &mut TcpStream) -> String {
    let mut told = String::new();
    while !told.contains('}') {
        let mut piece = [0; 4096];
        let read = in_time(client.read(&mut piece)).await.unwrap();
        assert!(read > 0, "{told}");
        told.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    told
}

/// So many bytes in pieces.
fn pieces(size: usize) -> reqwest::Body {
    let pieces = random(size);
    let pieces: Vec<_> = pieces
        .chunks(16 << 10)
        .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
        .collect();
    reqwest::Body::wrap_stream(stream::iter(pieces))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_taken_is_refused_before_the_provider_hears_of_it() {
    let provider = Provider::start(Does::Swallow).await;
    let gateway = Gateway::before(&[&provider.url], "t", MIB).await;
    let large = gateway.upload("name=a", Some(2 * MIB), pieces(2 * MIB)).await;
    assert_eq!((large.0, &large.2["code"]), (413, &json!("payload_too_large")));
    let empty = gateway.upload("name=a", None, reqwest::Body::from("")).await;
    assert_eq!((empty.0, &empty.2["field"]), (400, &json!("body")));
    let unnamed = gateway.upload("", None, pieces(10)).await;
    assert_eq!((unnamed.0, &unnamed.2["field"]), (400, &json!("name")));
    let strange = gateway.upload("name=a&colour=red", None, pieces(10)).await;
    assert_eq!((strange.0, &strange.2["field"]), (400, &json!("colour")));

    let client = http_client().unwrap();
    let keyed = client
        .post(gateway.url("name=a"))
        .header("idempotency-key", "k")
        .body("x");
    let keyed: Value = keyed.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&keyed["status"], &keyed["field"]),
        (&json!(501), &json!("idempotency_key"))
    );
    let form = client
        .post(gateway.url("name=a"))
        .header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(form.body("x").send().await.unwrap().status(), 415);
    assert_eq!(provider.connections.load(Ordering::SeqCst), 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_turns_out_too_large_is_cut() {
    let provider = Provider::start(Does::Swallow).await;
    let gateway = Gateway::before(&[&provider.url], "t", MIB).await;
    let told = gateway.upload("name=a", None, pieces(2 * MIB)).await;
    assert_eq!((told.0, &told.2["code"]), (413, &json!("payload_too_large")));
    provider.got_a_part().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_breaks_off_breaks_off_the_upload() {
    let provider = Provider::start(Does::Swallow).await;
    let gateway = Gateway::before(&[&provider.url], "t", MIB).await;
    let client = gateway.begin("name=a").await;
    in_time(provider.began.notified()).await;
    drop(client);
    provider.got_a_part().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_drips_has_until_the_deadline_and_its_provider_is_not_blamed() {
    let provider = Provider::start(Does::Swallow).await;
    let gateway = Gateway::before(&[&provider.url], "t", MIB).await;
    let mut client = gateway.begin("name=a&timeout_ms=400").await;
    let told = told_to(&mut client).await;
    assert!(told.starts_with("HTTP/1.1 504"), "{told}");
    let problem: Value = serde_json::from_str(told.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(problem["code"], "timeout");
    assert_eq!(
        (&problem["field"], &problem["source"]),
        (&json!("body"), &json!("caller"))
    );
    assert_eq!(
        (problem.get("outcome"), &problem["retryable"]),
        (None, &json!(true)),
        "{problem}"
    );
    assert!(
        problem["detail"].as_str().unwrap().contains("it was not done"),
        "{problem}"
    );
    provider.got_a_part().await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_refuses_midway_is_heard() {
    let forbidden = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
    let large = "HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhtml";
    let hasty = "HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{\"id\":1,\"name\":\"a\",\"uploaded_to\":1} ";
    for (answer, status, code, field) in [
        (hasty, 502, "upstream_failed", Value::Null),
        (forbidden, 403, "forbidden", Value::Null),
        (large, 400, "invalid_input", json!("body")),
    ] {
        let provider = Provider::start(Does::Answer(answer)).await;
        let gateway = Gateway::before(&[&provider.url], "t", 64 * MIB).await;
        let told = gateway.upload("name=a", Some(8 * MIB), pieces(8 * MIB)).await;
        assert_eq!(
            (told.0, &told.2["code"], &told.2["field"]),
            (status, &json!(code), &field)
        );
        assert_eq!(told.2["provider"], "wiki-0");
        provider.got_a_part().await;

        let provider = Provider::start(Does::Answer(answer)).await;
        let gateway = Gateway::before(&[&provider.url], "t", 64 * MIB).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, random(8 * MIB)).unwrap();
        let file = format!("--file={}", path.display());
        let mut command = mosaic(&["docs", "attachment", "upload", "1", &file, "--json"]);
        command.env("MOSAIC_URL", format!("http://{}", gateway.serving.public));
        let told = tokio::task::spawn_blocking(move || ran(&mut command)).await.unwrap();
        let problem: Value = serde_json::from_str(&told.err).unwrap();
        assert_eq!(problem["code"], code, "{told:?}");
        provider.got_a_part().await;
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_is_not_sent_again_and_what_was_not_is() {
    let provider = Provider::start(Does::Reset).await;
    let other = Provider::start(Does::Reset).await;
    let gateway = Gateway::before(&[&provider.url, &other.url], "t", 64 * MIB).await;
    let told = gateway.upload("name=a", Some(8 * MIB), pieces(8 * MIB)).await;
    assert_eq!((told.0, &told.2["retryable"]), (502, &json!(false)), "{}", told.2);
    let both = [&provider, &other].map(|provider| provider.connections.load(Ordering::SeqCst));
    assert_eq!(both.iter().sum::<usize>(), 1);
    gateway.stop().await;

    // Of two equivalent ones the first does not listen; they take turns, so that one of two uploads meets it first.
    let sandbox = Sandbox::start(SandboxConfig::default_pair()).await.unwrap();
    let wiki = sandbox.server("bookstack-a").unwrap();
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let urls = [&*format!("http://{nobody}"), wiki.base_url()];
    let gateway = Gateway::before(&urls, wiki.token(), 64 * MIB).await;
    let mut attempts = 0;
    for _ in 0..2 {
        let told = gateway.upload("name=a", None, pieces(MIB)).await;
        assert_eq!(told.0, 200, "{}", told.2);
        attempts += told.1;
    }
    assert!(attempts > 2 && wiki.created() == 2, "{attempts} attempts");
    gateway.stop().await;
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_is_read_no_faster_than_its_provider_takes() {
    let provider = Provider::start(Does::Stall).await;
    let gateway = Gateway::before(&[&provider.url], "t", 1024 * MIB).await;
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let endless = stream::repeat(Bytes::from(random(64 << 10))).map(move |piece| {
        counted.fetch_add(piece.len(), Ordering::SeqCst);
        Ok::<_, std::io::Error>(piece)
    });
    let told = gateway
        .upload("name=a&timeout_ms=1000", None, reqwest::Body::wrap_stream(endless))
        .await;
    assert_eq!((told.0, &told.2["source"]), (504, &json!("provider")), "{}", told.2);
    // The sockets' own buffers take some, at both of its sides.
    let made = made.load(Ordering::SeqCst);
    assert!(made < 64 * MIB, "{made} bytes were taken");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_does_not_take_lets_go_of_its_client_and_keeps_its_place() {
    let provider = Provider::start(Does::Stall).await;
    let gateway = Gateway::hurried(&[&provider.url], "t", 64 * MIB, Some(Duration::from_millis(500))).await;
    for _ in 0..OF_ONE_TENANT {
        // Sends all that it has before it reads a word.
        let mut client = TcpStream::connect(gateway.serving.public).await.unwrap();
        let head = format!(
            "POST /v1/docs/pages/1/attachments?name=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            20 * MIB
        );
        client.write_all(head.as_bytes()).await.unwrap();
        in_time(client.write_all(&random(20 * MIB)))
            .await
            .expect("it is read on");
        let told = told_to(&mut client).await;
        assert!(
            told.starts_with("HTTP/1.1 504") && told.contains("attempt_timeout"),
            "{told}"
        );
    }
    // The connections stand, full of what nobody takes: there are no more of them than a tenant's uploads have places.
    let told = gateway.upload("name=a", Some(10), pieces(10)).await;
    assert_eq!((told.0, &told.2["code"]), (503, &json!("overloaded")), "{}", told.2);
    assert_eq!(provider.connections.load(Ordering::SeqCst), OF_ONE_TENANT);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_keeps_an_upload_waiting_has_the_time_of_an_attempt() {
    // It has all and does not answer; it takes no more of what has no end.
    for does in [Does::Swallow, Does::Stall] {
        let provider = Provider::start(does).await;
        let attempt = Some(Duration::from_millis(300));
        let gateway = Gateway::hurried(&[&provider.url], "t", 1024 * MIB, attempt).await;
        let body = match does {
            Does::Stall => {
                let piece = Bytes::from(random(64 << 10));
                reqwest::Body::wrap_stream(stream::repeat(piece).map(Ok::<_, std::io::Error>))
            }
            _ => pieces(10 << 10),
        };
        let told = gateway.upload("name=a&timeout_ms=15000", None, body).await;
        assert_eq!((told.0, &told.2["source"]), (504, &json!("provider")), "{}", told.2);
        let detail = told.2["detail"].as_str().unwrap();
        assert!(detail.contains("attempt_timeout"), "{detail}");
        // What had all of it may have kept it; what had no end of it has not.
        let unknown = matches!(does, Does::Swallow);
        assert_eq!(told.2["outcome"] == "unknown", unknown, "{}", told.2);
        assert_eq!(told.2["retryable"], json!(!unknown), "{}", told.2);
        gateway.stop().await;
    }
}
