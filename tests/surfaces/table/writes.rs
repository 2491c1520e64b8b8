//! What changes something.

use serde_json::json;

use crate::row::{Row, ask, refusal, row};

pub fn done_once_under_a_key() -> Row {
    let create = || {
        ask(
            "projects.issue.create",
            json!({ "project": "github-a~acme/web", "title": "Once", "labels": ["bug"] }),
        )
        .under("once-only")
        .answers(&[("/title", json!("Once")), ("/state", json!("open"))])
    };
    row(&["github"])
        .step(create())
        .step(create())
        .charged(2, 0, &[("github-a", 1)])
}

pub fn a_key_of_another_request() -> Row {
    let create = |title: &str| {
        ask(
            "projects.issue.create",
            json!({ "project": "github-a~acme/web", "title": title }),
        )
        .under("once-only")
    };
    row(&["github"])
        .step(create("Once"))
        .step(create("Twice").refused(refusal("conflict").field("idempotency_key")))
        .charged(2, 0, &[("github-a", 1)])
}

pub fn changes_what_is_read() -> Row {
    let get = || ask("projects.issue.get", json!({ "issue": "github-a~acme/web#1" }));
    row(&["github"])
        .step(get().answers(&[("/title", json!("Web issue 1"))]))
        .step(
            ask(
                "projects.issue.update",
                json!({ "issue": "github-a~acme/web#1", "title": "Mended" }),
            )
            .answers(&[("/title", json!("Mended"))]),
        )
        .step(
            get()
                .answers(&[("/title", json!("Mended"))])
                .decided(&[("/cache/status", json!("miss"))]),
        )
        .charged(3, 0, &[("github-a", 4)])
}

pub fn removed_and_gone() -> Row {
    row(&["github"])
        .step(
            ask("git.repo.create", json!({ "owner": "acme", "name": "brand-new" }))
                .at("github-a")
                .answers(&[("/path", json!("acme/brand-new"))]),
        )
        .step(
            ask("git.repo.delete", json!({ "repo": "github-a~acme/brand-new" }))
                .answers(&[("/outcome", json!("deleted"))]),
        )
        .step(
            ask("git.repo.get", json!({ "repo": "github-a~acme/brand-new" }))
                .refused(refusal("not_found").by("github-a"))
                .decided(&[
                    ("/outcome/code", json!("not_found")),
                    ("/attempts/0/code", json!("not_found")),
                ]),
        )
        .charged(3, 0, &[("github-a", 3)])
}
