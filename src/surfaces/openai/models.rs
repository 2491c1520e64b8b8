//! `GET /models`: what the caller may ask for.
//!
//! Invariant: whatever id is listed is taken as the model of a conversation; one that several instances offer is listed
//! once, for they are asked by the rules, and each of them by its own id.

use axum::response::Response;
use serde::Serialize;

use super::super::dialect::desk::value;
use super::super::dialect::fields::read;
use super::super::dialect::listed::{self, Listed};
use super::super::dialect::refused::Refused;
use super::super::dialect::served::{Asking, of_model};
use super::super::dialect::time;
use super::error::OpenAi;
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

pub(super) async fn list(asking: Asking) -> Result<Response, Refused> {
    let mut visit = asking.visit;
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

pub(super) async fn show(mut asking: Asking) -> Result<Response, Refused> {
    let asked = asking.named().await?;
    let visit = asking.visit;
    let input = ModelGetInput {
        model: read("model", &asked.clone().into())?,
    };
    let answer = visit
        .call::<ModelGet>(input)
        .await
        .map_err(|failure| of_model::<OpenAi>(failure, |_| None))?;
    let model = value::<ai::Model>(&answer)?;
    visit.json(&answer, &[], &told(&asked, &model))
}
