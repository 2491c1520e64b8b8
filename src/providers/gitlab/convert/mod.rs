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
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::text::present;

/// Somebody with an account.
pub fn person(user: wire::User) -> Person {
    Person {
        id: None,
        login: Some(user.username),
        name: present(user.name),
        email: present(user.email),
        web_url: present(user.web_url).map(Link::from),
    }
}
