//! The sandboxes, driven by client libraries of other hands: a reading of ours is not its own judge.
//!
//! Invariant: a script talks to its sandbox alone, and what the library cannot read fails the test.

#[path = "../harness/tools.rs"]
mod tools;

use std::process::Command;

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};

const TOKEN: &str = "sandbox-one";

/// Runs a script of this folder by a program that is there, which is told the address and the credential of a fresh sandbox.
async fn drive(command: Option<Command>, script: &str, vendor: &str) {
    let Some(command) = command else { return };
    let servers = vec![ServerConfig::new("one", vendor, TOKEN)];
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("a free port");
    tools::drive(
        command,
        &format!("clients/{script}"),
        sandbox.servers()[0].base_url(),
        TOKEN,
    )
    .await;
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pygithub_finds_a_github() {
    drive(tools::python(), "pygithub.py", "github").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_gitlab_finds_a_gitlab() {
    drive(tools::python(), "pygitlab.py", "gitlab").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_jenkins_finds_a_jenkins() {
    drive(tools::python(), "python_jenkins.py", "jenkins").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_finds_a_github() {
    drive(tools::node(), "octokit.cjs", "github").await;
}
