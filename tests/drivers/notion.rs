//! Notion: what its refusals become, what is not sent, and what a request that follows another waits for.
//!
//! Invariant: nothing that was refused unread is lost, and nothing that may have been done is done again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use mosaic::providers::http::credential::Clock;
use mosaic::providers::{Connection, KINDS};
use mosaic_actors::driver::Driver;
use mosaic_actors::error::Kind;
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};

use crate::upstream::{self, Canned, Upstream, ask, connection, driver};

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
    // Where the page is not told behind it, the answer is what was written.
    assert_eq!(asked, ["POST", "PATCH", "PATCH", "PATCH", "GET"]);
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
    let at = |level: usize| format!("{}{level:02}", &OTHER[..OTHER.len() - 2]);
    let levels = (0..12).map(|level| list(json!([block(&at(level), true)])));
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
    assert_eq!(read["lost"], json!([{"what": "bulleted_list_item", "id": at(11)}]));
    let more = |at: usize| {
        let cursor = format!("{at}");
        json!({"object": "list", "results": [block(OTHER, false)], "has_more": true, "next_cursor": cursor})
    };
    let endless = (0..200).map(|at| Canned::json(200, more(at)));
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

/// A page that leads back to itself has no end, and is none that can be read.
#[tokio::test]
async fn a_block_that_holds_itself_is_found_by_its_id() {
    let block = |id: &str| {
        list(
            json!([{"object": "block", "id": id, "type": "toggle", "has_children": true,
            "toggle": {"rich_text": []}}]),
        )
    };
    let other = OTHER.replace('-', "").to_uppercase();
    for (answers, asked) in [
        (vec![page(), block(PAGE)], 2),
        (vec![page(), block(OTHER), block(&other)], 3),
    ] {
        let provider = Upstream::answering(answers).await;
        let input = json!({"page": PAGE});
        let failure = ask("notion", &connection(&provider.url), "docs.page.get", input).await;
        let failure = failure.expect_err("no end");
        assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
        assert_eq!(provider.seen().len(), asked);
    }
}

/// To fail for what is read behind a write would have it written twice.
#[tokio::test]
async fn what_was_written_is_told_though_the_answer_behind_it_cannot_be_read() {
    let odd = || Canned::json(200, json!([]));
    let create = json!({"parent": OTHER, "title": "t", "body": "x"});
    let retitle = json!({"page": PAGE, "title": "t"});
    for (operation, input, answers) in [
        ("docs.page.create", create, vec![page(), odd()]),
        ("docs.page.update", retitle, vec![page(), list(json!([])), odd()]),
    ] {
        let asked = answers.len();
        let provider = Upstream::answering(answers).await;
        let written = ask("notion", &connection(&provider.url), operation, input).await;
        let written = written.unwrap_or_else(|failure| panic!("{operation}: {failure}"));
        assert_eq!(
            (&written["title"], &written["version"]),
            (&json!("t"), &json!(null)),
            "{operation}"
        );
        assert_eq!(provider.seen().len(), asked, "{operation}");
    }
}

/// A page whose text is told level by level is not read behind each write to it.
#[tokio::test]
async fn a_text_of_many_levels_is_not_read_behind_a_write() {
    let toggle = |at: usize| {
        let id = format!("{}{at:02}", &OTHER[..OTHER.len() - 2]);
        json!({"object": "block", "id": id, "type": "toggle", "has_children": true, "toggle": {"rich_text": []}})
    };
    let toggles: Vec<Value> = (0..40).map(toggle).collect();
    let provider = Upstream::answering([page(), page(), list(json!(toggles))]).await;
    let create = json!({"parent": OTHER, "title": "t", "body": "x"});
    let written = ask("notion", &connection(&provider.url), "docs.page.create", create).await;
    let written = written.expect("it was written");
    assert_eq!((&written["body"], &written["version"]), (&json!("x"), &json!(null)));
    assert_eq!(provider.seen().len(), 3);
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

const SOURCE: &str = "248104cd-477e-80af-bc30-000bd28de8f9";

/// A data source whose statuses are these, and closed the last `closed` of them.
fn source(words: &[&str], closed: usize, labels: &[&str]) -> Canned {
    let option = |word: &&str| json!({"id": format!("id-{word}"), "name": word, "color": "red", "description": null});
    let ids: Vec<String> = words.iter().map(|word| format!("id-{word}")).collect();
    let (open, done) = ids.split_at(ids.len() - closed);
    let mut labels: Vec<Value> = labels.iter().map(option).collect();
    if let Some(first) = labels.first_mut() {
        first["description"] = "what it is".into();
    }
    Canned::json(
        200,
        json!({"object": "data_source", "id": SOURCE, "properties": {
            "State": {"id": "st", "type": "status", "status": {
                "options": words.iter().map(option).collect::<Vec<_>>(),
                "groups": [{"name": "Open", "option_ids": open}, {"name": "Closed", "option_ids": done}]}},
            "Tags": {"id": "tg", "type": "multi_select", "multi_select": {"options": labels}}}}),
    )
}

/// A page of the data source.
fn row(word: &str) -> Value {
    json!({"object": "page", "id": PAGE, "parent": {"type": "data_source_id", "data_source_id": SOURCE},
        "last_edited_time": "2026-03-01T12:00:00.000Z",
        "properties": {"State": {"id": "st", "type": "status", "status": {"id": "x", "name": word}}}})
}

fn tagged(url: &str) -> Connection {
    let mut connection = connection(url);
    connection
        .settings
        .insert("tracker".to_owned(), json!({"labels": "Tags"}));
    connection
}

async fn does(driver: &Arc<dyn Driver>, operation: &str, input: Value) -> Value {
    let call = upstream::call(operation, input, false).expect("a sound input");
    let answer = driver.clone().call(Arc::new(call)).await;
    upstream::whole(answer.unwrap_or_else(|failure| panic!("{operation}: {failure:?}")))
        .await
        .0
}

/// P2: nobody tells of an option that is added: a word that is not known is looked up.
#[tokio::test]
async fn a_word_that_is_new_is_looked_up() {
    let (old, new) = (&["To do", "Done"][..], &["To do", "Done", "Archived"][..]);
    let issue = json!({"issue": format!("{SOURCE}#{PAGE}")});
    let all = json!({"project": SOURCE, "state": "all"});
    let open = json!({"project": SOURCE, "state": "open"});
    let board = json!({"board": SOURCE});
    let one = || Canned::json(200, row("Archived"));
    let rows = || list(json!([row("Archived")]));
    for (operation, input, answers, states) in [
        ("projects.issue.get", issue.clone(), vec![one()], json!("closed")),
        ("projects.issue.list", all, vec![rows()], json!(["closed"])),
        // It was asked for by what was known.
        ("projects.issue.list", open, vec![rows()], json!([])),
        ("projects.board.items", board, vec![rows()], json!(["closed"])),
        ("projects.issue.close", issue, vec![one()], json!("closed")),
    ] {
        let mut answers = answers;
        answers.insert(0, source(old, 1, &[]));
        answers.push(source(new, 2, &[]));
        if operation == "projects.issue.get" {
            answers.push(list(json!([])));
        }
        let count = answers.len();
        let provider = Upstream::answering(answers).await;
        let told = ask("notion", &connection(&provider.url), operation, input)
            .await
            .expect(operation);
        let of_items = |items: &Vec<Value>| items.iter().map(|item| item["state"].clone()).collect();
        let now = told["items"].as_array().map_or(told["state"].clone(), of_items);
        assert_eq!((now, provider.seen().len()), (states, count), "{operation}");
    }
}

/// P2: words that are grouped otherwise are seen within a minute.
#[tokio::test]
async fn what_is_known_of_a_data_source_does_not_last() {
    let words = &["To do", "Doing", "Done"];
    let rows = || list(json!([row("Doing")]));
    let answers = [source(words, 1, &[]), rows(), rows(), source(words, 2, &[]), rows()];
    let provider = Upstream::answering(answers).await;
    let seconds = Arc::new(AtomicI64::new(1_800_000_000));
    let at = seconds.clone();
    let mut connection = connection(&provider.url);
    connection.clock = Clock::new(move || Timestamp::from_second(at.load(Ordering::Relaxed)).expect("a time"));
    let driver = driver("notion", &connection).expect("connected");
    for (later, state) in [(0, "open"), (59, "open"), (1, "closed")] {
        seconds.fetch_add(later, Ordering::Relaxed);
        let all = json!({"project": SOURCE, "state": "all"});
        let all = does(&driver, "projects.issue.list", all).await;
        assert_eq!(all["items"][0]["state"], state, "{later}");
    }
    assert_eq!(provider.seen().len(), 5);
}

/// What others write over is added again, and nothing of what is there is left out.
#[tokio::test]
async fn a_label_that_is_written_over_is_added_again() {
    let words = &["To do", "Done"];
    let of = |labels: &[&str]| source(words, 1, labels);
    let answers = [
        of(&["bug"]),
        of(&["bug"]),
        of(&["bug", "new"]),
        of(&["bug", "other"]),
        of(&["bug", "other"]),
        of(&["bug", "other", "new"]),
        of(&["bug", "other", "new"]),
    ];
    let provider = Upstream::answering(answers).await;
    let input = json!({"project": SOURCE, "name": "new"});
    let made = ask("notion", &tagged(&provider.url), "projects.label.create", input).await;
    assert_eq!(made.expect("made")["name"], "new");
    let seen = provider.seen();
    let asked: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(asked, ["GET", "GET", "PATCH", "GET", "GET", "PATCH", "GET"]);
    let sent: Value = serde_json::from_slice(&seen[5].body).expect("JSON");
    assert_eq!(
        sent["properties"]["tg"]["multi_select"]["options"],
        json!([{"id": "id-bug", "name": "bug", "color": "red", "description": "what it is"},
            {"id": "id-other", "name": "other", "color": "red"}, {"name": "new"}])
    );
}

/// P1: pages of a data source that the mapping does not fit may be issues.
#[tokio::test]
async fn a_search_that_leaves_data_sources_out_says_so() {
    let mut unmapped = connection("http://localhost:1");
    unmapped
        .settings
        .insert("tracker".to_owned(), json!({"labels": "Etiketten"}));
    for (answer, incomplete) in [
        (source(&["To do", "Done"], 1, &[]), Some(&json!(true))),
        (error(404, "object_not_found"), Some(&json!(true))),
    ] {
        let answers = [list(json!([row("To do")])), answer.clone(), answer];
        let provider = Upstream::answering(answers).await;
        unmapped.base_url = Some(provider.url.parse().expect("a URL"));
        let found = ask("notion", &unmapped, "projects.issue.search", json!({"query": "x"})).await;
        let found = found.expect("found");
        assert_eq!((&found["items"], found.get("incomplete")), (&json!([]), incomplete));
    }
}

/// A time alone does not tell two changes of one minute apart: nothing is written over by it, and nothing is asked.
#[tokio::test]
async fn a_text_is_not_replaced_by_a_time() {
    let time = "2026-03-01T12:00:00.000Z";
    let issue = format!("{SOURCE}#{PAGE}");
    for (operation, input, kind) in [
        (
            "docs.page.update",
            json!({"page": PAGE, "body": "x", "if_match": time}),
            Kind::PreconditionFailed,
        ),
        (
            "projects.issue.update",
            json!({"issue": issue, "body": "x", "if_match": time}),
            Kind::Unsupported,
        ),
    ] {
        let provider = Upstream::answering([]).await;
        let failure = ask("notion", &connection(&provider.url), operation, input)
            .await
            .expect_err(operation);
        assert_eq!(
            (failure.kind, failure.field.as_deref(), failure.unsent),
            (kind, Some("if_match"), true),
            "{operation}"
        );
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

/// N4: what cannot be had back is not lost twice: the new text stays, and the failure says so.
#[tokio::test]
async fn an_old_text_that_cannot_be_put_back_is_told() {
    let block = |id: &str, text: &str| {
        json!({"object": "block", "id": id, "type": "paragraph", "has_children": false, "paragraph": {"rich_text": [
            {"type": "text", "text": {"content": text}, "plain_text": text}
        ]}})
    };
    let (one, two) = (
        "b0000000-0000-4000-8000-000000000001",
        "b0000000-0000-4000-8000-000000000002",
    );
    let provider = Upstream::answering([
        page(),
        list(json!([block(one, "one"), block(two, "two")])),
        list(json!([{"id": OTHER}])),
        Canned::json(200, block(two, "two")),
        error(403, "restricted_resource"),
        error(403, "restricted_resource"),
    ])
    .await;
    let input = json!({"page": PAGE, "body": "A"});
    let failure = ask("notion", &connection(&provider.url), "docs.page.update", input)
        .await
        .expect_err("refused");
    assert_eq!(
        (failure.kind, failure.unsent),
        (Kind::UpstreamFailed, false),
        "{failure}"
    );
    let says = format!("1 blocks of the old one are in the trash and could not be put back, the first of them {two}");
    assert!(failure.message().contains(&says), "{failure}");
    let seen = provider.seen();
    let asked: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(asked, ["GET", "GET", "PATCH", "DELETE", "DELETE", "PATCH"]);
    assert!(seen[5].path.ends_with(two), "{}", seen[5].path);
}

/// A file whose place has no answer may stand there: whether it does is not known, and not said.
#[tokio::test]
async fn a_file_that_may_stand_in_the_page_is_told_so() {
    let upload = |status: &str| Canned::json(200, json!({"object": "file_upload", "id": OTHER, "status": status}));
    for (answer, says) in [
        (error(500, "internal_server_error"), "may stand in the page"),
        (error(400, "validation_error"), "is in no page"),
        (list(json!([])), "should stand in the page"),
    ] {
        let provider = Upstream::answering([upload("pending"), upload("uploaded"), answer]).await;
        let mut call = upstream::call("docs.attachment.upload", json!({"page": PAGE}), false).expect("a sound input");
        let file = Upload::replayable("text/plain".into(), Some("a.txt".into()), "hello".into());
        call.upload = Some(Arc::new(file));
        let driver = driver("notion", &connection(&provider.url)).expect("connected");
        let failure = driver.call(Arc::new(call)).await.expect_err("not there");
        assert!(failure.message().contains(says), "{failure}");
        assert!(!failure.retryable && !failure.unsent, "{failure}");
    }
}

/// Whoever examines an instance is told of every name in its mappings that is not there, and of nothing where all fits.
#[tokio::test]
async fn an_examination_holds_the_mappings_against_the_data_sources() {
    let source = |id: &str| {
        Canned::json(
            200,
            json!({"object": "data_source", "id": id, "title": [{"plain_text": "Work"}], "properties": {
                "Task": {"id": "title", "type": "title", "title": {}},
                "Tags": {"id": "t", "type": "multi_select", "multi_select": {"options": []}}}}),
        )
    };
    let kind = KINDS.iter().find(|kind| kind.name == "notion").expect("a kind");
    let found = || list(json!([{"object": "data_source", "id": OTHER}]));
    for (settings, answers, told) in [
        (
            json!({"tracker": {"labels": "Tag", "due": "Due"}}),
            vec![found(), source(OTHER)],
            &[
                "settings.tracker.labels",
                "did you mean Tags?",
                "settings.tracker.due",
                "Work",
            ][..],
        ),
        (
            json!({"tracker": {"labels": "Tags"}}),
            vec![found(), source(OTHER)],
            &[],
        ),
        (
            json!({"trackers": {(PAGE): {"assignee": "Who"}}}),
            vec![source(PAGE)],
            &["settings.trackers.1429989f", "no property Who"],
        ),
        (
            json!({"trackers": {(PAGE): {"assignee": "Who"}}}),
            vec![error(404, "object_not_found")],
            &["no data source of this id"],
        ),
        (json!({}), vec![], &[]),
    ] {
        let provider = Upstream::answering(answers).await;
        let mut connection = connection(&provider.url);
        connection.settings = settings.as_object().cloned().expect("a table");
        let wrong = (kind.examined)(&connection).await.expect("looked at");
        let sentences: Vec<&str> = wrong.iter().map(|failure| failure.message()).collect();
        assert_eq!(wrong.len(), usize::from(!told.is_empty()), "{settings}: {sentences:?}");
        for told in told {
            assert!(sentences[0].contains(told), "{told}: {sentences:?}");
        }
    }
}
