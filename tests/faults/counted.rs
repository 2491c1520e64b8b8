//! What the forges have, and what the program tells of its calls.
//!
//! Invariant: the forges are asked directly, past the program.

use std::collections::BTreeMap;

use crate::harness::Stage;
use crate::stage::{calls_told, field};

/// How often each title stands at the forges, all of them together.
pub async fn titles(stage: &Stage) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for forge in stage.sandbox.servers() {
        let bearer = format!("Bearer {}", forge.token());
        let headers = [("authorization", &*bearer), ("user-agent", "the tests")];
        for page in 1.. {
            let list = format!(
                "{}/repos/acme/api/issues?state=all&per_page=100&page={page}",
                forge.base_url()
            );
            let list = stage.gateway.client.get_with(&list, &headers).await.ok();
            let rows = list.as_array().expect("a list");
            for row in rows {
                let title = row["title"].as_str().expect("a title").to_owned();
                *found.entry(title).or_default() += 1;
            }
            if rows.is_empty() {
                break;
            }
        }
    }
    found
}

/// By a call's id, its attempts, once for each time that the log tells of it.
pub fn attempts_told(log: &str) -> BTreeMap<String, Vec<u64>> {
    let mut told: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in calls_told(log) {
        let (id, attempts) = (field(&line, "request_id").as_str(), field(&line, "attempts"));
        let attempts = attempts.as_u64().expect("a number");
        told.entry(id.expect("an id").to_owned()).or_default().push(attempts);
    }
    told
}

/// The sum of a counter's series in Prometheus' text.
pub fn counter(metrics: &str, name: &str) -> u64 {
    let rows = metrics.lines().filter(|line| !line.starts_with('#'));
    let of_it = rows.filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let own = series.strip_prefix(name)?;
        (own.is_empty() || own.starts_with('{')).then(|| value.parse::<f64>().expect("a number"))
    });
    of_it.sum::<f64>() as u64
}
