//! What Jenkins is shown: a user's API token, or a user's password with a crumb for whatever changes something.
//!
//! Invariant: an API token needs no crumb; a password's is had from the server, and called as the server calls it.

use mosaic_actors::error::Failure;
use secrecy::{ExposeSecret, SecretString};

use crate::providers::http::credential::{Given, Sessions};
use crate::providers::http::{Accepts, Header};

pub const ACCEPTS: &[Accepts] = &[
    Accepts::UserToken,
    Accepts::Password(Some(&SESSIONS)),
    // As `user:token`, which `connect` takes apart.
    Accepts::Token(Header::authorization("Basic ")),
];

static SESSIONS: Sessions = Sessions {
    crumb: &["crumbIssuer", "api", "json"],
    stale: |status, body| status == 403 && String::from_utf8_lossy(body).contains("No valid crumb"),
};

/// The credential of a token whose user is named beside it, or before it, as `user:token`.
///
/// # Errors
/// `invalid_input` on `settings.user` where the user is not named, or not well.
pub fn of_user(user: Option<String>, token: &SecretString) -> Result<Given, Failure> {
    let wrong = |sentence: &str| Err(Failure::invalid("settings.user", sentence));
    let (user, token) = match (user, token.expose_secret().split_once(':')) {
        (Some(user), _) if user.contains(':') => return wrong("settings.user must hold no colon"),
        (Some(user), _) => (user, token.clone()),
        (None, Some((user, token))) => (user.to_owned(), SecretString::from(token)),
        (None, None) => {
            return wrong(
                "settings.user must name the user whose API token the credential is, or stand before it, user:token",
            );
        }
    };
    Ok(Given::UserToken { user, token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_with_its_user() {
        let parts = |user: Option<&str>, token: &str| {
            let given = of_user(user.map(str::to_owned), &SecretString::from(token));
            given.map(|given| given.distinct()).map_err(|failure| failure.field)
        };
        assert_eq!(parts(Some("ada"), "t").unwrap(), ["ada", "t"]);
        assert_eq!(parts(None, "ada:t:x").unwrap(), ["ada", "t:x"]);
        for (user, token) in [(None, "t"), (Some("a:b"), "t")] {
            assert_eq!(parts(user, token).unwrap_err().as_deref(), Some("settings.user"));
        }
    }
}
