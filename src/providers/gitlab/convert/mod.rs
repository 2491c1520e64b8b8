//! From GitLab's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

mod project;
mod pull;
mod repository;
mod said;
mod tracker;

pub use project::*;
pub use pull::*;
pub use repository::*;
pub use said::*;
pub use tracker::*;

use super::wire;
use crate::catalogue::person::Person;

/// Somebody with an account.
pub fn person(user: wire::User) -> Person {
    Person {
        id: None,
        login: Some(user.username),
        name: written(user.name),
        email: written(user.email),
        web_url: written(user.web_url),
    }
}

/// GitLab writes an absent text as null or as an empty one.
pub fn written(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
