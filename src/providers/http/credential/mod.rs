//! Credentials: what a kind of provider takes, and how each goes with the requests.
//!
//! Invariant: a credential leaves for its own instance alone; one that is renewed is renewed once for all calls that wait,
//! and a call that was refused for it is sent once more, and only where that repeats nothing.
//!
//! A driver declares a list of [`Accepts`] and gives it to [`Endpoint::authenticated`]. It needs to know no more: tokens
//! are had, renewed and put on beneath [`Endpoint::send`]. Whether a refusal is one of the credential is the word of the
//! driver's dialect, which makes `upstream_auth` of it, or does not.

mod accepts;
mod app;
mod errand;
mod flight;
mod given;
mod jwt;
mod keep;
mod life;
mod oauth;
mod owners;
mod session;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::HeaderName;
use mosaic_actors::error::Failure;
use reqwest::Response;
use secrecy::{ExposeSecret, SecretString};

use super::send::{Follow, Refused};
use super::{Endpoint, Outgoing};
use crate::providers::connection::Connection;

pub use accepts::{Accepts, Apps, Header, OAuth, Sessions, Whose};
pub use given::{AppKey, Given, Grant};
pub use keep::{Claim, Keep};
pub use life::Clock;
pub use standing::{CredentialStanding, account, scopes};

pub(super) use flight::Token;

/// How long is waited before a new token is tried again that the provider does not know yet.
const WAIT: Duration = Duration::from_secs(1);
/// How often at most.
const WAITS: u32 = 5;

impl Endpoint {
    /// Sends the connection's credential, if it has one, as one of these that the provider accepts.
    ///
    /// # Errors
    /// `invalid_input` naming the key of the provider's table at fault.
    pub fn authenticated(mut self, connection: &Connection, accepts: &[Accepts]) -> Result<Self, Failure> {
        let Some(given) = &connection.credential else {
            return Ok(self);
        };
        let clock = || connection.clock.clone();
        let way = accepts.iter().find(|way| way.scheme() == given.scheme());
        self.has_credential = true;
        match (given, way) {
            (Given::Token(token), Some(Accepts::Token(in_header)))
            | (Given::Job(token), Some(Accepts::Job(in_header))) => self.show(*in_header, token.expose_secret())?,
            (Given::Bearer(token), Some(Accepts::Bearer)) => self.show(Header::BEARER, token.expose_secret())?,
            (Given::UserToken { user, token }, Some(Accepts::UserToken)) => self.basic(user, token)?,
            (Given::Password { user, password }, Some(Accepts::Password(sessions))) => {
                self.basic(user, password)?;
                if let Some(api) = sessions {
                    let mut endpoint = self.for_errands(connection)?;
                    endpoint.basic(user, password)?;
                    self.renewable = Some(Box::new(session::Session::new(endpoint, api, clock())));
                }
            }
            (Given::App(key), Some(Accepts::App(api))) => {
                let app = app::App::new(self.for_errands(connection)?, api, key, clock())?;
                self.renewable = Some(Box::new(app));
            }
            (Given::OAuth(grant), Some(Accepts::OAuth(api))) => {
                let pair = oauth::Pair::new(self.for_errands(connection)?, api, grant, clock());
                self.renewable = Some(Box::new(pair));
            }
            (given, _) => {
                let sentence = format!("the provider takes no {}", given.scheme().spelled());
                return Err(Failure::invalid(given.scheme().key(), sentence));
            }
        }
        Ok(self)
    }

    /// The same place, asked without a credential.
    fn for_errands(&self, connection: &Connection) -> Result<Self, Failure> {
        Endpoint::new(connection, self.dialect)?.header("accept", "application/json", "accept")
    }

    fn basic(&mut self, user: &str, secret: &SecretString) -> Result<(), Failure> {
        if user.contains(':') {
            return Err(Failure::invalid("user", "user must hold no colon"));
        }
        let pair = SecretString::from(format!("{user}:{}", secret.expose_secret()));
        self.show(Header::authorization("Basic "), &STANDARD.encode(pair.expose_secret()))
    }

    fn show(&mut self, header: Header, text: &str) -> Result<(), Failure> {
        let value = errand::sensitive(&format!("{}{text}", header.prefix))?;
        self.headers.insert(HeaderName::from_static(header.name), value);
        Ok(())
    }

    /// Sends a request, with whatever credential it needs, until the provider has accepted it.
    /// It comes with what went with the request, if that is renewed.
    pub(super) async fn accepted(
        &self,
        outgoing: Outgoing,
        follow: Follow,
    ) -> Result<(Response, Option<Arc<Token>>), Failure> {
        let mut worn = None;
        let sent = self.accepted_with(&outgoing, follow, &mut worn).await;
        let response = sent.map_err(|refused| refused.failure)?;
        Ok((response, worn))
    }

    /// The same, with how it was refused; `worn` is what went with it the last time, if it is renewed.
    pub(super) async fn accepted_with(
        &self,
        outgoing: &Outgoing,
        follow: Follow,
        worn: &mut Option<Arc<Token>>,
    ) -> Result<Response, Box<Refused>> {
        let Some(renewable) = &self.renewable else {
            self.quota.open().map_err(Refused::before)?;
            return self.tried(outgoing, None, follow).await;
        };
        // What is not had was not used: nothing has left.
        let unsent = |failure: Failure| Refused::before(failure.never_sent());
        let mut token = renewable.token(outgoing, None).await.map_err(unsent)?;
        let (mut waits, mut renewed, mut single) = (0, false, false);
        loop {
            worn.clone_from(&token);
            let quota = self.quota_of(token.as_deref());
            quota.open().map_err(Refused::before)?;
            let refused = match self.tried(outgoing, token.as_ref(), follow).await {
                Ok(response) => {
                    if single {
                        renewable.serves_singly();
                    }
                    return Ok(response);
                }
                Err(refused) => refused,
            };
            let answer = refused.answer.as_ref();
            if !answer.is_some_and(|answer| renewable.is_stale(&refused.failure, answer.status, &answer.body)) {
                return Err(refused);
            }
            // Refused for its credential, so nothing was done: whatever it is, it may be sent again.
            let fresh = |token: &Arc<Token>| token.life.is_fresh(self.clock.now(), renewable.fresh());
            let rests = |token: &Arc<Token>| token.life.is_fresh(self.clock.now(), renewable.rests());
            if token.as_ref().is_some_and(fresh) && waits < WAITS && outgoing.is_there() {
                waits += 1;
                tokio::time::sleep(WAIT).await;
            } else if let Some(own) = renewable.single().filter(|_| renewed && !single && outgoing.is_there()) {
                // Others have used it up, and will use up the next one.
                single = true;
                token = Some(own.await.map_err(unsent)?);
            } else if renewed || token.as_ref().is_some_and(rests) {
                return Err(refused);
            } else {
                renewed = true;
                token = renewable.token(outgoing, token.as_ref()).await.map_err(unsent)?;
                // An upload that was read is gone; the next one finds the new token.
                if !outgoing.is_there() {
                    return Err(refused);
                }
            }
        }
    }
}
