//! How a provider's table spells its credential.
//!
//! Invariant: a table spells one credential or none; whatever is a secret stands there as a reference.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::ProviderConfig;
use crate::credential::Scheme;
use crate::secret::SecretRef;

/// What kind of token `token` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// An access token of a user, project or group.
    Access,
    /// An access token had by OAuth, which is not renewed.
    Bearer,
    /// The token of a CI job.
    Job,
}

/// `[providers.NAME.app]`: an app's private key, which is exchanged for tokens that expire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppConfig {
    /// The app's id, or its client id.
    pub id: AppId,
    /// Its private key, in PEM.
    pub private_key: SecretRef,
    /// The one installation that is used; where left out, that of whoever owns what a call is about.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub installation: Option<u64>,
}

/// An app's id: a number, or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AppId(String);

impl AppId {
    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for AppId {
    fn from(text: &str) -> Self {
        AppId(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for AppId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Id;
        impl de::Visitor<'_> for Id {
            type Value = AppId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AppId, E> {
                Ok(AppId(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<AppId, E> {
                Ok(AppId(number.to_string()))
            }
        }
        d.deserialize_any(Id)
    }
}

impl JsonSchema for AppId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AppId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "maxLength": 100, "minimum": 1 })
    }
}

/// `[providers.NAME.oauth]`: a pair of tokens that the provider replaces each time the access token is renewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuthConfig {
    /// The application's id.
    #[schemars(length(max = 256))]
    pub client_id: String,
    /// The application's secret; left out where it has none.
    #[serde(default)]
    pub client_secret: Option<SecretRef>,
    /// The refresh token to begin with. Those that follow are kept in the state, and win until this one is another.
    pub refresh_token: SecretRef,
    /// The access token to begin with; where left out, the first call has one made.
    #[serde(default)]
    pub access_token: Option<SecretRef>,
    /// The redirect URI that the tokens were asked for with, where the provider wants it again.
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub redirect_uri: Option<String>,
}

/// What is wrong with how a table spells its credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misspelt {
    /// The key at fault.
    pub(crate) key: &'static str,
    /// What is wrong there.
    pub(crate) message: String,
}

/// One reference of a provider's table.
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "the doctor alone asks for more than how many there are")
)]
pub(crate) struct Referred<'a> {
    /// Its key below the table.
    pub(crate) key: &'static str,
    pub(crate) reference: &'a SecretRef,
    /// It leads to a text of several lines.
    pub(crate) lines: bool,
}

impl ProviderConfig {
    /// Which credential the table spells.
    pub(crate) fn scheme(&self) -> Result<Option<Scheme>, Misspelt> {
        let wrong = |key, message: &str| {
            let message = message.to_owned();
            Err(Misspelt { key, message })
        };
        let there = [
            ("token", self.token.is_some()),
            ("password", self.password.is_some()),
            ("app", self.app.is_some()),
            ("oauth", self.oauth.is_some()),
        ];
        let mut there = there.into_iter().filter(|(_, is)| *is).map(|(key, _)| key);
        let (first, second) = (there.next(), there.next());
        if let (Some(first), Some(second)) = (first, second) {
            return wrong(
                second,
                &format!("a provider has one credential, and `{first}` is there"),
            );
        }
        if self.user.as_deref() == Some("") {
            return wrong("user", "must not be empty");
        }
        if self.token_kind.is_some() && (first != Some("token") || self.user.is_some()) {
            return wrong("token_kind", "has a use beside `token` alone");
        }
        match (first, self.user.is_some()) {
            (None, false) => Ok(None),
            (None, true) => wrong("user", "needs `token` or `password` beside it"),
            (Some("password"), false) => wrong("user", "is required with `password`"),
            (Some("password"), true) => Ok(Some(Scheme::Password)),
            (Some("token"), true) => Ok(Some(Scheme::UserToken)),
            (Some("token"), false) => Ok(Some(match self.token_kind {
                None | Some(TokenKind::Access) => Scheme::Token,
                Some(TokenKind::Bearer) => Scheme::Bearer,
                Some(TokenKind::Job) => Scheme::Job,
            })),
            (Some(_), true) => wrong("user", "has a use beside `token` or `password` alone"),
            (Some("app"), false) if self.app.as_ref().is_some_and(|app| app.id.0.is_empty()) => {
                wrong("app.id", "must not be empty")
            }
            (Some("app"), false) => Ok(Some(Scheme::App)),
            (Some(_), false) => Ok(Some(Scheme::OAuth)),
        }
    }

    /// Every reference to a secret, by its key below the table.
    pub(crate) fn references(&self) -> Vec<Referred<'_>> {
        let (app, oauth) = (self.app.as_ref(), self.oauth.as_ref());
        let all = [
            ("token", self.token.as_ref()),
            ("password", self.password.as_ref()),
            ("app.private_key", app.map(|app| &app.private_key)),
            (
                "oauth.client_secret",
                oauth.and_then(|oauth| oauth.client_secret.as_ref()),
            ),
            ("oauth.refresh_token", oauth.map(|oauth| &oauth.refresh_token)),
            (
                "oauth.access_token",
                oauth.and_then(|oauth| oauth.access_token.as_ref()),
            ),
        ];
        let there = all.into_iter().filter_map(|(key, reference)| {
            let lines = key == "app.private_key";
            reference.map(|reference| Referred { key, reference, lines })
        });
        there.collect()
    }
}
