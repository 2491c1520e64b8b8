//! Clients that go, or stay and take nothing: whatever they asked for ends, and no more of it was ever under way than may be.

use std::fmt::Write as _;
use std::net::SocketAddr;

use mosaic::sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::harness::soon;
use super::wire::Socket;
use super::{KEY, data, stage, stage_with};
use crate::harness::Stage;

/// A model that speaks for long.
const LONG: &str = "aiChatStream(model: \"gpt-4o-mini\", prompt: \"say 10000 words\", provider: \"openai-a\")";

/// The calls that are under way, as the admin listener tells.
async fn in_flight(stage: &Stage) -> u64 {
    let calls = stage.gateway.admin("/admin/v1/calls").await.ok();
    calls["in_flight"].as_u64().unwrap_or_else(|| panic!("{calls}"))
}

/// How often a model was asked.
fn asked(stage: &Stage) -> u64 {
    let requests = stage.server("openai-a").requests();
    requests.arrived(&Method::POST, "/v1/chat/completions")
}

async fn begins(stage: &Stage, times: u64) {
    soon("the model is asked", async || (asked(stage) >= times).then_some(())).await;
}

async fn ends(stage: &Stage) {
    soon("no call is left", async || (in_flight(stage).await == 0).then_some(())).await;
}

/// A connection of which the client's side holds next to nothing.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("it is set");
    socket.connect(address).await.expect("it listens")
}

async fn posted(mut stream: TcpStream, address: SocketAddr, query: &str, accept: &str) -> TcpStream {
    let body = json!({ "query": query }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\naccept: {accept}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it is taken");
    stream
}

/// So that a model's answer is not told at once.
fn slowly(stage: &Stage) {
    let drip = Fault::new(Effect::Drip { ms: 50 }).method(&Method::POST);
    stage.server("openai-a").faults().add(drip).expect("a sound fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_calls_at_a_time_and_none_that_is_left() {
    let stage = stage("max_concurrent_calls = 3").await;
    let server = stage.server("github-a");
    let hang = Fault::new(Effect::Hang { processed: false }).path_prefix("/repos/many/");
    server.faults().add(hang).expect("a sound fault");
    let arrived = || -> u64 {
        let requests = server.requests();
        let of_many = requests
            .arrived
            .iter()
            .filter(|(path, _)| path.contains("/repos/many/"));
        of_many.map(|(_, times)| times).sum()
    };
    let query = "{ gitRepoList(owner: \"many\", first: 50, provider: \"github-a\") {
        nodes { prs(first: 1) { nodes { id } } branches(first: 1) { nodes { name } } } } }";
    let address = stage.gateway.public;
    let stream = TcpStream::connect(address).await.expect("it listens");
    let stream = posted(stream, address, query, "application/json").await;
    soon("its calls have come", async || (arrived() >= 3).then_some(())).await;
    // Others are served meanwhile, and no call has come in place of those that wait.
    data(&stage.gateway, "{ gitRepoGet(repo: \"acme/api\") { path } }").await;
    assert_eq!((arrived(), in_flight(&stage).await), (3, 3));
    drop(stream);
    ends(&stage).await;
    assert_eq!(arrived(), 3);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_takes_its_streams_along() {
    let stage = stage("").await;
    slowly(&stage);
    let address = stage.gateway.public;
    let query = format!("subscription {{ {LONG} {{ ... on ChatEventDelta {{ text }} }} }}");
    let stream = TcpStream::connect(address).await.expect("it listens");
    let mut stream = posted(stream, address, &query, "text/event-stream").await;
    let mut told = vec![0; 64];
    stream.read_exact(&mut told).await.expect("an answer");
    assert_eq!(in_flight(&stage).await, 1);
    drop(stream);
    ends(&stage).await;

    // A socket that goes without a word, one that says good-bye, and one that only leaves its operation.
    for way in ["goes", "closes", "leaves"] {
        let mut socket = Socket::introduced(address).await;
        socket.subscribe("1", &query).await;
        assert_eq!(socket.text().await["type"], "next", "{way}");
        assert_eq!(in_flight(&stage).await, 1, "{way}");
        match way {
            "goes" => drop(socket),
            "closes" => {
                socket.frame(8, &1000_u16.to_be_bytes()).await;
                assert_eq!(socket.closed().await, 1000);
            }
            _ => {
                socket.say(&json!({ "id": "1", "type": "complete" })).await;
                ends(&stage).await;
                socket.subscribe("1", "{ __typename }").await;
                while socket.text().await["payload"]["data"]["__typename"] != "Query" {}
            }
        }
        ends(&stage).await;
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_and_takes_nothing_is_left_with_what_it_asked() {
    let stage = stage_with("", "write_timeout = \"300ms\"").await;
    let address = stage.gateway.public;
    let mut words = String::new();
    for at in 0..20 {
        write!(words, "{}{at}: text ", "long".repeat(20)).expect("a text takes all");
    }
    let query = format!("subscription {{ {LONG} {{ ... on ChatEventDelta {{ {words} }} }} }}");
    let stream = posted(narrow(address).await, address, &query, "text/event-stream").await;
    begins(&stage, 1).await;
    ends(&stage).await;
    drop(stream);

    let mut socket = Socket::introduced_on(narrow(address).await, address).await;
    socket.subscribe("1", &query).await;
    begins(&stage, 2).await;
    ends(&stage).await;
    drop(socket);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_at_whose_other_end_nobody_is_ends_with_its_call() {
    let stage = stage("ping_interval = \"200ms\"").await;
    slowly(&stage);
    let mut socket = Socket::introduced(stage.gateway.public).await;
    let query = format!("subscription {{ {LONG} {{ __typename }} }}");
    socket.subscribe("1", &query).await;
    begins(&stage, 1).await;
    // It says nothing any more, and does not end either.
    ends(&stage).await;
    assert_eq!(socket.closed().await, 1008);
    stage.close().await;
}
