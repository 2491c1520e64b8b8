//! Markdown through a page of BookStack and back: every example of CommonMark's own specification.
//!
//! Invariant: what does not come back is in the table of README, which is made here.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use html5ever::serialize::{SerializeOpts, TraversalScope, serialize};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, QualName, local_name, ns, parse_fragment};
use markup5ever_rcdom::{Handle, NodeData, RcDom, SerializableHandle};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::driver::Driver;
use pulldown_cmark::{Event, Options, Parser, html};
use serde_json::{Value, json};

use crate::tools::tool;
use crate::upstream::{self, TOKEN, connection, driver};

/// Names the folder of Node's programs; the specification lies in the packages that hold it.
const NODE_TOOLS: &str = "MOSAIC_NODE_TOOLS";
/// Where README's table begins and ends.
const BEGIN: &str = "<!-- the round trips: UPDATE_README=1 cargo test --test drivers round_trips -->\n";
const END: &str = "<!-- the end of the round trips -->\n";
/// White space at the edges of its only line is not shown.
const ALIKE: &str = "<a href=\"foo\">\n*bar*\n</a>\n";
/// What stands between a text and the next.
const FENCE: &str = "````````````````````````````````";

/// An example of the specification.
pub struct Example {
    pub section: String,
    pub markdown: String,
    pub html: String,
}

/// The examples, where they are.
pub fn examples_there() -> Option<Vec<Example>> {
    let file = tool(NODE_TOOLS)?.join("../commonmark-spec/spec.txt");
    let all = examples(&fs::read_to_string(&file).expect("the specification"));
    assert!(all.len() > 600, "{}", all.len());
    Some(all)
}

fn examples(text: &str) -> Vec<Example> {
    let mut found = vec![];
    let mut section = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&format!("{FENCE} example\n")) {
        if let Some(line) = before.lines().rfind(|line| line.starts_with("## ")) {
            section = line[3..].to_owned();
        }
        let (example, behind) = after.split_once(&format!("{FENCE}\n")).expect("its end");
        let example = format!("\n{}", example.replace('→', "\t"));
        let (markdown, html) = example.split_once("\n.\n").expect("both sides");
        found.push(Example {
            section: section.clone(),
            markdown: markdown.trim_start_matches('\n').to_owned(),
            html: html.to_owned(),
        });
        rest = behind;
    }
    found
}

pub fn rendered(markdown: &str) -> String {
    let mut made = String::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    html::push_html(&mut made, Parser::new_ext(markdown, options));
    made
}

fn holds_html(markdown: &str) -> bool {
    let mut events = Parser::new(markdown);
    events.any(|event| matches!(event, Event::Html(_) | Event::InlineHtml(_)))
}

/// The elements that stand on lines of their own.
const BLOCKS: [&str; 30] = [
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "details",
    "dir",
    "div",
    "dl",
    "dt",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "iframe",
    "li",
    "ol",
    "p",
    "pre",
    "script",
    "section",
    "style",
    "table",
    "td",
    "textarea",
    "ul",
];

fn written(node: &Handle) -> String {
    let mut bytes = vec![];
    let options = SerializeOpts {
        traversal_scope: TraversalScope::IncludeNode,
        ..SerializeOpts::default()
    };
    serialize(&mut bytes, &SerializableHandle::from(node.clone()), options).expect("in memory");
    String::from_utf8(bytes).expect("UTF-8")
}

/// HTML as a parser reads it; what stands between blocks is a paragraph.
fn parsed(html: &str) -> String {
    let context = QualName::new(None, ns!(html), local_name!("body"));
    // What parts lists that would be one says nothing.
    let html = html.replace("<!-- -->", "");
    let dom = parse_fragment(RcDom::default(), ParseOpts::default(), context, vec![], true).one(html.trim());
    let root = dom.document.children.borrow()[0].clone();
    let (mut text, mut between) = (String::new(), String::new());
    let end = |between: &mut String| match std::mem::take(between) {
        blank if blank.trim().is_empty() => String::new(),
        inline => format!("<p>{inline}</p>"),
    };
    for node in root.children.borrow().iter() {
        let block = match &node.data {
            NodeData::Element { name, .. } => BLOCKS.contains(&&*name.local),
            NodeData::Comment { .. } => between.is_empty(),
            _ => false,
        };
        if block {
            text += &end(&mut between);
            text += &written(node);
        } else {
            between += &written(node);
        }
    }
    text + &end(&mut between)
}

/// The same with white space in one form, and without the ids that BookStack makes (B2).
pub fn normal(html: &str) -> String {
    let text = parsed(html);
    let mut normal = String::new();
    let (mut rest, mut preformatted) = (text.as_str(), false);
    while !rest.is_empty() {
        let tag = rest.starts_with('<');
        let end = match tag {
            true => rest.find('>').map_or(rest.len(), |end| end + 1),
            false => rest.find('<').unwrap_or(rest.len()),
        };
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        if tag {
            preformatted = match piece {
                _ if piece.starts_with("<pre") => true,
                "</pre>" => false,
                _ => preformatted,
            };
            normal += &without_generated(piece);
        } else if preformatted {
            normal += piece;
        } else {
            spaced(&mut normal, piece);
        }
    }
    // White space beside what stands on lines of its own is not shown, and neither is a code's last line break.
    for block in BLOCKS.iter().chain(&["br", "tr", "tbody", "th", "thead"]) {
        for end in [format!("<{block}>"), format!("</{block}>")] {
            normal = normal
                .replace(&format!(" {end}"), &end)
                .replace(&format!("{end} "), &end);
        }
    }
    normal.replace("\n</code></pre>", "</code></pre>").trim().to_owned()
}

fn spaced(normal: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' if normal.ends_with(' ') => {}
            ' ' | '\t' | '\n' | '\r' => normal.push(' '),
            c => normal.push(c),
        }
    }
}

/// Without a generated id; of two names of the same, one.
fn without_generated(tag: &str) -> String {
    let tag = match tag {
        "<b>" => "<strong>",
        "</b>" => "</strong>",
        "<i>" => "<em>",
        "</i>" => "</em>",
        tag => tag,
    };
    match tag.split_once(" id=\"bkmrk-") {
        Some((before, behind)) => format!("{before}{}", behind.split_once('"').map_or("", |(_, behind)| behind)),
        None => tag.to_owned(),
    }
}

async fn start() -> (Sandbox, Arc<dyn Driver>) {
    let mut server = ServerConfig::new("docs-a", "bookstack", TOKEN);
    server.requests_per_window = Some(1_000_000);
    let sandbox = Sandbox::start(SandboxConfig { servers: vec![server] })
        .await
        .expect("started");
    let driver = driver("bookstack", &connection(sandbox.servers()[0].base_url())).expect("connected");
    (sandbox, driver)
}

async fn at(driver: &Arc<dyn Driver>, operation: &str, input: Value) -> Value {
    let call = upstream::call(operation, input, false).expect("a sound input");
    let answer = driver.clone().call(Arc::new(call)).await.expect(operation);
    let (value, failure) = upstream::whole(answer).await;
    assert!(failure.is_none(), "{failure:?}");
    value
}

/// A new page with this text, read as Markdown.
async fn back(driver: &Arc<dyn Driver>, body: &str, format: &str) -> Value {
    let input = json!({"parent": "book/1", "title": "T", "body": body, "format": format});
    let made = at(driver, "docs.page.create", input).await;
    at(driver, "docs.page.get", json!({"page": made["id"]})).await
}

/// What became of the examples of a section.
#[derive(Default)]
struct Tally {
    markdown: usize,
    html: usize,
    lost: usize,
}

#[tokio::test]
async fn every_example_of_commonmark_comes_back() {
    let Some(examples) = examples_there() else { return };
    let (_sandbox, driver) = start().await;
    let mut sections: Vec<String> = vec![];
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut wrong = vec![];
    for example in &examples {
        if !sections.contains(&example.section) {
            sections.push(example.section.clone());
        }
        // A page without text is none there.
        if example.html.trim().is_empty() || example.markdown.trim().is_empty() {
            continue;
        }
        let kept = back(&driver, &example.markdown, "markdown").await;
        assert_eq!(kept["body"], example.markdown, "a page in Markdown is kept as it is");
        let read = back(&driver, example.html.trim(), "html").await;
        let body = read["body"].as_str().expect("a text");
        let same = example.html == ALIKE || normal(&rendered(body)) == normal(&example.html);
        let named = read.get("lost").is_some();
        if same == named {
            wrong.push(format!(
                "{}: {named}\n{}\n{body}\n{}\n{}",
                example.section,
                example.html,
                normal(&rendered(body)),
                normal(&example.html)
            ));
        }
        let tally = tallies.entry(example.section.clone()).or_default();
        match (named, holds_html(body) && !holds_html(&example.markdown)) {
            (true, _) => tally.lost += 1,
            (false, true) => tally.html += 1,
            (false, false) => tally.markdown += 1,
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are changed in silence, or named for nothing:\n{}",
        wrong.len(),
        wrong.join("\n---\n")
    );
    hold_table((BEGIN, END), &table(&sections, &tallies));
}

fn table(sections: &[String], tallies: &BTreeMap<String, Tally>) -> String {
    let mut text = "\n| section | Markdown | HTML in it | lost |\n|---|--:|--:|--:|\n".to_owned();
    let mut all = Tally::default();
    let mut line = |name: &str, tally: &Tally| {
        writeln!(
            text,
            "| {name} | {} | {} | {} |",
            tally.markdown, tally.html, tally.lost
        )
        .expect("in memory");
    };
    for section in sections {
        let Some(tally) = tallies.get(section) else { continue };
        line(section, tally);
        all.markdown += tally.markdown;
        all.html += tally.html;
        all.lost += tally.lost;
    }
    line("all", &all);
    text + "\n"
}

/// Holds README's table between these marks to what it is now.
pub fn hold_table((begin, end): (&str, &str), now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).expect("README");
    let (before, rest) = readme.split_once(begin).expect("its begin");
    let (table, after) = rest.split_once(end).expect("its end");
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{begin}{now}{end}{after}")).expect("written");
    } else {
        assert!(table == now, "UPDATE_README=1 writes it anew:\n{now}");
    }
}

#[tokio::test]
async fn b3_what_bookstack_reads_otherwise_passes_untouched() {
    let (_sandbox, driver) = start().await;
    let include = "Before {{@12}} and {{@12#bkmrk-a_b_c}} after";
    assert_eq!(back(&driver, include, "markdown").await["body"], include);
    let html = format!("<p>{include}</p>");
    assert_eq!(back(&driver, &html, "html").await["body"], include);
    let table = "<table style=\"width: 100%\"><tbody><tr><td>{{@12#bkmrk-a_b_c}}</td></tr></tbody></table>";
    let read = back(&driver, table, "html").await;
    assert_eq!(normal(read["body"].as_str().expect("a text")), normal(table));
}
