//! The official client SDKs, of the newest revision and of the older ones, over both transports.
//!
//! Invariant: what a script asks, it checks; and it says so when it has come to its end.

use crate::harness::{Stage, tools};
use crate::stage::{KEY, hangs, idle, open};

/// Runs a script of this folder by Node, to a good end. Without Node's packages the test says that it did not run.
async fn drive(stage: &Stage, script: &str) {
    let Some(node) = tools::node() else { return };
    let key = stage.gateway.folder.path().join("key");
    std::fs::write(&key, KEY).expect("the folder is ours");
    let mut command = node;
    command
        .arg(format!("{}/tests/mcp/{script}", env!("CARGO_MANIFEST_DIR")))
        .env("URL", format!("http://{}", stage.gateway.public))
        .env("KEY", KEY)
        .env("KEY_FILE", key)
        .env("MOSAIC", env!("CARGO_BIN_EXE_mosaic"))
        .env("CONFIG", stage.gateway.config())
        .env("NO_PROXY", "127.0.0.1,localhost")
        .envs(stage.gateway.env().iter().cloned());
    let ended = tokio::task::spawn_blocking(move || command.output());
    let output = ended.await.expect("no panic").expect("it starts");
    let texts = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(
        output.status.success(),
        "{script}: {}\n{}\n{}",
        output.status,
        texts[0],
        texts[1]
    );
    assert!(texts[0].contains("all done"), "{script}: {}", texts[0]);
}

async fn talked(script: &str) {
    let stage = open("").await;
    hangs(&stage, "bookstack-b");
    drive(&stage, script).await;
    // What the clients gave up has ended.
    idle(&stage).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_the_newest_revision_finds_all_it_asks_for() {
    talked("newest.cjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_older_revisions_finds_all_it_asks_for() {
    talked("older.cjs").await;
}
