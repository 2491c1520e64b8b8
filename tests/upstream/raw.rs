//! A provider below HTTP: it takes one request and then does to the connection what it was told.
//!
//! Invariant: it never answers of its own, so a test sees exactly the bytes that it wrote.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What it does after its bytes.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// Ends the connection as if all were said.
    Close,
    /// Breaks the connection.
    Reset,
    /// Says nothing more, and waits until the driver ends the connection.
    Hang,
}

/// The provider.
pub struct RawUpstream {
    pub url: String,
    asked: Arc<Notify>,
    server: JoinHandle<()>,
}

impl RawUpstream {
    pub async fn new(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let bytes = bytes.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Notify::new());
        let notify = asked.clone();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            read_request(&mut socket).await;
            socket.write_all(&bytes).await.expect("written");
            notify.notify_one();
            match then {
                Then::Close => drop(socket),
                Then::Reset => socket.set_zero_linger().expect("set"),
                Then::Hang => until_ended(&mut socket).await,
            }
        });
        RawUpstream { url, asked, server }
    }

    /// Sends `begins`, and then piece by piece, by their numbers, until the driver ends the connection.
    pub async fn endless(begins: impl Into<Vec<u8>>, piece: impl Fn(usize) -> Vec<u8> + Send + 'static) -> Self {
        let begins = begins.into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Notify::new());
        let notify = asked.clone();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            read_request(&mut socket).await;
            notify.notify_one();
            let mut left = socket.write_all(&begins).await;
            for at in 0.. {
                if left.is_err() {
                    return;
                }
                left = socket.write_all(&piece(at)).await;
            }
        });
        RawUpstream { url, asked, server }
    }

    /// Resolves when a request has come and the bytes are written.
    pub async fn asked(&self) {
        in_time(self.asked.notified()).await;
    }

    /// Resolves when the connection is over: for [`Then::Hang`], when the driver has ended it.
    pub async fn over(self) {
        in_time(self.server).await.expect("the provider did not panic");
    }
}

/// Reads to the end of the head; the requests of these tests have small bodies, which may stay unread.
async fn read_request(socket: &mut TcpStream) {
    let mut head = vec![];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        let read = socket.read(&mut piece).await.expect("read");
        assert!(read > 0, "the driver left before it had asked");
        head.extend_from_slice(&piece[..read]);
    }
}

async fn until_ended(socket: &mut TcpStream) {
    let mut piece = [0; 4096];
    // A reset ends it as well as an end does.
    while matches!(socket.read(&mut piece).await, Ok(read) if read > 0) {}
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(10), what)
        .await
        .expect("it happens in time")
}
