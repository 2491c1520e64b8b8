//! The models that this OpenAI offers.
//!
//! Invariant: the list is not paginated, and every listed model can be read and used by its id.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::Response;
use serde_json::{Value, json};

use super::OpenAi;
use super::problem::Problem;

/// Two names of our own, and two that existing clients ask for.
pub(crate) const MODELS: &[&str] = &["sandbox-small", "sandbox-large", "gpt-4o", "gpt-4o-mini"];
/// 2026-01-05T09:00:00Z, as seconds since the epoch.
const CREATED_S: u64 = 1_767_603_600;

pub(crate) async fn list(State(openai): State<Arc<OpenAi>>) -> Response<Body> {
    let data: Vec<Value> = MODELS.iter().map(|id| openai.model(id)).collect();
    Json(json!({ "object": "list", "data": data })).into_response()
}

pub(crate) async fn get(State(openai): State<Arc<OpenAi>>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    if !MODELS.contains(&id.as_str()) {
        return Err(Problem::model_not_found(&id));
    }
    Ok(Json(openai.model(&id)).into_response())
}

impl OpenAi {
    /// The owner tells which instance answered.
    fn model(&self, id: &str) -> Value {
        json!({ "id": id, "object": "model", "created": CREATED_S, "owned_by": self.instance.name })
    }
}
