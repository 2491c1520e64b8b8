//! Notion: its first delivery brings the secret by which it proves all others.
//!
//! Invariant: the secret is told to whoever runs the gateway, once, and to nobody else.

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use serde_json::{Value, json};

use crate::harness::{Gateway, Setup, Stage, configuration, credentials, sandbox};
use crate::{Listener, PATH, SECRET, send, signed};

/// A provider `notes` at this address, that may send.
fn setup(url: &str, webhook: &str) -> Setup {
    Setup {
        tables: format!(
            "[providers.notes]\nkind = \"notion\"\nbase_url = \"{url}\"\ntoken = \"env:NOTES\"\nhealth_check = false\n\
             [providers.notes.webhook]\npath_secret = \"env:HOOK_PATH\"\n{webhook}"
        ),
        env: vec![
            ("NOTES".to_owned(), "sandbox-notes".to_owned()),
            ("HOOK".to_owned(), SECRET.to_owned()),
            ("HOOK_PATH".to_owned(), PATH.to_owned()),
        ],
        ..Setup::default()
    }
}

fn greeting(token: &str) -> String {
    json!({ "verification_token": token }).to_string()
}

async fn told(gateway: &Gateway) -> crate::harness::http::Reply {
    let body = json!({"reason": "Notion's form asks for it"});
    gateway.administer("/admin/v1/plugins/notes/webhook-token", &body).await
}

/// N32: until the secret is known nothing but the first delivery is taken, on the secret path, and it tells no event.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_delivery_brings_its_secret_to_whoever_runs_the_gateway() {
    const TOKEN: &str = "secret_planted-token-4d11";
    let stage = Stage::open(setup("http://127.0.0.1:9", "")).await;
    let gateway = &stage.gateway;
    let path = format!("notes/{PATH}");
    assert_eq!(told(gateway).await.refused(404), "not_found");
    // Where one chooses the secret, that is told.
    let body = json!({"reason": "r"});
    let chosen = gateway
        .administer("/admin/v1/plugins/github-a/webhook-token", &body)
        .await;
    assert!(
        chosen.text.contains("those of notion alone do") && chosen.text.contains("github-a.webhook.secret"),
        "{}",
        chosen.text
    );
    assert_eq!(chosen.refused(404), "not_found");
    // Whoever does not know the path brings nothing, and neither does a signature by something else.
    let first = greeting(TOKEN);
    assert_eq!(send(gateway, "notes", &[], &first).await.refused(404), "not_found");
    let other = signed(&first, SECRET);
    let forged = [("x-notion-signature", other.as_str())];
    assert_eq!(
        send(gateway, &path, &forged, &first).await.refused(401),
        "unauthenticated"
    );
    let event = json!({"id": "1", "type": "page.created", "entity": {"id": "p", "type": "page"}}).to_string();
    for headers in [&[][..], &[("x-notion-signature", &*signed(&event, TOKEN))][..]] {
        assert_eq!(
            send(gateway, &path, headers, &event).await.refused(401),
            "unauthenticated"
        );
    }
    assert_eq!(told(gateway).await.refused(404), "not_found");
    // With a signature or without, and the first one counts: no other takes its place, however often it comes.
    let sound = signed(&first, TOKEN);
    for headers in [&[("x-notion-signature", &*sound)][..], &[]] {
        let taken = send(gateway, &path, headers, &first).await;
        assert_eq!(taken.ok()["repeated"], false);
    }
    let late = greeting("secret_of-a-stranger");
    for headers in [
        &[][..],
        &[("x-notion-signature", &*signed(&late, "secret_of-a-stranger"))],
    ] {
        assert_eq!(send(gateway, &path, headers, &late).await.refused(409), "conflict");
    }
    let dry = json!({"reason": "r"});
    let look = gateway
        .administer("/admin/v1/plugins/notes/webhook-token?dry_run=true", &dry)
        .await;
    assert_eq!(look.ok()["touches"]["plugins"], json!(["notes"]));
    let answer = told(gateway).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.ok()["verification_token"], TOKEN);
    assert_eq!(told(gateway).await.refused(404), "not_found");
    // By the command line, too.
    send(gateway, &path, &[], &first).await.ok();
    let args = ["plugins", "webhook-token", "notes", "--reason", "the form", "--json"];
    let ended = gateway.cli(&args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(shown["verification_token"], TOKEN);
    let metrics = gateway.admin("/metrics").await.text;
    let audit = gateway.admin("/admin/v1/audit").await.text;
    assert!(audit.contains("plugin.webhook_token"), "{audit}");
    let views = ["status", "plugins/notes", "config", "calls"];
    let mut seen = metrics + &audit;
    for view in views {
        seen += &gateway.admin(&format!("/admin/v1/{view}")).await.text;
    }
    seen += &stage.close().await.stderr;
    assert!(seen.contains("a first delivery has brought its secret"), "{seen}");
    assert!(seen.contains("another secret while one waits"), "{seen}");
    for planted in [TOKEN, "of-a-stranger", PATH] {
        assert!(!seen.contains(planted), "{planted}");
    }
}

/// N32: an event keeps its id while it is tried again; what it tells of is read anew at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_makes_cached_reads_of_page_and_issue_untrue_at_once() {
    let server = ServerConfig::new("notes", "notion", "sandbox-notes");
    let notes = Sandbox::start(SandboxConfig { servers: vec![server] })
        .await
        .expect("started");
    let setup = setup(notes.servers()[0].base_url(), "secret = \"env:HOOK\"\n");
    let sandbox = sandbox().await;
    let gateway = Gateway::serve(&configuration(&sandbox, &setup), credentials(&sandbox, &setup)).await;
    let get = async |path: &str| gateway.get(path).await.ok();
    let boards = get("/v1/projects/boards?provider=notes").await;
    let boards = boards["items"].as_array().expect("boards").iter();
    let tasks = boards
        .filter(|board| board["title"] == "Tasks")
        .find_map(|board| board["id"].as_str());
    let tasks = tasks.expect("the board").to_owned();
    let source = tasks.strip_prefix("notes~").expect("its own").to_owned();
    let issues = get(&format!("/v1/projects/issues?project={tasks}&state=all&limit=1")).await;
    let issue = issues["items"][0]["id"].as_str().expect("an id").to_owned();
    let (_, page) = issue.split_once('#').expect("a page");
    let read = async || {
        let escaped = issue.replace('#', "%23");
        let title = |document: &Value| document["title"].as_str().expect("a title").to_owned();
        (
            title(&get(&format!("/v1/docs/pages/notes~{page}")).await),
            title(&get(&format!("/v1/projects/issues/{escaped}")).await),
        )
    };
    let before = read().await;
    // Behind our back.
    let url = format!("{}/pages/{page}", notes.servers()[0].base_url());
    let title = json!({"properties": {"title": {"title": [{"text": {"content": "Renamed"}}]}}});
    let renamed = gateway.client.0.patch(url).bearer_auth("sandbox-notes");
    let renamed = renamed.header("notion-version", "2025-09-03").json(&title);
    assert_eq!(renamed.send().await.expect("an answer").status(), 200);
    assert_eq!(read().await, before, "they are cached");
    let mut listener = Listener::open(&gateway, "after=0", &[]).await;
    let path = format!("notes/{PATH}");
    let event = |attempt: u64| {
        json!({"id": "7f0c7a9e-9f0e-4a52-9b4c-6f5b0a7d5e11", "timestamp": "2026-03-01T10:00:00.000Z", "type":
            "page.properties_updated", "attempt_number": attempt, "authors": [{"id": "a", "type": "person"}],
            "entity": {"id": page, "type": "page"}, "data": {"parent": {"id": "d", "type": "database",
            "data_source_id": source}, "updated_properties": ["title"]}})
        .to_string()
    };
    for (attempt, repeated) in [(1, false), (2, true)] {
        let event = event(attempt);
        let signature = signed(&event, SECRET);
        let headers = [("x-notion-signature", signature.as_str())];
        assert_eq!(send(&gateway, &path, &headers, &event).await.ok()["repeated"], repeated);
    }
    assert_eq!(read().await, ("Renamed".to_owned(), "Renamed".to_owned()));
    for (kind, resource) in [
        ("docs.page.updated", format!("notes~{page}")),
        ("projects.issue.updated", issue.clone()),
    ] {
        let line = listener.next().await.expect("an event");
        assert_eq!(
            (&line.data["type"], &line.data["resource"]),
            (&json!(kind), &json!(resource))
        );
        assert_eq!(line.data["actor"]["id"], "a");
    }
    // A token that is known already is only tried; another waits to be told.
    let again = greeting(SECRET);
    let signature = signed(&again, SECRET);
    send(&gateway, &path, &[("x-notion-signature", &signature)], &again)
        .await
        .ok();
    assert_eq!(told(&gateway).await.refused(404), "not_found");
    send(&gateway, &path, &[], &greeting("secret_another")).await.ok();
    assert_eq!(told(&gateway).await.ok()["verification_token"], "secret_another");
    drop(gateway);
    sandbox.shutdown().await;
    notes.shutdown().await;
}
