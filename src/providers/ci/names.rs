//! Names in sentences: those of steps, of parameters and of their choices. Pure.
//!
//! Invariant: a sentence stays one line however many names there are and whatever they hold, and says how many it leaves
//! out.

use crate::catalogue::event::line;

/// The most names that a sentence holds.
const MOST: usize = 20;
/// The most bytes of one of them.
const LONGEST: usize = 64;
/// What stands for a name of which nothing can be shown.
const NAMELESS: &str = "(nameless)";

/// One name.
pub fn shown(name: &str) -> String {
    line(name, LONGEST).unwrap_or_else(|| NAMELESS.to_owned())
}

/// All of them, as far as a sentence holds them.
pub fn listed<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let mut names = names.into_iter();
    let told: Vec<String> = names.by_ref().take(MOST).map(|name| shown(name.as_ref())).collect();
    let told = told.join(", ");
    match names.count() {
        0 => told,
        left => format!("{told} and {left} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_stays_a_line() {
        assert_eq!(listed(["a", "b\n\u{202e}c"]), "a, bc");
        assert_eq!(listed(Vec::<String>::new()), "");
        let many = listed((0..25).map(|n| n.to_string()));
        assert!(many.ends_with("19 and 5 more"), "{many}");
        assert!(listed(["x".repeat(9_999), "\n".to_owned()]).len() < 2 * LONGEST);
    }
}
