//! The driver of GitHub as an app of GitHub's sandbox: whose token goes where, and what follows when one dies.

use mosaic::providers::Connection;
use mosaic::providers::http::credential::{AppKey, Given};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig, ServerHandle};
use mosaic_actors::error::{Failure, Kind};
use reqwest::Method;
use serde_json::json;

use crate::upstream::{connection, driver, whole};

/// How often a token was asked for.
fn minted(server: &ServerHandle) -> u64 {
    let route = "/app/installations/{installation_id}/access_tokens";
    server.requests().served(&Method::POST, route)
}

fn as_app(server: &ServerHandle, id: &str) -> Connection {
    let mut connection = connection(server.base_url());
    connection.credential = Some(Given::App(AppKey {
        id: id.to_owned(),
        private_key: include_str!("../../config/sandbox-app.pem").to_owned().into(),
        installation: None,
    }));
    connection
}

#[tokio::test]
async fn an_app_has_a_token_for_each_owner_and_another_when_one_has_died() {
    let servers = vec![ServerConfig::new("one", "github", "sandbox-one")];
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("a free port");
    let server = &sandbox.servers()[0];
    let github = driver("github", &as_app(server, "1")).expect("a driver");
    let ask = async |operation: &str, input| {
        let call = crate::upstream::call(operation, input, false).expect("a call");
        Ok::<_, Failure>(whole(github.clone().call(call.into()).await?).await.0)
    };
    for _ in 0..40 {
        let repo = ask("git.repo.get", json!({ "repo": "acme/api" })).await;
        assert!(repo.is_ok_and(|repo| repo["id"] == "under-test~acme/api"));
    }
    assert_eq!(minted(server), 1);
    let start = json!({ "project": "acme/api", "pipeline": "ci.yml", "branch": "main" });
    let started = ask("cicd.run.trigger", start.clone())
        .await
        .expect("an app may start runs");
    assert_eq!(started["outcome"], "started");
    let secret = json!({ "project": "acme/api", "name": "TOKEN", "value": "v" });
    ask("cicd.secret.put", secret).await.expect("an app may write secrets");
    // Fifty requests kill a token; nobody sees that.
    for _ in 0..20 {
        let run = ask("cicd.run.get", json!({ "run": started["run"]["id"] })).await;
        assert!(run.is_ok(), "{run:?}");
    }
    assert_eq!(minted(server), 2);
    // It is not installed there.
    let mut elsewhere = start;
    elsewhere["project"] = json!("many/repo-001");
    let failure = ask("cicd.run.trigger", elsewhere).await.expect_err("not installed");
    assert!(
        matches!(failure.kind, Kind::NotFound | Kind::Forbidden | Kind::UpstreamAuth),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_word_of_another_app_is_refused() {
    let servers = vec![ServerConfig::new("one", "github", "sandbox-one")];
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("a free port");
    let connection = as_app(&sandbox.servers()[0], "2");
    let asked = crate::upstream::ask("github", &connection, "git.repo.get", json!({ "repo": "acme/api" })).await;
    let failure = asked.expect_err("another's");
    assert!(
        matches!(failure.kind, Kind::NotFound | Kind::UpstreamAuth),
        "{failure:?}"
    );
    assert_eq!(minted(&sandbox.servers()[0]), 0);
}
