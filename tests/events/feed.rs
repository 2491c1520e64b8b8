//! The feed: gone on from, filtered, and for each tenant its own.
//!
//! Invariant: as in the crate.

use crate::harness::{Setup, Stage};
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
    let setup = two_tenants("providers = [\"github-a\"]", "providers = [\"bookstack-a\"]", "");
    let stage = Stage::open(setup).await;
    let gateway = &stage.gateway;
    deliver(gateway, "1", "issues", &issue(1, "closed")).await.ok();
    let page = r#"{"event": "page_update", "triggered_at": "2026-03-01T10:00:00Z", "related_item": {"id": 9}}"#;
    crate::send(gateway, &format!("bookstack-a/{}", crate::PATH), &[], page)
        .await
        .ok();
    gateway.get("/v1/events").await.refused(401);
    // Nobody is told that there is another.
    let others = format!("http://{}/v1/events?provider=bookstack-a", gateway.public);
    gateway.client.get_with(&others, &AS_A).await.refused(400);
    let mut a = Listener::open(gateway, "after=0", &AS_A).await;
    let mut b = Listener::open(gateway, "after=0", &AS_B).await;
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

/// A key for each of two tenants, `a` and `b`, and what their tables say.
fn two_tenants(a: &str, b: &str, more: &str) -> Setup {
    let tables = format!(
        "[keys.a]\nkey = \"env:KEY_A\"\ntenant = \"a\"\n[keys.b]\nkey = \"env:KEY_B\"\ntenant = \"b\"\n\
         [tenants.a]\n{a}\n[tenants.b]\n{b}\n{more}"
    );
    let mut setup = setup(&tables);
    let keys = [("KEY_A", "key-of-tenant-a-0001"), ("KEY_B", "key-of-tenant-b-0001")];
    setup
        .env
        .extend(keys.map(|(name, key)| (name.to_owned(), key.to_owned())));
    setup
}

const AS_A: [(&str, &str); 1] = [("authorization", "Bearer key-of-tenant-a-0001")];
const AS_B: [(&str, &str); 1] = [("authorization", "Bearer key-of-tenant-b-0001")];

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_hears_what_it_could_read() {
    let stage = Stage::open(two_tenants(
        "services = [\"docs\"]",
        "operations = [\"git.pr.get\", \"projects.issue.create\"]",
        "",
    ))
    .await;
    let gateway = &stage.gateway;
    deliver(gateway, "1", "issues", &issue(1, "closed")).await.ok();
    let push = r#"{"ref": "refs/heads/main", "repository": {"full_name": "acme/api"}}"#;
    deliver(gateway, "2", "push", push).await.ok();
    deliver(
        gateway,
        "3",
        "sponsorship",
        r#"{"repository": {"full_name": "acme/api"}}"#,
    )
    .await
    .ok();
    let pull = r#"{"action": "opened", "pull_request": {"number": 9}, "repository": {"full_name": "acme/api"}}"#;
    deliver(gateway, "4", "pull_request", pull).await.ok();
    let page = r#"{"event": "page_update", "triggered_at": "2026-03-01T10:00:00Z", "related_item": {"id": 9}}"#;
    crate::send(gateway, &format!("bookstack-a/{}", crate::PATH), &[], page)
        .await
        .ok();
    let mut a = Listener::open(gateway, "after=0", &AS_A).await;
    let heard = a.next().await.expect("an event");
    assert_eq!((&heard.data["resource"], heard.id), (&"bookstack-a~9".into(), Some(5)));
    let mut b = Listener::open(gateway, "after=0", &AS_B).await;
    let heard = b.next().await.expect("an event");
    assert_eq!((&heard.data["type"], heard.id), (&"git.pr.opened".into(), Some(4)));
    // Each goes on behind what is not for it.
    deliver(gateway, "5", "issues", &issue(2, "closed")).await.ok();
    let pull = pull.replace('9', "10");
    deliver(gateway, "6", "pull_request", &pull).await.ok();
    assert_eq!(b.resource().await, "github-a~acme/api#10");
    let mut again = Listener::open(gateway, "after=5", &AS_B).await;
    assert_eq!(again.resource().await, "github-a~acme/api#10");
    // What is never for it is refused as what there is not.
    for (query, headers) in [("service=git", &AS_A), ("type=projects", &AS_B), ("type=other", &AS_A)] {
        let url = format!("http://{}/v1/events?{query}", gateway.public);
        gateway.client.get_with(&url, headers).await.refused(400);
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_takes_no_more_than_its_share_of_the_seats() {
    let events = "[events]\nmax_listeners = 3\nmax_listeners_per_tenant = 2\n";
    let stage = Stage::open(two_tenants("max_in_flight = 10", "", events)).await;
    let gateway = &stage.gateway;
    let url = format!("http://{}/v1/events", gateway.public);
    let mut own = vec![];
    for _ in 0..2 {
        own.push(Listener::open(gateway, "", &AS_A).await);
    }
    let refused = gateway.client.get_with(&url, &AS_A).await;
    assert_eq!(refused.refused(503), "overloaded");
    assert_eq!(refused.header("retry-after"), "1");
    let _other = Listener::open(gateway, "", &AS_B).await;
    // All are taken now.
    assert_eq!(gateway.client.get_with(&url, &AS_B).await.refused(503), "overloaded");
    // One that goes gives its seat back.
    own.pop();
    crate::harness::soon("a free seat", async || {
        let answer = gateway.client.0.get(&url).header(AS_A[0].0, AS_A[0].1).send().await;
        (answer.expect("an answer").status() == 200).then_some(())
    })
    .await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_is_let_in_as_a_call_is() {
    let stage = Stage::open(two_tenants("max_in_flight = 1", "rate_per_second = 1\nburst = 1", "")).await;
    let gateway = &stage.gateway;
    let url = |path: &str| format!("http://{}{path}", gateway.public);
    let _there = Listener::open(gateway, "", &AS_A).await;
    let refused = gateway.client.get_with(&url("/v1/events"), &AS_A).await;
    assert_eq!(refused.refused(503), "overloaded");
    assert!(!refused.header("retry-after").is_empty());
    let call = gateway
        .client
        .get_with(&url("/v1/git/repos/github-a~acme/api"), &AS_A)
        .await;
    assert_eq!(call.refused(503), "overloaded");
    // So many at once are more than a second's, however long they take.
    let opened = (0..40).map(|_| {
        gateway
            .client
            .0
            .get(url("/v1/events"))
            .header(AS_B[0].0, AS_B[0].1)
            .send()
    });
    let answers = futures_util::future::join_all(opened).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("an answer")).collect();
    let refused = answers.iter().find(|answer| answer.status() == 429).expect("a refusal");
    assert!(refused.headers().contains_key("retry-after"));
    stage.close().await;
}
