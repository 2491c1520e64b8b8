//! Looks at providers that send nothing by themselves.
//!
//! Invariant: what was there when a project was first looked at is told to nobody, and what is told is told once, also
//! after a restart: the bus knows what has come by its name.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mosaic_actors::error::Failure;
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};

use super::mosaic::{Inner, Mosaic};
use super::native;
use crate::catalogue::cicd::{Run, RunList, RunListInput};
use crate::catalogue::event::{EventType, Told};
use crate::stores::Appended;

/// How often it is looked whose turn it is.
const TICK: Duration = Duration::from_secs(1);
/// Runs that are looked at: the newest.
const NEWEST: u32 = 50;

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
    looked: HashMap<Looked, Instant>,
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
                let due = self
                    .looked
                    .get(&which)
                    .is_none_or(|last| now.saturating_duration_since(*last) >= provider.webhook.poll_every);
                let last = match due {
                    true => now,
                    false => self.looked.get(&which).copied().unwrap_or(now),
                };
                if due {
                    look(gateway.clone(), which.clone());
                }
                known.insert(which, last);
            }
        }
        // Those of instances that are gone are forgotten.
        self.looked = known;
        Ok(())
    }
}

fn look(gateway: Mosaic, (instance, project): Looked) {
    tokio::spawn(async move {
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
        let begun = self
            .tell(instance, vec![format!("polled:{project}")], vec![], now)
            .await?;
        let is_first = matches!(begun, Appended::Kept(_));
        // Oldest first, as they happened.
        for run in runs.value.items.iter().rev() {
            let name = format!("run:{}:{}:{}", run.id, run.raw_status, run.attempt.unwrap_or(1));
            let told = match is_first {
                true => vec![],
                false => vec![moved(run.clone())],
            };
            self.tell(instance, vec![name], told, now).await?;
        }
        Ok(())
    }
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
