//! One request by a name that stands for several models.
//!
//! Invariant: a key is claimed once for all of them, by what the caller said.

use std::sync::Arc;

use mosaic_actors::call::{Answer, Call, Caller, Claim};
use mosaic_actors::error::Failure;
use serde_json::Value;
use tokio::time::Instant;

use super::aliases::{self, Chain};
use super::failed::ask;
use super::{Dispatcher, Invocation, Options, check_granted, check_upload, new_request_id};
use crate::catalogue::Entry;

impl Dispatcher {
    /// As [`Dispatcher::invoke`], where a name stands for these models. A key is claimed once, for all of them and by the input
    /// that has the name: whoever comes again with it finds what came of it, whichever did it.
    pub(super) async fn invoke_one_of(&self, models: Chain, invocation: Invocation) -> Result<Answer, Failure> {
        let Invocation {
            entry,
            input,
            caller,
            mut options,
            upload,
        } = invocation;
        // The time of all of them runs from here, and all are told by one id.
        options.arrived.get_or_insert_with(Instant::now);
        options.request_id.get_or_insert_with(new_request_id);
        check_granted(entry, &caller)?;
        check_upload(entry, upload.as_deref(), &options)?;
        let Some(write) = self.keyed_write(entry, &input, &caller, &options)? else {
            let turns = aliases::named(&models, &input).map(|input| Invocation {
                entry,
                input,
                caller: caller.clone(),
                options: options.clone(),
                upload: upload.clone(),
            });
            let answered = aliases::first(turns, |named| self.invoke_named(named)).await;
            return answered.map_err(|failure| aliases::unreached(failure, &input));
        };
        let deadline = self.deadline(entry.declaration.facts.cost, false, &options)?;
        let turns = self.each_of(entry, &models, &input, &caller, &options);
        let calls = self.calls.clone();
        let work = |claim: Arc<dyn Claim>| async move {
            let ask = |turn: Result<Call, Failure>| async {
                let mut call = turn?;
                call.claim = Some(claim.clone());
                ask(calls.as_ref(), call).await
            };
            aliases::first(turns, ask).await
        };
        let answered = write.run(deadline, work, &self.keyed).await;
        answered.map_err(|failure| aliases::unreached(failure, &input))
    }

    /// The call that an input comes to by each of these models.
    pub(super) fn each_of(
        &self,
        entry: &'static Entry,
        models: &Chain,
        input: &Value,
        caller: &Caller,
        options: &Options,
    ) -> Vec<Result<Call, Failure>> {
        let call = |input| {
            let prepared = entry.prepare(input, options.include_raw, &self.config.cursors)?;
            self.alone(entry, prepared, caller.clone(), options.clone())
        };
        aliases::named(models, input).map(call).collect()
    }
}
