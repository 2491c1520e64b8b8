//! `/v1/events`: what providers have told, as server-sent events.
//!
//! Invariant: a caller hears of the instances within its tenant's reach and of no other, and every id that it hears can be
//! gone on from.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream};
use http::request::Parts;
use http::{HeaderMap, Request};
use mosaic_actors::error::Failure;
use serde_json::json;
use url::form_urlencoded;

use super::auth::Authenticator;
use super::problem::Problem;
use super::request_id::RequestId;
use super::rest::method_not_allowed;
use crate::bus::{Bus, Feed, Filter, Heard};
use crate::catalogue::event::EventType;
use crate::wording::nearest;

/// A comment is sent so often where nothing happens, so that a connection in between is not thought dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The longest parameter.
const LONGEST: usize = 1024;
/// What may be asked for.
const PARAMETERS: &[&str] = &["after", "service", "type", "provider", "resource"];

/// The instances that a tenant may know of, whether they run or not.
pub type Known = Arc<dyn Fn(&str) -> Vec<Arc<str>> + Send + Sync>;
/// Whether a tenant may know of an instance.
pub type Reaches = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// What the feed needs.
#[derive(Clone)]
pub struct FeedConfig {
    /// Where events come from.
    pub bus: Bus,
    /// Who may listen.
    pub authenticator: Authenticator,
    /// To what.
    pub reaches: Reaches,
    /// By which names.
    pub known: Known,
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
    match config.listen(&parts).await {
        Ok(feed) => Sse::new(lines(feed))
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive"))
            .into_response(),
        Err(problem) => problem.response(&id),
    }
}

impl FeedConfig {
    async fn listen(&self, parts: &Parts) -> Result<Feed, Problem> {
        let caller = self.authenticator.caller(&parts.headers, parts.uri.authority())?;
        let (mut after, mut filter) = asked(parts.uri.query().unwrap_or_default())?;
        // A browser that comes again says where it was.
        if let Some(place) = last_event_id(&parts.headers)? {
            after = Some(place);
        }
        if let Some(wanted) = &filter.provider {
            there_is(wanted, &(self.known)(&caller.tenant))?;
        }
        let reaches = self.reaches.clone();
        filter.reach = Some(Arc::new(move |instance| reaches(&caller.tenant, instance)));
        Ok(self.bus.listen(after, filter).await?)
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
    sound(&filter)?;
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

/// A type that no event ever has would be waited for in vain.
fn sound(filter: &Filter) -> Result<(), Failure> {
    let kinds = || EventType::ALL.iter();
    if let Some(wanted) = filter
        .kind
        .as_deref()
        .filter(|wanted| !kinds().any(|kind| kind.is(wanted)))
    {
        return Err(Failure::invalid("type", format!("no event is of the type {wanted}")));
    }
    let is_service = |wanted: &&str| kinds().any(|kind| kind.service() == Some(wanted));
    match filter.service.as_deref().filter(|wanted| !is_service(wanted)) {
        Some(wanted) => Err(Failure::invalid(
            "service",
            format!("no event is of the service {wanted}"),
        )),
        None => Ok(()),
    }
}

/// Until the gateway stops, or the store fails.
fn lines(feed: Feed) -> impl Stream<Item = Result<Line, Infallible>> {
    stream::unfold(Some(feed), async |feed| {
        let mut feed = feed?;
        let heard = feed.next().await?;
        let (line, feed) = match heard {
            Ok(Heard::Event(event)) => (Line::default().id(event.id.to_string()).json_data(&event), Some(feed)),
            Ok(Heard::Missed { after, oldest }) => {
                let line = Line::default().event("missed");
                (line.json_data(json!({ "after": after, "oldest": oldest })), Some(feed))
            }
            Err(failure) => {
                let line = Line::default().event("error");
                (line.json_data(json!({ "code": failure.kind.code() })), None)
            }
        };
        Some((Ok(line.unwrap_or_default()), feed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_that_there_is_not_is_refused_with_the_nearest() {
        let known: Vec<Arc<str>> = vec!["forge-a".into(), "wiki".into()];
        assert!(there_is("wiki", &known).is_ok());
        let refused = there_is("forge_b", &known).expect_err("there is none");
        assert_eq!(refused.field.as_deref(), Some("provider"));
        assert!(refused.message().ends_with("did you mean forge-a?"), "{refused}");
        assert!(there_is("nope", &[]).is_err());
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
            ("type=git.prs", "type"),
            ("service=gits", "service"),
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
