//! A request, read: the place that it leads to, who asks, and what of the answer is asked for.
//!
//! Invariant: nobody but the login and who-am-I answers who has not said who they are.

use std::time::SystemTime;

use axum::body::{Body, to_bytes};
use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;
use url::form_urlencoded::parse;

use super::gate::Caller;
use super::objects::View;
use super::place::Place;
use super::problem::Problem;
use super::state::State;
use super::tree::{Ask, Tree};
use super::{Answer, Jenkins};

const FORM: &[u8] = b"application/x-www-form-urlencoded";
/// The largest body, which the server has bounded already.
const MAX_BODY: usize = 1 << 20;

/// A request, read.
pub(crate) struct Asked {
    pub place: Place,
    pub method: Method,
    pub headers: HeaderMap,
    /// The query's and the form's.
    pub parameters: Vec<(String, String)>,
    pub caller: Caller,
    pub now_ms: i64,
    /// Jenkins' address as it is configured, with a slash at its end.
    pub root: String,
    /// The same as the request's host has it: behind a proxy another.
    pub seen_root: String,
    /// The session that it named.
    pub session: Option<String>,
}

impl Asked {
    pub async fn of(jenkins: &Jenkins, request: Request<Body>) -> Result<Self, Problem> {
        let place = Place::of(request.uri().path()).ok_or_else(Problem::not_found)?;
        let (session, crumb) = {
            let state = jenkins.state();
            (
                state.sessions.find(request.headers()),
                state.sessions.crumb_of(request.headers()),
            )
        };
        let caller = jenkins.accounts.caller(request.headers(), session.is_some())?;
        if let (Some(quota), false) = (&jenkins.quota, caller == Caller::Anonymous) {
            quota.take(1, SystemTime::now()).map_err(Problem::rate_limited)?;
        }
        let open = matches!(place.rest().as_slice(), ["login"] | ["whoAmI", "api", "json"]) && place.job.is_empty();
        caller.may_write(&request, crumb.as_deref())?;
        if caller == Caller::Anonymous && !open {
            return Err(Problem::anonymous());
        }
        let (head, body) = request.into_parts();
        let too_large = |_| Problem::of(StatusCode::PAYLOAD_TOO_LARGE);
        let body = to_bytes(body, MAX_BODY).await.map_err(too_large)?;
        let mut parameters: Vec<_> = parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        let kind = head.headers.get(header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(FORM)) {
            parameters.extend(parse(&body).into_owned());
        }
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let seen = host.map_or_else(|| jenkins.instance.origin.clone(), |host| format!("http://{host}"));
        Ok(Self {
            root: format!("{}{}/", jenkins.instance.origin, place.prefix),
            seen_root: format!("{seen}{}/", place.prefix),
            place,
            method: head.method,
            headers: head.headers,
            parameters,
            caller,
            now_ms: Timestamp::now().as_millisecond(),
            session,
        })
    }

    /// A parameter of the query or of the form.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// An object, as much of it as the query asks for.
    pub fn json(&self, state: &State, object: impl FnOnce(View<'_>, Ask<'_>) -> Value) -> Answer {
        let malformed = |reason| Problem::oops(format!("Malformed tree expression: {reason}"));
        let tree = self.parameter("tree").map(Tree::parse).transpose().map_err(malformed)?;
        let depth = self.parameter("depth").and_then(|depth| depth.parse().ok());
        let view = View {
            state,
            root: &self.root,
        };
        Ok(plain_json(&object(view, Ask::of(tree.as_ref(), depth))))
    }
}

pub(crate) fn redirect(to: &str) -> Answer {
    let to = HeaderValue::from_str(to).map_err(|_| Problem::of(StatusCode::BAD_REQUEST))?;
    Ok((StatusCode::FOUND, [(header::LOCATION, to)]).into_response())
}

pub(crate) fn plain_json(value: &Value) -> Response<Body> {
    let kind = HeaderValue::from_static("application/json;charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], value.to_string()).into_response()
}
