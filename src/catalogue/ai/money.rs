//! Sums of money, and the terms that they are asked on.
//!
//! Invariant: a sum is a whole number of billionths of a dollar, and is never rounded down.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The terms that a request is served on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Terms {
    /// The common ones.
    Standard,
    /// In a batch.
    Batch,
    /// Cheaper, and when there is room.
    Flex,
    /// Sooner, and dearer.
    Priority,
    /// The provider's own, such as what was bought in advance.
    Other,
}

/// US dollars, exact to a billionth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(
    /// Billionths of a dollar.
    u64,
);

const NANO: f64 = 1e9;

impl Usd {
    /// So many dollars; none where they are no sum.
    pub fn new(dollars: f64) -> Option<Self> {
        let nano = dollars * NANO;
        // A float of 2^64 or more does not fit; the cast of a smaller one is exact in its integer part.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "its bounds are checked"
        )]
        ((0.0..=1e18).contains(&nano)).then(|| Usd(nano.round() as u64))
    }

    /// So many billionths of a dollar.
    pub const fn of_nano(nano: u64) -> Self {
        Usd(nano)
    }

    /// Billionths of a dollar.
    pub fn nano(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, nano) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let digits = format!("{whole}.{nano:09}");
        f.write_str(digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// The nearest float: what is written of it in JSON is the decimal that it stands for.
#[allow(
    clippy::cast_precision_loss,
    reason = "a sum above four million dollars is told to six digits less"
)]
pub(super) fn float(parts: u64, per_dollar: f64) -> f64 {
    parts as f64 / per_dollar
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(float(self.0, NANO))
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        Usd::new(dollars).ok_or_else(|| D::Error::custom("must be US dollars, 0 or more"))
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "description": "US dollars." })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sum_is_told_and_read_alike(nano in 0u64..4_000_000_000_000_000) {
            let told = serde_json::to_string(&Usd(nano)).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Usd>(&told).expect("a sum"), Usd(nano));
            prop_assert_eq!(Usd(nano).to_string().parse::<f64>().expect("a number"), float(nano, NANO));
        }
    }
}
