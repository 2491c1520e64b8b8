//! Answers that OpenAI keeps, and what it judges, through its sandbox.
//!
//! Invariant: an answer says the same when it is made, when it is read again, and piece by piece.

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::through::Through;
use crate::through_models::{alike, folded, with};
use crate::upstream::INSTANCE;

const CREATE: &str = "ai.response.create";
const STREAM: &str = "ai.response.stream";
const GET: &str = "ai.response.get";
const CANCEL: &str = "ai.response.cancel";
const MODERATE: &str = "ai.moderation.create";

/// Asks for each operation once.
pub async fn every_operation(provider: &Through) {
    let made = provider.ask(CREATE, with(json!({"prompt": "Hello"}))).await;
    assert_eq!(made["state"], "completed");
    let found = provider.ask(GET, json!({"response": made["id"]})).await;
    assert_eq!(found, made);
    provider.ask(STREAM, with(json!({"prompt": "Hello"}))).await;
    let waits = provider
        .ask(CREATE, with(json!({"prompt": "Hello", "background": true})))
        .await;
    provider.ask(CANCEL, json!({"response": waits["id"]})).await;
    provider.ask(MODERATE, json!({"texts": ["Hello"]})).await;
}

async fn openai() -> Through {
    Through::start("openai", "sandbox-one").await
}

/// What of a kept answer a conversation's would have, too.
fn of_chat(response: &Value) -> Value {
    let fields = ["id", "model", "message", "reasoning", "finish", "usage"];
    let chat = fields
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), response.get(name)?.clone())));
    Value::Object(chat.collect())
}

#[tokio::test]
async fn an_answer_that_is_made_in_the_background_is_got_later() {
    let openai = openai().await;
    let input = with(json!({"prompt": "call look", "background": true, "tools": [{"name": "look"}]}));
    let waits = openai.ask(CREATE, input.clone()).await;
    assert_eq!(
        (&waits["state"], &waits["background"]),
        (&json!("queued"), &json!(true))
    );
    assert!(waits.get("message").is_none(), "{waits}");
    let get = async || openai.ask(GET, json!({"response": waits["id"]})).await;
    assert_eq!(get().await["state"], "running");
    let whole = get().await;
    assert_eq!(
        (&whole["state"], &whole["finish"]),
        (&json!("completed"), &json!("tool"))
    );
    assert!(
        whole["completed_at"].is_string() && whole["usage"]["output_tokens"].is_u64(),
        "{whole}"
    );
    assert_eq!(get().await, whole);
    // What has ended stays as it is.
    assert_eq!(openai.ask(CANCEL, json!({"response": waits["id"]})).await, whole);
    let streamed = folded(&openai.ask(STREAM, input).await);
    assert_eq!(alike(streamed), alike(of_chat(&whole)));
}

#[tokio::test]
async fn an_answer_in_the_background_is_cancelled_and_no_other() {
    let openai = openai().await;
    let waits = openai
        .ask(CREATE, with(json!({"prompt": "Hello", "background": true})))
        .await;
    let ended = openai.ask(CANCEL, json!({"response": waits["id"]})).await;
    assert_eq!(
        (&ended["state"], &ended["raw_state"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
    assert_eq!(openai.ask(GET, json!({"response": waits["id"]})).await, ended);
    let made = openai.ask(CREATE, with(json!({"prompt": "Hello"}))).await;
    assert_eq!(
        openai.fails(CANCEL, json!({"response": made["id"]})).await.0,
        Kind::InvalidInput
    );
    for operation in [GET, CANCEL] {
        assert_eq!(
            openai.fails(operation, json!({"response": "resp_none"})).await.0,
            Kind::NotFound
        );
    }
}

#[tokio::test]
async fn an_answer_that_fails_is_a_failure_at_once_and_told_later() {
    let openai = openai().await;
    for (code, kind, told) in [
        ("server_error", Kind::UpstreamFailed, "upstream_failed"),
        (
            "rate_limit_exceeded",
            Kind::UpstreamRateLimited,
            "upstream_rate_limited",
        ),
        ("invalid_prompt", Kind::InvalidInput, "invalid_input"),
    ] {
        let input = with(json!({"prompt": format!("fail with {code}")}));
        for operation in [CREATE, STREAM] {
            assert_eq!(
                openai.fails(operation, input.clone()).await.0,
                kind,
                "{operation} {code}"
            );
        }
        let mut later = input;
        later["background"] = true.into();
        let id = openai.ask(CREATE, later).await["id"].take();
        openai.ask(GET, json!({"response": id})).await;
        let failed = openai.ask(GET, json!({"response": id})).await;
        assert_eq!(
            (&failed["state"], &failed["error"]["code"]),
            (&json!("failed"), &json!(told))
        );
    }
}

/// A15
#[tokio::test]
async fn an_answer_goes_on_from_one_that_is_kept() {
    let openai = openai().await;
    let tools = json!([{"name": "look"}]);
    let asked = openai
        .ask(CREATE, with(json!({"prompt": "call look", "tools": tools})))
        .await;
    let call = &asked["message"]["content"][0];
    let result = json!({"type": "tool_result", "tool_call_id": call["id"], "content": "sun"});
    let next = |previous: &Value| {
        with(
            json!({"messages": [{"role": "tool", "content": [result]}], "previous": previous, "tools": tools,
            "instructions": "Be brief."}),
        )
    };
    let answer = openai.ask(CREATE, next(&asked["id"])).await;
    assert_eq!(answer["message"]["content"], "The tools said: sun");
    assert_eq!(answer["previous"], asked["id"]);
    let field = |name: &str| Some(name.to_owned());
    let unknown = openai.fails(CREATE, next(&json!("resp_none"))).await;
    assert_eq!(unknown, (Kind::InvalidInput, field("previous")));
    // Of an answer that is not kept nobody knows anything.
    let loose = openai
        .ask(CREATE, with(json!({"prompt": "Hello", "store": false})))
        .await;
    assert_eq!(
        openai.fails(GET, json!({"response": loose["id"]})).await.0,
        Kind::NotFound
    );
    let lost = with(json!({"prompt": "And?", "previous": loose["id"]}));
    assert_eq!(
        openai.fails(CREATE, lost).await,
        (Kind::InvalidInput, field("previous"))
    );
    let elsewhere = with(json!({"model": "another~m", "prompt": "And?", "previous": format!("{INSTANCE}~resp_1")}));
    assert_eq!(
        openai.fails(CREATE, elsewhere).await,
        (Kind::InvalidInput, field("previous"))
    );
}

/// A14
#[tokio::test]
async fn thoughts_that_are_sealed_are_given_back_as_they_came_and_no_others() {
    let openai = openai().await.set("api", "responses");
    for (prompt, text) in [
        ("think about it", "What is there to say about it?"),
        ("think in secret", ""),
    ] {
        let asked = json!({"role": "user", "content": prompt});
        let extensions = json!({"openai": {"reasoning": {"summary": "auto"}}});
        let first = with(json!({"messages": [asked], "reasoning": {"effort": "low"}, "extensions": extensions}));
        let answer = openai.ask("ai.chat.complete", first.clone()).await;
        let streamed = folded(&openai.ask("ai.chat.stream", first).await);
        let thought = &answer["message"]["content"][0];
        assert_eq!((&thought["type"], &thought["text"]), (&json!("thinking"), &json!(text)));
        assert_eq!(streamed["message"]["content"][0]["text"], text);
        let next = |message: &Value| with(json!({"messages": [asked, message], "prompt": "Go on"}));
        let on = openai.ask("ai.chat.complete", next(&answer["message"])).await;
        assert!(on.get("warnings").is_none(), "{on}");
        let counted = openai.ask("ai.tokens.count", next(&answer["message"])).await;
        assert!(counted.get("warnings").is_none(), "{counted}");
        let mut changed = answer["message"].clone();
        let signature = changed["content"][0]["signature"].as_str().expect("a signature");
        changed["content"][0]["signature"] = signature.replace("rs_", "rs_x").into();
        let refused = openai.fails("ai.chat.complete", next(&changed)).await;
        assert_eq!(refused, (Kind::InvalidInput, Some("messages".to_owned())), "{prompt}");
        // What nobody here has sealed is left out, and told.
        for (field, value) in [("signature", "c2ln"), ("signature", "{}"), ("dialect", "another")] {
            let mut foreign = answer["message"].clone();
            foreign["content"][0][field] = value.into();
            let on = openai.ask("ai.chat.complete", next(&foreign)).await;
            assert_eq!(on["warnings"][0]["field"], "messages[1].content[0]", "{field} {value}");
        }
    }
}

#[tokio::test]
async fn what_only_one_dialect_has_passes_untouched_there_and_is_refused_at_the_other() {
    let openai = openai().await.set("api", "responses");
    let asked = json!({"role": "user", "content": "search for rain"});
    let extensions = json!({"openai": {"tools": [{"type": "web_search"}], "truncation": "auto"}});
    let input = with(json!({"messages": [asked], "extensions": extensions}));
    let answer = openai.ask("ai.chat.complete", input.clone()).await;
    let found = &answer["message"]["content"][0];
    assert_eq!(
        (&found["type"], &found["block"]["type"]),
        (&json!("other"), &json!("web_search_call"))
    );
    assert_eq!(
        folded(&openai.ask("ai.chat.stream", input).await)["message"]["content"][0]["block"]["type"],
        "web_search_call"
    );
    let next = with(json!({"messages": [asked, answer["message"]], "prompt": "Go on"}));
    openai.ask("ai.chat.complete", next.clone()).await;
    for (kind, api) in [("anthropic", None), ("openai", Some("chat"))] {
        let (way, other) = crate::through_models::way((kind, api)).await;
        let refused = other.fails("ai.chat.complete", next.clone()).await;
        let place = "messages[1].content[0].dialect".to_owned();
        assert_eq!(refused, (Kind::Unsupported, Some(place)), "{way}");
    }
    // What the provider does not know it says itself.
    let unknown = with(json!({"prompt": "Hello", "extensions": {"openai": {"seed": 7}}}));
    assert_eq!(openai.fails("ai.chat.complete", unknown).await.0, Kind::InvalidInput);
    let little = with(json!({"prompt": "Hello", "max_tokens": 3}));
    let refused = openai.fails("ai.chat.complete", little).await;
    assert_eq!(refused, (Kind::InvalidInput, Some("max_tokens".to_owned())));
}

#[tokio::test]
async fn texts_are_judged_one_by_one_and_with_pictures_as_one() {
    let openai = openai().await;
    let two = openai
        .ask(MODERATE, json!({"texts": ["Hello", "I hate and kill"]}))
        .await;
    let flags: Vec<_> = two["verdicts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|verdict| &verdict["flagged"])
        .collect();
    assert_eq!(
        (&two["flagged"], flags),
        (&json!(true), vec![&json!(false), &json!(true)])
    );
    let harms = two["verdicts"][1]["categories"].as_array().expect("a list").iter();
    let found: Vec<_> = harms
        .filter(|judged| judged["flagged"] == true)
        .map(|judged| (&judged["harm"], &judged["name"]))
        .collect();
    assert_eq!(
        found,
        [
            (&json!("hate"), &json!("hate")),
            (&json!("violence"), &json!("violence"))
        ]
    );
    let image = json!([{"url": "https://example.com/blood.png"}]);
    let one = openai
        .ask(MODERATE, json!({"texts": ["a", "b"], "images": image}))
        .await;
    assert_eq!(
        (one["verdicts"].as_array().map(Vec::len), &one["flagged"]),
        (Some(1), &json!(true))
    );
    let blind = json!({"model": "text-moderation-latest", "images": image});
    assert_eq!(
        openai.fails(MODERATE, blind).await,
        (Kind::InvalidInput, Some("texts".to_owned()))
    );
    let none = json!({"model": "none", "texts": ["a"]});
    assert_eq!(
        openai.fails(MODERATE, none).await,
        (Kind::NotFound, Some("model".to_owned()))
    );
}
