//! What outlives a kill, and what is refused where there is no room.
//!
//! Invariant: as in the crate.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::harness::process::Program;
use crate::harness::{Gateway, Stage, configuration, credentials, sandbox, soon};
use crate::{Listener, deliver, issue, setup};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_with_a_success_outlives_a_kill() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let state = folder.path().join("state.db");
    let setup = setup(&format!("[state]\npath = \"{}\"\n", state.display()));
    let sandbox = sandbox().await;
    let (text, env) = (configuration(&sandbox, &setup), credentials(&sandbox, &setup));
    let gateway = Gateway::serve(&text, env.clone()).await;
    let kill = async {
        // In the midst of it.
        soon("a first event", async || {
            let metrics = gateway.admin("/metrics").await.text;
            let kept = metrics
                .lines()
                .find(|line| line.contains("deliveries_total{result=\"kept\"}"))?;
            kept.rsplit(' ').next()?.parse::<u64>().ok().filter(|kept| *kept > 20)
        })
        .await;
        gateway.program.signal("KILL");
    };
    let url = format!("http://{}/webhooks/github-a", gateway.public);
    let one = |number: u64| {
        let (client, url) = (gateway.client.0.clone(), url.clone());
        async move {
            let body = issue(number, "closed");
            let request = client
                .post(url)
                .header("x-github-event", "issues")
                .header("x-github-delivery", number.to_string());
            let sent = request
                .header("x-hub-signature-256", crate::signed(&body, crate::SECRET))
                .body(body)
                .send()
                .await;
            sent.is_ok_and(|answer| answer.status() == 200).then_some(number)
        }
    };
    let all = async {
        let mut kept = BTreeSet::new();
        for batch in 0..100 {
            let answers = join_all((0..20).map(|number| one(batch * 20 + number + 1))).await;
            let taken = answers.iter().flatten().count();
            kept.extend(answers.into_iter().flatten());
            if taken < 20 {
                break;
            }
        }
        kept
    };
    let ((), kept) = tokio::join!(kill, all);
    assert!(kept.len() > 20);
    drop(gateway);
    let gateway = Gateway::serve(&text, env).await;
    let mut listener = Listener::open(&gateway, "after=0", &[]).await;
    let mut told = BTreeSet::new();
    while !kept.is_subset(&told) {
        let resource = listener.resource().await;
        let number = resource
            .rsplit('#')
            .next()
            .and_then(|number| number.parse().ok())
            .expect("a number");
        assert!(told.insert(number), "told once: {number}");
    }
    // And is known to have come.
    let first = *kept.first().expect("one");
    let again = deliver(&gateway, &first.to_string(), "issues", &issue(first, "closed")).await;
    assert_eq!(again.ok()["repeated"], true);
    // Under whatever name its bytes come.
    let renamed = deliver(&gateway, "another name", "issues", &issue(first, "closed")).await;
    assert_eq!(renamed.ok()["repeated"], true);
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_a_sender_is_told_when_to_come_again() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let state = folder.path().join("state.db");
    let tables = format!(
        "[events]\nmax_pending = 3\n[state]\npath = \"{}\"\nacquire_timeout = \"1m\"\n",
        state.display()
    );
    let stage = Stage::open(setup(&tables)).await;
    let gateway = &stage.gateway;
    // Nothing can be kept while somebody else writes.
    let mut other = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&state))
        .await
        .expect("opened");
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .expect("locked");
    let four = (1..=4).map(|number| {
        let body = issue(number, "closed");
        async move { deliver(gateway, &number.to_string(), "issues", &body).await }
    });
    let mut answers: FuturesUnordered<_> = four.collect();
    // Whichever of them came last has no room, and is the only one that is answered.
    let refused = answers.next().await.expect("an answer");
    assert_eq!(refused.refused(429), "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    sqlx::query("ROLLBACK").execute(&mut other).await.expect("unlocked");
    let answers: Vec<_> = answers.collect().await;
    assert!(answers.iter().all(|reply| reply.status == 200), "{answers:?}");
    let mut listener = Listener::open(gateway, "after=0", &[]).await;
    for _ in answers {
        listener.resource().await;
    }
    let again = deliver(gateway, "5", "issues", &issue(5, "closed")).await;
    assert_eq!(again.ok()["repeated"], false);
    assert_eq!(listener.resource().await, "github-a~acme/api#5");
    stage.close().await;
}

#[test]
fn secrets_are_there_and_long_or_nothing_starts() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("m.toml");
    let check = |table: &str| {
        std::fs::write(&file, table).expect("ours");
        let env = [
            ("SHORT".to_owned(), "short".to_owned()),
            ("LONG".to_owned(), crate::SECRET.to_owned()),
        ];
        Program::start(&["check", "--config", file.to_str().expect("plain")], &env).ended()
    };
    for (table, path) in [
        (
            "[providers.a]\nkind = \"github\"\n[providers.a.webhook]\nsecret = \"env:SHORT\"\n",
            "providers.a.webhook.secret",
        ),
        (
            "[providers.a]\nkind = \"github\"\n[providers.a.webhook]\nsecret = \"env:NONE\"\n",
            "providers.a.webhook.secret",
        ),
        (
            "[providers.a]\nkind = \"github\"\n[providers.a.webhook]\npath_secret = \"env:LONG\"\n",
            "providers.a.webhook.secret",
        ),
        (
            "[providers.a]\nkind = \"github\"\n[providers.a.webhook]\npoll = [\"a/b\"]\n",
            "providers.a.webhook.poll",
        ),
        (
            "[providers.a]\nkind = \"bookstack\"\nbase_url = \"http://localhost:1\"\n[providers.a.webhook]\nsecret = \"env:LONG\"\n",
            "providers.a.webhook.secret",
        ),
        (
            "[providers.a]\nkind = \"jenkins\"\nbase_url = \"http://localhost:1\"\n[providers.a.webhook]\nsecret = \"env:LONG\"\n",
            "providers.a.webhook.secret",
        ),
        ("[events]\nretention = \"1s\"\n", "events.retention"),
    ] {
        let ended = check(table);
        assert_ne!(ended.code, Some(0), "{table}");
        let told = ended.stdout + &ended.stderr;
        assert!(told.contains(path), "{path}: {told}");
    }
}
