//! Connections to providers: how long they are kept, and what comes of those that close.

use std::sync::Arc;
use std::time::Duration;

use mosaic::providers::Connection;
use mosaic::providers::http::HttpClient;
use mosaic::wire::client::Outbound;
use mosaic_actors::driver::Driver;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::harness::SOON;
use crate::upstream;

/// What a server saw on which of its connections, counted from 0.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Asked(usize, &'static str),
    Ended(usize),
}

/// What a server does with a request on one of its connections.
#[derive(Clone, Copy)]
enum Does {
    /// Answers, with these headers too.
    Answer(&'static str),
    /// Answers, and says that it will send no more.
    AnswerAndEnd,
    /// Nothing, and ends the connection.
    End,
}

struct Server {
    url: String,
    seen: UnboundedReceiver<Seen>,
    task: JoinHandle<()>,
}

impl Server {
    /// `does` is given the number of the connection, and whether the request is a write.
    async fn start(does: fn(usize, bool) -> Does) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (tell, seen) = unbounded_channel();
        let task = tokio::spawn(async move {
            for number in 0.. {
                let (socket, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(socket, number, does, tell.clone()));
            }
        });
        Server { url, seen, task }
    }

    async fn next(&mut self) -> Seen {
        timeout(SOON, self.seen.recv())
            .await
            .expect("in time")
            .expect("it runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, number: usize, does: fn(usize, bool) -> Does, tell: UnboundedSender<Seen>) {
    // The test may be over, and its receiver gone.
    let tell = |seen| drop(tell.send(seen));
    while let Some(method) = request(&mut socket).await {
        tell(Seen::Asked(number, method));
        match does(number, method == "POST") {
            Does::Answer(headers) => answer(&mut socket, headers).await,
            Does::AnswerAndEnd => {
                answer(&mut socket, "").await;
                socket.shutdown().await.expect("it is open");
            }
            Does::End => break,
        }
    }
    tell(Seen::Ended(number));
}

/// Reads one request whole; none at the connection's end.
async fn request(socket: &mut TcpStream) -> Option<&'static str> {
    let (mut text, mut piece) = (String::new(), [0; 8192]);
    let whole = |text: &str| {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        (body.len() >= length.map_or(0, |length| length.parse().expect("a number"))).then_some(())
    };
    while whole(&text).is_none() {
        match socket.read(&mut piece).await {
            Ok(count @ 1..) => text.push_str(std::str::from_utf8(&piece[..count]).expect("text")),
            _ => return None,
        }
    }
    Some(if text.starts_with("POST ") { "POST" } else { "GET" })
}

async fn answer(socket: &mut TcpStream, headers: &str) {
    let reply = format!("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n{headers}\r\n{{}}");
    socket.write_all(reply.as_bytes()).await.expect("it waits for it");
}

/// A driver that keeps idle connections for `idle` unless told otherwise.
fn driver(url: &str, idle: Duration) -> Arc<dyn Driver> {
    let connection = Connection {
        http: HttpClient::new(&Outbound::default(), idle).expect("a client"),
        ..upstream::connection(url)
    };
    upstream::driver("github", &connection).expect("connected")
}

async fn ask(driver: &Arc<dyn Driver>, operation: &str, input: Value) -> Failure {
    let call = upstream::call(operation, input, false).expect("a sound input");
    let answered = driver.clone().call(Arc::new(call)).await;
    answered.map(drop).expect_err("nothing is found there")
}

async fn get(driver: &Arc<dyn Driver>) -> Kind {
    ask(driver, "git.repo.get", json!({"repo": "a/b"})).await.kind
}

async fn post(driver: &Arc<dyn Driver>) -> Failure {
    ask(driver, "projects.issue.create", json!({"project": "a/b", "title": "T"})).await
}

#[tokio::test]
async fn an_idle_connection_is_kept_as_long_as_is_set() {
    let mut server = Server::start(|_, _| Does::Answer("")).await;
    let short = driver(&server.url, Duration::from_millis(300));
    assert_eq!(get(&short).await, Kind::NotFound);
    assert_eq!(server.next().await, Seen::Asked(0, "GET"));
    assert_eq!(server.next().await, Seen::Ended(0));
    let long = driver(&server.url, Duration::from_secs(60));
    for pause in [Duration::from_millis(900), Duration::ZERO] {
        assert_eq!(get(&long).await, Kind::NotFound);
        assert_eq!(server.next().await, Seen::Asked(1, "GET"));
        sleep(pause).await;
    }
}

#[tokio::test]
async fn what_a_server_says_of_itself_goes_before_it() {
    // It keeps them for 1 s: ours are given up before, and the one by which it was told is not used again.
    let mut server = Server::start(|_, _| Does::Answer("keep-alive: timeout=1, max=100\r\n")).await;
    let long = driver(&server.url, Duration::from_secs(60));
    for number in [0, 1] {
        assert_eq!(get(&long).await, Kind::NotFound);
        assert_eq!(server.next().await, Seen::Asked(number, "GET"));
    }
    let ended = server.next().await;
    assert!(matches!(ended, Seen::Ended(_)), "{ended:?}");

    let mut server = Server::start(|_, _| Does::Answer("Keep-Alive: max=5, Timeout=600\r\n")).await;
    let short = driver(&server.url, Duration::from_millis(300));
    assert_eq!(get(&short).await, Kind::NotFound);
    assert_eq!(server.next().await, Seen::Asked(0, "GET"));
    assert_eq!(get(&short).await, Kind::NotFound);
    assert_eq!(server.next().await, Seen::Asked(1, "GET"));
    sleep(Duration::from_millis(900)).await;
    assert_eq!(get(&short).await, Kind::NotFound);
    let mut seen = vec![server.next().await, server.next().await];
    seen.retain(|seen| *seen != Seen::Ended(0));
    assert_eq!(seen, [Seen::Asked(1, "GET")]);
}

#[tokio::test]
async fn a_write_does_not_meet_a_connection_that_was_closed() {
    let mut server = Server::start(|number, _| match number {
        0 => Does::AnswerAndEnd,
        _ => Does::Answer(""),
    })
    .await;
    let driver = driver(&server.url, Duration::from_secs(60));
    assert_eq!(get(&driver).await, Kind::NotFound);
    assert_eq!(server.next().await, Seen::Asked(0, "GET"));
    assert_eq!(server.next().await, Seen::Ended(0));
    assert_eq!(post(&driver).await.kind, Kind::NotFound);
    assert_eq!(server.next().await, Seen::Asked(1, "POST"));
}

#[tokio::test]
async fn a_write_that_meets_a_closing_connection_is_a_failure_of_the_network_and_was_perhaps_sent() {
    let mut server = Server::start(|_, write| if write { Does::End } else { Does::Answer("") }).await;
    let driver = driver(&server.url, Duration::from_secs(60));
    assert_eq!(get(&driver).await, Kind::NotFound);
    let failure = post(&driver).await;
    assert_eq!((failure.kind, failure.unsent), (Kind::Network, false), "{failure}");
    let seen = [server.next().await, server.next().await, server.next().await];
    assert_eq!(seen, [Seen::Asked(0, "GET"), Seen::Asked(0, "POST"), Seen::Ended(0)]);
}
