//! What the events of an answer are told as.

use super::*;

fn told(events: Vec<ChatEvent>, finish: Finish) -> Vec<Value> {
    let frame = Frame {
        id: "resp_1".to_owned(),
        ..Frame::default()
    };
    let mut teller = Events::new(frame, true, Ids::of("r-1"));
    let mut out = Vec::new();
    let start = ChatEvent::Start {
        id: Some("one~resp_2".to_owned()),
        model: "m".to_owned(),
        warnings: vec![],
    };
    let end = ChatEvent::End {
        finish: Some(finish),
        raw_finish: None,
        stop_sequence: None,
    };
    for event in [start].into_iter().chain(events).chain([end]) {
        teller.hear(event, &mut out).expect("told");
    }
    let text = String::from_utf8(out).expect("text");
    let events = text.split_terminator("\n\n").enumerate().map(|(number, event)| {
        let (name, data) = event.split_once("\ndata: ").expect("data");
        let data: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], number);
        data
    });
    events.collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    let names = events
        .iter()
        .filter_map(|event| event["type"].as_str()?.strip_prefix("response."));
    names.collect()
}

#[test]
fn what_begins_ends_and_the_whole_is_told_last() {
    let text = |text: &str| ChatEvent::Delta { text: text.to_owned() };
    let call = ChatEvent::ToolCall {
        index: 0,
        id: "c".to_owned(),
        name: "look".to_owned(),
    };
    let argue = ChatEvent::ToolArguments {
        index: 0,
        text: "{}".to_owned(),
    };
    let think = ChatEvent::Reasoning { text: "hm".to_owned() };
    let sign = ChatEvent::Signature {
        signature: "s".into(),
        dialect: None,
    };
    let events = told(vec![think, sign, text("a"), text("b"), call, argue], Finish::Tool);
    assert_eq!(
        names(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    let whole = &events.last().expect("one")["response"];
    assert_eq!(
        (&whole["id"], &whole["status"], &whole["model"]),
        (&json!("one~resp_2"), &json!("completed"), &json!("m"))
    );
    let output = whole["output"].as_array().expect("items");
    assert_eq!(output[0]["encrypted_content"], "mosaic.signed.s");
    assert_eq!(output[1]["content"][0]["text"], "ab");
    assert_eq!(
        (&output[2]["call_id"], &output[2]["arguments"]),
        (&json!("c"), &json!("{}"))
    );
    let done: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .collect();
    assert!(done.iter().map(|event| &event["item"]).eq(output.iter()));
}

#[test]
fn no_more_is_kept_of_an_answer_than_there_is_room_for() {
    let piece = "a".repeat(1 << 20);
    let kept = |event: &dyn Fn(u32) -> ChatEvent| {
        let mut teller = Events::new(Frame::default(), false, Ids::of("r"));
        let told = |index: &u32| teller.hear(event(*index), &mut Vec::new()).is_ok();
        (0..1_000_000).take_while(told).count()
    };
    let text = || piece.clone();
    assert_eq!(kept(&|_| ChatEvent::Delta { text: text() }), 4);
    assert_eq!(kept(&|_| ChatEvent::Reasoning { text: text() }), 4);
    let hidden = |_| ChatEvent::HiddenReasoning { data: text().into() };
    assert_eq!(kept(&hidden), 15);
    let call = |index| ChatEvent::ToolCall {
        index,
        id: "c".to_owned(),
        name: "n".to_owned(),
    };
    assert!((1_000..1_000_000).contains(&kept(&call)));
}

#[test]
fn an_answer_that_is_cut_short_is_incomplete_and_one_that_breaks_is_none() {
    let text = ChatEvent::Delta { text: "a".to_owned() };
    let events = told(vec![text], Finish::Length);
    let whole = &events.last().expect("one")["response"];
    assert_eq!(
        (&whole["status"], &whole["incomplete_details"]["reason"]),
        (&json!("incomplete"), &json!("max_output_tokens"))
    );
    let mut teller = Events::new(Frame::default(), false, Ids::of("r"));
    let mut out = Vec::new();
    let failure = Failure::new(mosaic_actors::error::Kind::UpstreamFailed, "broken");
    teller.fail(&failure.into(), &RequestId::of(&http::HeaderMap::new()), &mut out);
    let text = String::from_utf8(out).expect("text");
    let data = text.strip_prefix("event: error\ndata: ").expect("an error");
    let data: Value = serde_json::from_str(data.trim_end()).expect("JSON");
    assert_eq!(
        (&data["type"], &data["message"], &data["error"]["message"]),
        (&json!("error"), &json!("broken"), &json!("broken"))
    );
    assert!(!teller.is_over());
}
