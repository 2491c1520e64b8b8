//! GraphQL over real sockets: the program, a sandbox behind it, and clients of other hands before it.

#[path = "../harness/mod.rs"]
mod harness;

mod batches;
mod clients;
mod errors;
mod files;
mod hostile;
mod leaks;
mod lists;
mod relations;
mod schema;
mod sockets;
mod streams;
mod wire;

use harness::http::Reply;
use harness::{Gateway, Setup, Stage};
use serde_json::{Value, json};

/// The key of the tenant that reaches everything.
pub const KEY: &str = "mos-key-of-acme-0001";
/// The key of one that reaches `github-b` alone.
pub const STRANGER: &str = "mos-key-of-strangers-2";

/// A stage with keys, and these lines of `[graphql]`.
pub async fn stage(lines: &str) -> Stage {
    stage_with(lines, "").await
}

/// The same, with these lines of `[server]`, too.
pub async fn stage_with(lines: &str, server: &str) -> Stage {
    let tables = format!(
        "[graphql]\n{lines}\n[keys.acme]\nkey = \"env:KEY\"\ntenant = \"acme\"\n\
         [keys.stranger]\nkey = \"env:STRANGER\"\ntenant = \"strangers\"\n[tenants.acme]\n\
         [tenants.strangers]\nproviders = [\"github-b\"]\n"
    );
    let env = [("KEY", KEY), ("STRANGER", STRANGER)].map(|(name, key)| (name.to_owned(), key.to_owned()));
    Stage::open(Setup {
        server: server.to_owned(),
        tables,
        env: env.into(),
        ..Setup::default()
    })
    .await
}

/// Sends a request as it is, with the key.
pub async fn post(gateway: &Gateway, request: &Value, headers: &[(&str, &str)]) -> Reply {
    let url = format!("http://{}/graphql", gateway.public);
    let request = gateway.client.0.post(url).json(request).bearer_auth(KEY);
    harness::http::send(request, headers).await
}

/// Asks a query that must be answered without an error.
#[track_caller]
pub fn sound(answer: &Value) -> &Value {
    assert!(answer.get("errors").is_none(), "{answer:#}");
    &answer["data"]
}

/// Asks, and gives the whole answer.
pub async fn ask(gateway: &Gateway, query: &str) -> Value {
    post(gateway, &json!({ "query": query }), &[]).await.ok()
}

/// Asks a query that must be answered without an error, and gives its data.
pub async fn data(gateway: &Gateway, query: &str) -> Value {
    sound(&ask(gateway, query).await).clone()
}
