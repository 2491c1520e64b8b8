//! What a write changes is seen by the next read, however the thing is spelled; and what bounds a silence.
//!
//! Invariant: the answers come from a cache where they may: each test sees a hit before it sees a change.

use std::time::Duration;

use futures_util::StreamExt;
use mosaic::catalogue::ai::{ChatEvent, ChatInput, ChatStream};
use mosaic::catalogue::cicd::{RunGet, RunGetInput, RunTrigger, RunTriggerInput};
use mosaic::catalogue::docs::{Format, PageCreate, PageCreateInput, PageGet, PageGetInput};
use mosaic::catalogue::projects::{
    IssueCreate, IssueCreateInput, IssueGet, IssueGetInput, IssueList, IssueListInput, StateFilter,
};
use mosaic::config::{BaseUrl, Config, ProviderConfig};
use mosaic::sandbox::{Sandbox, SandboxConfig};
use mosaic::secret::SecretRef;
use mosaic::{Kind, Mosaic, Secret};
use mosaic_actors::call::CacheStatus;
use mosaic_actors::error::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A gateway in front of one server of each kind that has things to make.
async fn started(sandbox: &Sandbox) -> Mosaic {
    let mut config = Config::default();
    let chosen = ["github-a", "woodpecker-a", "bookstack-a"].map(|name| sandbox.server(name).expect("it runs"));
    for server in chosen {
        let at = BaseUrl::parse(server.base_url()).expect("a base URL");
        let provider = ProviderConfig::new(server.vendor()).at(at);
        config.providers.insert(server.name().to_owned(), provider);
    }
    let builder = chosen.into_iter().fold(Mosaic::builder(config), |builder, server| {
        builder.credential(server.name(), Secret::new(server.token()))
    });
    builder.start().await.expect("it starts")
}

async fn sandbox() -> Sandbox {
    Sandbox::start(SandboxConfig::default_pair()).await.expect("a sandbox")
}

fn issue(title: &str) -> IssueCreateInput {
    IssueCreateInput {
        project: "acme/api".into(),
        title: title.into(),
        ..IssueCreateInput::default()
    }
}

async fn issues(gateway: &Mosaic, project: &str) -> (usize, CacheStatus) {
    let input = IssueListInput {
        project: project.into(),
        state: StateFilter::All,
        limit: Some(100.into()),
        ..IssueListInput::default()
    };
    let answer = gateway.call::<IssueList>(input).await.expect("a list");
    (answer.value.items.len(), answer.head.cache)
}

#[tokio::test]
async fn a_write_is_seen_under_every_spelling() {
    let sandbox = sandbox().await;
    let gateway = started(&sandbox).await;
    let spellings = ["acme/api", "ACME/api", "Acme/API", "github-a~acme/Api"];
    let mut before = 0;
    for spelling in spellings {
        before = issues(&gateway, spelling).await.0;
        assert_eq!(
            issues(&gateway, spelling).await,
            (before, CacheStatus::Hit),
            "{spelling}"
        );
    }
    gateway
        .call::<IssueCreate>(issue("seen by all"))
        .await
        .expect("created");
    for spelling in spellings {
        assert_eq!(
            issues(&gateway, spelling).await,
            (before + 1, CacheStatus::Miss),
            "{spelling}"
        );
    }
    gateway.shutdown().await;
    sandbox.shutdown().await;
}

/// A failure that is met, and then remembered.
async fn remembered<F: Future<Output = Result<(), Failure>>>(get: impl Fn() -> F) {
    let met = get().await.expect_err("it is not there");
    assert_eq!((met.kind, met.cached.is_none()), (Kind::NotFound, true), "{met}");
    let again = get().await.expect_err("it is not there");
    let from = again.cached.as_ref().expect("it is remembered");
    assert_eq!((again.kind, from.status), (Kind::NotFound, CacheStatus::Hit));
}

#[tokio::test]
async fn no_remembered_absence_outlives_a_creation() {
    let sandbox = sandbox().await;
    let gateway = &started(&sandbox).await;

    let made = gateway.call::<IssueCreate>(issue("first")).await.expect("created");
    let next = format!("ACME/api#0{}", made.value.number.expect("a number") + 1);
    let get = async || {
        let input = IssueGetInput {
            issue: next.as_str().into(),
        };
        gateway.call::<IssueGet>(input).await.map(drop)
    };
    remembered(get).await;
    gateway.call::<IssueCreate>(issue("second")).await.expect("created");
    get().await.expect("the new issue");

    let trigger = || RunTriggerInput {
        pipeline: None,
        // The forges run pipelines, too.
        project: "woodpecker-a~acme/api".into(),
        branch: None,
        variables: Default::default(),
    };
    let made = gateway.call::<RunTrigger>(trigger()).await.expect("triggered");
    let number = made.value.run.as_ref().and_then(|run| run.number).expect("a number");
    let next = format!("woodpecker-a~acme/api#{}", number + 1);
    let get = async || {
        gateway
            .call::<RunGet>(RunGetInput {
                run: next.as_str().into(),
            })
            .await
            .map(drop)
    };
    remembered(get).await;
    gateway.call::<RunTrigger>(trigger()).await.expect("triggered");
    get().await.expect("the new run");

    let page = |title: &str| PageCreateInput {
        parent: "book/1".into(),
        title: title.into(),
        body: "text".into(),
        format: Format::Markdown,
    };
    let made = gateway.call::<PageCreate>(page("first")).await.expect("created");
    let id: u64 = made
        .value
        .id
        .rsplit('~')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("a number");
    let next = format!("bookstack-a~{}", id + 1);
    let get = async || {
        let input = PageGetInput {
            page: next.as_str().into(),
            format: Format::Markdown,
        };
        gateway.call::<PageGet>(input).await.map(drop)
    };
    remembered(get).await;
    gateway.call::<PageCreate>(page("second")).await.expect("created");
    get().await.expect("the new page");

    gateway.shutdown().await;
    sandbox.shutdown().await;
}

/// Says one word, then only comments for longer than a stream may be silent, then all the rest.
async fn reasoning(mut client: TcpStream) -> std::io::Result<()> {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let word = r#"{"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
    client.write_all(format!("{head}data: {word}\n\n").as_bytes()).await?;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.write_all(b": thinking\n\n").await?;
    }
    client.write_all(b"data: [DONE]\n\n").await?;
    // What is left unread would have the connection reset instead of closed.
    client.shutdown().await?;
    client.read_to_end(&mut asked).await.map(drop)
}

#[tokio::test]
async fn a_model_that_thinks_aloud_is_not_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(reasoning(client));
        }
    });
    let mut config = Config::default();
    config.gateway.stream_idle_timeout = Duration::from_secs(1);
    let mut model = ProviderConfig::new("openai").at(BaseUrl::parse(&url).expect("a base URL"));
    model.health_check = false;
    model.models = vec!["m*".to_owned()];
    model.attempt_timeout = Some(Duration::from_millis(500));
    config.providers.insert("model".to_owned(), model);
    let gateway = Mosaic::start(config).await.expect("it starts");
    let input = ChatInput {
        model: "m".into(),
        prompt: Some("Think.".to_owned()),
        ..ChatInput::default()
    };
    let events = gateway.stream::<ChatStream>(input).await.expect("accepted");
    let events: Vec<_> = events.map(|event| event.expect("no failure")).collect().await;
    assert!(matches!(events.last(), Some(ChatEvent::End { .. })), "{events:?}");
    gateway.shutdown().await;
    server.abort();
}

/// Begins an answer and then says nothing more.
async fn stalled(mut client: TcpStream, begun: &'static str) -> std::io::Result<()> {
    let mut asked = Vec::new();
    while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
        if client.read_buf(&mut asked).await? == 0 {
            return Ok(());
        }
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    client.write_all(format!("{head}{begun}").as_bytes()).await?;
    client.read_to_end(&mut asked).await.map(drop)
}

#[tokio::test]
async fn a_stream_that_stalls_ends_in_a_timeout_in_either_dialect() {
    let openai = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
    let anthropic =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"c\",\"model\":\"m\"}}\n\n";
    for (kind, begun) in [("openai", openai), ("anthropic", anthropic)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(stalled(client, begun));
            }
        });
        let mut config = Config::default();
        config.gateway.stream_idle_timeout = Duration::from_secs(1);
        let mut model = ProviderConfig::new(kind).at(BaseUrl::parse(&url).expect("a base URL"));
        model.health_check = false;
        model.models = vec!["m*".to_owned()];
        config.providers.insert("model".to_owned(), model);
        let gateway = Mosaic::start(config).await.expect("it starts");
        let input = ChatInput {
            model: "m".into(),
            prompt: Some("Go on.".to_owned()),
            max_tokens: Some(9),
            ..ChatInput::default()
        };
        let events = gateway.stream::<ChatStream>(input).await.expect("accepted");
        let events: Vec<_> = events.collect().await;
        let last = events.last().expect("an event").as_ref();
        assert_eq!(
            last.expect_err("no clean end").kind,
            mosaic_actors::error::Kind::Timeout,
            "{kind}"
        );
        gateway.shutdown().await;
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rotated_token_could_see_is_not_served_on() {
    let sandbox = sandbox().await;
    let forge = sandbox.server("github-a").expect("it runs");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, forge.token()).expect("it is written");
    let mut config = Config::default();
    let at = BaseUrl::parse(forge.base_url()).expect("a base URL");
    let mut provider = ProviderConfig::new(forge.vendor()).at(at);
    provider.token = Some(SecretRef::File(file.clone()));
    config.providers.insert("forge".to_owned(), provider);
    let gateway = Mosaic::start(config).await.expect("it starts");
    issues(&gateway, "acme/api").await;
    assert_eq!(issues(&gateway, "acme/api").await.1, CacheStatus::Hit);
    let healthy = |known: u8| format!("mosaic_provider_healthy{{provider=\"forge\"}} {known}\n");
    assert!(gateway.metrics().contains(&healthy(1)));
    let tree = gateway.system().tree();
    let rotated = async |token: &str| {
        std::fs::write(&file, token).expect("it is written");
        let path = "/root/plugins/instances/forge/provider";
        tree.restart(path, "a rotated credential").await.expect("it runs");
    };
    let list = || IssueListInput {
        project: "acme/api".into(),
        state: StateFilter::All,
        limit: Some(100.into()),
        ..IssueListInput::default()
    };
    // Who restarts it in order may rely on it from the answer on: often, for what a race shows only now and then.
    for _ in 0..20 {
        rotated(forge.token()).await;
        gateway.call::<IssueList>(list()).await.expect("it sees them");
        rotated("a-token-that-may-see-nothing").await;
        let refused = gateway.call::<IssueList>(list()).await.expect_err("it may see nothing");
        assert_eq!(refused.kind, Kind::UpstreamAuth);
    }
    assert!(gateway.metrics().contains(&healthy(0)));
}
