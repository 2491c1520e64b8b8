//! What GitHub's refusals mean.
//!
//! Invariant: a refusal for want of quota is a rate limit, however GitHub words it; any other 403 is not. What GitHub says is
//! compared with what is known of it, and never passed on.

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind, Source};

use super::wire;
use crate::providers::http::{Refusal, by_status, too_large, waits};

/// What GitHub asks clients to wait at least after a secondary limit that names no time.
const SECONDARY_LIMIT: Duration = Duration::from_secs(60);
/// The least wait for a quota to be filled again, whatever our clock says.
const CLOCK_SKEW: Duration = Duration::from_secs(1);

/// The sentence of a write that another one has overtaken: a second look makes sense.
pub const OVERTAKEN: &str = "another change to the file or its branch came first";

/// The sentence of a commit that is not there.
pub const NO_COMMIT: &str = "there is no such commit";

/// Of a sentence that GitHub is known to say: with which statuses, what is in it, in lower case, and what it means.
type Saying = (
    &'static [u16],
    &'static [&'static str],
    Kind,
    Option<&'static str>,
    &'static str,
);

/// In this order. What stands first in a sentence of ours is the field, which an operation may know by another name.
const SAYINGS: &[Saying] = {
    use Kind::{Conflict, Forbidden, NotFound};
    &[
        // What may not be, at no time.
        (
            &[403],
            &["archived"],
            Forbidden,
            None,
            "the repository is archived and takes no changes",
        ),
        (
            &[403, 404, 422],
            &["refusing to allow", "workflow"],
            Forbidden,
            None,
            "files below .github/workflows need a credential with the scope workflow",
        ),
        (
            &[403, 409, 422],
            &["rule violations"],
            Forbidden,
            None,
            "a rule of the repository forbids this",
        ),
        (
            &[403, 409, 422],
            &["protected branch"],
            Forbidden,
            None,
            "the branch is protected",
        ),
        (
            &[409, 422],
            &["through a pull request"],
            Forbidden,
            None,
            "the branch takes changes by pull requests only",
        ),
        (
            &[409, 422],
            &["required status check"],
            Forbidden,
            None,
            "the branch takes only what was checked before",
        ),
        (
            &[422],
            &["cannot delete"],
            Forbidden,
            None,
            "the branch may not be deleted",
        ),
        (
            &[422],
            &["your own pull request"],
            Forbidden,
            None,
            "nobody decides on a pull request of their own",
        ),
        // What is not there.
        (
            &[422],
            &["reference does not exist"],
            NotFound,
            Some("ref"),
            "ref is not there",
        ),
        (
            &[422],
            &["object does not exist"],
            NotFound,
            Some("if_match"),
            "if_match is no commit of the repository",
        ),
        (&[404, 422], &["no commit found"], NotFound, None, NO_COMMIT),
        (
            &[404],
            &["branch ", " not found"],
            NotFound,
            Some("branch"),
            "branch is not there",
        ),
        // What is in the way now.
        (
            &[409],
            &["repository is empty"],
            Conflict,
            None,
            "the repository is empty: nothing was ever committed to it",
        ),
        (&[409], &["but expected"], Conflict, None, OVERTAKEN),
        (&[422], &["sha", "wasn't supplied"], Conflict, None, OVERTAKEN),
        (
            &[422],
            &["reference already exists"],
            Conflict,
            Some("ref"),
            "ref exists already",
        ),
        (
            &[422],
            &["pull request already exists"],
            Conflict,
            Some("head"),
            "head has a pull request into this base already",
        ),
        (
            &[422],
            &["no commits between"],
            Conflict,
            Some("head"),
            "head has no commits that base has not",
        ),
        (
            &[422],
            &["hook already exists"],
            Conflict,
            Some("url"),
            "url has such a hook already",
        ),
        (
            &[422],
            &["name already exists"],
            Conflict,
            Some("name"),
            "name exists already",
        ),
        (
            &[422],
            &["maximum number of statuses"],
            Conflict,
            Some("context"),
            "context has as many statuses of this commit as GitHub takes",
        ),
        (
            &[422],
            &["state cannot be changed"],
            Conflict,
            Some("state"),
            "state cannot be changed to this any more",
        ),
        // Why a pull request is not merged (H3).
        (
            &[405, 409],
            &["base branch was modified"],
            Conflict,
            None,
            "the base of the pull request has moved meanwhile",
        ),
        (
            &[409],
            &["head branch was modified"],
            Conflict,
            None,
            "the head of the pull request has moved meanwhile",
        ),
        (
            &[405],
            &["not allowed on this repository"],
            Conflict,
            Some("method"),
            "method is switched off in the repository",
        ),
        (
            &[405],
            &["status check"],
            Conflict,
            None,
            "checks that the base requires have not passed",
        ),
        (
            &[405],
            &["review"],
            Conflict,
            None,
            "a review that the base requires is missing",
        ),
        (&[405], &["draft"], Conflict, None, "the pull request is a draft"),
        (
            &[405],
            &["not mergeable"],
            Conflict,
            None,
            "the pull request cannot be merged as it is",
        ),
    ]
};

pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let error: wire::Error = refusal.json().unwrap_or_default();
    let said = error.sentences();
    match refusal.status.as_u16() {
        // As older servers say that they would answer with more than a megabyte of JSON.
        403 if error.says("too_large") => {
            too_large("the file is larger than the provider gives in JSON", Source::Provider)
        }
        403 | 429 => match quota_wait(refusal, &said) {
            Some(wait) => Failure::new(Kind::UpstreamRateLimited, "GitHub's rate limit is reached").after(wait),
            None => known(refusal, &said).unwrap_or_else(|| forbidden(refusal)),
        },
        409 if has_moved(&said) && sent_sha(refusal) => {
            let mut failure = Failure::new(Kind::PreconditionFailed, "if_match is no longer what stands there");
            failure.field = Some("if_match".into());
            failure
        }
        422 => known(refusal, &said).unwrap_or_else(|| invalid(refusal, &error)),
        _ => known(refusal, &said).unwrap_or_else(|| by_status(refusal)),
    }
}

/// What is known to be meant by what GitHub says.
fn known(refusal: &Refusal<'_>, said: &str) -> Option<Failure> {
    let status = refusal.status.as_u16();
    let is =
        |(statuses, parts, ..): &&Saying| statuses.contains(&status) && parts.iter().all(|part| said.contains(part));
    let (_, _, kind, field, sentence) = SAYINGS.iter().find(is)?;
    let mut failure = Failure::new(*kind, sentence);
    failure.field = field.map(Into::into);
    Some(failure)
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
fn forbidden(refusal: &Refusal<'_>) -> Failure {
    let failure = by_status(refusal);
    let lacking = refusal
        .header("x-accepted-github-permissions")
        .filter(|told| is_permission(told));
    match lacking {
        Some(told) if failure.kind == Kind::Forbidden => failure.also(&format!("it needs {told}")),
        _ => failure,
    }
}

/// Whether this is a list such as `contents=write, metadata=read`, and nothing else.
fn is_permission(told: &str) -> bool {
    const LONGEST: usize = 128;
    let plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'=' | b',' | b';' | b' ');
    !told.is_empty() && told.len() <= LONGEST && told.bytes().all(plain)
}

/// How long to wait, where the refusal is for want of quota: as told, else until the quota is filled again, else the
/// minute that GitHub asks for.
fn quota_wait(refusal: &Refusal<'_>, said: &str) -> Option<Duration> {
    if let Some(wait) = waits::retry_after(refusal.headers, refusal.now) {
        return Some(wait);
    }
    if refusal.header("x-ratelimit-remaining") == Some("0") {
        let reset = refusal.header("x-ratelimit-reset");
        let wait = reset.and_then(|reset| waits::until_epoch(reset, refusal.now));
        // A moment that has passed by our clock may not have by theirs.
        return Some(wait.map_or(SECONDARY_LIMIT, |wait| wait.max(CLOCK_SKEW)));
    }
    // Older servers send no header with these, and call the second one by another name.
    let limited = ["rate limit exceeded", "secondary rate limit", "abuse detection"];
    (limited.iter().any(|part| said.contains(part)) || refusal.status.as_u16() == 429).then_some(SECONDARY_LIMIT)
}

/// A validation error, with the first field that the caller knows.
fn invalid(refusal: &Refusal<'_>, error: &wire::Error) -> Failure {
    let faults = error.faults().iter().filter_map(|fault| match fault {
        wire::Fault::Object { field, code, .. } => Some((field.as_deref().and_then(neutral_field)?, code.as_deref())),
        wire::Fault::Sentence(_) | wire::Fault::Odd(_) => None,
    });
    let failure = match faults.into_iter().next() {
        Some((field, code)) => Failure::invalid(field, format!("{field} {}", fault_sentence(code))),
        None => by_status(refusal),
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
    ];
    let same = SAME.iter().find(|same| **same == field);
    same.copied().or(match field {
        "label" => Some("labels"),
        "assignee" => Some("assignees"),
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

    #[test]
    fn a_sentence_about_a_field_begins_with_it() {
        for (_, parts, _, field, sentence) in SAYINGS {
            assert!(field.is_none_or(|field| sentence.starts_with(field)), "{sentence}");
            assert!(
                parts.iter().all(|part| *part == part.to_ascii_lowercase()),
                "{sentence}"
            );
        }
    }
}
