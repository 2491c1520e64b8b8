//! The official conformance suite: its scenarios that need no server made for it alone.
//!
//! The others ask for tools, resources and prompts of the suite's own, by name, or for what we do not offer (logging,
//! sampling, elicitation, subscriptions, tasks, skills).
//!
//! Invariant: what a scenario complains of fails the test, save that the suite misses a tool of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use crate::harness::{Setup, Stage, tools};

/// Scenarios, and the revisions that each is run by.
const SCENARIOS: [(&str, &[&str]); 15] = [
    ("server-initialize", &["2025-06-18", "2025-11-25"]),
    ("server-session-lifecycle", &["2025-03-26", "2025-06-18", "2025-11-25"]),
    ("server-stateless", &["2026-07-28"]),
    ("server-sse-polling", &["2025-11-25"]),
    ("server-sse-multiple-streams", &["2025-11-25", "2026-07-28"]),
    ("ping", &["2025-06-18", "2025-11-25"]),
    ("completion-complete", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("tools-list", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("resources-list", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("prompts-list", &["2025-06-18", "2025-11-25", "2026-07-28"]),
    ("sep-2164-resource-not-found", &["2026-07-28"]),
    ("dns-rebinding-protection", &["2025-11-25", "2026-07-28"]),
    ("caching", &["2026-07-28"]),
    ("http-header-validation", &["2026-07-28"]),
    ("input-required-result-unsupported-methods", &["2026-07-28"]),
];
/// How many are run at a time: each is a program of its own.
const AT_A_TIME: usize = 2;
/// What the suite says where it misses a tool of its own.
const NOT_OURS: &str = "Not testable: server does not list the diagnostic tool";

/// One scenario of one revision.
struct Run {
    scenario: &'static str,
    revision: &'static str,
}

impl Run {
    /// Runs it, and tells what it complains of.
    fn complaints(&self, suite: &Path, url: &str, folder: &Path) -> Vec<String> {
        let folder = folder.join(format!("{}-{}", self.scenario, self.revision));
        std::fs::create_dir(&folder).expect("the folder is ours");
        let globs = format!("{}/tests/mcp/globs.mjs", env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new("node");
        command.arg("--import").arg(globs).arg(suite);
        command.args(["server", "--url", url, "--scenario", self.scenario]);
        command.args(["--spec-version", self.revision, "--output-dir", "."]);
        command.env("NO_PROXY", "127.0.0.1,localhost").current_dir(&folder);
        let output = command.output().expect("it starts");
        let checks = checks(&folder);
        let named = |check: &Value| format!("{} {}: {check}", self.scenario, self.revision);
        if checks.is_empty() {
            let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            return vec![format!("{} {}: no checks\n{out}\n{err}", self.scenario, self.revision)];
        }
        assert!(
            checks.iter().any(|check| check["status"] == "SUCCESS"),
            "{}: {checks:?}",
            self.scenario
        );
        let failed = |check: &&Value| {
            let why = check["errorMessage"].as_str().unwrap_or_default();
            check["status"] == "FAILURE" && !why.starts_with(NOT_OURS)
        };
        checks.iter().filter(failed).map(named).collect()
    }
}

/// The checks that a run has written below a folder.
fn checks(folder: &Path) -> Vec<Value> {
    let below = std::fs::read_dir(folder).expect("the folder is ours");
    let files = below.map(|entry| entry.expect("an entry").path().join("checks.json"));
    let read = |file: PathBuf| -> Vec<Value> {
        let text = std::fs::read(file).expect("a file of checks");
        serde_json::from_slice(&text).expect("JSON")
    };
    files.flat_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_has_no_complaint() {
    let Some(programs) = tools::tool("MOSAIC_NODE_TOOLS") else {
        return;
    };
    let packages = programs.parent().expect("a folder");
    let suite = packages.join("@modelcontextprotocol/conformance/dist/index.js");
    // It shows no key.
    let stage = Stage::open(Setup::default()).await;
    let url = format!("http://localhost:{}/mcp", stage.gateway.public.port());
    let runs = SCENARIOS.into_iter().flat_map(|(scenario, revisions)| {
        let of = move |revision: &&'static str| Run { scenario, revision };
        revisions.iter().map(of)
    });
    let folder = stage.gateway.folder.path();
    let complaints = stream::iter(runs)
        .map(|run| {
            let (suite, url, folder) = (suite.clone(), url.clone(), folder.to_owned());
            tokio::task::spawn_blocking(move || run.complaints(&suite, &url, &folder))
        })
        .buffer_unordered(AT_A_TIME)
        .map(|told| told.expect("no panic"))
        .concat()
        .await;
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
    stage.close().await;
}
