//! Failures as errors of GraphQL.
//!
//! Invariant: an error's extensions are a problem's members, by the one mapping that every surface has; each names its request.

use async_graphql::parser::types::OperationType;
use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value as Given};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::names;

/// Members of a problem that an error tells by itself, or that are HTTP's.
const NOT_EXTENSIONS: &[&str] = &["title", "status", "detail", "instance"];

/// The sentence and the extensions of a problem.
fn told(problem: &Problem, id: &RequestId) -> (String, Map<String, Value>) {
    let mut members: Map<String, Value> = serde_json::from_str(&problem.json(id)).unwrap_or_default();
    let detail = members.remove("detail");
    members.retain(|name, _| !NOT_EXTENSIONS.contains(&name.as_str()));
    if let Some(Value::String(field)) = members.get_mut("field") {
        *field = names::path(field);
    }
    let message = detail.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    (message, members)
}

/// The error of a field.
pub(super) fn of_field(failure: Failure, id: &RequestId, at: Pos) -> ServerError {
    let (message, members) = told(&failure.into(), id);
    let mut error = ServerError::new(message, Some(at));
    error.extensions = Some(extensions(members));
    error
}

/// The errors of the instances that a page lacks rows of, as the page tells them.
pub(super) fn of_page(page: &Value, id: &RequestId, at: Pos) -> Vec<ServerError> {
    let missing = page["errors"].as_array().into_iter().flatten();
    let told = missing.map(|one| {
        let (provider, message) = (one["provider"].as_str(), one["message"].as_str());
        let message = format!("{}: {}", provider.unwrap_or_default(), message.unwrap_or_default());
        let mut error = ServerError::new(message, Some(at));
        let mut members = Map::new();
        for name in ["code", "provider", "retryable"] {
            members.insert(name.to_owned(), one[name].clone());
        }
        members.insert("request_id".to_owned(), Value::from(&**id.text()));
        error.extensions = Some(extensions(members));
        error
    });
    told.collect()
}

/// The same where a stream ends with it.
pub(super) fn of_stream(failure: Failure, id: &RequestId) -> async_graphql::Error {
    let (message, members) = told(&failure.into(), id);
    let mut error = async_graphql::Error::new(message);
    error.extensions = Some(extensions(members));
    error
}

fn extensions(members: Map<String, Value>) -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    for (name, value) in members {
        extensions.set(name, Given::from_json(value).unwrap_or_default());
    }
    extensions
}

/// An error of a whole request, as a member of `errors`.
pub(super) fn of_request(problem: &Problem, id: &RequestId) -> Value {
    let (message, members) = told(problem, id);
    json!({ "message": message, "extensions": members })
}

/// An answer that is one error, and nothing else.
pub(super) fn refused(problem: &Problem, id: &RequestId) -> Value {
    json!({ "errors": [of_request(problem, id)] })
}

/// Tells of the field of an operation by its name why it is not there, where that is for want of a scope.
pub(super) type NotGranted<'a> = dyn Fn(&str) -> Option<Failure> + 'a;

/// The errors of an answer. One that GraphQL's own rules gave has a code like every other: what they refuse before anything is
/// executed is the caller's mistake; a field that came out otherwise than the schema has it is ours.
pub(super) fn told_all(errors: &[ServerError], id: &RequestId, not_granted: &NotGranted<'_>) -> Vec<Value> {
    let told = errors.iter().map(|error| {
        let mut told = json!(error);
        if error.extensions.is_none() {
            let failure = match error.path.is_empty() {
                true => unfit(&error.message, not_granted),
                false => Failure::new(Kind::Internal, &error.message),
            };
            let (message, members) = self::told(&failure.into(), id);
            told["message"] = message.into();
            told["extensions"] = members.into();
        }
        told
    });
    told.collect()
}

/// A fault that GraphQL's rules found: of the argument that their sentence names, where it names one.
fn unfit(message: &str, not_granted: &NotGranted<'_>) -> Failure {
    let named = |before: &str| {
        let (_, rest) = message.split_once(before)?;
        rest.split_once('"').map(|(name, _)| name)
    };
    let operation = named("Unknown field \"").filter(|_| {
        ["Query", "Mutation", "Subscription"]
            .iter()
            .any(|root| message.contains(&format!("on type \"{root}\"")))
    });
    let refused = operation.and_then(not_granted);
    refused.unwrap_or_else(|| Failure::invalid(named("argument \"").unwrap_or("query"), message))
}

/// What a kind of operation is called.
pub(super) fn word(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}
