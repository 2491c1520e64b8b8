//! Triggers: a build is queued, and the answer's `Location` names its item.
//!
//! Invariant: the same build is not queued twice while it waits.

use axum::response::IntoResponse;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use super::asked::Asked;
use super::parameters::{Parameter, fill};
use super::problem::Problem;
use super::state::{Item, MAX_CREATED, State};
use super::{Answer, Jenkins};

/// The form field `json` of a build with parameters.
#[derive(Deserialize)]
struct Submitted {
    #[serde(default)]
    parameter: Entries,
}

/// One parameter, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entries {
    One(Entry),
    Many(Vec<Entry>),
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    value: Value,
}

impl Default for Entries {
    fn default() -> Self {
        Entries::Many(Vec::new())
    }
}

/// `/build`: of a job without parameters, or with a submitted form.
pub(crate) fn build(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let item = buildable(&state, asked)?;
    let given = match (item.parameters, asked.parameter("json")) {
        ([], _) => Vec::new(),
        (_, Some(form)) => submitted(form)?,
        (_, None) => {
            let reason = "This page expects a form submission but had only {}";
            return Err(Problem::because(StatusCode::BAD_REQUEST, reason));
        }
    };
    let parameters = fill(item.parameters, &given)?;
    enqueue(&mut state, asked, parameters, StatusCode::CREATED)
}

/// `/buildWithParameters`: the query and the form are the parameters.
pub(crate) fn build_with_parameters(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let item = buildable(&state, asked)?;
    if item.parameters.is_empty() {
        let reason = format!("{} is not parameterized", item.full_name);
        return Err(Problem::because(StatusCode::BAD_REQUEST, reason));
    }
    let parameters = fill(item.parameters, &asked.parameters)?;
    enqueue(&mut state, asked, parameters, StatusCode::SEE_OTHER)
}

fn buildable<'a>(state: &'a State, asked: &Asked) -> Result<&'a Item, Problem> {
    let item = state.items.get(&asked.place.full_name());
    let item = item
        .filter(|item| !item.kind.holds_jobs())
        .ok_or_else(Problem::not_found)?;
    match item.disabled {
        false => Ok(item),
        true => {
            let reason = format!("{} is not buildable", item.full_name);
            Err(Problem::because(StatusCode::CONFLICT, reason))
        }
    }
}

pub(crate) fn submitted(form: &str) -> Result<Vec<(String, String)>, Problem> {
    let refused = |_| Problem::because(StatusCode::BAD_REQUEST, "Failed to parse the form's JSON");
    let form: Submitted = serde_json::from_str(form).map_err(refused)?;
    let entries = match form.parameter {
        Entries::One(entry) => vec![entry],
        Entries::Many(entries) => entries,
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(entries
        .into_iter()
        .map(|entry| (entry.name, text(entry.value)))
        .collect())
}

/// `again`: what is answered when the same build waits already.
fn enqueue(state: &mut State, asked: &Asked, parameters: Vec<Parameter>, again: StatusCode) -> Answer {
    let job = asked.place.full_name();
    let (status, id) = match state.waiting_alike(&job, &parameters) {
        Some(id) => (again, id),
        None if state.created >= MAX_CREATED => {
            let reason = format!("This sandbox holds at most {MAX_CREATED} created items; restart it to empty it.");
            return Err(Problem::because(StatusCode::SERVICE_UNAVAILABLE, reason));
        }
        None => {
            let id = state.enqueue(&job, asked.caller.user(), parameters, asked.now_ms);
            (StatusCode::CREATED, id)
        }
    };
    let location = HeaderValue::from_str(&format!("{}queue/item/{id}/", asked.seen_root));
    // A host that was a header's value is one again.
    let location = location.map_err(|_| Problem::of(StatusCode::BAD_REQUEST))?;
    Ok((status, [(header::LOCATION, location)]).into_response())
}
