//! A repository's secret.
//!
//! Invariant: its value is taken and never shown again, in no answer and no log.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a secret can be given to.
const EVENTS: [&str; 9] = [
    "push",
    "pull_request",
    "pull_request_closed",
    "pull_request_metadata",
    "tag",
    "release",
    "deployment",
    "cron",
    "manual",
];

#[derive(Clone, Debug)]
pub(crate) struct Secret {
    id: u64,
    pub name: String,
    value: SecretString,
    images: Vec<String>,
    events: Vec<String>,
    note: String,
}

/// What a client sends; in a change, what is absent stays.
#[derive(Deserialize)]
pub(crate) struct Given {
    pub name: Option<String>,
    value: Option<SecretText>,
    images: Option<Vec<String>>,
    events: Option<Vec<String>>,
    note: Option<String>,
}

/// A value on its way in.
#[derive(Deserialize)]
pub(crate) struct SecretText(String);

impl Secret {
    /// One without a value, which a change gives it.
    pub fn new(id: u64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            value: String::new().into(),
            images: Vec::new(),
            events: Vec::new(),
            note: String::new(),
        }
    }

    pub fn change(&mut self, given: Given) {
        if let Some(SecretText(value)) = given.value.filter(|value| !value.0.is_empty()) {
            self.value = value.into();
        }
        self.images = given.images.unwrap_or_else(|| std::mem::take(&mut self.images));
        self.events = given.events.unwrap_or_else(|| std::mem::take(&mut self.events));
        self.note = given.note.unwrap_or_else(|| std::mem::take(&mut self.note));
    }

    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.name.is_empty() {
            return Err("empty secret name");
        }
        if self.value.expose_secret().is_empty() {
            return Err("empty secret value");
        }
        if self.events.is_empty() {
            return Err("no secret event specified");
        }
        match self.events.iter().all(|event| EVENTS.contains(&event.as_str())) {
            true => Ok(()),
            false => Err("invalid secret event"),
        }
    }

    pub fn shown(&self, repo: u64) -> Value {
        json!({
            "id": self.id,
            "org_id": 0,
            "repo_id": repo,
            "name": self.name,
            "images": self.images,
            "events": self.events,
            "note": self.note,
        })
    }
}
