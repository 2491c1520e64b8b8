//! Rust, by methods and types.
//!
//! Invariant: the operations here are those of the table; one that is missing is told by its name.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryStreamExt as _};
use mosaic::catalogue::Op;
use mosaic::dispatch::Options;
use mosaic::embed::{Request, Typed as Typing};
use mosaic::{Failure, Mosaic};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::rust::{failed, of_file};
use super::{Asked, Way};
use crate::neutral::{Outcome, Told, answered, came};
use crate::stage::Stage;

/// The surface.
pub struct Typed;

impl Way for Typed {
    fn name(&self) -> &'static str {
        "Rust"
    }

    fn has_keys(&self) -> bool {
        false
    }

    fn ask<'a>(&'a self, stage: &'a Stage, asked: &'a Asked) -> BoxFuture<'a, Told> {
        async move { by_method(stage, asked).await.unwrap_or_else(failed) }.boxed()
    }
}

macro_rules! methods {
    ($($service:ident $method:ident,)*) => {
        async fn by_method(stage: &Stage, asked: &Asked) -> Result<Told, Failure> {
            let wanted = asked.entry.name().replace('.', "_");
            $(
                if wanted == concat!(stringify!($service), "_", stringify!($method)) {
                    return made(stage, asked, |gateway, input| gateway.$service().$method(input)).await;
                }
            )*
            panic!("{wanted} is none of the methods here")
        }
    };
}

methods! {
    git repo_get,
    git repo_list,
    git repo_create,
    git repo_delete,
    git file_get,
    git file_download,
    git branch_list,
    git pr_list,
    projects issue_list,
    projects issue_create,
    projects issue_get,
    projects issue_update,
    projects label_list,
    cicd run_list,
    cicd run_get,
    cicd run_trigger,
    cicd log_get,
    cicd log_follow,
    docs page_get,
    docs page_create,
    docs space_list,
        docs search,
    docs attachment_upload,
    docs attachment_get,
    ai chat_complete,
    ai chat_stream,
    ai embeddings_create,
    ai models_list,
}

async fn made<O: Op>(
    stage: &Stage,
    asked: &Asked,
    request: impl FnOnce(&Mosaic, O::Input) -> Request<O>,
) -> Result<Told, Failure> {
    let input: O::Input = read(asked);
    let declaration = O::DECLARATION;
    // What a caller was granted alone is said of calls for somebody else.
    if stage.caller.scopes.is_some() {
        let (caller, options) = (stage.caller.clone(), asked.options.clone());
        return stage.gateway.call_as::<O>(input, caller, options).await.map(whole);
    }
    let request = request(&stage.gateway, input).by(stage.caller.tenant.clone(), stage.caller.identity.clone());
    let mut request = with(request, asked.options.clone());
    if let Some(file) = asked.upload() {
        request = request.upload(file);
    }
    if declaration.facts.streaming {
        let events = request.stream().await?.map_ok(|event| json!(event));
        return Ok(came(Outcome::Events(events.try_collect().await?)));
    }
    if declaration.bytes {
        return of_file(request.file().await?).await;
    }
    request.await.map(whole)
}

fn read<T: DeserializeOwned>(asked: &Asked) -> T {
    let input = Value::Object(asked.input.clone());
    serde_json::from_value(input).unwrap_or_else(|error| panic!("{error}: the row says what types cannot say"))
}

fn whole<T: serde::Serialize>(typed: Typing<T>) -> Told {
    let mut told = answered(json!(typed.value));
    told.decision = typed.head.decision.as_deref().map(|decision| json!(decision));
    told
}

fn with<O: Op>(mut request: Request<O>, options: Options) -> Request<O> {
    if let Some(provider) = options.provider {
        request = request.provider(provider);
    }
    if let Some(timeout) = options.timeout {
        request = request.timeout(timeout);
    }
    if options.no_cache {
        request = request.no_cache();
    }
    if options.include_raw {
        request = request.include_raw();
    }
    if options.explain {
        request = request.explain();
    }
    if let Some(key) = options.idempotency_key {
        request = request.idempotency_key(key);
    }
    if let Some(priority) = options.priority {
        request = request.priority(priority);
    }
    if let Some(performance) = options.performance {
        request = request.performance(performance);
    }
    if let Some(affinity) = options.affinity {
        request = request.affinity(affinity);
    }
    let labels = options.labels.into_iter();
    labels.fold(request, |request, (name, value)| request.label(name, value))
}
