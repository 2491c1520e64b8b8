//! Rust, by the operation's name: what surfaces of other hands stand on.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use mosaic::dispatch::Invocation;
use mosaic::{Failure, failures};
use mosaic_actors::call::{Answer, Body};
use mosaic_actors::stream::{ByteStream, Frame};
use serde_json::{Value, json};

use super::{Asked, Way};
use crate::neutral::{Outcome, Told, answered, came, refused};
use crate::stage::Stage;

/// The surface.
pub struct Invoked;

impl Way for Invoked {
    fn name(&self) -> &'static str {
        "Rust, by name"
    }

    fn has_keys(&self) -> bool {
        false
    }

    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told> {
        async move {
            let invocation = Invocation {
                entry: asked.entry,
                input: Value::Object(asked.input.clone()),
                caller: stage.caller.clone(),
                options: asked.options.clone(),
                upload: asked.upload().map(Arc::new),
            };
            match stage.gateway.dispatcher().invoke(invocation).await {
                Ok(answer) => told(answer).await.unwrap_or_else(failed),
                Err(failure) => failed(failure),
            }
        }
        .boxed()
    }
}

async fn told(answer: Answer) -> Result<Told, Failure> {
    match answer.body {
        Body::Bytes(bytes) => {
            let mut told = answered(serde_json::from_slice(&bytes).expect("JSON"));
            told.decision = answer.head.decision.as_deref().map(|decision| json!(decision));
            Ok(told)
        }
        Body::Raw(file) => of_file(file).await,
        Body::Stream(frames) => {
            let read = |frame: Result<Frame, Failure>| -> Result<Value, Failure> {
                Ok(serde_json::from_slice(&frame?.json()?).expect("JSON"))
            };
            Ok(came(Outcome::Events(frames.map(read).try_collect().await?)))
        }
    }
}

/// A file, whole.
pub async fn of_file(file: ByteStream) -> Result<Told, Failure> {
    let pieces: Vec<Bytes> = file.bytes.try_collect().await?;
    Ok(came(Outcome::File {
        media_type: Some(file.media_type.to_string()),
        bytes: pieces.concat(),
    }))
}

/// A failure by the members that a problem has for them.
pub fn failed(failure: Failure) -> Told {
    let mut document = json!({
        "code": failure.kind.code(),
        "detail": failures::detail(&failure),
        "source": failure.source,
        "retryable": failure.retryable,
    });
    if let Some(wait) = failure.retry_after {
        document["retry_after_ms"] = json!(u64::try_from(wait.as_millis()).expect("a while"));
    }
    for (name, text) in [("field", &failure.field), ("provider", &failure.provider)] {
        if let Some(text) = text {
            document[name] = json!(text);
        }
    }
    if failure.in_doubt {
        document["outcome"] = json!("unknown");
    }
    // Of one alone the failure itself tells.
    if failure.tried().len() > 1 {
        let tried = failure.tried().iter();
        document["tried"] = tried
            .map(|tried| json!({ "provider": tried.instance, "code": tried.kind.code() }))
            .collect();
    }
    if let Some(decision) = &failure.decision {
        document["decision"] = json!(decision);
    }
    refused(&document)
}
