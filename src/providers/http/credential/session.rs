//! A password that needs a session: writes carry a crumb, which holds in the session of its cookie alone.
//!
//! Invariant: a crumb and its cookies are sent together, and to the server that gave them; one that serves a single write
//! goes with one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{COOKIE, HeaderMap, HeaderName, SET_COOKIE};
use http::{Method, StatusCode};
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::super::endpoint::Renewable;
use super::super::{Endpoint, Outgoing};
use super::accepts::Sessions;
use super::errand::{self, sensitive, turned_down};
use super::flight::{Renewing, Token};
use super::life::{Clock, Life};

/// Cookies that are kept.
const COOKIES: usize = 16;
/// Headers whose meaning a crumb's name must not take.
const TAKEN: [&str; 6] = [
    "authorization",
    "content-length",
    "content-type",
    "cookie",
    "host",
    "transfer-encoding",
];

/// One session.
pub(super) struct Session {
    inner: Arc<Inner>,
    token: Renewing,
    /// A crumb serves one write there.
    single: AtomicBool,
}

struct Inner {
    /// It carries name and password.
    endpoint: Endpoint,
    api: &'static Sessions,
    clock: Clock,
}

#[derive(Deserialize)]
struct Crumb {
    crumb: String,
    #[serde(rename = "crumbRequestField")]
    field: String,
}

impl Session {
    /// A session that is not begun; `endpoint` carries name and password.
    pub(super) fn new(endpoint: Endpoint, api: &'static Sessions, clock: Clock) -> Self {
        Session {
            inner: Arc::new(Inner { endpoint, api, clock }),
            token: Renewing::default(),
            single: AtomicBool::new(false),
        }
    }

    async fn begun(&self, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, Failure> {
        if self.single.load(Relaxed) {
            return self.inner.clone().begin().await.map(Arc::new);
        }
        let renewal = || self.inner.clone().begin();
        self.token.get(self.inner.clock.now(), refused, renewal).await
    }
}

impl Renewable for Session {
    fn token<'a>(
        &'a self,
        outgoing: &'a Outgoing,
        refused: Option<&'a Arc<Token>>,
    ) -> BoxFuture<'a, Result<Option<Arc<Token>>, Failure>> {
        // Reads need neither crumb nor cookie.
        match outgoing.method {
            Method::GET | Method::HEAD => std::future::ready(Ok(None)).boxed(),
            _ => async move { self.begun(refused).await.map(Some) }.boxed(),
        }
    }

    fn is_stale(&self, _failure: &Failure, status: StatusCode, body: &[u8]) -> bool {
        (self.inner.api.stale)(status, body)
    }

    fn fresh(&self) -> Duration {
        Duration::ZERO
    }

    fn single(&self) -> Option<BoxFuture<'_, Result<Arc<Token>, Failure>>> {
        Some(async { self.inner.clone().begin().await.map(Arc::new) }.boxed())
    }

    fn serves_singly(&self) {
        self.single.store(true, Relaxed);
    }
}

impl Inner {
    async fn begin(self: Arc<Self>) -> Result<Token, Failure> {
        let asked = self.endpoint.get(self.api.crumb)?;
        let life = Life::open(self.clock.now());
        let done = match errand::send(&self.endpoint, &asked).await {
            Ok(done) => done,
            // There is nothing of the kind where the protection is off.
            Err(refused) if refused.status() == Some(StatusCode::NOT_FOUND.as_u16()) => {
                return Ok(Token::new(HeaderMap::new(), life));
            }
            Err(refused) => return Err(turned_down(*refused, "the provider gives us no crumb")),
        };
        let Crumb { crumb, field } = done.json()?;
        let name = HeaderName::try_from(field.as_str()).ok();
        let name = name.filter(|name| !TAKEN.contains(&name.as_str()));
        let unfit = || Failure::new(Kind::UpstreamFailed, "the provider's crumb cannot be sent as it asks");
        let mut headers = HeaderMap::new();
        headers.insert(name.ok_or_else(unfit)?, sensitive(&crumb).map_err(|_| unfit())?);
        let cookies = cookies(&done.headers);
        if !cookies.is_empty() {
            headers.insert(COOKIE, sensitive(&cookies).map_err(|_| unfit())?);
        }
        Ok(Token::new(headers, life))
    }
}

/// What the server wants back, of each name the last. Where and how long it holds is not read: it goes to this server alone,
/// and as long as the crumb.
fn cookies(headers: &HeaderMap) -> String {
    let set = headers.get_all(SET_COOKIE).iter().take(COOKIES);
    let pairs = set.filter_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?;
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
    });
    let by_name: BTreeMap<&str, &str> = pairs.collect();
    let pairs: Vec<String> = by_name
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn cookies_are_sent_back_without_what_is_said_of_them() {
        let set = |lines: &[&'static str]| {
            let headers = lines.iter().map(|line| (SET_COOKIE, HeaderValue::from_static(line)));
            cookies(&headers.collect())
        };
        assert_eq!(
            set(&["JSESSIONID.1=node0abc; Path=/; Secure; HttpOnly", "a=1", "a=2; Path=/x"]),
            "JSESSIONID.1=node0abc; a=2"
        );
        assert_eq!(set(&["", "none", "=x; Path=/"]), "");
    }
}
