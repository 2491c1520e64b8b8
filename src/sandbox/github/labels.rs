//! Labels and milestones of a repository, and the labels of an issue.
//!
//! Invariant: an issue carries only labels that its repository has; what is asked for and is not there is made.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Named, created, number};
use super::body::Input;
use super::issues::{names, pushes};
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Label, Milestone, PLAIN, Refused, seconds};
use crate::sandbox::kit::query::Params;

/// The longest text about a label, in characters.
const MAX_ABOUT: usize = 100;

type At = Path<(String, String, String)>;
type In = Path<(String, String)>;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): In,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let links = github.links();
    Ok(
        page::PAGING.answer(&github.instance.origin, &uri, &repo.labels, |label| {
            links.label(repo, label)
        }),
    )
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): In,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Label")?;
    let color = input.text("color")?.unwrap_or(PLAIN);
    if color.len() != 6 || !color.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(input.wrong("color"));
    }
    let about = input.text("description")?.unwrap_or_default();
    if about.chars().count() > MAX_ABOUT {
        return Err(input.wrong("description"));
    }
    let label = Label {
        id: 0,
        name: input.required("name")?.to_owned(),
        color: color.to_ascii_lowercase(),
        description: about.to_owned(),
    };
    let mut state = github.state();
    let repo = state.named(&owner, &name)?.id;
    let label = state.create_label(repo, label).map_err(|reason| match reason {
        Refused::Exists(_) => Problem::field("Label", "name", "already_exists"),
        other => other.into(),
    })?;
    Ok(created(github.links().label(state.by_id(repo)?, &label)))
}

/// Those of an issue.
pub(crate) async fn of_issue(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, index)): At,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let issue = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().labels_of(repo, issue)).into_response())
}

/// Puts these in the place of those that an issue carries.
pub(crate) async fn replace(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, index)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Issue")?;
    let labels = names(input.value("labels"), "labels")?;
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    let index = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?.number;
    if !pushes(repo) {
        return Err(Problem::of(StatusCode::FORBIDDEN));
    }
    let repo = repo.id;
    state.ensure_labels(repo, &labels)?;
    state.mark_issue(repo, index, Some(labels), None)?;
    let repo = state.by_id(repo)?;
    let issue = repo.issue(index).ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().labels_of(repo, issue)).into_response())
}

pub(crate) async fn clear(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, index)): At,
) -> Result<StatusCode, Problem> {
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    let index = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?.number;
    let repo = repo.id;
    state.mark_issue(repo, index, Some(Vec::new()), None)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn milestones(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): In,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let open = match params.get("state").unwrap_or("open") {
        "open" => Some(true),
        "closed" => Some(false),
        "all" => None,
        other => return Err(Problem::invalid("Milestone", "state", other)),
    };
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let asked = |milestone: &&Milestone| open.is_none_or(|open| milestone.open == open);
    let milestones: Vec<_> = repo.milestones.iter().filter(asked).collect();
    let links = github.links();
    Ok(
        page::PAGING.answer(&github.instance.origin, &uri, &milestones, |milestone| {
            links.milestone(repo, milestone)
        }),
    )
}

pub(crate) async fn create_milestone(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): In,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Milestone")?;
    let title = input.required("title")?.to_owned();
    let due_on = match input.text("due_on")? {
        None => None,
        Some(text) => Some(in_california(text).ok_or_else(|| input.wrong("due_on"))?),
    };
    let about = match input.value("description") {
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let mut state = github.state();
    let repo = state.named(&owner, &name)?.id;
    let made = state.create_milestone(repo, title, about, due_on);
    let made = made.map_err(|reason| match reason {
        Refused::Exists(_) => Problem::field("Milestone", "title", "already_exists"),
        other => other.into(),
    })?;
    Ok(created(github.links().milestone(state.by_id(repo)?, &made)))
}

/// The moment at which the day begins, in California, that a moment is on there. The clock there is eight hours behind;
/// summers are left out.
fn in_california(text: &str) -> Option<String> {
    const BEHIND: i64 = 8 * 3600;
    let moment: jiff::Timestamp = seconds(text)?.parse().ok()?;
    let there = moment.checked_sub(jiff::SignedDuration::from_secs(BEHIND)).ok()?;
    Some(format!("{}T08:00:00Z", there.strftime("%Y-%m-%d")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_california() {
        for (text, kept) in [
            ("2026-03-01T00:00:00Z", Some("2026-02-28T08:00:00Z")),
            ("2026-03-01T12:00:00Z", Some("2026-03-01T08:00:00Z")),
            ("2026-03-01", None),
        ] {
            assert_eq!(in_california(text).as_deref(), kept, "{text}");
        }
    }
}
