//! The surfaces, each as a way to make a call and to take what it brings out of its envelope.
//!
//! Invariant: a way knows the catalogue and its surface's grammar, and no operation.

mod cli;
mod graphql;
mod graphql_schema;
mod mcp;
mod rest;
mod rust;
mod typed;

use futures_util::future::BoxFuture;
use mosaic::catalogue::{Entry, find};
use mosaic::dispatch::Options;
use mosaic::embed::upload;
use mosaic_actors::stream::Upload;
use serde_json::{Map, Value};

use crate::neutral::Told;
use crate::row::{Key, Step};
use crate::stage::Stage;

/// A call to be made.
pub struct Asked {
    pub entry: &'static Entry,
    pub input: Map<String, Value>,
    pub options: Options,
    pub key: Key,
    /// A file: its media type, its name and its text.
    pub file: Option<(&'static str, &'static str, &'static str)>,
}

/// A surface.
pub trait Way: Sync {
    fn name(&self) -> &'static str;

    /// Whether who calls is known by a key.
    fn has_keys(&self) -> bool {
        true
    }

    /// Makes a call.
    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told>;
}

/// All of them. With the first that can make a row's calls the others are compared.
pub const WAYS: &[&dyn Way] = &[
    &rust::Invoked,
    &typed::Typed,
    &rest::Rest,
    &graphql::Graphql,
    &mcp::Mcp,
    &cli::Cli,
];

impl Asked {
    /// What a step asks, with what earlier answers give to it.
    pub fn of(step: &Step, answers: &[Value]) -> Asked {
        let entry = find(step.operation).unwrap_or_else(|| panic!("there is no operation {}", step.operation));
        let Value::Object(input) = filled(step.input.clone(), answers) else {
            panic!("an input is an object");
        };
        Asked {
            entry,
            input,
            options: step.options.clone(),
            key: step.key,
            file: step.file,
        }
    }
}

impl Asked {
    /// The file for a program.
    fn upload(&self) -> Option<Upload> {
        let (media_type, name, text) = self.file?;
        Some(upload::bytes(media_type, text).named(name))
    }
}

/// `$0/items/0/id` is what stands there in the first answer.
fn filled(value: Value, answers: &[Value]) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, filled(value, answers)));
            Value::Object(fields.collect())
        }
        Value::Array(values) => values.into_iter().map(|value| filled(value, answers)).collect(),
        Value::String(text) => match text.strip_prefix('$').and_then(|rest| rest.split_once('/')) {
            Some((step, place)) => {
                let answer = &answers[step.parse::<usize>().expect("a step's number")];
                // Where that step failed, this one does as well.
                answer
                    .pointer(&format!("/{place}"))
                    .cloned()
                    .unwrap_or(Value::String(text))
            }
            None => Value::String(text),
        },
        other => other,
    }
}
