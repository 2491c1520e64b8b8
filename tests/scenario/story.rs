//! A story told at one provider, and what two of them must have in common.
//!
//! Invariant: what is compared is what a caller sees: neutral answers, and the codes and fields of refusals.

use serde_json::{Map, Value, json};

use crate::harness::Gateway;

/// What becomes of a story, step by step.
pub struct Story<'g> {
    gateway: &'g Gateway,
    pub provider: String,
    pub told: Vec<(String, Value)>,
}

impl<'g> Story<'g> {
    pub fn at(gateway: &'g Gateway, provider: &str) -> Self {
        Story {
            gateway,
            provider: provider.to_owned(),
            told: vec![],
        }
    }

    /// Makes a call; its answer, or its refusal.
    pub async fn answer(&self, call: (&str, String), body: Value) -> Value {
        let (method, path) = call;
        let sign = if path.contains('?') { '&' } else { '?' };
        let address = format!("{path}{sign}provider={}", self.provider);
        let body = (!body.is_null()).then_some(&body);
        let reply = self.gateway.send(method, &address, body).await;
        match reply.status {
            200 => reply.json(),
            _ => {
                let problem = reply.json();
                let mut refused = json!({ "refused": problem["code"] });
                // Not every provider says which of the things that were named is not there.
                if problem["field"].is_string() {
                    refused["field"] = problem["field"].clone();
                }
                refused
            }
        }
    }

    /// The events of a stream, without its last, which only says that it was whole.
    pub async fn events(&self, path: &str) -> Vec<Value> {
        let text = self.whole(path).await;
        let text = String::from_utf8(text).expect("UTF-8");
        let done = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        assert!(done.contains("event: done"), "{}: {text}", self.provider);
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let mut events: Vec<Value> = data.map(|json| serde_json::from_str(json).expect("JSON")).collect();
        events.pop();
        events
    }

    /// The bytes of a file.
    pub async fn bytes(&self, path: &str) -> usize {
        self.whole(path).await.len()
    }

    async fn whole(&self, path: &str) -> Vec<u8> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let url = format!("http://{}{path}{sign}provider={}", self.gateway.public, self.provider);
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

    /// Makes a call, and tells its answer or its refusal.
    pub async fn told(&mut self, step: &str, call: (&str, String), body: Value) -> Value {
        let answer = self.answer(call, body).await;
        self.tell(step, answer.clone());
        answer
    }

    /// The same of one that must succeed and say these things.
    pub async fn tells(&mut self, step: &str, call: (&str, String), body: Value, says: &[&str]) -> Value {
        let answer = self.told(step, call, body).await;
        assert!(answer.get("refused").is_none(), "{}, {step}: {answer}", self.provider);
        for field in says {
            let found = answer.pointer(&format!("/{field}"));
            assert!(found.is_some(), "{}, {step}: no {field} in {answer}", self.provider);
        }
        answer
    }

    /// The same of one that must be refused in this way.
    pub async fn refuses(&mut self, step: &str, call: (&str, String), body: Value, code: &str) {
        let answer = self.told(step, call, body).await;
        assert_eq!(answer["refused"], code, "{}, {step}: {answer}", self.provider);
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

/// Asserts that two providers told the same, but for steps and fields that only one of them has.
pub fn assert_same(one: &Story<'_>, other: &Story<'_>) {
    let mut faults = vec![];
    for (step, mine) in &one.told {
        if let Some((_, theirs)) = other.told.iter().find(|(told, _)| told == step) {
            differ(&format!("{step}: "), mine, theirs, &mut faults);
        }
    }
    let names = format!("{} and {}", one.provider, other.provider);
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
