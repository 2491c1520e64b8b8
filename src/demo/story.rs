//! The steps of the demonstration.
//!
//! Invariant: a step prints what it saw, and only after it has checked it.

use std::time::Duration;

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::Reply;
use super::{Stage, travel};
use crate::sandbox::{Effect, Fault, ServerHandle};

/// How long a step waits for what must come by itself.
const SOON: Duration = Duration::from_secs(10);

/// A step's end: nothing, or what was not as told.
pub(super) type Step = Result<(), String>;

/// A line of the story.
macro_rules! tell {
    ($stage:expr, $($line:tt)*) => { $stage.voice.line(&format!($($line)*)) };
}

/// Tells the whole story.
pub(super) async fn tell(stage: &Stage) -> Step {
    welcome(stage);
    a_real_call(stage).await?;
    a_write_and_what_it_touches(stage).await?;
    a_streamed_answer(stage).await?;
    a_run_and_a_page(stage).await?;
    travel::tell(stage, 5).await?;
    a_plugin_crashes(stage).await?;
    a_breaker_opens(stage).await?;
    a_stream_is_cut(stage).await?;
    tell!(stage, "\nEvery step was as told.");
    Ok(())
}

fn welcome(stage: &Stage) {
    let servers = stage.sandbox.servers().len();
    tell!(
        stage,
        "MosAIc's demonstration: a gateway in front of {servers} sandbox servers, all on this machine.\n"
    );
    for server in stage.sandbox.servers() {
        tell!(
            stage,
            "  {:<12} speaks the API of {:<10} at {}",
            server.name(),
            server.vendor(),
            server.base_url()
        );
    }
    tell!(
        stage,
        "  gateway      http://{}   admin http://{}",
        stage.public,
        stage.admin
    );
}

/// Says where to look, for as long as it serves.
pub(super) fn look_around(stage: &Stage) {
    tell!(stage, "\nStill serving. Look around, and stop with Ctrl-C:");
    tell!(stage, "  curl http://{}/v1/git/repos/acme/api", stage.public);
    tell!(
        stage,
        "  curl http://{}/v1/openapi.json            or a browser at http://{0}/docs",
        stage.public
    );
    tell!(stage, "  mosaic git repo get acme/api --server http://{}", stage.public);
    tell!(
        stage,
        "  mosaic tree --admin http://{}             the supervision tree",
        stage.admin
    );
    tell!(stage, "  curl http://{}/metrics", stage.admin);
}

async fn a_real_call(stage: &Stage) -> Step {
    chapter(
        stage,
        1,
        "A call travels to a provider, and its answer comes from memory the second time",
    );
    let first = stage.client.get("/v1/git/repos/acme/api").await?;
    expect(first.status == 200, "the repository is there", &first)?;
    let second = stage.client.get("/v1/git/repos/acme/api").await?;
    expect(
        second.cache.contains("hit"),
        "the second answer is a cache hit",
        &second,
    )?;
    let forges = stage
        .sandbox
        .servers()
        .iter()
        .filter(|server| server.vendor() == "github");
    let asked: u64 = forges
        .map(|server| server.requests().arrived(&http::Method::GET, "/repos/acme/api"))
        .sum();
    expect(asked == 1, "one request reached the forges", &second)?;
    tell!(
        stage,
        "  GET /v1/git/repos/acme/api -> {} by {}; again -> Cache-Status: {}",
        first.status,
        first.provider,
        second.cache
    );
    Ok(())
}

async fn a_write_and_what_it_touches(stage: &Stage) -> Step {
    chapter(
        stage,
        2,
        "A write reaches one provider, and what it touched leaves the cache",
    );
    let list = "/v1/projects/issues?project=github-a~acme/api";
    let before = stage.client.get(list).await?;
    expect(before.status == 200, "the issues are listed", &before)?;
    let body = json!({"project": "github-a~acme/api", "title": "Written by the demonstration"});
    let created = stage.client.post("/v1/projects/issues", &body).await?;
    expect(matches!(created.status, 200 | 201), "the issue is created", &created)?;
    let id = created.json()["id"].as_str().unwrap_or_default().to_owned();
    let after = stage.client.get(list).await?;
    expect(
        after.body.contains(&id) && !id.is_empty(),
        "the list has the new issue",
        &after,
    )?;
    tell!(
        stage,
        "  POST /v1/projects/issues -> {id}; the list, cached a moment ago, has it"
    );
    Ok(())
}

async fn a_streamed_answer(stage: &Stage) -> Step {
    chapter(stage, 3, "A model's answer comes in pieces");
    let reply = stage.client.post("/v1/ai/chat/stream", &chat()).await?;
    let pieces = reply.body.matches("\"type\":\"delta\"").count();
    expect(reply.status == 200 && pieces > 1, "several pieces came", &reply)?;
    expect(reply.body.contains("\"type\":\"end\""), "the stream has an end", &reply)?;
    tell!(
        stage,
        "  POST /v1/ai/chat/stream -> {pieces} pieces by {}, and a clean end",
        reply.provider
    );
    Ok(())
}

async fn a_run_and_a_page(stage: &Stage) -> Step {
    chapter(
        stage,
        4,
        "Continuous integration and documentation answer in the same words",
    );
    let body = json!({"project": "acme/api", "branch": "main"});
    let run = stage.client.post("/v1/cicd/runs", &body).await?;
    let triggered = run.json();
    expect(triggered["outcome"] == "started", "a run is started", &run)?;
    let id = triggered["run"]["id"].as_str().unwrap_or_default().to_owned();
    let deadline = Instant::now() + SOON;
    let path = format!(
        "/v1/cicd/runs/{}?no_cache=true",
        utf8_percent_encode(&id, NON_ALPHANUMERIC)
    );
    let over = loop {
        let reply = stage.client.get(&path).await?;
        expect(reply.status == 200, "the run is read by its id", &reply)?;
        if reply.json()["status"] == "success" {
            break reply;
        }
        expect_before(deadline, "the run ends well")?;
    };
    tell!(
        stage,
        "  POST /v1/cicd/runs -> {id} at {}, and it ends in success",
        over.provider
    );
    let body = json!({"parent": "bookstack-a~book/1", "title": "Written by the demonstration", "body": "# It works"});
    let page = stage.client.post("/v1/docs/pages", &body).await?;
    let id = page.json()["id"].as_str().unwrap_or_default().to_owned();
    expect(
        matches!(page.status, 200 | 201) && !id.is_empty(),
        "the page is created",
        &page,
    )?;
    let read = stage.client.get(&format!("/v1/docs/pages/{id}")).await?;
    expect(read.body.contains("It works"), "the page is read by its id", &read)?;
    tell!(
        stage,
        "  POST /v1/docs/pages -> {id}; GET /v1/docs/pages/{id} -> {}",
        read.status
    );
    Ok(())
}

async fn a_plugin_crashes(stage: &Stage) -> Step {
    chapter(stage, 6, "A plugin crashes under load and comes back; no call is lost");
    let path = "/root/plugins/instances/github-a/provider";
    let crashes = stage.gateway.ledger(1000).len();
    let callers = join_all((0..32).map(|_| stage.client.get("/v1/git/repos/acme/api?no_cache=true")));
    let crash = stage.gateway.system().tree().crash(path, "the demonstration");
    let (replies, crashed) = tokio::join!(callers, crash);
    crashed.map_err(|error| error.to_string())?;
    for reply in replies {
        let reply = reply?;
        expect(reply.status == 200, "every call is answered", &reply)?;
    }
    let entry = soon("the ledger tells of the crash", || {
        let ledger = stage.gateway.ledger(1000);
        (ledger.len() > crashes)
            .then(|| ledger.into_iter().find(|entry| &*entry.path == path))
            .flatten()
    })
    .await?;
    tell!(
        stage,
        "  32 calls at once, 32 answers. The restart ledger: {} ({:?}: {})",
        entry.path,
        entry.why,
        entry.text
    );
    Ok(())
}

async fn a_breaker_opens(stage: &Stage) -> Step {
    chapter(
        stage,
        7,
        "A provider fails; its circuit opens, calls fail over, and it closes when the provider is well",
    );
    let forge = server(stage, "github-a")?;
    let fault = forge
        .faults()
        .add(Fault::new(Effect::Error { status: 503 }))
        .map_err(|error| error.to_string())?;
    for _ in 0..12 {
        let reply = stage.client.get("/v1/git/repos/acme/api?no_cache=true").await?;
        expect(
            reply.status == 200 && reply.provider == "github-b",
            "the other forge answers",
            &reply,
        )?;
    }
    soon("the circuit of github-a opens", || {
        (breaker(stage, "github-a") != "closed").then_some(())
    })
    .await?;
    let refused = stage
        .client
        .get("/v1/git/repos/acme/api?no_cache=true&provider=github-a")
        .await?;
    let code = refused.json()["code"].clone();
    expect(
        refused.status == 503 && code == "circuit_open",
        "who insists on github-a is told",
        &refused,
    )?;
    tell!(
        stage,
        "  github-a answers 503: 12 calls of 12 answered by github-b; provider=github-a -> 503 circuit_open"
    );
    forge.faults().remove(fault);
    let deadline = Instant::now() + SOON;
    while breaker(stage, "github-a") != "closed" {
        expect_before(deadline, "the circuit of github-a closes")?;
        stage.client.get("/v1/git/repos/acme/api?no_cache=true").await?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tell!(stage, "  github-a is well again: a probe closed the circuit");
    Ok(())
}

async fn a_stream_is_cut(stage: &Stage) -> Step {
    chapter(
        stage,
        8,
        "A stream breaks after it began; the caller is told, in so many words",
    );
    for name in ["openai-a", "openai-b"] {
        let fault = Fault::new(Effect::CutStream {
            after_frames: 3,
            clean: false,
        });
        server(stage, name)?
            .faults()
            .add(fault)
            .map_err(|error| error.to_string())?;
    }
    let reply = stage.client.post("/v1/ai/chat/stream", &chat()).await?;
    for name in ["openai-a", "openai-b"] {
        server(stage, name)?.faults().clear();
    }
    expect(
        reply.status == 200 && reply.body.contains("event: error"),
        "the stream ends in an error event",
        &reply,
    )?;
    tell!(
        stage,
        "  the stream began with 200 and ended with an `event: error`, never with a clean end"
    );
    let metrics = stage.client.admin("/metrics").await?;
    for name in [
        "mosaic_actor_restarts_total",
        "mosaic_breaker_opened_total",
        "mosaic_failovers_total",
    ] {
        expect(metrics.body.contains(name), "the metrics have it all", &metrics)?;
    }
    tell!(stage, "  all of it is in http://{}/metrics", stage.admin);
    Ok(())
}

fn chat() -> Value {
    json!({"model": "sandbox-small", "prompt": "Tell me, in one long sentence, what a gateway is good for."})
}

fn server<'a>(stage: &'a Stage, name: &str) -> Result<&'a ServerHandle, String> {
    stage
        .sandbox
        .server(name)
        .ok_or_else(|| format!("the sandbox has no {name}"))
}

fn breaker(stage: &Stage, name: &str) -> &'static str {
    let instances = stage.gateway.snapshot().instances;
    instances
        .into_iter()
        .find(|instance| &*instance.name == name)
        .map_or("unknown", |instance| instance.breaker.state)
}

pub(super) fn chapter(stage: &Stage, number: u32, title: &str) {
    stage.voice.chapter(number, title);
}

pub(super) fn expect(as_told: bool, what: &str, reply: &Reply) -> Step {
    if as_told {
        return Ok(());
    }
    let start: String = reply.body.chars().take(300).collect();
    let (status, provider, attempts) = (reply.status, &reply.provider, &reply.attempts);
    Err(format!(
        "not as told: {what} (status {status}, provider {provider:?}, attempts {attempts:?}, body {start})"
    ))
}

fn expect_before(deadline: Instant, what: &str) -> Step {
    if Instant::now() < deadline {
        Ok(())
    } else {
        Err(format!("not as told in time: {what}"))
    }
}

/// Looks until it sees it. What must come by itself comes from other tasks; there is nothing to wait on but time.
async fn soon<T>(what: &str, see: impl Fn() -> Option<T>) -> Result<T, String> {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(seen) = see() {
            return Ok(seen);
        }
        expect_before(deadline, what)?;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
