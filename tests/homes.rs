//! Which instance a model goes to.
//!
//! Invariant: a provider is asked for its list whether or not it is asked about its health.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use mosaic::Mosaic;
use mosaic::catalogue::ai::{ChatComplete, ChatInput};
use mosaic::config::Config;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const MODELS: [&str; 2] = ["small", "large"];

/// A server that lists one model, and answers in its name whatever it is asked for.
async fn serving(model: &'static str) -> String {
    let chat = |State(model): State<&'static str>| async move {
        let message = json!({"role": "assistant", "content": format!("from {model}")});
        axum::Json(json!({"id": "c", "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}))
    };
    let models = |State(model): State<&'static str>| async move { axum::Json(json!({"data": [{"id": model}]})) };
    let router = Router::new()
        .route("/models", get(models))
        .route("/chat/completions", post(chat))
        .with_state(model);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_model_goes_to_who_lists_it_though_nobodys_health_is_asked() {
    let mut config = Config::default();
    // A start waits for the first list, and no longer than this.
    config.defaults.models.timeout = Duration::from_secs(60);
    for model in MODELS {
        let table: Value = json!({"kind": "openai", "base_url": serving(model).await, "health_check": false});
        let provider = serde_json::from_value(table).expect("a provider");
        config.providers.insert(format!("with-{model}"), provider);
    }
    let gateway = Mosaic::start(config).await.expect("it starts");
    for model in MODELS {
        let input = ChatInput {
            model: model.into(),
            prompt: Some("Hello".to_owned()),
            ..ChatInput::default()
        };
        let chat = gateway.call::<ChatComplete>(input).await.expect("it has one home");
        assert_eq!(chat.value.message.content, format!("from {model}").into());
        assert_eq!(&*chat.head.provider, format!("with-{model}"));
    }
    gateway.shutdown().await;
}
