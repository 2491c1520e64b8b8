//! Routes that are tried out: a share of the calls, and none of them.

use serde_json::json;

use crate::harness::{Gateway, configuration, credentials, sandbox};
use crate::harness::{Setup, Stage};

/// The stage's own routes are behind this one.
fn stage_with(route: &str) -> Setup {
    Setup {
        tables: format!("[[routes]]\npriority = 1\noperation = \"git.repo.get\"\n{route}\n"),
        ..Setup::default()
    }
}

impl Stage {
    /// Asks for a repository under an id, past the cache; who answered.
    async fn ask(&self, id: usize) -> String {
        let url = format!("http://{}/v1/git/repos/acme/api?no_cache=true", self.gateway.public);
        let id = format!("call-{id}");
        let reply = self.gateway.client.get_with(&url, &[("x-request-id", &id)]).await;
        reply.ok();
        reply.provider().to_owned()
    }

    fn asked_of(&self, name: &str) -> u64 {
        self.server(name).requests().total
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_gets_its_share_and_no_more() {
    let stage = Stage::open(stage_with(
        "providers = [\"github-a\", \"github-b\"]\ncanaries = [{ provider = \"github-b\", percent = 25 }]",
    ))
    .await;
    let mut trials = 0;
    // The ids are the same in each run, and so are the shares.
    for id in 0..200 {
        trials += usize::from(stage.ask(id).await == "github-b");
    }
    assert!((30..=70).contains(&trials), "{trials} of 200");
    assert_eq!(stage.asked_of("github-b"), trials as u64);
    // Asked about again, a call falls the same.
    assert_eq!(stage.ask(3).await, stage.ask(3).await);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_in_shadow_decides_nothing_and_tells_what_it_would_have_changed() {
    let stage = Stage::open(stage_with(
        "name = \"trial\"\nshadow = true\nproviders = [\"github-b\"]\n[[routes]]\npriority = 1\noperation = \"git.repo.get\"\n\
         providers = [\"github-a\"]",
    ))
    .await;
    for id in 0..5 {
        assert_eq!(stage.ask(id).await, "github-a");
    }
    assert_eq!(stage.asked_of("github-b"), 0);
    let shadows = stage.gateway.admin("/admin/v1/shadows").await.ok();
    let [report] = &shadows["shadows"].as_array().expect("a list")[..] else {
        panic!("one route is in shadow: {shadows}");
    };
    assert_eq!(
        (&report["name"], &report["same"], &report["different"]),
        (&json!("trial"), &json!(0), &json!(5))
    );
    assert_eq!(
        (&report["calls"], &report["different_percent"]),
        (&json!(5), &json!(100.0))
    );
    let table = stage.gateway.cli(&["shadows"]);
    assert!(table.ok().contains("trial"), "{table:?}");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_the_call_choose_the_route() {
    let stage = Stage::open(stage_with(
        "labels = { team = \"web*\" }\nselect = { hosting = \"self\" }\n[providers.github-a.labels]\nhosting = \"cloud\"\n\
         [providers.github-b.labels]\nhosting = \"self\"",
    ))
    .await;
    let url = format!("http://{}/v1/git/repos/acme/api?no_cache=true", stage.gateway.public);
    for id in ["a", "b", "c", "d"] {
        let of_team = [("x-mosaic-labels", "team=website"), ("x-request-id", id)];
        let reply = stage.gateway.client.get_with(&url, &of_team).await;
        reply.ok();
        assert_eq!(reply.provider(), "github-b");
    }
    let mut others = Vec::new();
    for id in 0..4 {
        others.push(stage.ask(id).await);
    }
    assert!(others.iter().any(|name| name == "github-a"), "{others:?}");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_call_can_reach_is_told_beforehand() {
    let sandbox = sandbox().await;
    let setup =
        stage_with("providers = [\"github-a\"]\n[[routes]]\noperation = \"git.repo.get\"\nproviders = [\"github-a\"]");
    let (text, env) = (configuration(&sandbox, &setup), credentials(&sandbox, &setup));
    let gateway = Gateway::serve(&text, env).await;
    let checked = gateway.cli(&["check", "--config", &gateway.config()]);
    let told = format!("{}{}", checked.stdout, checked.stderr);
    assert!(
        told.contains("routes[6]") && told.contains("is never used: routes[5]"),
        "{told}"
    );
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
    sandbox.shutdown().await;
}
