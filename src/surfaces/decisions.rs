//! Decision records at the public surface: beside an answer that was asked for it, by id, and of calls that are not made.
//!
//! Invariant: a caller is shown its own tenant's records alone; another's is unknown to it, in the same words as one that
//! never was.

use bytes::Bytes;
use http::HeaderValue;
use mosaic_actors::call::Caller;
use mosaic_actors::decision::Explained;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::request_id::RequestId;
use crate::catalogue::{Catalogue, Entry};
use crate::dispatch::options::OPTIONS;
use crate::dispatch::{Options, Unsent};
use crate::wording::nearest;

/// The member of an answer, and of a problem, that is its call's decision record.
pub const MEMBER: &str = "decision";

/// What the surface asks of those who keep decision records.
pub trait Decisions: Send + Sync + 'static {
    /// A record as its caller reads it.
    fn told(&self, decision: &Explained) -> Value;

    /// The records with this id of the caller's tenant, of operations that it was granted, the newest first. It takes of the
    /// tenant's rate what a call takes.
    ///
    /// # Errors
    /// `rate_limited`.
    fn of(&self, id: &str, caller: &Caller) -> Result<Vec<Value>, Failure>;

    /// Explains a call that is not made. It takes of the tenant's rate what a call takes.
    ///
    /// # Errors
    /// As the call would be refused by whoever may not make it.
    fn dry_run(&self, unsent: Unsent) -> BoxFuture<Result<Value, Failure>>;
}

/// What a call is asked for by where its path does not say it: a dry run, and each operation of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unmade {
    /// The operation's name.
    pub(super) operation: String,
    /// Its input.
    #[serde(default)]
    pub(super) input: Map<String, Value>,
    /// What is said beside it, by the options' names.
    #[serde(default)]
    options: Map<String, Value>,
}

impl Unmade {
    /// The operation.
    ///
    /// # Errors
    /// `invalid_input` on `operation`, with the nearest name.
    pub(super) fn entry(&self, catalogue: &Catalogue) -> Result<&'static Entry, Failure> {
        let unknown = || {
            let failure = Failure::invalid("operation", format!("there is no operation {}", self.operation));
            match nearest(&self.operation, catalogue.iter().map(Entry::name)) {
                Some(meant) => failure.also(&format!("did you mean {meant}?")),
                None => failure,
            }
        };
        catalogue.find(&self.operation).ok_or_else(unknown)
    }

    /// What is said beside the input, over what was said of it before.
    ///
    /// # Errors
    /// `invalid_input` naming the option.
    pub(super) fn options(&self, before: Options) -> Result<Options, Failure> {
        read_options(&self.options, before)
    }
}

/// What is said beside an input, by the options' names, over what was said of it before.
///
/// # Errors
/// `invalid_input` naming the option.
pub(super) fn read_options(said: &Map<String, Value>, mut options: Options) -> Result<Options, Failure> {
    for (name, value) in said {
        let known = OPTIONS.iter().find(|option| option.name == name);
        let option = known.ok_or_else(|| Failure::invalid(name, format!("{name} is no option of calls")))?;
        option.read(&texts(value), &mut options)?;
    }
    Ok(options)
}

/// As a query or a header would say it; several of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    }
}

/// That there is none with an id; said of another tenant's, too.
pub(crate) fn unknown() -> Failure {
    Failure::new(
        Kind::NotFound,
        "no decision record is kept under this id: old ones give way to new ones, and of answers from memory only a sample has one",
    )
}

/// Where a call's record is read.
pub(super) fn link(id: &RequestId) -> Option<HeaderValue> {
    let (mount, id) = (id.mount().path(), id.text());
    HeaderValue::try_from(format!("<{mount}/v1/explain/{id}>; rel=\"describedby\"")).ok()
}

/// A JSON object with the record as its last member; anything else as it is. Neither is read: an answer may be long.
pub(crate) fn beside(body: Bytes, decision: &Value) -> Bytes {
    let trimmed = body.trim_ascii_end();
    let Some(open) = trimmed.strip_suffix(b"}").filter(|open| open.starts_with(b"{")) else {
        return body;
    };
    let comma = match open.trim_ascii_end() {
        b"{" => "",
        _ => ",",
    };
    let member = format!("{comma}\"{MEMBER}\":{decision}}}");
    [open, member.as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::OPERATIONS;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn no_answer_has_a_member_of_that_name() {
        for entry in OPERATIONS.iter() {
            let schema = entry.output_schema.as_value();
            assert!(schema["properties"].get(MEMBER).is_none(), "{}", entry.name());
        }
    }

    proptest! {
        #[test]
        fn an_object_has_the_record_beside_what_it_had(
            fields in prop::collection::btree_map("[a-c]{1,3}", "\\PC{0,8}", 0..4),
            pretty: bool,
        ) {
            let object = json!(fields);
            let text = match pretty {
                true => format!("{}\n", serde_json::to_string_pretty(&object).unwrap()),
                false => object.to_string(),
            };
            let decision = json!({ "id": "7" });
            let mut told: Value = serde_json::from_slice(&beside(text.into(), &decision)).unwrap();
            prop_assert_eq!(told.as_object_mut().unwrap().remove(MEMBER), Some(decision));
            prop_assert_eq!(told, object);
        }

        #[test]
        fn anything_else_stays_as_it_is(body in "\\[[0-9, ]{0,9}\\]|\"\\PC{0,9}|[0-9]{0,9}") {
            let bytes = Bytes::from(body);
            prop_assert_eq!(beside(bytes.clone(), &json!({})), bytes);
        }
    }
}
