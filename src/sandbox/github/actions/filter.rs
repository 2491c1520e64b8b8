//! Which runs a list is asked for.
//!
//! Invariant: a filter that cannot be read is refused, never passed over.

use jiff::Timestamp;

use super::words;
use crate::sandbox::ci::Run;
use crate::sandbox::github::problem::Problem;
use crate::sandbox::kit::query::Params;

/// The words that `status` may be.
const STATUSES: &[&str] = &[
    "completed",
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "stale",
    "success",
    "timed_out",
    "in_progress",
    "queued",
    "requested",
    "waiting",
    "pending",
];

/// A filter, as a query asks for it.
pub(crate) struct Filter<'a> {
    params: &'a Params,
    created: Option<Range>,
}

/// Seconds since the epoch, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range(i64, i64);

impl<'a> Filter<'a> {
    pub fn of(params: &'a Params) -> Result<Self, Problem> {
        if let Some(status) = params.get("status")
            && !STATUSES.contains(&status)
        {
            return Err(Problem::unprocessable(format!("Invalid status: {status}")));
        }
        let created = params.get("created");
        let created = created
            .map(|text| range(text).ok_or_else(|| Problem::unprocessable(format!("Invalid created: {text}"))))
            .transpose()?;
        Ok(Self { params, created })
    }

    pub fn takes(&self, run: &Run) -> bool {
        let asked = |name: &str, value: &str| self.params.get(name).is_none_or(|asked| asked == value);
        let (status, conclusion) = words::of_run(run, run.stage());
        let at = run.created_at.as_second();
        asked("branch", &run.branch)
            && asked("event", words::event(run.event))
            && asked("actor", &run.actor)
            && asked("head_sha", &run.commit)
            && self
                .params
                .get("status")
                .is_none_or(|asked| asked == status || Some(asked) == conclusion)
            && self.created.is_none_or(|Range(from, to)| (from..=to).contains(&at))
    }
}

/// `T`, `>T`, `>=T`, `<T`, `<=T`, `T..T`, and `*` for an open end; T is a day or a time.
fn range(text: &str) -> Option<Range> {
    let (first, last) = (i64::MIN, i64::MAX);
    if let Some((from, to)) = text.split_once("..") {
        let end = |text: &str, open| if text == "*" { Some(open) } else { second(text) };
        return Some(Range(end(from, first)?, end(to, last)?));
    }
    if let Some(from) = text.strip_prefix(">=") {
        return Some(Range(second(from)?, last));
    }
    if let Some(to) = text.strip_prefix("<=") {
        return Some(Range(first, second(to)?));
    }
    if let Some(from) = text.strip_prefix('>') {
        return Some(Range(second(from)? + 1, last));
    }
    if let Some(to) = text.strip_prefix('<') {
        return Some(Range(first, second(to)? - 1));
    }
    let at = second(text)?;
    // A day by itself is the whole of it.
    Some(Range(at, if text.contains('T') { at } else { at + 86_399 }))
}

fn second(text: &str) -> Option<i64> {
    let time: Option<Timestamp> = match text.contains('T') {
        true => text.parse().ok(),
        false => format!("{text}T00:00:00Z").parse().ok(),
    };
    time.map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_ends_that_it_names() {
        assert_eq!(range(">=1970-01-01T00:00:10Z"), Some(Range(10, i64::MAX)));
        assert_eq!(range("<1970-01-01T00:00:10Z"), Some(Range(i64::MIN, 9)));
        assert_eq!(range("1970-01-01"), Some(Range(0, 86_399)));
        assert_eq!(range("*..1970-01-01T00:00:01+00:00"), Some(Range(i64::MIN, 1)));
        assert_eq!((range("yesterday"), range(">")), (None, None));
    }
}
