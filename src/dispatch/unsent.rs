//! Calls that are asked about, and not made.
//!
//! Invariant: what is told of a call is what it would come to: a name for several models is asked about as each of them, in
//! their order.

use std::sync::Arc;

use mosaic_actors::call::{Call, Caller};
use mosaic_actors::decision::Explained;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use super::aliases::is_of_the_model;
use super::{Dispatcher, Options, check_granted, new_request_id, unlisted};
use crate::catalogue::prepare::{fingerprint, prepare_typed};
use crate::catalogue::{Entry, Op};

/// What a request of a surface would ask for: a call, or the calls of which the next is made only where the one before it
/// could not be.
pub struct Unsent {
    /// The models' names; none where the request names no alias.
    models: Vec<Arc<str>>,
    calls: Vec<Result<Call, Failure>>,
}

/// What would be decided.
pub struct Rehearsed {
    /// Of the call that would be made, or of the last that could not be.
    pub explained: Explained,
    /// What the name that was asked by stands for; absent where it is none.
    pub stands_for: Option<Value>,
}

impl Dispatcher {
    /// What a request of a surface asks for, for those who explain it and do not make it: without its file, and without a
    /// claim on its key.
    ///
    /// # Errors
    /// `forbidden` naming the scope that the caller lacks; `invalid_input` naming the field or option at fault; of
    /// `provider=all`, which asks for several calls.
    pub fn unmade_call(
        &self,
        entry: &'static Entry,
        input: Value,
        caller: Caller,
        mut options: Options,
    ) -> Result<Unsent, Failure> {
        check_granted(entry, &caller)?;
        let Some(models) = self.aliases.chain(entry, &input) else {
            let prepared = entry.prepare(input, options.include_raw, &self.config.cursors)?;
            return self.alone(entry, prepared, caller, options).map(Unsent::one);
        };
        options.request_id.get_or_insert_with(new_request_id);
        Ok(Unsent {
            calls: self.each_of(entry, &models, &input, &caller, &options),
            models: models.to_vec(),
        })
    }

    /// As [`Dispatcher::unmade_call`], for an input that is typed already.
    ///
    /// # Errors
    /// As there.
    pub fn unmade<O: Op>(&self, input: O::Input, caller: Caller, options: Options) -> Result<Unsent, Failure> {
        let name = O::DECLARATION.facts.name;
        let entry = self.config.catalogue.find(name).ok_or_else(|| unlisted(name))?;
        if self.aliases.chain_of::<O>(&input).is_some() {
            return self.unmade_call(entry, fingerprint(&input)?, caller, options);
        }
        check_granted(entry, &caller)?;
        let prepared = prepare_typed::<O>(input, options.include_raw, &self.config.cursors)?;
        self.alone(entry, prepared, caller, options).map(Unsent::one)
    }
}

impl Unsent {
    fn one(call: Call) -> Self {
        Unsent {
            models: vec![],
            calls: vec![Ok(call)],
        }
    }

    /// What would be decided, as `explain` tells it of each call: of the first that would be made.
    ///
    /// # Errors
    /// What is wrong with a call whose turn it is, and what `explain` refuses.
    pub async fn rehearse<F: Future<Output = Result<Explained, Failure>>>(
        self,
        explain: impl Fn(Call) -> F,
    ) -> Result<Rehearsed, Failure> {
        let mut codes = vec![];
        let mut last = None;
        for call in self.calls {
            let explained = explain(call?).await?;
            let code = explained.outcome.as_ref().and_then(|outcome| outcome.code);
            codes.push(code);
            last = Some(explained);
            if !code.is_some_and(is_of_the_model) {
                break;
            }
        }
        let nothing = || Failure::new(Kind::NotFound, "this name stands for no model").never_sent();
        Ok(Rehearsed {
            explained: last.ok_or_else(nothing)?,
            stands_for: (!self.models.is_empty()).then(|| told(&self.models, &codes)),
        })
    }
}

impl Rehearsed {
    /// Its record as `told` has it, with what the name stands for.
    pub fn told(&self, mut told: Value) -> Value {
        if let Some(models) = &self.stands_for {
            told["stands_for"] = models.clone();
        }
        told
    }
}

/// The models in their order: those that were looked at, with what refuses them now, and those whose turn does not come.
fn told(models: &[Arc<str>], codes: &[Option<Kind>]) -> Value {
    let row = |(at, model): (usize, &Arc<str>)| match codes.get(at) {
        Some(Some(code)) => json!({ "model": &**model, "verdict": "refused", "code": code.code() }),
        Some(None) => json!({ "model": &**model, "verdict": "asked" }),
        None => json!({ "model": &**model, "verdict": "behind" }),
    };
    models.iter().enumerate().map(row).collect()
}
