//! The load generator: a closed loop over kept-alive connections, on one thread.
//!
//! Invariant: an answer that is not 200 or whose length differs from the first one's ends the run; a fast error is not
//! a fast answer.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::Failed;

/// What is asked, and where.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub path: String,
    pub headers: HeaderMap,
    /// What is sent by POST; where it is empty, the target is read.
    pub body: Bytes,
    /// A header that a right answer has, and a part of its value: tells a hit from a miss. Where an entry's time is over, or many callers begin
    /// at once, a few have another.
    pub expect: Option<(&'static str, &'static str)>,
}

/// How long the whole took, and each request in it: to the first piece of its answer, and to its end.
#[derive(Default)]
pub struct Timings {
    pub elapsed: Duration,
    pub first: Vec<Duration>,
    pub requests: Vec<Duration>,
}

/// So many requests over so many connections.
pub struct Load {
    connections: usize,
    requests: usize,
    limit: Duration,
}

/// What the connections of one load share.
struct LoadState {
    target: Target,
    left: Cell<usize>,
    length: Cell<Option<usize>>,
    unexpected: Cell<usize>,
    tolerated: usize,
    timings: RefCell<Timings>,
}

impl Load {
    pub fn new(connections: usize, requests: usize, limit: Duration) -> Self {
        Load {
            connections,
            requests,
            limit,
        }
    }

    /// Loads the target until all requests are answered.
    pub fn put_on(&self, target: &Target) -> Result<Timings, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Rc::new(LoadState {
            target: target.clone(),
            left: Cell::new(self.requests),
            length: Cell::new(None),
            unexpected: Cell::new(0),
            tolerated: self.connections + self.requests / 100,
            timings: RefCell::new(Timings {
                elapsed: Duration::ZERO,
                first: Vec::with_capacity(self.requests),
                requests: Vec::with_capacity(self.requests),
            }),
        });
        let tasks = LocalSet::new();
        let loading = async { tokio::time::timeout(self.limit, self.drive(shared.clone())).await };
        let elapsed = tasks
            .block_on(&runtime, loading)
            .map_err(|_| format!("{} was not through within {:?}", target.path, self.limit))??;
        let timings = shared.timings.take();
        Ok(Timings { elapsed, ..timings })
    }

    async fn drive(&self, shared: Rc<LoadState>) -> Result<Duration, Failed> {
        // All connections stand before the first request is counted.
        let mut senders = Vec::new();
        for _ in 0..self.connections {
            senders.push(connect(shared.target.address).await?);
        }
        let started = Instant::now();
        let mut callers = JoinSet::new();
        for sender in senders {
            callers.spawn_local(shared.clone().call(sender));
        }
        while let Some(ended) = callers.join_next().await {
            ended??;
        }
        Ok(started.elapsed())
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Failed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its end is seen by the next request on it.
    tokio::task::spawn_local(connection);
    Ok(sender)
}

impl LoadState {
    async fn call(self: Rc<Self>, mut sender: SendRequest<Full<Bytes>>) -> Result<(), Failed> {
        while let Some(left) = self.left.get().checked_sub(1) {
            self.left.set(left);
            let method = if self.target.body.is_empty() {
                Method::GET
            } else {
                Method::POST
            };
            let mut request = Request::builder()
                .method(method)
                .uri(&self.target.path)
                .header(header::HOST, self.target.address.to_string())
                .body(Full::new(self.target.body.clone()))?;
            request.headers_mut().extend(self.target.headers.clone());
            let started = Instant::now();
            let response = sender.send_request(request).await?;
            let (head, mut body) = response.into_parts();
            let (mut length, mut first) = (0, None);
            while let Some(frame) = body.frame().await {
                let piece = frame?.into_data().unwrap_or_default();
                first.get_or_insert_with(|| started.elapsed());
                length += piece.len();
            }
            self.note(first, started.elapsed());
            self.check(head.status, &head.headers, length)?;
        }
        Ok(())
    }

    fn note(&self, first: Option<Duration>, whole: Duration) {
        let mut timings = self.timings.borrow_mut();
        timings.first.push(first.unwrap_or(whole));
        timings.requests.push(whole);
    }

    fn check(&self, status: StatusCode, headers: &HeaderMap, length: usize) -> Result<(), Failed> {
        let path = &self.target.path;
        let first = self.length.get().unwrap_or(length);
        self.length.set(Some(first));
        if status != StatusCode::OK || length != first || length == 0 {
            return Err(format!("{path} answered {status} with {length} bytes, the first time {first}").into());
        }
        if let Some((name, value)) = self.target.expect
            && !headers
                .get(name)
                .and_then(|found| found.to_str().ok())
                .is_some_and(|found| found.contains(value))
        {
            self.unexpected.set(self.unexpected.get() + 1);
            if self.unexpected.get() > self.tolerated {
                return Err(format!("{path} answered again and again without {name}: {value}").into());
            }
        }
        Ok(())
    }
}
