//! The provider actor: holds an instance's driver, and hands it out to attempts.
//!
//! Invariant: it never waits and never retries; an attempt keeps the driver that it was given, even when the actor is
//! restarted meanwhile.

use std::sync::Arc;

use tokio_util::task::AbortOnDropHandle;

use super::health::HealthCheck;
use super::{listing, pulse};
use crate::driver::{BoxFuture, Driver};
use crate::instance::{Grant, Granted, Instance, ProviderMsg};
use crate::supervision::{ChildSpec, Context, Fault, Handle, Worker};

/// What provider actors find in their system.
#[derive(Clone)]
pub(crate) struct ProviderEnv {
    /// Tells routing that an instance can do other things, or asks with another credential, than before; and resolves when
    /// it goes by that.
    pub(crate) changed: Arc<dyn Fn() -> BoxFuture<()> + Send + Sync>,
}

struct Provider {
    instance: Arc<Instance>,
    env: ProviderEnv,
    /// Made at the start.
    driver: Option<Arc<dyn Driver>>,
    /// Asks the driver what its provider offers.
    listing: Option<AbortOnDropHandle<()>>,
    /// Asks the driver whether its provider is well.
    checks: Option<AbortOnDropHandle<()>>,
}

/// The child spec of an instance's provider actor.
pub(crate) fn provider_spec(instance: Arc<Instance>, env: ProviderEnv) -> ChildSpec {
    let handle: Handle<ProviderMsg> = instance.provider.clone();
    let shown = instance.clone();
    ChildSpec::worker("provider", &handle, move || {
        Ok(Provider {
            instance: instance.clone(),
            env: env.clone(),
            driver: None,
            listing: None,
            checks: None,
        })
    })
    .kind("provider")
    .gauges(Arc::new(move || {
        vec![
            ("in_flight", shown.in_flight() as u64),
            ("max_in_flight", shown.spec.max_in_flight as u64),
            ("driver_panics", shown.panics()),
        ]
    }))
}

impl Worker for Provider {
    type Msg = ProviderMsg;

    /// Makes the driver, which reads its credential anew and may ask its server something.
    async fn start(&mut self, cx: &Context<ProviderMsg>) -> Result<(), Fault> {
        let driver = (self.instance.spec.factory)().await.map_err(Fault::from)?;
        if self.instance.narrow(driver.capabilities(), driver.credential_scope()) {
            let routed = (self.env.changed)();
            // Up is who no call goes to on the ground of its former credential. A first incarnation is not routed to yet.
            if cx.generation() > 1 {
                routed.await;
            }
        }
        self.instance.driven_by(&driver);
        let list = |settings| listing::start(self.instance.clone(), driver.clone(), settings);
        self.listing = self.instance.listing.map(list);
        let check = |settings| pulse::start(self.instance.clone(), driver.clone(), settings);
        self.checks = self.instance.checks.and_then(check);
        self.driver = Some(driver);
        Ok(())
    }

    async fn handle(&mut self, message: ProviderMsg, cx: &Context<ProviderMsg>) -> Result<(), Fault> {
        let driver = self.driver.clone().ok_or("it was not started")?;
        match message {
            ProviderMsg::Attempt(attempt) => {
                let mut port = attempt.port;
                port.answer(Ok(Grant::Run(Granted {
                    instance: self.instance.clone(),
                    driver,
                    actor: cx.handle().clone(),
                    generation: cx.generation(),
                    watch: attempt.watch,
                    permit: attempt.permit,
                    bulkhead: attempt.bulkhead,
                    credits: attempt.credits,
                })));
                Ok(())
            }
            ProviderMsg::Health(done) => {
                let check = HealthCheck {
                    driver,
                    actor: cx.handle().clone(),
                    generation: cx.generation(),
                };
                tokio::spawn(check.run(done));
                Ok(())
            }
            // Its driver is not this one: it was replaced when the first panic of it was told.
            ProviderMsg::Crashed { generation, .. } if generation != cx.generation() => Ok(()),
            ProviderMsg::Crashed { operation, text, .. } => {
                Err(Fault::from(format!("the driver panicked in {operation}: {text}")))
            }
        }
    }

    /// The one wait of this actor: it is leaving, has served its queue, and is cut off at its shutdown time.
    async fn stop(&mut self, _cx: &Context<ProviderMsg>) {
        self.listing = None;
        self.checks = None;
        if let Some(driver) = self.driver.take() {
            driver.stop().await;
        }
    }
}
