//! `/v1/events`: what providers have told, as server-sent events.
//!
//! Invariant: a caller hears what it could read itself, and of nothing else, for as long as it is let in; and every id that it
//! hears can be gone on from.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::sse::{Event as Line, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream};
use http::uri::Authority;
use http::{HeaderMap, Request};
use mosaic_actors::call::Caller;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::Attendance;
use serde_json::json;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use url::form_urlencoded;

use super::auth::Authenticator;
use super::problem::Problem;
use super::request_id::RequestId;
use super::rest::method_not_allowed;
use crate::bus::{Bus, Feed, Filter};
use crate::catalogue::event::{Event, EventType};
use crate::wording::nearest;

pub use crate::bus::Heard;

/// The longest parameter.
const LONGEST: usize = 1024;
/// What may be asked for.
const PARAMETERS: &[&str] = &["after", "service", "type", "provider", "resource"];

/// The instances that a tenant may know of, whether they run or not.
pub type Known = Arc<dyn Fn(&str) -> Vec<Arc<str>> + Send + Sync>;
/// What a caller may hear of.
pub trait Hearing: Send + Sync + 'static {
    /// Whether it may hear of this event.
    fn hears(&self, caller: &Caller, event: &Event) -> bool;

    /// Whether it may hear of any event of this type.
    fn hears_of(&self, caller: &Caller, kind: EventType) -> bool;

    /// Lets a listener in, as a call would be.
    ///
    /// # Errors
    /// `rate_limited` or `overloaded`.
    fn admit(&self, caller: &Caller) -> Result<Attendance, Failure>;
}

/// What the feed needs.
#[derive(Clone)]
pub struct FeedConfig {
    /// Where events come from.
    pub bus: Bus,
    /// Who may listen.
    pub authenticator: Authenticator,
    /// To what.
    pub hearing: Arc<dyn Hearing>,
    /// By which names.
    pub known: Known,
    /// So often it is looked whether a listener may still listen, and something is said where nothing happens, so that a
    /// connection in between is not thought dead.
    pub heartbeat: Duration,
}

/// The route.
pub fn router(config: FeedConfig) -> Router {
    Router::new()
        .route("/v1/events", get(events))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::new(config))
}

async fn events(State(config): State<Arc<FeedConfig>>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let listening = Listening {
        config,
        headers: parts.headers,
        target: parts.uri.authority().cloned(),
    };
    match listening.listener(&query).await {
        Ok(listener) => Sse::new(lines(listener)).into_response(),
        Err(failure) => Problem::from(failure).response(&id),
    }
}

/// One who may listen, by the head of its request.
#[derive(Clone)]
pub(super) struct Listening {
    pub(super) config: Arc<FeedConfig>,
    pub(super) headers: HeaderMap,
    pub(super) target: Option<Authority>,
}

impl Listening {
    /// What is heard of what a query asks for, until the gateway stops, the store fails, or the listener is no longer let in.
    ///
    /// # Errors
    /// As `/v1/events` refuses it.
    #[cfg(feature = "graphql")]
    pub(super) async fn listen(
        &self,
        query: &str,
    ) -> Result<impl Stream<Item = Result<Heard, Failure>> + Send + use<>, Failure> {
        let listener = self.listener(query).await?;
        Ok(stream::unfold(Some(listener), async |listener| {
            let mut listener = listener?;
            loop {
                match listener.hear().await? {
                    Said::Heard(heard) => return Some((Ok(heard), Some(listener))),
                    Said::Place(_) => {}
                    Said::Ended(kind) => {
                        let failure = Failure::new(kind, "the feed has ended");
                        return Some((Err(failure), None));
                    }
                }
            }
        }))
    }

    async fn listener(&self, query: &str) -> Result<Listener, Failure> {
        let Listening {
            config,
            headers,
            target,
        } = self.clone();
        let caller = config.authenticator.caller(&headers, target.as_ref())?;
        let (mut after, mut filter) = asked(query)?;
        // A browser that comes again says where it was.
        if let Some(place) = last_event_id(&headers)? {
            after = Some(place);
        }
        if let Some(wanted) = &filter.provider {
            there_is(wanted, &(config.known)(&caller.tenant))?;
        }
        sound(&filter, |kind| config.hearing.hears_of(&caller, kind))?;
        let attendance = config.hearing.admit(&caller)?;
        let (hearing, listener) = (config.hearing.clone(), caller.clone());
        filter.reach = Some(Arc::new(move |event| hearing.hears(&listener, event)));
        let feed = config.bus.listen_as(&caller.tenant, after, filter).await?;
        let (authenticator, heartbeat) = (config.authenticator.clone(), config.heartbeat);
        let is_let_in = move || {
            let found = authenticator.caller(&headers, target.as_ref());
            found.is_ok_and(|found| found == caller)
        };
        Ok(Listener::new(feed, Box::new(is_let_in), Some(attendance), heartbeat))
    }
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Failure> {
    match headers.get("last-event-id") {
        None => Ok(None),
        Some(value) => place("Last-Event-ID", value.to_str().unwrap_or_default()).map(Some),
    }
}

fn place(field: &str, text: &str) -> Result<i64, Failure> {
    let wrong = || {
        Failure::invalid(
            field,
            format!("{field} must be the id of an event, or 0 for the oldest"),
        )
    };
    text.trim().parse().ok().filter(|place| *place >= 0).ok_or_else(wrong)
}

fn asked(query: &str) -> Result<(Option<i64>, Filter), Failure> {
    let mut after = None;
    let mut filter = Filter::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.trim().is_empty() || value.len() > LONGEST {
            return Err(Failure::invalid(
                &*name,
                format!("{name} must have 1 to {LONGEST} bytes"),
            ));
        }
        let slot = match &*name {
            "after" if after.is_none() => {
                after = Some(place("after", &value)?);
                continue;
            }
            "service" => &mut filter.service,
            "type" => &mut filter.kind,
            "provider" => &mut filter.provider,
            "resource" => &mut filter.resource,
            "after" => return Err(Failure::invalid("after", "after is given twice")),
            _ => {
                let sentence = format!("{name} is not known; there are {}", PARAMETERS.join(", "));
                return Err(Failure::invalid(&*name, sentence));
            }
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(Failure::invalid(&*name, format!("{name} is given twice")));
        }
    }
    Ok((after, filter))
}

/// An instance that there is not would be waited for in vain.
fn there_is(wanted: &str, known: &[Arc<str>]) -> Result<(), Failure> {
    let names = || known.iter().map(|name| &**name);
    if names().any(|name| name == wanted) {
        return Ok(());
    }
    let meant = nearest(wanted, names()).map(|name| format!("; did you mean {name}?"));
    let sentence = format!("no provider is called {wanted}{}", meant.unwrap_or_default());
    Err(Failure::invalid("provider", sentence))
}

/// A type that no event ever has would be waited for in vain, and so would one that the caller never hears of: it is told
/// the same.
fn sound(filter: &Filter, hears_of: impl Fn(EventType) -> bool) -> Result<(), Failure> {
    let heard = || EventType::ALL.iter().filter(|kind| hears_of(**kind));
    let refused = |field: &'static str, wanted: &str| {
        Err(Failure::invalid(field, format!("no event is of the {field} {wanted}")))
    };
    if let Some(wanted) = &filter.kind
        && !heard().any(|kind| kind.is(wanted))
    {
        return refused("type", wanted);
    }
    match &filter.service {
        Some(wanted) if !heard().any(|kind| kind.service() == Some(wanted)) => refused("service", wanted),
        _ => Ok(()),
    }
}

/// One who listens.
struct Listener {
    feed: Feed,
    /// Whether it would be let in now.
    is_let_in: Box<dyn Fn() -> bool + Send + Sync>,
    beat: Interval,
    /// Behind which event the listener would go on if it came again.
    told: Option<i64>,
    _attendance: Option<Attendance>,
}

impl Listener {
    fn new(
        feed: Feed,
        is_let_in: Box<dyn Fn() -> bool + Send + Sync>,
        attendance: Option<Attendance>,
        heartbeat: Duration,
    ) -> Self {
        let mut beat = interval_at(Instant::now() + heartbeat, heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Listener {
            feed,
            is_let_in,
            beat,
            told: None,
            _attendance: attendance,
        }
    }

    /// What is said next.
    async fn hear(&mut self) -> Option<Said> {
        let heard = tokio::select! {
            biased;
            // First: whoever is told without a pause is looked at all the same.
            _ = self.beat.tick() => return Some(self.beats()),
            heard = self.feed.next() => heard?,
        };
        Some(match heard {
            Ok(heard) => {
                if let Heard::Event(event) = &heard {
                    self.told = Some(event.id);
                }
                Said::Heard(heard)
            }
            Err(failure) => Said::Ended(failure.kind),
        })
    }

    /// Nothing happened: with its place where that has moved on past what was not for this listener, so that it comes again
    /// from there.
    fn beats(&mut self) -> Said {
        if !(self.is_let_in)() {
            return Said::Ended(Kind::Unauthenticated);
        }
        let told = self.told;
        let place = self.feed.place().filter(|place| *place > 0 && told != Some(*place));
        if place.is_some() {
            self.told = place;
        }
        Said::Place(place)
    }
}

/// What a listener is told.
enum Said {
    Heard(Heard),
    /// Nothing but its place, where that is another.
    Place(Option<i64>),
    Ended(Kind),
}

impl Said {
    /// As a line, and whether it is the last.
    fn line(self) -> (Line, bool) {
        let line = match self {
            Said::Heard(Heard::Event(event)) => Line::default().id(event.id.to_string()).json_data(&event),
            Said::Heard(Heard::Missed { after, oldest }) => {
                let line = Line::default().event("missed");
                line.json_data(json!({ "after": after, "oldest": oldest }))
            }
            Said::Place(place) => {
                let line = Line::default().comment("keep-alive");
                Ok(match place {
                    Some(place) => line.id(place.to_string()),
                    None => line,
                })
            }
            Said::Ended(kind) => return (error(kind), true),
        };
        (line.unwrap_or_default(), false)
    }
}

fn error(kind: Kind) -> Line {
    let line = Line::default().event("error");
    line.json_data(json!({ "code": kind.code() })).unwrap_or_default()
}

/// Until the gateway stops, the store fails, or the listener is no longer let in.
fn lines(listener: Listener) -> impl Stream<Item = Result<Line, Infallible>> {
    stream::unfold(Some(listener), async |listener| {
        let mut listener = listener?;
        let (line, is_last) = listener.hear().await?.line();
        Some((Ok(line), (!is_last).then_some(listener)))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::sync::atomic::Ordering::Relaxed;

    use http_body_util::BodyExt as _;
    use jiff::Timestamp;
    use metrics::NoopRecorder;
    use mosaic_actors::telemetry::SharedRecorder;

    use super::*;
    use crate::catalogue::event::Told;
    use crate::config::EventsConfig;
    use crate::stores::{Delivered, MemoryStore, StateStore as _};

    #[test]
    fn an_instance_that_there_is_not_is_refused_with_the_nearest() {
        let known: Vec<Arc<str>> = vec!["forge-a".into(), "wiki".into()];
        assert!(there_is("wiki", &known).is_ok());
        let refused = there_is("forge_b", &known).expect_err("there is none");
        assert_eq!(refused.field.as_deref(), Some("provider"));
        assert!(refused.message().ends_with("did you mean forge-a?"), "{refused}");
        assert!(there_is("nope", &[]).is_err());
    }

    /// What is sent next.
    async fn sent(body: &mut Body) -> Option<String> {
        let frame = body.frame().await?.expect("no error ends it");
        let data = frame.into_data().ok()?;
        Some(String::from_utf8_lossy(&data).into_owned())
    }

    #[tokio::test]
    async fn who_listens_is_moved_on_past_what_is_not_for_it_and_looked_at_again() {
        let store = MemoryStore::new(None);
        let provider = Arc::from("forge");
        let event = Told::default().placed(0, &provider, "2026-03-01T00:00:00Z".to_owned());
        let delivered = Delivered {
            provider,
            names: vec![],
            at: Timestamp::now(),
            bodies: vec![serde_json::to_string(&event).expect("it is written"); 3],
        };
        store.append_events(&[delivered]).await.expect("they are kept");
        let recorder: SharedRecorder = Arc::new(NoopRecorder);
        let bus = Bus::new(Arc::new(store), EventsConfig::default(), &recorder);
        let nothing = Filter {
            reach: Some(Arc::new(|_| false)),
            ..Filter::default()
        };
        let feed = bus.listen(Some(0), nothing).await.expect("a seat");
        let lets_in = Arc::new(AtomicBool::new(true));
        let asked = lets_in.clone();
        let is_let_in = Box::new(move || asked.load(Relaxed));
        let listener = Listener::new(feed, is_let_in, None, Duration::from_millis(1));
        let mut body = Sse::new(lines(listener)).into_response().into_body();
        let mut seen = String::new();
        while !seen.contains("id: 3\n") {
            seen += &sent(&mut body).await.expect("it goes on");
        }
        assert!(!seen.contains("data"), "{seen}");
        // Its key is taken back.
        lets_in.store(false, Relaxed);
        let mut last = String::new();
        while let Some(more) = sent(&mut body).await {
            last = more;
        }
        assert!(
            last.contains("event: error") && last.contains("unauthenticated"),
            "{last}"
        );
        assert!(
            !seen.contains("id: 3\n\n: keep-alive\nid: 3"),
            "a place is told once: {seen}"
        );
        drop(body);
        assert_eq!(bus.listeners(), 0);
    }

    #[test]
    fn what_is_never_heard_of_is_refused_as_what_there_is_not() {
        let refused = |query: &str, hears_of: fn(EventType) -> bool| {
            let (_, filter) = asked(query).expect("it is read");
            sound(&filter, hears_of)
                .err()
                .map(|failure| failure.message().to_owned())
        };
        for query in ["type=git.prs", "service=gits"] {
            assert!(refused(query, |_| true).is_some(), "{query}");
        }
        let of_docs = |kind: EventType| kind.is("docs");
        assert_eq!(refused("type=docs.page&service=docs", of_docs), None);
        let told = "no event is of the type git.pr";
        assert_eq!(refused("type=git.pr", of_docs).as_deref(), Some(told));
        assert_eq!(
            refused("service=git", of_docs).as_deref(),
            Some("no event is of the service git")
        );
    }

    #[test]
    fn what_is_asked_for_is_read_or_refused_by_its_name() {
        let (after, filter) = asked("after=7&type=git.pr&resource=acme%2Fapi").expect("it is read");
        assert_eq!(
            (after, filter.kind.as_deref(), filter.resource.as_deref()),
            (Some(7), Some("git.pr"), Some("acme/api"))
        );
        for (query, field) in [
            ("after=-1", "after"),
            ("after=x", "after"),
            ("after=1&after=2", "after"),
            ("colour=red", "colour"),
            ("type=", "type"),
            ("provider=a&provider=b", "provider"),
        ] {
            assert_eq!(
                asked(query).err().and_then(|failure| failure.field).as_deref(),
                Some(field),
                "{query}"
            );
        }
    }
}
