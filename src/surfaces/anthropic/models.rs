//! `GET /v1/models`: what the caller may ask for.
//!
//! Invariant: whatever id is listed is taken as the model of a message.

use axum::response::Response;
use serde_json::{Value, json};

use super::super::dialect::desk::value;
use super::super::dialect::fields::{must, read};
use super::super::dialect::listed;
use super::super::dialect::query::Query;
use super::super::dialect::refused::Refused;
use super::super::dialect::served::{Asking, of_model};
use super::super::dialect::time::NEVER;
use super::error::Anthropic;
use crate::catalogue::ai::{Model, ModelGet, ModelGetInput};

/// `ModelInfo`
fn told(id: &str, model: &Model) -> Value {
    json!({
        "type": "model", "id": id, "display_name": model.title.as_deref().unwrap_or(&model.name),
        "created_at": model.created_at.as_deref().unwrap_or(NEVER),
        "max_input_tokens": model.max_input_tokens, "max_tokens": model.max_output_tokens,
    })
}

pub(super) async fn list(asking: Asking) -> Result<Response, Refused> {
    let Asking { mut visit, parts, .. } = asking;
    let mut query = Query::of(&parts.uri);
    query.take("beta");
    let (limit, after, before) = (query.limit(20, 1000)?, query.take("after_id"), query.take("before_id"));
    query.end()?;
    let models = listed::models(&mut visit).await?;
    let place = |name: &str, row: &str| {
        let at = models.rows.iter().position(|listed| listed.id == row);
        at.ok_or_else(|| must(name, "be the id of a model of this list"))
    };
    let backwards = after.is_none() && before.is_some();
    let (first, last) = match (after, before) {
        (Some(after), _) => {
            let first = place("after_id", &after)? + 1;
            (first, first.saturating_add(limit).min(models.rows.len()))
        }
        (None, Some(before)) => {
            let last = place("before_id", &before)?;
            (last.saturating_sub(limit), last)
        }
        (None, None) => (0, limit.min(models.rows.len())),
    };
    let rows = &models.rows[first..last];
    let has_more = if backwards { first > 0 } else { last < models.rows.len() };
    let data: Vec<Value> = rows.iter().map(|listed| told(&listed.id, &listed.model)).collect();
    let told = json!({
        "data": data, "has_more": has_more, "first_id": rows.first().map(|row| &row.id), "last_id": rows.last().map(|row| &row.id),
    });
    visit.json(&models.answer, &models.warnings, &told)
}

pub(super) async fn show(mut asking: Asking) -> Result<Response, Refused> {
    let asked = asking.named().await?;
    let visit = asking.visit;
    let pinned = asked.contains('~');
    let input = ModelGetInput {
        model: read("model", &Value::String(asked))?,
    };
    let answer = visit
        .call::<ModelGet>(input)
        .await
        .map_err(|failure| of_model::<Anthropic>(failure, |_| None))?;
    let model = value::<Model>(&answer)?;
    // By another of its names, a model is told by its whole one.
    let name = if pinned { &model.id } else { &model.name };
    visit.json(&answer, &[], &told(name, &model))
}
