//! Whose the things are that providers keep.

use mosaic::stores::{Owned, Ownership};

use super::*;

fn thing(native: &str) -> Owned {
    Owned {
        instance: "oai".to_owned(),
        native: native.to_owned(),
    }
}

fn owned(things: &[&str], tenant: &str, until: Option<Timestamp>) -> Ownership {
    Ownership {
        things: things.iter().map(|native| thing(native)).collect(),
        tenant: tenant.to_owned(),
        until,
    }
}

async fn tenants(store: &dyn StateStore, natives: &[&str], now: i64) -> Vec<(String, String)> {
    let mut rows: Vec<_> = store
        .owners(natives, at(now))
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.thing.native, row.tenant))
        .collect();
    rows.sort();
    rows
}

#[tokio::test]
async fn the_first_owner_stays_it_until_the_time_is_over() {
    on_both(|store| async move {
        store.own(&owned(&["a", "b"], "acme", None)).await.unwrap();
        store.own(&owned(&["b", "c"], "beta", Some(at(10)))).await.unwrap();
        let told = |rows: &[(&str, &str)]| -> Vec<(String, String)> {
            let row = |(native, tenant): &(&str, &str)| ((*native).to_owned(), (*tenant).to_owned());
            rows.iter().map(row).collect()
        };
        let all = ["a", "b", "c", "d'; DROP TABLE owners; --"];
        let at_first = tenants(&*store, &all, 9).await;
        assert_eq!(at_first, told(&[("a", "acme"), ("b", "acme"), ("c", "beta")]));
        assert_eq!(tenants(&*store, &all, 10).await, told(&[("a", "acme"), ("b", "acme")]));
        assert_eq!(store.expire(at(9), 10).await.unwrap(), 0);
        assert_eq!(store.expire(at(10), 10).await.unwrap(), 1);
        // Its place is free again.
        store.own(&owned(&["c"], "acme", None)).await.unwrap();
        assert_eq!(tenants(&*store, &["c"], 99).await, told(&[("c", "acme")]));
        // What is there no more is nobody's, and may be another's later.
        store.disown(&[thing("c"), thing("none")]).await.unwrap();
        assert!(tenants(&*store, &["c"], 99).await.is_empty());
        // The same id at another instance is another thing.
        let mut other = owned(&["a"], "beta", None);
        other.things[0].instance = "other".to_owned();
        store.own(&other).await.unwrap();
        assert_eq!(tenants(&*store, &["a"], 0).await, told(&[("a", "acme"), ("a", "beta")]));
    })
    .await;
}

#[tokio::test]
async fn what_is_too_much_or_has_no_name_is_refused_whole() {
    on_both(|store| async move {
        let many: Vec<String> = (0..=MAX_PAGE).map(|at| at.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let refused = store.own(&owned(&many, "acme", None)).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
        let refused = store.owners(&many, at(0)).await;
        assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
        let refused = store.own(&owned(&["a", ""], "acme", None)).await;
        assert!(matches!(refused, Err(StoreError::BadName { .. })), "{refused:?}");
        assert!(store.owners(&["a", "0"], at(0)).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn one_of_many_that_write_at_once_is_the_owner() {
    on_both(|store| async move {
        let writers = (0..16).map(|at| {
            let store = store.clone();
            tokio::spawn(async move {
                let tenant = format!("t{at}");
                store.own(&owned(&["x"], &tenant, None)).await.unwrap();
                let rows = store.owners(&["x"], super::at(0)).await.unwrap();
                rows[0].tenant.clone()
            })
        });
        let seen = futures_util::future::join_all(writers).await;
        let seen: HashSet<String> = seen.into_iter().map(Result::unwrap).collect();
        assert_eq!(seen.len(), 1, "{seen:?}");
    })
    .await;
}
