//! What was seen before, as series of numbers: one for each counter of the gateway, its providers, tenants and caches.
//!
//! Invariant: a series has a bounded length, there is a bounded number of them, and what is gone is forgotten; a gateway that
//! was restarted begins anew and never counts backwards.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::sheet::Seen;

/// Numbers of a series: more than a terminal is wide.
const LONGEST: usize = 300;
/// The most series.
const MOST: usize = 500;

/// Calls that were answered, in a second.
pub const CALLS: &str = "calls/s";
/// Calls in flight.
pub const IN_FLIGHT: &str = "in flight";
/// Calls that failed, in a second.
pub const FAILED: &str = "failed/s";

/// A series, the newest last.
#[derive(Clone, Debug, Default)]
pub struct Series {
    values: VecDeque<u64>,
    /// What its counter was.
    counted: Option<u64>,
}

impl Series {
    /// The numbers, the oldest first.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + '_ {
        self.values.iter().copied()
    }

    /// The newest.
    pub fn last(&self) -> u64 {
        self.values.back().copied().unwrap_or(0)
    }

    fn push(&mut self, value: u64) {
        if self.values.len() == LONGEST {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    /// What a counter grew by in a second.
    fn count(&mut self, counter: u64, took_ms: Option<u64>) {
        let before = self.counted.replace(counter);
        if let (Some(before), Some(took_ms)) = (before, took_ms) {
            self.push(counter.saturating_sub(before).saturating_mul(1_000) / took_ms.max(1));
        }
    }
}

/// All series, by name.
#[derive(Debug, Default)]
pub struct History {
    series: BTreeMap<String, Series>,
    uptime_ms: Option<u64>,
}

impl History {
    /// A series; none where nothing is known of the name.
    pub fn of(&self, name: &str) -> Option<&Series> {
        self.series.get(name)
    }

    /// Takes what is seen now.
    pub fn add(&mut self, seen: &Seen) {
        let uptime = seen.status["uptime_ms"].as_u64();
        let before = std::mem::replace(&mut self.uptime_ms, uptime);
        let took = before.zip(uptime).and_then(|(before, now)| now.checked_sub(before));
        if took.is_none() {
            self.series.values_mut().for_each(|series| series.counted = None);
        }
        let mut known = vec![CALLS.to_owned(), FAILED.to_owned(), IN_FLIGHT.to_owned()];
        let number = |place: &str| seen.status.pointer(place).and_then(Value::as_u64);
        if let Some(now) = number("/calls/in_flight") {
            self.series.entry(IN_FLIGHT.to_owned()).or_default().push(now);
        }
        let mut counters: Vec<(String, u64)> = Vec::new();
        counters.extend(number("/traffic/answered").map(|count| (CALLS.to_owned(), count)));
        counters.extend(number("/traffic/failed").map(|count| (FAILED.to_owned(), count)));
        let each = |document: &Value, rows: &str, name: &str, count: &str| -> Vec<(String, u64)> {
            let rows = document.pointer(rows).and_then(Value::as_array).into_iter().flatten();
            rows.filter_map(|row| Some((row.pointer(name)?.as_str()?.to_owned(), row.pointer(count)?.as_u64()?)))
                .take(MOST / 4)
                .collect()
        };
        counters.extend(
            each(&seen.status, "/providers", "/name", "/traffic/answered")
                .into_iter()
                .map(provider),
        );
        counters.extend(
            each(&seen.quotas, "/tenants", "/tenant", "/admitted")
                .into_iter()
                .map(tenant),
        );
        counters.extend(each(&seen.caches, "/tiers", "/name", "/hits").into_iter().map(cache));
        for (name, count) in counters {
            self.series.entry(name.clone()).or_default().count(count, took);
            known.push(name);
        }
        self.series.retain(|name, _| known.contains(name));
    }
}

fn provider((name, count): (String, u64)) -> (String, u64) {
    (of_provider(&name), count)
}

fn tenant((name, count): (String, u64)) -> (String, u64) {
    (of_tenant(&name), count)
}

fn cache((name, count): (String, u64)) -> (String, u64) {
    (of_cache(&name), count)
}

/// The name of a provider's series: its answers in a second.
pub fn of_provider(name: &str) -> String {
    format!("{name} answered/s")
}

/// Of a tenant's: its calls in a second.
pub fn of_tenant(name: &str) -> String {
    format!("{name} admitted/s")
}

/// Of a cache tier's: its hits in a second.
pub fn of_cache(name: &str) -> String {
    format!("{name} hits/s")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn seen(uptime_ms: u64, answered: u64, provider: &str) -> Seen {
        Seen {
            status: json!({"uptime_ms": uptime_ms, "traffic": {"answered": answered, "failed": 0}, "calls": {"in_flight": 2},
                "providers": [{"name": provider, "traffic": {"answered": answered}}]}),
            ..Seen::default()
        }
    }

    fn values(history: &History, name: &str) -> Vec<u64> {
        history
            .of(name)
            .map(|series| series.values().collect())
            .unwrap_or_default()
    }

    #[test]
    fn counters_are_told_by_the_second_and_a_restart_begins_anew() {
        let mut history = History::default();
        history.add(&seen(1_000, 10, "a"));
        history.add(&seen(3_000, 30, "a"));
        assert_eq!(values(&history, CALLS), [10]);
        assert_eq!(values(&history, &of_provider("a")), [10]);
        assert_eq!(values(&history, IN_FLIGHT), [2, 2]);
        history.add(&seen(500, 1, "a"));
        history.add(&seen(1_500, 4, "b"));
        assert_eq!(values(&history, CALLS), [10, 3]);
        assert!(history.of(&of_provider("a")).is_none(), "what is gone is forgotten");
    }

    #[test]
    fn a_series_has_an_end() {
        let mut history = History::default();
        for second in 0..2 * LONGEST as u64 {
            history.add(&seen(second * 1_000, second, "a"));
        }
        assert_eq!(values(&history, CALLS).len(), LONGEST);
    }
}
