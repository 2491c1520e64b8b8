//! JSON for people: lists as tables, objects as lines of name and value.
//!
//! Invariant: rendering follows the shape of the data and the order of its schema; it knows no operation.

mod cells;
mod columns;

use comfy_table::{ColumnConstraint, ContentArrangement, Row, Table, presets};
use serde_json::{Map, Value};

pub use cells::cell;
use cells::one_line;
use columns::{columns_of_rows, columns_of_schema, fitting};

use super::screen::{FAINT, Screen, clean};

/// Renders any document. `schema` is that of the document, where there is one.
pub fn document(value: &Value, schema: Option<&Value>, screen: &Screen) -> String {
    match value {
        Value::Object(object) => match object.get("items") {
            Some(Value::Array(rows)) => table_of(
                rows,
                schema.and_then(|schema| schema.pointer("/properties/items/items")),
                screen,
            ),
            _ => object_lines(object, schema, screen),
        },
        Value::Array(rows) => table_of(rows, schema.and_then(|schema| schema.get("items")), screen),
        scalar => cell(scalar),
    }
}

/// Every fact of an object in order, nested ones under a dotted name. Absent and empty ones are left out, and so are lists
/// of objects, which are tables.
pub fn facts(object: &Map<String, Value>) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for (name, value) in object {
        match value {
            // serde_json bounds the nesting of what it parses, and so this recursion.
            Value::Object(nested) => {
                let nested = self::facts(nested).into_iter();
                facts.extend(nested.map(|(below, text)| (format!("{name}.{below}"), text)));
            }
            value if cell(value).is_empty() || rows(value).is_some() => {}
            value => facts.push((name.clone(), cell(value))),
        }
    }
    facts
}

/// A table without lines; a cell that the terminal has no room for is cut.
pub fn table(columns: &[String], rows: Vec<Vec<String>>, screen: &Screen) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_truncation_indicator("…");
    if let Some(width) = screen.width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
    }
    let one_line = |cells: Vec<String>| {
        let mut row = Row::from(cells.iter().map(|text| short(text)).collect::<Vec<_>>());
        row.max_height(1);
        row
    };
    table.set_header(one_line(columns.iter().map(|name| name.to_uppercase()).collect()));
    table.add_rows(rows.into_iter().map(one_line));
    let widest = table.column_max_content_widths().first().copied().unwrap_or(0);
    if let Some(first) = table.column_mut(0) {
        first.set_padding((0, 1));
        // A name is what the next command needs: other cells are cut before it.
        if screen.width.is_none_or(|width| widest < width / 2) {
            first.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// The most characters of a cell, wherever it is read: a file in one is looked at with `--json`, and measuring it takes
/// minutes.
const LONGEST_CELL: usize = 1_000;

fn short(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST_CELL).map(|(end, _)| end);
    match end {
        Some(end) => format!("{}…", one_line(&text[..end])),
        None => one_line(text),
    }
}

/// The most characters of a cell between the first and the last on a terminal.
const WIDEST_CELL: usize = 40;

/// A table whose lines are cut at their ends: what stands first is never cut for what comes after it.
pub fn grid(columns: &[String], rows: Vec<Vec<String>>, screen: &Screen) -> String {
    let heads = columns.iter().map(|name| name.to_uppercase()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(heads)
        .chain(rows)
        .map(|row| one_line_each(row, screen))
        .collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let lines = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        screen.cut(line.trim_end())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn one_line_each(row: Vec<String>, screen: &Screen) -> Vec<String> {
    let last = row.len().saturating_sub(1);
    let short = |(place, cell): (usize, String)| {
        let cell = one_line(&cell);
        let whole = screen.width.is_none() || place == 0 || place == last || cell.chars().count() <= WIDEST_CELL;
        match whole {
            true => cell,
            false => cell.chars().take(WIDEST_CELL - 1).chain(['…']).collect(),
        }
    };
    row.into_iter().enumerate().map(short).collect()
}

fn object_lines(object: &Map<String, Value>, schema: Option<&Value>, screen: &Screen) -> String {
    let facts = facts(object);
    let widest = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = facts.into_iter().map(|(name, text)| {
        let name = screen.paint(FAINT, &format!("{name:widest$}"));
        let indent = format!("\n{:widest$}  ", "");
        format!("{name}  {}", clean(&text).trim_end().replace('\n', &indent))
    });
    let mut tables = vec![];
    nested_tables(object, schema, "", screen, &mut tables);
    lines.chain(tables).collect::<Vec<_>>().join("\n")
}

/// A table for each list of objects, those of nested objects under a dotted name.
fn nested_tables(
    object: &Map<String, Value>,
    schema: Option<&Value>,
    above: &str,
    screen: &Screen,
    tables: &mut Vec<String>,
) {
    for (name, value) in object {
        let schema = schema.and_then(|schema| schema.get("properties")?.get(name));
        let name = format!("{above}{name}");
        if let Some(rows) = rows(value) {
            let rows = table_of(rows, schema.and_then(|schema| schema.get("items")), screen);
            tables.push(format!("\n{}\n{rows}", screen.paint(FAINT, &format!("{name}:"))));
        } else if let Value::Object(nested) = value {
            nested_tables(nested, schema, &format!("{name}."), screen, tables);
        }
    }
}

/// The rows of a value that is a list of objects.
fn rows(value: &Value) -> Option<&Vec<Value>> {
    value
        .as_array()
        .filter(|rows| rows.first().is_some_and(Value::is_object))
}

fn table_of(rows: &[Value], schema: Option<&Value>, screen: &Screen) -> String {
    let mut columns = schema.map_or_else(|| columns_of_rows(rows), columns_of_schema);
    columns.retain(|column| rows.iter().any(|row| !column.of(row).is_empty()));
    if let Some(width) = screen.width.filter(|_| !columns.is_empty()) {
        columns = fitting(columns, rows, usize::from(width));
    }
    if columns.is_empty() {
        return rows.iter().map(cell).collect::<Vec<_>>().join("\n");
    }
    let heads: Vec<String> = columns.iter().map(|column| column.head.clone()).collect();
    let cells = |row| columns.iter().map(|column| column.of(row)).collect();
    table(&heads, rows.iter().map(cells).collect(), screen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalogue::find;

    fn shown(value: Value, width: Option<u16>) -> String {
        let screen = Screen {
            width,
            ..Screen::default()
        };
        document(&value, None, &screen)
    }

    #[test]
    fn an_object_is_lines_in_its_own_order() {
        let value = json!({"name": "api", "owner": null, "archived": false, "usage": {"input_tokens": 3},
            "labels": ["a", "b"], "body": "one\ntwo\u{1b}"});
        assert_eq!(
            shown(value, None),
            "name                api\narchived            no\nusage.input_tokens  3\nlabels              a, b\n\
             body                one\n                    two\u{fffd}"
        );
    }

    #[test]
    fn the_steps_of_jobs_are_in_their_table_where_there_are_any() {
        let schema = find("cicd.run.jobs").expect("an operation").output_schema.as_value();
        let screen = Screen::default();
        let job = |steps: Value| json!({"items": [{"id": "1", "name": "lint", "status": "failure", "raw_status": "failure", "steps": steps}]});
        let steps = json!([{"id": "2", "name": "clone", "status": "success"}, {"id": "3", "name": "lint", "status": "failure"}]);
        let shown = document(&job(steps), Some(schema), &screen);
        assert!(
            shown.contains("STEPS") && shown.contains("clone (success), lint (failure)"),
            "{shown}"
        );
        let none = document(&job(json!([])), Some(schema), &screen);
        assert!(!none.contains("STEPS"), "{none}");
    }

    #[test]
    fn a_list_of_objects_within_an_object_is_a_table() {
        let value = json!({"ready": true, "providers": [{"name": "a", "state": "running"}, {"name": "b"}]});
        assert_eq!(
            shown(value, None),
            "ready  yes\n\nproviders:\nNAME  STATE\na     running\nb"
        );
    }

    #[test]
    fn lists_within_an_output_have_the_columns_of_their_schema_and_no_file_in_a_cell() {
        let schema = find("git.compare").expect("an operation").output_schema.as_value();
        let patch = "+line\n".repeat(200_000);
        let files = json!([{"path": "a.txt", "change": "modified", "additions": 3, "patch": patch}]);
        let compared = json!({"base": "main", "head": "x", "commits": [], "files": files, "incomplete": false});
        let seen = document(&compared, Some(schema), &Screen::default());
        assert!(
            seen.contains("files:\nPATH") && seen.contains("a.txt") && !seen.contains("+line"),
            "{seen}"
        );
        // Also where no schema says what a column holds.
        assert!(shown(json!([{"path": "a.txt", "patch": patch}]), None).len() < 3 * LONGEST_CELL);
        let nested = json!({"run": {"id": "r", "steps": [{"id": "1", "name": "test"}]}});
        assert_eq!(shown(nested, None), "run.id  r\n\nrun.steps:\nID  NAME\n1   test");
    }

    #[test]
    fn columns_are_what_every_row_has_in_the_order_of_the_schema() {
        let schema = find("projects.issue.list")
            .expect("an operation")
            .output_schema
            .as_value();
        let items = schema.pointer("/properties/items/items").expect("a page");
        let heads: Vec<String> = columns_of_schema(items).into_iter().map(|column| column.head).collect();
        assert_eq!(
            heads,
            [
                "id",
                "number",
                "title",
                "state",
                "labels",
                "assignees",
                "locked",
                "comments",
                "provider"
            ]
        );
    }

    #[test]
    fn a_list_shows_what_eyes_look_for() {
        let heads = |operation: &str, row: Value| {
            let schema = find(operation).expect("an operation").output_schema.as_value();
            let seen = document(&json!({"items": [row]}), Some(schema), &Screen::default());
            let heads = seen.lines().next().unwrap_or_default().to_lowercase();
            heads.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let ada = json!({"login": "ada"});
        for (operation, row, wanted) in [
            (
                "projects.board.items",
                json!({"id": "i", "kind": "issue", "title": "t", "state": "open", "column": "Doing"}),
                &["title", "state", "column"][..],
            ),
            (
                "cicd.queue.list",
                json!({"id": "1", "project": "a/b", "name": "build", "status": "queued", "reason": "why", "since": "s",
                    "run": "ci~a/b#1"}),
                &["project", "name", "run", "status", "reason", "since"],
            ),
            (
                "cicd.run.list",
                json!({"id": "ci~a/b#1", "project": "a/b", "status": "success", "raw_status": "s", "pipeline": "p",
                    "title": "t", "event": "push", "branch": "main", "author": ada, "started_at": "s"}),
                &["pipeline", "title", "event", "branch", "author", "started_at"],
            ),
            (
                "git.pr.comments",
                json!({"id": "1", "body": "b", "author": ada, "created_at": "c"}),
                &["body", "author", "created_at"],
            ),
            (
                "projects.comment.list",
                json!({"id": "1", "body": "b", "author": ada, "created_at": "c"}),
                &["body", "author", "created_at"],
            ),
            (
                "git.commit.list",
                json!({"sha": "f", "message": "m", "author": ada, "authored_at": "t"}),
                &["sha", "message", "author", "authored_at"],
            ),
            (
                "git.pr.list",
                json!({"id": "f~a/b#1", "number": 1, "title": "t", "state": "open", "author": ada,
                    "head": {"branch": "fix", "sha": "s"}, "base": {"branch": "main"}}),
                &["number", "title", "state", "author", "head", "base"],
            ),
            (
                "git.release.list",
                json!({"tag": "v1", "name": "One", "published_at": "t"}),
                &["tag", "name", "published_at"],
            ),
            (
                "cicd.pipeline.list",
                json!({"id": "ci~a/b#x.yml", "project": "a/b", "key": "x.yml", "name": "X", "enabled": true}),
                &["key", "name"],
            ),
            (
                "ai.models.list",
                json!({"id": "m~x", "name": "x",
                    "known": {"work": "chat", "usd_per_million": {"standard": {"input": 1.5, "output": 6}}}}),
                &["name", "usd_in", "usd_out"],
            ),
            (
                "docs.user.list",
                json!({"id": "1", "login": "ada", "name": "Ada", "email": "ada@h"}),
                &["id", "login", "name", "email"],
            ),
        ] {
            let seen = heads(operation, row);
            for head in wanted {
                assert!(seen.iter().any(|seen| seen == head), "{operation} {head}: {seen:?}");
            }
        }
    }

    #[test]
    fn a_verdict_names_the_harms_that_it_found() {
        let schema = find("ai.moderation.create")
            .expect("an operation")
            .output_schema
            .as_value();
        let judged = |name: &str, flagged: bool| json!({"harm": "violence", "name": name, "flagged": flagged});
        let told = json!({"flagged": true, "verdicts": [
            {"flagged": true, "categories": [judged("violence", true), judged("hate", false), judged("threat", true)]},
            {"flagged": false, "categories": [judged("violence", false)]}]});
        let seen = document(&told, Some(schema), &Screen::default());
        assert!(seen.contains("violence and threat") && seen.contains("none"), "{seen}");
        assert!(!seen.contains("hate"), "{seen}");
    }

    #[test]
    fn a_narrow_table_leaves_out_what_is_told_twice_and_keeps_titles_readable() {
        let repo = |name: &str, branch: &str| {
            json!({"id": format!("forge-a~acme/{name}"), "name": name, "path": format!("acme/{name}"), "owner": "acme",
                "default_branch": branch, "private": false, "archived": false})
        };
        let rows = json!([repo("api", "main"), repo("website", "trunk")]);
        let wide = shown(rows.clone(), Some(200));
        assert!(wide.contains("OWNER") && wide.contains("PATH"), "{wide}");
        let narrow = shown(rows.clone(), Some(60));
        for gone in ["NAME", "PATH", "OWNER"] {
            assert!(!narrow.contains(gone), "{gone}: {narrow}");
        }
        assert!(
            narrow.contains("forge-a~acme/website") && narrow.contains("trunk"),
            "{narrow}"
        );
        assert!(
            shown(rows, None).contains("OWNER"),
            "nothing is left out of what is no terminal"
        );

        let issue = |number: u32, title: &str| {
            json!({"id": format!("forge-a~acme/api#{number}"), "number": number, "title": title, "state": "open",
                "labels": ["bug", "urgent"], "assignees": ["ada", "kim"], "locked": false, "comments": 3})
        };
        let rows = json!([
            issue(1, "The gate does not close"),
            issue(2, "The build fails on Mondays")
        ]);
        let narrow = shown(rows, Some(60));
        assert!(
            narrow.contains("The gate does not") && narrow.contains("open"),
            "{narrow}"
        );
        assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    }

    #[test]
    fn cells_are_cut_at_the_terminals_width_and_nowhere_else() {
        let long = "x".repeat(200);
        let rows = json!([{"id": "a~1", "title": long}]);
        assert!(shown(rows.clone(), None).contains(&long));
        let cut = shown(rows, Some(40));
        assert!(cut.lines().all(|line| line.chars().count() <= 40), "{cut}");
        assert!(cut.contains('…') && cut.contains("a~1"), "{cut}");
    }
}
