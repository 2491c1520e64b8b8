//! Words for examples, by the names of fields: what a help, a document and a page show in the place of a reader's own.
//!
//! Invariant: each is one that the fields of its name take.

/// The names of fields, and a word that is at home there.
const WORDS: [(&[&str], &str); 31] = [
    (&["repo", "project", "path_with_namespace"], "acme/api"),
    (&["repo_id"], "forge-a~acme/api"),
    (&["numbered_id"], "forge-a~acme/api#7"),
    (&["owner"], "acme"),
    (&["branch", "ref", "base", "target", "default_branch"], "main"),
    (&["head", "source"], "mend-it"),
    (&["path"], "README.md"),
    (
        &["url", "web_url", "html_url", "clone_url"],
        "https://example.com/acme/api",
    ),
    (&["sha", "commit", "oid"], "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
    (&["model"], "gpt-4o-mini"),
    (&["prompt", "text", "texts"], "What is a gateway good for?"),
    (&["query"], "broken gate"),
    (&["title", "summary"], "Mend the gate"),
    (&["message"], "Mend the gate"),
    (&["body", "description"], "It does not close."),
    (&["media_type", "content_type"], "text/plain"),
    (&["run"], "acme/api#42"),
    (
        &["id", "issue", "pull", "pr", "page", "space", "board", "comment"],
        "forge-a~1",
    ),
    (&["provider", "instance"], "forge-a"),
    (&["operation"], "git.repo.get"),
    (&["login", "author", "assignee", "assignees", "username"], "ada"),
    (&["email"], "ada@example.com"),
    (&["label", "labels"], "bug"),
    (&["tag"], "v1.0.0"),
    (&["milestone"], "2.0"),
    (&["column"], "Doing"),
    (&["pipeline"], "build.yml"),
    (&["workflow"], "build.yml"),
    (&["event", "events"], "push"),
    (
        &["requests"],
        r#"[{"custom_id": "a", "chat": {"model": "gpt-4o-mini", "prompt": "Hello"}}]"#,
    ),
    (&["number"], "7"),
];

/// What an input is not much without, though each of them may be left out.
pub const SPEAKING: [&str; 5] = ["title", "prompt", "texts", "chat", "column"];

/// A word for a field of this name, where there is one.
pub fn word(name: &str) -> Option<&'static str> {
    let known = WORDS.iter().find(|(names, _)| names.contains(&name));
    known.map(|(_, word)| *word)
}
