//! A page as Notion's own Markdown, which only the newest version has.
//!
//! Invariant: what is left out is named by its id, and stands in the text as a tag.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::IntoResponse;
use serde_json::json;

use super::gate::Version;
use super::input::uuid;
use super::problem::Problem;
use super::state::{Kind, Node, State as Store, plain};
use super::{Answer, Notion};

/// The most blocks of one text: Notion's own bound is higher.
const MOST: usize = 200;

pub(crate) async fn get(
    State(notion): State<Arc<Notion>>,
    Extension(version): Extension<Version>,
    Path(id): Path<String>,
) -> Answer {
    let id = uuid(&id, "page_id")?;
    if version < Version::Positions {
        return Err(Problem::invalid(
            "This endpoint requires Notion-Version 2026-03-11 or later.",
        ));
    }
    let store = notion.state();
    let node = store.node(&id).ok_or_else(|| Problem::not_found("page", &id))?;
    let mut text = Text::default();
    match &node.kind {
        Kind::Block(..) => text.block(&store, node, 0),
        _ => text.within(&store, &id, 0),
    }
    Ok(Json(
        json!({"object": "page_markdown", "id": id, "markdown": text.lines.join("\n"), "truncated": text.truncated,
        "unknown_block_ids": text.unknown}),
    )
    .into_response())
}

#[derive(Default)]
struct Text {
    lines: Vec<String>,
    unknown: Vec<String>,
    truncated: bool,
    blocks: usize,
}

impl Text {
    fn within(&mut self, store: &Store, id: &str, depth: usize) {
        for node in store.children(id) {
            if self.blocks >= MOST {
                // One tag for each that is left.
                self.truncated = true;
                self.unknown(node);
            } else {
                self.block(store, node, depth);
            }
        }
    }

    fn unknown(&mut self, node: &Node) {
        self.lines.push(format!("<unknown id=\"{}\"/>", node.id));
        self.unknown.push(node.id.clone());
    }

    fn block(&mut self, store: &Store, node: &Node, depth: usize) {
        self.blocks += 1;
        let indent = "\t".repeat(depth);
        let Kind::Block(kind, content) = &node.kind else {
            self.lines
                .push(format!("{indent}<page id=\"{}\">{}</page>", node.id, node.title()));
            return;
        };
        let words = plain(&content["rich_text"]);
        let line = match kind.as_str() {
            "heading_1" => format!("# {words}"),
            "heading_2" => format!("## {words}"),
            "heading_3" => format!("### {words}"),
            "bulleted_list_item" => format!("- {words}"),
            "numbered_list_item" => format!("1. {words}"),
            "to_do" if content["checked"] == true => format!("- [x] {words}"),
            "to_do" => format!("- [ ] {words}"),
            "quote" => format!("> {words}"),
            "divider" => "---".to_owned(),
            "code" => format!("```{}\n{words}\n```", content["language"].as_str().unwrap_or_default()),
            "callout" => format!("<callout>{words}</callout>"),
            "unsupported" => return self.unknown(node),
            _ => words,
        };
        self.lines.push(format!("{indent}{line}"));
        self.within(store, &node.id, depth + 1);
    }
}
