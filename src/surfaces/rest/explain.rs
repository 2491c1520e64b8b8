//! `GET /v1/explain/{id}` and `POST /v1/route`: what was decided for a call, and what would be for one that is not made.
//!
//! Invariant: nothing is sent to a provider here, and nothing changes.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::Request;
use http::header::CACHE_CONTROL;
use mosaic_actors::call::CostClass;
use serde_json::{Value, json};

use super::super::arrival::Arrival;
use super::super::decisions::{self, Unmade};
use super::super::json_body;
use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::{Rest, reply};
use crate::dispatch::Options;

/// `GET /v1/explain/{id}`.
pub(super) async fn by_id(State(rest): State<Arc<Rest>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let own = RequestId::given(request.extensions());
    match rest.explained(&id, &request) {
        Ok(records) => told(json!({ "decisions": records })),
        Err(problem) => problem.response(&own),
    }
}

/// `POST /v1/route`.
pub(super) async fn unmade(State(rest): State<Arc<Rest>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match rest.unmade(request, &id).await {
        Ok(decision) => told(decision),
        Err(problem) => problem.response(&id),
    }
}

/// It is so now, and for this caller.
fn told(document: Value) -> Response {
    ([(CACHE_CONTROL, reply::PERSONAL)], Json(document)).into_response()
}

impl Rest {
    fn explained(&self, id: &str, request: &Request<Body>) -> Result<Vec<Value>, Problem> {
        let target = request.uri().authority();
        let caller = self.config.authenticator.caller(request.headers(), target)?;
        let records = self.config.decisions.of(id, &caller)?;
        match records.is_empty() {
            true => Err(decisions::unknown().into()),
            false => Ok(records),
        }
    }

    async fn unmade(&self, request: Request<Body>, id: &RequestId) -> Result<Value, Problem> {
        let (parts, body) = request.into_parts();
        let target = parts.uri.authority();
        let caller = self.config.authenticator.caller(&parts.headers, target)?;
        let arrived = Options {
            arrived: Some(Arrival::of(&parts.extensions)),
            ..Options::default()
        };
        let deadline = self.config.dispatcher.deadline(CostClass::Read, false, &arrived)?;
        let (most, bodies) = (self.config.max_body, &self.config.bodies);
        let fields = json_body::object(&parts.headers, body, most, bodies, &caller.tenant, deadline).await?;
        let unmade: Unmade = json_body::read(fields)?;
        let entry = unmade.entry(self.config.dispatcher.catalogue())?;
        let options = Options {
            request_id: Some(id.text().clone()),
            arrived: arrived.arrived,
            ..unmade.options(Options::default())?
        };
        let input = Value::Object(unmade.input);
        let unsent = self.config.dispatcher.unmade_call(entry, input, caller, options)?;
        Ok(self.config.decisions.dry_run(unsent).await?)
    }
}
