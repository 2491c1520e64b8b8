//! HTML in one form, to be compared by.
//!
//! Invariant: two fragments of one form are shown alike and link alike; white space counts where it is shown alone.

use markup5ever_rcdom::{Handle, NodeData};

use super::dom;

/// The elements that stand on lines of their own.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "caption",
    "center",
    "colgroup",
    "dd",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "iframe",
    "legend",
    "li",
    "main",
    "menu",
    "nav",
    "ol",
    "optgroup",
    "option",
    "p",
    "pre",
    "script",
    "section",
    "style",
    "summary",
    "table",
    "tbody",
    "td",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "tr",
    "ul",
];

/// What the texts between blocks are parted by where Markdown would join them.
pub(super) const SEPARATOR: &str = "<!-- -->";

/// Whether an element stands on lines of its own.
pub(super) fn is_block(node: &Handle) -> bool {
    dom::tag(node).is_some_and(|tag| BLOCKS.contains(&tag))
}

/// The form of a fragment, without the ids that begin with `generated`. What is too deep to be read stands for itself.
pub fn canonical(html: &str, generated: &str) -> String {
    match dom::nodes(html) {
        Some(nodes) => of_nodes(&nodes, generated),
        None => html.to_owned(),
    }
}

/// The form of some nodes.
pub(super) fn of_nodes(nodes: &[Handle], generated: &str) -> String {
    let mut form = Form {
        text: String::new(),
        generated,
        preformatted: 0,
        space: false,
        fresh: true,
    };
    for node in nodes {
        form.node(node);
    }
    form.text
}

/// How many images a fragment shows.
pub fn images(html: &str) -> usize {
    let mut count = 0;
    for node in dom::nodes(html).unwrap_or_default() {
        dom::each(&node, &mut |node| {
            let shown = dom::tag(node) == Some("img") && dom::attribute(node, "src").is_some_and(|src| !src.is_empty());
            count += usize::from(shown);
        });
    }
    count
}

struct Form<'a> {
    text: String,
    generated: &'a str,
    /// How many elements that keep white space are open.
    preformatted: usize,
    /// White space has come, and is written before what comes next on the same line.
    space: bool,
    /// Nothing stands on this line yet.
    fresh: bool,
}

impl Form<'_> {
    fn node(&mut self, node: &Handle) {
        match &node.data {
            NodeData::Text { contents } => self.run(&contents.borrow()),
            NodeData::Element { .. } => self.element(node),
            NodeData::Comment { contents } if contents.trim().is_empty() => {}
            NodeData::Comment { contents } => {
                self.text += &format!("<!--{}-->", contents.trim());
            }
            _ => {}
        }
    }

    fn run(&mut self, text: &str) {
        if self.preformatted > 0 {
            self.text += &escape(text);
            self.fresh = false;
            return;
        }
        for c in text.chars() {
            match c {
                ' ' | '\t' | '\n' | '\r' | '\u{c}' => self.space = true,
                c => {
                    self.gap();
                    let mut buffer = [0; 4];
                    self.text += &escape(c.encode_utf8(&mut buffer));
                    self.fresh = false;
                }
            }
        }
    }

    /// Writes the space that is due.
    fn gap(&mut self) {
        if std::mem::take(&mut self.space) && !self.fresh {
            self.text.push(' ');
        }
    }

    /// Ends a line: white space at its ends is not shown.
    fn line(&mut self) {
        self.space = false;
        self.fresh = true;
    }

    fn element(&mut self, node: &Handle) {
        let tag = match dom::tag(node).unwrap_or_default() {
            // The same, told apart by nobody who looks.
            "strike" | "s" => "del",
            "b" => "strong",
            "i" => "em",
            tag => tag,
        };
        let block = is_block(node);
        match block || tag == "br" {
            true => self.line(),
            false => self.gap(),
        }
        self.text += &format!("<{tag}{}>", self.attributes(node));
        // White space in code is shown.
        if matches!(tag, "img" | "input" | "code") {
            self.fresh = false;
        }
        let keeps = matches!(tag, "pre" | "textarea" | "script" | "style");
        self.preformatted += usize::from(keeps);
        let coded = self.preformatted > 0 && matches!(tag, "pre" | "code");
        for child in node.children.borrow().iter() {
            self.node(child);
        }
        // The last line of code is ended, or not.
        if coded && self.text.ends_with('\n') {
            self.text.pop();
        }
        self.preformatted -= usize::from(keeps);
        match tag {
            "code" => self.gap(),
            _ if block => self.line(),
            _ => {}
        }
        self.text += &format!("</{tag}>");
    }

    fn attributes(&self, node: &Handle) -> String {
        let NodeData::Element { attrs, .. } = &node.data else {
            return String::new();
        };
        let attrs = attrs.borrow();
        let kept = attrs.iter().filter(|attr| {
            let own = !self.generated.is_empty() && attr.value.starts_with(self.generated);
            match &*attr.name.local {
                "id" => !own,
                "start" => &*attr.value != "1",
                _ => true,
            }
        });
        let mut written: Vec<String> = kept
            .map(|attr| {
                format!(
                    " {}=\"{}\"",
                    attr.name.local,
                    escape(&value(&attr.name.local, &attr.value))
                )
            })
            .collect();
        written.sort();
        written.concat()
    }
}

/// Alignment is an attribute or a style.
fn value(name: &str, value: &str) -> String {
    match name {
        "style" => value.trim().trim_end_matches(';').replace(": ", ":"),
        _ => value.to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
