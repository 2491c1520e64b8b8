//! README, run: each of its blocks is cut out of its text and does what it says.
//!
//! Invariant: a block that nothing here runs fails the test, so that none is added unseen. Only parsed are `cargo run … demo`
//! and `tests/run` (they build and run all that runs this), Prism's installation (`tests/prism.rs` does it, with the tools
//! that `tests/run` installed), and the pictures.

#[path = "../harness/mod.rs"]
mod harness;

mod commands;
mod embedding;
mod pages;
mod text;

use text::{Block, blocks};

/// How a block begins, and who runs it.
const BLOCKS: [(&str, &str); 21] = [
    ("cargo run --release -- demo", "pages"),
    ("tests/run", "pages"),
    ("mosaic check --config my.toml", "commands"),
    ("[providers.forge]", "commands"),
    ("[providers.gitea]", "routing"),
    ("[[routes]]", "commands"),
    ("mosaic git repo list --json", "commands"),
    ("mosaic route", "commands"),
    ("curl -N", "commands"),
    ("curl -X", "commands"),
    ("curl http://127.0.0.1:8080/graphql", "commands"),
    ("curl --silent", "commands"),
    ("curl -H", "commands"),
    ("curl -s -X POST", "commands"),
    ("mosaic sandbox", "commands"),
    ("{ \"mcpServers\"", "tests/mcp"),
    ("npm install", "pages, and of its last command: commands"),
    ("use mosaic::", "embedding"),
    ("mosaic = {", "pages"),
    ("caller -> Gateway::call", "a picture"),
    ("root (one_for_one)", "a picture"),
];

/// The one block that begins so.
fn block(head: &str) -> Block {
    let mut found = blocks().into_iter().filter(|block| block.text.starts_with(head));
    let block = found
        .next()
        .unwrap_or_else(|| panic!("README has no block that begins with {head}"));
    assert!(found.next().is_none(), "README has two blocks that begin with {head}");
    block
}

#[test]
fn every_block_is_known() {
    for block in blocks() {
        let known = BLOCKS.iter().any(|(head, _)| block.text.starts_with(head));
        assert!(
            known,
            "line {}: nothing runs this block of README:\n{}",
            block.line, block.text
        );
    }
    for (head, _) in BLOCKS {
        block(head);
    }
}
