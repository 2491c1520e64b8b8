//! From BookStack's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver: `42` is a page, `book/3` and `chapter/5` are what
//! pages are in.

use mosaic_actors::call::Resource;

use super::body::{self, Text};
use super::wire;
use crate::catalogue::docs::{Attachment, DocPage, Format, Hit, PageComment, PageRow, RowKind, Space};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::Row;

/// What a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    Book(u64),
    Chapter(u64),
}

impl Parent {
    /// Reads `book/3` or `chapter/5`.
    pub fn parse(native: &str) -> Option<Self> {
        let (kind, id) = native.split_once('/')?;
        let id = id.parse().ok().filter(|id| *id > 0)?;
        match kind {
            "book" => Some(Parent::Book(id)),
            "chapter" => Some(Parent::Chapter(id)),
            _ => None,
        }
    }

    /// What a page says that it is in.
    pub fn of(book: Option<u64>, chapter: Option<u64>) -> Option<Self> {
        match (chapter, book) {
            (Some(chapter), _) if chapter > 0 => Some(Parent::Chapter(chapter)),
            (_, Some(book)) if book > 0 => Some(Parent::Book(book)),
            _ => None,
        }
    }

    /// BookStack's word for all of its kind.
    pub fn kind(self) -> &'static str {
        match self {
            Parent::Book(_) => "books",
            Parent::Chapter(_) => "chapters",
        }
    }

    /// Its number.
    pub fn number(self) -> u64 {
        match self {
            Parent::Book(id) | Parent::Chapter(id) => id,
        }
    }

    /// The field of a page that names it.
    pub fn field(self) -> &'static str {
        match self {
            Parent::Book(_) => "book_id",
            Parent::Chapter(_) => "chapter_id",
        }
    }

    /// The book, else the chapter, that a page is sent with.
    pub fn fields(self) -> (Option<u64>, Option<u64>) {
        match self {
            Parent::Book(id) => (Some(id), None),
            Parent::Chapter(id) => (None, Some(id)),
        }
    }

    /// Whether a page is somewhere within.
    pub fn holds(self, page: &wire::Page) -> bool {
        match self {
            Parent::Book(id) => page.book_id == Some(id),
            Parent::Chapter(id) => page.chapter_id == Some(id),
        }
    }

    fn neutral(self, instance: &str) -> String {
        match self {
            Parent::Book(id) => Resource::neutral_id(instance, format_args!("book/{id}")),
            Parent::Chapter(id) => Resource::neutral_id(instance, format_args!("chapter/{id}")),
        }
    }
}

pub fn hit(instance: &str, Row { wire, raw }: Row<wire::Found>) -> Hit {
    let excerpt = wire.preview_html.and_then(|preview| preview.content);
    Hit {
        id: Resource::neutral_id(instance, wire.id),
        title: wire.name,
        parent: Parent::of(wire.book_id, wire.chapter_id).map(|parent| parent.neutral(instance)),
        excerpt: excerpt.map(|html| plain(&html)).filter(|text| !text.is_empty()),
        web_url: wire.url.map(Link::from),
        updated_at: wire.updated_at.in_utc(),
        raw,
    }
}

/// A page with its text, written in `format`.
pub fn page(instance: &str, Row { wire, raw }: Row<wire::Page>, format: Format, text: Text) -> DocPage {
    DocPage {
        version: version(&wire),
        id: Resource::neutral_id(instance, wire.id),
        title: wire.name,
        parent: Parent::of(wire.book_id, wire.chapter_id).map(|parent| parent.neutral(instance)),
        format,
        body: text.body,
        lost: text.lost,
        author: wire.created_by.and_then(author),
        draft: wire.draft,
        trashed: false,
        web_url: wire.url.map(Link::from),
        created_at: wire.created_at.in_utc(),
        updated_at: wire.updated_at.in_utc(),
        raw,
    }
}

/// What stands for a page's state. Each change of its text is counted; times are told by the second alone.
pub fn version(page: &wire::Page) -> Option<String> {
    let count = page.revision_count.map(|count| count.to_string());
    count.or_else(|| page.updated_at.clone().in_utc())
}

/// A page or chapter as lists show it. A book's contents do not count changes: a version of them would be another than
/// the page's.
pub fn row(instance: &str, Row { wire, raw }: Row<wire::Page>) -> PageRow {
    let section = wire.kind.as_deref() == Some("chapter");
    let parent = match section {
        true => Parent::of(wire.book_id, None),
        false => Parent::of(wire.book_id, wire.chapter_id),
    };
    PageRow {
        id: match section {
            true => Parent::Chapter(wire.id).neutral(instance),
            false => Resource::neutral_id(instance, wire.id),
        },
        title: wire.name,
        kind: if section { RowKind::Section } else { RowKind::Page },
        parent: parent.map(|parent| parent.neutral(instance)),
        version: wire.revision_count.map(|count| count.to_string()),
        draft: wire.draft,
        trashed: false,
        web_url: wire.url.map(Link::from),
        created_at: wire.created_at.in_utc(),
        updated_at: wire.updated_at.in_utc(),
        raw,
    }
}

/// A book or shelf.
pub fn space(instance: &str, kind: &str, Row { wire, raw }: Row<wire::Space>) -> Space {
    Space {
        id: Resource::neutral_id(instance, format_args!("{kind}/{}", wire.id)),
        name: wire.name,
        raw_kind: kind.to_owned(),
        description: wire.description.filter(|text| !text.is_empty()),
        web_url: wire.url.map(Link::from),
        created_at: wire.created_at.in_utc(),
        updated_at: wire.updated_at.in_utc(),
        raw,
    }
}

/// A comment on the page of this number, and the id of the one that it replies to.
pub fn comment(
    instance: &str,
    page: &str,
    Row { wire, raw }: Row<wire::Comment>,
    reply_to: Option<u64>,
) -> PageComment {
    let named = |id: u64| Resource::neutral_id(instance, format_args!("{page}/{id}"));
    PageComment {
        id: named(wire.id),
        body: wire.html.map(|html| body::markdown(&html).body).unwrap_or_default(),
        reply_to: reply_to.map(named),
        author: wire.created_by.and_then(author),
        created_at: wire.created_at.in_utc(),
        updated_at: wire.updated_at.in_utc(),
        raw,
    }
}

fn author(by: wire::By) -> Option<Person> {
    let person = match by {
        wire::By::Number(id) => Person {
            id: Some(id.to_string()),
            ..Person::default()
        },
        wire::By::User(user) => person(user),
    };
    (person != Person::default()).then_some(person)
}

/// An account.
pub fn person(user: wire::User) -> Person {
    Person {
        id: user.id.map(|id| id.to_string()),
        login: None,
        name: user.name,
        email: user.email,
        web_url: user.profile_url.map(Link::from),
    }
}

pub fn attachment(instance: &str, Row { wire, raw }: Row<wire::Attachment>) -> Attachment {
    Attachment {
        id: Resource::neutral_id(instance, wire.id),
        name: wire.name,
        page: Resource::neutral_id(instance, wire.uploaded_to),
        external: wire.external,
        created_at: wire.created_at.in_utc(),
        updated_at: wire.updated_at.in_utc(),
        raw,
    }
}

/// What an attached file is called: its name, with the extension that it came with where the name has none. A name is
/// free text; what no file can have is left out of it.
pub fn file_name(attachment: &wire::Attachment) -> String {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    let name = attachment.name.replace(odd, "_");
    match attachment.extension.as_str() {
        extension if !extension.is_empty() && !name.contains('.') => format!("{name}.{}", extension.replace(odd, "_")),
        _ => name,
    }
}

/// The text of an exported page, without the headline that the export puts above it.
pub fn exported(title: &str, markdown: &str) -> String {
    let below = markdown
        .strip_prefix("# ")
        .and_then(|rest| rest.strip_prefix(title))
        .and_then(|rest| rest.strip_prefix("\n\n"));
    below.unwrap_or(markdown).to_owned()
}

/// The text of a preview: BookStack escapes it, and marks what was found.
fn plain(html: &str) -> String {
    let bare = html.replace("<strong>", "").replace("</strong>", "");
    // The ampersand last, so that nothing is unescaped twice.
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#039;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(bare, |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_named_exactly() {
        assert_eq!(Parent::parse("book/3"), Some(Parent::Book(3)));
        assert_eq!(Parent::parse("chapter/5"), Some(Parent::Chapter(5)));
        for odd in [
            "3", "book", "book/", "book/0", "book/-1", "shelf/3", "book/3/4", "/3", "",
        ] {
            assert_eq!(Parent::parse(odd), None, "{odd}");
        }
        assert_eq!(Parent::of(Some(1), Some(0)), Some(Parent::Book(1)));
        assert_eq!(Parent::of(Some(1), Some(2)), Some(Parent::Chapter(2)));
        assert_eq!(Parent::of(None, None), None);
    }

    #[test]
    fn an_attached_file_is_called_as_it_came() {
        let named = |name: &str, extension: &str| {
            let json = serde_json::json!({"id": 1, "name": name, "extension": extension, "uploaded_to": 1});
            file_name(&serde_json::from_value(json).unwrap())
        };
        assert_eq!(named("Plan", "pdf"), "Plan.pdf");
        assert_eq!(named("plan.pdf", "pdf"), "plan.pdf");
        assert_eq!(named("Plan", ""), "Plan");
        assert_eq!(named("../a\n", "b/c"), ".._a_");
    }

    #[test]
    fn a_preview_becomes_plain_text() {
        assert_eq!(
            plain("a <strong>cat</strong> &amp; &lt;b&gt; &#039;q&#039;"),
            "a cat & <b> 'q'"
        );
        assert_eq!(plain("&amp;lt;"), "&lt;");
    }

    #[test]
    fn only_the_export_s_own_headline_is_taken_away() {
        assert_eq!(exported("T", "# T\n\ntext"), "text");
        assert_eq!(exported("T", "# Title\n\ntext"), "# Title\n\ntext");
        assert_eq!(exported("T", "text"), "text");
        assert_eq!(exported("T", "# T\n\n# T\n\ntext"), "# T\n\ntext");
    }
}
