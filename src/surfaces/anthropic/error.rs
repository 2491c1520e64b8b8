//! Refusals in the words of this dialect.
//!
//! Invariant: a client raises by the status and tells the type; both say the same.

use http::{HeaderMap, HeaderName, StatusCode};
use serde::Serialize;

use super::super::dialect::served::Dialect;
use super::super::problem::Problem;
use super::super::request_id::RequestId;

/// By which clients of this dialect find the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    error: Told<'a>,
    request_id: &'a str,
}

/// An error's own fields.
#[derive(Serialize)]
pub struct Told<'a> {
    r#type: &'static str,
    message: &'a str,
}

/// What it is in this dialect.
pub fn told(problem: &Problem) -> Told<'_> {
    Told {
        r#type: words(problem).1,
        message: problem.detail(),
    }
}

/// The status and the type. Only here there is a status for a server that is full.
fn words(problem: &Problem) -> (StatusCode, &'static str) {
    let full = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    const REQUEST: &str = "invalid_request_error";
    let status = problem.status();
    match problem.code() {
        "budget_exhausted" => (StatusCode::PAYMENT_REQUIRED, "billing_error"),
        "unsupported" | "precondition_failed" => (StatusCode::BAD_REQUEST, REQUEST),
        "overloaded" | "circuit_open" | "no_provider" => (full, "overloaded_error"),
        "payload_too_large" => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
        _ => match status.as_u16() {
            401 => (status, "authentication_error"),
            403 => (status, "permission_error"),
            404 => (status, "not_found_error"),
            409 => (status, "conflict_error"),
            429 => (status, "rate_limit_error"),
            504 => (status, "timeout_error"),
            500.. => (status, "api_error"),
            _ => (status, REQUEST),
        },
    }
}

/// Its JSON.
pub fn json(problem: &Problem, id: &RequestId) -> Vec<u8> {
    let body = Body {
        r#type: "error",
        error: told(problem),
        request_id: id.text(),
    };
    serde_json::to_vec(&body).expect("texts under text keys always serialise")
}

/// This dialect.
pub struct Anthropic;

impl Dialect for Anthropic {
    const OWN: &'static str = "extensions.anthropic.";
    const VENDOR: &'static str = "anthropic";
    const BASE: &'static str = "/anthropic";

    fn told(problem: &Problem, id: &RequestId) -> (StatusCode, Vec<u8>) {
        (words(problem).0, json(problem, id))
    }

    fn mark(headers: &mut HeaderMap, id: &RequestId) {
        headers.insert(REQUEST_ID, id.header());
    }
}

#[cfg(test)]
mod tests {
    use mosaic_actors::error::{Failure, Kind};

    use super::super::super::dialect::refused::Refused;
    use super::super::super::dialect::served::refuse;
    use super::super::super::problem::Fault;
    use super::*;

    #[test]
    fn each_kind_has_the_status_and_the_type_that_clients_know_it_by() {
        for (kind, status, word) in [
            (Kind::InvalidInput, 400, "invalid_request_error"),
            (Kind::Unsupported, 400, "invalid_request_error"),
            (Kind::Unauthenticated, 401, "authentication_error"),
            (Kind::BudgetExhausted, 402, "billing_error"),
            (Kind::Forbidden, 403, "permission_error"),
            (Kind::NotFound, 404, "not_found_error"),
            (Kind::Conflict, 409, "conflict_error"),
            (Kind::RateLimited, 429, "rate_limit_error"),
            (Kind::QuotaExceeded, 429, "rate_limit_error"),
            (Kind::UpstreamRateLimited, 429, "rate_limit_error"),
            (Kind::Internal, 500, "api_error"),
            (Kind::UpstreamFailed, 502, "api_error"),
            (Kind::Timeout, 504, "timeout_error"),
            (Kind::Overloaded, 529, "overloaded_error"),
            (Kind::CircuitOpen, 529, "overloaded_error"),
            (Kind::NoProvider, 529, "overloaded_error"),
        ] {
            let refused = Refused::from(Failure::new(kind, "a sentence"));
            let id = RequestId::of(&HeaderMap::new());
            let response = refuse::<Anthropic>(&refused, &id);
            assert_eq!(response.status().as_u16(), status, "{kind}");
            assert_eq!(response.headers()[REQUEST_ID], id.header());
            let json: serde_json::Value = serde_json::from_slice(&json(&refused.problem, &id)).expect("JSON");
            let error = serde_json::json!({"type": word, "message": "a sentence"});
            assert_eq!(
                json,
                serde_json::json!({"type": "error", "error": error, "request_id": &**id.text()})
            );
            let stops = response
                .headers()
                .get("x-should-retry")
                .is_some_and(|value| value == "false");
            assert_eq!(stops, !kind.retryable(), "{kind}");
        }
        let large = Problem::fault(Fault::PayloadTooLarge, "x");
        assert_eq!(words(&large), (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"));
    }
}
