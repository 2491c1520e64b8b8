//! The sandboxes, driven by client libraries of other hands: a reading of ours is not its own judge.
//!
//! Invariant: a script talks to its sandbox alone, and what the library cannot read fails the test.

#[path = "../harness/tools.rs"]
mod tools;

use std::path::Path;
use std::process::Command;

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use tools::tool;

/// Names the Python that has the clients.
const PYTHON: &str = "MOSAIC_PYTHON";
/// Names the folder of programs in Node's packages.
const NODE_TOOLS: &str = "MOSAIC_NODE_TOOLS";
const TOKEN: &str = "sandbox-one";

/// Runs `command` on a script of this folder, which is told the address and the credential of a fresh sandbox.
async fn drive(mut command: Command, script: &str, vendor: &str) {
    let servers = vec![ServerConfig::new("one", vendor, TOKEN)];
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("a free port");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(script);
    command
        .arg(path)
        .args([sandbox.servers()[0].base_url(), TOKEN])
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    let ended = tokio::task::spawn_blocking(move || command.output());
    let output = ended.await.expect("no panic").expect("it starts");
    let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(
        output.status.success(),
        "{script}: {}{}{}",
        output.status,
        texts[0],
        texts[1]
    );
    sandbox.shutdown().await;
}

async fn python(script: &str, vendor: &str) {
    if let Some(python) = tool(PYTHON) {
        drive(Command::new(python), script, vendor).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pygithub_finds_a_github() {
    python("pygithub.py", "github").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_gitlab_finds_a_gitlab() {
    python("pygitlab.py", "gitlab").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_jenkins_finds_a_jenkins() {
    python("python_jenkins.py", "jenkins").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn octokit_finds_a_github() {
    let Some(tools) = tool(NODE_TOOLS) else {
        return;
    };
    let mut node = Command::new("node");
    node.env("NODE_PATH", tools.parent().expect("the programs lie in the packages"));
    drive(node, "octokit.cjs", "github").await;
}
