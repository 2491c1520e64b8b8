//! Whom Jenkins lets in: a user's API token or password, or the cookie of a session; who writes without an API token
//! sends the session's crumb beside.
//!
//! Invariant: nobody writes without an API token, or the crumb of the session that the cookie names.

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::problem::Problem;
use crate::sandbox::kit::credential;
use crate::sandbox::seed::{GUEST, USER};

/// The header of a crumb; a server may call it something else, and says so beside the crumb.
pub(crate) const CRUMB_FIELD: &str = "Jenkins-Crumb";
/// What a password is, and the API token of who may only read: the token, with this after it.
const PASSWORD: &str = "-password";
const READER: &str = "-reader";

/// The users and what they prove themselves with.
pub(crate) struct Accounts {
    user: String,
    token: SecretString,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Anonymous,
    /// By an API token: no crumb is wanted.
    Token {
        user: String,
    },
    /// By an API token of somebody who may only read.
    Reader {
        user: String,
    },
    /// By a password, or a session that one began.
    Session {
        user: String,
    },
}

impl Accounts {
    /// The configured credential is `user:token`, or the token alone of the sandbox's user.
    pub fn of(configured: &SecretString) -> Self {
        let text = configured.expose_secret();
        let (user, token) = text.split_once(':').unwrap_or((USER, text));
        Self {
            user: user.to_owned(),
            token: SecretString::from(token.to_owned()),
        }
    }

    pub fn user(&self) -> &str {
        &self.user
    }

    /// Who is behind a request, `sessions` telling whether a session is one.
    pub fn caller(&self, headers: &HeaderMap, known: bool) -> Result<Caller, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Ok(match known {
                true => self.session(),
                false => Caller::Anonymous,
            });
        };
        let (user, secret) = basic(value).ok_or_else(|| Problem::unauthorized("unknown"))?;
        let user_is = |name: &str| user == name;
        let token = self.token.expose_secret();
        if user_is(&self.user) && same(&secret, token) {
            return Ok(Caller::Token { user });
        }
        if user_is(&self.user) && same(&secret, &format!("{token}{PASSWORD}")) {
            return Ok(self.session());
        }
        if user_is(GUEST) && same(&secret, &format!("{token}{READER}")) {
            return Ok(Caller::Reader { user });
        }
        Err(Problem::unauthorized(&printable(&user)))
    }

    fn session(&self) -> Caller {
        Caller::Session {
            user: self.user.clone(),
        }
    }
}

impl Caller {
    pub fn user(&self) -> &str {
        match self {
            Caller::Anonymous => "anonymous",
            Caller::Token { user } | Caller::Reader { user } | Caller::Session { user } => user,
        }
    }

    /// Whether a write may go on; `crumb` is the session's own.
    pub fn may_write(&self, request: &Request<Body>, crumb: Option<&str>) -> Result<(), Problem> {
        if request.method() != Method::POST {
            return Ok(());
        }
        match self {
            Caller::Token { .. } => Ok(()),
            Caller::Reader { user } => Err(Problem::missing(user, "Job/Build", "hudson.model.Item.Build")),
            Caller::Anonymous | Caller::Session { .. } => {
                let offered = request.headers().get(CRUMB_FIELD).and_then(|value| value.to_str().ok());
                match (offered, crumb) {
                    (Some(offered), Some(crumb)) if same(offered, crumb) => Ok(()),
                    _ => Err(Problem::no_crumb()),
                }
            }
        }
    }
}

/// `Authorization: Basic base64(user:secret)`.
fn basic(value: &HeaderValue) -> Option<(String, String)> {
    let encoded = credential::token(value, &["basic"])?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, secret) = text.split_once(':')?;
    Some((user.to_owned(), secret.to_owned()))
}

/// What of a name can stand in a page and a header.
fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(64).collect()
}

/// Compares without telling by time how much was right.
fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(configured: &str, offered: &str) -> Option<Caller> {
        let accounts = Accounts::of(&SecretString::from(configured));
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(offered));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        accounts.caller(&headers, false).ok()
    }

    #[test]
    fn a_token_is_one_of_its_user_alone() {
        let user = USER.to_owned();
        assert_eq!(
            caller("t", &format!("{USER}:t")),
            Some(Caller::Token { user: user.clone() })
        );
        assert_eq!(
            caller("t", &format!("{USER}:t-password")),
            Some(Caller::Session { user })
        );
        assert_eq!(caller("ada:t", "ada:t"), Some(Caller::Token { user: "ada".to_owned() }));
        for (configured, offered) in [("t", "ada:t"), ("ada:t", "ada:ada:t"), ("t", "t"), ("t", ":t")] {
            assert_eq!(caller(configured, offered), None, "{configured} {offered}");
        }
    }
}
