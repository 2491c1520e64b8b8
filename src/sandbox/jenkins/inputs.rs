//! Inputs: what a Pipeline's build asks of somebody, and how it is answered.
//!
//! Invariant: a build asks for one input at most, and once it is answered the input is gone.

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};

use super::asked::{Asked, plain_json};
use super::builds::{find_mut, found};
use super::parameters::{Definition, Parameter, asked as fields_of, fill};
use super::problem::Problem;
use super::stage_view::{of_pipeline, path};
use super::state::Build;
use super::trigger::submitted;
use super::{Answer, Jenkins};

/// The input's id: capitalised, as the step makes it.
const ID: &str = "Deploy";

/// What a build waits for, with the fields that it asks for.
pub(crate) fn pending(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let (item, build) = of_pipeline(found(&state, asked)?)?;
    let path = path(asked, item, build);
    let fields = fields_of(&build.parameters).iter().map(Definition::shown_as_input);
    let input = json!({
        "id": ID,
        "proceedText": "Proceed",
        "message": "Deploy it?",
        "inputs": fields.collect::<Vec<Value>>(),
        "proceedUrl": format!("{path}wfapi/inputSubmit?inputId={ID}"),
        "abortUrl": format!("{path}input/{ID}/abort"),
        "redirectApprovalUrl": format!("{path}input/"),
    });
    let waits = build.progress.is_paused();
    Ok(plain_json(&if waits { json!([input]) } else { json!([]) }))
}

/// `wfapi/inputSubmit`: the form's `json` holds the answers. What goes wrong there is thrown, and not caught.
pub(crate) fn submit(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    of_pipeline(found(&state, asked)?)?;
    let build = find_mut(&mut state, asked)?;
    if !build.progress.is_paused() || asked.parameter("inputId") != Some(ID) {
        let reason = "Error processing Input Submit request. This Run instance does not have an InputAction.";
        return Err(Problem::oops(reason));
    }
    build.answers = answers(build, asked.parameter("json").unwrap_or("{}"))?;
    build.progress.answered();
    Ok(StatusCode::OK.into_response())
}

fn answers(build: &Build, form: &str) -> Result<Vec<Parameter>, Problem> {
    let (fields, given) = (fields_of(&build.parameters), submitted(form)?);
    let unknown = given
        .iter()
        .find(|(name, _)| fields.iter().all(|field| field.name() != name));
    match unknown {
        Some((name, _)) => Err(Problem::oops(format!("No such parameter definition: {name}"))),
        None => fill(fields, &given),
    }
}

/// `proceedEmpty`, and `abort`, of an input by its id.
pub(crate) fn settle(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    of_pipeline(found(&state, asked)?)?;
    let build = find_mut(&mut state, asked)?;
    let [_, _, id, how] = asked.place.rest.as_slice() else {
        return Err(Problem::not_found());
    };
    if !build.progress.is_paused() || id != ID {
        return Err(Problem::not_found());
    }
    match how.as_str() {
        "abort" => build.progress.stop(),
        _ => build.progress.answered(),
    }
    Ok(StatusCode::OK.into_response())
}
