//! The lines of a batch's files: its requests, and what came of them. Pure.
//!
//! Invariant: a request of a batch is read as the same request would be by itself; a fault in one is told with its line.

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::super::dialect::fields::{Fields, must, read};
use super::super::dialect::refused::renamed;
use super::super::dialect::{lines, time};
use super::{chat_input, chat_said, embeddings, error};
use crate::catalogue::ai::{BatchFailure, BatchRequest, BatchResult};
use crate::catalogue::fields::Name;
use crate::failures::status_of;

/// What conversations are asked by.
pub const CHAT: &str = "/v1/chat/completions";
/// What vectors are asked by.
pub const EMBEDDINGS: &str = "/v1/embeddings";

/// The requests of a file.
///
/// # Errors
/// `invalid_input` and `unsupported` on `input_file_id`, naming the line and the field.
pub fn requests(file: &[u8], endpoint: &str) -> Result<Vec<BatchRequest>, Failure> {
    let mut requests = Vec::new();
    for (at, line) in file.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let request = request(line, endpoint).map_err(|failure| {
            let sentence = format!("line {}: {}", at + 1, failure.message());
            renamed(failure, |_| Some("input_file_id".to_owned())).saying(sentence)
        });
        requests.push(request?);
    }
    Ok(requests)
}

fn request(line: &[u8], endpoint: &str) -> Result<BatchRequest, Failure> {
    let value: Value = serde_json::from_slice(line).map_err(|_| Failure::invalid("line", "this is not JSON"))?;
    let mut fields = Fields::of(String::new(), value)?;
    let custom_id = read::<Name>("custom_id", &Value::String(fields.required("custom_id")?))?;
    if fields.text("method")?.is_some_and(|method| method != "POST") {
        return Err(must("method", "be POST"));
    }
    let url = fields.required("url")?;
    if url != endpoint {
        return Err(must("url", &format!("be {endpoint}, as the batch's endpoint is")));
    }
    let body = fields.object("body")?.ok_or_else(|| fields.missing("body"))?;
    let body = Fields::whole(body.rest());
    fields.end()?;
    let mut request = BatchRequest {
        custom_id,
        ..BatchRequest::default()
    };
    match endpoint {
        EMBEDDINGS => request.embeddings = Some(embeddings::asked(body)?),
        _ => {
            let asked = chat_input::asked(body)?;
            if asked.stream {
                return Err(must("stream", "not be true in a batch"));
            }
            request.chat = Some(asked.input);
        }
    }
    Ok(request)
}

/// Writes one result; the end of them has no line.
///
/// # Errors
/// `upstream_failed` for a line of the provider's that could not be read.
pub fn result(result: BatchResult, out: &mut Vec<u8>) -> Result<(), Failure> {
    let (custom_id, status, body, code) = match result {
        BatchResult::Chat { custom_id, chat } => {
            let id = chat.id.clone().unwrap_or_else(|| format!("chatcmpl-{custom_id}"));
            let (completion, _) = chat_said::completion(&id, time::now(), &chat, false);
            (custom_id, 200, json!(completion), None)
        }
        BatchResult::Embeddings { custom_id, embeddings } => {
            let body = json!(embeddings::floats(&embeddings));
            (custom_id, 200, body, None)
        }
        BatchResult::Failed { custom_id, failure } => {
            let (status, body) = failed(&failure);
            (custom_id, status, body, None)
        }
        BatchResult::Cancelled { custom_id } => (custom_id, 0, Value::Null, Some("batch_cancelled")),
        BatchResult::Expired { custom_id } => (custom_id, 0, Value::Null, Some("batch_expired")),
        BatchResult::Unread { line, message } => {
            let sentence = format!("line {line} of the provider's results cannot be read: {message}");
            return Err(Failure::new(Kind::UpstreamFailed, sentence));
        }
        BatchResult::End { .. } => return Ok(()),
    };
    let id = format!("batch_req_{custom_id}");
    let line = match code {
        None => json!({"id": id, "custom_id": custom_id, "error": null,
            "response": {"status_code": status, "request_id": id, "body": body}}),
        Some(code) => json!({"id": id, "custom_id": custom_id, "response": null,
            "error": {"code": code, "message": "this request was not done"}}),
    };
    lines::write(&line, out)
}

/// A failed request, with the status that it would have had by itself.
fn failed(failure: &BatchFailure) -> (u16, Value) {
    let kind = Kind::ALL.into_iter().find(|kind| kind.code() == failure.code);
    let kind = kind.unwrap_or(Kind::UpstreamFailed);
    let mut told = Failure::new(kind, &failure.message);
    told.field = failure.field.as_deref().map(Into::into);
    told.retryable = failure.retryable;
    let problem = told.into();
    (status_of(kind).as_u16(), json!({ "error": error::told(&problem) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(url: &str, body: Value) -> String {
        json!({"custom_id": "a", "method": "POST", "url": url, "body": body}).to_string()
    }

    #[test]
    fn a_fault_in_a_request_is_told_with_its_line() {
        let sound = line(
            CHAT,
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
        );
        let read = requests(format!("{sound}\n\n{sound}").as_bytes(), CHAT).expect("read");
        assert_eq!(read.len(), 2);
        let texts = line(EMBEDDINGS, json!({"model": "m", "input": "hi"}));
        assert!(
            requests(texts.as_bytes(), EMBEDDINGS).expect("read")[0]
                .embeddings
                .is_some()
        );
        for (wrong, why) in [
            ("{".to_owned(), "line 2: this is not JSON"),
            (texts, "line 2: url must be /v1/chat/completions"),
            (line(CHAT, json!({"model": "m"})), "line 2: messages is missing"),
            (
                line(CHAT, json!({"model": "m", "messages": [], "n": 2})),
                "line 2: n cannot be had",
            ),
        ] {
            let failure = requests(format!("{sound}\n{wrong}").as_bytes(), CHAT).expect_err(why);
            assert_eq!(failure.field.as_deref(), Some("input_file_id"));
            assert!(failure.message().starts_with(why), "{failure}");
        }
    }

    #[test]
    fn each_result_is_a_line() {
        let told = |result_: BatchResult| {
            let mut out = Vec::new();
            result(result_, &mut out).expect("written");
            let line = String::from_utf8(out).expect("text");
            (!line.is_empty())
                .then(|| serde_json::from_str::<Value>(line.strip_suffix('\n').expect("a line")).expect("JSON"))
        };
        let id = || "a".to_owned();
        let failure = BatchFailure {
            code: "invalid_input".to_owned(),
            message: "too long".to_owned(),
            retryable: false,
            field: Some("messages".to_owned()),
            raw: None,
        };
        let failed = told(BatchResult::Failed {
            custom_id: id(),
            failure,
        })
        .expect("a line");
        assert_eq!(
            (&failed["response"]["status_code"], &failed["error"]),
            (&json!(400), &Value::Null)
        );
        assert_eq!(failed["response"]["body"]["error"]["param"], "messages");
        let expired = told(BatchResult::Expired { custom_id: id() }).expect("a line");
        assert_eq!(
            (&expired["custom_id"], &expired["error"]["code"]),
            (&json!("a"), &json!("batch_expired"))
        );
        assert_eq!(told(BatchResult::End { results: 2, unread: 0 }), None);
        let mut out = Vec::new();
        let unread = BatchResult::Unread {
            line: 3,
            message: "cut".to_owned(),
        };
        assert!(result(unread, &mut out).is_err() && out.is_empty());
    }
}
