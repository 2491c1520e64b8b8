//! The CI of forges: what is sent by each version of an API, and where a credential does not go.
//!
//! Invariant: a secret's value stands in no request that it was not meant for, and in no failure.

use std::sync::Arc;

use mosaic::providers::KINDS;
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::upstream::{self, BESIDE, Canned, TOKEN, Upstream, ask, connection};

fn start() -> Value {
    json!({"project": "acme/api", "pipeline": "ci.yml", "branch": "main"})
}

fn run() -> Canned {
    Canned::json(200, json!({"id": 41, "status": "queued"}))
}

fn version(version: &str) -> Canned {
    Canned::json(200, json!({"version": version}))
}

#[tokio::test]
async fn trap_1_a_newer_api_is_not_asked_to_tell_of_a_run() {
    for (version, asks) in [
        ("2022-11-28", json!(true)),
        ("2026-03-09", json!(true)),
        ("2026-03-10", json!(null)),
    ] {
        let told = Canned::json(200, json!({"workflow_run_id": 41, "run_url": "", "html_url": ""}));
        let provider = Upstream::answering([told, run()]).await;
        let mut connection = connection(&provider.url);
        connection.settings.insert("api_version".to_owned(), version.into());
        let triggered = ask("github", &connection, "cicd.run.trigger", start())
            .await
            .expect("started");
        assert_eq!(triggered["run"]["id"], "under-test~acme/api#41");
        let sent: Value = serde_json::from_slice(&provider.seen()[0].body).expect("JSON");
        assert_eq!(sent["return_run_details"], asks, "{version}");
    }
}

#[tokio::test]
async fn trap_2_f2_each_server_is_asked_in_its_own_way_to_tell_of_a_run() {
    for (server, status, told, query, body) in [
        (
            "1.26.1",
            200,
            json!({"workflow_run_id": 41}),
            Some("return_run_details=true"),
            json!(null),
        ),
        (
            "15.0.0+gitea-1.22.0",
            201,
            json!({"id": 41, "run_number": 12, "jobs": ["build"]}),
            None,
            json!(true),
        ),
    ] {
        let provider = Upstream::answering([version(server), Canned::json(status, told), run()]).await;
        let connection = connection(&provider.url);
        let triggered = ask("gitea", &connection, "cicd.run.trigger", start())
            .await
            .expect("started");
        assert_eq!(triggered["run"]["id"], "under-test~acme/api#41", "{server}");
        let seen = &provider.seen()[1];
        let sent: Value = serde_json::from_slice(&seen.body).expect("JSON");
        assert_eq!(
            (seen.query.as_deref(), &sent["return_run_info"]),
            (query, &body),
            "{server}"
        );
    }
}

#[tokio::test]
async fn f2_a_server_that_lists_no_pipelines_wants_one_named() {
    let provider = Upstream::answering([version("15.0.0+gitea-1.22.0")]).await;
    let input = json!({"project": "acme/api", "branch": "main"});
    let failure = ask("gitea", &connection(&provider.url), "cicd.run.trigger", input)
        .await
        .expect_err("which?");
    assert_eq!(
        (failure.kind, failure.field.as_deref()),
        (Kind::InvalidInput, Some("pipeline"))
    );
}

#[tokio::test]
async fn ga1_what_a_release_lacks_is_not_offered() {
    let gitea = KINDS.iter().find(|kind| kind.name == "gitea").expect("a kind");
    for (server, names) in [
        ("1.24.0", ["cicd.run.list", "cicd.log.get"]),
        ("1.25.4", ["cicd.run.rerun", "cicd.run.rerun_failed"]),
        ("15.0.0+gitea-1.22.0", ["cicd.run.jobs", "cicd.artifact.list"]),
    ] {
        let provider = Upstream::answering([version(server)]).await;
        let driver = (gitea.start)(&connection(&provider.url)).await.expect("started");
        assert!(driver.capabilities().is_some(), "{server}");
        for name in names {
            let input = match name {
                "cicd.run.list" => json!({"project": "acme/api"}),
                _ => json!({"run": "acme/api#41"}),
            };
            let call = upstream::call(name, input, false).expect("a sound input");
            let outcome = driver.clone().call(Arc::new(call)).await.map(drop);
            let failure = outcome.expect_err("unsupported");
            assert_eq!(
                (failure.kind, failure.unsent),
                (Kind::Unsupported, true),
                "{server} {name}"
            );
        }
        assert_eq!(provider.seen().len(), 1, "{server}");
    }
    // One that hides its version may be new.
    let provider = Upstream::answering([Canned::text(403, "")]).await;
    let driver = (gitea.start)(&connection(&provider.url)).await.expect("started");
    assert!(driver.capabilities().is_none());
}

#[tokio::test]
async fn ha6_a_log_and_an_archive_are_fetched_elsewhere_without_our_credential() {
    let job = Canned::json(
        200,
        json!({"id": 77, "run_id": 41, "name": "build", "status": "completed", "conclusion": "success"}),
    );
    for (kind, operation, input, first) in [
        (
            "github",
            "cicd.log.get",
            json!({"run": "acme/api#41", "step": "77"}),
            Some(job.clone()),
        ),
        ("github", "cicd.artifact.get", json!({"artifact": "acme/api#9"}), None),
        (
            "gitea",
            "cicd.log.get",
            json!({"run": "acme/api#41", "step": "77"}),
            Some(job),
        ),
        ("gitea", "cicd.artifact.get", json!({"artifact": "acme/api#9"}), None),
    ] {
        let leads = Canned::text(302, "").header("location", &format!("{BESIDE}/kept?sig=s%2Fx"));
        let kept = Canned::text(200, "2026-03-01T12:00:00Z kept");
        let provider = Upstream::answering(first.into_iter().chain([leads, kept])).await;
        let got = ask(kind, &connection(&provider.url), operation, input)
            .await
            .expect("fetched");
        assert!(got.to_string().contains("kept"), "{kind} {operation}: {got}");
        let seen = provider.seen().pop().expect("it was asked");
        assert_eq!((&*seen.path, seen.query.as_deref()), ("/kept", Some("sig=s%2Fx")));
        for (name, value) in &seen.headers {
            let told = format!("{name}: {}", value.to_str().expect("text"));
            assert!(
                !told.contains(TOKEN) && !told.starts_with("authorization") && !told.starts_with("x-github"),
                "{told}"
            );
        }
    }
}

#[tokio::test]
async fn a_provider_on_this_machine_leads_to_nothing_else_that_listens_here() {
    let input = json!({"artifact": "acme/api#9"});
    for (kind, redirects) in [("github", 1), ("gitea", 1), ("gitea", 2)] {
        // As our administration does, which asks nobody here for a token.
        let admin = Upstream::answering([Canned::text(200, "the tree")]).await;
        let leads = Canned::text(302, "").header("location", &format!("{}/admin/v1/tree", admin.url));
        let home = Canned::text(302, "").header("location", &format!("{BESIDE}/kept"));
        let answers = std::iter::repeat_n(home, redirects - 1).chain([leads]);
        let provider = Upstream::answering(answers).await;
        let lost = ask(kind, &connection(&provider.url), "cicd.artifact.get", input.clone()).await;
        assert_eq!(lost.expect_err("it leads astray").kind, Kind::UpstreamFailed, "{kind}");
        assert!(admin.seen().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn a_file_of_a_repository_that_was_renamed_is_fetched_where_it_is_kept() {
    let renamed = Canned::text(301, "").header("location", "/repositories/7/actions/artifacts/9/zip");
    let leads = Canned::text(302, "").header("location", &format!("{BESIDE}/kept"));
    let provider = Upstream::answering([renamed, leads, Canned::text(200, "kept")]).await;
    let input = json!({"artifact": "acme/api#9"});
    let got = ask("github", &connection(&provider.url), "cicd.artifact.get", input).await;
    assert!(got.expect("fetched").to_string().contains("kept"));
    let paths: Vec<_> = provider.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths[1..], ["/repositories/7/actions/artifacts/9/zip", "/kept"]);
    assert!(!provider.seen()[2].headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_file_that_moved_at_home_is_fetched_by_one_redirect_more_and_nothing_else_is() {
    const ZIP: &str = "/repos/acme/new/actions/artifacts/9/zip";
    let leads = |status, to: &str| Canned::text(status, "").header("location", to);
    let raw = format!("{ZIP}/raw?sig=abc&expires=x");
    let input = json!({"artifact": "acme/api#9"});
    // Served there.
    let provider = Upstream::answering([leads(307, ZIP), leads(302, &raw), Canned::text(200, "kept")]).await;
    let got = ask("gitea", &connection(&provider.url), "cicd.artifact.get", input.clone()).await;
    assert!(got.expect("fetched").to_string().contains("kept"));
    let seen = provider.seen();
    assert_eq!((&*seen[1].path, &*seen[2].path), (ZIP, &*format!("{ZIP}/raw")));
    // Or kept elsewhere.
    let away = leads(302, &format!("{BESIDE}/kept"));
    let provider = Upstream::answering([leads(301, ZIP), leads(302, &raw), away, Canned::text(200, "kept")]).await;
    let got = ask("gitea", &connection(&provider.url), "cicd.artifact.get", input.clone()).await;
    assert!(got.expect("fetched").to_string().contains("kept"));
    assert!(!provider.seen()[3].headers.contains_key("authorization"));
    // But not round and round, and only for a file.
    let provider = Upstream::answering([leads(302, &raw), leads(302, &raw), leads(302, &raw)]).await;
    let lost = ask("gitea", &connection(&provider.url), "cicd.artifact.get", input).await;
    assert_eq!(lost.expect_err("it leads nowhere").kind, Kind::UpstreamFailed);
    assert_eq!(provider.seen().len(), 3);
    let provider = Upstream::answering([leads(301, "/repositories/7"), leads(301, "/repositories/8")]).await;
    let lost = ask("gitea", &connection(&provider.url), "git.repo.get", crate::repo()).await;
    assert_eq!(lost.expect_err("it leads nowhere").kind, Kind::UpstreamFailed);
    assert_eq!(provider.seen().len(), 2);
}

#[tokio::test]
async fn ha8_a_secret_leaves_sealed_and_is_shown_nowhere() {
    const VALUE: &str = "hunter2-hunter2";
    let input = json!({"project": "acme/api", "name": "TOKEN", "value": VALUE});
    let key = json!({"key_id": "1", "key": "hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="});
    let answers = || {
        [
            Canned::json(200, key.clone()),
            Canned::json(422, json!({"message": VALUE})),
        ]
    };
    let provider = Upstream::answering(answers()).await;
    let failure = ask("github", &connection(&provider.url), "cicd.secret.put", input.clone())
        .await
        .expect_err("422");
    assert!(!format!("{failure:?} {failure}").contains("hunter2"));
    let seen = provider.seen();
    assert_eq!(
        seen.iter().map(|seen| &*seen.method).collect::<Vec<_>>(),
        ["GET", "PUT"]
    );
    assert!(!String::from_utf8_lossy(&seen[1].body).contains("hunter2"));
    // Of its sentences that of a name is known.
    let message = "Secret names can only contain alphanumeric characters";
    let wrong = Canned::json(422, json!({ "message": message }));
    let provider = Upstream::answering([Canned::json(200, key.clone()), wrong]).await;
    let failure = ask("github", &connection(&provider.url), "cicd.secret.put", input.clone())
        .await
        .expect_err("422");
    assert_eq!(failure.field.as_deref(), Some("name"));
    let provider = Upstream::answering([Canned::json(400, json!({"message": VALUE}))]).await;
    let failure = ask("gitea", &connection(&provider.url), "cicd.secret.put", input)
        .await
        .expect_err("400");
    assert!(!format!("{failure:?} {failure}").contains("hunter2"));
    assert_eq!(failure.field.as_deref(), Some("name"));
}
