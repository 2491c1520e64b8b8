//! What forges share: how projects and issues are named, how lists are continued, and how files come.
//!
//! Invariant: no provider's name and no wire type appears here, and what is refused here was never sent.

mod contents;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind, Source};
use tokio::time::sleep;

pub use self::contents::FileWrite;
pub use super::http::saying;
use super::http::{Endpoint, Outgoing, Received, too_large};
use crate::catalogue::fields::{MilestoneRef, Name};
use crate::catalogue::git::{Encoding, File};
use crate::catalogue::link::Link;
use crate::catalogue::projects::StateFilter;
use crate::catalogue::raw::Raw;

/// How long a forge is given, time by time, to find out whether a pull request can be merged (H1, GL5).
const PATIENCE: [Duration; 2] = [Duration::from_millis(250), Duration::from_millis(500)];

/// `owner/name`.
///
/// # Errors
/// `invalid_input` on `field`.
pub fn project<'a>(field: &str, path: &'a str) -> Result<(&'a str, &'a str), Failure> {
    match path.split_once('/') {
        Some((owner, name)) if sound(owner) && sound(name) => Ok((owner, name)),
        _ => Err(Failure::invalid(field, format!("{field} must be written as owner/name")).never_sent()),
    }
}

/// `owner/name#number`.
///
/// # Errors
/// `invalid_input` on `issue`.
pub fn numbered(text: &str) -> Result<(&str, u64), Failure> {
    text.rsplit_once('#')
        .and_then(|(path, number)| Some((path, number.parse().ok()?)))
        .filter(|(_, number)| *number > 0)
        .ok_or_else(|| Failure::invalid("issue", "issue must be written as owner/name#number").never_sent())
}

/// The number of a milestone.
///
/// # Errors
/// `invalid_input` on `milestone`.
pub fn milestone(id: Option<&MilestoneRef>) -> Result<Option<u64>, Failure> {
    let number = |id: &MilestoneRef| id.parse().ok().filter(|number| *number > 0);
    match id {
        None => Ok(None),
        Some(id) => number(id).map(Some).ok_or_else(|| {
            let sentence = "milestone must be an id of the list of milestones";
            Failure::invalid("milestone", sentence).never_sent()
        }),
    }
}

/// What a hook may hold that is nobody's to read: what its deliveries are signed with, or bring along.
const HOOK_SECRETS: [&str; 7] = [
    "secret",
    "token",
    "secret_token",
    "signing_token",
    "password",
    "authorization_header",
    "custom_headers",
];

/// A hook as its forge told of it, without its secrets.
pub fn hook_raw(raw: Option<Raw>) -> Option<Raw> {
    raw.map(|raw| raw.without(&HOOK_SECRETS))
}

/// A message as people wrote it. Git ends it with a line break, which some forges tell and others leave out.
pub fn message(mut text: String) -> String {
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    text
}

/// The neutral id of an issue; [`numbered`] reads its native part.
pub fn issue_id(instance: &str, project: &str, number: u64) -> String {
    Resource::neutral_id(instance, format!("{project}#{number}"))
}

/// Reads what a forge looks into once it is asked for, until it is `settled`, and at most so often. What was read last
/// counts, settled or not.
///
/// # Errors
/// What a reading fails with.
pub async fn looked_into<T, F>(read: impl Fn() -> F, settled: impl Fn(&T) -> bool) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut found = read().await?;
    for wait in PATIENCE {
        if settled(&found) {
            break;
        }
        sleep(wait).await;
        found = read().await?;
    }
    Ok(found)
}

/// Writes to what was just made or read, and which a forge may not find everywhere yet (H16).
///
/// # Errors
/// What the last of so many writes fails with.
pub async fn once_found<T, F>(write: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    for wait in PATIENCE {
        match write().await {
            Err(failure) if failure.kind == Kind::NotFound => sleep(wait).await,
            other => return other,
        }
    }
    write().await
}

fn sound(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.contains('/')
}

/// Asks for the repositories of `owner`, or for those of the credential's user; `page` chooses the part of the list.
///
/// # Errors
/// `invalid_input` on `owner`, or as [`Endpoint::send`].
pub async fn repos(
    endpoint: &Endpoint,
    owner: Option<&str>,
    page: impl Fn(Outgoing) -> Outgoing,
) -> Result<Received, Failure> {
    let Some(owner) = owner else {
        return endpoint.send(page(endpoint.get(&["user", "repos"])?)).await;
    };
    if !sound(owner) {
        return Err(Failure::invalid("owner", "owner must be the name of a user or organisation").never_sent());
    }
    match endpoint.send(page(endpoint.get(&["orgs", owner, "repos"])?)).await {
        // A user has repositories too, at another path; the name does not tell which of both it is.
        Err(failure) if failure.kind == Kind::NotFound => {
            endpoint.send(page(endpoint.get(&["users", owner, "repos"])?)).await
        }
        other => other,
    }
}

/// The word for a state in a list's query.
pub fn state_word(state: StateFilter) -> &'static str {
    match state {
        StateFilter::Open => "open",
        StateFilter::Closed => "closed",
        StateFilter::All => "all",
    }
}

/// Labels as one query parameter; none where no label is asked for.
///
/// # Errors
/// `unsupported` on `labels` where one holds the comma that separates them.
pub fn labels_word(labels: &[Name]) -> Result<Option<String>, Failure> {
    if labels.iter().any(|label| label.contains(',')) {
        let sentence = "this provider separates labels by commas and cannot be asked for one that holds a comma";
        return Err(Failure::unsupported_field("labels", sentence).never_sent());
    }
    Ok((!labels.is_empty()).then(|| labels.iter().map(|label| &**label).collect::<Vec<_>>().join(",")))
}

/// The refusal of an entry that has no content; `kind` is what the forge calls it.
pub fn no_file(kind: &str) -> Failure {
    let what = match kind {
        "dir" => "a directory",
        "symlink" => "a symbolic link that leads to no file of the repository",
        "submodule" => "a submodule",
        _ => "no file",
    };
    Failure::invalid("path", format!("path is {what}"))
}

/// The refusal of an empty list of entries: git knows no empty directories, so there is nothing.
pub fn no_entry() -> Failure {
    let mut failure = Failure::new(
        Kind::NotFound,
        "path is not there: the repository, or this branch of it, is empty",
    );
    failure.field = Some("path".into());
    failure
}

/// The content that a forge put into its JSON; none where it announced bytes and gave none, which it does with files that
/// are too large for it.
pub fn given(content: Option<&str>, size: u64) -> Option<&str> {
    content.filter(|content| size == 0 || !content.trim().is_empty())
}

/// Where a symbolic link at `path` leads within its repository; none where it leads out of it.
pub fn linked(path: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            // An absolute one leads to the machine that it is checked out on.
            "" if target.starts_with('/') => return None,
            "" | "." => {}
            ".." => parts.pop().map(drop)?,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Content as forges write it: base64, in one line or several.
pub fn decode(content: &str) -> Option<Vec<u8>> {
    // GitHub's published example has its line breaks escaped twice, and mock servers made of it serve that; a
    // backslash means nothing in base64, so both can be read.
    let joined = content.replace("\\n", "");
    let joined: String = joined.split_ascii_whitespace().collect();
    STANDARD.decode(joined).ok()
}

/// Fetches the bytes of a file that is too large for JSON; the forge said that it has `size` of them.
///
/// # Errors
/// `unsupported` where it is larger than `limit`; `upstream_failed` where another number of bytes comes.
pub async fn raw_content(endpoint: &Endpoint, ask: Outgoing, size: u64, limit: usize) -> Result<Vec<u8>, Failure> {
    if size > limit as u64 {
        let sentence = format!("the file has {size} bytes; at most {limit} are fetched");
        return Err(too_large(&sentence, Source::Gateway));
    }
    let received = endpoint.send(ask).await?;
    if received.bytes().len() as u64 != size {
        return Err(received.failure(Kind::UpstreamFailed, "the file changed while it was read"));
    }
    Ok(received.bytes().to_vec())
}

/// What a forge says of a file beside its content.
pub struct Place {
    /// The path within the repository.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// The blob's hash.
    pub sha: String,
    /// Its page for people.
    pub web_url: Option<String>,
}

/// The file at a place: text where it is UTF-8, else base64.
pub fn file(place: Place, content: Vec<u8>, raw: Option<Raw>) -> File {
    let size = content.len() as u64;
    let (encoding, content) = match String::from_utf8(content) {
        Ok(text) => (Encoding::Utf8, text),
        Err(error) => (Encoding::Base64, STANDARD.encode(error.as_bytes())),
    };
    File {
        path: place.path,
        name: place.name,
        size,
        sha: place.sha,
        encoding,
        content,
        web_url: place.web_url.map(Link::from),
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_and_issues_are_named_exactly() {
        assert_eq!(project("repo", "acme/api").unwrap(), ("acme", "api"));
        for odd in ["acme", "acme/", "/api", "acme/api/x", "../api", "acme/..", ""] {
            let failure = project("repo", odd).unwrap_err();
            assert_eq!(
                (failure.field.as_deref(), failure.unsent),
                (Some("repo"), true),
                "{odd}"
            );
        }
        assert_eq!(numbered("acme/api#7").unwrap(), ("acme/api", 7));
        for odd in ["acme/api", "acme/api#", "acme/api#0", "acme/api#-1", "acme/api#7x", "#"] {
            assert_eq!(numbered(odd).unwrap_err().field.as_deref(), Some("issue"), "{odd}");
        }
    }

    #[test]
    fn an_issue_id_is_read_back() {
        let id = issue_id("forge-a", "acme/api", 7);
        assert_eq!(numbered(Resource::parse(&id).native()).unwrap(), ("acme/api", 7));
    }

    #[test]
    fn content_may_be_broken_into_lines() {
        assert_eq!(decode("aGVs\nbG8=\n").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode("aGVs\\nbG8=\\n").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode(""), Some(vec![]));
        assert_eq!(decode("encoded content ..."), None);
    }

    #[test]
    fn a_link_leads_within_its_repository_or_nowhere() {
        assert_eq!(linked("a/b/link", "../c/x.md").as_deref(), Some("a/c/x.md"));
        assert_eq!(linked("link", "./x.md").as_deref(), Some("x.md"));
        for out in ["../x.md", "/etc/passwd", "..", "."] {
            assert_eq!(linked("link", out), None, "{out}");
        }
    }

    #[test]
    fn a_comma_in_a_label_is_refused() {
        assert_eq!(labels_word(&[]).unwrap(), None);
        let labels = ["bug", "help wanted"].map(Name::from);
        assert_eq!(labels_word(&labels).unwrap().as_deref(), Some("bug,help wanted"));
        let failure = labels_word(&["a,b".into()]).unwrap_err();
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::Unsupported, Some("labels"))
        );
    }
}
