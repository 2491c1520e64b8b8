//! Looks at providers that send nothing by themselves.
//!
//! Invariant: what was there when a project was first looked at is told to nobody; what has moved since the last look is told
//! once, also after a restart: how it stood is kept.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mosaic_actors::error::Failure;
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::digest::digest;
use super::mosaic::{Inner, Mosaic};
use super::native;
use crate::catalogue::cicd::{Run, RunList, RunListInput};
use crate::catalogue::event::{EventType, Told};
use crate::stores::Expected;

/// How often it is looked whose turn it is.
const TICK: Duration = Duration::from_secs(1);
/// Runs that are looked at: the newest.
const NEWEST: u32 = 50;
/// Looks at the same time.
const AT_ONCE: usize = 4;
/// The kind of the documents that keep how the runs of a project stood.
const KIND: &str = "polled";

/// The gateway whose providers are looked at, once it is there; it is not held.
#[derive(Clone, Default)]
pub(super) struct Polls(Arc<OnceLock<Weak<Inner>>>);

impl Polls {
    /// Looks from now on.
    pub(super) fn begin(&self, gateway: &Arc<Inner>) {
        let _begun_before = self.0.set(Arc::downgrade(gateway));
    }
}

/// The spec of the actor that looks.
pub(super) fn spec(polls: &Polls) -> ChildSpec {
    let polls = polls.clone();
    ChildSpec::worker("polls", &Handle::new(), move || {
        Ok(PollActor {
            polls: polls.clone(),
            looked: HashMap::new(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
        })
    })
    .kind("polls")
}

struct Tick;

impl Message for Tick {
    fn label(&self) -> &'static str {
        "tick"
    }
}

/// An instance and one of its projects.
type Looked = (Arc<str>, String);

struct PollActor {
    polls: Polls,
    looked: HashMap<Looked, Last>,
    room: Arc<Semaphore>,
}

/// The last look at a project: when it began, and whether it still goes on.
#[derive(Clone)]
struct Last {
    began: Instant,
    goes_on: Arc<()>,
}

impl Worker for PollActor {
    type Msg = Tick;

    async fn start(&mut self, cx: &Context<Tick>) -> Result<(), Fault> {
        cx.every(TICK, || Tick);
        Ok(())
    }

    // Providers are asked on tasks: no handler awaits I/O.
    async fn handle(&mut self, _tick: Tick, _cx: &Context<Tick>) -> Result<(), Fault> {
        let Some(inner) = self.polls.0.get().and_then(Weak::upgrade) else {
            return Ok(());
        };
        let gateway = Mosaic { inner };
        let now = Instant::now();
        let mut known = HashMap::new();
        let plugins = gateway.system().plugins();
        for plugin in plugins.snapshot() {
            let spec = plugins.spec(&plugin.name);
            let Some(provider) = spec.as_ref().and_then(native::provider) else {
                continue;
            };
            for project in &provider.webhook.poll {
                let which = (plugin.name.clone(), project.clone());
                let last = match self.looked.get(&which) {
                    Some(last) if !last.is_due(now, provider.webhook.poll_every) => last.clone(),
                    _ => {
                        let last = Last {
                            began: now,
                            goes_on: Arc::default(),
                        };
                        look(gateway.clone(), which.clone(), self.room.clone(), last.goes_on.clone());
                        last
                    }
                };
                known.insert(which, last);
            }
        }
        // Those of instances that are gone are forgotten.
        self.looked = known;
        Ok(())
    }
}

impl Last {
    /// Whether its time is over, and it has ended.
    fn is_due(&self, now: Instant, every: Duration) -> bool {
        now.saturating_duration_since(self.began) >= every && Arc::strong_count(&self.goes_on) == 1
    }
}

fn look(gateway: Mosaic, (instance, project): Looked, room: Arc<Semaphore>, goes_on: Arc<()>) {
    tokio::spawn(async move {
        let _goes_on = goes_on;
        // Never closed.
        let Ok(_place) = room.acquire_owned().await else { return };
        if let Err(failure) = gateway.look_at(&instance, &project).await {
            tracing::warn!(provider = %instance, project, %failure, "its runs could not be looked at");
        }
    });
}

impl Mosaic {
    async fn look_at(&self, instance: &Arc<str>, project: &str) -> Result<(), Failure> {
        let input = RunListInput {
            project: project.into(),
            limit: Some(NEWEST.into()),
            ..RunListInput::default()
        };
        let runs = self
            .request::<RunList>(input)
            .provider(&**instance)
            .no_cache()
            .send()
            .await?;
        let now = Timestamp::now();
        let store = &self.inner.store;
        let id = format!("{instance}/{}", digest(project.as_bytes()));
        let last = store
            .get_document(KIND, &id)
            .await
            .map_err(Failure::from)?
            .map(|last| last.body);
        let stood: Map<String, Value> = runs
            .value
            .items
            .iter()
            .map(|run| (run.id.clone(), standing(run).into()))
            .collect();
        let stood = Value::Object(stood);
        if last.as_ref() == Some(&stood) {
            return Ok(());
        }
        // Oldest first, as they happened.
        for run in runs.value.items.iter().rev().filter(|_| last.is_some()) {
            let known = last.as_ref().and_then(|last| last.get(&run.id));
            if known.and_then(Value::as_str) != Some(&*standing(run)) {
                // By its name it is told once where the end of this look is not kept.
                let name = format!("run:{}", digest(format!("{}:{}", run.id, standing(run)).as_bytes()));
                self.tell(instance, vec![name], vec![moved(run.clone())], now).await?;
            }
        }
        store
            .put_document(KIND, &id, &stood, Expected::Any)
            .await
            .map_err(Failure::from)?;
        Ok(())
    }
}

/// What a run is known by to have moved.
fn standing(run: &Run) -> String {
    format!("{}:{}", run.raw_status, run.attempt.unwrap_or(1))
}

fn moved(run: Run) -> Told {
    let native = run.id.split_once('~').map(|(_, native)| native.to_owned());
    Told {
        kind: EventType::RunChanged,
        raw_type: run.raw_status,
        native,
        reference: run.branch,
        actor: run.author,
        web_url: run.web_url,
        occurred_at: run.finished_at.or(run.started_at).or(run.created_at),
    }
}
