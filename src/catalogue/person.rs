//! People, in one form at every provider.
//!
//! Invariant: what a provider does not tell of somebody is absent; a name is never made up from a login, nor the other way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::link::Link;
use super::page_url::is_no_page;

/// Somebody: the account at the provider where there is one, or only what a commit says.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The provider's id of the account, where the account has no name, or other things are addressed by the id.
    #[schemars(extend("x-column" = true))]
    pub id: Option<String>,
    /// The account's name, as it is written behind an `@`.
    #[schemars(extend("x-column" = true))]
    pub login: Option<String>,
    /// The name for people.
    #[schemars(extend("x-column" = true))]
    pub name: Option<String>,
    /// The address.
    #[schemars(extend("x-column" = true))]
    pub email: Option<String>,
    /// The account's page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
}

impl Person {
    /// Of whom only the account's name is known; none where it is empty.
    pub fn of_login(login: impl Into<String>) -> Option<Self> {
        let login = Some(login.into()).filter(|login| !login.is_empty())?;
        Some(Person {
            login: Some(login),
            ..Person::default()
        })
    }
}
