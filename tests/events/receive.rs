//! Deliveries: taken, refused, repeated.
//!
//! Invariant: as in the crate.

use serde_json::json;

use crate::harness::Stage;
use crate::{Listener, PATH, SECRET, deliver, issue, send, setup, signed, stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_makes_a_cached_read_untrue_at_once_and_is_told() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    let read = async || {
        gateway
            .get("/v1/projects/issues?project=github-a~acme/api&limit=100")
            .await
            .ok()
    };
    let count = |page: &serde_json::Value| page["items"].as_array().expect("a page").len();
    let before = count(&read().await);
    // Behind our back.
    let forge = stage.server("github-a");
    let url = format!("{}/repos/acme/api/issues", forge.base_url());
    let opened = gateway
        .client
        .0
        .post(url)
        .bearer_auth(forge.token())
        .json(&json!({"title": "Opened"}));
    let opened = opened.send().await.expect("an answer");
    assert_eq!(opened.status(), 201);
    let opened: serde_json::Value = opened.json().await.expect("JSON");
    let number = opened["number"].as_u64().expect("a number");
    assert_eq!(count(&read().await), before, "it is cached");
    let mut listener = Listener::open(gateway, "", &[]).await;
    deliver(gateway, "1", "issues", &issue(number, "opened")).await.ok();
    assert_eq!(count(&read().await), before + 1);
    let told = listener.next().await.expect("an event");
    assert_eq!(told.data["type"], "projects.issue.opened");
    assert_eq!(told.data["raw_type"], "issues.opened");
    assert_eq!(told.data["resource"], format!("github-a~acme/api#{number}"));
    assert_eq!(told.data["actor"]["login"], "kim");
    assert_eq!(told.data["id"].as_i64(), told.id);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_is_refused_and_told_to_nobody() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    let body = issue(1, "closed");
    let good = signed(&body, SECRET);
    let with = |signature: &str| {
        vec![
            ("x-github-event".to_owned(), "issues".to_owned()),
            ("x-hub-signature-256".to_owned(), signature.to_owned()),
        ]
    };
    let other = signed(&body, "another secret of theirs");
    for (signature, body) in [
        ("", body.clone()),
        (&other, body.clone()),
        ("sha256=00", body.clone()),
        (&good, body.clone() + " "),
    ] {
        let headers = with(signature);
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(
            send(gateway, "github-a", &headers, &body).await.refused(401),
            "unauthenticated",
            "{signature}"
        );
    }
    // The older signature proves nothing, and neither does a key of ours.
    let older = [
        ("x-hub-signature", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("authorization", "Bearer x"),
    ];
    assert_eq!(
        send(gateway, "github-a", &older, &body).await.refused(401),
        "unauthenticated"
    );
    // Where nothing is taken nobody is told why.
    let sound = [("x-github-event", "issues"), ("x-hub-signature-256", good.as_str())];
    for path in [
        "github-b",
        "nobody",
        "openai-a",
        "woodpecker-a",
        &format!("github-a/{PATH}"),
        "bookstack-a",
        "bookstack-a/planted-path-secret-77c2",
    ] {
        assert_eq!(
            send(gateway, path, &sound, &body).await.refused(404),
            "not_found",
            "{path}"
        );
    }
    assert_eq!(
        gateway.get("/webhooks/github-a").await.refused(405),
        "method_not_allowed"
    );
    // What is no JSON cannot be read, though it is signed.
    assert_eq!(deliver(gateway, "2", "issues", "[").await.refused(400), "invalid_input");
    let metrics = gateway.admin("/metrics").await.text;
    assert!(
        metrics.contains("mosaic_webhook_deliveries_total{result=\"kept\"} 0"),
        "{metrics}"
    );
    assert!(metrics.contains("mosaic_webhook_deliveries_total{result=\"unread\"} 1"));
    let ended = stage.close().await;
    for planted in [SECRET, PATH] {
        assert!(!ended.stderr.contains(planted) && !metrics.contains(planted));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_again_under_its_name_tells_nothing() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    let mut listener = Listener::open(gateway, "after=0", &[]).await;
    let body = issue(1, "closed");
    assert_eq!(deliver(gateway, "one", "issues", &body).await.ok()["repeated"], false);
    assert_eq!(deliver(gateway, "one", "issues", &body).await.ok()["repeated"], true);
    // Nor do they under another, or as another event: neither is signed, and whoever has seen the bytes could choose them.
    assert_eq!(deliver(gateway, "two", "issues", &body).await.ok()["repeated"], true);
    assert_eq!(deliver(gateway, "five", "push", &body).await.ok()["repeated"], true);
    // A name that was used stands for what came first.
    assert_eq!(
        deliver(gateway, "one", "issues", &issue(2, "closed")).await.ok()["repeated"],
        true
    );
    // Out of order is as it came.
    deliver(gateway, "four", "issues", &issue(4, "closed")).await.ok();
    deliver(gateway, "three", "issues", &issue(3, "closed")).await.ok();
    let mut told = vec![];
    for _ in 0..3 {
        told.push(listener.resource().await);
    }
    assert_eq!(
        told,
        ["github-a~acme/api#1", "github-a~acme/api#4", "github-a~acme/api#3"]
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_signs_nothing_is_taken_on_its_secret_path_alone() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    let body = |at: &str| {
        json!({"event": "page_update", "triggered_at": at, "related_item": {"id": 1},
        "triggered_by": {"name": "Kim"}})
        .to_string()
    };
    let path = format!("bookstack-a/{PATH}");
    let first = body("2026-03-01T10:00:00.000000Z");
    assert_eq!(send(gateway, &path, &[], &first).await.ok()["repeated"], false);
    assert_eq!(send(gateway, &path, &[], &first).await.ok()["repeated"], true);
    assert_eq!(
        send(gateway, &path, &[], &body("2026-03-01T10:00:01.000000Z"))
            .await
            .ok()["repeated"],
        false
    );
    let mut listener = Listener::open(gateway, "after=0&service=docs", &[]).await;
    assert_eq!(listener.resource().await, "bookstack-a~1");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_read_whole() {
    let mut setup = setup("");
    setup.server = "max_body = \"16KiB\"".to_owned();
    let stage = Stage::open(setup).await;
    let gateway = &stage.gateway;
    let large = issue(1, &"x".repeat(17 << 10));
    assert_eq!(
        deliver(gateway, "1", "issues", &large).await.refused(413),
        "payload_too_large"
    );
    deliver(gateway, "2", "issues", &issue(1, "closed")).await.ok();
    stage.close().await;
}

/// A delivery's name is kept as a digest, however long it is; one that has none is known by its bytes. What stands behind a
/// body, as trailers, proves nothing and is not read.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_with_a_long_name_or_none_is_known_again() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    let long = "x".repeat(50_000);
    let body = issue(1, "closed");
    for repeated in [false, true] {
        let taken = deliver(gateway, &long, "issues", &body).await;
        assert_eq!(taken.ok()["repeated"], repeated, "by a long name");
    }
    let (nameless, signature) = (issue(2, "closed"), signed(&issue(2, "closed"), SECRET));
    let headers = [
        ("x-github-event", "issues"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    for repeated in [false, true] {
        let taken = send(gateway, "github-a", &headers, &nameless).await;
        assert_eq!(taken.ok()["repeated"], repeated, "without a name");
    }
    // The same bytes under a name are the same delivery.
    assert_eq!(
        deliver(gateway, "late", "issues", &nameless).await.ok()["repeated"],
        true
    );
    let third = issue(3, "closed");
    let good = signed(&third, SECRET);
    let request = |signed: &str, trailer: &str| {
        format!(
            "POST /webhooks/github-a HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             x-github-event: issues\r\ntrailer: x-hub-signature-256, x-github-delivery\r\n{signed}\
             transfer-encoding: chunked\r\n\r\n{:x}\r\n{third}\r\n0\r\n{trailer}\r\n",
            gateway.public,
            third.len()
        )
    };
    let proof = format!("x-hub-signature-256: {good}\r\n");
    let unproven = exchange(gateway.public, &request("", &proof)).await;
    assert!(unproven.starts_with("HTTP/1.1 401 "), "{unproven}");
    let taken = exchange(gateway.public, &request(&proof, "x-github-delivery: 3\r\n")).await;
    assert!(taken.starts_with("HTTP/1.1 200 "), "{taken}");
    stage.close().await;
}

/// Sends bytes, and reads what comes until the end.
async fn exchange(address: std::net::SocketAddr, bytes: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes.as_bytes()).await.expect("written");
    let mut text = String::new();
    let read = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_string(&mut text));
    read.await.expect("it answers").expect("text");
    text
}
