//! OpenAI, and servers that speak its APIs: chat completions, and Responses.
//!
//! Invariant: what is no answer, in whichever form, is a failure, though it came as a success.

mod asked;
mod batch_convert;
mod batch_results;
mod batch_wire;
mod batches;
mod calls;
mod convert;
mod count;
mod embed;
mod files;
mod messages;
mod moderation;
mod profile;
mod refuse;
mod request;
mod responses;
mod settings;
mod stream;
mod unfinished;
mod webhooks;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde_json::Value;

use self::profile::{Api, Profile};
use self::refuse::Sent;
use self::request::{Asked, request as asked};
use self::settings::{SETTINGS, Settings};
use super::http::{Dialect, Endpoint, Fault, Received, Row, left_alone, parse, routeless, settings, waits};
use super::models::Book;
use super::webhooks::Webhooks;
use super::{Connection, Credential, Handlers, Passing, Provider, Reply, Request, Setting, ai};
use crate::catalogue::Page;
use crate::catalogue::ai::{
    BatchCancel, BatchCreate, BatchGet, BatchList, BatchResults, FileContent, FileDelete, FileGet, FileList, FileUpload,
};
use crate::catalogue::ai::{
    Chat, ChatComplete, ChatEvent, ChatStream, Embeddings, EmbeddingsCreate, Model, ModelGet, ModelsList, Moderation,
    ModerationCreate, ResponseCancel, ResponseCreate, ResponseGet, ResponseStream, TokenCount, TokensCount, Warning,
};
use crate::catalogue::op::{Declaration, Op};

/// Where models are asked, as ends of paths: other servers have them below more than a version.
const METERED: [&str; 12] = [
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/images/edits",
    "/images/generations",
    "/images/variations",
    "/responses",
    "/responses/compact",
    "/v1/messages",
];
/// What counts or judges only, and is free of charge.
const READS: [&str; 4] = [
    "/moderations",
    "/responses/input_tokens",
    "/v1/moderations",
    "/v1/responses/input_tokens",
];

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.openai.com/v1"),
    api_path: "/v1",
    request_id: "x-request-id",
    refuse: refuse::refuse,
    anywhere: true,
    at_root: &["api.deepseek.com"],
    ..Dialect::PLAIN
};

/// What a server lacks that has no Responses API.
const RESPONSES: &[&Declaration] = &[
    ResponseCreate::DECLARATION,
    ResponseStream::DECLARATION,
    ResponseGet::DECLARATION,
    ResponseCancel::DECLARATION,
];
/// What a server lacks that keeps no files.
const FILES: &[&Declaration] = &[
    FileUpload::DECLARATION,
    FileList::DECLARATION,
    FileGet::DECLARATION,
    FileContent::DECLARATION,
    FileDelete::DECLARATION,
];
/// What one lacks that does no batches, which are kept in files.
const BATCHES: &[&Declaration] = &[
    BatchCreate::DECLARATION,
    BatchList::DECLARATION,
    BatchGet::DECLARATION,
    BatchCancel::DECLARATION,
    BatchResults::DECLARATION,
];

/// The driver.
pub struct OpenAi {
    endpoint: Endpoint,
    profile: Profile,
    book: Book,
}

impl Provider for OpenAi {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings, Self::settings())?;
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
        let known = Profile::of(settings.profile.as_deref(), connection.base_url.as_ref())?;
        let profile = known.but(settings.known());
        Ok(OpenAi {
            book: Book::new(&connection.models, Some(&profile.prices))?.by(&connection.prices),
            endpoint,
            profile,
        })
    }

    fn settings() -> &'static [Setting] {
        SETTINGS
    }

    fn webhooks() -> Option<&'static Webhooks> {
        Some(&webhooks::WEBHOOKS)
    }

    fn passing() -> Option<Passing<Self>> {
        let passing = Passing::to(|openai: &Self| &openai.endpoint);
        Some(passing.metered(&METERED).reads(&READS))
    }

    fn dialect() -> Option<&'static Dialect> {
        Some(&DIALECT)
    }

    fn book(&self) -> Option<&Book> {
        Some(&self.book)
    }

    fn handlers() -> Handlers<Self> {
        Handlers::new()
            .on::<ChatComplete, _, _>(chat_complete)
            .stream::<ChatStream, _, _, _>(chat_stream)
            .on::<ResponseCreate, _, _>(responses::create)
            .stream::<ResponseStream, _, _, _>(responses::streamed)
            .on::<ResponseGet, _, _>(responses::get)
            .on::<ResponseCancel, _, _>(responses::cancel)
            .on::<ModerationCreate, _, _>(moderation_create)
            .on::<TokensCount, _, _>(tokens_count)
            .on::<EmbeddingsCreate, _, _>(embeddings_create)
            .on::<ModelsList, _, _>(models_list)
            .on::<ModelGet, _, _>(model_get)
            .on::<BatchCreate, _, _>(batches::create)
            .on::<BatchList, _, _>(batches::list)
            .on::<BatchGet, _, _>(batches::get)
            .on::<BatchCancel, _, _>(batches::cancel)
            .stream::<BatchResults, _, _, _>(batch_results::results)
            .on::<FileUpload, _, _>(files::upload)
            .on::<FileList, _, _>(files::list)
            .on::<FileGet, _, _>(files::get)
            .raw::<FileContent, _, _>(files::content)
            .on::<FileDelete, _, _>(files::delete)
    }

    fn lacks(&self) -> Vec<&'static str> {
        let profile = &self.profile;
        let lacking = [
            (RESPONSES, profile.responses || profile.api == Api::Responses),
            (FILES, profile.files),
            (BATCHES, profile.files && profile.batches),
        ];
        let lacking = lacking.into_iter().filter(|(_, has)| !has);
        let declared = lacking.flat_map(|(declarations, _)| declarations);
        declared.map(|declaration| declaration.facts.name).collect()
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
    if openai.profile.api == Api::Responses {
        return responses::complete(&openai, &request).await;
    }
    let Asked { body, warnings } = asked(&openai.profile, &request.native, &request.input, false)?;
    let outgoing = openai.endpoint.post(&["chat", "completions"], &body)?;
    let sent = Sent::from(&body);
    let received = openai.endpoint.send(outgoing).await;
    let received = received.map_err(|failure| ai::placed(failure, &request.input))?;
    let chat = chat(&openai, &received, &request, sent, warnings)?;
    Ok(received.reply(chat))
}

async fn chat_stream(
    openai: Arc<OpenAi>,
    request: Request<ChatStream>,
) -> Result<Reply<impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static>, Failure> {
    if openai.profile.api == Api::Responses {
        let reply = responses::spoken(&openai, request).await?;
        return Ok(Reply {
            value: reply.value.left_stream(),
            upstream_request_id: reply.upstream_request_id,
            skipped: reply.skipped,
        });
    }
    let Asked { body, warnings } = asked(&openai.profile, &request.native, &request.input, true)?;
    let sent = Sent::from(&body);
    let outgoing = openai.endpoint.post(&["chat", "completions"], &body)?;
    let opened = openai.endpoint.open(outgoing).await;
    let opened = opened.map_err(|failure| ai::placed(failure, &request.input))?;
    if opened.is_json() {
        // A server that does not stream has answered all the same.
        let received = opened.whole().await?;
        let chat = chat(&openai, &received, &request, sent, warnings)?;
        return Ok(received.reply(ai::whole(chat).left_stream().right_stream()));
    }
    let opened = opened.events();
    let spent = openai.endpoint.spent();
    let asked = request.native.clone();
    let events = stream::chat_events(
        request.instance,
        request.native,
        sent,
        openai.profile.finishes,
        warnings,
        opened.value,
    )
    .map(move |piece| piece.map_err(|failure| left_alone(failure, spent)));
    let events = openai
        .book
        .clone()
        .told(ChatStream::DECLARATION.facts.name, asked, events);
    Ok(Reply {
        value: events.right_stream().right_stream(),
        upstream_request_id: opened.upstream_request_id,
        skipped: 0,
    })
}

/// The whole answer that came as a success.
fn chat<O: Op>(
    openai: &OpenAi,
    received: &Received,
    request: &Request<O>,
    sent: Sent,
    warnings: Vec<Warning>,
) -> Result<Chat, Failure> {
    let asked = (&*request.instance, &*request.native, request.include_raw);
    let chat = answered(openai, received, asked, sent, warnings)?;
    Ok(openai.book.answered(chat, O::DECLARATION.facts.name, &request.native))
}

/// The same, wherever it stands, and without its price; of the `asked` instance and model, and with its own JSON where that is wanted.
fn answered(
    openai: &OpenAi,
    received: &Received,
    (instance, model, include_raw): (&str, &str, bool),
    sent: Sent,
    warnings: Vec<Warning>,
) -> Result<Chat, Failure> {
    let row: Row<wire::Completion> = received
        .row(include_raw)
        .map_err(|failure| received.blame(disguised(received.bytes(), sent, failure)))?;
    sound(received.bytes(), &row.wire, sent)
        .map_err(|failure| received.blame(left_alone(failure, openai.endpoint.spent())))?;
    let chat = convert::chat(instance, model, row, warnings);
    chat.map_err(|failure| received.blame(failure))?
        .ok_or_else(|| received.unusable("the answer holds no choice"))
}

async fn tokens_count(openai: Arc<OpenAi>, request: Request<TokensCount>) -> Result<Reply<TokenCount>, Failure> {
    let (body, warnings) = count::request(&openai.profile, &request.native, &request.input)?;
    let outgoing = openai.endpoint.post(&["responses", "input_tokens"], &body)?;
    let received = openai.endpoint.send(outgoing).await?;
    let Row { wire, raw } = received
        .row::<wire::Counted>(request.include_raw)
        .map_err(|failure| received.blame(disguised(received.bytes(), Sent::default(), failure)))?;
    Ok(received.reply(TokenCount {
        input_tokens: wire.input_tokens,
        warnings,
        raw,
    }))
}

async fn embeddings_create(
    openai: Arc<OpenAi>,
    request: Request<EmbeddingsCreate>,
) -> Result<Reply<Embeddings>, Failure> {
    let mut reply = embed::create(&openai.endpoint, &openai.profile, &request).await?;
    let made = &mut reply.value;
    let operation = EmbeddingsCreate::DECLARATION.facts.name;
    let price = |usage| openai.book.priced(usage, operation, &made.model, &request.native);
    made.usage = made.usage.map(price);
    Ok(reply)
}

async fn moderation_create(
    openai: Arc<OpenAi>,
    request: Request<ModerationCreate>,
) -> Result<Reply<Moderation>, Failure> {
    moderation::create(&openai.endpoint, &request).await
}

async fn model_get(openai: Arc<OpenAi>, request: Request<ModelGet>) -> Result<Reply<Model>, Failure> {
    let model = openai.endpoint.get(&["models", &request.native])?;
    openai
        .endpoint
        .answer(model, &request, |instance, row| {
            openai.book.known(convert::model(instance, row))
        })
        .await
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
    let model = |row| openai.book.known(convert::model(&request.instance, row));
    let items = rows.into_iter().map(model);
    Ok(received.reply(Page::new(items.collect(), None)))
}
