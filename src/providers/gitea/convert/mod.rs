//! From Gitea's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

mod commit;
mod hook;
mod issue;
mod pull;
mod release;
mod repo;
mod review;
mod status;
mod tracker;

pub use commit::{change, commit, commit_time};
pub use hook::{hook, words};
pub use issue::issue;
pub use pull::{DRAFT, plain_title, pull};
pub use release::release;
pub use repo::{branch, entry, place, repo, tag};
pub use review::{comment, is_review, review};
pub use status::{status, word};
pub use tracker::{issue_comment, label, milestone};

use super::wire;
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::text::present;

fn person(user: wire::User) -> Person {
    Person {
        id: None,
        login: present(Some(user.login)),
        name: present(user.full_name),
        email: present(user.email),
        web_url: present(user.html_url).map(Link::from),
    }
}
