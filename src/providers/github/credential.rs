//! What GitHub is shown: a token, or the tokens of a GitHub App.
//!
//! Invariant: whose token a request needs is told by its path alone.

use std::time::Duration;

use jiff::Timestamp;

use crate::catalogue;
use crate::providers::http::credential::{Apps, CredentialStanding, Whose, scopes};
use crate::providers::http::{Accepts, Header, Received, Time};

/// Personal, OAuth and installation tokens all look alike on the wire.
pub const ACCEPTS: &[Accepts] = &[Accepts::Token(Header::BEARER), Accepts::App(&APPS)];

/// How tokens begin.
pub const TOKENS: &[(&str, &str)] = &[
    ("ghp_", "a personal access token (classic)"),
    ("github_pat_", "a fine-grained personal access token"),
    ("gho_", "an OAuth access token"),
    ("ghu_", "a user's token of an app"),
    ("ghs_", "an installation's token of an app, which is not renewed here"),
];

static APPS: Apps = Apps {
    whose,
    tokens: [&["app", "installations"], &["access_tokens"]],
    installations: &["app", "installations"],
    of_owner: &[[&["orgs"], &["installation"]], [&["users"], &["installation"]]],
    of_project: [&["repos"], &["installation"]],
    // A new token may be refused until all of GitHub's servers know it.
    fresh: Duration::from_secs(5),
};

fn whose(path: &[&str]) -> Whose {
    match path {
        ["repos", owner, name, ..] => Whose::Project((*owner).to_owned(), (*name).to_owned()),
        ["orgs" | "users", owner, ..] => Whose::Owner((*owner).to_owned()),
        ["rate_limit" | "meta" | "versions" | "zen", ..] => Whose::Any,
        _ => Whose::Unknown,
    }
}

/// What an answer's headers tell of a token that can do `operations` at most. Fine-grained tokens and apps have no scopes.
pub fn standing(received: &Received, operations: &[&'static str]) -> CredentialStanding {
    let had = received.header("x-oauth-scopes").map(scopes);
    let untold = "GitHub tells no scopes of it: what it may do is set at the token or the app, and a call shows it";
    CredentialStanding {
        note: had.is_none().then_some(untold),
        cannot: had.as_deref().map_or_else(Vec::new, |had| beyond(had, operations)),
        scopes: had,
        expires_at: received
            .header("github-authentication-token-expiration")
            .and_then(instant),
        ..CredentialStanding::default()
    }
}

/// `2026-12-24 12:00:00 UTC`, or with an offset.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_end_matches(" UTC");
    serde_json::from_value::<Time>(text.into()).ok()?.at()
}

/// What scopes rule out: without one for repositories nothing is written, and none of the others deletes one.
fn beyond(had: &[String], operations: &[&'static str]) -> Vec<&'static str> {
    let has = |names: &[&str]| had.iter().any(|scope| names.contains(&scope.as_str()));
    let writes = |name: &str| catalogue::find(name).is_some_and(|entry| !entry.declaration.facts.safe);
    let allowed = |name: &str| match name {
        "git.repo.delete" => has(&["delete_repo"]),
        name if name.starts_with("git.hook.") => has(&["repo", "public_repo", "admin:repo_hook", "write:repo_hook"]),
        "git.status.set" => has(&["repo", "public_repo", "repo:status"]),
        name => !writes(name) || has(&["repo", "public_repo"]),
    };
    operations.iter().copied().filter(|name| !allowed(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_rule_out_what_they_do_not_open() {
        let operations = ["git.repo.get", "git.repo.delete", "projects.issue.create"];
        let cannot = |text: &str| beyond(&scopes(text), &operations);
        assert_eq!(cannot("repo, delete_repo"), Vec::<&str>::new());
        assert_eq!(cannot("repo"), ["git.repo.delete"]);
        assert_eq!(cannot("read:org"), ["git.repo.delete", "projects.issue.create"]);
        // Statuses of what is public are read with any.
        let of_statuses = |text: &str| beyond(&scopes(text), &["git.status.get", "git.status.set"]);
        assert_eq!(of_statuses("read:org"), ["git.status.set"]);
        assert_eq!(of_statuses("repo:status"), Vec::<&str>::new());
    }

    #[test]
    fn the_end_of_a_token_is_read_as_it_is_written() {
        for text in [
            "2026-12-24 12:00:00 UTC",
            "2026-12-24 13:00:00 +0100",
            "2026-12-24T12:00:00Z",
        ] {
            assert_eq!(
                instant(text).map(|at| at.to_string()).as_deref(),
                Some("2026-12-24T12:00:00Z"),
                "{text}"
            );
        }
        assert_eq!(instant("soon"), None);
    }

    #[test]
    fn the_path_tells_whose_token_is_needed() {
        let project = Whose::Project("acme".to_owned(), "api".to_owned());
        assert_eq!(whose(&["repos", "acme", "api"]), project);
        assert_eq!(whose(&["repos", "acme", "api", "pulls", "1"]), project);
        assert_eq!(whose(&["orgs", "acme", "repos"]), Whose::Owner("acme".to_owned()));
        assert_eq!(whose(&["users", "ann", "repos"]), Whose::Owner("ann".to_owned()));
        assert_eq!(whose(&["rate_limit"]), Whose::Any);
        for unknown in [&["user", "repos"][..], &["search", "code"], &["repositories", "1"], &[]] {
            assert_eq!(whose(unknown), Whose::Unknown, "{unknown:?}");
        }
    }
}
