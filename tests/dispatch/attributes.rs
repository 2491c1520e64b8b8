//! What is known of a call beside what it asks for: by its caller's word, and by its input.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use mosaic::catalogue::ai::{ChatComplete, ChatInput};
use mosaic::catalogue::proxy::{Asked, READ};
use mosaic::dispatch::{Options, Passage};
use mosaic::embed::upload;
use mosaic_actors::call::{Attributes, Caller, Performance, Priority};
use serde_json::{Value, json};

use super::support::fake::FakeCalls;
use super::support::{BATCHES, caller};
use super::{Setup, create, invocation, setup};

fn made(setup: &Setup) -> Attributes {
    setup.calls.seen().pop().expect("a call").attributes
}

async fn of(name: &str, input: Value, options: Options) -> Attributes {
    let setup = setup(FakeCalls::json("{}"));
    let asked = setup.dispatcher.invoke(invocation(name, input, options));
    asked.await.expect("answered");
    made(&setup)
}

fn urgent() -> Options {
    Options {
        priority: Some(Priority::High),
        performance: Some(Performance::LowLatency),
        labels: vec![(Arc::from("team"), Arc::from("web"))],
        affinity: Some("thread-7".to_owned()),
        ..Options::default()
    }
}

fn batches() -> Caller {
    Caller {
        tenant: Arc::from(BATCHES),
        ..caller()
    }
}

#[tokio::test]
async fn whoever_says_nothing_has_said_nothing() {
    let input = json!({"repo": "acme/api"});
    let nothing = of("git.repo.get", input.clone(), Options::default()).await;
    let expected = Attributes {
        payload_bytes: input.to_string().len() as u64,
        ..Attributes::default()
    };
    assert_eq!(nothing, expected);
}

#[tokio::test]
async fn what_is_said_travels_with_the_call_and_changes_nothing_of_what_it_asks_for() {
    let setup = setup(FakeCalls::json("{}"));
    for options in [Options::default(), urgent()] {
        let asked = invocation("git.repo.get", json!({"repo": "acme/api"}), options);
        setup.dispatcher.invoke(asked).await.expect("answered");
    }
    let [plain, said] = &setup.calls.seen()[..] else {
        panic!("two calls");
    };
    assert_eq!(plain.request_key, said.request_key, "it is the same request");
    let attributes = &said.attributes;
    assert_eq!(attributes.priority, Priority::High);
    assert_eq!(attributes.performance, Some(Performance::LowLatency));
    assert_eq!(attributes.labels, [(Arc::from("team"), Arc::from("web"))]);
    assert!(attributes.affinity.is_some());
    assert_eq!(attributes.payload_bytes, plain.attributes.payload_bytes);
}

#[tokio::test]
async fn a_write_under_a_key_is_the_same_however_urgent() {
    let setup = setup(FakeCalls::json("{}"));
    for priority in [Priority::Low, Priority::High] {
        let mut write = create("t", "k");
        write.options.priority = Some(priority);
        setup.dispatcher.invoke(write).await.expect("created or replayed");
    }
    assert_eq!(setup.calls.seen().len(), 1);
}

#[tokio::test]
async fn a_tenants_calls_are_as_urgent_as_it_may_be() {
    for (tenant, options, had) in [
        (caller(), urgent(), Priority::High),
        (batches(), urgent(), Priority::Low),
        (batches(), Options::default(), Priority::Low),
    ] {
        let setup = setup(FakeCalls::json("{}"));
        let mut asked = invocation("git.repo.get", json!({"repo": "acme/api"}), options);
        asked.caller = tenant;
        setup.dispatcher.invoke(asked).await.expect("served, not refused");
        assert_eq!(made(&setup).priority, had);
    }
}

#[tokio::test]
async fn what_is_wrong_is_refused_before_the_engine_by_its_name() {
    let setup = setup(FakeCalls::json("{}"));
    let labelled = |name: &str, value: &str| Options {
        labels: vec![(Arc::from(name), Arc::from(value))],
        ..Options::default()
    };
    let close = Options {
        affinity: Some(String::new()),
        ..Options::default()
    };
    for (options, field) in [
        (labelled("Team", "web"), "labels"),
        (labelled("team", "a,b"), "labels"),
        (close, "affinity"),
    ] {
        let asked = invocation("git.repo.get", json!({"repo": "acme/api"}), options);
        let failure = setup.dispatcher.invoke(asked).await.expect_err("refused");
        assert_eq!(failure.field.as_deref(), Some(field));
    }
    assert!(setup.calls.seen().is_empty());
}

#[tokio::test]
async fn the_size_of_an_input_is_known_whether_a_key_is_made_of_it_or_not() {
    let input = json!({"project": "acme/api", "title": "\u{e9}t\u{e9}", "labels": ["a", "b"]});
    let size = input.to_string().len() as u64;
    let written = of("projects.issue.create", input, Options::default()).await;
    assert_eq!(
        (written.payload_bytes, written.model, written.affinity),
        (size, None, None)
    );

    let setup = setup(FakeCalls::json("{}"));
    let input = json!({"page": "1"});
    let mut asked = invocation("docs.attachment.upload", input.clone(), Options::default());
    asked.upload = Some(Arc::new(upload::bytes("text/plain", "four")));
    setup.dispatcher.invoke(asked).await.expect("uploaded");
    assert_eq!(made(&setup).payload_bytes, input.to_string().len() as u64 + 4);
}

#[tokio::test]
async fn the_model_is_the_one_that_the_input_names() {
    for (name, input, model) in [
        ("ai.chat.complete", json!({"model": "m", "prompt": "p"}), Some("m")),
        ("ai.chat.complete", json!({"model": "ai-a~m", "prompt": "p"}), Some("m")),
        ("ai.embeddings.create", json!({"model": "m", "texts": ["t"]}), Some("m")),
        (
            "ai.response.create",
            json!({"model": "m", "previous": "ai-a~r", "prompt": "p"}),
            Some("m"),
        ),
        ("ai.moderation.create", json!({"model": "m", "texts": ["t"]}), Some("m")),
        ("ai.moderation.create", json!({"texts": ["t"]}), None),
        ("ai.models.get", json!({"model": "m"}), Some("m")),
        ("ai.models.list", json!({}), None),
        ("git.repo.get", json!({"repo": "m/m"}), None),
    ] {
        let attributes = of(name, input, Options::default()).await;
        assert_eq!(attributes.model.as_deref(), model, "{name}");
    }
}

#[tokio::test]
async fn conversations_of_a_tenant_that_begin_alike_belong_together() {
    let setup = setup(FakeCalls::json("{}"));
    let ask = async |name: &str, input: Value, options: Options, by: Caller| {
        let mut asked = invocation(name, input, options);
        asked.caller = by;
        setup.dispatcher.invoke(asked).await.expect("answered");
        made(&setup).affinity
    };
    let first = json!([{"role": "user", "content": "Hello."}]);
    let later = json!([{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "And now?"}]);
    let begun = json!({"model": "m", "messages": first});
    let one = ask("ai.chat.complete", begun.clone(), Options::default(), caller()).await;
    assert!(one.is_some());
    let later = json!({"model": "m", "messages": later});
    assert_eq!(ask("ai.chat.stream", later, Options::default(), caller()).await, one);
    assert_ne!(
        ask("ai.chat.complete", begun.clone(), Options::default(), batches()).await,
        one
    );
    // The caller's word goes before.
    let said = ask("ai.chat.complete", begun, urgent(), caller()).await;
    let other = json!({"model": "m", "prompt": "Good bye."});
    assert_ne!(said, one);
    assert_eq!(ask("ai.chat.complete", other, urgent(), caller()).await, said);
    // What is no conversation has nothing to go on from.
    let texts = json!({"model": "m", "texts": ["Hello."]});
    assert_eq!(
        ask("ai.embeddings.create", texts, Options::default(), caller()).await,
        None
    );
}

#[tokio::test]
async fn a_typed_input_is_known_as_one_that_was_read() {
    let setup = setup(FakeCalls::json("{}"));
    let read = json!({"model": "m", "prompt": "Hello."});
    let asked = invocation("ai.chat.complete", read.clone(), urgent());
    setup.dispatcher.invoke(asked).await.expect("answered");
    let of_json = made(&setup);
    let typed = ChatInput {
        model: "m".into(),
        prompt: Some("Hello.".to_owned()),
        ..ChatInput::default()
    };
    let asked = setup.dispatcher.call::<ChatComplete>(typed, None, caller(), urgent());
    asked.await.expect("answered");
    assert_eq!(made(&setup), of_json);
    assert_eq!(of_json.payload_bytes, read.to_string().len() as u64);
}

#[tokio::test]
async fn what_is_passed_through_says_as_much() {
    let setup = setup(FakeCalls::json("{}"));
    let pass = |length: Option<u64>, options: Options, caller: Caller| {
        setup.dispatcher.pass(Passage {
            operation: &READ,
            instance: "forge-a".to_owned(),
            asked: Asked {
                method: Method::POST,
                path: "/x".to_owned(),
                query: None,
                headers: HeaderMap::new(),
                body: Bytes::from_static(b"four"),
                length,
                ours: String::new(),
            },
            upload: None,
            caller,
            options,
        })
    };
    pass(None, urgent(), caller()).await.expect("answered");
    let said = made(&setup);
    assert_eq!((said.priority, said.payload_bytes), (Priority::High, 4));
    assert_eq!(said.labels.len(), 1);
    assert!(said.affinity.is_some());
    pass(Some(1 << 30), Options::default(), batches())
        .await
        .expect("answered");
    let silent = made(&setup);
    let expected = Attributes {
        priority: Priority::Low,
        payload_bytes: 1 << 30,
        ..Attributes::default()
    };
    assert_eq!(silent, expected);
}
