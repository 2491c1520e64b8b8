//! Orders to calls, caches and breakers; readiness where an order ends it; and the events that tell of them.

use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::stage::{Stage, two_at, upstream};
use crate::support::PATIENCE;

async fn ready(stage: &Stage) -> (u16, String) {
    let answer = stage.request("GET", "/readyz?verbose").send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn a_call_is_cancelled_by_its_id_and_listed_among_the_last() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let caller = stage.ask("/v1/git/repos/a~acme%2Fslow").send();
    let caller = tokio::spawn(caller);
    let calls = stage
        .until("it asks", "/calls", |view| view["calls"][0]["provider"] == "a")
        .await;
    let id = calls["calls"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/calls/{id}/cancel");
    let preview = stage
        .post(&format!("{path}?dry_run=true"), json!({"reason": "r"}))
        .await
        .1;
    assert_eq!(
        (&preview["touches"]["calls_in_flight"], &preview["touches"]["plugins"]),
        (&json!(1), &json!(["a"]))
    );
    assert_eq!(stage.order(&path, json!({})).await["cancelled"], 1);
    let told = caller.await.expect("no panic").expect("an answer");
    assert_eq!(told.status().as_u16(), 499);
    assert_eq!(told.json::<Value>().await.expect("a problem")["code"], "cancelled");
    let last = stage.view("/calls").await["finished"][0].clone();
    assert_eq!(
        (&last["id"], &last["code"], &last["provider"]),
        (&json!(id), &json!("cancelled"), &json!("a"))
    );
    assert!(
        !last.to_string().contains("slow"),
        "the resource is the caller's own: {last}"
    );
    let (status, problem) = stage.post(&path, json!({"reason": "again"})).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    stage.stop().await;
}

#[tokio::test]
async fn a_breaker_forced_for_a_while_says_why_to_operators_alone() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let forced = json!({"reason": "disk swap", "for_ms": 1_500});
    assert_eq!(stage.post("/breakers/a/force-open", forced).await.0, 200);
    for breaker in [
        stage.view("/breakers").await["breakers"][0].clone(),
        stage.plugin("a").await["traffic"]["breaker"].clone(),
    ] {
        assert_eq!(breaker["why"], "forced open by order (disk swap)");
    }
    let refused: Value = crate::stage::told(stage.ask("/v1/git/repos/a~acme%2Fapi")).await.1;
    let told = refused["detail"].as_str().expect("text");
    assert!(
        told.contains("forced open by order") && !refused.to_string().contains("disk"),
        "{refused}"
    );
    let closed = |view: &Value| view["breakers"][0]["state"] == "closed" && view["breakers"][0]["why"].is_null();
    stage.until("it closes by itself", "/breakers", closed).await;
    for for_ms in [json!(0), json!(86_400_001)] {
        let (status, problem) = stage
            .post("/breakers/a/force-open", json!({"reason": "r", "for_ms": for_ms}))
            .await;
        assert_eq!((status, &problem["field"]), (400, &json!("for_ms")));
    }
    stage.stop().await;
}

#[tokio::test]
async fn a_purge_names_one_thing_that_there_is() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let asked = stage.ask("/v1/git/repos/a~acme%2Fapi").send();
    assert_eq!(asked.await.expect("an answer").status(), 404);
    let key = stage.view("/calls").await["finished"][0]["cache_key"].clone();
    for which in [
        json!({"key": key}),
        json!({"tag": "repo:acme/api"}),
        json!({"tier": "l1"}),
        json!({"tier": "all"}),
    ] {
        let done = stage.order("/caches/purge", which.clone()).await;
        assert_eq!(
            (&done["tiers"][0]["tier"], &done["tiers"][0]["outcome"]),
            (&json!("l1"), &json!("purged")),
            "{which}"
        );
    }
    for (which, field) in [
        (json!({}), "key"),
        (json!({"tag": "a", "tier": "l1"}), "key"),
        (json!({"key": "nonsense"}), "key"),
        (json!({"tier": "l7"}), "tier"),
        (json!({"tag": ""}), "tag"),
    ] {
        for dry in ["", "?dry_run=true"] {
            let mut body = which.clone();
            body["reason"] = json!("r");
            let (status, problem) = stage.post(&format!("/caches/purge{dry}"), body).await;
            assert_eq!((status, &problem["field"]), (400, &json!(field)), "{which}");
        }
    }
    stage.stop().await;
}

#[tokio::test]
async fn without_its_router_or_gateway_it_is_not_ready_and_a_dry_run_says_so() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    assert_eq!(ready(&stage).await.0, 200);
    for name in ["router", "gateway"] {
        let body = json!({"path": format!("/root/{name}"), "reason": "r"});
        let preview = stage.post("/actors/stop?dry_run=true", body.clone()).await.1;
        let notes = preview["touches"]["notes"].to_string();
        assert!(notes.contains("/readyz will be false"), "{preview}");
        assert_eq!(ready(&stage).await.0, 200, "nothing was done");
        stage.order("/actors/stop", json!({"path": body["path"]})).await;
        let (status, told) = ready(&stage).await;
        assert_eq!(status, 503);
        assert!(
            told.contains(&format!("[-]{name} failed: the {name} is stopped")),
            "{told}"
        );
        assert_eq!(
            stage.view("/status").await["outages"],
            json!([format!("the {name} is stopped")])
        );
        stage.order("/actors/start", json!({"path": body["path"]})).await;
        assert_eq!(ready(&stage).await.0, 200);
    }
    let provider = json!({"path": "/root/plugins/instances/a/provider", "reason": "r"});
    let preview = stage.post("/actors/stop?dry_run=true", provider).await.1;
    assert!(preview["touches"].get("notes").is_none(), "{preview}");
    stage.stop().await;
}

#[tokio::test]
async fn an_instance_that_cannot_be_added_leaves_nothing() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    // Nobody listens there, and its health is asked.
    let table = json!({"kind": "github", "base_url": "http://127.0.0.1:9"});
    let (status, problem) = stage
        .post("/plugins", json!({"name": "c", "provider": table, "reason": "r"}))
        .await;
    assert!(status >= 500, "{status} {problem}");
    let told = problem["detail"].as_str().expect("text");
    assert!(told.ends_with("; nothing was added"), "{told}");
    assert_eq!(stage.get("/plugins/c").await.0, 404);
    let table = json!({"kind": "github", "base_url": url, "health_check": false});
    stage.order("/plugins", json!({"name": "c", "provider": table})).await;
    stage.stop().await;
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens_until_the_gateway_has_stopped() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&two_at(&url)).await;
    let answer = stage
        .request("GET", "/admin/v1/events")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut bytes = answer.bytes_stream();
    stage.order("/breakers/a/force-open", json!({})).await;
    let table = json!({"kind": "github", "base_url": url, "health_check": false});
    stage.order("/plugins/b/update", json!({"provider": table})).await;
    stage
        .order("/actors/restart", json!({"path": "/root/plugins/instances/a/provider"}))
        .await;
    stage.stop().await;
    let mut text = String::new();
    let read = async {
        while let Some(Ok(piece)) = bytes.next().await {
            text += &String::from_utf8_lossy(&piece);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("it ends");
    assert!(text.trim_end().ends_with("event: done\ndata: {}"), "{text}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told = |facts: Value| {
        let facts = facts.as_object().expect("facts").clone();
        let found = events
            .iter()
            .any(|event| facts.iter().all(|(name, fact)| event[name] == *fact));
        assert!(found, "{facts:?} in {text}");
    };
    told(json!({"event": "breaker", "name": "a", "state": "forced_open", "why": "forced open by order (a rehearsal)"}));
    told(
        json!({"event": "ordered", "action": "breaker.force_open", "target": "a", "reason": "a rehearsal", "outcome": "ok"}),
    );
    told(json!({"event": "config_changed", "plugin": "b", "change": "updated"}));
    told(json!({"event": "life", "plugin": "b", "life": "running"}));
    told(json!({"event": "stopped", "path": "/root/gateway"}));
    told(json!({"event": "ended"}));
    assert!(
        events[..events.len() - 1]
            .iter()
            .all(|event| event["at"].is_string() && event["at_unix_ms"].is_u64())
    );
}
