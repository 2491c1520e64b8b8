//! The client of a WebSocket: its request's head, and what its first message says in place of headers.
//!
//! Invariant: each of its operations is its own request, of whoever the client is at that moment.

use std::sync::Arc;

use ::http::request::Parts;
use ::http::uri::Authority;
use ::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use mosaic_actors::call::Caller;
use mosaic_actors::error::Failure;
use serde_json::Value;
use tokio::time::Instant;

use super::super::feed::Listening;
use super::super::mount::Mount;
use super::super::request_id::RequestId;
use super::super::rest::input;
use super::Graphql;
use super::session::{Room, Session};
use crate::dispatch::Options;

/// The longest value that is taken over from the first message as a header's.
const LONGEST_HEADER: usize = 8 * 1024;

/// Who is at the other end.
pub(super) struct Client {
    headers: HeaderMap,
    target: Option<Authority>,
    mount: Mount,
    /// For what waits to be read, of all its operations.
    room: Arc<Room>,
}

impl Client {
    /// The one whose request has this head, with so much room.
    pub(super) fn of(parts: &Parts, room: usize) -> Self {
        Client {
            headers: parts.headers.clone(),
            target: parts.uri.authority().cloned(),
            mount: Mount::of(&parts.extensions),
            room: Room::new(room),
        }
    }

    /// Takes over what the first message gives in place of headers, which a browser's script cannot set.
    pub(super) fn introduce(&mut self, payload: &Value) {
        for (name, value) in payload.as_object().into_iter().flatten() {
            let name = match name.to_ascii_lowercase().as_str() {
                "apikey" | "api_key" => "x-api-key".to_owned(),
                name => name.to_owned(),
            };
            let is_ours = name == "authorization" || name == "x-api-key" || name.starts_with("x-mosaic-");
            let text = value.as_str().filter(|text| is_ours && text.len() <= LONGEST_HEADER);
            let header =
                text.and_then(|text| Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(text).ok()?)));
            if let Some((name, value)) = header {
                self.headers.insert(name, value);
            }
        }
    }

    /// Waits until it can be looked at who it is.
    pub(super) async fn prepare(&self, graphql: &Graphql) {
        graphql.config.authenticator.prepare_shown(&self.headers).await;
    }

    /// Who it is.
    ///
    /// # Errors
    /// As every request is refused that comes from nobody.
    pub(super) fn caller(&self, graphql: &Graphql) -> Result<Caller, Failure> {
        graphql.caller(&self.headers, self.target.as_ref())
    }

    pub(super) fn listening(&self, graphql: &Graphql) -> Listening {
        Listening {
            config: graphql.config.feed.clone(),
            headers: self.headers.clone(),
            target: self.target.clone(),
        }
    }

    /// A session for one operation, whose caller is looked at again: a key may have gone meanwhile.
    pub(super) fn session(&self, graphql: &Graphql) -> Result<Arc<Session>, Box<(Failure, RequestId)>> {
        let mut extensions = Extensions::new();
        extensions.insert(self.mount.clone());
        let id = RequestId::given(&extensions);
        let begun = || {
            let caller = self.caller(graphql)?;
            let mut options = Options::default();
            input::from_headers(&self.headers, &mut options)?;
            options.request_id = Some(id.text().clone());
            options.arrived = Some(Instant::now());
            let (means, room) = (graphql.means.clone(), self.room.clone());
            Ok(Session::new(means, room, caller, options, id.clone()))
        };
        begun().map_err(|failure| Box::new((failure, id.clone())))
    }
}
