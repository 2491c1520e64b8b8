//! As much of YAML as the description of Jenkins is written in: maps, lists, plain and quoted words, folded texts.
//!
//! Invariant: what is none of these fails, and is never taken for something else.

use serde_json::{Map, Value};

/// A line: how far it is indented, and its text.
type Line<'a> = (usize, &'a str);

/// Reads a document.
pub(crate) fn read(text: &str) -> Value {
    let lines: Vec<Line<'_>> = text
        .lines()
        .map(|line| (line.len() - line.trim_start().len(), line.trim()))
        .filter(|(_, text)| !text.is_empty() && !text.starts_with('#') && *text != "---")
        .collect();
    let mut left = &lines[..];
    let value = block(&mut left, 0);
    assert!(left.is_empty(), "{:?} belongs to nothing", left[0]);
    value
}

/// What stands from here on and is indented by `indent` at least.
fn block(left: &mut &[Line<'_>], indent: usize) -> Value {
    match left.first().copied() {
        Some((at, text)) if at >= indent && text.starts_with("- ") => list(left, at),
        Some((at, _)) if at >= indent => map(left, at, None),
        _ => Value::Null,
    }
}

fn list(left: &mut &[Line<'_>], indent: usize) -> Value {
    let mut items = Vec::new();
    while let Some(item) = left
        .first()
        .filter(|(at, _)| *at == indent)
        .and_then(|(_, text)| text.strip_prefix("- "))
    {
        *left = &left[1..];
        items.push(match pair(item) {
            // What follows the dash stands two further in.
            Some(_) => map(left, indent + 2, Some(item)),
            None => word(item).into(),
        });
    }
    Value::Array(items)
}

/// A map, whose first line may have stood behind a dash.
fn map(left: &mut &[Line<'_>], indent: usize, mut first: Option<&str>) -> Value {
    let mut fields = Map::new();
    loop {
        let text = match (first.take(), left.first()) {
            (Some(text), _) => text,
            (None, Some((at, text))) if *at == indent && !text.starts_with("- ") => {
                *left = &left[1..];
                text
            }
            _ => return Value::Object(fields),
        };
        let (name, value) = pair(text).unwrap_or_else(|| panic!("{text:?} is no field"));
        let value = match value {
            // A list may stand no further in than what it belongs to.
            "" if left
                .first()
                .is_some_and(|(at, text)| *at == indent && text.starts_with("- ")) =>
            {
                list(left, indent)
            }
            "" => block(left, indent + 1),
            ">-" => folded(left, indent).into(),
            "[]" => Value::Array(Vec::new()),
            "true" | "false" => Value::Bool(value == "true"),
            value => value.parse::<u64>().map_or_else(|_| word(value).into(), Value::from),
        };
        assert!(
            fields.insert(word(name).to_owned(), value).is_none(),
            "{name:?} stands twice"
        );
    }
}

/// The lines that are indented further, as one.
fn folded(left: &mut &[Line<'_>], indent: usize) -> String {
    let lines = left.iter().take_while(|(at, _)| *at > indent);
    let texts: Vec<&str> = lines.map(|(_, text)| *text).collect();
    *left = &left[texts.len()..];
    texts.join(" ")
}

/// `name: value`, or `name:` alone.
fn pair(text: &str) -> Option<(&str, &str)> {
    let alone = text.strip_suffix(':').map(|name| (name, ""));
    alone
        .or_else(|| text.split_once(": "))
        .filter(|_| !text.starts_with(['{', '[', '&', '*']))
}

/// Without the quotes around it.
fn word(text: &str) -> &str {
    let inner = |mark| text.strip_prefix(mark)?.strip_suffix(mark);
    inner('\'').or_else(|| inner('"')).unwrap_or(text)
}
