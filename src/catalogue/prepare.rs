//! From an input to what a call is made of.
//!
//! Invariant: an input is parsed and checked exactly once, here, whichever surface it came through.

use std::sync::Arc;

use mosaic_actors::call::{AnyValue, Estimate, RequestKey, Resource, Tags};
use mosaic_actors::error::{Failure, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cursor::{CursorKey, Place, Query};
use super::op::{Op, Output};
use super::payload::{self, Counted};
use crate::wording::{self, Form};

/// What an input is called where none of its fields is at fault.
const WHOLE: &str = "input";

/// A parsed input, ready to become a call.
pub struct Prepared {
    /// What the call is about.
    pub resource: Resource,
    /// The tokens that it may take.
    pub estimate: Option<Estimate>,
    /// The size of its input as JSON, in bytes; of one that no key is made of, about so.
    pub payload_bytes: u64,
    /// The model that it names.
    pub model: Option<Arc<str>>,
    /// Equal for calls that are best asked of one provider.
    pub prefix: Option<u64>,
    /// The typed input.
    pub input: AnyValue,
    /// What its answer depends on, and what it changes.
    pub tags: Tags,
    /// The key of the canonical request; absent where the operation is not cacheable.
    pub request_key: Option<RequestKey>,
    /// The instance that a cursor pins.
    pub instance: Option<Arc<str>>,
    /// The same for each instance, with its own place, where the cursor is one over all.
    pub each: Vec<(Place, Prepared)>,
}

pub(super) fn prepare<O: Op>(input: Value, include_raw: bool, cursors: &CursorKey) -> Result<Prepared, Failure> {
    let size = || payload::about(&input);
    let size = O::DECLARATION.facts.cache.map_or_else(size, |_| 0);
    // As below: the place of a fault is sought only where there is one.
    let input = match O::Input::deserialize(&input) {
        Ok(input) => input,
        Err(_) => serde_path_to_error::deserialize(&input)
            .map_err(|error| wrong(&error.path().to_string(), &error.inner().to_string()))?,
    };
    prepare_read::<O>(input, size, include_raw, cursors)
}

/// Checks an input that is typed already, as a program that embeds the gateway gives it.
///
/// # Errors
/// `invalid_input` that names the field.
pub fn prepare_typed<O: Op>(input: O::Input, include_raw: bool, cursors: &CursorKey) -> Result<Prepared, Failure> {
    // Its fields' types refuse to be written where they are wrong; the canonical form is written for a key anyway.
    let mut size = Counted::default();
    if O::DECLARATION.facts.cache.is_none() {
        write_canonical(&input, &mut size)?;
    }
    prepare_read::<O>(input, size.0, include_raw, cursors)
}

/// Goes on with an input that is read; `size`: how long it is, where no key is made of it.
fn prepare_read<O: Op>(
    mut input: O::Input,
    size: u64,
    include_raw: bool,
    cursors: &CursorKey,
) -> Result<Prepared, Failure> {
    O::check(&input)?;
    let resource = O::resource(&input);
    let mut instance = None;
    let mut each = Vec::new();
    let query = match O::Output::cursor(&mut input) {
        Some(Some(_)) => Some(query::<O>(&input)?),
        _ => None,
    };
    if let Some(query) = query
        && let Some(cursor) = O::Output::cursor(&mut input)
        && let Some(sealed) = cursor.as_deref()
    {
        let opened = cursors.open(&query, sealed)?;
        if resource.instance().is_some_and(|pinned| *pinned != opened.instance) {
            return Err(Failure::invalid(
                "cursor",
                "this cursor belongs to another provider than the resource",
            ));
        }
        let parts = opened.parts();
        *cursor = match parts {
            None => Some(opened.walked().into()),
            Some(_) => None,
        };
        for (instance, place) in parts.unwrap_or_default() {
            let its = prepared::<O>(going_on::<O>(&input, &place)?, size, include_raw, Some(instance))?;
            each.push((place, its));
        }
        instance = Some(opened.instance);
    }
    Ok(Prepared {
        each,
        ..prepared::<O>(input, size, include_raw, instance)?
    })
}

/// A list's input, to go on from an instance's own place.
fn going_on<O: Op>(input: &O::Input, place: &Place) -> Result<O::Input, Failure> {
    let copied = fingerprint(input).map(serde_json::from_value::<O::Input>)?;
    let mut copy = copied.map_err(|error| wrong(".", &error.to_string()))?;
    if let Place::At(native) = place
        && let Some(cursor) = O::Output::cursor(&mut copy)
    {
        *cursor = Some(native.clone().into());
    }
    Ok(copy)
}

fn prepared<O: Op>(
    input: O::Input,
    size: u64,
    include_raw: bool,
    instance: Option<Arc<str>>,
) -> Result<Prepared, Failure> {
    let facts = &O::DECLARATION.facts;
    let resource = O::resource(&input);
    let (request_key, payload_bytes) = match facts.cache {
        Some(_) => {
            let (key, size) = request_key(facts.name, &input, include_raw)?;
            (Some(key), size)
        }
        None => (None, size),
    };
    Ok(Prepared {
        tags: O::tags(&input, &resource),
        estimate: O::estimate(&input),
        payload_bytes,
        model: O::model(&input, &resource),
        prefix: O::prefix(&input),
        resource,
        input: Arc::new(input),
        request_key,
        instance,
        each: Vec::new(),
    })
}

/// What the cursors of a list belong to that is asked with this input.
///
/// # Errors
/// `invalid_input` that names the field.
pub fn query<O: Op>(input: &O::Input) -> Result<Query, Failure> {
    Ok(Query::of(O::DECLARATION.facts.name, fingerprint(input)?))
}

/// As [`query`], of an input whose type is erased.
pub(super) fn query_of<O: Op>(input: &AnyValue) -> Result<Query, Failure> {
    match input.downcast_ref::<O::Input>() {
        Some(input) => query::<O>(input),
        None => {
            let sentence = format!("this is no input of {}", O::DECLARATION.facts.name);
            Err(Failure::new(Kind::Internal, sentence))
        }
    }
}

/// Typed inputs serialise their fields in declaration order, so equal inputs give equal bytes. With how many these are.
fn request_key(operation: &str, input: &impl Serialize, include_raw: bool) -> Result<(RequestKey, u64), Failure> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(operation.as_bytes());
    hasher.update(&[0, u8::from(include_raw)]);
    let mut canonical = Vec::with_capacity(128);
    write_canonical(input, &mut canonical)?;
    hasher.update(&canonical);
    Ok((*hasher.finalize().as_bytes(), canonical.len() as u64))
}

/// Writes an input as JSON; a field that breaks its type's rule is named.
fn write_canonical(input: &impl Serialize, to: impl std::io::Write) -> Result<(), Failure> {
    // To know the place of a fault costs a text for each key on the way: it is asked for only where there is a fault.
    if serde_json::to_writer(to, input).is_ok() {
        return Ok(());
    }
    let mut again = serde_json::Serializer::new(std::io::sink());
    let written = serde_path_to_error::serialize(input, &mut again);
    written.map_err(|error| wrong(&error.path().to_string(), &error.inner().to_string()))
}

/// A typed input as JSON, to be compared with others.
///
/// # Errors
/// `invalid_input` that names the field.
pub fn fingerprint(input: &impl Serialize) -> Result<Value, Failure> {
    write_canonical(input, std::io::sink())?;
    serde_json::to_value(input).map_err(|error| wrong(".", &error.to_string()))
}

/// The refusal of an input at `path`.
fn wrong(path: &str, words: &str) -> Failure {
    let wrong = wording::wrong(Form::Json, path, words);
    Failure::invalid(wrong.field(WHOLE), wrong.sentence(WHOLE))
}
