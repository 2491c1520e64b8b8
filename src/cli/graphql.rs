//! `mosaic graphql`: a query, a mutation or a subscription, sent to the gateway.
//!
//! Invariant: what came is printed though a part is missing, and then the exit code says so; where nothing came, the first
//! error is the failure.

use std::io;

use clap::{Arg, ArgMatches, Command};
use futures_util::StreamExt;
use http::Method;
use http::header::{ACCEPT, CONTENT_TYPE};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::client::refused;
use super::connection::{CALLS, place};
use super::flags::{flag, key_flag, server_flag};
use super::input::{open, read_bounded};
use super::problem::Problem;
use super::screen::{Screen, Stop, clean};
use super::show::{parse, visible};
use super::transport::body;
use super::{events, exit};
use crate::wording;

/// The command.
pub const GRAPHQL: &str = "graphql";

/// Where the gateway takes it.
const PATH: &str = "/graphql";
/// The longest query, and the longest variables, in bytes.
const LONGEST: u64 = 1 << 20;
/// JSON, or for subscriptions a stream (GraphQL over HTTP; GraphQL over SSE).
const ACCEPTED: &str = "application/graphql-response+json, application/json;q=0.9, text/event-stream;q=0.8";

/// The declaration.
pub fn declared() -> Command {
    let query = Arg::new("query")
        .value_name("QUERY")
        .required(true)
        .help("The query, or @FILE to read it from there; `-` is standard input");
    Command::new(GRAPHQL)
        .about("Send a GraphQL query, mutation or subscription, and print the data")
        .after_help(
            "What is printed, and what --jq sees, is the data alone; what is missing of it is told on stderr, with exit code 8. \
             A subscription prints a line of JSON for each event, until its end or Ctrl-C.",
        )
        .arg(query)
        .arg(flag(
            "variables",
            "JSON",
            "The query's variables, as an object, or @FILE",
        ))
        .arg(flag(
            "operation",
            "NAME",
            "Which operation of the query is meant, where it has several",
        ))
        .arg(server_flag())
        .arg(key_flag())
}

/// Runs it.
///
/// # Errors
/// The first error where there is no data; what keeps the gateway from answering.
pub async fn run(matches: &ArgMatches, screen: &Screen) -> Result<(), Stop> {
    let request = request(matches)?;
    let remote = place(&CALLS, matches)?.remote()?;
    let asking = remote
        .asking(Method::POST, PATH)?
        .header(ACCEPT, ACCEPTED)
        .json(&request);
    let reply = remote.exchanged(asking).await?;
    let kind = reply.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned();
    let status = reply.status();
    match &*kind {
        "text/event-stream" if status.is_success() => {
            let mut events = events::read(reply);
            let mut whole = true;
            while let Some(event) = events.next().await {
                let event = parse(&event?)?;
                whole &= told(&event, status.as_u16(), true, screen)?;
            }
            ended(whole)
        }
        "application/graphql-response+json" | "application/json" => {
            let body = body(reply).await?;
            match (parse(&body), status.is_success()) {
                (Ok(answer), _) if answer["errors"].is_array() || answer.get("data").is_some() => {
                    ended(told(&answer, status.as_u16(), false, screen)?)
                }
                (_, true) => Err(odd().into()),
                (_, false) => Err(Problem::from_reply(status.as_u16(), &body, None).into()),
            }
        }
        _ if status.is_success() => Err(odd().into()),
        _ => Err(refused(reply).await.into()),
    }
}

fn odd() -> Failure {
    Failure::new(Kind::UpstreamFailed, "the answer is none of GraphQL's")
}

fn ended(whole: bool) -> Result<(), Stop> {
    match whole {
        true => Ok(()),
        false => Err(Stop::Quiet(exit::PARTIAL)),
    }
}

fn request(matches: &ArgMatches) -> Result<Value, Failure> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let mut request = json!({ "query": read("query", text("query").unwrap_or_default())? });
    if let Some(given) = text("variables") {
        let variables: Map<String, Value> = serde_json::from_str(&read("variables", given)?).map_err(|error| {
            let sentence = format!(
                "--variables must be a JSON object: {}",
                wording::unread(&error.to_string())
            );
            Failure::invalid("variables", sentence)
        })?;
        request["variables"] = variables.into();
    }
    if let Some(name) = text("operation") {
        request["operationName"] = name.into();
    }
    Ok(request)
}

fn read(field: &str, given: &str) -> Result<String, Failure> {
    match (given, given.strip_prefix('@')) {
        ("-", _) => read_bounded(field, io::stdin(), LONGEST),
        (_, Some(path)) => read_bounded(field, open(field, path)?, LONGEST),
        (text, None) => Ok(text.to_owned()),
    }
}

/// Prints an answer; whether it was whole. `in_line`: it is one of many.
fn told(answer: &Value, status: u16, in_line: bool, screen: &Screen) -> Result<bool, Stop> {
    let errors = answer["errors"].as_array().filter(|errors| !errors.is_empty());
    let data = answer.get("data").filter(|data| !data.is_null());
    match (data, errors) {
        (None, Some(errors)) => return Err(failed(errors, status).into()),
        (None, None) => {
            return Err(Failure::new(Kind::UpstreamFailed, "the answer holds neither data nor errors").into());
        }
        (Some(data), _) if screen.json => screen.lines(data.to_string())?,
        (Some(data), _) if in_line => screen.lines(visible(&data.to_string(), screen))?,
        (Some(data), _) => screen.lines(visible(&format!("{data:#}"), screen))?,
    }
    if screen.json
        && let Some(errors) = errors
    {
        screen.problem_line(&failed(errors, status).json());
    }
    for error in errors.into_iter().flatten() {
        let part = |place| error.pointer(place).and_then(Value::as_str);
        let code = part("/extensions/code").unwrap_or("error");
        let sentence = format!("missing: {} [{code}]: {}", path(error), part("/message").unwrap_or("?"));
        screen.note(&clean(&sentence));
    }
    Ok(errors.is_none())
}

/// Where in the answer an error belongs, as `repo.name`.
fn path(error: &Value) -> String {
    let steps = error["path"].as_array().into_iter().flatten();
    let steps: Vec<String> = steps
        .map(|step| step.as_str().map_or(step.to_string(), str::to_owned))
        .collect();
    match steps.is_empty() {
        true => "the query".to_owned(),
        false => steps.join("."),
    }
}

/// The first error as a problem, with each of them beside it.
fn failed(errors: &[Value], status: u16) -> Problem {
    let first = errors.first().unwrap_or(&Value::Null);
    let extensions = first["extensions"].as_object().cloned().unwrap_or_default();
    let status = extensions
        .get("status")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(status);
    // A query that is none is answered with 200 by some.
    let status = if status < 400 { 400 } else { status };
    let mut document = extensions;
    let code = || Problem::from_reply(status, b"", None).kind().code();
    document.entry("code").or_insert_with(|| code().into());
    document.insert("status".to_owned(), status.into());
    document.entry("detail").or_insert_with(|| first["message"].clone());
    if errors.len() > 1 {
        let each = errors
            .iter()
            .map(|error| json!({"field": path(error), "message": error["message"]}));
        document.insert("errors".to_owned(), each.collect());
    }
    Problem::from_reply(status, Value::from(document).to_string().as_bytes(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_keeps_its_code_and_a_query_that_is_none_is_our_mistake() {
        let coded = json!([{"message": "no such repository", "path": ["repo", 0], "extensions": {"code": "not_found", "status": 404}}]);
        let problem = failed(coded.as_array().unwrap(), 200);
        assert_eq!((problem.code(), problem.exit_code()), ("not_found", 3));
        assert_eq!(problem.sentence(), "no such repository");
        let bare = json!([{"message": "Unknown field"}, {"message": "Unknown type", "path": ["a", "b"]}]);
        let problem = failed(bare.as_array().unwrap(), 200);
        assert_eq!((problem.code(), problem.exit_code()), ("invalid_input", 2));
        assert!(problem.remarks().contains(&"a.b: Unknown type".to_owned()));
    }
}
