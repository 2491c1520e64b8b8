//! The vendors' own clients, each answered by either vendor, and a framework that is made of one.

use std::process::Command;

use mosaic::sandbox::{Effect, Fault};
use reqwest::Method;

use crate::harness::tools::{drive, node, python};
use crate::place::{KEY, Place};

const PYTHON: [&str; 2] = ["dialects/openai_sdk.py", "dialects/anthropic_sdk.py"];

/// Runs one part of a script.
async fn part(place: &Place, script: &str, part: &str) {
    let Some(mut python) = python() else { return };
    python.env("PART", part);
    drive(python, script, &place.url(""), KEY).await;
}

async fn parts(script: &str, names: &[&str]) {
    let place = Place::open().await;
    for name in names {
        part(&place, script, name).await;
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_python_client_asks_either_vendors_models() {
    parts(PYTHON[0], &["models", "chat", "tools", "thinking", "errors"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openais_python_client_has_the_rest_of_its_api() {
    parts(PYTHON[0], &["embeddings", "moderations", "responses", "batches"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropics_python_client_asks_either_vendors_models() {
    parts(
        PYTHON[1],
        &[
            "models",
            "messages",
            "tools",
            "server_tools",
            "thinking",
            "errors",
            "batches",
        ],
    )
    .await;
}

async fn script(command: Option<Command>, script: &str) {
    let Some(command) = command else { return };
    let place = Place::open().await;
    drive(command, script, &place.url(""), KEY).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_javascript_clients_ask_either_vendors_models() {
    script(node(), "dialects/openai_sdk.cjs").await;
    script(node(), "dialects/anthropic_sdk.cjs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_for_agents_calls_tools_with_either_vendors_models_by_both_apis() {
    script(python(), "dialects/agents_sdk.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_raises_at_each_client() {
    for script in PYTHON {
        for effect in [
            Effect::CutStream {
                after_frames: 4,
                clean: true,
            },
            Effect::CutStream {
                after_frames: 4,
                clean: false,
            },
            Effect::StreamError { after_frames: 4 },
        ] {
            let place = Place::open().await;
            for name in ["openai-a", "anthropic-a"] {
                let fault = Fault::new(effect.clone());
                place.server(name).faults().add(fault).expect("a sound fault");
            }
            part(&place, script, "streams").await;
            place.close().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_comes_again_where_that_helps() {
    for script in PYTHON {
        let place = Place::open().await;
        let once = Fault::new(Effect::Error { status: 500 }).method(&Method::POST).times(1);
        place.server("openai-a").faults().add(once).expect("a sound fault");
        part(&place, script, "busy").await;
        let asked = place
            .server("openai-a")
            .requests()
            .arrived(&Method::POST, "/v1/chat/completions");
        assert_eq!(asked, u64::from(python().is_some()) * 2, "{script}");
        place.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_does_not_come_again_for_what_is_spent() {
    for script in PYTHON {
        let place = Place::open().await;
        let spent = Fault::new(Effect::Error { status: 402 }).method(&Method::POST);
        place.server("openai-a").faults().add(spent).expect("a sound fault");
        part(&place, script, "spent").await;
        let asked = place
            .server("openai-a")
            .requests()
            .arrived(&Method::POST, "/v1/chat/completions");
        assert_eq!(asked, u64::from(python().is_some()), "{script}");
        place.close().await;
    }
}
