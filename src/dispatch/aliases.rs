//! Other names for models: one for a model, or for several that stand in for each other.
//!
//! Invariant: the next model of a name is asked only where the one before it was not sent the request, or is proven to bill
//! nothing of it; what is wrong with a request itself is told at once, and all share its caller's time, and its key.

use std::collections::BTreeMap;
use std::sync::Arc;

use mosaic_actors::call::{Answer, Homes};
use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;

use super::failed::is_unknown;
use crate::catalogue::{Entry, Op};

/// The field of an input that names a model.
const MODEL: &str = "model";

/// Names, and the models that each stands for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Aliases(Arc<BTreeMap<Arc<str>, Chain>>);

/// The models that a name stands for.
pub type Chain = Arc<[Arc<str>]>;

impl Aliases {
    /// Those of a configuration.
    pub fn of(aliases: &BTreeMap<String, Vec<String>>) -> Self {
        let chain = |models: &Vec<String>| models.iter().map(|model| Arc::from(model.as_str())).collect();
        let rows = aliases
            .iter()
            .map(|(name, models)| (Arc::from(name.as_str()), chain(models)));
        Aliases(Arc::new(rows.collect()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Chain)> {
        self.0.iter()
    }

    /// The models that an input's stands for, where that is an alias.
    pub(super) fn chain(&self, entry: &Entry, input: &Value) -> Option<Chain> {
        if self.0.is_empty() || entry.declaration.facts.homes != Homes::Offered {
            return None;
        }
        self.0.get(input.get(MODEL)?.as_str()?).cloned()
    }

    /// The same of an input that is typed.
    pub(super) fn chain_of<O: Op>(&self, input: &O::Input) -> Option<Chain> {
        if self.0.is_empty() || O::DECLARATION.facts.homes != Homes::Offered {
            return None;
        }
        let resource = O::resource(input);
        let model = O::model(input, &resource).filter(|_| resource.instance().is_none())?;
        self.0.get(&model).cloned()
    }
}

/// An input as each of the models would be asked by it.
pub(super) fn named(models: &Chain, input: &Value) -> impl Iterator<Item = Value> {
    models.iter().map(move |model| {
        let mut input = input.clone();
        input[MODEL] = Value::from(&**model);
        input
    })
}

/// Asks one after another, until one answers or the next would be no better.
pub(super) async fn first<T, F: Future<Output = Result<Answer, Failure>>>(
    turns: impl IntoIterator<Item = T>,
    ask: impl Fn(T) -> F,
) -> Result<Answer, Failure> {
    let mut last = None;
    for turn in turns {
        match ask(turn).await {
            // What one could not do says more than that another is none of this caller's.
            Err(failure) if may_stand_in(&failure) => last = last.filter(|_| is_unknown(&failure)).or(Some(failure)),
            answered => return answered,
        }
    }
    Err(last.unwrap_or_else(|| Failure::new(Kind::NotFound, "this name stands for no model").never_sent()))
}

/// The failure of a name of which every model is at an instance that is none of its caller's: which instances these are is not
/// its caller's to know.
pub(super) fn unreached(failure: Failure, input: &Value) -> Failure {
    match input.get(MODEL).and_then(Value::as_str) {
        Some(name) if is_unknown(&failure) => {
            Failure::new(Kind::NotFound, format!("no provider here offers {name}")).never_sent()
        }
        _ => failure,
    }
}

/// Whether another model may be asked for what this one did not do.
fn may_stand_in(failure: &Failure) -> bool {
    // Who refuses a credential, or knows no such model, has done nothing.
    let refused = matches!(failure.kind, Kind::NotFound | Kind::UpstreamAuth);
    let undone = failure.unsent || failure.unbilled || refused;
    // What is replayed came of all of them.
    is_of_the_model(failure.kind) && !failure.in_doubt && !failure.replayed && undone
}

/// Whether it is the model, or its provider, that stands in a call's way, so that another may do it.
pub(super) fn is_of_the_model(kind: Kind) -> bool {
    match kind {
        Kind::NotFound
        | Kind::Unsupported
        | Kind::Overloaded
        | Kind::CircuitOpen
        | Kind::NoProvider
        | Kind::Network
        | Kind::Timeout
        | Kind::UpstreamAuth
        | Kind::UpstreamRateLimited
        | Kind::UpstreamFailed => true,
        Kind::InvalidInput
        | Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::Conflict
        | Kind::PreconditionFailed
        | Kind::RateLimited
        | Kind::QuotaExceeded
        | Kind::BudgetExhausted
        | Kind::Cancelled
        | Kind::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ai::{ChatComplete, ChatInput};
    use crate::catalogue::find;
    use serde_json::json;

    fn aliases() -> Aliases {
        Aliases::of(&[("fast".to_owned(), vec!["a~x".to_owned(), "b~y".to_owned()])].into())
    }

    #[test]
    fn a_name_is_one_where_a_model_is_named_and_nothing_else() {
        let entry = |name| find(name).expect("declared");
        let chain = |name, input: Value| aliases().chain(entry(name), &input).map(|models| models.len());
        assert_eq!(chain("ai.chat.complete", json!({"model": "fast"})), Some(2));
        assert_eq!(chain("ai.chat.complete", json!({"model": "a~fast"})), None);
        assert_eq!(chain("ai.chat.complete", json!({})), None);
        assert_eq!(chain("git.repo.get", json!({"model": "fast"})), None);
        let input = |model: &str| ChatInput {
            model: model.into(),
            ..ChatInput::default()
        };
        assert!(aliases().chain_of::<ChatComplete>(&input("fast")).is_some());
        assert!(aliases().chain_of::<ChatComplete>(&input("a~fast")).is_none());
        assert!(Aliases::default().chain_of::<ChatComplete>(&input("fast")).is_none());
    }

    #[test]
    fn nothing_is_asked_for_twice_that_may_be_billed() {
        let failure = |kind| Failure::new(kind, "no");
        assert!(may_stand_in(&failure(Kind::CircuitOpen).never_sent()));
        assert!(may_stand_in(&failure(Kind::UpstreamRateLimited).never_billed()));
        assert!(may_stand_in(&failure(Kind::NotFound)));
        assert!(!may_stand_in(&failure(Kind::UpstreamFailed)));
        assert!(!may_stand_in(&failure(Kind::Timeout)));
        for kind in [
            Kind::InvalidInput,
            Kind::RateLimited,
            Kind::BudgetExhausted,
            Kind::Forbidden,
        ] {
            assert!(!may_stand_in(&failure(kind).never_sent()), "{kind}");
        }
    }
}
