//! One story at every provider that can do its steps, through the program: the same calls give the same neutral answers.
//!
//! Invariant: providers differ in what they lack, never in what they mean.

mod forge;
#[path = "../harness/mod.rs"]
mod harness;
mod story;

use harness::Gateway;
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use story::{Story, assert_same};

/// The forges.
const FORGES: [&str; 1] = ["github"];

/// One server of each vendor, and the program before them.
async fn stage(vendors: &[&str]) -> (Sandbox, Gateway) {
    let servers = vendors
        .iter()
        .map(|vendor| ServerConfig::new(format!("{vendor}-one"), *vendor, format!("token-of-{vendor}")));
    let servers = servers.collect();
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("free ports");
    let config = harness::configuration(&sandbox, &harness::Setup::default());
    let gateway = Gateway::serve(&config, harness::credentials(&sandbox, &harness::Setup::default())).await;
    (sandbox, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_travels_alike_at_every_forge() {
    let (sandbox, gateway) = stage(&FORGES).await;
    let mut told = vec![];
    for vendor in FORGES {
        let mut story = Story::at(&gateway, &format!("{vendor}-one"));
        forge::travel(&mut story).await;
        told.push(story);
    }
    for other in &told[1..] {
        assert_same(&told[0], other);
    }
    drop(told);
    gateway.program.signal("TERM");
    gateway.program.ended().ok();
    sandbox.shutdown().await;
}
