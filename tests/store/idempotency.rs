//! Idempotency keys.
//!
//! Invariant: as in the crate.

use super::*;

#[tokio::test]
async fn an_answer_is_replayed_until_its_time_is_over() {
    on_both(|store| async move {
        let lease = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
        assert_eq!(store.begin(call("k", "f"), at(1)).await.unwrap(), Begun::InFlight);
        assert_eq!(store.begin(call("k", "other"), at(1)).await.unwrap(), Begun::Mismatch);
        leased(store.begin(call("k2", "f"), at(1)).await.unwrap());

        store.complete(&lease, &answer("{\"id\":1}")).await.unwrap();
        assert_eq!(
            store.begin(call("k", "f"), at(3599)).await.unwrap(),
            Begun::Replay(answer("{\"id\":1}"))
        );
        assert_eq!(
            store.begin(call("k", "other"), at(3599)).await.unwrap(),
            Begun::Mismatch
        );
        // What was answered stays answered.
        assert!(matches!(
            store.complete(&lease, &answer("{}")).await,
            Err(StoreError::LeaseLost)
        ));
        store.abandon(&lease).await.unwrap();
        assert_eq!(
            store.begin(call("k", "f"), at(3599)).await.unwrap(),
            Begun::Replay(answer("{\"id\":1}"))
        );

        leased(store.begin(call("k", "other"), at(3600)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_key_is_free() {
    on_both(|store| async move {
        let lease = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
        store.abandon(&lease).await.unwrap();
        leased(store.begin(call("k", "other"), at(0)).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn expiry_takes_what_is_over_and_no_more_than_asked() {
    on_both(|store| async move {
        for n in 0..5 {
            leased(store.begin(call(&n.to_string(), "f"), at(n)).await.unwrap());
        }
        assert_eq!(store.expire(at(3599), 10).await.unwrap(), 0);
        assert_eq!(store.expire(at(3602), 2).await.unwrap(), 2);
        assert_eq!(store.expire(at(3602), 10).await.unwrap(), 1);
        assert_eq!(store.begin(call("4", "g"), at(3602)).await.unwrap(), Begun::Mismatch);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_64_callers_with_one_key_exactly_one_makes_the_call() {
    on_both(|store| async move {
        // The second round races for a key whose time is over without an answer, the third for an answer's.
        for (round, now) in [0, 3600, 7200].into_iter().enumerate() {
            let barrier = Arc::new(tokio::sync::Barrier::new(64));
            let callers = (0..64).map(|_| {
                let (store, barrier) = (store.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    store.begin(call("k", "f"), at(now)).await.unwrap()
                })
            });
            let mut leases = Vec::new();
            for caller in callers.collect::<Vec<_>>() {
                match caller.await.unwrap() {
                    Begun::New(lease) => leases.push(lease),
                    Begun::InFlight => {}
                    other => panic!("round {round}: {other:?}"),
                }
            }
            assert_eq!(leases.len(), 1, "round {round}");
            if round == 1 {
                store.complete(&leases[0], &answer("{}")).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_that_came_to_nothing_known_is_unknown_until_somebody_decides() {
    on_both(|store| async move {
        let lost = leased(store.begin(call("k", "f"), at(0)).await.unwrap());
        let scope = call("k", "f").scope;
        assert_eq!(store.begin(call("k", "f"), at(59)).await.unwrap(), Begun::InFlight);
        assert_eq!(store.release(scope, "k", at(59)).await.unwrap(), Released::UnderWay);
        assert_eq!(store.begin(call("k", "f"), at(60)).await.unwrap(), Begun::Unknown);
        assert_eq!(store.begin(call("k", "other"), at(60)).await.unwrap(), Begun::Mismatch);
        // Whoever knows late still tells.
        store.complete(&lost, &answer("late")).await.unwrap();
        assert_eq!(
            store.begin(call("k", "f"), at(61)).await.unwrap(),
            Begun::Replay(answer("late"))
        );
        assert_eq!(store.release(scope, "k", at(61)).await.unwrap(), Released::NotUnknown);

        let lost = leased(store.begin(call("k2", "f"), at(0)).await.unwrap());
        assert_eq!(store.release(scope, "k2", at(60)).await.unwrap(), Released::Done);
        let next = leased(store.begin(call("k2", "f"), at(61)).await.unwrap());
        assert!(matches!(
            store.complete(&lost, &answer("late")).await,
            Err(StoreError::LeaseLost)
        ));
        store.complete(&next, &answer("right")).await.unwrap();
        assert_eq!(
            store.release(scope, "no such key", at(60)).await.unwrap(),
            Released::NotUnknown
        );
    })
    .await;
}

#[tokio::test]
async fn an_earlier_process_left_orphans_and_this_one_makes_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path, None).await;
    leased(store.begin(call("orphan", "f"), at(0)).await.unwrap());
    // Not closed: killed.
    let next = open(&path, None).await;
    leased(next.begin(call("own", "f"), at(1)).await.unwrap());
    assert_eq!(next.begin(call("orphan", "f"), at(1)).await.unwrap(), Begun::Unknown);
    assert_eq!(next.begin(call("own", "f"), at(1)).await.unwrap(), Begun::InFlight);
}

#[tokio::test]
async fn keys_are_listed_with_what_is_known_of_them_and_those_in_doubt_can_be_freed() {
    on_both(|store| async move {
        let in_doubt = StoredAnswer {
            status: StoredAnswer::IN_DOUBT,
            ..answer("{}")
        };
        let scope = call("k", "f").scope;
        leased(store.begin(call("lost", "f"), at(0)).await.unwrap());
        let done = leased(store.begin(call("done", "f"), at(1)).await.unwrap());
        store.complete(&done, &answer("a secret")).await.unwrap();
        let doubted = leased(store.begin(call("doubted", "f"), at(2)).await.unwrap());
        store.complete(&doubted, &in_doubt).await.unwrap();
        leased(store.begin(call("running", "f"), at(100)).await.unwrap());

        let listed = |only, now, limit| {
            let store = store.clone();
            async move {
                let keys = store.list_keys(only, at(now), limit).await.unwrap();
                assert!(keys.iter().all(|key| key.scope == scope && key.claimed_at.is_some()));
                assert!(!format!("{keys:?}").contains("a secret"));
                let known = keys.into_iter().map(|key| (key.key, key.state));
                known.collect::<Vec<_>>()
            }
        };
        let row = |key: &str, state| (key.to_owned(), state);
        let (lost, doubted) = (row("lost", KeyState::InDoubt), row("doubted", KeyState::InDoubt));
        let all = [
            row("running", KeyState::Pending),
            doubted.clone(),
            row("done", KeyState::Confirmed),
            lost.clone(),
        ];
        assert_eq!(listed(false, 101, 10).await, all);
        assert_eq!(listed(false, 101, 2).await, all[..2]);
        assert_eq!(listed(true, 101, 10).await, [doubted, lost]);
        assert_eq!(listed(true, 100_000, 10).await, []);

        assert_eq!(store.release(scope, "doubted", at(101)).await.unwrap(), Released::Done);
        assert_eq!(
            store.release(scope, "done", at(101)).await.unwrap(),
            Released::NotUnknown
        );
        assert_eq!(
            store.release(scope, "running", at(101)).await.unwrap(),
            Released::UnderWay
        );
        leased(store.begin(call("doubted", "other"), at(101)).await.unwrap());
    })
    .await;
}
