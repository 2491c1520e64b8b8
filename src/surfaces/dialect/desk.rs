//! One request of a dialect: who asks, what he says beside it, and its call.
//!
//! Invariant: all that REST's headers say of a call, they say here as well; what stands in REST's query has a header here.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use mosaic_actors::call::{Answer, Body as AnswerBody, Caller, CostClass, Homes};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, Frame, Upload};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::access::Unremarkable;
use super::super::arrival::Arrival;
use super::super::auth::Authenticator;
use super::super::bodies::Bodies;
use super::super::json_body;
use super::super::mount::Mount;
use super::super::origin::PublicOrigin;
use super::super::request_id::RequestId;
use super::super::rest::input;
use super::fields::Fields;
use super::head::describe;
use super::refused::Refused;
use crate::catalogue::Op;
use crate::catalogue::ai::Warning;
use crate::dispatch::options::{self, CallOption, OPTIONS, OptionValue};
use crate::dispatch::{Dispatcher, Options};
use crate::leisure;

/// Tells the kind of the instance of a name.
pub type KindOf = Arc<dyn Fn(&str) -> Option<Arc<str>> + Send + Sync>;

/// What the dialects need.
#[derive(Clone)]
pub struct DialectConfig {
    /// Where requests go.
    pub dispatcher: Arc<Dispatcher>,
    /// Who may ask.
    pub authenticator: Authenticator,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The room for all of those.
    pub bodies: Bodies,
    /// Where callers find us.
    pub origin: PublicOrigin,
    /// The kind of an instance.
    pub kind: KindOf,
    /// How long a stream may be silent before its connection is kept alive.
    pub heartbeat: Duration,
}

/// One request, after its head.
pub struct Visit {
    /// Where it goes.
    pub config: Arc<DialectConfig>,
    /// Who asks.
    pub caller: Caller,
    /// What is said beside the input.
    pub options: Options,
    /// Its id.
    pub id: RequestId,
    /// Where the caller finds the surface's base.
    ours: String,
    /// The kind of the instances whose vendor has made the dialect.
    vendor: &'static str,
}

/// How a provider is named where there is no query of ours.
const PROVIDER_HERE: &str =
    "here the provider is named by the header x-mosaic-provider, or by an id that begins with its name and ~";

/// The options that REST takes in its query, as headers. Their names are made once.
static IN_HEADERS: LazyLock<Vec<(&CallOption, HeaderName)>> = LazyLock::new(|| {
    let named = |option: &'static CallOption| {
        // A dialect has no place for a provider's own JSON.
        let own = option.header.is_none() && option.name != "include_raw";
        let name = format!("x-mosaic-{}", option.name.replace('_', "-"));
        Some((option, HeaderName::from_bytes(name.as_bytes()).ok().filter(|_| own)?))
    };
    OPTIONS.iter().filter_map(named).collect()
});

impl Visit {
    /// The request whose head this is, in the dialect of `vendor`.
    ///
    /// # Errors
    /// `unauthenticated` and `forbidden`; `invalid_input` on an option.
    pub fn of(
        config: &Arc<DialectConfig>,
        vendor: &'static str,
        parts: &Parts,
        id: RequestId,
    ) -> Result<Self, Refused> {
        let target = parts.uri.authority();
        let caller = config.authenticator.caller(&parts.headers, target)?;
        let mut options = Options {
            request_id: Some(id.text().clone()),
            arrived: Some(Arrival::of(&parts.extensions)),
            ..Options::default()
        };
        input::from_headers(&parts.headers, &mut options)?;
        from_own_headers(&parts.headers, &mut options)?;
        let place = config.origin.seen_by(&parts.headers, target).unwrap_or_default();
        Ok(Visit {
            ours: place + Mount::of(&parts.extensions).path(),
            config: config.clone(),
            caller,
            options,
            id,
            vendor,
        })
    }

    /// The address of a path of ours.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.ours)
    }

    /// Asks an instance, unless the caller names one himself.
    pub fn prefer(&mut self, instance: Option<&str>) {
        if self.options.provider.is_none() {
            self.options.provider = instance.map(str::to_owned);
        }
    }

    /// The request's body, a JSON object.
    ///
    /// # Errors
    /// As [`json_body::object`].
    pub async fn body(&self, headers: &HeaderMap, body: Body) -> Result<Fields, Refused> {
        let DialectConfig {
            dispatcher,
            max_body,
            bodies,
            ..
        } = &*self.config;
        let deadline = dispatcher.deadline(CostClass::Tokens, false, &self.options)?;
        let fields = json_body::object(headers, body, *max_body, bodies, &self.caller.tenant, deadline).await?;
        Ok(Fields::whole(fields))
    }

    /// Makes a call.
    ///
    /// # Errors
    /// What it fails with.
    pub async fn call<O: Op>(&self, input: O::Input) -> Result<Answer, Failure> {
        self.call_with::<O>(input, None).await
    }

    /// Makes a call that brings bytes.
    ///
    /// # Errors
    /// What it fails with.
    pub async fn call_with<O: Op>(&self, input: O::Input, upload: Option<Arc<Upload>>) -> Result<Answer, Failure> {
        let (caller, mut options) = (self.caller.clone(), self.options.clone());
        options.provider = options.provider.or_else(|| self.own::<O>(&input));
        let model = O::model(&input, &O::resource(&input));
        let answered = self.config.dispatcher.call::<O>(input, upload, caller, options).await;
        answered.map_err(|failure| match failure.field.as_deref() {
            Some(options::PROVIDER) => failure.also(PROVIDER_HERE),
            None | Some("model") => with_model(failure, model.as_deref()),
            Some(_) => failure,
        })
    }

    /// The instance of the dialect's own vendor that is asked for what has no model by which one is found, where neither the
    /// caller nor an id says one and exactly one can do it: clients know no other.
    fn own<O: Op>(&self, input: &O::Input) -> Option<String> {
        let facts = &O::DECLARATION.facts;
        if facts.homes == Homes::Offered || O::resource(input).instance().is_some() {
            return None;
        }
        let able = self.config.dispatcher.able(facts.name, &self.caller);
        let is_own = |name: &&Arc<str>| (self.config.kind)(name).as_deref() == Some(self.vendor);
        let mut own = able.iter().filter(is_own);
        match (own.next(), own.next()) {
            (Some(one), None) => Some(one.to_string()),
            _ => None,
        }
    }

    /// An answer as JSON of the dialect's.
    pub fn json(&self, answer: &Answer, warnings: &[Warning], body: &impl Serialize) -> Result<Response, Refused> {
        let json = leisure::to_json(body)
            .map_err(|error| Failure::new(Kind::Internal, "the answer could not be serialised").because(error))?;
        let mut response = ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response();
        describe(&answer.head, self, warnings, response.headers_mut());
        Ok(Unremarkable::mark(response))
    }
}

/// Names the model that there is not, where its provider's words do not: who has many in use looks for it.
fn with_model(failure: Failure, model: Option<&str>) -> Failure {
    match model {
        Some(model) if failure.kind == Kind::NotFound && !failure.message().contains(model) => {
            failure.also(&format!("the model asked for is {model}"))
        }
        _ => failure,
    }
}

fn from_own_headers(headers: &HeaderMap, options: &mut Options) -> Result<(), Failure> {
    for (option, header) in IN_HEADERS.iter() {
        let given = headers.get_all(header).iter();
        let texts: Vec<_> = given
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        match (texts.len(), &option.value) {
            (0, _) => {}
            (_, OptionValue::Switch(_) | OptionValue::Text(..) | OptionValue::Time(_)) | (1, _) => {
                option.read(&texts, options)?;
            }
            _ => return Err(Failure::invalid(option.name, format!("give one {header}, not several"))),
        }
    }
    Ok(())
}

/// An answer's typed value; read from its JSON where that alone is at hand.
///
/// # Errors
/// `internal` where it is of another type.
pub fn value<T: DeserializeOwned + Send + Sync + 'static>(answer: &Answer) -> Result<Arc<T>, Failure> {
    let at_hand = answer.value.as_ref().and_then(|value| value.0.clone().downcast().ok());
    if let Some(value) = at_hand {
        return Ok(value);
    }
    let odd = || Failure::new(Kind::Internal, "the answer is of another kind than its operation says");
    match &answer.body {
        AnswerBody::Bytes(json) => serde_json::from_slice(json)
            .map(Arc::new)
            .map_err(|error| odd().because(error)),
        AnswerBody::Stream(_) | AnswerBody::Raw(_) => Err(odd()),
    }
}

/// An answer's events, and the rest of it.
///
/// # Errors
/// `internal` where it has none.
pub fn frames(answer: Answer) -> Result<(mosaic_actors::call::Head, BodyStream<Frame>), Failure> {
    match answer.body {
        AnswerBody::Stream(frames) => Ok((answer.head, frames)),
        AnswerBody::Bytes(_) | AnswerBody::Raw(_) => {
            Err(Failure::new(Kind::Internal, "the answer does not stream, and should"))
        }
    }
}
