//! An app: its private key is exchanged for tokens, each of which opens what one owner has given the app.
//!
//! Invariant: a token goes with requests for what its owner has, and the key leaves in nothing but a signature.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, StatusCode};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use mosaic_actors::error::{Failure, Kind};
use serde::Deserialize;

use super::super::endpoint::Renewable;
use super::super::send::Refused;
use super::super::{Endpoint, Outgoing, Time};
use super::accepts::{Apps, Whose};
use super::errand::{self, Done, is_of_token, sensitive, turned_down};
use super::flight::Token;
use super::given::AppKey;
use super::jwt::SigningKey;
use super::life::{Clock, Life};
use super::owners::{Owned, Owners};

/// How long a token lasts whose end cannot be read.
const LASTS: SignedDuration = SignedDuration::from_secs(3600);
/// A clock is not believed to be further off.
const MOST_DRIFT: i64 = 24 * 3600;

/// One app.
pub(super) struct App(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    api: &'static Apps,
    id: String,
    key: SigningKey,
    installation: Option<u64>,
    owners: Owners,
    /// How many seconds the provider's clock is ahead of ours, as far as it matters.
    drift: AtomicI64,
    clock: Clock,
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
}

#[derive(Deserialize)]
struct Minted {
    token: String,
    #[serde(default)]
    expires_at: Time,
}

impl App {
    /// The app of a key; `endpoint` carries no credential.
    pub(super) fn new(endpoint: Endpoint, api: &'static Apps, key: &AppKey, clock: Clock) -> Result<Self, Failure> {
        Ok(App(Arc::new(Inner {
            endpoint,
            api,
            id: key.id.clone(),
            key: SigningKey::read(&key.private_key)?,
            installation: key.installation,
            owners: Owners::default(),
            drift: AtomicI64::new(0),
            clock,
        })))
    }

    async fn of_owner(&self, outgoing: &Outgoing, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, Failure> {
        let inner = &self.0;
        let whose = match inner.installation {
            // Whatever is asked for.
            Some(_) => Whose::Any,
            None => (inner.api.whose)(&below(&inner.endpoint, outgoing)),
        };
        let name = match &whose {
            Whose::Owner(owner) | Whose::Project(owner, _) => owner,
            // Names of no owner.
            Whose::Any => "*",
            Whose::Unknown => "?",
        };
        let owned = inner.owners.of(name);
        let renewal = || inner.clone().mint(owned.clone(), whose.clone());
        owned.token.get(inner.clock.now(), refused, renewal).await
    }
}

impl Renewable for App {
    fn token<'a>(
        &'a self,
        outgoing: &'a Outgoing,
        refused: Option<&'a Arc<Token>>,
    ) -> BoxFuture<'a, Result<Option<Arc<Token>>, Failure>> {
        async move { self.of_owner(outgoing, refused).await.map(Some) }.boxed()
    }

    fn is_stale(&self, failure: &Failure, status: StatusCode, _body: &[u8]) -> bool {
        is_of_token(failure, status)
    }

    fn fresh(&self) -> Duration {
        self.0.api.fresh
    }
}

impl Inner {
    async fn mint(self: Arc<Self>, owned: Arc<Owned>, whose: Whose) -> Result<Token, Failure> {
        let known = self.installation.unwrap_or_else(|| owned.installation.load(Relaxed));
        let done = match known {
            0 => self.exchange(self.find(&whose).await?, &owned.installation).await,
            id => match self.exchange(id, &owned.installation).await {
                // It was taken away, and may have been made anew.
                Err(Unminted::Gone) if self.installation.is_none() => {
                    self.exchange(self.find(&whose).await?, &owned.installation).await
                }
                other => other,
            },
        };
        let done = done.map_err(|unminted| match unminted {
            Unminted::Gone => nowhere(),
            Unminted::Failed(failure) => *failure,
        })?;
        let minted: Minted = done.json()?;
        let since = self.clock.now();
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", minted.token))?);
        let until = minted.expires_at.at().unwrap_or(since + LASTS);
        let life = Life {
            since,
            until: Some(until),
        };
        Ok(Token {
            // Each installation has limits of its own.
            quota: Some(self.endpoint.quota.part(owned.installation.load(Relaxed))),
            ..Token::new(headers, life)
        })
    }

    /// Has an installation give a token, and remembers it.
    async fn exchange(&self, id: u64, known: &AtomicU64) -> Result<Done, Unminted> {
        let [before, behind] = self.api.tokens;
        let number = id.to_string();
        let path = [before, &[number.as_str()], behind].concat();
        let asked = self.endpoint.post(&path, &serde_json::json!({}));
        let asked = asked.map_err(|failure| Unminted::Failed(Box::new(failure)))?;
        match self.as_app(asked).await {
            Ok(done) => {
                known.store(id, Relaxed);
                Ok(done)
            }
            Err(refused) if refused.status() == Some(404) => {
                known.store(0, Relaxed);
                Err(Unminted::Gone)
            }
            Err(refused) => {
                let failure = turned_down(*refused, "the provider gives the app no token");
                Err(Unminted::Failed(Box::new(failure)))
            }
        }
    }

    /// Looks for the installation that opens what is asked for.
    async fn find(&self, whose: &Whose) -> Result<u64, Failure> {
        let owner = match whose {
            Whose::Any | Whose::Unknown => return self.only(whose).await,
            Whose::Owner(owner) => owner,
            Whose::Project(owner, name) => {
                let [before, behind] = self.api.of_project;
                let path = [before, &[owner.as_str(), name.as_str()], behind].concat();
                if let Some(found) = self.look(&path).await? {
                    return Ok(found);
                }
                // A project that is not there says nothing of its owner.
                owner
            }
        };
        for [before, behind] in self.api.of_owner {
            let path = [*before, &[owner.as_str()], behind].concat();
            if let Some(found) = self.look(&path).await? {
                return Ok(found);
            }
        }
        Err(nowhere())
    }

    async fn look(&self, path: &[&str]) -> Result<Option<u64>, Failure> {
        match self.as_app(self.endpoint.get(path)?).await {
            Ok(done) => done.json::<Installation>().map(|found| Some(found.id)),
            Err(refused) if refused.status() == Some(404) => Ok(None),
            Err(refused) => Err(turned_down(*refused, REFUSED)),
        }
    }

    /// The one installation there is; for what is the same for all, the first.
    async fn only(&self, whose: &Whose) -> Result<u64, Failure> {
        let asked = self.endpoint.get(self.api.installations)?.query("per_page", "2");
        let done = self.as_app(asked).await;
        let done = done.map_err(|refused| turned_down(*refused, REFUSED))?;
        let found: Vec<Installation> = done.json()?;
        match found.as_slice() {
            [] => Err(Failure::new(Kind::UpstreamAuth, "the app is installed nowhere")),
            [one] => Ok(one.id),
            [first, ..] if *whose == Whose::Any => Ok(first.id),
            _ => Err(Failure::new(
                Kind::Unsupported,
                "the app is installed for several owners, and this is about no one owner: name one, or set app.installation",
            )),
        }
    }

    /// Sends a request as the app itself. Where it is refused for its times, the clocks differ: once more then, by theirs.
    async fn as_app(&self, asked: Outgoing) -> Result<Done, Box<Refused>> {
        let refused = match errand::send(&self.endpoint, &self.signed(&asked)?).await {
            Err(refused) => refused,
            done => return done,
        };
        match self.drift_of(&refused) {
            Some(drift) => {
                self.drift.store(drift, Relaxed);
                errand::send(&self.endpoint, &self.signed(&asked)?).await
            }
            None => Err(refused),
        }
    }

    fn signed(&self, asked: &Outgoing) -> Result<Outgoing, Box<Refused>> {
        let now = self.clock.now() + SignedDuration::from_secs(self.drift.load(Relaxed));
        let signed = self.key.sign(&self.id, now);
        let signed = signed.and_then(|token| errand::bearer(asked.at(asked.url.clone()), &token));
        signed.map_err(Refused::before)
    }

    /// How far the provider's clock is ahead, where that is what it refused us for.
    fn drift_of(&self, refused: &Refused) -> Option<i64> {
        let answer = refused.answer.as_ref().filter(|answer| answer.status == 401)?;
        let said = String::from_utf8_lossy(&answer.body).to_ascii_lowercase();
        if !said.contains("issued at") && !said.contains("expiration") {
            return None;
        }
        let date = answer.headers.get(DATE)?.to_str().ok()?;
        let theirs: Timestamp = DateTimeParser::new().parse_timestamp(date).ok()?;
        let drift = theirs.duration_since(self.clock.now()).as_secs();
        (drift.abs() <= MOST_DRIFT).then_some(drift)
    }
}

/// Why an installation gave no token.
enum Unminted {
    /// It is not there.
    Gone,
    Failed(Box<Failure>),
}

const REFUSED: &str = "the provider refused the app: check app.id and app.private_key";

fn nowhere() -> Failure {
    Failure::new(
        Kind::NotFound,
        "it is not there, or its owner has not installed the app",
    )
}

/// The parts of a request's path below the base URL.
fn below<'a>(endpoint: &Endpoint, outgoing: &'a Outgoing) -> Vec<&'a str> {
    let base = endpoint.base.path_segments().into_iter().flatten();
    let base = base.filter(|part| !part.is_empty()).count();
    let parts = outgoing.url.path_segments().into_iter().flatten();
    parts.filter(|part| !part.is_empty()).skip(base).collect()
}
