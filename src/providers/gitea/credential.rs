//! What Gitea is shown: a token, a user's name with a token or a password, or tokens that are renewed by OAuth.
//!
//! Invariant: what a token may do is learned by reading alone.

use mosaic_actors::error::{Failure, Kind};

use crate::providers::http::credential::{CredentialStanding, OAuth};
use crate::providers::http::{Accepts, Endpoint, Header};

pub const ACCEPTS: &[Accepts] = &[
    Accepts::Token(Header::authorization("token ")),
    Accepts::Bearer,
    Accepts::UserToken,
    Accepts::Password(None),
    Accepts::OAuth(&OAuth {
        token: &["login", "oauth", "access_token"],
    }),
];

/// What opens which operations, and a path that nothing else opens.
const SCOPES: [(&str, &[&str], &[&str]); 2] = [
    ("read:repository", &["repos", "search"], &["git.", "cicd."]),
    ("read:issue", &["repos", "issues", "search"], &["projects.issue."]),
];

/// Gitea tells nobody what a token may do: what it is refused tells.
///
/// # Errors
/// As [`Endpoint::send`], save for what is forbidden.
pub async fn standing(endpoint: &Endpoint, operations: &[&'static str]) -> Result<CredentialStanding, Failure> {
    let mut standing = CredentialStanding::default();
    for (scope, path, opens) in SCOPES {
        match endpoint.send(endpoint.get(path)?.query("limit", "1")).await {
            Ok(_) => standing.scopes.get_or_insert_default().push(scope.to_owned()),
            Err(failure) if failure.kind == Kind::Forbidden => {
                standing.scopes.get_or_insert_default();
                let shut = operations
                    .iter()
                    .filter(|name| opens.iter().any(|begin| name.starts_with(begin)));
                standing.cannot.extend(shut);
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(standing)
}
