//! The feed: gone on from, filtered, and for each tenant its own.
//!
//! Invariant: as in the crate.

use crate::harness::Stage;
use crate::{Listener, deliver, issue, setup, stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_goes_on_where_it_was() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    for number in 1..=5 {
        deliver(gateway, &number.to_string(), "issues", &issue(number, "closed"))
            .await
            .ok();
    }
    let mut first = Listener::open(gateway, "after=0", &[]).await;
    let mut ids = vec![];
    for _ in 0..5 {
        ids.push(first.next().await.and_then(|line| line.id).expect("an id"));
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    let mut again = Listener::open(gateway, "", &[("last-event-id", &ids[2].to_string())]).await;
    assert_eq!(again.next().await.and_then(|line| line.id), Some(ids[3]));
    let mut again = Listener::open(gateway, &format!("after={}", ids[3]), &[]).await;
    assert_eq!(again.next().await.and_then(|line| line.id), Some(ids[4]));
    // From now on where no place is given.
    let mut fresh = Listener::open(gateway, "", &[]).await;
    deliver(gateway, "6", "issues", &issue(6, "closed")).await.ok();
    assert_eq!(fresh.resource().await, "github-a~acme/api#6");
    assert_eq!(first.resource().await, "github-a~acme/api#6");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_what_it_asked_for() {
    let stage = stage().await;
    let gateway = &stage.gateway;
    for (number, action) in [(1, "opened"), (2, "closed"), (3, "closed")] {
        deliver(gateway, &number.to_string(), "issues", &issue(number, action))
            .await
            .ok();
    }
    let push = r#"{"ref": "refs/heads/main", "repository": {"full_name": "acme/api"}}"#;
    deliver(gateway, "push", "push", push).await.ok();
    for (query, first) in [
        ("type=projects.issue.closed", "github-a~acme/api#2"),
        ("service=git", "github-a~acme/api"),
        ("resource=acme/api%233", "github-a~acme/api#3"),
        ("resource=github-a~ACME&type=projects.issue", "github-a~acme/api#1"),
    ] {
        let mut listener = Listener::open(gateway, &format!("after=0&{query}"), &[]).await;
        assert_eq!(listener.resource().await, first, "{query}");
    }
    for wrong in [
        "type=git.prs",
        "colour=1",
        "after=x",
        "service=gits",
        "provider=github-x",
    ] {
        gateway.get(&format!("/v1/events?{wrong}")).await.refused(400);
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_hears_of_what_it_reaches() {
    let tables = "[keys.a]\nkey = \"env:KEY_A\"\ntenant = \"a\"\n[keys.b]\nkey = \"env:KEY_B\"\ntenant = \"b\"\n\
                  [tenants.a]\nproviders = [\"github-a\"]\n[tenants.b]\nproviders = [\"bookstack-a\"]\n";
    let mut setup = setup(tables);
    let keys = [("KEY_A", "key-of-tenant-a-0001"), ("KEY_B", "key-of-tenant-b-0001")];
    setup
        .env
        .extend(keys.map(|(name, key)| (name.to_owned(), key.to_owned())));
    let stage = Stage::open(setup).await;
    let gateway = &stage.gateway;
    deliver(gateway, "1", "issues", &issue(1, "closed")).await.ok();
    let page = r#"{"event": "page_update", "triggered_at": "2026-03-01T10:00:00Z", "related_item": {"id": 9}}"#;
    crate::send(gateway, &format!("bookstack-a/{}", crate::PATH), &[], page)
        .await
        .ok();
    gateway.get("/v1/events").await.refused(401);
    // Nobody is told that there is another.
    let as_a = [("authorization", "Bearer key-of-tenant-a-0001")];
    let others = format!("http://{}/v1/events?provider=bookstack-a", gateway.public);
    gateway.client.get_with(&others, &as_a).await.refused(400);
    let as_b = [("authorization", "Bearer key-of-tenant-b-0001")];
    let mut a = Listener::open(gateway, "after=0", &as_a).await;
    let mut b = Listener::open(gateway, "after=0", &as_b).await;
    assert_eq!(a.resource().await, "github-a~acme/api#1");
    assert_eq!(b.resource().await, "bookstack-a~9");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_end_with_the_gateway_and_hold_it_up_for_nothing() {
    let mut setup = setup("");
    setup.server = "drain_timeout = \"60s\"".to_owned();
    let stage = Stage::open(setup).await;
    let mut listener = Listener::open(&stage.gateway, "after=0", &[]).await;
    let ended = tokio::spawn(async move { listener.next().await.is_none() });
    let ended_well = stage.close().await;
    assert_eq!(ended_well.code, Some(0));
    assert!(ended.await.expect("it ends"));
}
