//! Whole gateways with credentials from their configuration: what is refused, what is kept, and what others do with it.

use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use mosaic::Mosaic;
use mosaic::catalogue::git::{RepoGet, RepoGetInput};
use mosaic::config::Config;
use mosaic_actors::error::Kind;
use serde_json::json;

use super::server::{Answer, Server};

/// A forge with one repository, whose renewals kill the old pair.
async fn forge(renewals: &Arc<AtomicU32>) -> Server {
    let (renewals, holds) = (renewals.clone(), Mutex::new("0".to_owned()));
    Server::start(move |seen| {
        let mut holds = holds.lock().unwrap();
        if seen.path == "/sub/login/oauth/access_token" {
            if seen.field("refresh_token") != Some(format!("refresh-{holds}")) {
                return Answer::json(400, r#"{"error":"invalid_grant"}"#);
            }
            *holds = (renewals.fetch_add(1, Relaxed) + 1).to_string();
            let pair = json!({
                "access_token": format!("access-{holds}"), "refresh_token": format!("refresh-{holds}"), "expires_in": 3600,
            });
            return Answer::json(200, pair.to_string());
        }
        match seen.header("authorization") == Some(format!("Bearer access-{holds}").as_str()) {
            true => Answer::json(200, r#"{"full_name":"acme/api","name":"api"}"#),
            false => Answer::json(401, r#"{"message":"token is expired"}"#),
        }
    })
    .await
}

fn configuration(server: &Server, folder: &Path, state: &str) -> Config {
    for (name, text) in [("refresh", "refresh-0"), ("access", "access-old"), ("secret", "s")] {
        std::fs::write(folder.join(name), text).expect("it is ours");
    }
    std::fs::write(folder.join("key"), "an encryption key made of quite a few words").expect("it is ours");
    let at = folder.display();
    let text = format!(
        "{state}\n[providers.forge]\nkind = \"gitea\"\nbase_url = \"{}/sub/api/v1\"\nhealth_check = false\n\
         [providers.forge.oauth]\nclient_id = \"client\"\nclient_secret = \"file:{at}/secret\"\n\
         refresh_token = \"file:{at}/refresh\"\naccess_token = \"file:{at}/access\"\n",
        server.base()
    );
    Config::parse(&text, "m.toml", [].into_iter(), &Mosaic::known())
        .expect("it is sound")
        .config
}

fn durable(folder: &Path) -> String {
    let at = folder.display();
    format!("[state]\npath = \"{at}/state.db\"\nencryption_key = \"file:{at}/key\"")
}

async fn read(gateway: &Mosaic) -> Result<(), Kind> {
    let input: RepoGetInput = serde_json::from_value(json!({"repo": "acme/api"})).expect("an input");
    let read = gateway.call::<RepoGet>(input).await;
    read.map(drop).map_err(|failure| failure.kind)
}

#[tokio::test]
async fn a_pair_outlives_the_gateway_that_renewed_it() {
    let (folder, renewals) = (tempfile::tempdir().expect("a folder"), Arc::<AtomicU32>::default());
    let server = forge(&renewals).await;
    let config = configuration(&server, folder.path(), &durable(folder.path()));
    for _ in 0..2 {
        let gateway = Mosaic::start(config.clone()).await.expect("it starts");
        assert_eq!(read(&gateway).await, Ok(()));
        gateway.shutdown().await;
    }
    assert_eq!(renewals.load(Relaxed), 1);
    let state = std::fs::read(folder.path().join("state.db")).expect("it is there");
    for token in ["access-1", "refresh-1"] {
        assert!(
            !state.windows(token.len()).any(|bytes| bytes == token.as_bytes()),
            "{token}"
        );
    }
}

#[tokio::test]
async fn without_a_durable_state_a_pair_is_refused() {
    let (folder, renewals) = (tempfile::tempdir().expect("a folder"), Arc::<AtomicU32>::default());
    let server = forge(&renewals).await;
    let at = folder.path().display();
    for state in [String::new(), format!("[state]\npath = \"{at}/state.db\"")] {
        let config = configuration(&server, folder.path(), &state);
        let refused = Mosaic::builder(config)
            .check()
            .await
            .expect_err("what is renewed would be lost");
        let told = refused.to_string();
        assert!(
            told.contains("providers.forge.oauth") && told.contains("state.encryption_key"),
            "{told}"
        );
    }
    let config = configuration(&server, folder.path(), &durable(folder.path()));
    Mosaic::builder(config).check().await.expect("it is sound");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_reference_that_leads_nowhere_is_told_by_its_key() {
    let (folder, renewals) = (tempfile::tempdir().expect("a folder"), Arc::<AtomicU32>::default());
    let server = forge(&renewals).await;
    let config = configuration(&server, folder.path(), &durable(folder.path()));
    std::fs::remove_file(folder.path().join("secret")).expect("it was there");
    let refused = Mosaic::builder(config)
        .check()
        .await
        .expect_err("it is gone")
        .to_string();
    assert!(refused.contains("providers.forge.oauth.client_secret"), "{refused}");
}
