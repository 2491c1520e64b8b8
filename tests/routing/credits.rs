//! Credits through crashes and between processes: never more is spent than there is.

use std::sync::Arc;

use mosaic::stores::{SqliteOptions, SqliteStore, StateStore, StoredCredits};
use mosaic_actors::credits::{Account, CreditStore};
use serde_json::{Value, json};

use crate::harness::{Gateway, Setup, Stage, soon};

/// Of a period that lasts.
const CREDITS: u64 = 40;

async fn credits(gateway: &Gateway) -> Value {
    let all = gateway.admin("/admin/v1/credits").await.ok();
    let found = all["credits"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|row| row["provider"] == "github-a");
    found.unwrap_or_else(|| panic!("{all}")).clone()
}

/// Asks until it is refused, or as often as told; how many were answered.
async fn spend(gateway: &Gateway, most: u64) -> u64 {
    let url = format!("http://{}/v1/git/repos/acme/api?no_cache=true", gateway.public);
    for done in 0..most {
        let reply = gateway.client.get(&url).await;
        if reply.status != 200 {
            assert_eq!(reply.refused(402), "budget_exhausted");
            return done;
        }
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_before_a_kill_stays_spent() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let setup = Setup {
        tables: format!(
            "[[routes]]\npriority = 1\noperation = \"git.repo.get\"\nproviders = [\"github-a\"]\n\
             [providers.github-a.credits]\nunit = \"calls\"\namount = {CREDITS}\nperiod = \"8784h\"\nhard = true\n\
             [state]\npath = \"{}\"\n",
            folder.path().join("state.db").display()
        ),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let first = spend(&stage.gateway, 15).await;
    assert_eq!(first, 15);
    let row = credits(&stage.gateway).await;
    assert_eq!(
        (&row["unit"], &row["amount"], &row["hard"]),
        (&json!("calls"), &json!(CREDITS), &json!(true))
    );
    assert_eq!(row["spent"], json!(15));
    let leased = row["leased"].as_u64().expect("a number");
    assert!(leased <= 3 * (CREDITS / 20), "{row}");
    let table = stage.gateway.cli(&["credits"]);
    assert!(
        table.ok().contains("github-a") && table.stdout.contains("calls"),
        "{table:?}"
    );
    stage.gateway.program.signal("KILL");
    stage.gateway.program.ended();

    let text = std::fs::read_to_string(stage.gateway.config()).expect("it is there");
    let next = Gateway::serve(&text, stage.gateway.env().to_vec()).await;
    let second = spend(&next, CREDITS).await;
    let asked = stage.server("github-a").requests().total;
    assert_eq!(asked, first + second);
    assert!(asked <= CREDITS, "{asked}");
    // What was leased and not spent is lost with the process: a few leases, each a twentieth at most.
    assert!(asked >= CREDITS - 3 * (CREDITS / 20), "{asked}");
    let row = soon("the credits are spent", async || {
        let row = credits(&next).await;
        (row["left"] == json!(0)).then_some(row)
    })
    .await;
    assert_eq!(row["spent"], json!(second));
    // In order it ends, and the rest stays spent as well.
    next.program.signal("TERM");
    next.program.ended().ok();
    let last = Gateway::serve(&text, stage.gateway.env().to_vec()).await;
    assert_eq!(spend(&last, 3).await, 0);
    last.program.signal("TERM");
    last.program.ended().ok();
    stage.sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_handles_on_one_file_grant_no_more_than_there_is() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("state.db");
    let mut stores: Vec<Arc<dyn StateStore>> = Vec::new();
    for _ in 0..2 {
        let store = SqliteStore::open(&path, None, SqliteOptions::default()).await;
        stores.push(Arc::new(store.expect("the folder is ours")));
    }
    let account = || Account {
        provider: Arc::from("cloud"),
        calls: true,
        begins: 0,
        ends: 100,
    };
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let credits = Arc::new(StoredCredits::new(stores[task % 2].clone()));
            tokio::spawn(async move {
                let mut kept = 0;
                for round in 0..15u64 {
                    let lease = credits
                        .clone()
                        .lease(account(), 100, 3)
                        .await
                        .expect("the store is there");
                    kept += lease.granted;
                    // Some give a part back, which others may have then.
                    if round % 5 == 4 && lease.granted > 0 {
                        credits
                            .clone()
                            .give_back(account(), 1)
                            .await
                            .expect("the store is there");
                        kept -= 1;
                    }
                }
                kept
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += task.await.expect("it does not panic");
    }
    let left = Arc::new(StoredCredits::new(stores[0].clone()))
        .lease(account(), 100, 100)
        .await;
    assert_eq!(kept + left.expect("the store is there").granted, 100);
    for store in stores {
        store.close().await;
    }
}
