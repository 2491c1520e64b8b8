//! The REST surface over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod attributes;
mod bad_input;
mod batch;
mod conditional;
mod explain;
mod streams;

use serde_json::Value;

/// Sends a request that must be refused, and checks all that every problem has.
pub async fn refused(request: reqwest::RequestBuilder, status: u16, what: &str) -> Value {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), status, "{what}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{what}");
    let id = response.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
    let problem: Value = response.json().await.expect("a problem");
    assert_eq!(problem["request_id"], id, "{what}");
    assert_eq!(problem["status"], status, "{what}");
    let code = problem["code"].as_str().expect("a code");
    assert_eq!(problem["type"], format!("/docs/errors/{code}"), "{what}");
    assert!(!problem["detail"].as_str().expect("a detail").is_empty(), "{what}");
    problem
}
