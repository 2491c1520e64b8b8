//! Upstreams that break the rules, or off: what they do to a connection stays there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream, Upload};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::SOON;
use crate::upstream::{self, Canned, TOKEN, Upstream};

/// What it says again and again.
const EARLY: &str = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";

/// A server on threads of its own, which no runtime of ours can hold up. The test's end is the end of its connections.
fn server(does: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || does(socket));
        }
    });
    url
}

/// Reads a head, and what comes with it.
fn head(socket: &mut TcpStream) -> bool {
    let (mut read, mut piece) = (vec![], [0; 4096]);
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        match socket.read(&mut piece) {
            Ok(count @ 1..) => read.extend_from_slice(&piece[..count]),
            _ => return false,
        }
    }
    true
}

fn announces_for_ever(mut socket: TcpStream) {
    let many = EARLY.repeat(1_000);
    if head(&mut socket) {
        while socket.write_all(many.as_bytes()).is_ok() {}
    }
}

fn answers(mut socket: TcpStream) {
    while head(&mut socket) {
        // A few such are what a provider may have to say.
        let answer = format!(
            "{}HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{{}}",
            EARLY.repeat(3)
        );
        if socket.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

async fn get(url: &str) -> Failure {
    upstream::ask(
        "github",
        &upstream::connection(url),
        "git.repo.get",
        json!({"repo": "a/b"}),
    )
    .await
    .expect_err("nothing is found there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_announce_an_answer_for_ever_stop_nobody_and_are_found_out() {
    let hostile = server(announces_for_ever);
    let sound = server(answers);
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let url = hostile.clone();
            tokio::spawn(async move { get(&url).await })
        })
        .collect();
    for _ in 0..20 {
        let answered = timeout(SOON, get(&sound)).await.expect("in time");
        assert_eq!(answered.kind, Kind::NotFound);
    }
    for call in calls {
        let failure = timeout(SOON, call).await.expect("in time").expect("no panic");
        assert_eq!(failure.kind, Kind::UpstreamFailed, "{failure}");
        assert!(failure.message().contains("1xx") && !failure.retryable, "{failure}");
    }
}

const TOO_LARGE: &[u8] = b"HTTP/1.1 413 Payload Too Large\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\
                           connection: close\r\n\r\n{\"message\":\"x\"}";

/// Answers as soon as it has the head, and takes nothing more of what still comes.
fn refuses_and_ends(mut socket: TcpStream) {
    if head(&mut socket) && socket.write_all(TOO_LARGE).is_ok() {
        let _gone = socket.shutdown(Shutdown::Write);
        // Until the other side has ended it.
        let _all = std::io::copy(&mut socket, &mut std::io::sink());
    }
}

/// The same, and closes on what has come unread: what is sent then is answered with a reset.
fn refuses_and_closes(mut socket: TcpStream) {
    if head(&mut socket) {
        let _said = socket.write_all(TOO_LARGE);
    }
}

/// Sends a file that never comes to its end before its answer does.
async fn upload(url: &str) -> Failure {
    let input = json!({"purpose": "batch"});
    let mut call = upstream::call("ai.file.upload", input, false).expect("sound");
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let pieces = stream::repeat(piece).map(Ok).take(4_096);
    let file = ByteStream {
        media_type: Arc::from("text/plain"),
        length: None,
        name: Some(Arc::from("a.txt")),
        bytes: BodyStream::from_items(pieces),
    };
    call.upload = Some(Arc::new(Upload::once(file)));
    let driver = upstream::driver("openai", &upstream::connection(url)).expect("connected");
    driver.call(Arc::new(call)).await.map(drop).expect_err("refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_answers_while_a_file_is_sent_is_told() {
    for does in [refuses_and_ends, refuses_and_closes] {
        let url = server(does);
        for _ in 0..10 {
            let failure = timeout(SOON, upload(&url)).await.expect("in time");
            assert_eq!(failure.kind, Kind::InvalidInput, "{failure}");
            assert!(
                failure.message().contains("413") || failure.field.is_some(),
                "{failure}"
            );
        }
    }
}

/// A text with every sign as a number, or those of each kind that has a way of its own.
fn spelled() -> Vec<String> {
    let each =
        |write: &dyn Fn(usize, char) -> String| TOKEN.chars().enumerate().map(|(at, sign)| write(at, sign)).collect();
    vec![
        each(&|_, sign| format!("\\u{:04x}", u32::from(sign))),
        each(&|at, sign| match at % 3 {
            0 => format!("\\u{:04X}", u32::from(sign)),
            _ if sign == '/' => r"\/".to_owned(),
            _ => sign.to_string(),
        }),
        TOKEN.to_owned(),
    ]
}

#[tokio::test]
async fn our_credential_is_in_no_typed_answer_however_it_is_written() {
    for kind in ["github", "gitea", "gitlab"] {
        for secret in spelled() {
            let body = format!(
                r#"{{"id":1,"name":"{secret}","full_name":"acme/api","path_with_namespace":"acme/api",
                "description":"of {secret}","owner":{{"login":"{secret}","id":1}},"private":false,"{secret}":"{secret}",
                "default_branch":"{secret}","namespace":{{"full_path":"acme"}},"html_url":"http://x/{secret}"}}"#
            );
            let answer = Canned::text(200, &body).header("content-type", "application/json");
            let provider = Upstream::answering([answer]).await;
            let call = upstream::call("git.repo.get", json!({"repo": "acme/api"}), true).expect("sound");
            let driver = upstream::driver(kind, &upstream::connection(&provider.url)).expect("connected");
            let (told, failure) = upstream::whole(driver.call(Arc::new(call)).await.expect(kind)).await;
            assert!(failure.is_none());
            assert!(told.to_string().contains("***"), "{kind}: {told}");
            assert!(!decoded(&told).contains(TOKEN), "{kind}: {told}");
        }
    }
}

/// All texts of a value, raw JSON within it read once more.
fn decoded(value: &Value) -> String {
    let text = value.to_string();
    let again: Value = serde_json::from_str(&text).expect("JSON");
    format!("{text}{again}")
}

#[tokio::test]
async fn what_a_provider_says_of_a_wrong_request_is_told_without_our_credential() {
    let odd = |secret: &str| format!("the field is\\r\\n odd, says {secret}");
    for (kind, operation, input) in [
        ("github", "git.repo.get", json!({"repo": "acme/api"})),
        ("gitea", "git.repo.get", json!({"repo": "acme/api"})),
        ("gitlab", "git.repo.get", json!({"repo": "acme/api"})),
        ("openai", "ai.models.get", json!({"model": "m"})),
        (
            "openai",
            "ai.moderation.create",
            json!({"texts": ["a text that somebody wrote"]}),
        ),
        ("anthropic", "ai.models.get", json!({"model": "m"})),
    ] {
        for secret in spelled() {
            let sentence = odd(&secret) + " and 'a text that somebody wrote'";
            let body = format!(
                r#"{{"message":"{sentence}","error":{{"type":"invalid_request_error","message":"{sentence}"}}}}"#
            );
            let answer = Canned::text(400, &body).header("content-type", "application/json");
            let provider = Upstream::answering([answer]).await;
            let connection = upstream::connection(&provider.url);
            let failure = upstream::ask(kind, &connection, operation, input.clone()).await;
            let failure = failure.expect_err("refused");
            let what = format!("{kind} {operation}: {failure:?}");
            assert_eq!(failure.kind, Kind::InvalidInput, "{what}");
            assert!(
                failure.message().contains("it says: the field is odd, says ***"),
                "{what}"
            );
            assert!(!what.contains(TOKEN), "{what}");
            let theirs = operation == "ai.moderation.create";
            assert_ne!(failure.message().contains("somebody wrote"), theirs, "{what}");
        }
    }
}
