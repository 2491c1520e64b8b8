//! From a route to the engine's rule.
//!
//! Invariant: each key of a route is one of the rule, so that what the engine tells of a rule is true of its route.

use std::collections::BTreeMap;
use std::sync::Arc;

use mosaic_actors::call;
use mosaic_actors::policy::balance::{self, Weights};
use mosaic_actors::policy::routing::{Canary, Conditions, Label, Preference, Rule, Window};

use super::{Balance, CanaryConfig, Config, CostClass, Day, HoursConfig, PreferConfig, Priority, ProviderConfig};
use super::{Performance, RouteConfig, WeightsConfig};

/// Parts of a million in a percent.
const PARTS: f64 = 10_000.0;

impl RouteConfig {
    /// The rule. Weights that cannot be meant, which are refused at their key, are the defaults here.
    pub(crate) fn rule(&self) -> Rule {
        let name = |text: &Option<String>| text.as_deref().map(Arc::from);
        Rule {
            name: Arc::from(self.name.as_str()),
            enabled: self.enabled,
            shadow: self.shadow,
            priority: self.priority,
            tenant: name(&self.tenant),
            service: name(&self.service),
            operation: name(&self.operation),
            resource: name(&self.resource),
            when: self.conditions(),
            instances: names(&self.providers),
            select: labels(&self.select),
            prefer: self.prefer.iter().map(preference).collect(),
            balance: self.balance(),
            nearest: self.nearest,
            canaries: self.canaries.iter().map(canary).collect(),
        }
    }

    fn conditions(&self) -> Conditions {
        Conditions {
            model: self.model.as_deref().map(Arc::from),
            payload_min: self.payload_min.map(|bytes| bytes as u64),
            payload_max: self.payload_max.map(|bytes| bytes as u64),
            cost_min: self.cost_min_usd.map(super::Usd::nano),
            cost_max: self.cost_max_usd.map(super::Usd::nano),
            labels: labels(&self.labels),
            hours: self.hours.iter().map(window).collect(),
            costs: self.cost_class.iter().map(|class| cost(*class)).collect(),
            performance: self.performance.iter().map(|need| performance(*need)).collect(),
            urgency: self.urgency.iter().copied().map(call::Priority::from).collect(),
        }
    }

    fn balance(&self) -> balance::Balance {
        match self.balance {
            Balance::RoundRobin => balance::Balance::RoundRobin,
            Balance::Weighted => balance::Balance::Weighted,
            Balance::LeastConnections => balance::Balance::LeastConnections,
            Balance::ResponseTime => balance::Balance::ResponseTime,
            Balance::Adaptive => {
                let weights = self.weights.as_ref().and_then(WeightsConfig::weights);
                balance::Balance::Adaptive(weights.unwrap_or_default())
            }
            Balance::ConsistentHashing => balance::Balance::ConsistentHashing,
        }
    }
}

impl WeightsConfig {
    /// `None` where nothing counts.
    pub(crate) fn weights(&self) -> Option<Weights> {
        Weights::new(self.latency, self.failure, self.money)
    }
}

impl ProviderConfig {
    /// Its labels, as rules select by them.
    pub(crate) fn carried(&self) -> Vec<Label> {
        labels(&self.labels)
    }
}

impl Config {
    /// The providers of the configuration that a route is for: those that it names, and those that it selects.
    pub(crate) fn members<'a>(&'a self, route: &'a RouteConfig) -> Vec<&'a str> {
        let named = route.providers.iter().map(String::as_str);
        let selects = |(name, provider): &(&String, &ProviderConfig)| {
            !route.select.is_empty() && carries(provider, &route.select) && !route.providers.contains(name)
        };
        let selected = self.providers.iter().filter(selects).map(|(name, _)| name.as_str());
        named.chain(selected).collect()
    }
}

/// Whether a provider carries all these labels.
pub(crate) fn carries(provider: &ProviderConfig, labels: &BTreeMap<String, String>) -> bool {
    labels
        .iter()
        .all(|(name, value)| provider.labels.get(name) == Some(value))
}

fn names(names: &[String]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(name.as_str())).collect()
}

fn labels(labels: &BTreeMap<String, String>) -> Vec<Label> {
    let label = |(name, value): (&String, &String)| (Arc::from(name.as_str()), Arc::from(value.as_str()));
    labels.iter().map(label).collect()
}

fn preference(prefer: &PreferConfig) -> Preference {
    Preference {
        instances: names(&prefer.providers),
        labels: labels(&prefer.labels),
        credits: prefer.credits,
    }
}

fn canary(canary: &CanaryConfig) -> Canary {
    Canary {
        instance: Arc::from(canary.provider.as_str()),
        parts: (canary.percent * PARTS).round() as u32,
    }
}

fn window(hours: &HoursConfig) -> Window {
    let bits = hours
        .days
        .iter()
        .map(|day| day_bit(*day))
        .fold(0, |days, bit| days | bit);
    Window {
        days: if hours.days.is_empty() { Window::EVERY_DAY } else { bits },
        from: hours.from.minutes(),
        to: hours.to.minutes(),
    }
}

fn day_bit(day: Day) -> u8 {
    let index = match day {
        Day::Mon => 0,
        Day::Tue => 1,
        Day::Wed => 2,
        Day::Thu => 3,
        Day::Fri => 4,
        Day::Sat => 5,
        Day::Sun => 6,
    };
    1 << index
}

fn cost(class: CostClass) -> call::CostClass {
    match class {
        CostClass::Read => call::CostClass::Read,
        CostClass::Heavy => call::CostClass::Heavy,
        CostClass::Write => call::CostClass::Write,
        CostClass::Tokens => call::CostClass::Tokens,
    }
}

fn performance(need: Performance) -> call::Performance {
    match need {
        Performance::LowLatency => call::Performance::LowLatency,
        Performance::HighThroughput => call::Performance::HighThroughput,
        Performance::BestEffort => call::Performance::BestEffort,
    }
}

impl From<Priority> for call::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => call::Priority::Low,
            Priority::Normal => call::Priority::Normal,
            Priority::High => call::Priority::High,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TimeOfDay;

    #[test]
    fn hours_and_shares_are_those_of_the_engine() {
        let route = RouteConfig {
            providers: vec!["a".to_owned()],
            hours: vec![
                HoursConfig {
                    days: vec![Day::Mon, Day::Sun],
                    from: TimeOfDay::parse("22:00").unwrap(),
                    to: TimeOfDay::parse("06:00").unwrap(),
                },
                HoursConfig::default(),
            ],
            canaries: vec![CanaryConfig {
                provider: "a".to_owned(),
                percent: 0.1,
            }],
            ..RouteConfig::default()
        };
        let rule = route.rule();
        assert_eq!(
            rule.when.hours,
            [
                Window {
                    days: 0b100_0001,
                    from: 22 * 60,
                    to: 6 * 60
                },
                Window {
                    days: Window::EVERY_DAY,
                    from: 0,
                    to: 1_440
                }
            ]
        );
        assert_eq!(rule.canaries[0].parts, 1_000);
    }

    #[test]
    fn every_balancer_of_the_engine_has_its_name_here() {
        let schema = schemars::schema_for!(Balance).to_value().to_string();
        for balance in balance::Balance::all() {
            let name = balance.as_str();
            assert!(schema.contains(&format!("\"{name}\"")), "{name}");
            let route: RouteConfig = serde_json::from_value(serde_json::json!({ "balance": name })).unwrap();
            assert_eq!(route.rule().balance, balance);
        }
    }
}
