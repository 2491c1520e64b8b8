//! The drivers of forges as trackers, through their stand-ins: every operation of projects that each has, told as one story.
//!
//! Invariant: the same question has the same neutral answer at every forge, but for what a forge names by itself; no
//! operation that a driver declares is left out.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mosaic::providers::directory::Directory;
use mosaic::providers::{Connection, KINDS};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::upstream::{ask, connection};

const FORGES: [&str; 3] = ["github", "gitea", "gitlab"];
pub const PROJECT: &str = "acme/api";

/// A server of one forge, the driver's way to it, and what it was asked.
pub struct Tracker {
    pub kind: &'static str,
    pub connection: Connection,
    asked: Mutex<BTreeSet<String>>,
    _sandbox: Sandbox,
}

impl Tracker {
    pub async fn start(kind: &'static str) -> Self {
        let mut server = ServerConfig::new("one", kind, "sandbox-one");
        server.chunk_pace = Duration::ZERO;
        let sandbox = Sandbox::start(SandboxConfig { servers: vec![server] })
            .await
            .expect("a free port");
        let mut connection = connection(sandbox.servers()[0].base_url());
        connection.credential = Some(SecretString::from("sandbox-one").into());
        let people = [("ada", "sandbox-user"), ("grace", "sandbox-guest")];
        let people = people.map(|(name, account)| (name.to_owned(), account.to_owned()));
        connection.directory = Arc::new(Directory::from_iter(people));
        Tracker {
            kind,
            connection,
            asked: Mutex::default(),
            _sandbox: sandbox,
        }
    }

    async fn tried(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        let name = operation.to_owned();
        self.asked.lock().expect("no panic while held").insert(name);
        ask(self.kind, &self.connection, operation, input).await
    }

    pub async fn does(&self, operation: &str, input: Value) -> Value {
        let outcome = self.tried(operation, input.clone()).await;
        outcome.unwrap_or_else(|failure| panic!("{} {operation} {input}: {failure:?}", self.kind))
    }

    /// What it is refused with, and the field that is to blame.
    pub async fn refuses(&self, operation: &str, input: Value) -> (Kind, Option<String>) {
        let outcome = self.tried(operation, input.clone()).await;
        let failure = outcome.expect_err(&format!("{} {operation} {input}", self.kind));
        (failure.kind, failure.field.as_deref().map(str::to_owned))
    }

    fn assert_whole(&self) {
        let kind = KINDS.iter().find(|kind| kind.name == self.kind).expect("a kind");
        let declared = (kind.operations)()
            .into_iter()
            .filter(|name| name.starts_with("projects."));
        let declared: BTreeSet<String> = declared.map(str::to_owned).collect();
        assert_eq!(
            declared,
            *self.asked.lock().expect("no panic while held"),
            "{}",
            self.kind
        );
    }
}

pub fn texts(values: &Value, field: &str) -> Vec<String> {
    let items = values.as_array().expect("a list").iter();
    items
        .map(|item| item[field].as_str().expect("a text").to_owned())
        .collect()
}

/// What is the same everywhere of an issue.
fn told(issue: &Value) -> Value {
    json!({
        "title": issue["title"], "body": issue["body"], "state": issue["state"], "labels": issue["labels"],
        "assignees": texts(&issue["assignees"], "login"), "author": issue["author"]["login"],
        "milestone": issue["milestone"]["title"], "locked": issue["locked"], "comments": issue["comments"],
        "dropped": issue["dropped"],
    })
}

#[tokio::test]
async fn one_story_is_the_same_at_every_forge() {
    let mut stories = vec![];
    for kind in FORGES {
        let tracker = Tracker::start(kind).await;
        let mut story = vec![];
        let id = plan(&tracker, &mut story).await;
        change(&tracker, &id, &mut story).await;
        talk(&tracker, &id, &mut story).await;
        find(&tracker, &id, &mut story).await;
        boards(&tracker, &id).await;
        end(&tracker, &id).await;
        tracker.assert_whole();
        stories.push(story);
    }
    for other in &stories[1..] {
        assert_eq!(stories[0], *other);
    }
}

async fn plan(tracker: &Tracker, story: &mut Vec<Value>) -> Value {
    let label = json!({"project": PROJECT, "name": "urgent", "color": "#AA0011", "description": "At once"});
    let made = tracker.does("projects.label.create", label.clone()).await;
    story.push(json!({"label": [made["name"], made["color"], made["description"]]}));
    let taken = tracker.refuses("projects.label.create", label).await;
    assert_eq!(taken, (Kind::Conflict, Some("name".to_owned())), "{}", tracker.kind);
    let mut names = vec![];
    let mut page = json!({"project": PROJECT, "limit": 2});
    loop {
        let labels = tracker.does("projects.label.list", page.clone()).await;
        names.extend(texts(&labels["items"], "name"));
        match labels["next_cursor"].as_str() {
            Some(cursor) => page["cursor"] = cursor.into(),
            None => break,
        }
    }
    story.push(json!(names));
    let milestone = json!({"project": PROJECT, "title": "2.0", "description": "All of it", "due_on": "2026-03-01"});
    let made = tracker.does("projects.milestone.create", milestone.clone()).await;
    story.push(json!({"milestone": [made["title"], made["description"], made["state"], made["due_on"]]}));
    let taken = tracker.refuses("projects.milestone.create", milestone).await;
    assert_eq!(taken, (Kind::Conflict, Some("title".to_owned())), "{}", tracker.kind);
    let listed = tracker
        .does("projects.milestone.list", json!({"project": PROJECT}))
        .await;
    assert_eq!(listed["items"][0]["id"], made["id"], "{}", tracker.kind);
    let issue = json!({"project": PROJECT, "title": "Grüße 🚀", "body": "/close\nIt *is*", "labels": ["bug", "urgent"],
        "assignees": ["ada", "grace", "sandbox-user"], "milestone": made["id"]});
    let issue = tracker.does("projects.issue.create", issue).await;
    let mut said = told(&issue);
    // Commands are made harmless by a backslash where there are any.
    said["body"] = said["body"].as_str().expect("a body").replace("\\/", "/").into();
    story.push(said);
    let of = json!({"project": PROJECT, "milestone": made["id"], "assignee": "grace", "labels": ["urgent"],
        "updated_since": "2026-01-06T00:00:00Z"});
    let listed = tracker.does("projects.issue.list", of).await;
    assert_eq!(listed["items"][0]["id"], issue["id"], "{}: {listed}", tracker.kind);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{}", tracker.kind);
    // GT23: a label that there is not lists nothing.
    let none = json!({"project": PROJECT, "labels": ["no such label"], "state": "all"});
    let none = tracker.does("projects.issue.list", none).await;
    assert_eq!(none["items"], json!([]), "{}", tracker.kind);
    let unknown = json!({"project": PROJECT, "milestone": "424242"});
    let unknown = tracker.refuses("projects.issue.list", unknown).await;
    assert_eq!(
        unknown,
        (Kind::InvalidInput, Some("milestone".to_owned())),
        "{}",
        tracker.kind
    );
    issue["id"].clone()
}

async fn change(tracker: &Tracker, id: &Value, story: &mut Vec<Value>) {
    let read = tracker.does("projects.issue.get", json!({"issue": id})).await;
    let late = json!({"issue": id, "title": "Too late", "if_match": "2020-01-01T00:00:00Z"});
    let late = tracker.refuses("projects.issue.update", late).await;
    assert_eq!(
        late,
        (Kind::PreconditionFailed, Some("if_match".to_owned())),
        "{}",
        tracker.kind
    );
    let edit = json!({"issue": id, "title": "Hello", "body": "It was", "clear": ["milestone"],
        "if_match": read["updated_at"]});
    story.push(told(&tracker.does("projects.issue.update", edit).await));
    for people in [json!(["grace"]), json!(["ada", "grace"]), json!([])] {
        let assigned = tracker
            .does("projects.issue.assign", json!({"issue": id, "assignees": people}))
            .await;
        let mut logins = texts(&assigned["assignees"], "login");
        logins.sort();
        story.push(json!(logins));
    }
    let nobody = json!({"issue": id, "assignees": ["no-such-account"]});
    let nobody = tracker.refuses("projects.issue.assign", nobody).await;
    assert_eq!(
        nobody,
        (Kind::InvalidInput, Some("assignees".to_owned())),
        "{}",
        tracker.kind
    );
    for labels in [json!(["documentation", "urgent"]), json!([])] {
        let set = tracker
            .does("projects.label.set", json!({"issue": id, "labels": labels}))
            .await;
        story.push(set["labels"].clone());
    }
    for operation in ["projects.issue.close", "projects.issue.reopen"] {
        story.push(told(&tracker.does(operation, json!({"issue": id})).await));
    }
    for locked in [true, false] {
        let lock = tracker
            .does("projects.issue.lock", json!({"issue": id, "locked": locked}))
            .await;
        let read = tracker.does("projects.issue.get", json!({"issue": id})).await;
        assert_eq!((&lock["locked"], &read["locked"]), (&json!(locked), &json!(locked)));
    }
    // A reason is kept where there is a word for one, and refused elsewhere.
    let reason = json!({"issue": id, "reason": "not_planned"});
    match tracker.kind {
        "github" => {
            let closed = tracker.does("projects.issue.close", reason).await;
            assert_eq!(closed["raw_state"], "not_planned");
            tracker.does("projects.issue.reopen", json!({"issue": id})).await;
        }
        _ => {
            let refused = tracker.refuses("projects.issue.close", reason).await;
            assert_eq!(
                refused,
                (Kind::Unsupported, Some("reason".to_owned())),
                "{}",
                tracker.kind
            );
        }
    }
}

async fn talk(tracker: &Tracker, id: &Value, story: &mut Vec<Value>) {
    let said = tracker
        .does("projects.comment.create", json!({"issue": id, "body": "Well"}))
        .await;
    tracker
        .does("projects.comment.create", json!({"issue": id, "body": "Again"}))
        .await;
    let edit = json!({"comment": said["id"], "body": "Better"});
    let edited = tracker.does("projects.comment.update", edit).await;
    assert_eq!(edited["id"], said["id"], "{}", tracker.kind);
    let listed = tracker
        .does("projects.comment.list", json!({"issue": id, "limit": 50}))
        .await;
    let items = listed["items"].as_array().expect("items").iter();
    let words = items.map(|item| json!([item["body"], item["author"]["login"]]));
    story.push(words.collect());
    let of = json!({"comment": said["id"]});
    tracker.does("projects.comment.delete", of.clone()).await;
    assert_eq!(tracker.refuses("projects.comment.delete", of).await.0, Kind::NotFound);
    let left = tracker.does("projects.comment.list", json!({"issue": id})).await;
    story.push(json!(texts(&left["items"], "body")));
    // What is said of one issue is not changed by the name of another.
    let own = left["items"][0]["id"].as_str().expect("an id");
    let other = format!("{PROJECT}#1/{}", own.rsplit('/').next().expect("a number"));
    let refused = tracker
        .refuses("projects.comment.update", json!({"comment": other, "body": "x"}))
        .await;
    assert_eq!(refused.0, Kind::NotFound, "{}", tracker.kind);
}

async fn find(tracker: &Tracker, id: &Value, story: &mut Vec<Value>) {
    for input in [
        json!({"query": "hello", "project": PROJECT}),
        json!({"query": "hello was", "state": "open"}),
    ] {
        let found = tracker.does("projects.issue.search", input).await;
        let ids: Vec<&Value> = found["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| &item["id"])
            .collect();
        assert_eq!(ids, [id], "{}", tracker.kind);
    }
    let all = json!({"query": "seeded", "project": PROJECT, "state": "closed"});
    let all = tracker.does("projects.issue.search", all).await;
    story.push(json!(texts(&all["items"], "title")));
    // Words that are syntax to one of them are words.
    let nothing = json!({"query": "is:pr NOT hello"});
    let nothing = tracker.does("projects.issue.search", nothing).await;
    assert_eq!(nothing["items"], json!([]), "{}", tracker.kind);
}

async fn boards(tracker: &Tracker, id: &Value) {
    match tracker.kind {
        "github" => github_boards(tracker, id).await,
        "gitlab" => gitlab_boards(tracker).await,
        _ => {
            let refused = tracker.kind;
            let none = ask(refused, &tracker.connection, "projects.board.list", json!({})).await;
            assert_eq!(none.expect_err("it has none").kind, Kind::Unsupported);
        }
    }
}

async fn github_boards(tracker: &Tracker, id: &Value) {
    let listed = tracker.does("projects.board.list", json!({"of": "acme"})).await;
    assert_eq!(texts(&listed["items"], "title"), ["Roadmap", "Last year"]);
    assert_eq!(listed["items"][1]["closed"], true);
    let mine = tracker.does("projects.board.list", json!({"of": "sandbox-user"})).await;
    let (board, own) = (listed["items"][0]["id"].clone(), mine["items"][0]["id"].clone());
    let mut page = json!({"board": board, "limit": 2});
    let first = tracker.does("projects.board.items", page.clone()).await;
    assert_eq!(first["items"][0]["column"], "Todo");
    assert_eq!(first["items"][1]["kind"], "pull_request");
    page["cursor"] = first["next_cursor"].clone();
    let last = tracker.does("projects.board.items", page).await;
    assert_eq!(
        (&last["items"][0]["column"], &last["has_more"]),
        (&json!("Done"), &json!(false))
    );
    let added = json!({"board": board, "issue": id, "column": "in progress"});
    let added = tracker.does("projects.board.add_item", added).await;
    assert_eq!((&added["content"], &added["column"]), (id, &json!("In Progress")));
    let moved = json!({"item": added["id"], "column": "Done", "fields": {"Points": 3, "Notes": "Soon"}});
    let moved = tracker.does("projects.board.update_item", moved).await;
    assert_eq!(
        (&moved["column"], &moved["fields"]["Points"]),
        (&json!("Done"), &json!(3))
    );
    let done = tracker
        .does("projects.board.items", json!({"board": board, "column": "Done"}))
        .await;
    assert_eq!(done["items"].as_array().map(Vec::len), Some(2), "{done}");
    let draft = json!({"board": own, "title": "Think", "body": "Hard"});
    let draft = tracker.does("projects.board.add_item", draft).await;
    assert_eq!((&draft["kind"], &draft["title"]), (&json!("draft"), &json!("Think")));
    for (input, field) in [
        (json!({"item": added["id"], "column": "Nowhere"}), "column"),
        (json!({"item": added["id"], "fields": {"Colour": "red"}}), "fields"),
    ] {
        let refused = tracker.refuses("projects.board.update_item", input).await;
        assert_eq!(refused, (Kind::InvalidInput, Some(field.to_owned())));
    }
}

async fn gitlab_boards(tracker: &Tracker) {
    let listed = tracker.does("projects.board.list", json!({"of": PROJECT})).await;
    let board = &listed["items"][0];
    assert_eq!(board["columns"], json!(["bug", "help wanted"]));
    let items = tracker
        .does("projects.board.items", json!({"board": board["id"], "column": "Bug"}))
        .await;
    assert_eq!(texts(&items["items"], "column"), ["bug"]);
    assert_eq!(items["items"][0]["content"], "under-test~acme/api#1");
    let all = tracker
        .does("projects.board.items", json!({"board": board["id"]}))
        .await;
    assert!(all["items"].as_array().is_some_and(|all| all.len() > 2), "{all}");
    let add = json!({"board": board["id"], "title": "x"});
    let add = ask("gitlab", &tracker.connection, "projects.board.add_item", add).await;
    assert_eq!(add.expect_err("it keeps none").kind, Kind::Unsupported);
}

async fn end(tracker: &Tracker, id: &Value) {
    let pull = json!({"issue": format!("{PROJECT}#3"), "title": "x"});
    assert_eq!(tracker.refuses("projects.issue.update", pull).await.0, Kind::NotFound);
    match tracker.kind {
        "github" => {
            // H14: moved, and deleted.
            let moved = tracker
                .does("projects.issue.get", json!({"issue": "quirks/renamed#1"}))
                .await;
            assert_eq!(moved["id"], "under-test~acme/api#1");
            let gone = tracker
                .tried("projects.issue.get", json!({"issue": "quirks/renamed#2"}))
                .await;
            let gone = gone.expect_err("it was deleted");
            assert_eq!((gone.kind, gone.message()), (Kind::NotFound, "the issue was deleted"));
            // H15: where nobody lets us write, labels and people are passed over, and we say so.
            let issue = json!({"project": "sandbox-guest/api", "title": "x", "labels": ["bug"], "assignees": ["ada"]});
            let issue = tracker.does("projects.issue.create", issue).await;
            assert_eq!(issue["dropped"], json!(["labels", "assignees"]));
        }
        kind => {
            tracker.does("projects.issue.delete", json!({"issue": id})).await;
            let gone = tracker.refuses("projects.issue.get", json!({"issue": id})).await;
            assert_eq!(gone.0, Kind::NotFound);
            let project = if kind == "gitea" {
                "sandbox-guest/api"
            } else {
                "sandbox-guest/web"
            };
            let issue = json!({"project": project, "title": "x", "labels": ["bug"], "assignees": ["ada"],
                "due_on": "2026-03-01"});
            let issue = tracker.does("projects.issue.create", issue).await;
            assert_eq!(issue["dropped"], json!(["labels", "assignees", "due_on"]), "{kind}");
        }
    }
    if tracker.kind == "gitlab" {
        let moved = tracker
            .does("projects.issue.get", json!({"issue": "quirks/renamed#1"}))
            .await;
        assert_eq!(moved["raw_state"], "moved");
    }
    let locked = tracker
        .does("projects.issue.get", json!({"issue": "quirks/renamed#3"}))
        .await;
    assert_eq!(locked["locked"], true, "{}", tracker.kind);
}
