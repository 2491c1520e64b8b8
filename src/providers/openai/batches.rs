//! The requests that serve batches. OpenAI keeps one in files: its requests are uploaded first.
//!
//! Invariant: a batch that was refused leaves no file behind, and where one may be left, the failure names it; where nobody
//! waits for that any more, [`Unfinished`] sees to it.

use std::sync::Arc;

use bytes::Bytes;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;
use serde::de::DeserializeOwned;

use super::batch_convert::{CHAT, EMBEDDINGS, batch};
use super::batch_wire::{BatchRequest, File, RequestBody, RequestLine, Rows};
use super::refuse::Sent;
use super::request::request as asked;
use super::unfinished::Unfinished;
use super::{OpenAi, batch_wire, embed, refuse};
use crate::catalogue::Page;
use crate::catalogue::ai::{
    Batch, BatchCancel, BatchCreate, BatchCreateInput, BatchGet, BatchList, BatchWork, Warning,
};
use crate::leisure::at_leisure;
use crate::providers::ai::results::of_requests;
use crate::providers::http::{Fault, Form, Received, Row};
use crate::providers::{Reply, Request};

/// The most requests of a batch.
const MOST_REQUESTS: usize = 50_000;
/// The most texts of all requests for vectors.
const MOST_TEXTS: usize = 50_000;
/// The largest file of requests, in bytes.
const LARGEST: usize = 200_000_000;

pub async fn create(openai: Arc<OpenAi>, request: Request<BatchCreate>) -> Result<Reply<Batch>, Failure> {
    let input = &request.input;
    let (lines, warnings) = at_leisure(usize::MAX, || lines(&openai, input, LARGEST))?;
    let mut begun = Unfinished::new(&openai, &request.instance);
    let made = made(&openai, lines, input.work(), &mut begun).await;
    begun.end();
    let (received, file) = made?;
    let row = received
        .row::<batch_wire::Batch>(request.include_raw)
        .map_err(|failure| kept(failure, &file))?;
    Ok(received.reply(batch(&request.instance, row, warnings)))
}

/// Has the provider make a batch of the requests; its answer, and the file of them.
async fn made(
    openai: &OpenAi,
    lines: Bytes,
    work: BatchWork,
    begun: &mut Unfinished,
) -> Result<(Received, String), Failure> {
    let file = upload(openai, lines).await?.id;
    begun.kept(&file);
    let body = BatchRequest {
        input_file_id: &file,
        endpoint: endpoint(work),
        completion_window: "24h",
    };
    let sent = match openai.endpoint.post(&["batches"], &body) {
        Ok(outgoing) => {
            begun.asked(&file);
            openai.endpoint.send(outgoing).await
        }
        Err(failure) => Err(failure),
    };
    match sent {
        Ok(received) => Ok((received, file)),
        Err(failure) if !failure.unsent && failure.kind.leaves_in_doubt() => Err(kept(of_requests(failure), &file)),
        Err(failure) => {
            begun.kept(&file);
            Err(without_file(openai, &file, of_requests(failure)).await)
        }
    }
}

/// What all requests are sent to.
fn endpoint(work: BatchWork) -> &'static str {
    match work {
        BatchWork::Embeddings => EMBEDDINGS,
        BatchWork::Chat | BatchWork::Other => CHAT,
    }
}

/// The file of requests, one a line, and what of them is not in it.
fn lines(openai: &OpenAi, input: &BatchCreateInput, largest: usize) -> Result<(Bytes, Vec<Warning>), Failure> {
    let too_many = |sentence: String| Failure::unsupported_field("requests", sentence).never_sent();
    if input.requests.len() > MOST_REQUESTS {
        return Err(too_many(format!(
            "this provider takes at most {MOST_REQUESTS} requests in a batch"
        )));
    }
    let texts = input.requests.iter().filter_map(|one| one.embeddings.as_ref());
    if texts.map(|one| one.texts.len()).sum::<usize>() > MOST_TEXTS {
        return Err(too_many(format!(
            "this provider takes at most {MOST_TEXTS} texts in a batch"
        )));
    }
    let url = endpoint(input.work());
    let (mut lines, mut warnings) = (vec![], vec![]);
    for (at, one) in input.requests.iter().enumerate() {
        let native = one
            .model()
            .map_or_else(|| Arc::from(""), |model| model.resource().native().clone());
        let body = match (&one.chat, &one.embeddings) {
            (Some(chat), _) => asked(&openai.profile, &native, chat, false).map(|asked| {
                warnings.extend(asked.warnings.into_iter().map(|warning| {
                    let field = input.place(at, &warning.field);
                    Warning { field, ..warning }
                }));
                RequestBody::Chat(Box::new(asked.body))
            }),
            (None, Some(texts)) => embed::listed(&openai.profile, &native, texts).map(RequestBody::Embeddings),
            (None, None) => Err(Failure::invalid("", "it asks for nothing").never_sent()),
        };
        let line = RequestLine {
            custom_id: &one.custom_id,
            method: "POST",
            url,
            body: body.map_err(|failure| input.fault(at, failure))?,
        };
        serde_json::to_writer(&mut lines, &line)
            .map_err(|error| Failure::new(Kind::Internal, "a request could not be serialised").because(error))?;
        lines.push(b'\n');
        if lines.len() > largest {
            return Err(too_many(format!(
                "this provider takes at most {largest} bytes of requests in a batch"
            )));
        }
    }
    Ok((lines.into(), warnings))
}

/// Has the provider keep the file of requests. Without it there is no batch, so that all may be asked for again; a file
/// that was kept all the same is taken away by the provider after a month.
async fn upload(openai: &OpenAi, lines: Bytes) -> Result<File, Failure> {
    let lines = Upload::replayable(Arc::from("application/jsonl"), None, lines);
    let form = Form::new("file", "requests.jsonl", Arc::new(lines))?.field("purpose", "batch");
    let outgoing = openai.endpoint.post_form(&["files"], form)?;
    let sent = openai.endpoint.send(outgoing).await;
    let file = sent.and_then(|received| received.json::<File>());
    file.map_err(|failure| {
        let may_be_kept = !failure.unsent && failure.kind.leaves_in_doubt();
        let failure = of_requests(failure).never_sent().never_billed();
        match may_be_kept {
            true => failure.also("no batch was made; a file of its requests may be left at the provider"),
            false => failure,
        }
    })
}

/// Takes the file of requests away where surely no batch was made of it.
async fn without_file(openai: &OpenAi, file: &str, failure: Failure) -> Failure {
    let removal = openai.endpoint.delete(&["files", file]);
    let removed = match removal {
        Ok(outgoing) => openai.endpoint.send(outgoing).await.map(drop),
        Err(failure) => Err(failure),
    };
    match removed {
        Ok(()) => failure,
        Err(_) => failure.also(&format!("{} of its requests is left at the provider", named(file))),
    }
}

/// A failure of which nobody knows whether there is a batch.
fn kept(failure: Failure, file: &str) -> Failure {
    let file = named(file);
    failure.also(&format!(
        "{file} of its requests is left at the provider, and ai.batch.list tells whether a batch was made of it"
    ))
}

/// A file by its id, where that is a plain word.
fn named(file: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match (1..=128).contains(&file.len()) && file.bytes().all(plain) {
        true => format!("the file {file}"),
        false => "the file".to_owned(),
    }
}

pub async fn list(openai: Arc<OpenAi>, request: Request<BatchList>) -> Result<Reply<Page<Batch>>, Failure> {
    let outgoing = openai.endpoint.get(&["batches"])?;
    let outgoing = outgoing
        .query_if("limit", request.limit())
        .query_if("after", request.cursor());
    let received = openai.endpoint.send(outgoing).await?;
    let (rows, next) = listed(&received, request.include_raw, |batch: &batch_wire::Batch| &batch.id)?;
    let items = rows.into_iter().map(|row| batch(&request.instance, row, vec![]));
    Ok(received.reply(Page::new(items.collect(), next)))
}

/// The rows of a page, and where the next one begins.
pub fn listed<T: DeserializeOwned>(
    received: &Received,
    with_raw: bool,
    id: impl Fn(&T) -> &String,
) -> Result<(Vec<Row<T>>, Option<String>), Failure> {
    let list: Rows = received.json()?;
    let Some(data) = list.data else {
        return Err(no_list(received));
    };
    let rows: Vec<Row<T>> = received.rows_of(&data, with_raw)?;
    // It goes on behind the last row, whatever else is said.
    let more = list.has_more == Some(true);
    let next = rows.last().map(|row| id(&row.wire).clone()).filter(|_| more);
    Ok((rows, next))
}

fn no_list(received: &Received) -> Failure {
    match received.json().ok().as_ref().and_then(Fault::within) {
        Some(fault) => received.blame(refuse::within(&fault, Sent::default())),
        None => received.unusable("the answer is not as expected at data"),
    }
}

pub async fn get(openai: Arc<OpenAi>, request: Request<BatchGet>) -> Result<Reply<Batch>, Failure> {
    let one = openai.endpoint.get(&["batches", &request.native])?;
    let convert = |instance: &Arc<str>, row| batch(instance, row, vec![]);
    openai.endpoint.answer(one, &request, convert).await
}

pub async fn cancel(openai: Arc<OpenAi>, request: Request<BatchCancel>) -> Result<Reply<Batch>, Failure> {
    let order = openai
        .endpoint
        .bare(http::Method::POST, &["batches", &request.native, "cancel"])?;
    let convert = |instance: &Arc<str>, row| batch(instance, row, vec![]);
    openai.endpoint.answer(order, &request, convert).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::providers::Provider;
    use crate::providers::http::endpoint::tests::connection;

    fn written(requests: Value, largest: usize) -> Result<(Bytes, Vec<Warning>), Failure> {
        let input = serde_json::from_value(json!({ "requests": requests })).expect("read");
        let openai = OpenAi::connect(&connection(None)).expect("connected");
        lines(&openai, &input, largest)
    }

    fn chat(id: usize) -> Value {
        json!({"custom_id": id.to_string(), "chat": {"model": "x~m", "prompt": "p"}})
    }

    #[test]
    fn a16_no_more_is_sent_than_the_provider_takes() {
        let many: Vec<Value> = (0..=MOST_REQUESTS).map(chat).collect();
        let texts =
            |id: usize| json!({"custom_id": id.to_string(), "embeddings": {"model": "m", "texts": vec!["t"; 2048]}});
        let (one, _) = written(json!([chat(7)]), LARGEST).expect("written");
        for (requests, largest) in [
            (Value::from(many), LARGEST),
            ((0..25).map(texts).collect(), LARGEST),
            (json!([chat(7)]), one.len() - 1),
        ] {
            let refused = written(requests, largest).expect_err("too many");
            assert_eq!(refused.field.as_deref(), Some("requests"));
            assert!(refused.unsent, "{refused}");
        }
        assert!(written((0..24).map(texts).collect(), LARGEST).is_ok());
        assert!(written(json!([chat(7)]), one.len()).is_ok());
    }

    #[test]
    fn a_request_is_a_line_and_its_fault_has_its_place() {
        let requests = json!([chat(1), {"custom_id": "b", "chat": {"model": "m",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "a\nb", "cache": "5m"}]}]}}]);
        let (bytes, warnings) = written(requests, LARGEST).expect("written");
        let text = std::str::from_utf8(&bytes).expect("text");
        let rows: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!((rows.len(), &rows[0]["custom_id"]), (2, &json!("1")));
        // The instance is ours alone.
        assert_eq!(
            (&rows[0]["body"]["model"], &rows[1]["url"]),
            (&json!("m"), &json!(CHAT))
        );
        let places: Vec<&str> = warnings.iter().map(|warning| &*warning.field).collect();
        assert_eq!(places, ["requests[1].chat.messages[0].content[0].cache"]);
        let wrong = json!([chat(1), {"custom_id": "b", "chat": {"model": "m", "prompt": "p", "top_k": 3}}]);
        let refused = written(wrong, LARGEST).expect_err("not taken");
        assert_eq!(refused.field.as_deref(), Some("requests[1].chat.top_k"));
    }

    #[test]
    fn a_file_is_named_by_a_plain_word_alone() {
        assert_eq!(named("file-abc_1"), "the file file-abc_1");
        for odd in ["", "a b", "<script>", "é", &"x".repeat(129)] {
            assert_eq!(named(odd), "the file");
        }
    }
}
