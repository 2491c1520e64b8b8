//! What is refused, whatever providers are like.

use serde_json::json;

use crate::row::Instead::{CannotSayIt, InItsWords, IsNotShown};
use crate::row::{Key, Row, ask, refusal, row};

pub fn without_the_scope() -> Row {
    row(&["github"])
        .granted(&["git:read", "git:write"])
        .step(
            ask("git.repo.delete", json!({ "repo": "github-a~acme/api" }))
                .refused(refusal("forbidden"))
                .but("MCP", IsNotShown),
        )
        .step(ask("git.repo.get", json!({ "repo": "github-a~acme/api" })))
        .charged(1, 0, &[("github-a", 1)])
}

pub fn beyond_the_reach() -> Row {
    row(&["github"])
        .tenant("services = [\"projects\"]")
        .step(
            ask("git.repo.get", json!({ "repo": "github-a~acme/api" }))
                .refused(refusal("not_found"))
                .but("GraphQL", IsNotShown)
                .but("MCP", IsNotShown),
        )
        .charged(1, 0, &[])
}

pub fn nobody_knows_it() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "github-a~acme/none" }))
                .refused(refusal("not_found").by("github-a"))
                .decided(&[
                    ("/attempts/0/code", json!("not_found")),
                    ("/outcome/code", json!("not_found")),
                ]),
        )
        .charged(1, 0, &[("github-a", 1)])
}

pub fn an_input_that_is_wrong() -> Row {
    row(&["openai"])
        .step(
            ask("ai.chat.complete", json!({ "model": "sandbox-small" }))
                .refused(refusal("invalid_input").field("messages")),
        )
        .charged(0, 0, &[])
}

pub fn a_number_that_is_too_large() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.list", json!({ "owner": "many", "limit": 500 }))
                .refused(refusal("invalid_input").field("limit"))
                .but("Rust", CannotSayIt)
                .but("GraphQL", InItsWords),
        )
        .charged(0, 0, &[])
}

pub fn a_field_that_is_missing() -> Row {
    row(&["github"])
        .step(
            ask("git.branch.list", json!({ "repo": "acme/api", "colour": "red" }))
                .refused(refusal("invalid_input").field("colour"))
                .but("Rust", CannotSayIt)
                // Whatever it is, there is no such parameter.
                .but("REST", InItsWords)
                .but("the command line", InItsWords)
                .but("GraphQL", InItsWords),
        )
        .step(
            ask(
                "projects.issue.create",
                json!({ "project": "github-a~acme/web", "title": "T", "colour": "red" }),
            )
            .refused(refusal("invalid_input").field("colour"))
            .but("Rust", CannotSayIt)
            .but("GraphQL", InItsWords),
        )
        .step(
            ask("projects.issue.create", json!({ "project": "github-a~acme/web" }))
                .refused(refusal("invalid_input").field("title"))
                .but("Rust", CannotSayIt)
                .but("GraphQL", InItsWords),
        )
        .charged(0, 0, &[])
}

pub fn a_word_that_is_none() -> Row {
    row(&["github"])
        .step(
            ask("projects.issue.list", json!({ "project": "acme/web", "state": "odd" }))
                .refused(refusal("invalid_input").field("state"))
                .but("Rust", CannotSayIt)
                .but("GraphQL", InItsWords),
        )
        .charged(0, 0, &[])
}

pub fn a_strange_key() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .by(Key::Wrong)
                .refused(refusal("unauthenticated")),
        )
        .charged(0, 0, &[])
}

pub fn without_a_key() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .by(Key::Missing)
                .refused(refusal("unauthenticated")),
        )
        .charged(0, 0, &[])
}

pub fn an_instance_that_is_not_there() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .at("githubb-a")
                .refused(refusal("invalid_input").field("provider")),
        )
        .charged(1, 0, &[])
}

pub fn what_a_kind_cannot_do() -> Row {
    row(&["github", "woodpecker"])
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .at("woodpecker-a")
                .refused(refusal("unsupported").by("woodpecker-a")),
        )
        .charged(1, 0, &[])
}

pub fn a_cursor_of_another() -> Row {
    row(&["github"])
        .step(ask("git.repo.list", json!({ "owner": "many", "limit": 5 })))
        .step(
            ask(
                "git.branch.list",
                json!({ "repo": "acme/api", "cursor": "$0/next_cursor" }),
            )
            .refused(refusal("invalid_input").field("cursor")),
        )
        .charged(1, 0, &[("github-a", 1)])
}
