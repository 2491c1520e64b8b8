//! A program's own driver and its own operation: first class on every surface, over restarts too.
//!
//! Invariant: the one crate that is named is the gateway's.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use mosaic::catalogue::ai::ModelsList;
use mosaic::catalogue::{Declaration, Op, Output, Page};
use mosaic::config::{Config, ProviderConfig};
use mosaic::embed::{Registry, StartError};
use mosaic::engine::call::{Performance, Priority, Resource};
use mosaic::providers::{Connection, Credential, Handlers, Provider, Reply, Request};
use mosaic::{Failure, Kind, Mosaic};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteGetInput {
    /// Which note.
    note: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Note {
    text: String,
}

impl<I> Output<I> for Note {}

struct NoteGet;

impl Op for NoteGet {
    type Input = NoteGetInput;
    type Output = Note;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("wall.note.get", "/wall/notes/{note}", "Read a note on the wall").uncached();

    fn resource(input: &NoteGetInput) -> Resource {
        Resource::parse(&input.note)
    }
}

/// Its route is another's.
struct Intruder;

impl Op for Intruder {
    type Input = NoteGetInput;
    type Output = Note;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("wall.other", "/git/repos", "In the way").uncached();

    fn resource(input: &NoteGetInput) -> Resource {
        Resource::parse(&input.note)
    }
}

/// A wall with one sentence on it.
struct Wall {
    sentence: String,
}

impl Provider for Wall {
    fn connect(connection: &Connection) -> Result<Self, Failure> {
        match connection.settings.get("sentence").and_then(Value::as_str) {
            Some(sentence) => Ok(Wall {
                sentence: sentence.to_owned(),
            }),
            None => Err(Failure::invalid("sentence", "a wall needs a sentence")),
        }
    }

    fn handlers() -> Handlers<Self> {
        let notes = Handlers::new().on::<NoteGet, _, _>(|wall: Arc<Self>, request: Request<NoteGet>| async move {
            let text = format!("{}: {}", request.native, wall.sentence);
            Ok(Reply::of(Note { text }))
        });
        // A wall has no models; it makes some up.
        let models = |_: Arc<Self>, _: Request<ModelsList>| async { Ok(Reply::of(Page::new(vec![], None))) };
        notes.on::<ModelsList, _, _>(models).emulates::<ModelsList>()
    }

    async fn health(&self) -> Result<Credential, Failure> {
        Ok(Credential::Unproven)
    }
}

fn registry() -> Registry {
    Registry::built_in().kind::<Wall>("wall").operation::<NoteGet>()
}

fn read(text: &str) -> Config {
    let loaded = Config::parse(text, "m.toml", std::iter::empty(), &registry().known());
    loaded.unwrap_or_else(|errors| panic!("{errors}")).config
}

fn http() -> reqwest::Client {
    mosaic::providers::http::http_client().expect("a client")
}

const WALL: &str = r#"
[providers.north]
kind = "wall"
settings = { sentence = "stay calm" }
[[routes]]
service = "wall"
providers = ["north"]
"#;

async fn note(gateway: &Mosaic, id: &str) -> Result<String, Failure> {
    let note = gateway.call::<NoteGet>(NoteGetInput { note: id.to_owned() }).await?;
    Ok(note.value.text.clone())
}

/// What a call says of itself is checked for a program's own operation as for any.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_call_is_taken_or_named() {
    let gateway = Mosaic::builder(read(WALL)).registry(registry()).start().await;
    let gateway = gateway.expect("it starts");
    let ask = || {
        gateway.request::<NoteGet>(NoteGetInput {
            note: "door".to_owned(),
        })
    };
    let nightly = ask()
        .priority(Priority::Low)
        .performance(Performance::BestEffort)
        .label("run", "nightly")
        .affinity("build-7");
    assert_eq!(nightly.send().await.expect("answered").value.text, "door: stay calm");
    let many = (0..9).fold(ask(), |ask, at| ask.label(format!("n{at}"), "v"));
    for (wrong, field) in [
        (ask().label("Run", "nightly"), "labels"),
        (ask().label("run", "a").label("run", "b"), "labels"),
        (many, "labels"),
        (ask().affinity("a".repeat(129)), "affinity"),
    ] {
        let failure = wrong.send().await.expect_err("refused");
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some(field))
        );
    }
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_operation_is_on_every_surface() {
    let gateway = Mosaic::builder(read(WALL)).registry(registry()).start().await;
    let gateway = gateway.expect("it starts");
    assert_eq!(note(&gateway, "door").await.unwrap(), "door: stay calm");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(axum::serve(listener, gateway.router()).into_future());
    let get = async |path: &str| {
        let reply = http()
            .get(format!("http://{address}{path}"))
            .send()
            .await
            .expect("an answer");
        reply.text().await.expect("a text")
    };
    let answer: Value = serde_json::from_str(&get("/v1/wall/notes/north~door").await).unwrap();
    assert_eq!(answer, json!({"text": "door: stay calm"}));
    let document: Value = serde_json::from_str(&get("/v1/openapi.json").await).unwrap();
    let declared = &document["paths"]["/v1/wall/notes/{note}"]["get"];
    assert_eq!(declared["operationId"], "wall.note.get");
    assert!(
        document["paths"]["/v1/git/repos"].is_object(),
        "beside those that are built in"
    );
    for path in ["/v1/operations", "/v1/capabilities", "/docs"] {
        assert!(get(path).await.contains("wall.note.get"), "{path}");
    }
    let able: Value = serde_json::from_str(&get("/v1/capabilities").await).unwrap();
    let row = |name: &str| {
        let rows = able["matrix"].as_array().expect("a list");
        rows.iter().find(|row| row["name"] == name).cloned().expect("a row")
    };
    assert_eq!(
        row("wall.note.get"),
        json!({"name": "wall.note.get", "kinds": ["wall"], "emulated": []})
    );
    assert_eq!(row("ai.models.list")["emulated"], json!(["wall"]));
    // Also where a tier answers.
    for _ in 0..2 {
        let url = format!("http://{address}/v1/ai/models?provider=north");
        let reply = http().get(url).send().await.expect("an answer");
        assert_eq!(reply.headers().get("x-mosaic-emulated").expect("it says so"), "true");
    }
    let url = format!("http://{address}/v1/wall/notes/north~door");
    let native = http().get(url).send().await.expect("an answer");
    assert!(native.headers().get("x-mosaic-emulated").is_none());
    gateway.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_a_foreign_kind_is_added_by_order_and_outlives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    config.state.path = folder.path().join("state.sqlite");
    let start = async || {
        Mosaic::builder(config.clone())
            .registry(registry())
            .start()
            .await
            .expect("it starts")
    };
    let gateway = start().await;
    assert_eq!(note(&gateway, "door").await.unwrap_err().kind, Kind::NoProvider);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(
        axum::serve(
            listener,
            gateway.admin_router(address, Arc::new(AtomicBool::new(false))),
        )
        .into_future(),
    );
    let add = async |settings: Value| {
        let order = json!({"name": "south", "provider": {"kind": "wall", "settings": settings}, "reason": "a test"});
        let url = format!("http://{address}/admin/v1/plugins");
        let reply = http().post(url).json(&order).send().await.expect("an answer");
        (reply.status().as_u16(), reply.text().await.expect("a text"))
    };
    let (status, text) = add(json!({})).await;
    assert!(status == 400 && text.contains("sentence"), "{status} {text}");
    let (status, text) = add(json!({"sentence": "mind the gap"})).await;
    assert!(status < 300, "{status} {text}");
    assert_eq!(note(&gateway, "door").await.unwrap(), "door: mind the gap");
    gateway.shutdown().await;
    let again = start().await;
    assert_eq!(note(&again, "door").await.unwrap(), "door: mind the gap");
    again.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_declared_or_made_is_told_at_the_start() {
    let taken = Mosaic::builder(Config::default()).operation::<Intruder>().start().await;
    let Err(StartError::Operation(failure)) = taken else {
        panic!("its route is another's")
    };
    assert_eq!(failure.field.as_deref(), Some("wall.other"));
    let mut config = Config::default();
    config.providers.insert("north".to_owned(), ProviderConfig::new("wall"));
    let unknown = Mosaic::start(config.clone()).await;
    assert!(matches!(unknown, Err(StartError::Config(_))), "nobody told it of walls");
    let unfit = Mosaic::builder(config).kind::<Wall>("wall").start().await;
    assert!(unfit.unwrap_err().to_string().contains("needs a sentence"));
}

#[tokio::test]
async fn notices_know_foreign_kinds_and_operations() {
    let two = r#"
[providers.north]
kind = "wall"
settings = { sentence = "a" }
[providers.south]
kind = "wall"
settings = { sentence = "b" }
"#;
    let told = async |text: &str| Mosaic::builder(read(text)).registry(registry()).notices().await;
    let several = told(two).await;
    assert!(
        several
            .iter()
            .any(|notice| notice.subject == "wall" && notice.sentence.contains("north, south")),
        "{several:?}"
    );
    let routes = "[[routes]]\nservice = \"wall\"\nproviders = [\"north\"]\n[[routes]]\noperation = \"wall.note\"\nproviders = [\"south\"]\n";
    let unused = told(&format!("{two}{routes}")).await;
    assert_eq!(
        unused.iter().map(|notice| &*notice.subject).collect::<Vec<_>>(),
        ["routes[1]"],
        "{unused:?}"
    );
}

#[tokio::test]
async fn an_address_where_no_api_is_is_told() {
    for (kind, url, meant) in [
        ("github", "https://github.com", "https://api.github.com"),
        ("github", "https://git.corp.example", "https://git.corp.example/api/v3"),
        ("notion", "https://www.notion.so/acme", "https://api.notion.com/v1"),
        ("notion", "https://acme.notion.site/v1", "https://api.notion.com/v1"),
        ("github", "https://api.github.com/", ""),
        ("notion", "https://api.notion.com/v1", ""),
    ] {
        let table = format!("[providers.there]\nkind = \"{kind}\"\nbase_url = \"{url}\"\ntoken = \"env:PATH\"\n");
        let told = Mosaic::builder(read(&table)).registry(registry()).notices().await;
        let told: Vec<_> = told.iter().filter(|notice| notice.check == "base_url").collect();
        match meant {
            "" => assert!(told.is_empty(), "{url}: {told:?}"),
            meant => assert!(told.len() == 1 && told[0].remedy.contains(meant), "{url}: {told:?}"),
        }
    }
}
