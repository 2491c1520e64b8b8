//! The control endpoint of a server: set and clear faults, read what arrived.
//!
//! It is no part of the vendor's namespace: its paths start with `/_sandbox`, it wants its own header, no fault
//! hits it, and nothing counts it. The header also keeps web pages out: a browser does not send it across origins.
//!
//! Invariant: nothing here is reachable without the server's token in `x-sandbox-token`.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::count::Requests;
use super::fault::{Fault, FaultError};
use super::fault_table::FaultId;
use super::state::Server;
use crate::wording::{self, Form};

/// The header that carries the server's token.
pub const TOKEN_HEADER: &str = "x-sandbox-token";
const ROOT: &str = "/_sandbox/";

/// Whether a path belongs to the control endpoint.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with(ROOT)
}

#[derive(Serialize)]
struct State<'a> {
    server: &'a str,
    vendor: &'a str,
    base_url: &'a str,
    created: usize,
    requests: Requests,
}

pub(crate) fn answer(server: &Server, request: &Request<Bytes>) -> Response<Body> {
    let offered = request
        .headers()
        .get(TOKEN_HEADER)
        .and_then(|value| value.to_str().ok());
    if !offered.is_some_and(|token| server.instance.accepts(token)) {
        return problem(
            StatusCode::FORBIDDEN,
            "the header x-sandbox-token must carry this server's token",
        );
    }
    let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
    match (request.method(), path.split_once('/').unwrap_or((path, ""))) {
        (&Method::GET, ("state", "")) => json_answer(StatusCode::OK, &state(server)),
        (&Method::GET, ("faults", "")) => json_answer(StatusCode::OK, &server.faults().list()),
        (&Method::POST, ("faults", "")) => add(server, request.body()),
        (&Method::DELETE, ("faults", "")) => {
            server.faults().clear();
            empty(StatusCode::NO_CONTENT)
        }
        (&Method::DELETE, ("faults", id)) => match id.parse().map(FaultId) {
            Ok(id) if server.faults().remove(id) => empty(StatusCode::NO_CONTENT),
            _ => problem(StatusCode::NOT_FOUND, "there is no such fault"),
        },
        _ => problem(
            StatusCode::NOT_FOUND,
            "known are: GET state; GET, POST, DELETE faults; DELETE faults/{id}",
        ),
    }
}

fn state(server: &Server) -> State<'_> {
    State {
        server: &server.name,
        vendor: server.vendor_name,
        base_url: &server.base_url,
        created: server.vendor.created(),
        requests: server.requests().clone(),
    }
}

fn add(server: &Server, body: &Bytes) -> Response<Body> {
    let fault: Fault = match serde_json::from_slice(body) {
        Ok(fault) => fault,
        Err(error) => {
            let wrong = wording::wrong(Form::Json, ".", &error.to_string());
            return problem(StatusCode::UNPROCESSABLE_ENTITY, &wrong.sentence("the fault"));
        }
    };
    match server.faults().add(fault) {
        Ok(id) => json_answer(StatusCode::CREATED, &json!({ "id": id })),
        Err(error @ FaultError::Invalid { .. }) => problem(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string()),
        Err(error @ FaultError::TooMany) => problem(StatusCode::CONFLICT, &error.to_string()),
    }
}

fn problem(status: StatusCode, message: &str) -> Response<Body> {
    json_answer(status, &json!({ "error": message }))
}

fn json_answer(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // These types hold only strings, numbers and maps with string keys.
    let body = serde_json::to_vec(value).expect("plain data always serialises");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
