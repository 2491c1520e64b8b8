//! The driver of Notion through its sandbox: two readings of the same facts.
//!
//! Invariant: every operation that the driver declares is called, and each of its failures tells what to do next.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use mosaic::sandbox::{Effect, Fault};
use mosaic_actors::error::Kind;
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};

use crate::through::{Through, ids};
use crate::upstream::{self, driver};

async fn start() -> Through {
    Through::started("notion", "sandbox-one", |server| {
        server.requests_per_window = Some(100_000)
    })
    .await
}

/// The id of a page by its title.
async fn titled(notion: &Through, title: &str) -> Value {
    let found = notion.ask("docs.search", json!({"query": title})).await;
    let items = found["items"].as_array().expect("items").iter();
    let mut exact = items.filter(|item| item["title"] == title);
    exact.next().unwrap_or_else(|| panic!("{title}"))["id"].clone()
}

#[tokio::test]
async fn every_operation_is_done() {
    let mut notion = start().await;
    mapped(&mut notion);
    reading(&notion).await;
    lists(&notion).await;
    writing(&notion).await;
    comments(&notion).await;
    files(&notion).await;
    exports(&notion).await;
    issues(&notion).await;
    notion.assert_all_asked();
}

async fn reading(notion: &Through) {
    let id = titled(notion, "Handbook").await;
    let page = notion.ask("docs.page.get", json!({"page": id})).await;
    let body = page["body"].as_str().expect("a text");
    for part in [
        "Served by one. Grüße & welcome.\n\n## Steps\n\n1. Call\n   - twice\n     - at most\n2. Wait\n\n- [x] Write it down",
        "<notion-callout data=\"{&quot;icon&quot;",
        "\n\nMind the gap\n\nand the step\n\n</notion-callout>",
        "```bash\ncargo test\n```",
        "> <span data-color=\"red\">**bold**</span>",
        "<!-- notion:form ",
        "<!-- notion:file ",
        "Runbook -->",
    ] {
        assert!(body.contains(part), "{part}\n{body}");
    }
    let lost: Vec<&Value> = page["lost"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|lost| &lost["what"])
        .collect();
    assert_eq!(lost, ["form", "file", "child_page"]);
    // What is read and written again is the same, and nothing is written for it.
    let writes = |notion: &Through| {
        let route = "/v1/blocks/{id}/children";
        notion.server().requests().served(&Method::PATCH, route)
    };
    let before = writes(notion);
    let input = json!({"page": id, "body": body, "if_match": page["version"]});
    let same = notion.ask("docs.page.update", input).await;
    assert_eq!((&same["body"], writes(notion)), (&page["body"], before));
    assert_eq!(
        notion
            .fails("docs.page.get", json!({"page": "00000000-0000-4000-8000-0000000fffff"}))
            .await
            .0,
        Kind::NotFound
    );
}

async fn lists(notion: &Through) {
    let spaces = notion.pages("docs.space.list", json!({"limit": 100})).await;
    let names: Vec<&str> = spaces.iter().filter_map(|space| space["name"].as_str()).collect();
    for name in [
        "Handbook", "Projects", "Notes", "Long", "Tasks", "Left", "Right", "Archive",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!names.contains(&"Secret") && !names.contains(&"Note 1"), "{names:?}");
    let notes = titled(notion, "Notes").await;
    let children = notion
        .pages("docs.page.list_children", json!({"parent": notes, "limit": 50}))
        .await;
    assert_eq!((children.len(), &children[129]["title"]), (130, &json!("Note 130")));
    let projects = titled(notion, "Projects").await;
    let databases = notion
        .pages("docs.page.list_children", json!({"parent": projects}))
        .await;
    assert_eq!((databases.len(), &databases[1]["kind"]), (3, &json!("section")));
    let two = notion
        .pages("docs.page.list_children", json!({"parent": databases[1]["id"]}))
        .await;
    assert_eq!(two.len(), 2);
    let tasks = notion
        .pages("docs.page.list_children", json!({"parent": databases[0]["id"]}))
        .await;
    let rows = notion
        .pages(
            "docs.page.list_children",
            json!({"parent": tasks[0]["id"], "limit": 20}),
        )
        .await;
    assert_eq!((rows.len(), &rows[0]["parent"]), (35, &tasks[0]["id"]));
    let all = notion.pages("docs.page.list", json!({"limit": 100})).await;
    assert!(all.len() > 130, "{}", all.len());
    // N9: which of two is meant must be said.
    let failure = notion
        .try_ask("docs.page.list", json!({"space": databases[1]["id"]}))
        .await
        .expect_err("two");
    assert!(failure.message().contains("data_source/"), "{failure}");
    // N12: a list that ends early says so.
    let archive = notion.ask("docs.page.list", json!({"space": databases[2]["id"]})).await;
    assert_eq!(
        (&archive["incomplete"], archive["items"].as_array().map(Vec::len)),
        (&json!(true), Some(30))
    );
    let people = notion.pages("docs.user.list", json!({"limit": 2})).await;
    assert_eq!((people.len(), &people[0]["email"]), (3, &json!("ada@example.com")));
    let kind = notion
        .fails("docs.search", json!({"query": "x", "cursor": "nonsense"}))
        .await;
    assert_eq!(kind.0, Kind::InvalidInput);
}

async fn writing(notion: &Through) {
    let home = titled(notion, "Projects").await;
    let made = notion
        .ask(
            "docs.space.create",
            json!({"name": "New space", "parent": home, "description": "About"}),
        )
        .await;
    // N3: more than a hundred blocks, and deeper than two levels.
    let deep = "- a\n  - b\n    - c\n      - d\n        - e";
    let body = (1..=230).map(|n| format!("p{n}")).collect::<Vec<_>>().join("\n\n") + "\n\n" + deep;
    let page = notion
        .ask(
            "docs.page.create",
            json!({"parent": made["id"], "title": "Long one", "body": body}),
        )
        .await;
    let read = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
    assert_eq!(read["body"], body.as_str());
    let appended = notion
        .ask("docs.page.append", json!({"page": page["id"], "body": "the end"}))
        .await;
    // Each answers the page as it stands then, with a version to write it again by.
    assert_eq!(page, read);
    assert_eq!(appended["body"], format!("{body}\n\nthe end"));
    let stale = json!({"page": page["id"], "body": "x", "if_match": read["version"]});
    assert_eq!(
        notion.fails("docs.page.update", stale).await,
        (Kind::PreconditionFailed, Some("if_match".to_owned()))
    );
    let now = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
    assert_eq!(appended, now);
    let changed = body.replace("p100\n", "p100 **changed**\n").replace("p7\n\n", "");
    let input = json!({"page": page["id"], "title": "Renamed", "body": changed, "if_match": appended["version"]});
    let updated = notion.ask("docs.page.update", input).await;
    assert_eq!(
        (&updated["title"], &updated["body"]),
        (&json!("Renamed"), &json!(changed))
    );
    let read = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
    assert_eq!(updated["version"], read["version"]);
    assert_eq!(read["body"], changed.as_str());
    versions(notion, &read).await;
    opaque(notion).await;
    moving(notion, &page["id"], &home).await;
}

/// A version tells the text, too: a time alone does not tell two changes of one minute apart.
async fn versions(notion: &Through, page: &Value) {
    let id = &page["id"];
    let time = json!({"page": id, "body": "x", "if_match": page["updated_at"]});
    assert_eq!(
        notion.fails("docs.page.update", time).await,
        (Kind::PreconditionFailed, Some("if_match".to_owned()))
    );
    let renamed = json!({"page": id, "title": "Renamed again", "if_match": page["version"]});
    let renamed = notion.ask("docs.page.update", renamed).await;
    assert_eq!(
        renamed["version"],
        notion.ask("docs.page.get", json!({"page": id})).await["version"]
    );
    let more = json!({"page": id, "body": "at last", "if_match": renamed["version"]});
    notion.ask("docs.page.append", more.clone()).await;
    // Within the same minute.
    assert_eq!(
        notion.fails("docs.page.append", more).await,
        (Kind::PreconditionFailed, Some("if_match".to_owned()))
    );
}

/// N8, N24: what cannot be made anew is kept.
async fn opaque(notion: &Through) {
    let id = titled(notion, "Handbook").await;
    let failure = notion
        .fails("docs.page.update", json!({"page": id, "body": "only this"}))
        .await;
    assert_eq!(failure, (Kind::Conflict, Some("body".to_owned())));
    let updated = notion
        .ask(
            "docs.page.update",
            json!({"page": id, "body": "only this", "lossy": true}),
        )
        .await;
    let body = updated["body"].as_str().expect("a text");
    assert!(
        body.starts_with("only this") && body.contains("notion:child_page") && !body.contains("notion:form"),
        "{body}"
    );
    assert_eq!(notion.ask("docs.page.get", json!({"page": id})).await["body"], body);
}

async fn moving(notion: &Through, page: &Value, home: &Value) {
    let moved = notion
        .ask("docs.page.move", json!({"page": page, "parent": home}))
        .await;
    assert_eq!(&moved["parent"], home);
    let within = notion
        .fails("docs.page.move", json!({"page": home, "parent": page}))
        .await;
    assert_eq!(within.0, Kind::InvalidInput);
    let deleted = notion.ask("docs.page.delete", json!({"page": page})).await;
    assert_eq!(deleted["outcome"], "trashed");
    // N19: it can be read, and not be written to.
    assert_eq!(
        notion.ask("docs.page.get", json!({"page": page})).await["trashed"],
        true
    );
    assert_eq!(
        notion
            .fails("docs.page.append", json!({"page": page, "body": "x"}))
            .await
            .0,
        Kind::Conflict
    );
    // N20: nothing is gone for good.
    let restored = notion.ask("docs.page.restore", json!({"page": page})).await;
    assert_eq!((restored.get("trashed"), &restored["id"]), (None, page));
}

async fn comments(notion: &Through) {
    let id = titled(notion, "Handbook").await;
    let all = notion.pages("docs.comment.list", json!({"page": id})).await;
    // N27: that of a closed discussion is not told.
    assert_eq!((all.len(), &all[0]["body"]), (1, &json!("Is this so?")));
    let reply = json!({"page": id, "body": "It **is**", "reply_to": all[0]["id"]});
    let reply = notion.ask("docs.comment.create", reply).await;
    assert_eq!(
        (&reply["body"], &reply["reply_to"]),
        (&json!("It **is**"), &all[0]["id"])
    );
    let all = notion.pages("docs.comment.list", json!({"page": id})).await;
    assert_eq!((ids(&all).len(), &all[1]["reply_to"]), (2, &all[0]["id"]));
}

async fn upload(notion: &Through, page: &Value, name: &str, bytes: Bytes) -> Value {
    let mut call = upstream::call("docs.attachment.upload", json!({"page": page}), false).expect("a sound input");
    call.upload = Some(Arc::new(Upload::replayable(
        "text/plain".into(),
        Some(name.into()),
        bytes,
    )));
    let answer = driver("notion", &notion.connection)
        .expect("connected")
        .call(Arc::new(call))
        .await;
    upstream::whole(answer.unwrap_or_else(|failure| panic!("{failure:?}")))
        .await
        .0
}

async fn files(notion: &Through) {
    let id = titled(notion, "Long").await;
    let small = upload(notion, &id, "a.txt", Bytes::from_static(b"small")).await;
    // N22: what is larger than 20 MiB goes in parts.
    let large = Bytes::from(vec![b'x'; (20 << 20) + 1]);
    let large = upload(notion, &id, "b.txt", large).await;
    let all = notion
        .pages("docs.attachment.list", json!({"page": id, "limit": 1}))
        .await;
    assert_eq!(
        ids(&all),
        [
            small["id"].as_str().expect("an id"),
            large["id"].as_str().expect("an id")
        ]
    );
    let got = notion
        .ask("docs.attachment.get", json!({"attachment": small["id"]}))
        .await;
    assert_eq!((&got["text"], &got["name"]), (&json!("small"), &json!("a.txt")));
    let got = notion
        .ask("docs.attachment.get", json!({"attachment": large["id"]}))
        .await;
    assert_eq!(got["text"].as_str().map(str::len), Some((20 << 20) + 1));
    // Asked for beside the others, so that none is left out.
    assert_eq!(
        notion
            .try_ask("docs.attachment.upload", json!({"page": id}))
            .await
            .expect_err("no file")
            .kind,
        Kind::InvalidInput
    );
}

/// N23, N25: the whole text, in the version that has it.
async fn exports(notion: &Through) {
    let id = titled(notion, "Long").await;
    let file = notion.ask("docs.page.export_markdown", json!({"page": id})).await;
    let text = file["text"].as_str().expect("a text");
    assert!(
        text.contains("The line with the number 1,") && text.contains("The line with the number 250,"),
        "{text}"
    );
    assert!(!text.contains("<unknown"), "{text}");
    let same = notion
        .ask("docs.page.export", json!({"page": id, "format": "markdown"}))
        .await;
    assert_eq!(same["text"], file["text"]);
}

#[tokio::test]
async fn both_versions_are_served() {
    let mut notion = start().await;
    notion
        .connection
        .settings
        .insert("api_version".to_owned(), "2026-03-11".into());
    let home = titled(&notion, "Projects").await;
    let page = notion
        .ask("docs.page.create", json!({"parent": home, "title": "t", "body": "b"}))
        .await;
    let updated = notion
        .ask("docs.page.update", json!({"page": page["id"], "body": "a\n\nb\n\nc"}))
        .await;
    assert_eq!(updated["body"], "a\n\nb\n\nc");
    assert_eq!(
        notion.ask("docs.page.get", json!({"page": page["id"]})).await["body"],
        "a\n\nb\n\nc"
    );
    notion.ask("docs.page.delete", json!({"page": page["id"]})).await;
    notion.ask("docs.page.restore", json!({"page": page["id"]})).await;
}

/// N4: whatever part of a change fails, the page is as it was, or the failure says what stands there.
#[tokio::test]
async fn a_change_that_fails_is_taken_back() {
    let notion = start().await;
    let home = titled(&notion, "Projects").await;
    let page = notion
        .ask("docs.page.create", json!({"parent": home, "title": "t", "body": "old"}))
        .await;
    let id = page["id"].as_str().expect("an id");
    let native = id.split_once('~').expect("a neutral id").1.to_owned();
    let mut fault = Fault::new(Effect::Error { status: 503 });
    fault.method = Some("PATCH".to_owned());
    fault.path_prefix = Some(format!("/v1/blocks/{native}/children"));
    notion.server().faults().add(fault).expect("a sound fault");
    let many = "new\n\n".repeat(10);
    let failure = notion
        .try_ask("docs.page.update", json!({"page": id, "body": many}))
        .await;
    assert_eq!(failure.expect_err("refused").kind, Kind::UpstreamFailed);
    notion.server().faults().clear();
    assert_eq!(notion.ask("docs.page.get", json!({"page": id})).await["body"], "old");
}

/// A fault that hits the second request of those that it could.
fn second(effect: Effect) -> Fault {
    let is = |seed: &u64| {
        let mut random = fastrand::Rng::with_seed(*seed);
        random.f64() >= 0.5 && random.f64() < 0.5
    };
    let mut fault = Fault::new(effect);
    fault.seed = (0..).find(is).expect("some seed");
    (fault.probability, fault.times) = (0.5, Some(1));
    (fault.method, fault.path_prefix) = (Some("PATCH".to_owned()), Some("/v1/blocks/".to_owned()));
    fault
}

/// N4: what is written though nobody answers is looked for, and taken away with the rest.
#[tokio::test]
async fn a_part_that_is_written_without_an_answer_is_taken_back() {
    let notion = start().await;
    let home = titled(&notion, "Projects").await;
    let page = json!({"parent": home, "title": "t", "body": "old\n\nand last"});
    let page = notion.ask("docs.page.create", page).await;
    let many = (1..=150).map(|n| format!("p{n}")).collect::<Vec<_>>().join("\n\n");
    for (operation, processed, body, says) in [
        ("docs.page.append", true, many.clone(), "the page is as it was"),
        ("docs.page.append", false, many.clone(), "may stand in the page"),
        (
            "docs.page.update",
            true,
            many.clone() + "\n\nand last",
            "the page is as it was",
        ),
    ] {
        notion
            .server()
            .faults()
            .add(second(Effect::Reset { processed }))
            .expect("a sound fault");
        let failure = notion
            .try_ask(operation, json!({"page": page["id"], "body": body}))
            .await;
        let failure = failure.expect_err("no answer");
        assert!(failure.message().contains(says), "{operation} {failure}");
        assert!(!failure.retryable && !failure.unsent, "{operation} {failure}");
        notion.server().faults().clear();
        let now = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
        assert_eq!(now["body"], "old\n\nand last", "{operation}");
    }
    assert_eq!(notion.server().requests().faults("reset"), 3);
}

/// A fault that hits the removals of blocks; `at`: the first, the second, or none: each.
fn removals(status: u16, at: Option<usize>) -> Fault {
    let effect = Effect::Error { status };
    let mut fault = match at {
        Some(2) => second(effect),
        _ => Fault::new(effect),
    };
    fault.times = at.map(|_| 1);
    (fault.method, fault.path_prefix) = (Some("DELETE".to_owned()), Some("/v1/blocks/".to_owned()));
    fault
}

/// N4: where an old block cannot be taken away, those that went are put back and the new text goes again.
#[tokio::test]
async fn a_removal_that_fails_leaves_the_page_as_it_was() {
    let notion = start().await;
    let home = titled(&notion, "Projects").await;
    for (status, at, kind) in [
        (403, 1, Kind::Forbidden),
        (403, 2, Kind::Forbidden),
        (400, 2, Kind::InvalidInput),
        (503, 1, Kind::UpstreamFailed),
        (503, 2, Kind::UpstreamFailed),
    ] {
        let page = json!({"parent": home, "title": "t", "body": "one\n\ntwo"});
        let page = notion.ask("docs.page.create", page).await;
        let fault = removals(status, Some(at));
        notion.server().faults().add(fault).expect("a sound fault");
        let new = json!({"page": page["id"], "body": "A\n\nB"});
        let failure = notion.try_ask("docs.page.update", new).await.expect_err("refused");
        assert_eq!(
            (failure.kind, failure.unsent, failure.retryable),
            (kind, false, false),
            "{failure}"
        );
        assert!(
            failure.message().ends_with("the page is as it was"),
            "{status} {at} {failure}"
        );
        notion.server().faults().clear();
        let now = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
        assert_eq!(now["body"], "one\n\ntwo", "{status} {at}");
    }
    assert_eq!(notion.server().requests().faults("error"), 5);
}

/// N4: where nothing can be taken away at all, the failure says what stands, and is none that says that nothing was done.
#[tokio::test]
async fn what_cannot_be_taken_away_again_is_told() {
    let notion = start().await;
    let home = titled(&notion, "Projects").await;
    for status in [403, 400, 503] {
        let page = json!({"parent": home, "title": "t", "body": "one\n\ntwo"});
        let page = notion.ask("docs.page.create", page).await;
        notion
            .server()
            .faults()
            .add(removals(status, None))
            .expect("a sound fault");
        let new = json!({"page": page["id"], "body": "A\n\nB"});
        let failure = notion.try_ask("docs.page.update", new).await.expect_err("refused");
        assert_eq!(failure.kind, Kind::UpstreamFailed, "{failure}");
        assert!(!failure.unsent && !failure.retryable, "{failure}");
        let says = "all of the old text is there, and 2 blocks of the new one";
        assert!(failure.message().contains(says), "{status} {failure}");
        notion.server().faults().clear();
        let now = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
        let body = now["body"].as_str().expect("a text");
        for text in ["one", "two", "A", "B"] {
            assert!(body.split("\n\n").any(|part| part == text), "{status} {body}");
        }
    }
}

/// Options are written all at once, and none of those that are added at once is lost.
#[tokio::test]
async fn labels_that_are_made_at_once_are_all_there() {
    let mut notion = start().await;
    mapped(&mut notion);
    let tasks = board(&notion, "Tasks").await;
    let driver = driver("notion", &notion.connection).expect("connected");
    let create = |name: String| {
        let input = json!({"project": tasks, "name": name, "description": format!("what is {name}")});
        let call = upstream::call("projects.label.create", input, false).expect("a sound input");
        driver.clone().call(Arc::new(call))
    };
    let names: Vec<String> = (1..=6).map(|n| format!("new {n}")).collect();
    for made in futures_util::future::join_all(names.iter().cloned().map(create)).await {
        made.expect("made");
    }
    let all = notion.pages("projects.label.list", json!({"project": tasks})).await;
    for name in &names {
        let label = all.iter().find(|label| label["name"] == name.as_str());
        let label = label.unwrap_or_else(|| panic!("{name} {all:?}"));
        assert_eq!(label["description"], format!("what is {name}"));
    }
}

/// Waits for something that comes by itself.
async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    waited.unwrap_or_else(|_| panic!("{what}"));
}

/// Drops an operation at a request that nobody answers.
async fn dropped(notion: &Through, (method, path): (&str, &str), operation: &str, input: Value) {
    let mut fault = Fault::new(Effect::Hang { processed: false });
    (fault.method, fault.path_prefix) = (Some(method.to_owned()), Some(path.to_owned()));
    fault.times = Some(1);
    stopped(notion, fault, operation, input).await;
}

/// Drops an operation once it hangs.
async fn stopped(notion: &Through, fault: Fault, operation: &str, input: Value) {
    notion.server().faults().add(fault).expect("a sound fault");
    let before = notion.server().requests().faults("hang");
    tokio::select! {
        outcome = notion.try_ask(operation, input) => panic!("{operation}: {outcome:?}"),
        () = until("it hangs", || notion.server().requests().faults("hang") > before) => {}
    }
}

/// N4: where an operation's time ends between two requests, nothing half written is left.
#[tokio::test]
async fn what_is_dropped_midway_is_taken_back_or_brought_to_its_end() {
    let notion = start().await;
    let home = titled(&notion, "Projects").await;
    let many = (1..=230).map(|n| format!("p{n}")).collect::<Vec<_>>().join("\n\n");
    let half = json!({"parent": home, "title": "Half", "body": many});
    dropped(&notion, ("PATCH", "/v1/blocks/"), "docs.page.create", half).await;
    let trashed = || notion.server().requests().served(&Method::PATCH, "/v1/pages/{id}") == 1;
    until("the page is put into the trash", trashed).await;
    let children = notion.pages("docs.page.list_children", json!({"parent": home})).await;
    assert!(children.iter().all(|child| child["title"] != "Half"), "{children:?}");
    // What is written though nobody waits for the answer is found.
    let page = json!({"parent": home, "title": "t", "body": "one"});
    let page = notion.ask("docs.page.create", page).await;
    let mut fault = second(Effect::Hang { processed: true });
    fault.probability = 1.0;
    let more = json!({"page": page["id"], "body": "one\n\ntwo"});
    stopped(&notion, fault, "docs.page.update", more).await;
    let gone = || notion.server().requests().served(&Method::DELETE, "/v1/blocks/{id}") == 1;
    until("the new text is taken away", gone).await;
    let read = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
    assert_eq!(read["body"], "one");
    // What is written already takes the place of what was there.
    let page = json!({"parent": home, "title": "t", "body": "one\n\ntwo\n\nthree"});
    let page = notion.ask("docs.page.create", page).await;
    let new = json!({"page": page["id"], "body": "four"});
    dropped(&notion, ("DELETE", "/v1/blocks/"), "docs.page.update", new).await;
    let gone = || notion.server().requests().served(&Method::DELETE, "/v1/blocks/{id}") == 4;
    until("the old text is taken away", gone).await;
    let read = notion.ask("docs.page.get", json!({"page": page["id"]})).await;
    assert_eq!(read["body"], "four");
}

/// What the sandbox's data sources are read by.
fn mapped(notion: &mut Through) {
    let mapping = json!({"status": "State", "labels": "Tags", "assignee": "Who", "due": "Due", "closed": ["Done", "Dropped"],
        "not_planned": "Dropped", "reopen": "To do"});
    notion.connection.settings.insert("tracker".to_owned(), mapping);
}

/// The native id of a board by its title.
async fn board(notion: &Through, title: &str) -> String {
    let boards = notion.pages("projects.board.list", json!({"limit": 2})).await;
    let found = boards.iter().find(|board| board["title"] == title).expect(title);
    let id = found["id"].as_str().expect("an id");
    id.split_once('~').expect("a neutral id").1.to_owned()
}

async fn issues(notion: &Through) {
    let tasks = board(notion, "Tasks").await;
    let open = notion
        .pages("projects.issue.list", json!({"project": tasks, "limit": 10}))
        .await;
    let closed = notion
        .pages(
            "projects.issue.list",
            json!({"project": tasks, "state": "closed", "limit": 7}),
        )
        .await;
    let all = notion
        .pages("projects.issue.list", json!({"project": tasks, "state": "all"}))
        .await;
    assert_eq!((open.len(), closed.len(), all.len()), (23, 12, 35));
    assert_eq!(
        (&all[0]["number"], &all[0]["title"]),
        (&json!(35), &json!("Task 35 of one"))
    );
    let bugs = json!({"project": tasks, "state": "all", "labels": ["bug"]});
    assert_eq!(notion.pages("projects.issue.list", bugs).await.len(), 7);
    let found = json!({"query": "task 1 of", "project": tasks});
    assert_eq!(notion.pages("projects.issue.search", found).await.len(), 1);
    let everywhere = notion
        .pages("projects.issue.search", json!({"query": "task", "limit": 50}))
        .await;
    assert_eq!(everywhere.len(), 35 + 70);
    // N12: behind the end of a query the list goes on, whatever the size of its pages.
    let archive = board(notion, "Archive").await;
    for limit in [3, 10, 100] {
        let list = json!({"project": archive, "state": "all", "limit": limit});
        let all = notion.pages("projects.issue.list", list).await;
        let distinct: std::collections::BTreeSet<&str> = ids(&all).into_iter().collect();
        assert_eq!((all.len(), distinct.len()), (70, 70), "{limit}");
    }
    changed(notion, &tasks).await;
}

async fn changed(notion: &Through, tasks: &str) {
    let ada = notion.pages("docs.user.list", json!({})).await[0]["id"].clone();
    let input = json!({"project": tasks, "title": "A new one", "body": "Do **it**\n\n- now", "labels": ["bug"],
        "assignees": [ada], "due_on": "2026-04-01"});
    let made = notion.ask("projects.issue.create", input).await;
    assert_eq!(
        (&made["number"], &made["state"], &made["labels"]),
        (&json!(36), &json!("open"), &json!(["bug"]))
    );
    let issue = json!({"issue": made["id"]});
    let read = notion.ask("projects.issue.get", issue.clone()).await;
    assert_eq!(
        (&read["body"], &read["due_on"]),
        (&json!("Do **it**\n\n- now"), &json!("2026-04-01"))
    );
    assert_eq!(read["assignees"][0]["name"], "Ada");
    let with = |more: Value| {
        let mut input = issue.clone();
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        input
    };
    let time = with(json!({"body": "done", "if_match": read["updated_at"]}));
    assert_eq!(
        notion.fails("projects.issue.update", time).await,
        (Kind::Unsupported, Some("if_match".to_owned()))
    );
    let (_, page) = made["id"].as_str().and_then(|id| id.split_once('#')).expect("a page");
    let seen = notion.ask("docs.page.get", json!({"page": page})).await["version"].clone();
    let stale = with(json!({"body": "done", "if_match": format!("{}x", seen.as_str().expect("a version"))}));
    assert_eq!(
        notion.fails("projects.issue.update", stale).await,
        (Kind::PreconditionFailed, Some("if_match".to_owned()))
    );
    let update = with(json!({"title": "Another", "body": "done", "clear": ["due_on"], "if_match": seen}));
    let updated = notion.ask("projects.issue.update", update).await;
    assert_eq!(
        (&updated["title"], &updated["body"], updated.get("due_on")),
        (&json!("Another"), &json!("done"), None)
    );
    let closed = notion
        .ask("projects.issue.close", with(json!({"reason": "not_planned"})))
        .await;
    assert_eq!(
        (&closed["state"], &closed["raw_state"]),
        (&json!("closed"), &json!("Dropped"))
    );
    assert_eq!(
        notion.ask("projects.issue.close", issue.clone()).await["raw_state"],
        "Dropped"
    );
    assert_eq!(
        notion.ask("projects.issue.reopen", issue.clone()).await["raw_state"],
        "To do"
    );
    assert_eq!(
        notion
            .ask("projects.issue.assign", with(json!({"assignees": []})))
            .await["assignees"],
        json!([])
    );
    labels(notion, tasks, &issue).await;
    said(notion, &issue).await;
    boards(notion, tasks).await;
    assert_eq!(
        notion.ask("projects.issue.delete", issue.clone()).await["outcome"],
        "trashed"
    );
    let left = notion
        .pages("projects.issue.list", json!({"project": tasks, "state": "all"}))
        .await;
    assert!(!ids(&left).contains(&made["id"].as_str().expect("an id")));
}

async fn labels(notion: &Through, tasks: &str, issue: &Value) {
    let strange = json!({"issue": issue["issue"], "labels": ["urgent"]});
    let refused = notion.fails("projects.label.set", strange.clone()).await;
    assert_eq!(refused, (Kind::InvalidInput, Some("labels".to_owned())));
    let made = notion
        .ask("projects.label.create", json!({"project": tasks, "name": "urgent"}))
        .await;
    assert_eq!(made["name"], "urgent");
    let all = notion
        .pages("projects.label.list", json!({"project": tasks, "limit": 2}))
        .await;
    assert_eq!((all.len(), &all[0]["name"]), (3, &json!("bug")));
    assert_eq!(
        notion.ask("projects.label.set", strange).await["labels"],
        json!(["urgent"])
    );
}

async fn said(notion: &Through, issue: &Value) {
    let input = json!({"issue": issue["issue"], "body": "see `this`"});
    let comment = notion.ask("projects.comment.create", input).await;
    let of = json!({"comment": comment["id"], "body": "see **that**"});
    assert_eq!(notion.ask("projects.comment.update", of).await["body"], "see **that**");
    let all = notion.pages("projects.comment.list", issue.clone()).await;
    assert_eq!((all.len(), &all[0]["id"]), (1, &comment["id"]));
    let gone = notion
        .ask("projects.comment.delete", json!({"comment": comment["id"]}))
        .await;
    assert_eq!(gone["outcome"], "deleted");
    assert_eq!(notion.pages("projects.comment.list", issue.clone()).await.len(), 0);
}

async fn boards(notion: &Through, tasks: &str) {
    let item = json!({"board": tasks, "title": "On the board", "column": "Doing"});
    let item = notion.ask("projects.board.add_item", item).await;
    assert_eq!((&item["column"], &item["state"]), (&json!("Doing"), &json!("open")));
    let doing = notion
        .pages(
            "projects.board.items",
            json!({"board": tasks, "column": "Doing", "limit": 5}),
        )
        .await;
    assert_eq!((doing.len(), &doing[0]["id"]), (13, &item["id"]));
    let update = json!({"item": item["id"], "column": "Done", "fields": {"Due": "2026-05-01"}});
    let updated = notion.ask("projects.board.update_item", update).await;
    assert_eq!(
        (&updated["state"], &updated["fields"]["Due"]["start"]),
        (&json!("closed"), &json!("2026-05-01"))
    );
    let computed = json!({"item": item["id"], "fields": {"Score": 1}});
    assert_eq!(
        notion.fails("projects.board.update_item", computed).await.0,
        Kind::Unsupported
    );
}

/// P1: a property that is renamed is told by the name that the settings have for it.
#[tokio::test]
async fn a_mapping_that_does_not_fit_any_more_is_told() {
    let mut notion = start().await;
    let mapping = json!({"labels": "Etiketten"});
    notion.connection.settings.insert("tracker".to_owned(), mapping);
    let tasks = board(&notion, "Tasks").await;
    let failure = notion
        .try_ask("projects.issue.list", json!({"project": tasks}))
        .await
        .expect_err("it is not there");
    assert_eq!(failure.kind, Kind::PreconditionFailed);
    assert!(failure.message().contains("Etiketten"), "{failure}");
}
