//! A pair of tokens that the provider replaces: with a new access token comes a new refresh token, and the old pair is dead.
//!
//! Invariant: no new token is used before both are durable, and of all gateways on one store one at a time has them
//! renewed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use mosaic_actors::error::{Failure, Kind};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::super::endpoint::Renewable;
use super::super::fault::Fault;
use super::super::{Endpoint, Outgoing};
use super::accepts::OAuth;
use super::errand::{self, is_of_token, sensitive, turned_down};
use super::flight::{Renewing, Token};
use super::given::Grant;
use super::keep::Keep;
use super::life::{Clock, Life};

/// How long the right to renew is had: longer than any errand.
const LEASE: Duration = Duration::from_secs(60);
/// How long a new pair stays where its refusal does not say that it has ended: some providers refuse who lacks a right as if
/// the token were wrong, and each renewal kills a pair that others may be using. One whose time is over is renewed at once,
/// and so is one of which the provider says so, unless such a word has had the pair before it renewed as recently.
const RESTS: Duration = Duration::from_secs(60);
/// What says that a token has ended, was revoked, or is none (RFC 6750, section 3.1): who lacks a right is told another.
const ENDED: &[&str] = &["invalid_token"];
/// How often another is looked at that renews.
const LOOK: Duration = Duration::from_millis(250);
/// How often at most: until its lease is over.
const LOOKS: u32 = 280;

/// One pair.
pub(super) struct Pair {
    inner: Arc<Inner>,
    token: Renewing,
    /// The token that was renewed last for its provider's word within its rest, and when.
    early: Mutex<Option<(Arc<Token>, Timestamp)>>,
}

struct Inner {
    endpoint: Endpoint,
    api: &'static OAuth,
    grant: Grant,
    /// Tells which tokens of the configuration a kept pair came from.
    seed: String,
    /// What was renewed and could not be kept: it is what the provider knows, and is kept before anything else is done.
    unkept: Mutex<Option<Held>>,
    clock: Clock,
}

/// A pair as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Held {
    seed: String,
    access_token: String,
    refresh_token: String,
    since: Timestamp,
    until: Option<Timestamp>,
}

/// Whether a header and a form can carry it.
fn sendable(token: impl AsRef<str>) -> bool {
    token.as_ref().bytes().all(|byte| byte.is_ascii_graphic())
}

#[derive(Deserialize)]
struct Renewed {
    access_token: String,
    /// Some let the old one live on, and say nothing.
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl Pair {
    /// The pair of a grant; `endpoint` carries no credential.
    pub(super) fn new(endpoint: Endpoint, api: &'static OAuth, grant: &Grant, clock: Clock) -> Self {
        Pair {
            inner: Arc::new(Inner {
                endpoint,
                api,
                seed: seed(grant),
                grant: grant.clone(),
                unkept: Mutex::default(),
                clock,
            }),
            token: Renewing::default(),
            early: Mutex::default(),
        }
    }

    /// Whether a token that its provider says has ended is renewed within its rest: all who hold that one hear the same, and
    /// the next one has to last.
    fn may_be_early(&self, token: &Arc<Token>, now: Timestamp) -> bool {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        let rests = |since: &Timestamp| Life::open(*since).is_fresh(now, RESTS);
        match &*early {
            Some((last, _)) if Arc::ptr_eq(last, token) => true,
            Some((_, since)) if rests(since) => false,
            _ => {
                *early = Some((token.clone(), now));
                true
            }
        }
    }

    async fn access(&self, refused: Option<&Arc<Token>>) -> Result<Arc<Token>, Failure> {
        let last = refused.cloned().or_else(|| self.token.current());
        let renewal = || self.inner.clone().next(last);
        self.token.get(self.inner.clock.now(), refused, renewal).await
    }
}

impl Renewable for Pair {
    fn token<'a>(
        &'a self,
        _outgoing: &'a Outgoing,
        refused: Option<&'a Arc<Token>>,
    ) -> BoxFuture<'a, Result<Option<Arc<Token>>, Failure>> {
        async move { self.access(refused).await.map(Some) }.boxed()
    }

    fn is_stale(&self, failure: &Failure, status: StatusCode, _body: &[u8]) -> bool {
        is_of_token(failure, status)
    }

    fn fresh(&self) -> Duration {
        Duration::ZERO
    }

    fn rests(&self, token: &Arc<Token>, body: &[u8]) -> Option<Duration> {
        let (now, life) = (self.inner.clock.now(), &token.life);
        let is_over = life.is_over(now) || !life.is_fresh(now, RESTS);
        if is_over || Fault::read(body).says(ENDED) && self.may_be_early(token, now) {
            return None;
        }
        Some(RESTS.saturating_sub(now.duration_since(life.since).unsigned_abs()))
    }
}

impl Inner {
    /// A token in place of `last`: the one that another gateway has renewed, or one that is renewed now.
    async fn next(self: Arc<Self>, last: Option<Arc<Token>>) -> Result<Token, Failure> {
        for _ in 0..LOOKS {
            let held = self.held().await?;
            if let Some(token) = self.other(held.as_ref(), last.as_deref())? {
                return Ok(token);
            }
            let keep = self.grant.keep.as_ref().ok_or_else(unkept)?;
            if let Some(claim) = keep.claim(LEASE).await? {
                let renewed = self.renew(&**keep, last.as_deref()).await;
                if let Err(failure) = keep.release(claim).await {
                    tracing::warn!(%failure, "the right to renew a credential could not be given back; it ends by itself");
                }
                return renewed;
            }
            sleep(LOOK).await;
        }
        let sentence = "another gateway has been renewing the credential for too long";
        Err(Failure::new(Kind::UpstreamAuth, sentence))
    }

    /// Renews under a lease. What others did until then is looked at first.
    async fn renew(&self, keep: &dyn Keep, last: Option<&Token>) -> Result<Token, Failure> {
        let unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = unkept {
            return self.save(keep, held).await;
        }
        let held = self.held().await?;
        if let Some(token) = self.other(held.as_ref(), last)? {
            return Ok(token);
        }
        let refresh = held.map_or_else(
            || self.grant.refresh_token.clone(),
            |held| SecretString::from(held.refresh_token),
        );
        let renewed = match self.ask(&refresh).await {
            Ok(renewed) => renewed,
            // Whoever had the right before us may have been late with what it got.
            Err(failure) => return self.other(self.held().await?.as_ref(), last)?.ok_or(failure),
        };
        // What could not be sent is not kept in the place of what can.
        if renewed.access_token.is_empty()
            || !sendable(&renewed.access_token)
            || !renewed.refresh_token.as_deref().is_none_or(sendable)
        {
            let sentence = "the provider renewed the credential to what no request can carry";
            return Err(Failure::new(Kind::UpstreamAuth, sentence));
        }
        let since = self.clock.now();
        let lasts = renewed.expires_in.filter(|seconds| (1.0..1e9).contains(seconds));
        let held = Held {
            seed: self.seed.clone(),
            access_token: renewed.access_token,
            refresh_token: renewed
                .refresh_token
                .filter(|token| !token.is_empty())
                .unwrap_or_else(|| refresh.expose_secret().to_owned()),
            since,
            until: lasts.map(|seconds| since + SignedDuration::from_secs_f64(seconds)),
        };
        self.save(keep, held).await
    }

    async fn save(&self, keep: &dyn Keep, held: Held) -> Result<Token, Failure> {
        let text = serde_json::to_string(&held)
            .map_err(|error| Failure::new(Kind::Internal, "a credential could not be written down").because(error))?;
        let saved = keep.save(SecretString::from(text)).await;
        // Whatever became of it: it is the one that the provider knows.
        *self.unkept.lock().unwrap_or_else(PoisonError::into_inner) = saved.is_err().then(|| held.clone());
        saved?;
        token(&held)
    }

    /// The pair that is kept, where it came from the tokens of the configuration as they are.
    async fn held(&self) -> Result<Option<Held>, Failure> {
        let Some(keep) = &self.grant.keep else { return Ok(None) };
        let Some(text) = keep.load().await? else {
            return Ok(None);
        };
        // The library's words may quote what stands there.
        let held: Held = serde_json::from_str(text.expose_secret())
            .map_err(|_| Failure::new(Kind::Internal, "the kept credential cannot be read"))?;
        Ok((held.seed == self.seed).then_some(held))
    }

    /// The access token that is kept, or else the configuration's, where it is another than `last` and lasts.
    fn other(&self, held: Option<&Held>, last: Option<&Token>) -> Result<Option<Token>, Failure> {
        let found = match (held, &self.grant.access_token) {
            (Some(held), _) => token(held)?,
            // Nobody says how long it was had before it was given.
            (None, Some(given)) => Token::new(headers(given.expose_secret())?, Life::open(Timestamp::UNIX_EPOCH)),
            (None, None) => return Ok(None),
        };
        let same = last.is_some_and(|last| last.headers == found.headers);
        Ok((!same && !found.life.is_due(self.clock.now())).then_some(found))
    }

    async fn ask(&self, refresh: &SecretString) -> Result<Renewed, Failure> {
        let grant = &self.grant;
        let secret = grant.client_secret.as_ref().map(ExposeSecret::expose_secret);
        let fields = [
            ("grant_type", Some("refresh_token")),
            ("refresh_token", Some(refresh.expose_secret())),
            ("client_id", Some(grant.client_id.as_str())),
            ("client_secret", secret),
            ("redirect_uri", grant.redirect_uri.as_deref()),
        ];
        let fields: Vec<_> = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let asked = errand::form(self.address()?, &fields);
        match errand::send(&self.endpoint, &asked).await {
            Ok(done) => done.json(),
            Err(refused) => {
                let sentence = "the provider does not renew our credential: give it new tokens (oauth.refresh_token)";
                Err(turned_down(*refused, sentence))
            }
        }
    }

    /// Where tokens are renewed: beside the API, whose path is the end of the base URL.
    fn address(&self) -> Result<Outgoing, Failure> {
        let mut asked = self.endpoint.post(self.api.token, &())?;
        let base = self.endpoint.base.path().trim_end_matches('/');
        let root = base.strip_suffix(self.endpoint.dialect.api_path.trim_end_matches('/'));
        asked
            .url
            .set_path(&format!("{}/{}", root.unwrap_or(base), self.api.token.join("/")));
        Ok(asked)
    }
}

fn token(held: &Held) -> Result<Token, Failure> {
    let life = Life {
        since: held.since,
        until: held.until,
    };
    Ok(Token::new(headers(&held.access_token)?, life))
}

fn headers(token: &str) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {token}"))?);
    Ok(headers)
}

/// A digest of what the configuration says: another one begins anew.
fn seed(grant: &Grant) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("mosaic oauth tokens that a kept pair came from");
    for part in [grant.client_id.as_str(), grant.refresh_token.expose_secret()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn unkept() -> Failure {
    let sentence = "the credential is not renewed here: there is no durable place for its tokens";
    Failure::new(Kind::UpstreamAuth, sentence)
}
