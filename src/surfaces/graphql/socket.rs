//! GraphQL over a WebSocket: `graphql-transport-ws`.
//!
//! Invariant: a socket that says nothing, reads nothing, or is not let in is closed with the code that the protocol has for it;
//! and whatever it asked for ends with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::http::request::Parts;
use ::http::uri::Authority;
use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout, timeout_at};

use super::super::feed::Listening;
use super::super::mount::Mount;
use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::super::rest::input;
use super::super::strict;
use super::super::tenure::Tenure;
use super::execute::{Answer, Members};
use super::session::Session;
use super::{Graphql, errors};
use crate::dispatch::Options;

/// The only protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// Answers that wait to be sent, of all operations of a socket together.
const WAITING: usize = 16;
/// The longest name of an operation.
const LONGEST_ID: usize = 128;
/// The longest value that is taken over from the first message as a header's.
const LONGEST_HEADER: usize = 8 * 1024;

/// Why a socket is closed, by the protocol's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Closed(u16, &'static str);

const GOING: Closed = Closed(1001, "the gateway is going");
const UNREAD: Closed = Closed(1008, "nothing was read, or nothing said, for too long");
const INVALID: Closed = Closed(4400, "this is no message of graphql-transport-ws");
const UNAUTHORIZED: Closed = Closed(4401, "Unauthorized");
const FORBIDDEN: Closed = Closed(4403, "Forbidden");
const NO_PROTOCOL: Closed = Closed(4406, "Subprotocol not acceptable");
const LATE: Closed = Closed(4408, "Connection initialisation timeout");
const TWICE: Closed = Closed(4409, "Subscriber already exists");
const INITIALISED: Closed = Closed(4429, "Too many initialisation requests");

/// Answers a request that asks for a socket.
pub(super) async fn open(graphql: Arc<Graphql>, parts: &mut Parts) -> Response {
    let upgrade = match WebSocketUpgrade::from_request_parts(parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let most = graphql.config.max_body;
    let tenure = Tenure::of(&parts.extensions);
    let client = Client {
        headers: parts.headers.clone(),
        target: parts.uri.authority().cloned(),
        mount: Mount::of(&parts.extensions),
    };
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(most)
        .max_frame_size(most);
    upgrade.on_upgrade(move |socket| async move {
        let cut = tenure.cut().clone();
        let spoken = Line {
            socket,
            write: graphql.config.write_timeout,
        };
        tokio::select! {
            () = cut.cancelled() => {}
            () = speak(graphql, spoken, client, &tenure) => {}
        }
    })
}

/// Who is at the other end.
struct Client {
    headers: HeaderMap,
    target: Option<Authority>,
    mount: Mount,
}

impl Client {
    /// Takes over what the first message gives in place of headers, which a browser's script cannot set.
    fn introduce(&mut self, payload: &Value) {
        for (name, value) in payload.as_object().into_iter().flatten() {
            let name = match name.to_ascii_lowercase().as_str() {
                "apikey" | "api_key" => "x-api-key".to_owned(),
                name => name.to_owned(),
            };
            let is_ours = name == "authorization" || name == "x-api-key" || name.starts_with("x-mosaic-");
            let text = value.as_str().filter(|text| is_ours && text.len() <= LONGEST_HEADER);
            let header =
                text.and_then(|text| Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(text).ok()?)));
            if let Some((name, value)) = header {
                self.headers.insert(name, value);
            }
        }
    }

    fn listening(&self, graphql: &Graphql) -> Listening {
        Listening {
            config: graphql.config.feed.clone(),
            headers: self.headers.clone(),
            target: self.target.clone(),
        }
    }

    fn session(&self, graphql: &Graphql) -> Result<Arc<Session>, (Failure, RequestId)> {
        let mut extensions = Extensions::new();
        extensions.insert(self.mount.clone());
        let id = RequestId::given(&extensions);
        let begun = || {
            let caller = graphql.caller(&self.headers, self.target.as_ref())?;
            let mut options = Options::default();
            input::from_headers(&self.headers, &mut options)?;
            options.request_id = Some(id.text().clone());
            options.arrived = Some(Instant::now());
            Ok(Session::new(graphql.means.clone(), caller, options, id.clone()))
        };
        begun().map_err(|failure| (failure, id.clone()))
    }
}

/// The socket, whose reader has so long to take what is sent.
struct Line {
    socket: WebSocket,
    write: Duration,
}

impl Line {
    async fn send(&mut self, message: Message) -> Result<(), Closed> {
        match timeout(self.write, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(UNREAD),
        }
    }

    async fn say(&mut self, message: &Value) -> Result<(), Closed> {
        self.send(Message::text(message.to_string())).await
    }

    async fn close(mut self, Closed(code, reason): Closed) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        if self.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        // What the client still sends would otherwise take the reason from it.
        let left = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        // Whoever does not answer in time is left.
        let _ = timeout(self.write, left).await;
    }
}

async fn speak(graphql: Arc<Graphql>, mut line: Line, mut client: Client, tenure: &Tenure) {
    let spoken = match line.socket.protocol() {
        None => Err(NO_PROTOCOL),
        Some(_) => match introduced(&graphql, &mut line, &mut client).await {
            Ok(()) => {
                let mut talk = Talk::new(graphql, client);
                talk.go_on(&mut line, tenure).await
            }
            Err(closed) => Err(closed),
        },
    };
    if let Err(closed) = spoken {
        line.close(closed).await;
    }
}

/// Waits for the first message, and looks who it is.
async fn introduced(graphql: &Graphql, line: &mut Line, client: &mut Client) -> Result<(), Closed> {
    let until = Instant::now() + graphql.config.settings.init_timeout;
    loop {
        let message = timeout_at(until, line.socket.recv()).await.map_err(|_| LATE)?;
        let Some(Ok(message)) = message else {
            return Err(INVALID);
        };
        let Some(message) = read(&message)? else { continue };
        match message["type"].as_str() {
            Some("connection_init") => {
                client.introduce(&message["payload"]);
                let known = graphql.caller(&client.headers, client.target.as_ref());
                known.map_err(|_| FORBIDDEN)?;
                return line.say(&json!({ "type": "connection_ack" })).await;
            }
            Some("ping") => line.say(&json!({ "type": "pong" })).await?,
            Some("pong") => {}
            Some("subscribe" | "complete") => return Err(UNAUTHORIZED),
            _ => return Err(INVALID),
        }
    }
}

/// The JSON of a message; none of what is the socket's own.
fn read(message: &Message) -> Result<Option<Value>, Closed> {
    match message {
        Message::Text(text) => strict::parse(text.as_bytes()).map(Some).map_err(|_| INVALID),
        Message::Ping(_) | Message::Pong(_) => Ok(None),
        Message::Binary(_) | Message::Close(_) => Err(INVALID),
    }
}

/// Something to be sent of an operation.
struct Said {
    /// Which operation of this name it is: a name may be used again.
    number: u64,
    id: String,
    what: What,
}

enum What {
    Next(Box<Answer>),
    /// It was not executed.
    Error(Value),
    Complete,
}

/// A socket that was let in.
struct Talk {
    graphql: Arc<Graphql>,
    client: Client,
    operations: HashMap<String, (u64, AbortHandle)>,
    tasks: JoinSet<()>,
    begun: u64,
    sender: Sender<Said>,
    said: Receiver<Said>,
    beat: Interval,
    /// It has said something since the last beat.
    heard: bool,
}

impl Talk {
    fn new(graphql: Arc<Graphql>, client: Client) -> Self {
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
    async fn go_on(&mut self, line: &mut Line, tenure: &Tenure) -> Result<(), Closed> {
        loop {
            if tenure.draining().is_cancelled() && self.operations.is_empty() {
                return Err(GOING);
            }
            tokio::select! {
                message = line.socket.recv() => match message {
                    Some(Ok(Message::Close(_))) | None => return Ok(()),
                    // It is gone, or what it sent is too long.
                    Some(Err(_)) => return Err(INVALID),
                    Some(Ok(message)) => {
                        self.heard = true;
                        if let Some(message) = read(&message)? {
                            self.take(line, &message, tenure).await?;
                        }
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
            Some("ping") => line.say(&json!({ "type": "pong" })).await,
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
                let id = id.ok_or(INVALID)?.to_owned();
                if self.operations.contains_key(&id) {
                    return Err(TWICE);
                }
                let refused = self
                    .begin(&id, message["payload"].clone(), tenure.draining().is_cancelled())
                    .err();
                match refused {
                    None => Ok(()),
                    Some(error) => {
                        line.say(&json!({ "id": id, "type": "error", "payload": [error] }))
                            .await
                    }
                }
            }
            _ => Err(INVALID),
        }
    }

    /// Begins an operation, or tells why not.
    fn begin(&mut self, id: &str, payload: Value, draining: bool) -> Result<(), Value> {
        let told = |(failure, id): (Failure, RequestId)| errors::of_request(&Problem::from(failure), &id);
        let session = self.client.session(&self.graphql).map_err(told)?;
        let refused = |failure| told((failure, session.id.clone()));
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
        let mut answers = self.graphql.answers(prepared, session, listening);
        self.begun += 1;
        let (number, sender, own) = (self.begun, self.sender.clone(), id.to_owned());
        let task = self.tasks.spawn(async move {
            let say = async |what| {
                let said = Said {
                    number,
                    id: own.clone(),
                    what,
                };
                sender.send(said).await.is_ok()
            };
            let mut is_first = true;
            while let Some(mut answer) = answers.next().await {
                // One that did not begin is told so, and has no end beside that.
                let is_nothing = answer
                    .data
                    .as_ref()
                    .is_none_or(|data| *data == async_graphql::Value::Null);
                if is_first && is_nothing && !answer.errors.is_empty() {
                    say(What::Error(std::mem::take(&mut answer.errors).into())).await;
                    return;
                }
                is_first = false;
                if !say(What::Next(Box::new(answer))).await {
                    return;
                }
            }
            say(What::Complete).await;
        });
        self.operations.insert(id.to_owned(), (number, task));
        Ok(())
    }

    /// Sends something of an operation that the client has not ended meanwhile.
    async fn say(&mut self, line: &mut Line, said: Said) -> Result<(), Closed> {
        let Said { number, id, what } = said;
        if self.operations.get(&id).is_none_or(|(current, _)| *current != number) {
            return Ok(());
        }
        let message = match what {
            What::Next(answer) => json!({ "id": id, "type": "next", "payload": answer }),
            What::Error(errors) => {
                self.operations.remove(&id);
                json!({ "id": id, "type": "error", "payload": errors })
            }
            What::Complete => {
                self.operations.remove(&id);
                json!({ "id": id, "type": "complete" })
            }
        };
        line.say(&message).await
    }
}
