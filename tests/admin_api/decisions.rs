//! The decision records of every tenant, as who runs the gateway sees them.

use mosaic_actors::decision::Explained;
use serde_json::{Value, json};

use crate::stage::{Stage, two_at, upstream};

fn records(view: &Value) -> &Vec<Value> {
    view["decisions"].as_array().expect("records")
}

#[tokio::test]
async fn the_last_decisions_are_shown_and_each_by_its_id_with_the_rules_in_words() {
    let (_upstream, url) = upstream().await;
    let routes = "[[routes]]\nresource = \"client-*\"\nproviders = [\"a\"]\n\
                  [[routes]]\nresource = \"acme/*\"\nproviders = [\"b\", \"a\"]\n";
    let stage = Stage::of(&format!("{}\n{routes}", two_at(&url))).await;
    assert_eq!(stage.get("/decisions/first").await.0, 404);
    for id in ["first", "second"] {
        let call = stage
            .ask("/v1/git/repos/acme%2Fapi?no_cache=true")
            .header("x-request-id", id);
        assert_eq!(
            call.send().await.expect("an answer").status(),
            404,
            "the provider has none"
        );
    }
    let all = stage.view("/decisions").await;
    let ids: Vec<&str> = records(&all).iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, ["second", "first"], "the newest first");
    assert_eq!(records(&stage.view("/decisions?limit=1").await).len(), 1);
    assert_eq!(records(&stage.view("/decisions?tenant=local").await).len(), 2);
    assert!(records(&stage.view("/decisions?tenant=acme").await).is_empty());

    let one = &stage.view("/decisions/first").await["decisions"][0];
    assert_eq!(one["route"]["words"], "resource acme/*");
    assert_eq!(one["route"]["rules"][0]["words"], "resource client-*", "{one}");
    assert_eq!(one["route"]["rules"][0]["result"], "resource");
    let read: Explained = serde_json::from_value(one.clone()).expect("a record");
    assert_eq!((read.route.rule, read.attempts.len()), (Some(1), 1));

    let counts = &stage.view("/status").await["decisions"];
    assert_eq!((&counts["kept"], &counts["total"]), (&json!(2), &json!(8_192)));
    for (path, field) in [("/decisions?limit=0", "limit"), ("/decisions?tenants=a", "tenants")] {
        let (status, problem) = stage.get(path).await;
        assert_eq!((status, &problem["field"]), (400, &json!(field)), "{path}");
    }
    stage.stop().await;
}

#[tokio::test]
async fn the_configuration_says_how_many_are_kept() {
    let (_upstream, url) = upstream().await;
    let stage = Stage::of(&format!("{}\n[explain]\nkept = 2\nunder_way = 3\n", two_at(&url))).await;
    for id in ["first", "second", "third"] {
        let call = stage
            .ask("/v1/git/repos/a~acme%2Fapi?no_cache=true")
            .header("x-request-id", id);
        call.send().await.expect("an answer");
    }
    let all = stage.view("/decisions").await;
    let ids: Vec<&str> = records(&all).iter().filter_map(|one| one["id"].as_str()).collect();
    assert_eq!(ids, ["third", "second"]);
    assert_eq!(stage.view("/status").await["decisions"]["total"], 5);
    stage.stop().await;
}
