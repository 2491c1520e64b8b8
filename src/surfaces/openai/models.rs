//! `GET /models`: what the caller may ask for.
//!
//! Invariant: whatever id is listed is taken as the model of a conversation; one that several instances offer is listed
//! once, for they are asked by the rules, and each of them by its own id.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::Request;
use serde::Serialize;

use super::super::dialect::desk::{DialectConfig, Visit, value};
use super::super::dialect::fields::read;
use super::super::dialect::listed::{self, Listed};
use super::super::dialect::refused::Refused;
use super::super::dialect::time;
use super::super::request_id::RequestId;
use super::error;
use crate::catalogue::ai::{self, ModelGet, ModelGetInput};

/// `Model`
#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    owned_by: &'a str,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Told<'a>>,
}

pub async fn list(State(config): State<Arc<DialectConfig>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    let answered = all(&config, request, &id).await;
    answered.unwrap_or_else(|refused| error::response(&refused, &id))
}

async fn all(config: &Arc<DialectConfig>, request: Request<Body>, id: &RequestId) -> Result<Response, Refused> {
    let (parts, _) = request.into_parts();
    let mut visit = Visit::of(config, &parts, id.clone())?;
    let models = listed::models(&mut visit).await?;
    let told = List {
        object: "list",
        data: models.rows.iter().map(row).collect(),
    };
    visit.json(&models.answer, &models.warnings, &told)
}

fn row(listed: &Listed) -> Told<'_> {
    told(&listed.id, &listed.model)
}

fn told<'a>(id: &'a str, model: &'a ai::Model) -> Told<'a> {
    let instance = model.id.split_once('~').map_or("", |(instance, _)| instance);
    Told {
        id,
        object: "model",
        created: time::seconds(model.created_at.as_deref()).unwrap_or(0),
        owned_by: model.owner.as_deref().unwrap_or(instance),
    }
}

pub async fn show(
    State(config): State<Arc<DialectConfig>>,
    Path(model): Path<String>,
    request: Request<Body>,
) -> Response {
    let id = RequestId::given(request.extensions());
    let answered = one(&config, model, request, &id).await;
    answered.unwrap_or_else(|refused| error::response(&refused, &id))
}

async fn one(
    config: &Arc<DialectConfig>,
    asked: String,
    request: Request<Body>,
    id: &RequestId,
) -> Result<Response, Refused> {
    let (parts, _) = request.into_parts();
    let visit = Visit::of(config, &parts, id.clone())?;
    let input = ModelGetInput {
        model: read("model", &asked.clone().into())?,
    };
    let answer = visit
        .call::<ModelGet>(input)
        .await
        .map_err(|failure| error::of_model(failure, |_| None))?;
    let model = value::<ai::Model>(&answer)?;
    visit.json(&answer, &[], &told(&asked, &model))
}
