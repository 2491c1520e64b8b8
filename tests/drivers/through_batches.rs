//! Batches and files of models through their sandboxes: the same requests in either dialect.
//!
//! Invariant: a request of a batch has the same neutral answer as when it is asked alone, and every request is told of.

use std::collections::BTreeMap;
use std::sync::Arc;

use mosaic::sandbox::{Effect, Fault};
use mosaic_actors::error::Kind;
use mosaic_actors::stream::Upload;
use serde_json::{Value, json};

use crate::through::Through;
use crate::through_models::alike;
use crate::upstream::{call, driver, whole};

const KINDS: [&str; 2] = ["anthropic", "openai"];
const CREATE: &str = "ai.batch.create";
const GET: &str = "ai.batch.get";
const RESULTS: &str = "ai.batch.results";

fn chat(prompt: &str) -> Value {
    json!({"model": "sandbox-large", "prompt": prompt, "max_tokens": 2000,
        "tools": [{"name": "look", "parameters": {"type": "object"}}]})
}

/// A batch of these prompts, by their numbers.
fn requests(prompts: &[&str]) -> Value {
    let one = |(at, prompt): (usize, &&str)| json!({"custom_id": format!("r-{at}"), "chat": chat(prompt)});
    json!({"requests": prompts.iter().enumerate().map(one).collect::<Vec<_>>()})
}

fn id(batch: &Value) -> Value {
    json!({"batch": batch["id"]})
}

/// Looks at a batch until it has ended.
async fn ended(provider: &Through, batch: &Value) -> Value {
    for _ in 0..10 {
        let now = provider.ask(GET, id(batch)).await;
        if now["ended_at"].is_string() {
            return now;
        }
    }
    panic!("{}: {batch} does not end", provider.kind);
}

/// What came of each request, and how many there were.
async fn results(provider: &Through, batch: &Value) -> BTreeMap<String, Value> {
    let told = provider.ask(RESULTS, id(batch)).await;
    let mut told = told.as_array().expect("events").clone();
    let end = told.pop().expect("an end");
    let by_id = told.into_iter().map(|mut result| {
        let fields = result.as_object_mut().expect("an object");
        let id = fields.shift_remove("custom_id").expect("an id");
        (id.as_str().expect("text").to_owned(), result)
    });
    let by_id: BTreeMap<_, _> = by_id.collect();
    assert_eq!(
        end,
        json!({"type": "end", "results": by_id.len(), "unread": 0}),
        "{}",
        provider.kind
    );
    by_id
}

async fn upload(provider: &Through, name: &str, input: Value) -> Value {
    let mut call = call("ai.file.upload", input, false).expect("sound");
    let upload = Upload::replayable("text/csv".into(), None, "a,b\n".to_owned().into()).named(name);
    call.upload = Some(Arc::new(upload));
    let driver = driver(provider.kind, &provider.connection).expect("connected");
    let answer = driver.call(Arc::new(call)).await.expect("kept");
    let (made, failure) = whole(answer).await;
    assert!(failure.is_none(), "{failure:?}");
    provider.note("ai.file.upload");
    made
}

/// Each operation about batches and files once; see `through_models`.
pub async fn every_operation(provider: &Through) {
    let batch = provider.ask(CREATE, requests(&["Hello", "wait for me"])).await;
    assert_eq!(provider.ask(GET, id(&batch)).await["ended_at"], Value::Null);
    let cancelled = provider.ask("ai.batch.cancel", id(&batch)).await;
    assert_eq!(cancelled["state"], "cancelling", "{cancelled}");
    let over = ended(provider, &batch).await;
    assert_eq!(
        (&over["state"], &over["has_results"]),
        (&json!("cancelled"), &json!(true))
    );
    let results = results(provider, &batch).await;
    assert_eq!(
        (&results["r-0"]["type"], &results["r-1"]),
        (&json!("chat"), &json!({"type": "cancelled"}))
    );
    for _ in 0..2 {
        provider.ask(CREATE, requests(&["Hello"])).await;
    }
    let listed = provider.pages("ai.batch.list", json!({"limit": 1})).await;
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[2], over);
    assert_eq!(provider.pages("ai.batch.list", json!({})).await, listed);

    let kept = upload(provider, "made-numbers.csv", json!({})).await;
    assert_eq!((&kept["name"], &kept["size"]), (&json!("made-numbers.csv"), &json!(4)));
    let file = json!({"file": kept["id"]});
    assert_eq!(provider.ask("ai.file.get", file.clone()).await, kept);
    let content = provider.ask("ai.file.content", file.clone()).await;
    assert_eq!(
        (&content["text"], &content["name"]),
        (&json!("a,b\n"), &json!("made-numbers.csv"))
    );
    let more = upload(provider, "made-more.csv", json!({})).await;
    let listed = provider
        .pages("ai.file.list", json!({"purpose": "input", "limit": 1}))
        .await;
    assert_eq!(listed, [more.clone(), kept]);
    let gone = provider.ask("ai.file.delete", file.clone()).await;
    assert_eq!(gone, json!({"outcome": "deleted"}));
    let left = provider.pages("ai.file.list", json!({"purpose": "input"})).await;
    assert_eq!(left, [more]);
    for operation in ["ai.file.get", "ai.file.delete"] {
        assert_eq!(provider.fails(operation, file.clone()).await.0, Kind::NotFound);
    }
}

#[tokio::test]
async fn a_request_of_a_batch_is_answered_as_if_it_were_asked_alone() {
    let prompts = [
        "Hello there",
        "call look {\"city\": \"Paris\"}",
        "refuse to sing",
        "say 9 words",
    ];
    let mut both = vec![];
    for kind in KINDS {
        let provider = Through::start(kind, "sandbox-one").await;
        let mut input = requests(&prompts);
        let mut odd = chat("Hello");
        odd["model"] = "none".into();
        let more = json!({"custom_id": "odd", "chat": odd});
        input["requests"].as_array_mut().expect("requests").push(more);
        let batch = provider.ask(CREATE, input).await;
        // None are there before it has ended.
        let early = provider.fails(RESULTS, id(&batch)).await;
        assert_eq!(early, (Kind::PreconditionFailed, None), "{kind}");
        let over = ended(&provider, &batch).await;
        assert_eq!(
            (&over["state"], &over["counts"]["total"], &over["counts"]["failed"]),
            (&json!("completed"), &json!(5), &json!(1)),
            "{kind}"
        );
        let mut results = results(&provider, &batch).await;
        let failed = results.remove("odd").expect("told");
        assert_eq!(
            (&failed["type"], &failed["failure"]["code"], &failed["failure"]["field"]),
            (&json!("failed"), &json!("not_found"), &json!("model")),
            "{kind}"
        );
        for (at, prompt) in prompts.iter().enumerate() {
            let alone = provider.ask("ai.chat.complete", chat(prompt)).await;
            let among = results[&format!("r-{at}")]["chat"].clone();
            assert_eq!(alike(among), alike(alone), "{kind} {prompt}");
        }
        both.push(
            results
                .into_values()
                .map(|mut result| alike(result["chat"].take()))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(both[0], both[1]);
}

#[tokio::test]
async fn a18_what_was_not_done_in_time_is_told_beside_what_was() {
    for kind in KINDS {
        let provider = Through::start(kind, "sandbox-one").await;
        let batch = provider.ask(CREATE, requests(&["Hello", "come too late"])).await;
        assert_eq!(ended(&provider, &batch).await["state"], "expired", "{kind}");
        let results = results(&provider, &batch).await;
        assert_eq!(results["r-1"], json!({"type": "expired"}), "{kind}");
        assert_eq!(results["r-0"]["type"], "chat", "{kind}");
        // What is over is over.
        let again = provider.fails("ai.batch.cancel", id(&batch)).await;
        assert_eq!(again.0, Kind::Conflict, "{kind} {again:?}");
    }
}

#[tokio::test]
async fn a33_results_that_break_off_are_never_whole() {
    for (kind, results) in [("anthropic", "/v1/messages/batches/"), ("openai", "/v1/files/")] {
        let provider = Through::start(kind, "sandbox-one").await;
        let batch = provider.ask(CREATE, requests(&["Hello", "say 9 words", "Bye"])).await;
        ended(&provider, &batch).await;
        let native = batch["id"].as_str().and_then(|id| id.split_once('~')).expect("an id").1;
        let prefix = match kind {
            "anthropic" => format!("{results}{native}/results"),
            _ => results.to_owned(),
        };
        let cut = |after_frames, clean| Effect::CutStream { after_frames, clean };
        let streamed = [cut(0, true), cut(1, true), cut(2, false)];
        let effects = [Effect::Truncated, Effect::Malformed].into_iter();
        // Only one of them streams its results.
        for effect in effects.chain(streamed.into_iter().filter(|_| kind == "anthropic")) {
            let fault = Fault::new(effect).path_prefix(prefix.clone()).times(1);
            let what = format!("{kind}: {fault:?}");
            provider.server().faults().add(fault).expect("a fault");
            let failure = provider.try_ask(RESULTS, id(&batch)).await.expect_err(&what);
            assert!(failure.kind.blames_provider(), "{what}: {failure:?}");
        }
        provider.ask(RESULTS, id(&batch)).await;
    }
}

#[tokio::test]
async fn vectors_are_made_in_batches_where_a_provider_can() {
    let texts = |model: &str| json!({"model": model, "texts": ["a", "b"], "dimensions": 3});
    let one = |model: &str| json!({"requests": [{"custom_id": "v", "embeddings": texts(model)}]});
    let openai = Through::start("openai", "sandbox-one").await;
    let batch = openai.ask(CREATE, one("sandbox-small")).await;
    assert_eq!(ended(&openai, &batch).await["work"], "embeddings");
    let alone = openai.ask("ai.embeddings.create", texts("sandbox-small")).await;
    let mut among = results(&openai, &batch).await.remove("v").expect("told");
    let usage = among["embeddings"]["usage"].as_object_mut().expect("it is counted");
    assert_eq!(usage.remove("terms"), Some(json!("batch")));
    assert_eq!(among["embeddings"], alone);
    let anthropic = Through::start("anthropic", "sandbox-one").await;
    let refused = anthropic.fails(CREATE, one("sandbox-small")).await;
    assert_eq!(refused, (Kind::Unsupported, Some("requests[0].embeddings".to_owned())));
}

#[tokio::test]
async fn a34_files_are_kept_and_given_back_where_their_provider_does() {
    let anthropic = Through::start("anthropic", "sandbox-one").await;
    let kept = upload(&anthropic, "report.csv", json!({})).await;
    assert_eq!(kept["downloadable"], false);
    let refused = anthropic.fails("ai.file.content", json!({"file": kept["id"]})).await;
    assert_eq!(refused, (Kind::Unsupported, None));
    let openai = Through::start("openai", "sandbox-one").await;
    let kept = upload(
        &openai,
        "report.csv",
        json!({"purpose": "fine_tune", "name": "data.jsonl"}),
    )
    .await;
    assert_eq!(
        (&kept["name"], &kept["purpose"], &kept["raw_purpose"]),
        (&json!("data.jsonl"), &json!("fine_tune"), &json!("fine-tune"))
    );
    for provider in [anthropic, openai] {
        for operation in ["ai.file.get", "ai.file.content"] {
            let (kind, _) = provider.fails(operation, json!({"file": "none"})).await;
            assert_eq!(kind, Kind::NotFound, "{} {operation}", provider.kind);
        }
        for operation in [GET, "ai.batch.cancel", RESULTS] {
            let (kind, _) = provider.fails(operation, json!({"batch": "none"})).await;
            assert_eq!(kind, Kind::NotFound, "{} {operation}", provider.kind);
        }
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_leaves_no_file_behind() {
    let openai = Through::start("openai", "sandbox-one").await;
    let fault = Fault::new(Effect::Error { status: 400 })
        .path_prefix("/v1/batches")
        .times(1);
    openai.server().faults().add(fault).expect("a fault");
    let refused = openai.fails(CREATE, requests(&["Hello"])).await;
    assert_eq!(refused.0, Kind::InvalidInput);
    let served = openai.server().requests().served;
    assert_eq!(served["DELETE /v1/files/{file}"], 1, "{served:?}");
    let (kind, _) = openai.fails("ai.file.get", json!({"file": "file-one-000001"})).await;
    assert_eq!(kind, Kind::NotFound);
}
