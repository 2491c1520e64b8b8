//! What GitHub's refusals mean.
//!
//! Invariant: a refusal for want of quota is a rate limit, however GitHub words it; any other 403 is not. What GitHub says is
//! compared with what is known of it, and told on only where nothing else says what is wrong with a request.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind, Source};

use super::{sayings, wire};
use crate::providers::forge;
use crate::providers::http::{Refusal, by_status, too_large, waits};

/// What GitHub asks clients to wait at least after a secondary limit that names no time.
pub const SECONDARY_LIMIT: Duration = Duration::from_secs(60);
/// What is waited longer than until a quota is filled again, whatever our clock says.
const CLOCK_SKEW: Duration = Duration::from_secs(1);
/// Of which words one is in the message of every limit; older servers call the second kind by another name.
const LIMITED: [&str; 3] = ["rate limit exceeded", "secondary rate", "abuse detection"];
/// Of which words one is in the message where a permission is lacking.
const LACKING: [&str; 2] = ["not accessible by", "must have"];

/// Whether a rate limit is a secondary one: it is on the credential, whatever is asked for.
pub fn limits_all(refusal: &Refusal<'_>) -> bool {
    !is_spent(refusal)
}

pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let error: wire::Error = refusal.json().unwrap_or_default();
    let said = error.sentences();
    let status = refusal.status.as_u16();
    match status {
        // As older servers say that they would answer with more than a megabyte of JSON.
        403 if error.says("too_large") => {
            too_large("the file is larger than the provider gives in JSON", Source::Provider)
        }
        403 | 429 if is_limit(refusal, &said) => {
            let mut failure = Failure::new(Kind::UpstreamRateLimited, "GitHub's rate limit is reached");
            failure.retry_after = told_wait(refusal);
            failure
        }
        403 => sayings::known(status, &said).unwrap_or_else(|| forbidden(refusal, &said)),
        409 if has_moved(&said) && sent_sha(refusal) => {
            let mut failure = Failure::new(Kind::PreconditionFailed, "if_match is no longer what stands there");
            failure.field = Some("if_match".into());
            failure
        }
        // What is asked for is there: GitHub gives up on it, in the words of a caller's fault.
        422 if said.contains("diff is taking too long") => {
            too_large("the changes are more than GitHub makes a diff of", Source::Provider)
        }
        422 => sayings::known(status, &said).unwrap_or_else(|| invalid(refusal, &error)),
        _ => sayings::known(status, &said).unwrap_or_else(|| forge::saying(by_status(refusal), refusal)),
    }
}

/// Whether GitHub says that it has another hash than the one that was sent along.
fn has_moved(said: &str) -> bool {
    said.contains("does not match") || said.contains("head branch was modified")
}

fn sent_sha(refusal: &Refusal<'_>) -> bool {
    let sent: Option<serde_json::Value> = refusal.sent();
    sent.is_some_and(|sent| sent["sha"].is_string())
}

/// A prohibition, with the permission that is lacking, where GitHub names it.
fn forbidden(refusal: &Refusal<'_>, said: &str) -> Failure {
    let failure = by_status(refusal);
    let says_lacking = LACKING.iter().any(|words| said.contains(words));
    let lacking = refusal
        .header("x-accepted-github-permissions")
        .filter(|told| is_permission(told));
    match lacking {
        Some(told) => failure.also(&format!("it needs {told}")),
        None if says_lacking => failure,
        None => failure.because(Unexplained),
    }
}

/// A prohibition of which GitHub says nothing that is known here; it rides along as the failure's cause.
#[derive(Debug)]
struct Unexplained;

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused with status 403, for no reason that is known")
    }
}

impl Error for Unexplained {}

/// Whether it is forbidden for a reason that GitHub does not tell: a right that is lacking it names.
pub fn is_unexplained(failure: &Failure) -> bool {
    Error::source(failure).is_some_and(|cause| cause.is::<Unexplained>())
}

/// Whether this is a list such as `contents=write, metadata=read`, and nothing else.
fn is_permission(told: &str) -> bool {
    const LONGEST: usize = 128;
    let plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'=' | b',' | b';' | b' ');
    !told.is_empty() && told.len() <= LONGEST && told.bytes().all(plain)
}

/// Whether a refusal is for want of quota. A permission that is lacking is not, though it may be the last request's.
fn is_limit(refusal: &Refusal<'_>, said: &str) -> bool {
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    refusal.status.as_u16() == 429
        || waits::retry_after(refusal.headers, refusal.now).is_some()
        || says(&LIMITED)
        || (is_spent(refusal) && !says(&LACKING))
}

/// Whether no request is left.
fn is_spent(refusal: &Refusal<'_>) -> bool {
    refusal.header("x-ratelimit-remaining").map(str::trim) == Some("0")
}

/// How long to wait: as told, else until the quota is filled again. The secondary limits mostly tell nothing.
fn told_wait(refusal: &Refusal<'_>) -> Option<Duration> {
    waits::retry_after(refusal.headers, refusal.now).or_else(|| {
        let reset = refusal.header("x-ratelimit-reset").filter(|_| is_spent(refusal))?;
        // A moment that has passed by our clock may not have by theirs.
        Some(waits::until_epoch(reset, refusal.now)? + CLOCK_SKEW)
    })
}

/// A validation error, with the first field that the caller knows.
fn invalid(refusal: &Refusal<'_>, error: &wire::Error) -> Failure {
    let faults = error.faults().iter().filter_map(|fault| match fault {
        wire::Fault::Object { field, code, .. } => Some((field.as_deref().and_then(neutral_field)?, code.as_deref())),
        wire::Fault::Sentence(_) | wire::Fault::Odd(_) => None,
    });
    let failure = match faults.into_iter().next() {
        Some((field, code)) => Failure::invalid(field, format!("{field} {}", fault_sentence(code))),
        None => forge::saying(by_status(refusal), refusal),
    };
    match error.says("already_exists") {
        true => taken(failure),
        false => failure,
    }
}

/// What exists already is in the way, and not wrong in itself.
fn taken(failure: Failure) -> Failure {
    let sentence = match &failure.field {
        Some(field) => format!("{field} exists already"),
        None => "it exists already".to_owned(),
    };
    let mut conflict = Failure::new(Kind::Conflict, sentence);
    conflict.field = failure.field;
    conflict
}

/// GitHub's name of a field -> ours. Only names from this table are ever passed on.
fn neutral_field(field: &str) -> Option<&'static str> {
    const SAME: &[&str] = &[
        "title",
        "body",
        "labels",
        "assignees",
        "state",
        "ref",
        "path",
        "name",
        "description",
        "visibility",
        "content",
        "message",
        "branch",
        "head",
        "head_repo",
        "base",
        "draft",
        "prerelease",
        "event",
        "context",
        "target_url",
        "url",
        "events",
        "secret",
        "config",
        "object",
        "tag",
        "milestone",
        "color",
        "due_on",
    ];
    let same = SAME.iter().find(|same| **same == field);
    same.copied().or(match field {
        "label" => Some("labels"),
        "assignee" => Some("assignees"),
        "state_reason" => Some("reason"),
        "q" => Some("query"),
        "per_page" => Some("limit"),
        "page" => Some("cursor"),
        "private" => Some("visibility"),
        "auto_init" => Some("init"),
        "organization" => Some("owner"),
        "sha" | "commit_id" => Some("if_match"),
        "commit_title" => Some("title"),
        "commit_message" => Some("message"),
        "merge_method" => Some("method"),
        "tag_name" => Some("tag"),
        "target_commitish" => Some("target"),
        _ => None,
    })
}

/// GitHub's codes of validation errors.
fn fault_sentence(code: Option<&str>) -> &'static str {
    match code {
        Some("missing") => "names what does not exist",
        Some("missing_field") => "is required by GitHub",
        _ => "is not accepted by GitHub",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_passed_on_and_nothing_else() {
        assert!(is_permission("contents=write; metadata=read") && is_permission("pull_requests=read"));
        for odd in ["", "contents=write<script>", "Contents=Write", &"a".repeat(129)] {
            assert!(!is_permission(odd), "{odd}");
        }
    }
}
