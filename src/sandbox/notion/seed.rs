//! What every Notion of the sandbox holds from the start.
//!
//! Invariant: the same instance name gives the same data, ids included.

use serde_json::{Map, Value, json};

use super::input::said;
use super::state::{Comment, Kind, Parent, Source, State, Upload, text};

/// When everything was made.
const SEEDED_AT: &str = "2026-01-05T09:00:00.000Z";
/// Pages of the page of notes: more than one page of blocks.
const NOTES: u64 = 130;
/// Blocks of the long page: more than its Markdown holds at once.
const LONG: u64 = 250;
/// Pages of the tracker.
const TASKS: u64 = 35;
/// Notion's own bound on the rows of one query.
const LIMIT: usize = 10_000;
/// That of the data source by which the bound is rehearsed.
const SMALL_LIMIT: usize = 30;

pub(crate) fn state(instance: &str) -> State {
    let mut state = State {
        at: Some(SEEDED_AT.to_owned()),
        ..State::default()
    };
    people(&mut state);
    handbook(&mut state, instance);
    trackers(&mut state, instance);
    notes(&mut state, instance);
    state.at = None;
    state
}

fn people(state: &mut State) {
    let mut user = |name: &str, more: Value| {
        let mut user = json!({"object": "user", "id": state.id(), "name": name, "avatar_url": null});
        for (key, value) in more.as_object().into_iter().flatten() {
            user[key] = value.clone();
        }
        user
    };
    let users = vec![
        user("Ada", json!({"type": "person", "person": {"email": "ada@example.com"}})),
        user("Ben", json!({"type": "person", "person": {}})),
        user(
            "sandbox",
            json!({"type": "bot", "bot": {"owner": {"type": "workspace", "workspace": true}}}),
        ),
    ];
    state.users = users;
}

fn page(state: &mut State, parent: Parent, title: &str) -> String {
    let property = json!({"id": "title", "type": "title", "title": text(title)});
    let properties = Map::from_iter([("title".to_owned(), property)]);
    state.add(Kind::Page(properties), parent, None)
}

fn block(state: &mut State, parent: &Parent, kind: &str, words: &str, more: Value) -> Parent {
    let mut content = json!({"rich_text": text(words)});
    for (key, value) in more.as_object().into_iter().flatten() {
        content[key] = value.clone();
    }
    Parent::Block(state.add(Kind::Block(kind.to_owned(), content), parent.clone(), None))
}

/// A page with one block of each sort.
fn handbook(state: &mut State, instance: &str) {
    let id = page(state, Parent::Workspace, "Handbook");
    let within = Parent::Page(id.clone());
    let plain = || json!({"color": "default"});
    let served = format!("Served by {instance}. Grüße & welcome.");
    block(state, &within, "paragraph", &served, plain());
    block(
        state,
        &within,
        "heading_2",
        "Steps",
        json!({"color": "default", "is_toggleable": false}),
    );
    let first = block(state, &within, "numbered_list_item", "Call", plain());
    block(state, &within, "numbered_list_item", "Wait", plain());
    let second = block(state, &first, "bulleted_list_item", "twice", plain());
    block(state, &second, "bulleted_list_item", "at most", plain());
    block(
        state,
        &within,
        "to_do",
        "Write it down",
        json!({"checked": true, "color": "default"}),
    );
    let icon = json!({"type": "emoji", "emoji": "💡"});
    let callout = block(
        state,
        &within,
        "callout",
        "Mind the gap",
        json!({"icon": icon, "color": "gray_background"}),
    );
    block(state, &callout, "paragraph", "and the step", plain());
    block(
        state,
        &within,
        "code",
        "cargo test",
        json!({"language": "bash", "caption": []}),
    );
    let bold =
        said(&json!({"type": "text", "text": {"content": "bold"}, "annotations": {"bold": true, "color": "red"}}));
    let rich = json!({"rich_text": [bold], "color": "default"});
    block(state, &within, "quote", "", rich);
    block(state, &within, "unsupported", "", json!({"block_type": "form"}));
    hosted(state, &within);
    let runbook = page(state, within.clone(), "Runbook");
    block(
        state,
        &Parent::Page(runbook),
        "paragraph",
        &format!("Call {instance}."),
        plain(),
    );
    let author = state.users[0]["id"].as_str().unwrap_or_default().to_owned();
    for (words, resolved) in [("Is this so?", false), ("It was.", true)] {
        let (comment, discussion) = (state.id(), state.id());
        state.comments.push(Comment {
            id: comment,
            on: id.clone(),
            discussion,
            text: text(words),
            author: author.clone(),
            created: SEEDED_AT.to_owned(),
            edited: SEEDED_AT.to_owned(),
            resolved,
        });
    }
    let hidden = page(state, Parent::Workspace, "Secret");
    if let Some(node) = state.nodes.get_mut(&hidden) {
        node.hidden = true;
    }
}

/// A file that somebody has put there.
fn hosted(state: &mut State, within: &Parent) {
    let id = state.id();
    let upload = Upload {
        id: id.clone(),
        name: "plan.txt".to_owned(),
        media_type: "text/plain".to_owned(),
        parts: None,
        sent: std::iter::once((1, bytes::Bytes::from_static(b"the plan"))).collect(),
        uploaded: true,
        created: SEEDED_AT.to_owned(),
    };
    state.uploads.insert(id.clone(), upload);
    let content = json!({"type": "file_upload", "file_upload": {"id": id}, "name": "plan.txt", "caption": []});
    state.add(Kind::Block("file".to_owned(), content), within.clone(), None);
}

fn options(names: &[(&str, &str)]) -> Value {
    let option = |(name, color): &(&str, &str)| json!({"id": format!("o-{name}"), "name": name, "color": color});
    names.iter().map(option).collect()
}

fn property(id: &str, name: &str, kind: &str, content: Value) -> (String, Value) {
    (
        name.to_owned(),
        json!({"id": id, "name": name, "type": kind, kind: content}),
    )
}

fn schema(status: &str) -> Map<String, Value> {
    let words = options(&[
        ("To do", "gray"),
        ("Doing", "blue"),
        ("Done", "green"),
        ("Dropped", "red"),
    ]);
    let status = match status {
        "status" => {
            let group = |name: &str, ids: &[&str]| json!({"id": format!("g-{name}"), "name": name, "option_ids": ids});
            let groups = [
                group("To-do", &["o-To do"]),
                group("In progress", &["o-Doing"]),
                group("Complete", &["o-Done", "o-Dropped"]),
            ];
            property("st%3A1", "State", "status", json!({"options": words, "groups": groups}))
        }
        _ => property("st%3A1", "State", "select", json!({"options": words})),
    };
    Map::from_iter([
        property("title", "Task", "title", json!({})),
        status,
        property(
            "tg",
            "Tags",
            "multi_select",
            json!({"options": options(&[("bug", "red"), ("docs", "default")])}),
        ),
        property("wh", "Who", "people", json!({})),
        property("du", "Due", "date", json!({})),
        property("no", "No", "unique_id", json!({"prefix": "TASK"})),
        property("fo", "Score", "formula", json!({"expression": "1"})),
    ])
}

fn source(state: &mut State, database: &str, title: &str, properties: Map<String, Value>, limit: usize) -> String {
    let id = state.id();
    let source = Source {
        id: id.clone(),
        database: database.to_owned(),
        title: title.to_owned(),
        description: String::new(),
        properties,
        rows: vec![],
        limit,
        numbered: 0,
    };
    state.sources.insert(id.clone(), source);
    if let Some(node) = state.nodes.get_mut(database)
        && let Kind::Database { sources, .. } = &mut node.kind
    {
        sources.push(id.clone());
    }
    id
}

fn database(state: &mut State, parent: Parent, title: &str) -> String {
    let kind = Kind::Database {
        title: title.to_owned(),
        sources: vec![],
    };
    state.add(kind, parent, None)
}

/// A database with one data source, one with two, and one whose queries end early.
fn trackers(state: &mut State, instance: &str) {
    let home = page(state, Parent::Workspace, "Projects");
    let within = Parent::Page(home);
    let tasks = database(state, within.clone(), "Tasks");
    let id = source(state, &tasks, "Tasks", schema("status"), LIMIT);
    for n in 1..=TASKS {
        let state_of = ["To do", "Doing", "Done"][(n % 3) as usize];
        let tags: &[&str] = if n % 5 == 0 { &["bug"] } else { &[] };
        task(state, &id, &format!("Task {n} of {instance}"), state_of, tags);
    }
    let two = database(state, within.clone(), "Two");
    source(state, &two, "Left", schema("select"), LIMIT);
    source(state, &two, "Right", schema("select"), LIMIT);
    let archive = database(state, within, "Archive");
    let id = source(state, &archive, "Archive", schema("select"), SMALL_LIMIT);
    for n in 0..70 {
        // Five of them in each minute.
        state.at = Some(format!("2026-01-06T09:{:02}:00.000Z", n / 5));
        task(state, &id, &format!("Old task {n}"), "Done", &[]);
    }
    state.at = Some(SEEDED_AT.to_owned());
}

fn task(state: &mut State, source: &str, title: &str, state_of: &str, tags: &[&str]) {
    let Some(known) = state.sources.get(source).cloned() else {
        return;
    };
    let kind = known
        .properties
        .get("State")
        .map_or("select", |property| match property["type"].as_str() {
            Some("status") => "status",
            _ => "select",
        });
    let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
    let given = json!({"Task": {"title": [{"text": {"content": title}}]}, "State": {kind: {"name": state_of}},
        "Tags": {"multi_select": tags}});
    let given = given.as_object().cloned().unwrap_or_default();
    // What is written here is sound.
    if let Ok(mut properties) = super::sources::written(&known, Map::new(), &given, &state.users) {
        state.numbered(source, &mut properties);
        state.add(Kind::Page(properties), Parent::Source(source.to_owned()), None);
    }
}

/// Many pages in one, and many blocks in another.
fn notes(state: &mut State, instance: &str) {
    let notes = page(state, Parent::Workspace, "Notes");
    for n in 1..=NOTES {
        page(state, Parent::Page(notes.clone()), &format!("Note {n}"));
    }
    let long = Parent::Page(page(state, Parent::Workspace, "Long"));
    for n in 1..=LONG {
        let words = format!("The line with the number {n}, kept by {instance}.");
        block(state, &long, "paragraph", &words, json!({"color": "default"}));
    }
}
