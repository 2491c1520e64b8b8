//! Samples to ratios to a table.
//!
//! Invariant: a ratio is taken within a round and the median over the rounds, so that what slows the machine for a
//! while slows both sides of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Timings;
use crate::peers::{LITELLM_CHAT, LITELLM_STREAM, PORTKEY_CHAT, TENSORZERO_CHAT, TENSORZERO_STREAM};
use crate::subjects::{
    BARE_CHAT, BARE_RELAY, BARE_STATIC, BARE_TYPED, BESIDE_HIT, BESIDE_MISS, DIALECT_CHAT, DIALECT_STREAM, MOSAIC_CHAT,
    MOSAIC_CHAT_PASS, MOSAIC_HIT, MOSAIC_MISS, MOSAIC_PASS, MOSAIC_STREAM_PASS, NGINX_CACHE, NGINX_CHAT, NGINX_PROXY,
    NGINX_STREAM,
};

/// Who is compared with whom.
const PAIRS: [(&str, &str); 25] = [
    (MOSAIC_PASS, BARE_RELAY),
    (MOSAIC_PASS, NGINX_PROXY),
    (MOSAIC_PASS, MOSAIC_MISS),
    (MOSAIC_CHAT_PASS, BARE_CHAT),
    (MOSAIC_CHAT_PASS, NGINX_CHAT),
    (MOSAIC_CHAT, MOSAIC_CHAT_PASS),
    (DIALECT_CHAT, MOSAIC_CHAT),
    (DIALECT_CHAT, MOSAIC_CHAT_PASS),
    (DIALECT_CHAT, NGINX_CHAT),
    (TENSORZERO_CHAT, NGINX_CHAT),
    (PORTKEY_CHAT, NGINX_CHAT),
    (LITELLM_CHAT, NGINX_CHAT),
    (MOSAIC_STREAM_PASS, NGINX_STREAM),
    (DIALECT_STREAM, MOSAIC_STREAM_PASS),
    (DIALECT_STREAM, NGINX_STREAM),
    (TENSORZERO_STREAM, NGINX_STREAM),
    (LITELLM_STREAM, NGINX_STREAM),
    (MOSAIC_MISS, BARE_TYPED),
    (MOSAIC_MISS, NGINX_PROXY),
    (BARE_TYPED, NGINX_PROXY),
    (MOSAIC_HIT, BARE_STATIC),
    (MOSAIC_HIT, NGINX_CACHE),
    (BARE_STATIC, NGINX_CACHE),
    (MOSAIC_MISS, BESIDE_MISS),
    (MOSAIC_HIT, BESIDE_HIT),
];
/// A CPU time of zero ticks is less than one tick, and not nothing.
const LEAST_CPU: f64 = 0.005;

/// One turn of one subject.
#[derive(Clone, Copy)]
pub struct Sample {
    requests_per_second: f64,
    first_us: f64,
    p50_us: f64,
    p99_us: f64,
    cpu_seconds_per_10k: f64,
}

/// A figure of a sample, and its name.
type Figure = (&'static str, fn(&Sample) -> f64);

/// How many there are.
const MANY: usize = 5;

const FIGURES: [Figure; MANY] = [
    ("requests/s", |sample| sample.requests_per_second),
    ("first us", |sample| sample.first_us),
    ("p50 us", |sample| sample.p50_us),
    ("p99 us", |sample| sample.p99_us),
    ("CPU s/10k", |sample| sample.cpu_seconds_per_10k),
];

impl Sample {
    /// Of the times of a turn, and the seconds of CPU that its subject used.
    pub fn of(mut timings: Timings, cpu_seconds: f64) -> Self {
        timings.first.sort_unstable();
        timings.requests.sort_unstable();
        let count = timings.requests.len();
        let percentile = |of: &[Duration], part: f64| {
            let rank = (count as f64 * part).ceil() as usize;
            let at = rank.clamp(1, count.max(1)) - 1;
            of.get(at).map_or(0.0, |took| took.as_secs_f64() * 1e6)
        };
        Sample {
            requests_per_second: count as f64 / timings.elapsed.as_secs_f64(),
            first_us: percentile(&timings.first, 0.50),
            p50_us: percentile(&timings.requests, 0.50),
            p99_us: percentile(&timings.requests, 0.99),
            cpu_seconds_per_10k: cpu_seconds.max(LEAST_CPU) * 10_000.0 / count.max(1) as f64,
        }
    }
}

/// All samples, by concurrency and subject, in the order of the rounds.
#[derive(Default)]
pub struct Report {
    samples: BTreeMap<usize, Vec<(&'static str, Vec<Sample>)>>,
}

impl Report {
    /// Adds a turn.
    pub fn add(&mut self, concurrency: usize, subject: &'static str, sample: Sample) {
        let subjects = self.samples.entry(concurrency).or_default();
        match subjects.iter_mut().find(|(name, _)| *name == subject) {
            Some((_, samples)) => samples.push(sample),
            None => subjects.push((subject, vec![sample])),
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (concurrency, subjects) in &self.samples {
            let row = |text: &mut String, name: &str, cells: [String; MANY]| {
                let cells: Vec<String> = cells.iter().map(|cell| format!(" {cell:>18}")).collect();
                // Writing into a string does not fail.
                let _ = writeln!(text, "{name:<70}{}", cells.concat());
            };
            let heading = format!("concurrency {concurrency}, medians");
            row(&mut text, &heading, FIGURES.map(|(name, _)| name.to_owned()));
            for (name, samples) in subjects {
                row(
                    &mut text,
                    name,
                    FIGURES.map(|(_, of)| format!("{:.3}", median(samples.iter().map(of)))),
                );
            }
            let heading = "median (least to most) of ratios";
            row(&mut text, heading, FIGURES.map(|(name, _)| name.to_owned()));
            for (ours, theirs) in PAIRS {
                if let Some(ratios) = ratios(subjects, ours, theirs) {
                    let cells = ratios.map(|ratios| {
                        let (least, most) = bounds(&ratios);
                        format!("{:.2} ({least:.2}-{most:.2})", median(ratios))
                    });
                    row(&mut text, &format!("{ours} / {theirs}"), cells);
                }
            }
            text.push('\n');
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let figures = |values: [Vec<f64>; MANY]| -> Value {
            let named = FIGURES.into_iter().zip(values).map(|((name, _), values)| {
                let (least, most) = bounds(&values);
                (
                    name.to_owned(),
                    json!({ "median": median(values), "least": least, "most": most }),
                )
            });
            named.collect::<serde_json::Map<_, _>>().into()
        };
        let rows = self.samples.iter().map(|(concurrency, subjects)| {
            let measured = subjects.iter().map(|(name, samples)| {
                let values = FIGURES.map(|(_, of)| samples.iter().map(of).collect());
                ((*name).to_owned(), figures(values))
            });
            let compared = PAIRS.into_iter().filter_map(|(ours, theirs)| {
                let ratios = ratios(subjects, ours, theirs)?;
                Some((format!("{ours} / {theirs}"), figures(ratios)))
            });
            json!({
                "concurrency": concurrency,
                "subjects": measured.collect::<serde_json::Map<_, _>>(),
                "ratios": compared.collect::<serde_json::Map<_, _>>(),
            })
        });
        rows.collect()
    }
}

/// For each figure, the ratio in each round.
fn ratios(subjects: &[(&'static str, Vec<Sample>)], ours: &str, theirs: &str) -> Option<[Vec<f64>; MANY]> {
    let samples = |wanted: &str| {
        subjects
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, samples)| samples)
    };
    let (ours, theirs) = (samples(ours)?, samples(theirs)?);
    Some(FIGURES.map(|(_, of)| ours.iter().zip(theirs).map(|(a, b)| of(a) / of(b)).collect()))
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]) / 2.0,
    }
}

fn bounds(values: &[f64]) -> (f64, f64) {
    let all = || values.iter().copied();
    (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max))
}
