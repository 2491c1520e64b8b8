//! The requests that start a job.
//!
//! Invariant: Jenkins drops what it does not know without a word, so nothing is sent that the job has not asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, StatusCode};
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};

use super::{Jenkins, names, wire};
use crate::catalogue::cicd::{RunTrigger, TriggerOutcome, Triggered};
use crate::providers::ci;
use crate::providers::{Reply, Request};

/// The kind of a parameter that is true or false.
pub const FLAG: &str = "BooleanParameterDefinition";
/// Spares the quiet period, in which Jenkins waits for more of the same.
const AT_ONCE: (&str, &str) = ("delay", "0sec");

pub async fn trigger(jenkins: Arc<Jenkins>, request: Request<RunTrigger>) -> Result<Reply<Triggered>, Failure> {
    let input = &request.input;
    names::job("project", &request.native)?;
    if input.pipeline.is_some() {
        let sentence = "a project of this provider is one job, which has no other name";
        return Err(Failure::unsupported_field("pipeline", sentence).never_sent());
    }
    let (project, job) = startable(&jenkins, &request)
        .await
        .map_err(|failure| failure.by(&request.instance))?;
    let waited = job.waiting();
    let parameters = wire::parameters(job.property);
    check(&parameters, &input.variables).map_err(|failure| failure.by(&request.instance))?;
    let parts = names::job("project", &project)?;
    let outgoing = match parameters.is_empty() {
        true => jenkins
            .endpoint
            .bare(Method::POST, &[&parts[..], &["build"]].concat())?,
        // What is left out takes its default.
        false => {
            let fields = input.variables.iter().map(|(name, value)| (&**name, &**value));
            let parts = [&parts[..], &["buildWithParameters"]].concat();
            jenkins.endpoint.post_fields(&parts, fields)?
        }
    };
    // One of its own of that name would come to mean both.
    let free = parameters.iter().all(|parameter| parameter.name != AT_ONCE.0);
    let outgoing = outgoing.query_if(AT_ONCE.0, free.then_some(AT_ONCE.1));
    let (status, received) = jenkins.order(outgoing).await.map_err(disabled)?;
    let item = received.header("location").and_then(names::item_at);
    let (outcome, pending) = match item {
        Some(item) => {
            // One that waits already and would be the same is the one, then; of what takes no parameters only its number
            // tells (trap 8).
            let joined =
                !jenkins.queued.is_new(&project, item) || waited == Some(item) || status == StatusCode::SEE_OTHER;
            let outcome = if joined {
                TriggerOutcome::Joined
            } else {
                TriggerOutcome::Pending
            };
            (outcome, Some(names::pending(&project, item)))
        }
        // Back to the job's page: something has decided that nothing is to be built.
        None if status == StatusCode::FOUND && leads_back(received.header("location"), &project) => {
            (TriggerOutcome::Filtered, None)
        }
        None => return Err(received.unusable("the answer does not say what waits in the queue")),
    };
    Ok(received.reply(Triggered {
        outcome,
        run: None,
        pending: pending.map(|pending| Resource::neutral_id(&request.instance, pending)),
    }))
}

/// Whether a redirect leads to the job's own page, as it is written or made whole by somebody between us.
fn leads_back(location: Option<&str>, project: &str) -> bool {
    location.is_some_and(|place| place == "." || names::project_at(place).as_deref() == Some(project))
}

/// The job that is meant, and its path: in a multibranch project, the branch's.
async fn startable(jenkins: &Jenkins, request: &Request<RunTrigger>) -> Result<(String, wire::Startable), Failure> {
    let project = request.native.to_string();
    let job = ask(jenkins, &project).await?;
    match (&request.input.branch, holds(&job)) {
        (None, false) => Ok((project, job)),
        (None, true) => {
            let sentence = "project holds jobs and is none: name one of them, or a branch where it has one for each";
            Err(Failure::invalid("project", sentence))
        }
        (Some(_), false) => {
            let sentence = "a job of this provider builds what it is configured to; only a project with a job for each \
                branch is asked for one";
            Err(Failure::unsupported_field("branch", sentence))
        }
        (Some(branch), true) => {
            let project = format!("{project}/{}", names::of_branch(branch));
            let job = ask(jenkins, &project).await.map_err(|failure| match failure.kind {
                Kind::NotFound => {
                    let mut missing = failure.saying("the project has no job for this branch (status 404)");
                    missing.field = Some(Arc::from("branch"));
                    missing
                }
                _ => failure,
            })?;
            Ok((project, job))
        }
    }
}

async fn ask(jenkins: &Jenkins, project: &str) -> Result<wire::Startable, Failure> {
    let parts = names::job("project", project)?;
    jenkins
        .endpoint
        .send(jenkins.tell(&parts, wire::STARTED)?)
        .await?
        .json()
}

/// Whether it holds jobs, and is none itself.
fn holds(job: &wire::Startable) -> bool {
    let class = job.class.rsplit('.').next().unwrap_or_default();
    job.color.is_none() && (job.jobs.is_some() || class.ends_with("Folder") || class.contains("MultiBranch"))
}

/// Holds what was given to what the job asks for.
pub fn check(parameters: &[wire::Parameter], given: &BTreeMap<String, String>) -> Result<(), Failure> {
    for (name, value) in given {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == *name) else {
            return Err(wrong(&unasked(parameters, name)));
        };
        let name = ci::shown(name);
        if let Some(choices) = parameter.choices().filter(|choices| !choices.contains(value)) {
            return Err(wrong(&format!(
                "{name} must be one of its choices: {}",
                ci::listed(choices)
            )));
        }
        match &*parameter.kind {
            FLAG if !matches!(&**value, "true" | "false") => {
                return Err(wrong(&format!("{name} must be true or false")));
            }
            "FileParameterDefinition" => {
                let sentence = format!("variables: {name} takes a file, which cannot be given here");
                return Err(Failure::unsupported_field("variables", sentence));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A fault of what was given. No value is told again, which may be a secret.
pub fn wrong(sentence: &str) -> Failure {
    Failure::invalid("variables", format!("variables: {sentence}"))
}

/// What is asked for instead of `name`.
fn unasked(parameters: &[wire::Parameter], name: &str) -> String {
    let name = ci::shown(name);
    match parameters {
        [] => format!("{name} is not asked for, and neither is anything else"),
        all => format!(
            "{name} is not asked for; these are: {}",
            ci::listed(all.iter().map(|one| &one.name))
        ),
    }
}

fn disabled(failure: Failure) -> Failure {
    match failure.kind {
        Kind::Conflict => {
            let mut disabled = failure.saying("the job is disabled (status 409)");
            disabled.field = Some(Arc::from("project"));
            disabled
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j3_what_the_job_does_not_ask_for_is_refused() {
        let parameters: Vec<wire::Parameter> = serde_json::from_str(
            r#"[{"name": "ENV", "type": "ChoiceParameterDefinition", "choices": ["test", "live"]},
                {"name": "DRY", "type": "BooleanParameterDefinition"},
                {"name": "NOTE", "type": "StringParameterDefinition"},
                {"name": "FILE", "type": "FileParameterDefinition"}]"#,
        )
        .expect("JSON");
        for (name, value, refused) in [
            ("ENV", "live", None),
            ("ENV", "moon", Some(Kind::InvalidInput)),
            ("DRY", "true", None),
            ("DRY", "yes", Some(Kind::InvalidInput)),
            ("NOTE", "", None),
            ("FILE", "planted", Some(Kind::Unsupported)),
            ("OTHER", "planted", Some(Kind::InvalidInput)),
        ] {
            let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let failure = check(&parameters, &given).err();
            assert_eq!(failure.as_ref().map(|failure| failure.kind), refused, "{name} {value}");
            assert!(failure.is_none_or(|failure| {
                let told = failure.message();
                failure.field.as_deref() == Some("variables") && told.contains(name) && !told.contains(value)
            }));
        }
        let told = |name: &str| {
            let given = BTreeMap::from([(name.to_owned(), "planted".to_owned())]);
            check(&parameters, &given).expect_err("refused").message().to_owned()
        };
        assert_eq!(told("ENV"), "variables: ENV must be one of its choices: test, live");
        assert_eq!(
            told("OTHER"),
            "variables: OTHER is not asked for; these are: ENV, DRY, NOTE, FILE"
        );
    }
}
