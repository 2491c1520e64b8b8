//! `provider=all`: one list asked of every instance, and their pages laid together.
//!
//! Invariant: an instance whose rows are missing is named in the page's `errors`; a partial page never looks whole.
//!
//! The merged page has no cursor, because the instances' own cursors cannot be advanced as one: `has_more` says that
//! some instance has more rows, and asking that instance by name pages through them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Head};
use mosaic_actors::error::{Failure, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::options::PROVIDER;
use super::{ALL, Calls, internal, is_list};
use crate::catalogue::Entry;
use crate::catalogue::page::PartialError;

/// The most instances that one request asks at once. Sixteen answers fit in memory beside each other; more belong in
/// several requests.
pub const MOST_INSTANCES: usize = 16;

/// What is read of an instance's page. The rows stay the bytes that they are.
#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    has_more: bool,
    total: Option<u64>,
    #[serde(default)]
    errors: Vec<PartialError>,
}

#[derive(Serialize)]
struct Merged<'a> {
    items: Vec<&'a RawValue>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<PartialError>,
}

/// Asks every instance that can serve `call`, each with a call of its own under the same deadline.
pub(super) async fn gather(calls: &dyn Calls, entry: &Entry, call: Call) -> Result<Answer, Failure> {
    if !is_list(entry) {
        return Err(Failure::invalid(
            PROVIDER,
            format!("provider=all is for lists; {} asks one instance", entry.name()),
        ));
    }
    let mut instances = calls.instances(call.operation, &call.caller);
    if instances.is_empty() {
        let sentence = format!("no instance can do {}", entry.name());
        return Err(Failure::new(Kind::NoProvider, sentence).never_sent());
    }
    let unasked = instances.split_off(instances.len().min(MOST_INSTANCES));
    let attempts = instances.iter().map(|instance| {
        let mut call = call.clone();
        call.provider = Some(instance.clone());
        calls.call(call)
    });
    let replies = join_all(attempts).await;
    merge(&instances, replies, &unasked)
}

fn merge(
    instances: &[Arc<str>],
    replies: Vec<Result<Answer, Failure>>,
    unasked: &[Arc<str>],
) -> Result<Answer, Failure> {
    let mut head = empty_head();
    let mut pages = Vec::new();
    let mut errors = Vec::new();
    let mut first_failure = None;
    for (instance, reply) in instances.iter().zip(replies) {
        match reply.and_then(|answer| Ok((answer.head, whole(answer.body)?))) {
            Ok((its_head, page)) => {
                note(&mut head, &its_head);
                pages.push(page);
            }
            Err(failure) => {
                errors.push(partial(instance, &failure));
                first_failure.get_or_insert_with(|| failure.by(instance));
            }
        }
    }
    if pages.is_empty() {
        return Err(first_failure.unwrap_or_else(|| internal("no instance was asked")));
    }
    errors.extend(unasked.iter().map(|instance| not_asked(instance)));
    let body = merged_body(&pages, errors)?;
    Ok(Answer {
        head,
        body: Body::Bytes(body),
        value: None,
    })
}

fn merged_body(pages: &[Bytes], errors: Vec<PartialError>) -> Result<Bytes, Failure> {
    let mut merged = Merged {
        items: Vec::new(),
        has_more: false,
        total: Some(0),
        errors,
    };
    for page in pages {
        let rows: Rows<'_> = serde_json::from_slice(page)
            .map_err(|error| internal("an instance's page is not a page").because(error))?;
        merged.items.extend(rows.items);
        merged.has_more |= rows.has_more;
        merged.total = merged.total.zip(rows.total).map(|(sum, more)| sum.saturating_add(more));
        merged.errors.extend(rows.errors);
    }
    // A sum is only the number of all rows where every instance was asked, answered and told.
    if !merged.errors.is_empty() {
        merged.total = None;
    }
    serde_json::to_vec(&merged)
        .map(Bytes::from)
        .map_err(|error| internal("a merged page could not be serialised").because(error))
}

fn whole(body: Body) -> Result<Bytes, Failure> {
    match body {
        Body::Bytes(bytes) => Ok(bytes),
        Body::Stream(_) | Body::Raw(_) => Err(internal("a list did not answer with a page")),
    }
}

fn empty_head() -> Head {
    Head {
        attempts: 0,
        cache: CacheStatus::Hit,
        age: Duration::ZERO,
        ..Head::json(Arc::from(ALL))
    }
}

/// The merged head tells the worst: it is a hit only where every page was one, and as old as the oldest page.
fn note(head: &mut Head, its: &Head) {
    head.attempts = head.attempts.saturating_add(its.attempts);
    head.age = head.age.max(its.age);
    if rank(its.cache) > rank(head.cache) {
        head.cache = its.cache;
    }
}

const fn rank(cache: CacheStatus) -> u8 {
    match cache {
        CacheStatus::Hit => 0,
        CacheStatus::Collapsed => 1,
        CacheStatus::Miss => 2,
        CacheStatus::Bypass => 3,
        CacheStatus::Stale => 4,
    }
}

fn partial(instance: &str, failure: &Failure) -> PartialError {
    PartialError {
        provider: instance.to_owned(),
        code: failure.kind.code().to_owned(),
        message: failure.message().to_owned(),
        retryable: failure.retryable,
    }
}

fn not_asked(instance: &str) -> PartialError {
    PartialError {
        provider: instance.to_owned(),
        code: Kind::Overloaded.code().to_owned(),
        message: format!("provider=all asks at most {MOST_INSTANCES} instances; ask this one by name"),
        retryable: false,
    }
}
