//! CommonMark's own examples through Notion: written as a page of the sandbox's, read again, and rendered.
//!
//! Invariant: an example renders as before, white space apart, or is in the table of what is lost, and the answer names it.

use serde_json::json;

use crate::round_trips::{examples_there, hold_table, normal, rendered};
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
        &[39, 148, 173],
    ),
];

/// Where README's table begins and ends.
const MARKS: (&str, &str) = (
    "<!-- the round trips of notion: UPDATE_README=1 cargo test --test drivers notion_markdown -->\n",
    "<!-- the end of the round trips of notion -->\n",
);

#[tokio::test]
async fn every_example_of_commonmark_comes_back_or_is_known_to_be_lost() {
    let Some(examples) = examples_there() else { return };
    let notion = Through::started("notion", "sandbox-one", |server| {
        server.requests_per_window = Some(1_000_000)
    })
    .await;
    assert_eq!(examples.len(), 652, "another release of the examples");
    let home = notion.ask("docs.search", json!({"query": "Handbook"})).await;
    let (mut lost, mut silent, mut sections) = (vec![], vec![], vec![]);
    for (at, example) in examples.iter().enumerate() {
        let page = json!({"parent": home["items"][0]["id"], "title": format!("Example {}", at + 1),
            "body": example.markdown});
        let created = notion.ask("docs.page.create", page).await;
        let read = notion.ask("docs.page.get", json!({"page": created["id"]})).await;
        assert_eq!(read["body"], created["body"], "example {}", at + 1);
        let body = read["body"].as_str().expect("a text");
        let (before, after) = (normal(&example.html), normal(&rendered(body)));
        let same = before == after;
        // Whatever is shown otherwise is named, and nothing else is.
        if same == created.get("lost").is_some() {
            let told = &created["lost"];
            silent.push(format!(
                "{}: {told}\n{}\n{body}\n{before}\n{after}",
                at + 1,
                example.markdown
            ));
        }
        if !same {
            lost.push(at + 1);
        }
        sections.push((example.section.as_str(), same));
    }
    assert!(
        silent.is_empty(),
        "{} are changed in silence, or named for nothing:\n{}",
        silent.len(),
        silent.join("\n---\n")
    );
    let mut known: Vec<usize> = LOST.iter().flat_map(|(_, examples)| examples.iter().copied()).collect();
    known.sort_unstable();
    assert_eq!(lost, known);
    hold_table(MARKS, &table(&sections));
}

/// How many examples of each section come back, and what of the others is lost.
fn table(examples: &[(&str, bool)]) -> String {
    let mut text = "\n| section | as it was | lost, and named |\n|---|--:|--:|\n".to_owned();
    let mut rest = examples;
    let mut line = |name: &str, of: &[(&str, bool)]| {
        let same = of.iter().filter(|(_, same)| *same).count();
        text += &format!("| {name} | {same} | {} |\n", of.len() - same);
    };
    while let Some((name, _)) = rest.first() {
        let end = rest
            .iter()
            .position(|(section, _)| section != name)
            .unwrap_or(rest.len());
        line(name, &rest[..end]);
        rest = &rest[end..];
    }
    line("all", examples);
    text += "\n| what is lost | examples |\n|---|--:|\n";
    for (what, examples) in LOST {
        text += &format!("| {what} | {} |\n", examples.len());
    }
    text + "\n"
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
