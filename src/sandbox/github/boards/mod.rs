//! Boards: what GitHub calls the projects of an organisation or a user.
//!
//! Invariant: an item tells of the fields that were asked for, and else of its title alone.

mod objects;
mod routes;
mod store;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, patch, post};

use super::GitHub;
use crate::sandbox::kit::vendor::RouteByName;

pub(crate) use store::Boards;

pub(crate) fn routes(routes: Router<Arc<GitHub>>) -> Router<Arc<GitHub>> {
    let below = |routes: Router<Arc<GitHub>>, root: &'static [&'static str; 4]| {
        let [list, fields, items, item] = *root;
        routes
            .named(list, get(routes::list))
            .named(fields, get(routes::fields))
            .named(items, get(routes::items).post(routes::add))
            .named(item, patch(routes::edit))
    };
    let routes = below(routes, &ORGS);
    below(routes, &USERS)
        .named("/orgs/{owner}/projectsV2/{number}/drafts", post(routes::draft))
        .named("/user/{id}/projectsV2/{number}/drafts", post(routes::draft_of_user))
        .named("/users/{username}", get(routes::user))
}

const ORGS: [&str; 4] = [
    "/orgs/{owner}/projectsV2",
    "/orgs/{owner}/projectsV2/{number}/fields",
    "/orgs/{owner}/projectsV2/{number}/items",
    "/orgs/{owner}/projectsV2/{number}/items/{item}",
];
const USERS: [&str; 4] = [
    "/users/{owner}/projectsV2",
    "/users/{owner}/projectsV2/{number}/fields",
    "/users/{owner}/projectsV2/{number}/items",
    "/users/{owner}/projectsV2/{number}/items/{item}",
];
