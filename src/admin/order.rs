//! The one way of every action: its body, its reason, its preview, its execution.
//!
//! Invariant: nothing is done without a reason, nor under `dry_run=true`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::Request;
use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::gate::{Administrator, DRY_RUN, looks_alone};
use super::query::{Query, flag};
use super::{AdminOrder, Order, Port, fresh};
use crate::surfaces::arrival::Arrival;
use crate::surfaces::bodies::{Bodies, BodyBounds};
use crate::surfaces::json_body;
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// Characters of a reason: a sentence or three.
pub(super) const LONGEST_REASON: usize = 500;
/// Bytes of a body here: the largest is a provider's table.
const MAX_BODY: usize = 64 * 1024;
/// How long it may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);
/// As many as come at once in earnest, and more.
const MAX_BODIES: usize = 64 * MAX_BODY;

/// A day: what is to last longer is configured, or ordered again.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// The room for the bodies of one listener. What calls bring takes nothing of it: operators get through.
pub(super) fn room() -> Bodies {
    Bodies::new(BodyBounds {
        all: MAX_BODIES,
        share: MAX_BODIES,
        named: "of the admin API",
        // The time that each has ends it before.
        idle: 2 * BODY_TIME,
        time: 2 * BODY_TIME,
    })
}

/// Reads a body, and answers with the preview of its action or with its outcome.
pub(super) async fn order<T: DeserializeOwned>(
    port: Port,
    request: Request<Body>,
    action: impl FnOnce(T) -> Result<AdminOrder, Failure>,
) -> Response {
    let id = RequestId::given(request.extensions());
    match carried(&port, request, action).await {
        Ok(outcome) => fresh(&outcome),
        Err(problem) => problem.response(&id),
    }
}

async fn carried<T: DeserializeOwned>(
    port: &Port,
    request: Request<Body>,
    action: impl FnOnce(T) -> Result<AdminOrder, Failure>,
) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    let dry_run = Query::of(&parts, &[DRY_RUN])?.get(DRY_RUN, flag)?.unwrap_or(false);
    let (who, may_change) = match parts.extensions.get::<Administrator>() {
        Some(administrator) => (administrator.who.clone(), administrator.may_change),
        None => (Arc::from("unknown"), false),
    };
    if !dry_run && !may_change {
        return Err(looks_alone().into());
    }
    let bodies = parts.extensions.get::<Bodies>().cloned().unwrap_or_else(room);
    let deadline = Arrival::of(&parts.extensions) + BODY_TIME;
    let mut fields = json_body::object(&parts.headers, body, MAX_BODY, &bodies, &who, deadline).await?;
    let reason = reason(&mut fields)?;
    let action = action(json_body::read(fields)?)?;
    if dry_run {
        let touches = port.touches(&action)?;
        return Ok(json!({ "dry_run": true, "action": action.name(), "touches": touches }));
    }
    port.perform(Order { action, reason, who }).await
}

/// Checks for how long an order is to hold.
pub(super) fn check_time(for_ms: Option<u64>) -> Result<(), Failure> {
    match for_ms {
        Some(ms) if !(1..=LONGEST_MS).contains(&ms) => {
            Err(Failure::invalid("for_ms", format!("for_ms must be 1 to {LONGEST_MS}")))
        }
        _ => Ok(()),
    }
}

fn reason(fields: &mut Map<String, Value>) -> Result<String, Failure> {
    let wrong = || {
        Failure::invalid(
            "reason",
            format!("reason must be 1 to {LONGEST_REASON} characters on one line"),
        )
    };
    let Some(Value::String(reason)) = fields.remove("reason") else {
        return Err(wrong());
    };
    let printable = !reason.chars().any(char::is_control);
    if reason.trim().is_empty() || reason.chars().count() > LONGEST_REASON || !printable {
        return Err(wrong());
    }
    Ok(reason)
}
