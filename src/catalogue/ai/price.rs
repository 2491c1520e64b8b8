//! Prices of tokens.
//!
//! Invariant: no token is paid for twice, and what has no price is not guessed.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_with::skip_serializing_none;

use super::answer::Usage;
use super::money::{Terms, Usd, float};

/// A price: US dollars per million tokens, 0 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "f64", inline)]
pub struct Rate(
    /// Millionths of a millionth of a dollar per token.
    u64,
);

/// The prices of tokens on the same terms.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Among others' `above`: they hold of a whole request that reads more tokens than so many.
    pub tokens: Option<u64>,
    /// Read, neither from a cache nor written to one.
    pub input: Option<Rate>,
    /// Written.
    pub output: Option<Rate>,
    /// Read from the provider's cache; absent: as `input`.
    pub cached: Option<Rate>,
    /// Written to the provider's cache; absent: as `input`.
    pub cache_write: Option<Rate>,
    /// Written to it for an hour; absent: as `cache_write`.
    pub cache_write_hour: Option<Rate>,
    /// Thought; absent: as `output`.
    pub reasoning: Option<Rate>,
    /// The prices of longer requests, the shortest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub above: Vec<Rates>,
}

/// The prices of a model, in US dollars per million tokens, by the terms.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// On the common terms.
    pub standard: Option<Rates>,
    /// In batches.
    pub batch: Option<Rates>,
    /// When there is room.
    pub flex: Option<Rates>,
    /// Before others.
    pub priority: Option<Rates>,
}

const PICO_IN_NANO: u128 = 1000;

impl Rate {
    /// The most dollars for a million tokens.
    const MOST: f64 = 1e6;

    /// What a million tokens cost, in billionths of a dollar.
    pub fn nano_per_million(self) -> u64 {
        // A million tokens, and a thousand millionths of a millionth in a billionth.
        self.0.saturating_mul(1_000)
    }

    fn of(self, tokens: u64) -> u128 {
        u128::from(self.0) * u128::from(tokens)
    }
}

impl Rates {
    /// What so many tokens cost; none where a price is not known of some that were used, see [`Prices::cost`].
    fn cost(&self, usage: &Usage, usual: &Rates) -> Option<Usd> {
        let longer = |rates: &&Rates| rates.tokens.is_some_and(|least| usage.input_tokens > least);
        let rates = self.above.iter().rev().find(longer).unwrap_or(self);
        // What is told of parts may be more than the whole: of a provider's miscount no part is paid twice.
        let mut unread = usage.input_tokens;
        let mut part = |of: Option<u64>| {
            let part = of.unwrap_or_default().min(unread);
            unread -= part;
            part
        };
        let cached = part(usage.cached_input_tokens);
        let hour = part(usage.cache_write_hour_tokens);
        let written = part(usage.cache_write_tokens.map(|all| all.saturating_sub(hour)));
        let unnamed = |of: fn(&Rates) -> Option<Rate>| of(rates).is_none() && [usual, self].map(of) != [None, None];
        let write = rates
            .cache_write
            .or(rates.input)
            .filter(|_| !unnamed(|of| of.cache_write));
        let write_hour = rates
            .cache_write_hour
            .or(write)
            .filter(|_| !unnamed(|of| of.cache_write_hour));
        let thought = usage.reasoning_tokens.unwrap_or_default().min(usage.output_tokens);
        let sums = [
            (unread, rates.input),
            (cached, rates.cached.or(rates.input)),
            (written, write),
            (hour, write_hour),
            (thought, rates.reasoning.or(rates.output)),
            (usage.output_tokens - thought, rates.output),
        ];
        let mut pico = 0_u128;
        for (tokens, rate) in sums.into_iter().filter(|(tokens, _)| *tokens > 0) {
            pico = pico.saturating_add(rate?.of(tokens));
        }
        let nano = u64::try_from(pico.div_ceil(PICO_IN_NANO)).unwrap_or(u64::MAX);
        Some(Usd::of_nano(nano))
    }
}

impl Prices {
    /// What so many tokens cost on these terms; none where a price is not known of some that were used. What the common
    /// terms take more for, to write it to a cache or for an hour, is not taken for less where these do not name it: its
    /// price is not known. What they take less for is not cheaper here.
    #[must_use]
    pub fn cost(&self, terms: Terms, usage: &Usage) -> Option<Usd> {
        let rates = self.on(terms)?;
        rates.cost(usage, self.standard.as_ref().unwrap_or(rates))
    }

    /// The prices on these terms; none where they are not known.
    fn on(&self, terms: Terms) -> Option<&Rates> {
        match terms {
            Terms::Standard => self.standard.as_ref(),
            Terms::Batch => self.batch.as_ref(),
            Terms::Flex => self.flex.as_ref(),
            Terms::Priority => self.priority.as_ref(),
            Terms::Other => None,
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(float(self.0, 1e6))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "its bounds are checked"
        )]
        match (0.0..=Rate::MOST).contains(&dollars) {
            true => Ok(Rate((dollars * 1e6).round() as u64)),
            false => Err(D::Error::custom("must be US dollars per million tokens, 0 to 1000000")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn rates(rates: serde_json::Value) -> Rates {
        serde_json::from_value(rates).expect("rates")
    }

    fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage {
            input_tokens,
            output_tokens,
            ..Usage::default()
        }
    }

    #[test]
    fn each_token_is_paid_once_at_its_own_price() {
        let rates = rates(json!({
            "input": 3, "output": 15, "cached": 0.3, "cache_write": 3.75, "cache_write_hour": 6,
            "above": [{"tokens": 200_000, "input": 6, "output": 22.5}]
        }));
        let cost = |usage: &Usage| rates.cost(usage, &rates).expect("known").to_string();
        assert_eq!(cost(&usage(1_000_000 / 10, 10_000)), "0.45");
        let parts = Usage {
            cached_input_tokens: Some(50_000),
            cache_write_tokens: Some(30_000),
            cache_write_hour_tokens: Some(10_000),
            reasoning_tokens: Some(4_000),
            ..usage(100_000, 10_000)
        };
        // 20,000 x 3 + 50,000 x 0.3 + 20,000 x 3.75 + 10,000 x 6 + 10,000 x 15, in millionths.
        assert_eq!(cost(&parts), "0.36");
        // The whole of a long request is dearer.
        assert_eq!(cost(&usage(200_000, 0)), "0.6");
        assert_eq!(cost(&usage(200_001, 2)), "1.200051");
        // Parts that are more than their whole are not paid beyond it.
        let odd = Usage {
            cached_input_tokens: Some(70),
            cache_write_tokens: Some(70),
            reasoning_tokens: Some(9),
            ..usage(100, 1)
        };
        assert_eq!(cost(&odd), "0.0001485");
    }

    #[test]
    fn what_has_no_price_is_not_guessed() {
        let read = rates(json!({"input": 0.02}));
        let cost = |rates: &Rates, usage: &Usage| rates.cost(usage, rates).map(Usd::nano);
        assert_eq!(cost(&read, &usage(10, 1)), None);
        assert_eq!(cost(&read, &usage(10, 0)), Some(200));
        // Less than a billionth is one.
        assert_eq!(cost(&rates(json!({"input": 0.0001})), &usage(1, 0)), Some(1));
        for wrong in [
            json!({"input": -1}),
            json!({"input": 1e7}),
            json!({"inputs": 1}),
            json!({"input": "1"}),
        ] {
            assert!(serde_json::from_value::<Rates>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_surcharge_that_only_other_terms_name_is_not_known() {
        let prices: Prices = serde_json::from_value(json!({
            "standard": {"input": 4, "cached": 1, "cache_write": 5, "cache_write_hour": 8,
                "above": [{"tokens": 100, "input": 6, "cache_write": 7}]},
            "batch": {"input": 2, "cache_write": 2.5},
            "flex": {"input": 2}
        }))
        .expect("prices");
        let written = |all: u64, hour: u64| Usage {
            cache_write_tokens: Some(all),
            cache_write_hour_tokens: Some(hour),
            ..usage(all, 0)
        };
        let cost = |terms, usage: &Usage| prices.cost(terms, usage).map(Usd::nano);
        assert_eq!(cost(Terms::Standard, &written(10, 4)), Some(6 * 5_000 + 4 * 8_000));
        assert_eq!(cost(Terms::Batch, &written(10, 4)), None);
        assert_eq!(cost(Terms::Batch, &written(10, 0)), Some(10 * 2_500));
        assert_eq!(cost(Terms::Flex, &written(10, 0)), None);
        // So with that of longer requests.
        assert_eq!(cost(Terms::Standard, &written(101, 1)), None);
        assert_eq!(cost(Terms::Standard, &written(101, 0)), Some(101 * 7_000));
        // What is cheaper elsewhere is not cheaper here.
        let cached = Usage {
            cached_input_tokens: Some(10),
            ..usage(10, 0)
        };
        assert_eq!(cost(Terms::Flex, &cached), Some(10 * 2_000));
        assert_eq!(cost(Terms::Priority, &cached), None);
    }

    proptest! {
        #[test]
        fn no_count_overflows(counts in any::<[u64; 6]>(), price in 0.0f64..1e6) {
            let [input_tokens, output_tokens, cached, write, hour, thought] = counts;
            let all = rates(json!({"input": price, "output": price}));
            let parts = Usage {
                cached_input_tokens: Some(cached),
                cache_write_tokens: Some(write),
                cache_write_hour_tokens: Some(hour),
                reasoning_tokens: Some(thought),
                ..usage(input_tokens, output_tokens)
            };
            // All at one price: how they are parted changes nothing.
            let whole = usage(input_tokens, output_tokens);
            prop_assert_eq!(all.cost(&parts, &all), all.cost(&whole, &all));
        }
    }
}
