//! Events: kept once, in order, until they are forgotten.
//!
//! Invariant: as in the crate.

use mosaic::stores::{Appended, Delivered, Span};

use super::*;

fn delivered(names: &[&str], bodies: &[&str], second: i64) -> Delivered {
    Delivered {
        provider: Arc::from("forge"),
        names: names.iter().map(ToString::to_string).collect(),
        at: at(second),
        bodies: bodies.iter().map(ToString::to_string).collect(),
    }
}

fn span(oldest: Option<i64>, latest: i64) -> Span {
    Span { oldest, latest }
}

#[tokio::test]
async fn a_delivery_is_kept_once_under_each_of_its_names() {
    on_both(|store| async move {
        assert_eq!(store.event_span().await.unwrap(), span(None, 0));
        let first = [delivered(&["a", "x"], &["1", "2"], 0), delivered(&["b"], &["3"], 1)];
        let kept = store.append_events(&first).await.unwrap();
        assert_eq!(kept, [Appended::Kept(Some(2)), Appended::Kept(Some(3))]);
        // In one batch too.
        let again = [
            delivered(&["a"], &["4"], 2),
            delivered(&["y", "x"], &["5"], 2),
            delivered(&["c"], &["6"], 2),
            delivered(&["c"], &["7"], 2),
            delivered(&["d"], &[], 2),
        ];
        let kept = store.append_events(&again).await.unwrap();
        use Appended::{Kept, Repeated};
        assert_eq!(kept, [Repeated, Repeated, Kept(Some(4)), Repeated, Kept(None)]);
        // What was repeated has left nothing: its other name is nobody's.
        let fresh = store.append_events(&[delivered(&["y"], &[], 2)]).await.unwrap();
        assert_eq!(fresh, [Kept(None)]);
        let other = Delivered {
            provider: Arc::from("another"),
            ..delivered(&["a"], &["8"], 3)
        };
        assert_eq!(store.append_events(&[other]).await.unwrap(), [Kept(Some(5))]);
        let read = |after, limit| {
            let store = store.clone();
            async move {
                let rows = store.list_events(after, limit).await.unwrap();
                rows.into_iter().map(|row| (row.seq, row.body)).collect::<Vec<_>>()
            }
        };
        let row = |seq: i64, body: &str| (seq, body.to_owned());
        assert_eq!(read(0, 2).await, [row(1, "1"), row(2, "2")]);
        assert_eq!(read(3, 9).await, [row(4, "6"), row(5, "8")]);
        assert_eq!(store.event_span().await.unwrap(), span(Some(1), 5));
    })
    .await;
}

#[tokio::test]
async fn what_is_forgotten_may_come_again_and_numbers_go_on() {
    on_both(|store| async move {
        let all = [delivered(&["a"], &["1"], 0), delivered(&["b"], &["2"], 10)];
        store.append_events(&all).await.unwrap();
        assert_eq!(store.expire_events(at(0), 100).await.unwrap(), 0);
        assert_eq!(store.expire_events(at(5), 100).await.unwrap(), 2);
        assert_eq!(store.event_span().await.unwrap(), span(Some(2), 2));
        assert_eq!(store.expire_events(at(50), 100).await.unwrap(), 2);
        assert_eq!(store.event_span().await.unwrap(), span(None, 2));
        let again = store.append_events(&all[..1]).await.unwrap();
        assert_eq!(again, [Appended::Kept(Some(3))]);
    })
    .await;
}

#[tokio::test]
async fn what_is_unsound_is_refused_with_all_that_came_beside_it() {
    on_both(|store| async move {
        let long = "x".repeat(MAX_DOCUMENT_BYTES + 1);
        for wrong in [
            delivered(&[""], &["1"], 0),
            delivered(&["a\n"], &["1"], 0),
            delivered(&["a"], &[&long], 0),
        ] {
            let batch = [delivered(&["good"], &["1"], 0), wrong];
            assert!(store.append_events(&batch).await.is_err());
        }
        assert_eq!(store.event_span().await.unwrap(), span(None, 0));
    })
    .await;
}

#[tokio::test]
async fn a_file_of_an_earlier_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = open(&path, None).await;
    store.append_audit(&entry("a", 1)).await.unwrap();
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in [
        "DROP TABLE events",
        "DROP TABLE deliveries",
        "DROP TABLE owners",
        "DELETE FROM _sqlx_migrations WHERE version > 1",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
    let store = open(&path, None).await;
    assert_eq!(store.list_audit(None, None, 9).await.unwrap().len(), 1);
    let kept = store.append_events(&[delivered(&["a"], &["1"], 0)]).await.unwrap();
    assert_eq!(kept, [Appended::Kept(Some(1))]);
    store.close().await;
}
