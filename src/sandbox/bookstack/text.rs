//! Text in its forms: escaped, bare, as a slug, and marked where a search found it.
//!
//! Invariant: marked text is escaped first, so that the marks are its only tags.

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#039;")
}

/// The text of some HTML: a line for each paragraph.
pub(crate) fn bare(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for c in html.replace("</p>", "\n\n</p>").chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#039;", "'")
        .replace("&amp;", "&");
    text.trim().to_owned()
}

pub(crate) fn slug(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Whether a word of `text` begins with one of `terms`, which are in lower case.
pub(crate) fn found(text: &str, terms: &[String]) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| begins(word, terms))
}

fn begins(word: &str, terms: &[String]) -> bool {
    let word = word.to_lowercase();
    terms.iter().any(|term| word.starts_with(term.as_str()))
}

/// Escaped text with `<strong>` around each word that begins with one of `terms`.
pub(crate) fn marked(text: &str, terms: &[String]) -> String {
    let words = text.split_inclusive(char::is_whitespace).map(|word| {
        let bare = word.trim_end();
        let space = &word[bare.len()..];
        match begins(bare.trim_start_matches(|c: char| !c.is_alphanumeric()), terms) {
            true => format!("<strong>{}</strong>{space}", escape(bare)),
            false => escape(word),
        }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_the_only_tags() {
        let terms = ["cat".to_owned()];
        assert_eq!(
            marked("<b> Cats & dogs", &terms),
            "&lt;b&gt; <strong>Cats</strong> &amp; dogs"
        );
        assert!(found("a Category", &terms) && !found("bobcat", &terms));
    }

    #[test]
    fn bare_text_has_no_tags() {
        assert_eq!(bare("<p>a &amp; <b>b</b></p><p>c</p>"), "a & b\n\nc");
        assert_eq!(bare(&escape("<&'\">")), "<&'\">");
        assert_eq!(slug("A page: written!"), "a-page-written");
    }
}
