//! What Gitea is shown: a token, a user's name with a token or a password, or tokens that are renewed by OAuth.
//!
//! Invariant: what a token may do is learned by reading alone.

use mosaic_actors::error::{Failure, Kind};

use super::refusal::{Told, told};
use crate::catalogue::git::RepoCreate;
use crate::catalogue::{self, Op};
use crate::providers::http::credential::{CredentialStanding, OAuth};
use crate::providers::http::{Accepts, Endpoint, Header, routeless};

pub const ACCEPTS: &[Accepts] = &[
    Accepts::Token(Header::authorization("token ")),
    Accepts::Bearer,
    Accepts::UserToken,
    Accepts::Password(None),
    Accepts::OAuth(&OAuth {
        token: &["login", "oauth", "access_token"],
    }),
];

/// What opens which operations to be read, and a path that nothing else opens.
const SCOPES: [(&str, &[&str]); 2] = [
    ("repository", &["repos", "search"]),
    ("issue", &["repos", "issues", "search"]),
];

const CREATE: &str = RepoCreate::DECLARATION.facts.name;

/// Gitea tells nobody what a token may do, unless it refuses something: then it tells all that the token has. What hardly
/// any token opens is asked for, and what many open, where that tells nothing.
///
/// # Errors
/// As [`Endpoint::send`], save for what is forbidden.
pub async fn standing(endpoint: &Endpoint, operations: &[&'static str]) -> Result<CredentialStanding, Failure> {
    if let Some(had) = refused(endpoint, &["admin", "users"])
        .await?
        .and_then(|told| told.scopes)
    {
        let opens = |category: &str, writes: bool| had.opens(category, writes);
        return Ok(CredentialStanding {
            scopes: Some(had.names()),
            cannot: beyond(operations, opens),
            ..CredentialStanding::default()
        });
    }
    let mut readable = vec![];
    for (category, path) in SCOPES {
        if refused(endpoint, path).await?.is_none() {
            readable.push(category);
        }
    }
    // What of it may be written as well is not known.
    Ok(CredentialStanding {
        scopes: Some(readable.iter().map(|category| format!("read:{category}")).collect()),
        // And of what was not asked for, nothing is.
        cannot: beyond(operations, |category, _| {
            readable.contains(&category) || SCOPES.iter().all(|(known, _)| *known != category)
        }),
        note: Some("whether it may write as well, only a call shows"),
        ..CredentialStanding::default()
    })
}

/// What the refusal of a list told; none where it was given.
async fn refused(endpoint: &Endpoint, path: &[&str]) -> Result<Option<Told>, Failure> {
    match endpoint.send(endpoint.get(path)?.query("limit", "1")).await {
        Ok(_) => Ok(None),
        Err(failure) if failure.kind == Kind::Forbidden => Ok(Some(told(&failure).unwrap_or(Told::SHUT))),
        // Not every server has what is asked for first.
        Err(failure) if routeless(&failure) => Ok(Some(Told::SHUT)),
        Err(failure) => Err(failure),
    }
}

/// What scopes rule out.
fn beyond(operations: &[&'static str], opens: impl Fn(&str, bool) -> bool) -> Vec<&'static str> {
    let writes = |name: &str| catalogue::find(name).is_some_and(|entry| !entry.declaration.facts.safe);
    let category = |name: &str| match name {
        // Those of a pull request are those of an issue.
        name if name.starts_with("projects.") || name.starts_with("git.pr.comment") => "issue",
        _ => "repository",
    };
    let open = |name: &&'static str| match *name {
        // Without an owner it is made at the user's own path, with one at the organisation's (GT30).
        CREATE => opens("user", true) && opens("repository", true) || opens("organization", true),
        name => opens(category(name), writes(name)),
    };
    operations.iter().copied().filter(|name| !open(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scopes::Scopes;
    use super::*;

    #[test]
    fn scopes_rule_out_what_they_do_not_open() {
        let operations = [
            "git.repo.get",
            "git.file.put",
            "git.pr.comment",
            "projects.issue.create",
        ];
        let cannot = |had: &[(&str, bool)]| {
            beyond(&operations, |category, writes| {
                had.iter().any(|(name, level)| *name == category && (*level || !writes))
            })
        };
        assert_eq!(cannot(&[("repository", true), ("issue", true)]), Vec::<&str>::new());
        assert_eq!(cannot(&[("repository", false), ("issue", true)]), ["git.file.put"]);
        assert_eq!(
            cannot(&[("repository", true)]),
            ["git.pr.comment", "projects.issue.create"]
        );
    }

    #[test]
    fn gt30_a_repository_is_made_with_the_users_scope_or_the_organisations() {
        let cannot = |had: &str| {
            let had = Scopes::told(&format!("token scope={had}")).expect("it tells");
            beyond(&["git.repo.create"], |category, writes| had.opens(category, writes))
        };
        for had in [
            "write:repository",
            "write:user",
            "write:repository,read:user",
            "read:organization",
        ] {
            assert_eq!(cannot(had), ["git.repo.create"], "{had}");
        }
        for had in ["write:repository,write:user", "write:organization", "all"] {
            assert_eq!(cannot(had), Vec::<&str>::new(), "{had}");
        }
    }
}
