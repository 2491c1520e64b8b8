//! What calls cost at a provider, and what may be spent there.
//!
//! Invariant: an amount of money is kept in whole billionths of a US dollar, so that what is written down and what is counted
//! are the same.

use std::sync::Arc;

use mosaic_actors::credits::Billing;
use mosaic_actors::policy::credits::{Credits, Period, Unit};
use mosaic_actors::policy::price::{Price, PriceRow, Prices};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ProviderConfig;

/// Billionths in a US dollar.
const NANO: f64 = 1e9;
/// The most dollars that one amount may be. Its billionths are exact in a float of 64 bits.
const MOST_USD: f64 = 1e6;

/// An amount of US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(u64);

impl Usd {
    /// So many billionths of a US dollar.
    pub const fn of_nano(nano: u64) -> Self {
        Usd(nano)
    }

    /// In billionths of a US dollar.
    pub const fn nano(self) -> u64 {
        self.0
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.0 as f64 / NANO)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(d)?;
        match (0.0..=MOST_USD).contains(&dollars) {
            true => Ok(Usd((dollars * NANO).round() as u64)),
            false => Err(de::Error::custom("must be between 0 and 1000000")),
        }
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Usd".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": MOST_USD })
    }
}

/// `[[providers.NAME.prices]]`: what calls cost there. The first that holds for a call is its price.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriceConfig {
    /// How the operation's name begins, e.g. `ai.chat`; all where left out.
    #[schemars(length(max = 128))]
    pub operation: Option<String>,
    /// A pattern for the model, where `*` stands for anything; all where left out.
    #[schemars(length(max = 256))]
    pub model: Option<String>,
    /// US dollars for each call.
    pub call_usd: Usd,
    /// US dollars for a million tokens that are read.
    pub input_usd: Usd,
    /// The same for those that the provider had kept; as the others where left out.
    pub cached_usd: Option<Usd>,
    /// US dollars for a million tokens that are written.
    pub output_usd: Usd,
    /// Tokens that are expected to be written where a call does not bound them; 4096 where left out.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub output_tokens: Option<u64>,
}

/// What credits are counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreditUnit {
    /// US dollars, by the prices.
    #[default]
    Usd,
    /// Calls, whatever they cost.
    Calls,
}

/// When there are new credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditPeriod(pub Period);

/// The most hours of a period: a leap year.
const MOST_HOURS: u32 = 8_784;

impl CreditPeriod {
    /// Parses a period such as `month`.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "expected \"day\", \"month\" or hours such as \"12h\", 1h to 8784h";
        Ok(CreditPeriod(match text {
            "day" => Period::Day,
            "month" => Period::Month,
            hours => {
                let hours = hours.strip_suffix('h').and_then(|hours| hours.parse().ok());
                let hours = hours.filter(|hours| (1..=MOST_HOURS).contains(hours));
                Period::Hours(hours.ok_or(WANTED)?)
            }
        }))
    }
}

impl Default for CreditPeriod {
    fn default() -> Self {
        CreditPeriod(Period::Month)
    }
}

impl Serialize for CreditPeriod {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Period::Day => s.serialize_str("day"),
            Period::Month => s.serialize_str("month"),
            Period::Hours(hours) => s.collect_str(&format_args!("{hours}h")),
        }
    }
}

impl<'de> Deserialize<'de> for CreditPeriod {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        CreditPeriod::parse(&String::deserialize(d)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for CreditPeriod {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CreditPeriod".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "credit-period" })
    }
}

/// `[providers.NAME.credits]`: what may be spent there in each period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditsConfig {
    /// What they are counted in.
    #[serde(default)]
    pub unit: CreditUnit,
    /// How many there are in each period.
    #[schemars(range(min = 0.0, max = 1e9))]
    pub amount: f64,
    /// When there are new ones, in UTC.
    #[serde(default)]
    pub period: CreditPeriod,
    /// Nothing goes there without them; otherwise only routes that ask for credits heed them.
    #[serde(default)]
    pub hard: bool,
}

impl CreditsConfig {
    /// How many there are, in whole billionths of a dollar, or calls; `None` where it is none, or no whole number of calls.
    pub(crate) fn whole(&self) -> Option<u64> {
        let whole = match self.unit {
            CreditUnit::Usd => (self.amount * NANO).round(),
            CreditUnit::Calls => self.amount,
        };
        (whole >= 1.0 && whole.fract() == 0.0).then_some(whole as u64)
    }

    fn credits(&self) -> Credits {
        Credits {
            unit: match self.unit {
                CreditUnit::Usd => Unit::NanoUsd,
                CreditUnit::Calls => Unit::Calls,
            },
            // Anything else was refused.
            amount: self.whole().unwrap_or(0),
            period: self.period.0,
            hard: self.hard,
        }
    }
}

impl PriceConfig {
    fn row(&self) -> PriceRow {
        let name = |text: &Option<String>| text.as_deref().map(Arc::from);
        PriceRow {
            operation: name(&self.operation),
            model: name(&self.model),
            price: Price {
                call: self.call_usd.nano(),
                input: self.input_usd.nano(),
                cached: self.cached_usd.map(Usd::nano),
                output: self.output_usd.nano(),
                output_tokens: self.output_tokens,
            },
        }
    }
}

impl ProviderConfig {
    /// What its calls cost, and what may be spent on them.
    pub(crate) fn billing(&self) -> Billing {
        Billing {
            prices: Arc::new(Prices(self.prices.iter().map(PriceConfig::row).collect())),
            credits: self.credits.as_ref().map(CreditsConfig::credits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_was_written(nano in 0..=1_000_000_000_000_000u64) {
            let written = serde_json::to_string(&Usd(nano)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Usd>(&written).unwrap(), Usd(nano));
        }
    }

    #[test]
    fn periods_parse_and_print() {
        for (text, period) in [
            ("day", Period::Day),
            ("month", Period::Month),
            ("12h", Period::Hours(12)),
        ] {
            let parsed = CreditPeriod::parse(text).unwrap();
            assert_eq!(parsed.0, period);
            assert_eq!(serde_json::to_value(parsed).unwrap(), text);
        }
        for text in ["", "0h", "12", "h", "9000h", "week", "-1h"] {
            assert!(CreditPeriod::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn credits_are_whole_and_some() {
        let whole = |unit, amount| {
            let credits = CreditsConfig {
                unit,
                amount,
                period: CreditPeriod::default(),
                hard: false,
            };
            credits.whole()
        };
        assert_eq!(whole(CreditUnit::Usd, 0.3), Some(300_000_000));
        assert_eq!(whole(CreditUnit::Calls, 7.0), Some(7));
        assert_eq!(whole(CreditUnit::Calls, 7.5), None);
        assert_eq!(whole(CreditUnit::Usd, 0.0), None);
        assert_eq!(whole(CreditUnit::Calls, 0.0), None);
    }
}
