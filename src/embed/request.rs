//! One typed call on its way: what may be said beside its input.
//!
//! Invariant: whatever is not said is as the configuration has it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use mosaic_actors::call::{Answer, Caller, Performance, Priority};
use mosaic_actors::decision::Explained;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{ByteStream, Upload};

use super::answers::{events, file, whole};
use super::mosaic::Mosaic;
use super::typed::Typed;
use crate::catalogue::Op;
use crate::dispatch::Options;

/// A call that is not sent yet; [`Mosaic::request`] makes one.
#[must_use = "nothing is called before it is awaited, or before `send`, `stream` or `file`"]
pub struct Request<O: Op> {
    gateway: Mosaic,
    input: O::Input,
    upload: Option<Arc<Upload>>,
    caller: Caller,
    options: Options,
}

impl<O: Op> Request<O> {
    pub(super) fn new(gateway: Mosaic, input: O::Input) -> Self {
        Request {
            gateway,
            input,
            upload: None,
            caller: Mosaic::local_caller(),
            options: Options::default(),
        }
    }

    /// On behalf of a tenant other than `local`: its rate, its cache entries.
    pub fn by(mut self, tenant: impl Into<Arc<str>>, identity: impl Into<Arc<str>>) -> Self {
        self.caller = Caller::new(tenant, identity);
        self
    }

    /// Waits at most this long; never longer than `server.max_request_timeout`. Of a stream, it bounds the wait for the
    /// first event.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Asks this instance and no other; `all` asks every one, for a list.
    pub fn provider(mut self, instance: impl Into<String>) -> Self {
        self.options.provider = Some(instance.into());
        self
    }

    /// Refuses an answer from cache.
    pub fn no_cache(mut self) -> Self {
        self.options.no_cache = true;
        self
    }

    /// Adds the provider's own JSON to the output, as its `raw`.
    pub fn include_raw(mut self) -> Self {
        self.options.include_raw = true;
        self
    }

    /// Has the answer's [`Head::decision`](mosaic_actors::call::Head::decision), or the failure's
    /// [`decision`](Failure::decision), tell what was decided for it, and why.
    pub fn explain(mut self) -> Self {
        self.options.explain = true;
        self
    }

    /// Does a write at most once under this key, however often it is sent; later ones get the first one's answer.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.idempotency_key = Some(key.into());
        self
    }

    /// How urgent it is: where there is no room for all, the least urgent wait or are refused first. What is beyond the
    /// tenant's `max_priority` is lowered to that.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// What it needs most of the provider that serves it. Without it the rules decide.
    pub fn performance(mut self, performance: Performance) -> Self {
        self.options.performance = Some(performance);
        self
    }

    /// A word of the caller's own that rules may match; up to eight of them. A name is 1 to 32 of the characters a-z, 0-9,
    /// `_` and `-`, a value at most 64 printable ASCII characters without a comma.
    ///
    /// ```
    /// use mosaic::catalogue::git::{RepoGet, RepoGetInput};
    /// use mosaic::engine::call::{Performance, Priority};
    /// # use mosaic::{Mosaic, config::Config};
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let gateway = Mosaic::start(Config::default()).await.unwrap();
    /// let call = || gateway.request::<RepoGet>(RepoGetInput { repo: "acme/api".into() });
    /// let nightly = call()
    ///     .priority(Priority::Low)
    ///     .performance(Performance::HighThroughput)
    ///     .label("run", "nightly")
    ///     .affinity("build-7");
    /// let failure = nightly.send().await.expect_err("no provider is configured here");
    /// assert_eq!(failure.kind, mosaic::Kind::NoProvider);
    /// let failure = call().label("Run", "nightly").send().await.expect_err("a name has small letters");
    /// assert_eq!(failure.field.as_deref(), Some("labels"));
    /// # gateway.shutdown().await;
    /// # });
    /// ```
    pub fn label(mut self, name: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        self.options.labels.push((name.into(), value.into()));
        self
    }

    /// Calls of a tenant that say the same are best served by one provider, which may have kept what they have in common:
    /// 1 to 128 printable ASCII characters. Without it, a conversation with a model has its id, or how it begins.
    pub fn affinity(mut self, words: impl Into<String>) -> Self {
        self.options.affinity = Some(words.into());
        self
    }

    /// What it uploads, where the operation takes a file: see [`upload`](super::upload).
    ///
    /// ```
    /// use mosaic::catalogue::docs::{AttachmentUpload, AttachmentUploadInput};
    /// use mosaic::embed::upload;
    /// # use mosaic::{Mosaic, Secret, config::{BaseUrl, Config, ProviderConfig}, sandbox::{Sandbox, SandboxConfig}};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let sandbox = Sandbox::start(SandboxConfig::default_pair()).await?;
    /// # let wiki = sandbox.server("bookstack-a").expect("one of the pairs");
    /// # let mut config = Config::default();
    /// # let provider = ProviderConfig::new("bookstack").at(BaseUrl::parse(wiki.base_url())?);
    /// # config.providers.insert("wiki".into(), provider);
    /// # let gateway = Mosaic::builder(config).credential("wiki", Secret::new(wiki.token())).start().await?;
    /// let input = AttachmentUploadInput { page: "1".into(), name: None };
    /// let attached = gateway
    ///     .request::<AttachmentUpload>(input)
    ///     .upload(upload::bytes("text/csv", "a,b\n1,2\n").named("numbers.csv"))
    ///     .send()
    ///     .await?;
    /// assert_eq!(attached.value.name, "numbers.csv");
    /// # gateway.shutdown().await;
    /// # sandbox.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn upload(mut self, upload: Upload) -> Self {
        self.upload = Some(Arc::new(upload));
        self
    }

    /// Names the request in logs and answers; made where it is not given.
    pub fn request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.options.request_id = Some(id.into());
        self
    }

    /// Sends it and waits for its answer. Dropping the future cancels the call, save a write under a key.
    ///
    /// # Errors
    /// A [`Failure`]: its `kind` says what happened, `retryable` and `retry_after` whether and when to try again,
    /// `provider` who is at fault where one is. `invalid_input` where the operation streams.
    pub async fn send(self) -> Result<Typed<O::Output>, Failure> {
        whole::<O>(self.answer().await?)
    }

    /// Sends it and waits until its provider has taken it; then the events come. Dropping the stream cancels the work
    /// behind it. The stream outlives every handle to the gateway, and a shutdown lets it end within its time.
    ///
    /// # Errors
    /// A [`Failure`] before the first event; a later one is the stream's last item. `invalid_input` where the operation
    /// does not stream.
    pub async fn stream(
        self,
    ) -> Result<impl Stream<Item = Result<O::Output, Failure>> + Send + Unpin + use<O>, Failure> {
        events::<O>(self.answer().await?)
    }

    /// Sends it and waits until its provider has taken it; then the bytes come. As with a stream, dropping them cancels
    /// the work behind them.
    ///
    /// # Errors
    /// A [`Failure`] before the first byte; a later one is the bytes' last item. `invalid_input` where the operation does
    /// not answer with a file.
    pub async fn file(self) -> Result<ByteStream, Failure> {
        file::<O>(self.answer().await?)
    }

    /// Explains the call without making it: how it would be routed, how its candidates stand, who would be asked first, and
    /// what would refuse it now. Nothing is sent, and no key is used up. Of a name that stands for several models: of the one
    /// that would be asked.
    ///
    /// # Errors
    /// A [`Failure`] where it is no call at all: `invalid_input` naming the field or option.
    pub async fn dry_run(self) -> Result<Explained, Failure> {
        let (gateway, dispatcher) = (self.gateway.system().gateway(), self.gateway.dispatcher());
        let unsent = dispatcher.unmade::<O>(self.input, self.caller, self.options)?;
        let rehearsed = unsent.rehearse(async |call| Ok(gateway.dry_run(call).await)).await?;
        Ok(rehearsed.explained)
    }

    async fn answer(self) -> Result<Answer, Failure> {
        let dispatcher = self.gateway.dispatcher();
        dispatcher
            .call::<O>(self.input, self.upload, self.caller, self.options)
            .await
    }
}

/// Awaited, a request is sent: see [`Request::send`].
impl<O: Op> IntoFuture for Request<O> {
    type Output = Result<Typed<O::Output>, Failure>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl<O: Op> fmt::Debug for Request<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The input may hold what nobody should read in a log.
        f.debug_struct("Request")
            .field("operation", &O::DECLARATION.facts.name)
            .field("caller", &self.caller)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Mosaic {
    /// A call with more to say than its input: how long to wait, whom to ask, on whose behalf.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mosaic::catalogue::git::{RepoGet, RepoGetInput};
    /// # use mosaic::{Mosaic, config::Config};
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let gateway = Mosaic::start(Config::default()).await.unwrap();
    /// let call = gateway
    ///     .request::<RepoGet>(RepoGetInput { repo: "acme/api".into() })
    ///     .by("team-a", "build-7")
    ///     .timeout(Duration::from_secs(2))
    ///     .no_cache();
    /// let failure = call.send().await.expect_err("no provider is configured here");
    /// assert_eq!(failure.kind, mosaic::Kind::NoProvider);
    /// # gateway.shutdown().await;
    /// # });
    /// ```
    pub fn request<O: Op>(&self, input: O::Input) -> Request<O> {
        Request::new(self.clone(), input)
    }

    /// The decision records of calls with this request id, the newest first: callers may choose ids, so there may be several.
    /// `tenant`: its own alone. How many are kept the configuration says (`[explain]`).
    ///
    /// ```
    /// use mosaic::catalogue::git::{RepoGet, RepoGetInput};
    /// # use mosaic::{Mosaic, config::Config};
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let gateway = Mosaic::start(Config::default()).await.unwrap();
    /// let call = || gateway.request::<RepoGet>(RepoGetInput { repo: "acme/api".into() }).request_id("build-7");
    /// let unmade = call().dry_run().await.expect("it is a call");
    /// assert!(unmade.dry_run && unmade.candidates.is_empty());
    /// let failure = call().explain().send().await.expect_err("no provider is configured here");
    /// let decision = failure.decision.expect("it was asked for");
    /// assert_eq!(gateway.explain("build-7", None)[0].outcome, decision.outcome);
    /// assert!(gateway.explain("build-7", Some("another-tenant")).is_empty());
    /// # gateway.shutdown().await;
    /// # });
    /// ```
    pub fn explain(&self, id: &str, tenant: Option<&str>) -> Vec<Explained> {
        self.system().gateway().explain(id, tenant)
    }

    /// Does one operation as the local caller.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub async fn call<O: Op>(&self, input: O::Input) -> Result<Typed<O::Output>, Failure> {
        self.request::<O>(input).send().await
    }

    /// Does one streaming operation as the local caller.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use mosaic::catalogue::ai::{ChatEvent, ChatInput, ChatStream};
    /// # use mosaic::{Mosaic, Secret, config::{BaseUrl, Config, ProviderConfig}, sandbox::{Sandbox, SandboxConfig}};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let sandbox = Sandbox::start(SandboxConfig::default_pair()).await?;
    /// # let model = sandbox.server("openai-a").expect("one of the pairs");
    /// # let mut config = Config::default();
    /// # let provider = ProviderConfig::new("openai").at(BaseUrl::parse(model.base_url())?);
    /// # config.providers.insert("model".into(), provider);
    /// # let gateway = Mosaic::builder(config).credential("model", Secret::new(model.token())).start().await?;
    /// let input = ChatInput {
    ///     model: "sandbox-small".into(),
    ///     prompt: Some("What is a gateway good for?".into()),
    ///     ..ChatInput::default()
    /// };
    /// let mut events = gateway.stream::<ChatStream>(input).await?;
    /// let mut told = String::new();
    /// while let Some(event) = events.next().await {
    ///     if let ChatEvent::Delta { text } = event? {
    ///         told += &text;
    ///     }
    /// }
    /// assert!(!told.is_empty());
    /// # gateway.shutdown().await;
    /// # sandbox.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Request::stream`].
    pub async fn stream<O: Op>(
        &self,
        input: O::Input,
    ) -> Result<impl Stream<Item = Result<O::Output, Failure>> + Send + Unpin + use<O>, Failure> {
        self.request::<O>(input).stream().await
    }
}
