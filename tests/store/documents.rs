//! Documents and their change log.
//!
//! Invariant: as in the crate.

use super::*;

#[tokio::test]
async fn documents_are_versioned() {
    on_both(|store| async move {
        let put = |body, expected| {
            let store = store.clone();
            async move { store.put_document("rule", "a", &body, expected).await }
        };
        let first = put(json!({ "n": 1 }), Expected::Absent).await.unwrap();
        let taken = put(json!({}), Expected::Absent).await.unwrap_err();
        assert!(matches!(taken, StoreError::Conflict { actual: Some(v) } if v == first));
        let second = put(json!({ "n": 2 }), Expected::Version(first)).await.unwrap();
        assert!(second > first);
        let stale = put(json!({}), Expected::Version(first)).await.unwrap_err();
        assert!(matches!(stale, StoreError::Conflict { actual: Some(v) } if v == second));

        let document = store.get_document("rule", "a").await.unwrap().unwrap();
        assert_eq!((document.version, document.body), (second, json!({ "n": 2 })));
        assert_eq!(store.get_document("other", "a").await.unwrap(), None);

        assert!(
            store
                .delete_document("rule", "a", Expected::Version(first))
                .await
                .is_err()
        );
        let gone = store
            .delete_document("rule", "a", Expected::Version(second))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(store.get_document("rule", "a").await.unwrap(), None);
        assert_eq!(store.delete_document("rule", "a", Expected::Any).await.unwrap(), None);

        // A version is never used twice, so that a stale writer cannot meet a document made anew.
        let again = put(json!({}), Expected::Absent).await.unwrap();
        assert!(again > gone && gone > second);
    })
    .await;
}

#[tokio::test]
async fn documents_are_listed_in_pages() {
    on_both(|store| async move {
        for id in ["c", "a", "b"] {
            store.put_document("rule", id, &json!(id), Expected::Any).await.unwrap();
        }
        store
            .put_document("tenant", "z", &json!(0), Expected::Any)
            .await
            .unwrap();
        let ids = |page: Vec<stores::Document>| page.into_iter().map(|d| d.id).collect::<Vec<_>>();
        assert_eq!(ids(store.list_documents("rule", "", 2).await.unwrap()), ["a", "b"]);
        assert_eq!(ids(store.list_documents("rule", "b", 2).await.unwrap()), ["c"]);
        assert_eq!(
            ids(store.list_documents("rule", "", u32::MAX).await.unwrap()),
            ["a", "b", "c"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_follower_of_the_changes_arrives_at_the_same_state() {
    on_both(|store| async move {
        let mut latest = store.watch_changes();
        assert_eq!(*latest.borrow_and_update(), 0);
        for (id, n) in [("a", 1), ("b", 2), ("a", 3)] {
            store.put_document("rule", id, &json!(n), Expected::Any).await.unwrap();
        }
        let seen = *latest.borrow_and_update();
        let changes = store.changes_since(0, 10).await.unwrap();
        assert_eq!(changes.last().map(|c| c.seq), Some(seen));
        assert_eq!(changes.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);

        store.delete_document("rule", "b", Expected::Any).await.unwrap();
        latest.changed().await.unwrap();
        let after = store.changes_since(seen, 10).await.unwrap();
        assert_eq!(
            after,
            [Change {
                seq: seen + 1,
                kind: "rule".into(),
                id: "b".into(),
                deleted: true
            }]
        );
        assert_eq!(store.changes_since(0, 1).await.unwrap().len(), 1);
        assert!(store.changes_since(seen + 1, 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_all_count_and_never_share_a_version() {
    on_both(|store| async move {
        let writers = (0..32).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .put_document("rule", &format!("{}", n % 4), &json!(n), Expected::Any)
                    .await
            })
        });
        let mut versions = HashSet::new();
        for writer in writers.collect::<Vec<_>>() {
            versions.insert(writer.await.unwrap().unwrap());
        }
        assert_eq!(versions, (1..=32).collect());
        assert_eq!(*store.watch_changes().borrow(), 32);
    })
    .await;
}
