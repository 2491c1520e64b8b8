//! What is known of GitLab's answers without a description of its API: the table of its routes, and recorded answers.
//!
//! Invariant: a route that the table does not have is served for a reason that is named here.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// The routes of the sandbox, as its source lists them.
const SOURCE: &str = include_str!("../../src/sandbox/gitlab/routes.rs");

/// What the table lacks: it was read out of a client, whose writer built some paths of parts.
const BESIDE: &[(&str, &str)] = &[
    // The facts of authentication.
    ("POST /oauth/token", "renews a pair"),
    ("GET /oauth/token/info", "tells of a token"),
    ("GET /personal_access_tokens/self", "tells of a token"),
    // The client has it from its own base.
    ("GET /version", "tells the release"),
    // The catalogue of operations has them.
    ("POST /projects", "git.repo.create"),
    ("GET /issues", "projects.issue.search"),
    ("GET /projects/{}/issues", "projects.issue.list"),
    ("GET /projects/{}/issues/{}", "projects.issue.get"),
    // Read out of an approval's refusal, trap GL15.
    ("GET /projects/{}/merge_requests/{}/approvals", "who approved"),
];

/// A path with its placeholders alike.
pub(crate) fn plain(path: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for letter in path.chars() {
        match letter {
            '{' => plain.push_str("{}"),
            _ if inside => {}
            _ if letter != '}' => plain.push(letter),
            _ => {}
        }
        inside = (inside || letter == '{') && letter != '}';
    }
    plain
}

/// The table, with its generic rows written out for projects, their merge requests and issues.
pub(crate) fn table(folder: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(folder.join("gitlab-endpoints.tsv")).expect("the table of routes");
    let mut rows = BTreeSet::new();
    for line in text.lines() {
        let Some((method, path)) = line.split_once('\t') else {
            continue;
        };
        let path = path.replace("/{resourceId}/", "/projects/{}/");
        for kind in ["merge_requests", "issues"] {
            let path = path.replace("{this.resource2Type}", kind);
            rows.insert(format!("{method} {}", plain(&path)));
        }
        if let Some(rest) = path.strip_prefix("/{prefix}") {
            rows.insert(format!("{method} /{rest}"));
            rows.insert(format!("{method} /projects/{{}}/{rest}"));
        }
    }
    rows
}

/// The routes that are served, as `METHOD path`.
pub(crate) fn served() -> BTreeSet<String> {
    let mut served = BTreeSet::new();
    for named in SOURCE.split(".named(").skip(1) {
        let path = named.split('"').nth(1).expect("a path");
        let path = plain(path.strip_prefix("/api/v4").unwrap_or(path));
        let handlers = named.split('"').nth(2).expect("its handlers");
        for method in ["get", "post", "put", "delete"] {
            let (first, more) = (format!(" {method}("), format!(".{method}("));
            if handlers.contains(&first) || handlers.contains(&more) {
                served.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    served
}

#[test]
fn every_route_that_is_served_is_gitlabs() {
    let Some(folder) = crate::specs::folder() else {
        return;
    };
    let (table, served) = (table(&folder), served());
    assert!(served.len() > 60, "{}", served.len());
    let beside = |route: &String| BESIDE.iter().any(|(known, _)| known == route);
    let unknown: Vec<_> = served
        .iter()
        .filter(|route| !table.contains(*route) && !beside(route))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let idle: Vec<_> = BESIDE
        .iter()
        .filter(|(known, _)| table.contains(*known) || !served.contains(*known))
        .collect();
    assert!(idle.is_empty(), "named for nothing: {idle:?}");
}

/// What recorded answers have and today's do not, or only when they are asked for.
const PASSED_OVER: &[&str] = &[
    // An older form of a note's author.
    "author.email",
    "author.created_at",
    // Where the evidence of a release was, before there could be more.
    "assets.evidence_file_path",
    // Of merge requests between forks, and of those that are asked for them.
    "allow_collaboration",
    "allow_maintainer_to_push",
    "diverged_commits_count",
];

/// What an answer lacks of a recorded one, or has in another type.
pub(crate) fn differences(recorded: &Value, answer: &Value, place: &str) -> Vec<String> {
    match (recorded, answer) {
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (Value::Object(recorded), Value::Object(answer)) => {
            let mut found = Vec::new();
            for (name, recorded) in recorded {
                let place = format!("{place}.{name}");
                if PASSED_OVER.iter().any(|over| place.ends_with(&format!(".{over}"))) {
                    continue;
                }
                match answer.get(name) {
                    Some(answer) => found.extend(differences(recorded, answer, &place)),
                    None => found.push(format!("{place} is absent")),
                }
            }
            found
        }
        (Value::Array(recorded), Value::Array(answer)) => match (recorded.first(), answer.first()) {
            (Some(recorded), Some(answer)) => differences(recorded, answer, &format!("{place}[0]")),
            _ => Vec::new(),
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_)) => Vec::new(),
        _ => vec![format!("{place} is {answer} and was {recorded}")],
    }
}

#[test]
fn an_answer_of_another_shape_does_not_pass() {
    let recorded = serde_json::json!({ "id": 1, "author": { "name": "x", "email": "y" }, "list": [{ "a": true }] });
    let check = |answer: Value| differences(&recorded, &answer, "").len();
    let good = serde_json::json!({ "id": 2, "author": { "name": "z" }, "list": [], "more": 1 });
    assert_eq!(check(good.clone()), 0);
    for (field, wrong) in [
        ("id", serde_json::json!("2")),
        ("author", serde_json::json!({})),
        ("list", serde_json::json!([{ "a": 1 }])),
    ] {
        let mut broken = good.clone();
        broken[field] = wrong;
        assert_eq!(check(broken), 1, "{field}");
    }
}
