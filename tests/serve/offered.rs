//! What a gateway says that it can do: to each tenant what that may use.
//!
//! Invariant: whoever runs it is shown all of it.

use serde_json::{Value, json};

use crate::harness::{Setup, Stage};

fn names(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| row["name"].as_str().expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_shown_what_it_may_use() {
    let key = |name: &str| {
        format!(
            "[keys.{name}]\nkey = \"env:KEY_{}\"\ntenant = \"{name}\"\n",
            name.to_uppercase()
        )
    };
    let tables = [
        key("narrow"),
        key("docs"),
        key("whole"),
        "[tenants.narrow]\noperations = [\"git.repo\"]\nproviders = [\"github-a\"]\n".to_owned(),
        "[tenants.docs]\nproviders = [\"bookstack-a\"]\n[tenants.whole]\n".to_owned(),
    ];
    let tenants = ["narrow", "docs", "whole"];
    let env = tenants.map(|name| {
        (
            format!("KEY_{}", name.to_uppercase()),
            format!("key-of-tenant-{name}-0001"),
        )
    });
    let stage = Stage::open(Setup {
        tables: tables.concat(),
        env: env.to_vec(),
        ..Setup::default()
    })
    .await;
    let gateway = &stage.gateway;
    let shown = async |tenant: &str, path: &str| {
        let key = format!("Bearer key-of-tenant-{tenant}-0001");
        let url = format!("http://{}{path}", gateway.public);
        gateway.client.get_with(&url, &[("authorization", &key)]).await.ok()
    };
    let whole = shown("whole", "/v1/operations").await;
    let all = names(&whole["operations"]).len();
    let narrow = shown("narrow", "/v1/operations").await;
    let narrow = names(&narrow["operations"]);
    assert!(narrow.contains(&"git.repo.get") && narrow.len() < all, "{narrow:?}");
    assert!(narrow.iter().all(|name| name.starts_with("git.repo.")), "{narrow:?}");
    let docs = shown("docs", "/v1/operations").await;
    let docs = names(&docs["operations"]);
    assert!(
        docs.contains(&"docs.page.get") && docs.iter().all(|name| name.starts_with("docs.")),
        "{docs:?}"
    );

    let told = shown("narrow", "/v1/capabilities").await;
    let instances = told["instances"].as_array().expect("rows");
    assert_eq!(instances.len(), 1);
    let operations = instances[0]["operations"].as_array().expect("names").iter();
    let operations: Vec<_> = operations.filter_map(Value::as_str).collect();
    assert!(
        !operations.is_empty() && operations.iter().all(|name| narrow.contains(name)),
        "{operations:?}"
    );
    let by_operation = told["operations"].as_object().expect("names");
    assert!(
        by_operation.keys().all(|name| narrow.contains(&&**name)),
        "{by_operation:?}"
    );
    assert_eq!(names(&told["matrix"]).len(), narrow.len());
    // Of kinds beyond its reach nothing is told, and what may be passed through is, where it may be.
    for row in told["matrix"].as_array().expect("rows") {
        assert_eq!(row["kinds"], json!(["github"]), "{row}");
    }
    assert_eq!(instances[0]["proxy"], json!([]));
    let told = shown("whole", "/v1/capabilities").await;
    assert_eq!(told["operations"].as_object().expect("names").len(), all);
    assert_eq!(names(&told["matrix"]).len(), all);
    assert!(
        told["matrix"]
            .as_array()
            .expect("rows")
            .iter()
            .any(|row| row["kinds"].as_array().is_some_and(|kinds| kinds.len() > 1))
    );
    assert_eq!(told["instances"][0]["proxy"], json!(["proxy.read", "proxy.write"]));

    // The documents, too: of a key what there is for it; the whole without one, which is the same everywhere.
    let paths = |document: &Value| document["paths"].as_object().expect("paths").len();
    let part = shown("narrow", "/v1/openapi.json").await;
    let text = part.to_string();
    assert!(
        text.contains("git.repo.get") && !text.contains("git.pr.get") && !text.contains("ai.chat"),
        "{text}"
    );
    let open = async |path: &str, key: &[(&str, &str)]| {
        let url = format!("http://{}{path}", gateway.public);
        gateway.client.get_with(&url, key).await
    };
    let without = open("/v1/openapi.json", &[]).await;
    assert_eq!(without.header("vary"), "authorization, x-api-key");
    let without = without.ok();
    assert!(paths(&part) < paths(&without));
    assert_eq!(shown("whole", "/v1/openapi.json").await, without);
    let page = open("/docs", &[("x-api-key", "key-of-tenant-narrow-0001")]).await.text;
    assert!(page.contains("git.repo.get") && !page.contains("git.pr.get"));
    assert!(open("/docs", &[]).await.text.contains("git.pr.get"));
    let wrong = open("/docs", &[("x-api-key", "key-of-nobody-at-all-0001")]).await;
    assert_eq!(wrong.refused(401), "unauthenticated");

    // What it may not use is there, and is said to be beyond its reach; the command line lists what is within.
    let bearer = [("authorization", "Bearer key-of-tenant-narrow-0001")];
    let refused = open("/v1/git/repos/acme%2Fapi/prs", &bearer).await;
    let told = refused.text.clone();
    assert_eq!(refused.refused(404), "not_found");
    assert!(
        told.contains("git.pr.list is not within the reach of this key"),
        "{told}"
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "key-of-tenant-narrow-0001").expect("written");
    let key = format!("--key-file={}", file.path().display());
    let server = format!("--server=http://{}", gateway.public);
    let listed = |args: &[&str]| {
        let ended = gateway.cli(args);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let rows: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        names(&rows).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["operations", "--json", &server, &key]), narrow);
    assert_eq!(listed(&["operations", "--matrix", "--json", &server, &key]), narrow);
    stage.close().await;
}

/// What official clients send cannot be left out there: whoever has a vendor's key is told what to do where there are none.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_key_where_there_are_none_is_told_what_to_do() {
    let stage = Stage::open(Setup::default()).await;
    let gateway = &stage.gateway;
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]});
    let asked = async |path: &str, headers: &[(&str, &str)]| {
        let url = format!("http://{}{path}", gateway.public);
        gateway.client.post(&url, &body, headers).await
    };
    let of_openai = [
        ("authorization", "Bearer sk-proj-planted000000000000"),
        ("user-agent", "OpenAI/Python 1.99.0"),
        ("x-stainless-lang", "python"),
    ];
    let of_anthropic = [
        ("x-api-key", "sk-ant-planted000000000000"),
        ("anthropic-version", "2023-06-01"),
    ];
    let of_basic = [("authorization", "Basic YWRhOnNlY3JldC1wbGFudGVk")];
    let odd = [("authorization", "Digest planted")];
    for (path, headers) in [
        ("/proxy/openai-a/v1/chat/completions", &of_openai[..]),
        ("/proxy/openai-a/v1/messages", &of_anthropic),
        ("/proxy/openai-a/v1/chat/completions", &of_basic),
        ("/proxy/openai-a/v1/chat/completions", &odd),
        ("/v1/ai/chat/complete", &of_openai),
        ("/v1/ai/chat/complete", &of_basic),
    ] {
        let refused = asked(path, headers).await;
        let told = refused.text.clone();
        assert_eq!(refused.refused(401), "unauthenticated", "{path}");
        assert!(
            told.contains("has no keys") && told.contains("[keys.NAME]"),
            "{path}: {told}"
        );
        assert!(!told.contains("planted"), "{path}: {told}");
    }
    // Without one everybody on this machine is let in, and asks.
    assert_ne!(asked("/proxy/openai-a/chat/completions", &[]).await.status, 401);
    stage.close().await;
}
