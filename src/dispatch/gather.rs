//! `provider=all`: one list asked of every instance, and their pages laid together.
//!
//! Invariant: an instance whose rows are missing is named in the page's `errors`; a partial page never looks whole.
//!
//! The merged page's cursor holds those of the instances that have more rows, and the next page asks these alone. Who
//! failed is named, and not asked again: a cursor of its own is to be had by asking it by name.

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
use crate::catalogue::cursor::CursorKey;
use crate::catalogue::page::PartialError;
use crate::catalogue::{Entry, Prepared};

/// The most instances that one request asks at once. Sixteen answers fit in memory beside each other; more belong in
/// several requests.
pub const MOST_INSTANCES: usize = 16;

/// What is read of an instance's page. The rows stay the bytes that they are.
#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    next_cursor: Option<&'a str>,
    has_more: bool,
    total: Option<u64>,
    #[serde(default)]
    errors: Vec<PartialError>,
}

#[derive(Serialize)]
struct Merged<'a> {
    items: Vec<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<PartialError>,
}

/// Asks every instance that can serve `call`, each with a call of its own under the same deadline; with a cursor over all,
/// `each` of those that it holds.
pub(super) async fn gather(
    calls: &dyn Calls,
    entry: &Entry,
    call: Call,
    each: Vec<Prepared>,
    cursors: &CursorKey,
) -> Result<Answer, Failure> {
    if !is_list(entry) {
        return Err(Failure::invalid(
            PROVIDER,
            format!("provider=all is for lists; {} asks one instance", entry.name()),
        ));
    }
    let mut asked: Vec<(Arc<str>, Call)> = if each.is_empty() {
        let instances = calls.instances(call.operation, &call.caller).into_iter();
        instances.map(|instance| (instance, call.clone())).collect()
    } else {
        each.into_iter().filter_map(|each| going_on(&call, each)).collect()
    };
    if asked.is_empty() {
        let sentence = format!("no instance can do {}", entry.name());
        return Err(Failure::new(Kind::NoProvider, sentence).never_sent());
    }
    let unasked = asked.split_off(asked.len().min(MOST_INSTANCES));
    let (instances, asked): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let attempts = instances.iter().zip(asked).map(|(instance, mut call)| {
        call.provider = Some(instance.clone());
        calls.call(call)
    });
    let replies = join_all(attempts).await;
    let unasked: Vec<_> = unasked.into_iter().map(|(instance, _)| instance).collect();
    let seal = Seal { cursors, entry };
    merge(&instances, replies, &unasked, &seal)
}

/// The call that goes on at one of the instances of a cursor over all.
fn going_on(call: &Call, each: Prepared) -> Option<(Arc<str>, Call)> {
    let mut next = call.clone();
    next.input = each.input;
    next.tags = each.tags;
    // What is kept out of the caches stays out.
    next.request_key = each.request_key.filter(|_| call.request_key.is_some());
    Some((each.instance?, next))
}

/// Makes one cursor of several.
struct Seal<'a> {
    cursors: &'a CursorKey,
    entry: &'a Entry,
}

impl Seal<'_> {
    /// An instance's own cursor, out of the one that it gave.
    fn native(&self, sealed: &str) -> Option<String> {
        let opened = self.cursors.open(self.entry.name(), sealed);
        opened.ok().map(|opened| opened.native)
    }

    /// The cursor over all that have more, and who of them is left out because it would be too long.
    fn over(&self, mut more: Vec<(Arc<str>, String)>) -> (Option<String>, Vec<Arc<str>>) {
        let mut left_out = Vec::new();
        while !more.is_empty() {
            if let Some(sealed) = self.cursors.seal_all(self.entry.name(), &more) {
                return (Some(sealed), left_out);
            }
            left_out.extend(more.pop().map(|(instance, _)| instance));
        }
        (None, left_out)
    }
}

fn merge(
    instances: &[Arc<str>],
    replies: Vec<Result<Answer, Failure>>,
    unasked: &[Arc<str>],
    seal: &Seal<'_>,
) -> Result<Answer, Failure> {
    let mut head = empty_head();
    let mut pages = Vec::new();
    let mut errors = Vec::new();
    let mut first_failure = None;
    for (instance, reply) in instances.iter().zip(replies) {
        match reply.and_then(|answer| Ok((answer.head, whole(answer.body)?))) {
            Ok((its_head, page)) => {
                note(&mut head, &its_head);
                pages.push((instance.clone(), page));
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
    let body = merged_body(&pages, errors, seal)?;
    Ok(Answer {
        head,
        body: Body::Bytes(body),
        value: None,
    })
}

fn merged_body(pages: &[(Arc<str>, Bytes)], errors: Vec<PartialError>, seal: &Seal<'_>) -> Result<Bytes, Failure> {
    let mut merged = Merged {
        items: Vec::new(),
        next_cursor: None,
        has_more: false,
        total: Some(0),
        errors,
    };
    let mut more = Vec::new();
    for (instance, page) in pages {
        let rows: Rows<'_> = serde_json::from_slice(page)
            .map_err(|error| internal("an instance's page is not a page").because(error))?;
        merged.items.extend(rows.items);
        merged.has_more |= rows.has_more;
        merged.total = merged.total.zip(rows.total).map(|(sum, more)| sum.saturating_add(more));
        merged.errors.extend(rows.errors);
        let native = rows
            .next_cursor
            .filter(|_| rows.has_more)
            .and_then(|sealed| seal.native(sealed));
        more.extend(native.map(|native| (instance.clone(), native)));
    }
    let (next, left_out) = seal.over(more);
    merged.next_cursor = next;
    merged.errors.extend(left_out.iter().map(|instance| not_held(instance)));
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
    let sentence = format!("provider=all asks at most {MOST_INSTANCES} instances; ask this one by name");
    cut(instance, sentence)
}

fn not_held(instance: &str) -> PartialError {
    let sentence = "it has more rows, and its cursor is too long to be one of several; ask this one by name";
    cut(instance, sentence.to_owned())
}

/// Of what an instance has, all or the rest is missing for a bound of ours.
fn cut(instance: &str, message: String) -> PartialError {
    PartialError {
        provider: instance.to_owned(),
        code: Kind::Overloaded.code().to_owned(),
        message,
        retryable: false,
    }
}
