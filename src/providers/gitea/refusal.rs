//! What Gitea's refusals mean.
//!
//! Invariant: a refusal is judged by its status, and where one status stands for much, by words of Gitea's that are known
//! here; its sentence is never passed on, but for the names of token scopes.

use std::error::Error;
use std::fmt;

use mosaic_actors::error::{Failure, Kind};

use super::wire;
use crate::providers::http::{Refusal, by_status};

/// What a refusal says beside its kind; it rides along as the failure's cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its status.
    pub status: u16,
    /// What its sentence says.
    pub says: Says,
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
}

/// Words of Gitea's sentences, in lower case, with the statuses that they come with.
const WORDS: &[(&[u16], &str, Says)] = &[
    (&[403, 423], "archived", Says::Archived),
    (&[403], "required scope", Says::Scope),
    (&[403, 405, 500], "protected", Says::Protected),
    (&[404, 409, 422], "repository is empty", Says::Empty),
    (&[422], "repo is empty", Says::Empty),
    (&[403, 413], "quota", Says::Quota),
    (&[405], "try again later", Says::TryLater),
    (&[409], "head out of date", Says::HeadMoved),
    (&[405], "merge style", Says::MergeStyle),
    (&[405], "user not allowed to merge", Says::MayNotMerge),
    (&[405], "work in progress", Says::Draft),
    (&[422], "your own pull", Says::Own),
    (&[409, 412, 500], "dependenc", Says::Dependencies),
];

/// The dialect's judgement.
pub fn refuse(refusal: &Refusal<'_>) -> Failure {
    let sentence = refusal.json::<wire::Error>().map(|error| error.message);
    let sentence = sentence.unwrap_or_default().to_ascii_lowercase();
    let status = refusal.status.as_u16();
    let known = WORDS
        .iter()
        .find(|(statuses, words, _)| statuses.contains(&status) && sentence.contains(words));
    let says = known.map_or(Says::Nothing, |(_, _, says)| *says);
    let failure = match says {
        Says::Archived => Failure::new(Kind::Conflict, "the repository is archived, and read only"),
        Says::Empty => Failure::new(Kind::Conflict, "the repository is empty"),
        // Releases before 1.25 answer with 500, which would be evidence against the server.
        Says::Protected if status != 405 => Failure::new(
            Kind::Forbidden,
            "the branch is protected, and this is not allowed there",
        ),
        Says::Scope => Failure::new(Kind::Forbidden, lacking(&sentence)),
        Says::Quota => Failure::new(Kind::Forbidden, "the storage that the account has there is used up"),
        _ => by_status(refusal),
    };
    failure.because(Told { status, says })
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
