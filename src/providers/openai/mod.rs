//! OpenAI, and servers that speak its chat completions API.
//!
//! Invariant: an account without money is never asked again as if it were only busy.

mod convert;
mod stream;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde::Deserialize;

use super::http::{Dialect, Endpoint, Refusal, by_status, settings, waits};
use super::{Connection, Handlers, Provider, Reply, Request};
use crate::catalogue::Page;
use crate::catalogue::ai::{Chat, ChatComplete, ChatEvent, ChatStream, Model, ModelsList};

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.openai.com/v1"),
    request_id: "x-request-id",
    refuse,
};

/// The driver.
pub struct OpenAi {
    endpoint: Endpoint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The organisation that pays, where the key belongs to several.
    organization: Option<String>,
    /// The project that pays.
    project: Option<String>,
}

impl Provider for OpenAi {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings)?;
        let mut endpoint = Endpoint::new(connection, &DIALECT)?.bearer(connection)?;
        if let Some(organization) = &settings.organization {
            endpoint = endpoint.header("openai-organization", organization, "settings.organization")?;
        }
        if let Some(project) = &settings.project {
            endpoint = endpoint.header("openai-project", project, "settings.project")?;
        }
        Ok(OpenAi { endpoint })
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<ChatComplete, _, _>(chat_complete)
            .stream::<ChatStream, _, _, _>(chat_stream)
            .on::<ModelsList, _, _>(models_list)
    }

    async fn offers(&self) -> Result<Option<Vec<Arc<str>>>, Failure> {
        let received = self.endpoint.send(self.endpoint.get(&["models"])?).await?;
        let rows = received.rows_of::<wire::Model>(&received.json::<wire::Models>()?.data, false)?;
        Ok(Some(rows.into_iter().map(|row| Arc::from(row.wire.id)).collect()))
    }

    async fn health(&self) -> Result<(), Failure> {
        self.endpoint.send(self.endpoint.get(&["models"])?).await.map(drop)
    }
}

async fn chat_complete(openai: Arc<OpenAi>, request: Request<ChatComplete>) -> Result<Reply<Chat>, Failure> {
    let body = convert::request(&request.native, &request.input, false);
    let outgoing = openai.endpoint.post(&["chat", "completions"], &body)?;
    let received = openai.endpoint.send(outgoing).await?;
    let row = received.row(request.include_raw)?;
    let chat = convert::chat(&request.instance, row).ok_or_else(|| received.unusable("the answer holds no choice"))?;
    Ok(received.reply(chat))
}

async fn chat_stream(
    openai: Arc<OpenAi>,
    request: Request<ChatStream>,
) -> Result<Reply<impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static>, Failure> {
    let body = convert::request(&request.native, &request.input, true);
    let outgoing = openai.endpoint.post(&["chat", "completions"], &body)?;
    let opened = openai.endpoint.open(outgoing).await?.events();
    Ok(Reply {
        value: stream::chat_events(request.instance, opened.value),
        upstream_request_id: opened.upstream_request_id,
    })
}

async fn models_list(openai: Arc<OpenAi>, request: Request<ModelsList>) -> Result<Reply<Page<Model>>, Failure> {
    let paged = [
        ("cursor", request.input.cursor.is_some()),
        ("limit", request.input.limit.is_some()),
    ];
    if let Some((field, _)) = paged.into_iter().find(|(_, given)| *given) {
        let sentence = format!("this provider lists all its models at once and knows no {field}");
        return Err(Failure::unsupported_field(field, sentence).never_sent());
    }
    let received = openai.endpoint.send(openai.endpoint.get(&["models"])?).await?;
    let models: wire::Models = received.json()?;
    let rows = received.rows_of(&models.data, request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::model(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), None)))
}

fn refuse(refusal: &Refusal<'_>) -> Failure {
    let fault = refusal.json::<wire::Error>().unwrap_or_default().error;
    match refusal.status.as_u16() {
        429 if fault.says("insufficient_quota") => no_quota(),
        429 => {
            let mut failure = by_status(refusal);
            failure.retry_after = failure.retry_after.or_else(|| refilled(refusal));
            failure
        }
        400 | 404 | 422 => blamed(refusal, &fault),
        _ => by_status(refusal),
    }
}

/// The account has used up what it paid for. Waiting does not help.
fn no_quota() -> Failure {
    let mut failure = Failure::new(
        Kind::UpstreamRateLimited,
        "the account at the provider has no quota left",
    );
    failure.retryable = false;
    failure.never_billed()
}

/// When the limit that is used up is filled again; the longest where several are.
fn refilled(refusal: &Refusal<'_>) -> Option<Duration> {
    ["requests", "tokens"]
        .into_iter()
        .filter(|what| refusal.header(&format!("x-ratelimit-remaining-{what}")) == Some("0"))
        .filter_map(|what| waits::go_duration(refusal.header(&format!("x-ratelimit-reset-{what}"))?))
        .max()
}

/// The failure by status, with the field that the provider blames where the caller knows it.
fn blamed(refusal: &Refusal<'_>, fault: &wire::Fault) -> Failure {
    let mut failure = by_status(refusal);
    let field = if fault.says("model_not_found") {
        Some("model")
    } else {
        fault.param.as_deref().and_then(convert::neutral_field)
    };
    failure.field = field.map(Arc::from);
    failure
}
