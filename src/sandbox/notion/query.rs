//! Filters and sorts of a data source's pages.
//!
//! Invariant: what is not understood is refused, and never passed over.

use std::cmp::Ordering;

use serde_json::Value;

use super::problem::Problem;
use super::state::{Kind, Node, Source, plain};

/// How deep filters may stand in one another.
const LEVELS: usize = 2;

/// Whether a page meets a filter.
pub(crate) fn wanted(source: &Source, node: &Node, filter: &Value, level: usize) -> Result<bool, Problem> {
    if filter.is_null() {
        return Ok(true);
    }
    for (name, all) in [("and", true), ("or", false)] {
        let Some(parts) = filter[name].as_array() else { continue };
        if level >= LEVELS {
            return Err(Problem::body("filter", "nested two levels at most"));
        }
        let met = parts.iter().map(|part| wanted(source, node, part, level + 1));
        let met: Vec<bool> = met.collect::<Result<_, _>>()?;
        return Ok(if all {
            met.iter().all(|met| *met)
        } else {
            met.contains(&true)
        });
    }
    if let Some(timestamp) = filter["timestamp"].as_str() {
        let at = if timestamp == "created_time" {
            &node.created
        } else {
            &node.edited
        };
        return in_time(at, &filter[timestamp]);
    }
    let named = filter["property"].as_str().unwrap_or_default();
    let schema = source
        .properties
        .iter()
        .find(|(name, value)| *name == named || value["id"] == named);
    let Some((_, schema)) = schema else {
        return Err(Problem::invalid(format!(
            "Could not find property with name or id: {named}"
        )));
    };
    let kind = schema["type"].as_str().unwrap_or_default();
    let Kind::Page(properties) = &node.kind else {
        return Ok(false);
    };
    let value = properties.values().find(|value| value["id"] == schema["id"]);
    let value = value.map_or(&Value::Null, |value| &value[kind]);
    let condition = filter
        .get(kind)
        .and_then(Value::as_object)
        .and_then(|map| map.iter().next());
    let (how, than) =
        condition.ok_or_else(|| Problem::body(&format!("filter.{kind}"), "defined, instead was `undefined`"))?;
    meets(kind, value, how, than)
}

fn meets(kind: &str, value: &Value, how: &str, than: &Value) -> Result<bool, Problem> {
    let name = &value["name"];
    let text = || plain(value).to_lowercase();
    let word = || than.as_str().unwrap_or_default().to_lowercase();
    Ok(match (kind, how) {
        ("status" | "select", "equals") => name == than,
        ("status" | "select", "does_not_equal") => name != than,
        ("multi_select", "contains") => value
            .as_array()
            .into_iter()
            .flatten()
            .any(|option| option["name"] == *than),
        ("people", "contains") => value
            .as_array()
            .into_iter()
            .flatten()
            .any(|person| person["id"] == *than),
        ("title" | "rich_text", "contains") => text().contains(&word()),
        ("title" | "rich_text", "equals") => text() == word(),
        ("unique_id", "equals") => value["number"] == *than,
        (_, "is_empty") => value.is_null() || value.as_array().is_some_and(Vec::is_empty),
        _ => {
            return Err(Problem::body(
                &format!("filter.{kind}.{how}"),
                "a condition that is known",
            ));
        }
    })
}

fn in_time(at: &str, condition: &Value) -> Result<bool, Problem> {
    let condition = condition.as_object().and_then(|map| map.iter().next());
    let (how, than) = condition.ok_or_else(|| Problem::body("filter", "a condition that is known"))?;
    let read = |text: &str| {
        text.parse::<jiff::Timestamp>()
            .map_err(|_| Problem::body("filter", "a date"))
    };
    let (at, than) = (read(at)?, read(than.as_str().unwrap_or_default())?);
    match how.as_str() {
        "on_or_after" => Ok(at >= than),
        "on_or_before" => Ok(at <= than),
        "after" => Ok(at > than),
        "before" => Ok(at < than),
        _ => Err(Problem::body("filter", "a condition that is known")),
    }
}

/// Which of two pages comes first.
type Order = Box<dyn Fn(&Node, &Node) -> Ordering>;

/// Puts pages into the order that is asked for; without one, the last that was made comes first.
pub(crate) fn ordered(source: &Source, rows: &mut Vec<&Node>, sorts: &Value) -> Result<(), Problem> {
    rows.reverse();
    let Some(sorts) = sorts.as_array() else { return Ok(()) };
    let mut orders: Vec<Order> = vec![];
    for sort in sorts {
        let down = sort["direction"] == "descending";
        let by: Order = match (sort["timestamp"].as_str(), sort["property"].as_str()) {
            (Some("created_time"), None) => {
                Box::new(|a: &Node, b: &Node| (&a.created, &a.id).cmp(&(&b.created, &b.id)))
            }
            (Some("last_edited_time"), None) => Box::new(|a: &Node, b: &Node| a.edited.cmp(&b.edited)),
            (None, Some(name)) if source.properties.contains_key(name) => {
                Box::new(|a: &Node, b: &Node| a.title().cmp(&b.title()))
            }
            _ => return Err(Problem::body("sorts", "a property or a timestamp")),
        };
        orders.push(match down {
            true => Box::new(move |a: &Node, b: &Node| by(b, a)),
            false => by,
        });
    }
    rows.sort_by(|a, b| {
        let compared = orders.iter().map(|order| order(a, b));
        compared.fold(Ordering::Equal, Ordering::then)
    });
    Ok(())
}
