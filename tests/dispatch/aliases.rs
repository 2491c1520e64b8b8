//! Names that stand for several models: keys of idempotency, and calls that are not made.

use std::sync::atomic::{AtomicUsize, Ordering};

use mosaic::dispatch::idempotency::{is_mismatch, replayed};
use mosaic_actors::call::{Answer, Call};

use super::support::fake::{FakeCalls, answer};
use super::*;

/// Where `fast` stands for three models.
fn aliased(calls: FakeCalls) -> Setup {
    let calls = Arc::new(calls);
    let store = Arc::new(MemoryStore::default());
    let models = ["a~x", "b~y", "c~z"].map(str::to_owned).to_vec();
    let dispatcher = support::dispatcher(calls.clone(), CursorKey::random(), Some(store))
        .aliased(mosaic::dispatch::Aliases::of(&[("fast".to_owned(), models)].into()));
    Setup {
        calls,
        dispatcher: Arc::new(dispatcher),
    }
}

fn chat(prompt: &str, key: Option<&str>) -> Invocation {
    let options = Options {
        idempotency_key: key.map(str::to_owned),
        ..Options::default()
    };
    invocation("ai.chat.complete", json!({"model": "fast", "prompt": prompt}), options)
}

/// Who was asked.
fn asked(setup: &Setup) -> Vec<String> {
    let calls = setup.calls.seen();
    let instance = |call: &Call| call.resource.instance().expect("a model's").to_string();
    calls.iter().map(instance).collect()
}

/// Each instance fails as it is told to, once; then all answer.
fn at_first(failures: Vec<(&'static str, Failure)>) -> FakeCalls {
    let turn = Arc::new(AtomicUsize::new(0));
    FakeCalls::new(move |call: Call| {
        let instance = call.resource.instance().expect("a model's").to_string();
        let failure = failures.get(turn.fetch_add(1, Ordering::SeqCst)).cloned();
        async move {
            match failure {
                Some((at, failure)) => {
                    assert_eq!(at, instance);
                    Err(failure)
                }
                None => Ok::<Answer, Failure>(answer(&instance, &json!({"by": instance}).to_string())),
            }
        }
    })
}

fn busy() -> Failure {
    Failure::new(Kind::CircuitOpen, "busy").never_sent()
}

#[tokio::test]
async fn whoever_comes_again_has_the_answer_of_whichever_model_gave_it() {
    for refusal in [busy(), Failure::new(Kind::Unsupported, "not here").never_billed()] {
        let setup = aliased(at_first(vec![("a", refusal)]));
        let first = setup.dispatcher.invoke(chat("p", Some("k"))).await.expect("answered");
        assert_eq!(text(&first), r#"{"by":"b"}"#);
        let again = setup.dispatcher.invoke(chat("p", Some("k"))).await.expect("replayed");
        assert!(replayed(&again.head) && text(&again) == text(&first));
        assert_eq!(asked(&setup), ["a", "b"], "and nobody is asked again");
        let other = setup
            .dispatcher
            .invoke(chat("q", Some("k")))
            .await
            .expect_err("another");
        assert!(is_mismatch(&other), "{other:?}");
    }
}

#[tokio::test]
async fn what_no_model_has_done_leaves_the_key_free() {
    let setup = aliased(at_first(vec![("a", busy()), ("b", busy()), ("c", busy())]));
    let failure = setup.dispatcher.invoke(chat("p", Some("k"))).await.expect_err("busy");
    assert_eq!((failure.kind, failure.retryable), (Kind::CircuitOpen, true));
    let answered = setup.dispatcher.invoke(chat("p", Some("k"))).await.expect("answered");
    assert!(!replayed(&answered.head));
    assert_eq!(asked(&setup), ["a", "b", "c", "a"]);
}

#[tokio::test]
async fn what_one_may_have_done_is_asked_of_no_other_under_the_key() {
    let setup = aliased(at_first(vec![
        ("a", busy()),
        ("b", Failure::new(Kind::Timeout, "late")),
    ]));
    for _ in 0..2 {
        let failure = setup.dispatcher.invoke(chat("p", Some("k"))).await.expect_err("late");
        assert_eq!((failure.kind, failure.retryable), (Kind::Timeout, false));
    }
    assert_eq!(asked(&setup), ["a", "b"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_between_two_models_finds_what_the_second_did() {
    let gate = Gate::default();
    let inner = gate.clone();
    let setup = aliased(FakeCalls::new(move |call: Call| {
        let (gate, instance) = (inner.clone(), call.resource.instance().expect("a model's").to_string());
        async move {
            if instance == "b" {
                return Ok(answer("b", "{}"));
            }
            let _alive = gate.enter();
            gate.opened().await;
            Err(busy())
        }
    }));
    let dispatcher = setup.dispatcher.clone();
    let gone = tokio::spawn(async move { dispatcher.invoke(chat("p", Some("k"))).await });
    eventually("the first is asked", || gate.alive() == 1).await;
    gone.abort();
    assert!(gone.await.is_err());
    gate.open();
    setup.dispatcher.settled().await;
    let again = setup.dispatcher.invoke(chat("p", Some("k"))).await.expect("replayed");
    assert!(replayed(&again.head));
    assert_eq!(asked(&setup), ["a", "b"]);
}
