//! The request that lets a pipeline's build go on which waits for somebody's input (J17).
//!
//! Invariant: what is sent is what the build asks for, all of it, and of several inputs none is guessed.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::names::Build;
use super::stage_view::{self, may_wait, pending};
use super::{Jenkins, builds, standing, trigger, wire};
use crate::catalogue::cicd::{OrderOutcome, Ordered, RunApprove, tag_of_run};
use crate::providers::ci;
use crate::providers::http::{Outgoing, Row, behind};
use crate::providers::{Reply, Request};

const WAITS_FOR_NOBODY: &str = "the run does not wait for an approval";

pub async fn approve(jenkins: Arc<Jenkins>, request: Request<RunApprove>) -> Result<Reply<Ordered>, Failure> {
    let native = standing::native(&jenkins, &request).await?;
    let build = Build::named("run", &native)?;
    let row: Row<wire::Build> = builds::read(&jenkins, &build).await?.row(false)?;
    let input = match may_wait(&row.wire) {
        true => only(pending(&jenkins, &build).await?),
        false => Err(Failure::new(Kind::PreconditionFailed, WAITS_FOR_NOBODY)),
    };
    let input = input.map_err(|failure| failure.by(&request.instance))?;
    let answers = answers(&input, &request.input.variables).map_err(|failure| failure.by(&request.instance))?;
    let order = order(&jenkins, &build, &input, answers)?;
    let (_, received) = match jenkins.order(order).await {
        Err(failure) if matches!(failure.kind, Kind::NotFound | Kind::InvalidInput | Kind::Conflict) => {
            return Err(refused(&jenkins, &build, &input, failure).await);
        }
        other => other?,
    };
    // What was ordered is ordered.
    let read = async {
        let row = builds::read(&jenkins, &build).await?.row(request.include_raw)?;
        Ok(stage_view::standing(&jenkins, &request.instance, &build, row).await)
    };
    let run = behind(&request.instance, read).await;
    let outcome = OrderOutcome::Done;
    let about = vec![tag_of_run(&native)];
    Ok(received.reply(Ordered { outcome, run, about }))
}

/// The one input that is meant.
fn only(inputs: Vec<wire::Input>) -> Result<wire::Input, Failure> {
    let mut inputs = inputs.into_iter();
    match (inputs.next(), inputs.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::new(Kind::PreconditionFailed, WAITS_FOR_NOBODY)),
        (Some(_), Some(_)) => {
            let sentence =
                "the run waits for several inputs at once, and an approval cannot say which of them it is of";
            Err(Failure::new(Kind::Conflict, sentence))
        }
    }
}

/// What is answered to an input: all that it asks for, as it proposes where nothing was given.
fn answers(input: &wire::Input, given: &BTreeMap<String, String>) -> Result<Vec<Value>, Failure> {
    let fields: Vec<wire::Parameter> = input.inputs.iter().flatten().map(wire::Field::parameter).collect();
    trigger::check(&fields, given)?;
    let answer = |field: &wire::Field| {
        let value = match given.get(&field.name) {
            Some(text) if field.kind == trigger::FLAG => json!(text == "true"),
            Some(text) => json!(text),
            None => field.proposed().ok_or_else(|| lacking(field))?,
        };
        Ok(json!({ "name": field.name, "value": value }))
    };
    input.inputs.iter().flatten().map(answer).collect()
}

/// The fault of what lacks a value that nothing is proposed for.
fn lacking(field: &wire::Field) -> Failure {
    let (name, parameter) = (ci::shown(&field.name), field.parameter());
    trigger::wrong(&match parameter.choices() {
        Some(choices) => format!("{name} must be given, as one of its choices: {}", ci::listed(choices)),
        None => format!("{name} must be given: the run asks for it and proposes nothing"),
    })
}

/// The request that answers an input. Who asks for nothing takes no form.
fn order(jenkins: &Jenkins, build: &Build<'_>, input: &wire::Input, answers: Vec<Value>) -> Result<Outgoing, Failure> {
    if answers.is_empty() {
        let parts = build.parts(&["input", &input.id, "proceedEmpty"]);
        return jenkins.endpoint.bare(Method::POST, &parts);
    }
    let form = json!({ "parameter": answers }).to_string();
    let parts = build.parts(&["wfapi", "inputSubmit"]);
    let outgoing = jenkins.endpoint.post_fields(&parts, [("json", &*form)])?;
    Ok(outgoing.query("inputId", &input.id))
}

/// A refusal of what was answered: whether the build still asks is looked at before it is told.
async fn refused(jenkins: &Jenkins, build: &Build<'_>, input: &wire::Input, failure: Failure) -> Failure {
    let left = jenkins.endpoint.look(pending(jenkins, build)).await;
    match left.is_some_and(|left| left.iter().all(|other| other.id != input.id)) {
        true => {
            let mut late = Failure::new(Kind::PreconditionFailed, WAITS_FOR_NOBODY);
            late.provider.clone_from(&failure.provider);
            late
        }
        false => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> wire::Input {
        let asked = json!({"id": "Go", "inputs": [
            {"type": "ChoiceParameterDefinition", "name": "ENV", "definition": {"defaultVal": "test", "choices": ["test", "live"]}},
            {"type": "BooleanParameterDefinition", "name": "DRY", "definition": {"defaultVal": true}},
            {"type": "PasswordParameterDefinition", "name": "KEY", "description": "k", "definition": {"defaultVal": "sealed"}}]});
        serde_json::from_value(asked).expect("an input")
    }

    fn answered(given: &[(&str, &str)]) -> Result<Value, (Kind, Option<String>)> {
        let given = given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let answers = answers(&input(), &given.collect());
        answers
            .map(Value::from)
            .map_err(|failure| (failure.kind, failure.field.map(|field| field.to_string())))
    }

    #[test]
    fn j17_all_that_is_asked_for_is_answered_and_nothing_else() {
        let both = [("ENV", "live"), ("DRY", "false"), ("KEY", "planted")];
        let all = json!([{"name": "ENV", "value": "live"}, {"name": "DRY", "value": false}, {"name": "KEY", "value": "planted"}]);
        assert_eq!(answered(&both).unwrap(), all);
        let proposed =
            json!([{"name": "ENV", "value": "test"}, {"name": "DRY", "value": true}, {"name": "KEY", "value": "x"}]);
        assert_eq!(answered(&[("KEY", "x")]).unwrap(), proposed);
        // A secret that is proposed is not handed back, and another word than the choices is none.
        for wrong in [
            &[][..],
            &[("KEY", "x"), ("ENV", "moon")],
            &[("KEY", "x"), ("OTHER", "1")],
        ] {
            assert_eq!(
                answered(wrong).unwrap_err(),
                (Kind::InvalidInput, Some("variables".to_owned())),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn of_several_inputs_none_is_guessed() {
        assert_eq!(only(vec![]).unwrap_err().kind, Kind::PreconditionFailed);
        assert!(only(vec![input()]).is_ok());
        assert_eq!(only(vec![input(), input()]).unwrap_err().kind, Kind::Conflict);
    }
}
