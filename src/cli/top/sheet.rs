//! The rows of each tab, made of the gateway's documents.
//!
//! Invariant: what a document lacks is left blank; no text of it can steer a terminal.

use serde_json::{Value, json};

use super::tab::Tab;
use crate::cli::screen::clean;
use crate::cli::views::{self, Shown, TableView};
use crate::cli::{render, tree};

/// The most rows of one tab: nobody looks at more.
const MOST_ROWS: usize = 5_000;
/// The most facts of one row that are looked at.
pub const MOST_FACTS: usize = 1_000;

/// What was seen: the admin listener's documents.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub status: Value,
    pub tree: Value,
    pub breakers: Value,
    pub caches: Value,
    pub quotas: Value,
    pub calls: Value,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    pub heads: Vec<String>,
    pub rows: Vec<Row>,
    /// What to say where there is no row.
    pub empty: &'static str,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it stays known by.
    pub key: String,
    pub cells: Vec<String>,
    /// 0 for what is out of service, 1 for what is ill or on its way, 2 for the rest.
    pub wellness: u8,
    pub source: Value,
}

/// The table of a tab.
pub fn sheet(tab: Tab, seen: &Seen) -> Sheet {
    match tab {
        Tab::Tree => of_tree(&seen.tree),
        Tab::Providers => of_view(&views::STATUS, &seen.status, &["/name"]),
        Tab::Breakers => of_view(&views::BREAKERS, &seen.breakers, &["/name", "/part"]),
        Tab::Caches => of_caches(&seen.caches),
        Tab::Tenants => of_view(&views::QUOTAS, &seen.quotas, &["/tenant"]),
        Tab::Calls => of_view(&views::CALLS, &seen.calls, &["/id"]),
    }
}

/// Every fact of a row, under its name.
pub fn facts(row: &Value) -> Vec<(String, String)> {
    let facts = row.as_object().map(render::facts).unwrap_or_default();
    let facts = facts.into_iter().take(MOST_FACTS);
    facts.map(|(name, text)| (one_line(&name), one_line(&text))).collect()
}

fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

fn of_view(view: &TableView, document: &Value, key: &[&str]) -> Sheet {
    let Some(laid) = view.laid(document, &Shown::default()) else {
        return Sheet {
            empty: view.empty(),
            ..Sheet::default()
        };
    };
    let text = |row: &Value, place: &str| {
        row.pointer(place)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let row = |row: views::LaidRow<'_>| Row {
        key: key
            .iter()
            .map(|place| text(row.source, place))
            .collect::<Vec<_>>()
            .join("/"),
        cells: row.cells.iter().map(|cell| one_line(cell)).collect(),
        wellness: row.wellness,
        source: row.source.clone(),
    };
    Sheet {
        heads: laid.heads.iter().map(|head| head.to_uppercase()).collect(),
        rows: laid.rows.into_iter().take(MOST_ROWS).map(row).collect(),
        empty: view.empty(),
    }
}

fn of_tree(document: &Value) -> Sheet {
    if !document.is_object() {
        return Sheet {
            empty: "no tree was seen yet",
            ..Sheet::default()
        };
    }
    let (heads, rows) = tree::laid(document);
    let row = |(cells, node): (Vec<String>, &Value)| {
        let state = node["state"].as_str().unwrap_or_default();
        let mut source = node.clone();
        if let Some(node) = source.as_object_mut() {
            node.remove("children");
        }
        Row {
            key: node["path"].as_str().unwrap_or_default().to_owned(),
            cells: cells.iter().map(|cell| one_line(cell)).collect(),
            wellness: match state {
                "running" => 2,
                "gave_up" | "failed" => 0,
                _ => 1,
            },
            source,
        }
    };
    Sheet {
        heads: heads.into_iter().map(str::to_owned).collect(),
        rows: rows.into_iter().take(MOST_ROWS).map(row).collect(),
        empty: "no tree was seen yet",
    }
}

fn of_caches(document: &Value) -> Sheet {
    let l1 = document.get("l1").map(|l1| {
        let mut l1 = l1.clone();
        l1["name"] = json!("l1");
        l1
    });
    let tiers = document["tiers"].as_array().cloned().unwrap_or_default();
    let row = |tier: Value| {
        let number = |name: &str| tier[name].as_u64().map(|number| number.to_string()).unwrap_or_default();
        let text = |place: &str| {
            tier.pointer(place)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let share = match (tier["hits"].as_u64(), tier["misses"].as_u64()) {
            (Some(hits), Some(misses)) if hits + misses > 0 => format!("{} %", hits * 100 / (hits + misses)),
            _ => String::new(),
        };
        let is_off = tier["enabled"] == false;
        let state = match is_off {
            true => "off".to_owned(),
            false => text("/breaker/state"),
        };
        let name = one_line(&text("/name"));
        let filled = match (tier["bytes"].as_u64(), tier["max_bytes"].as_u64()) {
            (Some(bytes), Some(most)) if most > 0 => format!("{} of {} KiB", bytes >> 10, most >> 10),
            _ => String::new(),
        };
        Row {
            key: name.clone(),
            wellness: if matches!(&*state, "open" | "forced_open") {
                0
            } else {
                2
            },
            cells: vec![
                name,
                state,
                share,
                number("hits"),
                number("misses"),
                number("fills"),
                number("errors"),
                number("entries"),
                filled,
            ],
            source: tier,
        }
    };
    let heads = [
        "TIER", "STATE", "HIT", "HITS", "MISSES", "FILLS", "ERRORS", "ENTRIES", "SIZE",
    ];
    Sheet {
        heads: heads.map(str::to_owned).to_vec(),
        rows: l1.into_iter().chain(tiers).map(row).collect(),
        empty: "no cache was seen yet",
    }
}
