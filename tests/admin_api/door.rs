//! Who is let in: by token beyond loopback, and never a page of another origin.

use serde_json::json;

use crate::stage::{Stage, orders, told, two_at, upstream};

const TOKEN: &str = "planted-admin-token-5d0c";

#[tokio::test]
async fn beyond_loopback_nothing_answers_without_the_token_nor_to_another_origin() {
    let (_upstream, url) = upstream().await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, TOKEN).expect("a file");
    let everywhere = format!(
        "[admin]\nlisten = \"0.0.0.0:0\"\nhosts = [\"mosaic.internal\"]\ntoken = \"file:{}\"\n",
        token.display()
    );
    let text = two_at(&url).replace("[admin]\n        listen = \"127.0.0.1:0\"\n", &everywhere);
    let stage = Stage::of(&text).await;

    let views = [
        "tree",
        "ledger",
        "status",
        "plugins",
        "plugins/a",
        "breakers",
        "caches",
        "quotas",
        "credits",
        "shadows",
        "calls",
        "audit",
        "log",
        "events",
        "openapi.json",
        "none",
    ];
    let views = views.into_iter().map(|view| ("GET", format!("/admin/v1/{view}"), None));
    let posts = orders().into_iter().map(|(path, mut body)| {
        body["reason"] = json!("r");
        ("POST", format!("/admin/v1{path}"), Some(body))
    });
    for (method, path, body) in views.chain(posts) {
        let request = || {
            let request = stage.request(method, &path);
            match &body {
                Some(body) => request.json(body),
                None => request,
            }
        };
        for stranger in [
            request(),
            request().bearer_auth("planted-admin-token"),
            request().basic_auth("admin", Some(TOKEN)),
        ] {
            let (status, problem) = told(stranger).await;
            assert_eq!(
                (status, &problem["code"]),
                (401, &json!("unauthenticated")),
                "{method} {path}"
            );
            assert!(!problem.to_string().contains(TOKEN));
        }
        let foreign = |name: &'static str, value: &'static str| request().bearer_auth(TOKEN).header(name, value);
        for page in [
            foreign("origin", "https://evil.example"),
            foreign("origin", "null"),
            foreign("origin", "http://127.0.0.1"),
            foreign("host", "evil.example"),
            foreign("host", "mosaic.internal.evil.example"),
        ] {
            let (status, problem) = told(page).await;
            assert_eq!(
                (status, &problem["code"]),
                (403, &json!("forbidden")),
                "{method} {path}"
            );
        }
    }
    let named = stage
        .request("GET", "/admin/v1/tree")
        .bearer_auth(TOKEN)
        .header("host", "mosaic.internal");
    assert_eq!(told(named).await.0, 200);
    let metrics = stage.request("GET", "/metrics").send().await.expect("an answer");
    assert_eq!(metrics.status(), 401);
    let stop = stage
        .request("POST", "/admin/v1/plugins/a/stop")
        .bearer_auth(TOKEN)
        .json(&json!({"reason": "r"}));
    assert_eq!(told(stop).await.0, 200);
    let audit = told(stage.request("GET", "/admin/v1/audit").bearer_auth(TOKEN)).await.1;
    assert_eq!(
        audit["entries"].as_array().map(Vec::len),
        Some(2),
        "of all these, one order was obeyed"
    );
    assert_eq!(audit["entries"][0]["identity"], "admin");
    stage.stop().await;
}
