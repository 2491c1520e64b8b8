//! What was decided for calls: beside their answers, by their ids, and for calls that are not made.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::StatusCode;
use mosaic::Mosaic;
use mosaic::config::Config;
use mosaic::embed::serve::{Serving, serve};
use mosaic::server::{Listener, ServerLimits};
use mosaic_actors::decision::Explained;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::refused;
use crate::support::{client, listen};

/// A key of each tenant; nothing that is told may hold one.
const KEYS: [(&str, &str); 4] = [
    ("acme", "planted-key-of-acme-83c1"),
    ("other", "planted-key-of-other-83c1"),
    ("narrow", "planted-key-of-narrow-83c1"),
    ("slow", "planted-key-of-slow-83c1"),
];

/// A gateway with two mirrors, of which the first never answers well, and a third forge that only one tenant may not know.
struct Stage {
    gateway: Mosaic,
    serving: Serving,
    asked: Arc<AtomicUsize>,
    _upstream: Listener,
}

fn repo() -> Value {
    json!({
        "id": 1, "name": "api", "full_name": "acme/api", "owner": { "login": "acme", "id": 1 }, "private": false,
        "html_url": "http://forge.example/acme/api", "default_branch": "main", "archived": false, "fork": false,
        "description": "planted-payload-5a9e", "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
    })
}

impl Stage {
    async fn open() -> Stage {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let answer = move |request: Request| {
            counted.fetch_add(1, Relaxed);
            let path = request.uri().path().to_owned();
            async move {
                match path {
                    path if path.contains("gone") => StatusCode::NOT_FOUND.into_response(),
                    path if path.starts_with("/broken") => StatusCode::BAD_GATEWAY.into_response(),
                    path if path.contains("ill") => StatusCode::BAD_GATEWAY.into_response(),
                    _ => axum::Json(repo()).into_response(),
                }
            }
        };
        let upstream = listen(ServerLimits::default(), Router::new().fallback(answer)).await;
        let url = format!("http://{}", upstream.local_addr());
        let provider = |name: &str, path: &str| {
            format!("[providers.{name}]\nkind = \"github\"\nbase_url = \"{url}{path}\"\nhealth_check = false\n")
        };
        let folder = tempfile::tempdir().expect("a folder");
        let mut text = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n".to_owned();
        text += &(provider("first", "/broken") + &provider("second", "/sound") + &provider("hidden", "/sound"));
        for (tenant, key) in KEYS {
            std::fs::write(folder.path().join(tenant), key).expect("a file");
            let file = folder.path().join(tenant).display().to_string();
            text += &format!("[keys.{tenant}]\nkey = \"file:{file}\"\ntenant = \"{tenant}\"\n");
        }
        text += "[tenants.acme]\n[tenants.other]\n[tenants.narrow]\nproviders = [\"second\"]\nservices = [\"git\"]\n";
        text += "[tenants.slow]\nrate_per_second = 1\nburst = 2\n";
        text += "[[routes]]\nservice = \"git\"\nresource = \"another-customer/*\"\nproviders = [\"hidden\"]\n";
        text += "[[routes]]\nservice = \"git\"\nproviders = [\"first\", \"second\", \"hidden\"]\n";
        let loaded = Config::parse(&text, "test.toml", std::iter::empty(), &Mosaic::known());
        let config = loaded.unwrap_or_else(|errors| panic!("{errors}")).config;
        let gateway = Mosaic::start(config).await.expect("it starts");
        let serving = serve(&gateway).await.expect("free ports");
        Stage {
            gateway,
            serving,
            asked,
            _upstream: upstream,
        }
    }

    fn by(&self, tenant: &str, request: RequestBuilder) -> RequestBuilder {
        let key = KEYS.iter().find(|(name, _)| *name == tenant).expect("a tenant").1;
        request.bearer_auth(key)
    }

    fn get(&self, tenant: &str, path: &str) -> RequestBuilder {
        self.by(tenant, client().get(format!("http://{}{path}", self.serving.public)))
    }

    fn route(&self, tenant: &str, body: &Value) -> RequestBuilder {
        let request = client().post(format!("http://{}/v1/route", self.serving.public));
        self.by(tenant, request).json(body)
    }

    async fn stop(self) {
        self.serving.stop(&self.gateway).await;
    }
}

async fn told(request: RequestBuilder) -> Value {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

const PATH: &str = "/v1/git/repos/acme%2Fapi";

#[tokio::test]
async fn an_answer_that_is_asked_for_it_tells_what_was_decided_and_is_the_same_beside() {
    let stage = Stage::open().await;
    let plain = told(stage.get("acme", &format!("{PATH}?no_cache=true"))).await;
    assert!(plain.get("decision").is_none());
    let request = stage.get("acme", &format!("{PATH}?no_cache=true"));
    let request = request
        .header("x-mosaic-explain", "true")
        .header("x-request-id", "asked-1");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.headers()["link"], "</v1/explain/asked-1>; rel=\"describedby\"");
    let mut told: Value = response.json().await.expect("JSON");
    let decision = told
        .as_object_mut()
        .expect("an object")
        .remove("decision")
        .expect("it was asked for");
    // Which of equivalents answers is chance; what it says is not.
    told["id"] = plain["id"].clone();
    assert_eq!(told, plain);
    let read: Explained = serde_json::from_value(decision.clone()).expect("a record");
    assert_eq!(
        (&*read.id, &*read.call.tenant, &*read.call.operation),
        ("asked-1", "acme", "git.repo.get")
    );
    assert_eq!(read.route.rule, Some(1));
    assert_eq!(decision["route"]["words"], "service git");
    assert!(decision["at"].as_str().expect("a time").ends_with('Z'));
    // What rules ask of calls that they do not match may name another tenant's customers.
    assert!(!decision.to_string().contains("another-customer"));
    assert_eq!(read.outcome.expect("it ended").code, None);
    stage.stop().await;
}

#[tokio::test]
async fn a_problem_tells_who_was_tried_and_what_was_decided_where_that_is_asked_for() {
    let stage = Stage::open().await;
    let path = "/v1/git/repos/acme%2Fill?no_cache=true";
    let problem = refused(stage.get("acme", path), 502, "all fail").await;
    let tried = problem["tried"].as_array().expect("several attempts");
    assert!(
        tried.len() > 1 && tried.iter().all(|at| at["code"] == "upstream_failed"),
        "{problem}"
    );
    assert!(problem.get("decision").is_none());
    let asked = stage.get("acme", path).header("x-mosaic-explain", "true");
    let problem = refused(asked, 502, "all fail").await;
    let read: Explained = serde_json::from_value(problem["decision"].clone()).expect("a record");
    assert_eq!(read.attempts.len(), problem["tried"].as_array().expect("a list").len());
    assert_eq!(
        read.outcome.expect("it ended").code.map(|code| code.code()),
        problem["code"].as_str()
    );
    let wrong = stage.get("acme", PATH).header("x-mosaic-explain", "perhaps");
    assert_eq!(refused(wrong, 400, "a switch").await["field"], "explain");
    stage.stop().await;
}

#[tokio::test]
async fn a_record_is_its_own_tenants_alone_and_another_sees_what_is_said_of_none() {
    let stage = Stage::open().await;
    for _ in 0..2 {
        let call = stage
            .get("acme", &format!("{PATH}?no_cache=true"))
            .header("x-request-id", "mine");
        told(call).await;
    }
    let records = told(stage.get("acme", "/v1/explain/mine")).await;
    let records = records["decisions"].as_array().expect("records");
    assert_eq!(records.len(), 2, "callers may choose ids");
    assert!(
        records[0]["at_unix_ms"].as_u64() >= records[1]["at_unix_ms"].as_u64(),
        "the newest first"
    );
    let mut foreign = refused(stage.get("other", "/v1/explain/mine"), 404, "another tenant's").await;
    let mut unknown = refused(stage.get("other", "/v1/explain/nobodys"), 404, "nobody's").await;
    for problem in [&mut foreign, &mut unknown] {
        for own in ["request_id", "instance"] {
            problem.as_object_mut().expect("an object").remove(own);
        }
    }
    assert_eq!(foreign, unknown);
    let keyless = client().get(format!("http://{}/v1/explain/mine", stage.serving.public));
    refused(keyless, 401, "no key").await;
    stage.stop().await;
}

#[tokio::test]
async fn a_call_that_is_not_made_is_explained_and_nobody_is_asked() {
    let stage = Stage::open().await;
    let before = stage.asked.load(Relaxed);
    let body = json!({
        "operation": "git.repo.get", "input": { "repo": "acme/api" },
        "options": { "no_cache": true, "timeout_ms": 500, "labels": ["team=web", "run=nightly"], "priority": "low" },
    });
    let unmade = told(stage.route("acme", &body)).await;
    let read: Explained = serde_json::from_value(unmade).expect("a record");
    assert!(read.dry_run && read.attempts.is_empty() && read.first_choice.is_some());
    let names: Vec<&str> = read.candidates.iter().map(|one| &*one.instance).collect();
    assert_eq!(names, ["first", "second", "hidden"]);
    assert_eq!(read.call.labels.len(), 2);
    assert_eq!(stage.asked.load(Relaxed), before);
    assert!(
        stage.gateway.explain(&read.id, None).is_empty(),
        "it is no call, and is not kept as one"
    );
    for (body, field) in [
        (json!({ "operation": "git.repo.gett" }), "operation"),
        (json!({ "operation": "git.repo.get" }), "repo"),
        (
            json!({ "operation": "git.repo.get", "input": { "repo": "a/b" }, "options": { "providr": "x" } }),
            "providr",
        ),
        (
            json!({ "operation": "git.repo.get", "input": { "repo": "a/b" }, "options": { "explain": 7 } }),
            "explain",
        ),
        (
            json!({ "operation": "git.repo.list", "options": { "provider": "all" } }),
            "provider",
        ),
        (json!({ "operation": "git.repo.get", "inputs": {} }), "inputs"),
    ] {
        let problem = refused(stage.route("acme", &body), 400, &body.to_string()).await;
        assert_eq!(problem["field"], field, "{problem}");
    }
    stage.stop().await;
}

#[tokio::test]
async fn a_tenant_is_told_of_no_instance_and_no_operation_beyond_its_reach() {
    let stage = Stage::open().await;
    let get = |repo: &str| json!({ "operation": "git.repo.get", "input": { "repo": repo } });
    let only_second = |record: &Value| {
        for list in ["candidates", "attempts"] {
            let rows = record[list].as_array().expect("a list");
            assert!(rows.iter().all(|row| row["instance"] == "second"), "{record}");
        }
        assert!(!record["route"].to_string().contains("another-customer"), "{record}");
    };
    for repo in ["acme/api", "hidden~acme/api", "first~acme/api", "another-customer/x"] {
        only_second(&told(stage.route("narrow", &get(repo))).await);
        let path = format!("/v1/git/repos/{}?no_cache=true", repo.replace('/', "%2F"));
        let asked = stage.get("narrow", &path).header("x-request-id", "narrow-1");
        asked.send().await.expect("an answer");
    }
    let unmade = told(stage.route("narrow", &get("acme/api"))).await;
    assert_eq!(unmade["candidates"].as_array().expect("a list").len(), 1, "{unmade}");
    let records = told(stage.get("narrow", "/v1/explain/narrow-1")).await;
    let records = records["decisions"].as_array().expect("records");
    assert_eq!(records.len(), 4);
    records.iter().for_each(only_second);
    let beyond = json!({ "operation": "ai.models.list" });
    let problem = refused(stage.route("narrow", &beyond), 404, "another service").await;
    assert!(
        problem["detail"]
            .as_str()
            .expect("a detail")
            .ends_with("not within the reach of this key")
    );
    stage.stop().await;
}

#[tokio::test]
async fn no_key_and_no_payload_is_in_what_is_explained() {
    let stage = Stage::open().await;
    let call = stage.get("acme", &format!("{PATH}?no_cache=true"));
    told(
        call.header("x-mosaic-explain", "true")
            .header("x-request-id", "planted"),
    )
    .await;
    let gone = stage
        .get("acme", "/v1/git/repos/acme%2Fgone")
        .header("x-request-id", "planted");
    refused(gone, 404, "it is not there").await;
    let mut seen = told(stage.get("acme", "/v1/explain/planted")).await.to_string();
    for path in ["/admin/v1/decisions", "/admin/v1/decisions/planted", "/admin/v1/status"] {
        seen += &told(client().get(format!("http://{}{path}", stage.serving.admin)))
            .await
            .to_string();
    }
    let body = json!({ "operation": "git.repo.get", "input": { "repo": "acme/api" } });
    seen += &told(stage.route("acme", &body)).await.to_string();
    assert!(seen.matches("planted").count() >= 4, "the records are these");
    for (_, key) in KEYS {
        assert!(!seen.contains(key));
    }
    assert!(!seen.contains("planted-payload"));
    stage.stop().await;
}

#[tokio::test]
async fn to_look_at_decisions_takes_of_the_rate_what_a_call_takes() {
    let stage = Stage::open().await;
    let unmade = json!({"operation": "git.repo.get", "input": {"repo": "acme/api"}});
    // So many at once that a rate of one a second has no part in who is refused.
    let routes: Vec<_> = (0..60).map(|_| stage.route("slow", &unmade)).collect();
    let looks: Vec<_> = (0..60).map(|_| stage.get("slow", "/v1/explain/none")).collect();
    for (requests, answered) in [(routes, 200), (looks, 404)] {
        let sent = requests.into_iter().map(RequestBuilder::send);
        let replies = futures_util::future::join_all(sent).await;
        let statuses: Vec<_> = replies
            .iter()
            .map(|reply| reply.as_ref().expect("an answer").status())
            .collect();
        assert!(
            statuses.iter().all(|status| [answered, 429].contains(&status.as_u16())),
            "{statuses:?}"
        );
        assert!(statuses.iter().any(|status| *status == 429), "{statuses:?}");
    }
    // Others have theirs.
    told(stage.route("acme", &unmade)).await;
    stage.stop().await;
}
