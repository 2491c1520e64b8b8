//! What a BookStack holds: shelves, books, chapters, pages, what is attached to them and said of them, and the recycle bin.
//!
//! Invariant: ids only grow, every page is in a book, and at most [`MAX_CREATED`] items and [`MAX_ATTACHED`] bytes of
//! attachments are ever created.

use bytes::Bytes;
use jiff::Timestamp;

use super::content::{self, Content};
use super::problem::Problem;
use super::text::slug;

/// The most items that clients can create on one server.
pub(crate) const MAX_CREATED: usize = 10_000;
/// The most bytes of attached files that one server holds.
pub(crate) const MAX_ATTACHED: usize = 64 << 20;
/// Seeded pages of the book of notes: more than one page of a list and of a search.
const NOTES: u64 = 130;
/// When everything was made, as BookStack writes it.
const SEEDED_AT: &str = "2026-01-05T09:00:00.000000Z";

#[derive(Debug)]
pub(crate) struct State {
    pub shelves: Vec<Shelf>,
    pub books: Vec<Book>,
    pub chapters: Vec<Chapter>,
    /// By rising id.
    pub pages: Vec<Page>,
    /// By rising id.
    pub attachments: Vec<Attachment>,
    /// By rising id.
    pub comments: Vec<Comment>,
    /// By rising id.
    pub deletions: Vec<Deletion>,
    last_deletion: u64,
    pub created: usize,
    origin: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub id: u64,
    pub name: String,
    pub description: String,
    pub at: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub id: u64,
    pub name: String,
    pub description: String,
    pub description_html: String,
    pub at: String,
    pub trashed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Chapter {
    pub id: u64,
    pub book_id: u64,
    pub name: String,
    pub description: String,
    pub trashed: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub id: u64,
    pub book_id: u64,
    /// 0: it stands in its book directly.
    pub chapter_id: u64,
    pub name: String,
    /// As it is stored.
    pub html: String,
    /// Empty where it was written in the WYSIWYG editor.
    pub markdown: String,
    /// How often its text or name was written.
    pub revisions: u64,
    pub draft: bool,
    pub trashed: bool,
    pub at: String,
    pub updated_at: String,
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

/// What is said of a page.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub id: u64,
    pub page: u64,
    /// Its number among those of its page.
    pub local_id: u64,
    /// The number of the one that it replies to.
    pub parent: Option<u64>,
    pub html: String,
    pub at: String,
    /// The number of who wrote it.
    pub by: u64,
}

/// What was deleted as one.
#[derive(Clone, Debug)]
pub(crate) struct Deletion {
    pub id: u64,
    pub what: Deleted,
    pub at: String,
}

/// What a deletion is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deleted {
    Page(u64),
    Chapter(u64),
    Book(u64),
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

impl State {
    pub fn seeded(instance: &str, origin: &str) -> Self {
        let at = || SEEDED_AT.to_owned();
        let book = |id, name: &str| Book {
            id,
            name: name.to_owned(),
            description: format!("A book of {instance}"),
            description_html: format!("<p>A book of {instance}</p>"),
            at: at(),
            trashed: false,
        };
        let shelf = |id, name: &str| Shelf {
            id,
            name: name.to_owned(),
            description: format!("A shelf of {instance}"),
            at: at(),
        };
        let mut state = Self {
            shelves: vec![shelf(1, "All"), shelf(2, "Reference")],
            books: vec![book(1, "Handbook"), book(2, "Notes")],
            chapters: vec![Chapter {
                id: 1,
                book_id: 1,
                name: "Operations".to_owned(),
                description: format!("A chapter of {instance}"),
                trashed: false,
            }],
            pages: Vec::new(),
            attachments: Vec::new(),
            comments: Vec::new(),
            deletions: Vec::new(),
            last_deletion: 0,
            created: 0,
            origin: origin.to_owned(),
        };
        let welcome = format!("Served by {instance}. Grüße & welcome.\n\n- first\n- second");
        state.add(1, 0, "Welcome".to_owned(), Content::Markdown(welcome), at());
        let runbook = format!("<p>Call {instance} &amp; wait.</p><p>Then <b>restart</b> it.</p>");
        state.add(1, 1, "Runbook".to_owned(), Content::Html(runbook), at());
        state.add(1, 1, "Empty".to_owned(), Content::Html(String::new()), at());
        for n in 1..=NOTES {
            let text = format!("The note with the number {n}, kept by {instance}.");
            state.add(2, 0, format!("Note {n}"), Content::Markdown(text), at());
        }
        state.add(1, 0, "Not yet".to_owned(), Content::Html(String::new()), at());
        if let Some(last) = state.pages.last_mut() {
            last.draft = true;
        }
        state
    }

    fn add(&mut self, book_id: u64, chapter_id: u64, name: String, content: Content, at: String) -> &Page {
        let id = self.pages.last().map_or(1, |page| page.id + 1);
        let (html, markdown) = content::stored(&content, &self.origin, id);
        self.pages.push(Page {
            id,
            book_id,
            chapter_id,
            name,
            html,
            markdown,
            revisions: 1,
            draft: false,
            trashed: false,
            updated_at: at.clone(),
            at,
        });
        &self.pages[self.pages.len() - 1]
    }

    /// Counts something that a client makes, where there is room for it.
    pub fn make(&mut self) -> Result<(), Problem> {
        if self.created >= MAX_CREATED {
            let message = format!("This sandbox holds at most {MAX_CREATED} created items; restart it to empty it.");
            return Err(Problem::new(http::StatusCode::UNPROCESSABLE_ENTITY, message));
        }
        self.created += 1;
        Ok(())
    }

    /// Adds what a client wrote.
    pub fn create(&mut self, book_id: u64, chapter_id: u64, name: String, content: Content) -> &Page {
        self.add(book_id, chapter_id, name, content, now())
    }

    /// Writes a page anew, as far as something is given.
    pub fn write(&mut self, id: u64, name: Option<String>, content: Option<&Content>) {
        let stored = content.map(|content| content::stored(content, &self.origin, id));
        let Some(page) = self.pages.iter_mut().find(|page| page.id == id) else {
            return;
        };
        if name.is_some() || stored.is_some() {
            page.revisions += 1;
        }
        if let Some(name) = name {
            page.name = name;
        }
        if let Some((html, markdown)) = stored {
            (page.html, page.markdown) = (html, markdown);
        }
        page.updated_at = now();
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

    /// Adds what a client said.
    pub fn comment(&mut self, page: u64, parent: Option<u64>, html: String, by: u64) -> &Comment {
        let numbers = self.comments.iter().filter(|comment| comment.page == page);
        let local_id = numbers.map(|comment| comment.local_id).max().unwrap_or_default() + 1;
        self.comments.push(Comment {
            id: self.comments.last().map_or(1, |last| last.id + 1),
            page,
            local_id,
            parent,
            html,
            at: now(),
            by,
        });
        &self.comments[self.comments.len() - 1]
    }

    /// Puts something into the recycle bin, with all that is in it.
    pub fn trash(&mut self, what: Deleted) {
        self.mark(what, true);
        self.last_deletion += 1;
        self.deletions.push(Deletion {
            id: self.last_deletion,
            what,
            at: now(),
        });
    }

    /// Takes a deletion out of the recycle bin, and tells how much is there again: nothing where that would be in something
    /// that is not.
    pub fn restore(&mut self, id: u64) -> Option<usize> {
        let place = self.deletions.iter().position(|deletion| deletion.id == id)?;
        let what = self.deletions.remove(place).what;
        match self.is_orphan(what) {
            true => Some(0),
            false => Some(self.mark(what, false)),
        }
    }

    fn is_orphan(&self, what: Deleted) -> bool {
        let book = |id| self.books.iter().any(|book| book.id == id && book.trashed);
        let chapter = |id| self.chapters.iter().find(|chapter| chapter.id == id);
        match what {
            Deleted::Book(_) => false,
            Deleted::Chapter(id) => chapter(id).is_some_and(|chapter| book(chapter.book_id)),
            Deleted::Page(id) => {
                let page = self.pages.iter().find(|page| page.id == id);
                page.is_some_and(|page| {
                    book(page.book_id) || chapter(page.chapter_id).is_some_and(|chapter| chapter.trashed)
                })
            }
        }
    }

    fn mark(&mut self, what: Deleted, trashed: bool) -> usize {
        let mut marked = 0;
        let alone = self.deletions.iter().filter_map(|deletion| match deletion.what {
            Deleted::Page(id) => Some(id),
            _ => None,
        });
        let alone: Vec<u64> = alone.collect();
        for page in &mut self.pages {
            // One that was deleted by itself does not come back with what it was in.
            if !trashed && alone.contains(&page.id) {
                continue;
            }
            let within = match what {
                Deleted::Page(id) => page.id == id,
                Deleted::Chapter(id) => page.chapter_id == id,
                Deleted::Book(id) => page.book_id == id,
            };
            if within {
                page.trashed = trashed;
                marked += 1;
            }
        }
        for chapter in &mut self.chapters {
            if what == Deleted::Chapter(chapter.id) || what == Deleted::Book(chapter.book_id) {
                chapter.trashed = trashed;
                marked += 1;
            }
        }
        for book in &mut self.books {
            if what == Deleted::Book(book.id) {
                book.trashed = trashed;
                marked += 1;
            }
        }
        marked
    }

    /// A page that is not in the recycle bin.
    pub fn page(&self, id: u64) -> Option<&Page> {
        self.pages.iter().find(|page| page.id == id && !page.trashed)
    }

    pub fn book(&self, id: u64) -> Option<&Book> {
        self.books.iter().find(|book| book.id == id && !book.trashed)
    }

    pub fn chapter(&self, id: u64) -> Option<&Chapter> {
        self.chapters
            .iter()
            .find(|chapter| chapter.id == id && !chapter.trashed)
    }

    /// The part of a book's URL that names it; every page is in a book.
    pub fn book_slug(&self, id: u64) -> String {
        let book = self.books.iter().find(|book| book.id == id);
        book.map(|book| slug(&book.name)).unwrap_or_default()
    }
}

/// As BookStack writes it.
pub(super) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
}
