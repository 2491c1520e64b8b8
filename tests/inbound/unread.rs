//! Clients that do not read, and one that reads slowly.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mosaic::server::ServerLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{PATIENCE, eventually, raw};
use crate::{LARGE, Stage};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// SETTINGS_INITIAL_WINDOW_SIZE 0: nothing of a body may be sent.
const NO_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

/// HEADERS of `GET /large` as stream `number`, by HPACK's static table.
fn request(number: u8) -> Vec<u8> {
    let block = [&[0x82, 0x86, 0x01, 1, b'x', 0x04, 6][..], b"/large"].concat();
    let length = u8::try_from(block.len()).expect("short");
    [&[0, 0, length, 1, 0b101, 0, 0, 0, number], &block[..]].concat()
}

/// A connection of HTTP/2 that asks for `count` large answers and leaves them no room.
async fn unread(stage: &Stage, count: u8) -> TcpStream {
    let mut stream = raw::connect(stage.listener.local_addr()).await;
    let requests = (0..count).flat_map(|n| request(2 * n + 1));
    let bytes = [PREFACE, NO_WINDOW].concat().into_iter().chain(requests);
    stream.write_all(&bytes.collect::<Vec<_>>()).await.expect("written");
    stream
}

/// Whether the other side has cut; what was sent before is left unread.
fn is_cut(stream: &TcpStream) -> bool {
    stream.take_error().expect("a socket").is_some()
}

#[tokio::test]
async fn who_takes_nothing_is_cut_whatever_else_he_sends() {
    let limits = ServerLimits {
        write_timeout: Duration::from_millis(300),
        ..ServerLimits::default()
    };
    let stage = Stage::open(limits).await;
    let mut plain = raw::connect(stage.listener.local_addr()).await;
    // More than the two kernels hold.
    for _ in 0..8 {
        let request = "GET /large HTTP/1.1\r\nhost: x\r\n\r\n";
        plain.write_all(request.as_bytes()).await.expect("written");
    }
    eventually("the plain connection is cut", || is_cut(&plain)).await;

    let mut second = unread(&stage, 1).await;
    let pinging = async {
        while second.write_all(PING).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, pinging)
        .await
        .expect("pings are no reading");
    eventually("nothing is under way", || stage.listener.in_flight() == 0).await;
}

#[tokio::test]
async fn who_reads_slowly_gets_everything() {
    let limits = ServerLimits {
        header_timeout: Duration::from_millis(400),
        idle_timeout: Duration::from_millis(400),
        write_timeout: Duration::from_millis(400),
        ..ServerLimits::default()
    };
    let stage = Stage::open(limits).await;
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(32 << 10).expect("a small buffer");
    let mut slow = socket.connect(stage.listener.local_addr()).await.expect("a connection");
    slow.write_all(b"GET /large HTTP/1.0\r\n\r\n").await.expect("written");
    let (mut read, mut chunk) = (0, vec![0; 64 << 10]);
    let reading = async {
        while let count @ 1.. = slow.read(&mut chunk).await.expect("it is not cut") {
            read += count;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it ends");
    assert!(read > LARGE, "{read}");
}

#[tokio::test]
async fn a_connection_that_holds_much_is_served_no_more_and_gives_way_where_all_hold_too_much() {
    let limits = ServerLimits {
        max_unread: LARGE / 2,
        max_unread_total: 2 * LARGE + LARGE / 2,
        ..ServerLimits::default()
    };
    let stage = Stage::open(limits).await;
    let first = unread(&stage, 1).await;
    eventually("the first is served", || stage.asked.load(Ordering::Relaxed) == 1).await;
    let mut greedy = unread(&stage, 1).await;
    eventually("the second is served", || stage.asked.load(Ordering::Relaxed) == 2).await;
    for number in [3, 5, 7] {
        greedy.write_all(&request(number)).await.expect("written");
    }
    // Refused, so not asked for; a refusal is short, and waits as well.
    eventually("the refusals", || stage.listener.in_flight() == 5).await;
    assert_eq!(stage.asked.load(Ordering::Relaxed), 2);
    assert!(!is_cut(&first));

    let _third = unread(&stage, 1).await;
    eventually("the first is cut", || is_cut(&first)).await;
    let answer = raw::exchange(stage.listener.local_addr(), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.ends_with("hello"), "{answer}");
}
