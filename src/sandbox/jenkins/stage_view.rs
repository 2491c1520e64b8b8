//! The stage view: a plugin's look at a Pipeline's builds, whose words are not those of the core.
//!
//! Invariant: what is no Pipeline has none, and to look at a build moves nothing.

use serde_json::{Value, json};

use super::asked::{Asked, plain_json};
use super::builds::found;
use super::place::job_path;
use super::problem::Problem;
use super::stage::Ending;
use super::state::{Build, Item, Kind};
use super::{Answer, Jenkins};

/// The most builds of a job that it tells of: ten, and the one that shows that there are more.
const MOST: usize = 11;

pub(crate) fn runs(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let item = state.items.get(&asked.place.full_name());
    let item = item.filter(|item| item.kind == Kind::Pipeline);
    let item = item.ok_or_else(Problem::not_found)?;
    let since = asked.parameter("since").map(str::trim);
    let mut told = Vec::new();
    for build in item.builds.iter().rev().take(MOST) {
        told.push(described(asked, item, build));
        if since == Some(&name(build)) {
            break;
        }
    }
    Ok(plain_json(&told.into()))
}

pub(crate) fn describe(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let (item, build) = of_pipeline(found(&state, asked)?)?;
    Ok(plain_json(&described(asked, item, build)))
}

/// The build of a Pipeline; others have nothing of the plugin's.
pub(crate) fn of_pipeline<'a>((item, build): (&'a Item, &'a Build)) -> Result<(&'a Item, &'a Build), Problem> {
    match item.kind {
        Kind::Pipeline => Ok((item, build)),
        _ => Err(Problem::not_found()),
    }
}

/// The path of a build, as the plugin writes it: without a host.
pub(crate) fn path(asked: &Asked, item: &Item, build: &Build) -> String {
    format!("{}/{}{}/", asked.place.prefix, job_path(&item.full_name), build.number)
}

fn name(build: &Build) -> String {
    format!("#{}", build.number)
}

fn described(asked: &Asked, item: &Item, build: &Build) -> Value {
    let path = path(asked, item, build);
    let progress = &build.progress;
    let status = match progress.ending() {
        _ if progress.is_paused() => "PAUSED_PENDING_INPUT",
        None => "IN_PROGRESS",
        Some(Ending::Success) => "SUCCESS",
        Some(Ending::Unstable) => "UNSTABLE",
        Some(Ending::Failure) => "FAILED",
        Some(Ending::NotBuilt) => "NOT_EXECUTED",
        Some(Ending::Aborted) => "ABORTED",
    };
    let mut links = json!({ "self": { "href": format!("{path}wfapi/describe") } });
    if progress.is_paused() {
        links["pendingInputActions"] = json!({ "href": format!("{path}wfapi/pendingInputActions") });
        links["nextPendingInputAction"] = json!({ "href": format!("{path}wfapi/nextPendingInputAction") });
    }
    let ended_ms = if progress.ended_ms > 0 {
        progress.ended_ms
    } else {
        asked.now_ms
    };
    json!({
        "_links": links,
        "id": build.number.to_string(),
        "name": name(build),
        "status": status,
        "startTimeMillis": progress.started_ms,
        "endTimeMillis": ended_ms,
        "durationMillis": (ended_ms - progress.started_ms).max(0),
        "queueDurationMillis": 0,
        "pauseDurationMillis": 0,
        "stages": [],
    })
}
