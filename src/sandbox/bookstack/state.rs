//! What a BookStack holds: books, chapters, pages, and what is attached to them.
//!
//! Invariant: ids only grow, every page is in a book, and at most [`MAX_CREATED`] pages and
//! attachments, [`MAX_ATTACHED`] bytes of them, are ever created.

use bytes::Bytes;
use jiff::Timestamp;

use super::text::{escape, slug};

/// The most pages and attachments that clients can create on one server.
pub(crate) const MAX_CREATED: usize = 10_000;
/// The most bytes of attached files that one server holds.
pub(crate) const MAX_ATTACHED: usize = 64 << 20;
/// Seeded pages of the book of notes: more than one page of a list and of a search.
const NOTES: u64 = 130;
/// When everything was made, as BookStack writes it.
const SEEDED_AT: &str = "2026-01-05T09:00:00.000000Z";

#[derive(Debug)]
pub(crate) struct State {
    pub books: Vec<Book>,
    pub chapters: Vec<Chapter>,
    /// By rising id.
    pub pages: Vec<Page>,
    /// By rising id.
    pub attachments: Vec<Attachment>,
    pub created: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub id: u64,
    pub name: String,
    pub description: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Chapter {
    pub id: u64,
    pub book_id: u64,
    pub name: String,
    pub description: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub id: u64,
    pub book_id: u64,
    /// 0: it stands in its book directly.
    pub chapter_id: u64,
    pub name: String,
    pub html: String,
    /// Empty where it was written in the WYSIWYG editor.
    pub markdown: String,
    pub at: String,
}

/// What is attached to a page.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub id: u64,
    pub page: u64,
    /// Its place among those of its page, from 1.
    pub order: usize,
    pub name: String,
    /// Without its dot.
    pub extension: String,
    pub content: Attached,
    pub at: String,
}

/// What an attachment holds.
#[derive(Clone, Debug)]
pub(crate) enum Attached {
    File(Bytes),
    Link(String),
}

impl Attached {
    pub fn size(&self) -> usize {
        match self {
            Attached::File(bytes) => bytes.len(),
            Attached::Link(link) => link.len(),
        }
    }
}

/// What a client attaches.
#[derive(Debug)]
pub(crate) struct NewAttachment {
    pub page: u64,
    pub name: String,
    pub extension: String,
    pub content: Attached,
}

/// What a new page holds.
#[derive(Debug)]
pub(crate) enum Content {
    Markdown(String),
    Html(String),
}

impl State {
    pub fn seeded(instance: &str) -> Self {
        let book = |id, name: &str| Book {
            id,
            name: name.to_owned(),
            description: format!("A book of {instance}"),
        };
        let mut state = Self {
            books: vec![book(1, "Handbook"), book(2, "Notes")],
            chapters: vec![Chapter {
                id: 1,
                book_id: 1,
                name: "Operations".to_owned(),
                description: format!("A chapter of {instance}"),
            }],
            pages: Vec::new(),
            attachments: Vec::new(),
            created: 0,
        };
        let at = || SEEDED_AT.to_owned();
        let welcome = format!("Served by {instance}. Grüße & welcome.\n\n- first\n- second");
        state.add(1, 0, "Welcome".to_owned(), Content::Markdown(welcome), at());
        let runbook = format!("<p>Call {instance} &amp; wait.</p><p>Then <b>restart</b> it.</p>");
        state.add(1, 1, "Runbook".to_owned(), Content::Html(runbook), at());
        state.add(1, 1, "Empty".to_owned(), Content::Html(String::new()), at());
        for n in 1..=NOTES {
            let text = format!("The note with the number {n}, kept by {instance}.");
            state.add(2, 0, format!("Note {n}"), Content::Markdown(text), at());
        }
        state
    }

    fn add(&mut self, book_id: u64, chapter_id: u64, name: String, content: Content, at: String) -> &Page {
        let id = self.pages.last().map_or(1, |page| page.id + 1);
        let (html, markdown) = match content {
            Content::Markdown(text) => (format!("<p>{}</p>", escape(&text)), text),
            Content::Html(html) => (html, String::new()),
        };
        self.pages.push(Page {
            id,
            book_id,
            chapter_id,
            name,
            html,
            markdown,
            at,
        });
        &self.pages[self.pages.len() - 1]
    }

    /// Adds what a client wrote.
    pub fn create(&mut self, book_id: u64, chapter_id: u64, name: String, content: Content) -> &Page {
        self.created += 1;
        self.add(book_id, chapter_id, name, content, now())
    }

    /// Adds what a client attached.
    pub fn attach(&mut self, new: NewAttachment) -> &Attachment {
        self.created += 1;
        self.attachments.push(Attachment {
            id: self.attachments.last().map_or(1, |last| last.id + 1),
            page: new.page,
            order: self.attachments.iter().filter(|row| row.page == new.page).count() + 1,
            name: new.name,
            extension: new.extension,
            content: new.content,
            at: now(),
        });
        &self.attachments[self.attachments.len() - 1]
    }

    pub fn page(&self, id: u64) -> Option<&Page> {
        self.pages.iter().find(|page| page.id == id)
    }

    pub fn book(&self, id: u64) -> Option<&Book> {
        self.books.iter().find(|book| book.id == id)
    }

    pub fn chapter(&self, id: u64) -> Option<&Chapter> {
        self.chapters.iter().find(|chapter| chapter.id == id)
    }

    /// The part of a book's URL that names it; every page is in a book.
    pub fn book_slug(&self, id: u64) -> String {
        self.book(id).map(|book| slug(&book.name)).unwrap_or_default()
    }
}

/// As BookStack writes it.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
