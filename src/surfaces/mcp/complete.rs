//! Completion: the values that an argument of a prompt or a placeholder of a template may have.
//!
//! Invariant: values are read from lists that the catalogue has, by one call of the caller's own; where no list tells them,
//! there are none.

use mosaic_actors::call::Body;
use mosaic_actors::error::{Failure, Kind};
use rmcp::model::{CompleteRequestParams, CompletionInfo, JsonObject, Reference};
use serde_json::{Value, json};

use super::super::rest::routes::{Resolved, build, placeholders};
use super::ground::Ground;
use super::uri;
use super::visit::Visit;
use crate::catalogue::{Entry, Method};
use crate::dispatch::Invocation;
use crate::dispatch::options::PROVIDER;

/// Rows of a list that are looked at.
const ROWS: u32 = 100;

/// What an argument may be, of what begins as it is written.
///
/// # Errors
/// What the call of a list fails with.
pub(super) async fn complete(
    ground: &Ground,
    request: &CompleteRequestParams,
    visit: &mut Visit,
) -> Result<CompletionInfo, Failure> {
    let argument = &request.argument;
    let known = request.context.as_ref().and_then(|context| context.arguments.as_ref());
    let known = known
        .into_iter()
        .flatten()
        .map(|(name, text)| (name.clone(), json!(text)));
    let known: JsonObject = known.collect();
    let all = if argument.name == PROVIDER || argument.name == "instance" {
        let instances = (ground.offer.capabilities)(&visit.visitor.caller);
        instances.iter().map(|instance| instance.instance.to_string()).collect()
    } else {
        match listing(ground, &request.r#ref, &argument.name, &known) {
            Some((list, input)) => ids(ground, list, input, visit).await?,
            None => Vec::new(),
        }
    };
    let begun = argument.value.to_lowercase();
    let fit = all.into_iter().filter(|value| value.to_lowercase().contains(&begun));
    let mut values: Vec<String> = fit.collect();
    let more = values.len() > CompletionInfo::MAX_VALUES;
    values.truncate(CompletionInfo::MAX_VALUES);
    let total = (!more).then(|| u32::try_from(values.len()).unwrap_or(u32::MAX));
    let completed = CompletionInfo::with_pagination(values, total, more);
    completed.map_err(|why| Failure::new(Kind::Internal, why))
}

/// The list that tells the values of a name: what stands before it in a path is one.
fn listing(
    ground: &Ground,
    reference: &Reference,
    name: &str,
    known: &JsonObject,
) -> Option<(&'static Entry, JsonObject)> {
    let of_template = |entry: &&Entry| match reference {
        Reference::Resource(resource) => uri::template(entry) == resource.uri,
        _ => true,
    };
    let has_name = |entry: &&'static Entry| placeholders(entry.declaration.path).any(|given| given == name);
    let mut having = ground.catalogue().iter().filter(of_template).filter(has_name);
    having.find_map(|entry| before(ground, entry, name, known))
}

fn before(
    ground: &Ground,
    entry: &'static Entry,
    name: &str,
    known: &JsonObject,
) -> Option<(&'static Entry, JsonObject)> {
    let path = build(entry, |given| match given == name {
        true => MARK.to_owned(),
        false => known.get(given).map(uri::text_of).unwrap_or_default(),
    });
    let (path, _) = path.split_once(&format!("/{MARK}"))?;
    let Ok(Resolved::Found(found)) = ground.routes.resolve(Method::Get, path) else {
        return None;
    };
    let input: JsonObject = found
        .values
        .into_iter()
        .map(|(name, text)| (name.to_owned(), json!(text)))
        .collect();
    let needs = found.entry.fields.iter().filter(|field| field.required);
    let whole = needs.map(|field| &field.name).all(|name| input.contains_key(name));
    (found.entry.declaration.facts.list && whole).then_some((found.entry, input))
}

/// Stands in a path for what is to be completed. No name of a segment is so.
const MARK: &str = "-.-";

/// The ids of a list's first rows, where the list is there for the visitor.
async fn ids(
    ground: &Ground,
    list: &'static Entry,
    mut input: JsonObject,
    visit: &mut Visit,
) -> Result<Vec<String>, Failure> {
    if !ground.is_there(list, &visit.visitor) {
        return Ok(Vec::new());
    }
    if list.field("limit").is_some() {
        input.insert("limit".to_owned(), json!(ROWS));
    }
    let invocation = Invocation {
        entry: list,
        input: Value::Object(input),
        caller: visit.visitor.caller.clone(),
        options: visit.options()?,
        upload: None,
    };
    let answer = visit
        .progress
        .meanwhile(ground.offer.dispatcher.invoke(invocation))
        .await?;
    let Body::Bytes(bytes) = answer.body else {
        return Ok(Vec::new());
    };
    let page: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let rows = page["items"].as_array().into_iter().flatten();
    Ok(rows.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect())
}
