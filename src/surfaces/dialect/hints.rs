//! Fields that only one dialect has and that an answer is as good without: where whoever serves the call does not take one,
//! it is left out, and told.
//!
//! Invariant: a call is made again without them only where nothing of it was sent, and once.

use mosaic_actors::call::Answer;
use mosaic_actors::error::{Failure, Kind};

use super::desk::Visit;
use crate::catalogue::Op;
use crate::catalogue::ai::{Extensions, Warning};

/// The hints of a dialect.
pub struct Hints {
    /// The dialect, as extensions name it.
    pub dialect: &'static str,
    /// Their names.
    pub names: &'static [&'static str],
}

impl Hints {
    /// Leaves out those that are there.
    pub fn drop_from(&self, extensions: &mut Extensions) -> Vec<Warning> {
        let Some(fields) = extensions.0.get_mut(self.dialect) else {
            return vec![];
        };
        let there = self.names.iter().filter(|name| fields.shift_remove(**name).is_some());
        let warnings = there.map(|name| Warning::new(*name, "left out: whoever answers does not take it"));
        warnings.collect()
    }

    fn are_in(&self, extensions: &Extensions) -> bool {
        let fields = extensions.0.get(self.dialect);
        fields.is_some_and(|fields| self.names.iter().any(|name| fields.contains_key(*name)))
    }

    fn is_one(&self, failure: &Failure) -> bool {
        let field = failure.field.as_deref().and_then(|field| {
            let own = field.strip_prefix("extensions.")?.strip_prefix(self.dialect)?;
            own.strip_prefix('.')
        });
        let name = field.map(|field| field.split(['.', '[']).next().unwrap_or_default());
        failure.kind == Kind::Unsupported && failure.unsent && name.is_some_and(|name| self.names.contains(&name))
    }

    /// Makes a call, and where it is refused for one of them makes it without.
    ///
    /// # Errors
    /// What the call fails with.
    pub async fn call<O: Op>(
        &self,
        visit: &Visit,
        input: O::Input,
        extensions: fn(&mut O::Input) -> &mut Extensions,
    ) -> Result<(Answer, Vec<Warning>), Failure>
    where
        O::Input: Clone,
    {
        let mut input = input;
        if !self.are_in(extensions(&mut input)) {
            return Ok((visit.call::<O>(input).await?, vec![]));
        }
        match visit.call::<O>(input.clone()).await {
            Err(failure) if self.is_one(&failure) => {
                let warnings = self.drop_from(extensions(&mut input));
                Ok((visit.call::<O>(input).await?, warnings))
            }
            answered => Ok((answered?, vec![])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HINTS: Hints = Hints {
        dialect: "one",
        names: &["metadata", "betas"],
    };

    #[test]
    fn hints_alone_are_left_out() {
        let mut extensions: Extensions =
            serde_json::from_value(json!({"one": {"metadata": {"a": "b"}, "seed": 7}, "two": {"metadata": 1}}))
                .expect("read");
        assert!(HINTS.are_in(&extensions));
        let warnings = HINTS.drop_from(&mut extensions);
        assert_eq!(
            warnings.iter().map(|warning| &*warning.field).collect::<Vec<_>>(),
            ["metadata"]
        );
        let left = serde_json::to_value(&extensions).expect("JSON");
        assert_eq!(left, json!({"one": {"seed": 7}, "two": {"metadata": 1}}));
        assert!(!HINTS.are_in(&extensions));
    }

    #[test]
    fn a_call_is_made_again_where_a_hint_alone_was_refused_and_nothing_sent() {
        let refused = |field: &str| Failure::unsupported_field(field, "no").never_sent();
        assert!(HINTS.is_one(&refused("extensions.one.metadata")));
        assert!(HINTS.is_one(&refused("extensions.one.betas[0]")));
        assert!(!HINTS.is_one(&refused("extensions.one.seed")));
        assert!(!HINTS.is_one(&refused("extensions.two.metadata")));
        assert!(!HINTS.is_one(&Failure::unsupported_field("extensions.one.metadata", "no")));
        assert!(!HINTS.is_one(&Failure::invalid("extensions.one.metadata", "no").never_sent()));
    }
}
