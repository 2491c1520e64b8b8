//! How things are named in requests, and what several operations ask first: which commit a name stands for, and which
//! branch is the default one.
//!
//! Invariant: nothing here changes anything at GitHub.

use mosaic_actors::error::{Failure, Kind};

use super::{GitHub, sayings, wire};
use crate::providers::forge;
use crate::providers::http::{Outgoing, Received};

/// A commit's hash alone, instead of all that it changes.
const SHA: &str = "application/vnd.github.sha";
/// The most pages of one answer that are put together: 3000 files of a commit, or 1000 statuses, of which GitHub gives no
/// more.
const MOST_PAGES: usize = 10;

/// A repository, as it stands in a request's path.
#[derive(Clone, Copy)]
pub struct At<'a> {
    pub owner: &'a str,
    pub name: &'a str,
}

/// Something that is numbered within a repository.
pub struct Numbered<'a> {
    pub repo: At<'a>,
    /// The repository's path.
    pub path: &'a str,
    pub number: String,
}

impl<'a> At<'a> {
    /// The repository at `path`; `field` is where the caller named it.
    pub fn of(field: &str, path: &'a str) -> Result<Self, Failure> {
        let (owner, name) = forge::project(field, path)?;
        Ok(At { owner, name })
    }

    /// The path of what is in it.
    pub fn parts(self, rest: &[&'a str]) -> Vec<&'a str> {
        let mut parts = vec!["repos", self.owner, self.name];
        parts.extend(rest);
        parts
    }
}

impl<'a> Numbered<'a> {
    /// `owner/name#number`.
    pub fn of(field: &str, native: &'a str) -> Result<Self, Failure> {
        let odd = |_| Failure::invalid(field, format!("{field} must be written as owner/name#number")).never_sent();
        let (path, number) = forge::numbered(native).map_err(odd)?;
        Ok(Numbered {
            repo: At::of(field, path)?,
            path,
            number: number.to_string(),
        })
    }

    /// The path of one of `kind`, and of what belongs to it.
    pub fn parts(&'a self, kind: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        let mut parts = self.repo.parts(&[kind, &self.number]);
        parts.extend(rest);
        parts
    }
}

/// The parts of a name with slashes, where the route wants them as they are (H17).
pub fn slashed<'a>(field: &str, name: &'a str) -> Result<Vec<&'a str>, Failure> {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        true => Err(Failure::invalid(field, format!("{field} must be free of '.', '..' and empty parts")).never_sent()),
        false => Ok(parts),
    }
}

/// The hash of the commit that a branch, a tag or a hash stands for; of the default branch's, where there is no name.
pub async fn commit(github: &GitHub, repo: At<'_>, field: &str, name: Option<&str>) -> Result<String, Failure> {
    let branch;
    let name = match name {
        Some(name) if is_hash(name) => return Ok(name.to_owned()),
        Some(name) => name,
        None => {
            branch = default_branch(github, repo).await?;
            &branch
        }
    };
    let outgoing = github.endpoint.get(&repo.parts(&["commits", name]))?.accept(SHA);
    match github.endpoint.send(outgoing).await {
        Err(failure) if failure.kind == Kind::NotFound => Err(missing(github, repo, failure, field).await),
        received => hash(&received?),
    }
}

/// Whether a commit is there that a branch, a tag or a hash stands for.
///
/// # Errors
/// As GitHub refuses it.
pub async fn there(github: &GitHub, repo: At<'_>, name: &str) -> Result<(), Failure> {
    let outgoing = github.endpoint.get(&repo.parts(&["commits", name]))?.accept(SHA);
    github.endpoint.send(outgoing).await.map(drop)
}

/// As GitHub refuses it that a name stands for a commit; none where it does, or that is not known soon.
pub async fn absent(github: &GitHub, repo: At<'_>, name: &str) -> Option<Failure> {
    let looked = github
        .endpoint
        .look(async { Ok(there(github, repo, name).await.err()) });
    looked.await.flatten()
}

/// What it means that something of a repository is not there: that the repository is not there either, or that it is what
/// `field` names. GitHub says the same of both, unless it speaks of a commit.
pub async fn missing(github: &GitHub, repo: At<'_>, failure: Failure, field: &str) -> Failure {
    if failure.message() == sayings::NO_COMMIT {
        return named(failure, field);
    }
    let looked = github.endpoint.look(async {
        match github.endpoint.send(github.endpoint.get(&repo.parts(&[]))?).await {
            Err(absent) if absent.kind == Kind::NotFound => Ok(Some(absent)),
            other => other.map(|_| None),
        }
    });
    match looked.await.flatten() {
        Some(absent) => absent,
        None => named(failure, field),
    }
}

/// As [`missing`], of a read; in an empty repository nothing is there, which GitHub refuses as a conflict.
pub async fn unread(github: &GitHub, repo: At<'_>, failure: Failure, field: &str) -> Failure {
    match failure.kind {
        Kind::NotFound if failure.field.is_none() => missing(github, repo, failure, field).await,
        Kind::Conflict if failure.message() == sayings::EMPTY => {
            let sentence = format!("{field} is not there: the repository is empty");
            named(instead(&failure, Kind::NotFound, sentence), field)
        }
        _ => failure,
    }
}

/// The hash that an answer is; servers that do not know its media type answer with the whole commit.
fn hash(received: &Received) -> Result<String, Failure> {
    let text = std::str::from_utf8(received.bytes()).unwrap_or_default();
    let text = text.trim().trim_matches('"');
    if is_hash(text) {
        return Ok(text.to_owned());
    }
    received.json::<wire::Object>().map(|commit| commit.sha)
}

/// Whether this is a whole hash: GitHub lets no branch be called by one.
pub fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name of the default branch.
pub async fn default_branch(github: &GitHub, repo: At<'_>) -> Result<String, Failure> {
    let received = github.endpoint.send(github.endpoint.get(&repo.parts(&[]))?).await?;
    let found: wire::Repo = received.json()?;
    let none = || received.failure(Kind::Conflict, "the repository has no default branch");
    found.default_branch.ok_or_else(none)
}

/// The pages of an answer, the first with all that is on it; and whether there are more.
pub async fn pages(
    github: &GitHub,
    ask: impl Fn() -> Result<Outgoing, Failure>,
) -> Result<(Vec<Received>, bool), Failure> {
    let mut pages = vec![github.endpoint.send(ask()?).await?];
    let mut next = pages[0].next_query();
    while let Some(query) = next.take() {
        if pages.len() == MOST_PAGES {
            return Ok((pages, true));
        }
        let page = github.endpoint.send(ask()?.continued(&query)).await?;
        next = page.next_query();
        pages.push(page);
    }
    Ok((pages, false))
}

/// The same refusal, of another kind and in other words: what it means here.
pub fn instead(failure: &Failure, kind: Kind, sentence: impl AsRef<str>) -> Failure {
    let mut other = Failure::new(kind, sentence);
    other.provider.clone_from(&failure.provider);
    other.unbilled = failure.unbilled;
    other
}

/// The failure, with the caller's name of what is at fault.
pub fn named(mut failure: Failure, field: &str) -> Failure {
    failure.field = Some(field.into());
    failure
}

/// The failure, with the caller's name of the commit that is not there, where that is what it says.
pub fn no_commit(failure: Failure, field: &str) -> Failure {
    match failure.kind {
        Kind::NotFound if failure.message() == sayings::NO_COMMIT => named(failure, field),
        _ => failure,
    }
}

/// The failure, where its field is called otherwise in this operation.
pub fn renamed(failure: Failure, names: &[(&str, &str)]) -> Failure {
    let is = |(theirs, _): &&(&str, &str)| failure.field.as_deref() == Some(*theirs);
    match names.iter().find(is) {
        Some((theirs, ours)) => {
            let sentence = failure.message().replacen(theirs, ours, 1);
            named(failure.saying(sentence), ours)
        }
        None => failure,
    }
}

/// The refusal of a value that GitHub has no word for.
pub fn unsupported(field: &str, sentence: &str) -> Failure {
    Failure::unsupported_field(field, sentence).never_sent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_hash_is_one() {
        assert!(is_hash(&"a1".repeat(20)) && is_hash(&"0f".repeat(32)));
        for name in ["a1b2c3d", "main", &"g1".repeat(20), &"a".repeat(41)] {
            assert!(!is_hash(name), "{name}");
        }
    }

    /// H17
    #[test]
    fn slashes_part_and_nothing_climbs() {
        assert_eq!(slashed("branch", "feature/a#b").unwrap(), ["feature", "a#b"]);
        for odd in ["../x", "a//b", "/a", "a/", "a/./b"] {
            assert_eq!(
                slashed("branch", odd).unwrap_err().field.as_deref(),
                Some("branch"),
                "{odd}"
            );
        }
    }
}
