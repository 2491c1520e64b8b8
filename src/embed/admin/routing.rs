//! What routes and credits come to: how much is left, and what routes in shadow would have changed.
//!
//! Invariant: credits are shown in the unit that they are configured in; a route is named by its place in the configuration.

use mosaic_actors::credits::CreditSnapshot;
use mosaic_actors::policy::routing::ShadowReport;
use serde_json::{Value, json};

use super::Port;
use crate::config::{RouteConfig, Usd};

impl Port {
    pub(super) fn credits(&self) -> Value {
        let credits: Vec<Value> = self.0.system().credits().iter().map(credits).collect();
        json!({ "credits": credits })
    }

    pub(super) fn shadows(&self) -> Value {
        let routes = &self.0.inner.config.routes;
        let reports = self.0.system().shadows();
        let shadows: Vec<Value> = reports
            .iter()
            .map(|report| shadow(report, routes.get(report.rule)))
            .collect();
        json!({ "shadows": shadows })
    }
}

fn credits(snapshot: &CreditSnapshot) -> Value {
    let is_calls = snapshot.unit == "calls";
    let amount = |amount: u64| match is_calls {
        true => json!(amount),
        false => json!(Usd::of_nano(amount)),
    };
    json!({
        "provider": snapshot.provider,
        "unit": if is_calls { "calls" } else { "usd" },
        "amount": amount(snapshot.amount),
        "left": amount(snapshot.left),
        "spent": amount(snapshot.spent),
        "leased": amount(snapshot.leased),
        "ends_unix_ms": snapshot.ends.saturating_mul(1_000),
        "hard": snapshot.hard,
    })
}

fn shadow(report: &ShadowReport, route: Option<&RouteConfig>) -> Value {
    let calls = report.same.saturating_add(report.different);
    let percent = (calls > 0).then(|| (report.different as f64 * 10_000.0 / calls as f64).round() / 100.0);
    json!({
        "route": format!("routes[{}]", report.rule),
        "name": route.map(|route| &route.name),
        "calls": calls,
        "same": report.same,
        "different": report.different,
        "different_percent": percent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_shown_in_their_own_unit() {
        let snapshot = |unit| CreditSnapshot {
            provider: "cloud".into(),
            unit,
            amount: 5_000_000_000,
            left: 1_500_000_000,
            spent: 3_500_000_000,
            leased: 250_000_000,
            ends: 86_400,
            hard: false,
        };
        let dollars = credits(&snapshot("nanodollars"));
        assert_eq!((&dollars["amount"], &dollars["left"]), (&json!(5.0), &json!(1.5)));
        assert_eq!(dollars["leased"], json!(0.25));
        assert_eq!(
            (&dollars["unit"], &dollars["ends_unix_ms"]),
            (&json!("usd"), &json!(86_400_000))
        );
        assert_eq!(credits(&snapshot("calls"))["spent"], json!(3_500_000_000u64));
    }

    #[test]
    fn a_share_is_of_the_calls_that_there_were() {
        let report = |same, different| ShadowReport {
            rule: 2,
            same,
            different,
        };
        assert_eq!(shadow(&report(2, 1), None)["different_percent"], json!(33.33));
        assert_eq!(shadow(&report(0, 0), None)["different_percent"], Value::Null);
        let route = RouteConfig {
            name: "trial".to_owned(),
            ..RouteConfig::default()
        };
        let shown = shadow(&report(1, 0), Some(&route));
        assert_eq!(
            (&shown["route"], &shown["name"]),
            (&json!("routes[2]"), &json!("trial"))
        );
    }
}
