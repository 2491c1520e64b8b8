//! Every JSON answer against the vendors' own OpenAPI descriptions.
//!
//! The descriptions lie outside the repository. Where they are absent the checks say so, and under CI they fail.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jsonschema::{Draft, Validator};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, frames};

/// An OpenAPI description.
pub(crate) struct Spec(Value);

/// What is of one of several described kinds may be of another, too: descriptions tell theirs apart by more than they
/// demand.
fn of_any(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(kinds) = fields.remove("oneOf") {
                fields.insert("anyOf".to_owned(), kinds);
            }
            fields.values_mut().for_each(of_any);
        }
        Value::Array(items) => items.iter_mut().for_each(of_any),
        _ => {}
    }
}

impl Spec {
    /// `None`: the descriptions are not on this machine.
    pub(crate) fn load(file: &str) -> Option<Self> {
        let folder = std::env::var_os("MOSAIC_SPECS").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/specs")),
            PathBuf::from,
        );
        let path = folder.join(file);
        if path.is_file() {
            let mut spec = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            of_any(&mut spec);
            return Some(Self(spec));
        }
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "{} is absent",
            path.display()
        );
        println!(
            "contract checks against {file} were NOT run: {} is absent",
            path.display()
        );
        None
    }

    /// Where a server is known to answer with another status than its description says: `status` for `said`.
    pub(crate) fn also(mut self, method: &str, path: &str, status: u16, said: u16) -> Self {
        let responses = &mut self.0["paths"][path][method]["responses"];
        responses[status.to_string()] = responses[said.to_string()].clone();
        self
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(target) => self.0.pointer(&target[1..]).unwrap_or_else(|| panic!("no {target}")),
            None => value,
        }
    }

    /// The schema of an operation's answer; `None`: the description does not know this status.
    pub(crate) fn answer(&self, method: &str, path: &str, status: u16, media: &str) -> Option<&Value> {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not in the description");
        let response = self.resolve(operation["responses"].get(status.to_string())?);
        // Swagger 2.0 has no media types here.
        response
            .get("schema")
            .or_else(|| response["content"][media].get("schema"))
    }

    /// Whether an operation may be answered with this status.
    fn knows(&self, method: &str, path: &str, status: u16) -> bool {
        let responses = &self.0["paths"][path][method.to_lowercase()]["responses"];
        responses.get(status.to_string()).is_some()
    }

    pub(crate) fn validator(&self, schema: &Value) -> Validator {
        let mut targets = BTreeSet::new();
        self.collect(schema, &mut targets);
        let mut document = self.plain(schema);
        for target in targets {
            let (folder, name) = target.rsplit_once('/').expect("a pointer to a named schema");
            let schema = self.plain(self.0.pointer(&target).unwrap_or_else(|| panic!("no {target}")));
            let folder = folder.split('/').skip(1).fold(&mut document, |at, part| &mut at[part]);
            folder[name] = schema;
        }
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(true)
            .build(&document)
            .unwrap()
    }

    /// Where all schemas are that `value` refers to, directly or not.
    fn collect(&self, value: &Value, targets: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(target) = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'))
                    && targets.insert(target.to_owned())
                {
                    self.collect(self.resolve(value), targets);
                }
                fields.values().for_each(|field| self.collect(field, targets));
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, targets)),
            _ => {}
        }
    }

    fn plain(&self, schema: &Value) -> Value {
        match self.0["swagger"] == "2.0" {
            true => strict(schema),
            false => modern(schema),
        }
    }
}

/// The same schema of Gitea's Swagger 2.0, where nothing is required and everything allowed: fields that it does not
/// name are refused, and any field may be null, as Go writes what is absent.
fn strict(schema: &Value) -> Value {
    let Value::Object(fields) = schema else {
        return schema.clone();
    };
    let mut strict = fields.clone();
    strict.remove("example");
    if let Some(items) = fields.get("items") {
        strict.insert("items".to_owned(), self::strict(items));
    }
    if let Some(Value::Object(properties)) = fields.get("properties") {
        let or_null = |property| json!({ "anyOf": [self::strict(property), { "type": "null" }] });
        let properties = properties
            .iter()
            .map(|(name, property)| (name.clone(), or_null(property)));
        strict.insert("properties".to_owned(), Value::Object(properties.collect()));
        strict.insert("additionalProperties".to_owned(), json!(false));
    }
    Value::Object(strict)
}

/// The same schema without OpenAPI 3.0's `nullable` and without examples.
fn modern(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, value)| {
                !(matches!(name.as_str(), "example" | "examples") || *name == "nullable" && value.is_boolean())
            });
            let plain = Value::Object(kept.map(|(name, value)| (name.clone(), modern(value))).collect());
            match fields.get("nullable") {
                Some(Value::Bool(true)) => json!({ "anyOf": [plain, { "type": "null" }] }),
                _ => plain,
            }
        }
        Value::Array(items) => Value::Array(items.iter().map(modern).collect()),
        other => other.clone(),
    }
}

/// A request, and the operation whose description its answer must meet.
pub(crate) struct Case {
    pub method: Method,
    pub path: String,
    pub operation: &'static str,
    pub body: Option<Value>,
    pub accept: &'static str,
    pub status: u16,
}

pub(crate) fn case(path: impl Into<String>, operation: &'static str, status: u16) -> Case {
    Case {
        method: Method::GET,
        path: path.into(),
        operation,
        body: None,
        accept: "application/json",
        status,
    }
}

pub(crate) fn post(path: impl Into<String>, operation: &'static str, body: Value, status: u16) -> Case {
    with(Method::POST, path, operation, body, status)
}

/// A request with a body.
pub(crate) fn with(method: Method, path: impl Into<String>, operation: &'static str, body: Value, status: u16) -> Case {
    Case {
        method,
        body: Some(body),
        ..case(path, operation, status)
    }
}

pub(crate) fn delete(path: impl Into<String>, operation: &'static str, status: u16) -> Case {
    Case {
        method: Method::DELETE,
        ..case(path, operation, status)
    }
}

/// A server whose answers are held against its description.
pub(crate) struct Contract<'a> {
    pub rig: Rig,
    server: &'a str,
    spec: &'a Spec,
    errors: &'a Value,
    /// What was asked for, as `METHOD path`.
    pub checked: Vec<String>,
    /// Where answers do not meet the description.
    pub faults: Vec<String>,
}

impl<'a> Contract<'a> {
    pub async fn start(server: &'a str, spec: &'a Spec, errors: &'a Value) -> Self {
        Self {
            rig: Rig::start().await,
            server,
            spec,
            errors,
            checked: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Sends a request and checks its answer against that of `operation`; null: it has no body.
    pub async fn send(&mut self, case: Case) -> Value {
        let Case {
            method,
            path,
            operation,
            body,
            accept,
            status,
        } = case;
        let request = self.rig.request(self.server, method.clone(), &path);
        let request = request.header("accept", accept);
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let response = request.send().await.unwrap();
        let (what, given) = (format!("{method} {path}"), response.status().as_u16());
        self.checked.push(format!("{method} {operation}"));
        let answer = response.bytes().await.unwrap();
        if given != status {
            self.faults
                .push(format!("{what}: {given} instead of {status}: {answer:?}"));
        }
        let media = if accept.contains("object") {
            "application/vnd.github.object"
        } else {
            "application/json"
        };
        if answer.is_empty() {
            if !self.spec.knows(method.as_str(), operation, given) {
                self.faults
                    .push(format!("{what}: no answer {given} in the description"));
            }
            return Value::Null;
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let known = self.spec.answer(method.as_str(), operation, given, media);
        if known.is_none() && given < 400 {
            self.faults
                .push(format!("{what}: no answer {given} in the description"));
        }
        let schema = known.unwrap_or(self.errors);
        // Where one error or another is meant, an answer may be both.
        let schema = match schema.get("oneOf") {
            Some(errors) if given >= 400 => json!({ "anyOf": errors }),
            _ => schema.clone(),
        };
        self.faults
            .extend(faults(&self.spec.validator(&schema), &answer, &what));
        answer
    }
}

/// Sends all cases and checks their answers; returns how many were checked, and how many routes they reached.
async fn check(server: &str, spec: &Spec, errors: &Value, cases: Vec<Case>) -> (usize, usize) {
    let mut contract = Contract::start(server, spec, errors).await;
    for case in cases {
        contract.send(case).await;
    }
    assert!(contract.faults.is_empty(), "{}", contract.faults.join("\n"));
    let routes = contract.rig.server(server).requests().served.len();
    (contract.checked.len(), routes)
}

pub(crate) fn assert_conforms(validator: &Validator, answer: &Value, what: &str) {
    let faults = faults(validator, answer, what);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn faults(validator: &Validator, answer: &Value, what: &str) -> Vec<String> {
    let faults = validator.iter_errors(answer);
    faults
        .map(|error| format!("{what}: {error} at {}", error.instance_path))
        .collect()
}

#[tokio::test]
async fn every_openai_answer_meets_its_description() {
    let Some(spec) = Spec::load("openai.openapi.json") else {
        return;
    };
    let errors = json!({ "$ref": "#/components/schemas/ErrorResponse" });
    let chat = "/chat/completions";
    let hello = json!([{ "role": "user", "content": "hello" }]);
    let cases = vec![
        case("/models", "/models", 200),
        case("/models/sandbox-small", "/models/{model}", 200),
        case("/models/none", "/models/{model}", 404),
        post(chat, chat, json!({ "model": "sandbox-small", "messages": hello }), 200),
        post(
            chat,
            chat,
            json!({ "model": "sandbox-small", "messages": hello, "max_tokens": 1 }),
            200,
        ),
        post(chat, chat, json!({ "model": "none", "messages": hello }), 404),
        post(chat, chat, json!({ "model": "sandbox-small", "messages": [] }), 400),
    ];
    assert_eq!(check("openai-a", &spec, &errors, cases).await, (7, 3));
}

#[tokio::test]
async fn every_frame_of_a_stream_meets_its_description() {
    let Some(spec) = Spec::load("openai.openapi.json") else {
        return;
    };
    let chat = "/chat/completions";
    let validator = spec.validator(spec.answer("POST", chat, 200, "text/event-stream").unwrap());
    let rig = Rig::start().await;
    let body = json!({
        "model": "sandbox-small",
        "messages": [{ "role": "user", "content": "say 3 words" }],
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let text = rig.post("openai-a", chat, &body).await.text().await.unwrap();
    let (last, chunks) = frames(&text)
        .split_last()
        .map(|(last, chunks)| (*last, chunks.to_vec()))
        .unwrap();
    assert_eq!((last, chunks.len()), ("[DONE]", 6), "role, three words, finish, usage");
    for chunk in chunks {
        assert_conforms(&validator, &serde_json::from_str(chunk).unwrap(), chunk);
    }
}

#[test]
fn a_wrong_answer_of_gitea_does_not_pass() {
    let Some(spec) = Spec::load("gitea-1.26.1.swagger.json") else {
        return;
    };
    let schema = spec.answer("GET", "/repos/{owner}/{repo}/issues", 200, "application/json");
    let validator = spec.validator(schema.unwrap());
    let issue = json!({ "number": 1, "closed_at": null, "labels": [{ "id": 1, "name": "bug" }] });
    assert!(validator.is_valid(&json!([issue])));
    for (field, wrong) in [
        ("number", json!("1")),
        ("closed_at", json!("yesterday")),
        ("labels", json!(["bug"])),
        ("labels", json!([{ "node_id": "x" }])),
        ("locked", json!(false)),
    ] {
        let mut broken = issue.clone();
        broken[field] = wrong;
        assert!(!validator.is_valid(&json!([broken])), "{field}");
    }
}
