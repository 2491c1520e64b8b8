//! Providers that fail, and what callers see of it.

use mosaic::sandbox::{Effect, Fault};
use serde_json::json;

use crate::harness::{Setup, Stage};

const FRESH: &str = "/v1/git/repos/acme/api?no_cache=true";

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_provider_is_passed_over() {
    let stage = Stage::open(Setup {
        // Longer than all of this takes, however slow the machine is.
        tables: "[defaults.breaker]\nopen_for = \"1h\"\n".to_owned(),
        ..Setup::default()
    })
    .await;
    stage
        .server("github-a")
        .faults()
        .add(Fault::new(Effect::Error { status: 503 }))
        .expect("a sound fault");
    for _ in 0..10 {
        let reply = stage.gateway.get(FRESH).await;
        reply.ok();
        assert_eq!(reply.provider(), "github-b");
    }
    let insisted = stage.gateway.get(&format!("{FRESH}&provider=github-a")).await;
    assert_eq!(insisted.refused(503), "circuit_open");
    assert!(
        insisted.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0),
        "{insisted:?}"
    );
    assert_eq!(
        stage
            .gateway
            .cli(&["git", "repo", "get", "acme/web", "--provider", "github-a"])
            .code,
        Some(69)
    );
    let breaker = stage.gateway.admin("/admin/v1/status").await.ok();
    let row = breaker["providers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "github-a")
        .cloned();
    let breaker = row.expect("it is shown")["breaker"].clone();
    assert_eq!(breaker["state"], "open");
    // Those that opened it, the last one among them.
    assert!(breaker["consecutive_failures"].as_u64() >= Some(5), "{breaker}");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_all_names_who_is_missing() {
    let stage = Stage::open(Setup::default()).await;
    let all = "/v1/git/repos?owner=acme&provider=all&no_cache=true";
    let page = stage.gateway.get(all).await.ok();
    let ids: Vec<&str> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "github-a~acme/api",
            "github-a~acme/web",
            "github-b~acme/api",
            "github-b~acme/web"
        ]
    );
    assert!(page.get("errors").is_none());
    // Also where a row has no id that says it: of a list of branches each row names its instance.
    let branches = "/v1/git/repos/acme/api/branches?provider=all&no_cache=true";
    let page = stage.gateway.get(branches).await.ok();
    let rows = page["items"].as_array().unwrap().iter();
    let whose: Vec<_> = rows.map(|row| row["provider"].as_str().expect("it is told")).collect();
    assert!(whose.is_sorted() && whose.first() == Some(&"github-a") && whose.last() == Some(&"github-b"));
    let shown = stage
        .gateway
        .cli(&["git", "branch", "list", "acme/api", "--provider", "all", "--no-cache"]);
    assert!(
        shown.stdout.contains("PROVIDER") && shown.stdout.contains("github-b"),
        "{shown:#?}"
    );

    stage
        .server("github-b")
        .faults()
        .add(Fault::new(Effect::ExpiredToken))
        .expect("a sound fault");
    let page = stage.gateway.get(all).await.ok();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(page["errors"][0]["provider"], "github-b");
    assert_eq!(page["errors"][0]["code"], "upstream_auth");
    // A part is not the whole: a script learns it from the exit code, whatever it makes of the rows.
    let line = [
        "git",
        "repo",
        "list",
        "--owner",
        "acme",
        "--provider",
        "all",
        "--no-cache",
    ];
    let by_cli = stage.gateway.cli(&[&line[..], &["--json"]].concat());
    let shown: serde_json::Value = serde_json::from_str(&by_cli.stdout).expect("the rows that there are");
    assert_eq!(
        (by_cli.code, &shown["errors"]),
        (Some(8), &page["errors"]),
        "{by_cli:#?}"
    );
    let told: serde_json::Value = serde_json::from_str(&by_cli.stderr).expect("a line of JSON");
    assert_eq!(told, page["errors"][0]);
    let for_people = stage.gateway.cli(&line);
    assert_eq!(for_people.code, Some(8), "{for_people:#?}");
    assert!(for_people.stdout.contains("github-a~acme/web"), "{for_people:#?}");
    assert!(
        for_people.stderr.contains("missing: github-b [upstream_auth]"),
        "{for_people:#?}"
    );
    let single = stage.gateway.get("/v1/git/repos/acme/api?provider=all").await;
    assert_eq!(
        (single.refused(400), single.json()["field"].clone()),
        ("invalid_input".to_owned(), json!("provider"))
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_ends_in_an_error_on_every_surface() {
    let stage = Stage::open(Setup::default()).await;
    for name in ["openai-a", "openai-b"] {
        let cut = Effect::CutStream {
            after_frames: 3,
            clean: true,
        };
        stage.server(name).faults().add(Fault::new(cut)).expect("a sound fault");
    }
    let chat = json!({"model": "sandbox-small", "prompt": "Say hello"});
    let reply = stage.gateway.post("/v1/ai/chat/stream", &chat).await;
    assert_eq!(reply.status, 200);
    let last = reply.text.trim_end().rsplit("\n\n").next().unwrap().to_owned();
    let problem = last
        .strip_prefix("event: error\ndata: ")
        .unwrap_or_else(|| panic!("{}", reply.text));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(problem).unwrap()["code"],
        "upstream_failed"
    );
    let printed = stage
        .gateway
        .cli(&["ai", "chat", "stream", "sandbox-small", "Say", "hello"]);
    assert_eq!(printed.code, Some(69), "{printed:#?}");
    assert!(
        !printed.stdout.is_empty() && printed.stderr.contains("error[upstream_failed]"),
        "{printed:#?}"
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_in_so_many_words() {
    let setup = Setup {
        server: "max_body = \"2KiB\"".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let gateway = &stage.gateway;
    let long = json!({"project": "acme/api", "title": "x".repeat(4000)});
    assert_eq!(
        gateway.post("/v1/projects/issues", &long).await.refused(413),
        "payload_too_large"
    );
    let chunks = futures_util::stream::iter((0..8).map(|_| Ok::<_, std::io::Error>(vec![b' '; 512])));
    let request = gateway
        .client
        .0
        .post(format!("http://{}/v1/projects/issues", gateway.public));
    let request = request
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(chunks));
    assert_eq!(
        crate::harness::http::send(request, &[]).await.refused(413),
        "payload_too_large"
    );

    for (path, status, code) in [
        ("/v1/git/repos/acme/none", 404, "not_found"),
        ("/v1/git/repos/acme", 400, "invalid_input"),
        ("/v1/git/repos?limit=0", 400, "invalid_input"),
        ("/v1/git/repos?colour=red", 400, "invalid_input"),
        ("/v1/nothing", 404, "no_route"),
        ("/nothing", 404, "no_route"),
        ("/v1/git/repos/acme/api?provider=nobody", 400, "invalid_input"),
    ] {
        let reply = gateway.get(path).await;
        assert_eq!(reply.refused(status), code, "{path}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.json()["request_id"], reply.header("x-request-id"));
    }
    assert_eq!(gateway.cli(&["git", "repo", "get", "acme/none"]).code, Some(3));
    // The unknown repository; the second time the cache knew that it is not there.
    assert_eq!(stage.asked("github"), 1, "what was wrong was sent");
    stage.close().await.ok();
}
