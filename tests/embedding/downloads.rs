//! Files that nobody reads, and files of which only the head is asked for, through the whole of a gateway.
//!
//! Invariant: the provider counts what is taken from it, so that what the gateway holds is known.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mosaic::Failure;
use mosaic::Mosaic;
use mosaic::catalogue::docs::PageExport;
use mosaic::config::{Config, ProviderConfig, RouteConfig};
use mosaic::embed::serve::{self, Serving};
use mosaic::engine::stream::{BodyStream, ByteStream};
use mosaic::providers::{Connection, Credential, Handlers, Provider, Reply, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::PATIENCE;

/// What an HTTP client reads at once, about.
const PIECE: usize = 256 << 10;
const CLIENTS: usize = 32;
const EXPORT: &str = "/v1/docs/pages/1/export?format=markdown";

/// Pieces that were taken from any file.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Files without an end.
struct Endless;

impl Provider for Endless {
    fn connect(_: &Connection) -> Result<Self, Failure> {
        Ok(Endless)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new().raw::<PageExport, _, _>(|_: Arc<Self>, _: Request<PageExport>| async move {
            let piece = Bytes::from(vec![b'x'; PIECE]);
            let pieces = futures_util::stream::repeat_with(move || {
                TAKEN.fetch_add(1, Ordering::SeqCst);
                Ok(piece.clone())
            });
            Ok(Reply::of(ByteStream {
                media_type: Arc::from("text/markdown"),
                length: Some(1 << 40),
                name: None,
                bytes: BodyStream::from_items(pieces),
            }))
        })
    }

    async fn health(&self) -> Result<Credential, Failure> {
        Ok(Credential::Unproven)
    }
}

async fn serving() -> (Mosaic, Serving) {
    let mut config = Config::default();
    let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    (config.server.listen, config.admin.listen) = (free, free);
    config.server.drain_timeout = Duration::ZERO;
    // Their files say that they are as large.
    config.gateway.max_transfer_size = 1 << 40;
    let mut provider = ProviderConfig::new("endless");
    provider.max_in_flight = Some(CLIENTS);
    config.providers.insert("files".to_owned(), provider);
    config.routes.push(RouteConfig {
        service: Some("docs".to_owned()),
        providers: vec!["files".to_owned()],
        ..RouteConfig::default()
    });
    let mosaic = Mosaic::builder(config).kind::<Endless>("endless").start().await;
    let mosaic = mosaic.expect("it starts");
    let serving = serve::serve(&mosaic).await.expect("free ports");
    (mosaic, serving)
}

/// Asks for a file's beginning, and has no room for more.
async fn unread(at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("a small buffer");
    let mut stream = socket.connect(at).await.expect("a connection");
    let request = format!("GET {EXPORT} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut begun = [0; 15];
    stream.read_exact(&mut begun).await.expect("an answer");
    assert_eq!(&begun, b"HTTP/1.1 200 OK");
    stream
}

/// What files give until they are read on, or `most` pieces: they are taken one after the other, so that one which does not
/// come for a while does not come.
async fn taken_at_rest(most: usize) -> usize {
    let mut before = TAKEN.load(Ordering::SeqCst);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = TAKEN.load(Ordering::SeqCst);
        if now == before || now > most {
            return now;
        }
        before = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_read_for_its_head_nor_far_ahead_of_its_client() {
    let (mosaic, serving) = serving().await;
    let http = mosaic::providers::http::http_client().expect("a client");
    let head = http.head(format!("http://{}{EXPORT}", serving.public)).send();
    let head = tokio::time::timeout(PATIENCE, head)
        .await
        .expect("in time")
        .expect("an answer");
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], "1099511627776");
    // The pump may have begun; it ends as a file that was read does.
    let counted = async {
        loop {
            let metrics = mosaic.metrics();
            let ok = |name: &str| {
                let mut lines = metrics.lines().filter(|line| line.starts_with(name));
                lines.any(|line| line.contains("code=\"ok\"") && line.ends_with(" 1"))
            };
            if ok("mosaic_calls_total{") && ok("mosaic_attempts_total{") {
                return metrics;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let metrics = tokio::time::timeout(PATIENCE, counted)
        .await
        .expect("it is counted as one that went well");
    let cancelled = metrics
        .lines()
        .find(|line| line.contains("code=\"cancelled\"") && !line.ends_with(" 0"));
    assert_eq!(cancelled, None);
    let for_head = TAKEN.swap(0, Ordering::SeqCst);
    assert!(for_head <= 4, "{for_head} pieces were taken for a head");

    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(unread(serving.public).await);
    }
    // Two wait in the stream; one more is held before it, one behind it, and one is being written. The kernel holds about
    // one.
    let most = CLIENTS * 6;
    let taken = taken_at_rest(most).await;
    assert!(taken <= most, "{taken} pieces of {PIECE} bytes for {CLIENTS} clients");
    drop(clients);
    serving.stop(&mosaic).await;
}
