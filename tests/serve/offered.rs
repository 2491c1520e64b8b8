//! What a gateway says that it can do: to each tenant what that may use.
//!
//! Invariant: whoever runs it is shown all of it.

use serde_json::Value;

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
    let told = shown("whole", "/v1/capabilities").await;
    assert_eq!(told["operations"].as_object().expect("names").len(), all);
    assert_eq!(names(&told["matrix"]).len(), all);
    stage.close().await;
}
