//! Pull requests of GitHub: from a branch to the merge, and each way to refuse one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Rig;
use crate::github_forge::{REPO, made, put, rig, send};

/// Opens a pull request from `feature` to `main`; answers its path.
async fn open(rig: &Rig, more: Value) -> String {
    let mut body = json!({ "title": "A feature", "head": "feature", "base": "main" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let pull = made(rig.post("github-a", &format!("{REPO}/pulls"), &body).await).await;
    format!("{REPO}/pulls/{}", pull["number"])
}

#[tokio::test]
async fn a_change_travels_from_branch_to_release() {
    let rig = rig().await;
    let (status, written) = put(&rig, "feature", "src/new%20file%23.md", "Grüße\n").await;
    assert_eq!((status, &written["content"]["path"]), (201, &json!("src/new file#.md")));
    let path = open(&rig, json!({})).await;
    let files = rig.get_json("github-a", &format!("{path}/files")).await;
    assert_eq!(
        (&files[0]["status"], &files[0]["patch"]),
        (&json!("added"), &json!("@@ -0,0 +1 @@\n+Grüße"))
    );
    let (status, review) = send(
        &rig,
        Method::POST,
        &format!("{path}/reviews"),
        &json!({ "event": "COMMENT", "body": "x" }),
    )
    .await;
    assert_eq!((status, &review["state"]), (200, &json!("COMMENTED")));
    let (status, merged) = send(&rig, Method::PUT, &format!("{path}/merge"), &json!({})).await;
    assert_eq!((status, &merged["merged"]), (200, &json!(true)));
    let commits = rig.get_json("github-a", &format!("{REPO}/commits")).await;
    let titles: Vec<_> = commits
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["commit"]["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        titles,
        [
            "Merge pull request #1 from sandbox-user/feature\n\nA feature",
            "Write src/new%20file%23.md",
            "Initial commit"
        ]
    );
    assert_eq!(commits[0]["sha"], merged["sha"]);
    let release = json!({ "tag_name": "v1", "name": "First" });
    made(rig.post("github-a", &format!("{REPO}/releases"), &release).await).await;
    let tags = rig.get_json("github-a", &format!("{REPO}/tags")).await;
    assert_eq!(
        (&tags[0]["name"], &tags[0]["commit"]["sha"]),
        (&json!("v1"), &merged["sha"])
    );
    let (status, _) = send(&rig, Method::DELETE, REPO, &json!({})).await;
    assert_eq!((status, rig.get("github-a", REPO).await.status().as_u16()), (204, 404));
}

#[tokio::test]
async fn h1_whether_it_can_be_merged_is_null_at_first_and_the_test_is_not_the_merge() {
    let rig = rig().await;
    put(&rig, "feature", "a.txt", "1\n").await;
    let path = open(&rig, json!({})).await;
    let first = rig.get_json("github-a", &path).await;
    assert_eq!(
        (&first["mergeable"], &first["mergeable_state"]),
        (&json!(null), &json!("unknown"))
    );
    assert_eq!(first["merge_commit_sha"], json!(null));
    let second = rig.get_json("github-a", &path).await;
    assert_eq!(
        (&second["mergeable"], &second["mergeable_state"]),
        (&json!(true), &json!("clean"))
    );
    assert!(second["merge_commit_sha"].is_string());
    let (_, merged) = send(&rig, Method::PUT, &format!("{path}/merge"), &json!({})).await;
    assert_ne!(merged["sha"], second["merge_commit_sha"]);
    let third = rig.get_json("github-a", &path).await;
    assert_eq!(
        (&third["merge_commit_sha"], &third["state"]),
        (&merged["sha"], &json!("closed"))
    );
}

#[tokio::test]
async fn h3_a_merge_is_refused_with_405_for_the_state_and_409_for_the_head() {
    let rig = rig().await;
    put(&rig, "feature", "a.txt", "1\n").await;
    let path = open(&rig, json!({ "draft": true })).await;
    let merge = async |path: &str, body: Value| {
        let (status, answer) = send(&rig, Method::PUT, &format!("{path}/merge"), &body).await;
        (status, answer["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(
        merge(&path, json!({})).await,
        (405, "Pull Request is still a draft".to_owned())
    );
    send(&rig, Method::PATCH, &path, &json!({ "state": "closed" })).await;
    let path = open(&rig, json!({})).await;
    let seen = rig.get_json("github-a", &path).await["head"]["sha"].clone();
    put(&rig, "feature", "b.txt", "1\n").await;
    let moved = merge(&path, json!({ "sha": seen })).await;
    assert!(
        moved.0 == 409 && moved.1.starts_with("Head branch was modified"),
        "{moved:?}"
    );
    put(&rig, "main", "a.txt", "2\n").await;
    let conflict = merge(&path, json!({})).await;
    assert_eq!(conflict, (405, "Pull Request is not mergeable".to_owned()));
    rig.get_json("github-a", &path).await;
    let dirty = rig.get_json("github-a", &path).await;
    assert_eq!(
        (&dirty["mergeable"], &dirty["mergeable_state"]),
        (&json!(false), &json!("dirty"))
    );
    assert_eq!(merge(&format!("{REPO}/pulls/99"), json!({})).await.0, 404);
}

#[tokio::test]
async fn h4_a_pull_request_that_exists_is_422_and_only_its_errors_say_so() {
    let rig = rig().await;
    let body = json!({ "title": "x", "head": "sandbox-user:feature", "base": "main" });
    let path = format!("{REPO}/pulls");
    let (status, nothing) = send(&rig, Method::POST, &path, &body).await;
    assert_eq!(
        (status, &nothing["errors"][0]["message"]),
        (422, &json!("No commits between main and feature"))
    );
    put(&rig, "feature", "a.txt", "1\n").await;
    open(&rig, json!({})).await;
    let (status, twice) = send(&rig, Method::POST, &path, &body).await;
    assert_eq!((status, &twice["message"]), (422, &json!("Validation Failed")));
    let reason = "A pull request already exists for sandbox-user:feature.";
    assert_eq!(twice["errors"][0]["message"], reason);
    let plain = send(
        &rig,
        Method::POST,
        &format!("{path}/1/reviews"),
        &json!({ "event": "APPROVE" }),
    )
    .await;
    assert_eq!(
        (plain.0, &plain.1["errors"][0]),
        (422, &json!("Can not approve your own pull request"))
    );
}

#[tokio::test]
async fn a_fork_is_there_at_once_made_once_and_its_branch_has_its_owners_name() {
    let rig = Rig::start().await;
    let fork = async || {
        send(
            &rig,
            Method::POST,
            "/repos/many/repo-001/forks",
            &json!({ "name": "mine" }),
        )
        .await
    };
    let (status, first) = fork().await;
    assert_eq!((status, &first["parent"]["full_name"]), (202, &json!("many/repo-001")));
    let (status, again) = fork().await;
    assert_eq!(
        (status, &again["id"], &again["created_at"]),
        (202, &first["id"], &first["created_at"])
    );
    let write = json!({ "message": "m", "content": "eA==" });
    assert_eq!(
        send(&rig, Method::PUT, "/repos/sandbox-user/mine/contents/new", &write)
            .await
            .0,
        201
    );
    let body = json!({ "title": "x", "head": "sandbox-user:main", "base": "main" });
    let pull = made(rig.post("github-a", "/repos/many/repo-001/pulls", &body).await).await;
    assert_eq!(
        (
            &pull["head"]["label"],
            &pull["head"]["repo"]["full_name"],
            &pull["changed_files"]
        ),
        (&json!("sandbox-user:main"), &json!("sandbox-user/mine"), &json!(1))
    );
}

#[tokio::test]
async fn changes_come_in_gits_own_forms_too() {
    let rig = Rig::start().await;
    let get = async |path: &str, form: &str| {
        let request = rig.request("github-a", Method::GET, path);
        let request = request.header("accept", format!("application/vnd.github.{form}"));
        request.send().await.unwrap().text().await.unwrap()
    };
    let diff = get("/repos/acme/api/pulls/3", "diff").await;
    assert!(
        diff.starts_with("diff --git a/notes/3.md b/notes/3.md\nnew file mode"),
        "{diff}"
    );
    assert!(diff.ends_with("+Raise the connect timeout\n"), "{diff}");
    let patch = get("/repos/acme/api/compare/main...develop", "patch").await;
    assert!(patch.contains("Subject: [PATCH] Seed develop"), "{patch}");
    let id = get("/repos/acme/api/commits/main", "sha").await;
    assert_eq!(id.len(), 40);
}
