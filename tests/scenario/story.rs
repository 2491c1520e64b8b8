//! A story told at one provider, by one surface, and what two of them must have in common.
//!
//! Invariant: what is compared is what a caller sees: neutral answers, and the codes and fields of refusals.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use mosaic::catalogue::OPERATIONS;
use mosaic::providers::KINDS;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::harness::Gateway;

/// How calls are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Rest,
    Cli,
}

/// What becomes of a story, step by step.
pub struct Story {
    gateway: Arc<Gateway>,
    way: Way,
    kind: String,
    pub provider: String,
    told: Vec<(String, Value)>,
    asked: Mutex<BTreeSet<String>>,
}

/// A request by REST.
struct Address {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

impl Story {
    /// At the instance `<kind>-one`.
    pub fn at(gateway: &Arc<Gateway>, kind: &str, way: Way) -> Self {
        Story {
            gateway: gateway.clone(),
            way,
            kind: kind.to_owned(),
            provider: format!("{kind}-one"),
            told: vec![],
            asked: Mutex::default(),
        }
    }

    /// A name at this provider.
    pub fn named(&self, native: &str) -> String {
        format!("{}~{native}", self.provider)
    }

    /// Whether the provider's kind can do it.
    pub fn can(&self, operation: &str) -> bool {
        let kind = KINDS.iter().find(|kind| kind.name == self.kind).expect("a kind");
        (kind.operations)().contains(&operation)
    }

    /// The operations that were asked for.
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How many steps were told.
    pub fn steps(&self) -> usize {
        self.told.len()
    }

    /// Makes a call; its answer, or its refusal.
    pub async fn answer(&self, operation: &str, input: Value) -> Value {
        self.asked.lock().unwrap().insert(operation.to_owned());
        let outcome = match self.way {
            Way::Rest => self.by_rest(operation, &input).await,
            Way::Cli => self.by_cli(operation, &input, &[]),
        };
        outcome.unwrap_or_else(|problem| {
            // Shown where the test fails.
            eprintln!("{} by {:?}: {operation} {input}: {problem}", self.provider, self.way);
            let mut refused = json!({ "refused": problem["code"] });
            // Not every provider says which of the things that were named is not there.
            if problem["field"].is_string() {
                refused["field"] = problem["field"].clone();
            }
            refused
        })
    }

    async fn by_rest(&self, operation: &str, input: &Value) -> Result<Value, Value> {
        let Address { method, path, body } = self.address(operation, input);
        let reply = self.gateway.send(method, &path, body.as_ref()).await;
        match reply.status {
            200 => Ok(reply.json()),
            _ => Err(reply.json()),
        }
    }

    /// What stands in the path is taken out of the input; the rest is the query of a read, a removal or an upload, or the body.
    fn address(&self, operation: &str, input: &Value) -> Address {
        let entry = OPERATIONS.iter().find(|entry| entry.name() == operation);
        let http = entry.expect("an operation").declaration;
        let mut left = input.as_object().expect("an input").clone();
        let sent = |value: &Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string()
        };
        let parts = http.path.split('/').map(|part| match part.strip_prefix('{') {
            Some(name) => sent(&left.remove(name.trim_end_matches('}')).expect("it is given")),
            None => part.to_owned(),
        });
        let path = format!("/v1{}", parts.collect::<Vec<_>>().join("/"));
        let mut query = vec![format!("provider={}", self.provider)];
        let body = match http.input_in_query() {
            true => {
                for (name, value) in &left {
                    // A list is given item by item.
                    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    query.extend(items.iter().map(|item| format!("{name}={}", sent(item))));
                }
                None
            }
            false => Some(Value::Object(left)),
        };
        Address {
            method: http.method.as_str(),
            path: format!("{path}?{}", query.join("&")),
            body,
        }
    }

    fn by_cli(&self, operation: &str, input: &Value, more: &[&str]) -> Result<Value, Value> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), input.to_string()).expect("written");
        let path = file.path().to_str().expect("a plain path");
        let name = operation.replace('_', "-");
        let mut words: Vec<&str> = name.split('.').collect();
        words.extend(["--input", path, "--provider", &self.provider, "--json"]);
        words.extend(more);
        let ended = tokio::task::block_in_place(|| self.gateway.cli(&words));
        // A run that was waited for and did not end well.
        let ended_badly = operation == "cicd.run.wait" && ended.code == Some(10);
        if ended.code == Some(0) || ended_badly {
            return Ok(serde_json::from_str(&ended.stdout).unwrap_or(Value::String(ended.stdout)));
        }
        let line = ended.stderr.lines().last().unwrap_or_default();
        Err(serde_json::from_str(line).unwrap_or_else(|_| panic!("{operation}: {ended:#?}")))
    }

    /// The events of a stream.
    pub async fn events(&self, operation: &str, input: Value) -> Vec<Value> {
        self.asked.lock().unwrap().insert(operation.to_owned());
        let read = |json: &str| serde_json::from_str(json).expect("JSON");
        if self.way == Way::Cli {
            let printed = self.by_cli(operation, &input, &[]).expect("it goes well");
            return printed.as_str().expect("lines").lines().map(read).collect();
        }
        let text = String::from_utf8(self.whole(operation, &input).await).expect("UTF-8");
        let (events, done) = text.trim_end().rsplit_once("\n\n").expect("events");
        assert!(done.contains("event: done"), "{}: {text}", self.provider);
        events
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(read)
            .collect()
    }

    /// Sends a file's bytes; what is answered.
    pub async fn sends(&self, operation: &str, input: Value, bytes: &'static [u8]) -> Value {
        self.asked.lock().unwrap().insert(operation.to_owned());
        if self.way == Way::Cli {
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), bytes).expect("written");
            let file = format!("--file={}", file.path().display());
            return self.by_cli(operation, &input, &[&file]).expect("it goes well");
        }
        let Address { method, path, .. } = self.address(operation, &input);
        let url = format!("http://{}{path}", self.gateway.public);
        let request = self.gateway.client.0.request(method.parse().expect("a method"), url);
        let reply = request.body(bytes).send().await.expect("an answer");
        let text = reply.text().await.expect("an answer");
        serde_json::from_str(&text).expect("JSON")
    }

    /// A file's bytes.
    pub async fn bytes(&self, operation: &str, input: Value) -> Vec<u8> {
        self.asked.lock().unwrap().insert(operation.to_owned());
        if self.way == Way::Rest {
            return self.whole(operation, &input).await;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let path = file.to_str().expect("a plain path");
        self.by_cli(operation, &input, &["--output", path])
            .expect("it goes well");
        std::fs::read(&file).expect("it was written")
    }

    async fn whole(&self, operation: &str, input: &Value) -> Vec<u8> {
        let Address { path, .. } = self.address(operation, input);
        let url = format!("http://{}{path}", self.gateway.public);
        let reply = self.gateway.client.0.get(url).send().await.expect("an answer");
        assert_eq!(
            reply.status(),
            200,
            "{}, {path}: {:?}",
            self.provider,
            reply.text().await
        );
        reply.bytes().await.expect("a whole answer").to_vec()
    }

    /// Tells what is to be the same everywhere.
    pub fn tell(&mut self, step: &str, what: Value) {
        self.told.push((step.to_owned(), alike(what, &self.provider)));
    }

    /// Makes a call that must succeed and say these things, and tells its answer.
    pub async fn tells(&mut self, step: &str, operation: &str, input: Value, says: &[&str]) -> Value {
        let answer = self.done(step, operation, input).await;
        for field in says {
            let found = answer.pointer(&format!("/{field}"));
            assert!(found.is_some(), "{}, {step}: no {field} in {answer}", self.provider);
        }
        self.tell(step, answer.clone());
        answer
    }

    /// Makes a call that must succeed; its answer, which may be the provider's own.
    pub async fn done(&self, step: &str, operation: &str, input: Value) -> Value {
        let answer = self.answer(operation, input).await;
        assert!(answer.get("refused").is_none(), "{}, {step}: {answer}", self.provider);
        answer
    }

    /// Makes a call that must be refused in this way, and tells so.
    pub async fn refuses(&mut self, step: &str, operation: &str, input: Value, code: &str) {
        let answer = self.answer(operation, input).await;
        assert_eq!(answer["refused"], code, "{}, {step}: {answer}", self.provider);
        self.tell(step, answer);
    }

    /// Makes a call that must succeed where the kind can do it, and else be refused as unsupported.
    pub async fn does_if_it_can(&self, step: &str, operation: &str, input: Value) -> Option<Value> {
        if self.can(operation) {
            return Some(self.done(step, operation, input).await);
        }
        let answer = self.answer(operation, input).await;
        assert_eq!(answer["refused"], "unsupported", "{}, {step}: {answer}", self.provider);
        None
    }
}

/// Fields whose values are a provider's own: names of objects and people, and what has not come to rest yet or is counted
/// otherwise: whether a merge is possible or a fork is ready, what else is among the comments, what else a hook hears of,
/// how long the README is that a forge writes.
const OWN: [&str; 10] = [
    "id",
    "next_cursor",
    "total",
    "name",
    "email",
    "mergeable",
    "comments",
    "ready",
    "events",
    "size",
];

/// What differs from one provider to another by nature: names of instances, addresses, times, ids of objects, words that
/// are the provider's own.
fn alike(value: Value, provider: &str) -> Value {
    match value {
        Value::Object(fields) => {
            let own = |name: &str| {
                name.starts_with("raw_") || name.ends_with("_url") || name.ends_with("_at") || OWN.contains(&name)
            };
            // A file's name, a tag's and a job's are the caller's; a person's and an account's are the provider's.
            let person = fields.contains_key("login");
            let kept = fields
                .into_iter()
                .filter(|(name, _)| !own(name) || (name == "name" && !person));
            kept.map(|(name, field)| (name, alike(field, provider)))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.into_iter().map(|item| alike(item, provider)).collect(),
        Value::String(text) if is_object_id(&text) => "(an object)".into(),
        Value::String(text) => text.replace(provider, "(an instance)").into(),
        other => other,
    }
}

fn is_object_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Asserts that two told the same, but for steps and fields that only one of them has.
pub fn assert_same(one: &Story, other: &Story) {
    let mut faults = vec![];
    for (step, mine) in &one.told {
        if let Some((_, theirs)) = other.told.iter().find(|(told, _)| told == step) {
            differ(&format!("{step}: "), mine, theirs, &mut faults);
        }
    }
    let names = format!(
        "{} by {:?} and {} by {:?}",
        one.provider, one.way, other.provider, other.way
    );
    assert!(faults.is_empty(), "{names} differ:\n{}", faults.join("\n"));
}

fn differ(place: &str, one: &Value, other: &Value, faults: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for (name, mine) in one {
                if let Some(theirs) = other.get(name) {
                    differ(&format!("{place}/{name}"), mine, theirs, faults);
                }
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (mine, theirs)) in one.iter().zip(other).enumerate() {
                differ(&format!("{place}/{at}"), mine, theirs, faults);
            }
        }
        _ if one != other => faults.push(format!("{place}: {one} and {other}")),
        _ => {}
    }
}
