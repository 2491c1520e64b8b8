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
struct Spec(Value);

impl Spec {
    /// `None`: the descriptions are not on this machine.
    fn load(file: &str) -> Option<Self> {
        let folder = std::env::var_os("MOSAIC_SPECS").map_or_else(
            || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/specs")),
            PathBuf::from,
        );
        let path = folder.join(file);
        if path.is_file() {
            return Some(Self(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()));
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

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(target) => self.0.pointer(&target[1..]).unwrap_or_else(|| panic!("no {target}")),
            None => value,
        }
    }

    /// The schema of an operation's answer; `None`: the description does not know this status.
    fn answer(&self, method: &str, path: &str, status: u16, media: &str) -> Option<&Value> {
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not in the description");
        let response = self.resolve(operation["responses"].get(status.to_string())?);
        // Swagger 2.0 has no media types here.
        response
            .get("schema")
            .or_else(|| response["content"][media].get("schema"))
    }

    fn validator(&self, schema: &Value) -> Validator {
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
struct Case {
    method: Method,
    path: &'static str,
    operation: &'static str,
    body: Option<Value>,
    accept: &'static str,
    status: u16,
}

fn case(path: &'static str, operation: &'static str, status: u16) -> Case {
    Case {
        method: Method::GET,
        path,
        operation,
        body: None,
        accept: "application/json",
        status,
    }
}

fn post(path: &'static str, operation: &'static str, body: Value, status: u16) -> Case {
    Case {
        method: Method::POST,
        body: Some(body),
        ..case(path, operation, status)
    }
}

/// Sends all cases and checks their answers; returns how many were checked, and how many routes they reached.
async fn check(server: &str, spec: &Spec, errors: &Value, cases: Vec<Case>) -> (usize, usize) {
    let rig = Rig::start().await;
    let mut checked = 0;
    for case in cases {
        let Case {
            method,
            path,
            operation,
            body,
            accept,
            status,
        } = case;
        let request = rig.request(server, method.clone(), path).header("accept", accept);
        let response = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = response.send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        let answer: Value = response.json().await.unwrap();
        let media = if accept.contains("object") {
            "application/vnd.github.object"
        } else {
            "application/json"
        };
        let known = spec.answer(method.as_str(), operation, status, media);
        assert!(
            known.is_some() || status >= 400,
            "{method} {operation} has no answer {status} in the description"
        );
        assert_conforms(
            &spec.validator(known.unwrap_or(errors)),
            &answer,
            &format!("{method} {path}"),
        );
        checked += 1;
    }
    (checked, rig.server(server).requests().served.len())
}

fn assert_conforms(validator: &Validator, answer: &Value, what: &str) {
    let faults: Vec<String> = validator
        .iter_errors(answer)
        .map(|error| format!("{} at {}", error, error.instance_path))
        .collect();
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}

#[tokio::test]
async fn every_github_answer_meets_its_description() {
    let Some(spec) = Spec::load("github-api.github.com.openapi.json") else {
        return;
    };
    let errors = json!({ "$ref": "#/components/schemas/basic-error" });
    let repo = "/repos/{owner}/{repo}";
    let contents = "/repos/{owner}/{repo}/contents/{path}";
    let issues = "/repos/{owner}/{repo}/issues";
    let issue = "/repos/{owner}/{repo}/issues/{issue_number}";
    let cases = vec![
        case("/user", "/user", 200),
        case("/rate_limit", "/rate_limit", 200),
        case("/meta", "/meta", 200),
        case("/versions", "/versions", 200),
        case("/user/repos", "/user/repos", 200),
        case("/orgs/many/repos?per_page=100", "/orgs/{org}/repos", 200),
        case("/orgs/none/repos", "/orgs/{org}/repos", 404),
        case("/repos/acme/api", repo, 200),
        case("/repos/acme/none", repo, 404),
        case("/repos/acme/api/branches", "/repos/{owner}/{repo}/branches", 200),
        case("/repos/acme/api/contents/README.md", contents, 200),
        case("/repos/acme/api/contents/data/large.txt", contents, 200),
        case("/repos/acme/api/contents/", contents, 200),
        case("/repos/acme/api/contents/src", contents, 200),
        Case {
            accept: "application/vnd.github.object+json",
            ..case("/repos/acme/api/contents/src", contents, 200)
        },
        case("/repos/acme/api/contents/none", contents, 404),
        case("/repos/acme/api/issues?state=all", issues, 200),
        case("/repos/acme/api/issues?state=none", issues, 422),
        post(
            "/repos/acme/api/issues",
            issues,
            json!({ "title": "New", "labels": ["bug"] }),
            201,
        ),
        post("/repos/acme/api/issues", issues, json!({ "body": "no title" }), 422),
        post("/repos/acme/api/issues", issues, json!([]), 400),
        case("/repos/acme/api/issues/1", issue, 200),
        case("/repos/acme/api/issues/3", issue, 200),
        case("/repos/acme/api/issues/999", issue, 404),
    ];
    assert_eq!(check("github-a", &spec, &errors, cases).await, (24, 13));
}

#[tokio::test]
async fn every_gitea_answer_meets_its_description() {
    let Some(spec) = Spec::load("gitea-1.26.1.swagger.json") else {
        return;
    };
    let errors = json!({ "$ref": "#/definitions/APIError" });
    let repo = "/repos/{owner}/{repo}";
    let contents = "/repos/{owner}/{repo}/contents/{filepath}";
    let labels = "/repos/{owner}/{repo}/labels";
    let issues = "/repos/{owner}/{repo}/issues";
    let issue = "/repos/{owner}/{repo}/issues/{index}";
    let cases = vec![
        case("/version", "/version", 200),
        case("/settings/api", "/settings/api", 200),
        case("/user", "/user", 200),
        case("/user/repos", "/user/repos", 200),
        case("/users/sandbox-user/repos", "/users/{username}/repos", 200),
        case("/users/nobody/repos", "/users/{username}/repos", 404),
        case("/orgs/many/repos?limit=50", "/orgs/{org}/repos", 200),
        case("/orgs/none/repos", "/orgs/{org}/repos", 404),
        case("/orgs/acme/labels", "/orgs/{org}/labels", 200),
        case("/repos/acme/api", repo, 200),
        case("/repos/acme/none", repo, 404),
        case("/repos/acme/api/branches", "/repos/{owner}/{repo}/branches", 200),
        case("/repos/acme/api/contents/README.md", contents, 200),
        case("/repos/acme/api/contents/data/large.txt", contents, 200),
        case("/repos/acme/api/contents/none", contents, 404),
        case("/repos/acme/api/contents", "/repos/{owner}/{repo}/contents", 200),
        case("/repos/acme/web/labels?page=3&limit=50", labels, 200),
        case("/repos/acme/api/issues?state=all", issues, 200),
        case("/repos/acme/none/issues", issues, 404),
        post("/repos/acme/api/issues", issues, json!({ "title": "New" }), 201),
        post("/repos/acme/api/issues", issues, json!({ "body": "no title" }), 422),
        post(
            "/repos/acme/api/issues",
            issues,
            json!({ "title": "x", "labels": ["bug"] }),
            422,
        ),
        case("/repos/acme/api/issues/1", issue, 200),
        case("/repos/acme/api/issues/3", issue, 200),
        case("/repos/acme/api/issues/999", issue, 404),
    ];
    assert_eq!(check("gitea-a", &spec, &errors, cases).await, (25, 15));
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

#[test]
fn a_wrong_answer_does_not_pass() {
    let Some(spec) = Spec::load("github-api.github.com.openapi.json") else {
        return;
    };
    let schema = spec
        .answer("GET", "/repos/{owner}/{repo}/branches", 200, "application/json")
        .unwrap();
    let validator = spec.validator(schema);
    let branch = json!({ "name": "main", "commit": { "sha": "0", "url": "https://h.invalid/" }, "protected": true });
    assert!(validator.is_valid(&json!([branch])));
    for (field, wrong) in [
        ("name", json!(1)),
        ("protected", json!(null)),
        ("commit", json!({ "sha": "0" })),
    ] {
        let mut broken = branch.clone();
        broken[field] = wrong;
        assert!(!validator.is_valid(&json!([broken])), "{field}");
    }
}
