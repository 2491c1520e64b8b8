//! Requests that are passed through, as calls.
//!
//! Invariant: one names its instance, and goes to no other; who may not reach that instance is told that there is none.

use std::sync::Arc;

use http::Method;
use mosaic_actors::call::{Answer, Call, Caller, Operation, Resource};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Upload;

use super::attributes::{self, Told};
use super::failed::{lacked_its_end, may_have_happened};
use super::{Dispatcher, Keeping, Options, granted, new_request_id, unlisted};
use crate::catalogue::proxy::{self, Asked};

/// One request to an instance's own API.
pub struct Passage {
    /// What it is; its caller's reach has no part in that, and decides whether it is done.
    pub operation: &'static Operation,
    /// The instance.
    pub instance: String,
    /// What is asked.
    pub asked: Asked,
    /// A body that is long, or of unknown length.
    pub upload: Option<Arc<Upload>>,
    /// Who asks.
    pub caller: Caller,
    /// The request's id and arrival, and what is said of the call itself; nothing else is heeded.
    pub options: Options,
}

impl Dispatcher {
    /// Carries one request to its answer. Dropping the future cancels the call.
    ///
    /// # Errors
    /// `forbidden` naming the scope that the caller lacks; `invalid_input` on `labels` or `affinity`; `not_found` for an
    /// instance that the caller does not reach; what the call fails with, and beneath it what its provider answered, see
    /// [`proxy::OwnRefusal`].
    pub async fn pass(&self, passage: Passage) -> Result<Answer, Failure> {
        let Passage {
            operation,
            instance,
            asked,
            upload,
            caller,
            mut options,
        } = passage;
        if instance.is_empty() || instance.contains('~') {
            return Err(Failure::new(Kind::NotFound, "no provider is called that").never_sent());
        }
        granted::check(&caller, operation, proxy::action(operation, &asked.method))?;
        self.check_kept(&instance, &caller, operation, &asked)?;
        let number = self.catalogue().number(operation.name);
        let number = number.ok_or_else(|| unlisted(operation.name))?;
        // A long prompt is no file: it is there at once, and its answer is what is waited for.
        let uploads = upload.is_some() && !operation.paid;
        let deadline = self.deadline(operation.cost, uploads, &options)?;
        let told = Told {
            payload_bytes: asked.length.unwrap_or(asked.body.len() as u64),
            ..Told::default()
        };
        let attributes = attributes::of(&mut options, told, &caller.tenant, &self.config.ceilings)?;
        // By the resource, and not by a choice of the caller's: one that is out of reach is not found.
        let resource = Resource::parse(&format!("{instance}~"));
        let mut call = Call::new(number, resource, caller, Arc::new(asked), deadline);
        call.id = options.request_id.unwrap_or_else(new_request_id);
        call.attributes = attributes;
        call.explain = options.explain;
        call.tags = proxy::tags(operation, &instance);
        call.upload = upload.clone();
        self.calls.call(call).await.map_err(|mut failure| {
            let mut in_doubt = may_have_happened(operation, &failure);
            if in_doubt && lacked_its_end(upload.as_deref(), &failure) {
                in_doubt = false;
                failure = failure.also("the provider was not sent the end of the body, so it was not done");
            }
            failure.retryable &= !in_doubt;
            failure.in_doubt |= in_doubt;
            failure
        })
    }

    /// Whose a thing is that a provider keeps is not looked for in what is passed through: where tenants share an instance
    /// that keeps some, they ask its models and look at these, and no more.
    fn check_kept(&self, instance: &str, caller: &Caller, operation: &Operation, asked: &Asked) -> Result<(), Failure> {
        let keeping = self
            .config
            .owners
            .as_ref()
            .map(|owners| owners.keeping(instance, &caller.tenant));
        let posted_read = operation.safe && asked.method == Method::POST;
        if keeping != Some(Keeping::Apart) || operation.paid || posted_read || is_of_models(&asked.path) {
            return Ok(());
        }
        let sentence = format!(
            "{instance} keeps things for several tenants, so only its models are passed through; use /v1/ai or the vendors' \
             dialects, or an instance of this tenant's own"
        );
        Err(Failure::new(Kind::Forbidden, sentence).never_sent())
    }
}

/// Whether a path leads to a vendor's models, below its version or without.
fn is_of_models(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (parts.next(), parts.next()) {
        (Some("models"), _) => true,
        (Some(version), Some("models")) => version
            .strip_prefix('v')
            .is_some_and(|rest| rest.parse::<u32>().is_ok()),
        _ => false,
    }
}
