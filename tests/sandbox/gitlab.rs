//! GitLab's own ways, as clients meet them: paths in one part, two kinds of pages, moved and empty projects, files.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, header, link};

async fn rig() -> Rig {
    Rig::one("gitlab", |_| {}).await
}

/// Follows `rel="next"` to its end; the ids, or names, of all items, and how many pages there were.
async fn walk(rig: &Rig, path: &str, key: &str) -> (Vec<String>, usize) {
    let (mut found, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let response = rig.get("one", &path).await;
        assert_eq!(response.status(), 200, "{path}");
        next = link(&response, rig.server("one").origin(), "next").map(|path| path.replace("/api/v4", ""));
        let page: Value = response.json().await.unwrap();
        found.extend(page.as_array().unwrap().iter().map(|item| item[key].to_string()));
        pages += 1;
    }
    (found, pages)
}

#[tokio::test]
async fn a_project_is_one_part_of_the_path_however_deep_it_is() {
    let rig = rig().await;
    let tools = rig.get_json("one", "/projects/acme%2Fplatform%2Ftools").await;
    assert_eq!(tools["path_with_namespace"], "acme/platform/tools");
    assert_eq!(tools["namespace"]["full_path"], "acme/platform");
    let by_id = rig.get_json("one", &format!("/projects/{}", tools["id"])).await;
    assert_eq!(by_id, tools);
    // Decoded by a proxy, and encoded twice.
    for (path, key, words) in [
        ("/projects/acme/platform/tools", "error", "404 Not Found"),
        (
            "/projects/acme%252Fplatform%252Ftools",
            "message",
            "404 Project Not Found",
        ),
    ] {
        let response = rig.get("one", path).await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.json::<Value>().await.unwrap()[key], words);
    }
    let groups = rig.get_json("one", "/groups/acme/subgroups").await;
    assert_eq!(groups[0]["full_path"], "acme/platform");
    let count = |list: Value| list.as_array().unwrap().len();
    let own = count(rig.get_json("one", "/groups/acme/projects").await);
    let all = count(
        rig.get_json("one", "/groups/acme/projects?include_subgroups=true")
            .await,
    );
    assert_eq!((own, all), (2, 3));
}

#[tokio::test]
async fn both_kinds_of_pages_visit_every_project_once() {
    let rig = rig().await;
    let response = rig.get("one", "/groups/many/projects?per_page=50&page=2").await;
    for (name, value) in [
        ("x-total", "120"),
        ("x-total-pages", "3"),
        ("x-page", "2"),
        ("x-per-page", "50"),
        ("x-next-page", "3"),
        ("x-prev-page", "1"),
    ] {
        assert_eq!(header(&response, name), Some(value), "{name}");
    }
    let (numbered, pages) = walk(&rig, "/projects?per_page=50", "id").await;
    let (rising, _) = walk(
        &rig,
        "/projects?pagination=keyset&order_by=id&sort=asc&per_page=50",
        "id",
    )
    .await;
    let (falling, _) = walk(&rig, "/projects?pagination=keyset&order_by=id&per_page=7", "id").await;
    let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!((numbered.len(), pages), (129, 3));
    assert_eq!((set(&numbered), set(&rising)), (set(&rising), set(&falling)));
    assert_eq!((rising.len(), falling.len()), (129, 129));
    let last = rig.get("one", "/projects?per_page=100&page=2").await;
    assert_eq!(
        (
            header(&last, "x-next-page"),
            link(&last, rig.server("one").origin(), "next")
        ),
        (Some(""), None)
    );
    let keyset = rig.get("one", "/projects?pagination=keyset&order_by=id").await;
    assert_eq!((header(&keyset, "x-total"), header(&keyset, "x-page")), (None, None));
    for path in [
        "/projects?pagination=keyset&order_by=name",
        "/projects/acme%2Fapi/hooks?pagination=keyset",
        "/projects?page=2000&per_page=100",
    ] {
        assert_eq!(rig.get("one", path).await.status(), 405, "{path}");
    }
}

#[tokio::test]
async fn beyond_ten_thousand_nothing_is_counted() {
    let rig = rig().await;
    let path = "/projects/quirks%2Fcrowded/repository/branches?per_page=100";
    let response = rig.get("one", path).await;
    let origin = rig.server("one").origin();
    assert_eq!(
        (header(&response, "x-total"), link(&response, origin, "last")),
        (None, None)
    );
    assert_eq!(header(&response, "x-next-page"), Some("2"));
    let end = rig.get("one", &format!("{path}&page=101")).await;
    assert_eq!(header(&end, "x-next-page"), Some(""));
    assert_eq!(end.json::<Value>().await.unwrap().as_array().unwrap().len(), 1);
    let (names, _) = walk(&rig, &format!("{path}&pagination=keyset"), "name").await;
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 10_001);
    // Commits are never counted, few as they are.
    let commits = rig
        .get("one", "/projects/acme%2Fapi/repository/commits?per_page=1")
        .await;
    assert_eq!(
        (header(&commits, "x-total"), header(&commits, "x-next-page")),
        (None, Some("2"))
    );
}

#[tokio::test]
async fn a_tree_is_walked_by_keyset_and_a_number_means_nothing() {
    let rig = rig().await;
    let tree = "/projects/acme%2Fapi/repository/tree?recursive=true";
    let (paths, pages) = walk(&rig, &format!("{tree}&per_page=3"), "path").await;
    let whole = rig.get_json("one", tree).await;
    assert_eq!((paths.len(), pages), (whole.as_array().unwrap().len(), 5));
    assert_eq!(rig.get_json("one", &format!("{tree}&page=2")).await, whole);
}

#[tokio::test]
async fn a_moved_project_is_read_at_its_number_and_written_by_its_present_path_alone() {
    let rig = rig().await;
    let id = rig.get_json("one", "/projects/quirks%2Frenamed").await["id"].clone();
    let response = rig
        .get("one", "/projects/quirks%2Fformer/repository/branches?per_page=1")
        .await;
    assert_eq!(response.status(), 301);
    let place = format!(
        "{}/projects/{id}/repository/branches?per_page=1",
        rig.server("one").base_url()
    );
    assert_eq!(header(&response, "location"), Some(place.as_str()));
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("This resource has been moved permanently")
    );
    let body = json!({ "branch": "x", "ref": "main" });
    let write = rig
        .post("one", "/projects/quirks%2Fformer/repository/branches", &body)
        .await;
    assert_eq!(write.status(), 405);
    let words = write.json::<Value>().await.unwrap();
    assert_eq!(words["message"], "Non GET methods are not allowed for moved projects");
    assert_eq!(rig.server("one").created(), 0);
}

#[tokio::test]
async fn an_empty_project_begins_with_its_first_file() {
    let rig = rig().await;
    let empty = "/projects/quirks%2Fempty";
    let project = rig.get_json("one", empty).await;
    assert_eq!(
        (&project["empty_repo"], &project["default_branch"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        rig.get_json("one", &format!("{empty}/repository/branches")).await,
        json!([])
    );
    let commits = rig.get("one", &format!("{empty}/repository/commits")).await;
    let words = commits.json::<Value>().await.unwrap();
    assert_eq!(words["message"], "404 Repository Not Found");
    let file = json!({ "branch": "trunk", "commit_message": "m", "content": "aGk=", "encoding": "base64" });
    let made = rig.post("one", &format!("{empty}/repository/files/a%2Fb"), &file).await;
    assert_eq!(made.status(), 201);
    assert_eq!(
        made.json::<Value>().await.unwrap(),
        json!({ "file_path": "a/b", "branch": "trunk" })
    );
    let project = rig.get_json("one", empty).await;
    assert_eq!(
        (&project["empty_repo"], &project["default_branch"]),
        (&json!(false), &json!("trunk"))
    );
    let raw = rig.get("one", &format!("{empty}/repository/files/a%2Fb/raw")).await;
    assert_eq!(raw.text().await.unwrap(), "hi");
}

#[tokio::test]
async fn a_file_tells_of_itself_in_its_headers_and_is_written_by_who_has_seen_it() {
    let rig = rig().await;
    let path = "/projects/acme%2Fapi/repository/files/docs%2Fa%20file%20with%20spaces%2Emd";
    let head = rig
        .request("one", Method::HEAD, &format!("{path}?ref=develop"))
        .send()
        .await
        .unwrap();
    let seen = header(&head, "x-gitlab-last-commit-id").unwrap().to_owned();
    assert_eq!(header(&head, "x-gitlab-file-path"), Some("docs/a file with spaces.md"));
    assert_eq!(head.headers().get("x-gitlab-blob-id").unwrap().len(), 40);
    let write = |text: &str, seen: &str| json!({ "branch": "develop", "commit_message": "m", "content": text, "last_commit_id": seen });
    let put = |body: Value| rig.request("one", Method::PUT, path).json(&body).send();
    assert_eq!(put(write("one", &seen)).await.unwrap().status(), 200);
    for (body, words) in [
        (
            write("two", &seen),
            "You are attempting to update a file that has changed since you started editing it.",
        ),
        (
            json!({ "branch": "develop", "commit_message": "m", "content": "one" }),
            "Something went wrong. Your changes were not committed",
        ),
        (
            json!({ "branch": "main", "commit_message": "m", "content": "x" }),
            "You are not allowed to push into this branch",
        ),
        (
            json!({ "branch": "none", "commit_message": "m", "content": "x" }),
            "You can only create or edit files when you are on a branch",
        ),
    ] {
        let refused = put(body).await.unwrap();
        assert_eq!(refused.status(), 400);
        assert_eq!(refused.json::<Value>().await.unwrap()["message"], words);
    }
    let query = format!("{path}?branch=develop&commit_message=m&last_commit_id={seen}");
    let removal = rig.request("one", Method::DELETE, &query).send().await.unwrap();
    let words = removal.json::<Value>().await.unwrap();
    assert_eq!(
        words["message"],
        "You are attempting to delete a file that has been previously updated."
    );
    // Without its encoding, base64 is a text like any other.
    let body = json!({ "branch": "new", "start_branch": "develop", "commit_message": "m", "content": "aGk=" });
    assert_eq!(put(body).await.unwrap().status(), 200);
    let raw = rig.get("one", &format!("{path}/raw?ref=new")).await;
    assert_eq!(raw.text().await.unwrap(), "aGk=");
}

#[tokio::test]
async fn a_commit_of_many_actions_is_made_whole_or_not_at_all() {
    let rig = rig().await;
    let commits = "/projects/acme%2Fapi/repository/commits";
    let order =
        |actions: Value| json!({ "branch": "develop", "commit_message": "Many\n\nof them", "actions": actions });
    let made = json!([
        { "action": "create", "file_path": "new.txt", "content": "1" },
        { "action": "move", "file_path": "moved.md", "previous_path": "README.md" },
        { "action": "delete", "file_path": "Cargo.toml" },
    ]);
    let response = rig.post("one", commits, &order(made.clone())).await;
    assert_eq!(response.status(), 201);
    let commit = response.json::<Value>().await.unwrap();
    assert_eq!(
        (&commit["title"], commit["parent_ids"].as_array().unwrap().len()),
        (&json!("Many"), 1)
    );
    let path = format!("{commits}/{}/diff", commit["id"].as_str().unwrap());
    let diff = rig.get_json("one", &path).await;
    let kinds: Vec<_> = diff
        .as_array()
        .unwrap()
        .iter()
        .map(|file| (&file["new_path"], &file["renamed_file"]))
        .collect();
    assert_eq!(kinds.len(), 3);
    assert!(kinds.contains(&(&json!("moved.md"), &json!(true))));
    let again = rig.post("one", commits, &order(made)).await;
    assert_eq!(
        again.json::<Value>().await.unwrap()["message"],
        "A file with this name already exists"
    );
}

#[tokio::test]
async fn a_fork_is_imported_while_it_is_read() {
    let rig = rig().await;
    let made = rig.post("one", "/projects/acme%2Fapi/fork", &json!({})).await;
    assert_eq!(made.status(), 201);
    let mut seen = vec![made.json::<Value>().await.unwrap()["import_status"].clone()];
    for _ in 0..4 {
        seen.push(rig.get_json("one", "/projects/sandbox-user%2Fapi").await["import_status"].clone());
    }
    assert_eq!(seen, ["scheduled", "scheduled", "scheduled", "started", "finished"]);
    let forks = rig.get_json("one", "/projects/acme%2Fapi/forks").await;
    assert_eq!(forks.as_array().unwrap().len(), 2, "the guest's is the other");
}

#[tokio::test]
async fn what_is_deleted_is_marked_first() {
    let rig = rig().await;
    let path = "/projects/acme%2Fplatform%2Ftools";
    let delete = |query: &str| rig.request("one", Method::DELETE, &format!("{path}{query}")).send();
    let end = "?permanently_remove=true&full_path=acme%2Fplatform%2Ftools";
    for (query, status, words) in [
        (end, 400, "Project must be marked for deletion first."),
        ("", 202, "202 Accepted"),
        ("", 400, "Project has already been marked for deletion"),
    ] {
        let response = delete(query).await.unwrap();
        assert_eq!(response.status(), status, "{query}");
        assert_eq!(response.json::<Value>().await.unwrap()["message"], words);
    }
    assert!(rig.get_json("one", path).await["marked_for_deletion_on"].is_string());
    assert_eq!(delete(end).await.unwrap().status(), 202);
    assert_eq!(rig.get("one", path).await.status(), 404);
}
