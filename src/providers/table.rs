//! A driver as a table of typed handlers.
//!
//! Invariant: an input is downcast once and an output serialised once, here; drivers see only their own types.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Head, Value};
use mosaic_actors::driver::{BoxFuture, Capabilities, Credential, Driver};
use mosaic_actors::error::{self, Failure};
use mosaic_actors::rate_limit::RateLimit;
use mosaic_actors::stream::{BodyStream, ByteStream, Event, Frame, Piece, Upload};
use serde::Serialize;
use tokio::time::Instant;

use super::connection::Connection;
use super::http::credential::CredentialStanding;
use super::http::quota::Quota;
use super::http::revalidation::{self, Standing};
use super::http::{Accepts, Header};
use crate::catalogue::cursor::{CursorKey, Query};
use crate::catalogue::op::{Op, Output, Paged};
use crate::catalogue::prepare::query;
use crate::leisure::to_json;

/// A provider's driver, typed. [`connect`] makes the engine's object of it.
pub trait Provider: Send + Sync + Sized + 'static {
    /// Makes the driver of one instance. Sends nothing.
    ///
    /// # Errors
    /// `invalid_input` naming the setting at fault.
    fn connect(connection: &Connection) -> Result<Self, Failure>;

    /// What it can do.
    fn handlers() -> Handlers<Self>;

    /// The credentials that it takes: a token in `Authorization: Bearer …`, unless it says otherwise.
    fn accepts() -> &'static [Accepts] {
        &[Accepts::Token(Header::BEARER)]
    }

    /// What `[providers.NAME.settings]` may hold, for people.
    fn settings() -> &'static [Setting] {
        &[]
    }

    /// What its tokens begin with, and what such a token is; a longer beginning stands before one that it begins with.
    fn tokens() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What the provider tells of our credential beside its [`Provider::health`], for people who look at it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn standing(&self) -> impl Future<Output = Result<CredentialStanding, Failure>> + Send {
        std::future::ready(Ok(CredentialStanding::default()))
    }

    /// What must be asked before the first call; the start timeout of its actor bounds it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn begin(self) -> impl Future<Output = Result<Self, Failure>> + Send {
        std::future::ready(Ok(self))
    }

    /// The names of the operations that this instance cannot do though its kind can: its server's version lacks them, as
    /// [`Provider::begin`] found.
    fn lacks(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The names of what it offers and is asked for by name, such as models; `None` where it cannot tell.
    ///
    /// # Errors
    /// What a call would fail with.
    fn offers(&self) -> impl Future<Output = Result<Option<Vec<Arc<str>>>, Failure>> + Send {
        std::future::ready(Ok(None))
    }

    /// Asks the provider, cheaply, whether it is there and takes our credential; where it is there, tells what that proves
    /// of the credential.
    fn health(&self) -> impl Future<Output = Result<Credential, Failure>> + Send;
}

/// What a handler gets.
pub struct Request<O: Op> {
    /// The typed input; its cursor is the provider's own.
    pub input: Arc<O::Input>,
    /// The resource as the provider knows it.
    pub native: Arc<str>,
    /// The instance, for neutral ids.
    pub instance: Arc<str>,
    /// The caller wants the provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// The bytes that came with the input.
    pub upload: Option<Arc<Upload>>,
    /// When the caller must have its reply.
    pub deadline: Instant,
}

impl<O: Op> Request<O>
where
    O::Input: Paged,
{
    /// Rows a page, where the caller says.
    pub fn limit(&self) -> Option<u32> {
        self.input.page().0
    }

    /// The provider's own cursor, where this is not the first page.
    pub fn cursor(&self) -> Option<&str> {
        self.input.page().1
    }
}

/// What a handler gives.
pub struct Reply<T> {
    /// The neutral output.
    pub value: T,
    /// The provider's request id.
    pub upstream_request_id: Option<Arc<str>>,
    /// Rows of a list that could not be read and were left out.
    pub skipped: u32,
}

impl<T> Reply<T> {
    /// A value, of which no more is to be told.
    pub fn of(value: T) -> Self {
        Reply {
            value,
            upstream_request_id: None,
            skipped: 0,
        }
    }
}

type Handler<D> = Box<dyn Fn(Arc<D>, Arc<Call>, Seal) -> BoxFuture<Result<Answer, Failure>> + Send + Sync>;

/// The table of what a driver can do.
pub struct Handlers<D> {
    by_name: HashMap<&'static str, Handler<D>>,
    emulated: BTreeSet<&'static str>,
}

impl<D> Default for Handlers<D> {
    fn default() -> Self {
        Handlers {
            by_name: HashMap::new(),
            emulated: BTreeSet::new(),
        }
    }
}

/// What an answer says of where it came from; it seals the cursors of one instance.
#[derive(Clone)]
struct Seal {
    instance: Arc<str>,
    cursors: CursorKey,
    emulated: bool,
}

impl<D: Send + Sync + 'static> Handlers<D> {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handler of `O`.
    #[must_use]
    pub fn on<O, F, Fut>(mut self, handler: F) -> Self
    where
        O: Op,
        F: Fn(Arc<D>, Request<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<O::Output>, Failure>> + Send + 'static,
    {
        let erased: Handler<D> = Box::new(move |driver, call, seal| {
            Box::pin(async move {
                let request = Request::<O>::of(&call, &seal)?;
                let input = request.input.clone();
                let answering = handler(driver, request);
                let (reply, standing) = revalidation::about(call.validator.clone(), answering).await;
                if standing.unchanged {
                    return Ok(seal.unchanged(standing));
                }
                let judged = |failure| match call.operation.safe {
                    true => failure,
                    false => standing.judge(failure),
                };
                let mut reply = reply.map_err(judged)?;
                reply
                    .value
                    .seal_cursor(&|native| seal.cursor(&query::<O>(&input)?, native))?;
                Ok(Answer {
                    head: Head {
                        tags: reply.value.tags(),
                        usage: reply.value.usage(),
                        skipped: reply.skipped,
                        validator: standing.validator(),
                        ..seal.head("application/json", reply.upstream_request_id)
                    },
                    body: Body::Bytes(serialise(&reply.value)?),
                    value: Some(Value(Arc::new(reply.value))),
                })
            })
        });
        self.by_name.insert(O::DECLARATION.facts.name, erased);
        self
    }

    /// Adds the handler of a streaming `O`: its future resolves when the provider has accepted the request.
    #[must_use]
    pub fn stream<O, F, Fut, S>(mut self, handler: F) -> Self
    where
        O: Op,
        F: Fn(Arc<D>, Request<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<S>, Failure>> + Send + 'static,
        S: Stream<Item = Result<Piece<O::Output>, Failure>> + Send + 'static,
        O::Output: Event,
    {
        let erased: Handler<D> = Box::new(move |driver, call, seal| {
            Box::pin(async move {
                let request = Request::<O>::of(&call, &seal)?;
                let reply = handler(driver, request).await?;
                let frames = reply.value.map(|piece| {
                    piece.map(|piece| match piece {
                        Piece::Item(event) => Piece::Item(Frame::new(event)),
                        Piece::Alive => Piece::Alive,
                    })
                });
                Ok(Answer {
                    head: seal.head("text/event-stream", reply.upstream_request_id),
                    body: Body::Stream(BodyStream::from_stream(frames)),
                    value: None,
                })
            })
        });
        self.by_name.insert(O::DECLARATION.facts.name, erased);
        self
    }

    /// Adds the handler of an `O` that answers with bytes of their own media type.
    #[must_use]
    pub fn raw<O, F, Fut>(mut self, handler: F) -> Self
    where
        O: Op,
        F: Fn(Arc<D>, Request<O>) -> Fut + Copy + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply<ByteStream>, Failure>> + Send + 'static,
    {
        let erased: Handler<D> = Box::new(move |driver, call, seal| {
            Box::pin(async move {
                let request = Request::<O>::of(&call, &seal)?;
                let reply = handler(driver, request).await?;
                Ok(Answer {
                    head: seal.head("application/octet-stream", reply.upstream_request_id),
                    body: Body::Raw(reply.value),
                    value: None,
                })
            })
        });
        self.by_name.insert(O::DECLARATION.facts.name, erased);
        self
    }

    /// Says that `O` is made of other things that the provider can do, and that it has nothing of the kind itself. Answers
    /// tell so.
    #[must_use]
    pub fn emulates<O: Op>(mut self) -> Self {
        self.emulated.insert(O::DECLARATION.facts.name);
        self
    }

    /// The names of what can be done.
    pub fn names(&self) -> Vec<&'static str> {
        self.by_name.keys().copied().collect()
    }
}

impl<O: Op> Request<O> {
    fn of(call: &Call, seal: &Seal) -> Result<Self, Failure> {
        let input = call.input.clone().downcast::<O::Input>().map_err(|_| {
            Failure::new(
                error::Kind::Internal,
                format!("{} was given an input of another type", call.operation.name),
            )
        })?;
        Ok(Request {
            input,
            native: call.resource.native().clone(),
            instance: seal.instance.clone(),
            include_raw: call.include_raw,
            upload: call.upload.clone(),
            deadline: call.deadline,
        })
    }
}

impl Seal {
    /// A client would be refused a cursor over the limit: the page fails instead of being one that cannot be gone on from.
    fn cursor(&self, query: &Query, native: &str) -> Result<String, Failure> {
        self.cursors.seal(&self.instance, query, native).ok_or_else(|| {
            let sentence = format!(
                "the cursor of {} for the next page is too long to be passed on",
                self.instance
            );
            let failure = Failure::new(error::Kind::UpstreamFailed, sentence).by(&self.instance);
            failure.not_usable().but_sound()
        })
    }

    /// The provider has nothing new to say.
    fn unchanged(&self, standing: Standing) -> Answer {
        Answer {
            head: Head {
                validator: standing.validator(),
                unchanged: true,
                ..self.head("application/json", standing.request_id)
            },
            body: Body::Bytes(Bytes::new()),
            value: None,
        }
    }

    fn head(&self, content_type: &'static str, upstream_request_id: Option<Arc<str>>) -> Head {
        Head {
            content_type,
            upstream_request_id,
            cache: CacheStatus::Bypass,
            emulated: self.emulated,
            ..Head::json(self.instance.clone())
        }
    }
}

fn serialise(value: &impl Serialize) -> Result<Bytes, Failure> {
    to_json(value)
        .map_err(|cause| Failure::new(error::Kind::Internal, "an output could not be serialised").because(cause))
}

/// A setting of a kind's own, as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name in `[providers.NAME.settings]`.
    pub name: &'static str,
    /// What holds where it is left out, in words where no one value does.
    pub default: &'static str,
    /// Its unit, or what it is: a date, a text.
    pub unit: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// A driver, or what keeps it from being made.
pub type Made = Result<Arc<dyn Driver>, Failure>;

/// One kind of provider.
#[derive(Clone, Copy)]
pub struct Kind {
    /// As written in the configuration.
    pub name: &'static str,
    /// The names of the operations that it can do at most, in order.
    pub operations: fn() -> Vec<&'static str>,
    /// The names of those of them that its provider has nothing of the kind for, in order.
    pub emulated: fn() -> Vec<&'static str>,
    /// The credentials that it takes.
    pub accepts: fn() -> &'static [Accepts],
    /// What its `settings` may hold.
    pub settings: fn() -> &'static [Setting],
    /// Asks what is known of a connection's credential.
    pub standing: fn(&Connection) -> BoxFuture<Result<CredentialStanding, Failure>>,
    /// Makes a driver for one instance, and sends nothing.
    pub connect: fn(&Connection) -> Made,
    /// Makes one that is ready to be called; it may ask its server first.
    pub start: fn(&Connection) -> BoxFuture<Made>,
}

impl Kind {
    /// The kind of a [`Provider`].
    pub const fn of<D: Provider>(name: &'static str) -> Self {
        Kind {
            name,
            operations: operations::<D>,
            emulated: || D::handlers().emulated.into_iter().collect(),
            accepts: D::accepts,
            settings: D::settings,
            standing: |connection| {
                let connection = connection.clone();
                Box::pin(async move {
                    let what = connection
                        .credential
                        .as_ref()
                        .and_then(|given| given.called(D::tokens()));
                    let mut known = D::connect(&connection)?.standing().await?;
                    known.cannot.sort_unstable();
                    Ok(CredentialStanding { what, ..known })
                })
            },
            connect: |connection| Ok(driver(D::connect(connection)?, connection)),
            start: |connection| {
                let connection = connection.clone();
                Box::pin(async move { Ok(driver(D::connect(&connection)?.begin().await?, &connection)) })
            },
        }
    }
}

impl Kind {
    /// The services that it has a part in, in order: the first words of its operations' names.
    pub fn services(&self) -> BTreeSet<&'static str> {
        let names = (self.operations)().into_iter();
        names.filter_map(|name| Some(name.split_once('.')?.0)).collect()
    }
}

fn operations<D: Provider>() -> Vec<&'static str> {
    let mut names = D::handlers().names();
    names.sort_unstable();
    names
}

struct TableDriver<D> {
    driver: Arc<D>,
    handlers: Handlers<D>,
    /// Less than its kind can; `None`: as much.
    narrowed: Option<Capabilities>,
    scope: Option<u64>,
    quota: Arc<Quota>,
    seal: Seal,
}

fn driver<D: Provider>(driver: D, connection: &Connection) -> Arc<dyn Driver> {
    let mut handlers = D::handlers();
    let lacks = driver.lacks();
    handlers.by_name.retain(|name, _| !lacks.contains(name));
    let able = || Capabilities::of(&connection.operations, handlers.by_name.keys().copied());
    Arc::new(TableDriver {
        narrowed: (!lacks.is_empty()).then(able),
        driver: Arc::new(driver),
        handlers,
        scope: connection.scope,
        quota: connection.quota.clone(),
        seal: Seal {
            instance: connection.instance.clone(),
            cursors: connection.cursors.clone(),
            emulated: false,
        },
    })
}

impl<D: Provider> Driver for TableDriver<D> {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        match self.handlers.by_name.get(call.operation.name) {
            Some(handler) => {
                let mut seal = self.seal.clone();
                seal.emulated = self.handlers.emulated.contains(call.operation.name);
                handler(self.driver.clone(), call, seal)
            }
            None => Box::pin(async move {
                let sentence = format!("{} cannot be done by this provider", call.operation.name);
                Err(Failure::new(error::Kind::Unsupported, sentence).never_sent())
            }),
        }
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async move { self.driver.health().await })
    }

    fn offers(self: Arc<Self>) -> BoxFuture<Result<Option<Vec<Arc<str>>>, Failure>> {
        Box::pin(async move { self.driver.offers().await })
    }

    fn is_scarce(&self) -> bool {
        self.quota.is_scarce(Timestamp::now())
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        self.quota.limits(Timestamp::now())
    }

    fn capabilities(&self) -> Option<Capabilities> {
        self.narrowed.clone()
    }

    fn credential_scope(&self) -> Option<u64> {
        self.scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::catalogue::git::{RepoGet, RepoList};
    use crate::providers::http::endpoint::tests::connection;

    /// A server whose version is found at the start.
    struct Old(bool);

    impl Provider for Old {
        fn connect(_connection: &Connection) -> Result<Self, Failure> {
            Ok(Old(false))
        }

        fn handlers() -> Handlers<Self> {
            let refused = || Failure::new(error::Kind::NotFound, "as told").never_sent();
            Handlers::new()
                .on::<RepoGet, _, _>(move |_, _| async move { Err(refused()) })
                .on::<RepoList, _, _>(move |_, _| async move { Err(refused()) })
        }

        async fn begin(self) -> Result<Self, Failure> {
            Ok(Old(true))
        }

        fn lacks(&self) -> Vec<&'static str> {
            if self.0 { vec!["git.repo.list"] } else { vec![] }
        }

        async fn health(&self) -> Result<Credential, Failure> {
            Ok(Credential::Unproven)
        }
    }

    #[tokio::test]
    async fn an_instance_is_narrowed_by_what_its_server_lacks() {
        static OLD: Kind = Kind::of::<Old>("old");
        let connection = connection(Some("http://localhost:1"));
        assert_eq!((OLD.operations)(), ["git.repo.get", "git.repo.list"]);
        assert!((OLD.connect)(&connection).unwrap().capabilities().is_none());
        let begun = (OLD.start)(&connection).await.unwrap();
        let able = begun.capabilities().expect("it is narrowed");
        let operations = Catalogue::built_in().operations().clone();
        assert_eq!(able.names(&operations), ["git.repo.get"]);
    }
}
