//! What every documentation system can do, told as one story by the same neutral words.
//!
//! Invariant: the same question has the same neutral answer at each of them, whatever it keeps its pages as.

use std::sync::Arc;

use bytes::Bytes;
use mosaic_actors::error::Kind;
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};

use crate::round_trips::{normal, rendered};
use crate::through::{Through, ids};
use crate::upstream::{call, driver, whole};

const BODY: &str = "# Plan\n\nOf *what* is **to do**, by [them](https://example.com/a?b=c&d):\n\n1. `look`\n   - twice\n2. leap\n\n\
                    > as\n> said\n\n```rust\nfn main() {}\n```\n\n| a | b |\n| --- | --- |\n| ~~c~~ | Grüße 🚀 |";

#[tokio::test]
async fn one_story_is_the_same_at_every_wiki() {
    let mut stories = vec![];
    for (kind, token) in [("bookstack", "sandbox-one"), ("notion", "sandbox-one")] {
        let wiki = Through::started(kind, token, |server| server.requests_per_window = Some(100_000)).await;
        let [home, other] = places(&wiki).await;
        let mut story = vec![];
        let page = written(&wiki, &home, &mut story).await;
        changed(&wiki, &page, &mut story).await;
        beside(&wiki, &page, &mut story).await;
        moved(&wiki, &page, [&home, &other], &mut story).await;
        stories.push(story);
    }
    assert_eq!(stories[0], stories[1]);
}

/// Two things that hold pages.
async fn places(wiki: &Through) -> [Value; 2] {
    if wiki.kind == "bookstack" {
        return ["book/1", "book/2"].map(|book| json!(format!("under-test~{book}")));
    }
    let mut found = vec![];
    for title in ["Projects", "Notes"] {
        let all = wiki.ask("docs.search", json!({"query": title})).await;
        let all = all["items"].as_array().expect("items").iter();
        let ids = all.filter(|hit| hit["title"] == title).map(|hit| hit["id"].clone());
        found.extend(ids.take(1));
    }
    found.try_into().expect("two")
}

/// What is the same everywhere of a page; its text as it is shown.
fn told(page: &Value) -> Value {
    let body = page["body"].as_str().expect("a text");
    json!({"title": page["title"], "body": normal(&rendered(body)), "format": page["format"], "lost": page["lost"],
        "draft": page["draft"], "trashed": page["trashed"]})
}

async fn written(wiki: &Through, home: &Value, story: &mut Vec<Value>) -> Value {
    let page = json!({"parent": home, "title": "Grüße & plans", "body": BODY});
    let made = wiki.ask("docs.page.create", page).await;
    story.push(told(&made));
    assert_eq!(&made["parent"], home, "{}", wiki.kind);
    let read = wiki.ask("docs.page.get", json!({"page": made["id"]})).await;
    assert_eq!(told(&read), told(&made), "{}", wiki.kind);
    let listed = wiki
        .pages("docs.page.list_children", json!({"parent": home, "limit": 100}))
        .await;
    assert!(
        ids(&listed).contains(&made["id"].as_str().expect("an id")),
        "{}",
        wiki.kind
    );
    made["id"].clone()
}

async fn changed(wiki: &Through, page: &Value, story: &mut Vec<Value>) {
    let read = wiki.ask("docs.page.get", json!({"page": page})).await;
    let body = BODY.replace("leap", "leap *far*").replace("> as\n> said\n\n", "");
    let edit = json!({"page": page, "title": "Plans", "body": body, "if_match": read["version"]});
    let edited = wiki.ask("docs.page.update", edit.clone()).await;
    story.push(told(&edited));
    // Whoever has not seen it overwrites nothing.
    let stale = wiki.fails("docs.page.update", edit).await;
    assert_eq!(
        stale,
        (Kind::PreconditionFailed, Some("if_match".to_owned())),
        "{}",
        wiki.kind
    );
    let now = wiki.ask("docs.page.get", json!({"page": page})).await;
    assert_eq!(told(&now), told(&edited), "{}", wiki.kind);
    assert_eq!(now["version"], edited["version"], "{}", wiki.kind);
    let more = json!({"page": page, "body": "## More\n\nof it", "if_match": edited["version"]});
    let longer = wiki.ask("docs.page.append", more).await;
    assert!(
        longer["body"].as_str().expect("a text").trim_end().ends_with("of it"),
        "{longer}"
    );
    story.push(longer["title"].clone());
    let read = wiki.ask("docs.page.get", json!({"page": page})).await;
    assert_eq!(told(&read), told(&longer), "{}", wiki.kind);
    assert_eq!(read["version"], longer["version"], "{}", wiki.kind);
    story.push(told(&read));
}

/// Comments and files.
async fn beside(wiki: &Through, page: &Value, story: &mut Vec<Value>) {
    let said = wiki
        .ask("docs.comment.create", json!({"page": page, "body": "Is it *so*?"}))
        .await;
    let reply = json!({"page": page, "body": "It is", "reply_to": said["id"]});
    let reply = wiki.ask("docs.comment.create", reply).await;
    assert_eq!(reply["reply_to"], said["id"], "{}", wiki.kind);
    let all = wiki.pages("docs.comment.list", json!({"page": page})).await;
    story.push(all.iter().map(|comment| comment["body"].clone()).collect());
    let mut upload = call("docs.attachment.upload", json!({"page": page}), false).expect("a sound input");
    let bytes = Bytes::from_static(b"a,b\n");
    upload.upload = Some(Arc::new(Upload::replayable(
        "text/csv".into(),
        Some("t.csv".into()),
        bytes,
    )));
    let answer = driver(wiki.kind, &wiki.connection)
        .expect("connected")
        .call(Arc::new(upload))
        .await;
    let kept = whole(answer.unwrap_or_else(|failure| panic!("{}: {failure:?}", wiki.kind)))
        .await
        .0;
    let all = wiki.pages("docs.attachment.list", json!({"page": page})).await;
    assert_eq!(ids(&all), [kept["id"].as_str().expect("an id")], "{}", wiki.kind);
    let file = wiki.ask("docs.attachment.get", json!({"attachment": kept["id"]})).await;
    story.push(json!([all[0]["name"], file["name"], file["text"]]));
}

async fn moved(wiki: &Through, page: &Value, [home, other]: [&Value; 2], story: &mut Vec<Value>) {
    let moved = wiki.ask("docs.page.move", json!({"page": page, "parent": other})).await;
    assert_eq!(&moved["parent"], other, "{}", wiki.kind);
    for (place, there) in [(home, false), (other, true)] {
        let listed = wiki
            .pages("docs.page.list_children", json!({"parent": place, "limit": 100}))
            .await;
        let found = ids(&listed).contains(&page.as_str().expect("an id"));
        assert_eq!(found, there, "{}", wiki.kind);
    }
    let gone = wiki.ask("docs.page.delete", json!({"page": page})).await;
    let listed = wiki
        .pages("docs.page.list_children", json!({"parent": other, "limit": 100}))
        .await;
    assert!(!ids(&listed).contains(&page.as_str().expect("an id")), "{}", wiki.kind);
    let back = wiki.ask("docs.page.restore", json!({"page": page})).await;
    let read = wiki.ask("docs.page.get", json!({"page": page})).await;
    story.push(json!([gone["outcome"], back["title"], read["title"], read["trashed"]]));
}
