//! Foreign tools that `tests/run` provides.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the Python that has the clients.
const PYTHON: &str = "MOSAIC_PYTHON";
/// Names the folder of programs in Node's packages.
const NODE_TOOLS: &str = "MOSAIC_NODE_TOOLS";
/// Names a Chromium.
const CHROMIUM: &str = "MOSAIC_CHROMIUM";

/// The path in the variable `name`. Without it a test cannot run: it says so, and under CI it fails.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name).map(PathBuf::from);
    if path.is_none() {
        let message = format!("{name} is not set: this test did NOT run; tests/run sets it");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
        // Not `eprintln`, whose output is kept from those who look at a test that passed.
        writeln!(std::io::stderr(), "{message}").expect("stderr is open");
    }
    path
}

/// The Python that has the clients.
pub fn python() -> Option<Command> {
    tool(PYTHON).map(Command::new)
}

/// Node, where it finds the packages.
pub fn node() -> Option<Command> {
    let tools = tool(NODE_TOOLS)?;
    let mut node = Command::new("node");
    node.env("NODE_PATH", tools.parent().expect("the programs lie in the packages"));
    Some(node)
}

/// Node, where scripts have a browser, which `browser.cjs` beside this file starts.
pub fn browser() -> Option<Command> {
    let (Some(_), Some(node)) = (tool(CHROMIUM), node()) else {
        return None;
    };
    Some(node)
}

/// Runs a script below `tests`, which is told where its server is and a credential, to a good end.
pub async fn drive(mut command: Command, script: &str, base: &str, credential: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    command
        .arg(path)
        .args([base, credential])
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
}
