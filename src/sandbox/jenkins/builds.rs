//! One build: what it is, how it is stopped and deleted, its log and its files.
//!
//! Invariant: a build moves on when it is read itself, or its growing log; never by a list that it stands in.

use axum::body::Body;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::asked::{Asked, redirect};
use super::objects::permalink;
use super::problem::{Problem, html};
use super::state::{Build, Item, Kind, State};
use super::{Answer, Jenkins, artifacts, log};

/// The job and the build's number that a request names, by number or by permalink.
fn find<'a>(state: &'a State, asked: &Asked) -> Result<(&'a Item, u64), Problem> {
    let item = state
        .items
        .get(&asked.place.full_name())
        .ok_or_else(Problem::not_found)?;
    let name = &asked.place.rest[0];
    let build = match name.parse() {
        Ok(number) => item.build(number),
        Err(_) => permalink(item, name),
    };
    build.map(|build| (item, build.number)).ok_or_else(Problem::not_found)
}

pub(crate) fn find_mut<'a>(state: &'a mut State, asked: &Asked) -> Result<&'a mut Build, Problem> {
    let (_, number) = find(state, asked)?;
    let item = state.items.get_mut(&asked.place.full_name());
    item.and_then(|item| item.build_mut(number))
        .ok_or_else(Problem::not_found)
}

pub(crate) fn found<'a>(state: &'a State, asked: &Asked) -> Result<(&'a Item, &'a Build), Problem> {
    let (item, number) = find(state, asked)?;
    item.build(number)
        .map(|build| (item, build))
        .ok_or_else(Problem::not_found)
}

pub(crate) fn get(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    find_mut(&mut state, asked)?.progress.read(asked.now_ms);
    let (item, build) = found(&state, asked)?;
    asked.json(&state, |view, ask| view.build(item, build, ask))
}

pub(crate) fn page(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let (item, build) = found(&state, asked)?;
    let title = super::problem::escaped(&format!("{} #{}", item.full_name, build.number));
    Ok(html(
        StatusCode::OK,
        format!("<html><head><title>{title}</title></head><body/></html>\n"),
    ))
}

/// `stop`, and for Pipelines `term` and `kill`. All are answered with a way back to where one came from.
pub(crate) fn stop(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let (item, _) = find(&state, asked)?;
    let strength = asked.place.rest[1].as_str();
    if item.kind != Kind::Pipeline && strength != "stop" {
        return Err(Problem::not_found());
    }
    let build = find_mut(&mut state, asked)?;
    match strength {
        "kill" => build.progress.kill(asked.now_ms),
        _ => build.progress.stop(),
    }
    let back = asked.headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    redirect(back.unwrap_or("."))
}

pub(crate) fn delete(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let (item, number) = find(&state, asked)?;
    let back = format!("{}{}", asked.root, super::place::job_path(&item.full_name));
    if let Some(item) = state.items.get_mut(&asked.place.full_name()) {
        item.builds.retain(|build| build.number != number);
    }
    redirect(&back)
}

pub(crate) fn console(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let (item, build) = found(&state, asked)?;
    let stored = log::stored(build, &item.full_name, &jenkins.instance.name);
    Ok(text(log::plain(&stored)))
}

/// The log from a byte of the stored file on. The answer tells where the next one begins, which its length does not.
pub(crate) fn progressive(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let start = asked
        .parameter("start")
        .and_then(|start| start.parse().ok())
        .unwrap_or_default();
    find_mut(&mut state, asked)?.progress.read(asked.now_ms);
    let (item, build) = found(&state, asked)?;
    let stored = log::stored(build, &item.full_name, &jenkins.instance.name);
    // Browsers of old took only both characters for a line's end.
    let shown = log::plain(&log::from(&stored, start)).replace('\n', "\r\n");
    let mut response = text(shown);
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-text-size"), HeaderValue::from(stored.len()));
    if build.progress.is_in_progress() {
        headers.insert(HeaderName::from_static("x-more-data"), HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(crate) fn artifact(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let (_, build) = found(&state, asked)?;
    artifacts::answer(build, &jenkins.instance.name, artifacts::path(&asked.place))
}

fn text(text: String) -> Response<Body> {
    let kind = HeaderValue::from_static("text/plain;charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
