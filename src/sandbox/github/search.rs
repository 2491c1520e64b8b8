//! The search for issues, which has a quota of its own.
//!
//! Invariant: what is not quoted may be syntax; a qualifier that is not known finds nothing.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::{Value, json};

use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Issue, Repo};
use crate::sandbox::kit::query::Params;

/// The longest text, in characters, its qualifiers apart.
const LONGEST: usize = 256;
/// So many are given at most.
const MOST: usize = 1_000;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Query {
    words: Vec<String>,
    /// Names and values of qualifiers.
    qualifiers: Vec<(String, String)>,
}

impl Query {
    fn read(text: &str) -> Self {
        let mut query = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let quoted = rest.strip_prefix('"');
            let (word, behind) = match quoted {
                Some(inner) => inner.split_once('"').unwrap_or((inner, "")),
                None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            };
            match word.split_once(':').filter(|_| quoted.is_none()) {
                Some((name, value)) => query.qualifiers.push((name.to_owned(), value.to_owned())),
                None => query.words.push(word.to_owned()),
            }
            rest = behind.trim_start();
        }
        query
    }

    fn admits(&self, repo: &Repo, issue: &Issue) -> bool {
        issue.says(&self.words)
            && self
                .qualifiers
                .iter()
                .all(|(name, value)| match (name.as_str(), value.as_str()) {
                    ("is" | "type", "issue") => !issue.is_pull(),
                    ("is" | "type", "pr") => issue.is_pull(),
                    ("is" | "state", "open") => issue.open,
                    ("is" | "state", "closed") => !issue.open,
                    ("repo", path) => repo.full_name.eq_ignore_ascii_case(path),
                    _ => false,
                })
    }
}

pub(crate) async fn issues(State(github): State<Arc<GitHub>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let text = params.get("q").filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| Problem::field("Search", "q", "missing"))?;
    let query = Query::read(text);
    if query.words.iter().map(|word| word.chars().count()).sum::<usize>() > LONGEST {
        return Err(Problem::field("Search", "q", "invalid").saying("The search is longer than 256 characters."));
    }
    let state = github.state();
    let named = |path: &str| state.repos.iter().any(|repo| repo.full_name.eq_ignore_ascii_case(path));
    let repos = query.qualifiers.iter().filter(|(name, _)| name == "repo");
    if repos.clone().count() > 0 && !repos.clone().any(|(_, path)| named(path)) {
        let message = "The listed users and repositories cannot be searched either because the resources do not exist \
                       or you do not have permission to view them.";
        return Err(Problem::custom("Search", "q", message));
    }
    let all = state
        .repos
        .iter()
        .flat_map(|repo| repo.issues.iter().map(move |issue| (repo, issue)));
    let found: Vec<_> = all.filter(|(repo, issue)| query.admits(repo, issue)).collect();
    let links = github.links();
    let given = &found[..found.len().min(MOST)];
    let shown: Vec<Value> = page::PAGING
        .slice(&uri, given)
        .iter()
        .map(|(repo, issue)| {
            let mut object = links.issue(repo, issue);
            object["score"] = json!(1.0);
            if object["body"].is_null() {
                object["body"] = json!("");
            }
            object
        })
        .collect();
    let body = json!({ "total_count": found.len(), "incomplete_results": false, "items": shown,
        "search_type": "lexical" });
    let answer = Json(body).into_response();
    Ok(page::PAGING.linked(answer, &github.instance.origin, &uri, given.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_no_syntax() {
        let query = Query::read(r#""is:pr" slow "two words" is:issue repo:a/b"#);
        assert_eq!(query.words, ["is:pr", "slow", "two words"]);
        let qualifiers = [("is", "issue"), ("repo", "a/b")];
        assert_eq!(
            query.qualifiers,
            qualifiers.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }
}
