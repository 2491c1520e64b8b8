//! What a driver says of its provider, and does.
//!
//! Invariant: all but the making, the handlers and the health of a driver has a default that promises nothing.

use std::future::Future;
use std::sync::Arc;

use mosaic_actors::call::Call;
use mosaic_actors::driver::Credential;
use mosaic_actors::error::Failure;

use crate::providers::connection::Connection;
use crate::providers::handlers::Handlers;
use crate::providers::http::credential::CredentialStanding;
use crate::providers::http::{Accepts, Dialect, Header, Passing, Setting};
use crate::providers::models::Book;
use crate::providers::webhooks::Webhooks;

/// A provider's driver, typed. A kind's [`connect`](super::Kind::connect) makes the engine's object of it.
pub trait Provider: Send + Sync + Sized + 'static {
    /// Makes the driver of one instance. Sends nothing.
    ///
    /// # Errors
    /// `invalid_input` naming the setting at fault.
    fn connect(connection: &Connection) -> Result<Self, Failure>;

    /// What it can do.
    fn handlers() -> Handlers<Self>;

    /// How requests are passed through to it as they are; `None`: none are.
    fn passing() -> Option<Passing<Self>> {
        None
    }

    /// The credentials that it takes: a token in `Authorization: Bearer …`, unless it says otherwise.
    fn accepts() -> &'static [Accepts] {
        &[Accepts::Token(Header::BEARER)]
    }

    /// What `[providers.NAME.settings]` may hold, for people.
    fn settings() -> &'static [Setting] {
        &[]
    }

    /// Of which of the limits that it tells an operation takes one, where it tells several; none where that is not known.
    fn draws_on(_operation: &str) -> Option<&'static str> {
        None
    }

    /// How its kind differs from others on the wire; none where that is no other's business.
    fn dialect() -> Option<&'static Dialect> {
        None
    }

    /// What is known of the models that it offers; none where it offers none.
    fn book(&self) -> Option<&Book> {
        None
    }

    /// What of its settings does not fit what is at the provider, for people who look at it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn examined(&self) -> impl Future<Output = Result<Vec<Failure>, Failure>> + Send {
        std::future::ready(Ok(Vec::new()))
    }

    /// Whether an account that the directory names is there, as far as the credential shows it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn has_account(&self, _account: &str) -> impl Future<Output = Result<bool, Failure>> + Send {
        std::future::ready(Ok(true))
    }

    /// How what it sends by itself is proven and read; none where it sends nothing.
    fn webhooks() -> Option<&'static Webhooks> {
        None
    }

    /// What its tokens begin with, and what such a token is; a longer beginning stands before one that it begins with.
    fn tokens() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// What the provider tells of our credential beside its [`Provider::health`], for people who look at it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn standing(&self) -> impl Future<Output = Result<CredentialStanding, Failure>> + Send {
        std::future::ready(Ok(CredentialStanding::default()))
    }

    /// What must be asked before the first call; the start timeout of its actor bounds it.
    ///
    /// # Errors
    /// What a call would fail with.
    fn begin(self) -> impl Future<Output = Result<Self, Failure>> + Send {
        std::future::ready(Ok(self))
    }

    /// The names of the operations that this instance cannot do though its kind can: its server's version lacks them, as
    /// [`Provider::begin`] found.
    fn lacks(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The names of what it offers and is asked for by name, such as models; `None` where it cannot tell.
    ///
    /// # Errors
    /// What a call would fail with.
    fn offers(&self) -> impl Future<Output = Result<Option<Vec<Arc<str>>>, Failure>> + Send {
        std::future::ready(Ok(None))
    }

    /// The failure of a call, with what more can be learned of it by reading: where the provider's own words say too little.
    fn explained(&self, _call: &Call, failure: Failure) -> impl Future<Output = Failure> + Send {
        std::future::ready(failure)
    }

    /// Asks the provider, cheaply, whether it is there and takes our credential; where it is there, tells what that proves
    /// of the credential.
    fn health(&self) -> impl Future<Output = Result<Credential, Failure>> + Send;
}
