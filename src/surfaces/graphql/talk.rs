//! The operations of one WebSocket.
//!
//! Invariant: so many operations at a time, so many answers that wait, and so many bytes in them; what is not read is not
//! made, and all of it ends with the socket.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes};
use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::super::tenure::Tenure;
use super::client::Client;
use super::execute::{Answer, Members};
use super::line::{Came, Closed, GOING, INITIALISED, INVALID, Line, TWICE, UNREAD};
use super::session::Session;
use super::{Graphql, errors};
use crate::leisure::to_json;

/// Answers that wait to be sent, of all operations of a socket together.
const WAITING: usize = 16;
/// The longest name of an operation.
const LONGEST_ID: usize = 128;

/// Something to be sent of an operation.
struct Said {
    /// Which operation of this name it is: a name may be used again.
    number: u64,
    id: Arc<str>,
    message: Utf8Bytes,
    /// Nothing comes behind it.
    is_last: bool,
    /// Keeps the room of what it holds until it is sent.
    _session: Arc<Session>,
}

/// A message of an operation, as it is sent.
#[derive(Serialize)]
struct Sent<'a, P> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<P>,
}

/// The text of a message.
fn message(id: &str, kind: &str, payload: Option<impl Serialize>) -> Utf8Bytes {
    let written = to_json(&Sent { id, kind, payload });
    // JSON is text, and texts, numbers and booleans under text keys are always written.
    written
        .ok()
        .and_then(|json| Utf8Bytes::try_from(json).ok())
        .unwrap_or_default()
}

/// A socket that was let in.
pub(super) struct Talk {
    graphql: Arc<Graphql>,
    client: Client,
    operations: HashMap<Arc<str>, (u64, AbortHandle)>,
    tasks: JoinSet<()>,
    begun: u64,
    sender: Sender<Said>,
    said: Receiver<Said>,
    beat: Interval,
    /// It has said something since the last beat.
    heard: bool,
}

impl Talk {
    pub(super) fn new(graphql: Arc<Graphql>, client: Client) -> Self {
        let (sender, said) = channel(WAITING);
        let every = graphql.config.settings.ping_interval;
        let mut beat = interval_at(Instant::now() + every, every);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Talk {
            graphql,
            client,
            operations: HashMap::new(),
            tasks: JoinSet::new(),
            begun: 0,
            sender,
            said,
            beat,
            heard: true,
        }
    }

    /// Until the client goes, or has to.
    pub(super) async fn go_on(mut self, line: &mut Line, tenure: &Tenure) -> Result<(), Closed> {
        loop {
            if tenure.draining().is_cancelled() && self.operations.is_empty() {
                return Err(GOING);
            }
            tokio::select! {
                came = line.hear() => match came? {
                    Came::End => return Ok(()),
                    Came::Sign => self.heard = true,
                    Came::Message(message) => {
                        self.heard = true;
                        self.take(line, &message, tenure).await?;
                    }
                },
                Some(said) = self.said.recv() => self.say(line, said).await?,
                Some(_) = self.tasks.join_next(), if !self.tasks.is_empty() => {}
                _ = self.beat.tick() => {
                    if !std::mem::take(&mut self.heard) {
                        return Err(UNREAD);
                    }
                    line.send(Message::Ping(Bytes::new())).await?;
                }
                () = tenure.draining().cancelled(), if !tenure.draining().is_cancelled() => {}
            }
        }
    }

    async fn take(&mut self, line: &mut Line, message: &Value, tenure: &Tenure) -> Result<(), Closed> {
        match message["type"].as_str() {
            Some("ping") => line.say(json!({ "type": "pong" }).to_string()).await,
            Some("pong") => Ok(()),
            Some("connection_init") => Err(INITIALISED),
            Some("complete") => {
                let id = message["id"].as_str().ok_or(INVALID)?;
                if let Some((_, task)) = self.operations.remove(id) {
                    task.abort();
                }
                Ok(())
            }
            Some("subscribe") => {
                let id = message["id"].as_str().filter(|id| (1..=LONGEST_ID).contains(&id.len()));
                let id: Arc<str> = Arc::from(id.ok_or(INVALID)?);
                if self.operations.contains_key(&id) {
                    return Err(TWICE);
                }
                let draining = tenure.draining().is_cancelled();
                match self.begin(&id, message["payload"].clone(), draining) {
                    Ok(()) => Ok(()),
                    Err(error) => line.say(self::message(&id, "error", Some([error]))).await,
                }
            }
            _ => Err(INVALID),
        }
    }

    /// Begins an operation, or tells why not.
    fn begin(&mut self, id: &Arc<str>, payload: Value, draining: bool) -> Result<(), Value> {
        let told = |refused: Box<(Failure, RequestId)>| {
            let (failure, id) = *refused;
            errors::of_request(&Problem::from(failure), &id)
        };
        let session = self.client.session(&self.graphql).map_err(told)?;
        let refused = |failure| told(Box::new((failure, session.id.clone())));
        let most = self.graphql.config.settings.max_subscriptions;
        if draining || self.operations.len() >= most {
            let sentence = match draining {
                true => "the gateway is going".to_owned(),
                false => format!("{most} operations are under way on this connection (graphql.max_subscriptions)"),
            };
            let failure = Failure::new(Kind::Overloaded, sentence).after(Duration::from_secs(1));
            return Err(refused(failure.never_sent()));
        }
        let members = Members::of(payload).map_err(refused)?;
        let prepared = self.graphql.prepare(members, &session);
        let prepared = prepared.map_err(|unfit| unfit.error(&session))?;
        let listening = self.client.listening(&self.graphql);
        let mut answers = self.graphql.answers(prepared, listening);
        self.begun += 1;
        let teller = Teller {
            number: self.begun,
            id: id.clone(),
            session,
            sender: self.sender.clone(),
        };
        let task = self.tasks.spawn(async move {
            let mut is_first = true;
            while let Some(answer) = answers.next().await {
                // One that did not begin is told so, and has no end beside that.
                if is_first && !answer.errors.is_empty() && answer.is_nothing() {
                    teller.tell("error", Some(&answer.errors), true).await;
                    return;
                }
                is_first = false;
                if !teller.tell("next", Some(&answer), false).await {
                    return;
                }
            }
            teller.tell("complete", None::<&Answer>, true).await;
        });
        self.operations.insert(id.clone(), (self.begun, task));
        Ok(())
    }

    /// Sends something of an operation that the client has not ended meanwhile.
    async fn say(&mut self, line: &mut Line, said: Said) -> Result<(), Closed> {
        let known = self.operations.get(&said.id);
        if known.is_none_or(|(current, _)| *current != said.number) {
            return Ok(());
        }
        if said.is_last {
            self.operations.remove(&said.id);
        }
        line.say(said.message).await
    }
}

/// Tells of one operation.
struct Teller {
    number: u64,
    id: Arc<str>,
    session: Arc<Session>,
    sender: Sender<Said>,
}

impl Teller {
    /// Whether anybody still listens.
    async fn tell(&self, kind: &str, payload: Option<impl Serialize>, is_last: bool) -> bool {
        let said = Said {
            number: self.number,
            id: self.id.clone(),
            message: message(&self.id, kind, payload),
            is_last,
            _session: self.session.clone(),
        };
        self.sender.send(said).await.is_ok()
    }
}
