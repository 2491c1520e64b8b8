//! Moderation: what is harmful follows from a few words alone.
//!
//! Invariant: texts are judged one by one, and texts with pictures as one.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::OpenAi;
use super::problem::Problem;

const USUAL: &str = "omni-moderation-latest";
/// The models that judge, and whether they look at pictures.
const MODELS: [(&str, bool); 2] = [(USUAL, true), ("text-moderation-latest", false)];
/// The kinds of harm, the word that shows each, and whether it is looked for in pictures.
const HARMS: [(&str, &str, bool); 13] = [
    ("harassment", "stupid", false),
    ("harassment/threatening", "beware", false),
    ("hate", "hate", false),
    ("hate/threatening", "exterminate", false),
    ("illicit", "steal", false),
    ("illicit/violent", "bomb", false),
    ("self-harm", "starve", true),
    ("self-harm/intent", "end it", true),
    ("self-harm/instructions", "how to starve", true),
    ("sexual", "naked", true),
    ("sexual/minors", "minor", false),
    ("violence", "kill", true),
    ("violence/graphic", "blood", true),
];

pub(crate) async fn create(State(openai): State<Arc<OpenAi>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let body: Value = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("We could not parse the JSON body of your request. ({error})");
        Problem::invalid(StatusCode::BAD_REQUEST, message)
    })?;
    let model = body["model"].as_str().unwrap_or(USUAL);
    let Some((_, looks)) = MODELS.iter().find(|(name, _)| *name == model) else {
        return Err(Problem::model_not_found(model));
    };
    let wrong = |message: &str| Problem::field("input", message, Some("invalid_value"));
    let results: Vec<Value> = match &body["input"] {
        Value::String(text) => vec![judge(text, false)],
        Value::Array(list) if list.is_empty() => return Err(wrong("input must not be empty")),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            let texts = list.iter().filter_map(Value::as_str);
            texts.map(|text| judge(text, false)).collect()
        }
        Value::Array(list) if !looks && list.iter().any(|part| part["type"] == "image_url") => {
            return Err(wrong("this model looks at texts only"));
        }
        Value::Array(list) => vec![together(list)?],
        _ => return Err(wrong("input must be a text, texts, or parts")),
    };
    let n = openai.last_moderation.fetch_add(1, Ordering::Relaxed) + 1;
    let id = format!("modr-{}-{n:08}", openai.instance.name);
    Ok(Json(json!({ "id": id, "model": model, "results": results })).into_response())
}

/// Of a picture its address shows what is on it.
fn together(parts: &[Value]) -> Result<Value, Problem> {
    let mut said = vec![];
    let mut pictures = false;
    for part in parts {
        let (text, picture) = match part["type"].as_str() {
            Some("text") => (&part["text"], false),
            Some("image_url") => (&part["image_url"]["url"], true),
            _ => (&Value::Null, false),
        };
        let text = text
            .as_str()
            .ok_or_else(|| Problem::field("input", "each part is a text or an image_url", Some("invalid_value")))?;
        pictures |= picture;
        said.push(text);
    }
    Ok(judge(&said.join("\n"), pictures))
}

fn judge(text: &str, pictures: bool) -> Value {
    let text = text.to_lowercase();
    let (mut categories, mut scores, mut kinds) = (Map::new(), Map::new(), Map::new());
    for (harm, word, looked_for) in HARMS {
        let found = text.contains(word);
        categories.insert(harm.to_owned(), found.into());
        scores.insert(harm.to_owned(), if found { 0.9 } else { 0.001 }.into());
        let seen = match pictures && looked_for {
            true => json!(["text", "image"]),
            false => json!(["text"]),
        };
        kinds.insert(harm.to_owned(), seen);
    }
    let flagged = categories.values().any(|found| found == true);
    json!({
        "flagged": flagged, "categories": categories, "category_scores": scores,
        "category_applied_input_types": kinds,
    })
}
