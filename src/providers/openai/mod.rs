//! OpenAI, and servers that speak its chat completions API.
//!
//! Invariant: what is no answer, in whichever form, is a failure, though it came as a success.

mod convert;
mod profile;
mod refuse;
mod stream;
mod webhooks;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde::Deserialize;
use serde_json::Value;

use self::profile::{Profile, TokenLimit};
use self::refuse::Sent;
use super::http::{Dialect, Endpoint, Fault, Received, Row, left_alone, parse, routeless, settings, waits};
use super::webhooks::Webhooks;
use super::{Connection, Credential, Handlers, Provider, Reply, Request, Setting};
use crate::catalogue::Page;
use crate::catalogue::ai::{Chat, ChatComplete, ChatEvent, ChatStream, Model, ModelsList};
use crate::catalogue::op::Op;

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.openai.com/v1"),
    api_path: "/v1",
    request_id: "x-request-id",
    refuse: refuse::refuse,
    ..Dialect::PLAIN
};

/// The driver.
pub struct OpenAi {
    endpoint: Endpoint,
    profile: Profile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The organisation that pays, where the key belongs to several.
    organization: Option<String>,
    /// The project that pays.
    project: Option<String>,
    /// `max_tokens` or `max_completion_tokens`, whichever the server knows; by its host where left out.
    token_limit: Option<TokenLimit>,
    /// Whether the tokens of streams are asked for; by its host where left out.
    stream_options: Option<bool>,
    /// How long an account that is spent is left alone, in seconds; 300 where left out.
    spent_pause_s: Option<u64>,
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "organization",
        default: "the key's own",
        unit: "id",
        meaning: "The organisation that pays, where the key belongs to several",
    },
    Setting {
        name: "project",
        default: "the key's own",
        unit: "id",
        meaning: "The project that pays",
    },
    Setting {
        name: "token_limit",
        default: "by its host",
        unit: "max_tokens or max_completion_tokens",
        meaning: "The name of the parameter that limits an answer's tokens",
    },
    Setting {
        name: "stream_options",
        default: "by its host",
        unit: "true or false",
        meaning: "Whether it is asked to count the tokens of streams",
    },
    Setting {
        name: "spent_pause_s",
        default: "300",
        unit: "seconds, 0 to 86400",
        meaning: "How long an account without money is left alone",
    },
];

impl Provider for OpenAi {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings)?;
        let mut endpoint = Endpoint::new(connection, &DIALECT)?.authenticated(connection, Self::accepts())?;
        if let Some(organization) = &settings.organization {
            endpoint = endpoint.header("openai-organization", organization, "settings.organization")?;
        }
        if let Some(project) = &settings.project {
            endpoint = endpoint.header("openai-project", project, "settings.project")?;
        }
        if let Some(seconds) = settings.spent_pause_s {
            let pause = Duration::from_secs(seconds);
            if pause > waits::LONGEST_WAIT {
                let sentence = "settings.spent_pause_s must be a day, 86400, at most";
                return Err(Failure::invalid("settings.spent_pause_s", sentence));
            }
            endpoint = endpoint.spent_for(pause);
        }
        let known = Profile::of(connection.base_url.as_ref());
        Ok(OpenAi {
            endpoint,
            profile: Profile {
                token_limit: settings.token_limit.unwrap_or(known.token_limit),
                stream_options: settings.stream_options.unwrap_or(known.stream_options),
            },
        })
    }

    fn settings() -> &'static [Setting] {
        SETTINGS
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<ChatComplete, _, _>(chat_complete)
            .stream::<ChatStream, _, _, _>(chat_stream)
            .on::<ModelsList, _, _>(models_list)
    }

    async fn offers(&self) -> Result<Option<Vec<Arc<str>>>, Failure> {
        match self.endpoint.send(self.endpoint.get(&["models"])?).await {
            // It has no list, and takes what `models` names.
            Err(failure) if routeless(&failure) => Ok(None),
            received => {
                let rows = models(&received?, false)?;
                Ok(Some(rows.into_iter().map(|row| Arc::from(row.wire.id)).collect()))
            }
        }
    }

    async fn health(&self) -> Result<Credential, Failure> {
        // Others list their models to everybody, or do not say.
        let keyed = self.endpoint.is_in_cloud();
        self.endpoint.well(self.endpoint.get(&["models"])?, keyed).await
    }
}

async fn chat_complete(openai: Arc<OpenAi>, request: Request<ChatComplete>) -> Result<Reply<Chat>, Failure> {
    let body = convert::request(&openai.profile, &request.native, &request.input, false);
    let outgoing = openai.endpoint.post(&["chat", "completions"], &body)?;
    let received = openai.endpoint.send(outgoing).await?;
    let chat = chat(&openai, &received, &request, Sent::from(&body))?;
    Ok(received.reply(chat))
}

async fn chat_stream(
    openai: Arc<OpenAi>,
    request: Request<ChatStream>,
) -> Result<Reply<impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static>, Failure> {
    let body = convert::request(&openai.profile, &request.native, &request.input, true);
    let sent = Sent::from(&body);
    let outgoing = openai.endpoint.post(&["chat", "completions"], &body)?;
    let opened = openai.endpoint.open(outgoing).await?;
    if opened.is_json() {
        // A server that does not stream has answered all the same.
        let received = opened.whole().await?;
        let chat = chat(&openai, &received, &request, sent)?;
        return Ok(received.reply(stream::whole(chat).left_stream()));
    }
    let opened = opened.events();
    let spent = openai.endpoint.spent();
    let events = stream::chat_events(request.instance, request.native, sent, opened.value)
        .map(move |piece| piece.map_err(|failure| left_alone(failure, spent)));
    Ok(Reply {
        value: events.right_stream(),
        upstream_request_id: opened.upstream_request_id,
        skipped: 0,
    })
}

/// The whole answer that came as a success.
fn chat<O: Op>(openai: &OpenAi, received: &Received, request: &Request<O>, sent: Sent) -> Result<Chat, Failure> {
    let row: Row<wire::Completion> = received
        .row(request.include_raw)
        .map_err(|failure| received.blame(disguised(received.bytes(), sent, failure)))?;
    sound(received.bytes(), &row.wire, sent)
        .map_err(|failure| received.blame(left_alone(failure, openai.endpoint.spent())))?;
    convert::chat(&request.instance, &request.native, row)
        .ok_or_else(|| received.unusable("the answer holds no choice"))
}

/// What cannot be read as an answer may be an error, such as a list of one.
fn disguised(json: &[u8], sent: Sent, unreadable: Failure) -> Failure {
    let body: Option<Value> = parse(json).ok();
    let fault = body.as_ref().and_then(Fault::within);
    fault.map_or(unreadable, |fault| refuse::within(&fault, sent))
}

/// Whether an answer, or a chunk of one, is what it came as: it may be an error in one of many forms.
fn sound(json: &[u8], answer: &wire::Completion, sent: Sent) -> Result<(), Failure> {
    let choices = answer.choices.as_deref().unwrap_or_default();
    let failed = |choice: &wire::Choice| choice.error.is_some() || convert::failed(choice.finish_reason.as_deref());
    let nothing = answer.choices.is_none() && answer.usage.is_none();
    if !nothing && answer.error.is_none() && !choices.iter().any(failed) {
        return Ok(());
    }
    let body: Value = parse(json)?;
    // A choice's own error, where the whole has none.
    let inner = body["choices"].as_array().into_iter().flatten().find_map(Fault::within);
    match Fault::within(&body).or(inner) {
        Some(fault) => Err(refuse::within(&fault, sent)),
        None if nothing => {
            let sentence = "the answer is not as expected at choices: it holds neither them nor usage";
            Err(Failure::new(Kind::UpstreamFailed, sentence).not_usable())
        }
        None if choices
            .iter()
            .any(|choice| convert::failed(choice.finish_reason.as_deref())) =>
        {
            Err(refuse::within(&Fault::default(), sent))
        }
        // An `error` that says nothing is none.
        None => Ok(()),
    }
}

/// The models of an answer, however it holds them.
fn models(received: &Received, with_raw: bool) -> Result<Vec<Row<wire::Model>>, Failure> {
    if received.is_list() {
        return received.rows(with_raw);
    }
    let list: wire::Models = received.json()?;
    if list.data.is_none() && list.models.is_none() {
        if let Some(fault) = Fault::within(&received.json()?) {
            return Err(received.blame(refuse::within(&fault, Sent::default())));
        }
        if list.object.as_deref() != Some("list") {
            return Err(received.unusable("the answer is not as expected at data"));
        }
    }
    let items = list.data.or(list.models).unwrap_or_default();
    received.rows_of(&items, with_raw)
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
    let rows = models(&received, request.include_raw)?;
    let items = rows.into_iter().map(|row| convert::model(&request.instance, row));
    Ok(received.reply(Page::new(items.collect(), None)))
}
