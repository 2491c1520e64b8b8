//! What the balancers of rules have learned, beyond a restart: kept as documents of the state, one for each rule.
//!
//! Invariant: what is kept is given back to the rule that it was learned by, and to no other; nothing that is wrong with it
//! hinders a start, nor does a call ever wait for it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mosaic_actors::policy::balance::Learned;
use mosaic_actors::policy::routing::Rule;
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};
use mosaic_actors::system::System;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;

use super::digest::digest;
use crate::stores::{Document, Expected, StateStore};

/// How often it is kept: what is learned in less is soon learned again.
const EVERY: Duration = Duration::from_secs(60);
/// The kind of the documents.
const KIND: &str = "learned";

/// Keeps what is learned.
#[derive(Clone)]
pub(super) struct Lessons(Arc<Kept>);

struct Kept {
    store: Arc<dyn StateStore>,
    /// By its number.
    rules: Vec<Known>,
    /// What is written down already. Whoever writes holds it, so that an older state never follows a newer one.
    written: Mutex<HashMap<usize, Learned>>,
    /// The system, as long as it is there: not held.
    system: OnceLock<Box<dyn Fn() -> Option<System> + Send + Sync>>,
}

/// What a rule is known by from one run to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    /// Its name, or its number where it has none of its own.
    id: String,
    /// Of those that it chooses among.
    providers: String,
    /// Its balancer learns.
    learns: bool,
}

impl Known {
    fn read(&self, document: &Document) -> Result<Learned, &'static str> {
        let body = Body::deserialize(&document.body).map_err(|_| "it is broken")?;
        if body.providers != self.providers {
            return Err("the rule is for other providers now");
        }
        let bytes = BASE64_STANDARD.decode(&body.learned).map_err(|_| "it is broken")?;
        Ok(Learned::from_bytes(bytes))
    }
}

/// A document.
#[derive(Serialize, Deserialize)]
struct Body {
    providers: String,
    learned: String,
}

impl Lessons {
    /// For these rules.
    pub(super) fn of(rules: &[Rule], store: Arc<dyn StateStore>) -> Self {
        Lessons(Arc::new(Kept {
            store,
            rules: known(rules),
            written: Mutex::default(),
            system: OnceLock::new(),
        }))
    }

    /// Keeps what this system learns from now on, for as long as there is one.
    pub(super) fn begin(&self, system: impl Fn() -> Option<System> + Send + Sync + 'static) {
        let _begun_before = self.0.system.set(Box::new(system));
    }

    /// What was kept, by the numbers of the rules. What is of no use is passed over.
    pub(super) async fn restore(&self) -> Vec<(usize, Learned)> {
        let mut restored = Vec::new();
        // What was learned by rules that are no longer there is not asked for.
        for (number, known) in self.0.rules.iter().enumerate().filter(|(_, known)| known.learns) {
            match self.0.store.get_document(KIND, &known.id).await {
                Ok(None) => {}
                Ok(Some(document)) => match known.read(&document) {
                    Ok(learned) => restored.push((number, learned)),
                    Err(why) => tracing::warn!(
                        rule = document.id,
                        "what its balancer had learned is passed over: {why}"
                    ),
                },
                Err(error) => {
                    tracing::warn!(%error, "what balancers had learned cannot be read; they begin anew");
                    return Vec::new();
                }
            }
        }
        *self.0.written.lock().await = restored.iter().cloned().collect();
        restored
    }

    /// Writes down what has been learned since the last time.
    pub(super) async fn keep(&self, system: &System) {
        let mut written = self.0.written.lock().await;
        for (number, learned) in system.learned().await {
            let Some(known) = self.0.rules.get(number) else {
                continue;
            };
            if written.get(&number) == Some(&learned) {
                continue;
            }
            match self
                .0
                .store
                .put_document(KIND, &known.id, &body(known, &learned), Expected::Any)
                .await
            {
                Ok(_version) => drop(written.insert(number, learned)),
                Err(error) => {
                    tracing::warn!(%error, rule = known.id, "what its balancer has learned could not be kept")
                }
            }
        }
    }
}

fn body(known: &Known, learned: &Learned) -> Value {
    serde_json::json!(Body {
        providers: known.providers.clone(),
        learned: BASE64_STANDARD.encode(learned.as_bytes()),
    })
}

fn known(rules: &[Rule]) -> Vec<Known> {
    let id = |number: usize, rule: &Rule| {
        let is_first = rules[..number].iter().all(|other| other.name != rule.name);
        match is_first && !rule.name.is_empty() {
            true => rule.name.to_string(),
            false => format!("#{number}"),
        }
    };
    let known = |(number, rule): (usize, &Rule)| Known {
        id: id(number, rule),
        providers: digest(format!("{:?} {:?}", rule.instances, rule.select).as_bytes()),
        learns: rule.balance.balancer().learns(),
    };
    rules.iter().enumerate().map(known).collect()
}

/// The spec of the actor that has it kept.
pub(super) fn spec(lessons: &Lessons) -> ChildSpec {
    let lessons = lessons.clone();
    ChildSpec::worker("lessons", &Handle::new(), move || Ok(LessonsActor(lessons.clone()))).kind("lessons")
}

struct Tick;

impl Message for Tick {
    fn label(&self) -> &'static str {
        "tick"
    }
}

struct LessonsActor(Lessons);

impl Worker for LessonsActor {
    type Msg = Tick;

    async fn start(&mut self, cx: &Context<Tick>) -> Result<(), Fault> {
        cx.every(EVERY, || Tick);
        Ok(())
    }

    // The router and the database are waited for on a task: no handler awaits I/O.
    async fn handle(&mut self, _tick: Tick, _cx: &Context<Tick>) -> Result<(), Fault> {
        if let Some(system) = self.0.0.system.get().and_then(|system| system()) {
            let lessons = self.0.clone();
            tokio::spawn(async move { lessons.keep(&system).await });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
