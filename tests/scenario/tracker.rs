//! One issue at one tracker: from the labels that order it to its end.
//!
//! Invariant: the same calls in the same order at every forge.

use serde_json::{Value, json};

use crate::story::Story;

/// Tells it all in a project of its own.
pub async fn travel(story: &mut Story, name: &str) {
    let repo = json!({ "name": name, "visibility": "private", "init": true });
    let repo = story.done("create a project", "git.repo.create", repo).await;
    let project = repo["id"].clone();
    let milestone = order(story, &project).await;
    let issue = open(story, &project, &milestone).await;
    change(story, &issue).await;
    discuss(story, &issue).await;
    end(story, &project, &issue).await;
    story
        .done("delete the project", "git.repo.delete", json!({ "repo": project }))
        .await;
}

async fn order(story: &mut Story, project: &Value) -> Value {
    let label = json!({ "project": project, "name": "urgent", "color": "#aa0011", "description": "At once" });
    let says = &["name", "color", "description"];
    let made = story.done("make a label", "projects.label.create", label.clone()).await;
    assert!(says.iter().all(|field| made[*field].is_string()), "{made}");
    // A label's name is its caller's.
    story.tell("a label", json!([made["name"], made["color"], made["description"]]));
    story
        .refuses("make it again", "projects.label.create", label, "conflict")
        .await;
    let listed = story
        .done(
            "list labels",
            "projects.label.list",
            json!({ "project": project, "limit": 100 }),
        )
        .await;
    let mut items = listed["items"].as_array().expect("items").iter();
    assert!(items.any(|label| label["name"] == "urgent"), "{listed}");
    let milestone = json!({ "project": project, "title": "1.0", "description": "All of it", "due_on": "2026-03-01" });
    let says = &["id", "title", "description", "state", "due_on"];
    let made = story
        .tells("set a milestone", "projects.milestone.create", milestone.clone(), says)
        .await;
    story
        .refuses("set it again", "projects.milestone.create", milestone, "conflict")
        .await;
    let listed = json!({ "project": project, "state": "all" });
    story
        .tells("list milestones", "projects.milestone.list", listed, &["items/0/title"])
        .await;
    made["id"].clone()
}

async fn open(story: &mut Story, project: &Value, milestone: &Value) -> Value {
    let new = json!({ "project": project, "title": "Login fails", "body": "It *does*", "labels": ["urgent"],
        "assignees": ["ada"], "milestone": milestone });
    let says = &[
        "number",
        "title",
        "body",
        "state",
        "labels/0",
        "assignees/0/login",
        "author/login",
        "milestone/title",
    ];
    let issue = story.tells("open an issue", "projects.issue.create", new, says).await;
    // People are called alike everywhere, whatever their accounts are.
    assert_eq!(issue["assignees"][0]["login"], "sandbox-user", "{issue}");
    let issue = issue["id"].clone();
    story
        .tells("read it", "projects.issue.get", json!({ "issue": issue }), says)
        .await;
    let of = json!({ "project": project, "labels": ["urgent"], "assignee": "ada", "milestone": milestone });
    story
        .tells("list it", "projects.issue.list", of, &["items/0/title"])
        .await;
    let none = json!({ "project": project, "labels": ["none"] });
    let none = story
        .tells("list nothing", "projects.issue.list", none, &["items"])
        .await;
    assert_eq!(none["items"], json!([]), "{}", story.provider);
    issue
}

async fn change(story: &mut Story, issue: &Value) {
    let late = json!({ "issue": issue, "title": "Late", "if_match": "2020-01-01T00:00:00Z" });
    story
        .refuses(
            "change it too late",
            "projects.issue.update",
            late,
            "precondition_failed",
        )
        .await;
    let edit = json!({ "issue": issue, "title": "Login fails often", "clear": ["milestone"] });
    story
        .tells("change it", "projects.issue.update", edit, &["title", "body"])
        .await;
    let people = json!({ "issue": issue, "assignees": ["grace"] });
    story
        .tells("assign it", "projects.issue.assign", people, &["assignees/0/login"])
        .await;
    let nobody = json!({ "issue": issue, "assignees": ["no-such-account"] });
    story
        .refuses("assign it to nobody", "projects.issue.assign", nobody, "invalid_input")
        .await;
    let labels = json!({ "issue": issue, "labels": [] });
    story
        .tells("take its labels away", "projects.label.set", labels, &["labels"])
        .await;
    let labels = json!({ "issue": issue, "labels": ["urgent"] });
    story
        .tells("label it", "projects.label.set", labels, &["labels/0"])
        .await;
}

async fn discuss(story: &mut Story, issue: &Value) {
    let word = json!({ "issue": issue, "body": "A *word*" });
    let word = story
        .tells("say a word", "projects.comment.create", word, &["body", "author/login"])
        .await;
    let word = word["id"].clone();
    let edit = json!({ "comment": word, "body": "A better word" });
    story
        .tells("say it better", "projects.comment.update", edit, &["body"])
        .await;
    let of = json!({ "issue": issue });
    story
        .tells("read the words", "projects.comment.list", of, &["items/0/body"])
        .await;
    let word = json!({ "comment": word });
    story
        .tells("take it back", "projects.comment.delete", word.clone(), &["outcome"])
        .await;
    story
        .refuses("take it back again", "projects.comment.delete", word, "not_found")
        .await;
}

async fn end(story: &mut Story, project: &Value, issue: &Value) {
    let of = json!({ "issue": issue });
    for (step, operation, state) in [
        ("close it", "projects.issue.close", "closed"),
        ("open it again", "projects.issue.reopen", "open"),
    ] {
        let now = story.done(step, operation, of.clone()).await;
        story.tell(step, json!([now["state"], now["title"]]));
        assert_eq!(now["state"], state, "{}: {now}", story.provider);
    }
    for (step, locked) in [("lock it", true), ("unlock it", false)] {
        let lock = json!({ "issue": issue, "locked": locked });
        story.tells(step, "projects.issue.lock", lock, &["locked"]).await;
    }
    let words = json!({ "query": "fails often", "project": project });
    let found = story
        .tells("find it", "projects.issue.search", words, &["items/0/title"])
        .await;
    assert_eq!(found["items"][0]["id"], *issue, "{}", story.provider);
    let gone = story
        .does_if_it_can("delete it", "projects.issue.delete", of.clone())
        .await;
    if gone.is_some() {
        story
            .answer("projects.issue.get", of)
            .await
            .get("refused")
            .expect("it is gone");
    }
    boards(story, project).await;
}

/// Boards are not of the same things everywhere: where they are, they are looked at.
async fn boards(story: &mut Story, project: &Value) {
    let of = match story.provider.starts_with("github") {
        true => json!({ "of": story.named("orgs/acme") }),
        false => json!({ "of": project }),
    };
    let Some(listed) = story.does_if_it_can("list boards", "projects.board.list", of).await else {
        return;
    };
    let board = listed["items"][0]["id"].clone();
    let items = json!({ "board": board });
    story.done("look at a board", "projects.board.items", items).await;
    let draft = json!({ "board": board, "title": "Think" });
    let added = story
        .does_if_it_can("put something on it", "projects.board.add_item", draft)
        .await;
    if let Some(item) = added {
        let column = json!({ "item": item["id"], "column": "Done" });
        let moved = story.done("move it", "projects.board.update_item", column).await;
        assert_eq!(moved["column"], "Done", "{moved}");
    }
}
