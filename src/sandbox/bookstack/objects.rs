//! BookStack's JSON objects.
//!
//! Invariant: an object has exactly the fields that BookStack's published example of it has.

use serde_json::{Value, json};

use super::content::shown;
use super::gate::Viewer;
use super::state::{Attached, Attachment, Book, Chapter, Comment, Deleted, Deletion, Page, State};
use super::text::{bare, escape, marked, slug};

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Page(&'a Page),
    Chapter(&'a Chapter),
    Book(&'a Book),
}

/// A page as it is read.
pub(crate) fn page(state: &State, page: &Page) -> Value {
    let user = user(Viewer::Admin);
    json!({
        "id": page.id,
        "book_id": page.book_id,
        "chapter_id": page.chapter_id,
        "name": page.name,
        "slug": slug(&page.name),
        "html": shown(&page.html, |id| state.page(id).map(|page| page.html.as_str())),
        "raw_html": page.html,
        "priority": page.id,
        "created_at": page.at,
        "updated_at": page.updated_at,
        "created_by": user,
        "updated_by": user,
        "owned_by": user,
        "draft": page.draft,
        "markdown": page.markdown,
        "revision_count": page.revisions,
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
        "draft": page.draft,
        "revision_count": page.revisions,
        "template": false,
        "created_at": page.at,
        "updated_at": page.updated_at,
        "created_by": 1,
        "updated_by": 1,
        "owned_by": 1,
        "editor": editor(page),
        "book_slug": state.book_slug(page.book_id),
    })
}

/// An account as what it did shows it.
fn user(account: Viewer) -> Value {
    json!({ "id": account.number(), "name": account.name(), "slug": slug(account.name()) })
}

/// An account as the list of accounts shows it.
pub(crate) fn account(account: Viewer, origin: &str) -> Value {
    let at = "2026-01-05T09:00:00.000000Z";
    let slug = slug(account.name());
    json!({
        "id": account.number(),
        "name": account.name(),
        "email": format!("{slug}@example.com"),
        "created_at": at,
        "updated_at": at,
        "external_auth_id": "",
        "slug": slug,
        "last_activity_at": at,
        "profile_url": format!("{origin}/user/{slug}"),
        "edit_url": format!("{origin}/settings/users/{}", account.number()),
        "avatar_url": format!("{origin}/user_avatar.png"),
    })
}

/// A book or shelf as lists show it.
pub(crate) fn listed_space(id: u64, name: &str, description: &str, at: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "slug": slug(name),
        "description": description,
        "created_at": at,
        "updated_at": at,
        "created_by": 1,
        "updated_by": 1,
        "owned_by": 1,
    })
}

/// A book as its creation answers.
pub(crate) fn made_book(book: &Book) -> Value {
    let mut object = listed_space(book.id, &book.name, &book.description, &book.at);
    object["default_template_id"] = Value::Null;
    object["description_html"] = book.description_html.clone().into();
    object["tags"] = json!([]);
    object["cover"] = Value::Null;
    object
}

/// A book as it is read: its chapters with their pages, and its own pages.
pub(crate) fn book(state: &State, origin: &str, book: &Book) -> Value {
    let mut object = made_book(book);
    for field in ["created_by", "updated_by", "owned_by"] {
        object[field] = user(Viewer::Admin);
    }
    let url = |kind: &str, name: &str| format!("{origin}/books/{}/{kind}/{}", slug(&book.name), slug(name));
    let pages = |chapter: u64| {
        let pages = state
            .pages
            .iter()
            .filter(move |page| page.book_id == book.id && page.chapter_id == chapter && !page.trashed);
        pages.map(|page| {
            json!({
                "id": page.id,
                "name": page.name,
                "slug": slug(&page.name),
                "book_id": page.book_id,
                "chapter_id": page.chapter_id,
                "draft": page.draft,
                "template": false,
                "created_at": page.at,
                "updated_at": page.updated_at,
                "url": url("page", &page.name),
            })
        })
    };
    let chapters = state
        .chapters
        .iter()
        .filter(|one| one.book_id == book.id && !one.trashed);
    let chapters = chapters.map(|chapter| {
        json!({
            "id": chapter.id,
            "name": chapter.name,
            "slug": slug(&chapter.name),
            "book_id": chapter.book_id,
            "created_at": book.at,
            "updated_at": book.at,
            "url": url("chapter", &chapter.name),
            "type": "chapter",
            "pages": pages(chapter.id).collect::<Vec<Value>>(),
        })
    });
    let own = pages(0).map(|mut page| {
        page["type"] = "page".into();
        page
    });
    object["contents"] = chapters.chain(own).collect();
    object
}

/// A chapter as it is read.
pub(crate) fn chapter(state: &State, chapter: &Chapter) -> Value {
    let pages = state
        .pages
        .iter()
        .filter(|page| page.chapter_id == chapter.id && !page.trashed);
    let at = state
        .books
        .iter()
        .find(|book| book.id == chapter.book_id)
        .map(|book| book.at.as_str());
    json!({
        "id": chapter.id,
        "book_id": chapter.book_id,
        "slug": slug(&chapter.name),
        "name": chapter.name,
        "description": chapter.description,
        "description_html": format!("<p>{}</p>", escape(&chapter.description)),
        "default_template_id": null,
        "priority": chapter.id,
        "created_at": at,
        "updated_at": at,
        "created_by": user(Viewer::Admin),
        "updated_by": user(Viewer::Admin),
        "owned_by": user(Viewer::Admin),
        "book_slug": state.book_slug(chapter.book_id),
        "tags": [],
        "pages": pages.map(|page| listed_page(state, page)).collect::<Vec<Value>>(),
    })
}

/// What is in the recycle bin, with what was deleted and what that was in.
pub(crate) fn deletion(state: &State, deletion: &Deletion) -> Value {
    let space = |book: &Book| listed_space(book.id, &book.name, &book.description, &book.at);
    let book = |id: u64| state.books.iter().find(|book| book.id == id);
    let chapter = |id: u64| state.chapters.iter().find(|chapter| chapter.id == id);
    let parent = |id: u64| {
        let mut parent = book(id).map(space).unwrap_or_default();
        parent["type"] = "book".into();
        parent
    };
    let (kind, id, object) = match deletion.what {
        Deleted::Page(id) => {
            let page = state.pages.iter().find(|page| page.id == id);
            let object = page.map(|page| {
                let mut object = listed_page(state, page);
                object["parent"] = parent(page.book_id);
                object
            });
            ("page", id, object)
        }
        Deleted::Chapter(id) => {
            let object = chapter(id).map(|chapter| {
                json!({ "id": id, "book_id": chapter.book_id, "name": chapter.name, "parent": parent(chapter.book_id) })
            });
            ("chapter", id, object)
        }
        Deleted::Book(id) => ("book", id, book(id).map(space)),
    };
    json!({
        "id": deletion.id,
        "deleted_by": 1,
        "created_at": deletion.at,
        "updated_at": deletion.at,
        "deletable_type": kind,
        "deletable_id": id,
        "deletable": object,
    })
}

/// A comment as lists show it.
pub(crate) fn listed_comment(comment: &Comment) -> Value {
    json!({
        "id": comment.id,
        "commentable_id": comment.page,
        "commentable_type": "page",
        "parent_id": comment.parent,
        "local_id": comment.local_id,
        "content_ref": "",
        "created_by": comment.by,
        "updated_by": comment.by,
        "created_at": comment.at,
        "updated_at": comment.at,
    })
}

/// A comment as its creation answers.
pub(crate) fn made_comment(comment: &Comment) -> Value {
    let mut object = listed_comment(comment);
    object["archived"] = false.into();
    object
}

/// A comment as it is read, with its text and the replies to it.
pub(crate) fn comment(state: &State, comment: &Comment) -> Value {
    let told = |comment: &Comment| {
        let mut object = made_comment(comment);
        object["html"] = comment.html.clone().into();
        object
    };
    let replies = state
        .comments
        .iter()
        .filter(|one| one.page == comment.page && one.parent == Some(comment.local_id));
    let mut object = told(comment);
    let account = match comment.by {
        1 => Viewer::Admin,
        _ => Viewer::Reader,
    };
    object["created_by"] = user(account);
    object["updated_by"] = user(account);
    object["replies"] = replies.map(told).collect();
    object
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
    let user = user(Viewer::Admin);
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
