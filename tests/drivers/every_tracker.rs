//! What every tracker can do, forges and Notion alike, told as one story by the same neutral words.
//!
//! Invariant: the same question has the same neutral answer at each of them; people are called by the directory's names.

use std::sync::Arc;

use mosaic::providers::KINDS;
use mosaic::providers::directory::Directory;
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::through_trackers::{PROJECT, Tracker, texts};
use crate::upstream::INSTANCE;

const TRACKERS: [&str; 4] = ["github", "gitea", "gitlab", "notion"];

/// An account that nobody has.
const GHOST: &str = "no-account-at-all";

/// A tracker, the project in it, and its accounts with their names in the directory.
struct Told {
    tracker: Tracker,
    project: String,
    people: Vec<(String, &'static str)>,
    story: Vec<Value>,
}

impl Told {
    async fn start(kind: &'static str) -> Self {
        let mut tracker = Tracker::start(kind).await;
        let (project, people) = match kind {
            "notion" => mapped(&mut tracker).await,
            _ => {
                let people = [("sandbox-user", "ada"), ("sandbox-guest", "grace")];
                (
                    PROJECT.to_owned(),
                    people.map(|(account, name)| (account.to_owned(), name)).to_vec(),
                )
            }
        };
        // Somebody whom the directory knows, and nobody else.
        let known = tracker.connection.directory.clone();
        let ghost = [("ghost", GHOST)].into_iter().chain(known.iter());
        let pairs = ghost.map(|(name, account)| (name.to_owned(), account.to_owned()));
        tracker.connection.directory = Arc::new(Directory::from_iter(pairs));
        Told {
            tracker,
            project,
            people,
            story: vec![],
        }
    }

    /// What a look at its settings finds.
    async fn examined(&self) -> Vec<String> {
        let kind = KINDS
            .iter()
            .find(|kind| kind.name == self.tracker.kind)
            .expect("a known kind");
        let wrong = (kind.examined)(&self.tracker.connection)
            .await
            .expect("it is looked at");
        wrong.iter().map(|failure| failure.message().to_owned()).collect()
    }

    async fn does(&self, operation: &str, input: Value) -> Value {
        self.tracker.does(operation, input).await
    }

    async fn refuses(&self, operation: &str, input: Value) -> (Kind, Option<String>) {
        self.tracker.refuses(operation, input).await
    }

    /// What an issue's body is replaced by: Notion tells changes by the minute, and all of them of a page's version alone.
    async fn seen(&self, issue: &Value) -> Value {
        let id = issue["id"].as_str().expect("an id");
        match id.split_once('#') {
            Some((_, page)) if self.tracker.kind == "notion" => {
                self.does("docs.page.get", json!({"page": page})).await["version"].clone()
            }
            _ => issue["updated_at"].clone(),
        }
    }

    /// The names of an issue's people.
    fn names(&self, issue: &Value) -> Vec<&'static str> {
        let account = |person: &Value| {
            let account = person["login"].as_str().or(person["id"].as_str()).expect("an account");
            let known = self.people.iter().find(|(its, _)| its == account);
            known.unwrap_or_else(|| panic!("{}: {account}", self.tracker.kind)).1
        };
        let mut names: Vec<&'static str> = issue["assignees"]
            .as_array()
            .expect("people")
            .iter()
            .map(account)
            .collect();
        names.sort_unstable();
        names
    }

    fn tell(&mut self, issue: &Value) {
        let labels = issue["labels"].as_array().expect("labels").iter();
        let mut labels: Vec<&str> = labels.filter_map(Value::as_str).collect();
        labels.sort_unstable();
        let told = json!({"title": issue["title"], "body": issue["body"], "state": issue["state"], "labels": labels,
            "assignees": self.names(issue), "dropped": issue["dropped"]});
        self.story.push(told);
    }
}

/// Notion's issues are the pages of a data source, by a mapping; its accounts have ids and no names.
async fn mapped(tracker: &mut Tracker) -> (String, Vec<(String, &'static str)>) {
    let mapping = json!({"status": "State", "labels": "Tags", "assignee": "Who", "due": "Due",
        "closed": ["Done", "Dropped"], "not_planned": "Dropped", "reopen": "To do"});
    tracker.connection.settings.insert("tracker".to_owned(), mapping);
    let users = tracker.does("docs.user.list", json!({})).await;
    let users = users["items"].as_array().expect("accounts").iter();
    let ids: Vec<String> = users
        .map(|user| user["id"].as_str().expect("an id").to_owned())
        .collect();
    let people = vec![(ids[0].clone(), "ada"), (ids[1].clone(), "grace")];
    let pairs = people
        .iter()
        .map(|(account, name)| ((*name).to_owned(), account.clone()));
    tracker.connection.directory = Arc::new(Directory::from_iter(pairs));
    let boards = tracker.does("projects.board.list", json!({})).await;
    let boards = boards["items"].as_array().expect("boards").iter();
    let tasks = boards
        .filter(|board| board["title"] == "Tasks")
        .find_map(|board| board["id"].as_str());
    let (_, native) = tasks.and_then(|id| id.split_once('~')).expect("the board");
    (native.to_owned(), people)
}

#[tokio::test]
async fn one_story_is_the_same_at_every_tracker() {
    let mut stories = vec![];
    for kind in TRACKERS {
        let mut told = Told::start(kind).await;
        let id = made(&mut told).await;
        changed(&mut told, &id).await;
        talked(&mut told, &id).await;
        ended(&mut told, &id).await;
        stories.push((kind, told.story));
    }
    for (kind, other) in &stories[1..] {
        assert_eq!(stories[0].1, *other, "{kind}");
    }
}

async fn made(told: &mut Told) -> Value {
    let kind = told.tracker.kind;
    let label = json!({"project": told.project, "name": "urgent", "description": "At once"});
    let made = told.does("projects.label.create", label.clone()).await;
    assert_eq!(made["name"], "urgent", "{kind}");
    let taken = told.refuses("projects.label.create", label).await;
    assert_eq!(taken, (Kind::Conflict, Some("name".to_owned())), "{kind}");
    let listed = told
        .does("projects.label.list", json!({"project": told.project, "limit": 100}))
        .await;
    assert!(texts(&listed["items"], "name").contains(&"urgent".to_owned()), "{kind}");
    // Whoever is named twice is there once.
    let issue = json!({"project": told.project, "title": "Grüße 🚀", "body": "It *is*\n\n- so\n- and so",
        "labels": ["bug", "urgent"], "assignees": ["ada", "grace", told.people[0].0]});
    let issue = told.does("projects.issue.create", issue).await;
    told.tell(&issue);
    let of = json!({"project": told.project, "assignee": "grace", "labels": ["urgent"],
        "updated_since": "2026-01-06T00:00:00Z"});
    let listed = told.does("projects.issue.list", of).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{kind}: {listed}");
    assert_eq!(listed["items"][0]["id"], issue["id"], "{kind}");
    issue["id"].clone()
}

async fn changed(told: &mut Told, id: &Value) {
    let kind = told.tracker.kind;
    let read = told.does("projects.issue.get", json!({"issue": id})).await;
    told.tell(&read);
    let late = json!({"issue": id, "title": "Too late", "if_match": "2020-01-01T00:00:00Z"});
    let late = told.refuses("projects.issue.update", late).await;
    assert_eq!(late, (Kind::PreconditionFailed, Some("if_match".to_owned())), "{kind}");
    let seen = told.seen(&read).await;
    let edit = json!({"issue": id, "title": "Hello", "body": "It was", "if_match": seen});
    let edited = told.does("projects.issue.update", edit).await;
    told.tell(&edited);
    for people in [json!(["grace"]), json!(["ada", "grace"]), json!([])] {
        let input = json!({"issue": id, "assignees": people});
        let assigned = told.does("projects.issue.assign", input).await;
        let names = json!(told.names(&assigned));
        assert_eq!(names, people, "{kind}");
    }
    let nobody = json!({"issue": id, "assignees": ["no-such-account"]});
    let nobody = told.refuses("projects.issue.assign", nobody).await;
    assert_eq!(nobody, (Kind::InvalidInput, Some("assignees".to_owned())), "{kind}");
    // Whom the directory has wrong is not the caller's fault, and is found by whoever looks.
    let ghost = json!({"issue": id, "assignees": ["ada", "ghost"]});
    let ghost = told.refuses("projects.issue.assign", ghost).await;
    let place = format!("directory.ghost.{INSTANCE}");
    assert_eq!(ghost, (Kind::PreconditionFailed, Some(place.clone())), "{kind}");
    // Nobody else was assigned by what was refused so.
    let still = told.does("projects.issue.get", json!({"issue": id})).await;
    assert_eq!(json!(told.names(&still)), json!([]), "{kind}");
    let found = told.examined().await;
    assert!(found.len() == 1 && found[0].starts_with(&place), "{kind}: {found:?}");
    for labels in [json!(["urgent"]), json!([])] {
        let set = told
            .does("projects.label.set", json!({"issue": id, "labels": labels}))
            .await;
        assert_eq!(set["labels"], labels, "{kind}");
    }
    for (operation, state) in [("projects.issue.close", "closed"), ("projects.issue.reopen", "open")] {
        // What is so already stays so.
        for _ in 0..2 {
            assert_eq!(
                told.does(operation, json!({"issue": id})).await["state"],
                state,
                "{kind}"
            );
        }
        for (filter, there) in [("open", state == "open"), ("closed", state == "closed"), ("all", true)] {
            let input = json!({"query": "hello", "project": told.project, "state": filter});
            let input = match filter {
                "all" => json!({"query": "hello", "project": told.project}),
                _ => input,
            };
            let found = told.does("projects.issue.search", input).await;
            let ids = texts(&found["items"], "id");
            assert_eq!(
                ids.contains(&id.as_str().expect("an id").to_owned()),
                there,
                "{kind} {filter}"
            );
        }
    }
}

async fn talked(told: &mut Told, id: &Value) {
    let kind = told.tracker.kind;
    let say = async |told: &Told, body: &str| {
        told.does("projects.comment.create", json!({"issue": id, "body": body}))
            .await
    };
    let said = say(told, "Well").await;
    say(told, "**Again**").await;
    let edited = told
        .does(
            "projects.comment.update",
            json!({"comment": said["id"], "body": "Better"}),
        )
        .await;
    assert_eq!(edited["id"], said["id"], "{kind}");
    let listed = told
        .does("projects.comment.list", json!({"issue": id, "limit": 50}))
        .await;
    told.story.push(json!(texts(&listed["items"], "body")));
    let of = json!({"comment": said["id"]});
    told.does("projects.comment.delete", of.clone()).await;
    assert_eq!(
        told.refuses("projects.comment.delete", of).await.0,
        Kind::NotFound,
        "{kind}"
    );
    let left = told.does("projects.comment.list", json!({"issue": id})).await;
    told.story.push(json!(texts(&left["items"], "body")));
    // What is said of one issue is not changed by the name of another.
    let all = told
        .does("projects.issue.list", json!({"project": told.project, "state": "all"}))
        .await;
    let all = texts(&all["items"], "id");
    let other = all.iter().find(|other| *id != other.as_str()).expect("another issue");
    let own = left["items"][0]["id"].as_str().expect("an id");
    let other = format!("{other}/{}", own.rsplit('/').next().expect("its own part"));
    for (operation, input) in [
        ("projects.comment.update", json!({"comment": other, "body": "x"})),
        ("projects.comment.delete", json!({"comment": other})),
    ] {
        assert_eq!(
            told.refuses(operation, input).await.0,
            Kind::NotFound,
            "{kind} {operation}"
        );
    }
}

async fn ended(told: &mut Told, id: &Value) {
    let kind = told.tracker.kind;
    // Where there is no trash, and no other way, it stays.
    if kind == "github" {
        return;
    }
    told.does("projects.issue.delete", json!({"issue": id})).await;
    for (operation, input) in [
        ("projects.issue.get", json!({"issue": id})),
        ("projects.issue.close", json!({"issue": id})),
        ("projects.issue.delete", json!({"issue": id})),
    ] {
        assert_eq!(
            told.refuses(operation, input).await.0,
            Kind::NotFound,
            "{kind} {operation}"
        );
    }
}
