//! Anthropic, and servers that speak its messages API.
//!
//! Invariant: what is no answer, in whichever form, is a failure, though it came as a success.

mod asked;
mod batch_results;
mod batch_wire;
mod batches;
mod block;
mod convert;
mod files;
mod messages;
mod models;
mod options;
mod refuse;
mod request;
mod stream;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use http::HeaderValue;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde::Serialize;

use self::models::{Known, abilities};
use self::options::{API_VERSION, Abilities, Options, SETTINGS, Settings};
use self::request::{Asked, counted, read_alone, request as asked};
use super::http::{
    Accepts, Dialect, Endpoint, Fault, Header, Outgoing, Received, Row, left_alone, parse, routeless, settings, waits,
};
use super::models::Book;
use super::{Connection, Credential, Handlers, Passing, Provider, Reply, Request, Setting, ai};
use crate::catalogue::Page;
use crate::catalogue::ai::{
    BatchCancel, BatchCreate, BatchGet, BatchList, BatchResults, FileContent, FileDelete, FileGet, FileList, FileUpload,
};
use crate::catalogue::ai::{
    Chat, ChatComplete, ChatEvent, ChatInput, ChatStream, Model, ModelGet, ModelsList, TokenCount, TokensCount, Warning,
};
use crate::catalogue::op::Op;

static DIALECT: Dialect = Dialect {
    cloud: Some("https://api.anthropic.com"),
    request_id: "request-id",
    refuse: refuse::refuse,
    begins: "/v1",
    ..Dialect::PLAIN
};

/// Where models are asked: the last as another vendor's clients do.
const METERED: [&str; 3] = ["/v1/messages", "/v1/complete", "/v1/chat/completions"];
/// What counts only.
const READS: [&str; 1] = ["/v1/messages/count_tokens"];
/// The most models that one page of their list may have.
const MODELS_A_PAGE: u32 = 1000;
/// The most pages of models that are looked through for what is offered.
const MOST_PAGES: usize = 10;

/// The driver.
pub struct Anthropic {
    book: Book,
    endpoint: Endpoint,
    options: Options,
    known: Known,
}

impl Provider for Anthropic {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        let settings: Settings = settings(&connection.settings, Self::settings())?;
        let version = settings.api_version.as_deref().unwrap_or(API_VERSION);
        let mut endpoint = Endpoint::new(connection, &DIALECT)?
            .authenticated(connection, Self::accepts())?
            .header("anthropic-version", version, "settings.api_version")?;
        if let Some(seconds) = settings.spent_pause_s {
            let pause = Duration::from_secs(seconds);
            if pause > waits::LONGEST_WAIT {
                let sentence = "settings.spent_pause_s must be a day, 86400, at most";
                return Err(Failure::invalid("settings.spent_pause_s", sentence));
            }
            endpoint = endpoint.spent_for(pause);
        }
        // Elsewhere others serve, by their own prices.
        let list = settings
            .prices
            .as_deref()
            .or(endpoint.is_in_cloud().then_some(options::DIALECT));
        Ok(Anthropic {
            book: Book::new(&connection.models, list)?.by(&connection.prices),
            endpoint,
            options: Options::of(settings)?,
            known: Known::default(),
        })
    }

    fn accepts() -> &'static [Accepts] {
        const { &[Accepts::Token(Header::bare("x-api-key")), Accepts::Bearer] }
    }

    fn settings() -> &'static [Setting] {
        SETTINGS
    }

    fn passing() -> Option<Passing<Self>> {
        let passing = Passing::to(|anthropic: &Self| &anthropic.endpoint);
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
            .on::<TokensCount, _, _>(tokens_count)
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

    async fn offers(&self) -> Result<Option<Vec<Arc<str>>>, Failure> {
        let (mut names, mut after): (Vec<Arc<str>>, Option<String>) = (vec![], None);
        for _ in 0..MOST_PAGES {
            let received = match self.models(Some(MODELS_A_PAGE), after.as_deref()).await {
                // It has no list, and takes what `models` names.
                Err(failure) if after.is_none() && routeless(&failure) => return Ok(None),
                received => received?,
            };
            let (rows, next) = self.listed(&received, false)?;
            names.extend(rows.into_iter().map(|row| Arc::from(row.wire.id)));
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Ok(Some(names))
    }

    async fn health(&self) -> Result<Credential, Failure> {
        let models = self.endpoint.get(&["v1", "models"])?.query("limit", "1");
        self.endpoint.well(models, self.endpoint.is_in_cloud()).await
    }
}

impl Anthropic {
    /// A request with the features that it needs.
    fn post(&self, parts: &[&str], body: &impl Serialize, betas: &[String]) -> Result<Outgoing, Failure> {
        let outgoing = self.endpoint.post(parts, body)?;
        if betas.is_empty() {
            return Ok(outgoing);
        }
        // Their names are words, as the settings have been looked at.
        let value = HeaderValue::from_str(&betas.join(","))
            .map_err(|error| Failure::new(Kind::Internal, "a header could not be made").because(error))?;
        Ok(outgoing.header("anthropic-beta", value))
    }

    /// What must be known of the model.
    async fn abilities<O: Op<Input = ChatInput>>(
        &self,
        request: &Request<O>,
        limited: bool,
    ) -> Result<Abilities, Failure> {
        let about = (&*request.native, &*request.input, limited);
        abilities(&self.endpoint, &self.options, &self.known, about).await
    }

    /// One page of the models.
    async fn models(&self, limit: Option<u32>, after: Option<&str>) -> Result<Received, Failure> {
        let models = self.endpoint.get(&["v1", "models"])?;
        let models = models.query_if("limit", limit).query_if("after_id", after);
        self.endpoint.send(models).await
    }

    /// The models of a page, and where the next one begins.
    fn listed(&self, received: &Received, with_raw: bool) -> Result<(Vec<Row<wire::Model>>, Option<String>), Failure> {
        let (rows, next) = batches::listed::<wire::Model>(received, with_raw)?;
        for row in &rows {
            self.known.note(&row.wire.id, &row.wire);
        }
        Ok((rows, next))
    }
}

async fn chat_complete(anthropic: Arc<Anthropic>, request: Request<ChatComplete>) -> Result<Reply<Chat>, Failure> {
    let abilities = anthropic.abilities(&request, true).await?;
    let Asked { body, betas, warnings } = asked(&anthropic.options, abilities, &request.native, &request.input, false)?;
    let outgoing = anthropic.post(&["v1", "messages"], &body, &betas)?;
    let received = anthropic.endpoint.send(outgoing).await;
    let received = received.map_err(|failure| ai::placed(failure, &request.input))?;
    let chat = chat(&anthropic, &received, &request, warnings)?;
    Ok(received.reply(chat))
}

async fn chat_stream(
    anthropic: Arc<Anthropic>,
    request: Request<ChatStream>,
) -> Result<Reply<impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static>, Failure> {
    let abilities = anthropic.abilities(&request, true).await?;
    let Asked { body, betas, warnings } = asked(&anthropic.options, abilities, &request.native, &request.input, true)?;
    let outgoing = anthropic.post(&["v1", "messages"], &body, &betas)?;
    let opened = anthropic.endpoint.open(outgoing).await;
    let opened = opened.map_err(|failure| ai::placed(failure, &request.input))?;
    if opened.is_json() {
        // A server that does not stream has answered all the same.
        let received = opened.whole().await?;
        let chat = chat(&anthropic, &received, &request, warnings)?;
        return Ok(received.reply(ai::whole(chat).left_stream()));
    }
    let opened = opened.events();
    let spent = anthropic.endpoint.spent();
    let asked = request.native.clone();
    let events = stream::chat_events(request.instance, request.native, warnings, opened.value)
        .map(move |piece| piece.map_err(|failure| left_alone(failure, spent)));
    let events = anthropic
        .book
        .clone()
        .told(ChatStream::DECLARATION.facts.name, asked, events);
    Ok(Reply {
        value: events.right_stream(),
        upstream_request_id: opened.upstream_request_id,
        skipped: 0,
    })
}

/// The whole answer that came as a success.
fn chat<O: Op>(
    anthropic: &Anthropic,
    received: &Received,
    request: &Request<O>,
    warnings: Vec<Warning>,
) -> Result<Chat, Failure> {
    let asked = (&*request.instance, &*request.native, request.include_raw);
    let chat = answered(anthropic, received, asked, warnings)?;
    Ok(anthropic
        .book
        .answered(chat, O::DECLARATION.facts.name, &request.native))
}

/// The same, wherever it stands, and without its price; of the asked instance and model, and with its own JSON where that is wanted.
fn answered(
    anthropic: &Anthropic,
    received: &Received,
    (instance, model, include_raw): (&str, &str, bool),
    warnings: Vec<Warning>,
) -> Result<Chat, Failure> {
    let row: Result<Row<wire::Message>, Failure> = received.row(include_raw);
    let sound = |row: &Row<wire::Message>| row.wire.error.is_none() && row.wire.content.is_some();
    let row = match row {
        Ok(row) if sound(&row) => row,
        row => {
            let fault = parse(received.bytes()).ok().as_ref().and_then(Fault::within);
            return Err(match (fault, row) {
                (Some(fault), _) => received.blame(left_alone(refuse::within(&fault), anthropic.endpoint.spent())),
                (None, Err(unreadable)) => unreadable,
                (None, Ok(_)) => received.unusable("the answer is not as expected at content"),
            });
        }
    };
    let chat = convert::chat(instance, model, row, warnings);
    chat.map_err(|failure| received.blame(failure))
}

async fn tokens_count(anthropic: Arc<Anthropic>, request: Request<TokensCount>) -> Result<Reply<TokenCount>, Failure> {
    let abilities = anthropic.abilities(&request, false).await?;
    let mut asked = counted(
        &anthropic.options,
        abilities,
        &request.native,
        &request.input,
        request.input.max_tokens,
    )?;
    read_alone(&mut asked);
    let outgoing = anthropic.post(&["v1", "messages", "count_tokens"], &asked.body, &asked.betas)?;
    let received = anthropic.endpoint.send(outgoing).await?;
    let Row { wire, raw } = received.row::<wire::Counted>(request.include_raw)?;
    Ok(received.reply(TokenCount {
        input_tokens: wire.input_tokens,
        warnings: asked.warnings,
        raw,
    }))
}

async fn models_list(anthropic: Arc<Anthropic>, request: Request<ModelsList>) -> Result<Reply<Page<Model>>, Failure> {
    let received = anthropic.models(request.limit(), request.cursor()).await?;
    let (rows, next) = anthropic.listed(&received, request.include_raw)?;
    let model = |row| anthropic.book.known(convert::model(&request.instance, row));
    let items = rows.into_iter().map(model);
    Ok(received.reply(Page::new(items.collect(), next)))
}

async fn model_get(anthropic: Arc<Anthropic>, request: Request<ModelGet>) -> Result<Reply<Model>, Failure> {
    let model = anthropic.endpoint.get(&["v1", "models", &request.native])?;
    anthropic
        .endpoint
        .answer(model, &request, |instance, row| {
            anthropic.book.known(convert::model(instance, row))
        })
        .await
}
