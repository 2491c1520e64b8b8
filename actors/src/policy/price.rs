//! Prices: what a call is expected to cost at a provider, and what it did cost.
//!
//! Invariant: amounts are whole billionths of a US dollar, rounded up, so that no sum of them is too low; an amount that is
//! too large to be one is the largest.

use std::sync::Arc;

use super::glob::glob;
use super::routing::{covers, model_of};
use crate::call::{Call, Usage};

/// Tokens that are expected to be written where neither the call nor the price bounds them: the bound that the vendors' own
/// examples set.
pub const OUTPUT_TOKENS: u64 = 4_096;

/// What an attempt costs, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// For each call.
    pub call: u64,
    /// For a million tokens that are read.
    pub input: u64,
    /// For a million of those among them that the provider had kept; absent: as the others.
    pub cached: Option<u64>,
    /// For a million tokens that are written.
    pub output: u64,
    /// Tokens that are expected to be written where the call does not bound them; absent: [`OUTPUT_TOKENS`].
    pub output_tokens: Option<u64>,
}

/// A price, and for which calls it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceRow {
    /// Only operations whose name is this or begins with it and a dot.
    pub operation: Option<Arc<str>>,
    /// Only calls that name a model which matches; `*` stands for any run of characters.
    pub model: Option<Arc<str>>,
    /// The price.
    pub price: Price,
}

/// The prices of one provider: the first row that holds for a call is its price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(pub Vec<PriceRow>);

/// A million, of tokens.
const MILLION: u128 = 1_000_000;

fn whole(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}

impl Price {
    /// What an attempt costs whatever it reads and writes; `None`: that depends on its tokens.
    pub fn flat(&self) -> Option<u64> {
        let by_tokens = self.input > 0 || self.output > 0 || self.cached.is_some_and(|cached| cached > 0);
        (!by_tokens).then_some(self.call)
    }

    /// What an attempt did cost that told of these tokens: as was told, else by them.
    pub fn actual(&self, usage: &Usage) -> u64 {
        let by_tokens = || self.of(usage.input_tokens, usage.cached_input_tokens, usage.output_tokens);
        usage.cost_nano_usd.unwrap_or_else(by_tokens)
    }

    /// Of so many tokens that were read, so many of them kept, and so many that were written.
    pub fn of(&self, input: u64, cached: u64, output: u64) -> u64 {
        let cached = cached.min(input);
        let times = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        // Three products of two 64-bit numbers overflow 128 bits at most by a factor of three.
        let tokens = times(input - cached, self.input)
            .saturating_add(times(cached, self.cached.unwrap_or(self.input)))
            .saturating_add(times(output, self.output));
        whole(u128::from(self.call).saturating_add(tokens.div_ceil(MILLION)))
    }
}

impl Prices {
    /// The price that holds for a call.
    pub fn price(&self, call: &Call) -> Option<&Price> {
        self.price_of(call.operation.name, model_of(call))
    }

    /// The price that holds for calls of an operation by its full name, and of a model where they name one.
    pub fn price_of(&self, operation: &str, model: Option<&str>) -> Option<&Price> {
        let holds = |row: &&PriceRow| {
            let is_model = |pattern: &Arc<str>| model.is_some_and(|model| glob(pattern.as_bytes(), model.as_bytes()));
            let named = row.operation.as_ref();
            named.is_none_or(|prefix| covers(prefix, operation)) && row.model.as_ref().is_none_or(is_model)
        };
        self.0.iter().find(holds).map(|row| &row.price)
    }

    /// What a call is expected to cost at most, before anybody is asked: nothing is taken to be kept, and all that may be
    /// written to be. `None`: no price is known.
    pub fn expected(&self, call: &Call) -> Option<u64> {
        let price = self.price(call)?;
        let (input, output) = call.estimate.map_or((0, 0), |guess| {
            let output = guess.max_output_tokens.or(price.output_tokens);
            (guess.input_tokens, output.unwrap_or(OUTPUT_TOKENS))
        });
        Some(price.of(input, 0, output))
    }

    /// What a call that was answered did cost: as its provider says, else by its tokens. `None`: no price is known.
    pub fn actual(&self, call: &Call, usage: &Usage) -> Option<u64> {
        usage
            .cost_nano_usd
            .or_else(|| self.price(call).map(|price| price.actual(usage)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Attributes, Estimate, Operation, Operations};
    use proptest::prelude::*;

    static CHAT: Operation = Operation::read("t", "t.chat.complete");
    static GET: Operation = Operation::read("t", "t.thing.get");

    fn call(operation: &'static Operation, model: &str) -> Call {
        let operation = Operations::new([operation]).get(operation.name).unwrap();
        Call {
            attributes: Attributes {
                model: Some(Arc::from(model)),
                ..Attributes::default()
            },
            ..Call::example(operation, "", "t")
        }
    }

    #[test]
    fn the_first_row_that_holds_is_the_price() {
        let row = |operation: Option<&str>, model: Option<&str>, each: u64| PriceRow {
            operation: operation.map(Arc::from),
            model: model.map(Arc::from),
            price: Price {
                call: each,
                ..Price::default()
            },
        };
        let prices = Prices(vec![
            row(Some("t.chat"), Some("large-*"), 3),
            row(Some("t.chat"), None, 2),
            row(None, None, 1),
        ]);
        assert_eq!(prices.expected(&call(&CHAT, "Large-1")), Some(3));
        assert_eq!(prices.expected(&call(&CHAT, "small")), Some(2));
        assert_eq!(prices.expected(&call(&GET, "large-1")), Some(1));
        assert_eq!(Prices::default().expected(&call(&GET, "")), None);
    }

    #[test]
    fn what_is_written_at_most_is_expected_and_what_was_told_is_paid() {
        let prices = Prices(vec![PriceRow {
            price: Price {
                input: 3_000_000_000,
                cached: Some(300_000_000),
                output: 15_000_000_000,
                ..Price::default()
            },
            ..PriceRow::default()
        }]);
        let mut chat = call(&CHAT, "m");
        assert_eq!(prices.expected(&chat), Some(0));
        chat.estimate = Some(Estimate {
            input_tokens: 1_000,
            max_output_tokens: Some(100),
        });
        assert_eq!(prices.expected(&chat), Some(3_000_000 + 1_500_000));
        let told = |cost| Usage {
            input_tokens: 1_000,
            cached_input_tokens: 900,
            output_tokens: 10,
            cost_nano_usd: cost,
        };
        assert_eq!(prices.actual(&chat, &told(None)), Some(300_000 + 270_000 + 150_000));
        assert_eq!(prices.actual(&chat, &told(Some(7))), Some(7));
    }

    proptest! {
        #[test]
        fn a_price_is_never_below_the_exact_one_nor_a_billionth_above(
            call in 0u64..1 << 40, input in 0u64..1 << 40, cached in 0u64..1 << 40, output in 0u64..1 << 40,
            tokens in (0u64..1 << 20, 0u64..1 << 20, 0u64..1 << 20),
        ) {
            let price = Price { call, input, cached: Some(cached), output, output_tokens: None };
            let (read, kept, written) = tokens;
            let kept = kept.min(read);
            let exact = u128::from(call) * MILLION
                + u128::from(read - kept) * u128::from(input)
                + u128::from(kept) * u128::from(cached)
                + u128::from(written) * u128::from(output);
            let rounded = u128::from(price.of(read, kept, written)) * MILLION;
            prop_assert!(rounded >= exact && rounded < exact + MILLION);
        }

        #[test]
        fn what_is_expected_is_no_less_than_what_comes_of_it(
            input in any::<u64>(), kept in any::<u64>(), bound in any::<u64>(), written in any::<u64>(), each in any::<u64>(),
        ) {
            let price = Price { call: each, input: 7, cached: Some(3), output: 11, output_tokens: None };
            prop_assert!(price.of(input, 0, bound) >= price.of(input, kept, written.min(bound)));
        }
    }
}
