//! What GitLab's refusals mean: it answers 400 to much that has nothing to do with how it was asked.
//!
//! Invariant: its sentences are looked at, and told on only where nothing else says what is wrong with a request: they quote
//! what they are about.

use std::error::Error;
use std::time::Duration;

use http::Method;
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;
use serde_json::Value;

use super::sayings::{MOVED, absent, meaning, named};
use crate::providers::forge;
use crate::providers::http::{Refusal, by_status, waits};

/// What an error body says.
#[derive(Default, Deserialize)]
struct Said {
    /// A sentence, or lists of them by the name of what they are about.
    message: Option<Value>,
    /// The same of a request whose parameters are wrong, or a code.
    error: Option<Value>,
    /// The scopes of which a token needs one, where it has none of them.
    scope: Option<Value>,
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
            // Nothing was done: what would have been written may be sent again, whatever it is.
            failure.unsent = writes(refusal);
            failure
        }
        403 if said.code() == Some("insufficient_scope") => said.lacking(),
        403 => meaning(&text).unwrap_or_else(|| by_status(refusal).because(Unexplained)),
        405 | 409 => meaning(&text).unwrap_or_else(|| by_status(refusal)),
        400 | 422 => {
            let meaning = said
                .taken(&text)
                .or_else(|| meaning(&text))
                .or_else(|| Some(forge::saying(said.field(&text)?, refusal)));
            meaning.unwrap_or_else(|| forge::saying(by_status(refusal), refusal))
        }
        404 => absent(&text).unwrap_or_else(|| by_status(refusal)),
        // As releases before 15 say that it cannot be merged.
        406 => Failure::new(Kind::Conflict, "it cannot be merged as it is"),
        429 => {
            let mut failure = by_status(refusal);
            failure.retry_after = failure.retry_after.or_else(|| until_reset(refusal));
            failure
        }
        301 | 302 | 307 | 308 if writes(refusal) => moved(refusal),
        _ => forge::saying(by_status(refusal), refusal),
    }
}

/// A prohibition of which GitLab says nothing; it rides along as the failure's cause.
#[derive(Debug, thiserror::Error)]
#[error("refused with status 403, for no reason that is told")]
struct Unexplained;

/// Whether it is forbidden for a reason that GitLab does not tell.
pub fn is_unexplained(failure: &Failure) -> bool {
    failure.source().is_some_and(|cause| cause.is::<Unexplained>())
}

fn writes(refusal: &Refusal<'_>) -> bool {
    !matches!(*refusal.method, Method::GET | Method::HEAD)
}

/// What it means that a write is sent elsewhere: to another path of the project, or to whatever else, as proxies do.
fn moved(refusal: &Refusal<'_>) -> Failure {
    let leads = refusal.header("location").unwrap_or_default();
    match leads.contains("/projects/") {
        true => Failure::new(Kind::Conflict, MOVED).never_billed(),
        false => by_status(refusal).also("has the project moved? What is written must go to its new path"),
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

    /// What it says by a word.
    fn code(&self) -> Option<&str> {
        self.error.as_ref()?.as_str()
    }

    /// Names the scopes that would do, as far as they are plain words.
    fn lacking(&self) -> Failure {
        let is_scope = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let told = self.scope.as_ref().and_then(Value::as_str).unwrap_or_default();
        let scopes: Vec<&str> = told.split_whitespace().filter(is_scope).take(4).collect();
        let sentence = match scopes.is_empty() {
            true => "the token lacks a scope for this".to_owned(),
            false => format!("the token lacks a scope for this: {}", scopes.join(" or ")),
        };
        Failure::new(Kind::Forbidden, sentence)
    }

    /// The failure of a request whose parameters are wrong, with the first field that the caller knows.
    fn field(&self, text: &str) -> Option<Failure> {
        let field = self.fields().find_map(|field| neutral_field(&field))?;
        if matches!(field, "head" | "base") && text.contains("does not exist") {
            return Some(named(Kind::NotFound, Some(field), "there is no such branch"));
        }
        Some(Failure::invalid(field, format!("{field} is not accepted by GitLab")))
    }

    /// Of what is new and called as another is, the field that gives its name.
    fn taken(&self, text: &str) -> Option<Failure> {
        let field = self.fields().find_map(|field| neutral_field(&field));
        let field = field.filter(|_| text.contains("has already been taken"))?;
        Some(named(
            Kind::Conflict,
            Some(field),
            &format!("there is one of this {field} already"),
        ))
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
        "name" => "name",
        "color" => "color",
        "due_date" => "due_on",
        "milestone_id" => "milestone",
        "updated_after" => "updated_since",
        "body" | "note" => "body",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scope_is_passed_on_and_nothing_else() {
        let told = |scope: Value| {
            let said = serde_json::from_value::<Said>(json!({"error": "insufficient_scope", "scope": scope}));
            said.expect("read").lacking().message().to_owned()
        };
        let without = "the token lacks a scope for this";
        assert_eq!(told(json!("api read_api")), format!("{without}: api or read_api"));
        for odd in [json!(null), json!(7), json!(""), json!("glpat-5551212"), json!(["api"])] {
            assert_eq!(told(odd.clone()), without, "{odd}");
        }
    }
}
