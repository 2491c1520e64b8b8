//! Outlier ejection, the panic threshold and slow start, as callers and operators meet them.

#[path = "../support/mod.rs"]
mod support;

mod panic;
mod rates;
mod returns;
mod rows;
mod slow_start;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mosaic_actors::call::Call;
use mosaic_actors::error::Kind;
use mosaic_actors::policy::breaker::BreakerMode;
use mosaic_actors::supervision::{Event, Told};
use mosaic_actors::system::{System, SystemSpec};
use support::{Counts, Do, FETCH, call, eventually, instance, spec, text};
use tokio::sync::broadcast::Receiver;

pub const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What one call meets, and no other instance is asked for.
pub struct Stage {
    pub system: System,
    metrics: PrometheusHandle,
    events: Receiver<Told>,
}

/// Equivalent instances whose breakers never open: what keeps calls from them is ejection.
pub async fn stage(count: usize, change: impl FnOnce(&mut SystemSpec)) -> Stage {
    let counts = Arc::new(Counts::default());
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let mut system = spec(NAMES[..count].iter().map(|name| instance(name, &counts)).collect());
    system.recorder = Arc::new(recorder);
    system.settings.recover.max_attempts = 1;
    // Only where a test says so: a check that finds one well lets it back.
    system.plugin_settings.health_every = Duration::ZERO;
    for instance in &mut system.instances {
        instance.breaker.mode = BreakerMode::Disabled;
    }
    change(&mut system);
    let system = System::start(system).await.expect("it starts");
    let events = system.events().subscribe();
    Stage {
        system,
        metrics,
        events,
    }
}

impl Stage {
    /// Who answered, or what failed.
    pub async fn ask(&self, what: Do) -> Result<String, Kind> {
        self.call(call(&FETCH, what)).await
    }

    pub async fn call(&self, call: Call) -> Result<String, Kind> {
        let answer = self.system.gateway().call(call).await;
        answer
            .map(|answer| text(&answer).trim_matches('"').to_owned())
            .map_err(|failure| failure.kind)
    }

    /// Asks one of them so often, and no other.
    pub async fn ask_of(&self, name: &str, what: Do, times: usize) {
        for _ in 0..times {
            let mut pinned = call(&FETCH, what.clone());
            pinned.provider = Some(Arc::from(name));
            let _outcome = self.call(pinned).await;
        }
    }

    /// All of them, so often, by turns: who answered how often.
    pub async fn turns(&self, count: usize) -> HashMap<String, usize> {
        let mut answered = HashMap::new();
        for _ in 0..count {
            let who = self.ask(Do::Answer).await.expect("somebody answers");
            *answered.entry(who).or_default() += 1;
        }
        answered
    }

    pub fn ejected_for(&self, name: &str) -> Option<u64> {
        let instances = self.system.snapshot().instances;
        let found = instances.into_iter().find(|instance| *instance.name == *name);
        found.expect("it is there").ejected_for_ms
    }

    pub fn share(&self, name: &str) -> f32 {
        let instances = self.system.snapshot().instances;
        let found = instances.into_iter().find(|instance| *instance.name == *name);
        found.expect("it is there").share
    }

    pub async fn is_ejected(&self, name: &str) {
        eventually("it is ejected", || self.ejected_for(name).is_some()).await;
    }

    pub fn metric(&self, line: &str) -> Option<f64> {
        let text = self.metrics.render();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.map(|value| value.trim().parse().expect("a number"))
    }

    pub fn told(&mut self) -> Vec<(String, &'static str, Option<u64>)> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .filter_map(|told| match told.event {
                Event::Ejection {
                    name, state, for_ms, ..
                } => Some((name.to_string(), state, for_ms)),
                _ => None,
            })
            .collect()
    }

    /// Each of `names` is asked so often, and fails as often as its number says.
    pub async fn interval(&self, met: &[(&'static str, usize)], each: usize) {
        for (name, failures) in met {
            // Never five in a row: that is another rule.
            for number in 0..each {
                let fails = number * failures / each != (number + 1) * failures / each;
                self.ask_of(name, if fails { down() } else { Do::Answer }, 1).await;
            }
        }
    }
}

pub fn down() -> Do {
    Do::FailAt(&NAMES, Kind::UpstreamFailed)
}
