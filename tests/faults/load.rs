//! Callers: each at its own pace, whatever becomes of its calls, so that slow answers do not thin the load out.
//!
//! Invariant: a call is one request with an id of its own, and its reply is its own: an answer to another fails the test. A
//! write is sent again where its caller was told that this can help, and once more under its key where it is in doubt.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::Gateway;
use crate::harness::http::{Client, Reply, send};

/// Callers of each kind.
const CALLERS: u32 = 4;
/// How often a write is sent at most where its caller is told to try again.
const SENDS: usize = 3;

/// What the callers do.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Calls of all callers that read, each second.
    pub reads: u32,
    /// Issues that all callers that write make, each second.
    pub writes: u32,
    /// The deadline of each call.
    pub deadline: Duration,
    /// Apart from what follows.
    pub warm_up: Duration,
    /// What follows.
    pub measured: Duration,
}

/// How a call ended.
pub struct Ended {
    /// It began after the warm-up.
    pub warm: bool,
    pub took: Duration,
    /// Why it failed.
    pub failed: Option<String>,
}

/// What a caller knows of its issue at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Issue {
    Made,
    NotMade,
    /// Told as such: it may have been made.
    InDoubt,
}

/// All that the callers saw.
#[derive(Default)]
pub struct Seen {
    pub reads: Vec<Ended>,
    pub writes: Vec<Ended>,
    /// By title.
    pub issues: Vec<(String, Issue)>,
}

impl Seen {
    pub fn calls(&self) -> u64 {
        (self.reads.len() + self.writes.len()) as u64
    }

    pub fn add(&mut self, mut other: Seen) {
        self.reads.append(&mut other.reads);
        self.writes.append(&mut other.writes);
        self.issues.append(&mut other.issues);
    }
}

/// Calls one gateway.
#[derive(Clone)]
pub struct Caller {
    client: Client,
    at: String,
    deadline: Duration,
    calls: Arc<AtomicU64>,
}

impl Caller {
    pub fn of(gateway: &Gateway, deadline: Duration) -> Caller {
        Caller {
            client: gateway.client.clone(),
            at: format!("http://{}", gateway.public),
            deadline,
            calls: Arc::default(),
        }
    }

    /// Calls as planned, and waits for the last reply.
    pub async fn run(&self, plan: Plan) -> Seen {
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            callers.spawn(self.clone().call_on(plan, number, plan.reads, Kind::Read));
            callers.spawn(self.clone().call_on(plan, number, plan.writes, Kind::Write));
        }
        let mut seen = Seen::default();
        while let Some(of_one) = callers.join_next().await {
            seen.add(of_one.expect("each call has its reply"));
        }
        seen
    }

    async fn call_on(self, plan: Plan, caller: u32, per_second: u32, kind: Kind) -> Seen {
        let (began, mut calls) = (Instant::now(), JoinSet::new());
        let mut turns = tokio::time::interval(Duration::from_secs(1) * CALLERS / per_second);
        let mut number = 0;
        loop {
            turns.tick().await;
            let since = began.elapsed();
            if since >= plan.warm_up + plan.measured {
                break;
            }
            let (own, warm) = (self.clone(), since >= plan.warm_up);
            number += 1;
            calls.spawn(async move {
                match kind {
                    Kind::Read => own.read(number, warm).await,
                    Kind::Write => {
                        own.write(format!("issue {number} of {caller}"), number % 2 == 0, warm)
                            .await
                    }
                }
            });
        }
        let mut seen = Seen::default();
        while let Some(of_one) = calls.join_next().await {
            seen.add(of_one.expect("each call has its reply"));
        }
        seen
    }

    /// One call: its reply, and how it ended.
    async fn call(&self, request: reqwest::RequestBuilder, warm: bool, headers: &[(&str, &str)]) -> (Reply, Ended) {
        let id = format!("call-{}", self.calls.fetch_add(1, Relaxed));
        let began = Instant::now();
        let reply = send(request.header("x-request-id", &id), headers).await;
        let took = began.elapsed();
        assert_eq!(reply.header("x-request-id"), id, "{reply:?}");
        let failed = (reply.status != 200).then(|| reply.json()["code"].as_str().expect("a code").to_owned());
        (reply, Ended { warm, took, failed })
    }

    fn url(&self, path: &str) -> String {
        let timeout = self.deadline.as_millis();
        format!("{}{path}?timeout_ms={timeout}", self.at)
    }

    pub async fn read(&self, number: u64, warm: bool) -> Seen {
        let (path, is_it): (_, fn(&Value) -> bool) = match number % 3 {
            0 => ("/v1/git/repos/acme/api", |repo| repo["path"] == "acme/api"),
            1 => ("/v1/git/repos/acme/web", |repo| repo["path"] == "acme/web"),
            _ => ("/v1/git/repos/acme/api/branches", |list| {
                list["items"][0]["name"].is_string()
            }),
        };
        let (reply, ended) = self
            .call(self.client.0.get(self.url(path) + "&no_cache=true"), warm, &[])
            .await;
        assert!(ended.failed.is_some() || is_it(&reply.json()), "{path}: {reply:?}");
        Seen {
            reads: vec![ended],
            ..Seen::default()
        }
    }

    pub async fn write(&self, title: String, keyed: bool, warm: bool) -> Seen {
        let mut seen = Seen::default();
        let mut issue = Issue::NotMade;
        let input = json!({"project": "acme/api", "title": title});
        let key = [("idempotency-key", &*title)];
        for _ in 0..SENDS {
            let request = self.client.0.post(self.url("/v1/projects/issues")).json(&input);
            let (reply, ended) = self.call(request, warm, if keyed { &key } else { &[] }).await;
            let (told, made) = (reply.json(), ended.failed.is_none());
            seen.writes.push(ended);
            if made {
                assert_eq!(told["title"], title, "{reply:?}");
                issue = Issue::Made;
                break;
            }
            let doubted = issue == Issue::InDoubt;
            if told["outcome"] == "unknown" {
                issue = Issue::InDoubt;
                assert_eq!(told["retryable"], false, "{told}");
            }
            // Its key makes a repetition harmless; whoever gave none was told not to.
            let again = told["retryable"] == true || (keyed && issue == Issue::InDoubt);
            if doubted || !again {
                break;
            }
        }
        seen.issues.push((title, issue));
        seen
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
}
