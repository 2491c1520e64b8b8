//! TLS and HTTP/2 on both listeners: certificates that change under load, handshakes that do not come to an end, streams that
//! are taken back.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use http::Version;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{SOON, Setup, Stage, soon};

/// A certificate and its files.
struct Made {
    der: CertificateDer<'static>,
    cert: String,
    key: String,
}

fn made() -> Made {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("made");
    Made {
        der: made.cert.der().clone(),
        cert: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

impl Made {
    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), &self.cert).expect("written");
        std::fs::write(folder.join("key.pem"), &self.key).expect("written");
    }
}

fn trusting(certificates: &[&Made]) -> reqwest::ClientBuilder {
    speaking(&["h2", "http/1.1"], certificates)
}

/// One that asks for these protocols.
fn speaking(protocols: &[&str], certificates: &[&Made]) -> reqwest::ClientBuilder {
    let mut roots = rustls::RootCertStore::empty();
    for made in certificates {
        roots.add(made.der.clone()).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .timeout(SOON)
}

fn sealed(folder: &Path, server: &str) -> Setup {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let table = |section: &str| {
        let (cert, key) = (file("cert.pem"), file("key.pem"));
        format!("[{section}.tls]\ncert = {cert:?}\nkey = {key:?}\n")
    };
    Setup {
        server: server.to_owned(),
        tables: table("server") + &table("admin"),
        ..Setup::default()
    }
}

async fn stage(made: &Made, server: &str) -> (Stage, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    made.write(folder.path());
    (Stage::open(sealed(folder.path(), server)).await, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_listeners_speak_tls_and_two_versions_of_http() {
    let made = made();
    let (stage, _folder) = stage(&made, "").await;
    let gateway = &stage.gateway;
    let ask = async |client: reqwest::Client, at: SocketAddr, path: &str| {
        let reply = client
            .get(format!("https://{at}{path}"))
            .send()
            .await
            .expect("an answer");
        (
            reply.version(),
            reply.status().as_u16(),
            reply.text().await.expect("a body"),
        )
    };
    let client = || trusting(&[&made]);
    let newer = ask(
        client().build().expect("a client"),
        gateway.public,
        "/v1/git/repos/acme%2Fapi",
    )
    .await;
    assert_eq!((newer.0, newer.1), (Version::HTTP_2, 200));
    let older = speaking(&["http/1.1"], &[&made]).build().expect("a client");
    let older = ask(older, gateway.public, "/v1/git/repos/acme%2Fapi").await;
    assert_eq!((older.0, older.1), (Version::HTTP_11, 200));
    assert_eq!(newer.2, older.2);
    let metrics = ask(client().build().expect("a client"), gateway.admin, "/metrics").await;
    let told = metrics
        .2
        .lines()
        .filter(|line| line.starts_with("mosaic_tls_certificate_expiry_timestamp_seconds{"));
    let times: Vec<f64> = told.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect();
    assert!(times.len() == 2 && times.iter().all(|time| *time > 2e9), "{times:?}");
    // Who does not trust it, and who speaks no TLS, gets nothing.
    assert!(
        trusting(&[])
            .build()
            .expect("a client")
            .get(format!("https://{}/", gateway.public))
            .send()
            .await
            .is_err()
    );
    assert!(
        gateway
            .client
            .0
            .get(format!("http://{}/livez", gateway.admin))
            .send()
            .await
            .is_err()
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dialect_says_of_our_own_address_is_within_tls() {
    let made = made();
    let (stage, _folder) = stage(&made, "").await;
    let client = trusting(&[&made]).build().expect("a client");
    let batches = format!("https://{}/anthropic/v1/messages/batches", stage.gateway.public);
    let asked = json!({"requests": [{"custom_id": "r", "params": {"model": "openai-a~sandbox-large", "max_tokens": 9,
        "messages": [{"role": "user", "content": "say 1 words"}]}}]});
    let read = async |request: reqwest::RequestBuilder| -> Value {
        let request = request.header("x-mosaic-no-cache", "true");
        let reply = request.send().await.expect("an answer");
        let status = reply.status();
        let text = reply.text().await.expect("a body");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    };
    let made = read(client.post(&batches).json(&asked)).await;
    let batch = format!("{batches}/{}", made["id"].as_str().expect("an id"));
    let results = soon("it has ended", async || {
        let batch = read(client.get(&batch)).await;
        batch["results_url"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(results, format!("{batch}/results"));
    let result = read(client.get(&results)).await;
    assert_eq!(result["result"]["message"]["content"][0]["text"], "word1", "{result}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_certificate_is_changed_under_load_and_no_request_fails() {
    let (first, second) = (made(), made());
    let (stage, folder) = stage(&first, "").await;
    let gateway = &stage.gateway;
    let url = format!("https://{}/v1/git/repos/acme%2Fapi", gateway.public);
    let over = Arc::new(AtomicBool::new(false));
    let both = [&first, &second];
    // Some connect anew for each request, some keep what they have; of both versions.
    let clients = [
        speaking(&["http/1.1"], &both).pool_max_idle_per_host(0),
        trusting(&both).pool_max_idle_per_host(0),
        speaking(&["http/1.1"], &both),
        trusting(&both),
    ];
    let load: Vec<_> = clients
        .into_iter()
        .map(|client| {
            let (client, over, url) = (client.build().expect("a client"), over.clone(), url.clone());
            tokio::spawn(async move {
                let mut asked = 0;
                while !over.load(SeqCst) {
                    let reply = client.get(&url).send().await.expect("no request fails");
                    assert_eq!(reply.status(), 200);
                    reply.bytes().await.expect("a whole answer");
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    let shows = async |made: &Made| {
        let client = trusting(&[made]).pool_max_idle_per_host(0).build().expect("a client");
        client.get(&url).send().await.is_ok()
    };
    assert!(shows(&first).await && !shows(&second).await);
    for next in [&second, &first, &second] {
        next.write(folder.path());
        gateway.program.signal("HUP");
        soon("the other certificate", async || shows(next).await.then_some(())).await;
    }
    // What fits nothing changes nothing.
    std::fs::write(folder.path().join("key.pem"), &first.key).expect("written");
    gateway.program.signal("HUP");
    gateway
        .program
        .line("that it stays", |line| line.contains("stays as it was").then_some(()));
    assert!(shows(&second).await);
    over.store(true, SeqCst);
    for task in load {
        assert!(task.await.expect("no request failed") > 0);
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_does_not_come_to_its_end_is_ended() {
    let made = made();
    let (stage, _folder) = stage(&made, "header_read_timeout = \"300ms\"").await;
    let at = stage.gateway.public;
    let begun: [&[u8]; 3] = [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"];
    let ended = begun.map(|bytes| {
        tokio::task::spawn_blocking(move || {
            let mut socket = TcpStream::connect(at).expect("connected");
            socket.set_read_timeout(Some(SOON)).expect("set");
            socket.write_all(bytes).expect("written");
            let mut rest = [0; 256];
            loop {
                match socket.read(&mut rest) {
                    Ok(0) => return,
                    // An alert may come first.
                    Ok(_) => {}
                    Err(error) => {
                        let in_time = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                        assert!(in_time, "it was not ended");
                        return;
                    }
                }
            }
        })
    });
    for end in ended {
        end.await.expect("it was ended");
    }
    let client = trusting(&[&made]).build().expect("a client");
    let metrics = client
        .get(format!("https://{}/metrics", stage.gateway.admin))
        .send()
        .await
        .expect("an answer");
    let text = metrics.text().await.expect("a body");
    assert!(
        text.contains("mosaic_tls_handshakes_failed_total{listener=\"public\"} 3"),
        "{text}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_pair_are_refused_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (made(), made());
    one.write(folder.path());
    std::fs::write(folder.path().join("key.pem"), &other.key).expect("written");
    let file = folder.path().join("mosaic.toml");
    std::fs::write(&file, sealed(folder.path(), "").tables).expect("written");
    let ended = crate::harness::process::run(&["check", "--config", file.to_str().expect("a path")], &[]);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert_ne!(ended.code, Some(0));
    assert!(
        told.contains("server.tls.key") && told.contains("is not that of the certificate"),
        "{told}"
    );
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_opened_and_taken_back_end_their_connection_and_no_other() {
    let stage = Stage::open(Setup::default()).await;
    let at = stage.gateway.public;
    let flood = tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(at).expect("connected");
        socket.set_read_timeout(Some(SOON)).expect("set");
        socket.set_write_timeout(Some(SOON)).expect("set");
        socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").expect("written");
        socket.write_all(&frame(4, 0, 0, b"")).expect("written");
        // :method GET, :scheme http, :path /, :authority a.
        let head = [0x82, 0x86, 0x84, 0x41, 0x01, b'a'];
        let mut opened = 0_u32;
        let mut refused = false;
        while !refused && opened < 200_000 {
            let mut burst = Vec::new();
            for _ in 0..1_000 {
                let stream = 2 * opened + 1;
                burst.extend(frame(1, 5, stream, &head));
                burst.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
                opened += 1;
            }
            if let Err(error) = socket.write_all(&burst) {
                let is_ended = !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(is_ended, "it neither reads on nor ends: {error}");
                refused = true;
            }
        }
        // Whatever it was told, in the end it is closed.
        let mut rest = [0; 16 * 1024];
        while matches!(socket.read(&mut rest), Ok(1..)) {}
        refused
    });
    assert!(flood.await.expect("it ends"), "it could go on for ever");
    assert_eq!(stage.gateway.get("/v1/git/repos/acme%2Fapi").await.status, 200);
    let open = soon("its place is free", async || {
        let text = stage.gateway.admin("/metrics").await.text;
        let line = text
            .lines()
            .find(|line| line.starts_with("mosaic_http_connections{listener=\"public\"}"))?;
        line.ends_with(" 1").then_some(())
    });
    tokio::time::timeout(SOON + Duration::from_secs(1), open)
        .await
        .expect("in time");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http2_is_spoken_to_whoever_begins_with_it() {
    let stage = Stage::open(Setup::default()).await;
    let client = trusting(&[]).http2_prior_knowledge().build().expect("a client");
    let url = format!("http://{}/v1/git/repos/acme%2Fapi", stage.gateway.public);
    let reply = client.get(url).send().await.expect("an answer");
    assert_eq!((reply.version(), reply.status().as_u16()), (Version::HTTP_2, 200));
    stage.close().await;
}
