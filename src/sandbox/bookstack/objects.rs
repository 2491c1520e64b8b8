//! BookStack's JSON objects.
//!
//! Invariant: an object has exactly the fields that BookStack's published example of it has.

use serde_json::{Value, json};

use super::state::{Attached, Attachment, Book, Chapter, Page, State};
use super::text::{bare, escape, marked, slug};

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Page(&'a Page),
    Chapter(&'a Chapter),
    Book(&'a Book),
}

/// A page as it is read.
pub(crate) fn page(page: &Page) -> Value {
    let user = json!({ "id": 1, "name": "Sandbox User", "slug": "sandbox-user" });
    json!({
        "id": page.id,
        "book_id": page.book_id,
        "chapter_id": page.chapter_id,
        "name": page.name,
        "slug": slug(&page.name),
        "html": page.html,
        "raw_html": page.html,
        "priority": page.id,
        "created_at": page.at,
        "updated_at": page.at,
        "created_by": user,
        "updated_by": user,
        "owned_by": user,
        "draft": false,
        "markdown": page.markdown,
        "revision_count": 1,
        "template": false,
        "editor": editor(page),
        "tags": [],
    })
}

/// A page as lists show it.
pub(crate) fn listed_page(state: &State, page: &Page) -> Value {
    json!({
        "id": page.id,
        "book_id": page.book_id,
        "chapter_id": page.chapter_id,
        "name": page.name,
        "slug": slug(&page.name),
        "priority": page.id,
        "draft": false,
        "revision_count": 1,
        "template": false,
        "created_at": page.at,
        "updated_at": page.at,
        "created_by": 1,
        "updated_by": 1,
        "owned_by": 1,
        "editor": editor(page),
        "book_slug": state.book_slug(page.book_id),
    })
}

/// An attachment as lists show it, and as its creation answers.
pub(crate) fn listed_attachment(row: &Attachment) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "extension": row.extension,
        "uploaded_to": row.page,
        "external": matches!(row.content, Attached::Link(_)),
        "order": row.order,
        "created_at": row.at,
        "updated_at": row.at,
        "created_by": 1,
        "updated_by": 1,
    })
}

/// An attachment as it is read, with its content.
pub(crate) fn attachment(row: &Attachment, origin: &str, content: &str) -> Value {
    let user = json!({ "id": 1, "name": "Sandbox User", "slug": "sandbox-user" });
    let url = format!("{origin}/attachments/{}", row.id);
    let mut object = listed_attachment(row);
    object["created_by"] = user.clone();
    object["updated_by"] = user;
    object["links"] = json!({
        "html": format!("<a target=\"_blank\" href=\"{url}\">{}</a>", escape(&row.name)),
        "markdown": format!("[{}]({url})", row.name),
    });
    object["content"] = content.into();
    object
}

/// A row of a search.
pub(crate) fn found(state: &State, origin: &str, found: Found<'_>, terms: &[String]) -> Value {
    let at = &state.pages[0].at;
    let url =
        |book: u64, kind: &str, name: &str| format!("{origin}/books/{}/{kind}/{}", state.book_slug(book), slug(name));
    let (id, name, kind, text, url, at) = match found {
        Found::Page(page) => {
            let text = if page.markdown.is_empty() {
                bare(&page.html)
            } else {
                page.markdown.clone()
            };
            let url = url(page.book_id, "page", &page.name);
            (page.id, &page.name, "page", text, url, &page.at)
        }
        Found::Chapter(chapter) => {
            let url = url(chapter.book_id, "chapter", &chapter.name);
            (
                chapter.id,
                &chapter.name,
                "chapter",
                chapter.description.clone(),
                url,
                at,
            )
        }
        Found::Book(book) => {
            let url = format!("{origin}/books/{}", slug(&book.name));
            (book.id, &book.name, "book", book.description.clone(), url, at)
        }
    };
    let mut row = json!({
        "id": id,
        "name": name,
        "slug": slug(name),
        "created_at": at,
        "updated_at": at,
        "type": kind,
        "url": url,
        "preview_html": { "name": marked(name, terms), "content": marked(&text, terms) },
        "tags": [],
    });
    match found {
        Found::Page(page) => {
            row["book_id"] = page.book_id.into();
            row["chapter_id"] = page.chapter_id.into();
            row["draft"] = false.into();
            row["template"] = false.into();
        }
        Found::Chapter(chapter) => row["book_id"] = chapter.book_id.into(),
        Found::Book(_) => {}
    }
    row
}

fn editor(page: &Page) -> &'static str {
    if page.markdown.is_empty() {
        "wysiwyg"
    } else {
        "markdown"
    }
}
