//! What an answer of this API is asked as.

use super::*;

fn read_as(mut body: Value) -> Asked {
    let object = body.as_object_mut().expect("an object");
    object.entry("model").or_insert_with(|| "m".into());
    asked(object.clone()).unwrap_or_else(|failure| panic!("{body}: {failure}"))
}

#[test]
fn each_item_is_said_by_who_says_it() {
    let own = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "g"});
    let read = read_as(json!({"input": [
        {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "https://example.com/a.png"}]},
        own,
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "b", "annotations": [], "logprobs": []}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "look", "arguments": "{}", "status": "completed"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "function_call_output", "call_id": "c", "output": "sun"},
        {"type": "reasoning", "id": "rs_mosaic_1", "summary": [{"type": "summary_text", "text": "so"}], "encrypted_content": "mosaic.signed.s"}
    ]}));
    let messages = serde_json::to_value(&read.input.chat.messages).expect("JSON");
    assert_eq!(
        messages[0]["content"][1],
        json!({"type": "image", "url": "https://example.com/a.png"})
    );
    // What a model says in one turn is one message.
    let said = messages[1]["content"].as_array().expect("parts");
    let kinds: Vec<_> = said.iter().map(|part| part["type"].as_str().expect("a type")).collect();
    assert_eq!(kinds, ["thinking", "text", "tool_call", "other"]);
    assert_eq!(
        (&said[0]["dialect"], &said[0]["text"]),
        (&json!("openai"), &json!("hm"))
    );
    let signature: Value = serde_json::from_str(said[0]["signature"].as_str().expect("one")).expect("the item");
    assert_eq!(signature, own);
    assert_eq!(messages[2]["content"][0]["content"], "sun");
    assert_eq!(
        messages[3]["content"],
        json!([{"type": "thinking", "text": "so", "signature": "s"}])
    );
    assert_eq!(
        read.renamed("messages[1].content[2].name", 0).as_deref(),
        Some("input[3]")
    );
    assert_eq!(read.renamed("messages[3].content[0]", 1).as_deref(), Some("input[5]"));
    assert_eq!(read.renamed("messages[0]", 1).as_deref(), Some("instructions"));
}

#[test]
fn each_field_has_its_neutral_one_and_what_must_be_kept_is_known() {
    let read = read_as(
        json!({"input": "hi", "instructions": "i", "max_output_tokens": 9, "store": false,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "tools": [{"type": "function", "name": "look", "parameters": {}, "strict": true}, {"type": "web_search"}],
        "truncation": "disabled", "metadata": {"a": "b"}, "service_tier": "auto"}),
    );
    let chat = serde_json::to_value(&read.input.chat).expect("JSON");
    assert_eq!(
        chat["response_format"],
        json!({"type": "json_schema", "name": "n", "schema": {}})
    );
    assert_eq!(chat["reasoning"], json!({"effort": "low"}));
    let own = json!({"reasoning": {"summary": "auto"}, "tools": [{"type": "web_search"}], "text": {"verbosity": "low"},
        "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}});
    assert_eq!(chat["extensions"]["openai"], own);
    assert!(!read.must_be_kept());
    let (unkept, warnings) = read.unkept();
    assert_eq!(
        serde_json::to_value(&unkept.messages[0]).expect("JSON"),
        json!({"role": "system", "content": "i"})
    );
    let left = serde_json::to_value(&unkept.extensions).expect("JSON");
    assert_eq!(
        left["openai"],
        json!({"tools": [{"type": "web_search"}], "text": {"verbosity": "low"}})
    );
    assert_eq!(
        warnings.iter().map(|warning| &*warning.field).collect::<Vec<_>>(),
        ["metadata"]
    );
    for kept in [
        json!({"input": "hi", "store": true}),
        json!({"input": "hi", "background": true}),
        json!({"input": "hi", "previous_response_id": "one~r"}),
    ] {
        assert!(read_as(kept).must_be_kept());
    }
}
