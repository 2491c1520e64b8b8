//! Providers that do not do what they should.

use std::time::Duration;

use mosaic::sandbox::Effect;
use serde_json::json;

use crate::row::{Row, Step, ask, refusal, row};

const BROKEN: Effect = Effect::Error { status: 503 };
const HANGS: Effect = Effect::Hang { processed: false };

fn read() -> Step {
    ask("git.repo.get", json!({ "repo": "acme/api" })).no_cache()
}

pub fn a_circuit_held_open_is_gone_around() -> Row {
    row(&["github"])
        .forced_open("github-a")
        .step(read().answers(&[("/id", json!("github-b~acme/api"))]).decided(&[
            ("/candidates/0/instance", json!("github-a")),
            ("/candidates/0/verdict", json!("forced_open")),
            ("/attempts/0/instance", json!("github-b")),
        ]))
        .charged(1, 0, &[("github-b", 1)])
}

pub fn a_circuit_held_open_alone() -> Row {
    row(&["github"])
        .forced_open("github-a")
        .step(
            read()
                .at("github-a")
                .refused(refusal("circuit_open").retryable().by("github-a").after_ms(1, 60_000))
                .decided(&[("/candidates/0/verdict", json!("forced_open"))]),
        )
        .charged(1, 0, &[])
}

pub fn a_circuit_that_opened() -> Row {
    row(&["github"])
        .tables("[providers.github-a.breaker]\nfailures_to_open = 1\nopen_for = \"1h\"\njitter = 0.0\n")
        .fault("github-a", BROKEN, None)
        .step(read().answers(&[("/id", json!("github-b~acme/api"))]))
        .step(read().decided(&[
            ("/candidates/0/verdict", json!("circuit_open")),
            ("/attempts/0/instance", json!("github-b")),
        ]))
        .step(
            read().at("github-a").refused(
                refusal("circuit_open")
                    .retryable()
                    .by("github-a")
                    .after_ms(3_000_000, 3_600_000),
            ),
        )
        .charged(3, 0, &[("github-a", 1), ("github-b", 2)])
}

pub fn failed_over() -> Row {
    row(&["github"])
        .fault("github-a", Effect::Malformed, None)
        .step(read().answers(&[("/id", json!("github-b~acme/api"))]).decided(&[
            ("/attempts/0/instance", json!("github-a")),
            ("/attempts/0/code", json!("upstream_failed")),
            ("/attempts/1/instance", json!("github-b")),
            ("/attempts/1/why", json!("failover")),
        ]))
        .charged(1, 0, &[("github-a", 1), ("github-b", 1)])
}

pub fn both_fail() -> Row {
    row(&["github"])
        .fault("github-a", Effect::Malformed, None)
        .fault("github-b", Effect::Malformed, None)
        .step(read().refused(refusal("upstream_failed").by("github-b")).decided(&[
            ("/attempts/0/code", json!("upstream_failed")),
            ("/attempts/1/code", json!("upstream_failed")),
        ]))
        .charged(1, 0, &[("github-a", 1), ("github-b", 1)])
}

pub fn nobody_answers_in_time() -> Row {
    row(&["github"])
        .fault("github-a", HANGS, None)
        .step(
            read()
                .at("github-a")
                .late(Duration::from_secs(1))
                .refused(refusal("timeout").retryable().by("github-a"))
                .decided(&[
                    ("/attempts/0/instance", json!("github-a")),
                    ("/outcome/code", json!("timeout")),
                ]),
        )
        .charged(1, 0, &[("github-a", 1)])
}

pub fn a_write_in_doubt() -> Row {
    row(&["github"])
        .fault("github-a", Effect::Hang { processed: true }, None)
        .step(
            ask(
                "projects.issue.create",
                json!({ "project": "github-a~acme/web", "title": "Perhaps" }),
            )
            .late(Duration::from_secs(1))
            .refused(refusal("timeout").by("github-a")),
        )
        .charged(1, 0, &[("github-a", 1)])
}
