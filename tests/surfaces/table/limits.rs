//! What callers, and providers, are granted.

use std::time::Duration;

use mosaic::sandbox::Effect;
use serde_json::json;

use crate::row::{Row, ask, refusal, row};

const HOUR: u64 = 3_600_000;

pub fn the_rate_is_used_up() -> Row {
    row(&["github"]).tenant("rate_per_second = 1\nburst = 1").step(
        ask("git.repo.get", json!({ "repo": "acme/web" }))
            .spends_the_rate()
            .refused(refusal("rate_limited").retryable().after_ms(1, 1_000)),
    )
}

pub fn calls_in_flight() -> Row {
    row(&["github"])
        .tenant("max_in_flight = 1")
        .held("github-b")
        .step(
            ask("git.repo.get", json!({ "repo": "acme/api" }))
                .refused(refusal("overloaded").retryable().after_ms(1, 60_000)),
        )
        // One that the rate lets through can still be one too many: it is counted once.
        .charged(1, 1, &[])
}

pub fn credits_are_used_up() -> Row {
    let read = || {
        ask("git.repo.get", json!({ "repo": "acme/api" }))
            .at("github-a")
            .no_cache()
    };
    row(&["github"])
        .tables("[providers.github-a.credits]\nunit = \"calls\"\namount = 2\nperiod = \"8784h\"\nhard = true\n")
        .step(read())
        .step(read())
        .step(
            read()
                .refused(refusal("budget_exhausted").by("github-a").after_ms(1, 8_784 * HOUR))
                .decided(&[
                    ("/candidates/0/verdict", json!("no_credits")),
                    ("/attempts/0/instance", json!(null)),
                    ("/attempts/0/code", json!("budget_exhausted")),
                ]),
        )
        .charged(3, 0, &[("github-a", 2)])
        .credits("github-a", 2)
}

pub fn a_provider_that_asks_for_time() -> Row {
    let limited = Effect::RateLimit {
        retry_after_s: 60,
        secondary: true,
    };
    let read = || {
        ask("git.repo.get", json!({ "repo": "acme/api" }))
            .at("github-a")
            .within(Duration::from_secs(20))
            .refused(
                refusal("upstream_rate_limited")
                    .retryable()
                    .after_ms(40_000, 60_000)
                    .by("github-a"),
            )
    };
    row(&["github"])
        .fault("github-a", limited, None)
        .step(read().decided(&[("/attempts/0/code", json!("upstream_rate_limited"))]))
        .step(read().decided(&[("/attempts/0/code", json!("upstream_rate_limited"))]))
        .charged(2, 0, &[("github-a", 1)])
}
