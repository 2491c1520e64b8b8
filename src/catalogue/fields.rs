//! Types of input fields: they check themselves, and describe themselves in the schema.
//!
//! Invariant: a value that breaks its type's rule can be neither read nor written, so every input is checked on its way
//! into the gateway: JSON when it is read, a typed one when its canonical form is written.

use std::borrow::Cow;
use std::fmt;

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name of anything, in bytes.
const LONGEST: usize = 1024;

macro_rules! text {
    ($($(#[$attribute:meta])* $name:ident = $description:literal, $rule:expr;)*) => {$(
        $(#[$attribute])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(String);

        checked!($name, $description, $rule);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text! {
    /// A repository.
    RepoRef = "`owner/name`, or `instance~owner/name` to pin a provider.", referring;
    /// A user, an organisation or a group.
    OwnerRef = "Lists this organisation's repositories; absent: those of the credential's user.", referring;
    /// A project of a tracker or a CI server.
    ProjectRef = "The project: at a forge `owner/name`; `instance~…` pins a provider.", referring;
    /// An issue.
    IssueRef = "`owner/name#number`, or a neutral id.", referring;
    /// A pull request, which some call a merge request.
    PullRef = "`owner/name#number`, or a neutral id.", referring;
    /// A hook of a repository.
    HookRef = "The hook's neutral id, as the list of hooks tells it.", referring;
    /// What a run left behind.
    ArtifactRef = "The artifact's neutral id, as the list of artifacts tells it.", left_behind;
    /// A run that was asked for and has no id yet.
    PendingRef = "What the trigger answered as `pending`.", referring;
    /// A run of a pipeline.
    RunRef = "`owner/name#number`, or a neutral id.", referring;
    /// A page of documentation.
    PageRef = "The provider's id of the page, or a neutral id.", referring;
    /// What is attached to a page.
    AttachmentRef = "The provider's id of the attachment, or a neutral id.", referring;
    /// A comment on an issue.
    IssueCommentRef = "The comment's neutral id, as the list of comments tells it.", referring;
    /// A milestone of a project.
    MilestoneRef = "The milestone's id, as the list of milestones tells it.", referring;
    /// A board.
    BoardRef = "The board's neutral id, as the list of boards tells it.", referring;
    /// A thing on a board.
    BoardItemRef = "The item's neutral id, as the list of items tells it.", referring;
    /// Whose boards.
    BoardsOf = "Whose boards: an organisation, a user or a project, as the provider keeps them. Mostly required: few list all that \
        a credential sees.", referring;
    /// Somebody.
    PersonRef = "A name of the directory, or else the account's own name or id at the provider.", referring;
    /// A comment on a page of documentation.
    PageCommentRef = "The comment's neutral id, as the list of comments tells it.", referring;
    /// A day.
    Day = "A day, such as 2026-03-01.", day;
    /// A colour.
    Colour = "A colour, such as #d73a4a.", colour;
    /// What a page is in.
    ParentRef = "What it shall be in, as another page's `parent` names it.", referring;
    /// A model.
    ModelRef = "The model's id; `instance~model` pins a provider.", referring;
    /// An answer that its provider keeps.
    ResponseRef = "The answer's neutral id, as the answer told it.", referring;
    /// A batch of requests to models.
    BatchRef = "The batch's neutral id, as its creation told it.", referring;
    /// A file that a model's provider keeps.
    FileRef = "The file's neutral id, as its upload told it.", referring;
    /// A short text: a label, a title, a step's name.
    Name = "A name.", named;
    /// A branch, tag or commit.
    GitRef = "A branch, tag or commit; default: the default branch.", referring;
    /// A branch.
    BranchName = "The branch's name, without `refs/heads/`.", referring;
    /// A tag.
    TagName = "The tag's name, without `refs/tags/`.", referring;
    /// A commit.
    CommitRef = "A commit's hash; a branch's or a tag's name stands for the commit that it points at.", referring;
    /// What stands for the state of a thing that shall be changed.
    Version = "Only if this is still what stands there; otherwise `precondition_failed`.", referring;
    /// A moment.
    Moment = "A moment, RFC 3339, such as 2026-03-01T12:00:00Z.", moment;
    /// An address of the web.
    WebUrl = "An http or https URL.", web_address;
    /// A path within a repository.
    FilePath = "The path within the repository.", relative;
    /// Long text in the provider's markup.
    Markdown = "The text.", anything;
    /// Where a list goes on.
    Cursor = "From the previous page.", anything;
}

macro_rules! resources {
    ($($name:ident)*) => {$(
        impl $name {
            /// What a call with it is about.
            pub fn resource(&self) -> Resource {
                Resource::parse(&self.0)
            }
        }
    )*};
}

resources!(RepoRef OwnerRef ProjectRef IssueRef PullRef HookRef RunRef PendingRef ArtifactRef PageRef AttachmentRef ParentRef
    ModelRef ResponseRef IssueCommentRef BoardRef BoardItemRef BoardsOf PageCommentRef
    BatchRef FileRef);

/// Rows a page, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// The highest page size that a list accepts.
    pub const MOST: u32 = 100;

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }

    fn check(self) -> Result<(), String> {
        match self.0 {
            1..=Self::MOST => Ok(()),
            _ => Err(format!("must be between 1 and {}", Self::MOST)),
        }
    }
}

impl From<u32> for PageSize {
    fn from(rows: u32) -> Self {
        PageSize(rows)
    }
}

impl Serialize for PageSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.check().map_err(S::Error::custom)?;
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = PageSize(u32::deserialize(deserializer)?);
        size.check().map_err(D::Error::custom)?;
        Ok(size)
    }
}

impl JsonSchema for PageSize {
    fn schema_name() -> Cow<'static, str> {
        "PageSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "format": "uint32",
            "minimum": 1,
            "maximum": Self::MOST,
            "description": "Rows a page, 1 to 100; default: the provider's. With provider=all, of each instance."
        })
    }
}

/// Holds a text that must say something to it.
///
/// # Errors
/// `invalid_input` on `field`.
pub(super) fn says(field: &str, text: &str) -> Result<(), Failure> {
    match text.trim().is_empty() {
        true => Err(Failure::invalid(field, format!("{field} must not be empty"))),
        false => Ok(()),
    }
}

/// The rule of names.
pub(super) fn named(text: &str) -> Result<(), Cow<'static, str>> {
    if text.trim().is_empty() {
        return Err("must not be empty".into());
    }
    if text.len() > LONGEST {
        return Err(format!("must be at most {LONGEST} bytes").into());
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".into());
    }
    Ok(())
}

/// The rule of what providers know things by. White space at the ends of an id, or of a part of it, is a slip of whoever
/// wrote it: passed on, a provider would not find the thing, or find another.
pub(super) fn referring(text: &str) -> Result<(), Cow<'static, str>> {
    named(text)?;
    text.split(['/', '~', '#']).try_for_each(trimmed)
}

/// The rule of what a run has left behind. Behind the run, a file may be called by any name.
fn left_behind(text: &str) -> Result<(), Cow<'static, str>> {
    named(text)?;
    trimmed(text)?;
    let number = text.find('#').unwrap_or(text.len());
    let run = text[number..].find('/').map_or(text.len(), |slash| number + slash);
    referring(&text[..run])
}

fn trimmed(text: &str) -> Result<(), Cow<'static, str>> {
    match text.trim() == text {
        true => Ok(()),
        false => Err("must not have white space at its ends, nor at those of a part".into()),
    }
}

/// The rule of paths. Within one, a file may be called by any name.
fn relative(text: &str) -> Result<(), Cow<'static, str>> {
    named(text)?;
    trimmed(text)?;
    match text.split('/').any(|part| matches!(part, "" | "." | "..")) {
        true => Err("must be relative and free of '.', '..' and empty parts".into()),
        false => Ok(()),
    }
}

/// The rule of moments.
fn moment(text: &str) -> Result<(), Cow<'static, str>> {
    let read = text.parse::<jiff::Timestamp>();
    read.map(drop)
        .map_err(|_| "must be a moment such as 2026-03-01T12:00:00Z (RFC 3339)".into())
}

/// The rule of days.
fn day(text: &str) -> Result<(), Cow<'static, str>> {
    let read = text.parse::<jiff::civil::Date>().map(|date| date.to_string() == text);
    match read {
        Ok(true) => Ok(()),
        _ => Err("must be a day such as 2026-03-01".into()),
    }
}

/// The rule of colours.
fn colour(text: &str) -> Result<(), Cow<'static, str>> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    match digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        true => Ok(()),
        false => Err("must be a colour such as #d73a4a".into()),
    }
}

/// The rule of addresses.
fn web_address(text: &str) -> Result<(), Cow<'static, str>> {
    named(text)?;
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(()),
        _ => Err("must be an http or https URL".into()),
    }
}

fn anything(_text: &str) -> Result<(), Cow<'static, str>> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_cannot_be_written() {
        for (wrong, rule) in [
            ("", "empty"),
            (" ", "empty"),
            ("a\nb", "control"),
            (&*"x".repeat(1025), "1024"),
        ] {
            let read = serde_json::from_value::<RepoRef>(wrong.into()).unwrap_err().to_string();
            let written = serde_json::to_vec(&RepoRef::from(wrong)).unwrap_err().to_string();
            assert!(read.starts_with("must ") && read.contains(rule), "{read}");
            assert_eq!(read, written);
        }
        for wrong in [
            " a/b",
            "a/b ",
            "a /b",
            "f~ a/b",
            "a/b#1\u{a0}",
            "a/b\u{2028}",
            "a/b\u{85}",
            "a\u{7f}b",
        ] {
            for read in [
                serde_json::from_value::<RepoRef>(wrong.into()).map(drop),
                serde_json::from_value::<PageRef>(wrong.into()).map(drop),
                serde_json::from_value::<GitRef>(wrong.into()).map(drop),
            ] {
                assert!(read.is_err(), "{wrong:?}");
            }
        }
        assert!(serde_json::from_value::<ProjectRef>("forge~Our group/My project".into()).is_ok());
        assert!(serde_json::from_value::<FilePath>("a /b c/ d".into()).is_ok());
        for (id, fits) in [
            ("ci~a/b#1/out/a page #1 / 100%.html", true),
            ("a/b#1", true),
            ("a/b#1 ", false),
            ("a /b#1/x", false),
            ("a/b#1 /x", false),
            ("a/b#1/x ", false),
            ("a/b ", false),
        ] {
            let read = serde_json::from_value::<ArtifactRef>(id.into());
            assert_eq!(read.is_ok(), fits, "{id:?}");
        }
        for (wrong, right) in [
            ("2026-03-01", "2026-03-01T12:00:00Z"),
            ("yesterday", "2026-03-01T12:00:00+02:00"),
        ] {
            assert!(serde_json::to_vec(&Moment::from(wrong)).is_err(), "{wrong}");
            assert!(serde_json::to_vec(&Moment::from(right)).is_ok(), "{right}");
        }
        for (wrong, right) in [
            ("2026-3-1", "2026-03-01"),
            ("2026-02-30", "2024-02-29"),
            ("2026-03-01T00:00", "0001-01-01"),
        ] {
            assert!(serde_json::to_vec(&Day::from(wrong)).is_err(), "{wrong}");
            assert!(serde_json::to_vec(&Day::from(right)).is_ok(), "{right}");
        }
        for (wrong, right) in [
            ("d73a4a", "#d73a4a"),
            ("#fff", "#FFFFFF"),
            ("#gggggg", "#000000"),
            ("red", "#ff0000"),
        ] {
            assert!(serde_json::to_vec(&Colour::from(wrong)).is_err(), "{wrong}");
            assert!(serde_json::to_vec(&Colour::from(right)).is_ok(), "{right}");
        }
        for wrong in ["ftp://a/b", "example.com/x", "http://", "javascript:alert(1)"] {
            assert!(serde_json::to_vec(&WebUrl::from(wrong)).is_err(), "{wrong}");
        }
        assert!(serde_json::to_vec(&WebUrl::from("https://example.com/x?y#z")).is_ok());
        for wrong in ["../x", "/x", "a//b", "a/./b", " a", "a ", "a\tb"] {
            assert!(serde_json::to_vec(&FilePath::from(wrong)).is_err(), "{wrong}");
        }
        for (rows, fits) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(serde_json::to_vec(&PageSize::from(rows)).is_ok(), fits);
            assert_eq!(serde_json::from_value::<PageSize>(rows.into()).is_ok(), fits);
        }
    }
}
