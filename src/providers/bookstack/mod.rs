//! BookStack.
//!
//! Invariant: a credential that has expired is told from a prohibition, though BookStack answers both with 403.

mod attachments;
mod bin;
mod body;
mod comments;
mod convert;
mod lists;
mod pages;
mod requests;
mod spaces;
mod tree;
mod users;
mod version;
mod webhooks;
mod wire;

use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::UPLOAD_FIELD;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::http::{Accepts, Dialect, Endpoint, Header, Refusal, by_status, settings};
use super::webhooks::Webhooks;
use super::{Connection, Credential, Handlers, Passing, Provider};
use crate::catalogue::docs;

static DIALECT: Dialect = Dialect {
    cloud: None,
    api_path: "/api",
    request_id: "x-request-id",
    refuse,
    ..Dialect::PLAIN
};

/// The driver. Its credential is the token's id and secret, `ID:SECRET`.
pub struct BookStack {
    endpoint: Endpoint,
    server: OnceCell<version::Server>,
}

/// How long a start waits for a server's version: it is up, or the start is not to hang on it.
const TELLS_ITS_VERSION: Duration = Duration::from_secs(2);

/// There are none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {}

impl Provider for BookStack {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let Settings {} = settings(&connection.settings, Self::settings())?;
        let endpoint = Endpoint::new(connection, &DIALECT)?
            .authenticated(connection, Self::accepts())?
            .header("accept", "application/json", "accept")?;
        Ok(BookStack {
            endpoint,
            server: OnceCell::new(),
        })
    }

    fn accepts() -> &'static [Accepts] {
        const { &[Accepts::Token(Header::authorization("Token "))] }
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn passing() -> Option<Passing<Self>> {
        Some(Passing::to(|bookstack: &Self| &bookstack.endpoint))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<docs::Search, _, _>(requests::search)
            .on::<docs::SpaceList, _, _>(spaces::list)
            .on::<docs::SpaceCreate, _, _>(spaces::create)
            .on::<docs::PageList, _, _>(tree::list)
            .on::<docs::PageChildren, _, _>(tree::children)
            .on::<docs::PageGet, _, _>(requests::page_get)
            .on::<docs::PageCreate, _, _>(pages::create)
            .on::<docs::PageUpdate, _, _>(pages::update)
            .on::<docs::PageAppend, _, _>(pages::append)
            .emulates::<docs::PageAppend>()
            .on::<docs::PageMove, _, _>(pages::place)
            .on::<docs::PageDelete, _, _>(bin::delete)
            .on::<docs::PageRestore, _, _>(bin::restore)
            .raw::<docs::PageExport, _, _>(requests::page_export)
            .raw::<docs::PageExportMarkdown, _, _>(requests::page_export_markdown)
            .raw::<docs::PageExportHtml, _, _>(requests::page_export_html)
            .on::<docs::PageCommentList, _, _>(comments::list)
            .on::<docs::PageCommentCreate, _, _>(comments::create)
            .on::<docs::AttachmentList, _, _>(attachments::list)
            .raw::<docs::AttachmentGet, _, _>(attachments::get)
            .on::<docs::AttachmentUpload, _, _>(attachments::upload)
            .on::<docs::UserList, _, _>(users::list)
    }

    async fn begin(self) -> Result<Self, Failure> {
        // A server that does not tell in time is taken for one that can do everything, and asked again by who must know.
        let _unknown = tokio::time::timeout(TELLS_ITS_VERSION, self.server()).await;
        Ok(self)
    }

    fn lacks(&self) -> Vec<&'static str> {
        self.server.get().map(|server| server.lacks()).unwrap_or_default()
    }

    async fn health(&self) -> Result<Credential, Failure> {
        let one = self.endpoint.get(&["pages"])?.query("count", "1");
        self.endpoint.here(one, true).await
    }
}

fn refuse(refusal: &Refusal<'_>) -> Failure {
    let Some(wire::Error { error: fault }) = refusal.json() else {
        return by_status(refusal);
    };
    match refusal.status.as_u16() {
        // The sentence is all that tells, and it is in the server's language: elsewhere than in English an expired
        // token stays what its status says.
        403 if fault.message.to_ascii_lowercase().contains("token used has expired") => {
            Failure::new(Kind::UpstreamAuth, "the credential at BookStack has expired")
        }
        400 | 422 => match fault.validation.keys().find_map(|field| neutral_field(field)) {
            Some(field) => Failure::invalid(field, format!("{field} is not accepted by BookStack")),
            None => by_status(refusal),
        },
        _ => by_status(refusal),
    }
}

/// BookStack's name of a field -> ours. Only names from this table are ever passed on.
fn neutral_field(field: &str) -> Option<&'static str> {
    Some(match field {
        "name" => "title",
        "html" | "markdown" => "body",
        "book_id" | "chapter_id" => "parent",
        "description" | "description_html" => "description",
        "reply_to" => "reply_to",
        "page_id" => "page",
        "file" => UPLOAD_FIELD,
        "uploaded_to" => "page",
        "query" => "query",
        "count" => "limit",
        "page" => "cursor",
        _ => return None,
    })
}
