//! What Gitea's refusals mean.
//!
//! Invariant: a refusal is judged by its status, and where one status stands for much, by words of Gitea's that are known
//! here; its sentence is passed on only where nothing else says what is wrong with a request, and the names of token scopes.

use std::error::Error;
use std::fmt;

use mosaic_actors::error::{Failure, Kind};

use super::scopes::Scopes;
use super::wire;
use crate::providers::forge;
use crate::providers::http::{Refusal, by_status};

/// What a refusal says beside its kind; it rides along as the failure's cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its status.
    pub status: u16,
    /// What its sentence says.
    pub says: Says,
    /// The scopes of the token, where it lacks one and the server tells what it has.
    pub scopes: Option<Scopes>,
}

impl Told {
    /// A refusal that tells nothing more.
    pub const SHUT: Told = Told {
        status: 403,
        says: Says::Nothing,
        scopes: None,
    };
}

/// What a sentence of Gitea's says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Nothing that is known here.
    Nothing,
    /// Read only.
    Archived,
    /// Nothing was ever committed to it.
    Empty,
    /// The branch is protected.
    Protected,
    /// The branch is the default one.
    Default,
    /// A hook of the repository declines it.
    Hook,
    /// The token lacks a scope.
    Scope,
    /// The account's storage is used up.
    Quota,
    /// A merge is not possible, or it is not known yet whether it is.
    TryLater,
    /// The head is another by now.
    HeadMoved,
    /// The repository does not allow this way of merging.
    MergeStyle,
    /// The account may not merge there.
    MayNotMerge,
    /// It is a draft.
    Draft,
    /// Nobody reviews what is one's own.
    Own,
    /// What it waits for is not closed.
    Dependencies,
    /// The head has nothing that the base has not.
    NothingNew,
    /// Somebody who shall see to an issue has no account.
    NoAssignee,
}

/// Words of Gitea's sentences, in lower case, with the statuses that they come with.
const WORDS: &[(&[u16], &str, Says)] = &[
    // No other refusal has this status, however it is worded.
    (&[423], "", Says::Archived),
    (&[403], "archived", Says::Archived),
    (&[403], "required scope", Says::Scope),
    (&[403, 405, 500], "protected", Says::Protected),
    (&[403], "default branch", Says::Default),
    (&[403], "declined by a hook", Says::Hook),
    (&[404, 409, 422], "repository is empty", Says::Empty),
    (&[422], "repo is empty", Says::Empty),
    (&[403, 413], "quota", Says::Quota),
    (&[405], "try again later", Says::TryLater),
    (&[409], "head out of date", Says::HeadMoved),
    (&[405], "merge style", Says::MergeStyle),
    (&[405], "user not allowed to merge", Says::MayNotMerge),
    (&[405], "work in progress", Says::Draft),
    (&[422], "your own pull", Says::Own),
    (&[422], "no changes between", Says::NothingNew),
    (&[409, 412, 500], "dependenc", Says::Dependencies),
    (&[422], "assignee does not exist", Says::NoAssignee),
];

/// The dialect's judgement.
pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let sentence = refusal.json::<wire::Error>().map(|error| error.message);
    let sentence = sentence.unwrap_or_default().to_ascii_lowercase();
    let status = refusal.status.as_u16();
    // A workflow may be called by any of the words below.
    if let Some(failure) = not_started(refusal, &sentence) {
        return failure.because(Told {
            status,
            says: Says::Nothing,
            scopes: None,
        });
    }
    let known = WORDS
        .iter()
        .find(|(statuses, words, _)| statuses.contains(&status) && sentence.contains(words));
    let says = known.map_or(Says::Nothing, |(_, _, says)| *says);
    let failure = match says {
        Says::Archived => Failure::new(Kind::Forbidden, "the repository is archived, and read only"),
        Says::Empty => Failure::new(Kind::Conflict, "the repository is empty"),
        // Releases before 1.25 answer with 500, which would be evidence against the server.
        Says::Protected if status != 405 => {
            let mut failure = Failure::new(Kind::Forbidden, PROTECTED);
            failure.field = Some("branch".into());
            failure
        }
        Says::Default => {
            let mut failure = Failure::new(Kind::Forbidden, "branch is the default one, which is never deleted");
            failure.field = Some("branch".into());
            failure
        }
        Says::Hook => Failure::new(Kind::Forbidden, "a hook of the repository declines it"),
        Says::Scope => Failure::new(Kind::Forbidden, lacking(&sentence)),
        Says::Quota => Failure::new(Kind::Forbidden, "the storage that the account has there is used up"),
        Says::Nothing => forge::saying(by_status(refusal), refusal),
        _ => by_status(refusal),
    };
    let scopes = Scopes::told(&sentence).filter(|_| says == Says::Scope);
    failure.because(Told { status, says, scopes })
}

/// Why a workflow is not started, where the refusal is of that and tells it (GA7).
fn not_started(refusal: &Refusal<'_>, sentence: &str) -> Option<Failure> {
    if !refusal.path.ends_with("/dispatches") {
        return None;
    }
    let (kind, field, what) = match refusal.status.as_u16() {
        403 if sentence.contains("workflow") && sentence.contains("is disabled") => {
            (Kind::Conflict, "pipeline", "is disabled")
        }
        404 if sentence.starts_with("ref ") => (Kind::NotFound, "branch", "is not there"),
        404 if sentence.starts_with("workflow ") => (Kind::NotFound, "pipeline", "is not there"),
        _ => return None,
    };
    let mut failure = Failure::new(kind, format!("{field} {what}"));
    failure.field = Some(field.into());
    Some(failure)
}

/// Names the scopes that a token lacks, as far as they are plain words of this form.
fn lacking(sentence: &str) -> String {
    let needed = sentence.split_once("required scope").map_or("", |(_, rest)| rest);
    // What the token has is told as well, and is nobody's business.
    let needed = needed.split("token scope").next().unwrap_or_default();
    let is_scope = |word: &&str| {
        word.split_once(':').is_some_and(|(level, what)| {
            matches!(level, "read" | "write") && !what.is_empty() && what.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    };
    let words = needed.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'));
    let scopes: Vec<&str> = words.filter(is_scope).take(4).collect();
    match scopes.is_empty() {
        true => "the token lacks a scope for this".to_owned(),
        false => format!("the token lacks a scope for this: {}", scopes.join(", ")),
    }
}

/// What the refusal behind a failure told; none where there was no refusal.
pub fn told(failure: &Failure) -> Option<Told> {
    Error::source(failure)?.downcast_ref().copied()
}

/// Whether a failure is a refusal with one of these statuses.
pub fn is(failure: &Failure, statuses: &[u16]) -> bool {
    told(failure).is_some_and(|told| statuses.contains(&told.status))
}

/// The same failure in other words and of another kind: what the status means here.
pub fn instead(failure: &Failure, kind: Kind, sentence: &str) -> Failure {
    let mut other = Failure::new(kind, sentence);
    other.provider.clone_from(&failure.provider);
    other.unbilled = failure.unbilled;
    match told(failure) {
        Some(told) => other.because(told),
        None => other,
    }
}

/// As [`instead`], naming the field at fault.
pub fn blaming(failure: &Failure, kind: Kind, field: &str, sentence: &str) -> Failure {
    let mut other = instead(failure, kind, sentence);
    other.field = Some(field.into());
    other
}

/// The failure where something of this name is there already, naming the field that it was named by. That a repository
/// is empty is no fault of the name.
pub fn taken(failure: Failure, field: &str, sentence: &str) -> Failure {
    let is_taken = told(&failure).is_some_and(|told| told.status == 409 && told.says == Says::Nothing);
    match is_taken && failure.kind == Kind::Conflict {
        true => blaming(&failure, Kind::Conflict, field, sentence),
        false => failure,
    }
}

/// The sentence of what a protected branch does not take.
pub const PROTECTED: &str = "the branch is protected, and this is not allowed there";

/// Whether a failure is a prohibition of which Gitea says nothing that is known here.
pub fn is_unexplained(failure: &Failure) -> bool {
    failure.kind == Kind::Forbidden
        && told(failure).is_some_and(|told| told.status == 403 && told.says == Says::Nothing)
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with status {} ({:?})", self.status, self.says)
    }
}

impl Error for Told {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gt30_only_the_scopes_that_are_needed_are_named() {
        let sentence = "token does not have at least one of required scope(s), required=[write:user write:repository], \
                        token scope=read:misc";
        assert_eq!(
            lacking(sentence),
            "the token lacks a scope for this: write:user, write:repository"
        );
        assert_eq!(
            lacking("required scope(s): [/etc:x read:a-b]"),
            "the token lacks a scope for this: read:a"
        );
        assert_eq!(lacking("required scope"), "the token lacks a scope for this");
    }
}
