//! A driver as the engine knows it: rows of handlers over a typed one.
//!
//! Invariant: what has no row is refused before anything is sent.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use mosaic_actors::call::{Answer, Call};
use mosaic_actors::driver::{BoxFuture, Capabilities, Credential, Driver};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::rate_limit::RateLimit;

use super::provider::Provider;
use crate::providers::connection::Connection;
use crate::providers::handlers::{Handler, Seal};
use crate::providers::http::Passing;
use crate::providers::http::quota::Quota;

struct TableDriver<D> {
    driver: Arc<D>,
    rows: HashMap<&'static str, (Handler<D>, Seal)>,
    /// Less than its kind can; `None`: as much.
    narrowed: Option<Capabilities>,
    scope: Option<u64>,
    quota: Arc<Quota>,
}

/// The engine's object of a driver.
pub(super) fn driver<D: Provider>(driver: D, connection: &Connection) -> Arc<dyn Driver> {
    let lacks = driver.lacks();
    let driver = Arc::new(driver);
    let looking = driver.clone();
    let seal = Seal {
        instance: connection.instance.clone(),
        cursors: connection.cursors.clone(),
        emulated: false,
        directory: connection.directory.clone(),
        looks: Arc::new(move |account: &str| {
            let (driver, account) = (looking.clone(), account.to_owned());
            Box::pin(async move { driver.has_account(&account).await })
        }),
    };
    let mut rows = D::handlers().into_rows(&seal);
    if let Some(passing) = D::passing() {
        let passed = passing.operations().into_iter();
        rows.extend(passed.map(|name| (name, (through(passing), seal.clone()))));
    }
    rows.retain(|name, _| !lacks.contains(name));
    let able = || Capabilities::of(&connection.operations, rows.keys().copied());
    Arc::new(TableDriver {
        narrowed: (!lacks.is_empty()).then(able),
        driver,
        rows,
        scope: connection.scope,
        quota: connection.quota.clone(),
    })
}

/// Passes what is asked through.
fn through<D: Provider>(passing: Passing<D>) -> Handler<D> {
    Box::new(move |driver, call, _| {
        Box::pin(async move { (passing.endpoint)(&driver).pass(&call, passing.facts).await })
    })
}

impl<D: Provider> Driver for TableDriver<D> {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        match self.rows.get(call.operation.name) {
            Some((handler, seal)) => {
                let handled = handler(self.driver.clone(), call.clone(), seal.clone());
                Box::pin(async move {
                    match handled.await {
                        Err(failure) => Err(self.driver.explained(&call, failure).await),
                        answer => answer,
                    }
                })
            }
            None => Box::pin(async move {
                let sentence = format!("{} cannot be done by this provider", call.operation.name);
                Err(Failure::new(Kind::Unsupported, sentence).never_sent())
            }),
        }
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async move { self.driver.health().await })
    }

    fn offers(self: Arc<Self>) -> BoxFuture<Result<Option<Vec<Arc<str>>>, Failure>> {
        Box::pin(async move { self.driver.offers().await })
    }

    fn is_scarce(&self) -> bool {
        self.quota.is_scarce(Timestamp::now())
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        self.quota.limits(Timestamp::now())
    }

    fn paced_by(&self, call: &Call) -> Option<Arc<str>> {
        self.quota.drawn_on(D::draws_on(call.operation.name), Timestamp::now())
    }

    fn capabilities(&self) -> Option<Capabilities> {
        self.narrowed.clone()
    }

    fn credential_scope(&self) -> Option<u64> {
        self.scope
    }
}
