//! What runs printed.
//!
//! Invariant: the answer is a way into the store, also where nothing lies there yet.

use std::fmt::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};

use super::super::GitHub;
use super::super::answer::number;
use super::super::problem::Problem;
use super::Place;
use super::store::Stored;
use crate::sandbox::ci::{JobView, Line, Refused, Run, Stream, zip};

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn of_job(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let place = github.place(&owner, &name)?;
    let (run, view) = place.project()?.job(number(&id)?)?;
    if run.logs_deleted {
        return Err(Problem::not_found());
    }
    // It is written when the job is over, and never where the job was not begun.
    let lines = lines(&place, run, view)?;
    let written = view.stage().is_over() && !lines.is_empty();
    let stored = written.then(|| Stored::text("job-logs.txt", text(&lines)));
    Ok(github.store().redirect(&github.instance.origin, stored))
}

pub(crate) async fn of_run(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let place = github.place(&owner, &name)?;
    let run = place.project()?.run(number(&id)?)?;
    if run.logs_deleted {
        return Err(Problem::not_found());
    }
    let mut files: Vec<(String, Bytes)> = Vec::new();
    for view in run.latest().views() {
        let (lines, job) = (lines(&place, run, view)?, view.job.plan.name);
        if lines.is_empty() {
            continue;
        }
        files.push((format!("{}_{job}.txt", view.place), text(&lines)));
        for step in view.steps() {
            let of_step: Vec<_> = lines.iter().filter(|line| line.step == step.number).cloned().collect();
            files.push((format!("{job}/{}_{}.txt", step.number, step.name), text(&of_step)));
        }
    }
    let written = run.stage().is_over() && !files.is_empty();
    let stored = written.then(|| {
        let archive = zip(files.iter().map(|(path, content)| (path.as_str(), content)));
        Stored::zip(format!("logs_{}.zip", run.id), archive)
    });
    Ok(github.store().redirect(&github.instance.origin, stored))
}

pub(crate) async fn delete(State(github): State<Arc<GitHub>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let key = place.key.clone();
    let deleted = place.ci.delete_logs(&key, number(&id)?);
    deleted.map_err(|refused| match refused {
        Refused::NotOver => Problem::new(StatusCode::FORBIDDEN, "The logs of a run that is not completed stay."),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn lines(place: &Place<'_>, run: &Run, view: JobView<'_>) -> Result<Vec<Line>, Problem> {
    Ok(run.log(view, &place.ci.instance, &place.project()?.told_secrets()))
}

/// As GitHub writes a log: a mark at its beginning, the time before each line, and colours for the eye.
fn text(lines: &[Line]) -> Bytes {
    let mut text = String::from("\u{feff}");
    for Line {
        at, stream, text: line, ..
    } in lines
    {
        let time = at.strftime("%Y-%m-%dT%H:%M:%S.0000000Z");
        let shown = match (stream, line.strip_prefix("+ ")) {
            (Stream::Out, Some(command)) => format!("\u{1b}[36;1m{command}\u{1b}[0m"),
            (Stream::Err, _) if line.starts_with("make: ***") => format!("##[error]{line}"),
            _ => line.clone(),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{time} {shown}");
    }
    text.into()
}
