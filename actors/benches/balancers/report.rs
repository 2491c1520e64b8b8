//! The table: what every balancer came to on every trace.
//!
//! Invariant: each number is the median over the seeds.

use super::run::{Came, Who};

/// What a balancer came to on a trace, as medians.
pub struct Row {
    pub who: Who,
    pub came: Came,
    /// How far above the oracle its cost was, as a share of the oracle's.
    pub gap: f64,
}

/// A trace's rows, in the order of [`Who::all`].
pub struct Table {
    pub trace: String,
    pub rows: Vec<Row>,
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    match all.len() {
        0 => f64::NAN,
        count => (all[(count - 1) / 2] + all[count / 2]) / 2.0,
    }
}

impl Table {
    /// Of what each balancer came to with each seed.
    pub fn of(trace: &str, came: &[(Who, Vec<Came>)]) -> Self {
        let Some((_, oracle)) = came.iter().find(|(who, _)| *who == Who::Oracle) else {
            return Table {
                trace: trace.to_owned(),
                rows: Vec::new(),
            };
        };
        let rows = came.iter().map(|(who, came)| {
            let of = |what: fn(&Came) -> f64| median(came.iter().map(what).collect());
            let gaps = came
                .iter()
                .zip(oracle)
                .map(|(came, oracle)| came.cost / oracle.cost - 1.0);
            Row {
                who: *who,
                gap: median(gaps.collect()),
                came: Came {
                    mean: of(|came| came.mean),
                    p99: of(|came| came.p99),
                    p999: of(|came| came.p999),
                    failures: of(|came| came.failures),
                    money: of(|came| came.money),
                    cost: of(|came| came.cost),
                },
            }
        });
        Table {
            trace: trace.to_owned(),
            rows: rows.collect(),
        }
    }

    /// The baseline with the smallest gap.
    pub fn best(&self) -> Option<&Row> {
        let baselines = self
            .rows
            .iter()
            .filter(|row| row.who != Who::Oracle && !row.who.is_adaptive());
        baselines.min_by(|one, other| one.gap.total_cmp(&other.gap))
    }

    /// The adaptive balancer's row.
    pub fn adaptive(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.who.is_adaptive())
    }

    /// As text.
    pub fn print(&self) {
        println!("\n{}", self.trace);
        println!(
            "  {:<20}{:>9}{:>9}{:>10}{:>10}{:>11}{:>10}{:>9}",
            "", "mean ms", "p99 ms", "p99.9 ms", "failed %", "$ by 1000", "cost", "gap %"
        );
        for row in &self.rows {
            let came = &row.came;
            println!(
                "  {:<20}{:>9.1}{:>9.0}{:>10.0}{:>10.3}{:>11.3}{:>10.4}{:>9.1}",
                row.who.name(),
                came.mean * 1e3,
                came.p99 * 1e3,
                came.p999 * 1e3,
                came.failures * 1e2,
                came.money,
                came.cost,
                row.gap * 1e2
            );
        }
    }

    /// One line: how the adaptive balancer compares with the best of the others.
    pub fn verdict(&self) {
        let (Some(adaptive), Some(best)) = (self.adaptive(), self.best()) else {
            return;
        };
        println!(
            "  {:<14} best other {:<18} gap {:>6.1} %   adaptive {:>6.1} %   of it closed {:>4.0} %   cost against the best's {:>+6.1} %",
            self.trace,
            best.who.name(),
            best.gap * 1e2,
            adaptive.gap * 1e2,
            (1.0 - adaptive.gap / best.gap) * 1e2,
            (adaptive.came.cost / best.came.cost - 1.0) * 1e2
        );
    }
}
