//! The context of an attempt, as numbers that a linear model takes.
//!
//! Invariant: every number is finite and of the order of one, whatever the call; the first is always one.

use crate::call::{Call, CostClass};
use crate::policy::balance::candidates::identity_of;
use crate::policy::balance::observed::Observed;
use crate::policy::estimate::Class;

/// Numbers of a context.
pub(super) const SIZE: usize = 16;

/// A context.
pub(super) type Features = [f64; SIZE];

/// Where the number stands that says how busy the candidate is.
pub(super) const LOAD: usize = 9;

const LOAD_SQUARED: usize = 10;
const SCARCITY: usize = 13;
const ERRORS: usize = 14;

/// What a call contributes: the same for every candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) class: Class,
    pub(super) model: Option<u64>,
    pub(super) payload_bytes: u64,
}

impl Asked {
    pub(super) fn of(call: &Call) -> Self {
        Asked {
            class: Class::of(&call.operation),
            model: model_of(call),
            payload_bytes: call.attributes.payload_bytes,
        }
    }
}

impl From<&Observed> for Asked {
    fn from(observed: &Observed) -> Self {
        Asked {
            class: observed.class,
            model: observed.model,
            payload_bytes: observed.payload_bytes,
        }
    }
}

/// Distinguishes the model that a call names.
pub(crate) fn model_of(call: &Call) -> Option<u64> {
    call.attributes.model.as_deref().map(identity_of)
}

/// What a candidate contributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct There {
    pub(super) in_flight: usize,
    pub(super) remaining: Option<f32>,
    /// Its recent rate of failures, 0 to 1.
    pub(super) errors: f64,
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// The context without what the candidate contributes.
pub(super) fn of_call(asked: &Asked) -> Features {
    let cost = asked.class.cost;
    let tokens = flag(cost == CostClass::Tokens);
    let slow = flag(matches!(cost, CostClass::Heavy | CostClass::Tokens));
    // Latencies are learned as logarithms: sizes enter as such, and squared, because a time that is partly fixed and partly
    // by the byte is a curve between the two.
    let payload = (1.0 + asked.payload_bytes as f64 / 1024.0).ln() / 4.0;
    let (one, other) = match asked.model {
        None => (0.0, 0.0),
        // Four buckets, told apart by two signs.
        Some(model) => (flag(model & 1 == 0) - 0.5, flag(model & 2 == 0) - 0.5),
    };
    let mut features = [0.0; SIZE];
    features[..9].copy_from_slice(&[
        1.0,
        flag(cost == CostClass::Heavy),
        flag(cost == CostClass::Write),
        tokens,
        flag(asked.class.streaming),
        payload,
        payload * payload,
        payload * slow,
        payload * flag(cost == CostClass::Write),
    ]);
    (features[11], features[12]) = (one, other);
    features[15] = payload * flag(asked.class.streaming);
    features
}

/// The context with what a candidate contributes.
pub(super) fn at(mut features: Features, there: &There) -> Features {
    let load = (1.0 + there.in_flight as f64).ln() / 2.0;
    features[LOAD] = load;
    features[LOAD_SQUARED] = load * load;
    features[SCARCITY] = there
        .remaining
        .map_or(0.0, |left| 1.0 - f64::from(left.clamp(0.0, 1.0)));
    features[ERRORS] = there.errors.clamp(0.0, 1.0);
    features
}
