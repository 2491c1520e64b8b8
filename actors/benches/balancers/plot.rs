//! The plot: every balancer's gap to the oracle, a panel for each trace.
//!
//! Invariant: plain SVG, drawn of the table alone.

use std::fmt::Write;

use super::report::Table;
use super::run::Who;

const PANEL: (f64, f64) = (380.0, 240.0);
const ACROSS: usize = 3;
const LEFT: f64 = 130.0;
const BAR: f64 = 16.0;
/// A bar ends here; what is worse has its number.
const MOST: f64 = 2.0;

/// The plot as text.
pub fn drawn(tables: &[Table], seeds: &str) -> String {
    let down = tables.len().div_ceil(ACROSS);
    let (width, height) = (PANEL.0 * ACROSS as f64, PANEL.1 * down as f64 + 30.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"18\" font-size=\"13\">Expected cost above a greedy clairvoyant's, in percent: medians, seeds {seeds}</text>\n"
    );
    for (number, table) in tables.iter().enumerate() {
        let x = PANEL.0 * (number % ACROSS) as f64;
        let y = PANEL.1 * (number / ACROSS) as f64 + 40.0;
        panel(&mut svg, table, x, y);
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, table: &Table, x: f64, y: f64) {
    let room = PANEL.0 - LEFT - 60.0;
    // Writing to a text cannot fail.
    let mut put = |text: std::fmt::Arguments<'_>| svg.write_fmt(text).unwrap_or_default();
    put(format_args!(
        "<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n",
        x + LEFT,
        y,
        table.trace
    ));
    let rows = table.rows.iter().filter(|row| row.who != Who::Oracle);
    for (place, row) in rows.enumerate() {
        let top = y + 10.0 + place as f64 * (BAR + 4.0);
        let long = (row.gap.clamp(0.0, MOST) / MOST * room).max(1.0);
        let colour = if row.who.is_adaptive() { "#c0392b" } else { "#7f8c9b" };
        put(format_args!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{}\" y=\"{top}\" width=\"{long}\" height=\"{BAR}\" fill=\"{colour}\"/>\n\
             <text x=\"{}\" y=\"{}\">{:.0}</text>\n",
            x + LEFT - 6.0,
            top + 12.0,
            row.who.name(),
            x + LEFT,
            x + LEFT + long + 4.0,
            top + 12.0,
            row.gap * 1e2
        ));
    }
}
