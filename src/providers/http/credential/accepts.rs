//! What a kind of provider takes as a credential, as its driver declares it.
//!
//! Invariant: here is data alone: what is done with it stands elsewhere, and no kind is known.

use std::time::Duration;

use http::StatusCode;

use crate::credential::Scheme;

/// A credential that a kind of provider takes, and how it wants it.
pub enum Accepts {
    /// A token, in this header.
    Token(Header),
    /// A token had by OAuth, as `Authorization: Bearer …`.
    Bearer,
    /// The token of a CI job, in this header.
    Job(Header),
    /// A user's name and API token, as `Authorization: Basic …`.
    UserToken,
    /// A user's name and password, as `Authorization: Basic …`, and a session for writes where the provider wants one.
    Password(Option<&'static Sessions>),
    /// An app's private key.
    App(&'static Apps),
    /// Tokens that are renewed, as `Authorization: Bearer …`.
    OAuth(&'static OAuth),
}

/// A header that a token is sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name, in small letters.
    pub name: &'static str,
    /// What stands before the token.
    pub prefix: &'static str,
}

impl Header {
    /// `Authorization: Bearer …`
    pub const BEARER: Header = Header::authorization("Bearer ");

    /// `Authorization: …`, with this before the token.
    pub const fn authorization(prefix: &'static str) -> Self {
        Header {
            name: "authorization",
            prefix,
        }
    }

    /// A header that holds the token alone.
    pub const fn bare(name: &'static str) -> Self {
        Header { name, prefix: "" }
    }
}

impl Accepts {
    /// The way that it is.
    pub const fn scheme(&self) -> Scheme {
        match self {
            Accepts::Token(_) => Scheme::Token,
            Accepts::Bearer => Scheme::Bearer,
            Accepts::Job(_) => Scheme::Job,
            Accepts::UserToken => Scheme::UserToken,
            Accepts::Password(_) => Scheme::Password,
            Accepts::App(_) => Scheme::App,
            Accepts::OAuth(_) => Scheme::OAuth,
        }
    }
}

/// How one kind of provider deals with apps.
pub struct Apps {
    /// Whose tokens a request needs, by the parts of its path below the base URL.
    pub whose: fn(&[&str]) -> Whose,
    /// The path of an installation's tokens, around its id.
    pub tokens: [&'static [&'static str]; 2],
    /// The path of all installations.
    pub installations: &'static [&'static str],
    /// The paths, around their name, at which the installation of an owner may be found.
    pub of_owner: &'static [[&'static [&'static str]; 2]],
    /// The path, around owner and name, at which that of a project is found.
    pub of_project: [&'static [&'static str]; 2],
    /// How long a new token may be refused though it is sound.
    pub fresh: Duration,
}

/// Whose token a request needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// That of an owner.
    Owner(String),
    /// That of a project's owner: the owner, and the project's name.
    Project(String, String),
    /// Anybody's: the answer is the same.
    Any,
    /// The one there is: who owns what is asked for cannot be told.
    Unknown,
}

/// Where one kind of provider renews tokens.
pub struct OAuth {
    /// The path, below the server's own address: that of its API without the API's path.
    pub token: &'static [&'static str],
}

/// How one kind of provider deals with sessions.
pub struct Sessions {
    /// The path at which a crumb is had, below the base URL.
    pub crumb: &'static [&'static str],
    /// Whether a refusal, by its status and the first bytes of its body, says that the crumb does not hold.
    pub stale: fn(StatusCode, &[u8]) -> bool,
}
