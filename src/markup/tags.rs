//! The tags of a page, without reading it: what a parser would take for one, and nothing else.
//!
//! Invariant: what stands in comments and in values of attributes is no tag, and each byte is looked at a bounded number of
//! times.

/// The tags of a page: whether each closes, and its name as it is written.
pub struct Tags<'a>(pub &'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = (bool, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (_, rest) = self.0.split_once('<')?;
            if let Some(comment) = rest.strip_prefix("!--") {
                self.0 = behind_comment(comment);
                continue;
            }
            let (closes, tag) = match rest.strip_prefix('/') {
                Some(tag) => (true, tag),
                None => (false, rest),
            };
            if !tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
                // What looks like a declaration ends at the next bracket; all else is text.
                self.0 = match rest.starts_with(['!', '?', '/']) {
                    true => rest.split_once('>').map_or("", |(_, behind)| behind),
                    false => rest,
                };
                continue;
            }
            let end = tag.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            let (name, attributes) = tag.split_at(end.unwrap_or(tag.len()));
            self.0 = behind_attributes(attributes);
            return Some((closes, name));
        }
    }
}

/// What stands behind a comment that has begun.
fn behind_comment(text: &str) -> &str {
    // One that is over at once.
    if let Some(behind) = text.strip_prefix('>').or_else(|| text.strip_prefix("->")) {
        return behind;
    }
    let mut rest = text;
    while let Some((_, dashed)) = rest.split_once("--") {
        if let Some(behind) = dashed.strip_prefix('>').or_else(|| dashed.strip_prefix("!>")) {
            return behind;
        }
        // The second dash may be the first of the next two.
        rest = &rest[rest.len() - dashed.len() - 1..];
    }
    ""
}

/// What stands behind a tag's attributes.
fn behind_attributes(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(behind) = rest.strip_prefix('>') {
            return behind;
        }
        // A name may begin with what would end it later.
        let Some(first) = rest.chars().next().map(char::len_utf8) else {
            return rest;
        };
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>' | '=');
        let end = rest[first..].find(ends).map_or(rest.len(), |at| first + at);
        rest = rest[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let Some(value) = rest.strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
        rest = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).map_or("", |(_, behind)| behind),
            _ => {
                let ends = |c: char| c.is_ascii_whitespace() || c == '>';
                &value[value.find(ends).unwrap_or(value.len())..]
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(html: &str) -> Vec<String> {
        let mark = |closes| if closes { "/" } else { "" };
        Tags(html)
            .map(|(closes, name)| format!("{}{name}", mark(closes)))
            .collect()
    }

    #[test]
    fn what_stands_in_comments_and_attributes_is_no_tag() {
        for (html, expected) in [
            ("<p>a<br/>b</p>", &["p", "br", "/p"][..]),
            ("<p><!-- </p><b> --></p>", &["p", "/p"]),
            ("<p><!--></p><!---></p><!-- x --!></p>", &["p", "/p", "/p", "/p"]),
            ("<p><!-- a -- b --- ></p>", &["p"]),
            ("<a title=\"</a>\" b='>' c=d>x</a>", &["a", "/a"]),
            ("<a b=c\"d>e\"></a>", &["a", "/a"]),
            ("<a =\"x>y\"></a>", &["a", "/a"]),
            ("<!doctype html><?x </p>?></p> 1 < 2 </ p></p>", &["/p", "/p"]),
            ("<p", &["p"]),
            ("<p a='", &["p"]),
        ] {
            assert_eq!(names(html), expected, "{html}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_to_an_end(html in "[<>/!a='\" -]{0,80}|.{0,40}") {
            prop_assert!(names(&html).len() <= html.matches('<').count());
        }
    }
}
