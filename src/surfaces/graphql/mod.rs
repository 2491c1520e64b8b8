//! GraphQL: one schema for all rows of the catalogue, at `/graphql`.
//!
//! Invariant: no operation is named here. A request is authenticated, measured, executed and answered by the same lines
//! whatever it asks for, and each of its calls goes the way that every surface's calls go.

mod accept;
mod build;
mod client;
mod connection;
mod costs;
mod errors;
mod execute;
mod http;
mod inputs;
mod line;
mod measure;
mod names;
mod page;
mod persisted;
mod plan;
mod resolve;
mod roots;
mod scan;
mod session;
mod socket;
mod sse;
mod subscribe;
mod talk;
mod types;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::HeaderMap;
use ::http::uri::Authority;
use async_graphql::dynamic::Schema;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};
use tokio::sync::Semaphore;

use super::auth::Authenticator;
use super::bodies::Bodies;
use super::decisions::Decisions;
use super::feed::FeedConfig;
use super::mount;
use super::rest::{Allowances, Offered, method_not_allowed};
use crate::catalogue::Entry;
use crate::catalogue::event::Event;
use crate::config::GraphqlConfig;
use crate::dispatch::Dispatcher;
use crate::leisure::at_leisure;
use costs::Costs;
use measure::Bounds;
use persisted::Persisted;
use plan::Plan;
use session::Means;

/// Where the surface is.
pub const PATH: &str = "/graphql";
/// The most schemas that are kept: tenants mostly share a few reaches.
const MOST_SCHEMAS: usize = 16;

/// What the surface needs.
#[derive(Clone)]
pub struct GraphqlSurface {
    /// Where calls go.
    pub dispatcher: Arc<Dispatcher>,
    /// Who may ask.
    pub authenticator: Authenticator,
    /// What is there for whom.
    pub offered: Offered,
    /// What its rate leaves a tenant.
    pub allowance: Allowances,
    /// What was decided for calls.
    pub decisions: Arc<dyn Decisions>,
    /// The events that providers tell.
    pub feed: Arc<FeedConfig>,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The room for all of those.
    pub bodies: Bodies,
    /// How long a socket's client may take nothing of what waits for it.
    pub write_timeout: Duration,
    /// The limits.
    pub settings: GraphqlConfig,
}

struct Graphql {
    config: GraphqlSurface,
    means: Arc<Means>,
    persisted: Persisted,
    /// The places of sockets.
    sockets: Arc<Semaphore>,
    /// By the names of the operations that are in them.
    schemas: Mutex<HashMap<Vec<&'static str>, Arc<Variant>>>,
}

/// The schema of some operations.
struct Variant {
    schema: Schema,
    costs: Costs,
}

/// The routes: `/graphql`, and the script of its page.
pub fn router(config: GraphqlSurface) -> Router {
    let graphql = Arc::new(Graphql {
        means: Arc::new(Means {
            dispatcher: config.dispatcher.clone(),
            decisions: config.decisions.clone(),
            at_once: config.settings.max_concurrent_calls,
        }),
        persisted: Persisted::new(config.settings.persisted_queries),
        sockets: Arc::new(Semaphore::new(config.settings.max_sockets)),
        schemas: Mutex::default(),
        config,
    });
    Router::new()
        .route(PATH, get(http::get).post(http::post))
        .route(page::SCRIPT, get(page::script))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(mount::note))
        .with_state(graphql)
}

/// What the schema of these operations consists of.
fn plan_of(entries: &[&'static Entry]) -> Plan {
    Plan::of(entries, |generator| generator.subschema_for::<Event>().to_value())
}

impl Graphql {
    fn bounds(&self) -> Bounds {
        let settings = &self.config.settings;
        Bounds {
            depth: settings.max_depth,
            complexity: settings.max_complexity,
            aliases: settings.max_aliases,
        }
    }

    fn caller(&self, headers: &HeaderMap, target: Option<&Authority>) -> Result<Caller, Failure> {
        self.config.authenticator.caller(headers, target)
    }

    /// The schema of what is there for a caller.
    fn schema(&self, caller: &Caller) -> Result<Arc<Variant>, Failure> {
        let catalogue = self.config.dispatcher.catalogue();
        let is_there = |entry: &&'static Entry| {
            let number = catalogue.number(entry.name());
            number.is_some_and(|operation| (self.config.offered)(caller, operation))
        };
        let entries: Vec<&'static Entry> = catalogue.iter().filter(is_there).collect();
        let names: Vec<&'static str> = entries.iter().map(|entry| entry.name()).collect();
        let kept = || self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = kept().get(&names) {
            return Ok(made.clone());
        }
        // Made while nobody waits for the lock or this thread; two who make the same do no harm.
        let made = Arc::new(at_leisure(usize::MAX, || self.made(&entries))?);
        let mut kept = kept();
        if kept.len() >= MOST_SCHEMAS
            && let Some(any) = kept.keys().next().cloned()
        {
            kept.remove(&any);
        }
        kept.insert(names, made.clone());
        Ok(made)
    }

    fn made(&self, entries: &[&'static Entry]) -> Result<Variant, Failure> {
        let plan = Arc::new(plan_of(entries));
        let schema = build::schema(&plan, self.config.settings.introspection);
        let unsound =
            |error| Failure::new(Kind::Internal, "the catalogue makes no sound GraphQL schema").because(error);
        Ok(Variant {
            schema: schema.map_err(unsound)?,
            costs: Costs::of(&plan),
        })
    }
}
