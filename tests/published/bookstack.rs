//! The requests that the driver of BookStack makes, against its routes and its published examples.
//!
//! Invariant: the number of checks is asserted, so that none passes by not being made.

use crate::upstream::cells::cells;
use crate::upstream::specs;

/// Requests of BookStack that the table of operations lacks, as its source has them.
const BOOKSTACK_LACKS: [&str; 5] = [
    "GET /attachments",
    "GET /attachments/{id}",
    "GET /comments/{id}",
    "GET /recycle-bin",
    "GET /system",
];
/// Golden requests of BookStack that are looked up there.
const BOOKSTACK_REQUESTS: usize = 126;
/// Those of them whose fields are held to a published example.
const BOOKSTACK_BODIES: usize = 18;

#[test]
fn golden_requests_of_bookstack_are_known_routes_and_their_fields_published() {
    let Some(folder) = specs::folder() else { return };
    let table = std::fs::read_to_string(folder.join("operation-catalogue.tsv")).expect("the table");
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("docs.")?.split_once("\tBS\t"));
    let rows = rows.filter_map(|(_, rest)| rest.split('\t').next()).map(str::to_owned);
    let known: Vec<String> = rows.chain(BOOKSTACK_LACKS.map(str::to_owned)).collect();
    let fits = |row: &String, asked: &str| {
        let (row, asked) = (row.split('/').collect::<Vec<_>>(), asked.split('/').collect::<Vec<_>>());
        let mut parts = row.iter().zip(&asked);
        row.len() == asked.len() && parts.all(|(part, asked)| part.starts_with('{') || part == asked)
    };
    let (mut checked, mut bodies) = (0, 0);
    for cell in cells().into_iter().filter(|cell| cell.kind == "bookstack") {
        for request in cell.read("request.json").as_array().expect("a list") {
            let text = |name: &str| request[name].as_str().expect("text");
            // All kinds of files are asked for alike.
            let path = text("path").replace("/export/pdf", "/export/html");
            let asked = format!("{} {path}", text("method"));
            assert!(known.iter().any(|row| fits(row, &asked)), "{}: {asked}", cell.name());
            checked += 1;
            let example = match (text("method"), path.split('/').nth(1)) {
                ("POST", Some("books")) => "books-create",
                ("POST", Some("pages")) => "pages-create",
                ("PUT", Some("pages")) => "pages-update",
                _ => continue,
            };
            let example = specs::read(&folder, &format!("bookstack-examples/requests/{example}.json"));
            for field in request["body"].as_object().expect("an object").keys() {
                // Each of these stands for the one in the example.
                let field = match field.as_str() {
                    "markdown" => "html",
                    "book_id" if example.get("book_id").is_none() => "chapter_id",
                    "chapter_id" if example.get("chapter_id").is_none() => "book_id",
                    "description" => "description_html",
                    field => field,
                };
                assert!(example.get(field).is_some(), "{}: {field}", cell.name());
            }
            bodies += 1;
        }
    }
    assert_eq!(
        (checked, bodies),
        (BOOKSTACK_REQUESTS, BOOKSTACK_BODIES),
        "a request was added or has vanished"
    );
}
