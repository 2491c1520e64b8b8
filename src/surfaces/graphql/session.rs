//! One request's calls.
//!
//! Invariant: what is read twice in a request is asked once; no more calls are under way at a time than the settings allow;
//! and all that the answers hold together is bounded.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use mosaic_actors::call::{Answer, Body, Caller};
use mosaic_actors::decision::Explained;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream, Frame, Upload};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use super::super::decisions::Decisions;
use super::super::request_id::RequestId;
use super::plan::is_plain_read;
use crate::catalogue::Entry;
use crate::dispatch::{Dispatcher, Invocation, Options};
use crate::leisure::at_leisure;

/// Something that was read: shared by all who asked for it.
pub(super) type Read = Arc<Value>;

type Reading = Shared<BoxFuture<'static, Asked>>;

/// What came of a call, and what was decided for it, where that is told.
#[derive(Clone)]
struct Asked {
    read: Result<Read, Failure>,
    decision: Option<Arc<Value>>,
}

/// What a session needs of its surface.
pub(super) struct Means {
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) decisions: Arc<dyn Decisions>,
    /// The most calls at a time.
    pub(super) at_once: usize,
}

/// The room for the answers to calls: of one request, or of all that one socket asks at a time.
pub(super) struct Room {
    most: usize,
    taken: AtomicUsize,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let taken = AtomicUsize::new(0);
        Arc::new(Room { most, taken })
    }
}

/// One request, as its fields see it.
pub(super) struct Session {
    core: Arc<Core>,
    /// What is read holds the core alone: it ends with the session, and never the session with it. Requests of a batch share it.
    read: Arc<Mutex<HashMap<String, Reading>>>,
    /// What was decided for what this request has read, each told once.
    explained: Mutex<Vec<Arc<Value>>>,
}

/// What the calls of a request share.
pub(super) struct Core {
    pub(super) means: Arc<Means>,
    pub(super) caller: Caller,
    /// What is said beside each input: in headers, or by the transport.
    pub(super) options: Options,
    pub(super) id: RequestId,
    places: Arc<Semaphore>,
    room: Arc<Room>,
    taken: AtomicUsize,
}

impl Session {
    pub(super) fn new(
        means: Arc<Means>,
        room: Arc<Room>,
        caller: Caller,
        options: Options,
        id: RequestId,
    ) -> Arc<Self> {
        let core = Core {
            places: Arc::new(Semaphore::new(means.at_once)),
            means,
            room,
            caller,
            options,
            id,
            taken: AtomicUsize::new(0),
        };
        Arc::new(Session {
            core: Arc::new(core),
            read: Arc::default(),
            explained: Mutex::default(),
        })
    }

    /// Another request of the same batch: what one has read the other need not ask again, and each tells its own decisions.
    pub(super) fn beside(&self) -> Arc<Self> {
        Arc::new(Session {
            core: self.core.clone(),
            read: self.read.clone(),
            explained: Mutex::default(),
        })
    }

    /// Asks an operation, or waits for the same question of another field.
    pub(super) async fn ask(
        &self,
        entry: &'static Entry,
        input: Map<String, Value>,
        options: Options,
        upload: Option<Arc<Upload>>,
    ) -> Result<Read, Failure> {
        if !is_plain_read(entry) {
            let asked = self.core.clone().asked(entry, input, options, upload).await;
            return self.noted(asked);
        }
        let key = key(entry, &input, &options);
        let reading = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            let known = read.get(&key).cloned();
            known.unwrap_or_else(|| {
                let asking = self.core.clone().asked(entry, input, options, None);
                let reading = asking.boxed().shared();
                read.insert(key, reading.clone());
                reading
            })
        };
        self.noted(reading.await)
    }

    /// Begins a stream.
    pub(super) async fn follow(
        &self,
        entry: &'static Entry,
        input: Map<String, Value>,
        options: Options,
    ) -> Result<BodyStream<Frame>, Failure> {
        let (answer, decision) = self.core.invoke(entry, input, options, None).await;
        self.note(decision);
        match answer?.body {
            Body::Stream(frames) => Ok(frames),
            Body::Bytes(_) | Body::Raw(_) => Err(odd(entry)),
        }
    }

    fn noted(&self, asked: Asked) -> Result<Read, Failure> {
        self.note(asked.decision);
        asked.read
    }

    fn note(&self, decision: Option<Arc<Value>>) {
        let Some(decision) = decision else { return };
        let mut explained = self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        // Fields that share a call share its decision.
        if !explained.iter().any(|told| Arc::ptr_eq(told, &decision)) {
            explained.push(decision);
        }
    }

    /// What was decided for the calls so far that is not told yet, where that was asked for.
    pub(super) fn explained(&self) -> Vec<Value> {
        let explained = std::mem::take(&mut *self.explained.lock().unwrap_or_else(PoisonError::into_inner));
        explained.into_iter().map(|told| Value::clone(&told)).collect()
    }
}

impl Core {
    async fn asked(
        self: Arc<Self>,
        entry: &'static Entry,
        input: Map<String, Value>,
        options: Options,
        upload: Option<Arc<Upload>>,
    ) -> Asked {
        let place = match self.place().await {
            Ok(place) => place,
            Err(failure) => {
                return Asked {
                    read: Err(failure),
                    decision: None,
                };
            }
        };
        let (answer, decision) = self.invoke(entry, input, options, upload).await;
        let read = match answer {
            Ok(answer) => self.read(entry, answer.body).await,
            Err(failure) => Err(failure),
        };
        drop(place);
        Asked { read, decision }
    }

    async fn read(&self, entry: &Entry, body: Body) -> Result<Read, Failure> {
        match body {
            Body::Bytes(bytes) => {
                self.take(bytes.len())?;
                let read = at_leisure(bytes.len(), || serde_json::from_slice(&bytes));
                read.map(Arc::new).map_err(|error| odd(entry).because(error))
            }
            Body::Raw(file) => self.file(file).await.map(Arc::new),
            Body::Stream(_) => Err(odd(entry)),
        }
    }

    async fn place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Failure> {
        let place = self.places.clone().acquire_owned().await;
        place.map_err(|error| Failure::new(Kind::Internal, "the request has no places").because(error))
    }

    /// Makes a call; what was decided for it is told beside where that was asked for.
    async fn invoke(
        &self,
        entry: &'static Entry,
        input: Map<String, Value>,
        options: Options,
        upload: Option<Arc<Upload>>,
    ) -> (Result<Answer, Failure>, Option<Arc<Value>>) {
        let explain = options.explain;
        let invocation = Invocation {
            entry,
            input: Value::Object(input),
            caller: self.caller.clone(),
            options,
            upload,
        };
        let mut asked = self.means.dispatcher.invoke(invocation).await;
        let decision = match &mut asked {
            Ok(answer) => answer.head.decision.clone(),
            Err(failure) => failure.decision.take(),
        };
        let told = |decision: Arc<Explained>| {
            let decision = self.means.decisions.told(&decision);
            Arc::new(json!({ "operation": entry.name(), "decision": decision }))
        };
        (asked, decision.filter(|_| explain).map(told))
    }

    /// A file, whole.
    async fn file(&self, file: ByteStream) -> Result<Value, Failure> {
        let ByteStream {
            media_type,
            name,
            mut bytes,
            ..
        } = file;
        let mut whole = Vec::new();
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            self.take(piece.len())?;
            whole.extend_from_slice(&piece);
        }
        Ok(json!({
            "media_type": &*media_type,
            "name": name.as_deref(),
            "size": whole.len(),
            "base64": STANDARD.encode(&whole),
        }))
    }

    /// Counts what an answer holds.
    fn take(&self, bytes: usize) -> Result<(), Failure> {
        self.taken.fetch_add(bytes, Relaxed);
        let most = self.room.most;
        match self.room.taken.fetch_add(bytes, Relaxed).saturating_add(bytes) > most {
            false => Ok(()),
            true => {
                let sentence = format!(
                    "the answers to one request, or to all that a connection asks at a time, may have {most} bytes \
                     (graphql.max_answers): ask for less at a time"
                );
                Err(Failure::invalid("query", sentence))
            }
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(*self.taken.get_mut(), Relaxed);
    }
}

impl Deref for Session {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

/// Equal for the same question.
fn key(entry: &Entry, input: &Map<String, Value>, options: &Options) -> String {
    let mut input = Value::Object(input.clone());
    input.sort_all_objects();
    let said: Vec<_> = options
        .said()
        .into_iter()
        .map(|(option, text)| (option.name, text))
        .collect();
    format!("{} {input} {}", entry.name(), json!(said))
}

fn odd(entry: &Entry) -> Failure {
    let sentence = format!("{} did not answer as it is declared", entry.name());
    Failure::new(Kind::Internal, sentence)
}
