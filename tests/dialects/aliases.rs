//! Names that stand for several models, at every surface that asks one.

use reqwest::Method;
use serde_json::json;

use crate::place::Place;
use crate::rows::{chat, message};

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_stands_for_models_that_stand_in_for_each_other_at_every_surface() {
    let aliases =
        "[models.aliases]\nfast = [\"openai-a~gone\", \"openai-a~sandbox-large\", \"anthropic-a~sandbox-large\"]\n";
    let place = Place::with(aliases).await;
    let listed = place.get("/openai/v1/models").await.ok();
    let ids: Vec<_> = listed["data"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].as_str().expect("an id"))
        .collect();
    assert!(ids.contains(&"fast"), "{ids:?}");
    let asked = async |provider: &str| {
        let reply = place
            .post("/openai/v1/chat/completions", &chat("fast", "say 2 words"))
            .await;
        assert_eq!(
            reply.ok()["choices"][0]["message"]["content"],
            "word1 word2",
            "{reply:?}"
        );
        assert_eq!(reply.provider(), provider, "{reply:?}");
        let reply = place
            .post("/anthropic/v1/messages", &message("fast", "say 2 words"))
            .await;
        assert_eq!(reply.ok()["content"][0]["text"], "word1 word2", "{reply:?}");
        assert_eq!(reply.provider(), provider, "{reply:?}");
        let reply = place
            .post(
                "/v1/ai/chat/complete",
                &json!({"model": "fast", "prompt": "say 2 words"}),
            )
            .await;
        assert_eq!(reply.ok()["message"]["content"], "word1 word2", "{reply:?}");
        assert_eq!(reply.provider(), provider, "{reply:?}");
    };
    asked("openai-a").await;
    let busy = mosaic::sandbox::Effect::RateLimit {
        retry_after_s: 3_600,
        secondary: false,
    };
    let fault = mosaic::sandbox::Fault::new(busy).method(&Method::POST);
    place.server("openai-a").faults().add(fault).expect("a sound fault");
    asked("anthropic-a").await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_an_alias_tells_which_of_its_models_would_be_asked() {
    let aliases = "[models.aliases]\nfast = [\"nowhere~m\", \"anthropic-a~sandbox-large\", \"openai-a~sandbox-large\"]\n\
                   lost = [\"nowhere~m\", \"nowhere~n\"]\n";
    let place = Place::with(aliases).await;
    let told = async |model: &str| {
        let asked = json!({"operation": "ai.chat.complete", "input": {"model": model, "prompt": "say 2 words"}});
        place.post("/v1/route", &asked).await.ok()
    };
    let decision = told("fast").await;
    assert_eq!(decision["first_choice"], "anthropic-a", "{decision}");
    let verdicts: Vec<_> = decision["stands_for"]
        .as_array()
        .expect("the models")
        .iter()
        .map(|row| (row["model"].as_str().unwrap(), row["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("nowhere~m", "refused"),
            ("anthropic-a~sandbox-large", "asked"),
            ("openai-a~sandbox-large", "behind")
        ],
        "{decision}"
    );
    let lost = told("lost").await;
    assert_eq!(lost["stands_for"][1]["verdict"], "refused", "{lost}");
    assert_eq!(lost["outcome"]["code"], lost["stands_for"][1]["code"], "{lost}");
    assert!(told("openai-a~sandbox-large").await.get("stands_for").is_none());
    for name in ["openai-a", "anthropic-a"] {
        let asked = place.server(name).requests();
        assert!(
            asked.arrived(&Method::POST, "/v1/chat/completions") == 0
                && asked.arrived(&Method::POST, "/v1/messages") == 0
        );
    }
    place.close().await;
}
