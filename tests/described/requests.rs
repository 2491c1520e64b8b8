//! Requests that a foreign program makes of our OpenAPI document, sound and unsound ones.
//!
//! Invariant: whatever is asked, the answer is one that the document tells of, and no fault of the gateway.

use std::fs;
use std::process::Command;

use mosaic::catalogue::OPERATIONS;

use crate::harness::tools::tool;
use crate::harness::{Setup, Stage};

/// Names the Python that has schemathesis beside it.
const PYTHON: &str = "MOSAIC_PYTHON";
/// What is looked at in every answer: that it is none of 5xx, and is described by its status, media type, headers and body. Beyond
/// what a client does wrong, two answers are sound: nobody can do that (501), and the time that the request itself names is
/// over (504).
const SOUND: &str = "[checks]\nnot_a_server_error.expected-statuses = [\"2xx\", \"3xx\", \"4xx\", 501, 504]\n";
/// What is not. Sound by a schema is not sound by meaning, and what is deleted is another's to test; and since a path's
/// parameter may hold slashes, a method that one path has not, another one has.
const UNSEEN: [&str; 9] = [
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
    "object_level_authorization",
];

/// OpenAPI 3.1 has no word for a sequence of events: the document calls it a text, and it would be read as one event.
fn configuration() -> String {
    let streams = OPERATIONS.iter().filter(|entry| entry.declaration.facts.streaming);
    let unseen: String = UNSEEN
        .iter()
        .map(|check| format!("{check}.enabled = false\n"))
        .collect();
    streams.fold(SOUND.to_owned() + &unseen, |config, entry| {
        let unread = "checks.response_schema_conformance.enabled = false";
        config
            + &format!(
                "[[operations]]\ninclude-operation-id = \"{}\"\n{unread}\n",
                entry.name()
            )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_one_that_the_document_tells_of() {
    let Some(python) = tool(PYTHON) else {
        return;
    };
    let is_full = std::env::var("MOSAIC_TEST_TIER").is_ok_and(|tier| tier == "full");
    let (phases, seconds) = match is_full {
        true => ("examples,coverage,fuzzing,stateful", "600"),
        false => ("examples,coverage", "60"),
    };
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("schemathesis.toml");
    fs::write(&config, configuration()).expect("it is written");
    let stage = Stage::open(Setup::default()).await;
    let mut command = Command::new(python.with_file_name("schemathesis"));
    command
        .arg("--config-file")
        .arg(&config)
        .arg("run")
        .arg(format!("http://{}/v1/openapi.json", stage.gateway.public))
        .args([
            "--phases",
            phases,
            "--max-time",
            seconds,
            "--seed",
            "1",
            "--mode",
            "all",
        ])
        // What is followed has no end.
        .args(["--exclude-path", "/v1/events"])
        .args(["--continue-on-failure", "--request-timeout", "30"])
        .args(["--suppress-health-check", "all", "--warnings", "off"])
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&folder);
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("no panic").expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    let number = |word: &str| {
        let line = told.lines().find_map(|line| line.trim().strip_prefix(word));
        let digits = line.map(|rest| rest.trim_start_matches([':', ' ']));
        let digits = digits.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        digits.and_then(|digits| digits.parse::<usize>().ok())
    };
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let (selected, tested) = (number("Selected"), number("Tested"));
    assert!(selected.is_some_and(|all| all > 100) && selected == tested, "{told}");
    stage.close().await;
}
