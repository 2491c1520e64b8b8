//! The request that finds issues.
//!
//! Invariant: nothing of what a caller looks for is read as GitHub's syntax: each word is quoted, and quotes are none.

use std::sync::Arc;

use mosaic_actors::error::Failure;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::catalogue::Page;
use crate::catalogue::projects::{Issue, IssueSearch, IssueState};
use crate::providers::github::{GitHub, SIZE, convert, wire};
use crate::providers::http::Row;
use crate::providers::{Reply, Request, forge};

/// The longest text that GitHub looks for, in characters, its qualifiers apart (H28).
const LONGEST: usize = 256;
/// So many GitHub finds at most.
const MOST: u64 = 1000;

#[derive(Deserialize)]
struct Found {
    total_count: Option<u64>,
    #[serde(default)]
    incomplete_results: bool,
    #[serde(default)]
    items: Vec<Box<RawValue>>,
}

pub async fn search(github: Arc<GitHub>, request: Request<IssueSearch>) -> Result<Reply<Page<Issue>>, Failure> {
    let input = &request.input;
    let project = input.project.as_ref().map(|_| &*request.native);
    let outgoing = github
        .endpoint
        .get(&["search", "issues"])?
        .query("q", query(&input.query, project, input.state)?)
        .part(SIZE, request.limit(), request.cursor());
    let received = github.endpoint.send(outgoing).await?;
    let found: Found = received.json()?;
    let rows = received.rows_of::<wire::Issue>(&found.items, request.include_raw)?;
    let mut issues = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| row.wire.pull_request.is_none()) {
        match home(&row, project) {
            Some(path) => issues.push(convert::issue(&request.instance, &path, row)),
            None => received.skip("an issue that was found does not name its repository"),
        }
    }
    let mut page = Page::new(issues, received.next_query());
    page.total = found.total_count;
    let beyond = !page.has_more && found.total_count.is_some_and(|total| total > MOST);
    page.incomplete = found.incomplete_results || beyond;
    Ok(received.reply(page))
}

fn home(row: &Row<wire::Issue>, project: Option<&str>) -> Option<String> {
    let url = row.wire.repository_url.as_deref();
    url.and_then(convert::path_of_repo)
        .or_else(|| project.map(str::to_owned))
}

/// The whole of what is looked for.
fn query(text: &str, project: Option<&str>, state: Option<IssueState>) -> Result<String, Failure> {
    let wrong = |sentence: String| Failure::invalid("query", sentence).never_sent();
    if text.chars().count() > LONGEST {
        return Err(wrong(format!("query must be at most {LONGEST} characters at GitHub")));
    }
    let marks = |c: char| c.is_whitespace() || matches!(c, '"' | '\\');
    let words = text.split(marks).filter(|word| !word.is_empty());
    let mut parts: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    if parts.is_empty() {
        return Err(wrong("query must hold a word".to_owned()));
    }
    parts.push("is:issue".to_owned());
    if let Some(path) = project {
        forge::project("project", path)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if !path.chars().all(plain) {
            return Err(Failure::invalid("project", "project is no name of a repository at GitHub").never_sent());
        }
        parts.push(format!("repo:{path}"));
    }
    parts.extend(state.map(|state| match state {
        IssueState::Open => "state:open".to_owned(),
        IssueState::Closed => "state:closed".to_owned(),
    }));
    Ok(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_looked_for_is_syntax() {
        for (text, asked) in [
            ("slow login", r#""slow" "login" is:issue"#),
            (r#"a "b c" \"#, r#""a" "b" "c" is:issue"#),
            ("NOT is:pr repo:x/y OR", r#""NOT" "is:pr" "repo:x/y" "OR" is:issue"#),
        ] {
            assert_eq!(query(text, None, None).unwrap(), asked);
        }
        let asked = query("x", Some("acme/api"), Some(IssueState::Open)).unwrap();
        assert_eq!(asked, r#""x" is:issue repo:acme/api state:open"#);
        for (text, project, field) in [
            ("\"\"", None, "query"),
            (&*"x".repeat(257), None, "query"),
            ("x", Some("acme/api is:pr"), "project"),
            ("x", Some("acme"), "project"),
        ] {
            let failure = query(text, project, None).unwrap_err();
            assert_eq!((failure.field.as_deref(), failure.unsent), (Some(field), true));
        }
    }
}
