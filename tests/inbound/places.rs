//! Connections over the bound, and the process's descriptors.

use std::time::Duration;

use mosaic::server::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Stage;
use crate::support::{PATIENCE, client, eventually, raw};

#[tokio::test]
async fn a_connection_over_the_bound_is_told_to_come_back() {
    let limits = ServerLimits {
        max_connections: 1,
        ..ServerLimits::default()
    };
    let stage = Stage::open(limits).await;
    let addr = stage.listener.local_addr();
    let slow = tokio::spawn(client().get(format!("http://{addr}/slow")).send());
    eventually("the first request runs", || stage.gate.alive() == 1).await;
    let answer = raw::exchange(addr, "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    for part in [
        "content-type: application/problem+json",
        "retry-after: 1",
        "connection: close",
        "\"code\":\"overloaded\"",
        "1 connections are open",
    ] {
        assert!(answer.contains(part), "{part:?}: {answer}");
    }
    // Those who say nothing keep no place either, not even among the refused.
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(raw::connect(addr).await);
    }
    for mut silent in silent {
        let told = raw::read_to_end(&mut silent).await;
        assert!(told.is_empty() || told.contains("\"code\":\"overloaded\""), "{told}");
    }
    stage.gate.open();
    let first = slow.await.expect("no panic").expect("an answer");
    assert_eq!(first.text().await.expect("a body"), "late");
    let served = async {
        loop {
            let answer = raw::exchange(addr, "GET / HTTP/1.0\r\n\r\n").await;
            if answer.ends_with("hello") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, served)
        .await
        .expect("a place is free again");
}

#[tokio::test]
async fn one_of_more_than_can_be_refused_at_once_reads_its_refusal_too() {
    let limits = ServerLimits {
        max_connections: 1,
        ..ServerLimits::default()
    };
    let stage = Stage::open(limits).await;
    let addr = stage.listener.local_addr();
    let _slow = tokio::spawn(client().get(format!("http://{addr}/slow")).send());
    eventually("the first request runs", || stage.gate.alive() == 1).await;
    // They take the places of those that are listened to.
    let mut silent = Vec::new();
    for _ in 0..32 {
        silent.push(raw::connect(addr).await);
    }
    let mut late = raw::connect(addr).await;
    // It sends when the answer is there already, and reads afterwards; a reset would end that in an error.
    late.readable().await.expect("told");
    let request = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc";
    late.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    let read = late.read_to_string(&mut answer);
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("it is closed")
        .expect("and not reset");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("\"code\":\"overloaded\""),
        "{answer}"
    );
    late.write_all(request.as_bytes()).await.expect("it is read on");
}

#[tokio::test]
async fn a_refusal_during_an_upload_is_readable_by_who_reads_afterwards() {
    let limits = ServerLimits {
        max_body: 10,
        ..ServerLimits::default()
    };
    let stage = Stage::open(limits).await;
    let upload = vec![b'x'; 16 << 20];
    for framing in [
        format!("content-length: {}", upload.len()),
        "transfer-encoding: chunked".to_owned(),
    ] {
        let mut stream = raw::connect(stage.listener.local_addr()).await;
        let head = format!("POST /echo HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\nffffffff\r\n");
        stream.write_all(head.as_bytes()).await.expect("written");
        stream.write_all(&upload).await.expect("all of it is taken");
        let answer = raw::read_to_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{framing}: {answer}");
    }
}
