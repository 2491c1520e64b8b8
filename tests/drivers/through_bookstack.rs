//! The driver of BookStack through its sandbox: two readings of the same facts.
//!
//! Invariant: every operation that the driver declares is called, and each of its failures tells what to do next.

use std::sync::Arc;

use mosaic::sandbox::{Effect, Fault};
use mosaic_actors::error::Kind;
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};

use crate::through::{Through, ids};
use crate::upstream::{call, driver, whole};

const TOKEN: &str = "sandbox-one";
const READER: &str = "sandbox-one-reader";

async fn start() -> Through {
    Through::start("bookstack", TOKEN).await
}

fn page(of: &Value) -> Value {
    json!({ "page": of["id"] })
}

async fn created(docs: &Through, body: &str, format: &str) -> Value {
    let input = json!({ "parent": "book/1", "title": "Made", "body": body, "format": format });
    docs.ask("docs.page.create", input).await
}

#[tokio::test]
async fn every_operation_is_done() {
    let docs = start().await;
    spaces(&docs).await;
    lists(&docs).await;
    writes(&docs).await;
    exports(&docs).await;
    comments(&docs).await;
    attachments(&docs).await;
    let users = docs.pages("docs.user.list", json!({ "limit": 1 })).await;
    assert_eq!(ids(&users), ["1", "2"]);
    let found = docs.ask("docs.search", json!({ "query": "runbook" })).await;
    assert_eq!(found["items"][0]["id"], "under-test~2");
    docs.assert_all_asked();
}

async fn spaces(docs: &Through) {
    let books = docs.pages("docs.space.list", json!({ "limit": 1 })).await;
    assert_eq!(ids(&books), ["under-test~book/1", "under-test~book/2"]);
    let shelves = docs.pages("docs.space.list", json!({ "kind": "collection" })).await;
    assert_eq!(ids(&shelves), ["under-test~shelf/1", "under-test~shelf/2"]);
    let input = json!({ "name": "Mine", "description": "Of *mine*" });
    let book = docs.ask("docs.space.create", input).await;
    assert_eq!(
        (&book["id"], &book["description"]),
        (&json!("under-test~book/3"), &json!("Of mine"))
    );
    // What was made takes pages.
    let input = json!({ "parent": book["id"], "title": "In it", "body": "x" });
    let made = docs.ask("docs.page.create", input).await;
    let within = json!({ "space": book["id"] });
    assert_eq!(
        ids(&docs.pages("docs.page.list", within).await),
        [made["id"].as_str().expect("an id")]
    );
}

async fn lists(docs: &Through) {
    let notes = docs
        .pages("docs.page.list", json!({ "space": "book/2", "limit": 60 }))
        .await;
    assert_eq!(notes.len(), 130);
    let inside = docs.pages("docs.page.list", json!({ "space": "chapter/1" })).await;
    assert_eq!(ids(&inside), ["under-test~2", "under-test~3"]);
    assert_eq!(inside[0]["version"], "1");
    // B10: the draft is in none.
    let children = docs
        .pages("docs.page.list_children", json!({ "parent": "book/1", "limit": 1 }))
        .await;
    assert_eq!(ids(&children), ["under-test~chapter/1", "under-test~1"]);
    assert_eq!(children[0]["kind"], "section");
    let inside = docs
        .pages("docs.page.list_children", json!({ "parent": children[0]["id"] }))
        .await;
    assert_eq!(ids(&inside), ["under-test~2", "under-test~3"]);
}

async fn writes(docs: &Through) {
    let made = created(docs, "# One\n\n{{@1}} stays", "markdown").await;
    assert_eq!(made["version"], "1");
    let mut input = page(&made);
    input["body"] = "# Two\n\n{{@1}} stays".into();
    input["if_match"] = made["version"].clone();
    let written = docs.ask("docs.page.update", input.clone()).await;
    assert_eq!((&written["body"], &written["version"]), (&input["body"], &json!("2")));
    // Somebody was faster.
    assert_eq!(
        docs.fails("docs.page.update", input).await,
        (Kind::PreconditionFailed, Some("if_match".to_owned()))
    );
    let mut more = page(&made);
    more["body"] = "more".into();
    let appended = docs.ask("docs.page.append", more).await;
    assert_eq!(appended["body"], "# Two\n\n{{@1}} stays\n\nmore");
    assert_eq!(docs.ask("docs.page.get", page(&made)).await, appended);
    let mut there = page(&made);
    there["parent"] = "under-test~chapter/1".into();
    let moved = docs.ask("docs.page.move", there).await;
    assert_eq!(moved["parent"], "under-test~chapter/1");
    assert_eq!(docs.ask("docs.page.delete", page(&made)).await["outcome"], "trashed");
    assert_eq!(docs.fails("docs.page.get", page(&made)).await.0, Kind::NotFound);
    let restored = docs.ask("docs.page.restore", page(&made)).await;
    assert_eq!(
        (&restored["id"], &restored["parent"], &restored["version"]),
        (&made["id"], &moved["parent"], &moved["version"])
    );
    assert_eq!(docs.ask("docs.page.get", page(&made)).await["body"], appended["body"]);
}

#[tokio::test]
async fn b2_a_page_of_the_wysiwyg_editor_is_written_as_one_and_keeps_the_ids_of_what_stays() {
    let docs = start().await;
    let made = created(&docs, "<h2>One</h2><p>two <u>three</u></p>", "html").await;
    assert_eq!(
        made["body"],
        "<h2 id=\"bkmrk-one\">One</h2><p id=\"bkmrk-two-three\">two <u>three</u></p>"
    );
    let read = docs.ask("docs.page.get", page(&made)).await;
    assert_eq!(read["body"], "## One\n\ntwo <u>three</u>");
    let mut input = page(&made);
    input["body"] = "## Zero\n\ntwo <u>three</u>".into();
    let written = docs.ask("docs.page.update", input).await;
    assert_eq!(written["body"], "## Zero\n\ntwo <u>three</u>");
    let mut html = page(&made);
    html["format"] = "html".into();
    let stored = docs.ask("docs.page.get", html.clone()).await["body"].clone();
    assert_eq!(
        stored,
        "<h2 id=\"bkmrk-zero\">Zero</h2>\n<p id=\"bkmrk-two-three\">two <u>three</u></p>"
    );
    // B5: what cannot be Markdown makes the page one of the other editor only where that is said.
    let in_markdown = created(&docs, "text", "markdown").await;
    let deep = format!("{}x{}", "<div>".repeat(150), "</div>".repeat(150));
    let mut input = page(&in_markdown);
    input["body"] = deep.into();
    input["format"] = "html".into();
    assert_eq!(docs.fails("docs.page.update", input.clone()).await.0, Kind::Conflict);
    input["lossy"] = true.into();
    docs.ask("docs.page.update", input).await;
}

#[tokio::test]
async fn b4_an_image_that_is_dropped_is_told() {
    let docs = start().await;
    let made = created(
        &docs,
        "![a](data:image/png;base64,AAAA) ![b](data:image/svg;base64,AAAA)",
        "markdown",
    )
    .await;
    assert_eq!(made["lost"], json!([{ "what": "image" }]));
    let body = made["body"].as_str().expect("a text");
    assert!(
        body.contains("/uploads/images/gallery/") && body.ends_with("![b]()"),
        "{body}"
    );
}

#[tokio::test]
async fn b1_what_is_included_and_what_is_left_out_of_what_is_shown_is_kept() {
    let docs = start().await;
    let stored = "<p>{{@1}}</p><script>x</script>";
    let made = created(&docs, stored, "html").await;
    let mut more = page(&made);
    more["body"] = "more".into();
    let appended = docs.ask("docs.page.append", more).await;
    assert_eq!(appended["body"], "{{@1}}\n\n<script>x</script>\n\nmore");
}

async fn exports(docs: &Through) {
    let input = json!({ "page": "2", "format": "text" });
    assert!(
        docs.ask("docs.page.export", input).await["text"]
            .as_str()
            .expect("a text")
            .contains("restart")
    );
    let markdown = docs.ask("docs.page.export_markdown", json!({ "page": "1" })).await;
    assert!(markdown["text"].as_str().expect("a text").starts_with("# Welcome\n\n"));
    let html = docs.ask("docs.page.export_html", json!({ "page": "1" })).await;
    assert!(html["text"].as_str().expect("a text").starts_with("<!doctype html>"));
}

async fn comments(docs: &Through) {
    let none = docs.ask("docs.comment.list", json!({ "page": "1" })).await;
    assert_eq!((&none["items"], &none["has_more"]), (&json!([]), &json!(false)));
    let first = json!({ "page": "1", "body": "A *first* word" });
    let first = docs.ask("docs.comment.create", first).await;
    assert_eq!(first["body"], "A *first* word");
    assert_eq!(first["author"], json!({ "id": "1", "name": "Sandbox User" }));
    // On another page the numbers begin anew.
    docs.ask("docs.comment.create", json!({ "page": "2", "body": "x" }))
        .await;
    let reply = json!({ "page": "1", "body": "A reply", "reply_to": first["id"] });
    let reply = docs.ask("docs.comment.create", reply).await;
    assert_eq!(reply["reply_to"], first["id"]);
    let listed = docs
        .pages("docs.comment.list", json!({ "page": "1", "limit": 1 }))
        .await;
    assert_eq!(listed, [first, reply]);
    assert_eq!(docs.pages("docs.comment.list", json!({ "page": "1" })).await, listed);
    assert_eq!(
        docs.fails("docs.comment.list", json!({ "page": "999" })).await.0,
        Kind::NotFound
    );
}

async fn attachments(docs: &Through) {
    // B18: a form is a POST; no other of its requests brings a file.
    let mut call = call(
        "docs.attachment.upload",
        json!({ "page": "1", "name": "Numbers" }),
        false,
    )
    .expect("sound");
    let upload = Upload::replayable("text/csv".into(), None, "a,b\n".to_owned().into()).named("n.csv");
    call.upload = Some(Arc::new(upload));
    let answer = driver("bookstack", &docs.connection)
        .expect("connected")
        .call(Arc::new(call))
        .await;
    let (made, failure) = whole(answer.expect("attached")).await;
    assert!(failure.is_none(), "{failure:?}");
    docs.note("docs.attachment.upload");
    let listed = docs.pages("docs.attachment.list", json!({ "page": "1" })).await;
    assert_eq!(listed, [made]);
    let input = json!({ "attachment": listed[0]["id"] });
    assert_eq!(docs.ask("docs.attachment.get", input).await["text"], "a,b\n");
}

#[tokio::test]
async fn who_lacks_a_right_is_told_which() {
    let docs = start().await;
    let made = created(&docs, "text", "markdown").await;
    docs.ask("docs.page.delete", page(&made)).await;
    for (operation, input, words) in [
        ("docs.page.restore", page(&made), "settings"),
        ("docs.page.move", json!({ "page": "1", "parent": "book/2" }), "delete"),
        ("docs.page.delete", json!({ "page": "1" }), ""),
        ("docs.page.export_html", json!({ "page": "1" }), ""),
        ("docs.user.list", json!({}), ""),
        ("docs.comment.create", json!({ "page": "1", "body": "x" }), ""),
    ] {
        let failure = docs.by(READER, operation, input).await.expect_err(operation);
        assert_eq!(failure.kind, Kind::Forbidden, "{operation}: {failure:?}");
        assert!(failure.message().contains(words), "{operation}: {failure:?}");
    }
    // A text is not a place: it may be written all the same.
    let input = json!({ "page": "1", "body": "new" });
    docs.by(READER, "docs.page.update", input).await.expect("written");
}

#[tokio::test]
async fn b22_a_page_is_restored_only_where_its_book_is_there() {
    let docs = start().await;
    let book = docs.ask("docs.space.create", json!({ "name": "Mine" })).await;
    let input = json!({ "parent": book["id"], "title": "T", "body": "x" });
    let made = docs.ask("docs.page.create", input).await;
    docs.ask("docs.page.delete", page(&made)).await;
    let client = mosaic::providers::http::http_client().expect("a client");
    let url = |path: &str| format!("{}{path}", docs.server().base_url());
    let token = format!("Token {TOKEN}");
    let deleted = client
        .delete(url("/books/3"))
        .header("authorization", &token)
        .send()
        .await;
    assert_eq!(deleted.expect("sent").status(), 204);
    assert_eq!(docs.fails("docs.page.restore", page(&made)).await.0, Kind::Conflict);
    let restored = client
        .put(url("/recycle-bin/2"))
        .header("authorization", &token)
        .send()
        .await;
    assert_eq!(restored.expect("sent").status(), 200);
    // Of its own deletion nothing was forgotten.
    assert_eq!(docs.ask("docs.page.restore", page(&made)).await["id"], made["id"]);
    assert_eq!(docs.ask("docs.page.get", page(&made)).await["body"], "x");
    // One that goes with its chapter has no deletion of its own.
    let deleted = client
        .delete(url("/chapters/1"))
        .header("authorization", &token)
        .send()
        .await;
    assert_eq!(deleted.expect("sent").status(), 204);
    assert_eq!(
        docs.fails("docs.page.restore", json!({ "page": "2" })).await.0,
        Kind::NotFound
    );
}

#[tokio::test]
async fn b30_a_server_of_before_has_no_comments() {
    let docs = start().await;
    let fault = Fault::new(Effect::Error { status: 404 }).path_prefix("/api/system");
    docs.server().faults().add(fault).expect("a sound fault");
    for (operation, input) in [
        ("docs.comment.list", json!({ "page": "1" })),
        ("docs.comment.create", json!({ "page": "1", "body": "x" })),
    ] {
        let failure = docs.try_ask(operation, input).await.expect_err(operation);
        assert_eq!((failure.kind, failure.unsent), (Kind::Unsupported, true), "{operation}");
    }
}
