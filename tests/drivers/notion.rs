//! Notion: what its refusals become, what is not sent, and what a request that follows another waits for.
//!
//! Invariant: nothing that was refused unread is lost, and nothing that may have been done is done again.

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::upstream::{Canned, Upstream, ask, connection, driver};

const PAGE: &str = "1429989f-e8ac-4eff-bc8f-57f56486db54";
const OTHER: &str = "59833787-2cf9-4fdf-8782-e53db20768a5";

fn error(status: u16, code: &str) -> Canned {
    Canned::json(
        status,
        json!({"object": "error", "status": status, "code": code, "message": "quoted 5551"}),
    )
}

fn list(results: Value) -> Canned {
    Canned::json(
        200,
        json!({"object": "list", "results": results, "has_more": false, "next_cursor": null}),
    )
}

fn page() -> Canned {
    Canned::json(
        200,
        json!({"object": "page", "id": PAGE, "last_edited_time": "2026-03-01T12:00:00.000Z"}),
    )
}

/// Trap 20: a service that has too much to do is waited for like a rate limit.
#[tokio::test]
async fn refusals_are_told_apart_by_their_codes() {
    let written = json!({"parent": PAGE, "title": "t", "body": "x"});
    let read = json!({"page": PAGE});
    for (status, code, of_read, of_write) in [
        (
            401,
            "unauthorized",
            (Kind::UpstreamAuth, false),
            (Kind::UpstreamAuth, false),
        ),
        (
            403,
            "restricted_resource",
            (Kind::Forbidden, false),
            (Kind::Forbidden, false),
        ),
        (
            404,
            "object_not_found",
            (Kind::NotFound, false),
            (Kind::NotFound, false),
        ),
        (
            400,
            "validation_error",
            (Kind::InvalidInput, false),
            (Kind::InvalidInput, false),
        ),
        (409, "conflict_error", (Kind::Conflict, true), (Kind::Conflict, false)),
        (
            429,
            "rate_limited",
            (Kind::UpstreamRateLimited, true),
            (Kind::UpstreamRateLimited, true),
        ),
        (
            529,
            "service_overload",
            (Kind::UpstreamRateLimited, true),
            (Kind::UpstreamRateLimited, true),
        ),
        (
            503,
            "service_unavailable",
            (Kind::UpstreamFailed, true),
            (Kind::UpstreamFailed, true),
        ),
        (
            504,
            "gateway_timeout",
            (Kind::UpstreamFailed, false),
            (Kind::UpstreamFailed, false),
        ),
        (
            409,
            "row_limit_exceeded",
            (Kind::Conflict, false),
            (Kind::Conflict, false),
        ),
    ] {
        for (operation, input, becomes) in [
            ("docs.page.get", &read, of_read),
            ("docs.page.create", &written, of_write),
        ] {
            let provider = Upstream::answering([error(status, code)]).await;
            let failure = ask("notion", &connection(&provider.url), operation, input.clone()).await;
            let failure = failure.expect_err("refused");
            assert_eq!((failure.kind, failure.retryable), becomes, "{operation} {code}");
            assert!(!failure.message().contains("5551"), "{failure}");
            let limited = failure.kind == Kind::UpstreamRateLimited;
            assert_eq!(failure.unsent && failure.retry_after.is_some(), limited, "{code}");
        }
    }
}

/// N3, N4: a later part that is put off is sent again behind the wait, and is written once.
#[tokio::test]
async fn a_later_part_waits_as_it_is_told() {
    let body: Vec<String> = (0..101).map(|n| format!("p{n}")).collect();
    let limited = || error(429, "rate_limited").header("retry-after", "0");
    let made = list(json!([{"id": OTHER}]));
    let provider = Upstream::answering([page(), limited(), limited(), made]).await;
    let input = json!({"parent": PAGE, "title": "t", "body": body.join("\n\n")});
    let created = ask("notion", &connection(&provider.url), "docs.page.create", input).await;
    assert_eq!(created.expect("written")["body"], body.join("\n\n"));
    let seen = provider.seen();
    let asked: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(asked, ["POST", "PATCH", "PATCH", "PATCH"]);
    assert_eq!(seen[1].body, seen[3].body);
}

/// N4: a failure behind the first part is never taken for one that may be tried again.
#[tokio::test]
async fn half_a_page_is_not_written_twice() {
    let body = "p\n\n".repeat(101);
    for (answers, says) in [
        (
            vec![page(), error(503, "service_unavailable"), page()],
            "put into the trash again",
        ),
        (
            vec![
                page(),
                error(503, "service_unavailable"),
                error(500, "internal_server_error"),
            ],
            "stands there so",
        ),
    ] {
        let provider = Upstream::answering(answers).await;
        let input = json!({"parent": PAGE, "title": "t", "body": body});
        let failure = ask("notion", &connection(&provider.url), "docs.page.create", input).await;
        let failure = failure.expect_err("half a page");
        assert!(
            failure.message().contains(says) && failure.message().contains(PAGE),
            "{failure}"
        );
        assert!(!failure.retryable && !failure.unsent, "{failure}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let deep = "> ".repeat(60) + "x";
    for (operation, input, kind, field) in [
        ("docs.page.get", json!({"page": "42"}), Kind::InvalidInput, "page"),
        (
            "docs.page.get",
            json!({"page": PAGE.to_uppercase()}),
            Kind::InvalidInput,
            "page",
        ),
        (
            "docs.page.get",
            json!({"page": PAGE, "format": "html"}),
            Kind::Unsupported,
            "format",
        ),
        ("docs.page.list", json!({"space": PAGE}), Kind::Unsupported, "space"),
        (
            "docs.space.list",
            json!({"kind": "collection"}),
            Kind::Unsupported,
            "kind",
        ),
        ("docs.space.create", json!({"name": "n"}), Kind::InvalidInput, "parent"),
        (
            "docs.page.create",
            json!({"parent": PAGE, "title": "t", "body": deep}),
            Kind::InvalidInput,
            "body",
        ),
        (
            "docs.page.create",
            json!({"parent": format!("block/{PAGE}"), "title": "t", "body": ""}),
            Kind::Unsupported,
            "parent",
        ),
        (
            "docs.comment.create",
            json!({"page": PAGE, "body": "x", "reply_to": format!("{OTHER}/{PAGE}")}),
            Kind::InvalidInput,
            "reply_to",
        ),
        (
            "docs.page.export",
            json!({"page": PAGE, "format": "pdf"}),
            Kind::Unsupported,
            "format",
        ),
        (
            "docs.attachment.upload",
            json!({"page": PAGE}),
            Kind::InvalidInput,
            "file",
        ),
    ] {
        let provider = Upstream::answering([]).await;
        let failure = ask("notion", &connection(&provider.url), operation, input.clone()).await;
        let failure = failure.expect_err(operation);
        let told = failure.field.as_deref().unwrap_or_default();
        assert_eq!((failure.kind, failure.unsent), (kind, true), "{operation} {input}");
        assert!(
            told == field || operation == "docs.attachment.upload",
            "{operation} {told}"
        );
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

/// N7: a page is read within bounds: what lies deeper stays where it is, and is told.
#[tokio::test]
async fn a_page_without_an_end_is_read_to_a_bound() {
    let block = |id: &str, has: bool| {
        json!({"object": "block", "id": id, "type": "bulleted_list_item", "has_children": has,
            "bulleted_list_item": {"rich_text": []}})
    };
    let levels = (0..12).map(|_| list(json!([block(OTHER, true)])));
    let answers: Vec<Canned> = std::iter::once(page()).chain(levels).collect();
    let provider = Upstream::answering(answers).await;
    let read = ask(
        "notion",
        &connection(&provider.url),
        "docs.page.get",
        json!({"page": PAGE}),
    )
    .await;
    let read = read.expect("read");
    assert_eq!(read["lost"], json!([{"what": "bulleted_list_item", "id": OTHER}]));
    let more = json!({"object": "list", "results": [block(OTHER, false)], "has_more": true, "next_cursor": OTHER});
    let endless = (0..200).map(|_| Canned::json(200, more.clone()));
    let answers: Vec<Canned> = std::iter::once(page()).chain(endless).collect();
    let provider = Upstream::answering(answers).await;
    let failure = ask(
        "notion",
        &connection(&provider.url),
        "docs.page.get",
        json!({"page": PAGE}),
    )
    .await;
    assert_eq!(failure.expect_err("no end").kind, Kind::Unsupported);
    assert_eq!(provider.seen().len(), 201);
}

/// Trap 19: what a request may say depends on the version that it names.
#[tokio::test]
async fn each_request_names_the_version() {
    for (setting, header) in [(None, "2025-09-03"), (Some("2026-03-11"), "2026-03-11")] {
        let provider = Upstream::answering([page()]).await;
        let mut connection = connection(&provider.url);
        if let Some(version) = setting {
            connection.settings.insert("api_version".to_owned(), version.into());
        }
        driver("notion", &connection)
            .expect("connected")
            .health()
            .await
            .expect("well");
        let seen = &provider.seen()[0];
        assert_eq!(
            (seen.path.as_str(), &seen.headers["notion-version"]),
            ("/users/me", &header.parse().expect("a value"))
        );
    }
    let mut connection = connection("http://localhost:1");
    connection
        .settings
        .insert("api_version".to_owned(), "2022-06-28".into());
    let failure = driver("notion", &connection).err().expect("it has no data sources");
    assert_eq!(failure.field.as_deref(), Some("settings.api_version"));
}
