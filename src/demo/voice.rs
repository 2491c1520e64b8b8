//! How the story is told: to people, or as JSON lines.
//!
//! Invariant: each fact of the story is one line in either form.

use serde_json::json;

use super::say;

/// Tells the story on stdout.
pub(super) struct Voice {
    /// An object a line.
    pub(super) json: bool,
}

impl Voice {
    /// A chapter begins.
    pub(super) fn chapter(&self, number: u32, title: &str) {
        match self.json {
            true => say(&json!({ "chapter": number, "title": title }).to_string()),
            false => say(&format!("\n{number}. {title}")),
        }
    }

    /// Something that was seen.
    pub(super) fn line(&self, text: &str) {
        match self.json {
            true => say(&json!({ "line": text.trim() }).to_string()),
            false => say(text),
        }
    }
}
