//! Start, bounds, and stop.

use std::time::{Duration, Instant};

use mosaic::sandbox::{Effect, Fault, Sandbox, SandboxConfig, SandboxError, ServerConfig};
use reqwest::Method;
use serde_json::json;
use tokio::net::TcpStream;

use crate::Rig;

#[tokio::test]
async fn the_default_pair_has_two_of_each_with_their_tokens() {
    let rig = Rig::start().await;
    let servers: Vec<_> = rig
        .sandbox
        .servers()
        .iter()
        .map(|server| (server.name(), server.vendor()))
        .collect();
    let expected = [
        ("github-a", "github"),
        ("github-b", "github"),
        ("openai-a", "openai"),
        ("openai-b", "openai"),
        ("anthropic-a", "anthropic"),
        ("anthropic-b", "anthropic"),
        ("gitea-a", "gitea"),
        ("gitea-b", "gitea"),
        ("gitlab-a", "gitlab"),
        ("gitlab-b", "gitlab"),
        ("woodpecker-a", "woodpecker"),
        ("woodpecker-b", "woodpecker"),
        ("jenkins-a", "jenkins"),
        ("jenkins-b", "jenkins"),
        ("bookstack-a", "bookstack"),
        ("bookstack-b", "bookstack"),
        ("notion-a", "notion"),
        ("notion-b", "notion"),
    ];
    assert_eq!(servers, expected);
    for server in rig.sandbox.servers() {
        assert!(server.address().ip().is_loopback());
        // A token of Jenkins is none without its user.
        let token = server.token();
        let token = token
            .strip_prefix("sandbox-user:")
            .filter(|_| server.vendor() == "jenkins")
            .unwrap_or(token);
        assert_eq!(token, format!("sandbox-{}", server.name()));
        assert_eq!(server.requests().total, 0, "nothing was sent");
    }
    assert!(rig.server("openai-a").base_url().ends_with("/v1"));
    assert!(rig.server("gitea-a").base_url().ends_with("/api/v1"));
    assert!(rig.sandbox.server("none").is_none());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let rig = Rig::start().await;
    let taken = rig.server("github-a").address();
    let twin = ServerConfig {
        bind: taken,
        ..ServerConfig::new("twin", "github", "t")
    };
    match Sandbox::start(SandboxConfig { servers: vec![twin] }).await {
        Err(SandboxError::Bind { server, address, .. }) => assert_eq!((server.as_str(), address), ("twin", taken)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn faults_of_the_configuration_are_set_from_the_start() {
    let rig = Rig::one("github", |server| {
        server.faults = vec![Fault::new(Effect::Error { status: 503 })]
    })
    .await;
    assert_eq!(rig.get("one", "/zen").await.status(), 503);
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let rig = Rig::start().await;
    let send = async |size: usize| {
        let request = rig.request("openai-a", Method::POST, "/chat/completions");
        request.body(vec![b'x'; size]).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send((8 << 20) + 1).await, 413);
    assert_eq!(send(16 << 20).await, 413);
    assert_eq!(send(8 << 20).await, 400, "within the bound it is read, and is no JSON");
}

#[tokio::test]
async fn shutdown_ends_hanging_idle_and_streaming_connections_within_its_bound() {
    let rig = Rig::start().await;
    let (github, openai) = (rig.server("github-a").clone(), rig.server("openai-a").clone());
    rig.get("github-b", "/zen").await;
    github
        .faults()
        .add(Fault::new(Effect::Hang { processed: false }))
        .unwrap();
    let hanging = tokio::spawn(rig.request("github-a", Method::GET, "/zen").send());
    let body =
        json!({ "model": "gpt-4o", "stream": true, "messages": [{ "role": "user", "content": "say 9000 words" }] });
    let mut stream = rig.post("openai-a", "/chat/completions", &body).await;
    stream.chunk().await.unwrap();
    let hangs = async {
        while github.requests().faults("hang") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hangs).await.unwrap();

    let started = Instant::now();
    rig.sandbox.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(hanging.await.unwrap().is_err());
    assert!(TcpStream::connect(openai.address()).await.is_err());
}

#[tokio::test]
async fn dropping_a_sandbox_frees_its_ports() {
    let rig = Rig::start().await;
    let address = rig.server("github-a").address();
    drop(rig);
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
}
