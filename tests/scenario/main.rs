//! One story at every provider that can do its steps, through the program: the same calls give the same neutral answers.
//!
//! Invariant: providers differ in what they lack, never in what they mean.

mod ci;
mod forge;
#[path = "../harness/mod.rs"]
mod harness;
mod story;

use ci::Place;
use harness::Gateway;
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use story::{Story, assert_same};

/// The forges.
const FORGES: [&str; 3] = ["github", "gitea", "gitlab"];

/// The CI systems.
const SYSTEMS: [Place; 4] = [
    actions("github"),
    actions("gitea"),
    Place {
        kind: "jenkins",
        project: "deploy",
        folder: "team/backend",
        pipeline: None,
        branch: None,
        step: None,
    },
    Place {
        kind: "woodpecker",
        project: "acme/api",
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
        folder: "acme/api",
        pipeline: Some("ci.yml"),
        branch: Some("main"),
        step: Some("test"),
    }
}

/// One server of each vendor, and the program before them.
async fn stage(vendors: &[&str]) -> (Sandbox, Gateway) {
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
    let config = harness::configuration(&sandbox, &harness::Setup::default());
    let gateway = Gateway::serve(&config, harness::credentials(&sandbox, &harness::Setup::default())).await;
    (sandbox, gateway)
}

async fn close((sandbox, gateway): (Sandbox, Gateway)) {
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_travels_alike_at_every_forge() {
    let stage = stage(&FORGES).await;
    let mut told: Vec<Story<'_>> = vec![];
    for vendor in FORGES {
        let mut story = Story::at(&stage.1, &format!("{vendor}-one"));
        forge::travel(&mut story).await;
        if let Some(first) = told.first() {
            assert_same(first, &story);
            assert!(
                first.told.len().abs_diff(story.told.len()) <= 1,
                "all steps, but for what is there no more"
            );
        }
        told.push(story);
    }
    drop(told);
    close(stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_go_alike_at_every_system() {
    let stage = stage(&SYSTEMS.map(|place| place.kind)).await;
    let mut told: Vec<Story<'_>> = vec![];
    for place in SYSTEMS {
        let mut story = Story::at(&stage.1, &format!("{}-one", place.kind));
        ci::work(&mut story, &place).await;
        told.iter().for_each(|other| assert_same(other, &story));
        told.push(story);
    }
    drop(told);
    close(stage).await;
}
