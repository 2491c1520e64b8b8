//! One thing at least of every service.

use serde_json::json;

use crate::row::{Row, ask, row};

pub fn a_page() -> Row {
    row(&["bookstack"])
        .step(ask("docs.page.get", json!({ "page": "bookstack-a~1" })).answers(&[("/title", json!("Welcome"))]))
        .step(ask("docs.search", json!({ "query": "runbook", "limit": 2 })).at("bookstack-a"))
        .step(ask("docs.space.list", json!({})).at("bookstack-a"))
        .charged(3, 0, &[("bookstack-a", 3)])
}

pub fn pages_are_written() -> Row {
    row(&["bookstack"])
        .step(
            ask(
                "docs.page.create",
                json!({ "parent": "bookstack-a~book/1", "title": "New", "body": "# Grüße\n\nand *more*" }),
            )
            .answers(&[("/title", json!("New"))]),
        )
        .step(ask("docs.page.get", json!({ "page": "$0/id" })).answers(&[("/title", json!("New"))]))
        .charged(2, 0, &[("bookstack-a", 2)])
}

pub fn a_file_is_attached() -> Row {
    row(&["bookstack"])
        .step(
            ask("docs.attachment.upload", json!({ "page": "bookstack-a~1" }))
                .with_file("text/csv", "numbers.csv", "a,b\n1,2\n")
                .answers(&[("/name", json!("numbers.csv"))]),
        )
        .step(ask("docs.attachment.get", json!({ "attachment": "$0/id" })).brings("text/csv", "1,2"))
        .charged(2, 0, &[("bookstack-a", 2)])
}

pub fn a_run_is_started() -> Row {
    row(&["woodpecker"])
        .step(
            ask(
                "cicd.run.trigger",
                json!({
                    "project": "woodpecker-a~acme/api", "branch": "develop",
                    "variables": { "SANDBOX_OUTCOME": "success", "not_a_field": "kept" },
                }),
            )
            .answers(&[("/outcome", json!("started")), ("/run/branch", json!("develop"))]),
        )
        .charged(1, 0, &[("woodpecker-a", 2)])
}

pub fn runs_are_listed() -> Row {
    row(&["woodpecker"])
        .step(
            ask(
                "cicd.run.list",
                json!({ "project": "acme/web", "limit": 3, "status": "failure" }),
            )
            .at("woodpecker-a")
            .answers(&[("/items/0/status", json!("failure"))]),
        )
        .step(ask("cicd.run.get", json!({ "run": "$0/items/0/id" })).answers(&[("/status", json!("failure"))]))
        .step(ask("cicd.log.get", json!({ "run": "$0/items/0/id", "step": "test" })))
        .charged(3, 0, &[("woodpecker-a", 5)])
}

pub fn issues_are_listed() -> Row {
    row(&["github"])
        .step(
            ask(
                "projects.issue.list",
                json!({ "project": "acme/api", "state": "all", "labels": ["bug"], "limit": 5 }),
            )
            .answers(&[("/items/0/labels/0", json!("bug"))]),
        )
        .charged(1, 0, &[("github-a", 1)])
}

pub fn embedded_texts() -> Row {
    row(&["openai"])
        .step(ask(
            "ai.embeddings.create",
            json!({ "model": "sandbox-small", "texts": ["one", "two"] }),
        ))
        .charged(1, 0, &[("openai-a", 1)])
}
