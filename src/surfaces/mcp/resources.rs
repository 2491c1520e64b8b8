//! Reads as resources: what an operation reads has an address, and can be read by it, part by part.
//!
//! Invariant: an address is REST's path and query, read by the same code; a resource is there for whom its operation is.

use mosaic_actors::call::{Answer, Body};
use mosaic_actors::error::{Failure, Kind};
use rmcp::model::{
    CacheScope, JsonObject, MetaObject, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};
use serde_json::{Value, json};

use super::super::rest::input::from_url;
use super::super::rest::routes::{Resolved, placeholders};
use super::ground::Ground;
use super::portion::Portion;
use super::uri;
use super::visit::{PREFIX, Visit, Visitor};
use crate::catalogue::{Entry, Method};
use crate::dispatch::Invocation;

/// Those that need nothing to be read: lists of what there is.
pub(super) fn roots(ground: &Ground, visitor: &Visitor) -> Vec<Resource> {
    let shown = ground.shown(visitor).map(|shaped| shaped.entry);
    let roots = shown.filter(|entry| uri::is_resource(entry) && !entry.fields.iter().any(|field| field.required));
    let told = roots.filter_map(|entry| {
        let uri = uri::of(entry, &JsonObject::new(), None)?;
        Some(
            Resource::new(uri, entry.name())
                .with_title(entry.declaration.summary)
                .with_mime_type(media_type(entry)),
        )
    });
    told.collect()
}

/// The templates of all others.
pub(super) fn templates(ground: &Ground, visitor: &Visitor) -> Vec<ResourceTemplate> {
    let shown = ground.shown(visitor).map(|shaped| shaped.entry);
    let read = shown.filter(|entry| uri::is_resource(entry) && placeholders(entry.declaration.path).next().is_some());
    let told = read.map(|entry| {
        let template = ResourceTemplate::new(uri::template(entry), entry.name()).with_title(entry.declaration.summary);
        match entry.declaration.bytes {
            true => template,
            false => template.with_mime_type(media_type(entry)),
        }
    });
    told.collect()
}

fn media_type(entry: &Entry) -> &'static str {
    match entry.declaration.bytes {
        true => "application/octet-stream",
        false => "application/json",
    }
}

/// Reads one, or the part of it that the address names.
///
/// # Errors
/// `not_found` where there is none, for this visitor; `invalid_input` on what the address says; what its call fails with.
pub(super) async fn read(ground: &Ground, address: &str, visit: &mut Visit) -> Result<ReadResourceResult, Failure> {
    let cancelled = visit.cancelled.clone();
    tokio::select! {
        biased;
        () = cancelled.cancelled() => Err(Failure::new(Kind::Cancelled, "the client has cancelled the call")),
        read = portion(ground, address, visit) => read,
    }
}

async fn portion(ground: &Ground, address: &str, visit: &mut Visit) -> Result<ReadResourceResult, Failure> {
    let place = uri::read(address)?;
    let unknown = || Failure::new(Kind::NotFound, "no resource is called so");
    let Resolved::Found(found) = ground.routes.resolve(Method::Get, place.path)? else {
        return Err(unknown());
    };
    if !uri::is_resource(found.entry) || !ground.is_there(found.entry, &visit.visitor) {
        return Err(unknown());
    }
    let (fields, mut options) = from_url(found.entry, found.values, place.query)?;
    let said = visit.options()?;
    for (option, text) in said.said() {
        option.read(&[text], &mut options)?;
    }
    options.request_id = said.request_id;
    options.arrived = said.arrived;
    let invocation = Invocation {
        entry: found.entry,
        input: Value::Object(fields),
        caller: visit.visitor.caller.clone(),
        options,
        upload: None,
    };
    let progress = &mut visit.progress;
    let Answer { body, .. } = progress.meanwhile(ground.offer.dispatcher.invoke(invocation)).await?;
    let most = ground.offer.max_answer;
    let (portion, media_type) = match body {
        Body::Bytes(bytes) => (
            Portion::of_whole(&bytes, place.from, most),
            "application/json".to_owned(),
        ),
        Body::Raw(stream) => {
            let media_type = stream.media_type.to_string();
            let portion = progress.meanwhile(Portion::of(stream.bytes, place.from, most));
            (portion.await?, media_type)
        }
        Body::Stream(_) => return Err(unknown()),
    };
    let mut contents = portion.read(address, &media_type);
    if portion.more {
        contents = leading_on(contents, &place.behind(portion.bytes.len()));
    }
    Ok(ReadResourceResult::new(vec![contents])
        .with_ttl_ms(0)
        .with_cache_scope(CacheScope::Private))
}

/// The same, with the address of what follows.
fn leading_on(contents: ResourceContents, next: &str) -> ResourceContents {
    contents.with_meta(MetaObject(JsonObject::from_iter([(
        format!("{PREFIX}next"),
        json!(next),
    )])))
}
