//! `provider=all`: one list asked of every instance, and their pages laid together.
//!
//! Invariant: each row names the instance that it is of, and an instance whose rows are missing is named in the `errors` of
//! each page that lacks them; a partial page never looks whole.
//!
//! The merged page's cursor holds the places of the instances that have more rows, and the next page asks these alone. Who
//! failed or had no turn keeps its place, and is asked again. Who cannot succeed again, by its failure or because its
//! cursor does not fit, is held by its name alone, so that the pages after this one name it too.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Head};
use mosaic_actors::error::{Failure, Kind};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::options::PROVIDER;
use super::{ALL, Calls, internal, is_list};
use crate::catalogue::cursor::{CursorKey, Parts, Place, Query};
use crate::catalogue::page::{PROVIDER as ORIGIN, PartialError};
use crate::catalogue::{Entry, Prepared};
use crate::leisure::{at_leisure, to_json};

/// The most instances that one request asks at once. Sixteen answers fit in memory beside each other; more belong in
/// several requests.
pub const MOST_INSTANCES: usize = 16;

/// An instance's cursor is short to this many bytes: little room would be won by leaving it out.
const MOST_BESIDE_NAME: usize = 64;

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
struct Merged {
    items: Box<RawValue>,
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
    each: Vec<(Place, Prepared)>,
    cursors: &CursorKey,
) -> Result<Answer, Failure> {
    if !is_list(entry) {
        return Err(Failure::invalid(
            PROVIDER,
            format!("provider=all is for lists; {} asks one instance", entry.name()),
        ));
    }
    let query = entry.query(&call.input)?;
    let (lost, mut asked): (Vec<_>, Vec<_>) = if each.is_empty() {
        let instances = calls.instances(call.operation, &call.caller).into_iter();
        let first = instances.map(|instance| ((instance, Place::First), call.clone()));
        (Vec::new(), first.collect())
    } else {
        let each = each.into_iter().filter_map(|each| going_on(&call, each));
        each.partition(|((_, place), _)| matches!(place, Place::Lost(_)))
    };
    if asked.is_empty() {
        let sentence = format!("no instance can do {}", entry.name());
        return Err(Failure::new(Kind::NoProvider, sentence).never_sent());
    }
    let unasked = asked.split_off(asked.len().min(MOST_INSTANCES));
    let (asked, its_calls): (Parts, Vec<_>) = asked.into_iter().unzip();
    let attempts = asked.iter().zip(its_calls).map(|((instance, _), mut call)| {
        call.provider = Some(instance.clone());
        calls.call(call)
    });
    let replies = join_all(attempts).await;
    let missing = unasked.into_iter().chain(lost).map(|(part, _)| part);
    merge(asked, replies, missing.collect(), &Seal { cursors, query })
}

/// The call that goes on at one of the instances of a cursor over all.
fn going_on(call: &Call, (place, each): (Place, Prepared)) -> Option<((Arc<str>, Place), Call)> {
    let mut next = call.clone();
    next.input = each.input;
    next.tags = each.tags;
    // What is kept out of the caches stays out.
    next.request_key = each.request_key.filter(|_| call.request_key.is_some());
    Some(((each.instance?, place), next))
}

/// Makes one cursor of several.
struct Seal<'a> {
    cursors: &'a CursorKey,
    query: Query,
}

impl Seal<'_> {
    /// An instance's own cursor, with where it has been, out of the one that it gave.
    fn native(&self, sealed: &str) -> Option<String> {
        let opened = self.cursors.open(&self.query, sealed);
        opened.ok().map(|opened| opened.walked())
    }

    /// The cursor over all that have more, and who of them is left out because it would be too long.
    fn over(&self, mut parts: Parts) -> (Option<String>, Vec<Arc<str>>) {
        let mut left_out = Vec::new();
        while parts.iter().any(|(_, place)| !matches!(place, Place::Lost(_))) {
            if let Some(sealed) = self.cursors.seal_all(&self.query, &parts) {
                return (Some(sealed), left_out);
            }
            // The longest cursor of an instance gives way to its name.
            match parts.iter_mut().max_by_key(|(_, place)| length(place)) {
                Some((instance, place)) if length(place) > MOST_BESIDE_NAME => {
                    *place = lost(Kind::Overloaded);
                    left_out.push(instance.clone());
                }
                // There are too many: one word stands for those that have no room.
                _ => {
                    parts.retain(|(instance, _)| **instance != *ALL);
                    left_out.extend(
                        parts
                            .pop()
                            .filter(|(_, place)| !matches!(place, Place::Lost(_)))
                            .map(|(it, _)| it),
                    );
                    parts.push((ALL.into(), lost(Kind::Overloaded)));
                }
            }
        }
        (None, left_out)
    }
}

/// Of an instance's own cursor.
fn length(place: &Place) -> usize {
    match place {
        Place::At(native) => native.len(),
        Place::First | Place::Lost(_) => 0,
    }
}

fn lost(kind: Kind) -> Place {
    Place::Lost(kind.code().to_owned())
}

/// Lays pages together; `missing` are those that were not asked.
fn merge(
    asked: Parts,
    replies: Vec<Result<Answer, Failure>>,
    missing: Parts,
    seal: &Seal<'_>,
) -> Result<Answer, Failure> {
    let mut head = empty_head();
    let mut pages = Vec::new();
    let mut errors = Vec::new();
    let mut more = Vec::new();
    let mut failures = Vec::new();
    for ((instance, place), reply) in asked.into_iter().zip(replies) {
        match reply.and_then(|answer| Ok((answer.head, whole(answer.body)?))) {
            Ok((its_head, page)) => {
                note(&mut head, &its_head);
                pages.push((instance, page));
            }
            Err(failure) => {
                errors.push(partial(&instance, &failure));
                let place = if failure.retryable { place } else { lost(failure.kind) };
                more.push((instance.clone(), place));
                failures.push((instance, failure));
            }
        }
    }
    if pages.is_empty() {
        return Err(none_answered(failures));
    }
    errors.extend(missing.iter().map(|(instance, place)| not_asked(instance, place)));
    more.extend(missing);
    let body = merged_body(&pages, more, errors, seal)?;
    Ok(Answer {
        head,
        body: Body::Bytes(body),
        value: None,
    })
}

/// What a list fails with that no instance has answered: each says for itself why, since one may want what another cannot.
fn none_answered(failures: Vec<(Arc<str>, Failure)>) -> Failure {
    let told = |(instance, failure): &(Arc<str>, Failure)| format!("{instance}: {}", failure.message());
    let sentence = failures.iter().map(told).collect::<Vec<_>>().join("; ");
    let several = failures.len() > 1;
    // Repeating it can help where it can with any.
    let most = failures.iter().position(|(_, failure)| failure.retryable).unwrap_or(0);
    match failures.into_iter().nth(most) {
        Some((_, first)) if several => first.saying(sentence),
        Some((instance, first)) => first.by(&instance),
        None => internal("no instance was asked"),
    }
}

/// `more` are those without a page, and what the cursor is to hold of them.
fn merged_body(
    pages: &[(Arc<str>, Bytes)],
    more: Parts,
    mut errors: Vec<PartialError>,
    seal: &Seal<'_>,
) -> Result<Bytes, Failure> {
    let mut items = Items::default();
    let mut total = Some(0_u64);
    let mut next = Vec::new();
    for (instance, page) in pages {
        let rows: Rows<'_> = at_leisure(page.len(), || serde_json::from_slice(page))
            .map_err(|error| internal("an instance's page is not a page").because(error))?;
        items.lay(rows.items, instance)?;
        total = total.zip(rows.total).map(|(sum, more)| sum.saturating_add(more));
        errors.extend(rows.errors);
        if rows.has_more {
            let native = rows.next_cursor.and_then(|sealed| seal.native(sealed));
            if native.is_none() {
                errors.push(no_way_on(instance));
            }
            next.push((
                instance.clone(),
                native.map_or_else(|| lost(Kind::UpstreamFailed), Place::At),
            ));
        }
    }
    // Who had no page comes last, so that who has no turn is the same on each page.
    next.extend(more);
    let (next_cursor, left_out) = seal.over(next);
    errors.extend(left_out.iter().map(|instance| not_held(instance)));
    let merged = Merged {
        items: items.whole()?,
        has_more: next_cursor.is_some(),
        next_cursor,
        // A sum is only the number of all rows where every instance was asked, answered and told.
        total: total.filter(|_| errors.is_empty()),
        errors,
    };
    to_json(&merged).map_err(unwritten)
}

/// What is read of a row.
#[derive(Deserialize)]
struct Told {
    provider: Option<IgnoredAny>,
}

/// Rows as they are written, with commas between them.
#[derive(Default)]
struct Items(String);

impl Items {
    /// Lays an instance's rows behind those that are there, and writes into each whose it is.
    fn lay(&mut self, rows: Vec<&RawValue>, instance: &str) -> Result<(), Failure> {
        let origin = serde_json::to_string(instance).map_err(unwritten)?;
        for row in rows {
            if !self.0.is_empty() {
                self.0.push(',');
            }
            // What is no object, or says something else by that word, stays as it is.
            let untold = serde_json::from_str::<Told>(row.get()).is_ok_and(|told| told.provider.is_none());
            match row.get().strip_suffix('}').filter(|_| untold) {
                Some(open) => {
                    let comma = if open.trim_end() == "{" { "" } else { "," };
                    self.0.push_str(open);
                    self.0.extend([comma, "\"", ORIGIN, "\":", &origin, "}"]);
                }
                None => self.0.push_str(row.get()),
            }
        }
        Ok(())
    }

    fn whole(self) -> Result<Box<RawValue>, Failure> {
        let text = format!("[{}]", self.0);
        at_leisure(text.len(), || RawValue::from_string(text)).map_err(unwritten)
    }
}

fn unwritten(error: serde_json::Error) -> Failure {
    internal("a merged page could not be serialised").because(error)
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

/// The merged head tells the worst: it is a hit only where every page was one, as old as the oldest page, and without
/// the rows that any of them skipped.
fn note(head: &mut Head, its: &Head) {
    head.attempts = head.attempts.saturating_add(its.attempts);
    head.age = head.age.max(its.age);
    head.skipped = head.skipped.saturating_add(its.skipped);
    head.emulated |= its.emulated;
    if rank(its.cache) > rank(head.cache) {
        head.cache = its.cache;
    }
}

const fn rank(cache: CacheStatus) -> u8 {
    match cache {
        CacheStatus::Hit => 0,
        CacheStatus::Collapsed => 1,
        CacheStatus::Revalidated => 2,
        CacheStatus::Miss => 3,
        CacheStatus::Bypass => 4,
        CacheStatus::Stale => 5,
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

fn not_asked(instance: &str, place: &Place) -> PartialError {
    match place {
        Place::Lost(code) => {
            let sentence = "it is missing since an earlier page, which says why; ask for it by name";
            cut(instance, code, sentence.to_owned())
        }
        Place::First | Place::At(_) => {
            let sentence =
                format!("provider=all asks at most {MOST_INSTANCES} instances at once, and this one had no turn yet");
            cut(instance, Kind::Overloaded.code(), sentence)
        }
    }
}

fn not_held(instance: &str) -> PartialError {
    let sentence = "it has more rows, and its place is too long to be one of several; ask this one by name";
    cut(instance, Kind::Overloaded.code(), sentence.to_owned())
}

fn no_way_on(instance: &str) -> PartialError {
    let sentence = "it has more rows, and gave no cursor that leads to them";
    cut(instance, Kind::UpstreamFailed.code(), sentence.to_owned())
}

/// Of what an instance has, all or the rest is missing, and repeating the page does not help.
fn cut(instance: &str, code: &str, message: String) -> PartialError {
    PartialError {
        provider: instance.to_owned(),
        code: code.to_owned(),
        message,
        retryable: false,
    }
}

#[cfg(test)]
mod tests {
    use mosaic_actors::error::Kind;

    use super::*;

    #[test]
    fn what_failed_everywhere_may_be_repeated_where_that_helps_anywhere() {
        let failed = |kind| (Arc::from("forge"), Failure::new(kind, "as told"));
        for (kinds, kind, retryable) in [
            (&[Kind::Unsupported, Kind::Overloaded][..], Kind::Overloaded, true),
            (&[Kind::Overloaded, Kind::Unsupported], Kind::Overloaded, true),
            (&[Kind::Unsupported, Kind::NotFound], Kind::Unsupported, false),
        ] {
            let failure = none_answered(kinds.iter().copied().map(failed).collect());
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{kinds:?}");
        }
    }
}
