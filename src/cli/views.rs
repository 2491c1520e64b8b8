//! The tables of those who run a gateway: for each view the columns that an eye looks for, in the order of its looking.
//!
//! Invariant: a column is a place in the server's document, and one that is filled nowhere is left out, so that any version
//! of the server can be shown; what is ill stands first.

mod words;

use serde_json::Value;

use super::render::{self, cell};
use super::screen::Screen;
use words::{ago, breaker, error, part, since_text, since_unix, span, tightest, wellness};

/// One table.
pub struct TableView {
    /// Where its rows are in the document.
    rows: &'static str,
    columns: &'static [Column],
    /// What to say where there is no row.
    empty: &'static str,
    /// The document tells of more than its rows.
    pub has_facts: bool,
    /// A row of people's for several of the document's.
    fold: Option<Fold>,
    /// The table that stands below it, under its title.
    below: Option<(&'static str, &'static TableView)>,
    /// The most rows, where nobody says how many; 0: all.
    most: usize,
}

/// Picks, of a document's rows, those to show.
type Fold = for<'a> fn(Vec<&'a Value>) -> Vec<&'a Value>;

/// A table of all rows, and of nothing else.
const PLAIN: TableView = TableView {
    rows: "",
    columns: &[],
    empty: "",
    has_facts: false,
    fold: None,
    below: None,
    most: 0,
};

/// One column.
struct Column {
    head: &'static str,
    /// Where it is in a row; the first place that is filled is shown.
    places: &'static [&'static str],
    show: fn(&Value) -> String,
    /// For `--wide` alone.
    wide: bool,
}

const fn column(head: &'static str, places: &'static [&'static str]) -> Column {
    Column {
        head,
        places,
        show: cell,
        wide: false,
    }
}

const fn shown(head: &'static str, places: &'static [&'static str], show: fn(&Value) -> String) -> Column {
    Column {
        show,
        ..column(head, places)
    }
}

const fn wide(column: Column) -> Column {
    Column { wide: true, ..column }
}

/// Provider instances, in `plugins list` and in `status`.
const INSTANCES: [Column; 21] = [
    column("name", &["/name"]),
    column("kind", &["/kind"]),
    column("life", &["/life"]),
    column("health", &["/health/state"]),
    shown("checked", &["/health/checked_ms"], ago),
    shown("breaker", &["/traffic/breaker", "/breaker"], breaker),
    column("in-flight", &["/traffic/in_flight", "/in_flight"]),
    column("failed", &["/traffic/failed"]),
    wide(column("answered", &["/traffic/answered"])),
    wide(column("refused", &["/traffic/refused"])),
    wide(column("abandoned", &["/traffic/abandoned"])),
    wide(column("waiting", &["/traffic/waiting", "/waiting"])),
    wide(column("limit", &["/traffic/limit", "/limit"])),
    // These stand there only where one is.
    shown("ejected", &["/traffic/ejected_for_ms", "/ejected_for_ms"], span),
    shown("share", &["/traffic/share", "/share"], part),
    shown("limited", &["/traffic/limited_for_ms", "/limited_for_ms"], span),
    wide(shown("quota", &["/rate_limits"], tightest)),
    wide(shown("for", &["/for_ms"], span)),
    wide(column("source", &["/source"])),
    wide(column("revision", &["/revision"])),
    shown(
        "last-error",
        &["/problem", "/config/why", "/health/why", "/traffic/last_failure"],
        error,
    ),
];

/// The instances in `status`.
pub const STATUS: TableView = TableView {
    rows: "/providers",
    columns: &INSTANCES,
    empty: "no provider instance is configured",
    has_facts: true,
    ..PLAIN
};

/// `plugins list`.
pub const PLUGINS: TableView = TableView {
    rows: "/plugins",
    ..STATUS
};

/// `breakers list`.
pub const BREAKERS: TableView = TableView {
    rows: "/breakers",
    columns: &[
        column("name", &["/name"]),
        column("part", &["/part"]),
        shown("state", &[""], breaker),
        column("failures", &["/consecutive_failures"]),
        column("openings", &["/openings"]),
        shown("retry-in", &["/retry_in_ms"], span),
        wide(column("window", &["/window/calls"])),
        wide(column("failed", &["/window/failed"])),
        wide(column("slow", &["/window/slow"])),
    ],
    empty: "no circuit breaker: no provider instance is configured",
    ..PLAIN
};

/// `quotas`.
pub const QUOTAS: TableView = TableView {
    rows: "/tenants",
    columns: &[
        column("tenant", &["/tenant"]),
        column("in-flight", &["/in_flight"]),
        column("max", &["/max_in_flight"]),
        column("remaining", &["/remaining"]),
        column("admitted", &["/admitted"]),
        column("refused", &["/refused"]),
    ],
    empty: "no tenant has called lately",
    ..PLAIN
};

/// `credits`.
pub const CREDITS: TableView = TableView {
    rows: "/credits",
    columns: &[
        column("provider", &["/provider"]),
        column("unit", &["/unit"]),
        column("left", &["/left"]),
        column("amount", &["/amount"]),
        column("spent-here", &["/spent"]),
        column("leased-here", &["/leased"]),
        column("new-at", &["/ends"]),
        column("hard", &["/hard"]),
    ],
    empty: "no provider has credits",
    ..PLAIN
};

/// `shadows`.
pub const SHADOWS: TableView = TableView {
    rows: "/shadows",
    columns: &[
        column("route", &["/route"]),
        column("name", &["/name"]),
        column("calls", &["/calls"]),
        column("same", &["/same"]),
        column("different", &["/different"]),
        column("percent", &["/different_percent"]),
    ],
    empty: "no route is in shadow",
    ..PLAIN
};

/// `calls`.
pub const CALLS: TableView = TableView {
    rows: "/calls",
    columns: &[
        shown("for", &["/for_ms"], span),
        column("operation", &["/operation"]),
        column("phase", &["/phase"]),
        column("provider", &["/provider"]),
        column("attempts", &["/attempts"]),
        column("tenant", &["/tenant"]),
        column("id", &["/id"]),
    ],
    empty: "no call is in flight",
    below: Some(("the last that ended", &FINISHED)),
    ..PLAIN
};

/// The calls that ended last, below those in flight.
const FINISHED: TableView = TableView {
    rows: "/finished",
    columns: &[
        shown("ended", &["/at_unix_ms"], since_unix),
        column("code", &["/code"]),
        shown("took", &["/took_ms"], span),
        column("operation", &["/operation"]),
        column("provider", &["/provider"]),
        column("cache", &["/cache"]),
        column("attempts", &["/attempts"]),
        column("tenant", &["/tenant"]),
        column("id", &["/id"]),
    ],
    empty: "none that memory did not serve",
    most: 20,
    ..PLAIN
};

/// `keys list`.
pub const KEYS: TableView = TableView {
    rows: "/keys",
    columns: &[
        column("state", &["/state"]),
        column("key", &["/key"]),
        column("tenant", &["/tenant"]),
        column("operation", &["/operation"]),
        shown("age", &["/age_ms"], span),
        column("expires", &["/expires_at"]),
    ],
    empty: "no such idempotency key is remembered",
    ..PLAIN
};

/// `ledger`.
pub const LEDGER: TableView = TableView {
    rows: "/entries",
    columns: &[
        shown("when", &["/at_unix_ms"], since_unix),
        column("path", &["/path"]),
        column("why", &["/why"]),
        column("action", &["/action"]),
        wide(shown("backoff", &["/backoff_ms"], span)),
        wide(column("left", &["/budget_left"])),
        wide(column("generation", &["/generation"])),
        column("during", &["/during"]),
        column("text", &["/text"]),
    ],
    empty: "nothing was restarted",
    ..PLAIN
};

/// `audit`.
pub const AUDIT: TableView = TableView {
    rows: "/entries",
    columns: &[
        shown("when", &["/at"], since_text),
        column("who", &["/identity"]),
        column("action", &["/action"]),
        column("target", &["/target"]),
        column("outcome", &["/outcome"]),
        wide(column("actors", &["/detail/actors"])),
        wide(column("calls", &["/detail/calls_in_flight"])),
        wide(column("seq", &["/seq"])),
        column("why", &["/detail/reason"]),
    ],
    empty: "nothing was ordered",
    fold: Some(orders),
    ..PLAIN
};

/// A table's heads and rows.
pub struct Laid<'a> {
    /// The columns that are filled.
    pub heads: Vec<&'static str>,
    /// What is ill stands first.
    pub rows: Vec<LaidRow<'a>>,
}

/// A row of one.
pub struct LaidRow<'a> {
    /// A cell for each head.
    pub cells: Vec<String>,
    /// 0 for what is out of service, 1 for what is ill or on its way, 2 for the rest.
    pub wellness: u8,
    /// What it is made of.
    pub source: &'a Value,
}

/// How a table is to be shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// With all of its columns.
    pub wide: bool,
    /// With at most so many rows.
    pub most: Option<usize>,
}

/// One row an order: an order is recorded before it is done and after, newest first, and the first record tells no more
/// than the second. One that has no second is under way, or its process ended with it.
fn orders(rows: Vec<&Value>) -> Vec<&Value> {
    let order =
        |row: &Value| ["/identity", "/action", "/target", "/detail/reason"].map(|place| row.pointer(place).cloned());
    let mut ended = Vec::new();
    rows.into_iter()
        .filter(|row| {
            let order = order(row);
            let is_begun = row.pointer("/outcome").is_some_and(|outcome| outcome == "begun");
            match ended.iter().position(|other| *other == order) {
                Some(second) if is_begun => {
                    ended.swap_remove(second);
                    false
                }
                _ => {
                    if !is_begun {
                        ended.push(order);
                    }
                    true
                }
            }
        })
        .collect()
}

impl TableView {
    /// The table of a document, or the sentence for an empty one; `None` where the document has no such rows.
    pub fn render(&self, document: &Value, how: &Shown, screen: &Screen) -> Option<Result<String, &'static str>> {
        let own = self.own(document, how, screen)?;
        let below = self.below.and_then(|(title, view)| {
            let table = view.own(document, how, screen)?;
            Some(format!("\n\n{title}:\n{}", table.unwrap_or_else(str::to_owned)))
        });
        Some(match below {
            Some(below) => Ok(own.unwrap_or_else(str::to_owned) + &below),
            None => own,
        })
    }

    fn own(&self, document: &Value, how: &Shown, screen: &Screen) -> Option<Result<String, &'static str>> {
        let laid = self.laid(document, how)?;
        if laid.rows.is_empty() {
            return Some(Err(self.empty));
        }
        let heads: Vec<String> = laid.heads.iter().map(|&head| head.to_owned()).collect();
        let cells = laid.rows.into_iter().map(|row| row.cells).collect();
        Some(Ok(render::grid(&heads, cells, screen)))
    }

    /// The table of a document before it is drawn, without what stands below it; `None` where the document has no such rows.
    pub fn laid<'a>(&self, document: &'a Value, how: &Shown) -> Option<Laid<'a>> {
        let mut rows: Vec<&Value> = document.pointer(self.rows)?.as_array()?.iter().collect();
        if let Some(fold) = self.fold {
            rows = fold(rows);
        }
        let most = how.most.or((self.most > 0).then_some(self.most));
        rows.truncate(most.unwrap_or(usize::MAX));
        // A stable sort: the rest stays in the server's order.
        rows.sort_by_key(|row| wellness(row));
        let columns = self.columns.iter().filter(|column| how.wide || !column.wide);
        let columns: Vec<&Column> = columns
            .filter(|column| rows.iter().any(|row| !column.of(row).is_empty()))
            .collect();
        let row = |row: &'a Value| LaidRow {
            cells: columns.iter().map(|column| column.of(row)).collect(),
            wellness: wellness(row),
            source: row,
        };
        Some(Laid {
            heads: columns.iter().map(|column| column.head).collect(),
            rows: rows.into_iter().map(row).collect(),
        })
    }

    /// What to say where there is no row.
    pub const fn empty(&self) -> &'static str {
        self.empty
    }

    /// So many rows of the document make one row here, at most.
    pub fn folds(&self) -> u32 {
        if self.fold.is_some() { 2 } else { 1 }
    }

    /// The name of the rows in the document.
    pub fn member(&self) -> &'static str {
        self.rows.trim_start_matches('/')
    }
}

impl Column {
    fn of(&self, row: &Value) -> String {
        let mut filled = self.places.iter().filter_map(|place| row.pointer(place));
        filled.find(|value| !value.is_null()).map(self.show).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
