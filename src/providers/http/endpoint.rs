//! Where an instance is, and how it is asked.
//!
//! Invariant: a base URL holds nothing that may not be shown.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, header};
use mosaic_actors::error::{Failure, Kind};
use url::Url;

use super::client::KeptAlive;
use super::collected::Collected;
use super::credential::{Clock, Token};
use super::outgoing::Outgoing;
use super::passed::{Kept, KeptMasks};
use super::quota::Quota;
use super::{Dialect, behind};
use crate::providers::connection::Connection;

/// One instance, ready to be asked.
pub struct Endpoint {
    pub(super) client: KeptAlive,
    pub(super) dialect: &'static Dialect,
    pub(super) instance: Arc<str>,
    pub(super) headers: HeaderMap,
    pub(super) max_response: usize,
    pub(super) collected: Collected,
    pub(super) quota: Arc<Quota>,
    /// How long an account that is spent is left alone.
    pub(super) spent: Duration,
    /// A credential goes with each request.
    pub(super) has_credential: bool,
    /// What goes with a request and changes.
    pub(super) renewable: Option<Box<dyn Renewable>>,
    pub(super) clock: Clock,
    /// A check was refused for its credential: where it asks, one is looked at.
    pub(super) refuses: AtomicBool,
    pub(super) base: Url,
    /// What is replaced in answers that are passed through.
    pub(super) guards: Kept,
    /// What is hidden in all others.
    pub(super) masks: KeptMasks,
}

/// What goes with requests beside an endpoint's own headers, and changes while it is used.
pub(super) trait Renewable: Send + Sync {
    /// What a request needs, other than what was `refused`; `None`: nothing.
    fn token<'a>(
        &'a self,
        outgoing: &'a Outgoing,
        refused: Option<&'a Arc<Token>>,
    ) -> BoxFuture<'a, Result<Option<Arc<Token>>, Failure>>;

    /// Whether a refusal is one of what went with the request.
    fn is_stale(&self, failure: &Failure, status: StatusCode, body: &[u8]) -> bool;

    /// How long a new token may be refused though it is sound.
    fn fresh(&self) -> Duration;

    /// For how long a token that was refused with this body is not renewed; `None`: it is now.
    fn rests(&self, _token: &Arc<Token>, _body: &[u8]) -> Option<Duration> {
        None
    }

    /// A token that nobody else is given, for a provider that takes each once; `None`: it takes one as long as it holds.
    fn single(&self) -> Option<BoxFuture<'_, Result<Arc<Token>, Failure>>> {
        None
    }

    /// Such a token has served where no shared one did.
    fn serves_singly(&self) {}
}

/// As long as it takes somebody to pay a bill who was told at once.
const SPENT: Duration = Duration::from_secs(300);

impl Endpoint {
    /// The endpoint of a connection, without a credential yet.
    ///
    /// # Errors
    /// `invalid_input` on `base_url`.
    pub fn new(connection: &Connection, dialect: &'static Dialect) -> Result<Self, Failure> {
        let base = match (&connection.base_url, dialect.cloud) {
            (Some(url), _) => url.clone(),
            (None, Some(cloud)) => Url::parse(cloud)
                .map_err(|error| Failure::new(Kind::Internal, "the cloud's own URL is wrong").because(error))?,
            (None, None) => return Err(Failure::invalid("base_url", "base_url is required for this provider")),
        };
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(Failure::invalid("base_url", "base_url must be an http or https URL"));
        }
        // What is written there would be sent with every request, or shown wherever the URL is.
        if !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some()
        {
            return Err(Failure::invalid(
                "base_url",
                "base_url must hold no credentials, query or fragment",
            ));
        }
        Ok(Endpoint {
            client: KeptAlive::new(connection.http.clone()),
            dialect,
            instance: connection.instance.clone(),
            // What is compressed nevertheless is unpacked.
            headers: HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"))]),
            max_response: connection.max_response,
            collected: connection.collected.clone(),
            quota: connection.quota.clone(),
            spent: SPENT,
            has_credential: false,
            renewable: None,
            clock: connection.clock.clone(),
            refuses: AtomicBool::new(false),
            base,
            guards: Kept::default(),
            masks: KeptMasks::default(),
        })
    }

    /// Leaves an account that is spent alone for so long, instead of some minutes.
    #[must_use]
    pub fn spent_for(self, spent: Duration) -> Self {
        Endpoint { spent, ..self }
    }

    /// How long an account that is spent is left alone.
    pub fn spent(&self) -> Duration {
        self.spent
    }

    /// Whether it is at the vendor's own cloud.
    pub fn is_in_cloud(&self) -> bool {
        self.dialect
            .cloud()
            .is_some_and(|cloud| cloud.origin() == self.base.origin())
    }

    /// What more is to be found out behind an answer that is known already; none where it cannot be, or not soon.
    pub async fn look<T>(&self, read: impl Future<Output = Result<T, Failure>>) -> Option<T> {
        behind(&self.instance, read).await
    }

    /// Sends a header with every request. `setting` names where its value came from.
    ///
    /// # Errors
    /// `invalid_input` on `setting` where the value holds what a header cannot.
    pub fn header(mut self, name: &'static str, value: &str, setting: &str) -> Result<Self, Failure> {
        let value = HeaderValue::from_str(value)
            .map_err(|_| Failure::invalid(setting, format!("{setting} holds characters that no header can")))?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::catalogue::cursor::CursorKey;
    use crate::providers::http::HttpClient;

    pub(crate) static DIALECT: Dialect = Dialect {
        cloud: Some("https://api.example.com"),
        api_path: "/api",
        ..Dialect::PLAIN
    };

    pub(crate) fn connection(base: Option<&str>) -> Connection {
        Connection {
            instance: Arc::from("forge-a"),
            base_url: base.map(|text| Url::parse(text).expect("a URL")),
            credential: None,
            settings: serde_json::Map::new(),
            http: HttpClient::from_env().expect("a client"),
            cursors: CursorKey::random(),
            scope: None,
            operations: Catalogue::built_in().operations().clone(),
            max_response: 1 << 20,
            collected: Collected::default(),
            quota: Arc::default(),
            directory: Arc::default(),
            models: Arc::new(crate::providers::models::Models::load(None).expect("a sound table")),
            prices: Arc::default(),
            clock: Clock::default(),
        }
    }

    #[test]
    fn a_base_that_is_no_place_is_refused() {
        for base in [
            "ftp://example.com",
            "https://user:pw@example.com",
            "https://example.com/?key=1",
            "data:text/plain,x",
        ] {
            let failure = Endpoint::new(&connection(Some(base)), &DIALECT).err().expect(base);
            assert_eq!(failure.field.as_deref(), Some("base_url"), "{base}");
        }
    }
}
