//! The jobs of runs, and what they printed.
//!
//! Invariant: the log of a running job can be read, as far as it has come.

use std::fmt::Write;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use serde_json::json;

use super::{Place, number, runs, words};
use crate::sandbox::ci::{Again, JobView, Run};
use crate::sandbox::gitea::problem::Problem;
use crate::sandbox::gitea::{Gitea, page};
use crate::sandbox::kit::query::Params;

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn of_run(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named, uri: Uri) -> Answer {
    let mut place = Place::of(&gitea, &owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    place.ci.read(&key, id, now)?;
    let run = place.project()?.run(id)?;
    let params = Params::of(&uri);
    let mut views: Vec<JobView<'_>> = run.latest().views().collect();
    if let Some(word) = params.get("status").filter(|word| !word.is_empty()) {
        let refused = || Problem::new(StatusCode::BAD_REQUEST, format!("Invalid status {word}"));
        words::asks_for(word, run.stage()).ok_or_else(refused)?;
        views.retain(|view| words::asks_for(word, view.stage()) == Some(true));
    }
    let shown = page::PAGING.slice(&uri, &views).iter();
    let shown: Vec<_> = shown.map(|view| place.job(run, *view)).collect::<Result<_, _>>()?;
    let body = Json(json!({ "jobs": shown, "total_count": views.len() })).into_response();
    Ok(page::wrapped(body, &gitea.instance.origin, &uri, views.len()))
}

pub(crate) async fn get(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = Place::of(&gitea, &owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    let run = place.project()?.job(id)?.0.id;
    place.ci.read(&key, run, now)?;
    let (run, view) = place.project()?.job(id)?;
    Ok(Json(place.job(run, view)?).into_response())
}

pub(crate) async fn rerun(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, run, id)): Path<(String, String, String, String)>,
) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    let (run, id) = (number(&run)?, number(&id)?);
    let of = place.project()?.run(run)?.latest();
    let at = of.views().find(|view| view.job.id == id).map(|view| view.place);
    let at = at.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "workflow job not found"))?;
    runs::again(&mut place, run, Again::Job(id))?;
    let run = place.project()?.run(run)?;
    let view = run.latest().views().nth(at).ok_or_else(Problem::not_found)?;
    Ok((StatusCode::CREATED, Json(place.job(run, view)?)).into_response())
}

pub(crate) async fn log(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let (run, view) = place.project()?.job(number(&id)?)?;
    let text = text(&place, run, view)?;
    if text.is_empty() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "job is not started"));
    }
    let name = format!("attachment; filename=\"{}-{}.log\"", view.job.plan.name, view.job.id);
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// As Gitea writes a log: the time before each line.
fn text(place: &Place<'_>, run: &Run, view: JobView<'_>) -> Result<String, Problem> {
    let mut text = String::new();
    for line in run.log(view, &place.ci.instance, &place.project()?.told_secrets()) {
        let time = line.at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z");
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{time} {}", line.text);
    }
    Ok(text)
}
