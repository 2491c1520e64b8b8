//! What Notion's refusals mean: it names a code, and that decides.
//!
//! Invariant: its sentences are looked at and never passed on, since they quote what they are about.

use std::time::Duration;

use http::Method;
use mosaic_actors::error::{Failure, Kind, Source};

use crate::providers::http::{Fault, Refusal, by_status, waits};

/// What a refusal means.
pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let fault = refusal.fault();
    match fault.code.as_deref().unwrap_or_default() {
        "unauthorized" => Failure::new(Kind::UpstreamAuth, "the provider refused our credential"),
        "restricted_resource" => {
            let sentence = "our credential's connection lacks the capability for this, or a page is not shared with it";
            Failure::new(Kind::Forbidden, sentence)
        }
        "object_not_found" => {
            let sentence = "the provider does not know it, or it is not shared with our credential's connection";
            Failure::new(Kind::NotFound, sentence)
        }
        "rate_limited" | "service_overload" => limited(refusal),
        "validation_error" => invalid(&fault),
        "conflict_error" => {
            let mut failure = Failure::new(Kind::Conflict, "somebody else changes it at this moment");
            failure.retryable = reads(refusal);
            failure.retry_after = waits::retry_after(refusal.headers, refusal.now);
            failure
        }
        "row_limit_exceeded" => Failure::new(Kind::Conflict, "the data source holds as many rows as it may"),
        "missing_version" | "invalid_beta" | "invalid_request_url" | "invalid_json" | "invalid_request" => {
            let mut failure = by_status(refusal);
            // How it is asked is ours to know, not the caller's.
            failure.source = Source::Provider;
            fault.coded(failure)
        }
        "gateway_timeout" => {
            let mut failure = by_status(refusal);
            failure.retryable = false;
            failure
        }
        _ if refusal.status.as_u16() == 529 => limited(refusal),
        _ => by_status(refusal),
    }
}

/// Queries are asked by POST, too.
fn reads(refusal: &Refusal<'_>) -> bool {
    let asks = refusal.path.ends_with("/search") || refusal.path.ends_with("/query");
    *refusal.method == Method::GET || (*refusal.method == Method::POST && asks)
}

/// The limit of our connection, or a service that has too much to do: it refuses before it does anything.
fn limited(refusal: &Refusal<'_>) -> Failure {
    /// As long as its own client waits at first.
    const FIRST: Duration = Duration::from_secs(1);
    let mut failure = Failure::new(Kind::UpstreamRateLimited, "the provider's rate limit is reached");
    failure.retry_after = Some(waits::retry_after(refusal.headers, refusal.now).unwrap_or(FIRST));
    failure.unsent = true;
    failure.unbilled = true;
    failure
}

fn invalid(fault: &Fault) -> Failure {
    // Both words: `archived` is the older name of the trash.
    if fault.tells(&["archived", "in trash", "in_trash"]) {
        return Failure::new(Kind::Conflict, "it is in the trash: restore it first");
    }
    let field = [
        ("start_cursor", "cursor"),
        ("page_size", "limit"),
        ("body.children", "body"),
        ("body.parent", "parent"),
        ("body.query", "query"),
        ("body.filename", "name"),
    ]
    .into_iter()
    .find(|(told, _)| fault.tells(&[told]));
    match field {
        Some((_, field)) => Failure::invalid(field, format!("{field} is not accepted by Notion")),
        None => Failure::new(
            Kind::InvalidInput,
            "the provider refused the request as wrong (its code: validation_error)",
        ),
    }
}
