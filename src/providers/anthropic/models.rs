//! What is known of the models: what an answer may have at most, and how they are told to think.
//!
//! Invariant: what is kept is bounded, and a model is asked for once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mosaic_actors::error::{Failure, Kind};

use super::options::{Abilities, Options};
use super::wire;
use crate::catalogue::ai::ChatInput;
use crate::providers::http::{Endpoint, routeless};

/// The most models that are kept.
const MOST: usize = 512;

/// The models that were told of.
#[derive(Default)]
pub struct Known(Mutex<HashMap<String, Abilities>>);

impl Known {
    /// Keeps what is told of a model.
    pub fn note(&self, name: &str, model: &wire::Model) {
        let types = model.capabilities.thinking.types;
        let thinks = model.capabilities.thinking.supported;
        let able = |told: Option<bool>| if thinks == Some(false) { Some(false) } else { told };
        let abilities = Abilities {
            max_tokens: model
                .max_tokens
                .and_then(|most| u32::try_from(most).ok())
                .filter(|most| *most > 0),
            adaptive: able(types.adaptive.supported),
            budgeted: able(types.enabled.supported),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(name) {
            known.clear();
        }
        known.insert(name.to_owned(), abilities);
    }

    fn of(&self, name: &str) -> Option<Abilities> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }
}

/// Whether the input leaves open what its model decides.
pub fn is_wanted(options: &Options, input: &ChatInput, limited: bool) -> bool {
    let reasoning = input.reasoning.unwrap_or_default();
    let thinks = reasoning.effort.is_some() && reasoning.budget_tokens.is_none() && options.needs_abilities();
    let unlimited = limited && input.max_tokens.or(options.max_tokens).is_none();
    thinks || unlimited
}

/// What is known of the model, which is asked for only where the input leaves open what it decides: how much an answer may
/// have, where one is `limited`, and how it thinks.
pub async fn abilities(
    endpoint: &Endpoint,
    options: &Options,
    known: &Known,
    (model, input, limited): (&str, &ChatInput, bool),
) -> Result<Abilities, Failure> {
    if !is_wanted(options, input, limited) {
        return Ok(Abilities::default());
    }
    if let Some(known) = known.of(model) {
        return Ok(known);
    }
    match endpoint.send(endpoint.get(&["v1", "models", model])?).await {
        Ok(received) => {
            known.note(model, &received.json()?);
            Ok(known.of(model).unwrap_or_default())
        }
        // It has no list, or shows it to others alone.
        Err(failure) if routeless(&failure) && failure.field.is_none() => Ok(Abilities::default()),
        Err(failure) if failure.kind == Kind::Forbidden => Ok(Abilities::default()),
        // The conversation itself was not sent.
        Err(failure) => Err(failure.never_sent().never_billed()),
    }
}
