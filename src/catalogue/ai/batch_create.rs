//! What a batch is made of.
//!
//! Invariant: no two requests of a batch have the same id, and all want the same kind of work at one instance.

use std::collections::HashSet;

use mosaic_actors::call::{Estimate, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::batch::{BATCH_OWNED, BATCHES, Batch, BatchWork};
use super::check::check;
use super::embedding::{EmbeddingsCreate, EmbeddingsInput};
use super::estimate;
use super::file::FILES;
use super::input::ChatInput;
use super::owned;
use crate::catalogue::fields::{ModelRef, Name};
use crate::catalogue::op::{Declaration, Op};
use crate::leisure::at_leisure;

/// The most requests that any provider takes.
const MOST: usize = 100_000;

/// One request of a batch: `chat` or `embeddings`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// What its result is told by; no other request of the batch has it.
    pub custom_id: Name,
    /// As `ai.chat.complete` takes it.
    pub chat: Option<ChatInput>,
    /// As `ai.embeddings.create` takes it, where the provider does such in batches.
    pub embeddings: Option<EmbeddingsInput>,
}

impl BatchRequest {
    /// The model that is asked.
    pub fn model(&self) -> Option<&ModelRef> {
        let chat = self.chat.as_ref().map(|chat| &chat.model);
        chat.or(self.embeddings.as_ref().map(|embeddings| &embeddings.model))
    }

    /// The tokens that it may take.
    fn guess(&self) -> Estimate {
        match (&self.chat, &self.embeddings) {
            (Some(chat), _) => estimate::chat(chat),
            (None, given) => estimate::texts(given.iter().flat_map(|given| &given.texts).map(String::as_str)),
        }
    }

    /// What it wants done.
    fn work(&self) -> Option<BatchWork> {
        match (&self.chat, &self.embeddings) {
            (Some(_), None) => Some(BatchWork::Chat),
            (None, Some(_)) => Some(BatchWork::Embeddings),
            _ => None,
        }
    }
}

/// Input of `ai.batch.create`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchCreateInput {
    /// The requests, all of one kind; `[{"custom_id": "a", "chat": {"model": "m", "prompt": "Hello"}}, …]`.
    pub requests: Vec<BatchRequest>,
}

impl BatchCreateInput {
    /// What it wants done.
    pub fn work(&self) -> BatchWork {
        let first = self.requests.first().and_then(BatchRequest::work);
        first.unwrap_or(BatchWork::Other)
    }

    /// Where a field of one request stands.
    pub fn place(&self, at: usize, field: &str) -> String {
        let kind = match self.requests.get(at).and_then(BatchRequest::work) {
            Some(BatchWork::Embeddings) => "embeddings",
            _ => "chat",
        };
        format!("requests[{at}].{kind}.{field}")
    }

    /// What is wrong with one request, as a failure of the whole.
    pub fn fault(&self, at: usize, mut failure: Failure) -> Failure {
        failure.field = failure.field.map(|field| self.place(at, &field).into());
        let sentence = format!("requests[{at}]: {}", failure.message());
        failure.saying(sentence)
    }
}

/// `ai.batch.create`
pub struct BatchCreate;

impl Op for BatchCreate {
    type Input = BatchCreateInput;
    type Output = Batch;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.batch.create",
        "/ai/batches",
        "Have many requests to models done within a day",
    )
    .orders_generations()
    .owned(BATCH_OWNED)
    .invalidates(&[BATCHES, FILES]);
    fn resource(input: &BatchCreateInput) -> Resource {
        let model = input.requests.first().and_then(BatchRequest::model);
        model.map_or_else(Resource::none, ModelRef::resource)
    }
    fn owned(input: &BatchCreateInput) -> Vec<Resource> {
        let chats = input.requests.iter().filter_map(|request| request.chat.as_ref());
        chats.flat_map(owned::files).collect()
    }
    fn estimate(input: &BatchCreateInput) -> Option<Estimate> {
        Some(at_leisure(usize::MAX, || {
            estimate::sum(input.requests.iter().map(BatchRequest::guess))
        }))
    }
    fn check(input: &BatchCreateInput) -> Result<(), Failure> {
        if input.requests.is_empty() || input.requests.len() > MOST {
            return Err(Failure::invalid("requests", format!("requests must be 1 to {MOST}")));
        }
        let (work, resource) = (input.work(), Self::resource(input));
        let mut ids = HashSet::with_capacity(input.requests.len());
        for (at, request) in input.requests.iter().enumerate() {
            let wrong = |field: &str, sentence: &str| {
                let place = format!("requests[{at}]{field}");
                Err(Failure::invalid(&place, format!("{place} {sentence}")))
            };
            if !ids.insert(&*request.custom_id) {
                return wrong(".custom_id", "is another request's, too");
            }
            match request.work() {
                None => return wrong("", "must have one of chat and embeddings"),
                Some(its) if its != work => return wrong("", "wants another kind of work than the first"),
                Some(_) => {}
            }
            let pinned = request.model().map(ModelRef::resource);
            if pinned.is_some_and(|pinned| pinned.instance() != resource.instance()) {
                return wrong(".model", "pins another provider than the first request's");
            }
            let checked = match (&request.chat, &request.embeddings) {
                (Some(chat), _) => check(chat),
                (None, Some(texts)) => EmbeddingsCreate::check(texts),
                (None, None) => Ok(()),
            };
            checked.map_err(|failure| input.fault(at, failure))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(requests: Value) -> String {
        let input: BatchCreateInput = serde_json::from_value(json!({ "requests": requests })).expect("read");
        let failure = BatchCreate::check(&input).expect_err("refused");
        failure.field.expect("a field").to_string()
    }

    #[test]
    fn what_no_provider_could_tell_apart_or_do_is_refused_by_its_place() {
        let chat = |id: &str| json!({"custom_id": id, "chat": {"model": "m", "prompt": "p"}});
        let texts = json!({"custom_id": "t", "embeddings": {"model": "m", "texts": ["x"]}});
        let at = |id: &str, model: &str| json!({"custom_id": id, "chat": {"model": model, "prompt": "p"}});
        for (requests, field) in [
            (json!([]), "requests"),
            (json!([chat("a"), chat("b"), chat("a")]), "requests[2].custom_id"),
            (json!([chat("a"), texts]), "requests[1]"),
            (json!([{"custom_id": "a"}]), "requests[0]"),
            (json!([at("a", "x~m"), at("b", "y~m")]), "requests[1].model"),
            (json!([at("a", "m"), at("b", "y~m")]), "requests[1].model"),
            (
                json!([chat("a"), {"custom_id": "b", "chat": {"model": "m"}}]),
                "requests[1].chat.messages",
            ),
            (
                json!([{"custom_id": "b", "embeddings": {"model": "m", "texts": []}}]),
                "requests[0].embeddings.texts",
            ),
        ] {
            assert_eq!(refused(requests.clone()), field, "{requests}");
        }
        let many: Vec<Value> = (0..=MOST).map(|at| chat(&at.to_string())).collect();
        assert_eq!(refused(many.into()), "requests");
    }

    #[test]
    fn it_goes_to_where_its_first_model_is() {
        let input = json!({"requests": [
            {"custom_id": "a", "chat": {"model": "x~m", "prompt": "p"}},
            {"custom_id": "b", "chat": {"model": "x~n", "prompt": "p"}}]});
        let input: BatchCreateInput = serde_json::from_value(input).expect("read");
        BatchCreate::check(&input).expect("sound");
        let resource = BatchCreate::resource(&input);
        assert_eq!(
            (resource.instance().map(|at| &**at), &**resource.native()),
            (Some("x"), "m")
        );
        assert_eq!(input.work(), BatchWork::Chat);
    }

    #[test]
    fn its_guess_is_that_of_all_its_requests() {
        let batch = |requests: Value| {
            let input = serde_json::from_value(json!({ "requests": requests })).expect("an input");
            let guess = BatchCreate::estimate(&input).expect("a guess");
            (guess.input_tokens, guess.max_output_tokens)
        };
        let chat =
            |most: Value| json!({"custom_id": "a", "chat": {"model": "m", "prompt": "four", "max_tokens": most}});
        let texts = json!({"custom_id": "b", "embeddings": {"model": "m", "texts": ["four", "fours"]}});
        assert_eq!(batch(json!([chat(json!(7)), chat(json!(8))])), (5 + 5, Some(15)));
        assert_eq!(batch(json!([chat(json!(7)), chat(json!(null))])), (5 + 5, None));
        assert_eq!(batch(json!([texts, texts])), (3 + 3, Some(0)));
    }
}
