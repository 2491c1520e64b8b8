//! Pages: read, made, changed, moved, put into the trash and taken out.
//!
//! Invariant: what was written of a page that stays is told, and is never written twice.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use serde_json::json;

use super::ids::{Place, uuid};
use super::making::readable;
use super::parts::{self, At};
use super::reverted::half_done;
use super::text::Text;
use super::tree::{self, Tree};
use super::unfinished::Unfinished;
use super::{Notion, convert, markdown, wire};
use crate::catalogue::docs::{
    DocPage, Format, Lost, PageAppend, PageCreate, PageDelete, PageGet, PageMove, PageRestore, PageRow, PageUpdate,
};
use crate::catalogue::outcome::Deleted;
use crate::providers::http::{Received, Row, behind};
use crate::providers::{Reply, Request};

pub(super) fn only_markdown(format: Format) -> Result<(), Failure> {
    match format {
        Format::Markdown => Ok(()),
        Format::Html => {
            let sentence = "pages have no HTML at this provider: leave format out, or say markdown";
            Err(Failure::unsupported_field("format", sentence).never_sent())
        }
    }
}

pub async fn get(notion: Arc<Notion>, request: Request<PageGet>) -> Result<Reply<DocPage>, Failure> {
    let id = uuid(&request.native, "page")?;
    only_markdown(request.input.format)?;
    let received = notion.endpoint.send(notion.endpoint.get(&["pages", &id])?).await?;
    let row: Row<wire::Page> = received.row(request.include_raw)?;
    let tree = notion.tree(&id, request.deadline).await?;
    let changed = row.wire.last_edited_time.clone().text();
    let version = tree.version(changed.as_deref(), &convert::title(&row.wire));
    let page = convert::page(&request.instance, row, tree.markdown(), tree.lost(), version);
    Ok(received.reply(page))
}

/// Its answer is the page as it stands then, of one look, so that its version is that of its text; where it is not told soon,
/// what was written, without one: whoever had the version of a text that he has not seen would take others' for his own.
pub async fn create(notion: Arc<Notion>, request: Request<PageCreate>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let parent = Place::read(&request.native, "parent")?;
    only_markdown(input.format)?;
    let text = Text::of_new(&input.body)?;
    let made = notion
        .make(
            &request.instance,
            json!({"parent": parent.parent()?, "properties": convert::titled(&input.title)}),
            &text.blocks,
            request.deadline,
        )
        .await?;
    let row: Row<wire::Page> = made.row(request.include_raw)?;
    let body = markdown::write(&text.blocks);
    let stands = notion
        .stands(&request.instance, &row.wire.id, request.include_raw)
        .await;
    let mut page = match stands {
        Some(stands) => stands.page(&request.instance, body, text.told()).1,
        None => convert::page(&request.instance, row, body, text.told(), None),
    };
    // A connection that may not read is told the id alone.
    if page.title.is_empty() {
        page.title = input.title.to_string();
    }
    page.parent = page.parent.or_else(|| Some(parent.neutral(&request.instance)));
    Ok(made.reply(page))
}

pub async fn update(notion: Arc<Notion>, request: Request<PageUpdate>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let id = uuid(&request.native, "page")?;
    only_markdown(input.format)?;
    let text = input.body.as_deref().map(Text::read).transpose()?;
    if text.is_some()
        && input
            .if_match
            .as_deref()
            .is_some_and(|version| !tree::tells_text(version))
    {
        let sentence =
            "if_match is a time alone, which does not tell all changes of a text: get the page, and give its version";
        return Err(changed_since(sentence).never_sent());
    }
    let received = notion.endpoint.send(notion.endpoint.get(&["pages", &id])?).await?;
    let row: Row<wire::Page> = received.row(request.include_raw)?;
    writable(&received, &row.wire)?;
    let changed = row.wire.last_edited_time.clone().text();
    let title = convert::title(&row.wire);
    let tree = notion.tree(&id, request.deadline).await?;
    holds(Some(&tree), input.if_match.as_deref(), changed.as_deref(), &title)?;
    let mut lost = tree.lost();
    let mut body = tree.markdown();
    let mut same = true;
    // The headline last: it is the part that cannot be done in part.
    if let Some(text) = text {
        lost = text.told();
        let replaced = notion
            .replace(
                (&request.instance, &id),
                &tree.blocks,
                text.blocks,
                input.lossy,
                request.deadline,
            )
            .await?;
        lost.extend(replaced.lost);
        (body, same) = (replaced.body, replaced.same);
    }
    let retitled = match &input.title {
        Some(title) => Some(notion.retitle(&request, &id, title).await?),
        None => None,
    };
    if !same && let Some(stands) = notion.stands(&request.instance, &id, request.include_raw).await {
        let (received, page) = stands.page(&request.instance, body, lost);
        return Ok(received.reply(page));
    }
    let received = match retitled {
        None if same => notion.page_behind(&request.instance, &id).await,
        retitled => retitled,
    };
    let now = received
        .as_ref()
        .and_then(|received| readable(received, &request.instance, request.include_raw));
    let changed = now.as_ref().and_then(|now| now.wire.last_edited_time.clone().text());
    let before = now.is_none();
    let mut page = convert::page(&request.instance, now.unwrap_or(row), body, lost, None);
    if let Some(title) = input.title.as_deref().filter(|_| before || page.title.is_empty()) {
        page.title = title.to_owned();
    }
    // Of a text that was written and is not told again nobody has seen what became of it; one that stays was read.
    page.version = tree.version(changed.as_deref(), &page.title).filter(|_| same);
    Ok(received.map_or_else(|| Reply::of(page.clone()), |received| received.reply(page.clone())))
}

/// A page as it stands behind a write, and its text, where that is told soon.
struct Stands {
    received: Received,
    row: Row<wire::Page>,
    tree: Option<Tree>,
}

impl Stands {
    /// The answer that told it, and the page; where its text was not told, with what was `written`, and without a version.
    /// `lost`: what of that could not be written.
    fn page(self, instance: &Arc<str>, written: String, lost: Vec<Lost>) -> (Received, DocPage) {
        let Stands { received, row, tree } = self;
        let Some(tree) = tree else {
            return (received, convert::page(instance, row, written, lost, None));
        };
        let changed = row.wire.last_edited_time.clone().text();
        let version = tree.version(changed.as_deref(), &convert::title(&row.wire));
        let mut all = lost;
        for lost in tree.lost() {
            if !all.contains(&lost) {
                all.push(lost);
            }
        }
        (received, convert::page(instance, row, tree.markdown(), all, version))
    }
}

impl Notion {
    /// A page as it stands behind a write; none where not even itself is told soon, or can be read.
    async fn stands(&self, instance: &Arc<str>, id: &str, with_raw: bool) -> Option<Stands> {
        let received = self.page_behind(instance, id).await?;
        let row = readable(&received, instance, with_raw)?;
        let tree = behind(instance, self.tree_at_a_look(id)).await;
        Some(Stands { received, row, tree })
    }

    async fn retitle(&self, request: &Request<PageUpdate>, id: &str, title: &str) -> Result<Received, Failure> {
        let body = json!({"properties": convert::titled(title)});
        let outgoing = || self.endpoint.patch(&["pages", id], &body);
        let written = request.input.body.is_some();
        self.patient(request.deadline, outgoing)
            .await
            .map_err(|failure| match written {
                true => half_done(failure.also("the page's text was written, and its headline was not")),
                false => failure,
            })
    }
}

/// What is in the trash can be read, and not be written to.
fn writable(received: &Received, page: &wire::Page) -> Result<(), Failure> {
    match page.in_trash || page.archived {
        true => Err(received.failure(Kind::Conflict, "the page is in the trash: restore it first")),
        false => Ok(()),
    }
}

fn changed_since(sentence: &str) -> Failure {
    let mut failure = Failure::new(Kind::PreconditionFailed, sentence);
    failure.field = Some(Arc::from("if_match"));
    failure
}

/// Whether a version holds still; one that tells the text is held against it.
pub(super) fn holds(
    tree: Option<&Tree>,
    if_match: Option<&str>,
    changed: Option<&str>,
    title: &str,
) -> Result<(), Failure> {
    let Some(version) = if_match else { return Ok(()) };
    let same = match tree.filter(|_| tree::tells_text(version)) {
        Some(tree) => tree.is(version, changed, title),
        None => changed == Some(version),
    };
    match same {
        true => Ok(()),
        false => Err(changed_since("the page has changed since: get it again")),
    }
}

/// Adds to the end of a page. Its text is read before only where a version is held against it; the answer is the page as it
/// stands then, or what was added to it, where that is not told soon.
pub async fn append(notion: Arc<Notion>, request: Request<PageAppend>) -> Result<Reply<DocPage>, Failure> {
    let input = &request.input;
    let id = uuid(&request.native, "page")?;
    let text = Text::of_new(&input.body)?;
    let prepared = parts::prepare(&text.blocks)?;
    let received = notion.endpoint.send(notion.endpoint.get(&["pages", &id])?).await?;
    let row: Row<wire::Page> = received.row(request.include_raw)?;
    writable(&received, &row.wire)?;
    let changed = row.wire.last_edited_time.clone().text();
    let tree = match input.if_match.as_deref().is_some_and(tree::tells_text) {
        true => Some(notion.tree(&id, request.deadline).await?),
        false => None,
    };
    let title = convert::title(&row.wire);
    holds(tree.as_ref(), input.if_match.as_deref(), changed.as_deref(), &title)?;
    let mut begun = Unfinished::new(&notion, &request.instance);
    begun.written.before = tree.map(|tree| tree.ids());
    let added = notion
        .put_in(id.clone(), At::End, prepared, &mut begun.written, request.deadline)
        .await;
    if let Err(failure) = added {
        let failure = notion.undone(failure, &begun.written, request.deadline).await;
        begun.end();
        return Err(failure);
    }
    begun.end();
    let body = markdown::write(&text.blocks);
    if let Some(stands) = notion.stands(&request.instance, &id, request.include_raw).await {
        let (received, page) = stands.page(&request.instance, body, text.told());
        return Ok(received.reply(page));
    }
    Ok(received.reply(convert::page(&request.instance, row, body, text.told(), None)))
}

pub async fn put(notion: Arc<Notion>, request: Request<PageMove>) -> Result<Reply<PageRow>, Failure> {
    let id = uuid(&request.native, "page")?;
    let resource = request.input.parent.resource();
    let place = match Place::read(resource.native(), "parent")? {
        // Only its data sources take pages.
        Place::Database(database) => Place::DataSource(notion.only_source(&database, "parent").await?),
        place => place,
    };
    let body = json!({"parent": place.parent()?});
    let received = notion
        .endpoint
        .send(notion.endpoint.post(&["pages", &id, "move"], &body)?)
        .await?;
    row(&request, &received)
}

pub async fn delete(notion: Arc<Notion>, request: Request<PageDelete>) -> Result<Reply<Deleted>, Failure> {
    let id = uuid(&request.native, "page")?;
    let outgoing = notion.endpoint.patch(&["pages", &id], &notion.version.trash(true))?;
    Ok(notion.endpoint.send(outgoing).await?.reply(Deleted::trashed()))
}

pub async fn restore(notion: Arc<Notion>, request: Request<PageRestore>) -> Result<Reply<PageRow>, Failure> {
    let id = uuid(&request.native, "page")?;
    let outgoing = notion.endpoint.patch(&["pages", &id], &notion.version.trash(false))?;
    row(&request, &notion.endpoint.send(outgoing).await?)
}

fn row<O: crate::catalogue::op::Op>(request: &Request<O>, received: &Received) -> Result<Reply<PageRow>, Failure> {
    let row = received.row(request.include_raw)?;
    let row = PageRow {
        // Notion tells the time alone, by which nobody knows the text of what he has moved.
        version: None,
        ..convert::page_row(&request.instance, row)
    };
    Ok(received.reply(row))
}

impl Notion {
    /// The one data source of a database.
    pub(super) async fn only_source(&self, database: &str, field: &str) -> Result<String, Failure> {
        let received = self.endpoint.send(self.endpoint.get(&["databases", database])?).await?;
        let mut found = received.json::<wire::Database>()?.data_sources;
        match (found.pop(), found.len()) {
            (Some(source), 0) => Ok(source.id),
            (None, _) => Err(received.failure(Kind::NotFound, "the database has no data source that is shown to us")),
            (Some(last), _) => {
                found.push(last);
                let names: Vec<String> = found
                    .into_iter()
                    .map(|source| format!("data_source/{}", source.id))
                    .collect();
                let sentence = format!(
                    "the database has several data sources: name one of {}",
                    names.join(", ")
                );
                Err(received.blame(Failure::invalid(field, sentence)))
            }
        }
    }
}
