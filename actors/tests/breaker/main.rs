//! Circuit breakers as callers meet them.

#[path = "../support/mod.rs"]
mod support;

mod life;
mod machine;
mod parts;
mod window;

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::breaker::BreakerSnapshot;
use mosaic_actors::error::Kind;
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, call, eventually, single};

/// Opens after three failures, for ten seconds at first, for a minute at most. Each call is one attempt.
pub async fn system() -> (System, Arc<Counts>) {
    single(|spec| {
        spec.settings.recover.max_attempts = 1;
        let breaker = &mut spec.instances[0].breaker;
        breaker.failures_to_open = 3;
        breaker.open_for = Duration::from_secs(10);
        breaker.open_max = Duration::from_secs(60);
    })
    .await
}

pub fn shown(system: &System) -> BreakerSnapshot {
    system.snapshot().instances.remove(0).breaker
}

pub async fn is(system: &System, state: &str) {
    eventually(state, || shown(system).state == state).await;
}

pub async fn ask(system: &System, what: Do) -> Option<Kind> {
    system
        .gateway()
        .call(call(&FETCH, what))
        .await
        .err()
        .map(|failure| failure.kind)
}

pub fn down() -> Do {
    Do::FailAt(&["a"], Kind::UpstreamFailed)
}

pub async fn open(system: &System) {
    for failures in 1..=3 {
        assert_eq!(ask(system, down()).await, Some(Kind::UpstreamFailed));
        eventually("it is counted", || {
            let shown = shown(system);
            shown.consecutive_failures >= failures || shown.state == "open"
        })
        .await;
    }
    is(system, "open").await;
}

/// A system whose only instance has this breaker. Each call is one attempt.
pub async fn with(change: impl FnOnce(&mut BreakerSettings)) -> (System, Arc<Counts>) {
    single(|spec| {
        spec.settings.recover.max_attempts = 1;
        change(&mut spec.instances[0].breaker);
    })
    .await
}
