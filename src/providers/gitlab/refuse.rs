//! What GitLab's refusals mean: it answers 400 to much that has nothing to do with how it was asked.
//!
//! Invariant: its sentences are looked at and never passed on, since they quote what they are about.

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde_json::Value;

use crate::providers::http::{Refusal, by_status, waits};

/// A part of a sentence in small letters, what it means, the field that it is about, and the sentence that is passed on.
type Meaning = (&'static str, Kind, Option<&'static str>, &'static str);

/// The first one that fits counts.
const MEANINGS: &[Meaning] = &[
    (
        "file with this name already exists",
        Kind::Conflict,
        Some("path"),
        "there is a file at this path already",
    ),
    (
        "directory with this name already exists",
        Kind::Conflict,
        Some("path"),
        "there is a directory at this path",
    ),
    (
        "file with this name doesn't exist",
        Kind::NotFound,
        Some("path"),
        "there is no file at this path",
    ),
    (
        "since you started editing it",
        Kind::PreconditionFailed,
        Some("if_match"),
        "the file is another by now",
    ),
    // The same, of one that is to be deleted.
    (
        "delete a file that has been previously updated",
        Kind::PreconditionFailed,
        Some("if_match"),
        "the file is another by now",
    ),
    (
        "edit files when you are on a branch",
        Kind::NotFound,
        Some("branch"),
        "there is no such branch",
    ),
    (
        "not allowed to push into this branch",
        Kind::Forbidden,
        Some("branch"),
        "our credential may not write to this branch",
    ),
    (
        "branch already exists",
        Kind::Conflict,
        Some("branch"),
        "there is a branch of this name already",
    ),
    (
        "branch name is invalid",
        Kind::InvalidInput,
        Some("branch"),
        "branch is no name of a branch",
    ),
    (
        "invalid reference name",
        Kind::InvalidInput,
        Some("from"),
        "from leads to no commit",
    ),
    (
        "protected branch",
        Kind::Forbidden,
        Some("branch"),
        "the branch is protected",
    ),
    (
        "default branch",
        Kind::Forbidden,
        Some("branch"),
        "the default branch cannot be taken away",
    ),
    (
        "merge request already exists",
        Kind::Conflict,
        Some("head"),
        "there is an open merge request of these branches already",
    ),
    (
        "release already exists",
        Kind::Conflict,
        Some("tag"),
        "there is a release of this tag already",
    ),
    (
        "tag name invalid",
        Kind::InvalidInput,
        Some("tag"),
        "tag is no name of a tag",
    ),
    ("protected tag", Kind::Forbidden, Some("tag"), "the tag is protected"),
    (
        "ref is not specified",
        Kind::InvalidInput,
        Some("target"),
        "there is no such tag yet, and target does not say what it shall point at",
    ),
    (
        "cannot transition status",
        Kind::Conflict,
        Some("state"),
        "the status cannot go to this state from where it is",
    ),
    (
        "marked for deletion",
        Kind::Conflict,
        None,
        "it is marked to be deleted already",
    ),
    ("cannot be merged", Kind::Conflict, None, "it cannot be merged as it is"),
];

/// What an error body says.
#[derive(Default, Deserialize)]
struct Said {
    /// A sentence, or lists of them by the name of what they are about.
    message: Option<Value>,
    /// The same of a request whose parameters are wrong, or a code.
    error: Option<Value>,
}

/// Whoever may not approve is told so.
pub const NOT_ENTITLED: &str = "our credential's user may not approve it";

/// What a refusal means.
pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let said: Said = refusal.json().unwrap_or_default();
    let text = said.text();
    match refusal.status.as_u16() {
        // A lack of rights, of one whose credential is sound.
        401 if refusal.path.ends_with("/approve") => Failure::new(Kind::Forbidden, NOT_ENTITLED),
        409 if text.contains("resource lock") => {
            let mut failure = by_status(refusal).saying("somebody else changes it at this moment (status 409)");
            failure.retryable = true;
            failure.retry_after = waits::retry_after(refusal.headers, refusal.now);
            failure
        }
        403 | 409 => Said::meaning(&text).unwrap_or_else(|| by_status(refusal)),
        400 | 422 => {
            let meaning = Said::meaning(&text).or_else(|| said.field());
            meaning.unwrap_or_else(|| by_status(refusal))
        }
        // As releases before 15 say that it cannot be merged.
        406 => Failure::new(Kind::Conflict, "it cannot be merged as it is"),
        429 => {
            let mut failure = by_status(refusal);
            failure.retry_after = failure.retry_after.or_else(|| until_reset(refusal));
            failure
        }
        301 | 302 | 307 | 308 => {
            by_status(refusal).also("has the project moved? What is written must go to its new path")
        }
        _ => by_status(refusal),
    }
}

/// Until when a window of the rate limit lasts; what has passed by our clock may not have by theirs.
fn until_reset(refusal: &Refusal<'_>) -> Option<Duration> {
    let wait = waits::until_epoch(refusal.header("ratelimit-reset")?, refusal.now)?;
    Some(wait.max(Duration::from_secs(1)))
}

impl Said {
    /// All of it, in small letters.
    fn text(&self) -> String {
        let mut text = String::new();
        for said in [&self.message, &self.error].into_iter().flatten() {
            gather(said, &mut text);
        }
        text.to_lowercase()
    }

    fn meaning(text: &str) -> Option<Failure> {
        if text.contains("has already been taken") {
            let taken = "there is one of this name already";
            return Some(named(Kind::Conflict, Some("name"), taken));
        }
        let fits = |(part, ..): &&Meaning| text.contains(part);
        if let Some((_, kind, field, sentence)) = MEANINGS.iter().find(fits) {
            return Some(named(*kind, *field, sentence));
        }
        // These two quote a name in their middle.
        if text.starts_with("tag ") && text.contains(" already exists") {
            return Some(named(
                Kind::Conflict,
                Some("tag"),
                "there is a tag of this name already",
            ));
        }
        if text.starts_with("target ") && text.contains(" is invalid") {
            return Some(named(Kind::InvalidInput, Some("target"), "target leads to no commit"));
        }
        None
    }

    /// The failure of a request whose parameters are wrong, with the first field that the caller knows.
    fn field(&self) -> Option<Failure> {
        let field = self.fields().find_map(|field| neutral_field(&field))?;
        Some(Failure::invalid(field, format!("{field} is not accepted by GitLab")))
    }

    /// The names of what it is about.
    fn fields(&self) -> impl Iterator<Item = String> {
        let keys = match &self.message {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            _ => vec![],
        };
        let sentence = [&self.error, &self.message]
            .into_iter()
            .flatten()
            .find_map(Value::as_str);
        let words = sentence.into_iter().flat_map(|text| text.split(','));
        let firsts = words.filter_map(|part| part.split_whitespace().next().map(str::to_owned));
        keys.into_iter().chain(firsts.collect::<Vec<_>>())
    }
}

fn gather(said: &Value, text: &mut String) {
    match said {
        Value::String(sentence) => {
            text.push_str(sentence);
            text.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|said| gather(said, text)),
        Value::Object(map) => map.values().for_each(|said| gather(said, text)),
        _ => {}
    }
}

fn named(kind: Kind, field: Option<&str>, sentence: &str) -> Failure {
    let mut failure = Failure::new(kind, sentence);
    failure.field = field.map(Into::into);
    failure
}

/// GitLab's name of a field -> ours. Only names from this table are ever passed on.
fn neutral_field(field: &str) -> Option<&'static str> {
    Some(match field {
        "title" => "title",
        "source_branch" => "head",
        "target_branch" => "base",
        "tag_name" => "tag",
        "branch" => "branch",
        "file_path" => "path",
        "commit_message" => "message",
        "namespace_id" | "namespace" | "namespace_path" => "owner",
        "default_branch" => "default_branch",
        "visibility" | "visibility_level" => "visibility",
        "url" => "url",
        "state" => "state",
        "target_url" => "target_url",
        "per_page" => "limit",
        "since" => "since",
        "until" => "until",
        _ => return None,
    })
}
