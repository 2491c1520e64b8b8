//! The models that this Anthropic offers.
//!
//! Invariant: the list is told newest first, page by page, and every listed model can be read and used by its id; an alias is
//! answered with the id that it stands for.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Anthropic;
use super::problem::Problem;

/// A model.
pub(crate) struct Model {
    pub id: &'static str,
    title: &'static str,
    created: &'static str,
    pub max_tokens: u64,
    /// It thinks as much as it sees fit; else within a budget.
    pub adaptive: bool,
}

/// Names of our own.
const MODELS: &[Model] = &[
    Model {
        id: "sandbox-sage-20260401",
        title: "Sandbox Sage",
        created: "2026-04-01T00:00:00Z",
        max_tokens: 64_000,
        adaptive: true,
    },
    Model {
        id: "sandbox-large",
        title: "Sandbox Large",
        created: "2026-01-05T09:00:00Z",
        max_tokens: 32_000,
        adaptive: true,
    },
    Model {
        id: "sandbox-small",
        title: "Sandbox Small",
        created: "2025-01-05T09:00:00Z",
        max_tokens: 8_192,
        adaptive: false,
    },
];
/// Another name of the first.
const ALIAS: &str = "sandbox-sage";
const USUAL_PAGE: usize = 20;
const LARGEST_PAGE: usize = 1000;

pub(crate) fn find(id: &str) -> Option<&'static Model> {
    MODELS
        .iter()
        .find(|model| model.id == id || id == ALIAS && model.id == MODELS[0].id)
}

#[derive(Deserialize)]
pub(crate) struct Page {
    limit: Option<usize>,
    after_id: Option<String>,
    before_id: Option<String>,
}

pub(crate) async fn list(
    State(_anthropic): State<Arc<Anthropic>>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Response<Body>, Problem> {
    let Query(page) = page.map_err(|_| Problem::invalid("limit: Input should be a valid integer"))?;
    let limit = page.limit.unwrap_or(USUAL_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Problem::invalid("limit: Input should be between 1 and 1000"));
    }
    let place = |id: &String| MODELS.iter().position(|model| model.id == id);
    let rows = match (&page.after_id, &page.before_id) {
        (None, None) => MODELS,
        (Some(after), None) => match place(after) {
            Some(at) => &MODELS[at + 1..],
            None => return Err(Problem::invalid("after_id: not found")),
        },
        (None, Some(before)) => match place(before) {
            Some(at) => &MODELS[at.saturating_sub(limit)..at],
            None => return Err(Problem::invalid("before_id: not found")),
        },
        (Some(_), Some(_)) => return Err(Problem::invalid("after_id: give only one of before_id and after_id")),
    };
    let data: Vec<Value> = rows.iter().take(limit).map(Model::object).collect();
    let id = |model: Option<&Value>| model.map(|model| model["id"].clone());
    Ok(Json(json!({
        "first_id": id(data.first()),
        "last_id": id(data.last()),
        "has_more": rows.len() > limit,
        "data": data,
    }))
    .into_response())
}

pub(crate) async fn get(
    State(_anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let model = find(&id).ok_or_else(|| Problem::no_model(&id))?;
    Ok(Json(model.object()).into_response())
}

impl Model {
    fn object(&self) -> Value {
        let can = |supported: bool| json!({ "supported": supported });
        let mut capabilities = json!({
            "thinking": { "supported": true, "types": {
                "adaptive": can(self.adaptive), "enabled": can(!self.adaptive) } },
            "effort": { "supported": self.adaptive, "low": can(true), "medium": can(true), "high": can(true),
                "xhigh": can(self.adaptive), "max": can(self.adaptive) },
            "context_management": { "supported": false, "clear_tool_uses_20250919": can(false),
                "clear_thinking_20251015": can(false), "compact_20260112": can(false) },
        });
        for name in [
            "batch",
            "citations",
            "code_execution",
            "image_input",
            "pdf_input",
            "structured_outputs",
        ] {
            capabilities[name] = can(name != "citations" && name != "code_execution");
        }
        json!({
            "type": "model", "id": self.id, "display_name": self.title, "created_at": self.created,
            "max_input_tokens": 200_000, "max_tokens": self.max_tokens, "capabilities": capabilities,
        })
    }
}
