//! Samples to ratios to a table.
//!
//! Invariant: a ratio is taken within a round and the median over the rounds, so that what slows the machine for a while
//! slows both sides of it.

use std::fmt::Write as _;

use crate::CALLERS;
use crate::client::Timings;
use crate::ways::Case;

/// A CPU time of zero ticks is less than one tick, and not nothing.
const LEAST_CPU: f64 = 0.005;

/// One turn of one way.
#[derive(Clone, Copy)]
pub struct Sample {
    /// What one request used of CPU, in microseconds.
    cpu: f64,
    /// What half of the requests of one caller took at most, in microseconds.
    took: f64,
}

impl Sample {
    /// Of the seconds of CPU that so many requests used, and the times of those that one caller made.
    pub fn of(cpu_seconds: f64, requests: usize, alone: Timings) -> Self {
        let mut times = alone.requests;
        times.sort_unstable();
        let middle = times.get(times.len() / 2);
        Sample {
            cpu: cpu_seconds.max(LEAST_CPU) * 1e6 / requests.max(1) as f64,
            took: middle.map_or(f64::NAN, |took| took.as_secs_f64() * 1e6),
        }
    }
}

type Figure = fn(&Sample) -> f64;

/// All samples, by case and way, in the order of the rounds.
pub struct Report(Vec<Vec<Vec<Sample>>>);

impl Report {
    /// One that has none yet.
    pub fn of(cases: &[Case]) -> Self {
        Report(cases.iter().map(|case| vec![vec![]; case.ways.len()]).collect())
    }

    /// Adds a turn.
    pub fn add(&mut self, case: usize, way: usize, sample: Sample) {
        self.0[case][way].push(sample);
    }

    /// For people.
    pub fn table(&self, cases: &[Case]) -> String {
        let mut text = String::new();
        let mut row = |name: &str, cells: [String; 4]| {
            let [cpu, of_rest, took, of_its] = cells;
            // Writing into a string does not fail.
            let _ = writeln!(text, "{name:<32} {cpu:>12} {of_rest:>20} {took:>12} {of_its:>20}");
        };
        let heading = |text: &str| text.to_owned();
        row(
            &format!("medians; CPU of {CALLERS} callers, p50 of one"),
            [String::new(), String::new(), String::new(), String::new()],
        );
        for (case, ways) in cases.iter().zip(&self.0) {
            row(case.what, ["CPU us", "of REST's", "p50 us", "of REST's"].map(heading));
            for (way, samples) in case.ways.iter().zip(ways) {
                let told = |of: Figure| {
                    let ratios: Vec<f64> = samples
                        .iter()
                        .zip(&ways[0])
                        .map(|(its, rest)| of(its) / of(rest))
                        .collect();
                    let middle = median(samples.iter().map(of).collect());
                    (format!("{middle:.1}"), ratio(ratios))
                };
                let ((cpu, of_rest), (took, of_its)) = (told(|sample| sample.cpu), told(|sample| sample.took));
                row(&format!("  {}", way.name), [cpu, of_rest, took, of_its]);
            }
        }
        text
    }
}

/// Its median, least and most.
fn ratio(ratios: Vec<f64>) -> String {
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:.2} ({least:.2}-{most:.2})", median(ratios))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
