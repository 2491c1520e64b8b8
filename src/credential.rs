//! The ways in which a gateway proves to a provider who it is: as a configuration spells them, and as drivers take them.
//!
//! Invariant: the set is closed. What a configuration cannot spell no driver takes, and how each is spelled stands here
//! alone.

use serde::Serialize;

/// One way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// A token, sent as the provider's own kind of token is.
    Token,
    /// A token that somebody else got by OAuth, sent as such and never renewed.
    Bearer,
    /// The token of a CI job.
    Job,
    /// A user's name and API token.
    UserToken,
    /// A user's name and password.
    Password,
    /// An app's private key, which is exchanged for tokens that expire.
    App,
    /// A pair of tokens that the provider replaces each time the access token is renewed.
    #[serde(rename = "oauth")]
    OAuth,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Scheme; 7] = [
        Scheme::Token,
        Scheme::Bearer,
        Scheme::Job,
        Scheme::UserToken,
        Scheme::Password,
        Scheme::App,
        Scheme::OAuth,
    ];

    /// The key of a provider's table that chooses it.
    pub const fn key(self) -> &'static str {
        match self {
            Scheme::Token => "token",
            Scheme::Bearer | Scheme::Job => "token_kind",
            Scheme::UserToken => "user",
            Scheme::Password => "password",
            Scheme::App => "app",
            Scheme::OAuth => "oauth",
        }
    }

    /// All that is to be written for it.
    pub const fn spelled(self) -> &'static str {
        match self {
            Scheme::Token => "token",
            Scheme::Bearer => "token, token_kind = \"bearer\"",
            Scheme::Job => "token, token_kind = \"job\"",
            Scheme::UserToken => "user, token",
            Scheme::Password => "user, password",
            Scheme::App => "app.id, app.private_key",
            Scheme::OAuth => "oauth.client_id, oauth.refresh_token",
        }
    }

    /// What it is, for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Scheme::Token => "An access token",
            Scheme::Bearer => "An access token had by OAuth, which is not renewed",
            Scheme::Job => "The token of a CI job, which opens little and ends with the job",
            Scheme::UserToken => "A user's API token",
            Scheme::Password => "A user's password; an API token is better",
            Scheme::App => "An app's private key: a token for each owner, renewed before it expires",
            Scheme::OAuth => "Access and refresh token; both are renewed, and kept in the state",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_is_spelled_in_a_way_of_its_own() {
        let spelled: BTreeSet<_> = Scheme::ALL.iter().map(|scheme| scheme.spelled()).collect();
        assert_eq!(spelled.len(), Scheme::ALL.len());
    }
}
