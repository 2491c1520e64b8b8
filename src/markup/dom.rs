//! HTML as a tree.
//!
//! Invariant: what is parsed is parsed soon, and what is deeper than [`DEEPEST`] is not walked by anything that recurses.

use html5ever::serialize::{SerializeOpts, TraversalScope, serialize};
use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, QualName, local_name, ns, parse_fragment};
use markup5ever_rcdom::{Handle, NodeData, RcDom, SerializableHandle};

use super::tags::Tags;

/// The deepest tree that is walked by recursion.
const DEEPEST: usize = 100;
/// The most tags that may be open at once where HTML is parsed: the parser looks through them for each that comes.
const MOST_OPEN: usize = 1_000;
/// The most elements that may be made of tags that nobody closes: the parser opens them anew in each paragraph.
const MOST_REOPENED: usize = 1_000_000;
/// Elements without an end.
const VOID: [&str; 9] = ["area", "br", "col", "embed", "hr", "img", "input", "source", "wbr"];

/// Whether parsing would take longer than anybody's page does.
fn is_heavy(html: &str) -> bool {
    let (mut open, mut tags) = (Vec::new(), 0_usize);
    for (closes, name) in Tags(html) {
        if VOID.contains(&name) {
            continue;
        }
        tags += 1;
        match closes {
            true if open.last() == Some(&name) => drop(open.pop()),
            true => {}
            false => open.push(name),
        }
        if open.len() > MOST_OPEN {
            return true;
        }
    }
    open.len().saturating_mul(tags) > MOST_REOPENED
}

/// Reads a fragment of a page's body: its nodes, in order. `None`: it is deeper than anybody writes.
pub fn nodes(html: &str) -> Option<Vec<Handle>> {
    if is_heavy(html) {
        return None;
    }
    let context = QualName::new(None, ns!(html), local_name!("body"));
    let dom = parse_fragment(RcDom::default(), ParseOpts::default(), context, vec![], true).one(html);
    // The fragment stands below a root of the parser's own.
    let root = dom.document.children.borrow().first().cloned()?;
    let mut level: Vec<Handle> = vec![root.clone()];
    for _ in 0..DEEPEST {
        level = level.iter().flat_map(|node| node.children.borrow().clone()).collect();
        if level.is_empty() {
            return Some(root.children.take());
        }
    }
    None
}

/// What an element is called; of anything else nothing.
pub fn tag(node: &Handle) -> Option<&str> {
    match &node.data {
        NodeData::Element { name, .. } => Some(&name.local),
        _ => None,
    }
}

/// The value of an attribute.
pub fn attribute(node: &Handle, wanted: &str) -> Option<String> {
    let NodeData::Element { attrs, .. } = &node.data else {
        return None;
    };
    let attrs = attrs.borrow();
    let found = attrs.iter().find(|attr| &*attr.name.local == wanted);
    found.map(|attr| attr.value.to_string())
}

/// Visits a node and all below it, outer ones first.
pub fn each(node: &Handle, visit: &mut impl FnMut(&Handle)) {
    visit(node);
    for child in node.children.borrow().iter() {
        each(child, visit);
    }
}

/// Writes a node as HTML.
pub fn html(node: &Handle) -> String {
    let options = SerializeOpts {
        traversal_scope: TraversalScope::IncludeNode,
        ..SerializeOpts::default()
    };
    let mut bytes = vec![];
    // Writing into memory does not fail.
    let written = serialize(&mut bytes, &SerializableHandle::from(node.clone()), options);
    debug_assert!(written.is_ok(), "{written:?}");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_to_parse_is_not_parsed() {
        for (html, heavy) in [
            ("<div>".repeat(1_001), true),
            ("<p>a<br>b</p>".repeat(10_000), false),
            ("<b a=1></x>".repeat(1_001), true),
            (format!("{}{}", "<b>".repeat(100), "<p></p>".repeat(10_000)), true),
            (format!("{}{}", "<b>".repeat(10), "<p></p>".repeat(1_000)), false),
            ("a < b".to_owned(), false),
        ] {
            assert_eq!(is_heavy(&html), heavy, "{}", &html[..5]);
        }
    }
}
