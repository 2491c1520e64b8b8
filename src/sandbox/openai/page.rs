//! Lists, page by page.
//!
//! Invariant: a page goes on behind the row that it is asked for by.

use axum::Json;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::sandbox::kit::query::Params;

/// The page of a list that is asked for; how many rows one has usually, and at most.
pub(crate) fn page(
    uri: &Uri,
    (usual, largest): (usize, usize),
    mut all: Vec<Value>,
) -> Result<Response<Body>, Problem> {
    let wrong = |name: &str, message: String| Problem::field(name, message, Some("invalid_value"));
    let params = Params::of(uri);
    let limit = match params.get("limit").map(str::parse) {
        None => usual,
        Some(Ok(limit)) if (1..=largest).contains(&limit) => limit,
        Some(_) => return Err(wrong("limit", format!("limit must be between 1 and {largest}"))),
    };
    let from = match params.get("after") {
        None => 0,
        Some(after) => {
            let at = all.iter().position(|row| row["id"] == after);
            at.ok_or_else(|| wrong("after", "There is no such row.".to_owned()))? + 1
        }
    };
    let has_more = all.len() - from > limit;
    let data: Vec<Value> = all.drain(from..).take(limit).collect();
    let mut page = json!({ "object": "list", "has_more": has_more });
    if let (Some(first), Some(last)) = (data.first(), data.last()) {
        page["first_id"] = first["id"].clone();
        page["last_id"] = last["id"].clone();
    }
    page["data"] = data.into();
    Ok(Json(page).into_response())
}
