//! The credential of a connection, with its secrets read.
//!
//! Invariant: it shows its way and nothing of its secrets.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::keep::Keep;
use crate::credential::Scheme;

/// What a provider is shown.
#[derive(Clone)]
pub enum Given {
    /// A token, sent as the provider's own kind of token is.
    Token(SecretString),
    /// A token had by OAuth, which is not renewed.
    Bearer(SecretString),
    /// The token of a CI job.
    Job(SecretString),
    /// A user's name and API token.
    UserToken {
        /// The name.
        user: String,
        /// The token.
        token: SecretString,
    },
    /// A user's name and password.
    Password {
        /// The name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// An app's private key.
    App(AppKey),
    /// A pair of tokens that is renewed.
    OAuth(Grant),
}

/// An app's private key.
#[derive(Clone)]
pub struct AppKey {
    /// The app's id, or its client id.
    pub id: String,
    /// The key, in PEM.
    pub private_key: SecretString,
    /// The one installation that is used; `None`: that of whoever owns what is asked for.
    pub installation: Option<u64>,
}

/// A pair of tokens that is renewed.
#[derive(Clone)]
pub struct Grant {
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: Option<SecretString>,
    /// The refresh token to begin with.
    pub refresh_token: SecretString,
    /// The access token to begin with.
    pub access_token: Option<SecretString>,
    /// The redirect URI that the tokens were asked for with.
    pub redirect_uri: Option<String>,
    /// Where the tokens that follow are kept; without it they are not renewed.
    pub keep: Option<Arc<dyn Keep>>,
}

impl Given {
    /// The way it is.
    pub fn scheme(&self) -> Scheme {
        match self {
            Given::Token(_) => Scheme::Token,
            Given::Bearer(_) => Scheme::Bearer,
            Given::Job(_) => Scheme::Job,
            Given::UserToken { .. } => Scheme::UserToken,
            Given::Password { .. } => Scheme::Password,
            Given::App(_) => Scheme::App,
            Given::OAuth(_) => Scheme::OAuth,
        }
    }

    /// What tells it from others of its way, and stays while its tokens are renewed. It holds the secrets.
    pub fn distinct(&self) -> Vec<String> {
        let shown = |secret: &SecretString| secret.expose_secret().to_owned();
        match self {
            Given::Token(token) => vec![shown(token)],
            Given::Bearer(token) => vec!["bearer".to_owned(), shown(token)],
            Given::Job(token) => vec!["job".to_owned(), shown(token)],
            Given::UserToken { user, token } => vec![user.clone(), shown(token)],
            Given::Password { user, password } => vec!["password".to_owned(), user.clone(), shown(password)],
            Given::App(app) => {
                let installation = app.installation.map(|id| id.to_string());
                vec![
                    "app".to_owned(),
                    app.id.clone(),
                    shown(&app.private_key),
                    installation.unwrap_or_default(),
                ]
            }
            Given::OAuth(grant) => vec!["oauth".to_owned(), grant.client_id.clone(), shown(&grant.refresh_token)],
        }
    }
}

impl From<SecretString> for Given {
    fn from(token: SecretString) -> Self {
        Given::Token(token)
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Given").field(&self.scheme()).finish_non_exhaustive()
    }
}
