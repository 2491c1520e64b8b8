//! The one app of this GitHub: it proves itself by a signed word, and its installations give tokens that die.
//!
//! Its key's public half lies beside this file, its private half in `config/sandbox-app.pem`: nothing here is secret.
//!
//! Invariant: a token opens what its installation covers, and no more.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::{Method, StatusCode};

use super::problem::Problem;
use super::{Caller, GitHub};
use crate::sandbox::kit::vendor::RouteByName;

mod installation;
pub(crate) mod jwt;
mod objects;
mod routes;
pub(crate) mod tokens;

/// The app's number.
const APP_ID: u64 = 1;
/// Its other name.
const CLIENT_ID: &str = "Iv23sandboxapp000001";
pub(crate) fn routes(routes: Router<Arc<GitHub>>) -> Router<Arc<GitHub>> {
    routes
        .named("/app", get(routes::app))
        .named("/app/installations", get(routes::list))
        .named("/app/installations/{installation_id}", get(routes::get))
        .named(
            "/app/installations/{installation_id}/access_tokens",
            post(routes::create_token),
        )
        .named("/repos/{owner}/{repo}/installation", get(routes::of_repo))
        .named("/orgs/{org}/installation", get(routes::of_account))
        .named("/users/{username}/installation", get(routes::of_account))
        .named("/installation/repositories", get(routes::repositories))
}

/// Whether only the app itself, by its signed word, may ask this.
pub(crate) fn is_for_the_app(path: &str) -> bool {
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    match parts[..] {
        ["app", ..] => true,
        ["repos", _, _, last] | ["orgs" | "users", _, last] => last == "installation",
        _ => false,
    }
}

/// Refuses what a token's installation does not cover.
pub(crate) fn check(github: &GitHub, caller: Caller, method: &Method, path: &str) -> Result<(), Problem> {
    let Caller::Installation(number) = caller else {
        return match path.starts_with("/installation/") {
            true => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "You must authenticate with an installation access token in order to list repositories for an installation.",
            )),
            false => Ok(()),
        };
    };
    let foreign = || Problem::new(StatusCode::FORBIDDEN, "Resource not accessible by integration");
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let (state, apps) = (github.state(), github.apps());
    match parts[..] {
        ["user", ..] => Err(foreign()),
        ["orgs", org, ..] if !reads && !apps.is_of(number, org) => Err(foreign()),
        ["repos", owner, name, ..] => match state.repo(owner, name) {
            Some(repo) if apps.covers(number, repo) => Ok(()),
            Some(repo) if repo.private => Err(Problem::not_found()),
            // Others' secrets and runs are theirs, and so is every change.
            Some(_) if !reads || parts.get(3) == Some(&"actions") => Err(foreign()),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}
