//! Answers that are valid, odd or failures in disguise, in the forms that servers really send.
//!
//! Invariant: null, absent and odd are one thing, and what is not understood is never a clean success.

use std::sync::Arc;

use mosaic_actors::error::{Kind, Source};
use serde_json::{Value, json};

use crate::hello;
use crate::upstream::raw::{RawUpstream, Then};
use crate::upstream::{self, Canned, Upstream, ask, connection, driver};

/// What has to come of an answer.
pub enum Comes {
    /// An output that holds these fields; null stands for one that is absent.
    Output(Value),
    /// A stream of these events.
    Events(Value),
    /// A failure, and whether it is retryable.
    Failure(Kind, bool),
    /// A failure that names this field of the input.
    Blames(Kind, &'static str),
}

use Comes::{Blames, Events, Failure, Output};

/// One row: what is asked, what is answered, and what has to come of it.
pub struct Row {
    pub name: &'static str,
    pub kind: &'static str,
    pub operation: &'static str,
    pub input: Value,
    pub answers: Vec<Canned>,
    pub comes: Comes,
}

/// Asks and compares.
pub async fn hold(row: Row) {
    let Row { name, answers, .. } = row;
    let asked = answers.len();
    let provider = Upstream::answering(answers).await;
    let call = Arc::new(upstream::call(row.operation, row.input, false).expect(name));
    let answer = driver(row.kind, &connection(&provider.url))
        .expect(name)
        .call(call)
        .await;
    let (output, failure) = match answer {
        Ok(answer) => upstream::whole(answer).await,
        Err(failure) => (Value::Null, Some(failure)),
    };
    match (row.comes, failure) {
        (Output(expected), None) => assert_holds(name, &output, &expected),
        (Events(expected), None) => assert_eq!(output, expected, "{name}"),
        (Failure(kind, retryable), Some(failure)) => {
            // What a provider cannot do, or was not to be asked, is not of the caller's making.
            let theirs = failure.kind == Kind::Unsupported && failure.source == Source::Caller;
            assert!(!theirs, "{name}: {failure}");
            assert_eq!(
                (failure.kind, failure.retryable),
                (kind, retryable),
                "{name}: {failure}"
            );
        }
        (Blames(kind, field), Some(failure)) => {
            assert_eq!(
                (failure.kind, failure.field.as_deref()),
                (kind, Some(field)),
                "{name}: {failure}"
            );
        }
        (_, failure) => panic!("{name}: {output} {failure:?}"),
    }
    assert_eq!(provider.seen().len(), asked, "{name}");
}

fn assert_holds(name: &str, output: &Value, expected: &Value) {
    match expected {
        Value::Object(fields) => {
            for (field, expected) in fields {
                assert_holds(&format!("{name}.{field}"), &output[field], expected);
            }
        }
        expected => assert_eq!(output, expected, "{name}"),
    }
}

/// A whole answer of a model, changed by `patch`; null takes a field out.
pub fn whole(patch: Value) -> Value {
    patched(
        json!({
            "id": "c1", "model": "m1",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }),
        patch,
    )
}

/// As [`whole`], with other fields of its choice.
pub fn choice(patch: Value) -> Value {
    let plain = json!({"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"});
    whole(json!({"choices": [patched(plain, patch)]}))
}

fn patched(mut plain: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else {
        panic!("no object")
    };
    for (name, value) in patch {
        plain[name] = value;
    }
    plain
}

/// A chunk that says something.
pub fn said(text: &str) -> Value {
    json!({"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

/// The chunk that ends an answer.
pub fn stop() -> Value {
    json!({"id": "c1", "model": "m1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
}

/// A stream of these chunks; a string is sent as it is.
pub fn stream(chunks: impl IntoIterator<Item = Value>) -> Canned {
    let text: String = chunks
        .into_iter()
        .map(|chunk| match chunk {
            Value::String(text) => text,
            chunk => format!("data: {chunk}\n\n"),
        })
        .collect();
    Canned::text(200, &text).header("content-type", "text/event-stream")
}

/// The end of a stream.
pub fn done() -> Value {
    json!("data: [DONE]\n\n")
}

fn start() -> Value {
    json!({"type": "start", "id": "under-test~c1", "model": "m1"})
}

fn delta(text: &str) -> Value {
    json!({"type": "delta", "text": text})
}

fn ended() -> Value {
    json!({"type": "end", "finish": "stop"})
}

/// Of a conversation's whole answer.
pub fn complete(name: &'static str, answer: Canned, comes: Comes) -> Row {
    Row {
        name,
        kind: "openai",
        operation: "ai.chat.complete",
        input: hello(),
        answers: vec![answer],
        comes,
    }
}

/// Of a conversation's streamed answer.
pub fn streamed(name: &'static str, answer: Canned, comes: Comes) -> Row {
    Row {
        operation: "ai.chat.stream",
        ..complete(name, answer, comes)
    }
}

fn ok(body: Value) -> Canned {
    Canned::json(200, body)
}

fn as_json(body: Value) -> Canned {
    ok(body).header("content-type", "application/json")
}

fn hi() -> Comes {
    let message = json!({"role": "assistant", "content": "Hi"});
    Output(json!({"message": message, "finish": "stop"}))
}

fn hi_events() -> Comes {
    Events(json!([start(), delta("Hi"), ended()]))
}

#[tokio::test]
async fn whole_answers_of_models() {
    let finish = |word: &str| ok(choice(json!({"finish_reason": word})));
    let counted = json!({"usage": {"input_tokens": 3, "output_tokens": 0}});
    let parts =
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Hi"}]);
    let failing = json!([{"index": 0, "error": {"code": 502, "message": "m"}, "finish_reason": "error",
        "message": {"role": "assistant", "content": ""}}]);
    let failed = || Failure(Kind::UpstreamFailed, true);
    let limited = |name, answer, comes| Row {
        input: json!({"model": "m", "prompt": "Hello", "max_tokens": 5}),
        ..complete(name, answer, comes)
    };
    let extra = |status| {
        let detail = json!([{"type": "extra_forbidden", "loc": ["body", "max_tokens"]}]);
        Canned::json(
            status,
            json!({"object": "error", "message": {"detail": detail}, "code": null}),
        )
    };
    let rows = [
        complete(
            "no id",
            ok(whole(json!({"id": null}))),
            Output(json!({"id": null, "model": "m1"})),
        ),
        complete(
            "no model",
            ok(whole(json!({"model": null}))),
            Output(json!({"id": "under-test~c1", "model": "m"})),
        ),
        complete(
            "id a number",
            ok(whole(json!({"id": 7}))),
            Output(json!({"id": "under-test~7"})),
        ),
        complete(
            "parts",
            ok(choice(json!({"message": {"content": parts}}))),
            Output(json!({
            "message": {"role": "assistant", "content": "Hi"}, "reasoning": "hm"})),
        ),
        complete(
            "reasoning",
            ok(choice(json!({"message": {"content": "Hi", "reasoning": "hm"}}))),
            Output(json!({"reasoning": "hm"})),
        ),
        complete(
            "refusal empty",
            ok(choice(json!({"message": {"content": "Hi", "refusal": ""}}))),
            hi(),
        ),
        complete(
            "refusal",
            ok(choice(json!({"message": {"content": null, "refusal": "no"}}))),
            Output(
                json!({"message": {"role": "assistant", "content": [{"type": "refusal", "text": "no"}]},
                "finish": "filter"}),
            ),
        ),
        complete(
            "usage empty",
            ok(whole(json!({"usage": {}}))),
            Output(json!({"usage": null})),
        ),
        complete(
            "usage null within",
            ok(whole(json!({"usage": {"prompt_tokens": 3, "completion_tokens": null}}))),
            Output(counted.clone()),
        ),
        complete(
            "usage as texts",
            ok(whole(
                json!({"usage": {"prompt_tokens": "3", "completion_tokens": 0.0}}),
            )),
            Output(counted),
        ),
        complete("finish end_turn", finish("end_turn"), hi()),
        complete("finish eos", finish("eos"), hi()),
        complete(
            "finish empty",
            finish(""),
            Output(json!({"finish": null, "raw_finish": null})),
        ),
        complete(
            "finish model_length",
            finish("model_length"),
            Output(json!({"finish": "length"})),
        ),
        complete("finish tool_use", finish("tool_use"), Output(json!({"finish": "tool"}))),
        complete("finish SAFETY", finish("SAFETY"), Output(json!({"finish": "filter"}))),
        complete(
            "finish unheard of",
            finish("dream"),
            Output(json!({"finish": "other", "raw_finish": "dream"})),
        ),
        complete("finish error", finish("error"), failed()),
        complete("overloaded", finish("insufficient_system_resource"), failed()),
        complete("an error in a choice", ok(whole(json!({"choices": failing}))), failed()),
        complete(
            "error beside",
            ok(whole(json!({"error": {"code": 503, "message": "m"}}))),
            failed(),
        ),
        complete("error null", ok(whole(json!({"error": null}))), hi()),
        complete(
            "an error as a success",
            ok(json!({"error": {"code": "429"}})),
            Failure(Kind::UpstreamRateLimited, true),
        ),
        complete(
            "no money as a success",
            ok(json!({"error": {"code": 402}})),
            Failure(Kind::UpstreamRateLimited, false),
        ),
        complete("detail as a success", ok(json!({"detail": "m"})), failed()),
        complete(
            "message and code as a success",
            ok(json!({"message": "m", "code": "x"})),
            failed(),
        ),
        complete(
            "object error as a success",
            ok(json!({"object": "error", "message": "m", "code": 400})),
            Failure(Kind::UpstreamFailed, false),
        ),
        complete("nothing", ok(json!({})), Failure(Kind::UpstreamFailed, false)),
        complete(
            "no message",
            ok(json!({"choices": [{"text": "Hi"}]})),
            Failure(Kind::UpstreamFailed, false),
        ),
        complete(
            "byte order mark",
            Canned::text(200, &format!("\u{feff}{}", whole(json!({})))),
            hi(),
        ),
        complete(
            "blank lines before",
            Canned::text(200, &format!("\n\n{}", whole(json!({})))),
            hi(),
        ),
        complete(
            "half a character",
            Canned::text(
                200,
                r#"{"choices":[{"message":{"content":"a\ud83d"},"finish_reason":"stop"}]}"#,
            ),
            Output(json!({"message": {"role": "assistant", "content": "a\u{fffd}"}})),
        ),
        complete(
            "no money",
            Canned::json(402, json!({"error": {"message": "m", "code": 402}})),
            Failure(Kind::UpstreamRateLimited, false),
        ),
        complete(
            "no money, by its sentence",
            Canned::json(400, json!({"error": {"message": "Insufficient Balance"}})),
            Failure(Kind::UpstreamRateLimited, false),
        ),
        complete(
            "too large",
            Canned::text(413, "<html>"),
            Failure(Kind::InvalidInput, false),
        ),
        complete(
            "a proxy's credential",
            Canned::text(407, ""),
            Failure(Kind::UpstreamAuth, false),
        ),
        limited("our own parameter", extra(422), Failure(Kind::Unsupported, false)),
        limited(
            "our own parameter, within",
            extra(200),
            Failure(Kind::Unsupported, false),
        ),
        limited(
            "a value within",
            ok(json!({"error": {"code": "unsupported_value", "message": "m", "param": "max_tokens"}})),
            Blames(Kind::InvalidInput, "max_tokens"),
        ),
        complete(
            "a parameter that was not sent",
            ok(json!({"error": {"message": "'stream' is not supported"}})),
            Failure(Kind::UpstreamFailed, true),
        ),
        streamed(
            "a parameter within a stream",
            stream([json!({"error": {"message": "'stream' is not supported"}})]),
            Failure(Kind::Unsupported, false),
        ),
    ];
    for row in rows {
        hold(row).await;
    }
}

#[tokio::test]
async fn streamed_answers_of_models() {
    let events = |events: Value| Events(events);
    let with = |chunk: Value| stream([said("Hi"), chunk, stop(), done()]);
    let cut_by = |chunk: Value| stream([said("He"), chunk, done()]);
    let usage = |output: u64| json!({"prompt_tokens": 3, "completion_tokens": output, "total_tokens": 3 + output});
    let counting = |chunk: Value, output: u64| patched(chunk, json!({"usage": usage(output)}));
    let counted = json!({"type": "usage", "usage": {"input_tokens": 3, "output_tokens": 2}});
    let usage_alone = |choices: Value| json!({"id": "c1", "choices": choices, "usage": usage(2)});
    let hi_counted = || Events(json!([start(), delta("Hi"), counted, ended()]));
    let thought = |name: &str| json!({"id": "c1", "model": "m1", "choices": [{"delta": {name: "hm"}}]});
    let failed = || Failure(Kind::UpstreamFailed, true);
    let half = |half: &str| {
        json!(format!(
            "data: {{\"id\":\"c1\",\"model\":\"m1\",\"choices\":[{{\"delta\":{{\"content\":\"{half}\"}}}}]}}\n\n"
        ))
    };
    let azure = json!({"id": "", "model": "", "object": "", "created": 0, "choices": [], "prompt_filter_results": []});
    let no_id = |text: &str| json!({"choices": [{"delta": {"content": text}, "finish_reason": "stop"}]});
    let rows = [
        streamed("choices null", with(usage_alone(json!(null))), hi_counted()),
        streamed("usage without choices", with(usage_alone(json!([]))), hi_counted()),
        streamed("data empty", with(json!("data: \n\n")), hi_events()),
        streamed(
            "comments and pings",
            with(json!(
                ": ping\n\nevent: ping\ndata: {}\n\ndata: {\"type\":\"ping\"}\n\n"
            )),
            hi_events(),
        ),
        streamed(
            "delta null",
            with(json!({"id": "c1", "choices": [{"index": 0, "delta": null}]})),
            hi_events(),
        ),
        streamed(
            "index null",
            with(json!({"choices": [{"index": null, "delta": {"content": ""}}]})),
            hi_events(),
        ),
        streamed(
            "id and model null",
            with(json!({"id": null, "model": null, "choices": []})),
            hi_events(),
        ),
        streamed(
            "refusal empty",
            stream([
                json!({"id": "c1", "model": "m1", "choices": [
                {"delta": {"content": "Hi", "refusal": ""}, "finish_reason": ""}]}),
                stop(),
                done(),
            ]),
            hi_events(),
        ),
        streamed("filter first", stream([azure, said("Hi"), stop(), done()]), hi_events()),
        streamed(
            "no id at all",
            stream([no_id("Hi"), done()]),
            events(json!([{"type": "start", "model": "m"}, delta("Hi"), ended()])),
        ),
        streamed("no [DONE]", stream([said("Hi"), stop()]), hi_events()),
        streamed(
            "cumulative usage",
            stream([
                counting(said("H"), 1),
                counting(said("i"), 2),
                counting(stop(), 2),
                done(),
            ]),
            events(json!([start(), delta("H"), delta("i"), counted, ended()])),
        ),
        streamed(
            "usage of Groq",
            with(json!({"id": "c1", "choices": [], "x_groq": {"usage": usage(2)}})),
            hi_counted(),
        ),
        streamed(
            "reasoning",
            stream([
                thought("reasoning_content"),
                thought("reasoning"),
                said("Hi"),
                stop(),
                done(),
            ]),
            events(
                json!([start(), {"type": "reasoning", "text": "hm"}, {"type": "reasoning", "text": "hm"},
                delta("Hi"), ended()]),
            ),
        ),
        streamed(
            "halves of a character",
            stream([half("\\ud83d"), half("\\ude00"), stop(), done()]),
            events(json!([start(), delta("😀"), ended()])),
        ),
        streamed(
            "half a character",
            stream([half("a\\ud83d"), stop(), done()]),
            events(json!([start(), delta("a"), delta("\u{fffd}"), ended()])),
        ),
        streamed("JSON", as_json(whole(json!({}))), hi_counted()),
        streamed(
            "JSON that is an error",
            as_json(json!({"error": {"code": 500}})),
            failed(),
        ),
        streamed(
            "unheard-of finish",
            stream([json!({"id": "c1", "model": "m1", "choices": [
            {"delta": {"content": "Hi"}, "finish_reason": "dream"}]})]),
            events(json!([start(), delta("Hi"), {"type": "end", "finish": "other", "raw_finish": "dream"}])),
        ),
        streamed("detail", cut_by(json!({"detail": "m"})), failed()),
        streamed(
            "object error",
            cut_by(json!({"object": "error", "message": "m", "type": "T", "code": 400})),
            Failure(Kind::UpstreamFailed, false),
        ),
        streamed(
            "error_code",
            cut_by(json!({"text": "m", "error_code": 50001})),
            failed(),
        ),
        streamed(
            "event: error",
            cut_by(json!("event: error\ndata: {\"message\":\"m\"}\n\n")),
            failed(),
        ),
        streamed(
            "event: error, no JSON",
            cut_by(json!("event: error\ndata: m\n\n")),
            failed(),
        ),
        streamed("error as a text", cut_by(json!({"error": "m"})), failed()),
        streamed(
            "error of a number",
            stream([json!({"error": {"code": 429}}), done()]),
            Failure(Kind::UpstreamRateLimited, true),
        ),
        streamed(
            "error in a choice",
            cut_by(json!({"choices": [{"error": {"code": 502}, "delta": {}}]})),
            failed(),
        ),
        streamed(
            "finish error",
            cut_by(json!({"choices": [{"finish_reason": "error", "delta": {}}]})),
            failed(),
        ),
        streamed(
            "neither choices nor usage",
            cut_by(json!({"id": "c1"})),
            Failure(Kind::UpstreamFailed, false),
        ),
        streamed("cut", stream([said("He")]), failed()),
        streamed("nothing", stream([done()]), failed()),
    ];
    for row in rows {
        hold(row).await;
    }
}

#[tokio::test]
async fn lists_of_models() {
    let list = |name, body: Value, count: usize| Row {
        name,
        kind: "openai",
        operation: "ai.models.list",
        input: json!({}),
        answers: vec![ok(body)],
        comes: match count {
            0 => Output(json!({"items": []})),
            1 => Output(json!({"items": [{"id": "under-test~a", "name": "a"}]})),
            _ => Output(json!({"items": [
                {"id": "under-test~a", "name": "a", "created_at": "2023-11-14T22:13:20Z"},
                {"id": "under-test~b", "name": "b", "created_at": "2024-01-01T00:00:00Z"}]})),
        },
    };
    let two = json!([{"id": "a", "created": 1_700_000_000.0}, null, {"id": "b", "created": "2024-01-01"}, {"id": {}}]);
    let failing = |name, body: Value| Row {
        comes: Failure(Kind::UpstreamFailed, name == "an error"),
        ..list(name, body, 0)
    };
    for row in [
        list("null", json!({"object": "list", "data": null}), 0),
        list("within", json!({"data": two}), 2),
        list("bare", two.clone(), 2),
        list("models", json!({"models": [{"id": "a"}]}), 1),
        failing("an error", json!({"error": {"code": 500}})),
        failing("no list", json!({})),
    ] {
        hold(row).await;
    }
}

fn repo(patch: Value) -> Value {
    let plain = json!({"name": "b", "full_name": "a/b", "owner": {"login": "a"}, "private": false, "fork": false});
    patched(plain, patch)
}

fn of(kind: &'static str, operation: &'static str, input: Value) -> impl Fn(&'static str, Vec<Canned>, Comes) -> Row {
    move |name, answers, comes| Row {
        name,
        kind,
        operation,
        input: input.clone(),
        answers,
        comes,
    }
}

#[tokio::test]
async fn answers_of_forges() {
    let github = of("github", "git.repo.get", json!({"repo": "a/b"}));
    let github_file = of("github", "git.file.get", json!({"repo": "a/b", "path": "x"}));
    let gitea = of("gitea", "git.repo.get", json!({"repo": "a/b"}));
    let gitea_file = of("gitea", "git.file.get", json!({"repo": "a/b", "path": "d/x"}));
    let file = |patch: Value| {
        let plain = json!({"type": "file", "name": "x", "path": "d/x", "sha": "s1", "size": 5, "encoding": "base64",
            "content": ""});
        ok(patched(plain, patch))
    };
    let large = || file(json!({"size": (4 << 20) + 1}));
    let link = |target: &str| file(json!({"type": "symlink", "target": target, "content": null}));
    let hello = || Canned::text(200, "hello");
    let whole = || Output(json!({"size": 5, "content": "hello"}));
    let times = json!({"created_at": "2024-05-06 07:08:09", "updated_at": "0001-01-01T00:00:00Z"});
    let limited = || Failure(Kind::UpstreamRateLimited, true);
    let too_large =
        json!({"message": "too large", "errors": [{"resource": "Blob", "field": "data", "code": "too_large"}]});
    let blocked = json!({"message": "Repository access blocked"});
    let named = Output(json!({"name": "b", "owner": "a", "visibility": "private"}));
    let rows = [
        of("gitea", "git.branch.list", json!({"repo": "a/b"}))(
            "null list",
            vec![Canned::text(200, "null")],
            Output(json!({"items": []})),
        ),
        of("github", "git.repo.list", json!({}))(
            "null row",
            vec![ok(json!([repo(json!({})), null]))],
            Output(
                json!({"items": [{"id": "under-test~a/b", "name": "b", "path": "a/b", "owner": "a",
                "visibility": "public", "archived": false, "fork": false}]}),
            ),
        ),
        gitea(
            "null flag",
            vec![ok(repo(json!({"internal": null})))],
            Output(json!({"visibility": "public"})),
        ),
        gitea(
            "times",
            vec![ok(repo(times))],
            Output(json!({"created_at": "2024-05-06T07:08:09Z", "updated_at": null})),
        ),
        github("only its path", vec![ok(json!({"full_name": "a/b"}))], named),
        github(
            "blocked",
            vec![Canned::json(451, blocked)],
            Failure(Kind::Forbidden, false),
        ),
        github(
            "abuse",
            vec![Canned::json(
                403,
                json!({
            "message": "You have triggered an abuse detection mechanism."}),
            )],
            limited(),
        ),
        github(
            "limit without headers",
            vec![Canned::json(
                403,
                json!({
            "message": "API rate limit exceeded for 203.0.113.7."}),
            )],
            limited(),
        ),
        github_file(
            "too large",
            vec![Canned::json(403, too_large)],
            Failure(Kind::Unsupported, false),
        ),
        github_file("announced and not given", vec![file(json!({})), hello()], whole()),
        gitea_file("announced and not given", vec![file(json!({})), hello()], whole()),
        github_file("larger than we hold", vec![large()], Failure(Kind::Unsupported, false)),
        gitea_file("larger than we hold", vec![large()], Failure(Kind::Unsupported, false)),
        gitea_file(
            "cut",
            vec![file(json!({"size": 6})), hello()],
            Failure(Kind::UpstreamFailed, true),
        ),
        gitea_file(
            "really empty",
            vec![file(json!({"size": 0}))],
            Output(json!({"size": 0, "content": ""})),
        ),
        gitea_file("empty repository", vec![ok(json!([]))], Blames(Kind::NotFound, "path")),
        gitea_file(
            "a directory",
            vec![ok(json!([{"type": "file"}]))],
            Blames(Kind::InvalidInput, "path"),
        ),
        gitea_file(
            "a link",
            vec![link("../y"), file(json!({"path": "y", "content": "aGVsbG8="}))],
            Output(json!({"path": "y", "content": "hello"})),
        ),
        gitea_file(
            "a link to nothing",
            vec![link("y"), Canned::json(404, json!({}))],
            Blames(Kind::InvalidInput, "path"),
        ),
        gitea_file("a link out", vec![link("../../y")], Blames(Kind::InvalidInput, "path")),
    ];
    for row in rows {
        hold(row).await;
    }
}

#[tokio::test]
async fn answers_of_woodpecker_2_and_of_bookstack() {
    let pipeline = json!({"number": 7, "status": "failure", "created_at": 1_700_000_000, "started_at": 1_700_000_001,
        "finished_at": 1_700_000_100, "workflows": [{"name": "w", "children": [{"id": 12, "name": "test",
            "state": "failure", "exit_code": 2, "start_time": 1_700_000_011, "end_time": 1_700_000_020}]}]});
    let step = json!([{"id": "12", "name": "test", "group": "w", "status": "failure", "raw_status": "failure",
        "exit_code": 2, "started_at": "2023-11-14T22:13:31Z", "finished_at": "2023-11-14T22:13:40Z"}]);
    let page = || ok(json!({"id": 306, "book_id": 1, "name": "P", "html": "<p>x</p>", "markdown": ""}));
    let refused = Canned::json(403, json!({"error": {"message": "m", "code": 403}}));
    let bookstack = of("bookstack", "docs.page.get", json!({"page": "306"}));
    for row in [
        of("woodpecker", "cicd.run.get", json!({"run": "a/b#7"}))(
            "2.x",
            vec![ok(json!({"id": 5})), ok(pipeline)],
            Output(
                json!({"created_at": "2023-11-14T22:13:20Z", "started_at": "2023-11-14T22:13:21Z",
                "finished_at": "2023-11-14T22:15:00Z", "steps": step}),
            ),
        ),
        bookstack("no export", vec![page(), refused], Blames(Kind::Forbidden, "format")),
        bookstack(
            "sent away",
            vec![page(), Canned::text(302, "").header("location", "https://h.example/")],
            Blames(Kind::Forbidden, "format"),
        ),
    ] {
        hold(row).await;
    }
}

#[tokio::test]
async fn skipped_rows_are_told_in_the_head_of_the_answer() {
    let list = ok(json!([repo(json!({})), null, {"full_name": {}}]));
    let provider = Upstream::answering([list]).await;
    let call = Arc::new(upstream::call("git.repo.list", json!({}), false).expect("a sound input"));
    let answer = driver("github", &connection(&provider.url))
        .expect("connected")
        .call(call)
        .await;
    assert_eq!(answer.expect("answered").head.skipped, 2);
}

#[tokio::test]
async fn compression_that_nobody_asked_for_is_unpacked_or_refused() {
    // A repository, as gzip writes it.
    let packed = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xabVJ+\xcd\xc9\x89\xcfK\xccMU\xb2RJ\xd4OR\xd2Q*(\xca,K,\x01\xf2\xd3\x12s\x8aSk\x01\x1aT\xde\xac#\x00\x00\x00";
    let head = |coding: &str| format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n\r\n");
    for (coding, read) in [("gzip", true), ("x-unheard-of", false)] {
        let bytes = [head(coding).as_bytes(), packed].concat();
        let provider = RawUpstream::new(bytes, Then::Close).await;
        let outcome = ask(
            "github",
            &connection(&provider.url),
            "git.repo.get",
            json!({"repo": "a/b"}),
        )
        .await;
        match outcome {
            Ok(repo) => assert!(read && repo["path"] == "a/b", "{coding}: {repo}"),
            Err(failure) => assert!(!read && failure.message().contains("compressed"), "{coding}: {failure}"),
        }
    }
    let provider = Upstream::answering([ok(repo(json!({})))]).await;
    ask(
        "github",
        &connection(&provider.url),
        "git.repo.get",
        json!({"repo": "a/b"}),
    )
    .await
    .expect("answered");
    assert_eq!(provider.seen()[0].headers["accept-encoding"], "identity");
}

#[tokio::test]
async fn a_server_without_the_route_of_its_health_check_is_well() {
    for kind in [
        "anthropic",
        "bookstack",
        "gitea",
        "github",
        "jenkins",
        "notion",
        "openai",
        "woodpecker",
    ] {
        // Others have always the route that they are asked for: see where nothing of the API is.
        let may_lack = matches!(kind, "anthropic" | "notion" | "openai");
        for (status, well) in [
            (200, true),
            (404, may_lack),
            (405, may_lack),
            (401, false),
            (500, false),
        ] {
            let provider = Upstream::answering([Canned::json(status, json!({"detail": "Not Found"}))]).await;
            let health = driver(kind, &connection(&provider.url)).expect(kind).health().await;
            assert_eq!(health.is_ok(), well, "{kind} {status}");
        }
    }
    let provider = Upstream::answering([Canned::json(404, json!({}))]).await;
    let offers = driver("openai", &connection(&provider.url))
        .expect("connected")
        .offers()
        .await;
    assert_eq!(offers.expect("no list"), None);
}

#[tokio::test]
async fn a4_parameters_are_sent_by_the_names_that_a_server_knows() {
    let input = json!({"model": "m", "prompt": "Hello", "max_tokens": 5});
    for (settings, operation, sent, not_sent) in [
        ("", "ai.chat.complete", "max_tokens", "max_completion_tokens"),
        (
            "token_limit = \"max_completion_tokens\"",
            "ai.chat.complete",
            "max_completion_tokens",
            "max_tokens",
        ),
        ("", "ai.chat.stream", "stream_options", "max_completion_tokens"),
        ("stream_options = false", "ai.chat.stream", "stream", "stream_options"),
    ] {
        let provider = Upstream::answering([stream([said("Hi"), stop()])]).await;
        let mut connection = connection(&provider.url);
        connection.settings = toml::from_str(settings).expect("TOML");
        // Whether the answer suits does not matter here.
        let _answer = ask("openai", &connection, operation, input.clone()).await;
        let body: Value = serde_json::from_slice(&provider.seen()[0].body).expect("JSON");
        assert!(
            body.get(sent).is_some() && body.get(not_sent).is_none(),
            "{settings}: {body}"
        );
    }
    let provider = Upstream::answering([]).await;
    for odd in ["token_limit = \"tokens\"", "spent_pause_s = 90000"] {
        let mut connection = connection(&provider.url);
        connection.settings = toml::from_str(odd).expect("TOML");
        let field = odd.split(' ').next().expect("a name");
        let failure = driver("openai", &connection).err().expect(odd);
        assert_eq!(failure.field.as_deref(), Some(&*format!("settings.{field}")));
    }
}

#[tokio::test]
async fn an_account_that_is_spent_is_left_alone_for_as_long_as_is_set() {
    let spent = || Canned::json(429, json!({"error": {"code": "insufficient_quota"}}));
    let within = || ok(json!({"error": {"code": "insufficient_quota"}}));
    for (settings, answer, seconds) in [
        ("", spent(), 300),
        ("spent_pause_s = 7", spent(), 7),
        ("", within(), 300),
    ] {
        let provider = Upstream::answering([answer]).await;
        let mut connection = connection(&provider.url);
        connection.settings = toml::from_str(settings).expect("TOML");
        let failure = ask("openai", &connection, "ai.chat.complete", hello())
            .await
            .expect_err("spent");
        assert!(!failure.retryable && failure.unbilled);
        assert_eq!(
            failure.retry_after.map(|wait| wait.as_secs()),
            Some(seconds),
            "{settings}"
        );
    }
}

#[tokio::test]
async fn a_failure_names_the_provider_s_code_and_the_place() {
    let coded = Canned::json(500, json!({"error": {"code": "engine_died", "message": "m"}}));
    let provider = Upstream::answering([coded]).await;
    let failure = ask("openai", &connection(&provider.url), "ai.chat.complete", hello())
        .await
        .expect_err("500");
    assert!(failure.message().contains("engine_died"), "{failure}");
    let rows = Canned::json(200, json!([{"full_name": {}}]));
    let provider = Upstream::answering([rows]).await;
    let failure = ask("github", &connection(&provider.url), "git.repo.list", json!({}))
        .await
        .expect_err("unread");
    assert!(failure.message().contains("[0].full_name"), "{failure}");
}
