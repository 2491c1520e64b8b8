//! What an instance's calls cost: by its own prices, else by what is known of its models.
//!
//! Invariant: own prices are all that holds where there are any, before a call and after it: only what the provider itself
//! tells of a call's cost counts before them.

use std::sync::Arc;

use mosaic_actors::credits::Billing;
use mosaic_actors::policy::price::{Price, PriceRow, Prices};

use crate::catalogue::ai::{Facts, Rate};
use crate::config::ProviderConfig;
use crate::providers::models::Models;

/// The operations that are billed by tokens.
const BY_TOKENS: &str = "ai";

/// What is known of an instance's calls; `list` is the list of its models, where that is known.
pub(super) fn billing(provider: &ProviderConfig, list: Option<&str>, models: &Models) -> Billing {
    let own = provider.billing();
    match list.filter(|_| own.prices.0.is_empty()) {
        None => own,
        Some(list) => Billing {
            prices: Arc::new(Prices(models.of_list(list).filter_map(row).collect())),
            ..own
        },
    }
}

/// The price of a model on the common terms; none where that is not known.
fn row((model, facts): (&str, &Facts)) -> Option<PriceRow> {
    let rates = facts.usd_per_million.as_ref()?.standard.as_ref()?;
    let rate = |rate: Option<Rate>| rate.map(Rate::nano_per_million);
    Some(PriceRow {
        operation: Some(Arc::from(BY_TOKENS)),
        model: Some(Arc::from(model)),
        price: Price {
            call: 0,
            input: rate(rates.input).unwrap_or(0),
            cached: rate(rates.cached),
            output: rate(rates.output).unwrap_or(0),
            output_tokens: None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_models_prices_an_instance_without_prices_of_its_own() {
        let models = Models::load(None).unwrap();
        let mut provider = ProviderConfig::new("openai");
        let known = billing(&provider, Some("openai"), &models);
        let row = known.prices.0.iter().find(|row| row.model.as_deref() == Some("gpt-4o"));
        let price = row.expect("it is in the table").price;
        assert_eq!(
            (price.input, price.cached, price.output),
            (2_500_000_000, Some(1_250_000_000), 10_000_000_000)
        );
        assert!(billing(&provider, None, &models).prices.0.is_empty());
        provider.prices.push(crate::config::PriceConfig::default());
        assert_eq!(billing(&provider, Some("openai"), &models).prices.0.len(), 1);
    }
}
