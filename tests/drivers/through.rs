//! The drivers of CI servers and of documentation through their sandboxes: what is started once for a test, and what was asked of it.
//!
//! Invariant: what is asked is noted, so that no operation of a driver is left out unseen.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use mosaic::providers::{Connection, KINDS};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig, ServerHandle};
use mosaic_actors::call::Body;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, Frame, Upload};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::upstream::{self, ask, call, connection, driver};

/// A sandbox of one server, and a way to it.
pub struct Through {
    pub kind: &'static str,
    pub connection: Connection,
    sandbox: Sandbox,
    asked: Mutex<BTreeSet<String>>,
}

impl Through {
    pub async fn start(kind: &'static str, token: &str) -> Self {
        Self::started(kind, token, |_| ()).await
    }

    /// The same, changed before it starts.
    pub async fn started(kind: &'static str, token: &str, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut server = ServerConfig::new("one", kind, token);
        server.chunk_pace = Duration::ZERO;
        change(&mut server);
        let sandbox = Sandbox::start(SandboxConfig { servers: vec![server] })
            .await
            .expect("a free port");
        let mut connection = connection(sandbox.servers()[0].base_url());
        connection.credential = Some(SecretString::from(token.to_owned()).into());
        Through {
            kind,
            connection,
            sandbox,
            asked: Mutex::default(),
        }
    }

    /// The same, by a driver that is set otherwise.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.connection.settings.insert(name.to_owned(), value.into());
        self
    }

    pub fn server(&self) -> &ServerHandle {
        &self.sandbox.servers()[0]
    }

    /// Does an operation.
    pub async fn ask(&self, operation: &str, input: Value) -> Value {
        let outcome = self.try_ask(operation, input.clone()).await;
        outcome.unwrap_or_else(|failure| panic!("{operation} {input}: {failure:?}"))
    }

    /// Notes what was asked for elsewhere.
    pub fn note(&self, operation: &str) {
        self.asked
            .lock()
            .expect("no panic while held")
            .insert(operation.to_owned());
    }

    pub async fn try_ask(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        self.note(operation);
        ask(self.kind, &self.connection, operation, input).await
    }

    /// How an operation fails.
    pub async fn fails(&self, operation: &str, input: Value) -> (Kind, Option<String>) {
        match self.try_ask(operation, input.clone()).await {
            Ok(output) => panic!("{operation} {input}: {output}"),
            Err(failure) => (failure.kind, failure.field.as_deref().map(str::to_owned)),
        }
    }

    /// The same server, and another credential.
    pub async fn by(&self, token: &str, operation: &str, input: Value) -> Result<Value, Failure> {
        let mut connection = self.connection.clone();
        connection.credential = Some(SecretString::from(token.to_owned()).into());
        ask(self.kind, &connection, operation, input).await
    }

    /// A log's events, one by one.
    pub async fn follow(&self, input: Value) -> BodyStream<Frame> {
        self.note("cicd.log.follow");
        let call = Arc::new(call("cicd.log.follow", input, false).expect("a sound input"));
        let answer = driver(self.kind, &self.connection).expect("connected").call(call).await;
        match answer.expect("it begins").body {
            Body::Stream(frames) => frames,
            _ => panic!("a log that is followed is a stream"),
        }
    }

    /// All pages of a list.
    pub async fn pages(&self, operation: &str, mut input: Value) -> Vec<Value> {
        let mut items = vec![];
        loop {
            let page = self.ask(operation, input.clone()).await;
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => input["cursor"] = cursor.into(),
                None => return items,
            }
        }
    }

    /// That every operation that the driver declares was asked for.
    pub fn assert_all_asked(&self) {
        let kind = KINDS.iter().find(|row| row.name == self.kind).expect("a known kind");
        let declared: BTreeSet<String> = (kind.operations)().into_iter().map(|name| name.to_string()).collect();
        let asked = self.asked.lock().expect("no panic while held");
        let missing: Vec<_> = declared.difference(&asked).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

/// The next event of a log.
pub async fn event(frames: &mut BodyStream<Frame>) -> Value {
    let frame = frames.next().await.expect("one more event").expect("no failure");
    serde_json::from_slice(&frame.json().expect("JSON")).expect("JSON")
}

/// The texts of a log's lines.
pub fn texts(lines: &Value) -> Vec<&str> {
    let lines = lines.as_array().expect("a list").iter();
    lines.filter_map(|line| line["text"].as_str()).collect()
}

/// The ids of a list's items.
pub fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

/// What names a run.
pub fn run(of: &Value) -> Value {
    json!({ "run": of["id"] })
}

/// Asks a driver as [`ask`] does, with a file of this text.
pub async fn ask_with(kind: &str, connection: &Connection, operation: &str, input: Value, text: &'static str) -> Value {
    let mut call = upstream::call(operation, input, false).expect("a sound input");
    let upload = Upload::replayable("text/plain".into(), None, text.into());
    call.upload = Some(Arc::new(upload));
    let driver = upstream::driver(kind, connection).expect("connected");
    let answer = driver
        .call(Arc::new(call))
        .await
        .unwrap_or_else(|failure| panic!("{operation}: {failure:?}"));
    let (value, failure) = upstream::whole(answer).await;
    assert!(failure.is_none(), "{failure:?}");
    value
}
