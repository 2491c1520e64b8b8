//! The requests of the golden cells, sent to Prism, which holds them against the vendor's description.
//!
//! Invariant: every request of every cell is sent, and each operation of the kind has at least one.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic::providers::KINDS;
use reqwest::Method;
use serde_json::Value;

use crate::servers::{Recorded, Recorder};
use crate::upstream::cells::cells;
use crate::upstream::jenkins;

/// What Prism holds against requests that are sound: the kind, words of its problem, and why they are no fault.
const EXCUSED: &[(&str, &str, &str)] = &[
    (
        "gitea",
        "difftype",
        "a commit's name with a dot in it fits /git/commits/{sha}.{diffType} too",
    ),
    (
        "gitea",
        "required property 'do'",
        "1.26 reads both spellings, servers before it the capital ones alone",
    ),
    (
        "gitea",
        "Cannot find serializer for application/octet-stream",
        "Prism cannot make up a file",
    ),
    (
        "woodpecker",
        "events.0 must be equal",
        "a golden asks for an event that no server knows",
    ),
    (
        "github",
        "query\",\"created",
        "described as one time, and documented as a search's range",
    ),
    (
        "github",
        "NOT_ACCEPTABLE",
        "described without the form in which a file's bytes come",
    ),
    (
        "github",
        "workflow_id must match exactly one schema",
        "a number written out fits both of its schemas",
    ),
    (
        "github",
        "encrypted_value must match pattern",
        "a golden has the size of the box alone",
    ),
];

/// Sends what the cells of `kind` sent, as far as `of` takes their operation; answers what Prism found wrong.
pub async fn faults(origin: &str, kind: &str, description: &Value, of: fn(&str) -> bool) -> Vec<String> {
    let recorder = Recorder::default();
    let client = crate::harness::http::Client::new().0;
    let address = recorder.serve(origin.to_owned()).await;
    let (mut called, mut excused) = (BTreeSet::new(), BTreeSet::new());
    let mut faults = vec![];
    for cell in cells()
        .into_iter()
        .filter(|cell| cell.kind == kind && of(&cell.operation))
    {
        for request in cell.read("request.json").as_array().expect("requests") {
            send(&client, &address, description, kind, request).await;
            let judged = recorder.seen().pop().expect("it was passed on");
            for fault in wrong(&judged) {
                let known = EXCUSED
                    .iter()
                    .find(|(of, words, _)| *of == kind && fault.contains(words));
                match known {
                    Some((_, words, _)) => _ = excused.insert(*words),
                    None => faults.push(format!("{}: {}: {fault}", cell.name(), judged.line)),
                }
            }
            called.insert(cell.operation.clone());
        }
    }
    let unused = EXCUSED
        .iter()
        .filter(|(of, words, _)| *of == kind && !excused.contains(words));
    faults.extend(unused.map(|(_, words, why)| format!("nothing needs the excuse {words:?}: {why}")));
    let kind = KINDS.iter().find(|known| known.name == kind).expect("a kind");
    let able = (kind.operations)().into_iter().filter(|name| of(name));
    let silent = able.filter(|name| !called.contains(*name));
    faults.extend(silent.map(|name| format!("{name}: no cell sends anything")));
    faults
}

/// What is wrong with a request, one thing after the other. What Prism made up as its answer is its own affair.
fn wrong(judged: &Recorded) -> Vec<String> {
    let refusal = judged.refusal.as_ref();
    let listed = refusal.and_then(|problem| problem["validation"].as_array());
    let told = judged.violations.iter().chain(listed.into_iter().flatten());
    let ours = told.filter(|violation| violation["location"][0] != "response");
    // A refusal that lists nothing is one thing.
    let whole = refusal.filter(|_| listed.is_none());
    ours.chain(whole).map(Value::to_string).collect()
}

async fn send(client: &reqwest::Client, address: &str, description: &Value, kind: &str, request: &Value) {
    let text = |name: &str| request[name].as_str();
    let method: Method = text("method").expect("a method").parse().expect("a method");
    let path = text("path").expect("a path");
    let path = match kind {
        "jenkins" => jenkins::of_one_job(path),
        _ => path.to_owned(),
    };
    let path = in_parts(description, &method, &path);
    let query = text("query").map(|query| format!("?{query}")).unwrap_or_default();
    let mut sent = client.request(method, format!("{address}{path}{query}"));
    for (name, value) in request["headers"].as_object().expect("headers") {
        // The credential is left out of a golden; its scheme is not.
        let value = value.as_str().expect("text");
        sent = match name.as_str() {
            "authorization" => sent.header(name, whole(value)),
            _ => sent.header(name, value),
        };
    }
    if !request["headers"]
        .as_object()
        .expect("headers")
        .contains_key("authorization")
    {
        sent = sent.header("authorization", "Bearer x");
    }
    sent = match &request["body"] {
        Value::Null => sent,
        Value::String(form) => sent.body(form.clone()),
        json => sent.body(json.to_string()),
    };
    sent.send().await.expect("it is passed on");
}

/// A credential of this scheme.
fn whole(scheme: &str) -> String {
    match scheme.strip_prefix("Basic ") {
        Some(user) => format!("Basic {}", STANDARD.encode(format!("{user}x"))),
        None => format!("{scheme} x"),
    }
}

/// The path, with what a last placeholder stands for as one part: Prism takes one part for it, vendors take all.
fn in_parts(description: &Value, method: &Method, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let method = method.as_str().to_ascii_lowercase();
    let is_one = |part: &str| part.starts_with('{');
    let templates = description["paths"].as_object().expect("paths").iter();
    let fitting = templates
        .filter(|(_, item)| item.get(&method).is_some())
        .filter_map(|(template, _)| {
            let wanted: Vec<&str> = template.split('/').collect();
            let fits = wanted.len() <= parts.len()
                && wanted
                    .iter()
                    .zip(&parts)
                    .all(|(wanted, part)| is_one(wanted) || wanted == part)
                && (wanted.len() == parts.len() || wanted.last().is_some_and(|last| is_one(last)));
            fits.then_some(wanted)
        });
    // The longest that fits, and of those the one that says most.
    let best = fitting.max_by_key(|wanted| (wanted.len(), wanted.iter().filter(|part| !is_one(part)).count()));
    let Some(wanted) = best else {
        return path.to_owned();
    };
    let (ahead, rest) = parts.split_at(wanted.len() - 1);
    [ahead, &[rest.join("%2F").as_str()]].concat().join("/")
}
