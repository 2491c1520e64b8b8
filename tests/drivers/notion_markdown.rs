//! CommonMark's own examples through Notion: written as a page of the sandbox's, read again, and rendered.
//!
//! Invariant: an example renders as before, white space apart, or is in the table of what is lost.

use std::path::PathBuf;

use pulldown_cmark::{Options, Parser, html};
use serde_json::json;

use crate::through::Through;

/// What is lost, and the numbers of the examples that show it. The driver's own documentation has the same lines.
const LOST: [(&str, &[usize]); 7] = [
    (
        "blank lines between the items of a list",
        &[5, 109, 264, 270, 271, 300, 306, 311, 313, 314, 315, 317, 321, 326],
    ),
    ("where a list ends and another of its kind begins", &[301, 302]),
    // N31: items have no numbers of their own.
    ("the number that a list begins with", &[265, 267, 268, 296, 297, 299]),
    ("headings below the third level", &[62, 72]),
    ("the order of emphases and links around the same words", &[168, 433]),
    (
        "emphasis within the same emphasis",
        &[
            369, 373, 389, 407, 408, 409, 417, 418, 419, 425, 426, 427, 432, 461, 463, 464, 465, 466, 468,
        ],
    ),
    (
        "line ends that are written as characters, and HTML that never ends",
        &[39, 173],
    ),
];

/// Where the examples are; none where they may be absent.
fn examples() -> Option<String> {
    let tools = std::env::var_os("MOSAIC_NODE_TOOLS").map(PathBuf::from);
    let file = tools.and_then(|tools| Some(tools.parent()?.join("commonmark-spec/spec.txt")));
    let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    if text.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CommonMark's examples are required under CI: MOSAIC_NODE_TOOLS leads to none"
        );
        eprintln!("ROUND TRIPS NOT RUN: CommonMark's examples are absent");
    }
    text
}

/// The inputs of the examples, in order.
fn inputs(spec: &str) -> Vec<String> {
    let fence = "`".repeat(32);
    let begin = format!("{fence} example");
    let mut lines = spec.lines();
    let mut inputs = vec![];
    while let Some(line) = lines.next() {
        if line == begin {
            let input: Vec<&str> = lines.by_ref().take_while(|line| *line != ".").collect();
            inputs.push(input.join("\n").replace('→', "\t") + "\n");
            lines.by_ref().find(|line| *line == fence);
        }
    }
    inputs
}

/// As it looks: white space is one space, and none between tags.
fn rendered(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut text = String::new();
    html::push_html(&mut text, Parser::new_ext(markdown, options));
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace("> <", "><")
}

#[tokio::test]
async fn every_example_of_commonmark_comes_back_or_is_known_to_be_lost() {
    let Some(spec) = examples() else { return };
    let notion = Through::started("notion", "sandbox-one", |server| {
        server.requests_per_window = Some(1_000_000)
    })
    .await;
    let inputs = inputs(&spec);
    assert_eq!(inputs.len(), 652, "another release of the examples");
    let home = notion.ask("docs.search", json!({"query": "Handbook"})).await;
    let mut lost = vec![];
    for (at, input) in inputs.iter().enumerate() {
        let page = json!({"parent": home["items"][0]["id"], "title": format!("Example {}", at + 1), "body": input});
        let created = notion.ask("docs.page.create", page).await;
        let read = notion.ask("docs.page.get", json!({"page": created["id"]})).await;
        assert_eq!(read["body"], created["body"], "example {}", at + 1);
        if rendered(input) != rendered(read["body"].as_str().expect("a text")) {
            lost.push(at + 1);
        }
    }
    let mut known: Vec<usize> = LOST.iter().flat_map(|(_, examples)| examples.iter().copied()).collect();
    known.sort_unstable();
    assert_eq!(lost, known);
}

/// The driver's documentation lists the same.
#[test]
fn what_is_lost_is_documented() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("src/providers/notion/markdown/mod.rs")).expect("the driver");
    for (what, _) in LOST {
        assert!(text.contains(&format!("//! | {what} |")), "{what}");
    }
}
