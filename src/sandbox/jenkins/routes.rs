//! Who answers which request, and the answers about Jenkins itself.
//!
//! Invariant: what is not named here is not there, and what changes something wants a POST.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State as Of;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::json;

use super::asked::{Asked, plain_json, redirect};
use super::gate::{CRUMB_FIELD, Caller};
use super::problem::{Problem, escaped, html};
use super::session::Sessions;
use super::{Answer, Jenkins, builds, inputs, queue, stage_view, trigger};
use crate::sandbox::kit::vendor::Route;

/// The release that is played: it answers 400 where older ones failed with 500.
const VERSION: &str = "2.528.3";

type Handler = fn(&Jenkins, &Asked) -> Answer;

pub(crate) async fn answer(Of(jenkins): Of<Arc<Jenkins>>, request: Request<Body>) -> Response<Body> {
    let answer = match Asked::of(&jenkins, request).await {
        Ok(asked) => asked.answer(&jenkins),
        Err(problem) => Err(problem),
    };
    signed(answer.unwrap_or_else(Problem::into_answer))
}

/// With what stands on every answer.
pub(crate) fn signed(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-jenkins"), HeaderValue::from_static(VERSION));
    let sniff = HeaderName::from_static("x-content-type-options");
    headers.insert(sniff, HeaderValue::from_static("nosniff"));
    response
}

impl Asked {
    fn answer(&self, jenkins: &Jenkins) -> Answer {
        let (route, writes, handler) = self.route().ok_or_else(Problem::not_found)?;
        let answer = match writes && self.method != Method::POST {
            true => Err(Problem::post_required()),
            false => handler(jenkins, self),
        };
        let mut response = answer.unwrap_or_else(Problem::into_answer);
        response.extensions_mut().insert(Route(route));
        Ok(response)
    }

    /// The route, whether only a POST may take it, and who answers.
    fn route(&self) -> Option<(&'static str, bool, Handler)> {
        let rest = self.place.rest();
        let route: (&'static str, bool, Handler) = match (self.place.job.is_empty(), rest.as_slice()) {
            (true, []) => ("/", false, page),
            (true, ["login"]) => ("/login", false, page),
            (true, ["logout"]) => ("/logout", false, log_out),
            (true, ["api", "json"]) => ("/api/json", false, top),
            (true, ["whoAmI", "api", "json"]) => ("/whoAmI/api/json", false, who_am_i),
            (true, ["me", "api", "json"]) => ("/me/api/json", false, me),
            (true, ["crumbIssuer", "api", "json"]) => ("/crumbIssuer/api/json", false, crumb),
            (true, ["queue", "api", "json"]) => ("/queue/api/json", false, queue::list),
            (true, ["queue", "item", _, "api", "json"]) => ("/queue/item/{number}/api/json", false, queue::item),
            (true, ["queue", "cancelItem"]) => ("/queue/cancelItem", true, queue::cancel),
            (true, ["quietDown"]) => ("/quietDown", true, quiet_down),
            (true, ["cancelQuietDown"]) => ("/cancelQuietDown", true, quiet_down),
            (true, _) => return None,
            (false, []) => ("/job/{name}", false, job_page),
            (false, ["api", "json"]) => ("/job/{name}/api/json", false, job),
            (false, ["build"]) => ("/job/{name}/build", true, trigger::build),
            (false, ["buildWithParameters"]) => {
                ("/job/{name}/buildWithParameters", true, trigger::build_with_parameters)
            }
            (false, ["wfapi", "runs"]) => ("/job/{name}/wfapi/runs", false, stage_view::runs),
            (false, [_, "wfapi", "describe"]) => ("/job/{name}/{number}/wfapi/describe", false, stage_view::describe),
            (false, [_, "wfapi", "pendingInputActions"]) => {
                ("/job/{name}/{number}/wfapi/pendingInputActions", false, inputs::pending)
            }
            (false, [_, "wfapi", "inputSubmit"]) => ("/job/{name}/{number}/wfapi/inputSubmit", true, inputs::submit),
            (false, [_, "input", _, "proceedEmpty" | "abort"]) => {
                ("/job/{name}/{number}/input/{id}/proceedEmpty", true, inputs::settle)
            }
            (false, [_]) => ("/job/{name}/{number}", false, builds::page),
            (false, [_, "api", "json"]) => ("/job/{name}/{number}/api/json", false, builds::get),
            (false, [_, "stop" | "term" | "kill"]) => ("/job/{name}/{number}/stop", true, builds::stop),
            (false, [_, "doDelete"]) => ("/job/{name}/{number}/doDelete", true, builds::delete),
            (false, [_, "consoleText"]) => ("/job/{name}/{number}/consoleText", false, builds::console),
            (false, [_, "logText", "progressiveText"]) => (
                "/job/{name}/{number}/logText/progressiveText",
                false,
                builds::progressive,
            ),
            (false, [_, "artifact", ..]) => ("/job/{name}/{number}/artifact/{relativePath}", false, builds::artifact),
            (false, _) => return None,
        };
        Some(route)
    }
}

fn top(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    asked.json(&state, |view, ask| view.top(ask))
}

/// A job or a folder. What waits for the job moves on.
fn job(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let name = asked.place.full_name();
    state.read_job(&name, asked.now_ms);
    let item = state.items.get(&name).ok_or_else(Problem::not_found)?;
    asked.json(&state, |view, ask| view.item(item, ask))
}

fn job_page(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let state = jenkins.state();
    let item = state
        .items
        .get(&asked.place.full_name())
        .ok_or_else(Problem::not_found)?;
    if !asked.place.slash {
        let path = super::place::job_path(&item.full_name);
        return redirect(&format!("{}{path}", asked.root));
    }
    let title = escaped(&item.full_name);
    Ok(html(
        StatusCode::OK,
        format!("<html><head><title>{title}</title></head><body/></html>\n"),
    ))
}

fn page(_: &Jenkins, _: &Asked) -> Answer {
    Ok(html(
        StatusCode::OK,
        "<html><head><title>Jenkins</title></head><body/></html>\n".to_owned(),
    ))
}

fn who_am_i(_: &Jenkins, asked: &Asked) -> Answer {
    let known = asked.caller != Caller::Anonymous;
    Ok(plain_json(&json!({
        "_class": "hudson.security.WhoAmI",
        "anonymous": !known,
        "authenticated": true,
        "authorities": if known { json!(["authenticated"]) } else { json!(["anonymous"]) },
        "details": null,
        "name": asked.caller.user(),
    })))
}

fn me(_: &Jenkins, asked: &Asked) -> Answer {
    let user = asked.caller.user();
    Ok(plain_json(&json!({
        "_class": "hudson.model.User",
        "absoluteUrl": format!("{}user/{user}", asked.root),
        "description": null,
        "fullName": user,
        "id": user,
        "property": [],
    })))
}

/// A crumb for the session, which begins here unless there is one.
fn crumb(jenkins: &Jenkins, asked: &Asked) -> Answer {
    let mut state = jenkins.state();
    let session = asked.session.clone().unwrap_or_else(|| state.sessions.begin());
    let mut response = plain_json(&json!({
        "_class": "hudson.security.csrf.DefaultCrumbIssuer",
        "crumb": state.sessions.crumb(&session),
        "crumbRequestField": CRUMB_FIELD,
    }));
    if asked.session.is_none() {
        let cookie = HeaderValue::from_str(&Sessions::cookie(&session));
        let cookie = cookie.map_err(|_| Problem::of(StatusCode::INTERNAL_SERVER_ERROR))?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

fn log_out(jenkins: &Jenkins, asked: &Asked) -> Answer {
    if let Some(session) = &asked.session {
        jenkins.state().sessions.end(session);
    }
    redirect(&asked.root)
}

fn quiet_down(jenkins: &Jenkins, asked: &Asked) -> Answer {
    jenkins.state().quieting = asked.place.rest[0] == "quietDown";
    redirect(&asked.root)
}
