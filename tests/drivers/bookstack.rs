//! BookStack: what each refusal becomes, what is refused unsent, and a page from its creation to its search at a sandbox.
//!
//! Invariant: an expired token is told from a prohibition, and a page that was created is never reported as a failure.

use std::sync::Arc;

use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::driver::Driver;
use mosaic_actors::error::{Failure, Kind, Source};
use serde_json::{Value, json};

use crate::upstream::{self, Canned, TOKEN, Upstream, ask, connection, driver};

async fn at(driver: &Arc<dyn Driver>, operation: &str, input: Value) -> Result<Value, Failure> {
    let call = upstream::call(operation, input, false)?;
    let (value, failure) = upstream::whole(driver.clone().call(Arc::new(call)).await?).await;
    failure.map_or(Ok(value), Err)
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let fault = |code: u16, message: &str| json!({"error": {"code": code, "message": message}});
    let invalid = |field: &str| {
        let validation = json!({ field: ["is wrong"] });
        json!({"error": {"code": 422, "message": "The given data was invalid.", "validation": validation}})
    };
    for (status, body, kind, field) in [
        (401, json!({"error": "Unauthenticated."}), Kind::UpstreamAuth, None),
        (
            401,
            fault(401, "No authorization token found on the request"),
            Kind::UpstreamAuth,
            None,
        ),
        (
            403,
            fault(403, "The authorization token used has expired"),
            Kind::UpstreamAuth,
            None,
        ),
        (403, fault(403, "You do not have permission"), Kind::Forbidden, None),
        (404, fault(404, "Page not found"), Kind::NotFound, None),
        (422, invalid("name"), Kind::InvalidInput, Some("title")),
        (422, invalid("html"), Kind::InvalidInput, Some("body")),
        (422, invalid("chapter_id"), Kind::InvalidInput, Some("parent")),
        (422, invalid("unheard_of"), Kind::InvalidInput, None),
        (500, fault(500, "An unknown error occurred"), Kind::UpstreamFailed, None),
    ] {
        let provider = Upstream::answering([Canned::json(status, body.clone())]).await;
        let input = json!({"parent": "book/1", "title": "T", "body": "text"});
        let failure = ask("bookstack", &connection(&provider.url), "docs.page.create", input).await;
        let failure = failure.expect_err("refused");
        assert_eq!((failure.kind, failure.field.as_deref()), (kind, field), "{body}");
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let page = |parent: &str, body: &str| json!({"parent": parent, "title": "T", "body": body});
    for (operation, input, field) in [
        ("docs.page.get", json!({"page": "book/3"}), "page"),
        ("docs.page.get", json!({"page": "x~0"}), "page"),
        ("docs.page.create", page("42", "text"), "parent"),
        ("docs.page.create", page("shelf/4", "text"), "parent"),
        ("docs.page.create", page("book/1", " "), "body"),
    ] {
        let provider = Upstream::answering([]).await;
        let failure = ask("bookstack", &connection(&provider.url), operation, input.clone()).await;
        let failure = failure.expect_err(operation);
        let what = (failure.kind, failure.field.as_deref(), failure.unsent);
        assert_eq!(what, (Kind::InvalidInput, Some(field), true), "{input}");
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn a_created_page_needs_no_second_answer() {
    // As if the server had turned the Markdown into HTML and kept only that.
    let page = json!({"id": 4, "name": "T", "book_id": 1, "html": "<p>text</p>", "markdown": ""});
    let provider = Upstream::answering([Canned::json(200, page)]).await;
    let input = json!({"parent": "book/1", "title": "T", "body": "text"});
    let created = ask("bookstack", &connection(&provider.url), "docs.page.create", input).await;
    assert_eq!(created.expect("created")["body"], "text");
    assert_eq!(provider.seen().len(), 1);
}

#[tokio::test]
async fn health_asks_for_one_row() {
    let provider = Upstream::answering([Canned::json(200, json!({"data": [], "total": 0}))]).await;
    let driver = driver("bookstack", &connection(&provider.url)).expect("connected");
    driver.health().await.expect("well");
    let seen = &provider.seen()[0];
    assert_eq!((seen.path.as_str(), seen.query.as_deref()), ("/pages", Some("count=1")));
    assert_eq!(seen.headers["authorization"], format!("Token {TOKEN}"));
}

#[tokio::test]
async fn an_attachment_that_is_too_large_is_refused_as_such() {
    let file = |bytes: usize| {
        let content = "A".repeat(bytes.div_ceil(3) * 4);
        Canned::json(
            200,
            json!({"id": 7, "name": "a.bin", "uploaded_to": 1, "external": false, "content": content}),
        )
    };
    for (bytes, most, fits) in [
        (3 << 20, 8 << 20, true),
        (3 << 20, 4 << 20, false),
        (20 << 20, 32 << 20, true),
        ((20 << 20) + 3, 32 << 20, false),
    ] {
        let provider = Upstream::answering([file(bytes)]).await;
        let mut connection = connection(&provider.url);
        connection.max_response = most;
        let came = ask(
            "bookstack",
            &connection,
            "docs.attachment.get",
            json!({"attachment": "7"}),
        )
        .await;
        assert_eq!(came.is_ok(), fits, "{bytes}");
        if let Err(failure) = came {
            let what = (
                failure.kind,
                failure.source,
                failure.field.as_deref(),
                failure.retryable,
            );
            assert_eq!(what, (Kind::Unsupported, Source::Gateway, None, false), "{failure}");
            assert!(failure.message().contains("20 MiB"), "{failure}");
        }
    }
}

async fn sandbox() -> (Sandbox, Arc<dyn Driver>) {
    let servers = vec![ServerConfig::new("docs-a", "bookstack", TOKEN)];
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("started");
    let url = sandbox.server("docs-a").expect("it runs").base_url().to_owned();
    let driver = driver("bookstack", &connection(&url)).expect("connected");
    (sandbox, driver)
}

#[tokio::test]
async fn a_created_page_is_found_and_read_in_either_format() {
    let (_sandbox, driver) = sandbox().await;
    let input = json!({"parent": "chapter/1", "title": "Zebra crossing", "body": "Mind the *stripes*."});
    let created = at(&driver, "docs.page.create", input).await.expect("created");
    let found = at(&driver, "docs.search", json!({"query": "zebra"}))
        .await
        .expect("found");
    assert_eq!((&found["total"], &found["items"][0]["id"]), (&json!(1), &created["id"]));
    assert_eq!(found["items"][0]["parent"], "under-test~chapter/1");
    let read = at(&driver, "docs.page.get", json!({"page": created["id"]}))
        .await
        .expect("read");
    assert_eq!(read, created);
    let html = at(
        &driver,
        "docs.page.get",
        json!({"page": created["id"], "format": "html"}),
    )
    .await;
    let stored = "<p id=\"bkmrk-mind-the-stripes\">Mind the <em>stripes</em>.</p>";
    assert_eq!(html.expect("read")["body"], stored);
    // The parent that a page names takes another page.
    let input = json!({"parent": read["parent"], "title": "Another", "body": "<p>x</p>", "format": "html"});
    assert_eq!(
        at(&driver, "docs.page.create", input).await.expect("created")["parent"],
        read["parent"]
    );
}

#[tokio::test]
async fn trap_25_a_page_of_the_wysiwyg_editor_is_read_as_markdown() {
    let (_sandbox, driver) = sandbox().await;
    let read = at(&driver, "docs.page.get", json!({"page": "2"})).await.expect("read");
    let body = "Call docs-a & wait.\n\nThen **restart** it.";
    assert_eq!((&read["format"], &read["body"]), (&json!("markdown"), &json!(body)));
    let empty = at(&driver, "docs.page.get", json!({"page": "3"})).await.expect("read");
    assert_eq!(empty["body"], "");
}

#[tokio::test]
async fn a_search_leads_through_all_its_pages() {
    let (_sandbox, driver) = sandbox().await;
    let mut input = json!({"query": "note", "limit": 60});
    let (mut pages, mut ids) = (0, std::collections::BTreeSet::new());
    loop {
        let page = at(&driver, "docs.search", input.clone()).await.expect("a page");
        pages += 1;
        assert_eq!(page["total"], 130);
        ids.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|hit| hit["id"].to_string()),
        );
        match page.get("next_cursor") {
            Some(cursor) => input["cursor"] = cursor.clone(),
            None => break,
        }
    }
    assert_eq!((pages, ids.len()), (3, 130));
}

#[tokio::test]
async fn faults_of_the_sandbox_are_understood() {
    let (sandbox, driver) = sandbox().await;
    let server = sandbox.server("docs-a").expect("it runs");
    let limit = Effect::RateLimit {
        retry_after_s: 7,
        secondary: false,
    };
    for (effect, kind, wait) in [
        (Effect::ExpiredToken, Kind::UpstreamAuth, None),
        (limit, Kind::UpstreamRateLimited, Some(7)),
        (Effect::Error { status: 503 }, Kind::UpstreamFailed, None),
        (Effect::Malformed, Kind::UpstreamFailed, None),
        (Effect::Truncated, Kind::UpstreamFailed, None),
    ] {
        server.faults().clear();
        server.faults().add(Fault::new(effect.clone())).expect("a sound fault");
        let failure = at(&driver, "docs.search", json!({"query": "note"}))
            .await
            .expect_err("failed");
        let waits = failure.retry_after.map(|wait| wait.as_secs());
        assert_eq!((failure.kind, waits), (kind, wait), "{effect:?}");
    }
}
