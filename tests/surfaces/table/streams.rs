//! What comes piece by piece.

use mosaic::sandbox::Effect;
use serde_json::json;

use crate::row::{Row, Step, ask, refusal, row};

const PRICED: &str = "[[providers.openai-a.prices]]\ncall_usd = 0.01\ninput_usd = 2.0\noutput_usd = 8.0\n\
                      [providers.openai-a.credits]\nunit = \"usd\"\namount = 100.0\nperiod = \"8784h\"\n";

fn chat(operation: &'static str) -> Step {
    ask(
        operation,
        json!({ "model": "sandbox-small", "prompt": "What is a gateway good for?" }),
    )
}

pub fn words_of_a_model() -> Row {
    row(&["openai"])
        .step(
            chat("ai.chat.stream")
                .streams(&[("/0/type", json!("start")), ("/1/type", json!("delta"))])
                .decided(&[
                    ("/call/model", json!("sandbox-small")),
                    ("/attempts/0/instance", json!("openai-a")),
                ]),
        )
        .charged(1, 0, &[("openai-a", 1)])
}

pub fn the_same_words_at_once() -> Row {
    row(&["openai"])
        .tables(PRICED)
        .step(chat("ai.chat.complete").answers(&[("/message/role", json!("assistant")), ("/finish", json!("stop"))]))
        .charged(1, 0, &[("openai-a", 1)])
        .credits("openai-a", 10_124_000)
}

pub fn a_stream_that_breaks() -> Row {
    row(&["openai"])
        .fault("openai-a", Effect::StreamError { after_frames: 3 }, None)
        .step(
            chat("ai.chat.stream")
                .at("openai-a")
                .refused(refusal("upstream_failed").retryable().by("openai-a")),
        )
        .charged(1, 0, &[("openai-a", 1)])
}

pub fn a_log_that_is_followed() -> Row {
    row(&["woodpecker"])
        .step(
            ask(
                "cicd.log.follow",
                json!({ "run": "woodpecker-a~acme/api#1", "step": "test" }),
            )
            .streams(&[("/0/type", json!("line"))]),
        )
        .charged(1, 0, &[("woodpecker-a", 3)])
}
