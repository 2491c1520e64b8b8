//! Where projects are: by number, by path and by former path.
//!
//! Invariant: a former path leads a read to the number, which stays, and refuses a write.

use http::{Method, StatusCode};

use super::BASE;
use super::ask::Ask;
use super::caller::Caller;
use super::data::Data;
use super::problem::Problem;
use crate::sandbox::forge::Repo;

impl Data {
    /// The project of this number or path, as far as the caller sees it. A former path leads a read to the number, and
    /// refuses a write.
    pub fn project(&self, ask: &Ask, key: &str) -> Result<&Repo, Problem> {
        let missing = || Problem::missing("Project");
        let seen = |repo: &&Repo| !repo.private || ask.caller != Caller::Anonymous;
        if let Ok(number) = key.parse::<u64>() {
            return self.forge.by_id(number).ok().filter(seen).ok_or_else(missing);
        }
        let (owner, name) = key.rsplit_once('/').ok_or_else(missing)?;
        if let Some(repo) = self.forge.repo(owner, name).filter(seen) {
            return Ok(repo);
        }
        let moved = self.forge.moved(owner, name).filter(seen).ok_or_else(missing)?;
        match ask.method {
            Method::GET | Method::HEAD => Err(Problem::moved(by_number(ask, moved.id))),
            _ => Err(Problem::message(
                StatusCode::METHOD_NOT_ALLOWED,
                "Non GET methods are not allowed for moved projects",
            )),
        }
    }
}

/// The address that was asked for, with the project's number for its path.
fn by_number(ask: &Ask, id: u64) -> String {
    let path = ask.uri.path().strip_prefix(BASE).unwrap_or_default();
    let rest = path.trim_start_matches("/projects/");
    let rest = rest.find('/').map(|at| &rest[at..]).unwrap_or_default();
    let query = ask.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{BASE}/projects/{id}{rest}{query}", ask.gitlab.instance.origin)
}
