//! Issues, listed, read and found.
//!
//! Invariant: an issue is told of the data source that it is in now, and of no other.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind, Source};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::ids::Place;
use super::super::lists::MOST;
use super::super::{Notion, wire};
use super::query::{self, Rows};
use super::schema::{Property, Tracker};
use super::{account, convert, issue_of};
use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueGet, IssueList, IssueSearch, StateFilter};
use crate::providers::http::{Received, Row, too_large};
use crate::providers::{Reply, Request};

/// As many references as a page tells of one property: it may have more.
const MOST_REFERENCES: usize = 25;
/// How many pages of them are read: more people than anybody gives one issue.
const MOST_CALLS: usize = 20;

/// A property that the settings name; `field` is what needs it.
pub fn mapped<'a>(property: Option<&'a Property>, field: &str, setting: &str) -> Result<&'a Property, Failure> {
    property.ok_or_else(|| {
        let sentence = format!("no property is known for {field}: settings.tracker.{setting} names none");
        Failure::unsupported_field(field, sentence).never_sent()
    })
}

pub fn no_milestones(given: bool) -> Result<(), Failure> {
    match given {
        true => Err(Failure::unsupported_field("milestone", "this provider has no milestones").never_sent()),
        false => Ok(()),
    }
}

pub async fn list(notion: Arc<Notion>, request: Request<IssueList>) -> Result<Reply<Page<Issue>>, Failure> {
    let input = &request.input;
    no_milestones(input.milestone.is_some())?;
    let assignee = input
        .assignee
        .as_ref()
        .map(|person| account(&notion, person, "assignee"))
        .transpose()?;
    let tracker = notion.tracker(&request.native, "project").await?;
    if query::is_empty(&tracker, input.state) {
        return Ok(Reply::of(Page::new(vec![], None)));
    }
    let mut filters = query::of_state(&tracker, input.state);
    for label in &input.labels {
        let labels = mapped(tracker.labels.as_ref(), "labels", "labels")?;
        filters.push(json!({"property": labels.id, "multi_select": {"contains": &**label}}));
    }
    if let Some(id) = &assignee {
        let property = mapped(tracker.assignee.as_ref(), "assignee", "assignee")?;
        filters.push(json!({"property": property.id, "people": {"contains": id}}));
    }
    if let Some(since) = input.updated_since.as_deref() {
        filters.push(json!({"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": since}}));
    }
    let size = request.limit().unwrap_or(MOST);
    let rows = notion
        .rows(&tracker, filters, size, request.cursor(), request.include_raw)
        .await?;
    let asked = (tracker, input.state);
    told(&notion, &request.instance, asked, rows, request.deadline).await
}

async fn told(
    notion: &Notion,
    instance: &str,
    (tracker, state): (Arc<Tracker>, StateFilter),
    found: Rows,
    deadline: Instant,
) -> Result<Reply<Page<Issue>>, Failure> {
    let pages: Vec<&wire::Page> = found.rows.iter().map(|row| &row.wire).collect();
    let tracker = notion.knowing(tracker, &pages).await?;
    let mut items = vec![];
    for mut row in found.rows {
        // What was asked for by words that are others by now.
        if !query::is_in(&row.wire, &tracker, state) {
            continue;
        }
        notion.complete(&tracker, &mut row.wire, deadline).await?;
        items.push(convert::issue(instance, &tracker, row, None));
    }
    Ok(found.received.reply(Page::new(items, found.next)))
}

/// A page that is an issue of a tracker.
pub struct Found {
    pub tracker: Arc<Tracker>,
    pub id: String,
    pub row: Row<wire::Page>,
    pub received: Received,
}

impl Notion {
    /// The page of an issue, where it is in its data source still.
    pub(in super::super) async fn issue(
        &self,
        native: &str,
        with_raw: bool,
        deadline: Instant,
    ) -> Result<Found, Failure> {
        let (source, id) = issue_of(native, "issue")?;
        let tracker = self.tracker(&source, "issue").await?;
        let received = self.patient(deadline, || self.endpoint.get(&["pages", &id])).await?;
        let mut row: Row<wire::Page> = received.row(with_raw)?;
        if !row.wire.parent.is_null() && Place::of(&row.wire.parent) != Some(Place::DataSource(source)) {
            return Err(received.failure(
                Kind::NotFound,
                "the page is in another place now, and no issue of this project",
            ));
        }
        if row.wire.in_trash || row.wire.archived {
            return Err(received.failure(Kind::NotFound, "the issue was deleted: its page is in the trash"));
        }
        let tracker = self.knowing(tracker, &[&row.wire]).await?;
        self.complete(&tracker, &mut row.wire, deadline).await?;
        Ok(Found {
            tracker,
            id,
            row,
            received,
        })
    }

    /// Reads the people of a page that are more than it tells.
    async fn complete(&self, tracker: &Tracker, page: &mut wire::Page, deadline: Instant) -> Result<(), Failure> {
        let Some(property) = &tracker.assignee else {
            return Ok(());
        };
        let told = convert::value(page, property)
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        if told < MOST_REFERENCES {
            return Ok(());
        }
        let mut people = vec![];
        let mut cursor: Option<String> = None;
        for calls in 0.. {
            if calls == MOST_CALLS {
                let sentence = format!("the issue has more assignees than {MOST_CALLS} requests can read");
                return Err(too_large(&sentence, Source::Gateway));
            }
            let outgoing = || {
                let outgoing = self
                    .endpoint
                    .get(&["pages", &page.id, "properties"])?
                    .then(&property.id)?;
                Ok(outgoing.query_if("start_cursor", cursor.as_ref()))
            };
            let received = self.patient(deadline, outgoing).await?;
            let list: wire::List = received.json()?;
            let rows = received.rows_of::<Value>(&list.results, false)?;
            people.extend(rows.into_iter().map(|row| row.wire["people"].clone()));
            cursor = list
                .behind(cursor.as_ref())
                .map_err(|failure| received.blame(failure))?;
            if cursor.is_none() {
                break;
            }
        }
        let mut values = page.properties.values_mut();
        if let Some(value) = values.find(|value| value["id"] == property.id.as_str()) {
            value["people"] = people.into();
        }
        Ok(())
    }
}

pub async fn get(notion: Arc<Notion>, request: Request<IssueGet>) -> Result<Reply<Issue>, Failure> {
    let found = notion
        .issue(&request.native, request.include_raw, request.deadline)
        .await?;
    let body = notion.tree(&found.id, request.deadline).await?.markdown();
    let issue = convert::issue(&request.instance, &found.tracker, found.row, Some(body));
    Ok(found.received.reply(issue))
}

/// By title alone. Without a project it is a search, which need not find everything.
pub async fn search(notion: Arc<Notion>, request: Request<IssueSearch>) -> Result<Reply<Page<Issue>>, Failure> {
    let input = &request.input;
    let size = request.limit().unwrap_or(MOST);
    let state = query::filter_of(input.state);
    if input.project.is_none() {
        return everywhere(&notion, &request, state).await;
    }
    let tracker = notion.tracker(&request.native, "project").await?;
    if query::is_empty(&tracker, state) {
        return Ok(Reply::of(Page::new(vec![], None)));
    }
    let mut filters = query::of_state(&tracker, state);
    filters.push(json!({"property": "title", "title": {"contains": &*input.query}}));
    let rows = notion
        .rows(&tracker, filters, size, request.cursor(), request.include_raw)
        .await?;
    told(&notion, &request.instance, (tracker, state), rows, request.deadline).await
}

/// Of what a search finds, the pages of data sources that the mapping fits. Whether those of another would be issues nobody
/// knows, so that the list does not say that it is all.
async fn everywhere(
    notion: &Notion,
    request: &Request<IssueSearch>,
    state: StateFilter,
) -> Result<Reply<Page<Issue>>, Failure> {
    let (received, list) = notion.found(request, Some(&request.input.query), Some("page")).await?;
    let (mut items, mut incomplete) = (vec![], false);
    for mut row in received.rows_of::<wire::Page>(&list.results, request.include_raw)? {
        let Some(Place::DataSource(source)) = Place::of(&row.wire.parent) else {
            continue;
        };
        let tracker = match notion.tracker(&source, "project").await {
            Ok(tracker) => tracker,
            Err(failure)
                if matches!(
                    failure.kind,
                    Kind::PreconditionFailed | Kind::NotFound | Kind::Forbidden
                ) =>
            {
                incomplete = true;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let tracker = notion.knowing(tracker, &[&row.wire]).await?;
        if query::is_in(&row.wire, &tracker, state) {
            notion.complete(&tracker, &mut row.wire, request.deadline).await?;
            items.push(convert::issue(&request.instance, &tracker, row, None));
        }
    }
    let mut page = Page::new(items, list.next());
    page.incomplete = incomplete;
    Ok(received.reply(page))
}
