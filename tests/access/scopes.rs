//! Scopes of keys: on calls, lists, documents, pass-through, events, records, and on the admin listener.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::Stage;
use crate::harness::http::Reply;
use crate::{Key, ask, ask_at, keyed};

const KEYS: &[Key] = &[
    Key {
        name: "whole",
        scopes: "",
    },
    Key {
        name: "reader",
        scopes: r#"["git:read"]"#,
    },
    Key {
        name: "writer",
        scopes: r#"["git.repo:write", "git.repo:read"]"#,
    },
    Key {
        name: "cleaner",
        scopes: r#"["*:destructive"]"#,
    },
    Key {
        name: "passer",
        scopes: r#"["proxy:read"]"#,
    },
    Key {
        name: "looker",
        scopes: r#"["admin:read"]"#,
    },
    Key {
        name: "chief",
        scopes: r#"["admin", "git:read"]"#,
    },
];

fn missing(reply: Reply, scope: &str) {
    let told = reply.text.clone();
    assert_eq!(reply.refused(403), "forbidden");
    assert!(told.contains(&format!("the scope {scope},")), "{scope}: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_not_granted_is_refused_before_anything_is_sent() {
    let stage = Stage::open(keyed(KEYS, "")).await;
    let gateway = &stage.gateway;
    let (repo, new) = ("/v1/git/repos/acme%2Fapi", json!({"repo": "acme/brand-new"}));
    let get = async |key: &str, path: &str| ask(gateway, key, "GET", path, None).await;

    missing(get("cleaner", repo).await, "git:read");
    missing(get("passer", repo).await, "git:read");
    missing(get("looker", repo).await, "git:read");
    assert_eq!(stage.asked("github"), 0);
    get("reader", repo).await.ok();
    // It is in the cache now, and is given to those alone who may read it.
    missing(get("cleaner", repo).await, "git:read");
    assert!(get("writer", repo).await.header("cache-status").contains("hit"));
    get("whole", repo).await.ok();
    let asked = stage.asked("github");

    missing(
        ask(gateway, "reader", "POST", "/v1/git/repos", Some(&new)).await,
        "git:write",
    );
    missing(
        ask(gateway, "cleaner", "POST", "/v1/git/repos", Some(&new)).await,
        "git:write",
    );
    missing(ask(gateway, "writer", "DELETE", repo, None).await, "git:destructive");
    missing(ask(gateway, "reader", "DELETE", repo, None).await, "git:destructive");
    missing(get("writer", "/v1/git/repos/acme%2Fapi/prs").await, "git:read");
    // What is paid for is no read.
    let chat = json!({"model": "sandbox-small", "messages": [{"role": "user", "content": "Hi"}]});
    missing(
        ask(gateway, "passer", "POST", "/v1/ai/chat/complete", Some(&chat)).await,
        "ai:write",
    );
    // Nor does it help to ask what would be.
    let unmade = json!({"operation": "git.repo.delete", "input": {"repo": "acme/api"}});
    missing(
        ask(gateway, "reader", "POST", "/v1/route", Some(&unmade)).await,
        "git:destructive",
    );
    assert_eq!(stage.asked("github"), asked, "nothing of that was sent");
    ask(gateway, "cleaner", "POST", "/v1/route", Some(&unmade)).await.ok();

    let deleted = ask(gateway, "cleaner", "DELETE", repo, None).await;
    assert!(matches!(deleted.status, 200 | 204), "{deleted:?}");
    assert!(stage.asked("github") > asked);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_shown_what_it_was_granted() {
    let stage = Stage::open(keyed(KEYS, "")).await;
    let gateway = &stage.gateway;
    let get = async |key: &str, path: &str| ask(gateway, key, "GET", path, None).await;
    let listed = async |key: &str| -> Vec<Value> {
        let told = get(key, "/v1/operations").await.ok();
        told["operations"].as_array().expect("rows").clone()
    };
    let all = listed("whole").await;
    let destructive: Vec<_> = all.iter().filter(|row| row["destructive"] == true).collect();
    assert!(destructive.iter().all(|row| row["method"] == "DELETE") && destructive.len() >= 8);
    assert_eq!(
        listed("cleaner").await,
        destructive.into_iter().cloned().collect::<Vec<_>>()
    );
    for row in listed("reader").await {
        assert!(row["service"] == "git" && row["safe"] == true, "{row}");
    }
    assert_eq!(listed("passer").await, Vec::<Value>::new());

    let told = get("reader", "/v1/capabilities").await.ok();
    let names: BTreeSet<&str> = told["operations"]
        .as_object()
        .expect("names")
        .keys()
        .map(String::as_str)
        .collect();
    assert!(
        names.contains("git.repo.get") && !names.contains("git.repo.create"),
        "{names:?}"
    );
    for row in told["instances"].as_array().expect("rows") {
        assert_eq!(row["proxy"], json!([]), "{row}");
        let able = row["operations"]
            .as_array()
            .expect("names")
            .iter()
            .filter_map(Value::as_str);
        assert!(able.into_iter().all(|name| names.contains(name)), "{row}");
    }
    let passer = get("passer", "/v1/capabilities").await.ok();
    for row in passer["instances"].as_array().expect("rows") {
        assert_eq!(
            (&row["proxy"], &row["operations"]),
            (&json!(["proxy.read"]), &json!([])),
            "{row}"
        );
    }

    let document = get("reader", "/v1/openapi.json").await.ok().to_string();
    assert!(document.contains("git.repo.get") && !document.contains("git.repo.delete"));
    let page = get("cleaner", "/docs").await.text;
    assert!(page.contains("git.repo.delete") && !page.contains("git.pr.get"));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_through_is_granted_by_its_method() {
    let stage = Stage::open(keyed(KEYS, "")).await;
    let gateway = &stage.gateway;
    let (path, body) = ("/proxy/github-a/repos/acme/api", json!({"description": "x"}));
    missing(ask(gateway, "reader", "GET", path, None).await, "proxy:read");
    missing(ask(gateway, "passer", "PATCH", path, Some(&body)).await, "proxy:write");
    missing(ask(gateway, "passer", "DELETE", path, None).await, "proxy:destructive");
    assert_eq!(stage.asked("github"), 0);
    assert_eq!(ask(gateway, "passer", "GET", path, None).await.status, 200);
    missing(ask(gateway, "cleaner", "PATCH", path, Some(&body)).await, "proxy:write");
    assert_eq!(ask(gateway, "cleaner", "DELETE", path, None).await.status, 204);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_records_are_told_to_whom_they_may_be() {
    let stage = Stage::open(keyed(KEYS, "")).await;
    let gateway = &stage.gateway;
    let refused = async |key: &str, kind: &str| {
        let path = format!("/v1/events?type={kind}");
        ask(gateway, key, "GET", &path, None).await.refused(400)
    };
    // Somebody who reads no pages hears of none, and is told that there are none; the streams of others begin.
    assert_eq!(refused("reader", "docs.page").await, "invalid_input");
    assert_eq!(refused("cleaner", "git.pr").await, "invalid_input");
    let open = gateway
        .client
        .0
        .get(format!("http://{}/v1/events?type=git.pr", gateway.public));
    let open = open
        .bearer_auth(crate::secret("reader"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(open.status(), 200);
    // It is no call, and counts among those of its tenant: whoever looks for these finds it.
    let calls = format!("http://{}/admin/v1/calls", gateway.admin);
    let calls = ask_at(&calls, gateway, "looker", "GET", None).await.ok();
    assert_eq!((&calls["in_flight"], &calls["listeners"]), (&json!(0), &json!(1)));
    drop(open);

    let made = ask(gateway, "reader", "GET", "/v1/git/repos/acme%2Fapi", None).await;
    let path = format!("/v1/explain/{}", made.header("x-request-id"));
    made.ok();
    let of = async |key: &str| ask(gateway, key, "GET", &path, None).await.status;
    assert_eq!(
        [of("reader").await, of("whole").await, of("writer").await],
        [200, 200, 200]
    );
    assert_eq!([of("cleaner").await, of("passer").await], [404, 404]);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_the_scope_admin_administers_and_no_other_does() {
    let stage = Stage::open(keyed(KEYS, "")).await;
    let gateway = &stage.gateway;
    let at = |path: &str| format!("http://{}{path}", gateway.admin);
    let look = async |key: &str| ask_at(&at("/admin/v1/status"), gateway, key, "GET", None).await;
    assert_eq!(gateway.admin("/admin/v1/status").await.refused(401), "unauthenticated");
    // A key that may all else may not this; nor does `*`.
    for key in ["whole", "reader", "cleaner"] {
        assert_eq!(look(key).await.refused(403), "forbidden", "{key}");
    }
    for key in ["looker", "chief"] {
        look(key).await.ok();
    }
    let (order, why) = (
        "/admin/v1/caches/purge",
        json!({"tag": "repo:acme/api", "reason": "a test"}),
    );
    let refused = ask_at(&at(order), gateway, "looker", "POST", Some(&why)).await;
    assert!(refused.text.contains("admin:write"), "{refused:?}");
    assert_eq!(refused.refused(403), "forbidden");
    ask_at(
        &at(&format!("{order}?dry_run=true")),
        gateway,
        "looker",
        "POST",
        Some(&why),
    )
    .await
    .ok();
    ask_at(&at(order), gateway, "chief", "POST", Some(&why)).await.ok();
    let audit = ask_at(&at("/admin/v1/audit"), gateway, "looker", "GET", None)
        .await
        .ok();
    assert_eq!(audit["entries"][0]["identity"], "chief", "{audit}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_none_is_refused_with_the_nearest_right_one() {
    for (scopes, told) in [
        (r#"["git:reed"]"#, "expected a scope"),
        (r#"["gti:read"]"#, "git"),
        (r#"["git.repos"]"#, "git.repo"),
        (r#"["git:read", "git:read"]"#, "named twice"),
        ("[]", "at least 1"),
    ] {
        let key = Key { name: "odd", scopes };
        let setup = keyed(&[key], "");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mosaic.toml");
        std::fs::write(&file, &setup.tables).expect("written");
        let ended = crate::harness::process::run(&["check", "--config", file.to_str().expect("a path")], &setup.env);
        assert_ne!(ended.code, Some(0), "{scopes}");
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(all.contains("keys.odd.scopes") && all.contains(told), "{scopes}: {all}");
    }
}
