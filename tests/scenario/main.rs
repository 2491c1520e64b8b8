//! One story at every provider that can do its steps, through the program: the same calls give the same neutral answers.
//!
//! Invariant: providers differ in what they lack, never in what they mean.

mod ci;
mod forge;
#[path = "../harness/mod.rs"]
mod harness;
mod story;
mod tracker;

use std::collections::BTreeSet;
use std::sync::Arc;

use ci::Place;
use futures_util::future::BoxFuture;
use harness::Gateway;
use mosaic::catalogue::OPERATIONS;
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use story::{Story, Way, assert_same};

/// The forges.
const FORGES: [&str; 3] = ["github", "gitea", "gitlab"];

/// People, and their accounts at each forge.
const PEOPLE: [(&str, &str); 2] = [("ada", "sandbox-user"), ("grace", "sandbox-guest")];

/// The CI systems.
static SYSTEMS: [Place; 4] = [
    actions("github"),
    actions("gitea"),
    Place {
        kind: "jenkins",
        project: "deploy",
        waits: "team/service",
        folder: "team/backend",
        pipeline: None,
        branch: None,
        step: None,
    },
    Place {
        kind: "woodpecker",
        project: "acme/api",
        waits: "acme/api",
        folder: "acme/api",
        pipeline: None,
        branch: Some("develop"),
        step: Some("test"),
    },
];

/// The Actions of a forge.
const fn actions(kind: &'static str) -> Place {
    Place {
        kind,
        project: "acme/api",
        waits: "acme/api",
        folder: "acme/api",
        pipeline: Some("ci.yml"),
        branch: Some("main"),
        step: Some("test"),
    }
}

/// One server of each vendor, and the program before them.
async fn stage(vendors: &[&str]) -> (Sandbox, Arc<Gateway>) {
    let server = |vendor: &&str| {
        let token = format!("token-of-{vendor}");
        // Jenkins' tokens are their user's.
        let token = if *vendor == "jenkins" {
            format!("sandbox-user:{token}")
        } else {
            token
        };
        ServerConfig::new(format!("{vendor}-one"), *vendor, token)
    };
    let servers = vendors.iter().map(server).collect();
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("free ports");
    let mut config = harness::configuration(&sandbox, &harness::Setup::default());
    for (name, account) in PEOPLE {
        config += &format!("\n[directory.{name}]\n");
        let forges = vendors.iter().filter(|vendor| FORGES.contains(vendor));
        config.extend(forges.map(|forge| format!("{forge}-one = \"{account}\"\n")));
    }
    let gateway = Gateway::serve(&config, harness::credentials(&sandbox, &harness::Setup::default())).await;
    (sandbox, Arc::new(gateway))
}

async fn close((sandbox, gateway): (Sandbox, Arc<Gateway>)) {
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
    sandbox.shutdown().await;
}

/// Every operation of the service was asked for at some place.
fn assert_whole(service: &str, told: &[Story]) {
    let asked: BTreeSet<String> = told.iter().flat_map(Story::asked).collect();
    let names = OPERATIONS.iter().map(|entry| entry.name().to_owned());
    let known: BTreeSet<String> = names.filter(|name| name.starts_with(service)).collect();
    assert_eq!(asked, known, "each is called");
}

/// Stories that are told at once, each in a task of its own.
async fn all<F: Future<Output = Story> + Send + 'static>(stories: impl Iterator<Item = F>) -> Vec<Story> {
    let tasks: Vec<_> = stories.map(tokio::spawn).collect();
    let mut told = vec![];
    for task in tasks {
        told.push(task.await.expect("it is told to its end"));
    }
    told
}

/// One story at every forge by REST, and at one by the command line, which must be the same; `name` is its own by the way.
async fn told_alike(
    gateway: &Arc<Gateway>,
    name: &str,
    travel: for<'a> fn(&'a mut Story, &'a str) -> BoxFuture<'a, ()>,
) -> Vec<Story> {
    let ways = FORGES
        .map(|kind| (kind, Way::Rest))
        .into_iter()
        .chain([("github", Way::Cli)]);
    let told = all(ways.map(|(kind, way)| {
        let mut story = Story::at(gateway, kind, way);
        let name = format!("{name}-{way:?}").to_lowercase();
        async move {
            travel(&mut story, &name).await;
            story
        }
    }))
    .await;
    for other in &told[1..] {
        assert_same(&told[0], other);
        assert_eq!(told[0].steps(), other.steps(), "all steps of it");
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_travels_alike_at_every_forge_and_by_every_surface() {
    let stage = stage(&FORGES).await;
    let told = told_alike(&stage.1, "travel", |story, name| Box::pin(forge::travel(story, name))).await;
    assert_whole("git.", &told);
    close(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_go_alike_at_every_system_and_by_every_surface() {
    let stage = stage(&SYSTEMS.each_ref().map(|place| place.kind)).await;
    let gateway = stage.1.clone();
    let tell = |place: &'static Place, way| {
        let mut story = Story::at(&gateway, place.kind, way);
        async move {
            ci::work(&mut story, place).await;
            story
        }
    };
    let mut told = all(SYSTEMS.iter().map(|place| tell(place, Way::Rest))).await;
    // One queue and one list of runs would show each other's to stories that are told at once.
    let again = SYSTEMS
        .iter()
        .filter(|place| ["github", "woodpecker"].contains(&place.kind));
    told.extend(all(again.map(|place| tell(place, Way::Cli))).await);
    for (at, story) in told.iter().enumerate() {
        told[..at].iter().for_each(|other| assert_same(other, story));
    }
    assert_whole("cicd.", &told);
    close(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_travels_alike_at_every_forge_and_by_every_surface() {
    let stage = stage(&FORGES).await;
    let told = told_alike(&stage.1, "issues", |story, name| Box::pin(tracker::travel(story, name))).await;
    let asked: BTreeSet<String> = told.iter().flat_map(Story::asked).collect();
    let names = OPERATIONS.iter().map(|entry| entry.name().to_owned());
    let missing: Vec<_> = names
        .filter(|name| name.starts_with("projects.") && !asked.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    close(stage).await;
}
