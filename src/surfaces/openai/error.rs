//! Refusals in the words of this dialect.
//!
//! Invariant: the status decides which error a client raises, so each kind of failure has the status of the error that its
//! users treat it as; what waiting does not help is never taken for a server that failed.

use http::StatusCode;
use serde::Serialize;

use super::super::dialect::served::Dialect;
use super::super::problem::Problem;
use super::super::request_id::RequestId;

#[derive(Serialize)]
struct Body<'a> {
    error: Told<'a>,
}

/// An error's own fields; `param` and `code` are there, and may be null.
#[derive(Serialize)]
pub struct Told<'a> {
    pub message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

/// What it is in this dialect.
pub fn told(problem: &Problem) -> Told<'_> {
    let (_, kind, code) = words(problem);
    Told {
        message: problem.detail(),
        r#type: kind,
        param: problem.field(),
        code: Some(code),
    }
}

/// The status, the type and the code.
fn words(problem: &Problem) -> (StatusCode, &'static str, &'static str) {
    const REQUEST: &str = "invalid_request_error";
    const SPENT: &str = "insufficient_quota";
    let own = problem.code();
    match own {
        "unauthenticated" => (StatusCode::UNAUTHORIZED, REQUEST, "invalid_api_key"),
        "forbidden" => (StatusCode::FORBIDDEN, "permission_error", own),
        "not_found" if problem.field() == Some("model") => (StatusCode::NOT_FOUND, REQUEST, "model_not_found"),
        "no_route" => (StatusCode::NOT_FOUND, REQUEST, "unknown_url"),
        "conflict" => (problem.status(), "conflict", own),
        "unsupported" => (StatusCode::BAD_REQUEST, REQUEST, "unsupported_parameter"),
        "rate_limited" => (StatusCode::TOO_MANY_REQUESTS, "requests", "rate_limit_exceeded"),
        "upstream_rate_limited" if problem.retryable() => {
            (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded")
        }
        "upstream_rate_limited" | "quota_exceeded" | "budget_exhausted" => {
            (StatusCode::TOO_MANY_REQUESTS, SPENT, SPENT)
        }
        "overloaded" => (StatusCode::SERVICE_UNAVAILABLE, "server_error", "overloaded"),
        "timeout" => (problem.status(), "timeout", "timeout"),
        _ if problem.status().is_server_error() => (problem.status(), "server_error", own),
        "precondition_failed" => (StatusCode::BAD_REQUEST, REQUEST, own),
        _ => (problem.status(), REQUEST, own),
    }
}

/// Its JSON.
pub fn json(problem: &Problem) -> Vec<u8> {
    serde_json::to_vec(&Body { error: told(problem) }).expect("texts under text keys always serialise")
}

/// This dialect.
pub struct OpenAi;

impl Dialect for OpenAi {
    const OWN: &'static str = "extensions.openai.";
    const VENDOR: &'static str = "openai";
    const BASE: &'static str = "/openai/v1";

    fn told(problem: &Problem, _id: &RequestId) -> (StatusCode, Vec<u8>) {
        (words(problem).0, json(problem))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use mosaic_actors::error::{Failure, Kind};

    use super::super::super::dialect::refused::Refused;
    use super::super::super::dialect::served::{of_model, refuse};
    use super::*;

    #[test]
    fn each_kind_has_the_status_of_the_error_that_it_is_treated_as() {
        for (kind, status, word, code) in [
            (Kind::InvalidInput, 400, "invalid_request_error", "invalid_input"),
            (Kind::Unauthenticated, 401, "invalid_request_error", "invalid_api_key"),
            (Kind::Forbidden, 403, "permission_error", "forbidden"),
            (Kind::NotFound, 404, "invalid_request_error", "not_found"),
            (Kind::Conflict, 409, "conflict", "conflict"),
            (Kind::Unsupported, 400, "invalid_request_error", "unsupported_parameter"),
            (Kind::RateLimited, 429, "requests", "rate_limit_exceeded"),
            (Kind::QuotaExceeded, 429, "insufficient_quota", "insufficient_quota"),
            (Kind::BudgetExhausted, 429, "insufficient_quota", "insufficient_quota"),
            (
                Kind::UpstreamRateLimited,
                429,
                "rate_limit_error",
                "rate_limit_exceeded",
            ),
            (Kind::Overloaded, 503, "server_error", "overloaded"),
            (Kind::CircuitOpen, 503, "server_error", "circuit_open"),
            (Kind::NoProvider, 503, "server_error", "no_provider"),
            (Kind::UpstreamFailed, 502, "server_error", "upstream_failed"),
            (Kind::UpstreamAuth, 502, "server_error", "upstream_auth"),
            (Kind::Timeout, 504, "timeout", "timeout"),
            (Kind::Internal, 500, "server_error", "internal"),
        ] {
            let refused = Refused::from(Failure::new(kind, "a sentence"));
            let response = refuse::<OpenAi>(&refused, &RequestId::of(&HeaderMap::new()));
            assert_eq!(response.status().as_u16(), status, "{kind}");
            let json: serde_json::Value = serde_json::from_slice(&json(&refused.problem)).expect("JSON");
            let expected =
                serde_json::json!({"error": {"message": "a sentence", "type": word, "param": null, "code": code}});
            assert_eq!(json, expected);
            // Nobody retries what cannot be had.
            let stops = response
                .headers()
                .get("x-should-retry")
                .is_some_and(|value| value == "false");
            assert_eq!(stops, !kind.retryable(), "{kind}");
        }
    }

    #[test]
    fn a_model_that_is_not_there_and_an_account_that_is_spent_are_told_so() {
        let missing = of_model::<OpenAi>(Failure::new(Kind::NotFound, "no such model"), |_| None);
        assert_eq!(words(&missing.into()).2, "model_not_found");
        let mut spent = Failure::new(Kind::UpstreamRateLimited, "no quota left");
        spent.retryable = false;
        assert_eq!(words(&spent.into()).2, "insufficient_quota");
        let own = of_model::<OpenAi>(Failure::unsupported_field("extensions.openai.seed", "x"), |_| None);
        assert_eq!(own.field.as_deref(), Some("seed"));
    }
}
