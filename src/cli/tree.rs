//! The supervision tree as indented lines.
//!
//! Invariant: whatever a node lacks is left blank, never invented; an unknown state is shown as it is called.

use std::time::Duration;

use clap::builder::styling::Style;
use serde_json::Value;

use super::screen::{BAD, FAINT, GOOD, Screen, WARY, clean};

struct Line {
    name: String,
    state: String,
    /// For how long, restarts, budget left.
    facts: [String; 3],
    remark: String,
}

const HEADS: [&str; 5] = ["ACTOR", "STATE", "FOR", "RESTARTS", "LEFT"];

/// Renders what `/admin/v1/tree` serves: a node with `children`, a list of nodes, or either under `root`, `tree`
/// or `nodes`. A flat list is put in order by its paths.
pub fn render(document: &Value, screen: &Screen) -> String {
    let body = ["root", "tree", "nodes"]
        .into_iter()
        .find_map(|name| document.get(name));
    let mut lines = Vec::new();
    match body.unwrap_or(document) {
        Value::Array(nodes) => nodes
            .iter()
            .for_each(|node| add(node, &indent_of_path(node), "", &mut lines)),
        node => add(node, "", "", &mut lines),
    }
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|column| {
            let cells = lines.iter().map(|line| cells(line)[column].chars().count());
            cells.chain([HEADS[column].len()]).max().unwrap_or(0)
        })
        .collect();
    let head = screen.paint(FAINT, pad(&HEADS, &widths).trim_end());
    let rows = lines.iter().map(|line| {
        let row = format!("{}  {}", pad(&cells(line), &widths), line.remark);
        let row = cut(row.trim_end(), screen.width);
        // Painted last: escape sequences have no width.
        row.replacen(
            &line.state,
            &screen.paint(style(&line.state), &line.state),
            usize::from(!line.state.is_empty()),
        )
    });
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

/// A nested node and what is below it. The nesting is bounded by the parser of the document.
fn add(node: &Value, own: &str, below: &str, lines: &mut Vec<Line>) {
    lines.push(line(node, own));
    let children = node.get("children").and_then(Value::as_array);
    let children: &[Value] = children.map_or(&[], Vec::as_slice);
    for (index, child) in children.iter().enumerate() {
        let (branch, further) = if index + 1 == children.len() {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        add(child, &format!("{below}{branch}"), &format!("{below}{further}"), lines);
    }
}

fn line(node: &Value, indent: &str) -> Line {
    let text = |name| node.get(name).and_then(Value::as_str).map(clean);
    let path = text("path").unwrap_or_default();
    let name = text("name").unwrap_or_else(|| path.rsplit('/').next().unwrap_or_default().to_owned());
    let number = |name| node.get(name).and_then(Value::as_u64);
    let shown = |name| number(name).map(|number| number.to_string()).unwrap_or_default();
    let strategy = text("strategy")
        .map(|strategy| format!(" ({strategy})"))
        .unwrap_or_default();
    Line {
        name: format!("{indent}{name}{strategy}"),
        state: text("state").unwrap_or_else(|| "unknown".to_owned()),
        facts: [
            number("state_for_ms").map(ago).unwrap_or_default(),
            shown("restarts"),
            shown("budget_left"),
        ],
        remark: remark(node),
    }
}

/// The next try and the last crash, in one line.
fn remark(node: &Value) -> String {
    let next = node
        .get("next_retry_ms")
        .and_then(Value::as_u64)
        .map(|wait| format!("next try in {}", ago(wait)));
    let crash = node.get("last_crash").filter(|crash| !crash.is_null()).map(|crash| {
        let part = |name| crash.get(name).and_then(Value::as_str);
        let why = part("why").unwrap_or("crash");
        let text = part("text").map(|text| format!(": {text}")).unwrap_or_default();
        let during = part("during")
            .map(|message| format!(" (during {message})"))
            .unwrap_or_default();
        clean(&format!("last {why}{during}{text}")).replace(['\n', '\t'], " ")
    });
    next.into_iter().chain(crash).collect::<Vec<_>>().join("; ")
}

fn cells(line: &Line) -> [&str; HEADS.len()] {
    let [time, restarts, left] = &line.facts;
    [&line.name, &line.state, time, restarts, left]
}

fn pad(cells: &[&str], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ")
}

fn indent_of_path(node: &Value) -> String {
    let path = node.get("path").and_then(Value::as_str).unwrap_or_default();
    "  ".repeat(path.trim_matches('/').matches('/').count())
}

/// Whole seconds; below one, milliseconds. At most two units, which is as exact as a reader needs.
fn ago(ms: u64) -> String {
    let time = Duration::from_millis(ms);
    let time = if ms < 1000 {
        time
    } else {
        Duration::from_secs(time.as_secs())
    };
    let text = humantime::format_duration(time).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn cut(line: &str, width: Option<u16>) -> String {
    match width.map(usize::from) {
        Some(width) if line.chars().count() > width => {
            line.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        _ => line.to_owned(),
    }
}

fn style(state: &str) -> Style {
    match state {
        "running" => GOOD,
        "gave_up" | "failed" => BAD,
        "stopped" => FAINT,
        _ => WARY,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_nested_tree_shows_who_crashed_and_what_is_left() {
        let tree = json!({"path": "root", "strategy": "one_for_one", "state": "running", "state_for_ms": 3_723_500,
            "children": [
                {"path": "root/plugins", "state": "running", "children": [
                    {"path": "root/plugins/a", "state": "backing_off", "state_for_ms": 40, "restarts": 3,
                     "budget_left": 2, "next_retry_ms": 1500,
                     "last_crash": {"why": "panic", "text": "index\nout", "during": "Call", "at_unix_ms": 1}}]},
                {"path": "root/gateway"}]});
        assert_eq!(
            render(&tree, &Screen::default()),
            "ACTOR               STATE        FOR    RESTARTS  LEFT\n\
             root (one_for_one)  running      1h 2m\n\
             ├─ plugins          running\n\
             │  └─ a             backing_off  40ms   3         2     \
             next try in 1s; last panic (during Call): index out\n\
             └─ gateway          unknown"
        );
    }

    #[test]
    fn a_flat_list_is_indented_by_its_paths_and_cut_at_the_width() {
        let tree = json!({"nodes": [{"path": "root", "state": "running"}, {"path": "root/x", "state": "gave_up",
            "last_crash": {"why": "error", "text": "y".repeat(300)}}]});
        let screen = Screen {
            width: Some(50),
            ..Screen::default()
        };
        let text = render(&tree, &screen);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[2].starts_with("  x    gave_up"), "{text}");
        assert_eq!(lines[2].chars().count(), 50);
        assert!(lines[2].ends_with('…'));
    }
}
