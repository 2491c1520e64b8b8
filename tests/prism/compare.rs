//! Our answers beside GitHub's examples.
//!
//! Invariant: a field that GitHub leaves empty is absent in ours, and every field that is compared is named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cases::HASH;

/// Compares `ours` with GitHub's `theirs`, field by field; a field that GitHub leaves empty is absent.
#[track_caller]
pub fn same(ours: &Value, theirs: &Value, fields: &[(&str, &str)]) {
    for (our, their) in fields {
        let expected = theirs.pointer(their).filter(|value| !value.is_null());
        assert_eq!(ours.get(our), expected, "{our} of {ours}");
    }
}

pub fn same_repo(ours: &Value, theirs: &Value) {
    let id = format!("prism~{}", theirs["full_name"].as_str().unwrap());
    assert_eq!(ours["id"], id);
    same(
        ours,
        theirs,
        &[
            ("name", "/name"),
            ("path", "/full_name"),
            ("owner", "/owner/login"),
            ("description", "/description"),
            ("visibility", "/visibility"),
            ("default_branch", "/default_branch"),
            ("archived", "/archived"),
            ("fork", "/fork"),
            ("web_url", "/html_url"),
            ("clone_url", "/clone_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
}

pub fn same_issue(ours: &Value, theirs: &Value) {
    let names = |list: &str, name: &str| -> Vec<Value> {
        theirs[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[name].clone())
            .collect()
    };
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#{}", theirs["number"]));
    assert_eq!(ours["labels"], json!(names("labels", "name")));
    let people = ours["assignees"].as_array().unwrap().iter();
    let people: Vec<Value> = people.map(|person| person["login"].clone()).collect();
    assert_eq!(people, names("assignees", "login"));
    same(&ours["author"], theirs, &[("login", "/user/login")]);
    same(
        ours,
        theirs,
        &[
            ("number", "/number"),
            ("title", "/title"),
            ("body", "/body"),
            ("state", "/state"),
            ("locked", "/locked"),
            ("comments", "/comments"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
            ("closed_at", "/closed_at"),
        ],
    );
}

pub fn same_issue_comment(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#1347/{}", theirs["id"]));
    same(
        ours,
        theirs,
        &[
            ("body", "/body"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
    same(&ours["author"], theirs, &[("login", "/user/login")]);
}

pub fn same_label(ours: &Value, theirs: &Value) {
    assert_eq!(ours["color"], format!("#{}", theirs["color"].as_str().unwrap()));
    same(ours, theirs, &[("name", "/name"), ("description", "/description")]);
}

pub fn same_milestone(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], theirs["number"].to_string());
    assert_eq!(ours["due_on"], theirs["due_on"].as_str().unwrap()[..10]);
    same(
        ours,
        theirs,
        &[
            ("title", "/title"),
            ("description", "/description"),
            ("state", "/state"),
            ("open_issues", "/open_issues"),
            ("closed_issues", "/closed_issues"),
        ],
    );
}

/// A lock is answered with nothing.
pub fn same_lock(ours: &Value, _theirs: &Value) {
    assert_eq!(*ours, json!({"id": "prism~octocat/Hello-World#1347", "locked": true}));
}

pub fn same_file(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("name", "/name"),
            ("path", "/path"),
            ("sha", "/sha"),
            ("web_url", "/html_url"),
        ],
    );
    // The published example has the line breaks of its base64 escaped twice.
    let encoded = theirs["content"].as_str().unwrap().replace("\\n", "");
    let bytes = STANDARD.decode(encoded).expect("GitHub's example is base64");
    let expected = match String::from_utf8(bytes) {
        Ok(text) => (json!("utf8"), json!(text)),
        Err(error) => (json!("base64"), json!(STANDARD.encode(error.as_bytes()))),
    };
    assert_eq!((ours["encoding"].clone(), ours["content"].clone()), expected);
}

pub fn same_branch(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[("name", "/name"), ("sha", "/commit/sha"), ("protected", "/protected")],
    );
}

pub fn same_fork(ours: &Value, theirs: &Value) {
    same_repo(&ours["repo"], theirs);
    assert_eq!(ours["ready"], true, "its branches are in the example, too");
}

pub fn same_new_branch(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("sha", "/object/sha")]);
    assert_eq!(ours["name"], "featureA");
}

pub fn same_tag(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("name", "/name"), ("sha", "/commit/sha")]);
}

/// A tag is what was asked for, once its reference is made.
pub fn same_new_tag(ours: &Value, _theirs: &Value) {
    let expected = json!({"name": "v1", "sha": HASH, "message": "M"});
    assert_eq!(*ours, expected);
}

pub fn same_commit(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("sha", "/sha"),
            ("message", "/commit/message"),
            ("authored_at", "/commit/author/date"),
            ("committed_at", "/commit/committer/date"),
            ("additions", "/stats/additions"),
            ("deletions", "/stats/deletions"),
            ("web_url", "/html_url"),
        ],
    );
    same(
        &ours["author"],
        theirs,
        &[
            ("login", "/author/login"),
            ("name", "/commit/author/name"),
            ("email", "/commit/author/email"),
        ],
    );
}

pub fn same_change(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("path", "/filename"),
            ("raw_change", "/status"),
            ("additions", "/additions"),
            ("deletions", "/deletions"),
            ("patch", "/patch"),
        ],
    );
}

pub fn same_comparison(ours: &Value, theirs: &Value) {
    let fields = [
        ("merge_base", "/merge_base_commit/sha"),
        ("ahead_by", "/ahead_by"),
        ("behind_by", "/behind_by"),
        ("web_url", "/html_url"),
    ];
    same(ours, theirs, &fields);
    same_commit(&ours["commits"][0], &theirs["commits"][0]);
    same_change(&ours["files"][0], &theirs["files"][0]);
}

/// A tree is no list, but a page is made of it.
pub fn same_tree(ours: &Value, theirs: &Value) {
    let (ours, theirs) = (ours["items"].as_array().unwrap(), theirs["tree"].as_array().unwrap());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(theirs) {
        same(
            ours,
            theirs,
            &[("path", "/path"), ("mode", "/mode"), ("sha", "/sha"), ("size", "/size")],
        );
    }
}

pub fn same_written(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("path", "/content/path"),
            ("sha", "/content/sha"),
            ("commit", "/commit/sha"),
            ("web_url", "/content/html_url"),
        ],
    );
    assert_eq!(ours["created"], false, "there is a file in the example");
}

pub fn same_removal(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("commit", "/commit/sha")]);
    same_nothing(ours, theirs);
}

/// Nothing comes of a removal.
pub fn same_nothing(ours: &Value, _theirs: &Value) {
    assert_eq!(ours["outcome"], "deleted");
}

pub fn same_release(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("tag", "/tag_name"),
            ("name", "/name"),
            ("body", "/body"),
            ("draft", "/draft"),
            ("prerelease", "/prerelease"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("published_at", "/published_at"),
        ],
    );
    same(&ours["author"], theirs, &[("login", "/author/login")]);
    same(
        &ours["assets"][0],
        theirs,
        &[("name", "/assets/0/name"), ("size", "/assets/0/size")],
    );
}

pub fn same_pull(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#{}", theirs["number"]));
    same(
        ours,
        theirs,
        &[
            ("number", "/number"),
            ("title", "/title"),
            ("body", "/body"),
            ("raw_state", "/state"),
            ("draft", "/draft"),
            ("raw_mergeable", "/mergeable_state"),
            ("commits", "/commits"),
            ("changed_files", "/changed_files"),
            ("web_url", "/html_url"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
    same(
        &ours["author"],
        theirs,
        &[("login", "/user/login"), ("web_url", "/user/html_url")],
    );
    for end in ["head", "base"] {
        let (ours, theirs) = (&ours[end], &theirs[end]);
        same(
            ours,
            theirs,
            &[("repo", "/repo/full_name"), ("branch", "/ref"), ("sha", "/sha")],
        );
    }
}

pub fn same_merge(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("sha", "/sha")]);
    assert_eq!(ours["outcome"], "merged");
}

pub fn same_review(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("raw_verdict", "/state"),
            ("body", "/body"),
            ("commit", "/commit_id"),
            ("web_url", "/html_url"),
            ("submitted_at", "/submitted_at"),
        ],
    );
    same(&ours["author"], theirs, &[("login", "/user/login")]);
}

pub fn same_comment(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], theirs["id"].to_string());
    let fields = [
        ("body", "/body"),
        ("web_url", "/html_url"),
        ("created_at", "/created_at"),
        ("updated_at", "/updated_at"),
    ];
    same(ours, theirs, &fields);
}

pub fn same_status(ours: &Value, theirs: &Value) {
    same(
        ours,
        theirs,
        &[
            ("context", "/context"),
            ("raw_state", "/state"),
            ("state", "/state"),
            ("description", "/description"),
            ("target_url", "/target_url"),
            ("created_at", "/created_at"),
        ],
    );
}

pub fn same_statuses(ours: &Value, theirs: &Value) {
    same(ours, theirs, &[("sha", "/sha"), ("state", "/state")]);
    for at in 0..2 {
        same_status(&ours["statuses"][at], &theirs["statuses"][at]);
    }
}

pub fn same_hook(ours: &Value, theirs: &Value) {
    assert_eq!(ours["id"], format!("prism~octocat/Hello-World#{}", theirs["id"]));
    same(
        ours,
        theirs,
        &[
            ("url", "/config/url"),
            ("raw_events", "/events"),
            ("active", "/active"),
            ("created_at", "/created_at"),
            ("updated_at", "/updated_at"),
        ],
    );
}
