//! The dispatcher: lists of every instance, writes under a key, and what is known of a call beside what it asks for.

#[path = "dispatch/aliases.rs"]
mod aliases;
#[path = "dispatch/attributes.rs"]
mod attributes;
mod support;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mosaic::catalogue::cursor::{CursorKey, Query};
use mosaic::catalogue::find;
use mosaic::catalogue::git::RepoListInput;
use mosaic::dispatch::{Dispatcher, Invocation, Options, is_list};
use mosaic_actors::call::{Answer, Body, CacheStatus};
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use support::fake::{FakeCalls, Gate, answer};
use support::memory_store::MemoryStore;
use support::{caller, eventually};

struct Setup {
    calls: Arc<FakeCalls>,
    dispatcher: Arc<Dispatcher>,
}

fn setup(calls: FakeCalls) -> Setup {
    let calls = Arc::new(calls);
    let store = Arc::new(MemoryStore::default());
    let dispatcher = support::dispatcher(calls.clone(), CursorKey::random(), Some(store));
    Setup {
        calls,
        dispatcher: Arc::new(dispatcher),
    }
}

fn invocation(name: &str, input: Value, options: Options) -> Invocation {
    Invocation {
        entry: find(name).expect("the operation exists"),
        input,
        caller: caller(),
        options,
        upload: None,
    }
}

fn everywhere(name: &str, input: Value) -> Invocation {
    let options = Options {
        provider: Some("all".to_owned()),
        ..Options::default()
    };
    invocation(name, input, options)
}

fn create(title: &str, key: &str) -> Invocation {
    let options = Options {
        idempotency_key: Some(key.to_owned()),
        ..Options::default()
    };
    invocation(
        "projects.issue.create",
        json!({"project": "acme/api", "title": title}),
        options,
    )
}

fn text(answer: &Answer) -> &str {
    match &answer.body {
        Body::Bytes(bytes) => std::str::from_utf8(bytes).expect("text"),
        other => panic!("{other:?}"),
    }
}

/// Three instances: the first has more and a cursor that is none, the second fails for good, the third was cached.
fn three() -> FakeCalls {
    FakeCalls::new(|call| async move {
        match call.provider.as_deref() {
            Some("a") => {
                let mut page = answer(
                    "a",
                    r#"{"items":[{"id":1.0}],"next_cursor":"x","has_more":true,"total":5}"#,
                );
                page.head.skipped = 2;
                Ok(page)
            }
            Some("b") => Err(Failure::new(Kind::UpstreamAuth, "b is ill")),
            Some("c") => {
                let mut cached = answer("c", r#"{"items":[{"id":"2"},{"id":3}],"has_more":false,"total":2}"#);
                cached.head.cache = CacheStatus::Hit;
                cached.head.age = Duration::from_secs(9);
                cached.head.skipped = 1;
                Ok(cached)
            }
            other => panic!("asked {other:?}"),
        }
    })
    .at(["a", "b", "c"])
}

#[tokio::test]
async fn a_list_of_all_lays_pages_together_and_names_who_is_missing() {
    let setup = setup(three());
    let merged = setup
        .dispatcher
        .invoke(everywhere("git.repo.list", json!({})))
        .await
        .expect("a page");
    assert_eq!(
        text(&merged),
        "{\"items\":[{\"id\":1.0,\"provider\":\"a\"},{\"id\":\"2\",\"provider\":\"c\"},{\"id\":3,\"provider\":\"c\"}],\"has_more\":false,\"errors\":[{\"provider\":\"b\",\
         \"code\":\"upstream_auth\",\"message\":\"b is ill\",\"retryable\":false},{\"provider\":\"a\",\
         \"code\":\"upstream_failed\",\"message\":\"it has more rows, and gave no cursor that leads to them\",\
         \"retryable\":false}]}"
    );
    assert_eq!(&*merged.head.provider, "all");
    assert_eq!(merged.head.cache, CacheStatus::Bypass, "not all of it came from cache");
    assert_eq!(merged.head.age, Duration::from_secs(9));
    assert_eq!(merged.head.skipped, 3, "the rows that any of them skipped");
    let seen = setup.calls.seen();
    assert!(
        seen.iter()
            .all(|call| call.deadline == seen[0].deadline && call.id == seen[0].id)
    );
}

/// Every repository that there is.
fn all_repos() -> Query {
    Query::of("git.repo.list", json!({}))
}

/// Instances of which each has pages of one row, as many as its name says.
fn paged(cursors: &CursorKey, padding: usize) -> FakeCalls {
    paged_but(cursors, padding, |_| None)
}

/// The same, but where a row is one that fails.
fn paged_but(
    cursors: &CursorKey,
    padding: usize,
    fails: impl Fn(&str) -> Option<Failure> + Send + Sync + 'static,
) -> FakeCalls {
    let (cursors, fails) = (cursors.clone(), Arc::new(fails));
    FakeCalls::new(move |call| {
        let (cursors, fails) = (cursors.clone(), fails.clone());
        async move {
            let instance = call.provider.clone().expect("each is asked by name");
            let input = call
                .input
                .clone()
                .downcast::<RepoListInput>()
                .expect("of that operation");
            let pages: usize = instance[1..].parse().expect("a number");
            let at = input
                .cursor
                .as_deref()
                .map_or(0, |native| native.trim().parse().expect("its own"));
            let row = format!("{instance}/{at}");
            if let Some(failure) = fails(&row) {
                return Err(failure);
            }
            let mut page = json!({"items": [row], "has_more": at + 1 < pages});
            if at + 1 < pages {
                let native = format!("{}{}", at + 1, " ".repeat(padding));
                page["next_cursor"] = cursors.seal(&instance, &all_repos(), &native).into();
            }
            Ok(answer(&instance, &page.to_string()))
        }
    })
    .at(["i1", "i3", "i2"])
}

/// All pages of a list of all, and the errors that they name.
async fn walk(setup: &Setup) -> (Vec<Value>, Vec<Value>) {
    let (mut pages, mut errors) = (vec![], vec![]);
    let mut input = json!({"limit": 1});
    loop {
        let merged = setup
            .dispatcher
            .invoke(everywhere("git.repo.list", input.clone()))
            .await;
        let page: Value = serde_json::from_str(text(&merged.expect("a page"))).expect("JSON");
        pages.push(page["items"].clone());
        errors.extend(page["errors"].as_array().into_iter().flatten().cloned());
        match page.get("next_cursor") {
            Some(cursor) => input["cursor"] = cursor.clone(),
            None => return (pages, errors),
        }
    }
}

#[tokio::test]
async fn a_list_of_all_is_paged_through_over_all() {
    let cursors = CursorKey::random();
    let calls = Arc::new(paged(&cursors, 0));
    let dispatcher = Arc::new(support::dispatcher(calls.clone(), cursors.clone(), None));
    let setup = Setup { calls, dispatcher };
    let (pages, errors) = walk(&setup).await;
    let expected = [
        json!(["i1/0", "i3/0", "i2/0"]),
        json!(["i3/1", "i2/1"]),
        json!(["i3/2"]),
    ];
    assert_eq!((pages, errors), (expected.to_vec(), vec![]));
    let keys: HashSet<_> = setup.calls.seen().iter().map(|call| call.request_key).collect();
    // The first pages differ by their instances alone, which the engine adds.
    assert_eq!(keys.len(), 3, "each page is a request of its own to the cache");

    // It is one of all, and of no one alone, nor of another operation; and it says so itself.
    let first = setup
        .dispatcher
        .invoke(everywhere("git.repo.list", json!({})))
        .await
        .expect("a page");
    let page: Value = serde_json::from_str(text(&first)).expect("JSON");
    let input = json!({"cursor": page["next_cursor"]});
    let asked = |name, provider: Option<&str>| {
        let options = Options {
            provider: provider.map(str::to_owned),
            ..Options::default()
        };
        setup.dispatcher.invoke(invocation(name, input.clone(), options))
    };
    asked("git.repo.list", None).await.expect("it names all by itself");
    let of_one = asked("git.repo.list", Some("i3")).await.expect_err("refused");
    assert_eq!(of_one.field.as_deref(), Some("provider"));
    let others = invocation(
        "git.repo.list",
        json!({"owner": "acme", "cursor": page["next_cursor"]}),
        Options::default(),
    );
    let of_others = setup.dispatcher.invoke(others).await.expect_err("refused");
    assert_eq!(of_others.field.as_deref(), Some("cursor"));
    assert!(of_others.message().contains("other arguments"), "{of_others}");
    let of_another = asked("ai.models.list", Some("all")).await.expect_err("refused");
    assert_eq!(of_another.field.as_deref(), Some("cursor"));
}

#[tokio::test]
async fn a_cursor_of_all_that_would_be_too_long_leaves_out_who_is_named() {
    let cursors = CursorKey::random();
    let calls = Arc::new(paged(&cursors, 1800));
    let dispatcher = Arc::new(support::dispatcher(calls.clone(), cursors, None));
    let (pages, errors) = walk(&Setup { calls, dispatcher }).await;
    assert_eq!(pages[1..], [json!(["i3/1"]), json!(["i3/2"])]);
    let named: Vec<_> = errors.iter().map(|error| &error["provider"]).collect();
    assert_eq!(named, ["i2", "i2", "i2"], "on each page that lacks its rows");
}

/// Walks over all where a row fails at the first `times` of asking.
async fn walk_failing(row: &'static str, kind: Kind, times: usize) -> (Vec<Value>, Vec<String>) {
    let (cursors, asked) = (CursorKey::random(), AtomicUsize::new(0));
    let calls = paged_but(&cursors, 0, move |at| {
        let fails = at == row && asked.fetch_add(1, Ordering::Relaxed) < times;
        fails.then(|| Failure::new(kind, "as told"))
    });
    let calls = Arc::new(calls);
    let dispatcher = Arc::new(support::dispatcher(calls.clone(), cursors, None));
    let (pages, errors) = walk(&Setup { calls, dispatcher }).await;
    let named = errors
        .iter()
        .map(|error| format!("{}: {}", error["provider"], error["code"]));
    (pages, named.map(|name| name.replace('"', "")).collect())
}

#[tokio::test]
async fn who_fails_on_a_page_of_all_is_asked_again_at_its_place() {
    for (row, kind, times, pages, named) in [
        (
            "i3/1",
            Kind::UpstreamFailed,
            1,
            json!([["i1/0", "i3/0", "i2/0"], ["i2/1"], ["i3/1"], ["i3/2"]]),
            vec!["i3: upstream_failed"],
        ),
        (
            "i2/0",
            Kind::Timeout,
            2,
            json!([["i1/0", "i3/0"], ["i3/1"], ["i3/2", "i2/0"], ["i2/1"]]),
            vec!["i2: timeout", "i2: timeout"],
        ),
        // What cannot succeed again is not asked again, and is named to the end.
        (
            "i2/0",
            Kind::UpstreamAuth,
            9,
            json!([["i1/0", "i3/0"], ["i3/1"], ["i3/2"]]),
            vec!["i2: upstream_auth"; 3],
        ),
    ] {
        let (came, errors) = walk_failing(row, kind, times).await;
        assert_eq!(
            (json!(came), errors),
            (pages, named.iter().map(|&name| name.to_owned()).collect()),
            "{row}"
        );
    }
}

/// As many instances, of one row each.
fn many<const N: usize>() -> Setup {
    let names: [String; N] = std::array::from_fn(|n| format!("i{n}"));
    let page = r#"{"items":[1],"has_more":false,"total":1}"#;
    setup(FakeCalls::json(page).at(std::array::from_fn::<_, N, _>(|n| names[n].as_str())))
}

#[tokio::test]
async fn a_list_of_all_is_bounded_and_says_so() {
    let setup = many::<18>();
    let merged = setup
        .dispatcher
        .invoke(everywhere("git.repo.list", json!({})))
        .await
        .expect("a page");
    let page: Value = serde_json::from_str(text(&merged)).expect("JSON");
    assert_eq!(setup.calls.seen().len(), 16);
    assert_eq!(page["items"].as_array().expect("rows").len(), 16);
    let missing: Vec<_> = page["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| &e["provider"])
        .collect();
    assert_eq!(missing, ["i16", "i17"]);
    assert!(page.get("total").is_none());

    // Who had no turn has one on a later page, and is named until then.
    let (pages, errors) = walk(&many::<34>()).await;
    let rows: Vec<_> = pages.iter().map(|page| page.as_array().expect("rows").len()).collect();
    assert_eq!((rows, errors.len()), (vec![16, 16, 2], 18 + 2));

    // More than a cursor can name: one word stands for those that it does not hold, on each page.
    let (pages, errors) = walk(&many::<400>()).await;
    let unnamed = errors.iter().filter(|error| error["provider"] == "all").count();
    assert!(
        pages.len() > 3 && unnamed == pages.len() - 1,
        "{unnamed} of {}",
        pages.len()
    );
}

#[tokio::test]
async fn a_list_of_all_fails_only_where_nobody_answers() {
    let failing = |kind| FakeCalls::failing(Failure::new(kind, "as told"));
    let ask = async |calls| {
        let asked = setup(calls)
            .dispatcher
            .invoke(everywhere("git.repo.list", json!({})))
            .await;
        asked.expect_err("refused")
    };
    let all_failed = ask(failing(Kind::CircuitOpen).at(["a", "b"])).await;
    assert_eq!(
        (all_failed.kind, all_failed.message()),
        (Kind::CircuitOpen, "a: as told; b: as told")
    );
    let alone = ask(failing(Kind::CircuitOpen).at(["a"])).await;
    assert_eq!((alone.provider.as_deref(), alone.message()), (Some("a"), "as told"));
    assert_eq!(ask(failing(Kind::Internal)).await.kind, Kind::NoProvider);
    assert_eq!(ask(FakeCalls::json("[]").at(["a"])).await.kind, Kind::Internal);
}

#[tokio::test]
async fn an_instance_that_nobody_knows_is_refused_with_the_nearest() {
    for (refusal, options, repo) in [
        (
            Failure::invalid("provider", "no provider is called forge_a"),
            Some("forge_a"),
            "acme/api",
        ),
        (
            Failure::new(Kind::NotFound, "no provider is called forge_a"),
            None,
            "forge_a~acme/api",
        ),
    ] {
        let setup = setup(FakeCalls::failing(refusal.never_sent()).at(["wiki", "forge-a"]));
        let options = Options {
            provider: options.map(str::to_owned),
            ..Options::default()
        };
        let asked = invocation("git.repo.get", json!({ "repo": repo }), options);
        let failure = setup.dispatcher.invoke(asked).await.expect_err("refused");
        assert_eq!(
            failure.message(),
            "no provider is called forge_a; did you mean forge-a?"
        );
    }
}

#[tokio::test]
async fn only_lists_without_a_pin_are_asked_of_all() {
    let setup = setup(three());
    for refused in [
        everywhere("git.repo.get", json!({"repo": "a/b"})),
        everywhere("projects.issue.create", json!({"project": "a/b", "title": "t"})),
        everywhere("git.branch.list", json!({"repo": "a~x/y"})),
    ] {
        let failure = setup.dispatcher.invoke(refused).await.expect_err("refused");
        assert_eq!(failure.kind, Kind::InvalidInput);
        assert_eq!(failure.field.as_deref(), Some("provider"));
    }
    assert!(setup.calls.seen().is_empty());
    assert!(is_list(find("ai.models.list").expect("declared")));
    assert!(!is_list(find("ai.chat.stream").expect("declared")));
}

#[tokio::test]
async fn an_answer_under_a_key_is_replayed_and_the_write_happens_once() {
    let setup = setup(FakeCalls::json("{\"id\":\"a~1\"}"));
    let first = setup.dispatcher.invoke(create("one", "k")).await.expect("created");
    assert!(!mosaic::dispatch::idempotency::replayed(&first.head));
    let again = setup.dispatcher.invoke(create("one", "k")).await.expect("replayed");
    assert!(mosaic::dispatch::idempotency::replayed(&again.head));
    assert_eq!(
        (text(&again), &again.head.provider),
        (text(&first), &first.head.provider)
    );
    assert_eq!(setup.calls.seen().len(), 1);
    assert!(
        !setup.calls.seen()[0].repeatable,
        "no provider takes a request key: the engine must not repeat"
    );

    let other = setup.dispatcher.invoke(create("two", "k")).await.expect_err("refused");
    assert!(mosaic::dispatch::idempotency::is_mismatch(&other));
    assert_eq!(setup.calls.seen().len(), 1);
    setup
        .dispatcher
        .invoke(create("two", "k2"))
        .await
        .expect("another key is another write");
    assert_eq!(setup.calls.seen().len(), 2);
}

/// Fails the first call and answers the others.
fn fails_once(failure: Failure) -> FakeCalls {
    let calls = AtomicUsize::new(0);
    FakeCalls::new(move |_| {
        let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        let failure = failure.clone();
        async move { if first { Err(failure) } else { Ok(answer("a", "{}")) } }
    })
}

#[tokio::test]
async fn a_write_that_did_not_happen_frees_its_key() {
    for failure in [
        Failure::new(Kind::RateLimited, "slow down"),
        Failure::new(Kind::UpstreamRateLimited, "slow down"),
        Failure::new(Kind::Network, "no route").never_sent(),
        Failure::new(Kind::InvalidInput, "odd").never_sent(),
    ] {
        let setup = setup(fails_once(failure.clone()));
        let failed = setup.dispatcher.invoke(create("one", "k")).await.expect_err("fails");
        assert_eq!(failed.retryable, failure.retryable);
        setup.dispatcher.invoke(create("one", "k")).await.expect("tried anew");
        assert_eq!(setup.calls.seen().len(), 2, "{failure}");
    }
}

#[tokio::test]
async fn a_write_that_may_have_happened_is_never_sent_again() {
    for kind in [
        Kind::Network,
        Kind::Timeout,
        Kind::UpstreamFailed,
        Kind::Internal,
        Kind::Conflict,
    ] {
        let failure = Failure::new(kind, "as told").by(&Arc::from("a"));
        let setup = setup(fails_once(failure));
        for _ in 0..2 {
            let failed = setup.dispatcher.invoke(create("one", "k")).await.expect_err("fails");
            assert_eq!((failed.kind, failed.message()), (kind, "as told"));
            assert_eq!(failed.provider.as_deref(), Some("a"));
            assert!(!failed.retryable, "the same key gives the same failure");
        }
        assert_eq!(setup.calls.seen().len(), 1, "{kind}");
    }
}

#[tokio::test]
async fn nobody_is_told_to_repeat_a_write_that_may_have_happened() {
    let retryable = async |name, input, failure: Failure| {
        let setup = setup(FakeCalls::failing(failure));
        let failed = setup
            .dispatcher
            .invoke(invocation(name, input, Options::default()))
            .await;
        failed.expect_err("fails").retryable
    };
    let timeout = || Failure::new(Kind::Timeout, "as told");
    let issue = json!({"project": "a/b", "title": "t"});
    assert!(!retryable("projects.issue.create", issue.clone(), timeout()).await);
    assert!(retryable("projects.issue.create", issue.clone(), timeout().never_sent()).await);
    assert!(retryable("projects.issue.create", issue, Failure::new(Kind::Overloaded, "full")).await);
    assert!(retryable("git.repo.get", json!({"repo": "a/b"}), timeout()).await);
}

#[tokio::test]
async fn a_key_in_flight_is_a_conflict_and_its_write_outlives_its_caller() {
    let gate = Gate::default();
    let inner = gate.clone();
    let setup = setup(FakeCalls::new(move |_| {
        let gate = inner.clone();
        async move {
            let _alive = gate.enter();
            gate.opened().await;
            Ok(answer("a", "{\"done\":1}"))
        }
    }));
    let dispatcher = setup.dispatcher.clone();
    let first = tokio::spawn(async move { dispatcher.invoke(create("one", "k")).await });
    eventually("the write begins", || gate.alive() == 1).await;
    let second = setup.dispatcher.invoke(create("one", "k")).await.expect_err("refused");
    assert_eq!(second.kind, Kind::Conflict);
    assert!(second.retryable && second.retry_after.is_some());

    first.abort();
    assert!(first.await.expect_err("aborted").is_cancelled());
    assert_eq!(gate.alive(), 1, "the write goes on without its caller");
    gate.open();
    setup.dispatcher.settled().await;
    let found = setup.dispatcher.invoke(create("one", "k")).await.expect("recorded");
    assert_eq!(text(&found), "{\"done\":1}");
    assert_eq!(setup.calls.seen().len(), 1);
}

#[tokio::test]
async fn keys_are_checked_and_refused_where_they_cannot_be_kept() {
    let kept = setup(FakeCalls::json("{}"));
    for key in ["", "tab\t", "ключ", &"k".repeat(256)] {
        let failure = kept.dispatcher.invoke(create("one", key)).await.expect_err("refused");
        assert_eq!(
            (failure.kind, failure.field.as_deref()),
            (Kind::InvalidInput, Some("idempotency_key"))
        );
    }
    kept.dispatcher
        .invoke(create("one", &"k".repeat(255)))
        .await
        .expect("the longest key");

    let calls = Arc::new(FakeCalls::json("{}"));
    let unkept = support::dispatcher(calls.clone(), CursorKey::random(), None);
    let failure = unkept.invoke(create("one", "k")).await.expect_err("refused");
    assert_eq!(failure.kind, Kind::Unsupported);
    assert!(calls.seen().is_empty());
}

#[tokio::test]
async fn the_order_of_fields_does_not_make_another_request() {
    let setup = setup(FakeCalls::json("{}"));
    for input in [
        r#"{"project":"a/b","title":"t","body":"x"}"#,
        r#"{"body":"x","title":"t","project":"a/b"}"#,
    ] {
        let mut same = create("t", "k");
        same.input = serde_json::from_str(input).expect("JSON");
        setup.dispatcher.invoke(same).await.expect("created or replayed");
    }
    assert_eq!(setup.calls.seen().len(), 1);
}

/// A generation changes nothing, and is paid for: a key counts for it as for a write.
#[tokio::test]
async fn a_key_holds_for_what_is_paid_and_for_no_stream() {
    let setup = setup(FakeCalls::json(r#"{"id":"a"}"#));
    let chat = |name: &str| {
        let options = Options {
            idempotency_key: Some("k1".to_owned()),
            ..Options::default()
        };
        invocation(name, json!({"model": "m", "prompt": "p"}), options)
    };
    for _ in 0..2 {
        setup
            .dispatcher
            .invoke(chat("ai.chat.complete"))
            .await
            .expect("answered");
    }
    assert_eq!(setup.calls.seen().len(), 1, "paid once");
    let refused = setup
        .dispatcher
        .invoke(chat("ai.chat.stream"))
        .await
        .expect_err("refused");
    assert_eq!(
        (refused.kind, refused.field.as_deref()),
        (Kind::Unsupported, Some("idempotency_key"))
    );
}
