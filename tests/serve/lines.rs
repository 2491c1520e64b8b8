//! The log of what was asked: one line for each call, whatever its end.

use std::collections::BTreeMap;

use mosaic::sandbox::{Effect, Fault};
use serde_json::{Value, json};

use crate::harness::{Setup, Stage};

/// Lines at `info` and above that tell of a request or a call, by request id.
fn told(log: &str) -> BTreeMap<String, Vec<Value>> {
    let mut lines: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in log.lines() {
        let mut line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let of_requests = line["target"] == "mosaic::calls" || line["target"] == "mosaic::access";
        let fields = line["fields"].as_object().cloned().unwrap_or_default();
        line.as_object_mut().expect("an object").extend(fields);
        if let Some(id) = line["request_id"].as_str().filter(|_| of_requests) {
            lines.entry(id.to_owned()).or_default().push(line);
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_one_line_at_its_end_and_probes_are_none() {
    let stage = Stage::open(Setup::default()).await;
    let client = &stage.gateway.client;
    let url = |path: &str| format!("http://{}{path}", stage.gateway.public);
    let named = |id: &'static str| [("x-request-id", id)];
    let repo = url("/v1/git/repos/acme/api");
    assert_eq!(client.get_with(&repo, &named("miss")).await.status, 200);
    assert_eq!(client.get_with(&repo, &named("hit")).await.status, 200);
    assert_eq!(
        client
            .get_with(&url("/v1/git/repos/acme/none"), &named("absent"))
            .await
            .status,
        404
    );
    assert_eq!(
        client
            .get_with(&url("/v1/git/repos?limit=x"), &named("no-call"))
            .await
            .status,
        400
    );
    let chat = json!({"model": "sandbox-small", "prompt": "Say hello"});
    assert_eq!(
        client
            .post(&url("/v1/ai/chat/stream"), &chat, &named("stream"))
            .await
            .status,
        200
    );
    let issue = json!({"project": "acme/api", "title": "told once"});
    for id in ["written", "replayed"] {
        let keyed = [("x-request-id", id), ("idempotency-key", "a-key")];
        let answer = client.post(&url("/v1/projects/issues"), &issue, &keyed).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    for name in ["github-a", "github-b"] {
        let broken = Fault::new(Effect::Error { status: 500 });
        stage.server(name).faults().add(broken).expect("a sound fault");
    }
    let fresh = url("/v1/git/repos/acme/api?no_cache=true");
    assert!(client.get_with(&fresh, &named("failed")).await.status >= 500);
    for probe in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(stage.gateway.admin(probe).await.status, 200);
    }

    let log = stage.close().await.stderr;
    let lines = told(&log);
    for (id, level, code) in [
        ("miss", "INFO", "ok"),
        ("hit", "INFO", "ok"),
        ("stream", "INFO", "ok"),
        ("written", "INFO", "ok"),
        ("absent", "INFO", "not_found"),
        ("failed", "WARN", "upstream_failed"),
    ] {
        let [line] = &lines[id][..] else {
            panic!("{id}: {:#?}", lines[id])
        };
        assert_eq!(
            (&line["target"], &line["level"]),
            (&json!("mosaic::calls"), &json!(level)),
            "{line}"
        );
        assert_eq!(line["code"], code, "{line}");
        for fact in ["operation", "tenant", "identity", "provider", "duration_us", "attempts"] {
            assert!(!line[fact].is_null(), "{id} lacks {fact}: {line}");
        }
    }
    assert_eq!(
        (&lines["hit"][0]["cache"], &lines["miss"][0]["cache"]),
        (&json!("hit"), &json!("miss"))
    );
    assert!(lines["miss"][0]["bytes"].as_u64() > Some(0));
    let stream = &lines["stream"][0];
    for fact in ["bytes", "events", "output_tokens"] {
        assert!(stream[fact].as_u64() > Some(0), "{fact}: {stream}");
    }
    assert!(stream["first_event_ms"].is_u64(), "{stream}");
    assert!(lines["failed"][0]["waited_ms"].is_u64(), "{:#?}", lines["failed"]);
    assert_eq!(lines["replayed"].len(), 1, "{:#?}", lines["replayed"]);
    // What is no call has its line of access, and a probe has none.
    assert_eq!(lines["no-call"][0]["target"], "mosaic::access");
    assert!(
        !log.contains("/livez") && !log.contains("/readyz") && !log.contains("/metrics"),
        "{log}"
    );
}
