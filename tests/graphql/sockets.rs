//! WebSockets by hand: what the protocol says of each message, and of those that are none.

use serde_json::json;
use tokio::net::TcpStream;

use super::harness::{Setup, Stage, soon};
use super::wire::Socket;
use super::{KEY, stage};

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_is_closed_with_its_code() {
    let stage = stage("init_timeout = \"3s\"").await;
    let address = stage.gateway.public;
    let init = json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {KEY}") } });

    let mut other = Socket::open(address, "graphql-ws", "").await;
    assert_eq!(other.closed().await, 4406);
    let mut silent = Socket::open(address, "graphql-transport-ws", "").await;
    assert_eq!(silent.closed().await, 4408);
    for (said, code) in [
        (
            json!({ "type": "connection_init", "payload": { "authorization": "Bearer nobody" } }),
            4403,
        ),
        (json!({ "type": "connection_init" }), 4403),
        (
            json!({ "id": "1", "type": "subscribe", "payload": { "query": "{ __typename }" } }),
            4401,
        ),
        (json!({ "type": "start" }), 4400),
        (json!([1]), 4400),
    ] {
        let mut socket = Socket::open(address, "graphql-transport-ws", "").await;
        socket.say(&said).await;
        assert_eq!(socket.closed().await, code, "{said}");
    }
    for (said, code) in [
        (init.clone(), 4429),
        (
            json!({ "type": "subscribe", "payload": { "query": "{ __typename }" } }),
            4400,
        ),
        (
            json!({ "id": "x".repeat(500), "type": "subscribe", "payload": {} }),
            4400,
        ),
        (json!({ "type": "complete" }), 4400),
        (json!(7), 4400),
    ] {
        let mut socket = Socket::introduced(address).await;
        socket.say(&said).await;
        assert_eq!(socket.closed().await, code, "{said}");
    }
    for (code, payload) in [
        (1, &b"{"[..]),
        (2, b"\x00"),
        (1, b"{\"type\": \"ping\", \"type\": \"pong\"}"),
    ] {
        let mut socket = Socket::introduced(address).await;
        socket.frame(code, payload).await;
        assert_eq!(socket.closed().await, 4400);
    }
    // The same name for two at a time.
    let mut socket = Socket::introduced(address).await;
    socket
        .subscribe("1", "subscription { events { ... on Event { id } } }")
        .await;
    socket
        .subscribe("1", "subscription { events { ... on Event { id } } }")
        .await;
    assert_eq!(socket.closed().await, 4409);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_come_in_the_head_and_pings_are_answered() {
    let stage = stage("").await;
    let head = format!("x-api-key: {KEY}\r\n");
    let mut socket = Socket::open(stage.gateway.public, "graphql-transport-ws", &head).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.text().await, json!({ "type": "pong" }));
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.text().await, json!({ "type": "connection_ack" }));
    socket.say(&json!({ "type": "ping", "payload": { "odd": 1 } })).await;
    assert_eq!(socket.text().await, json!({ "type": "pong" }));
    // Queries and mutations, too.
    socket
        .subscribe("q", "{ gitRepoGet(repo: \"acme/api\") { path } }")
        .await;
    let next = socket.text().await;
    assert_eq!(
        next,
        json!({ "id": "q", "type": "next", "payload": { "data": { "gitRepoGet": { "path": "acme/api" } } } })
    );
    assert_eq!(socket.text().await, json!({ "id": "q", "type": "complete" }));
    // What cannot be executed is an error, and the socket goes on.
    socket.subscribe("w", "{ nothing }").await;
    let refused = socket.text().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("w"), &json!("error")));
    assert_eq!(
        refused["payload"][0]["extensions"]["code"], "invalid_input",
        "{refused}"
    );
    socket.subscribe("w", "{ __typename }").await;
    assert_eq!(socket.text().await["payload"]["data"]["__typename"], "Query");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_are_bounded_and_a_silent_socket_is_closed() {
    let stage = stage("max_subscriptions = 2\nping_interval = \"200ms\"").await;
    let mut socket = Socket::introduced(stage.gateway.public).await;
    let events = "subscription { events { ... on Event { id } } }";
    for id in ["1", "2", "3"] {
        socket.subscribe(id, events).await;
    }
    let refused = socket.text().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("3"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "overloaded");
    socket.say(&json!({ "id": "1", "type": "complete" })).await;
    socket.subscribe("3", "{ __typename }").await;
    assert_eq!(socket.text().await["type"], "next");
    // It answers no ping from now on.
    assert_eq!(socket.closed().await, 1008);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_takes_its_stream_along_and_a_drain_says_good_bye() {
    let stage = stage("[events]\nmax_listeners = 1").await;
    let listens = async || {
        let url = format!("http://{}/v1/events", stage.gateway.public);
        let answer = stage.gateway.client.0.get(url).bearer_auth(KEY).send().await.ok()?;
        (answer.status() == 200).then_some(())
    };
    let events = "subscription { events { __typename } }";
    let mut gone = Socket::introduced(stage.gateway.public).await;
    for id in ["1", "2"] {
        gone.subscribe(id, events).await;
    }
    // There is one seat, which one of the two has.
    let refused = gone.text().await;
    assert_eq!(refused["type"], "error", "{refused}");
    assert!(listens().await.is_none());
    drop(gone);
    soon("the seat of a client that went is free", listens).await;

    let mut left = Socket::introduced(stage.gateway.public).await;
    soon("the listener before has left", listens).await;
    left.subscribe("1", events).await;
    left.say(&json!({ "id": "1", "type": "complete" })).await;
    soon("the seat of an operation that was left is free", listens).await;

    stage.gateway.program.signal("TERM");
    assert_eq!(left.closed().await, 1001);
    drop(left);
    let ended = stage.gateway.program.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    stage.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_or_too_long_a_one_closes_the_socket() {
    let stage = stage("max_message = \"4KiB\"").await;
    let long = json!({ "type": "ping", "payload": { "long": "x".repeat(5 << 10) } }).to_string();
    let mut whole = Socket::introduced(stage.gateway.public).await;
    whole.frame(1, long.as_bytes()).await;
    assert_eq!(whole.closed().await, 4400);
    // In parts, of which none is too long.
    let mut parts = Socket::introduced(stage.gateway.public).await;
    let (first, rest) = long.as_bytes().split_at(3 << 10);
    parts.part(1, first, false).await;
    parts.part(0, rest, true).await;
    assert_eq!(parts.closed().await, 4400);
    // One that announces more than it sends, or what no text is.
    for raw in [
        &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0][..],
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
        // Not masked; a code that there is not; a continuation of nothing.
        &[0x81, 0x02, b'{', b'}'],
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0x80, 0x80, 0, 0, 0, 0],
    ] {
        let mut socket = Socket::introduced(stage.gateway.public).await;
        socket.raw(raw).await;
        assert_eq!(socket.closed().await, 4400, "{raw:?}");
    }
    // In small parts, with a ping between them, it is one message.
    let mut socket = Socket::introduced(stage.gateway.public).await;
    socket.part(1, b"{\"type\": ", false).await;
    socket.frame(9, b"").await;
    socket.part(0, b"\"ping\"}", true).await;
    assert_eq!(socket.text().await, json!({ "type": "pong" }));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_sockets_at_a_time_and_what_waits_to_be_read_takes_its_room_until_it_is() {
    let stage = stage("max_sockets = 1\nmax_answers = \"64KiB\"").await;
    let address = stage.gateway.public;
    let mut socket = Socket::introduced(address).await;
    let asked = async || {
        let stream = TcpStream::connect(address).await.expect("it listens");
        Socket::asked(stream, address, "graphql-transport-ws", "").await
    };
    let (_, refused) = asked().await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.to_ascii_lowercase().contains("retry-after: 1"), "{refused}");
    // All of them hold more than there is room for at a time.
    for id in 0..8 {
        let query = format!(
            "{{ gitRepoList(owner: \"many\", first: {}) {{ nodes {{ path }} }} }}",
            40 - id
        );
        socket.subscribe("list", &query).await;
        let next = socket.text().await;
        assert!(next["payload"].get("errors").is_none(), "{id}: {next}");
        assert_eq!(socket.text().await["type"], "complete");
    }
    drop(socket);
    soon("its place is free", async || {
        asked().await.1.starts_with("HTTP/1.1 101").then_some(())
    })
    .await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_is_not_let_in_where_nobody_needs_a_key() {
    let stage = Stage::open(Setup::default()).await;
    let address = stage.gateway.public;
    for (headers, code) in [
        ("origin: http://evil.example\r\n".to_owned(), Some(4403)),
        ("origin: null\r\n".to_owned(), Some(4403)),
        ("sec-fetch-site: cross-site\r\n".to_owned(), Some(4403)),
        (format!("origin: http://{address}\r\n"), None),
        (String::new(), None),
    ] {
        let mut socket = Socket::open(address, "graphql-transport-ws", &headers).await;
        socket.say(&json!({ "type": "connection_init" })).await;
        match code {
            Some(code) => assert_eq!(socket.closed().await, code, "{headers}"),
            None => assert_eq!(socket.text().await, json!({ "type": "connection_ack" }), "{headers}"),
        }
    }
    stage.close().await;
}
