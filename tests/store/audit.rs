//! The audit, and the bounds of all that is kept.
//!
//! Invariant: as in the crate.

use super::*;

#[tokio::test]
async fn the_audit_is_read_backwards_by_tenant() {
    on_both(|store| async move {
        for (tenant, n) in [("a", 1), ("b", 2), ("a", 3), ("", 4)] {
            assert_eq!(store.append_audit(&entry(tenant, n)).await.unwrap(), n);
        }
        let read = |tenant: Option<&'static str>, before, limit| {
            let store = store.clone();
            async move { store.list_audit(tenant, before, limit).await.unwrap() }
        };
        let all = read(None, None, 10).await;
        assert_eq!(all.iter().map(|r| r.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
        assert_eq!(all[1].entry, entry("a", 3));
        assert_eq!(read(Some("a"), None, 10).await.len(), 2);
        assert_eq!(read(Some("a"), Some(3), 10).await[0].seq, 1);
        assert_eq!(
            read(None, Some(4), 2).await.iter().map(|r| r.seq).collect::<Vec<_>>(),
            [3, 2]
        );
    })
    .await;
}

#[tokio::test]
async fn bounds_are_kept() {
    on_both(|store| async move {
        let long = json!("x".repeat(MAX_DOCUMENT_BYTES));
        let refused = store.put_document("rule", "a", &long, Expected::Any).await.unwrap_err();
        assert!(matches!(refused, StoreError::TooLarge { what: "document", .. }));
        for name in ["", "a\nb", "a\0"] {
            assert!(matches!(
                store.put_document("rule", name, &json!(1), Expected::Any).await,
                Err(StoreError::BadName { .. })
            ));
            assert!(store.begin(call(name, "f"), at(0)).await.is_err());
            assert!(store.put_credential(name, &Secret::new("x")).await.is_err());
        }
        let name = "n".repeat(513);
        assert!(matches!(
            store.put_credential(&name, &Secret::new("x")).await,
            Err(StoreError::TooLarge { .. })
        ));
        let credential = Secret::new("x".repeat(65 << 10));
        assert!(matches!(
            store.put_credential("n", &credential).await,
            Err(StoreError::TooLarge { .. })
        ));
        for n in 0..=MAX_PAGE {
            store.append_audit(&entry("acme", i64::from(n))).await.unwrap();
        }
        assert_eq!(
            store.list_audit(None, None, u32::MAX).await.unwrap().len(),
            MAX_PAGE as usize
        );
    })
    .await;
}
