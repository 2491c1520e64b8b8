//! Credentials: those that a program gives, and those that its configuration refers to, read.
//!
//! Invariant: a program's win over the configuration's, and what is read here goes to its driver and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{AppConfig, OAuthConfig, ProviderConfig};
use crate::credential::Scheme;
use crate::providers::http::credential::{AppKey, Given, Grant, Keep};
use crate::secret::{Secret, SecretError, SecretRef};

/// Secrets by the name of their provider instance.
pub(super) type Credentials = HashMap<String, Secret>;

/// A reference that leads to no secret.
pub(super) struct Unread {
    /// Its key below the provider's table.
    pub(super) key: &'static str,
    pub(super) error: SecretError,
}

/// The credential that a provider's table spells. What is renewed is kept in `keep`.
pub(super) fn given(provider: &ProviderConfig, keep: Option<&Arc<dyn Keep>>) -> Result<Option<Given>, Unread> {
    // How it is spelled was checked when the table was read.
    let Some(scheme) = provider.scheme().unwrap_or_default() else {
        return Ok(None);
    };
    let user = || provider.user.clone().unwrap_or_default();
    let token = || secret("token", provider.token.as_ref());
    let given = match scheme {
        Scheme::Token => token()?.map(Given::Token),
        Scheme::Bearer => token()?.map(Given::Bearer),
        Scheme::Job => token()?.map(Given::Job),
        Scheme::UserToken => token()?.map(|token| Given::UserToken { user: user(), token }),
        Scheme::Password => {
            let password = secret("password", provider.password.as_ref())?;
            password.map(|password| Given::Password { user: user(), password })
        }
        Scheme::App => provider.app.as_ref().map(app).transpose()?,
        Scheme::OAuth => {
            let pair = provider.oauth.as_ref().map(|oauth| pair(oauth, keep));
            pair.transpose()?.flatten()
        }
    };
    Ok(given)
}

fn app(app: &AppConfig) -> Result<Given, Unread> {
    let key = "app.private_key";
    let pem = app.private_key.resolve_lines().map_err(|error| Unread { key, error })?;
    Ok(Given::App(AppKey {
        id: app.id.as_str().to_owned(),
        private_key: SecretString::from(pem.expose()),
        installation: app.installation,
    }))
}

fn pair(oauth: &OAuthConfig, keep: Option<&Arc<dyn Keep>>) -> Result<Option<Given>, Unread> {
    let Some(refresh_token) = secret("oauth.refresh_token", Some(&oauth.refresh_token))? else {
        return Ok(None);
    };
    Ok(Some(Given::OAuth(Grant {
        client_id: oauth.client_id.clone(),
        client_secret: secret("oauth.client_secret", oauth.client_secret.as_ref())?,
        refresh_token,
        access_token: secret("oauth.access_token", oauth.access_token.as_ref())?,
        redirect_uri: oauth.redirect_uri.clone(),
        keep: keep.cloned(),
    })))
}

fn secret(key: &'static str, reference: Option<&SecretRef>) -> Result<Option<SecretString>, Unread> {
    let read = reference.map(SecretRef::resolve).transpose();
    let read = read.map_err(|error| Unread { key, error })?;
    Ok(read.map(|secret| SecretString::from(secret.expose())))
}
