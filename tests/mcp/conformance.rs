//! The official conformance suite: its scenarios that need no server made for it alone.
//!
//! The others ask for tools, resources and prompts of the suite's own, by name, or for what we do not offer (logging,
//! sampling, elicitation, subscriptions, tasks, skills).

use std::process::Command;

use crate::harness::{Setup, Stage, tools};

/// Scenarios, and the revisions that each is run by.
const SCENARIOS: [(&str, &[&str]); 11] = [
    ("server-initialize", &["2025-06-18", "2025-11-25"]),
    ("server-session-lifecycle", &["2025-03-26", "2025-06-18", "2025-11-25"]),
    ("server-stateless", &["2026-07-28"]),
    ("ping", &["2025-06-18", "2025-11-25"]),
    ("tools-list", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("resources-list", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("prompts-list", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("sep-2164-resource-not-found", &["2026-07-28"]),
    ("dns-rebinding-protection", &["2025-11-25", "2026-07-28"]),
    ("caching", &["2026-07-28"]),
    ("http-header-validation", &["2026-07-28"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_has_no_complaint() {
    let Some(programs) = tools::tool("MOSAIC_NODE_TOOLS") else {
        return;
    };
    let suite = programs
        .parent()
        .expect("a folder")
        .join("@modelcontextprotocol/conformance/dist/index.js");
    let globs = format!("{}/tests/mcp/globs.mjs", env!("CARGO_MANIFEST_DIR"));
    // It shows no key.
    let stage = Stage::open(Setup::default()).await;
    let url = format!("http://localhost:{}/mcp", stage.gateway.public.port());
    let mut complaints = Vec::new();
    for (scenario, revisions) in SCENARIOS {
        for revision in revisions {
            let mut command = Command::new("node");
            command.arg("--import").arg(&globs).arg(&suite);
            command.args([
                "server",
                "--url",
                &url,
                "--scenario",
                scenario,
                "--spec-version",
                revision,
            ]);
            command.env("NO_PROXY", "127.0.0.1,localhost");
            command.current_dir(stage.gateway.folder.path());
            let ended = tokio::task::spawn_blocking(move || command.output());
            let output = ended.await.expect("no panic").expect("it starts");
            if !output.status.success() {
                let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
                complaints.push(format!("{scenario} {revision}\n{out}\n{err}"));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    stage.close().await;
}
