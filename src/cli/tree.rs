//! The supervision tree as indented lines.
//!
//! Invariant: whatever a node lacks is left blank, never invented; an unknown state is shown as it is called.

use clap::builder::styling::Style;
use serde_json::Value;

use super::screen::{BAD, FAINT, GOOD, Screen, WARY, clean};
use super::times::span;

struct Line {
    name: String,
    state: String,
    /// For how long, restarts, restarts that a supervisor still bears, waiting messages, where it is.
    facts: [String; 5],
    remark: String,
}

const HEADS: [&str; 7] = ["ACTOR", "STATE", "FOR", "RESTARTS", "LEFT", "MAILBOX", "PATH"];

/// What of a tree is shown.
#[derive(Clone, Debug, Default)]
pub struct Outlook {
    /// With paths, as the commands on actors take them.
    pub wide: bool,
    /// The actor at this path and what is below it.
    pub below: Option<String>,
}

/// Renders what `/admin/v1/tree` serves: a node with its `children`, under `root` or by itself. `None` where no actor has
/// the path that is asked for.
pub fn render(document: &Value, outlook: &Outlook, screen: &Screen) -> Option<String> {
    let mut lines = Vec::new();
    let root = document.get("root").unwrap_or(document);
    let top = match &outlook.below {
        Some(path) => find(root, path.trim_end_matches('/'))?,
        None => root,
    };
    add(top, "", "", &mut lines);
    let columns = if outlook.wide { HEADS.len() } else { HEADS.len() - 1 };
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = lines.iter().map(|line| cells(line)[column].chars().count());
            cells.chain([HEADS[column].len()]).max().unwrap_or(0)
        })
        .collect();
    let head = screen.paint(FAINT, pad(&HEADS, &widths).trim_end());
    let rows = lines.iter().map(|line| {
        let row = format!("{}  {}", pad(&cells(line), &widths), line.remark);
        let row = screen.cut(row.trim_end());
        paint_state(&row, widths[0], &line.state, screen)
    });
    let failed = document.get("failed").and_then(Value::as_str);
    let failed = failed.map(|why| screen.paint(BAD, &format!("the root gave up: {}", clean(why))));
    let lines: Vec<String> = std::iter::once(head).chain(rows).chain(failed).collect();
    Some(lines.join("\n"))
}

/// The tree before it is drawn: its heads, and for each actor its cells, its state and its node.
pub fn laid(document: &Value) -> (Vec<&'static str>, Vec<(Vec<String>, &Value)>) {
    let root = document.get("root").unwrap_or(document);
    let (mut lines, mut nodes) = (Vec::new(), Vec::new());
    add(root, "", "", &mut lines);
    walk(root, &mut nodes);
    let heads = HEADS[..HEADS.len() - 1].iter().copied().chain(["REMARK"]).collect();
    let cells = |line: Line| {
        let [time, restarts, left, mailbox, _] = line.facts;
        vec![line.name, line.state, time, restarts, left, mailbox, line.remark]
    };
    (heads, lines.into_iter().map(cells).zip(nodes).collect())
}

/// The nodes in the order of their lines.
fn walk<'a>(node: &'a Value, nodes: &mut Vec<&'a Value>) {
    nodes.push(node);
    for child in children(node) {
        walk(child, nodes);
    }
}

/// By name, so that an actor is found where it was: the server's order is that of starts.
fn children(node: &Value) -> Vec<&Value> {
    let children = node.get("children").and_then(Value::as_array);
    let mut children: Vec<&Value> = children.into_iter().flatten().collect();
    children.sort_by_key(|child| path(child));
    children
}

fn path(node: &Value) -> &str {
    node.get("path").and_then(Value::as_str).unwrap_or_default()
}

/// The node at a path. The nesting is bounded by the parser of the document.
fn find<'a>(node: &'a Value, wanted: &str) -> Option<&'a Value> {
    if path(node) == wanted {
        return Some(node);
    }
    let children = node.get("children").and_then(Value::as_array);
    children.into_iter().flatten().find_map(|child| find(child, wanted))
}

/// Painted after the cut, because escape sequences have no width; and by place, because an actor may be called as
/// a state is.
fn paint_state(row: &str, names_width: usize, state: &str, screen: &Screen) -> String {
    let before: String = row.chars().take(names_width).collect();
    let rest = &row[before.len()..];
    format!(
        "{before}{}",
        rest.replacen(state, &screen.paint(style(state), state), 1)
    )
}

/// A nested node and what is below it. The nesting is bounded by the parser of the document.
fn add(node: &Value, own: &str, below: &str, lines: &mut Vec<Line>) {
    lines.push(line(node, own));
    let children = children(node);
    for (index, child) in children.iter().copied().enumerate() {
        let (branch, further) = if index + 1 == children.len() {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        add(child, &format!("{below}{branch}"), &format!("{below}{further}"), lines);
    }
}

fn line(node: &Value, indent: &str) -> Line {
    let text = |pointer| {
        node.pointer(pointer)
            .and_then(Value::as_str)
            .map(clean)
            .unwrap_or_default()
    };
    let number = |pointer| node.pointer(pointer).and_then(Value::as_u64);
    let shown = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let path = text("/path");
    let name = path.rsplit('/').next().unwrap_or_default();
    let strategy = text("/supervisor/strategy");
    let strategy = if strategy.is_empty() {
        strategy
    } else {
        format!(" ({strategy})")
    };
    let state = text("/state");
    Line {
        name: format!("{indent}{name}{strategy}"),
        state: if state.is_empty() { "unknown".to_owned() } else { state },
        facts: [
            number("/in_state_ms").map(span).unwrap_or_default(),
            shown(number("/restarts")),
            shown(number("/supervisor/budget_left")),
            shown(number("/mailbox")),
            text("/path"),
        ],
        remark: remark(node),
    }
}

/// The next try and the last crash, in one line.
fn remark(node: &Value) -> String {
    let next = node
        .get("next_retry_ms")
        .and_then(Value::as_u64)
        .map(|wait| format!("next try in {}", span(wait)));
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
    let [time, restarts, left, mailbox, path] = &line.facts;
    [&line.name, &line.state, time, restarts, left, mailbox, path]
}

fn pad(cells: &[&str], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ")
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

    fn shown(tree: &Value, screen: &Screen) -> String {
        render(tree, &Outlook::default(), screen).unwrap()
    }

    #[test]
    fn the_tree_shows_who_crashed_and_what_is_left() {
        let tree = json!({"at_unix_ms": 1, "failed": null, "root": {"path": "/root", "state": "running",
            "in_state_ms": 3_723_500, "supervisor": {"strategy": "one_for_one", "budget_left": 2}, "children": [
                {"path": "/root/plugins", "state": "running", "children": [
                    {"path": "/root/plugins/a", "state": "backing_off", "in_state_ms": 40, "restarts": 3,
                     "supervisor": null, "mailbox": 7, "next_retry_ms": 1500,
                     "last_crash": {"why": "panic", "text": "index\nout", "during": "Call", "at_unix_ms": 1}}]},
                {"path": "/root/gateway"}]}});
        assert_eq!(
            shown(&tree, &Screen::default()),
            "ACTOR               STATE        FOR    RESTARTS  LEFT  MAILBOX\n\
             root (one_for_one)  running      1 h              2\n\
             ├─ gateway          unknown\n\
             └─ plugins          running\n\
             \u{20}  └─ a             backing_off  40 ms  3               7        \
             next try in 1 s; last panic (during Call): index out"
        );
        let outlook = Outlook {
            wide: true,
            below: Some("/root/plugins".to_owned()),
        };
        let wide = render(&tree, &outlook, &Screen::default()).unwrap();
        assert!(
            wide.lines().count() == 3 && wide.contains("  /root/plugins/a  "),
            "{wide}"
        );
        let nowhere = Outlook {
            below: Some("/root/b".to_owned()),
            ..Outlook::default()
        };
        assert!(render(&tree, &nowhere, &Screen::default()).is_none());
    }

    #[test]
    fn lines_are_cut_at_the_terminals_width_and_only_the_state_is_painted() {
        let tree = json!({"path": "/root/running", "state": "gave_up",
            "last_crash": {"why": "error", "text": "y".repeat(300)}});
        let screen = Screen {
            width: Some(60),
            ..Screen::default()
        };
        let text = shown(&tree, &screen);
        let last = text.lines().last().unwrap();
        assert_eq!(last.chars().count(), 60);
        assert!(last.ends_with('…'), "{text}");
        let tree = json!({"path": "/root/running", "state": "running"});
        let screen = Screen {
            colour_out: true,
            ..Screen::default()
        };
        let text = shown(&tree, &screen);
        assert!(text.lines().last().unwrap().starts_with("running  \u{1b}["), "{text}");
    }
}
